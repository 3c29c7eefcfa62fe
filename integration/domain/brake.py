"""The brake: what would change too much at once waits for two persons, and the last good state serves on.

It stands at four doors: a snapshot, the sum of ends by deltas, a roster, and each computed list against the one
before (edge cases 67, 68). Single revocations pass until their sum trips (edge case 75). A snapshot that contradicts
deltas before it waits too, until its differences are accepted (edge case 73).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from integration.domain.policy import Brake, Limit


@dataclass
class Movement:
    """What one submission or list would do, per district; ``base`` is what stood before."""

    base: dict[str, int] = field(default_factory=dict)
    ends: dict[str, int] = field(default_factory=dict)
    additions: dict[str, int] = field(default_factory=dict)
    changes: dict[str, int] = field(default_factory=dict)
    contradictions: dict[str, int] = field(default_factory=dict)
    named: set[str] | None = None

    def add(self, counter: dict[str, int], district: str, number: int = 1) -> None:
        """Count into one of the counters."""
        counter[district] = counter.get(district, 0) + number


class Trip(msgspec.Struct, frozen=True):
    """One limit exceeded: which, where (empty: in all), how many, of how many."""

    limit: str
    district: str
    number: int
    base: int


def judge(movement: Movement, limits: Brake) -> list[Trip]:
    """Return every limit that a movement exceeds; none where nothing stood before, for then nothing can be lost.

    A district that was there and is named no more trips by itself; its households do not count as ends as well
    (settled reading 21). ``movement.named`` is None where absence of a district means nothing (deltas, lists).
    What knows no districts (a roster) counts under "", and is judged in all alone.
    """
    base = sum(movement.base.values())
    if base == 0:
        return []
    absent = sorted(_absent(movement))
    ends = {district: number for district, number in movement.ends.items() if district not in absent}
    trips = [Trip("district_absent", district, movement.base[district], movement.base[district]) for district in absent]
    trips += _in_all("ends", ends, base, limits.ends)
    trips += _by_district("ends_district", ends, movement.base, limits.ends_district)
    trips += _in_all("additions", movement.additions, base, limits.additions)
    trips += _by_district("additions_district", movement.additions, movement.base, limits.additions_district)
    trips += _in_all("changes", movement.changes, base, limits.changes)
    trips += _by_district("contradictions", movement.contradictions, movement.base, limits.contradictions)
    return trips


def judge_rows(rejected: int, rows: int, limits: Brake) -> list[Trip]:
    """Return the limit that too many rejected rows exceed; a first file is judged by it too (edge case 51)."""
    return _in_all("rejected", {"": rejected}, rows, limits.rejected)


def _absent(movement: Movement) -> set[str]:
    if movement.named is None:
        return set()
    return {district for district, number in movement.base.items() if number and district not in movement.named}


def _in_all(name: str, counts: Mapping[str, int], base: int, limit: Limit) -> list[Trip]:
    number = sum(counts.values())
    return [] if limit.allows(number, base) else [Trip(name, "", number, base)]


def _by_district(name: str, counts: Mapping[str, int], bases: Mapping[str, int], limit: Limit) -> list[Trip]:
    return [
        Trip(name, district, number, bases.get(district, 0))
        for district, number in sorted(counts.items())
        if district and not limit.allows(number, bases.get(district, 0))
    ]
