"""Rosters in the database: accounts, the numbers they have had, their dated states, and their holders.

Holders' personal data is kept, encrypted, only until the next roster replaces it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, and_, delete, func, select, update

from integration.storage.bulk import bulk_insert, learn_sizes, stream
from integration.storage.registry import LookupRow, known_at
from integration.storage.sets import among
from integration.storage.tables import (
    OPEN_VERSION,
    account_facts,
    account_holders,
    account_lookups,
    account_numbers,
    accounts,
)

numbers = account_numbers


class Known(NamedTuple):
    """An account as known now."""

    account_id: int
    number: str
    known_from: int
    state: str
    opened_on: int
    closed_on: int
    digest: bytes


def next_account_id(connection: Connection) -> int:
    """Return the first free account id; call it under the knowledge lock."""
    return int(connection.execute(select(func.coalesce(func.max(accounts.c.account_id), 0))).scalar_one()) + 1


def by_number(connection: Connection, company: str, wanted: Sequence[str]) -> dict[str, Known]:
    """Return the accounts that now bear these numbers; of a reused number, the newest."""
    f, n = account_facts.c, numbers.c
    query = (
        select(f.account_id, n.number, f.known_from, f.state, f.opened_on, f.closed_on, f.digest)
        .select_from(numbers.join(account_facts, and_(f.account_id == n.account_id, f.known_to == OPEN_VERSION)))
        .where(n.company == company, among(connection, n.number, wanted), n.known_to == OPEN_VERSION)
        .order_by(n.known_from, n.account_id)
    )
    return {row[1]: Known._make(row) for row in stream(connection, query)}


def open_accounts(connection: Connection, company: str) -> Iterator[tuple[Any, ...]]:
    """Yield (account, opened on) of a company's accounts that are not closed."""
    f, n = account_facts.c, numbers.c
    query = (
        select(f.account_id, f.opened_on)
        .select_from(numbers.join(account_facts, and_(f.account_id == n.account_id, f.known_to == OPEN_VERSION)))
        .where(n.company == company, n.known_to == OPEN_VERSION, f.state != "closed")
        .order_by(f.account_id)
    )
    yield from stream(connection, query)


FACT_COLUMNS: Final = (
    "account_id", "known_from", "state", "opened_on", "closed_on", "domestic", "meter", "cycle",
    "low_income", "low_income_until", "heated_dm2", "digest",
)  # fmt: skip
_COLUMNS: Final = {
    accounts: ("account_id", "company", "created"),
    numbers: ("account_id", "known_from", "company", "number", "since"),
    account_facts: FACT_COLUMNS,
    account_holders: ("account_id", "company", "sealed", "known_from"),
    account_lookups: ("kind", "digest", "account_id", "known_from"),
}


def add(connection: Connection, rows: dict[Any, list[tuple[Any, ...]]]) -> None:
    """Write rows by table, as tuples in the order of its columns here."""
    for table, columns in _COLUMNS.items():
        if rows.get(table):
            bulk_insert(connection, table, columns, sorted(rows[table]) if table is account_lookups else rows[table])


def learn_accounts(connection: Connection) -> None:
    """Prepare the planner for whatever reads the accounts after a roster."""
    for table in (accounts, numbers, account_facts, account_lookups):
        learn_sizes(connection, table)


def close_facts(connection: Connection, version: int, ids: Sequence[int]) -> None:
    """Close the states of accounts: from this version on something else is known."""
    f = account_facts
    condition = and_(among(connection, f.c.account_id, ids), f.c.known_to == OPEN_VERSION)
    connection.execute(update(f).where(condition).values(known_to=version))


def close_numbers(connection: Connection, version: int, ids: Sequence[int]) -> None:
    """Close the numbers of renumbered accounts."""
    condition = and_(among(connection, numbers.c.account_id, ids), numbers.c.known_to == OPEN_VERSION)
    connection.execute(update(numbers).where(condition).values(known_to=version))


def forget_holders(connection: Connection, ids: Sequence[int]) -> None:
    """Delete holders' personal data and match keys; a changed one is written anew."""
    connection.execute(delete(account_holders).where(among(connection, account_holders.c.account_id, ids)))
    forget_keys(connection, ids)


def forget_keys(connection: Connection, ids: Sequence[int]) -> None:
    """Delete the match keys of accounts' holders, which are made anew."""
    connection.execute(delete(account_lookups).where(among(connection, account_lookups.c.account_id, ids)))


def facts_of(connection: Connection, ids: Sequence[int]) -> dict[int, tuple[str, str, bool, int, int]]:
    """Return (company, state, domestic, opened on, closed on) of accounts as known now."""
    f = account_facts.c
    query = (
        select(f.account_id, accounts.c.company, f.state, f.domestic, f.opened_on, f.closed_on)
        .select_from(account_facts.join(accounts, accounts.c.account_id == f.account_id))
        .where(among(connection, f.account_id, ids), f.known_to == OPEN_VERSION)
    )
    return {
        account_id: (company, state, bool(domestic), opened_on, closed_on)
        for account_id, company, state, domestic, opened_on, closed_on in stream(connection, query)
    }


def lookups_of(connection: Connection, ids: Sequence[int]) -> dict[int, set[LookupRow]]:
    """Return the match keys of accounts' holders."""
    a = account_lookups.c
    query = select(a.account_id, a.kind, a.digest).where(among(connection, a.account_id, ids))
    found: dict[int, set[LookupRow]] = {}
    for account_id, kind, digest in stream(connection, query):
        found.setdefault(account_id, set()).add(LookupRow(kind, bytes(digest)))
    return found


def accounts_by(connection: Connection, kind: int, digests: Sequence[bytes]) -> dict[bytes, set[int]]:
    """Return the accounts whose holder answers to each of these keyed digests."""
    a = account_lookups.c
    query = select(a.digest, a.account_id).where(a.kind == kind, among(connection, a.digest, digests))
    found: dict[bytes, set[int]] = {}
    for digest, account_id in stream(connection, query):
        found.setdefault(bytes(digest), set()).add(account_id)
    return found


def accounts_ever_numbered(connection: Connection, named: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Return the account that each (company, number) leads to now, following renumberings (edge case 60)."""
    by_company: dict[str, list[str]] = {}
    for company, number in named:
        by_company.setdefault(company, []).append(number)
    found: dict[tuple[str, str], int] = {}
    for company, wanted in by_company.items():
        n = numbers.c
        query = select(n.number, n.account_id).where(n.company == company, among(connection, n.number, wanted))
        for number, account_id in stream(connection, query.order_by(n.known_from)):
            found[company, number] = account_id
    return found


def number_at(connection: Connection, account_id: int, version: int) -> tuple[str, str] | None:
    """Return (company, number) of an account as known at a version."""
    n = numbers.c
    row = connection.execute(
        select(n.company, n.number).where(n.account_id == account_id, known_at(n, version))
    ).first()
    return None if row is None else (row.company, row.number)


def numbers_at(connection: Connection, account_ids: Sequence[int], version: int) -> dict[int, tuple[str, str]]:
    """Return (company, number) of accounts as known at a version."""
    n = numbers.c
    query = select(n.account_id, n.company, n.number).where(
        among(connection, n.account_id, account_ids), known_at(n, version)
    )
    return {account: (company, number) for account, company, number in stream(connection, query)}
