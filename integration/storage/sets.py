"""Membership in a set of many values, said in the way each database plans best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, LargeBinary, Text, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY

#: How many values one statement may carry; callers work in batches of at most so many.
MOST: Final = 30_000


def among(connection: Connection, column: Any, values: Sequence[Any]) -> ColumnElement[bool]:
    """Return the condition that a column has one of these values: one array, whatever the database calls so.

    A parameter a value would cost SQLAlchemy more than the look-up costs the database. Byte strings are of one length.
    """
    if connection.dialect.name == "postgresql":
        parameter: Any = bindparam(None, list(values), ARRAY(column.type), unique=True)
        condition: ColumnElement[bool] = column == any_(parameter)
        return condition
    within: ColumnElement[bool] = column.in_(_bytes(values) if isinstance(column.type, LargeBinary) else _plain(values))
    return within


def _plain(values: Sequence[Any]) -> Any:
    return select(_elements(values).c.value)


def _bytes(values: Sequence[bytes]) -> Any:
    """Cut one long blob where JSON says: JSON holds no bytes, and SQLite of our floor reads no hexadecimal."""
    width = len(values[0]) if values else 1
    starts = _elements(range(1, len(values) * width + 1, width))
    return select(func.substr(bindparam(None, b"".join(values), LargeBinary, unique=True), starts.c.value, width))


def _elements(values: Sequence[Any]) -> Any:
    array = msgspec.json.encode(list(values)).decode()
    return func.json_each(bindparam(None, array, Text, unique=True)).table_valued("value")
