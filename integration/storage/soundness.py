"""What a restored database must be, beyond what its audit proves."""

from __future__ import annotations

from collections.abc import Iterator

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, select, text

from integration.storage.bulk import stream
from integration.storage.tables import household_keys, lists, metadata


def revision(connection: Connection) -> str:
    """Return the migration that the tables are at."""
    return MigrationContext.configure(connection).get_current_revision() or ""


def tables_fit(connection: Connection) -> bool:
    """Tell whether the tables are as this version of the hub has them."""
    return not compare_metadata(MigrationContext.configure(connection), metadata)


def file_faults(connection: Connection) -> list[str]:
    """Return what SQLite's own checks of pages, indexes and foreign keys find; PostgreSQL checked while loading.

    The checks' own words may quote a key; that they found something is enough to refuse.

    Raises:
        StorageError: it is so damaged that the checks cannot be carried out.
    """
    if connection.dialect.name != "sqlite":
        return []
    pages = connection.scalars(text("PRAGMA integrity_check")).all() != ["ok"]
    links = bool(connection.execute(text("PRAGMA foreign_key_check")).all())
    return [name for name, broken in (("pages", pages), ("foreign keys", links)) if broken]


def wrapped_keys(connection: Connection) -> Iterator[tuple[int, bytes]]:
    """Yield every household's wrapped key."""
    c = household_keys.c
    for household_id, wrapped in stream(connection, select(c.household_id, c.wrapped)):
        yield household_id, bytes(wrapped)


def companies_with_lists(connection: Connection) -> list[str]:
    """Return the companies that have lists, configured or not."""
    return list(connection.scalars(select(lists.c.company).distinct().order_by(lists.c.company)))
