"""Nothing is silent: what became of every listed allowance, per company and month (design: idea 5).

listed = drawn + lapsed + awaiting a bill not yet due + refused with a code + unanswered; what was applied beyond that
stands beside it. SQL counts the allowances that are alike; what each kind of them means is decided here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from integration.domain.findings import REFUSALS
from schemas.findings import FindingKind
from schemas.reports import Answer, BillKind, ReportRow
from schemas.values import BillingCycle, Month


class Standing(StrEnum):
    """What became of the part of an allowance that no bill has drawn."""

    LAPSED = "lapsed"
    AWAITING = "awaiting"
    REFUSED = "refused"
    UNANSWERED = "unanswered"


#: Answers without a bill by the weight of their word, the last the weightiest: of several on one allowance it counts.
_WEIGHED: Final = (
    Answer.APPLIED,
    Answer.NO_BILL_DUE,
    Answer.PREPAID_NO_PURCHASE,
    Answer.HELD,
    Answer.UNKNOWN,
    *REFUSALS,
)
NO_ANSWER: Final = 0


def weight(row: ReportRow) -> int:
    """Return the weight of a row's answer, 0 for a bill; what is meant for bills and comes without one says nothing."""
    if is_bill(row):
        return NO_ANSWER
    known = row.answer in _WEIGHED and row.answer is not Answer.APPLIED
    return _WEIGHED.index(row.answer if known else Answer.UNKNOWN)


def answer_of(weight: int) -> Answer | None:
    """Return the answer of a weight; None for none."""
    return _WEIGHED[weight] if weight else None


def is_bill(row: ReportRow) -> bool:
    """Whether a row tells of a bill that covers its months, be it that nothing was used."""
    return row.kind is not BillKind.NONE or row.answer is Answer.ZERO_USAGE


class Alike(NamedTuple):
    """What allowances must have in common to be counted together.

    ``listed_month`` is the month of the list that told of them last, ``cycle`` their account's billing cycle.
    ``answer`` is the weight of the answer without a bill.
    """

    month: int
    listed_month: int
    cycle: str
    has_bill: bool
    answer: int


@dataclass(frozen=True)
class Reported:
    """What is known of a company's reporting: months reported in whole, and months whose report is overdue."""

    months: frozenset[Month]
    overdue_to: Month
    accrual_months: int

    def has(self, month: Month) -> bool:
        """Whether the month was reported."""
        return month in self.months

    def is_over(self, month: Month) -> bool:
        """Whether the month's report is here, or should be."""
        return month in self.months or month <= self.overdue_to


def due_month(alike: Alike, accrual_months: int) -> Month:
    """Return the report month in which an allowance must be answered at the latest.

    What was told late is credited on the next bill; a bill of two months comes in the second (edge case 3); what a
    prepaid meter does not draw may wait for later top-ups (edge case 89).
    """
    month = max(Month.from_int(alike.month), Month.from_int(alike.listed_month))
    if alike.cycle == BillingCycle.TOP_UP:
        return month.plus(accrual_months - 1)
    odd = {BillingCycle.BIMONTHLY_ODD: 1, BillingCycle.BIMONTHLY_EVEN: 0}.get(BillingCycle(alike.cycle))
    return month if odd is None or month.number % 2 == odd else month.plus(1)


def standing(alike: Alike, reported: Reported) -> Standing:
    """Say what became of what was not drawn."""
    over = reported.is_over(due_month(alike, reported.accrual_months))
    answer = answer_of(alike.answer)
    if alike.has_bill:
        return Standing.AWAITING if alike.cycle == BillingCycle.TOP_UP and not over else Standing.LAPSED
    if answer in REFUSALS:
        return Standing.REFUSED
    if answer in (Answer.HELD, Answer.UNKNOWN):
        return Standing.UNANSWERED
    if not over:
        return Standing.AWAITING
    return Standing.LAPSED if answer is Answer.PREPAID_NO_PURCHASE else Standing.UNANSWERED


def key_finding(alike: Alike, reported: Reported) -> FindingKind | None:
    """Return the finding that an allowance which no bill has drawn makes, if any.

    Where the whole month is unreported, one finding of the company stands for all its households.
    """
    found = standing(alike, reported)
    if alike.has_bill or found in (Standing.LAPSED, Standing.AWAITING):
        return None
    if found is Standing.REFUSED:
        return FindingKind.REFUSED
    if answer_of(alike.answer) in (Answer.HELD, Answer.UNKNOWN):
        return FindingKind.ANSWER_OPEN
    whole = reported.has(due_month(alike, reported.accrual_months))
    return FindingKind.MISSING if whole else FindingKind.UNANSWERED


def owed_is_over(alike: Alike, reported: Reported) -> bool:
    """Whether a credit for earlier bills should have been reported by now."""
    return reported.is_over(due_month(alike, reported.accrual_months))


class Sums(NamedTuple):
    """Sums over allowances that are alike, in thousandths: ``drawn`` without what was drawn in good faith alone."""

    number: int
    listed_milli: int
    drawn_milli: int
    owed_milli: int


@dataclass
class Balance:
    """The balance of a company and allowance month, in thousandths of the unit; the second half stands beside it."""

    company: str
    month: str
    listed_milli: int = 0
    drawn_milli: int = 0
    lapsed_milli: int = 0
    awaiting_milli: int = 0
    refused_milli: int = 0
    unanswered_milli: int = 0
    over_milli: int = 0
    short_milli: int = 0
    unauthorised_milli: int = 0
    duplicate_milli: int = 0
    good_faith_milli: int = 0
    clawed_back_milli: int = 0

    def add(self, alike: Alike, sums: Sums, reported: Reported) -> None:
        """Add allowances that are alike."""
        self.listed_milli += sums.listed_milli
        self.drawn_milli += sums.drawn_milli
        owed = Standing.UNANSWERED if owed_is_over(alike, reported) else Standing.AWAITING
        self._put(owed, sums.owed_milli)
        self._put(standing(alike, reported), sums.listed_milli - sums.drawn_milli - sums.owed_milli)

    def _put(self, where: Standing, quantity_milli: int) -> None:
        name = f"{where.value}_milli"
        setattr(self, name, getattr(self, name) + quantity_milli)

    @property
    def holds(self) -> bool:
        """Whether the identity holds, and no part of it is negative; what stands beside may be, as a reversal is."""
        parts = (self.drawn_milli, self.lapsed_milli, self.awaiting_milli, self.refused_milli, self.unanswered_milli)
        return self.listed_milli == sum(parts) and min(parts) >= 0


def balance(company: str, month: int, counted: Mapping[Alike, Sums], reported: Reported) -> Balance:
    """Return the balance of a company's month from its counted allowances."""
    made = Balance(company, str(Month.from_int(month)))
    for alike, sums in counted.items():
        made.add(alike, sums, reported)
    return made


def overdue_to(today: int, due_day: int) -> Month:
    """Return the last month whose report should be here on a day YYYYMMDD: it is due on a day of the month after."""
    month = Month.from_int(today // 100)
    return month.plus(-1) if today % 100 > due_day else month.plus(-2)


def months_due(reported: Reported, month: Month) -> Iterable[Month]:
    """Return the allowance months that a report of a month may answer at the latest."""
    return [month.plus(-back) for back in range(max(reported.accrual_months, 2))]
