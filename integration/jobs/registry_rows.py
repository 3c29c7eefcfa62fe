"""Applying registry records, batch by batch, in the one transaction of the whole file.

Gather what is known of a batch by keyed digests, judge each record, let the touched households write themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import msgspec
from msgspec import structs
from sqlalchemy import Connection

from adapters.base import ReadRecord
from integration.domain.households import Record, is_live, standing_of
from integration.jobs.hub import Hub
from integration.jobs.outcomes import Outcomes
from integration.jobs.registry_households import KNOWN, NAMED, TOUCHED, Households, Touched
from integration.storage import registry as db
from integration.storage import registry_writes as writes
from integration.storage.bulk import RowsHasher
from integration.storage.pii import LookupKind, keyed_hasher
from integration.storage.tables import contests, records, sealed_records
from schemas.addresses import normal_address, place_key
from schemas.citizen_id import is_matching_key
from schemas.faults import Fault, Outcome
from schemas.registry import Certificate, RecordKind, RegistryHeader, RegistryRow
from schemas.text import fold_name

#: Record ids are ``version << _ROW_BITS | n``: in order of acceptance without another counter.
_ROW_BITS: Final = 28

#: Codes of rows that end held or rejected here: the column they speak of, and what to tell the sender.
_COLUMNS: Final = {
    "UNKNOWN_CERTIFICATE": "certificates",
    "CERTIFICATES_DISAGREE": "certificates",
    "VERSION_CONFLICT": "source_version",
    "TWICE_IN_SNAPSHOT": "certificates",
    "DUPLICATE_PERSON": "members",
}
_TEXTS: Final = {
    "UNKNOWN_CERTIFICATE": "证件未登记，变更先搁置，待其家庭随全量或新增到来后自动补入"
    " / unknown certificate: parked, and applied when its household arrives",
    "CERTIFICATES_DISAGREE": "所列证件分属不同家庭，合户须人工处理"
    " / the certificates belong to different households; people must decide",
    "VERSION_CONFLICT": "同一版本号、同一生效日期已有不同内容，请以新版本号重报"
    " / other content has this version and effective date already; send it again under a new version",
    "TWICE_IN_SNAPSHOT": "全量中同一家庭出现多次，只采用第一条"
    " / the snapshot names this household more than once; the first row counts",
    "DUPLICATE_PERSON": "成员同时在另一有效证件中，额度暂不落户，待核实"
    " / a member stands in another live certificate that is valid earlier; the allowance waits at none yet",
}


class Item(NamedTuple):
    """An accepted record on its way in; ``digest`` covers the whole record, keyed."""

    row: int
    record: RegistryRow
    encoded: bytes
    digest: bytes
    certificates: tuple[bytes, ...]


class End(NamedTuple):
    """How a row ended; ``household`` 0 if it reached none."""

    outcome: Outcome
    fault: Fault | None = None
    household: int = 0


class RegistryRows:
    """One submission's application; ``outcomes`` and ``households.movement`` are what reply and brake need."""

    def __init__(
        self, hub: Hub, connection: Connection, header: RegistryHeader, submission_id: int, version: int
    ) -> None:
        self._hub = hub
        self._connection = connection
        self._submission_id = submission_id
        self._version = version
        self._accepted = 0
        self._new = writes.Additions()
        self._owners: dict[bytes, set[int]] = {}
        self._persons: dict[bytes, dict[int, bool]] = {}
        self._shared: dict[bytes, set[int]] = {}
        self._mac = keyed_hasher(hub.ring, "records")
        self.households = Households(hub, connection, header, version, self._new)
        self._effects: list[tuple[object, ...]] = []
        self.outcomes = Outcomes()
        self.hasher = RowsHasher(10)
        self.districts: set[str] = set()
        self.new_certificates: list[bytes] = []

    def apply(self, batch: Sequence[ReadRecord]) -> None:
        """Apply a batch of read records and record how each row ended."""
        items = [self._item(read.row, read.record) for read in batch if read.record is not None]
        ends = self._judge_all(items)
        self._spare([read.named for read in batch if read.record is None])
        if self.households.is_snapshot:
            self.households.finish()
        self._write()
        if self._shared:
            self._note_contests()
        self.hasher.update(self._effects)
        self._effects.clear()
        for read in batch:
            end = ends[read.row] if read.record is not None else End(Outcome.REJECTED, read.fault)
            self.outcomes.add(read.row, end.outcome, end.fault, read.warnings)

    def _spare(self, rejected: Sequence[tuple[Certificate, ...]]) -> None:
        """Keep a snapshot's silence from ending households that its rejected rows name."""
        digest = self._hub.index.digest
        named = {digest(LookupKind.CERTIFICATE, certificate_key(one)) for each in rejected for one in each}
        self.households.doubtful |= not all(rejected)
        for owners in db.households_by(self._connection, LookupKind.CERTIFICATE, sorted(named)).values():
            for one in owners:
                self.households.flag(one, NAMED)

    def finish(self) -> None:
        """Finish a delta's households, or apply a snapshot's silence."""
        self.households.finish()
        self._write()
        if self.households.is_snapshot:
            writes.learn_registry(self._connection)
            self.households.apply_silence()

    def _write(self) -> None:
        self._new.write(self._connection)
        self.households.close_late_lookups()

    def _item(self, row: int, record: RegistryRow) -> Item:
        encoded = msgspec.json.encode(canonical_record(record))
        digest = self._hub.index.digest
        certificates = tuple(digest(LookupKind.CERTIFICATE, certificate_key(one)) for one in record.certificates)
        self.districts.add(record.address.district)
        mac = self._mac.copy()
        mac.update(encoded)
        return Item(row, record, encoded, mac.digest(), certificates)

    def _judge_all(self, items: Sequence[Item]) -> dict[int, End]:
        known = db.known_digests(self._connection, [item.digest for item in items])
        fresh = [item for item in items if item.digest not in known]
        keys = {item.row: frozenset(match_keys(self._hub, item.record)) for item in fresh}
        self._gather(fresh, keys)
        ends: dict[int, End] = {}
        for item in items:
            if item.digest in known:
                ends[item.row] = End(Outcome.UNCHANGED, None, known[item.digest])
                self.households.flag(known[item.digest], KNOWN)
            else:
                ends[item.row] = self._judge(item, keys[item.row])
                if ends[item.row].household:
                    known[item.digest] = ends[item.row].household
        return ends

    def _gather(self, items: Sequence[Item], keys: dict[int, frozenset[db.LookupRow]]) -> None:
        """Load every household that these records may be about, and every owner of a person they name."""
        if self.households.is_snapshot:  # a delta's households stay at hand to its end
            self._owners.clear()
            self._persons.clear()
        certificates = {one for item in items for one in item.certificates} - self._owners.keys()
        self._owners |= db.households_by(self._connection, LookupKind.CERTIFICATE, list(certificates))
        persons = {key.digest for item in items for key in keys[item.row] if key.kind == LookupKind.PERSON}
        self._persons |= db.naming_households(self._connection, list(persons - self._persons.keys()))
        self.households.load(sorted({one for digest in certificates for one in self._owners.get(digest, ())}))

    def _judge(self, item: Item, keys: frozenset[db.LookupRow]) -> End:
        owners = {one for digest in item.certificates for one in self._owners.get(digest, ())}
        for one in owners:
            self.households.flag(one, NAMED)
        if len(owners) > 1:
            return self._end(Outcome.HELD, item, "CERTIFICATES_DISAGREE")
        if not owners and not self.households.is_snapshot and item.record.record is not RecordKind.GRANT:
            self._park(item)
            return self._end(Outcome.HELD, item, "UNKNOWN_CERTIFICATE")
        state = self.households[owners.pop()] if owners else self.households.create()
        if any((one.effective_on, one.version) == _key(item.record) for one in state.records):
            return self._end(Outcome.REJECTED, item, "VERSION_CONFLICT")
        if self.households.is_snapshot and self.households.flag_of(state.household_id) > NAMED:
            return self._end(Outcome.REJECTED, item, "TWICE_IN_SNAPSHOT")
        self._accept(item, state, keys)
        if self._must_wait(state, item, [key.digest for key in keys if key.kind == LookupKind.PERSON]):
            return self._end(Outcome.HELD, item, "DUPLICATE_PERSON", state.household_id)
        return End(Outcome.APPLIED, None, state.household_id)

    def _end(self, outcome: Outcome, item: Item, code: str, household: int = 0) -> End:
        return End(outcome, Fault(item.row, _COLUMNS[code], code, _TEXTS[code]), household)

    def _park(self, item: Item) -> None:
        """Keep a change of an unknown certificate until a household comes with any of its numbers (edge case 74)."""
        for certificate in item.certificates:
            sealed = self._hub.submission_key.seal(("parked_rows", certificate.hex()), item.encoded)
            writes.park(self._connection, self._submission_id, item.row, certificate, sealed, self._version)

    def _accept(self, item: Item, state: Touched, keys: frozenset[db.LookupRow]) -> None:
        record, one = item.record, state.household_id
        self._accepted += 1
        record_id = self._version << _ROW_BITS | self._accepted
        standing, district, said = standing_of(record), record.address.district, _key(record)
        state.records.append(Record(record_id, *said, standing, district))
        self._effects.append((record_id, one, *said, *standing, district))
        standing_id = self.households.standing_id(standing)
        row = (one, record_id, self._submission_id, *said, standing_id, district, item.digest, self._version)
        self._new.add(records, *row)
        if state.dek is not None:
            sealed = state.dek.seal(("sealed_records", one, record_id), item.encoded)
            self._new.add(sealed_records, one, record_id, sealed)
        for digest in item.certificates:
            if not self._owners.get(digest):
                self._owners[digest] = {one}
                self.new_certificates.append(digest)
            state.certificates.add(digest)
        if said > state.latest_key:
            state.latest, state.latest_key, state.latest_lookups = record, said, keys
        state.persons |= {key for key in keys if key.kind == LookupKind.PERSON}
        self.households.flag(one, TOUCHED)

    # --- a person in two certificates --------------------------------------------------------------------------

    def _must_wait(self, state: Touched, item: Item, persons: Iterable[bytes]) -> bool:
        """Remember every person whom another household names or named; tell whether this one has to wait now."""
        rivals: set[int] = set()
        for person in persons:
            owners = self._persons.setdefault(person, {})
            owners[state.household_id] = True
            if len(owners) > 1:
                self._shared.setdefault(person, set()).update(owners)
                rivals |= {one for one, names_it_now in owners.items() if names_it_now}
        rivals.discard(state.household_id)
        mine = (item.record.valid_from, state.created, state.household_id)
        return any(rival < mine for rival in self._live_rivals(rivals))

    def _live_rivals(self, ids: set[int]) -> Iterator[tuple[int, int, int]]:
        """Yield (certificate from, created, household) of the rivals that stand in the registry now."""
        if not ids:
            return
        known = db.timelines(self._connection, sorted(ids))
        created, _ = db.created_and_presences(self._connection, sorted(ids))
        for one in sorted(ids):
            state = self.households.at_hand(one)
            standing = state.records[-1].standing if state and state.records else known[one][-1].part.standing
            if is_live(standing):
                yield standing.certificate_from, state.created if state else created[one], one

    def _note_contests(self) -> None:
        """Keep which records name a shared person, by opening what the households concerned have sealed."""
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
            yield record_id, {key.digest for key in match_keys(self._hub, record) if key.kind == LookupKind.PERSON}


def canonical_record(record: RegistryRow) -> RegistryRow:
    """Return the record without what its carrier adds: that it came as a grant, and the order of its accounts."""
    return structs.replace(record, record=RecordKind.CHANGE, accounts=dict(sorted(record.accounts.items())))


def certificate_key(certificate: Certificate) -> str:
    """Return the text by which a certificate is found: issuer, kind and number together."""
    return f"{certificate.issuer}\x1f{certificate.kind}\x1f{certificate.number}"


def match_keys(hub: Hub, record: RegistryRow) -> Iterable[db.LookupRow]:
    """Yield the keyed digests by which a household is found and matched; placeholders are none (edge case 58)."""
    digest = hub.index.digest
    for member in record.members:
        if member.id_number and is_matching_key(member.id_number):
            yield db.LookupRow(LookupKind.PERSON, digest(LookupKind.PERSON, member.id_number))
        yield db.LookupRow(LookupKind.NAME, digest(LookupKind.NAME, fold_name(member.name)))
    if address := normal_address(record.address.text):
        yield db.LookupRow(LookupKind.ADDRESS, digest(LookupKind.ADDRESS, address))
    if place := place_key(record.address.community, record.address.text):
        yield db.LookupRow(LookupKind.PLACE, digest(LookupKind.PLACE, place))


def _key(record: RegistryRow) -> tuple[int, int]:
    return record.effective_on, record.source_version
