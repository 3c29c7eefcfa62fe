"""What the demo says, in Chinese and in English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

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

HINTS: Final[Mapping[str, Words]] = {
    "status": ("枢纽现状", "where the hub stands"),
    "waiting": ("为什么这一户的额度还没有落到户号", "why this household's allowance has no account yet"),
    "retro": ("这一户为什么补发以前的月份", "why this household is given an earlier month"),
    "verify": ("像公司那样验名单", "verify a list as its company would"),
    "holds": ("被暂存的报文与两人的决定", "what was held, and what two persons decided"),
    "audit": ("核验审计", "verify the audit"),
    "dry_run": ("试算下个月，不入账", "compute the next month without posting it"),
    "run": (
        "以经办人身份再算本月：不会重复入账（口令在该文件，仅本人可读）",
        "compute the month again as the clerk; nothing is posted twice (the password stands in that file)",
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
