"""Reports and findings for people who look: by page, with the figures as they stand."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec
from sqlalchemy import Connection, and_, exists, func, select

from integration.storage.bulk import stream
from integration.storage.overview import at_text
from integration.storage.reports import decoded
from integration.storage.tables import account_numbers, draws, facts, finding_events, findings, report_rows, reports
from integration.storage.tables.columns import OPEN_VERSION
from schemas.reports import ReportRow
from schemas.values import MONTHLY, OPEN_DAY, Month


class ReportLine(msgspec.Struct, frozen=True):
    """A report 回盘 with its totals as the company stated them."""

    report_id: int
    company: str
    month: str
    kind: str
    edition: int
    received_at: str
    stands: bool
    rows: int
    waived_milli: int
    waived_fen: int


class AnswerCount(msgspec.Struct, frozen=True):
    """How many rows of a report have an answer, and what they waived."""

    answer: str
    rows: int
    waived_milli: int
    waived_fen: int


class RowLine(msgspec.Struct, frozen=True):
    """A row of a report with its judgement; the verdict is empty where another report has taken its place."""

    row: int
    said: ReportRow
    verdict: str
    due_milli: int
    due_fen: int


class FindingLine(msgspec.Struct, frozen=True):
    """A finding as it stands; ``account`` is the company's own number, ``company`` empty where no one company's."""

    finding_id: int
    state: str
    kind: str
    acts: str
    company: str
    service: str
    month: str
    report_month: str
    household_id: int
    account: str
    bill_id: str
    due_milli: int
    reported_milli: int
    due_fen: int
    reported_fen: int
    stake_milli: int
    stake_fen: int
    households: int
    reason: str


class EventLine(msgspec.Struct, frozen=True):
    """What became of a finding, and when."""

    n: int
    at: str
    reconciliation: int
    event: str
    due_milli: int
    reported_milli: int
    due_fen: int
    reported_fen: int
    stake_milli: int
    stake_fen: int


def report_lines(
    connection: Connection, company: str | None = None, report_id: int | None = None, after: int = 0, most: int = 10**9
) -> list[ReportLine]:
    """Return reports in order of arrival, after one."""
    c = reports.c
    columns = (
        c.report_id, c.company, c.month, c.kind, c.edition, c.at_us, c.known_to, c.rows, c.waived_milli, c.waived_fen,
    )  # fmt: skip
    query = select(*columns).where(c.report_id > after).order_by(c.report_id).limit(most)
    if company is not None:
        query = query.where(c.company == company)
    if report_id is not None:
        query = query.where(c.report_id == report_id)
    return [
        ReportLine(number, code, str(Month.from_int(month)), kind, edition, at_text(us), to == OPEN_VERSION, *totals)
        for number, code, month, kind, edition, us, to, *totals in stream(connection, query)
    ]


def submission_of(connection: Connection, report_id: int) -> int:
    """Return the submission that brought a report."""
    c = reports.c
    return int(connection.execute(select(c.submission_id).where(c.report_id == report_id)).scalar_one())


def answers_of(connection: Connection, report_id: int) -> list[AnswerCount]:
    """Return how a report's rows answered."""
    c = report_rows.c
    query = select(c.answer, func.count(), func.sum(c.waived_milli), func.sum(c.waived_fen))
    rows = stream(connection, query.where(c.report_id == report_id).group_by(c.answer).order_by(c.answer))
    return [AnswerCount(answer, number, int(milli), int(fen)) for answer, number, milli, fen in rows]


def rows_of(connection: Connection, report_id: int, most: int, after: int = 0) -> list[RowLine]:
    """Return a page of a report's rows with their judgement, after a row number."""
    c, d = report_rows.c, draws.c
    page = select(c.row, c.household_id, c.said).where(c.report_id == report_id, c.row > after)
    found = list(stream(connection, page.order_by(c.row).limit(most)))
    if not found:
        return []
    months = {month for *_, said in found for month in _months(decoded(said))}
    sums = select(d.row, func.min(d.verdict), func.sum(d.due_milli), func.sum(d.due_fen)).where(
        d.service.in_([service.value for service in MONTHLY]),
        d.month.in_(sorted(months)),
        d.household_id.in_(sorted({household for _, household, _ in found})),
        d.report_id == report_id,
    )
    judged = {row: rest for row, *rest in stream(connection, sums.group_by(d.row))}
    return [
        RowLine(row, decoded(said), verdict, int(milli), int(fen))
        for row, _, said in found
        for verdict, milli, fen in [judged.get(row, ("", 0, 0))]
    ]


def _months(said: ReportRow) -> list[int]:
    """Return the months in which a row may have lines: its own, and those that a top-up reaches back to."""
    first, last = Month.from_int(said.month_from), Month.from_int(said.month_to)
    return [int(first.plus(step)) for step in range(-12, last.minus(first) + 1)]


def finding_lines(
    connection: Connection,
    most: int,
    after: int = 0,
    state: str | None = "open",
    districts: Collection[str] = (),
    **where: Any,
) -> list[FindingLine]:
    """Return a page of findings after one, by their numbers; ``where`` names columns and their values.

    With ``districts``, only those of households that live there.
    """
    c, n = findings.c, account_numbers.c
    names = [one.name for one in msgspec.structs.fields(FindingLine) if one.name != "account"]
    current = and_(n.account_id == c.account_id, n.known_to == OPEN_VERSION)
    query = select(*(findings.c[name] for name in names), func.coalesce(n.number, "")).select_from(
        findings.outerjoin(account_numbers, current)
    )
    wanted = {name: value for name, value in where.items() if value is not None}
    query = query.where(c.finding_id > after, *(c[name] == value for name, value in wanted.items()))
    if state is not None:
        query = query.where(c.state == state)
    if districts:
        query = query.where(_lives_in(c.household_id, districts))
    rows = stream(connection, query.order_by(c.finding_id).limit(most))
    return [_line(dict(zip([*names, "account"], row, strict=True))) for row in rows]


def _lives_in(household_id: Any, districts: Collection[str]) -> Any:
    f = facts.c
    now = (f.known_to == OPEN_VERSION, f.valid_to == OPEN_DAY, f.district.in_(sorted(districts)))
    return exists().where(f.household_id == household_id, *now)


def _line(values: dict[str, Any]) -> FindingLine:
    months = {name: str(Month.from_int(values[name])) for name in ("month", "report_month")}
    return FindingLine(**values | months)


def finding_history(connection: Connection, finding_id: int) -> list[EventLine]:
    """Return everything a finding has been."""
    e = finding_events.c
    names = [one.name for one in msgspec.structs.fields(EventLine)][4:]
    query = select(e.n, e.at_us, e.reconciliation, e.event, *(e[name] for name in names))
    rows = stream(connection, query.where(e.finding_id == finding_id).order_by(e.n))
    return [EventLine(n, at_text(us), *rest) for n, us, *rest in rows]


class FindingSum(msgspec.Struct, frozen=True):
    """Open findings of one kind at a company, with what is at stake."""

    company: str
    kind: str
    acts: str
    findings: int
    households: int
    stake_milli: int
    stake_fen: int


def finding_sums(connection: Connection, company: str | None = None) -> list[FindingSum]:
    """Return the open findings summed up by company and kind."""
    c = findings.c
    sums = (func.count(), func.sum(c.households), func.sum(c.stake_milli), func.sum(c.stake_fen))
    query = select(c.company, c.kind, c.acts, *sums).where(c.state == "open")
    if company is not None:
        query = query.where(c.company == company)
    grouped = query.group_by(c.company, c.kind, c.acts).order_by(c.company, c.kind)
    return [
        FindingSum(*names, *map(int, numbers))
        for *names, a, b, d, e in stream(connection, grouped)
        for numbers in [(a, b, d, e)]
    ]
