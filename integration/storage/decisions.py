"""Decisions in the database: what was proposed, how it was decided, and what stands as known at a version."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, Select, func, insert, select

from integration.domain.decisions import Decision, Drawn, Kind, Line, in_force, parted_accounts
from integration.storage.bulk import bulk_insert, stream
from integration.storage.sets import among
from integration.storage.tables import (
    OPEN_VERSION,
    accounts,
    decision_lines,
    decision_outcomes,
    decisions,
    draws,
    links,
    runs,
)
from schemas.values import Month, Service

APPROVED: Final = "approved"
REJECTED: Final = "rejected"


class Proposal(NamedTuple):
    """What one person proposed; fields as in the table, days YYYYMMDD, 0 or empty where the kind has none."""

    number: int
    kind: Kind
    household_id: int
    service: str
    account_id: int = 0
    from_on: int = 0
    other_household_id: int = 0
    undoes: int = 0
    authority_number: str = ""
    authority_on: int = 0
    notified_on: int = 0
    reason: str = ""
    evidence: str = ""
    proposed_by: str = ""
    proposed_us: int = 0

    @property
    def decision(self) -> Decision:
        """The decision that it is once approved."""
        about = (self.household_id, self.service, self.account_id, self.from_on, self.undoes)
        return Decision(self.number, self.kind, *about)


class Outcome(NamedTuple):
    """How a proposal was decided: ``approved`` with the knowledge version that it brought, or ``rejected``."""

    outcome: str
    decided_by: str
    decided_us: int
    known_from: int | None


class Filed(NamedTuple):
    """A proposal with its lines and how it was decided; None while it waits."""

    proposal: Proposal
    lines: tuple[Line, ...]
    outcome: Outcome | None


def next_number(connection: Connection) -> int:
    """Return the next decision's number; call it under the knowledge lock."""
    return int(connection.execute(select(func.coalesce(func.max(decisions.c.number), 0))).scalar_one()) + 1


def propose(connection: Connection, proposal: Proposal, lines: Iterable[Line]) -> None:
    """Write a proposal with the lines of a claw-back."""
    connection.execute(insert(decisions).values(proposal._asdict() | {"kind": proposal.kind.value}))
    bulk_insert(connection, decision_lines, Line._fields, lines)


def decide(connection: Connection, proposal: Proposal, outcome: Outcome) -> None:
    """Write how a proposal was decided.

    Raises:
        StorageError: the proposer approves it.
        UniqueTaken: it is decided already.
    """
    values = {"number": proposal.number, "proposed_by": proposal.proposed_by, **outcome._asdict()}
    connection.execute(insert(decision_outcomes).values(values))


def filed(connection: Connection, *, number: int | None = None, household: int | None = None) -> list[Filed]:
    """Return proposals by number: one, those about a household (also as the other), or all."""
    o, d = decision_outcomes.c, decisions.c
    query = select(*(d[name] for name in Proposal._fields), *(o[name] for name in Outcome._fields))
    query = query.select_from(decisions.outerjoin(decision_outcomes, o.number == d.number)).order_by(d.number)
    if number is not None:
        query = query.where(d.number == number)
    if household is not None:
        query = query.where((d.household_id == household) | (d.other_household_id == household))
    rows = connection.execute(query).all()
    lines: dict[int, list[Line]] = {}
    for line in _lines(connection, decision_lines.c.number.in_([row.number for row in rows])):
        lines.setdefault(line.number, []).append(line)
    return [_filed(row, lines.get(row.number, ())) for row in rows]


def _filed(row: Row[Any], lines: Sequence[Line]) -> Filed:
    proposal, outcome = Proposal(*row[: len(Proposal._fields)]), Outcome(*row[len(Proposal._fields) :])
    kind = proposal._replace(kind=Kind(proposal.kind))
    return Filed(kind, tuple(lines), outcome if outcome.outcome else None)


def undone(connection: Connection) -> set[int]:
    """Return the numbers of the decisions that an approved one undoes."""
    o = decision_outcomes.c
    query = select(decisions.c.undoes).join(decision_outcomes, o.number == decisions.c.number)
    query = query.where(o.outcome == APPROVED, decisions.c.undoes > 0)
    return {number for (number,) in stream(connection, query)}


def _lines(connection: Connection, condition: Any) -> list[Line]:
    c = decision_lines.c
    query = select(*(c[name] for name in Line._fields)).where(condition)
    return [Line(*row) for row in stream(connection, query.order_by(c.number, c.month, c.account_id))]


# --- what stands -----------------------------------------------------------------------------------------------


def _approved(version: int) -> Any:
    """Join decisions with their approval, as known at a version."""
    o = decision_outcomes.c
    return (o.number == decisions.c.number) & (o.outcome == APPROVED) & (o.known_from <= version)


def standing(
    connection: Connection, ids: Sequence[int], version: int = OPEN_VERSION
) -> dict[tuple[int, str], list[Decision]]:
    """Return the decisions in force by (household, service), as known at a version (now, if none)."""
    d = decisions.c
    query = (
        select(*(d[name] for name in Decision._fields))
        .join(decision_outcomes, _approved(version))
        .where(among(connection, d.household_id, ids))
    )
    found: dict[tuple[int, str], list[Decision]] = {}
    for number, kind, *rest in stream(connection, query):
        one = Decision(number, Kind(kind), *rest)
        found.setdefault((one.household_id, one.service), []).append(one)
    return {key: in_force(mine) for key, mine in found.items()}


def lines_of(
    connection: Connection, ids: Sequence[int], version: int = OPEN_VERSION
) -> dict[tuple[int, str, int], list[Line]]:
    """Return the lines of approved claw-backs by (household, service, month), as known at a version (now, if none)."""
    c, d = decision_lines.c, decisions.c
    query = (
        select(d.household_id, d.service, *(c[name] for name in Line._fields))
        .select_from(decision_lines.join(decisions, d.number == c.number).join(decision_outcomes, _approved(version)))
        .where(among(connection, d.household_id, ids))
    )
    found: dict[tuple[int, str, int], list[Line]] = {}
    for household, service, *rest in stream(connection, query):
        line = Line(*rest)
        found.setdefault((household, service, line.month), []).append(line)
    return found


def refused_pairs(connection: Connection, ids: Sequence[int]) -> set[tuple[int, str, int]]:
    """Return the (household, service, account) that are never linked by themselves again (edge case 59)."""
    found = standing(connection, ids)
    return {(*key, account) for key, mine in found.items() for account in parted_accounts(mine)}


def decided_households(since: int, until: int = OPEN_VERSION) -> Select[Any]:
    """Select the households about which a decision became known after ``since``, up to ``until``."""
    o = decision_outcomes.c
    return (
        select(decisions.c.household_id)
        .join(decision_outcomes, o.number == decisions.c.number)
        .where(o.outcome == APPROVED, o.known_from.between(since + 1, until))
    )


# --- what a claw-back takes from the ledger --------------------------------------------------------------------


class TakenBack(NamedTuple):
    """What a claw-back took from a month at an account, and the run that posted it."""

    household_id: int
    month: int
    account_id: int
    company: str
    quantity_milli: int
    amount_fen: int
    run_id: int


def taken_back(connection: Connection, service: Service, months: Iterable[int] | None = None) -> list[TakenBack]:
    """Return what claw-backs took from a service's months (from all, if None) and runs have posted."""
    c, d, o = decision_lines.c, decisions.c, decision_outcomes.c
    run = select(func.min(runs.c.run_id)).where(runs.c.cut_off >= o.known_from).scalar_subquery()
    query = (
        select(d.household_id, c.month, c.account_id, accounts.c.company, c.quantity_milli, c.amount_fen, run)
        .select_from(
            decision_lines.join(decisions, d.number == c.number)
            .join(decision_outcomes, o.number == c.number)
            .join(accounts, accounts.c.account_id == c.account_id)
        )
        .where(d.service == service.value, o.outcome == APPROVED, c.quantity_milli > 0)
        .order_by(c.number, c.month, c.account_id)
    )
    if months is not None:
        query = query.where(c.month.in_(sorted(months)))
    return [TakenBack(*row) for row in stream(connection, query) if row[-1] is not None]


def drawn_of(connection: Connection, household: int, service: Service, month: Month) -> list[Drawn]:
    """Return by account what bills were due and did draw of a household's month; nothing of what is posted."""
    d = draws.c
    query = (
        select(d.account_id, func.sum(d.accepted_milli), func.sum(d.accepted_fen))
        .where(d.service == service.value, d.month == int(month), d.household_id == household)
        .group_by(d.account_id)
        .order_by(d.account_id)
    )
    return [Drawn(account, int(milli), int(fen), 0) for account, milli, fen in stream(connection, query)]


def households_on(connection: Connection, service: str, account_id: int) -> set[int]:
    """Return the households linked to an account now, confirmed or waiting."""
    c = links.c
    query = select(c.household_id).where(c.account_id == account_id, c.service == service, c.known_to == OPEN_VERSION)
    return {household for (household,) in stream(connection, query)}
