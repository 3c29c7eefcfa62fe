"""What every row of a report must satisfy, in whatever dialect it came: pure, and the same for all companies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from schemas.faults import Fault
from schemas.reports import BillKind, ReportRow
from schemas.values import Month, is_day

#: A bill covers at most so many months.
MOST_MONTHS: Final = 24
MOST_MILLI: Final = 10**9
MOST_FEN: Final = 10**11
#: Kinds whose figures are differences, and may be negative; they mean nothing without the bill they refer to.
_DIFFERENCES: Final = frozenset({BillKind.REVERSAL, BillKind.ACTUAL})

_Found = tuple[str, str, str]


def row_fault(row: int, said: ReportRow, column: Callable[[str], str]) -> Fault | None:
    """Return what makes a row impossible; ``column`` gives the company's own word for a field.

    Whether its figures are right is not judged here: that is reconciliation.
    """
    for field, code, text in _faults(said):
        return Fault(row, column(field), code, text)
    return None


def _faults(said: ReportRow) -> Iterator[_Found]:
    if not is_day(said.issued_on):
        yield "issued_on", "BAD_DAY", "日期不存在，请更正 / there is no such day; correct it"
    yield from _month_faults(said)
    yield from _bill_faults(said)
    yield from _figure_faults(said)


def _month_faults(said: ReportRow) -> Iterator[_Found]:
    if said.month_from == said.month_to:
        return
    if said.month_to < said.month_from:
        yield "month_to", "MONTHS_REVERSED", "止月早于起月，请更正 / the last month is before the first; correct them"
    elif Month.from_int(said.month_to).minus(Month.from_int(said.month_from)) >= MOST_MONTHS:
        text = f"一张账单超过{MOST_MONTHS}个月，请分开报 / a bill of more than {MOST_MONTHS} months; report it in parts"
        yield "month_to", "TOO_MANY_MONTHS", text


def _bill_faults(said: ReportRow) -> Iterator[_Found]:
    if said.kind is BillKind.NONE:
        if said.billable_milli or said.waived_milli or any(part.waived_fen for part in said.components):
            yield "kind", "FIGURES_WITHOUT_BILL", "无账单的行不得有量和金额 / a row without a bill has no figures"
    elif not said.bill_id:
        yield "bill_id", "MISSING_VALUE", "账单号为空，请补报 / the bill has no number; fill it in"
    if said.kind in _DIFFERENCES and not said.refers_to:
        text = "冲正或实抄须注明原账单号 / a reversal or correction names the bill it refers to"
        yield "refers_to", "MISSING_VALUE", text


def _figure_faults(said: ReportRow) -> Iterator[_Found]:
    lowest = -1 if said.kind in _DIFFERENCES else 0
    for field in ("billable_milli", "waived_milli"):
        yield from _range(field, getattr(said, field), lowest * MOST_MILLI, MOST_MILLI)
    seen = set()
    for part in said.components:
        if part.component in seen:
            yield (
                "price_version",
                "COMPONENT_TWICE",
                "同一价格项出现两次 / a price component stands twice; once is right",
            )
        seen.add(part.component)
        for field in ("charge_before_fen", "waived_fen"):
            yield from _range(field, getattr(part, field), lowest * MOST_FEN, MOST_FEN)
        # what is left is told as it is: a bill below nought is judged, not turned away
        yield from _range("charge_after_fen", part.charge_after_fen, -MOST_FEN, MOST_FEN)
        yield from _range("price_e4", part.price_e4, 0, MOST_FEN)
    yield from _range("balance_fen", said.balance_fen, 0, MOST_FEN)


def _range(field: str, value: int, lowest: int, highest: int) -> Iterator[_Found]:
    if not lowest <= value <= highest:
        yield field, "OUT_OF_RANGE", "数值超出允许范围，请更正 / the number is out of range; correct it"
