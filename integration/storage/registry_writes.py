"""Writing the registry: rows in bulk by table, and closing what is known no more; the jobs have judged what."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import Connection, delete, func, select, update

from integration.domain.brake import Movement
from integration.storage.bulk import bulk_insert, learn_sizes
from integration.storage.tables import (
    OPEN_VERSION,
    claims,
    communities,
    contests,
    facts,
    household_keys,
    households,
    lookups,
    movements,
    parked_rows,
    presences,
    records,
    sealed_records,
    snapshots,
    standings,
)
from schemas.registry import RegistryHeader

_COLUMNS: Final = {
    households: ("household_id", "source", "created"),
    household_keys: ("household_id", "key_id", "wrapped"),
    standings: ("standing_id", "category", "status", "certificate_from", "certificate_to", "alive_to"),
    records: (
        "household_id", "record_id", "submission_id", "effective_on", "source_version",
        "standing_id", "district", "community_id", "digest", "known_from",
    ),
    communities: ("community_id", "district", "digest", "sealed", "created"),
    sealed_records: ("household_id", "record_id", "sealed"),
    facts: ("household_id", "known_from", "valid_from", "valid_to", "standing_id", "district", "record_id"),
    lookups: ("kind", "digest", "household_id", "known_from"),
    claims: ("household_id", "company", "known_from", "number", "since"),
    presences: ("household_id", "position", "present", "known_from"),
    contests: ("digest", "household_id", "record_id", "known_from"),
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


def learn_registry(connection: Connection) -> None:
    """Prepare the planner for whatever reads the registry after a snapshot, its own silence first."""
    for table in (households, facts, standings, records, lookups, presences):
        learn_sizes(connection, table)


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


def park(connection: Connection, submission_id: int, row: int, certificate: bytes, sealed: bytes, version: int) -> None:
    """Put a change of an unknown certificate aside (edge case 74)."""
    newest = select(func.coalesce(func.max(parked_rows.c.parked_id), 0) + 1).scalar_subquery()
    values = {"parked_id": newest, "submission_id": submission_id, "row": row, "certificate": certificate}
    connection.execute(parked_rows.insert().values(**values, sealed=sealed, known_from=version))


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


def forget_persons(connection: Connection, household: int) -> None:
    """Let nobody find any more whom a household shared with others; that it shared them stays known.

    Runs of its time were decided by that, and must come out the same again: random marks take the digests' place.
    """
    c = contests.c
    shared = connection.scalars(select(c.digest).where(c.household_id == household).distinct()).all()
    for person in map(bytes, shared):
        query = select(c.household_id, c.record_id, c.known_from).where(c.digest == person)
        rows = [tuple(row) for row in connection.execute(query)]
        mark = os.urandom(len(person))
        bulk_insert(connection, contests, _COLUMNS[contests], ((mark, *row) for row in rows))
        connection.execute(delete(contests).where(c.digest == person, c.household_id == household))
