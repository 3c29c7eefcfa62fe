"""Decisions on matches in the database, by the hub or by people, and what other people found of a sample of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, func, insert, select

from integration.storage.bulk import bulk_insert, stream
from integration.storage.sets import among
from integration.storage.tables import match_checks, match_decisions


class Decided(NamedTuple):
    """A decision on a match; ``found`` is what another person found of it, empty until then."""

    decision_id: int
    household_id: int
    service: str
    account_id: int
    outcome: str
    per_mille: int
    reasons: str
    doubts: str
    evidence: str
    note: str
    sampled: int
    decided_by: str
    decided_us: int
    known_from: int
    found: str = ""
    checked_by: str = ""


_DECIDED: Final = Decided._fields[:-2]


def next_decision(connection: Connection) -> int:
    """Return the first free number of a decision; call it under the knowledge lock."""
    return int(connection.execute(select(func.coalesce(func.max(match_decisions.c.decision_id), 0))).scalar_one()) + 1


def decide(connection: Connection, decided: Iterable[Decided]) -> None:
    """Write decisions."""
    bulk_insert(connection, match_decisions, _DECIDED, (one[: len(_DECIDED)] for one in decided))


def decisions(connection: Connection, *, sampled: bool = False, household: int | None = None) -> list[Decided]:
    """Return decisions with what was found of them, in their order: all, a sample's, or a household's."""
    d, k = match_decisions.c, match_checks.c
    query = (
        select(
            *(d[name] for name in _DECIDED), func.coalesce(k.found, ""), func.coalesce(k.checked_by, "")
        )
        .select_from(match_decisions.outerjoin(match_checks, k.decision_id == d.decision_id))
        .order_by(d.decision_id)
    )  # fmt: skip
    if sampled:
        query = query.where(d.sampled == 1)
    if household is not None:
        query = query.where(d.household_id == household)
    return [Decided(*row) for row in stream(connection, query)]


def refused(connection: Connection, ids: Sequence[int]) -> set[tuple[int, str, int]]:
    """Return (household, service, account) whose last decision by a person was to refuse."""
    d = match_decisions.c
    query = (
        select(d.household_id, d.service, d.account_id, d.outcome)
        .where(among(connection, d.household_id, ids))
        .order_by(d.decision_id)
    )
    last = {(one, service, account): outcome for one, service, account, outcome in stream(connection, query)}
    return {pair for pair, outcome in last.items() if outcome == "refused"}


def check(connection: Connection, one: Decided, *, found: str, note: str, by: str, at_us: int) -> None:
    """Write what another person found of a decision; the database refuses the one who took it."""
    values = {"decision_id": one.decision_id, "found": found, "note": note, "decided_by": one.decided_by}
    connection.execute(insert(match_checks).values(**values, checked_by=by, checked_us=at_us))
