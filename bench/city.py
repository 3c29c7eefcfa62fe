"""Accounts and links, written straight into the tables: rosters and linking are not what is measured here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from bench.registry_file import gas_number, water_number
from integration.jobs.hub import Hub
from integration.storage import links
from integration.storage.bulk import bulk_insert, stream
from integration.storage.engine import next_version
from integration.storage.pii import row_reference
from integration.storage.tables import account_facts, account_numbers, accounts, households
from schemas.values import OPEN_DAY

#: Of every hundred households so many have an account at each company.
LINKED = 93
_OPENED = 20180101
_PART = 50_000


class _Account(NamedTuple):
    account_id: int
    household_id: int
    company: str
    service: str
    number: str


def link_city(hub: Hub, connection: Connection) -> None:
    """Give 93 % of the households a water account, and as many others a gas account."""
    version = next_version(connection, hub.clock, "roster")
    query = select(households.c.household_id).order_by(households.c.household_id)
    ids = [one for (one,) in stream(connection, query)]
    for start in range(0, len(ids), _PART):
        _write(hub, connection, list(_accounts(ids[start : start + _PART])), version)


def _accounts(ids: list[int]) -> Iterator[_Account]:
    for one in ids:
        if one * 37 % 100 < LINKED:
            yield _Account(2 * one, one, "city_water", "water", water_number(one - 1))
        if one * 41 % 100 < LINKED:
            yield _Account(2 * one + 1, one, "city_gas", "gas", gas_number(one - 1))


def _write(hub: Hub, connection: Connection, rows: list[_Account], version: int) -> None:
    bulk_insert(
        connection, accounts, ("account_id", "company", "created"), ((a.account_id, a.company, version) for a in rows)
    )
    columns: tuple[str, ...] = ("account_id", "known_from", "company", "number", "since")
    numbers = ((a.account_id, version, a.company, a.number, _OPENED) for a in rows)
    bulk_insert(connection, account_numbers, columns, numbers)
    columns = (
        "account_id", "known_from", "state", "opened_on", "closed_on",
        "domestic", "meter", "cycle", "low_income", "digest",
    )  # fmt: skip
    facts = ((a.account_id, version, "open", _OPENED, OPEN_DAY, 1, "metered", "monthly", 1, b"") for a in rows)
    bulk_insert(connection, account_facts, columns, facts)
    links.add(connection, [_link(hub, a, version) for a in rows])


def _link(hub: Hub, a: _Account, version: int) -> tuple[Any, ...]:
    reference = row_reference(hub.ring, a.company, a.household_id, a.account_id)
    return (
        a.household_id, a.service, a.account_id, version, _OPENED, OPEN_DAY, a.company, "holder_id", 1, reference,
    )  # fmt: skip
