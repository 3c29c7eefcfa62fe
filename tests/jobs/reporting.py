"""What the companies report, in the canonical form, and what the hub made of it.

    send(hub, "city_water", report("2026-11", [bill("A1", "B1", use=5000)], ...))

A bill's reference is that of the household's row on the list; its price is the tariff's first tier, its quantity
waived the smaller of use and 3 m³ a month, unless given.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from world import certificates, chunked

from integration.jobs.allowances import balances
from integration.jobs.hub import Hub
from integration.jobs.outcomes import SyncResult
from integration.jobs.sync_report import sync_report
from integration.storage import report_views
from integration.storage.report_views import FindingLine
from integration.storage.tables import OPEN_VERSION, account_numbers, draws, links
from schemas.values import Month

#: What a cubic metre costs in the tests' months, in 1/10,000 yuan, by company.
PRICES = {"city_water": 22000, "suburb_water": 18500, "city_gas": 26300}


def place_of(hub: Hub, company: str, number: str) -> tuple[str, str]:
    """Reference and account of the household that this certificate is in force for."""
    named = {held: one for one, held in certificates(hub).items()}
    with hub.store.read() as connection:
        query = (
            select(links.c.reference, account_numbers.c.number)
            .join(account_numbers, account_numbers.c.account_id == links.c.account_id)
            .where(links.c.household_id == named[number], links.c.company == company)
            .where(account_numbers.c.known_to == OPEN_VERSION, links.c.known_to == OPEN_VERSION)
            .order_by(links.c.valid_from)
        )
        return tuple(connection.execute(query).all()[-1])  # type: ignore[return-value]


def places(hub: Hub, company: str) -> dict[int, tuple[str, str]]:
    """Reference and account of every household linked at a company, by its id."""
    with hub.store.read() as connection:
        query = (
            select(links.c.household_id, links.c.reference, account_numbers.c.number)
            .join(account_numbers, account_numbers.c.account_id == links.c.account_id)
            .where(links.c.company == company, account_numbers.c.known_to == OPEN_VERSION)
        )
        return {one: (reference, number) for one, reference, number in connection.execute(query)}


def bill(
    bill_id: str,
    place: tuple[str, str],
    month: str,
    use: int,
    *,
    to: str | None = None,
    on: int | None = None,
    waived: int | None = None,
    fen: int | None = None,
    price: int = PRICES["city_water"],
    version: str = "",
    answer: str = "APPLIED",
    listed_in: int = 1,
    **more: Any,
) -> dict[str, Any]:
    """One bill; ``place`` is (reference, account). Quantities in thousandths of m³."""
    first, last = int(Month.parse(month)), int(Month.parse(to or month))
    months = Month.from_int(last).minus(Month.from_int(first)) + 1
    waived = min(use, 3000 * months) if waived is None else waived
    fen = (abs(waived) * price + 50_000) // 100_000 * (-1 if waived < 0 else 1) if fen is None else fen
    charge = (abs(use) * price + 50_000) // 100_000 * (-1 if use < 0 else 1)
    part = {
        "component": "basic", "price_version": version, "price_e4": price, "charge_before_fen": charge,
        "waived_fen": fen, "charge_after_fen": charge - fen,
    }  # fmt: skip
    row = {
        "list_number": listed_in, "reference": place[0], "account": place[1], "bill_id": bill_id, "kind": "BILL",
        "issued_on": last * 100 + 5 if on is None else on, "month_from": first, "month_to": last,
        "billable_milli": use, "waived_milli": waived, "components": [part], "answer": answer,
    }  # fmt: skip
    return row | more


def answer(place: tuple[str, str], month: str, code: str, **more: Any) -> dict[str, Any]:
    """An answer without a bill."""
    at = int(Month.parse(month))
    row = {"list_number": 1, "reference": place[0], "account": place[1], "kind": "NONE", "issued_on": at * 100 + 5}
    return row | {"month_from": at, "month_to": at, "answer": code} | more


def report(
    month: str, rows: Sequence[dict[str, Any]], *, company: str = "city_water", kind: str = "original", edition: int = 1
) -> bytes:
    """A whole canonical report."""
    at = int(Month.parse(month))
    header = {"type": "header", "company": company, "kind": kind, "month": at, "edition": edition}
    body = b"".join(map(_line, (header | {"created_on": at * 100 + 28}, *rows)))
    waived = sum(part["waived_fen"] for row in rows for part in row.get("components", ()))
    trailer = {
        "type": "trailer",
        "rows": len(rows),
        "waived_milli": sum(row.get("waived_milli", 0) for row in rows),
        "waived_fen": waived,
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    return body + _line(trailer)


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def send(hub: Hub, content: bytes, company: str = "city_water") -> SyncResult:
    """Take in a report."""
    return sync_report(hub, company, chunked(content), actor="tester")


def findings(hub: Hub, state: str | None = "open", **where: Any) -> list[FindingLine]:
    """The findings as they stand."""
    with hub.store.read() as connection:
        return report_views.finding_lines(connection, 10_000, 0, state, **where)


def kinds(hub: Hub, **where: Any) -> list[str]:
    """The kinds of the open findings, sorted."""
    return sorted(one.kind for one in findings(hub, **where))


def balance_of(hub: Hub, month: str, company: str = "city_water") -> dict[str, int]:
    """A month's balance, its parts that are not 0."""
    with hub.store.read() as connection:
        (made,) = balances(hub, connection, company, [Month.parse(month)])
    assert made.holds
    return {
        name.removesuffix("_milli"): value for name, value in vars(made).items() if name.endswith("_milli") and value
    }


def drawn(hub: Hub) -> list[tuple[Any, ...]]:
    """Every line of draws in key order, but for the reports' ids."""
    d = draws.c
    columns = (
        d.service, d.month, d.household_id, d.company, d.account_id, d.issued_on, d.bill, d.answer, d.verdict,
        d.due_milli, d.waived_milli, d.due_fen, d.waived_fen, d.owed_milli, d.good_milli,
    )  # fmt: skip
    with hub.store.read() as connection:
        return sorted(tuple(row) for row in connection.execute(select(*columns)))
