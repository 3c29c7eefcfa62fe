"""One person in two certificates: who serves, who waits, and whose month it is when a household splits.

A person may be named by several households over time. In a month each person serves one of them at most, so that
nobody's allowance is doubled and nobody's is stopped on both sides (edge cases 43-45).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from integration.domain.policy import MonthPolicy
from schemas.values import Month, day_int


class Span(NamedTuple):
    """Days, first and last included, on which a household names a person, and its category then."""

    first: int
    last: int
    category: str


class Naming(NamedTuple):
    """A household that names a person, and whose certificate counts in the month in question.

    ``certificate_from`` is the day its first certificate began, ``created`` the knowledge version in which the hub
    first knew it; ``entitled`` tells whether its category gives the benefit in question.
    """

    household_id: int
    spans: tuple[Span, ...]
    certificate_from: int
    created: int
    entitled: bool

    def on(self, day: int) -> bool:
        """Whether it names the person on a day."""
        return self.category_on(day) is not None

    def category_on(self, day: int) -> str | None:
        """Return the category in which it names the person on a day; None if it does not."""
        return next((span.category for span in self.spans if span.first <= day <= span.last), None)

    def since(self) -> int:
        """Return the first day on which it names the person."""
        return min(span.first for span in self.spans)

    @property
    def rank(self) -> tuple[int, int, int]:
        """Whose right is first: the certificate valid earlier, whenever it arrived; of one day, the one known first."""
        return self.certificate_from, self.created, self.household_id


def is_held(household_id: int, namings: Sequence[Naming], month: Month, policy: MonthPolicy) -> bool:
    """Whether a household has to wait: another that names the person at the month's end has the earlier certificate.

    Only a certificate of a category that excludes its own makes it wait (edge cases 44, 45): a hardship worker may well
    live on minimum allowance, but nobody has the urban and the rural one.
    """
    last = day_int(month.last)
    mine = next((one for one in namings if one.household_id == household_id), None)
    category = mine and mine.category_on(last)
    if mine is None or category is None:
        return False
    others = ((one, one.category_on(last)) for one in namings if one.household_id != household_id)
    return any(other and policy.excludes(category, other) and one.rank < mine.rank for one, other in others)


def is_split_month(household_id: int, namings: Sequence[Naming], month: Month, _policy: MonthPolicy) -> bool:
    """Whether a new household's person still belonged to another earlier in the month.

    Who splits off is entitled from the month after; the month of the split is the old household's (edge case 43).
    """
    first, last = day_int(month.first), day_int(month.last)
    by_household = {one.household_id: one for one in namings if one.entitled}
    mine = by_household.pop(household_id, None)
    if mine is None or mine.certificate_from < first or not first <= mine.since() <= last:
        return False
    return any(
        not one.on(last) and any(span.first < mine.since() and span.last >= first for span in one.spans)
        for one in by_household.values()
    )
