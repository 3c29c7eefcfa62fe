"""Taking in the registry: snapshots and deltas of civil affairs.

Gather, judge and apply run in one transaction for the whole file; the brake is judged at its end, before the commit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import islice
from typing import Final

import msgspec
from sqlalchemy import Connection

from adapters.base import ReadRecord
from integration.clock import today
from integration.domain import brake
from integration.domain.brake import Movement, Trip
from integration.domain.mergers import Evidence, Merger
from integration.jobs.hub import Hub
from integration.jobs.intake import MOST_DIFFERENCES, Apply, BrakeTripped, Content, keep_outcomes, parts, take_in
from integration.jobs.outcomes import Outcomes, SyncResult
from integration.jobs.registry_rows import RegistryRows
from integration.storage import audit, registry, submissions
from integration.storage import registry_writes as writes
from integration.storage.engine import next_version
from schemas.faults import FileRefused, Outcome, refuse
from schemas.registry import FileKind, RegistryHeader, RegistryRow
from schemas.values import Month, int_day, is_day

#: How far ahead of the hub's calendar an as-of date may lie.
_AHEAD: Final = timedelta(days=31)


def sync_registry(hub: Hub, content: Content, *, actor: str) -> SyncResult:
    """Take in a registry file and apply it; the reply says how its rows ended.

    Raises:
        MessageConflict: its message id was used for other content.
    """
    sender, message_id = message_of(hub, content)
    return take_in(
        hub,
        sender=sender,
        kind="registry",
        message_id=message_id,
        content=content,
        apply=applying(hub, sender, actor),
        actor=actor,
    )


def applying(hub: Hub, _sender: str, actor: str) -> Apply:
    """Return what applies a kept registry file."""
    return lambda connection, number, braked: apply_registry(hub, connection, number, actor=actor, braked=braked)


def message_of(hub: Hub, content: Content) -> tuple[str, str | None]:
    """Return a file's sender and message id by its header.

    A file without one is kept all the same, as of this hub's source, and refused when it is applied.
    """
    try:
        header = _open(hub, content())[0]
    except FileRefused:
        return hub.registry_source, None
    return header.source, header.message_id


def _open(hub: Hub, chunks: Iterable[bytes]) -> tuple[RegistryHeader, Iterable[ReadRecord]]:
    iterator = iter(chunks)
    first = b"".join(islice(iterator, 1))
    return hub.registry_reader(first[:64]).read(_rejoin(first, iterator))


def _rejoin(first: bytes, rest: Iterable[bytes]) -> Iterable[bytes]:
    yield first
    yield from rest


def apply_registry(hub: Hub, connection: Connection, submission_id: int, *, actor: str, braked: bool) -> SyncResult:
    """Apply a kept file in the caller's transaction.

    Raises:
        FileRefused: it is damaged or not what it says it is.
        BrakeTripped: it would change too much at once, and ``braked``.
    """
    with submissions.opened_content(connection, hub.ring, submission_id) as chunks:
        return apply_chunks(hub, connection, submission_id, chunks, actor=actor, braked=braked)


def apply_chunks(
    hub: Hub, connection: Connection, submission_id: int, chunks: Iterable[bytes], *, actor: str, braked: bool
) -> SyncResult:
    """Apply a registry file from its bytes; a dry run hands in bytes that are kept nowhere."""
    header, reads = _open(hub, chunks)
    version = next_version(connection, hub.clock, "registry", submission_id)
    again = check_header(hub, connection, header)
    header = msgspec.structs.replace(header, kind=FileKind.DELTA) if again else header
    base = registry.live_by_district(connection) if header.kind is FileKind.SNAPSHOT else {}
    rows = RegistryRows(hub, connection, header, submission_id, version, accepted=not braked)
    for batch in parts(reads):
        rows.apply(batch)
        hub.progress("registry", len(batch))
    if again and rows.outcomes.counts[Outcome.UNCHANGED] != rows.outcomes.rows:
        raise _position_taken()
    rows.finish()
    trips = _rejected(hub, header, rows) + _judge(hub, connection, header, rows, base) if braked else []
    if trips:
        raise BrakeTripped(trips, rows.outcomes)
    kind = header.kind.value if braked else "released"  # two persons have answered for these ends: they count no more
    writes.note_movement(connection, version, kind, rows.households.movement)
    _note(hub, connection, header, rows, submission_id, version, actor)
    _retry_parked(hub, connection, header, rows, actor)
    return SyncResult(
        submission_id=submission_id,
        state="applied",
        version=version,
        counts=rows.outcomes.counts,
        warnings=rows.outcomes.warnings,
        faults=rows.outcomes.faults(),
        differences=rows.outcomes.differences[:MOST_DIFFERENCES],
        ended=sum(rows.households.movement.ends.values()),
    )


def check_header(hub: Hub, connection: Connection, header: RegistryHeader) -> bool:
    """Refuse a file of another sender, a month that is not its own, or a position out of line (edge cases 52, 69).

    Tell whether it is a snapshot of an accepted position and day: exported again, it may say nothing new (case 71).

    Raises:
        FileRefused: with what to do about it.
    """
    if header.source != hub.registry_source:
        raise refuse(
            "WRONG_SOURCE",
            "报送单位不是本库登记的单位 / the file is not from this hub's registry",
            row=1,
            column="source",
        )
    if not is_day(header.as_of):
        raise refuse("BAD_DAY", "数据日期不存在，请更正 / there is no such day; correct it", row=1, column="as_of")
    if int_day(header.as_of) > today(hub.clock) + _AHEAD:
        raise refuse(
            "AS_OF_IN_FUTURE",
            "数据日期在未来一个月以后，请更正 / the as-of date is more than a month ahead; correct it",
            row=1,
            column="as_of",
        )
    if abs(Month.parse(header.month).minus(Month.of(int_day(header.as_of)))) > 1:
        raise refuse(
            "WRONG_MONTH",
            "所属月份与数据日期不符，请核对 / the month does not fit the as-of date",
            row=1,
            column="month",
        )
    if header.kind is not FileKind.SNAPSHOT:
        return False
    return _is_known_position(registry.applied_snapshots(connection, header.source), header)


def _position_taken() -> FileRefused:
    text = "该数据位点已有内容不同的全量 / another snapshot with other content has this position"
    return refuse("POSITION_TAKEN", text, row=1, column="position")


def _is_known_position(snapshots: Iterable[registry.Snapshot], header: RegistryHeader) -> bool:
    for other in snapshots:
        if other.position == header.position:
            if other.as_of != header.as_of:
                raise _position_taken()
            return True
        if (other.position < header.position) != (other.as_of <= header.as_of) and other.as_of != header.as_of:
            raise refuse(
                "POSITION_OUT_OF_LINE",
                "数据位点与数据日期的先后不一致 / position and as-of date disagree with an accepted snapshot",
                row=1,
                column="position",
            )
    return False


def _rejected(hub: Hub, header: RegistryHeader, rows: RegistryRows) -> list[Trip]:
    limits = hub.policy.at(Month.of(int_day(header.as_of))).brake
    return brake.judge_rows(rows.outcomes.counts[Outcome.REJECTED], rows.outcomes.rows, limits)


def _judge(
    hub: Hub, connection: Connection, header: RegistryHeader, rows: RegistryRows, base: dict[str, int]
) -> list[Trip]:
    limits = hub.policy.at(Month.of(int_day(header.as_of))).brake
    moved = rows.households.movement
    if header.kind is FileKind.SNAPSHOT:
        moved.base, moved.named = base, rows.districts
        return brake.judge(moved, limits)
    ends = registry.ends_since_lists(connection)
    for district, number in moved.ends.items():
        ends[district] = ends.get(district, 0) + number
    if not moved.ends or sum(ends.values()) <= min(limits.ends.count, limits.ends_district.count):
        return []
    before = registry.live_by_district(connection)
    for district, number in ends.items():  # what stood before the first of these ends
        before[district] = before.get(district, 0) + number
    return brake.judge(Movement(base=before, ends=ends), limits)


def _note(
    hub: Hub,
    connection: Connection,
    header: RegistryHeader,
    rows: RegistryRows,
    submission_id: int,
    version: int,
    actor: str,
) -> None:
    """Write what the submission did: its outcomes, its place among the snapshots, its audit row."""
    keep_outcomes(connection, submission_id, rows.outcomes)
    if header.kind is FileKind.SNAPSHOT:
        districts = ",".join(sorted(rows.districts))
        writes.note_snapshot(connection, submission_id, header, version, districts)
    digest = rows.hasher.done()
    counts = rows.outcomes.counts
    note_mergers(hub, connection, rows.mergers.noted, Evidence.RECORD, version, actor)
    detail = {"kind": header.kind.value, "position": header.position, "version": version, "counts": counts}
    effect = audit.Effect(digest.rows, 0, digest.sha256)
    audit.record(connection, hub.clock, actor, "registry_applied", str(submission_id), detail, effect)


def note_mergers(
    hub: Hub, connection: Connection, noted: Iterable[Merger], evidence: Evidence, version: int, actor: str
) -> None:
    """Write the audit rows of mergers."""
    for one in noted:
        detail = {"merged_on": one.merged_on, "evidence": evidence.value, "version": version}
        audit.record(connection, hub.clock, actor, "households_merged", f"{one.keep}:{one.gone}", detail)


def _retry_parked(hub: Hub, connection: Connection, header: RegistryHeader, rows: RegistryRows, actor: str) -> None:
    """Apply what waited for the households that this file brought, under a version of its own (edge case 74).

    What is applied may bring a certificate's next number, for which something else waits.
    """
    arrived = rows.new_certificates
    while waiting := [one for part in parts(arrived) for one in registry.parked_for(connection, part)]:
        arrived = []
        by_submission: dict[int, list[registry.Parked]] = {}
        for one in waiting:
            by_submission.setdefault(one.submission_id, []).append(one)
        for submission_id, parked in sorted(by_submission.items()):
            arrived += _apply_parked(hub, connection, header, submission_id, parked, actor)


def _apply_parked(
    hub: Hub,
    connection: Connection,
    header: RegistryHeader,
    submission_id: int,
    parked: Sequence[registry.Parked],
    actor: str,
) -> list[bytes]:
    """Apply a submission's parked rows; return the certificates that came with them.

    A row that ends without reaching a household waits on.
    """
    version = next_version(connection, hub.clock, "registry", submission_id)
    delta = msgspec.structs.replace(header, kind=FileKind.DELTA)
    rows = RegistryRows(hub, connection, delta, submission_id, version)
    unsealed = {one.row: _unseal(hub, one) for one in parked}
    rows.apply([ReadRecord(row, record) for row, record in sorted(unsealed.items())])
    rows.finish()
    keep_outcomes(connection, submission_id, rows.outcomes)
    waiting = _still_waiting(rows.outcomes)
    for one in parked:
        if not any(one.row in span for span in waiting):
            writes.unpark(connection, one.parked_id, version)
    writes.note_movement(connection, version, FileKind.DELTA.value, rows.households.movement)
    digest = rows.hasher.done()
    detail = {"kind": "parked", "version": version, "counts": rows.outcomes.counts}
    effect = audit.Effect(digest.rows, 0, digest.sha256)
    note_mergers(hub, connection, rows.mergers.noted, Evidence.RECORD, version, actor)
    audit.record(connection, hub.clock, actor, "parked_applied", f"{submission_id}:{version}", detail, effect)
    return rows.new_certificates


def _still_waiting(outcomes: Outcomes) -> list[range]:
    """Return the rows that reached no household; one that waits for a person in dispute is on file already."""
    ends = (Outcome.HELD, Outcome.REJECTED)
    return [
        range(first, last + 1)
        for first, last, outcome, _, code, _ in outcomes.runs()
        if outcome in ends and code != "DUPLICATE_PERSON"
    ]


def _unseal(hub: Hub, parked: registry.Parked) -> RegistryRow:
    content = hub.submission_key.open(("parked_rows", parked.certificate.hex()), parked.sealed)
    return msgspec.json.decode(content, type=RegistryRow)
