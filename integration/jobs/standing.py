"""Where the hub stands, and the next thing to do."""

from __future__ import annotations

import msgspec

from integration.clock import today
from integration.jobs.hub import Hub
from integration.storage import holds, overview, report_views
from integration.storage.engine import current_version
from integration.storage.overview import Listed, RunLine
from schemas.values import MONTHLY, Month


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where the hub stands; ``unplaced`` counts allowances of the newest month that are on no account yet.

    ``reports`` has by company the newest month reported; ``findings`` counts the open ones.
    """

    version: int
    runs: list[RunLine]
    lists: dict[str, Listed | None]
    reports: dict[str, str | None]
    findings: int
    open_holds: int
    unplaced: int
    next: str


def standing(hub: Hub) -> Standing:
    """Gather where the hub stands."""
    monthly = [code for code, company in hub.companies.items() if set(company.services) & set(MONTHLY)]
    newest: dict[str, Listed | None] = dict.fromkeys(monthly)
    with hub.store.read() as connection:
        version = current_version(connection)
        runs = overview.run_lines(connection)
        newest.update({one.company: one for one in overview.all_lists(connection)})
        waiting = sum(one.state in ("open", "proposed") for one in holds.all_holds(connection))
        learnt = overview.newest_by_kind(connection)
        latest = max((run.month for run in runs), default=None)
        unplaced = overview.unplaced(connection, Month.parse(latest)) if latest else 0
        reported: dict[str, str | None] = dict.fromkeys(monthly)
        for one in report_views.report_lines(connection):
            reported[one.company] = max(one.month, reported.get(one.company) or "")
        findings = sum(one.findings for one in report_views.finding_sums(connection))
    listed = [one.month if one else "" for one in newest.values()]
    todo = _next(learnt, latest, listed, waiting, Month.of(today(hub.clock)))
    return Standing(
        version=version,
        runs=runs,
        lists=newest,
        reports=reported,
        findings=findings,
        open_holds=waiting,
        unplaced=unplaced,
        next=todo,
    )


def _next(learnt: dict[str, int], latest: str | None, listed: list[str], waiting: int, now: Month) -> str:
    """Choose the first thing that is missing, in the order of a month's work."""
    arrived = max(learnt.get("roster", 0), learnt.get("registry", 0))
    behind = latest is not None and any(month < latest for month in listed)
    following = Month.parse(latest).plus(1) if latest else now.plus(1)
    steps = {
        "hold list": waiting > 0,
        "roster import COMPANY FILE": "roster" not in learnt,
        "registry import FILE": "registry" not in learnt,
        "link": learnt.get("links", 0) < arrived,
        f"publish {latest}": behind,
        f"run {following}": True,
    }
    return f"waiverhub {next(step for step, missing in steps.items() if missing)}"
