"""What a played city holds in its database, household by household, in the calculator's own form."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from oracle_city import City
from oracle_ledger import Link
from sqlalchemy import Connection, select
from world import certificates, listed

from integration.jobs.allowances import balances
from integration.jobs.settle import SettlementRefused, settle
from integration.storage import ledger
from integration.storage.tables import account_numbers, draws, links, postings, report_rows
from schemas.values import OPEN_DAY, Month, int_day

Rows = dict[str, list[tuple[Any, ...]]]


def _names(connection: Connection) -> dict[int, str]:
    """What an account is called in its household's history."""
    query = select(account_numbers.c.account_id, account_numbers.c.number)
    return {0: ""} | {one: number.rstrip("0123456789") for one, number in connection.execute(query)}


def linked(city: City) -> dict[str, tuple[tuple[Link, ...], ...]]:
    """The links of every household, as they were known to each run."""
    named, found = certificates(city.hub), dict[str, list[list[Link]]]()
    with city.hub.store.read() as connection:
        names, cut_offs = _names(connection), [run.cut_off for run in ledger.all_runs(connection)]
        query = select(links).where(links.c.service == "water", links.c.confirmed == 1)
        for one in connection.execute(query):
            last = None if one.valid_to == OPEN_DAY else int_day(one.valid_to)
            link = Link(names[one.account_id], one.company, int_day(one.valid_from), last)
            mine = found.setdefault(named[one.household_id], [[] for _ in cut_offs])
            for known, cut_off in zip(mine, cut_offs, strict=True):
                if one.known_from <= cut_off < one.known_to:
                    known.append(link)
    return {one: tuple(map(tuple, known)) for one, known in found.items()}


def posted(city: City) -> Rows:
    """Every posting: run, month, place, thousandths."""
    named, found = certificates(city.hub), defaultdict(list)
    p = postings.c
    query = select(p.household_id, p.run_id, p.month, p.account_id, p.quantity_milli).where(p.service == "water")
    with city.hub.store.read() as connection:
        names = _names(connection)
        for one, run_id, month, place, quantity in connection.execute(query):
            found[named[one]].append((run_id, month, names[place], quantity))
    return {one: sorted(rows) for one, rows in found.items()}


def told(city: City, company: str, number: int) -> list[tuple[Any, ...]]:
    """The rows of a list: account number, month, thousandths, what it is called."""
    rows = listed(city.hub, company, number)
    return sorted((row["account"], row["month"], row["quantity_milli"], row["change"]) for row in rows)


def drawn(city: City) -> Rows:
    """Every judged row, as ``row_of`` has it."""
    named, found = certificates(city.hub), dict[tuple[int, int], dict[str, Any]]()
    d, r = draws.c, report_rows.c
    query = select(d, r.bill_id, r.kind).join(report_rows, (d.report_id == r.report_id) & (d.row == r.row))
    with city.hub.store.read() as connection:
        for line in connection.execute(query.order_by(d.month)):
            new = {"of": line, "sums": Counter(), "due": {}, "owed": {}, "good": {}}
            row = found.setdefault((line.report_id, line.row), new)
            row["sums"].update(due_fen=line.due_fen, milli=line.accepted_milli, fen=line.accepted_fen)
            for name in ("due", "owed", "good"):
                if quantity := getattr(line, f"{name}_milli"):
                    row[name][line.month] = quantity
    rows: Rows = defaultdict(list)
    for row in found.values():
        of, sums = row["of"], row["sums"]
        figures = (row["due"], sums["due_fen"], sums["milli"], sums["fen"], row["owed"], row["good"])
        rows[named[of.household_id]].append((of.bill_id.partition("-")[0], of.kind, of.verdict, *figures))
    return rows


def balance(city: City, company: str) -> dict[Month, Counter[str]]:
    """The balance of every month, its parts that are not nothing."""
    with city.hub.store.read() as connection:
        found = balances(city.hub, connection, company)
    names = ("listed", "drawn", "lapsed", "awaiting", "refused", "unanswered")
    return {Month.parse(one.month): +Counter({name: getattr(one, f"{name}_milli") for name in names}) for one in found}


def settled(city: City, company: str, month: Month) -> Counter[str] | None:
    """The totals of a report month's settlement; None where nothing was reported."""
    try:
        totals = settle(city.hub, company, month, actor="tester").settlement.totals
    except SettlementRefused:
        return None
    names = ("reported", "accepted", "over", "short", "undecided", "unauthorised", "duplicate", "good_faith")
    found = Counter({name: getattr(totals, name).quantity_milli for name in names})
    found["accepted_fen"] = totals.accepted.amount_fen
    return found
