"""The households that a registry submission touches: loaded, given records, folded anew and written.

A snapshot's households are finished batch by batch, for it names each once; a delta's at its end, for it may speak of
one many times. At the end of a snapshot its silence is applied: who is not named has ended, who is named again is back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection

from integration.domain.brake import Movement
from integration.domain.households import Presence, Record, Slice, Standing, end_by_merger, fold, is_live, merged
from integration.jobs.hub import Hub
from integration.jobs.outcomes import Difference, Outcomes
from integration.storage import registry as db
from integration.storage import registry_writes as writes
from integration.storage.mergers import mergers_around
from integration.storage.pii import DataKey, LookupKind
from integration.storage.tables import (
    claims,
    facts,
    household_keys,
    households,
    lookups,
    presences,
    standings,
)
from schemas.registry import FileKind, RegistryHeader, RegistryRow

#: A household's flag while a snapshot is read: a row named it that was not accepted, its record was known already, or
#: it was touched. Of one that was named wrongly the snapshot says neither that it is there nor that it has ended.
NAMED, KNOWN, TOUCHED = 1, 2, 3
_PART: Final = 5_000


@dataclass
class Touched:
    """A household while a submission touches it. An erased household has no ``dek`` and takes no personal data."""

    household_id: int
    created: int
    is_new: bool
    dek: DataKey | None
    records: list[Record] = field(default_factory=list)
    known: list[db.Known] = field(default_factory=list)
    #: Where its presence in snapshots changes, by position.
    changes: list[tuple[int, bool]] = field(default_factory=list)
    #: The record that is the latest by its own word, if it is one of this submission's, and its look-up keys.
    latest: RegistryRow | None = None
    latest_key: tuple[int, int] = (-1, -1)
    latest_lookups: frozenset[db.LookupRow] = frozenset()
    certificates: set[bytes] = field(default_factory=set)
    #: Every person that a record of this submission names, the latest record or not.
    persons: set[db.LookupRow] = field(default_factory=set)
    #: The day on which it became part of another household, if it did.
    merged_on: int | None = None

    @property
    def newest(self) -> tuple[Standing, str]:
        """Its standing and district by its newest record, or as it was known before."""
        if not self.records:
            return self.known[-1].part.standing, self.known[-1].part.district
        standing = self.records[-1].standing
        return standing if self.merged_on is None else merged(standing), self.records[-1].district


class Households:
    """All households that one submission touches; ``movement`` is what the brake judges."""

    def __init__(
        self,
        hub: Hub,
        connection: Connection,
        header: RegistryHeader,
        version: int,
        additions: writes.Additions,
        outcomes: Outcomes,
    ) -> None:
        self._hub = hub
        self._connection = connection
        self._header = header
        self._outcomes = outcomes
        self._version = version
        self._new = additions
        self._snapshots = db.applied_snapshots(connection, header.source)
        self._standings = db.load_standings(connection)
        self._next = self._first_new = db.next_household_id(connection)
        self._flags = bytearray(self._next)
        self._states: dict[int, Touched] = {}
        self._late_lookups: list[tuple[int, bytes, int]] = []
        self.movement = Movement()
        self._before = max((s.position for s in self._snapshots if s.position < header.position), default=-1)
        #: Whom deltas ended of whom this snapshot is the first to speak since, with the version that said so.
        self.ended_since = self._ended_since() if self.is_snapshot else {}
        #: A row of the snapshot could not even tell whom it names: the silence may be about anybody.
        self.doubtful = False

    @property
    def is_snapshot(self) -> bool:
        """Whether absence means something in this file."""
        return self._header.kind is FileKind.SNAPSHOT

    def __getitem__(self, household_id: int) -> Touched:
        return self._states[household_id]

    def _ended_since(self) -> dict[int, int]:
        return db.ended_by_deltas(self._connection, self._before, self._header.position, self._header.as_of)

    def at_hand(self, household_id: int) -> Touched | None:
        """Return a household of this submission that is not finished yet."""
        return self._states.get(household_id)

    def load(self, ids: Sequence[int]) -> None:
        """Load households that are not at hand yet."""
        wanted = [one for one in ids if one not in self._states]
        if not wanted:
            return
        known_records = db.records_of(self._connection, wanted)
        known = db.timelines(self._connection, wanted)
        created, changes = db.created_and_presences(self._connection, wanted)
        keys = db.wrapped_keys(self._connection, wanted)
        mergers = mergers_around(self._connection, wanted)
        for one in wanted:
            dek = self._hub.household_keys.unwrap(one, keys[one]) if one in keys else None
            state = Touched(one, created[one], is_new=False, dek=dek)
            state.records, state.known = known_records[one], known.get(one, [])
            state.changes = changes.get(one, [])
            merger = mergers.of(one)
            state.merged_on = merger and merger.merged_on
            state.latest_key = max(((r.effective_on, r.version) for r in state.records), default=(-1, -1))
            self._states[one] = state

    def create(self) -> Touched:
        """Bring a household into being, under a key of its own."""
        one, self._next = self._next, self._next + 1
        dek, wrapped = self._hub.household_keys.new(one)
        self._new.add(households, one, self._header.source, self._version)
        self._new.add(household_keys, one, self._hub.household_keys.key_id, wrapped)
        state = Touched(one, self._version, is_new=True, dek=dek)
        if self._snapshots:  # whatever was accepted before did not know this household
            self._change_presence(state, self._snapshots[0].position, present=False)
        self._states[one] = state
        return state

    def standing_id(self, standing: Standing) -> int:
        """Return the id of a combination of rule inputs, new or known."""
        found = self._standings.get(standing)
        if found is None:
            found = self._standings[standing] = len(self._standings) + 1
            self._new.add(standings, found, *standing)
        return found

    def flag(self, household_id: int, flag: int) -> None:
        """Remember that the file named a household."""
        if household_id >= len(self._flags):
            self._flags.extend(bytes(household_id + 1 - len(self._flags)))
        self._flags[household_id] = max(self._flags[household_id], flag)

    def flag_of(self, household_id: int) -> int:
        """Return how the file named a household; 0 if it did not."""
        return self._flags[household_id] if household_id < len(self._flags) else 0

    # --- finishing ---------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Hand in facts, look-ups and named accounts of everything touched since the last time."""
        existing = [one for one, state in self._states.items() if not state.is_new and state.latest is not None]
        keys = db.current_lookups(self._connection, existing) if existing else {}
        named = db.current_claims(self._connection, existing) if existing else {}
        for one, state in self._states.items():
            if self.flag_of(one) == TOUCHED:
                self._finish_facts(state, present=True)
                self._finish_lookups(state, keys.get(one, set()))
                self._finish_claims(state, named.get(one, {}))
        self._states.clear()

    def _finish_facts(self, state: Touched, *, present: bool) -> None:
        if self.is_snapshot:
            self._mark(state, present=present)
        timeline = fold(state.records, self._presences(state))
        if state.merged_on is not None:
            timeline = end_by_merger(timeline, state.merged_on)
        kept, wanted, one = {known.part for known in state.known}, set(timeline), state.household_id
        stale = [(one, known.known_from, known.part.valid_from) for known in state.known if known.part not in wanted]
        if stale:
            writes.close_facts(self._connection, self._version, stale)
        for part in timeline:
            if part not in kept:
                row = (
                    part.valid_from,
                    part.valid_to,
                    self.standing_id(part.standing),
                    part.district,
                    part.record_id,
                )
                self._new.add(facts, one, self._version, *row)
        self._count(state.known[-1].part if state.known else None, timeline[-1] if timeline else None)
        if not present and state.known:
            self._compare(state, timeline[-1])

    def _compare(self, state: Touched, after: Slice) -> None:
        """Note where silence ends what a delta said after the snapshot before (edge case 73)."""
        version = next((r.version for r in state.records if r.record_id == after.record_id), -1)
        if self._before < version <= self._header.position and is_live(state.known[-1].part.standing):
            self.differ(state.household_id, after.district, "live", "silent")

    def differ(self, household_id: int, district: str, delta: str, snapshot: str) -> None:
        """Note that this snapshot says otherwise of a household than a delta before it."""
        self._outcomes.differences.append(Difference(household_id, district, delta, snapshot))
        self.movement.add(self.movement.contradictions, district)

    def _mark(self, state: Touched, *, present: bool) -> None:
        """Record where this snapshot changes the household's presence, and keep what the next one said."""
        position = self._header.position
        before = _presence_at(state.changes, position)
        if before == present:
            return
        later = next((s.position for s in self._snapshots if s.position > position), None)
        if later is not None and all(at != later for at, _ in state.changes):
            self._change_presence(state, later, present=before)
        self._change_presence(state, position, present=present)

    def _change_presence(self, state: Touched, position: int, *, present: bool) -> None:
        self._new.add(presences, state.household_id, position, int(present), self._version)
        state.changes = sorted([*state.changes, (position, present)])

    def _presences(self, state: Touched) -> list[Presence]:
        said = [(s.position, s.as_of) for s in self._snapshots]
        if self.is_snapshot:
            said.append((self._header.position, self._header.as_of))
        return [Presence(at, as_of, _presence_at(state.changes, at)) for at, as_of in said]

    def _count(self, before: Slice | None, after: Slice | None) -> None:
        was, live = (
            before is not None and is_live(before.standing),
            after is not None and is_live(after.standing),
        )
        if before is not None and was and not live:
            self.movement.add(self.movement.ends, before.district)
        elif after is not None and live and not was:
            self.movement.add(self.movement.additions, after.district)
        elif before is not None and after is not None and before.standing.category != after.standing.category:
            self.movement.add(self.movement.changes, after.district)

    def _finish_lookups(self, state: Touched, current: set[db.LookupRow]) -> None:
        """Let the household be found by its latest record; certificates stay for ever (edge case 42)."""
        one = state.household_id
        wanted = {db.LookupRow(LookupKind.CERTIFICATE, digest) for digest in state.certificates}
        if state.latest is not None and state.dek is not None:
            wanted |= state.latest_lookups
            stale = [key for key in current - wanted if key.kind != LookupKind.CERTIFICATE]
            if stale:
                writes.close_lookups(self._connection, self._version, [(key.kind, key.digest, one) for key in stale])
        late = state.persons - wanted - current if state.dek is not None else set()
        for key in (wanted - current) | late:
            self._new.add(lookups, key.kind, key.digest, one, self._version)
        self._late_lookups += [(key.kind, key.digest, one) for key in late]

    def close_late_lookups(self) -> None:
        """Close, once written, the keys of persons that only an older record names: known, but not of today."""
        writes.close_lookups(self._connection, self._version, self._late_lookups)
        self._late_lookups = []

    def _finish_claims(self, state: Touched, current: dict[str, str]) -> None:
        if state.latest is None:
            return
        named, one = state.latest.accounts, state.household_id
        stale = [(one, company) for company, number in current.items() if named.get(company) != number]
        if stale:
            writes.close_claims(self._connection, self._version, stale)
        for company, number in named.items():
            if current.get(company) != number:
                self._new.add(claims, one, company, self._version, number, state.latest.effective_on)
        if stale:
            self.movement.add(self.movement.changes, state.latest.address.district)

    # --- a snapshot's silence ----------------------------------------------------------------------------------

    def apply_silence(self) -> None:
        """End the households that the snapshot does not name, and bring back those it names again (edge case 68)."""
        moved = sorted(self._moved_by_snapshot())
        for start in range(0, len(moved), _PART):
            part = moved[start : start + _PART]
            self.load(part)
            for one in part:
                self._finish_facts(self._states[one], present=bool(self.flag_of(one)))
            self._states.clear()
            self._new.write(self._connection)

    def _moved_by_snapshot(self) -> set[int]:
        if self._first_new == 1:
            return set()
        before = db.presence_before(self._connection, self._header.position)
        every = db.ids_of_source(self._connection, self._header.source)
        moved = {one for one, seen in self._unfinished(every) if before.get(one, True) != seen}
        standing = db.standing_since(self._connection, self._header.source, self._header.as_of)
        absent_or_live = dict(standing)
        return moved | {one for one, seen in self._unfinished(absent_or_live) if absent_or_live[one] == seen}

    def _unfinished(self, ids: Any) -> Iterator[tuple[int, bool]]:
        """Yield (household, whether named) for those that no record of this file has touched, where that is certain."""
        for one in ids:
            flag = self.flag_of(one)
            if flag == KNOWN or (flag == 0 and not self.doubtful):
                yield one, flag == KNOWN


def _presence_at(changes: Sequence[tuple[int, bool]], position: int) -> bool:
    """Return the last word on presence up to a position; before the first word a household is present."""
    return next((present for at, present in reversed(changes) if at <= position), True)
