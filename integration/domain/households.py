"""The timeline of a household, and whether it is entitled in a month.

The registry speaks in records ("from this day on the household is so") and in snapshots (a household that a snapshot
does not name has ended). Both may arrive late, twice or out of order; ``fold`` depends on what they say alone, so every
order of arrival gives the same timeline (edge cases 68, 72, 75).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from integration.domain.policy import MidMonth, MonthPolicy
from schemas.registry import RegistryRow
from schemas.values import (
    OPEN_DAY,
    Category,
    Month,
    Service,
    Status,
    add_months,
    day_after,
    day_before,
    day_int,
)

#: Status of a time in which a snapshot was silent about the household.
ABSENT: Final = "absent"
#: Status of a time in which the household is part of another one (edge case 43).
MERGED: Final = "merged"
#: Statuses of a household that stands in the registry as a beneficiary.
LIVE: Final = (Status.ACTIVE.value, Status.SUSPENDED_REVIEW.value)


class Standing(NamedTuple):
    """All that the rules read of a record. ``alive_to`` is the day the last living member died, or open."""

    category: str
    status: str
    certificate_from: int
    certificate_to: int
    alive_to: int


class Record(NamedTuple):
    """A record of the registry as the timeline needs it; days YYYYMMDD."""

    record_id: int
    effective_on: int
    version: int
    standing: Standing
    district: str


class Presence(NamedTuple):
    """What a snapshot said of the household: named or not."""

    position: int
    as_of: int
    present: bool


class Slice(NamedTuple):
    """The household's standing from ``valid_from`` to ``valid_to``, both included."""

    valid_from: int
    valid_to: int
    standing: Standing
    district: str
    record_id: int


class Verdict(StrEnum):
    """Why a household is, or is not, entitled in a month."""

    ENTITLED = "entitled"
    IN_GRACE = "in_grace"
    CATEGORY_NOT_SERVED = "category_not_served"
    ENDED = "ended"
    ABSENT = "absent"
    NOT_STARTED = "not_started"
    EXPIRED = "expired"
    DECEASED = "deceased"
    NOT_IN_REGISTRY = "not_in_registry"
    SPLIT_MONTH = "split_month"
    #: It has become part of another household, which has the month (edge case 43).
    MERGED = "merged"
    #: The household wants nothing of the service (edge case 65).
    OPTED_OUT = "opted_out"


#: What is to be said of a time in which the household is no beneficiary.
_GONE: Final = {ABSENT: Verdict.ABSENT, MERGED: Verdict.MERGED, Status.ENDED.value: Verdict.ENDED}
#: Verdicts that give the month's allowance.
GRANTING: Final = frozenset({Verdict.ENTITLED, Verdict.IN_GRACE})


def standing_of(row: RegistryRow) -> Standing:
    """Take from a registry record what the rules read.

    A household lives as long as one member does; the month of the last death still counts (edge case 41).
    """
    deaths = [member.died_on for member in row.members]
    alive_to = OPEN_DAY if None in deaths else max(day for day in deaths if day is not None)
    return Standing(row.category.value, row.status.value, row.valid_from, row.valid_to, alive_to)


def fold(records: Iterable[Record], presences: Iterable[Presence]) -> list[Slice]:
    """Lay records and snapshots into one timeline, in the order of what they say, never of arrival.

    Of two records of one effective date the higher version counts. A snapshot's silence ends the household from its
    as-of date unless something with a higher version, in force by then, says otherwise; a later word ends the
    absence. Slices are contiguous and run from the first effective date to the open end.
    """
    events: list[tuple[int, int, Record | Presence]] = [(r.effective_on, r.version, r) for r in records]
    events += [(p.as_of, p.position, p) for p in presences]
    events.sort(key=lambda event: event[:2])
    slices: list[Slice] = []
    current: Record | None = None
    heard = silent = -1
    for day, version, event in events:
        if isinstance(event, Record):
            current, heard = event, max(heard, version)
        elif event.present:
            heard = max(heard, version)
        else:
            silent = max(silent, version)
        if current is not None:
            _append(slices, day, current, absent=silent >= heard)
    return slices


def _append(slices: list[Slice], day: int, record: Record, *, absent: bool) -> None:
    silenced = absent and is_live(record.standing)  # who had ended already has nothing left to be silent about
    standing = record.standing._replace(status=ABSENT) if silenced else record.standing
    if slices and slices[-1].valid_from == day:
        slices.pop()
    if slices:
        last = slices[-1]
        if (last.standing, last.district, last.record_id) == (standing, record.district, record.record_id):
            slices[-1] = last._replace(valid_to=OPEN_DAY)
            return
        slices[-1] = last._replace(valid_to=day_before(day))
    slices.append(Slice(day, OPEN_DAY, standing, record.district, record.record_id))


def end_by_merger(timeline: Sequence[Slice], merged_on: int) -> list[Slice]:
    """Let a household end with the day (YYYYMMDD) on which it became part of another one (edge case 43)."""
    before = [
        part._replace(valid_to=min(part.valid_to, day_before(merged_on)))
        for part in timeline
        if part.valid_from < merged_on
    ]
    after = [
        part._replace(valid_from=max(part.valid_from, merged_on), standing=merged(part.standing))
        for part in timeline
        if part.valid_to >= merged_on
    ]
    return before + after


def merged(standing: Standing) -> Standing:
    """Return the standing of a household that has become part of another; one that had ended has ended."""
    return standing._replace(status=MERGED) if standing.status != Status.ENDED else standing


def is_live(standing: Standing) -> bool:
    """Whether the household stands in the registry as a beneficiary, whatever the certificate's dates say."""
    return standing.status in LIVE


def grace_end(certificate_to: int, grace_months: int) -> int:
    """Return the last day of grace after a certificate's printed end (edge case 40).

    Grace is counted from the day after the end, month ends clipped: 31 October + 2 months → 31 December.
    """
    if certificate_to == OPEN_DAY:
        return OPEN_DAY
    return day_before(add_months(day_after(certificate_to), grace_months))


def judge_slice(part: Slice, service: Service, month: Month, policy: MonthPolicy) -> Verdict:
    """Judge one slice of a timeline for one service and month (edge cases 33-35, 40, 41, 49, 50)."""
    standing = part.standing
    if standing.status in _GONE:
        return _GONE[standing.status]
    if Category(standing.category) not in policy.benefit(service).categories:
        return Verdict.CATEGORY_NOT_SERVED
    return _judge_days(part, month, policy)


def _judge_days(part: Slice, month: Month, policy: MonthPolicy) -> Verdict:
    """Judge by the days alone whether a slice counts in a month, whatever its category gives."""
    standing = part.standing
    first, last = day_int(month.first), day_int(month.last)
    start = max(part.valid_from, standing.certificate_from)
    if start > min(last, part.valid_to) or not _counts_from(standing, start, first, policy.mid_month):
        return Verdict.NOT_STARTED
    reached = max(start, first)  # a record may speak of a certificate that had run out before its effective date
    if min(part.valid_to, standing.alive_to) < reached:
        return Verdict.DECEASED if standing.alive_to < reached else Verdict.ENDED
    return _judge_end(standing.certificate_to, reached, policy)


def _counts_from(standing: Standing, start: int, first: int, rule: MidMonth) -> bool:
    """Whether a month counts that the right begins in (edge case 33)."""
    if rule is MidMonth.FIRST_DAY:
        return start <= first
    if rule is MidMonth.NEXT_MONTH:
        return standing.certificate_from <= first
    return True


def _judge_end(certificate_to: int, reached: int, policy: MonthPolicy) -> Verdict:
    if certificate_to >= reached:
        return Verdict.ENTITLED
    return Verdict.IN_GRACE if grace_end(certificate_to, policy.grace_months) >= reached else Verdict.EXPIRED


def judge_month(timeline: Sequence[Slice], service: Service, month: Month, policy: MonthPolicy) -> Verdict:
    """Judge a whole timeline: a month counts if any slice touching it gives the right; else the latest word stands."""
    first, last = day_int(month.first), day_int(month.last)
    verdict = Verdict.NOT_IN_REGISTRY
    for part in timeline:
        if part.valid_from <= last and part.valid_to >= first:
            verdict = judge_slice(part, service, month, policy)
            if verdict in GRANTING:
                return verdict
    if verdict is Verdict.NOT_IN_REGISTRY and timeline and timeline[0].valid_from > last:
        return Verdict.NOT_STARTED
    return verdict


def stands_in(timeline: Sequence[Slice], month: Month, policy: MonthPolicy) -> bool:
    """Whether a household's certificate counts in a month, whatever its category gives."""
    first, last = day_int(month.first), day_int(month.last)
    return any(
        part.valid_from <= last
        and part.valid_to >= first
        and is_live(part.standing)
        and _judge_days(part, month, policy) in GRANTING
        for part in timeline
    )


def continuous_since(timeline: Sequence[Slice], day: int, policy: MonthPolicy) -> int | None:
    """Return the day since which a household has been low-income without a break, seen from a day; None if it is not.

    Both days are YYYYMMDD. Which categories count is policy; a review that is pending and the grace after a printed end
    count (edge case 40). A gap is a break only if a whole calendar month lies in it (edge case 39): what is revoked and
    restored within the month was never interrupted.
    """
    since, until = None, 0
    for start, end in _low_income(timeline, policy):
        if start > day:
            break
        if since is None or _month_between(until, start):
            since = start
        until = max(until, end)
    return since if day <= until else None


def _low_income(timeline: Sequence[Slice], policy: MonthPolicy) -> Iterable[tuple[int, int]]:
    """Yield the first and last day of every slice that counts as low-income, in order of time."""
    for part in timeline:
        standing = part.standing
        if is_live(standing) and Category(standing.category) in policy.continuous_categories:
            start = max(part.valid_from, standing.certificate_from)
            end = min(part.valid_to, standing.alive_to, grace_end(standing.certificate_to, policy.grace_months))
            if start <= end:
                yield start, end


def _month_between(until: int, start: int) -> bool:
    return Month.from_int(start // 100).minus(Month.from_int(until // 100)) > 1
