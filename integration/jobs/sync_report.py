"""Taking in a company's report 回盘: kept row by row, judged, compared, and answered with findings.

A report is judged in the transaction that takes it in, so that lists, draws, findings and balance never part.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from adapters.base import CompanyPort
from integration.clock import now_us, today
from integration.domain.editions import Edition, next_number, standing
from integration.jobs.bill_judge import BillJudge
from integration.jobs.compute_month import learn_policy
from integration.jobs.hub import Hub, monthly_service
from integration.jobs.intake import Apply, Content, keep_outcomes, parts, take_in
from integration.jobs.outcomes import SyncResult
from integration.jobs.reconcile import Arrived, reconcile_in
from integration.jobs.report_rows import ReportRows
from integration.storage import audit, draws, lists, reports, submissions
from integration.storage.engine import next_version
from integration.storage.findings import open_ones
from integration.storage.reports import Report
from integration.storage.tables import findings
from schemas.faults import refuse
from schemas.findings import FindingKind
from schemas.reports import ReportHead, ReportKind
from schemas.values import Month, Service


def sync_report(hub: Hub, company: str, content: Content, *, actor: str) -> SyncResult:
    """Take in a company's report and reconcile it; the same file again has no effect (edge cases 70, 81)."""
    return take_in(
        hub,
        sender=company,
        kind="report",
        message_id=None,
        content=content,
        apply=applying(hub, company, actor),
        actor=actor,
    )


def applying(hub: Hub, company: str, actor: str) -> Apply:
    """Return what applies a kept report of a company."""
    port = hub.companies[company]
    return lambda connection, number, _: apply_report(hub, connection, number, port, actor=actor)


def apply_report(
    hub: Hub, connection: Connection, submission_id: int, company: CompanyPort, *, actor: str
) -> SyncResult:
    """Apply a kept report in the caller's transaction.

    Raises:
        FileRefused: it is damaged, not this company's, or does not fit those of its month before.
    """
    reader, service = company.report_reader(), monthly_service(company)
    if reader is None or service is None:
        raise refuse("NO_REPORT_FILE", "该公司未约定回盘文件 / no report file is agreed with this company")
    version = next_version(connection, hub.clock, "report", submission_id)
    learn_policy(hub, connection)
    with submissions.opened_content(connection, hub.ring, submission_id) as content:
        head, read = reader.read(content)
        arriving = _Arriving(hub, connection, company.code, service, head, submission_id)
        arriving.make_room(version)
        rows = ReportRows(arriving.judge, arriving.report)
        for batch in parts(read):
            rows.apply(batch)
            hub.progress("report", len(batch))
        rows.finish()
    report = arriving.record(rows, version)
    keep_outcomes(connection, submission_id, rows.outcomes)
    arrived = Arrived(report, rows.together | arriving.disturbed, rows.findings, arriving.replaced, arriving.months)
    changes = reconcile_in(hub, connection, company.code, arrived=arrived, actor=actor)
    _audit(hub, connection, report, rows, actor)
    return SyncResult(
        submission_id=submission_id,
        state="applied",
        version=version,
        counts=rows.outcomes.counts,
        faults=rows.outcomes.faults(),
        report_id=report.report_id,
        findings=changes.opened,
    )


class _Arriving:
    """A report on its way in, among those of its month."""

    def __init__(
        self, hub: Hub, connection: Connection, company: str, service: Service, head: ReportHead, submission_id: int
    ) -> None:
        self._hub = hub
        self._connection = connection
        self._service = service
        self._head = head
        month = Month.from_int(head.month)
        self._check_month(company, month)
        known = [one for one in reports.reports_of(connection, company) if one.month == month]
        self._known = known
        editions = [Edition(one.report_id, one.kind, one.edition) for one in known]
        number = reports.next_report_id(connection)
        edition = head.edition or next_number(editions)
        self._check_edition(edition)
        self._stands = standing([*editions, Edition(number, head.kind, edition)])
        stands = number in self._stands
        self.report = Report(number, company, month, head.kind, edition, submission_id, 0, 0, 0, 0, 0, stands)
        self.replaced = [one for one in known if one.stands and one.report_id not in self._stands]
        self.disturbed: set[int] = set()
        self.months: list[int] = []

    def _check_month(self, company: str, month: Month) -> None:
        now = Month.of(today(self._hub.clock))
        if month > now:
            raise refuse(
                "FUTURE_MONTH",
                f"回盘月份{month}晚于本月，请核对 / the report's month {month} has not come yet; correct the month",
            )
        if not lists.published(self._connection, company):
            raise refuse("NO_LIST", "尚未向该公司下发名单，无可回盘 / no list was published to this company yet")

    def _check_edition(self, edition: int) -> None:
        if self._head.kind is ReportKind.ORIGINAL and any(one.kind is ReportKind.ORIGINAL for one in self._known):
            raise refuse(
                "ORIGINAL_EXISTS",
                "本月原始回盘已收，更正请报替换或补充 / the month's original is here already; send a replacement or a"
                " supplement",
            )
        if any(one.edition == edition for one in self._known):
            raise refuse(
                "EDITION_TAKEN",
                f"版次{edition}已用过，请用新版次 / edition {edition} was used already; number the file anew",
            )

    def make_room(self, version: int) -> None:
        """Take away the lines of the reports in whose place this one stands; who has others is judged anew."""
        ids = [one.report_id for one in self.replaced]
        if ids:
            self.months = draws.months_of_reports(self._connection, ids)
            reach = self.judge.policy(self._head.month).prepaid_accrual_months
            self.disturbed = set(draws.others_of(self._connection, self._service, self.months, ids, reach))
            self.disturbed |= self._accumulated()
            draws.forget_reports(self._connection, ids)
            reports.supersede(self._connection, ids, version)

    def _accumulated(self) -> set[int]:
        """Return whose year was found not to follow from a bill that may be gone now."""
        wrong = findings.c.kind == FindingKind.ACCUMULATOR_WRONG.value
        found = open_ones(self._connection, "row", findings.c.company == self.report.company, wrong)
        return {one.household_id for one in found.values()}

    @property
    def judge(self) -> BillJudge:
        """What judges its rows."""
        return BillJudge(self._hub, self._connection, self._service)

    def record(self, rows: ReportRows, version: int) -> Report:
        """Write the report's own row, once its rows have passed."""
        read = rows.outcomes.counts["applied"]
        first, last = (rows.first_month, rows.last_month) if read else (self._head.month, self._head.month)
        report = self.report._replace(
            rows=read, waived_milli=rows.waived_milli, waived_fen=rows.waived_fen, first_month=first, last_month=last
        )
        values = report._asdict() | {"month": self._head.month, "kind": report.kind.value}
        stands = values.pop("stands")
        if not stands:
            values["known_to"] = version
        reports.record_report(self._connection, **values, known_from=version, at_us=now_us(self._hub.clock))
        draws.learn_draws(self._connection)
        return report


def _audit(hub: Hub, connection: Connection, report: Report, rows: ReportRows, actor: str) -> None:
    """Write the audit row of a report, with the digest of its rows."""
    detail: dict[str, Any] = {
        "company": report.company, "month": str(report.month), "kind": report.kind.value, "edition": report.edition,
        "stands": report.stands, "counts": rows.outcomes.counts,
    }  # fmt: skip
    effect = audit.Effect(report.rows, report.waived_milli, rows.digest.done())
    audit.record(connection, hub.clock, actor, "report_applied", str(report.report_id), detail, effect)
