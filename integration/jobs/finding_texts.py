"""The words of findings, in Chinese and in English: what disagrees, and what whoever must act should do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from schemas.findings import Acts, FindingKind, Lack, Measure
from schemas.reports import Answer

Words = tuple[str, str]

KINDS: Final[Mapping[FindingKind, Words]] = {
    FindingKind.MISSING: (
        "名单所列户未回盘：请补报账单或不减免的原因码",
        "listed, and not in the report: report the bill, or the code of why nothing applies",
    ),
    FindingKind.UNANSWERED: (
        "整月逾期未回盘：请报送该月回盘",
        "the whole month is overdue: send the month's report",
    ),
    FindingKind.ANSWER_OPEN: (
        "结果码待定或无法识别，不视为已减免：请给出确定的结果码",
        "held, or a code nobody knows; only an explicit success counts: answer with a decided code",
    ),
    FindingKind.REFUSED: (
        "公司以原因码答复不减免：请核对关联与户号",
        "the company answered with a reason why nothing applies: look at the link and the account",
    ),
    FindingKind.ANSWER_CONTRADICTS: (
        "结果码与数字不符：请更正其一",
        "the answer says something else than the figures: correct one of them",
    ),
    FindingKind.CREDIT_MISSING: (
        "补发月份应抵的旧账单未补减：请在下期账单补减",
        "earlier bills should have been credited for a back-dated allowance: credit them on the next bill",
    ),
    FindingKind.UNAUTHORISED: (
        "名单未列而已减免：不予结算，请冲正",
        "applied, and on no list: not settled; reverse it",
    ),
    FindingKind.WRONG_MONTH: (
        "账单月份不在名单内，或开单日不在回盘月内：请更正账单的月份或日期",
        "a month that is not listed, or a bill issued outside the report's month: correct the bill's months or its day",
    ),
    FindingKind.WRONG_ACCOUNT: (
        "户号与参考号不属同一用户：请核对户号",
        "the account number is not the reference's: look up the account",
    ),
    FindingKind.REUSED_NUMBER: (
        "户号已给新用户：旧关联应终止，请核对减免给了谁",
        "the number belongs to a new customer by now: find out who was relieved",
    ),
    FindingKind.WRONG_LIST: (
        "所依据的名单号未曾下发：请更正名单号",
        "it names a list that was never published: correct the list number",
    ),
    FindingKind.CROSS_COMPANY: (
        "同户同月已在另一公司减免：后一笔请冲正",
        "another company has relieved this household's month already: reverse the later one",
    ),
    FindingKind.OVER_QUANTITY: ("减免量多于应减：请冲减差量", "more was waived than was due: take the difference back"),
    FindingKind.UNDER_QUANTITY: ("减免量少于应减：请补减差量", "less was waived than was due: credit the difference"),
    FindingKind.OVER_AMOUNT: (
        "减免金额多于量价之积：请核对单价与金额单位",
        "the amount is more than quantity × price: check the price, and whether fen and yuan were mixed up",
    ),
    FindingKind.UNDER_AMOUNT: (
        "减免金额少于量价之积：请补减差额",
        "the amount is less than quantity × price: credit the difference",
    ),
    FindingKind.PRICE_UNKNOWN: (
        "价格版本未知：量已认定，金额待价格报备后核定",
        "the price version is unknown: the quantity counts, the amount waits for the tariff",
    ),
    FindingKind.TOTAL_NOT_SUM: (
        "减前、减免、减后金额不平：请更正",
        "charge before, waived and after do not add up: correct the row",
    ),
    FindingKind.OVER_CHARGE: (
        "各项减免之和超过应收：后用的减免请减到应收为止",
        "all programmes together relieve more than is charged: reduce the one that comes last",
    ),
    FindingKind.PENALTY_NOT_REDUCED: (
        "违约金未按减免后的本金重算：请重算并退差额",
        "the late-payment penalty is not that on the principal left: recompute it and credit the difference",
    ),
    FindingKind.CREDIT_SWALLOWED: (
        "补减款抵了旧欠：请退还并记入下期账单",
        "a credit was set against older debts: give it back on the next bill",
    ),
    FindingKind.READING_BACKWARDS: (
        "止码小于起码而未报用量：请报实际用量，不由读数推算",
        "the meter ended below its start and no quantity is told: report the quantity; none is made up",
    ),
    FindingKind.ACCUMULATOR_WRONG: (
        "年累计与上月账单不衔接：请核对减免水（气）量是否按政策计入",
        "the year's quantity does not follow from the last bill: see whether what was waived counts as the policy says",
    ),
    FindingKind.DUPLICATE_ROW: ("重复行，只计一次：请勿重复报送", "the row stands twice and counts once: send it once"),
    FindingKind.REVERSAL_WITHOUT_ORIGINAL: (
        "冲正找不到原账单：请注明原账单号",
        "a reversal or correction without its bill: name the bill it refers to",
    ),
    FindingKind.REVERSED_TWICE: ("同一账单冲正两次：只计一次", "the bill was reversed already: it counts once"),
    FindingKind.GOOD_FAITH: (
        "按当时名单减免，事后名单已变：公司与家庭均不追责，由主管认定费用",
        "applied by the list of its day, which later knowledge changed: nobody is charged; the supervisor bears it",
    ),
    FindingKind.UNDER_CLAIM: (
        "有权户连续数月未获减免：请按原因查明并补减",
        "entitled, and without any relief for months: find out why, and see that it is credited",
    ),
    FindingKind.ORPHAN_FLAG: (
        "公司档案标为低保户而名单未列：请查明标志来源（如分户复制），不应减免的请取消",
        "flagged as low-income in the roster, and on no list: find where it came from (a split copies it); take it off",
    ),
    FindingKind.FLAG_LOST: (
        "名单所列户号在公司档案中无低保标志（如合户丢失）：请补标志",
        "listed, and not flagged in the roster (a merge loses the flag): set it",
    ),
    FindingKind.FLAG_EXPIRED: (
        "名单所列户号的低保标志已过截止日：请延长",
        "listed, and the flag in the roster has run out: extend it",
    ),
    FindingKind.NOT_COLLECTED: (
        "名单已下发而逾期未领取：请领取并回执",
        "the list is published and was not collected in time: collect it and acknowledge it",
    ),
    FindingKind.NO_ROSTER: (
        "逾期未报用户档案：请报送完整档案",
        "no roster for too long: send a whole roster",
    ),
    FindingKind.VARIANCE: (
        "与上月相比变动达到限度：请说明原因",
        "differs from the month before by the limit or more: explain it",
    ),
}

REASONS: Final[Mapping[str, Words]] = {
    Lack.UNMATCHED: ("户号未认定", "no account is known"),
    Lack.REFUSED: ("公司以原因码答复不减免", "the company answered with a reason why nothing applies"),
    Lack.WITHHELD: ("已开账单而未减免", "billed, and nothing relieved"),
    Lack.SILENT: ("公司未答复", "the company said nothing"),
    Lack.NO_BILL: ("未出账或未购气（水）", "no bill, or no top-up"),
    Measure.HOUSEHOLDS: ("名单户数", "households listed"),
    Measure.LISTED: ("名单额度", "quantity listed"),
    Measure.APPLIED: ("已减数量", "quantity applied"),
    Measure.APPLIED_FEN: ("已减金额", "amount applied"),
}


def reason_words(reason: str) -> Words:
    """Return the words of a finding's reason; of a variance in one district, with the district."""
    word, _, district = reason.partition("@")
    chinese, english = REASONS[word]
    return (f"{chinese}（{district}）", f"{english} in {district}") if district else (chinese, english)


ACTS: Final[Mapping[Acts, Words]] = {
    Acts.COMPANY: ("公司", "company"),
    Acts.OFFICE: ("市帮扶办", "office"),
    Acts.CIVIL_AFFAIRS: ("民政局", "civil affairs"),
    Acts.SUPERVISOR: ("主管", "supervisor"),
}

ANSWERS: Final[Mapping[Answer, Words]] = {
    Answer.APPLIED: ("已减", "applied"),
    Answer.APPLIED_LT_CAP: ("已减，用量不足额度", "applied, less used than allowed"),
    Answer.APPLIED_DIFF_ACCT: ("已减，户号有别", "applied, the account number differs"),
    Answer.APPLIED_DIFF_HOLDER: ("已减，户名有别", "applied, the holder differs"),
    Answer.APPLIED_FLAT: ("按定额减", "applied on a flat basis"),
    Answer.ZERO_USAGE: ("零用量", "nothing used"),
    Answer.NO_BILL_DUE: ("非出账月", "no bill due"),
    Answer.NOT_CONNECTED: ("未开通", "not connected"),
    Answer.NOT_FOUND: ("查无此户", "not found"),
    Answer.NOT_OUR_CUSTOMER: ("非本公司用户", "not our customer"),
    Answer.CLOSED: ("已销户", "closed"),
    Answer.NON_DOMESTIC: ("非居民", "non-domestic"),
    Answer.DUP_ACCOUNT: ("一户多号", "another account of the household"),
    Answer.OPT_OUT: ("本人放弃", "opted out"),
    Answer.PREPAID_NO_PURCHASE: ("未购气（水）", "no top-up"),
    Answer.HELD: ("待定", "held"),
    Answer.REVERSED: ("已冲正", "reversed"),
    Answer.CORRECTED: ("已更正", "corrected"),
    Answer.UNKNOWN: ("无法识别", "unknown code"),
}
