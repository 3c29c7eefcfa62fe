"""The database and its two kinds of transaction: ``read`` (one snapshot) and ``write`` (all or nothing).

SQLite below 3.51.3 can corrupt a database when one connection checkpoints while another commits. So one
connection writes, and it alone commits and checkpoints; every other connection is ``query_only``, and one
process at a time may write (a lock file beside the database).
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final, Literal

from sqlalchemy import URL, Connection, Engine, create_engine, event, func, insert, make_url, select
from sqlalchemy.pool import StaticPool

from integration.clock import Clock, now_us
from integration.storage.errors import (
    AppendOnly,
    StorageError,
    StoreBusy,
    UniqueTaken,
    driver_errors,
    watch_errors,
)
from integration.storage.tables import knowledge

__all__ = [
    "AppendOnly",
    "StorageError",
    "Store",
    "StoreBusy",
    "UniqueTaken",
    "current_version",
    "next_version",
    "take_key_lock",
    "take_lock",
]

Lock = Literal["knowledge", "audit", "submissions"]
#: Asked at the end of a write, in its transaction; raises what stops it.
Guard = Callable[[Connection], None]

#: Locks of the whole hub on PostgreSQL, held to the end of the transaction.
_LOCKS: Final[dict[Lock, int]] = {"knowledge": 0x776801, "audit": 0x776802, "submissions": 0x776803}

_EVERY_SQLITE: Final = (
    "PRAGMA busy_timeout=10000",
    "PRAGMA foreign_keys=ON",
    "PRAGMA synchronous=FULL",
    "PRAGMA secure_delete=ON",
    "PRAGMA temp_store=MEMORY",  # a temporary file would be a place where personal data could stay behind
    "PRAGMA mmap_size=0",
)
_WRITER: Final = ("PRAGMA journal_mode=WAL", "PRAGMA wal_autocheckpoint=0", "PRAGMA cache_size=-131072")
_READER: Final = ("PRAGMA wal_autocheckpoint=0", "PRAGMA query_only=ON", "PRAGMA cache_size=-32768")

#: The writer folds the write-ahead log back once it has grown by so much.
_WAL_BYTES: Final = 64 << 20

#: How long a write waits for others; a snapshot of a million households is applied in less.
_WAIT_S: Final = 600

#: Every cursor here is read to its end; PostgreSQL would plan for its first tenth.
_POSTGRESQL: Final = (
    "-c synchronous_commit=on -c lock_timeout=600s -c timezone=UTC -c cursor_tuple_fraction=1.0"
    # a replica that is stopped in the middle of a transaction lets go of its locks
    " -c idle_in_transaction_session_timeout=120s"
)


class Store:
    """An open database. Make one with ``open``; close it, or the lock file stays held until the process ends."""

    def __init__(
        self,
        reader: Engine,
        writer: Engine | None,
        file: _SqliteFile | None = None,
        guard: Guard | None = None,
        wait_s: int = _WAIT_S,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._file = file
        self._guard = guard
        self._wait_s = wait_s

    @classmethod
    def open(cls, url: str, *, writer: bool = True) -> Store:
        """Open a database by its SQLAlchemy URL; with ``writer=False`` it can only be read.

        Raises:
            StoreBusy: another process writes to this SQLite database.
            ValueError: the URL is neither SQLite in a file nor PostgreSQL.
        """
        parsed = make_url(url)
        if parsed.get_backend_name() == "postgresql":
            return cls._postgresql(parsed, writer=writer)
        if parsed.get_backend_name() == "sqlite" and parsed.database and parsed.database != ":memory:":
            return cls._sqlite(Path(parsed.database), writer=writer)
        raise ValueError("the database must be sqlite:///FILE or postgresql://...")

    @classmethod
    def _postgresql(cls, url: URL, *, writer: bool) -> Store:
        url = url.set(drivername="postgresql+psycopg")
        options = f"{_POSTGRESQL} {url.query.get('options', '')}"  # the URL's own come last, and win
        engine = create_engine(url, hide_parameters=True, connect_args={"options": options})
        watch_errors(engine)
        reader = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        return cls(reader, engine if writer else None)

    @classmethod
    def _sqlite(cls, path: Path, *, writer: bool) -> Store:
        reader = _sqlite_engine(path, _READER, "BEGIN", pool_size=8, max_overflow=56)
        if not writer:
            return cls(reader, None)
        file = _SqliteFile(path)
        writing = _sqlite_engine(path, _WRITER, "BEGIN IMMEDIATE", poolclass=StaticPool)
        writing.connect().close()  # before any reader: a new file becomes a WAL database only while it is alone
        return cls(reader, writing, file)

    @property
    def dialect(self) -> Literal["sqlite", "postgresql"]:
        """Return which database this is."""
        return "sqlite" if self._reader.dialect.name == "sqlite" else "postgresql"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a read-only transaction that sees one state of the database from its first query on.

        Raises:
            StorageError: the database refused.
        """
        with self._reader.begin() as connection:
            yield connection

    @contextmanager
    def write(self, *, dry_run: bool = False) -> Iterator[Connection]:
        """Give a transaction that ends applied as a whole or, on an error or ``dry_run``, not at all.

        Raises:
            StorageError: the database refused, or this store was opened for reading.
        """
        if self._writer is None:
            raise StorageError("READ_ONLY", hint="this store was opened for reading")
        with (
            self._file.turn(self._writer, self._wait_s) if self._file else nullcontext(),
            self._writer.connect() as connection,
            connection.begin() as transaction,
        ):
            if self._wait_s != _WAIT_S and not self._file:
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{self._wait_s}s'")
            yield connection
            if dry_run:
                transaction.rollback()
            elif self._guard and transaction.is_active:
                self._guard(connection)

    def mark(self) -> int | None:
        """Return a number that is another after every commit: what was read under the same is still so.

        None where only the database can tell. It costs some microseconds.
        """
        return self._file.mark() if self._file else None

    def guarded(self, guard: Guard) -> Store:
        """Return the same store, whose every write is committed only if the guard then lets it pass."""
        return Store(self._reader, self._writer, self._file, guard, self._wait_s)

    def waiting(self, wait_s: int) -> Store:
        """Return the same store, whose writes wait no longer than so for others: a caller at the door can come again.

        They raise LOCK_TIMEOUT then.
        """
        return Store(self._reader, self._writer, self._file, self._guard, wait_s)

    def within(self, connection: Connection) -> Store:
        """Return this store as it is inside a caller's transaction: all that is written ends with it."""
        return _StoreWithin(self, connection)

    def migrate(self) -> None:
        """Bring the tables to this version of the hub; a no-op where they are."""
        from integration.storage.migrations import upgrade

        with self.write() as connection:
            upgrade(connection)

    def close(self) -> None:
        """Close every connection; on SQLite fold the write-ahead log into the database first."""
        self._reader.dispose()
        if self._file and self._writer:
            self._file.close(self._writer)
        if self._writer:
            self._writer.dispose()


class _StoreWithin(Store):
    """A store whose transactions are parts of another one: each undone alone if it fails, kept if the whole is."""

    def __init__(self, store: Store, connection: Connection) -> None:
        super().__init__(store._reader, None)  # noqa: SLF001 - the same store, seen from inside
        self._connection = connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        yield self._connection

    @contextmanager
    def write(self, *, dry_run: bool = False) -> Iterator[Connection]:
        with self._connection.begin_nested() as part:
            yield self._connection
            if dry_run:
                part.rollback()

    def close(self) -> None:
        """Leave the connection to whoever opened it."""


class _SqliteFile:
    """What one writing process holds of a SQLite database: the lock file, the writer's turn, the log's size."""

    def __init__(self, path: Path) -> None:
        self._log = path.with_name(path.name + "-wal")
        # the driver's own: through the engine a look would cost more than the query that it saves
        self._marker = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._marking = threading.Lock()
        self._fold_at = _WAL_BYTES
        self._turn = threading.Lock()
        self._holder = 0
        self._lock: int | None = _lock(path.with_name(path.name + ".lock"))

    @contextmanager
    def turn(self, writer: Engine, wait_s: int) -> Iterator[None]:
        """Wait for the one writing connection; fold the log behind the commit when it is large."""
        if self._holder == threading.get_ident():
            raise StorageError("NESTED_WRITE", hint="this thread is already writing; pass its connection on")
        if not self._turn.acquire(timeout=wait_s):
            raise StorageError("LOCK_TIMEOUT", hint="another thread of this process is writing")
        try:
            self._holder = threading.get_ident()
            yield
            self._fold_if_large(writer)
        finally:
            self._holder = 0
            self._turn.release()

    def mark(self) -> int:
        """Return what SQLite changes with every commit of another connection; this one never commits."""
        with self._marking:
            return int(self._marker.execute("PRAGMA data_version").fetchone()[0])

    def _fold_if_large(self, writer: Engine) -> None:
        if self._size() < self._fold_at:
            return
        _fold(writer)
        # while a long read keeps the log from shrinking, try again only after as much growth again
        self._fold_at = self._size() + _WAL_BYTES

    def _size(self) -> int:
        return self._log.stat().st_size if self._log.exists() else 0

    def close(self, writer: Engine) -> None:
        """Fold the log and let the next process in."""
        if self._lock is not None:
            self._marker.close()
            _fold(writer)
            writer.dispose()
            os.close(self._lock)
            self._lock = None


def _fold(writer: Engine) -> None:
    connection = writer.raw_connection()
    cursor = connection.cursor()
    with driver_errors():
        cursor.execute("PRAGMA busy_timeout=0")  # never wait for readers: what they still need stays in the log
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        cursor.execute("PRAGMA busy_timeout=10000")
    connection.close()


def _lock(path: Path) -> int:
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        hint = "another process writes to this database; stop it (or let it do the work), then try again"
        raise StoreBusy(hint) from None
    return file


def _sqlite_engine(path: Path, pragmas: tuple[str, ...], begin: str, **options: Any) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        hide_parameters=True,
        connect_args={"check_same_thread": False, "cached_statements": 256},
        **options,
    )

    def connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # transactions are begun by us, not guessed by the driver
        for pragma in (*_EVERY_SQLITE, *pragmas):
            connection.execute(pragma)

    event.listen(engine, "connect", connect)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    watch_errors(engine)
    return engine


def take_lock(connection: Connection, lock: Lock) -> None:
    """Wait until this transaction alone holds a lock of the hub; on SQLite the writer holds them all already."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCKS[lock])))


def take_key_lock(connection: Connection, key: str) -> None:
    """Wait until this transaction alone works on a key (of a request, say); on SQLite the writer is alone already."""
    if connection.dialect.name == "postgresql":
        number = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], signed=True)
        connection.execute(select(func.pg_advisory_xact_lock(number)))


def next_version(connection: Connection, clock: Clock, kind: str, submission_id: int | None = None) -> int:
    """Give the transaction the next knowledge version, gapless: until it ends, no other can learn anything."""
    take_lock(connection, "knowledge")
    version = current_version(connection) + 1
    connection.execute(
        insert(knowledge).values(version=version, at_us=now_us(clock), kind=kind, submission_id=submission_id)
    )
    return version


def current_version(connection: Connection) -> int:
    """Return the newest knowledge version, 0 where nothing was learnt yet."""
    return connection.execute(select(func.max(knowledge.c.version))).scalar_one() or 0
