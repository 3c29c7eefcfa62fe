"""Which reports of a month stand: the last that replaces all before it, and the supplements after (edge case 81)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from schemas.reports import ReportKind


class Edition(NamedTuple):
    """A report of a company's month: its id, how it stands to the others, and its number among them."""

    report_id: int
    kind: ReportKind
    number: int


def standing(editions: Iterable[Edition]) -> set[int]:
    """Return the ids of the reports that stand, whatever the order in which they arrived.

    An original comes before all else, however late it arrives.
    """
    ordered = sorted(editions, key=lambda one: (one.kind is not ReportKind.ORIGINAL, one.number))
    stands: set[int] = set()
    for one in ordered:
        stands = stands | {one.report_id} if one.kind is ReportKind.SUPPLEMENT else {one.report_id}
    return stands


def next_number(editions: Iterable[Edition]) -> int:
    """Return the number of a report whose company does not number them."""
    return max((one.number for one in editions), default=0) + 1
