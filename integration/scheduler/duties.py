"""What each job of the calendar does. Every one may be done twice, or be cut short anywhere: nothing comes of that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from integration.domain.calendar import Job
from integration.jobs.compute_month import compute_month
from integration.jobs.detect import detect
from integration.jobs.hub import Hub, monthly_service
from integration.jobs.link_accounts import link_accounts
from integration.jobs.open_cases import open_cases
from integration.jobs.publish import publish_month
from integration.jobs.purge_content import purge_content
from integration.jobs.purge_homes import purge_homes
from integration.jobs.reconcile import reconcile
from integration.jobs.scorecard import take_due
from integration.storage import audit, ledger, report_views
from integration.storage.nonces import forget_nonces
from schemas.values import Month

#: How the clock is called in the audit.
ACTOR: Final = "clock"
_LATER_US: Final = 600 * 1_000_000


class Ended(NamedTuple):
    """How a job ended: ``again_us`` is None when it is done, else after how long it goes on."""

    detail: str
    again_us: int | None = None


Duty = Callable[[Hub, str], Ended]


def run(hub: Hub, period: str) -> Ended:
    """Link, then compute a month, and put before people what could not be determined."""
    link_accounts(hub, actor=ACTOR)
    made = compute_month(hub, Month.parse(period), actor=ACTOR)
    open_cases(hub, actor=ACTOR)
    return Ended(f"run {made.run_id}: {made.rows} rows")


def publish(hub: Hub, period: str) -> Ended:
    """Publish a month; while a list waits for two persons, come back."""
    results = publish_month(hub, Month.parse(period), actor=ACTOR)
    detail = ", ".join(f"{one.company} {one.state}" for one in results)
    waits = any(one.state in ("held", "refused") for one in results)
    return Ended(detail, _LATER_US if waits else None)


def reconcile_all(hub: Hub, _period: str) -> Ended:
    """Bring every company's draws and findings up to what is known."""
    made = reconcile(hub, actor=ACTOR)
    return Ended(", ".join(f"{one.company} +{one.opened} -{one.closed}" for one in made))


def detect_all(hub: Hub, _period: str) -> Ended:
    """Let the detectors look at what is known, and take the scorecards whose day has come."""
    made = detect(hub, actor=ACTOR)
    taken = take_due(hub, actor=ACTOR)
    detail = ", ".join(f"{one.service} +{one.opened} -{one.closed}" for one in made)
    return Ended(f"{detail}; {len(taken)} scorecards")


def cases(hub: Hub, _period: str) -> Ended:
    """Open a case for whatever cannot be determined, and close those whose cause is gone."""
    made = open_cases(hub, actor=ACTOR)
    return Ended(f"+{made.opened + made.reopened} -{made.gone}")


def escalate(hub: Hub, period: str) -> Ended:
    """Put the companies before the office that have still not reported a month; the audit keeps that it was done."""
    with hub.store.write() as connection:
        told = {one.company for one in report_views.report_lines(connection) if one.month == period}
        silent = sorted(
            code for code, port in hub.companies.items() if monthly_service(port) is not None and code not in told
        )
        if silent:
            audit.record(connection, hub.clock, ACTOR, "reports_overdue", period, {"companies": silent})
    return Ended(", ".join(silent) or "all reported")


def recompute(hub: Hub, _period: str) -> Ended:
    """Compute the whole window and judge every bill again; what comes of it is a fault of ours, and is told."""
    with hub.store.read() as connection:
        newest = ledger.newest_month(connection)
    if newest is None:
        return Ended("no month yet")
    made = compute_month(hub, newest, actor=ACTOR, full=True)
    judged = reconcile(hub, actor=ACTOR, full=True)
    differ = sum(one.households for one in judged)
    return Ended(f"{made.rows} rows posted, {differ} households judged otherwise")


def purge(hub: Hub, _period: str) -> Ended:
    """Delete raw files beyond their retention, here and in the partners' homes, and nonces whose time is over."""
    purge_homes(hub, hub.raw_retention_days)
    with hub.store.write() as connection:
        forget_nonces(connection, hub.clock)
    return Ended(f"{purge_content(hub, hub.raw_retention_days, actor=ACTOR)} submissions")


DUTIES: Final[Mapping[Job, Duty]] = {
    Job.RUN: run,
    Job.PUBLISH: publish,
    Job.RECONCILE: reconcile_all,
    Job.OPEN_CASES: cases,
    Job.DETECT: detect_all,
    Job.ESCALATE: escalate,
    Job.RECOMPUTE: recompute,
    Job.PURGE: purge,
}
