"""What became of an allowance: how far it has come, which bills drew from it, and what is still open about it."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection

from integration.domain.allowance import NO_PLACE, Vector
from integration.domain.balance import Alike, answer_of, due_month, standing
from integration.domain.households import Verdict
from integration.domain.progress import Listed, Seen, outcome, stage
from integration.domain.waiting import Waiting, waiting
from integration.jobs.bill_judge import BillJudge
from integration.jobs.explanation import Bill, Fate, OpenCase, OpenFinding
from integration.jobs.hub import Hub
from integration.jobs.known import Known
from integration.jobs.link_evidence import Gathered
from integration.storage import cases, decisions, fates, holds, report_views
from integration.storage.fates import Drawn
from integration.storage.lists import Published
from integration.storage.report_views import FindingLine
from schemas.findings import FindingKind
from schemas.values import Month, Service, day_int

_MOST = 1_000


class Told(NamedTuple):
    """An allowance as the ledger and the lists have it: what is due and posted by place, on which account it stands.

    ``listed`` are the lists that told its account's company, oldest first.
    """

    service: Service
    verdict: Verdict
    due: Vector
    posted: Vector
    company: str
    listed: list[Published]


def fate_of(hub: Hub, connection: Connection, known: Known, told: Told) -> Fate:
    """Return what became of an allowance; what its company did with it is looked at as known now alone."""
    waits = _waiting(hub, connection, known, told)
    if not known.is_now:
        reached = stage(_seen(connection, known, told, waits, None))
        return Fate(outcome(told.verdict, reached, waits), reached, waits)
    rows = fates.drawn_of(connection, known.household, told.service, known.month)
    due, listed = _at_the_company(hub, connection, known, told, rows)
    reached = stage(_seen(connection, known, told, waits, listed))
    found = _findings(connection, known, told, rows, due)
    kinds = [FindingKind(one.kind) for one in found]
    return Fate(
        outcome=outcome(told.verdict, reached, waits, kinds),
        stage=reached,
        waiting=waits,
        answer=listed.answer if listed else None,
        report_due=_report_day(known, due) if due else 0,
        owed_milli=sum(one.owed_milli for one in rows),
        good_milli=sum(one.good_milli for one in rows),
        bills=[_bill(one) for one in rows],
        findings=[OpenFinding(one.finding_id, one.kind, one.acts, one.stake_milli, one.stake_fen) for one in found],
        cases=_cases(connection, known, told, found),
    )


def _waiting(hub: Hub, connection: Connection, known: Known, told: Told) -> Waiting | None:
    """Say what an allowance on no account waits for; None for one that has its account, or is not there."""
    if NO_PLACE not in (told.posted or told.due):
        return None
    spans = [span for span, *_ in known.links_of(told.service)]
    candidates = None
    if known.is_now:
        candidates = Gathered(hub, connection, [known.household]).candidates(known.household, told.service)
    held = known.judge.held(known.household, told.service, known.month)
    return waiting(spans, candidates, held=held)


def _seen(connection: Connection, known: Known, told: Told, waits: Waiting | None, listed: Listed | None) -> Seen:
    taken = decisions.lines_of(connection, [known.household], known.version)
    return Seen(
        verdict=told.verdict,
        is_taken_back=(known.household, told.service.value, int(known.month)) in taken,
        is_posted=bool(told.posted),
        is_computed=any(run.month == known.month for run in known.runs.values()),
        waiting=waits,
        is_listed=bool(told.listed),
        is_held=_is_held(connection, known, told),
        told=listed,
    )


def _is_held(connection: Connection, known: Known, told: Told) -> bool:
    """Whether a list of the account's company that would tell of the month waits for two persons."""
    return any(
        one.door == "list" and one.state in ("open", "proposed") and one.at_us < known.until_us
        for one in holds.all_holds(connection)
        if one.subject.startswith(f"{told.company}:")
    )


# --- at the company ------------------------------------------------------------------------------------------------


def _at_the_company(
    hub: Hub, connection: Connection, known: Known, told: Told, rows: list[Drawn]
) -> tuple[Month | None, Listed | None]:
    """Return the report month that answers at the latest, and what came of the allowance by now."""
    accounts = sorted(told.posted.keys() - {NO_PLACE})
    if not told.listed or not accounts:
        return None, None
    alike = Alike(
        month=int(known.month),
        listed_month=int(told.listed[-1].month),
        cycle=fates.cycle_of(connection, accounts[-1]),
        has_bill=any(one.is_bill for one in rows),
        answer=max((one.weight for one in rows), default=0),
    )
    reported = BillJudge(hub, connection, told.service).reported(told.company)
    due = due_month(alike, reported.accrual_months)
    return due, Listed(standing(alike, reported), alike.has_bill, answer_of(alike.answer), reported.has(due))


def _report_day(known: Known, due: Month) -> int:
    """Return the last day on which a month's report is in time."""
    return day_int(due.plus(1).first.replace(day=known.policy.at(due).report_due_day))


def _bill(one: Drawn) -> Bill:
    said = (one.company, one.bill_id, one.issued_on, one.kind, one.answer)
    return Bill(*said, one.due_milli, one.due_fen, one.waived_milli, one.waived_fen)


# --- what is open --------------------------------------------------------------------------------------------------


def _findings(
    connection: Connection, known: Known, told: Told, rows: list[Drawn], due: Month | None
) -> list[FindingLine]:
    """Return the open findings about the month, and that of the company's silence where it concerns the household."""
    mine: dict[str, Any] = {"household_id": known.household, "service": told.service.value}
    bills = {one.bill_id for one in rows if one.bill_id}
    own = [
        one
        for one in report_views.finding_lines(connection, _MOST, **mine)
        if one.month == str(known.month) or one.bill_id in bills
    ]
    if due is None or rows:
        return own
    silent: dict[str, Any] = {"company": told.company, "kind": FindingKind.UNANSWERED, "report_month": int(due)}
    return own + report_views.finding_lines(connection, _MOST, **silent)


def _cases(connection: Connection, known: Known, told: Told, found: list[FindingLine]) -> list[OpenCase]:
    """Return the cases under work about the household's month at the service, or about one of these findings."""
    about = {one.finding_id for one in found}
    own = [
        one
        for one in cases.case_lines(connection, _MOST, household_id=known.household)
        if one.service in ("", told.service.value) and one.month in (0, int(known.month))
    ]
    others = [one for number in sorted(about) for one in cases.case_lines(connection, _MOST, finding_id=number)]
    found_cases = {one.number: one for one in (*own, *others)}
    return [OpenCase(one.number, one.kind, one.state, one.due_on) for _, one in sorted(found_cases.items())]
