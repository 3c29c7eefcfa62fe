"""Draws 抵用: what bills use of the months' allowances, in quantity.

An allowance is drawn by the bills that cover its month, oldest month first, and what a company may apply is what the
list that it followed told (edge case 77). What no covering bill draws lapses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from integration.domain.policy import CoverRule, MonthPolicy
from integration.domain.prices import half_up
from schemas.reports import BillKind, ReportRow
from schemas.values import Month


class Listing(NamedTuple):
    """A posting as its company learns it: a signed quantity of a month (YYYYMM) on an account, by a run."""

    month: int
    account_id: int
    quantity_milli: int
    run_id: int


class Horizon(NamedTuple):
    """What a company knows that follows a list: all that was posted up to a run, of months up to the last listed."""

    run_id: int
    month: int


#: Quantity by month YYYYMM, oldest first.
Taken = dict[int, int]
#: A month's allowance on an account.
Place = tuple[int, int]


class Allowances:
    """The allowances of one household at one service: what is listed, and what is drawn of it so far."""

    def __init__(self, listings: Iterable[Listing], drawn: Mapping[Place, int] | None = None) -> None:
        self._listed: dict[Place, list[Listing]] = {}
        for one in listings:
            self._listed.setdefault((one.month, one.account_id), []).append(one)
        self._drawn: dict[Place, int] = dict(drawn or {})

    @property
    def places(self) -> Iterable[Place]:
        """Every month and account on which anything was ever listed."""
        return self._listed.keys()

    def listed(self, month: int, account_id: int, known: Horizon) -> int:
        """Return what stands on an account for a month, as far as a company knows."""
        if month > known.month or not account_id:  # what stands on no account yet is told to nobody
            return 0
        found = self._listed.get((month, account_id), ())
        return sum([one.quantity_milli for one in found if one.run_id <= known.run_id])

    def drawn(self, month: int, account_id: int) -> int:
        """Return what bills have drawn of it so far."""
        return self._drawn.get((month, account_id), 0)

    def left(self, month: int, account_id: int, known: Horizon) -> int:
        """Return what is still to be drawn of it; never negative."""
        return max(self.listed(month, account_id, known) - self.drawn(month, account_id), 0)

    def take(self, quantity_milli: int, months: Sequence[int], account_id: int, known: Horizon) -> Taken:
        """Draw up to a quantity from the months, the oldest first (settled reading 11)."""
        taken: Taken = {}
        for month in months:
            part = min(self.left(month, account_id, known), quantity_milli)
            if part > 0:
                taken[month] = part
                quantity_milli -= part
        self.book(taken, account_id)
        return taken

    def book(self, taken: Taken, account_id: int, sign: int = 1) -> None:
        """Book what was drawn, or give it back with ``sign`` -1: only a reversal frees an allowance (edge case 82)."""
        for month, quantity in taken.items():
            place = month, account_id
            self._drawn[place] = self._drawn.get(place, 0) + sign * quantity


def own_months(first: int, last: int) -> list[int]:
    """Return the months from first to last, as YYYYMM."""
    months = [first]
    while months[-1] < last:
        months.append(int(Month.from_int(months[-1]).plus(1)))
    return months


def covered(row: ReportRow, policy: MonthPolicy) -> list[int]:
    """Return the months (YYYYMM) whose allowances a bill may draw.

    A top-up reaches back over the months that may accrue, and no further, whatever it names (edge case 89).
    """
    if row.kind is not BillKind.TOP_UP:
        return own_months(row.month_from, row.month_to)
    reached = int(Month.from_int(row.month_to).plus(1 - policy.prepaid_accrual_months))
    return own_months(reached, row.month_to)


def usable(row: ReportRow, months: Sequence[int], entitled: int, policy: MonthPolicy) -> int:
    """Return how much of a bill's quantity may be relieved, before looking at what is left.

    Where a bill covers entitled and other months, ``cap_only`` lets the allowances be the only cap, ``prorate_usage``
    takes the entitled months' share of the use (edge case 5, settled reading 4).
    """
    quantity = max(row.billable_milli, 0)
    if policy.cover_rule is CoverRule.CAP_ONLY or row.kind is BillKind.TOP_UP or entitled == len(months):
        return quantity
    return half_up(Fraction(quantity * entitled, len(months)))


def difference(after: Taken, before: Taken) -> Taken:
    """Return what changed between two draws, by month."""
    changes = {month: after.get(month, 0) - before.get(month, 0) for month in sorted(after.keys() | before.keys())}
    return {month: change for month, change in changes.items() if change}


def spread(quantity_milli: int, taken: Taken, last: int) -> Taken:
    """Lay a reported quantity over the months as the draws lie: up to each month's, the rest on the last."""
    laid: Taken = {}
    for month, most in taken.items():
        part = min(quantity_milli, most)
        if part > 0:
            laid[month] = part
            quantity_milli -= part
    if quantity_milli > 0:
        laid[last] = laid.get(last, 0) + quantity_milli
    return laid
