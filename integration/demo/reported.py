"""The figures of the second half for the summary: allowances by what became of them, open findings, settlements."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Connection, func, select

from integration.demo.book import Books
from integration.demo.replies import COMPANIES
from integration.demo.stage import Stage
from integration.domain.balance import Balance
from integration.jobs.allowances import balances
from integration.jobs.settle import read
from integration.storage.report_views import FindingSum, finding_lines, finding_sums, report_lines
from integration.storage.settlements import settlements_of
from integration.storage.tables import draws
from schemas.settlements import Settlement
from schemas.values import Month


@dataclass(frozen=True)
class MonthReported:
    """An allowance month at a company: its balance, and what its bills should have relieved and did."""

    balance: Balance
    due_milli: int
    applied_milli: int
    due_fen: int
    applied_fen: int


@dataclass
class Reported:
    """What the summary tells of reports; ``finding`` and ``report`` are ones to look at."""

    months: list[MonthReported] = field(default_factory=list)
    findings: list[FindingSum] = field(default_factory=list)
    settlements: list[Settlement] = field(default_factory=list)
    finding: int | None = None
    report: int | None = None


def reported_figures(stage: Stage, books: Books) -> Reported:
    """Return the figures as they stand in the database."""
    connection = books.connection
    months = [_month(connection, made) for company in COMPANIES for made in balances(stage.hub, connection, company)]
    dearest = max(finding_lines(connection, 10_000), key=lambda one: one.stake_fen, default=None)
    kept = sorted(settlements_of(connection), key=lambda one: (COMPANIES.index(one.company), one.month, one.n))
    return Reported(
        months,
        finding_sums(connection),
        [read(one) for one in kept],
        dearest.finding_id if dearest else None,
        max((one.report_id for one in report_lines(connection) if one.kind != "supplement"), default=None),
    )


def _month(connection: Connection, made: Balance) -> MonthReported:
    d = draws.c
    sums = [func.coalesce(func.sum(d[name]), 0) for name in ("due_milli", "waived_milli", "due_fen", "waived_fen")]
    wanted = (d.company == made.company, d.month == int(Month.parse(made.month)))
    return MonthReported(made, *map(int, connection.execute(select(*sums).where(*wanted)).one()))
