"""What a company's answer, and an open disagreement, mean for the household, and what to do: no codes, no jargon."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from integration.jobs.explain_advice import NOTHING, Advice, Words
from schemas.findings import FindingKind
from schemas.reports import Answer

_OFFICE: Final[Words] = (
    "不必做什么，市帮扶办督促公司改正",
    "nothing needs to be done: the assistance office has the company correct it",
)
_KEEP_BILLS: Final[Words] = (
    "请保存账单；市帮扶办督促公司补上",
    "keep the bills; the assistance office has the company make it good",
)
_NOT_CHARGED: Final[Words] = ("不必做什么，不向家庭追收", "nothing needs to be done: the household is not charged")

ANSWERS: Final[Mapping[Answer, Advice]] = {
    Answer.APPLIED: Advice(("公司已减免", "the company has waived it"), NOTHING),
    Answer.APPLIED_LT_CAP: Advice(
        ("公司已减免；用量不足额度，按实际用量减", "the company has waived what was used, less than the allowance"),
        NOTHING,
    ),
    Answer.APPLIED_DIFF_ACCT: Advice(
        ("公司已减免，户号与名单不同", "the company has waived it, on another account number"),
        ("请核对账单上的户号，不对的告知市帮扶办", "check the account on the bill; tell the office if it is not yours"),
    ),
    Answer.APPLIED_DIFF_HOLDER: Advice(
        ("公司已减免，户名与登记不同", "the company has waived it; the account is in another name"),
        ("如需改户名，请带证件到公司办理", "to change the name, take the certificate to the company"),
    ),
    Answer.APPLIED_FLAT: Advice(
        ("无单独水（气）表，公司按定额减免", "there is no meter of its own: the company has waived a flat amount"),
        ("请向收费的物业或房东确认已转减", "ask whoever collects the money whether it was passed on"),
    ),
    Answer.ZERO_USAGE: Advice(("本期没有用量，没有可减的", "nothing was used: there is nothing to waive"), NOTHING),
    Answer.NO_BILL_DUE: Advice(
        ("本月不出账，额度并入下一张账单", "no bill is made out this month; the next bill uses the allowance"),
        NOTHING,
    ),
    Answer.NOT_CONNECTED: Advice(
        ("公司称该处未开通", "the company says that the place is not connected"),
        ("已开通的，请把缴费单交市帮扶办", "if it is connected, show a bill to the assistance office"),
    ),
    Answer.NOT_FOUND: Advice(
        ("公司称查无此户号", "the company says that there is no such account"),
        ("请把缴费单交社区或市帮扶办核对户号", "show a bill to the community or assistance office"),
    ),
    Answer.NOT_OUR_CUSTOMER: Advice(
        ("公司称不是其用户", "the company says that this is another company's customer"),
        ("请把缴费单交社区或市帮扶办核对公司", "show a bill to the community or assistance office"),
    ),
    Answer.CLOSED: Advice(
        ("公司称户号已销户", "the company says that the account is closed"),
        ("搬家的，请把新住处的缴费单交社区登记", "after a move, take a bill of the new home to the community office"),
    ),
    Answer.NON_DOMESTIC: Advice(
        ("公司称户号不是居民用户", "the company says that the account is not domestic"),
        (
            "确系居住的，请带房产证或租房合同到公司改为居民用户，并告知市帮扶办",
            "if people live there, have the company change it to domestic with the deed or lease, and tell the office",
        ),
    ),
    Answer.DUP_ACCOUNT: Advice(
        ("公司称本户另有户号在享受", "the company says that another account of the household has it already"),
        (
            "一户只减一处；户号不对的告知市帮扶办",
            "one account has it; if it is the wrong one, tell the assistance office",
        ),
    ),
    Answer.OPT_OUT: Advice(
        ("公司称本人放弃减免", "the company says that the household wants none"),
        ("没有放弃的，请告知市帮扶办", "if that is not so, tell the assistance office"),
    ),
    Answer.PREPAID_NO_PURCHASE: Advice(
        ("本月没有购气（水）", "nothing was topped up this month"),
        ("请按时购气（水），下次购买时减免", "top up in time: the next purchase uses it"),
    ),
    Answer.HELD: Advice(
        ("公司还在核实，没有定论（不是拒绝）", "the company is still looking into it; this is no refusal"), _KEEP_BILLS
    ),
    Answer.REVERSED: Advice(
        ("原账单已冲正", "the bill was cancelled"), ("请看重开的账单", "look at the bill made anew")
    ),
    Answer.CORRECTED: Advice(("账单已更正", "the bill was corrected"), NOTHING),
    Answer.UNKNOWN: Advice(
        ("公司的答复看不明白（不是拒绝）", "the company's answer cannot be understood; this is no refusal"), _KEEP_BILLS
    ),
}

FINDINGS: Final[Mapping[FindingKind, Advice]] = {
    FindingKind.MISSING: Advice(
        ("公司的报送中没有本户", "the company's report says nothing of this household"), _KEEP_BILLS
    ),
    FindingKind.UNANSWERED: Advice(("公司逾期未报送", "the company's report is overdue"), _KEEP_BILLS),
    FindingKind.ANSWER_OPEN: Advice(("公司的答复没有定论", "the company's answer decides nothing"), _KEEP_BILLS),
    FindingKind.REFUSED: Advice(
        ("公司答复不能减免", "the company answered that it applies nothing"),
        (
            "由市帮扶办核对户号；请备好缴费单",
            "the assistance office looks at the account; have a bill at hand",
        ),
    ),
    FindingKind.ANSWER_CONTRADICTS: Advice(
        ("公司的答复与账单数字不一致", "the company's answer and its figures disagree"), _OFFICE
    ),
    FindingKind.CREDIT_MISSING: Advice(
        ("以前月份应补减的还没有补", "what is owed for earlier months was not credited"), _KEEP_BILLS
    ),
    FindingKind.UNAUTHORISED: Advice(
        ("公司减免了名单以外的月份或户号", "the company waived something that no list names"), _NOT_CHARGED
    ),
    FindingKind.WRONG_MONTH: Advice(("账单的月份或日期不对", "the bill's months or its day are wrong"), _OFFICE),
    FindingKind.WRONG_ACCOUNT: Advice(
        ("公司报送的户号不是本户的", "the account in the report is not this household's"),
        ("请核对账单上的户号，不对的告知市帮扶办", "check the account on the bill; tell the office if it is not yours"),
    ),
    FindingKind.REUSED_NUMBER: Advice(
        ("原户号已给了新用户", "the account number belongs to a new customer by now"),
        ("请把现住处的缴费单交社区登记", "take a bill of the present home to the community office"),
    ),
    FindingKind.WRONG_LIST: Advice(
        ("公司依据的名单号有误", "the company names a list that was never published"), _OFFICE
    ),
    FindingKind.CROSS_COMPANY: Advice(("两家公司都减了同一个月", "two companies waived the same month"), _NOT_CHARGED),
    FindingKind.OVER_QUANTITY: Advice(("公司多减了", "the company waived more than was due"), _NOT_CHARGED),
    FindingKind.UNDER_QUANTITY: Advice(("公司少减了", "the company waived less than was due"), _KEEP_BILLS),
    FindingKind.OVER_AMOUNT: Advice(
        ("减免金额算多了", "the amount waived is more than quantity and price give"), _NOT_CHARGED
    ),
    FindingKind.UNDER_AMOUNT: Advice(
        ("减免金额算少了", "the amount waived is less than quantity and price give"), _KEEP_BILLS
    ),
    FindingKind.PRICE_UNKNOWN: Advice(
        (
            "公司的价格还没有报备，数量已认定，金额待定",
            "the company's price is not on file: the quantity counts, the amount is open",
        ),
        _KEEP_BILLS,
    ),
    FindingKind.TOTAL_NOT_SUM: Advice(("账单金额加不平", "the bill's amounts do not add up"), _OFFICE),
    FindingKind.DUPLICATE_ROW: Advice(
        ("公司重复报送，只计一次", "the company reported it twice; it counts once"), NOTHING
    ),
    FindingKind.OVER_CHARGE: Advice(
        ("各项减免加起来超过了账单", "all reliefs together are more than the bill"), _NOT_CHARGED
    ),
    FindingKind.PENALTY_NOT_REDUCED: Advice(
        ("违约金没有按减免后的金额重算", "the late-payment penalty was not recomputed after the waiver"), _KEEP_BILLS
    ),
    FindingKind.CREDIT_SWALLOWED: Advice(
        ("补减的钱被抵了旧欠", "a credit was set against older debts"),
        ("由公司退回并记入下一张账单", "the company gives it back on the next bill"),
    ),
    FindingKind.READING_BACKWARDS: Advice(
        ("表数倒走，用量不明", "the meter ran backwards, and the quantity is not told"), _KEEP_BILLS
    ),
    FindingKind.ACCUMULATOR_WRONG: Advice(
        ("公司的年度累计用量不对", "the company's quantity of the year is wrong"), _OFFICE
    ),
    FindingKind.REVERSAL_WITHOUT_ORIGINAL: Advice(
        ("冲正找不到原账单", "a bill was cancelled that nobody knows"), _OFFICE
    ),
    FindingKind.REVERSED_TWICE: Advice(("同一账单冲正了两次", "a bill was cancelled twice"), _OFFICE),
    FindingKind.GOOD_FAITH: Advice(
        (
            "已按当时名单减免，事后资格有变",
            "it was waived by the list of its day, and the right changed later",
        ),
        _NOT_CHARGED,
    ),
    FindingKind.UNDER_CLAIM: Advice(
        ("有资格，但连续几个月没有得到减免", "entitled, and without any relief for months"),
        (
            "请带缴费单到社区或市帮扶办查明；查明后补减",
            "bring a bill to the community or assistance office; once found, it is made good",
        ),
    ),
    FindingKind.ORPHAN_FLAG: Advice(
        ("公司把名单以外的户号标成了低保户", "the company marks an account as low-income that no list names"), _OFFICE
    ),
    FindingKind.FLAG_LOST: Advice(
        ("公司没有把本户号标成低保户", "the company does not mark this account as low-income"), _OFFICE
    ),
    FindingKind.FLAG_EXPIRED: Advice(
        ("公司的低保户标志已过期", "the company's mark of this account has run out"), _OFFICE
    ),
    FindingKind.NOT_COLLECTED: Advice(
        ("公司逾期未领取名单", "the company has not collected its list in time"), _OFFICE
    ),
    FindingKind.NO_ROSTER: Advice(
        ("公司逾期未报用户档案", "the company has not sent its customers' file in time"), _OFFICE
    ),
    FindingKind.VARIANCE: Advice(
        ("公司本月数字变动很大，须说明", "the company's month differs much from the last and must be explained"),
        NOTHING,
    ),
}
