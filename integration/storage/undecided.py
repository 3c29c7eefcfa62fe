"""What may have to be decided by people, gathered from every corner; what of it is a case is judged elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from sqlalchemy import Connection, and_, select, union

from integration.storage.bulk import stream
from integration.storage.tables import (
    OPEN_VERSION,
    account_facts,
    cases,
    contests,
    findings,
    links,
    submission_outcomes,
    submissions,
)
from schemas.cases import CaseState
from schemas.values import OPEN_DAY

#: A household at a service.
Place = tuple[int, str]


def doubtful_links(connection: Connection) -> Iterator[Place]:
    """Yield whose link waits for confirmation, or leads to a non-domestic account."""
    c, f = links.c, account_facts.c
    now = (c.known_to == OPEN_VERSION, c.valid_to == OPEN_DAY)
    waiting = select(c.household_id, c.service).where(c.confirmed == 0, *now)
    account = and_(f.account_id == c.account_id, f.known_to == OPEN_VERSION)
    others = select(c.household_id, c.service).join(account_facts, account).where(f.domestic == 0, *now)
    yield from stream(connection, union(waiting, others))


def sharing_households(connection: Connection) -> list[int]:
    """Return the households that name, or named, a person of another, in order."""
    query = select(contests.c.household_id).distinct().order_by(contests.c.household_id)
    return [household for (household,) in stream(connection, query)]


def open_findings(connection: Connection, kinds: Collection[str]) -> Iterator[tuple[int, str, int, str, int, str]]:
    """Yield (finding, kind, household, service, month, company) of the open findings of these kinds."""
    c = findings.c
    query = select(c.finding_id, c.kind, c.household_id, c.service, c.month, c.company)
    query = query.where(c.state == "open", c.kind.in_(sorted(kinds))).order_by(c.finding_id)
    yield from stream(connection, query)


def rows_with(connection: Connection, codes: Collection[str]) -> Iterator[tuple[int, str, str, str]]:
    """Yield (submission, kind, sender, code) of the submissions with rows that were not applied for these reasons."""
    o, s = submission_outcomes.c, submissions.c
    query = select(o.submission_id, s.kind, s.sender, o.code).join(submissions, s.submission_id == o.submission_id)
    query = query.where(o.code.in_(sorted(codes)), o.outcome.in_(("held", "rejected"))).distinct()
    yield from stream(connection, query.order_by(o.submission_id, o.code))


def places_of_cases(connection: Connection, source: str) -> Iterator[Place]:
    """Yield the household and service of every case of a source whose cause is not known to have gone."""
    c = cases.c
    query = select(c.household_id, c.service).where(
        c.identity.startswith(f"{source}:", autoescape=True), c.state != CaseState.GONE
    )
    yield from stream(connection, query)
