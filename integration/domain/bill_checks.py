"""What else may be wrong with a bill, whatever its quantity and amount are: each check with its stake.

Pure, a row at a time, and one that looks at the bill of the month before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

from integration.domain.policy import MonthPolicy, OtherProgrammes
from integration.domain.prices import half_up
from schemas.findings import FindingKind
from schemas.reports import BillKind, Component, ReportRow
from schemas.tariffs import PENALTY
from schemas.values import Month


class Wrong(NamedTuple):
    """What is wrong, and what is at stake: a quantity in thousandths, an amount in fen."""

    kind: FindingKind
    stake_milli: int
    stake_fen: int


def wrongs(said: ReportRow, policy: MonthPolicy) -> Iterator[Wrong]:
    """Yield what is wrong with a bill besides its quantity and amount."""
    if runs_backwards(said):
        yield Wrong(FindingKind.READING_BACKWARDS, abs(said.waived_milli), abs(said.waived_fen))
    if over := _over_charge(said.components, policy):
        yield Wrong(FindingKind.OVER_CHARGE, 0, over)
    if penalty := _penalty_over(said.components):
        yield Wrong(FindingKind.PENALTY_NOT_REDUCED, 0, penalty)
    if said.debt_fen > 0 and not policy.credit_pays_debts:
        yield Wrong(FindingKind.CREDIT_SWALLOWED, 0, said.debt_fen)


def runs_backwards(said: ReportRow) -> bool:
    """Whether the meter ended below its start and no quantity is told: none is made up for it (edge case 12)."""
    start, end = said.reading_from_milli, said.reading_to_milli
    return start is not None and end is not None and end < start and said.billable_milli == 0


def _over_charge(parts: Sequence[Component], policy: MonthPolicy) -> int:
    """Return by how much all programmes together relieve more than is charged (edge case 26).

    Where the others come first, the allowance's own amount is judged by what they leave.
    """
    if policy.other_programmes is OtherProgrammes.FIRST:
        return 0
    return sum(max(one.waived_fen + one.other_waived_fen - one.charge_before_fen, 0) for one in parts if _stacked(one))


def _stacked(part: Component) -> bool:
    return part.other_waived_fen > 0


def _penalty_over(parts: Sequence[Component]) -> int:
    """Return what a late-payment penalty takes on principal that is waived (edge case 28).

    A penalty is a share of what is owed: of the one on the whole charge the part stays that is owed of the charge.
    """
    penalty = next((one for one in parts if one.component == PENALTY), None)
    if penalty is None or penalty.charge_after_fen <= 0:
        return 0
    charged = sum(one.charge_before_fen for one in parts if one.component != PENALTY)
    left = sum(one.charge_after_fen for one in parts if one.component != PENALTY)
    share = Fraction(max(left, 0), charged) if charged > 0 else Fraction(0)
    return max(penalty.charge_after_fen - half_up(penalty.charge_before_fen * share), 0)


# --- the year's quantity -------------------------------------------------------------------------------------------


def month_before(said: ReportRow) -> int | None:
    """Return the month (YYYYMM) whose bill tells what the year had before this one; None where there is none."""
    if said.kind is not BillKind.BILL or said.annual_before_milli is None or said.month_from % 100 == 1:
        return None
    return int(Month.from_int(said.month_from).plus(-1))


def accumulated_wrong(said: ReportRow, before: ReportRow, policy: MonthPolicy) -> Wrong | None:
    """Compare the year's quantity that a bill states with what the bill of the month before comes to (edge case 21).

    Whether what was waived counts is policy: relief is of payment, not of use.
    """
    told = before.kind is BillKind.BILL and before.account == said.account
    if not told or before.annual_before_milli is None or said.annual_before_milli is None:
        return None
    waived = 0 if policy.accumulator_counts_waived else before.waived_milli
    off = said.annual_before_milli - (before.annual_before_milli + before.billable_milli - waived)
    return Wrong(FindingKind.ACCUMULATOR_WRONG, abs(off), 0) if off else None


def of_month(rows: Iterable[ReportRow], month: int) -> list[ReportRow]:
    """Return what a company billed for a month (YYYYMM), or corrected; an answer without a bill says nothing."""
    return [one for one in rows if one.month_from <= month <= one.month_to and one.kind is not BillKind.NONE]
