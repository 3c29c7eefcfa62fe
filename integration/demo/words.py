"""What the demo says, in Chinese and in English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from schemas.findings import FindingKind

#: Chinese, English.
Words = tuple[str, str]

CHECKS: Final[Mapping[str, Words]] = {
    "steps": (
        "{} 个步骤都按剧情结束（状态与笔数）",
        "{} steps all ended as the story has it, state and counts",
    ),
    "rows": (
        "{} 个文件：各行结果之和等于文件行数",
        "{} files: the outcomes of rows add up to the rows of the file",
    ),
    "ledger": (
        "{} 批次后台账与事实逐户、逐月、逐户号一致（{} 笔）",
        "after run {} the ledger is the truth, key by key and place by place ({} keys)",
    ),
    "again": ("{} 个月各重算一次，均无新入账", "{} months computed once more: nothing posted"),
    "full": ("{} 全量重算，无新入账", "{} recomputed in full: nothing posted"),
    "list_signed": (
        "{} 份名单：签名、摘要与前后衔接均有效",
        "{} lists: signature, digests and the chain of manifests hold",
    ),
    "list_rows": (
        "{} 行名单与台账逐行一致，无一行不应享受",
        "{} list rows are the ledger's, row by row; none for anybody not due",
    ),
    "list_privacy": (
        "{} 个姓名、身份证号、地址、证件号均未出现在 {} 个名单文件中",
        "none of {} names, ID and certificate numbers, addresses stands in any of {} list files",
    ),
    "findings_then": (
        "{} 次回盘、核对之后，未结差异恰为当时所埋",
        "after each of {} reports and reconciliations the open findings were those planted by then",
    ),
    "findings": (
        "未结差异恰为所埋 {} 项：类别、月份、家庭、账单、量与金额、由谁处理逐项一致",
        "the open findings are the {} planted ones, by kind, month, household, bill, stake and who acts; no other",
    ),
    "closed": ("{} 项差异经补报、更正后已关闭", "{} findings are closed by what came later"),
    "balance": (
        "各公司各月：名单所列 = 应抵 + 失效 + 待账单 + 有码不减 + 未答复，各部分与演示自算一致",
        "for every company and month listed = drawn + lapsed + awaiting + refused + unanswered, each part as counted",
    ),
    "draws": (
        "{} 行有效回盘：应抵与所报的量与金额合计与演示自算一致",
        "{} report rows in force: due and reported, litres and fen, come to the demo's own sums",
    ),
    "judged_again": (
        "全部账单重判：无一户、无一项差异变动",
        "every bill judged again: no household, no finding changed",
    ),
    "settled": (
        "{} 份结算单（其中调整 {} 份）：签名、编号、前后衔接有效，各项合计与演示自算一致",
        "{} settlements, {} of them adjustments: signed, numbered, chained; each total is the demo's own sum",
    ),
    "report_privacy": (
        "{} 个姓名、身份证号、地址、证件号均未出现在回盘各行与 {} 个结算文件中",
        "none of {} names, ID and certificate numbers, addresses stands in report rows or any of {} settlement files",
    ),
    "audit": (
        "审计树、检查点与各批次内容核验无误（{} 份清单作证）",
        "the audit's tree, checkpoints and effects verify ({} manifests as witnesses)",
    ),
    "database_privacy": (
        "{} 个姓名、身份证号、地址、证件号均未以明文出现在数据库字节中",
        "none of {} names, ID and certificate numbers, addresses stands in the database's bytes",
    ),
}

STATES: Final[Mapping[str, Words]] = {
    "refused": ("拒收", "refused"),
    "held": ("暂存，候两人决定", "held for two persons"),
    "duplicate": ("重复报文，不再生效", "the same message again: no effect"),
}

REASONS: Final[Mapping[str, Words]] = {
    "shared": ("与另一户共用户号，待人工确认", "shares an account with another household, a person must confirm"),
    "contested": ("成员在更早的证件中已享受", "a member stands in an older certificate"),
    "ended": ("原户号已销户，新户号未知", "the account was closed and no other is known"),
    "unmatched": ("未找到可确认的户号", "no account could be found that is surely theirs"),
}

LIMITS: Final[Mapping[str, Words]] = {
    "ends": ("将有 {number} 户终止（共 {base} 户）", "{number} of {base} households would end"),
    "ends_district": ("{district} 将有 {number} 户终止（共 {base} 户）", "{number} of {base} would end in {district}"),
    "district_absent": ("{district} 整区 {base} 户缺失", "district {district} with {base} households is missing"),
    "additions": ("将新增 {number} 户（原 {base} 户）", "{number} would be added to {base} households"),
    "additions_district": (
        "{district} 将新增 {number} 户（原 {base} 户）", "{number} would be added to {base} in {district}",
    ),
    "changes": ("将变更 {number} 户（共 {base} 户）", "{number} of {base} households would change"),
    "contradictions": (
        "{district} 有 {number} 户与此前的变更不符",
        "of {number} in {district} it says otherwise than deltas before it",
    ),
    "rejected": ("{base} 行中退回 {number} 行", "{number} of {base} rows were rejected"),
}  # fmt: skip

TEXTS: Final[Mapping[str, Words]] = {
    "title": (
        "减免枢纽演示：{} 户持证家庭，用户档案 {} 户",
        "Fee-waiver hub demo: {} certificate households, {} accounts in the rosters",
    ),
    "generating": ("造城写报文", "city and files"),
    "roster": ("收档案", "rosters"),
    "registry": ("收登记", "registry"),
    "aliases": ("收换号", "renumberings"),
    "link": ("关联", "linking"),
    "run": ("计算", "runs"),
    "publish": ("出名单", "lists"),
    "reject": ("决定", "decisions"),
    "approve": ("放行", "releases"),
    "report": ("收回盘", "reports"),
    "reconcile": ("核对", "reconciling"),
    "settle": ("结算", "settling"),
    "building": ("造城", "building the city"),
    "writing": ("写各方报文", "writing what the partners send"),
    "playing": ("演示", "playing"),
    "checking": ("核对", "checking"),
    "recomputing": ("全量重算", "full recomputation"),
    "months": ("各月台账", "The ledger by month"),
    "month": ("月份", "month"),
    "entitled": ("应享户数", "households due"),
    "due_water": ("应减水量 m³", "due water m³"),
    "due_gas": ("应减气量 m³", "due gas m³"),
    "placed": ("已落户号 m³", "placed m³"),
    "none_yet": ("待落户 m³（户）", "none yet m³ (households)"),
    "retro": ("补发以前月份 m³（笔）", "RETRO m³ (rows)"),
    "move": ("转移（笔）", "MOVE (rows)"),
    "why": ("{} 待落户的原因（户·项）", "Why allowances of {} wait at “none yet” (household and service)"),
    "lists": ("给各公司的名单", "The lists to the companies"),
    "company": ("公司", "company"),
    "number": ("名单号", "list"),
    "quantity": ("合计 m³", "total m³"),
    "reported": ("应抵与所减（按公司与减免月份）", "Due and applied, by company and allowance month"),
    "listed": ("名单所列 m³", "listed m³"),
    "due_milli": ("应抵 m³", "due m³"),
    "applied_milli": ("所减 m³", "applied m³"),
    "differ_milli": ("差 m³", "differ m³"),
    "due_fen": ("应抵 ¥", "due ¥"),
    "applied_fen": ("所减 ¥", "applied ¥"),
    "differ_fen": ("差 ¥", "differ ¥"),
    "findings": ("未结差异（按公司与类别）", "Open findings, by company and kind"),
    "kind": ("类别", "kind"),
    "found": ("项", "findings"),
    "households": ("户", "households"),
    "stake_milli": ("争议 m³", "at stake m³"),
    "stake_fen": ("争议 ¥", "at stake ¥"),
    "acts": ("由谁处理", "who acts"),
    "settlements": ("结算单（按公司与回盘月；序号 0 以后为调整）", "Settlements by report month; n > 0 adjusts"),
    "report_month": ("回盘月", "report month"),
    "n": ("序号", "n"),
    "accepted_milli": ("认定 m³", "accepted m³"),
    "accepted_fen": ("认定 ¥", "accepted ¥"),
    "change_fen": ("本次 ¥", "this time ¥"),
    "over_fen": ("多减 ¥", "over ¥"),
    "short_fen": ("少减 ¥", "short ¥"),
    "open_items": ("未结事项", "open items"),
    "events": ("被拒收、暂存、搁置的", "What was refused, held or parked, and why"),
    "conflict": ("同一报文号、内容不同", "this message id was used for other content"),
    "rejected_by": ("两人决定：不予采用", "decided by two persons: it never takes effect"),
    "row_faults": ("{} 行：{}", "{} rows: {}"),
    "checks": ("自查", "The demo checks itself"),
    "more": ("……另有 {} 处", "… and {} more"),
    "times": ("用时", "Time"),
    "seconds": ("秒", "s"),
    "total": ("合计", "total"),
    "all_passed": ("全部 {} 项核对通过。", "All {} checks passed."),
    "some_failed": ("{} 项核对中有 {} 项不符。", "Of {} checks, {} failed."),
    "next": ("接下来可以试（命令可直接粘贴）", "What to try next (paste as it stands)"),
}  # fmt: skip

#: What disagrees, in a word or two.
FINDINGS: Final[Mapping[FindingKind, Words]] = {
    FindingKind.MISSING: ("漏报", "missing"),
    FindingKind.UNANSWERED: ("整月未报", "month not reported"),
    FindingKind.ANSWER_OPEN: ("答复未决", "answer open"),
    FindingKind.REFUSED: ("有码不减", "refused"),
    FindingKind.ANSWER_CONTRADICTS: ("结果码与数字不符", "answer contradicts"),
    FindingKind.CREDIT_MISSING: ("漏补减", "credit missing"),
    FindingKind.UNAUTHORISED: ("名单外减免", "unauthorised"),
    FindingKind.WRONG_MONTH: ("月份不符", "wrong month"),
    FindingKind.WRONG_ACCOUNT: ("户号不符", "wrong account"),
    FindingKind.REUSED_NUMBER: ("户号已归他人", "number of another by now"),
    FindingKind.WRONG_LIST: ("名单号不符", "wrong list"),
    FindingKind.CROSS_COMPANY: ("两公司重复减免", "two companies"),
    FindingKind.OVER_QUANTITY: ("多减量", "over, quantity"),
    FindingKind.UNDER_QUANTITY: ("少减量", "under, quantity"),
    FindingKind.OVER_AMOUNT: ("多减金额", "over, amount"),
    FindingKind.UNDER_AMOUNT: ("少减金额", "under, amount"),
    FindingKind.PRICE_UNKNOWN: ("价格未知", "price unknown"),
    FindingKind.TOTAL_NOT_SUM: ("金额不平", "total is not the sum"),
    FindingKind.DUPLICATE_ROW: ("重复行", "duplicate row"),
    FindingKind.OVER_CHARGE: ("优惠之和超应收", "reliefs over the charge"),
    FindingKind.PENALTY_NOT_REDUCED: ("违约金未重算", "penalty not reduced"),
    FindingKind.CREDIT_SWALLOWED: ("补减抵旧欠", "credit set against debts"),
    FindingKind.READING_BACKWARDS: ("止码小于起码", "reading backwards"),
    FindingKind.ACCUMULATOR_WRONG: ("年累计不衔接", "year's quantity wrong"),
    FindingKind.REVERSAL_WITHOUT_ORIGINAL: ("冲正无原账单", "reversal of no bill"),
    FindingKind.REVERSED_TWICE: ("重复冲正", "reversed twice"),
    FindingKind.GOOD_FAITH: ("善意", "good faith"),
}

HINTS: Final[Mapping[str, Words]] = {
    "status": ("枢纽现状", "where the hub stands"),
    "waiting": ("为什么这一户的额度还没有落到户号", "why this household's allowance has no account yet"),
    "retro": ("这一户为什么补发以前的月份", "why this household is given an earlier month"),
    "verify": ("像公司那样验名单", "verify a list as its company would"),
    "balance": ("名单所列额度的去向", "what became of every listed allowance"),
    "findings": ("未结差异：谁该处理、争议多少", "open findings: who must act, and what is at stake"),
    "finding": ("争议金额最大的一项", "the finding with the most at stake"),
    "report": ("一份回盘：逐行判定", "a report as it was judged, row by row"),
    "settlement": ("一份结算单", "a settlement"),
    "holds": ("被暂存的报文与两人的决定", "what was held, and what two persons decided"),
    "audit": ("核验审计", "verify the audit"),
    "dry_run": ("试算下个月，不入账", "compute the next month without posting it"),
    "run": (
        "以经办人身份再算本月：不会重复入账（口令在该文件，仅本人可读）",
        "compute the month again as the clerk; nothing is posted twice (the password stands in that file)",
    ),
    "client": (
        "让一家公司的系统进来（密钥只显示这一次），随后 waiverhub serve；接口见 docs/api.md",
        "let a company's system in (its secret is shown this once), for the API of: waiverhub serve (docs/api.md)",
    ),
}


def pick(words: Words, language: str) -> str:
    """Return the words in a language, ``zh`` or ``en``."""
    return words[language == "en"]


def side(text: str, language: str) -> str:
    """Return the half of a text that the hub wrote as ``中文 / English``."""
    chinese, slash, english = text.partition(" / ")
    return pick((chinese, english), language) if slash else text


def cubic(quantity_milli: int) -> str:
    """Write thousandths of a cubic metre as cubic metres."""
    whole, rest = divmod(abs(quantity_milli), 1000)
    text = f"{whole:,}" + (f".{rest:03d}".rstrip("0") if rest else "")
    return f"-{text}" if quantity_milli < 0 else text


def yuan(fen: int) -> str:
    """Write fen as yuan."""
    whole, rest = divmod(abs(fen), 100)
    return f"{'-' if fen < 0 else ''}{whole:,}.{rest:02d}"
