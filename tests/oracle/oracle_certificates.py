"""In which months a household is entitled: day by day, from what the bureau said.

Days are dates, months ``Month``. Nothing here is fast, and nothing is taken from the hub.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from schemas.values import Month


@dataclass(frozen=True)
class Record:
    """What the bureau says of a household from ``effective`` on; ``died`` is the day its last member died."""

    version: int
    effective: date
    valid_from: date
    valid_to: date | None = None
    status: str = "active"
    category: str = "dibao_urban"
    died: date | None = None


@dataclass(frozen=True)
class Snapshot:
    """A full snapshot as it concerns one household: named in it, or passed over in silence."""

    position: int
    as_of: date
    names: bool


@dataclass(frozen=True)
class Rule:
    """When a month counts: ``any_day``, ``first_day`` or ``next_month``, and the months of grace."""

    mid_month: str = "any_day"
    grace_months: int = 2


def entitled(
    month: Month, records: Sequence[Record], snapshots: Sequence[Snapshot], categories: Iterable[str], rule: Rule
) -> bool:
    """Tell whether the month counts."""
    days = [month.first] if rule.mid_month == "first_day" else _days(month)
    for day in days:
        said = _valid(day, records, snapshots, set(categories), rule.grace_months)
        if said is not None and (rule.mid_month != "next_month" or said.valid_from <= month.first):
            return True
    return False


def _days(month: Month) -> list[date]:
    return [month.first + timedelta(days=n) for n in range(month.last.day)]


def _valid(
    day: date, records: Sequence[Record], snapshots: Sequence[Snapshot], categories: set[str], grace: int
) -> Record | None:
    """The record by which the household is entitled on a day."""
    said = in_force(day, records, snapshots)
    valid = (
        said is not None
        and said.status != "ended"
        and said.category in categories
        and day >= said.valid_from
        and (said.valid_to is None or day < later(said.valid_to + timedelta(days=1), grace))
        and (said.died is None or day <= said.died)
    )
    return said if valid else None


def in_force(day: date, records: Sequence[Record], snapshots: Sequence[Snapshot]) -> Record | None:
    """Return what is said of the household on a day; None where nothing is, or silence has ended it."""
    begun = [record for record in records if record.effective <= day]
    if not begun:
        return None
    said = max(begun, key=lambda record: (record.effective, record.version))
    for silent in snapshots:
        if silent.names or silent.as_of > day or said.effective > silent.as_of:
            continue
        knows_better = any(r.effective <= silent.as_of and r.version > silent.position for r in records)
        named_again = any(s.names and silent.as_of < s.as_of <= day for s in snapshots)
        if not knows_better and not named_again:
            return None
    return said


def later(day: date, months: int) -> date:
    """Return the day so many months later, month ends clipped."""
    month = Month.of(day).plus(months)
    return date(month.year, month.number, min(day.day, month.last.day))
