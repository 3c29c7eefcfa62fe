"""A company inside the hub: the last two digits of an account's number say how it answers for it.

For a newcomer who wants to see every outcome, and for a partner's own tests. Everything here is pure: the same list
gets the same report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from schemas.reports import Answer, BillKind

#: What a cubic metre costs, in 1/10,000 yuan: whole cubic metres make whole fen.
PRICE_E4: Final = 22000
_USE_MILLI: Final = 7000

#: One row of a report or list by its fields, as a table reads and writes it.
Values = Mapping[str, Any]


class Asked(NamedTuple):
    """What the list asks for one account: its reference, number, month (YYYYMM) and quantity, and the list's number."""

    reference: str
    account: str
    month: int
    quantity_milli: int
    list_number: int


class Magic(NamedTuple):
    """What two digits stand for: the rows that answer for such an account, and what they show."""

    rows: Callable[[Asked], list[Values]]
    meaning: str


def bill(asked: Asked, use_milli: int = _USE_MILLI, **instead: Any) -> Values:
    """Return a bill that waives what it should: all of the allowance that its quantity can use."""
    waived = instead.pop("waived_milli", min(use_milli, asked.quantity_milli))
    charge, relief = _worth(use_milli), instead.pop("waived_fen", _worth(waived))
    return _common(asked) | {
        "bill_id": f"SB{asked.list_number:06}{asked.account}",
        "kind": BillKind.BILL,
        "billable_milli": use_milli,
        "waived_milli": waived,
        "price_e4": PRICE_E4,
        "charge_before_fen": charge,
        "waived_fen": relief,
        "charge_after_fen": charge - relief,
        "answer": Answer.APPLIED,
        **instead,
    }


def no_bill(answer: Answer) -> Callable[[Asked], list[Values]]:
    """Return what answers without a bill."""
    return lambda asked: [_common(asked) | {"kind": BillKind.NONE, "waived_milli": 0, "answer": answer}]


def billed(use_milli: int = _USE_MILLI, **instead: Any) -> Callable[[Asked], list[Values]]:
    """Return what answers with one bill, in which some values stand otherwise."""
    return lambda asked: [bill(asked, use_milli, **instead)]


def _worth(milli: int) -> int:
    return milli * PRICE_E4 // 100_000


def _common(asked: Asked) -> dict[str, Any]:
    return {
        "list_number": asked.list_number,
        "reference": asked.reference,
        "account": asked.account,
        "issued_on": asked.month * 100 + 1,
        "month": asked.month,
    }


def _reversed(asked: Asked) -> list[Values]:
    first = bill(asked)
    figures = ("billable_milli", "waived_milli", "charge_before_fen", "waived_fen", "charge_after_fen")
    minus = {field: -first[field] for field in figures}
    undone = {"kind": BillKind.REVERSAL, "bill_id": first["bill_id"] + "R", "refers_to": first["bill_id"]}
    return [first, {**first, **minus, **undone, "answer": Answer.REVERSED}]


def _corrected(asked: Asked) -> list[Values]:
    """Correct an estimate of 7 m³ by the 2 m³ that the meter says: the row holds the differences."""
    first = bill(asked)
    less = bill(asked, 2000)
    figures = ("billable_milli", "waived_milli", "charge_before_fen", "waived_fen", "charge_after_fen")
    change = {field: less[field] - first[field] for field in figures}
    read = {"kind": BillKind.ACTUAL, "bill_id": first["bill_id"] + "A", "refers_to": first["bill_id"]}
    return [first, {**first, **change, **read, "answer": Answer.CORRECTED}]


#: The code that no table knows.
STRANGE: Final = "77"
#: Digits that are about the delivery or the file as a whole, not about the account's row.
HANGS_UP, DAMAGES, REFUSES = "89", "98", "99"

#: What the last two digits of an account's number stand for; any others are relieved as they should be.
MAGIC: Final[Mapping[str, Magic]] = {
    "00": Magic(billed(), "照单减免 / relieved as listed"),
    "01": Magic(billed(2000, answer=Answer.APPLIED_LT_CAP), "用量不足额度 / used less than the allowance"),
    "02": Magic(billed(answer=Answer.APPLIED_DIFF_ACCT), "户号不同，已减免 / relieved under another number"),
    "03": Magic(billed(answer=Answer.APPLIED_DIFF_HOLDER), "户名不同，已减免 / relieved, the holder is another"),
    "04": Magic(billed(3000, answer=Answer.APPLIED_FLAT), "定额减免 / relieved by a flat sum"),
    "05": Magic(billed(0, answer=Answer.ZERO_USAGE), "零用量 / nothing used"),
    "10": Magic(no_bill(Answer.NO_BILL_DUE), "称本月不出账，但按月出账 / says no bill is due; it is billed monthly"),
    "11": Magic(no_bill(Answer.PREPAID_NO_PURCHASE), "预付费未充值 / prepaid, nothing bought"),
    "20": Magic(no_bill(Answer.NOT_CONNECTED), "未通水 / not connected"),
    "21": Magic(no_bill(Answer.NOT_FOUND), "查无此户 / not found"),
    "22": Magic(no_bill(Answer.NOT_OUR_CUSTOMER), "非本公司用户 / not our customer"),
    "23": Magic(no_bill(Answer.CLOSED), "已销户 / closed"),
    "24": Magic(no_bill(Answer.NON_DOMESTIC), "非居民 / not domestic"),
    "25": Magic(no_bill(Answer.DUP_ACCOUNT), "一户多号 / the household has another account"),
    "26": Magic(no_bill(Answer.OPT_OUT), "本人放弃 / does not want it"),
    "30": Magic(no_bill(Answer.HELD), "待定 / held"),
    "40": Magic(_reversed, "已减免后冲正 / relieved, then reversed"),
    "41": Magic(_corrected, "估抄后更正 / estimated, then corrected by the meter"),
    "70": Magic(lambda _asked: [], "不答复 / says nothing"),
    "71": Magic(lambda asked: [bill(asked), bill(asked)], "同一账单报两次 / reports one bill twice"),
    "72": Magic(billed(waived_milli=5000), "多减水量 / waives too much"),
    "73": Magic(billed(waived_milli=2000), "少减水量 / waives too little"),
    "74": Magic(billed(waived_fen=670), "多减金额 / the amount is too high"),
    "75": Magic(billed(waived_fen=66_000), "元分混淆 / fen taken for yuan, a hundred times too much"),
    "76": Magic(billed(answer=Answer.NOT_FOUND), "结果码与数字矛盾 / the answer contradicts the figures"),
    "77": Magic(billed(answer=STRANGE), "未约定的结果码 / a code that was not agreed"),
    "78": Magic(billed(issued_on=None), "行内缺日期 / the row lacks its day, and is rejected"),
    "79": Magic(lambda asked: [bill(asked), bill(asked._replace(reference="", account="00000099"))],
                "另有名单外减免 / besides relieves somebody who is not listed"),
    HANGS_UP: Magic(billed(), "收下名单却断线 / takes the list and hangs up without a word"),
    DAMAGES: Magic(billed(), "文件先损坏，重发完好 / the file is damaged first, then sent again"),
    REFUSES: Magic(billed(), "拒收名单 / refuses the list"),
}  # fmt: skip


def answers(number: int, rows: Iterable[Values]) -> Iterator[Values]:
    """Yield the report's rows for a list of this number; what stops, or takes a quantity away, needs no answer."""
    for row in rows:
        if row["quantity_milli"] > 0:
            asked = Asked(row["reference"], row["account"], row["month"], row["quantity_milli"], number)
            yield from MAGIC.get(asked.account[-2:], MAGIC["00"]).rows(asked)
