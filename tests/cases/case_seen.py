"""What a played city holds, taken out of its database: plain values by the names that the cases use."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NamedTuple

from case_city import COMPANIES, City
from reporting import findings
from sqlalchemy import Connection, func, select
from world import certificates, listed

from integration.domain.allowance import NO_PLACE
from integration.storage import lists
from integration.storage.tables import OPEN_VERSION, account_numbers, draws, links, postings, report_rows


class Drawn(NamedTuple):
    """A bill as judged: due and accepted in thousandths and fen, by month what is owed and what was good faith."""

    due_milli: int
    due_fen: int
    accepted_milli: int
    accepted_fen: int
    owed_milli: int
    good_milli: int
    verdict: str


class Told(NamedTuple):
    """A list row: the list's month, what it is called, the month it is about, and its quantity."""

    listed: str
    change: str
    month: str
    quantity_milli: int


class Seen(NamedTuple):
    """Everything that cases expect something of, by certificate, bill or account number."""

    due: dict[tuple[str, str, str], dict[str, int]]
    bills: dict[str, Drawn]
    findings: dict[str, list[tuple[str, str, str]]]
    rows: dict[str, list[Told]]
    links: dict[tuple[str, str], list[tuple[str, int, int, str, bool]]]
    answers: dict[str, list[str]]


def look(city: City) -> Seen:
    """Look at everything at once; afterwards the city is not needed any more."""
    named = certificates(city.hub)
    with city.hub.store.read() as connection:
        query = select(account_numbers.c.account_id, account_numbers.c.number)
        numbers = dict(connection.execute(query.where(account_numbers.c.known_to == OPEN_VERSION)).all())
        due = _due(connection, named, numbers)
        bills = _bills(connection)
        linked = _links(connection, named, numbers)
        found = {company: lists.published(connection, company) for company in COMPANIES}
    rows: dict[str, list[Told]] = defaultdict(list)
    for company, published in found.items():
        for one in published:
            for row in listed(city.hub, company, one.number):
                told = Told(str(one.month), row["change"], _month(row["month"]), row["quantity_milli"])
                rows[row["account"]].append(told)
    return Seen(due, bills, _findings(city, named), dict(rows), linked, city.answers)


def _month(value: Any) -> str:
    return f"{str(value)[:4]}-{str(value)[-2:]}"


def _due(connection: Connection, named: dict[int, str], numbers: dict[int, str]) -> Any:
    p = postings.c
    columns = (p.household_id, p.service, p.month, p.account_id)
    query = select(*columns, func.sum(p.quantity_milli)).group_by(*columns)
    due: dict[tuple[str, str, str], dict[str, int]] = defaultdict(dict)
    for one, service, month, account, quantity in connection.execute(query):
        if quantity:
            place = "none yet" if account == NO_PLACE else numbers[account]
            due[named[one], service, _month(month)][place] = int(quantity)
    return dict(due)


def _bills(connection: Connection) -> dict[str, Drawn]:
    d, r = draws.c, report_rows.c
    sums = [func.sum(getattr(d, name)) for name in Drawn._fields[:-1]]
    query = (
        select(r.bill_id, *sums, func.min(d.verdict))
        .join_from(draws, report_rows, (d.report_id == r.report_id) & (d.row == r.row))
        .where(r.bill_id != "")
        .group_by(r.bill_id)
    )
    return {bill_id: Drawn(*map(int, rest[:-1]), rest[-1]) for bill_id, *rest in connection.execute(query)}


def _links(connection: Connection, named: dict[int, str], numbers: dict[int, str]) -> Any:
    c = links.c
    columns = (c.household_id, c.service, c.account_id, c.valid_from, c.valid_to, c.evidence, c.confirmed)
    query = select(*columns).where(c.known_to == OPEN_VERSION).order_by(c.valid_from)
    linked: dict[tuple[str, str], list[tuple[str, int, int, str, bool]]] = defaultdict(list)
    for one, service, account, start, end, evidence, confirmed in connection.execute(query):
        linked[named[one], service].append((numbers[account], start, end, evidence, bool(confirmed)))
    return dict(linked)


def _findings(city: City, named: dict[int, str]) -> dict[str, list[tuple[str, str, str]]]:
    """Return the open findings as (kind, month, bill), by the certificate, or else by the account or bill."""
    found: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for one in findings(city.hub):
        who = named.get(one.household_id) or one.bill_id or one.account
        found[who].append((one.kind, one.month, one.bill_id))
    return dict(found)
