"""The ledger and its runs: what is posted, what was touched since, and single keys for judgement."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, insert, literal_column, select, union

from integration.domain.allowance import LinkSpan
from integration.storage.bulk import bulk_insert, stream
from integration.storage.decisions import decided_households
from integration.storage.mergers import joined_or_parted, with_partners
from integration.storage.registry import known_at
from integration.storage.sets import among
from integration.storage.tables import (
    OPEN_VERSION,
    contests,
    facts,
    households,
    links,
    move_months,
    policies,
    postings,
    runs,
)
from schemas.values import Month, Service


class Run(NamedTuple):
    """A run as recorded."""

    run_id: int
    month: Month
    n: int
    cut_off: int
    at_us: int
    policy_sha256: str
    full: bool


class Posting(NamedTuple):
    """One row of the ledger."""

    month: int
    service: str
    household_id: int
    n: int
    account_id: int
    quantity_milli: int
    run_id: int
    retro: int


def newest_month(connection: Connection) -> Month | None:
    """Return the latest month that was computed; None on a ledger that has not begun."""
    latest = connection.execute(select(func.max(runs.c.month))).scalar_one()
    return None if latest is None else Month.from_int(latest)


def all_runs(connection: Connection) -> list[Run]:
    """Return every run in order."""
    r = runs.c
    query = select(r.run_id, r.month, r.n, r.cut_off, r.at_us, r.policy_sha256, r.full).order_by(r.run_id)
    return [
        Run(run_id, Month.from_int(month), n, cut_off, at_us, policy, bool(full))
        for run_id, month, n, cut_off, at_us, policy, full in stream(connection, query)
    ]


def record_run(connection: Connection, **values: Any) -> None:
    """Write a run's row; a second one of the same number fails (of two racing runs one wins)."""
    connection.execute(insert(runs).values(**values))


def newest_policy(connection: Connection, version: int | None = None) -> tuple[int, str, str] | None:
    """Return (known from, sha256, content) of the policy as known at a version (now, if none)."""
    query = select(policies.c.known_from, policies.c.sha256, policies.c.content).order_by(policies.c.known_from.desc())
    if version is not None:
        query = query.where(policies.c.known_from <= version)
    found = connection.execute(query.limit(1)).first()
    return None if found is None else (found[0], found[1], found[2])


def policy_content(connection: Connection, sha256: str) -> str:
    """Return a stored policy by its digest."""
    return str(connection.execute(select(policies.c.content).where(policies.c.sha256 == sha256).limit(1)).scalar_one())


def learn_policy(connection: Connection, version: int, sha256: str, content: str) -> None:
    """Store a policy under the knowledge version that brought it."""
    connection.execute(insert(policies).values(known_from=version, sha256=sha256, content=content))


def touched_households(connection: Connection, since: int, until: int) -> list[int]:
    """Return the households about which anything became known after ``since``, up to ``until``."""

    def came(table: Any) -> Any:
        return select(table.c.household_id).where(table.c.known_from.between(since + 1, until))

    def went(table: Any) -> Any:  # the open end stands as text, or SQLite does not see that its partial index serves
        closed = table.c.known_to < literal_column(str(OPEN_VERSION))
        return select(table.c.household_id).where(table.c.known_to.between(since + 1, until), closed)

    decided, merged = decided_households(since, until), joined_or_parted(since, until)
    known = came(facts), went(facts), came(links), went(links), came(contests), came(move_months)
    touched = union(*known, decided, merged).subquery()
    # whoever shares a person with a touched household may have to wait, or need to wait no more
    theirs = select(contests.c.digest).where(contests.c.household_id.in_(select(touched.c.household_id)))
    rivals = select(contests.c.household_id).where(contests.c.digest.in_(theirs))
    query = union(select(touched.c.household_id), rivals)
    return sorted(with_partners(connection, {one for (one,) in stream(connection, query)}, until))


def household_ids(connection: Connection) -> Iterator[int]:
    """Yield every household in order."""
    for (one,) in stream(connection, select(households.c.household_id).order_by(households.c.household_id)):
        yield one


def links_of(connection: Connection, ids: Sequence[int], version: int) -> dict[tuple[int, str], list[LinkSpan]]:
    """Return the links of households by (household, service), as known at a version."""
    c = links.c
    query = select(c.household_id, c.service, c.account_id, c.valid_from, c.valid_to, c.confirmed).where(
        among(connection, c.household_id, ids), known_at(c, version)
    )
    found: dict[tuple[int, str], list[LinkSpan]] = {}
    for one, service, account_id, valid_from, valid_to, confirmed in stream(connection, query):
        found.setdefault((one, service), []).append(LinkSpan(account_id, valid_from, valid_to, bool(confirmed)))
    return found


def postings_of(
    connection: Connection, ids: Sequence[int], months: Iterable[Month], services: Iterable[Service]
) -> dict[tuple[int, str, int], list[Posting]]:
    """Return what is posted for households, by (month, service, household), in order of ``n``."""
    p = postings.c
    query = (
        select(p.month, p.service, p.household_id, p.n, p.account_id, p.quantity_milli, p.run_id, p.retro)
        .where(
            p.month.in_([int(month) for month in months]),
            p.service.in_([service.value for service in services]),
            among(connection, p.household_id, ids),
        )
        .order_by(p.month, p.service, p.household_id, p.n)
    )
    found: dict[tuple[int, str, int], list[Posting]] = {}
    for row in stream(connection, query):
        posting = Posting(*row)
        found.setdefault((posting.month, posting.service, posting.household_id), []).append(posting)
    return found


def posted_before(
    found: Mapping[tuple[int, str, int], Sequence[Posting]], run_id: int
) -> dict[tuple[int, str, int], list[Posting]]:
    """Return what of these postings stood when a run began."""
    return {key: [row for row in rows if row.run_id < run_id] for key, rows in found.items()}


#: By person: the records of each household that name it.
Shared = dict[bytes, dict[int, set[int]]]


def shared_persons(connection: Connection, ids: Sequence[int], version: int) -> Shared:
    """Return the persons whom these households share with others, as known at a version."""
    c = contests.c
    mine = select(c.digest).where(among(connection, c.household_id, ids), c.known_from <= version)
    query = select(c.digest, c.household_id, c.record_id).where(c.digest.in_(mine), c.known_from <= version)
    found: Shared = {}
    for digest, household, record in stream(connection, query):
        found.setdefault(bytes(digest), {}).setdefault(household, set()).add(record)
    return found


def append(connection: Connection, rows: Iterable[Posting]) -> int:
    """Post rows.

    Raises:
        UniqueTaken: another run has posted the same key in the meantime.
    """
    return bulk_insert(connection, postings, Posting._fields, rows)
