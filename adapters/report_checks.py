"""What every row of a report must satisfy, in whatever dialect it came: pure, and the same for all companies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

from schemas.faults import Fault
from schemas.reports import BillKind, Component, ReportRow
from schemas.values import Month, is_day

#: A bill covers at most so many months.
MOST_MONTHS: Final = 24

_NONE, _REVERSAL, _ACTUAL = BillKind.NONE, BillKind.REVERSAL, BillKind.ACTUAL
#: Field, its component ("" for the row's own), code and text.
_Found = tuple[str, str, str, str]

#: The figures of a row and of its components that only a difference may have below nought.
_OWN_FIGURES: Final = ("billable_milli", "waived_milli", "balance_fen", "debt_fen")
_RELIEF: Final = ("waived_fen", "charge_before_fen", "other_waived_fen")

_NEGATIVE: Final = (
    "NEGATIVE",
    "只有冲正和实抄可为负数，请更正 / only a reversal or an actual reading may be below nought; correct it",
)


def row_fault(row: int, said: ReportRow, column: Callable[[str, str], str]) -> Fault | None:
    """Return what makes a row impossible.

    ``column`` gives the company's own word for a field, and for a component's field, named second ("" for the row's
    own). Whether the figures are right is not judged here: that is reconciliation.
    """
    # a meter that ran backwards, or over its end, is no fault: what was charged for counts (edge case 12)
    found = _day_fault(said.issued_on) or _month_fault(said.month_from, said.month_to) or _bill_fault(said)
    found = found or _sign_fault(said) or _component_fault(said.components)
    if found is None:
        return None
    field, component, code, text = found
    return Fault(row, column(field, component), code, text)


def _day_fault(issued_on: int) -> _Found | None:
    if is_day(issued_on):
        return None
    return "issued_on", "", "BAD_DAY", "日期不存在，请更正 / there is no such day; correct it"


@lru_cache(maxsize=4096)
def _month_fault(first: int, last: int) -> _Found | None:
    for field, month in (("month_from", first), ("month_to", last)):
        if not 1 <= month % 100 <= 12:
            return field, "", "BAD_MONTH", "月份不存在，请更正 / there is no such month; correct it"
    if last < first:
        text = "止月早于起月，请更正 / the last month is before the first; correct them"
        return "month_to", "", "MONTHS_REVERSED", text
    if Month.from_int(last).minus(Month.from_int(first)) >= MOST_MONTHS:
        text = f"一张账单超过{MOST_MONTHS}个月，请分开报 / a bill of more than {MOST_MONTHS} months; report it in parts"
        return "month_to", "", "TOO_MANY_MONTHS", text
    return None


def _bill_fault(said: ReportRow) -> _Found | None:
    if said.kind is _NONE:
        return _none_fault(said)
    if not said.bill_id:
        return "bill_id", "", "MISSING_VALUE", "账单号为空，请补报 / the bill has no number; fill it in"
    if _is_difference(said.kind) and not said.refers_to:
        text = "冲正或实抄须注明原账单号，请补报 / a reversal or correction names the bill it refers to; fill it in"
        return "refers_to", "", "MISSING_VALUE", text
    return None


def _is_difference(kind: BillKind) -> bool:
    """Tell whether a kind's figures are differences: negative at times, meaningless without the bill referred to."""
    return kind is _REVERSAL or kind is _ACTUAL


def _none_fault(said: ReportRow) -> _Found | None:
    code = "FIGURES_WITHOUT_BILL"
    text = "无账单的行不得有量和金额，请清空或更正账单类型 / no bill, so no figures; empty it or correct the kind"
    for field in _OWN_FIGURES:
        if getattr(said, field):
            return field, "", code, text
    for part in said.components:
        for field in (*_RELIEF, "charge_after_fen"):
            if getattr(part, field):
                return field, part.component, code, text
    return None


def _sign_fault(said: ReportRow) -> _Found | None:
    """What is left to pay may be below nought in any row: it is told as it is, and judged, not turned away."""
    if _is_difference(said.kind):
        return None
    if said.billable_milli < 0 or said.waived_milli < 0 or said.balance_fen < 0 or said.debt_fen < 0:
        return next(field for field in _OWN_FIGURES if getattr(said, field) < 0), "", *_NEGATIVE
    for part in said.components:
        if part.charge_before_fen < 0 or part.waived_fen < 0 or part.other_waived_fen < 0:
            return next(field for field in _RELIEF if getattr(part, field) < 0), part.component, *_NEGATIVE
    return None


def _component_fault(parts: Sequence[Component]) -> _Found | None:
    if len(parts) < 2 or len({part.component for part in parts}) == len(parts):
        return None
    names = [part.component for part in parts]
    text = "同一价格项出现两次，请合并 / a price component stands twice; put them together"
    twice = next(name for name in names if names.count(name) > 1)
    return "component", twice, "COMPONENT_TWICE", text
