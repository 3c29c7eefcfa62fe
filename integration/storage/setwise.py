"""Whole-table statements of the month: a decision table laid over the registry, and the counts that check it.

No rule stands here. What a standing gives was judged in Python and comes as a temporary table; every household whose
month is not one plain standing on at most one link is left to Python (``knotty``), and tests walk both roads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Select,
    Table,
    and_,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    union,
)

from integration.storage.bulk import bulk_insert, learn_sizes, stream, temp_table
from integration.storage.decisions import decided_households
from integration.storage.mergers import continuing
from integration.storage.registry import known_at
from integration.storage.tables import NO_PLACE, contests, facts, links, postings
from schemas.values import Month, Service, day_int


@contextmanager
def decision_table(connection: Connection, quantities: Mapping[int, int]) -> Iterator[Table]:
    """Give the decision table of one service: standing id → quantity, only where there is any."""
    columns = [Column("standing_id", BigInteger, primary_key=True), Column("quantity_milli", BigInteger)]
    with temp_table(connection, "decision_table", columns) as table:
        bulk_insert(connection, table, ("standing_id", "quantity_milli"), sorted(quantities.items()))
        yield table


@contextmanager
def knotty_households(connection: Connection, month: Month, cut_off: int) -> Iterator[Table]:
    """Give the households whose month needs judgement one by one, known at a cut-off.

    A slice or link that begins or ends within the month, a person named by two households, a merger, or a decision.
    Slices of a timeline are disjoint, and so are the links of a household at a service: whoever has two of either in a
    month has one that does not cover all of it.
    """
    first, last = day_int(month.first), day_int(month.last)

    def partial(table: Table) -> Select[Any]:
        c = table.c
        touching = and_(c.valid_from <= last, c.valid_to >= first)
        return select(c.household_id).where(
            known_at(c, cut_off), touching, or_(c.valid_from > first, c.valid_to < last)
        )

    contested = select(contests.c.household_id).where(contests.c.known_from <= cut_off)
    with temp_table(connection, "knotty", [Column("household_id", BigInteger, primary_key=True)]) as table:
        every = union(partial(facts), partial(links), contested, decided_households(0, cut_off), continuing(cut_off))
        connection.execute(insert(table).from_select(["household_id"], every))
        yield table


def _is_plain(knotty: Table, month: Month, cut_off: int) -> Any:
    f = facts.c
    return and_(
        known_at(f, cut_off),
        f.valid_from <= day_int(month.first),
        f.valid_to >= day_int(month.last),
        ~exists().where(knotty.c.household_id == f.household_id),
    )


def apply_month(
    connection: Connection,
    decisions: Table,
    knotty: Table,
    *,
    run_id: int,
    month: Month,
    service: Service,
    cut_off: int,
) -> None:
    """Post a month that nobody has computed yet, for all plain households at once, in key order."""
    connection.execute(
        insert(postings).from_select(_POSTED, plain_rows(decisions, knotty, run_id, month, service, cut_off))
    )


def learn_postings(connection: Connection) -> None:
    """Prepare the planner for whatever reads a month that has just been posted."""
    learn_sizes(connection, postings)


_POSTED = ["month", "service", "household_id", "n", "account_id", "quantity_milli", "run_id", "retro"]


def plain_rows(
    decisions: Table, knotty: Table, run_id: int, month: Month, service: Service, cut_off: int
) -> Select[Any]:
    """Return the postings of a month's plain households as a query."""
    source = facts.join(decisions, decisions.c.standing_id == facts.c.standing_id)
    touching = and_(
        links.c.household_id == facts.c.household_id,
        links.c.service == service.value,
        known_at(links.c, cut_off),
        links.c.confirmed == 1,
        links.c.valid_from <= day_int(month.last),
        links.c.valid_to >= day_int(month.first),
    )
    return (
        select(
            literal(int(month)),
            literal(service.value),
            facts.c.household_id,
            literal(1),
            func.coalesce(links.c.account_id, NO_PLACE),
            decisions.c.quantity_milli,
            literal(run_id),
            literal(0),
        )
        .select_from(source.outerjoin(links, touching))
        .where(_is_plain(knotty, month, cut_off))
        .order_by(facts.c.household_id)
    )


def count_heads(connection: Connection, knotty: Table, *, month: Month, cut_off: int) -> dict[int, int]:
    """Return how many plain households have each standing: with the decisions, the second road of the totals."""
    query = select(facts.c.standing_id, func.count()).where(_is_plain(knotty, month, cut_off))
    return dict(stream(connection, query.group_by(facts.c.standing_id)))


def posted_totals(connection: Connection, run_id: int, month: Month, service: Service) -> tuple[int, int]:
    """Return rows and summed quantity that a run has posted as its own month's bulk."""
    p = postings.c
    query = select(func.count(), func.coalesce(func.sum(p.quantity_milli), 0)).where(
        p.month == int(month), p.service == service.value, p.run_id == run_id, p.retro == 0
    )
    rows, quantity = connection.execute(query).one()
    return rows, int(quantity)


def ids_in(connection: Connection, table: Table) -> list[int]:
    """Return the households of a temporary table, in order."""
    return [one for (one,) in stream(connection, select(table.c.household_id).order_by(table.c.household_id))]


def run_rows(run_id: int, month: Month) -> tuple[Select[Any], Select[Any]]:
    """Return a run's postings in key order, as queries one after the other: earlier months first, then its own."""
    p = postings.c
    columns = (p.month, p.service, p.household_id, p.n, p.account_id, p.quantity_milli, p.run_id, p.retro)
    order = (p.month, p.service, p.household_id, p.n)
    retro = select(*columns).where(p.run_id == run_id, p.retro == 1).order_by(*order)
    bulk = select(*columns).where(p.month == int(month), p.run_id == run_id, p.retro == 0).order_by(*order)
    return retro, bulk
