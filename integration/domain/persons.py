"""One person in two certificates: who serves, who waits, and whose month it is when a household splits.

A person may be named by several households over time. In a month each person serves one of them at most, so that
nobody's allowance is doubled and nobody's is stopped on both sides (edge cases 43-45).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from schemas.values import Month, day_int


class Naming(NamedTuple):
    """A household that names a person, and is entitled in the month in question.

    ``spans`` are the days (first, last) on which it does; ``certificate_from`` is the day its first certificate began,
    ``created`` the knowledge version in which the hub first knew it.
    """

    household_id: int
    spans: tuple[tuple[int, int], ...]
    certificate_from: int
    created: int

    def on(self, day: int) -> bool:
        """Whether it names the person on a day."""
        return any(start <= day <= end for start, end in self.spans)

    def since(self) -> int:
        """Return the first day on which it names the person."""
        return min(start for start, _ in self.spans)


def is_held(household_id: int, namings: Sequence[Naming], month: Month) -> bool:
    """Whether a household has to wait: another that names the person at the month's end has the earlier certificate.

    The certificate valid earlier serves, whenever it arrived; of one day, the household known first.
    """
    last = day_int(month.last)
    ranked = sorted((one.certificate_from, one.created, one.household_id) for one in namings if one.on(last))
    return household_id in {one for *_, one in ranked[1:]}


def is_split_month(household_id: int, namings: Sequence[Naming], month: Month) -> bool:
    """Whether a new household's person still belonged to another earlier in the month.

    Who splits off is entitled from the month after; the month of the split is the old household's (edge case 43).
    """
    first, last = day_int(month.first), day_int(month.last)
    by_household = {one.household_id: one for one in namings}
    mine = by_household.pop(household_id, None)
    if mine is None or mine.certificate_from < first or not first <= mine.since() <= last:
        return False
    return any(
        not one.on(last) and any(start < mine.since() and end >= first for start, end in one.spans)
        for one in by_household.values()
    )
