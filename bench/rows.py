"""The rows of tables: spooled to files, written as fast as the driver can, compared."""

from __future__ import annotations

import hashlib
import marshal
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Select, Table, select

from bench.stopwatch import Stopwatch
from integration.storage.bulk import batches, stream
from integration.storage.tables import metadata

_BATCH = 20_000
_TYPES = {"SMALLINT": "int2", "INTEGER": "int4", "BIGINT": "int8", "BYTEA": "bytea"}


def filled(connection: Connection) -> list[Table]:
    """Return the tables that hold rows, in an order that foreign keys allow."""
    return [t for t in metadata.sorted_tables if connection.execute(select(t).limit(1)).first() is not None]


def spool_table(connection: Connection, table: Table, folder: Path) -> None:
    """Write a table to a file; rows in the order they came in: by household, not by digest."""
    keys = list(table.primary_key.columns)
    order = [table.c.household_id, *keys] if "household_id" in table.c else keys
    spool(stream(connection, select(table).order_by(*order)), folder / table.name)


def spool(rows: Iterable[Sequence[Any]], path: Path) -> None:
    """Write rows to a file, batch by batch."""
    rest = iter(rows)
    with path.open("wb") as file:
        while batch := list(islice(rest, _BATCH)):
            marshal.dump(list(map(tuple, batch)), file)


def spooled(path: Path) -> Iterator[list[tuple[Any, ...]]]:
    """Yield the batches of a spooled table."""
    with path.open("rb") as file:
        while True:
            try:
                yield marshal.load(file)  # our own file
            except EOFError:
                return


def write_raw(connection: Connection, table: Table, parts: Iterable[list[tuple[Any, ...]]], watch: Stopwatch) -> int:
    """Write rows by the bare driver: executemany, or one binary COPY; reading the spool is not timed."""
    cursor = connection.connection.driver_connection.cursor()  # type: ignore[union-attr]
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    rows = 0
    if connection.dialect.name == "sqlite":
        statement = f'INSERT INTO "{table.name}" ({names}) VALUES ({", ".join("?" * len(table.columns))})'
        for part in parts:
            rows += len(part)
            with watch:
                cursor.executemany(statement, part)
        return rows
    types = [_TYPES.get(column.type.compile(connection.dialect), "text") for column in table.columns]
    with watch:
        copying = cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN (FORMAT BINARY)')
        copy = copying.__enter__()
        copy.set_types(types)
    for part in parts:
        rows += len(part)
        with watch:
            for row in part:
                copy.write_row(row)
    with watch:
        copying.__exit__(None, None, None)
    return rows


def digest(connection: Connection, query: Select[Any]) -> str:
    """Return a digest of a query's rows, the same on both databases."""
    found = hashlib.sha256()
    for batch in batches(connection, query):
        found.update(marshal.dumps([tuple(row) for row in batch], 0))
    return found.hexdigest()


def digest_tables(connection: Connection) -> dict[str, str]:
    """Return a digest of every filled table, in key order."""
    return {t.name: digest(connection, select(t).order_by(*t.primary_key.columns)) for t in filled(connection)}
