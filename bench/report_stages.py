"""The stages of the second half: reports in, settlements; each beside its limit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, func, select

from bench.report_file import ReportWriter, pieces
from bench.report_rows import Listed, Report
from bench.results import keep
from bench.rows import digest, filled, spool, spooled, write_raw
from bench.running import ACTOR, Measured, open_hub, timed_write
from bench.stopwatch import Stopwatch
from integration.jobs.publish import publish_month
from integration.jobs.reconcile import reconcile
from integration.jobs.settle import settle
from integration.jobs.sync_report import sync_report
from integration.storage import draws, findings, reports, submissions
from integration.storage import tables as t
from integration.storage.bulk import stream
from integration.storage.engine import Store
from integration.storage.lists import published
from integration.storage.tables import metadata
from schemas.values import Month

COMPANIES: Final = ("city_gas", "city_water")
_SERVICES: Final = {"city_gas": "gas", "city_water": "water"}
#: Reports come on the fifth of the next month; months are settled on the eleventh, when all is due.
_REPORTED, _DUE = 5, 11

_LISTED: Final = """
    SELECT l.reference, n.number
    FROM postings p
    JOIN account_numbers n ON n.account_id = p.account_id
    JOIN links l ON l.household_id = p.household_id AND l.service = p.service AND l.account_id = p.account_id
    WHERE p.month = {month} AND p.service = '{service}'
    ORDER BY n.number, l.reference
"""


def publish_both(url: str, folder: str, month: str) -> Measured:
    """The lists of both companies, all renderings."""
    watch = Stopwatch()
    with open_hub(url, folder, month) as whole:
        hub = replace(whole, companies={code: whole.companies[code] for code in COMPANIES})
        with watch:
            made = publish_month(hub, Month.parse(month), actor=ACTOR)
    assert all(one.state == "published" for one in made), made
    return Measured(watch.seconds, sum(one.rows for one in made))


def write_report(url: str, folder: str, month: str, company: str, path: str) -> Measured:
    """Write what a company reports of a month, in its own dialect."""
    watch, at = Stopwatch(), Month.parse(month)
    with open_hub(url, folder, month) as hub, watch, hub.store.read() as connection:
        number = published(connection, company)[-1].number
        report = Report(hub.companies[company].tariff, at, number, company[5].upper())
        found = connection.exec_driver_sql(_LISTED.format(month=int(at), service=_SERVICES[company]))
        rows = ReportWriter(company).write(Path(path), int(at), report.rows(Listed(*row) for row in found))
    return Measured(watch.seconds, rows)


def report_in(url: str, folder: str, month: str, company: str, path: str) -> Measured:
    """Our report, from the file to the commit: kept, parsed, judged, compared; ``keeping``: seconds that write."""
    watch, keeping = Stopwatch(), Stopwatch()
    with open_hub(url, folder, month, after=_REPORTED) as hub:
        _time_keeping(hub.store, keeping)
        with watch:
            result = sync_report(hub, company, pieces(path), actor=ACTOR)
    assert result.state == "applied", result
    assert not result.counts["rejected"], result
    detail = {"keeping": keeping.seconds, "report": result.report_id, "findings": result.findings}
    return Measured(watch.seconds, result.counts["applied"], detail=detail)


def _time_keeping(store: Store, watch: Stopwatch) -> None:
    """Let everything that writes be timed: the file as it came, rows in bulk, commits."""

    def timed(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def within(*args: Any, **kwargs: Any) -> Any:
            with watch:
                return function(*args, **kwargs)

        return within

    for module in (reports, draws, findings):
        module.bulk_insert = timed(module.bulk_insert)  # type: ignore[attr-defined]
    submissions.receive = timed(submissions.receive)
    with store.read() as connection:
        dialect = connection.dialect
    dialect.do_commit = timed(dialect.do_commit)  # type: ignore[method-assign]


# --- the limit of a report -------------------------------------------------------------------------------------

#: What a report writes, by the column that only grows.
_GROWING: Final = {
    t.knowledge: "version", t.policies: "known_from", t.tariffs: "known_from", t.submissions: "submission_id",
    t.submission_chunks: "submission_id", t.submission_events: "submission_id", t.submission_outcomes: "submission_id",
    t.reports: "report_id", t.report_rows: "report_id", t.report_texts: "report_id", t.draws: "report_id",
    t.findings: "finding_id", t.finding_events: "finding_id", t.reconciliations: "number", t.audit: "audit_id",
}  # fmt: skip


def marks(url: str) -> Measured:
    """Tell how far each table that a report writes has come."""
    store = Store.open(url, writer=False)
    with store.read() as connection:
        found = {
            table.name: connection.execute(select(func.coalesce(func.max(table.c[name]), 0))).scalar_one()
            for table, name in _GROWING.items()
        }
    store.close()
    return Measured(0, detail=found)


def _new(table: Any, before: dict[str, int]) -> Any:
    """Select what came after a mark: report rows and lines in the order of the report, the rest by key."""
    order = [table.c.report_id, table.c.row] if table is t.draws else table.primary_key.columns
    return select(table).where(table.c[_GROWING[table]] > before[table.name]).order_by(*order)


def spool_report(url: str, folder: str, before: str) -> Measured:
    """Keep every row that a report wrote, for ``raw_report``."""
    target, rows = Path(folder) / "spool-report", 0
    target.mkdir(exist_ok=True)
    for old in target.iterdir():
        old.unlink()
    store = Store.open(url, writer=False)
    with store.read() as connection:
        for table in filled(connection):
            if table in _GROWING:
                spool(stream(connection, _new(table, msgspec.json.decode(before))), target / table.name)
    store.close()
    return Measured(0, rows)


def raw_report(url: str, folder: str) -> Measured:
    """The limit of a report: the very rows that it wrote, by the bare driver, in one transaction."""
    watch, rows = Stopwatch(), 0
    store = Store.open(url)
    with timed_write(store, watch) as connection:
        for table in metadata.sorted_tables:
            path = Path(folder) / "spool-report" / table.name
            if table in _GROWING and path.exists():
                rows += write_raw(connection, table, spooled(path), watch)
    store.close()
    return Measured(watch.seconds, rows)


def digest_report(url: str, before: str) -> Measured:
    """What came after a mark, to compare two databases."""
    at = msgspec.json.decode(before)
    store = Store.open(url, writer=False)
    with store.read() as connection:
        found = {table.name: digest(connection, _new(table, at)) for table in _GROWING}
    store.close()
    return Measured(0, detail=found)


# --- judged rows, to compare with the peers ---------------------------------------------------------------------


def our_results(url: str, folder: str, report: str, month: str) -> Measured:
    """Write down how every row and every allowance of a report was judged."""
    store = Store.open(url, writer=False)
    with store.read() as connection:
        detail = keep(folder, "ours", _our_rows(connection, int(report)), _our_findings(connection, month))
    store.close()
    return Measured(0, detail=detail)


def _our_rows(connection: Connection, report: int) -> list[tuple[Any, ...]]:
    d = t.draws.c
    query = select(d.row, d.verdict, d.due_milli, d.due_fen).where(d.report_id == report)
    return list(stream(connection, query))


def _our_findings(connection: Connection, month: str) -> list[tuple[Any, ...]]:
    f = t.findings.c
    columns = (f.kind, f.household_id, f.bill_id, f.due_milli, f.due_fen, f.reported_milli, f.reported_fen)
    query = select(*columns, f.stake_milli, f.stake_fen).where(
        f.company == "city_water", f.report_month == int(Month.parse(month)), f.state == "open"
    )
    return list(stream(connection, query))


# --- the end of the month --------------------------------------------------------------------------------------


def run_reconcile(url: str, folder: str, month: str) -> Measured:
    """Our reconciliation of both companies once all is due; what their reports said is judged already."""
    watch = Stopwatch()
    with open_hub(url, folder, month, after=_DUE) as hub, watch:
        for company in COMPANIES:
            reconcile(hub, actor=ACTOR, company=company)
    return Measured(watch.seconds)


def run_settle(url: str, folder: str, month: str, company: str) -> Measured:
    """Our settlement of a company's month, from the lines to the signature and the commit."""
    watch = Stopwatch()
    with open_hub(url, folder, month, after=_DUE) as hub, watch:
        made = settle(hub, company, Month.parse(month), actor=ACTOR)
    assert made.state == "settled", made
    accepted = made.settlement.totals.reported
    return Measured(watch.seconds, accepted.rows, detail={"sums": [accepted.quantity_milli, accepted.amount_fen]})


_TOTALS: Final = """
    SELECT month, verdict, count(*), sum(due_milli), sum(waived_milli), sum(due_fen), sum(waived_fen)
    FROM draws WHERE service = '{service}' AND month = {month} AND report_id = {report} GROUP BY month, verdict
"""


def group_by(url: str, month: str, company: str, report: str) -> Measured:
    """The limit of a settlement: a bare GROUP BY of the same lines."""
    watch, at = Stopwatch(), int(Month.parse(month))
    store = Store.open(url, writer=False)
    with store.read() as connection, watch:
        statement = _TOTALS.format(service=_SERVICES[company], month=at, report=int(report))
        found = [tuple(row) for row in connection.exec_driver_sql(statement)]
    store.close()
    sums = [int(sum(row[n] for row in found)) for n in (4, 6)]
    return Measured(watch.seconds, sum(row[2] for row in found), detail={"sums": sums})
