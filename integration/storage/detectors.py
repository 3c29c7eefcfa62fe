"""What the detectors look at, gathered in whole sets: the unrelieved, the flags, the rosters, lists nobody fetched."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, String, and_, cast, exists, func, or_, select

from integration.domain.detectors import Flagged
from integration.domain.draws import Horizon
from integration.storage.bulk import stream
from integration.storage.sets import among
from integration.storage.tables import (
    OPEN_VERSION,
    account_facts,
    accounts,
    collections,
    draws,
    knowledge,
    lists,
    outbox,
    postings,
    receipts,
    submissions,
)
from schemas.values import AccountState, Service

#: How the outbox calls a list that has arrived.
_DELIVERED: Final = "delivered"


# --- who gets nothing --------------------------------------------------------------------------------------------


def unrelieved(
    connection: Connection, service: Service, months: Sequence[int], without: Collection[str]
) -> Iterator[int]:
    """Yield the households with an allowance in the last of these months to whom nobody applied anything in any.

    Accounts of the companies ``without`` are left out.
    """
    p, d = postings.c, draws.c
    relieved = exists().where(
        d.service == service.value,
        d.month.in_(list(months)),
        d.household_id == p.household_id,
        d.waived_milli > 0,
    )
    query = (
        select(p.household_id)
        .select_from(postings.outerjoin(accounts, accounts.c.account_id == p.account_id))
        .where(p.month == months[-1], p.service == service.value, ~relieved)
        .where(or_(accounts.c.company.is_(None), accounts.c.company.not_in(sorted(without))))
        .group_by(p.household_id)
        .having(func.sum(p.quantity_milli) > 0)
        .order_by(p.household_id)
    )
    for (household,) in stream(connection, query):
        yield household


class Granted(NamedTuple):
    """What stands on an account (or on none) for a household's month, with what bills and answers made of it."""

    household_id: int
    month: int
    account_id: int
    company: str
    cycle: str
    quantity_milli: int
    run_id: int
    bill: int
    answer: int
    due_milli: int
    waived_milli: int


def granted(connection: Connection, service: Service, months: Sequence[int], ids: Sequence[int]) -> Iterator[Granted]:
    """Yield what stands for households in these months, in order of household and month."""
    p, f = postings.c, account_facts.c
    within = (p.service == service.value, p.month.in_(list(months)), among(connection, p.household_id, ids))
    placed = (
        select(
            p.household_id,
            p.month,
            p.account_id,
            func.sum(p.quantity_milli).label("quantity"),
            func.max(p.run_id).label("run_id"),
        )
        .where(*within)
        .group_by(p.household_id, p.month, p.account_id)
        .having(func.sum(p.quantity_milli) > 0)
        .subquery("placed")
    )
    told = _told(connection, service, months, ids)
    same = (told.c.household_id == placed.c.household_id, told.c.month == placed.c.month)
    query = (
        select(
            *(placed.c[name] for name in ("household_id", "month", "account_id")),
            func.coalesce(accounts.c.company, ""),
            func.coalesce(f.cycle, ""),
            placed.c.quantity,
            placed.c.run_id,
            *(func.coalesce(told.c[name], 0) for name in ("bill", "answer", "due", "waived")),
        )
        .select_from(
            placed.outerjoin(accounts, accounts.c.account_id == placed.c.account_id)
            .outerjoin(account_facts, and_(f.account_id == placed.c.account_id, f.known_to == OPEN_VERSION))
            .outerjoin(told, and_(*same))
        )
        .order_by(placed.c.household_id, placed.c.month, placed.c.account_id)
    )
    for *about, quantity, run_id, bill, answer, due, waived in stream(connection, query):
        yield Granted(*about, *map(int, (quantity, run_id, bill, answer, due, waived)))


def _told(connection: Connection, service: Service, months: Sequence[int], ids: Sequence[int]) -> Any:
    """Select what was said of households' months, whatever the account."""
    d = draws.c
    return (
        select(
            d.household_id,
            d.month,
            func.max(d.bill).label("bill"),
            func.max(d.answer).label("answer"),
            func.sum(d.due_milli).label("due"),
            func.sum(d.waived_milli).label("waived"),
        )
        .where(d.service == service.value, d.month.in_(list(months)), among(connection, d.household_id, ids))
        .group_by(d.household_id, d.month)
        .subquery("told")
    )


def listed_at(connection: Connection, company: str, service: Service, months: Sequence[int]) -> tuple[int, int]:
    """Return how many households stand at a company in any of these months, and the quantity of all of them."""
    p = postings.c
    placed = (
        select(p.household_id, func.sum(p.quantity_milli).label("quantity_milli"))
        .select_from(postings.join(accounts, accounts.c.account_id == p.account_id))
        .where(p.service == service.value, p.month.in_(list(months)), accounts.c.company == company)
        .group_by(p.household_id)
        .having(func.sum(p.quantity_milli) > 0)  # what was moved away stands there no more
        .subquery("placed")
    )
    query = select(func.count(), func.coalesce(func.sum(placed.c.quantity_milli), 0)).select_from(placed)
    number, quantity = connection.execute(query).one()
    return int(number), int(quantity)


# --- flags ---------------------------------------------------------------------------------------------------------


def flags(
    connection: Connection, company: str, service: Service, then: Horizon, now: Horizon, month: int
) -> Iterator[Flagged]:
    """Yield the open accounts whose flag and listing may differ, or whose flag ended before a month.

    ``then`` is what the company knew when it made its roster, ``now`` what its newest list tells. Accounts flagged and
    listed, and those neither flagged nor listed, are left out.
    """
    f = account_facts.c
    before, after = _placed(service, then, "before"), _placed(service, now, "after")
    listed, listed_now = before.c.account_id.is_not(None), after.c.account_id.is_not(None)
    unlike = or_(
        and_(f.low_income == 1, ~listed_now),
        and_(f.low_income == 0, listed_now),
        and_(f.low_income == 1, f.low_income_until < month),
    )
    query = (
        select(f.account_id, f.low_income, f.low_income_until, before.c.account_id, after.c.account_id)
        .select_from(
            account_facts.join(accounts, accounts.c.account_id == f.account_id)
            .outerjoin(before, before.c.account_id == f.account_id)
            .outerjoin(after, after.c.account_id == f.account_id)
        )
        .where(accounts.c.company == company, f.known_to == OPEN_VERSION, f.state != AccountState.CLOSED.value)
        .where(unlike, or_(f.low_income == 1, listed))
        .order_by(f.account_id)
    )
    for account_id, low_income, until, then_id, now_id in stream(connection, query):
        yield Flagged(account_id, bool(low_income), until, then_id is not None, now_id is not None)


def _placed(service: Service, known: Horizon, name: str) -> Any:
    """Select the accounts on which a month stands, as far as runs up to one have posted it."""
    p = postings.c
    return (
        select(p.account_id)
        .where(p.month == known.month, p.service == service.value, p.run_id <= known.run_id, p.account_id > 0)
        .group_by(p.account_id)
        .having(func.sum(p.quantity_milli) > 0)
        .subquery(name)
    )


def keeps_flags(connection: Connection, company: str) -> bool:
    """Tell whether any open account of a company bears the flag: a company without one keeps none."""
    f = account_facts.c
    query = (
        select(f.account_id)
        .select_from(account_facts.join(accounts, accounts.c.account_id == f.account_id))
        .where(accounts.c.company == company, f.known_to == OPEN_VERSION, f.low_income == 1)
        .where(f.state != AccountState.CLOSED.value)
    )
    return connection.execute(query.limit(1)).first() is not None


# --- silence -------------------------------------------------------------------------------------------------------


def last_rosters(connection: Connection) -> dict[str, int]:
    """Return the instant at which each company's newest roster was applied."""
    query = (
        select(submissions.c.sender, func.max(knowledge.c.at_us))
        .select_from(knowledge.join(submissions, submissions.c.submission_id == knowledge.c.submission_id))
        .where(knowledge.c.kind == "roster", submissions.c.kind == "roster")
        .group_by(submissions.c.sender)
    )
    return {company: int(at_us) for company, at_us in stream(connection, query)}


class Uncollected(NamedTuple):
    """A list that its company has neither collected, nor acknowledged, nor been sent."""

    number: int
    month: int
    published_us: int
    rows: int
    quantity_milli: int


def uncollected(connection: Connection, company: str) -> list[Uncollected]:
    """Return a company's lists that have not reached it, in order."""
    c = lists.c
    fetched = exists().where(collections.c.company == c.company, collections.c.number == c.number)
    acknowledged = exists().where(receipts.c.company == c.company, receipts.c.number == c.number)
    sent = exists().where(
        outbox.c.company == c.company, outbox.c.subject == cast(c.number, String), outbox.c.state == _DELIVERED
    )
    query = select(c.number, c.month, c.published_us, c.rows, c.quantity_milli)
    query = query.where(c.company == company, ~fetched, ~acknowledged, ~sent).order_by(c.number)
    return [Uncollected(*row) for row in stream(connection, query)]
