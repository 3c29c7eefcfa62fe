"""The registry in the database: gathering what is known of households, by id or by keyed digest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, func, select

from integration.domain.households import ABSENT, LIVE, Record, Slice, Standing
from integration.storage.bulk import stream
from integration.storage.pii import LookupKind
from integration.storage.sets import among
from integration.storage.tables import (
    OPEN_VERSION,
    claims,
    contests,
    facts,
    household_keys,
    households,
    lists,
    lookups,
    movements,
    parked_rows,
    presences,
    records,
    runs,
    sealed_records,
    snapshots,
    standings,
)
from schemas.values import OPEN_DAY, Status


class Snapshot(NamedTuple):
    """An accepted full snapshot."""

    position: int
    as_of: int
    known_from: int


class LookupRow(NamedTuple):
    """A current look-up key of a household."""

    kind: int
    digest: bytes


def next_household_id(connection: Connection) -> int:
    """Return the first free household id; call it under the knowledge lock."""
    return int(connection.execute(select(func.coalesce(func.max(households.c.household_id), 0))).scalar_one()) + 1


def known_digests(connection: Connection, digests: Sequence[bytes]) -> dict[bytes, int]:
    """Return which of these whole records are on file already, with their households."""
    query = select(records.c.digest, records.c.household_id).where(among(connection, records.c.digest, digests))
    return dict(stream(connection, query))


def households_by(connection: Connection, kind: LookupKind, digests: Sequence[bytes]) -> dict[bytes, set[int]]:
    """Return the households that now answer to each of these keyed digests."""
    query = select(lookups.c.digest, lookups.c.household_id).where(
        lookups.c.kind == int(kind),
        among(connection, lookups.c.digest, digests),
        lookups.c.known_to == OPEN_VERSION,
    )
    found: dict[bytes, set[int]] = {}
    for digest, household in stream(connection, query):
        found.setdefault(digest, set()).add(household)
    return found


def load_standings(connection: Connection) -> dict[Standing, int]:
    """Return every combination of rule inputs on file, with its id."""
    columns = (
        standings.c.category,
        standings.c.status,
        standings.c.certificate_from,
        standings.c.certificate_to,
    )
    query = select(standings.c.standing_id, *columns, standings.c.alive_to)
    return {Standing(*rest): standing_id for standing_id, *rest in stream(connection, query)}


def records_of(connection: Connection, ids: Sequence[int], version: int | None = None) -> dict[int, list[Record]]:
    """Return the records of households as known at a version (now, if none), with their standings."""
    s = standings.c
    query = (
        select(
            records.c.household_id, records.c.record_id, records.c.effective_on, records.c.source_version,
            s.category, s.status, s.certificate_from, s.certificate_to, s.alive_to, records.c.district,
        )
        .join(standings, s.standing_id == records.c.standing_id)
        .where(among(connection, records.c.household_id, ids))
    )  # fmt: skip
    if version is not None:
        query = query.where(records.c.known_from <= version)
    found: dict[int, list[Record]] = {household: [] for household in ids}
    for household, record_id, effective_on, source_version, *standing, district in stream(connection, query):
        found[household].append(Record(record_id, effective_on, source_version, Standing(*standing), district))
    return found


class Known(NamedTuple):
    """A slice of a timeline with the version that brought it."""

    known_from: int
    part: Slice


def timelines(connection: Connection, ids: Sequence[int] | None, version: int | None = None) -> dict[int, list[Known]]:
    """Return the timelines of households (all, if None) as known at a version (now, if none), in order of time."""
    s, f = standings.c, facts.c
    query = (
        select(
            f.household_id, f.known_from, f.valid_from, f.valid_to,
            s.category, s.status, s.certificate_from, s.certificate_to, s.alive_to, f.district, f.record_id,
        )
        .join(standings, s.standing_id == f.standing_id)
        .where(f.known_to == OPEN_VERSION if version is None else known_at(f, version))
        .order_by(f.household_id, f.valid_from)
    )  # fmt: skip
    if ids is not None:
        query = query.where(among(connection, f.household_id, ids))
    found: dict[int, list[Known]] = {}
    for household, known_from, valid_from, valid_to, *standing, district, record_id in stream(connection, query):
        part = Slice(valid_from, valid_to, Standing(*standing), district, record_id)
        found.setdefault(household, []).append(Known(known_from, part))
    return found


def known_at(columns: Any, version: int) -> Any:
    """Return the condition that a fact is known at a version."""
    return and_(columns.known_from <= version, columns.known_to > version)


def created_and_presences(
    connection: Connection, ids: Sequence[int]
) -> tuple[dict[int, int], dict[int, list[tuple[int, bool]]]]:
    """Return when households were first known, and where their presence in snapshots changes, by position."""
    h = households.c
    born = select(h.household_id, h.created).where(among(connection, h.household_id, ids))
    created: dict[int, int] = dict(stream(connection, born))
    changes: dict[int, list[tuple[int, bool]]] = {}
    p = presences.c
    query = select(p.household_id, p.position, p.present).where(among(connection, p.household_id, ids))
    for household, position, present in stream(connection, query.order_by(p.household_id, p.position)):
        changes.setdefault(household, []).append((position, bool(present)))
    return created, changes


def applied_snapshots(connection: Connection, source: str) -> list[Snapshot]:
    """Return the accepted snapshots of a source by position."""
    s = snapshots.c
    query = select(s.position, s.as_of, s.known_from).where(s.source == source).order_by(s.position)
    return [Snapshot(*row) for row in stream(connection, query)]


def live_by_district(connection: Connection) -> dict[str, int]:
    """Return how many households now stand in the registry as beneficiaries, by district."""
    query = (
        select(facts.c.district, func.count())
        .join(standings, standings.c.standing_id == facts.c.standing_id)
        .where(facts.c.known_to == OPEN_VERSION, facts.c.valid_to == OPEN_DAY, standings.c.status.in_(LIVE))
        .group_by(facts.c.district)
    )
    return dict(stream(connection, query))


def standing_since(connection: Connection, source: str, as_of: int) -> Iterator[tuple[int, bool]]:
    """Yield (household, whether absent) for every slice of a source that reaches beyond a day, live or absent."""
    query = (
        select(facts.c.household_id, standings.c.status)
        .join(standings, standings.c.standing_id == facts.c.standing_id)
        .join(households, households.c.household_id == facts.c.household_id)
        .where(
            households.c.source == source,
            facts.c.known_to == OPEN_VERSION,
            facts.c.valid_to >= as_of,
            standings.c.status.in_((*LIVE, ABSENT)),
        )
    )
    for household, status in stream(connection, query):
        yield household, status == ABSENT


def presence_before(connection: Connection, position: int) -> dict[int, bool]:
    """Return the presence of every household with any change of it up to a position."""
    p = presences.c
    query = select(p.household_id, p.present).where(p.position <= position).order_by(p.household_id, p.position)
    return {household: bool(present) for household, present in stream(connection, query)}


def ended_by_deltas(connection: Connection, after: int, position: int, as_of: int) -> dict[int, int]:
    """Return the households that a record with a version after one snapshot and up to another ended by its day.

    By household, with that version. No snapshot has had a word on them since.
    """
    f, r = facts.c, records.c
    same = (r.household_id == f.household_id) & (r.record_id == f.record_id)
    query = (
        select(f.household_id, r.source_version)
        .join(standings, standings.c.standing_id == f.standing_id)
        .join(records, same)
        .where(
            f.known_to == OPEN_VERSION,
            f.valid_to == OPEN_DAY,
            f.valid_from <= as_of,
            standings.c.status == Status.ENDED.value,
            r.source_version.between(after + 1, position),
        )
    )
    return dict(stream(connection, query))


def ids_of_source(connection: Connection, source: str) -> Iterator[int]:
    """Yield the households of a source."""
    query = select(households.c.household_id).where(households.c.source == source).order_by(households.c.household_id)
    for (household,) in stream(connection, query):
        yield household


def ends_since_lists(connection: Connection) -> dict[str, int]:
    """Return the ends by deltas since the last regular lists, by district; of several companies the earliest counts."""
    latest = select(func.max(lists.c.run_id).label("run_id")).where(lists.c.kind == "regular").group_by(lists.c.company)
    since = select(func.coalesce(func.min(runs.c.cut_off), 0)).where(runs.c.run_id.in_(latest)).scalar_subquery()
    query = (
        select(movements.c.district, func.sum(movements.c.ends))
        .where(movements.c.kind == "delta", movements.c.version > since)
        .group_by(movements.c.district)
    )
    return {district: int(ends) for district, ends in stream(connection, query)}


def current_lookups(connection: Connection, ids: Sequence[int]) -> dict[int, set[LookupRow]]:
    """Return the look-up keys that households answer to now."""
    query = select(lookups.c.household_id, lookups.c.kind, lookups.c.digest).where(
        among(connection, lookups.c.household_id, ids), lookups.c.known_to == OPEN_VERSION
    )
    found: dict[int, set[LookupRow]] = {household: set() for household in ids}
    for household, kind, digest in stream(connection, query):
        found[household].add(LookupRow(kind, bytes(digest)))
    return found


def current_claims(connection: Connection, ids: Sequence[int]) -> dict[int, dict[str, str]]:
    """Return the account numbers that households name now, by company."""
    query = select(claims.c.household_id, claims.c.company, claims.c.number).where(
        among(connection, claims.c.household_id, ids), claims.c.known_to == OPEN_VERSION
    )
    found: dict[int, dict[str, str]] = {household: {} for household in ids}
    for household, company, number in stream(connection, query):
        found[household][company] = number
    return found


def wrapped_keys(connection: Connection, ids: Sequence[int]) -> dict[int, bytes]:
    """Return the wrapped data keys of households; an erased household has none."""
    k = household_keys.c
    return dict(stream(connection, select(k.household_id, k.wrapped).where(among(connection, k.household_id, ids))))


def naming_households(connection: Connection, digests: Sequence[bytes]) -> dict[bytes, dict[int, bool]]:
    """Return the households that ever named each of these persons, and whether they do now."""
    query = select(lookups.c.digest, lookups.c.household_id, lookups.c.known_to).where(
        lookups.c.kind == int(LookupKind.PERSON), among(connection, lookups.c.digest, digests)
    )
    found: dict[bytes, dict[int, bool]] = {}
    for digest, household, known_to in stream(connection, query):
        owners = found.setdefault(bytes(digest), {})
        owners[household] = owners.get(household, False) or known_to == OPEN_VERSION
    return found


def known_contests(connection: Connection, digests: Sequence[bytes]) -> set[tuple[bytes, int, int]]:
    """Return the contests on file among these persons, as (person, household, record)."""
    c = contests.c
    query = select(c.digest, c.household_id, c.record_id).where(among(connection, c.digest, digests))
    return {(bytes(digest), household, record) for digest, household, record in stream(connection, query)}


def sealed_of(connection: Connection, household: int) -> list[tuple[int, bytes]]:
    """Return (record, sealed personal part) of a household."""
    c = sealed_records.c
    return [
        (one, bytes(blob))
        for one, blob in stream(connection, select(c.record_id, c.sealed).where(c.household_id == household))
    ]


class Parked(NamedTuple):
    """A change waiting for its household: which row of which submission, and its sealed record."""

    parked_id: int
    submission_id: int
    row: int
    certificate: bytes
    sealed: bytes


def parked_for(connection: Connection, digests: Sequence[bytes]) -> list[Parked]:
    """Return what waits for any of these certificates, in order of arrival."""
    p = parked_rows.c
    query = select(p.parked_id, p.submission_id, p.row, p.certificate, p.sealed).where(
        among(connection, p.certificate, digests), p.known_to == OPEN_VERSION
    )
    return [Parked(*row) for row in stream(connection, query.order_by(p.parked_id))]
