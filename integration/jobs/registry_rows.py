"""Applying registry records, batch by batch, in the one transaction of the whole file.

Gather what is known of a batch by keyed digests, judge each record, let the touched households write themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
from msgspec import structs
from sqlalchemy import Connection

from adapters.base import ReadRecord
from integration.domain.households import Record, is_live, standing_of
from integration.jobs.communities import Communities
from integration.jobs.hub import Hub
from integration.jobs.outcomes import Outcomes
from integration.jobs.registry_households import KNOWN, NAMED, TOUCHED, Households, Touched
from integration.jobs.registry_mergers import Addressee, RegistryMergers
from integration.jobs.registry_persons import Rival, SharedPersons, match_keys, persons_in
from integration.storage import registry as db
from integration.storage import registry_writes as writes
from integration.storage.bulk import RowsHasher
from integration.storage.pii import LookupKind, keyed_hasher
from integration.storage.tables import records, sealed_records
from schemas.faults import Fault, Outcome
from schemas.registry import Certificate, RecordKind, RegistryHeader, RegistryRow
from schemas.values import Month

#: Record ids are ``version << _ROW_BITS | n``: in order of acceptance without another counter.
_ROW_BITS: Final = 28

#: Codes of rows that end held or rejected here: the column they speak of, and what to tell the sender.
_COLUMNS: Final = {
    "UNKNOWN_CERTIFICATE": "certificates",
    "CERTIFICATES_DISAGREE": "certificates",
    "MERGED_HOUSEHOLD": "certificates",
    "VERSION_CONFLICT": "source_version",
    "TWICE_IN_SNAPSHOT": "certificates",
    "DUPLICATE_PERSON": "members",
    "PERSON_SERVED_HERE": "members",
    "CONTRADICTS_DELTA": "status",
}
_TEXTS: Final = {
    "CONTRADICTS_DELTA": "其后的变更已终止该户，本行为较早版本；以变更为准，确仍在册请以新版本号重报"
    " / a later change ended this household, and the row is an older version: the change stands; if the household is"
    " still live, send it under a new version",
    "UNKNOWN_CERTIFICATE": "证件未登记，变更先搁置，待其家庭随全量或新增到来后自动补入"
    " / unknown certificate: parked, and applied when its household arrives",
    "CERTIFICATES_DISAGREE": "所列证件分属不同家庭，且未列出各户共有的成员；须由人工决定是否合户，之后重报"
    " / the certificates belong to different households, of which it names nobody; people decide whether they are one,"
    " then send it again",
    "MERGED_HOUSEHOLD": "该户已并入另一户，请在合并后家庭的记录中变更，或由人工撤销合户"
    " / this household has become part of another one: change the record of that one, or have the merger undone",
    "VERSION_CONFLICT": "同一版本号、同一生效日期已有不同内容，请以新版本号重报"
    " / other content has this version and effective date already; send it again under a new version",
    "TWICE_IN_SNAPSHOT": "全量中同一家庭出现多次，只采用第一条"
    " / the snapshot names this household more than once; the first row counts",
    "DUPLICATE_PERSON": "成员同时在另一有效证件中，额度暂不落户，待区划 {} 核实"
    " / a member stands in another live certificate that is valid earlier; the allowance waits at none yet, and the"
    " offices of districts {} look into it",
    "PERSON_SERVED_HERE": "成员同时在另一有效证件中，本证生效在先，照常减免，待区划 {} 核实"
    " / a member stands in another live certificate that is valid later; this one serves, and the offices of districts"
    " {} look into it",
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
    warnings: tuple[Fault, ...] = ()


class RegistryRows:
    """One submission's application; ``outcomes`` and ``households.movement`` are what reply and brake need."""

    def __init__(
        self,
        hub: Hub,
        connection: Connection,
        header: RegistryHeader,
        submission_id: int,
        version: int,
        *,
        accepted: bool = False,
    ) -> None:
        self._hub = hub
        self._header = header
        self._accepts_differences = accepted
        self._connection = connection
        self._submission_id = submission_id
        self._version = version
        self._accepted = 0
        self._new = writes.Additions()
        self._owners: dict[bytes, set[int]] = {}
        policy = hub.policy.at(Month.from_int(header.as_of // 100))
        self._persons = SharedPersons(hub, connection, version, policy, self._new)
        self._mac = keyed_hasher(hub.ring, "records")
        self.outcomes = Outcomes()
        self.households = Households(hub, connection, header, version, self._new, self.outcomes)
        self.mergers = RegistryMergers(connection, version)
        self._communities = Communities(hub, connection, version, self._new)
        self._effects: list[tuple[object, ...]] = []
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
        self._persons.write()
        self.hasher.update(self._effects)
        self._effects.clear()
        for read in batch:
            end = ends[read.row] if read.record is not None else End(Outcome.REJECTED, read.fault)
            self.outcomes.add(read.row, end.outcome, end.fault, (*read.warnings, *end.warnings))

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
        self.mergers.write()
        self.households.finish()
        self._write()
        if self.households.is_snapshot:
            writes.learn_registry(self._connection)
            self.households.apply_silence()

    def _write(self) -> None:
        self._new.write(self._connection)
        if self.households.is_snapshot:  # a delta may tell of one merger twice, and the earlier day counts
            self.mergers.write()
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
        if self._accepts_differences:
            items = [self._prevailing(item, known.get(item.digest, 0)) for item in items]
        fresh = [item for item in items if item.digest not in known]
        keys = {item.row: frozenset(match_keys(self._hub, item.record)) for item in fresh}
        self._gather(fresh, keys)
        ends: dict[int, End] = {}
        for item in items:
            if item.digest in known:
                warnings = self._contradiction(item, known[item.digest])
                ends[item.row] = End(Outcome.UNCHANGED, None, known[item.digest], warnings)
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
        certificates = {one for item in items for one in item.certificates} - self._owners.keys()
        self._owners |= db.households_by(self._connection, LookupKind.CERTIFICATE, list(certificates))
        persons = {person for item in items for person in persons_in(keys[item.row])}
        self._persons.gather(persons, anew=self.households.is_snapshot)
        self.households.load(sorted({one for digest in certificates for one in self._owners.get(digest, ())}))
        self.mergers.load({one for item in items for one in self._owners_of(item)})

    def _judge(self, item: Item, keys: frozenset[db.LookupRow]) -> End:
        owners = self._owners_of(item)
        for one in owners:
            self.households.flag(one, NAMED)
        persons = persons_in(keys)
        whom = self.mergers.addressee(owners, item.record.effective_on, persons) if owners else Addressee()
        if whom.code:
            return self._end(Outcome.HELD, item, whom.code)
        if not owners and not self.households.is_snapshot and item.record.record is not RecordKind.GRANT:
            self._park(item)
            return self._end(Outcome.HELD, item, "UNKNOWN_CERTIFICATE")
        state = self.households[whom.household] if owners else self.households.create()
        item = self._prevailing(item, state.household_id)
        if any((one.effective_on, one.version) == _key(item.record) for one in state.records):
            return self._end(Outcome.REJECTED, item, "VERSION_CONFLICT")
        if self.households.is_snapshot and self.households.flag_of(state.household_id) > NAMED:
            return self._end(Outcome.REJECTED, item, "TWICE_IN_SNAPSHOT")
        self._merge(whom, item.record.effective_on)
        self._accept(item, state, keys)
        rivals = self._persons.rivals(state, standing_of(item.record), persons, self.households)
        end = self._beside(rivals, state, item)
        return end._replace(warnings=(*end.warnings, *self._contradiction(item, state.household_id)))

    # --- what a snapshot says otherwise than deltas before it (edge case 73) --------------------------------------

    def _is_contradicted(self, item: Item, household: int) -> bool:
        ended = self.households.ended_since.get(household, -1)
        return item.record.source_version < ended and is_live(standing_of(item.record))

    def _contradiction(self, item: Item, household: int) -> tuple[Fault, ...]:
        if not self._is_contradicted(item, household):
            return ()
        self.households.differ(household, item.record.address.district, "ended", "live")
        return (_fault(item, "CONTRADICTS_DELTA"),)

    def _prevailing(self, item: Item, household: int) -> Item:
        """Let the snapshot's word count as of its own day and position, once its differences are accepted."""
        if not (self._accepts_differences and self._is_contradicted(item, household)):
            return item
        said = {"effective_on": self._header.as_of, "source_version": self._header.position}
        return self._item(item.row, structs.replace(item.record, **said))

    def _owners_of(self, item: Item) -> list[int]:
        """Return the households of a record's certificates, that of the certificate in force first."""
        return list(dict.fromkeys(one for digest in item.certificates for one in sorted(self._owners.get(digest, ()))))

    def _merge(self, whom: Addressee, merged_on: int) -> None:
        for gone in whom.parts:
            self.mergers.merge(gone, whom.household, merged_on)
            self.households[gone].merged_on = merged_on
            self.households.flag(gone, TOUCHED)

    def _end(self, outcome: Outcome, item: Item, code: str, household: int = 0) -> End:
        return End(outcome, _fault(item, code), household)

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
        place = (district, self._communities.number(record.address))
        row = (one, record_id, self._submission_id, *said, standing_id, *place, item.digest, self._version)
        self._new.add(records, *row)
        if state.dek is not None:
            sealed = state.dek.seal(("sealed_records", one, record_id), item.encoded)
            self._new.add(sealed_records, one, record_id, sealed)
        for digest in item.certificates:
            if not self._owners.get(digest):
                self._owners[digest] = {one}
                self.new_certificates.append(digest)
            if one in self._owners[digest]:  # a certificate of a household that became part of it stays that one's
                state.certificates.add(digest)
        if said > state.latest_key:
            state.latest, state.latest_key, state.latest_lookups = record, said, keys
        state.persons |= {key for key in keys if key.kind == LookupKind.PERSON}
        self.households.flag(one, TOUCHED)

    def _beside(self, rivals: Sequence[Rival], state: Touched, item: Item) -> End:
        """Hold an accepted record if a certificate valid earlier names a person too; both districts are told (45)."""
        if not rivals:
            return End(Outcome.APPLIED, None, state.household_id)
        offices = ", ".join(sorted({item.record.address.district, *(one.district for one in rivals)}))
        if min(one.rank for one in rivals) < (item.record.valid_from, state.created, state.household_id):
            return End(Outcome.HELD, _fault(item, "DUPLICATE_PERSON", offices), state.household_id)
        return End(Outcome.APPLIED, None, state.household_id, (_fault(item, "PERSON_SERVED_HERE", offices),))


def _fault(item: Item, code: str, offices: str = "") -> Fault:
    return Fault(item.row, _COLUMNS[code], code, _TEXTS[code].format(offices, offices))


def canonical_record(record: RegistryRow) -> RegistryRow:
    """Return the record without what its carrier adds: that it came as a grant, and the order of its accounts."""
    return structs.replace(record, record=RecordKind.CHANGE, accounts=dict(sorted(record.accounts.items())))


def certificate_key(certificate: Certificate) -> str:
    """Return the text by which a certificate is found: issuer, kind and number together."""
    return f"{certificate.issuer}\x1f{certificate.kind}\x1f{certificate.number}"


def _key(record: RegistryRow) -> tuple[int, int]:
    return record.effective_on, record.source_version
