"""A company's scorecard of a month: counts turned into parts, a score and a grade by dated weights.

Everything is in thousandths. What there was nothing to judge of is left out, with its weight.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Final, NamedTuple

import msgspec

from integration.domain.detectors import is_overdue
from integration.domain.policy import Grades, Weights

_WHOLE: Final = 1000
#: What something done late is worth.
_LATE: Final = 500


class Deed(msgspec.Struct, frozen=True):
    """Something a company had to do by the end of a day: both days YYYYMMDD, ``done_on`` 0 where it is not done."""

    due_on: int
    done_on: int

    @property
    def worth(self) -> int:
        """How much it counts: whole in time, half when late, nothing undone."""
        if not self.done_on:
            return 0
        return _WHOLE if self.done_on <= self.due_on else _LATE


class Ages(msgspec.Struct, frozen=True):
    """Findings that wait for the company, by the days since they were opened."""

    to_30: int = 0
    to_90: int = 0
    older: int = 0


class Corrected(msgspec.Struct, frozen=True):
    """What the company had to correct of the month: done in time, done late, not done and overdue."""

    in_time: int = 0
    late: int = 0
    overdue: int = 0


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """All that a scorecard is made of.

    ``acknowledged`` is None where the list was sent: whoever fetches it acknowledges it. ``listed`` and ``answered``
    count the allowances of the month whose answer was due; ``rows`` and ``agreed`` the rows of its reports.
    ``flags_wrong`` counts orphan, lost and expired flags beside ``flags_kept`` listed accounts; None where the company
    keeps no flags. ``variances`` are those that the company must explain.
    """

    collected: Deed | None = None
    acknowledged: Deed | None = None
    reported: Deed | None = None
    listed: int = 0
    answered: int = 0
    rows: int = 0
    agreed: int = 0
    over_fen: int = 0
    short_fen: int = 0
    corrected: Corrected = Corrected()
    open: Ages = Ages()
    flags_kept: int | None = None
    flags_wrong: int = 0
    refusals: dict[str, int] = {}
    variances: int = 0
    explained: int = 0


class Scored(msgspec.Struct, frozen=True):
    """The parts by name, None where there was nothing to judge, the weighed score, and the grade A to D or ""."""

    parts: dict[str, int | None]
    score: int | None
    grade: str


def score(counts: Counts, weights: Weights, grades: Grades) -> Scored:
    """Turn counts into parts, a score and a grade."""
    parts = {
        "on_time": _mean(counts.collected, counts.acknowledged, counts.reported),
        "complete": _share(counts.answered, counts.listed),
        "accurate": _share(counts.agreed, counts.rows),
        "corrected": _share(counts.corrected.in_time, sum(msgspec.structs.astuple(counts.corrected))),
        "flags": None if counts.flags_kept is None else _WHOLE - _share_of(counts.flags_wrong, counts.flags_kept),
        "explained": _share(counts.explained, counts.variances),
    }
    judged = [(value, getattr(weights, name)) for name, value in parts.items() if value is not None]
    whole = sum(weight for _, weight in judged)
    if not whole:
        return Scored(parts, None, "")
    total = sum(value * weight for value, weight in judged) // whole
    return Scored(parts, total, _grade(total, grades))


def _mean(*deeds: Deed | None) -> int | None:
    worth = [one.worth for one in deeds if one is not None]
    return sum(worth) // len(worth) if worth else None


def _share(part: int, whole: int) -> int | None:
    return part * _WHOLE // whole if whole else None


def _share_of(wrong: int, kept: int) -> int:
    """Return the share of what is wrong; never more than all, however many orphans there are."""
    return min(wrong * _WHOLE // kept, _WHOLE) if kept else (_WHOLE if wrong else 0)


def _grade(total: int, grades: Grades) -> str:
    steps = ((grades.a, "A"), (grades.b, "B"), (grades.c, "C"))
    return next((name for least, name in steps if total >= least), "D")


class Life(NamedTuple):
    """When a finding was opened, and when it was closed; None while it is open."""

    opened_on: date
    closed_on: date | None


def corrections(lives: Iterable[Life], days: int, today: date) -> Corrected:
    """Count what was corrected within so many days, later, and not at all; what still has time is not counted."""
    in_time = late = overdue = 0
    for one in lives:
        if one.closed_on is None:
            overdue += is_overdue(one.opened_on, days, today)
        elif is_overdue(one.opened_on, days, one.closed_on):
            late += 1
        else:
            in_time += 1
    return Corrected(in_time, late, overdue)


def ages(opened: Iterable[date], today: date) -> Ages:
    """Count open findings by their age in days."""
    days = [(today - one).days for one in opened]
    to_30, to_90 = sum(one <= 30 for one in days), sum(30 < one <= 90 for one in days)
    return Ages(to_30, to_90, len(days) - to_30 - to_90)
