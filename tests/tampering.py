"""Changing a database as somebody with all rights on it would: what the audit must find."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from integration.storage.engine import Store


@contextmanager
def tampering(store: Store) -> Iterator[Connection]:
    """Write as somebody who has all rights on the database and first switched its triggers off."""
    with store.write() as connection:
        if store.dialect == "postgresql":
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        else:
            for (name,) in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").all():
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
        yield connection
