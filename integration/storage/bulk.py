"""Many rows in and out at the driver's own speed, in constant memory, the same on both databases."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import compress, count, islice
from typing import Any, Final, NamedTuple

from sqlalchemy import Column, Connection, MetaData, Select, Table
from sqlalchemy.sql import CompoundSelect, sqltypes

from integration.storage.errors import driver_errors

Query = Select[Any] | CompoundSelect[Any]
Row = tuple[Any, ...]

_BATCH: Final = 5_000
#: Several streams may be open on one connection; each server-side cursor needs a name of its own.
_numbers: Final = count()


class RowsDigest(NamedTuple):
    """How many rows there were, and the SHA-256 of their canonical lines."""

    rows: int
    sha256: bytes


def bulk_insert(connection: Connection, table: Table, columns: Sequence[str], rows: Iterable[Row]) -> int:
    """Insert rows given as tuples in the order of ``columns``; return how many they were.

    Raises:
        StorageError: the database refused a row; the transaction cannot go on.
    """
    counter = count(1)
    counted = compress(rows, counter)  # every number is true: rows pass, counted, at the speed of C
    with driver_errors():
        if connection.dialect.name == "postgresql":
            _copy_in(connection, table, columns, counted)
        else:
            marks = ", ".join("?" * len(columns))
            names = ", ".join(f'"{name}"' for name in columns)
            _cursor(connection).executemany(f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})', counted)  # noqa: S608
    return next(counter) - 1


def learn_sizes(connection: Connection, table: Table) -> None:
    """Let PostgreSQL's planner know of rows just written in bulk; a no-op on SQLite.

    Until it looks by itself, minutes later, it takes a new month for one row, and joins it row by row.
    """
    if connection.dialect.name == "postgresql":
        with driver_errors():
            _cursor(connection).execute(f'ANALYZE "{table.name}"')


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection


def _cursor(connection: Connection) -> Any:
    return _driver(connection).cursor()


_POSTGRESQL_TYPES: Final = {
    sqltypes.SmallInteger: "int2",
    sqltypes.BigInteger: "int8",
    sqltypes.Integer: "int4",
    sqltypes.LargeBinary: "bytea",
    sqltypes.String: "text",
}


def _postgresql_type(column: Column[Any]) -> str:
    return next(name for kind, name in _POSTGRESQL_TYPES.items() if isinstance(column.type, kind))


def _copy_in(connection: Connection, table: Table, columns: Sequence[str], rows: Iterable[Row]) -> None:
    names = ", ".join(f'"{name}"' for name in columns)
    with _cursor(connection).copy(f'COPY "{table.name}" ({names}) FROM STDIN (FORMAT BINARY)') as copy:
        copy.set_types([_postgresql_type(table.c[name]) for name in columns])
        write = copy.write_row
        for row in rows:
            write(row)


def stream(connection: Connection, query: Query) -> Iterator[Row]:
    """Yield the rows as plain tuples, read behind the reader's pace; PostgreSQL keeps the rest on the server.

    Exhaust or close it before writing to the tables it reads.

    Raises:
        StorageError: the database refused.
    """
    with closing(batches(connection, query)) as found:
        for batch in found:
            yield from batch


def batches(connection: Connection, query: Query, size: int = _BATCH) -> Generator[list[Row], None, None]:
    """Yield the rows as lists of at most ``size`` plain tuples; otherwise like ``stream``."""
    with driver_errors(), _selected(connection, query) as cursor:
        while batch := cursor.fetchmany(size):
            yield batch


@contextmanager
def _selected(connection: Connection, query: Query) -> Iterator[Any]:
    """Give the driver's own cursor over a query: SQLAlchemy's rows cost as much again as the fetch."""
    if connection.dialect.name == "postgresql":
        with _driver(connection).cursor(name=f"stream_{next(_numbers)}") as cursor:
            cursor.execute(*_statement(connection, query))
            yield cursor
    else:
        result = connection.execute(query)
        try:
            yield result.cursor
        finally:
            result.close()


def _statement(connection: Connection, query: Query) -> tuple[str, dict[str, Any]]:
    compiled = query.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
    return str(compiled), dict(compiled.params)


def digest_rows(connection: Connection, *queries: Query) -> RowsDigest:
    """Digest the rows of the queries, one after the other, in their order; the same bytes on both databases.

    A row's line is its integers in decimal and its texts as they are, parted by TAB, ended by LF.

    Raises:
        ValueError: a value is NULL or holds TAB, LF, CR or a backslash, so that lines would be ambiguous.
        StorageError: the database refused.
    """
    digest = RowsHasher(len(queries[0].selected_columns))
    for query in queries:
        if connection.dialect.name == "postgresql":
            _digest_copy(connection, query, digest)
        else:
            for batch in batches(connection, query):
                digest.update(batch)
    return digest.done()


def digest_tuples(rows: Iterable[Row]) -> RowsDigest:
    """Digest rows at hand as ``digest_rows`` would.

    Raises:
        ValueError: as in ``digest_rows``.
    """
    rest = iter(rows)
    batch = list(islice(rest, _BATCH))
    digest = RowsHasher(len(batch[0]) if batch else 0)
    while batch:
        digest.update(batch)
        batch = list(islice(rest, _BATCH))
    return digest.done()


class RowsHasher:
    """The digest of rows that arrive in batches."""

    def __init__(self, columns: int) -> None:
        self._line = "\t".join(["%s"] * columns) + "\n"
        self._tabs = columns - 1
        self._hash = hashlib.sha256()
        self._rows = 0

    def update(self, rows: Sequence[Row]) -> None:
        """Add rows.

        Raises:
            ValueError: as in ``digest_rows``.
        """
        line = self._line
        lines = "".join([line % row for row in rows])
        clear = lines.count("\n") == len(rows) and lines.count("\t") == len(rows) * self._tabs
        if not clear or "\\" in lines or "\r" in lines or ("None" in lines and _has_null(rows)):
            raise _ambiguous()
        self._add(lines.encode(), len(rows))

    def update_lines(self, lines: bytes) -> None:
        """Add lines as PostgreSQL writes them: the canonical form, unless it had to escape something.

        Raises:
            ValueError: as in ``digest_rows``.
        """
        if b"\\" in lines:
            raise _ambiguous()
        self._add(lines, lines.count(b"\n"))

    def _add(self, lines: bytes, rows: int) -> None:
        self._hash.update(lines)
        self._rows += rows

    def done(self) -> RowsDigest:
        """Return the digest of all rows added so far."""
        return RowsDigest(self._rows, self._hash.digest())


def _has_null(rows: Sequence[Row]) -> bool:
    return any(value is None for row in rows for value in row)


def _ambiguous() -> ValueError:
    return ValueError("a value to be digested is NULL or holds a TAB, line break or backslash")


def _digest_copy(connection: Connection, query: Query, digest: RowsHasher) -> None:
    statement, values = _statement(connection, query)
    with driver_errors(), _cursor(connection).copy(f"COPY ({statement}) TO STDOUT", values) as copy:
        while lines := b"".join(islice(copy, _BATCH)):
            digest.update_lines(lines)


@contextmanager
def temp_table(connection: Connection, name: str, columns: Sequence[Column[Any]]) -> Iterator[Table]:
    """Give a temporary table of this connection, gone at the end of the block (or with the transaction).

    Raises:
        StorageError: the database refused.
    """
    table = Table(name, MetaData(), *columns, prefixes=["TEMPORARY"], postgresql_on_commit="DROP")
    table.create(connection)
    try:
        yield table
    except BaseException:
        if connection.dialect.name == "sqlite":  # on PostgreSQL the transaction is lost, and the table with it
            table.drop(connection)
        raise
    table.drop(connection)
