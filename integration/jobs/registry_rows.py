"""Applying registry records, batch by batch, in the one transaction of the whole file.

Gather what is known of a batch by keyed digests, judge each record, let the touched households write themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec
from msgspec import structs
from sqlalchemy import Connection

from adapters.base import ReadRecord
from integration.domain.allowance import Claimant, held_households
from integration.domain.households import Record, standing_of
from integration.jobs.hub import Hub
from integration.jobs.outcomes import Outcomes
from integration.jobs.registry_households import KNOWN, TOUCHED, Households, Touched
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
        self._persons: dict[bytes, set[int]] = {}
        self._mac = keyed_hasher(hub.ring, "records")
        self.households = Households(hub, connection, header, version, self._new)
        self.outcomes = Outcomes()
        self.hasher = RowsHasher(10)
        self.districts: set[str] = set()
        self.new_certificates: list[bytes] = []

    def apply(self, batch: Sequence[ReadRecord]) -> None:
        """Apply a batch of read records and record how each row ended."""
        items = [self._item(read.row, read.record) for read in batch if read.record is not None]
        ends = self._judge_all(items)
        if self.households.is_snapshot:
            self.households.finish()
        self._new.write(self._connection)
        for read in batch:
            end = ends[read.row] if read.record is not None else End(Outcome.REJECTED, read.fault)
            self.outcomes.add(read.row, end.outcome, end.fault, read.warnings)

    def finish(self) -> None:
        """Finish a delta's households, or apply a snapshot's silence."""
        self.households.finish()
        self._new.write(self._connection)
        if self.households.is_snapshot:
            self.households.apply_silence()

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
        self._persons |= db.households_by(self._connection, LookupKind.PERSON, list(persons - self._persons.keys()))
        self.households.load(sorted({one for digest in certificates for one in self._owners.get(digest, ())}))

    def _judge(self, item: Item, keys: frozenset[db.LookupRow]) -> End:
        owners = {one for digest in item.certificates for one in self._owners.get(digest, ())}
        if len(owners) > 1:
            return self._end(Outcome.HELD, item, "CERTIFICATES_DISAGREE")
        if not owners and not self.households.is_snapshot and item.record.record is not RecordKind.GRANT:
            self._park(item)
            return self._end(Outcome.HELD, item, "UNKNOWN_CERTIFICATE")
        state = self.households[owners.pop()] if owners else self.households.create()
        if any((one.effective_on, one.version) == _key(item.record) for one in state.records):
            return self._end(Outcome.REJECTED, item, "VERSION_CONFLICT")
        if self.households.is_snapshot and self.households.flag_of(state.household_id):
            return self._end(Outcome.REJECTED, item, "TWICE_IN_SNAPSHOT")
        self._accept(item, state, keys)
        if self._must_wait(state, item, [key.digest for key in keys if key.kind == LookupKind.PERSON]):
            return self._end(Outcome.HELD, item, "DUPLICATE_PERSON", state.household_id)
        return End(Outcome.APPLIED, None, state.household_id)

    def _end(self, outcome: Outcome, item: Item, code: str, household: int = 0) -> End:
        return End(outcome, Fault(item.row, _COLUMNS[code], code, _TEXTS[code]), household)

    def _park(self, item: Item) -> None:
        """Keep a change of an unknown certificate until its household comes (edge case 74)."""
        certificate = item.certificates[0]
        sealed = self._hub.submission_key.seal(("parked_rows", certificate.hex()), item.encoded)
        writes.park(self._connection, self._submission_id, item.row, certificate, sealed, self._version)

    def _accept(self, item: Item, state: Touched, keys: frozenset[db.LookupRow]) -> None:
        record, one = item.record, state.household_id
        self._accepted += 1
        record_id = self._version << _ROW_BITS | self._accepted
        standing, district, said = standing_of(record), record.address.district, _key(record)
        state.records.append(Record(record_id, *said, standing, district))
        self.hasher.update(((record_id, one, *said, *standing, district),))
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
        self.households.flag(one, TOUCHED)

    # --- a person in two certificates --------------------------------------------------------------------------

    def _must_wait(self, state: Touched, item: Item, persons: Iterable[bytes]) -> bool:
        """Note every person whom another household names too; tell whether this household has to wait for it."""
        rivals: set[int] = set()
        for person in persons:
            owners = self._persons.setdefault(person, set())
            if others := owners - {state.household_id}:
                self._note_contest(person, others | {state.household_id})
                rivals |= others
            owners.add(state.household_id)
        if not rivals:
            return False
        mine = Claimant(state.household_id, item.record.valid_from, state.created)
        return state.household_id in held_households([mine, *self._claimants(rivals)])

    def _note_contest(self, person: bytes, owners: set[int]) -> None:
        known = db.known_contests(self._connection, [person])
        pending = set(self._new.rows[contests])
        for one in sorted(owners):
            if (person, one) not in known and (person, one, self._version) not in pending:
                self._new.add(contests, person, one, self._version)

    def _claimants(self, ids: set[int]) -> list[Claimant]:
        timelines = db.timelines(self._connection, sorted(ids))
        created, _ = db.created_and_presences(self._connection, sorted(ids))
        found = [
            Claimant(one, known[-1].part.standing.certificate_from, created[one]) for one, known in timelines.items()
        ]
        at_hand = [self.households.at_hand(one) for one in ids - timelines.keys()]
        return found + [
            Claimant(state.household_id, state.records[-1].standing.certificate_from, state.created)
            for state in at_hand
            if state is not None and state.records
        ]


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
