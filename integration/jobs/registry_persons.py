"""Persons whom several households name: who stands beside a record now, and what the ledger must know of it for ever.

Which of them serves is judged month by month, when the month is computed (edge cases 43-45; domain.persons).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection

from integration.domain.households import Standing, is_live
from integration.domain.policy import MonthPolicy
from integration.jobs.hub import Hub
from integration.jobs.match_keys import exact_keys
from integration.jobs.registry_households import Households, Touched
from integration.storage import registry as db
from integration.storage import registry_writes as writes
from integration.storage.pii import LookupKind
from integration.storage.tables import contests
from schemas.citizen_id import is_matching_key
from schemas.registry import RegistryRow


class Rival(NamedTuple):
    """A household that names the same person; ``rank`` tells whose right comes first (see domain.persons)."""

    rank: tuple[int, int, int]
    district: str


class SharedPersons:
    """The persons whom one submission names, and everybody else who names or named them."""

    def __init__(
        self, hub: Hub, connection: Connection, version: int, policy: MonthPolicy, additions: writes.Additions
    ) -> None:
        self._hub = hub
        self._connection = connection
        self._version = version
        self._policy = policy
        self._new = additions
        self._owners: dict[bytes, dict[int, bool]] = {}
        self._shared: dict[bytes, set[int]] = {}

    def gather(self, persons: set[bytes], *, anew: bool) -> None:
        """Load who names or named these persons; ``anew`` forgets the others."""
        if anew:
            self._owners.clear()
        self._owners |= db.naming_households(self._connection, list(persons - self._owners.keys()))

    def rivals(
        self, state: Touched, standing: Standing, persons: Iterable[bytes], households: Households
    ) -> list[Rival]:
        """Remember that a household names persons; return who else does now, in a category that excludes its own.

        A household that ended, or is part of another one by now, has no rivals.
        """
        named: set[int] = set()
        for person in persons:
            owners = self._owners.setdefault(person, {})
            owners[state.household_id] = True
            if len(owners) > 1:
                self._shared.setdefault(person, set()).update(owners)
                named |= {one for one, names_it_now in owners.items() if names_it_now}
        others = sorted(named - {state.household_id})
        if not others or not is_live(standing) or state.merged_on is not None:
            return []
        households.load(others)
        return list(self._live(others, standing.category, households))

    def _live(self, ids: Iterable[int], category: str, households: Households) -> Iterator[Rival]:
        for one in ids:
            standing, district = households[one].newest
            if is_live(standing) and self._policy.excludes(category, standing.category):
                yield Rival((standing.certificate_from, households[one].created, one), district)

    def write(self) -> None:
        """Keep which records name a shared person, by opening what the households concerned have sealed."""
        if not self._shared:
            return
        known = db.known_contests(self._connection, sorted(self._shared))
        for household in sorted({one for owners in self._shared.values() for one in owners}):
            for record_id, persons in self._named_by(household):
                for person in persons & {one for one, owners in self._shared.items() if household in owners}:
                    if (person, household, record_id) not in known:
                        self._new.add(contests, person, household, record_id, self._version)
        self._shared.clear()
        self._new.write(self._connection)

    def _named_by(self, household: int) -> Iterator[tuple[int, set[bytes]]]:
        wrapped = db.wrapped_keys(self._connection, [household]).get(household)
        if wrapped is None:  # erased: what it named is gone, and so is its claim
            return
        dek = self._hub.household_keys.unwrap(household, wrapped)
        for record_id, sealed in db.sealed_of(self._connection, household):
            opened = dek.open(("sealed_records", household, record_id), sealed)
            record = msgspec.json.decode(opened, type=RegistryRow)
            yield record_id, persons_in(match_keys(self._hub, record))


def persons_in(keys: Iterable[db.LookupRow]) -> set[bytes]:
    """Return the keyed digests of the persons among look-up keys."""
    return {key.digest for key in keys if key.kind == LookupKind.PERSON}


def match_keys(hub: Hub, record: RegistryRow) -> Iterable[db.LookupRow]:
    """Yield the keyed digests by which a household is found and matched; placeholders are none (edge case 58).

    Nor is who has left: the person may be a member of another household by now.
    """
    staying = (one for one in record.members if one.status != "left")
    people = [(one.name, one.id_number if is_matching_key(one.id_number) else "") for one in staying]
    return exact_keys(hub, people, record.address.community, record.address.text)
