"""Membership in a set of many values, said in the way each database plans best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, any_, bindparam
from sqlalchemy.dialects.postgresql import ARRAY

#: How many values one statement may carry; callers work in batches of at most so many.
MOST: Final = 30_000


def among(connection: Connection, column: Any, values: Sequence[Any]) -> ColumnElement[bool]:
    """Return the condition that a column has one of these values: one array on PostgreSQL, a list on SQLite."""
    if connection.dialect.name == "postgresql":
        parameter: Any = bindparam(None, list(values), ARRAY(column.type), unique=True)
        condition: ColumnElement[bool] = column == any_(parameter)
    else:
        condition = column.in_(values)
    return condition
