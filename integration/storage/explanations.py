"""Explained variances in the database. It refuses by itself that one person explains and accepts."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection, func, insert, select, update

from integration.storage.tables import explanations


class Explanation(NamedTuple):
    """Why a figure differs from the month before; it holds for these two figures alone."""

    explanation_id: int
    company: str
    month: int
    measure: str
    district: str
    before: int
    now: int
    reason: str
    text: str
    explained_by: str
    explained_us: int
    state: str
    decided_by: str | None
    decided_us: int | None


def explanations_of(connection: Connection, company: str | None = None) -> list[Explanation]:
    """Return the explanations (of a company), oldest first."""
    c = explanations.c
    query = select(*(c[name] for name in Explanation._fields)).order_by(c.explanation_id)
    rows = connection.execute(query if company is None else query.where(c.company == company))
    return [Explanation(*row) for row in rows]


def find(connection: Connection, explanation_id: int) -> Explanation | None:
    """Return an explanation."""
    c = explanations.c
    query = select(*(c[name] for name in Explanation._fields)).where(c.explanation_id == explanation_id)
    row = connection.execute(query).first()
    return None if row is None else Explanation(*row)


def add(connection: Connection, **values: Any) -> int:
    """Write an explanation and return its number; call it under the knowledge lock."""
    c = explanations.c
    number = int(connection.execute(select(func.coalesce(func.max(c.explanation_id), 0))).scalar_one()) + 1
    connection.execute(insert(explanations).values(explanation_id=number, **values))
    return number


def decide(connection: Connection, explanation_id: int, state: str, who: str, at_us: int) -> None:
    """Let another person accept or refuse an explanation.

    Raises:
        StorageError: the person explained it.
    """
    c = explanations.c
    changed = update(explanations).where(c.explanation_id == explanation_id, c.state == "open")
    connection.execute(changed.values(state=state, decided_by=who, decided_us=at_us))
