"""Scorecards in the database, and the counts that they are made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, case, func, insert, select

from integration.domain.judgement import Verdict
from integration.domain.scorecard import Life
from integration.storage.bulk import stream
from integration.storage.overview import local_day
from integration.storage.tables import (
    collections,
    draws,
    finding_events,
    findings,
    outbox,
    receipts,
    report_rows,
    reports,
    scorecards,
)
from schemas.findings import Acts
from schemas.reports import ReportKind
from schemas.values import Month


class Kept(NamedTuple):
    """A scorecard as kept; ``n`` is 0 for the first of its month."""

    company: str
    month: int
    n: int
    at_us: int
    version: int
    policy_sha256: str
    actor: str
    content: str


def kept(connection: Connection, company: str | None = None, month: Month | None = None) -> list[Kept]:
    """Return scorecards (of a company, of a month) in order."""
    c = scorecards.c
    query = select(*(c[name] for name in Kept._fields)).order_by(c.company, c.month, c.n)
    if company is not None:
        query = query.where(c.company == company)
    if month is not None:
        query = query.where(c.month == int(month))
    return [Kept(*row) for row in stream(connection, query)]


def keep(connection: Connection, card: Kept) -> None:
    """Write a scorecard.

    Raises:
        UniqueTaken: another process has just taken the same.
    """
    connection.execute(insert(scorecards).values(**card._asdict()))


# --- what they are made of -----------------------------------------------------------------------------------------


def reached_us(connection: Connection, company: str, number: int) -> int | None:
    """Return when a list first reached its company, be it collected, acknowledged or sent; None if it has not."""
    c, r, o = collections.c, receipts.c, outbox.c
    sent = (o.company == company, o.subject == str(number), o.state == "delivered")
    found = [
        connection.execute(query).scalar_one()
        for query in (
            select(func.min(c.at_us)).where(c.company == company, c.number == number),
            select(func.min(r.at_us)).where(r.company == company, r.number == number),
            select(func.min(o.delivered_us)).where(*sent),
        )
    ]
    return min((int(one) for one in found if one is not None), default=None)


def reported_us(connection: Connection, company: str, month: Month) -> int | None:
    """Return when a month was first reported as a whole."""
    c = reports.c
    whole = (ReportKind.ORIGINAL.value, ReportKind.REPLACE.value)
    query = select(func.min(c.at_us)).where(c.company == company, c.month == int(month), c.kind.in_(whole))
    found = connection.execute(query).scalar_one()
    return None if found is None else int(found)


def rows_agreed(connection: Connection, report_ids: Sequence[int]) -> tuple[int, int]:
    """Return how many rows reports have, and with how many of them the hub agrees."""
    r, d = report_rows.c, draws.c
    rows = connection.execute(select(func.count()).where(r.report_id.in_(report_ids))).scalar_one()
    other = select(d.report_id, d.row).where(d.report_id.in_(report_ids), d.verdict != Verdict.AGREED.value).distinct()
    differ = connection.execute(select(func.count()).select_from(other.subquery())).scalar_one()
    return int(rows), int(rows) - int(differ)


def answers(connection: Connection, report_ids: Sequence[int], wanted: Sequence[str]) -> dict[str, int]:
    """Count the rows of reports by these answers."""
    c = report_rows.c
    query = select(c.answer, func.count()).where(c.report_id.in_(report_ids), c.answer.in_(wanted)).group_by(c.answer)
    return {answer: int(number) for answer, number in stream(connection, query.order_by(c.answer))}


def open_flags(connection: Connection, company: str, kinds: Sequence[str]) -> int:
    """Count the open findings of some kinds at a company."""
    c = findings.c
    query = select(func.count()).where(c.company == company, c.state == "open", c.kind.in_(kinds))
    return int(connection.execute(query).scalar_one())


def lives(connection: Connection, company: str, *conditions: Any) -> Iterator[Life]:
    """Yield when each finding that the company must act on was opened and closed."""
    c, e = findings.c, finding_events.c
    query = (
        select(
            c.finding_id,
            c.state,
            func.min(e.at_us),
            func.max(case((e.event == "closed", e.at_us))),
        )
        .select_from(findings.join(finding_events, e.finding_id == c.finding_id))
        .where(c.company == company, c.acts == Acts.COMPANY.value, *conditions)
        .group_by(c.finding_id, c.state)
    )
    for _, state, opened_us, closed_us in stream(connection, query):
        yield Life(local_day(opened_us), local_day(closed_us) if state == "closed" else None)


def of_month(month: Month) -> tuple[Any, ...]:
    """Return the condition that a finding is about the rows and answers of a report month."""
    return findings.c.report_month == int(month), findings.c.scope != "detector"


def is_open() -> Any:
    """Return the condition that a finding is open."""
    return findings.c.state == "open"
