"""The tables are what the code says they are, and only grow where they should."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, insert, text, update

from integration.storage import migrations
from integration.storage.engine import AppendOnly, Store
from integration.storage.migrations import triggers
from integration.storage.tables import OPEN_VERSION, metadata

TABLES = (*triggers.FOREVER, *triggers.DATED, *triggers.ERASABLE)


def row_of(name: str) -> dict[str, object]:
    """A row with something in every column that has no default; two texts of it differ."""
    columns = [column for column in metadata.tables[name].columns if column.name != "known_to"]
    values = {column.name: {int: 1, str: column.name, bytes: b"x"} for column in columns}
    return {column.name: values[column.name][column.type.python_type] for column in columns}


def put(connection, name: str) -> None:
    for parent in sorted({key.column.table.name for key in metadata.tables[name].foreign_keys}):
        put(connection, parent)
    connection.execute(insert(metadata.tables[name]).values(row_of(name)))


def test_the_migrations_lead_to_the_tables_of_the_code(store: Store) -> None:
    with store.write(dry_run=True) as connection:
        migrations.check(connection)


def test_a_difference_would_be_noticed(store: Store) -> None:
    with store.write(dry_run=True) as connection:
        connection.execute(text("ALTER TABLE users DROP COLUMN disabled"))
        with pytest.raises(Exception, match="disabled"):
            migrations.check(connection)


def test_migrating_again_does_nothing(store: Store) -> None:
    store.migrate()


@pytest.mark.parametrize("name", TABLES)
def test_no_column_of_a_row_that_stays_can_be_changed(store: Store, name: str) -> None:
    table = metadata.tables[name]
    with store.write() as connection:
        put(connection, name)
    for column in table.columns:
        if column.name == "known_to":
            continue
        value = {int: 2, str: "y", bytes: b"y"}[column.type.python_type]
        with pytest.raises(AppendOnly, match=name), store.write() as connection:
            connection.execute(update(table).values({column.name: value}))


@pytest.mark.parametrize("name", [*triggers.FOREVER, *triggers.DATED])
def test_no_row_that_stays_can_be_deleted(store: Store, name: str) -> None:
    with store.write() as connection:
        put(connection, name)
    statements = [delete(metadata.tables[name])]
    if store.dialect == "postgresql":
        statements.append(text(f"TRUNCATE {name} CASCADE"))
    for statement in statements:
        with pytest.raises(AppendOnly, match=name), store.write() as connection:
            connection.execute(statement)


@pytest.mark.parametrize("name", [*triggers.DATED, *triggers.ERASABLE])
def test_a_successor_closes_a_dated_row_once(store: Store, name: str) -> None:
    table = metadata.tables[name]
    with store.write() as connection:
        put(connection, name)
        connection.execute(update(table).values(known_to=5))
    for again in (6, 4, OPEN_VERSION):
        with pytest.raises(AppendOnly), store.write() as connection:
            connection.execute(update(table).values(known_to=again))


@pytest.mark.parametrize("name", [*triggers.DATED, *triggers.ERASABLE])
def test_a_dated_row_cannot_be_reopened_or_changed_while_it_is_closed(store: Store, name: str) -> None:
    table = metadata.tables[name]
    with store.write() as connection:
        put(connection, name)
    for values in ({"known_to": OPEN_VERSION + 1}, {"known_to": 5, "known_from": 2}):
        with pytest.raises(AppendOnly), store.write() as connection:
            connection.execute(update(table).values(values))


@pytest.mark.parametrize("name", triggers.ERASABLE)
def test_what_erasing_needs_can_be_deleted(store: Store, name: str) -> None:
    with store.write() as connection:
        put(connection, name)
        assert connection.execute(delete(metadata.tables[name])).rowcount == 1
