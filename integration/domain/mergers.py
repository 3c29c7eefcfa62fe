"""Households that become one: which of them continues, and what the other had already (edge case 43).

From the month of the merger on the two are one household with one allowance a month. The one that continues has it;
what the other was granted of such a month counts as had, so that no month is granted twice. Months before are each
one's own.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from schemas.values import Month, day_int


class Evidence(StrEnum):
    """By what a merger is known: a record that names both certificates, or a decision of two persons."""

    RECORD = "record"
    DECISION = "decision"


class Merger(NamedTuple):
    """``gone`` became part of ``keep`` on a day (YYYYMMDD)."""

    gone: int
    keep: int
    merged_on: int


class Mergers:
    """Some mergers, as known at one time."""

    def __init__(self, known: Iterable[Merger] = ()) -> None:
        self._of = {one.gone: one for one in known}
        self._into: dict[int, list[Merger]] = {}
        for one in self._of.values():
            self._into.setdefault(one.keep, []).append(one)

    @property
    def households(self) -> set[int]:
        """Every household that ended in one, or continues."""
        return {household for one in self._of.values() for household in (one.gone, one.keep)}

    def all(self) -> list[Merger]:
        """Return every merger."""
        return list(self._of.values())

    def of(self, household: int) -> Merger | None:
        """Return the merger by which a household ended, if it did."""
        return self._of.get(household)

    def survivor(self, household: int) -> int:
        """Return the household that continues, through every merger; the household itself if it was never merged."""
        while household in self._of:
            household = self._of[household].keep
        return household

    def whole(self, household: int, month: Month) -> list[int]:
        """Return the households that are one by the end of a month, through others too.

        First the one that continues, then its parts, of several the one that ended last before the others.
        """
        last = day_int(month.last)
        while (merger := self._of.get(household)) is not None and merger.merged_on <= last:
            household = merger.keep
        found = [household]
        for one in found:  # it grows while it is gone through
            ended = [merger for merger in self._into.get(one, ()) if merger.merged_on <= last]
            found += [merger.gone for merger in sorted(ended, key=lambda each: (-each.merged_on, each.gone))]
        return found


def left_over(allowance_milli: int, own_milli: int, others_milli: int) -> int:
    """Return what is due to one household of several that are one, when the others had something of the month.

    What it was granted itself stays due, and may still find its account.
    """
    return max(allowance_milli - others_milli, min(own_milli, allowance_milli), 0)
