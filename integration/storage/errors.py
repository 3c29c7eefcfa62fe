"""What storage raises. A driver's own message may quote a row (PostgreSQL's DETAIL does), and none gets out.

Only codes and names of constraints travel on; the driver's exception is emptied before a traceback shows it.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Final

import psycopg
from sqlalchemy import Engine, ExceptionContext, Index, PrimaryKeyConstraint, UniqueConstraint, event

from integration.storage.tables import metadata


class StorageError(Exception):
    """The database refused a statement. ``code`` is stable, ``constraint`` the name of the constraint or ''."""

    def __init__(self, code: str, constraint: str = "", hint: str = "") -> None:
        super().__init__(": ".join(part for part in (code, constraint, hint) if part))
        self.code = code
        self.constraint = constraint


class UniqueTaken(StorageError):  # noqa: N818 - it names what happened
    """A unique key is already there: of two racing writers, this is the second."""

    def __init__(self, constraint: str) -> None:
        super().__init__("UNIQUE_TAKEN", constraint)


class AppendOnly(StorageError):  # noqa: N818 - it names the rule
    """A row that may never change was about to (see migration 0001)."""

    def __init__(self, table: str) -> None:
        super().__init__("APPEND_ONLY", table, "this table only grows; a correction is a new row")


class StoreBusy(StorageError):  # noqa: N818 - it names the state
    """Another process holds the database."""

    def __init__(self, hint: str) -> None:
        super().__init__("STORE_BUSY", hint=hint)


#: How a trigger says that its table only grows: this prefix and the table's name.
APPEND_ONLY: Final = "append_only_"

_SQLSTATES: Final = {
    "23502": "NOT_NULL",
    "23503": "FOREIGN_KEY",
    "23514": "CHECK",
    "25006": "READ_ONLY",
    "40001": "CONFLICT",
    "40P01": "DEADLOCK",
    "53100": "DISK_FULL",
    "55P03": "LOCK_TIMEOUT",
}
_SQLITE: Final = {
    "SQLITE_CONSTRAINT_NOTNULL": "NOT_NULL",
    "SQLITE_CONSTRAINT_FOREIGNKEY": "FOREIGN_KEY",
    "SQLITE_CONSTRAINT_CHECK": "CHECK",
    "SQLITE_READONLY": "READ_ONLY",
    "SQLITE_BUSY": "LOCK_TIMEOUT",
    "SQLITE_FULL": "DISK_FULL",
}
_SQLITE_UNIQUE: Final = (
    "SQLITE_CONSTRAINT_UNIQUE",
    "SQLITE_CONSTRAINT_PRIMARYKEY",
    "SQLITE_CONSTRAINT_ROWID",
)
#: Messages about names and grammar, never about values: they help whoever wrote the statement.
_GRAMMAR: Final = re.compile(r"no such (table|column|function): [\w.]+|near \"\w+\": syntax error")


def watch_errors(engine: Engine) -> None:
    """Let every error of this engine's connections leave as a ``StorageError``."""
    event.listen(engine, "handle_error", _translate, retval=True)


@contextmanager
def driver_errors() -> Iterator[None]:
    """Do the same for statements given to the driver itself (COPY, executemany, plain cursors).

    Raises:
        StorageError: in place of whatever the driver raised.
    """
    try:
        yield
    except (sqlite3.Error, psycopg.Error) as error:
        raise _storage_error(error) from None


def _translate(context: ExceptionContext) -> StorageError | None:
    error = context.original_exception
    return _storage_error(error) if isinstance(error, sqlite3.Error | psycopg.Error) else None


def _storage_error(error: sqlite3.Error | psycopg.Error) -> StorageError:
    found = _from_sqlite(error) if isinstance(error, sqlite3.Error) else _from_postgresql(error)
    error.args = (found.code,)
    return found


def _from_postgresql(error: psycopg.Error) -> StorageError:
    state = error.sqlstate or ""
    constraint = error.diag.constraint_name or ""
    if constraint.startswith(APPEND_ONLY):
        return AppendOnly(constraint.removeprefix(APPEND_ONLY))
    if state == "23505":
        return UniqueTaken(constraint)
    hint = error.diag.message_primary or "" if state.startswith("42") else ""
    return StorageError(_SQLSTATES.get(state, state or type(error).__name__), constraint, hint)


def _from_sqlite(error: sqlite3.Error) -> StorageError:
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    text = str(error)
    if text.startswith(APPEND_ONLY):
        return AppendOnly(text.removeprefix(APPEND_ONLY))
    if name in _SQLITE_UNIQUE:
        return UniqueTaken(_unique_names().get(text.partition(": ")[2], ""))
    constraint = text.partition(": ")[2] if name in _SQLITE else ""
    grammar = _GRAMMAR.search(text)
    return StorageError(_SQLITE.get(name, name), constraint, grammar[0] if grammar else "")


@cache
def _unique_names() -> dict[str, str]:
    """SQLite names the columns of a taken key, PostgreSQL its constraint; we say the constraint."""
    names = {}
    for table in metadata.sorted_tables:
        uniques = [c for c in table.constraints if isinstance(c, UniqueConstraint)]
        indexes = [i for i in table.indexes if isinstance(i, Index) and i.unique]
        keys: list[PrimaryKeyConstraint | UniqueConstraint | Index] = [table.primary_key, *uniques, *indexes]
        for key in keys:
            columns = ", ".join(f"{table.name}.{column.name}" for column in key.columns)
            names[columns] = str(key.name) if key.name else f"pk_{table.name}"
    return names
