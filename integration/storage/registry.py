"""The registry in the database: gathering what is known of households, applying what a submission adds.

Nothing here decides: it fetches by keyed digest, and writes what the job has judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, and_, func, select, update

from integration.domain.brake import Movement
from integration.domain.households import ABSENT, Record, Slice, Standing
from integration.storage.bulk import bulk_insert, stream
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
from schemas.registry import RegistryHeader
from schemas.values import OPEN_DAY, Status

LIVE: Final = (Status.ACTIVE.value, Status.SUSPENDED_REVIEW.value)


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


# --- applying --------------------------------------------------------------------------------------------------

_COLUMNS: Final = {
    households: ("household_id", "source", "created"),
    household_keys: ("household_id", "key_id", "wrapped"),
    standings: ("standing_id", "category", "status", "certificate_from", "certificate_to", "alive_to"),
    records: (
        "household_id", "record_id", "submission_id", "effective_on", "source_version",
        "standing_id", "district", "digest", "known_from",
    ),
    sealed_records: ("household_id", "record_id", "sealed"),
    facts: ("household_id", "known_from", "valid_from", "valid_to", "standing_id", "district", "record_id"),
    lookups: ("kind", "digest", "household_id", "known_from"),
    claims: ("household_id", "company", "known_from", "number", "since"),
    presences: ("household_id", "position", "present", "known_from"),
    contests: ("digest", "household_id", "known_from"),
    movements: ("version", "district", "kind", "ends", "additions", "changes"),
}  # fmt: skip


class Additions:
    """Rows to be written together, by table; tuples in the order of ``_COLUMNS``."""

    def __init__(self) -> None:
        self.rows: dict[Any, list[tuple[Any, ...]]] = {table: [] for table in _COLUMNS}

    def add(self, table: Any, *values: Any) -> None:
        """Add one row of a table."""
        self.rows[table].append(values)

    def write(self, connection: Connection) -> None:
        """Write everything and start anew; rows in key order, which is the order the tables are kept in."""
        for table, rows in self.rows.items():
            if rows:
                bulk_insert(connection, table, _COLUMNS[table], sorted(rows) if table in _SORTED else rows)
                rows.clear()


_SORTED: Final = frozenset({facts, lookups, claims, presences, records, sealed_records})


def close_facts(connection: Connection, version: int, keys: Iterable[tuple[int, int, int]]) -> None:
    """Close facts by (household, known_from, valid_from): from this version on something else is known."""
    f = facts.c
    _close(connection, facts, version, keys, (f.household_id, f.known_from, f.valid_from))


def close_lookups(connection: Connection, version: int, keys: Iterable[tuple[int, bytes, int]]) -> None:
    """Close look-up keys by (kind, digest, household)."""
    _close(connection, lookups, version, keys, (lookups.c.kind, lookups.c.digest, lookups.c.household_id))


def close_claims(connection: Connection, version: int, keys: Iterable[tuple[int, str]]) -> None:
    """Close named account numbers by (household, company)."""
    _close(connection, claims, version, keys, (claims.c.household_id, claims.c.company))


def _close(connection: Connection, table: Any, version: int, keys: Iterable[tuple[Any, ...]], columns: Any) -> None:
    for key in keys:
        match = [column == value for column, value in zip(columns, key, strict=True)]
        connection.execute(update(table).where(*match, table.c.known_to == OPEN_VERSION).values(known_to=version))


def known_contests(connection: Connection, digests: Sequence[bytes]) -> set[tuple[bytes, int]]:
    """Return the contests on file among these persons."""
    query = select(contests.c.digest, contests.c.household_id)
    return {
        (bytes(digest), one)
        for digest, one in stream(connection, query.where(among(connection, contests.c.digest, digests)))
    }


class Parked(NamedTuple):
    """A change waiting for its household: which row of which submission, and its sealed record."""

    parked_id: int
    submission_id: int
    row: int
    certificate: bytes
    sealed: bytes


def park(connection: Connection, submission_id: int, row: int, certificate: bytes, sealed: bytes, version: int) -> None:
    """Put a change of an unknown certificate aside (edge case 74)."""
    newest = select(func.coalesce(func.max(parked_rows.c.parked_id), 0) + 1).scalar_subquery()
    values = {"parked_id": newest, "submission_id": submission_id, "row": row, "certificate": certificate}
    connection.execute(parked_rows.insert().values(**values, sealed=sealed, known_from=version))


def parked_for(connection: Connection, digests: Sequence[bytes]) -> list[Parked]:
    """Return what waits for any of these certificates, in order of arrival."""
    p = parked_rows.c
    query = select(p.parked_id, p.submission_id, p.row, p.certificate, p.sealed).where(
        among(connection, p.certificate, digests), p.known_to == OPEN_VERSION
    )
    return [Parked(*row) for row in stream(connection, query.order_by(p.parked_id))]


def note_movement(connection: Connection, version: int, kind: str, moved: Movement) -> None:
    """Write what a submission moved, per district: later deltas are judged by the sum."""
    districts = sorted(moved.ends.keys() | moved.additions.keys() | moved.changes.keys())
    rows = [
        (version, one, kind, moved.ends.get(one, 0), moved.additions.get(one, 0), moved.changes.get(one, 0))
        for one in districts
    ]
    bulk_insert(connection, movements, _COLUMNS[movements], rows)


def note_snapshot(
    connection: Connection, submission_id: int, header: RegistryHeader, version: int, districts: str
) -> None:
    """Write that a full snapshot was accepted, and which districts it named."""
    row = {
        "submission_id": submission_id,
        "source": header.source,
        "position": header.position,
        "as_of": header.as_of,
    }
    connection.execute(snapshots.insert().values(**row, known_from=version, districts=districts))


def unpark(connection: Connection, parked_id: int, version: int) -> None:
    """Close a parked row: its household has come."""
    p = parked_rows
    connection.execute(
        update(p).where(p.c.parked_id == parked_id, p.c.known_to == OPEN_VERSION).values(known_to=version)
    )
