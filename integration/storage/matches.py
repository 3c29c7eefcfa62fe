"""Matches in the database: who is to be judged, the candidates' sealed data, and the review queue."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, and_, delete, func, select, union

from integration.domain.similarity import Doubt, Reason, Score
from integration.storage.bulk import bulk_insert, stream
from integration.storage.pii import LookupKind
from integration.storage.registry import LookupRow
from integration.storage.sets import among
from integration.storage.tables import (
    OPEN_VERSION,
    account_facts,
    account_holders,
    account_lookups,
    account_numbers,
    accounts,
    household_keys,
    links,
    match_decisions,
    match_keys,
    match_reviews,
    records,
    sealed_records,
)

# --- whom to judge, and by what -------------------------------------------------------------------------------------


def to_match(connection: Connection, since: int) -> set[int]:
    """Return the households whose candidates may have changed without their own links or records having moved.

    An account that they may belong to changed, was taken, or came free; or something was decided of them.
    """
    changed = union(
        *(select(table.c.account_id).where(table.c.known_from > since) for table in (account_facts, account_numbers)),
        select(links.c.account_id).where(links.c.known_to.between(since + 1, OPEN_VERSION - 1)),
        select(links.c.account_id).where(links.c.known_from > since),
    ).subquery()
    on_key = and_(match_keys.c.kind == account_lookups.c.kind, match_keys.c.digest == account_lookups.c.digest)
    met = select(match_keys.c.household_id).select_from(
        changed.join(account_lookups, account_lookups.c.account_id == changed.c.account_id).join(match_keys, on_key)
    )
    queued = select(match_reviews.c.household_id).join(changed, changed.c.account_id == match_reviews.c.account_id)
    decided = select(match_decisions.c.household_id).where(match_decisions.c.known_from > since)
    doubted = select(match_reviews.c.household_id).where(match_reviews.c.doubts.contains(Doubt.TAKEN.value))
    return {one for (one,) in stream(connection, union(met, queued, decided, doubted))}


def first_rosters(connection: Connection) -> dict[str, int]:
    """Return the companies whose customers are known, with the knowledge version of their first roster."""
    query = select(accounts.c.company, func.min(accounts.c.created)).group_by(accounts.c.company)
    return dict(stream(connection, query))


def waiting(connection: Connection) -> set[int]:
    """Return every household that is known to wait at some service."""
    return {one for (one,) in stream(connection, select(match_keys.c.household_id).distinct())}


def keep_keys(connection: Connection, ids: Sequence[int], rows: Iterable[tuple[int, bytes, int]]) -> None:
    """Keep the keys of these households, as (kind, digest, household), in place of those they had."""
    connection.execute(delete(match_keys).where(among(connection, match_keys.c.household_id, ids)))
    bulk_insert(connection, match_keys, ("kind", "digest", "household_id"), sorted(rows))


def forget_matching(connection: Connection, household: int) -> None:
    """Delete by what a household was matched; what was decided of it stays, without personal data."""
    for table in (match_keys, match_reviews):
        connection.execute(delete(table).where(table.c.household_id == household))


def accounts_met(connection: Connection, keys: Iterable[LookupRow], most: int) -> dict[LookupRow, list[int]]:
    """Return the accounts behind keys; a key that more than ``most`` answer to tells nothing apart and is left out."""
    a = account_lookups.c
    wanted: dict[int, list[bytes]] = {}
    for kind, digest in keys:
        wanted.setdefault(kind, []).append(digest)
    found: dict[LookupRow, list[int]] = {}
    for kind, digests in wanted.items():
        query = select(a.digest, a.account_id).where(a.kind == kind, among(connection, a.digest, digests))
        for digest, account in stream(connection, query):
            found.setdefault(LookupRow(kind, bytes(digest)), []).append(account)
    return {key: met for key, met in found.items() if len(met) <= most}


#: Keys by which an account finds the accounts of the same holder or dwelling at other companies.
ELSEWHERE: Final = (
    LookupKind.PERSON, LookupKind.PLACE, LookupKind.ADDRESS, LookupKind.NAME_ROOM, LookupKind.STREET_ROOM,
)  # fmt: skip


class SealedCustomer(NamedTuple):
    """An account with its holder as sealed; ``state``, ``domestic`` and ``low_income`` as known now."""

    account_id: int
    company: str
    number: str
    state: str
    domestic: int
    low_income: int
    opened_on: int
    closed_on: int
    sealed: bytes | None


def customers(connection: Connection, ids: Sequence[int]) -> dict[int, SealedCustomer]:
    """Return accounts by id. One that is closed has no holder any more."""
    f, n = account_facts.c, account_numbers.c
    query = (
        select(
            f.account_id, accounts.c.company, n.number, f.state, f.domestic, f.low_income, f.opened_on, f.closed_on,
            account_holders.c.sealed,
        )
        .select_from(
            account_facts.join(accounts, accounts.c.account_id == f.account_id)
            .join(account_numbers, and_(n.account_id == f.account_id, n.known_to == OPEN_VERSION))
            .outerjoin(account_holders, account_holders.c.account_id == f.account_id)
        )
        .where(among(connection, f.account_id, ids), f.known_to == OPEN_VERSION)
    )  # fmt: skip
    return {row[0]: SealedCustomer._make(row) for row in stream(connection, query)}


def newest_sealed(connection: Connection, ids: Sequence[int]) -> dict[int, tuple[int, bytes]]:
    """Return (record, sealed personal part) of each household's latest record by its own word."""
    r, s = records.c, sealed_records.c
    place = func.row_number().over(
        partition_by=r.household_id, order_by=(r.effective_on.desc(), r.source_version.desc())
    )
    newest = (
        select(r.household_id, r.record_id, place.label("place"))
        .where(among(connection, r.household_id, ids))
        .subquery()
    )
    same = and_(s.household_id == newest.c.household_id, s.record_id == newest.c.record_id)
    query = select(s.household_id, s.record_id, s.sealed).join(newest, same).where(newest.c.place == 1)
    return {one: (record_id, bytes(sealed)) for one, record_id, sealed in stream(connection, query)}


def all_households(connection: Connection) -> list[int]:
    """Return every household that has personal data, in order."""
    return list(connection.scalars(select(household_keys.c.household_id).order_by(household_keys.c.household_id)))


def all_holders(connection: Connection) -> list[int]:
    """Return every account whose holder is known, in order."""
    return list(connection.scalars(select(account_holders.c.account_id).order_by(account_holders.c.account_id)))


def sealed_holders(connection: Connection, ids: Sequence[int]) -> list[tuple[int, bytes]]:
    """Return (account, sealed holder)."""
    h = account_holders.c
    query = select(h.account_id, h.sealed).where(among(connection, h.account_id, ids))
    return [(account, bytes(sealed)) for account, sealed in stream(connection, query)]


def account_numbered(connection: Connection, companies: Sequence[str], number: str) -> dict[str, int]:
    """Return by company the account that bears a number now; of a reused number, the newest."""
    n = account_numbers.c
    query = select(n.company, n.account_id).where(
        n.company.in_(companies), n.number == number, n.known_to == OPEN_VERSION
    )
    return dict(stream(connection, query.order_by(n.company, n.known_from, n.account_id)))


# --- the review queue -----------------------------------------------------------------------------------------------


class Review(NamedTuple):
    """A candidate in the queue, and the knowledge version since which it stands there as it does."""

    household_id: int
    service: str
    score: Score
    known_from: int


def reviews(connection: Connection, ids: Sequence[int] | None = None) -> list[Review]:
    """Return the queue, best candidates first: all of it, or that of some households."""
    c = match_reviews.c
    query = select(
        c.household_id, c.service, c.account_id, c.per_mille, c.reasons, c.doubts, c.known_from
    ).order_by(c.household_id, c.service, c.per_mille.desc(), c.account_id)  # fmt: skip
    if ids is not None:
        query = query.where(among(connection, c.household_id, ids))
    return [
        Review(one, service, Score(account, per_mille, reasons_in(reasons), doubts_in(doubts)), known)
        for one, service, account, per_mille, reasons, doubts, known in stream(connection, query)
    ]


def keep_reviews(connection: Connection, ids: Sequence[int], found: Iterable[Review]) -> None:
    """Let these households have this queue; a candidate that stands as it stood keeps its version."""
    before = {one._replace(known_from=0): one for one in reviews(connection, ids)}
    wanted = {one._replace(known_from=0): one for one in found}
    if before.keys() == wanted.keys():
        return
    c = match_reviews.c
    for one in before.keys() - wanted.keys():
        match = (c.household_id == one.household_id, c.service == one.service, c.account_id == one.score.account_id)
        connection.execute(delete(match_reviews).where(*match))
    names = ("household_id", "service", "account_id", "per_mille", "reasons", "doubts", "known_from")
    bulk_insert(connection, match_reviews, names, sorted(_row(wanted[one]) for one in wanted.keys() - before.keys()))


def rivals(connection: Connection, accounts: Sequence[int], per_mille: int) -> dict[int, set[int]]:
    """Return, by account, the households in whose queue it stands with at least this score."""
    c = match_reviews.c
    query = select(c.account_id, c.household_id).where(
        among(connection, c.account_id, accounts), c.per_mille >= per_mille
    )
    found: dict[int, set[int]] = {}
    for account, household in stream(connection, query):
        found.setdefault(account, set()).add(household)
    return found


def take_out(connection: Connection, household: int, service: str, account: int | None = None) -> None:
    """Take a candidate, or all of a household at a service, out of the queue."""
    c = match_reviews.c
    match = [c.household_id == household, c.service == service]
    match += [c.account_id == account] if account is not None else []
    connection.execute(delete(match_reviews).where(*match))


def _row(one: Review) -> tuple[Any, ...]:
    score = one.score
    codes = (",".join(score.reasons), ",".join(score.doubts))
    return (one.household_id, one.service, score.account_id, score.per_mille, *codes, one.known_from)


def reasons_in(text: str) -> tuple[Reason, ...]:
    """Read the reasons as the tables keep them."""
    return tuple(map(Reason, filter(None, text.split(","))))


def doubts_in(text: str) -> tuple[Doubt, ...]:
    """Read the doubts as the tables keep them."""
    return tuple(map(Doubt, filter(None, text.split(","))))
