"""Links in the database: what is linked now, who shares an account, and what changed since the last linking."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, func, select, union, update

from integration.domain.allowance import LinkSpan
from integration.storage.bulk import bulk_insert, learn_sizes, stream
from integration.storage.decisions import decided_households
from integration.storage.pii import LookupKind
from integration.storage.registry import known_at
from integration.storage.sets import among
from integration.storage.tables import (
    NO_PLACE,
    OPEN_VERSION,
    account_facts,
    account_lookups,
    account_numbers,
    claims,
    facts,
    knowledge,
    links,
    lookups,
    postings,
    runs,
)


class Current(NamedTuple):
    """A link as known now."""

    household_id: int
    service: str
    span: LinkSpan
    company: str
    evidence: str
    known_from: int
    reference: str


def last_linking(connection: Connection, before: int) -> int:
    """Return the knowledge version of the last linking before a version; 0 if there was none."""
    query = select(func.coalesce(func.max(knowledge.c.version), 0)).where(
        knowledge.c.kind == "links", knowledge.c.version < before
    )
    return int(connection.execute(query).scalar_one())


def to_link(connection: Connection, since: int) -> list[int]:
    """Return the households whose links may have changed: they, or an account they may belong to, moved since.

    A decision counts too: it may have parted a household from its account.
    """

    def moved(table: Any) -> Any:
        c = table.c
        closed = c.known_to.between(since + 1, OPEN_VERSION - 1)
        return select(c.household_id).where((c.known_from > since) | closed)

    recent = union(
        *(select(table.c.account_id).where(table.c.known_from > since) for table in (account_facts, account_numbers))
    ).subquery()
    by_person = (
        select(lookups.c.household_id)
        .select_from(
            account_lookups.join(recent, recent.c.account_id == account_lookups.c.account_id).join(
                lookups,
                and_(lookups.c.kind == account_lookups.c.kind, lookups.c.digest == account_lookups.c.digest),
            )
        )
        .where(account_lookups.c.kind == int(LookupKind.PERSON), lookups.c.known_to == OPEN_VERSION)
    )
    n = account_numbers.c
    named = and_(claims.c.company == n.company, claims.c.number == n.number, claims.c.known_to == OPEN_VERSION)
    by_number = select(claims.c.household_id).select_from(
        account_numbers.join(recent, recent.c.account_id == n.account_id).join(claims, named)
    )
    linked = select(links.c.household_id).where(
        links.c.account_id.in_(select(recent.c.account_id)), links.c.known_to == OPEN_VERSION
    )
    waiting = select(links.c.household_id).where(links.c.confirmed == 0, links.c.known_to == OPEN_VERSION)
    decided = decided_households(since)
    query = union(moved(facts), moved(lookups), moved(claims), by_person, by_number, linked, waiting, decided)
    return sorted(one for (one,) in stream(connection, query))


def claims_of(connection: Connection, ids: Sequence[int]) -> list[tuple[int, str, str, int]]:
    """Return (household, company, number, since) of what households name now."""
    c = claims.c
    query = select(c.household_id, c.company, c.number, c.since).where(
        among(connection, c.household_id, ids), c.known_to == OPEN_VERSION
    )
    return [(one, company, number, since) for one, company, number, since in stream(connection, query)]


def current_links(connection: Connection, ids: Sequence[int]) -> dict[int, list[Current]]:
    """Return the links of households as known now."""
    found: dict[int, list[Current]] = {}
    for link in _links(
        connection, and_(among(connection, links.c.household_id, ids), links.c.known_to == OPEN_VERSION)
    ):
        found.setdefault(link.household_id, []).append(link)
    return found


def links_at(connection: Connection, household: int, version: int) -> list[Current]:
    """Return a household's links as known at a version."""
    return list(_links(connection, and_(links.c.household_id == household, known_at(links.c, version))))


def links_on(connection: Connection, service: str, account: int) -> list[Current]:
    """Return every household's links to an account as known now."""
    c = links.c
    return list(_links(connection, and_(c.account_id == account, c.service == service, c.known_to == OPEN_VERSION)))


def _links(connection: Connection, condition: Any) -> Iterator[Current]:
    c = links.c
    query = select(
        c.household_id, c.service, c.account_id, c.valid_from, c.valid_to, c.confirmed,
        c.company, c.evidence, c.known_from, c.reference,
    ).where(condition)  # fmt: skip
    for one, service, account, start, end, confirmed, *rest in stream(connection, query):
        yield Current(one, service, LinkSpan(account, start, end, bool(confirmed)), *rest)


def linked_to(connection: Connection, accounts: Sequence[int], beyond: int) -> dict[tuple[int, str], set[int]]:
    """Return, by (account, service), the households whose confirmed link reaches beyond a day."""
    c = links.c
    query = select(c.account_id, c.service, c.household_id).where(
        among(connection, c.account_id, accounts),
        c.known_to == OPEN_VERSION,
        c.confirmed == 1,
        c.valid_to >= beyond,
    )
    found: dict[tuple[int, str], set[int]] = {}
    for account, service, household in stream(connection, query):
        found.setdefault((account, service), set()).add(household)
    return found


def unplaced(connection: Connection) -> list[tuple[int, str]]:
    """Return the (household, service) whose allowance of the newest computed month is on no account yet."""
    p = postings.c
    newest = select(func.max(runs.c.month)).scalar_subquery()
    query = (
        select(p.household_id, p.service)
        .where(p.month == newest, p.account_id == NO_PLACE)
        .group_by(p.household_id, p.service)
        .having(func.sum(p.quantity_milli) > 0)
        .order_by(p.household_id, p.service)
    )
    return [(household, service) for household, service in stream(connection, query)]


COLUMNS = (
    "household_id", "service", "account_id", "known_from", "valid_from", "valid_to",
    "company", "evidence", "confirmed", "reference",
)  # fmt: skip


def add(connection: Connection, rows: Iterable[tuple[Any, ...]]) -> int:
    """Write links, as tuples in the order of ``COLUMNS``."""
    return bulk_insert(connection, links, COLUMNS, sorted(rows))


def learn_links(connection: Connection) -> None:
    """Prepare the planner for whatever reads the links after a linking."""
    learn_sizes(connection, links)


def close(connection: Connection, version: int, keys: Iterable[tuple[int, str, int, int]]) -> None:
    """Close links by (household, service, account, valid from)."""
    c = links.c
    for household, service, account, start in keys:
        match = (c.household_id == household, c.service == service, c.account_id == account, c.valid_from == start)
        connection.execute(update(links).where(*match, c.known_to == OPEN_VERSION).values(known_to=version))
