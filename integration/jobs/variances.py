"""Variances between a company's months: found, explained by one person, accepted by another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
from sqlalchemy import Connection

from integration.clock import now_us, today
from integration.domain.findings import Finding
from integration.domain.rights import Role
from integration.domain.variances import Cause, Compared, Figures, Variance, variances
from integration.jobs.allowances import balances
from integration.jobs.bill_judge import BillJudge
from integration.jobs.hub import Hub, monthly_service
from integration.jobs.reasons import fault_of
from integration.storage import audit, explanations, findings, regions
from integration.storage.draws import Look
from integration.storage.engine import take_lock
from integration.storage.explanations import Explanation
from integration.storage.overview import at_text
from integration.storage.users import find_user
from schemas.findings import FindingKind, Measure
from schemas.values import Month, months_between

#: So many months back a figure is still compared: by then bills of two months and top-ups have come in.
REACH: Final = 3


class VarianceRefused(Exception):  # noqa: N818 - it names what happened
    """The step is not open to this person or in this state; the text says why."""


class VarianceLine(msgspec.Struct, frozen=True):
    """A variance as it stands: ``unexplained``, ``open`` (explained, waits for a second person), ``accepted``."""

    company: str
    month: str
    measure: str
    district: str
    before: int
    now: int
    state: str
    explanation_id: int | None = None
    reason: str = ""
    text: str = ""
    explained_by: str = ""
    explained_at: str = ""
    decided_by: str = ""


def compared_months(judge: BillJudge, company: str) -> list[Month]:
    """Return the months of a company that are compared, each with the one before it: the first only stands before.

    They reach back to the oldest variance that is still open, so that it stays until it is explained.
    """
    first, newest = judge.first_listed(company), judge.latest(company).month
    if first is None:
        return []
    last = Month.from_int(newest)
    open_since = findings.oldest_open(judge.connection, company, FindingKind.VARIANCE)
    start = last.plus(-REACH) if open_since is None else min(last.plus(-REACH), Month.from_int(open_since).plus(-1))
    return months_between(max(first, start), last)


def found_variances(judge: BillJudge, company: str) -> list[Variance]:
    """Return what differs in a company's newest months, explained or not."""
    months = compared_months(judge, company)
    if not months:
        return []
    figures = {month: _figures(judge, company, month) for month in months}
    policy = judge.policy(int(Month.of(today(judge.hub.clock))))
    compared = Compared(figures, months, list(_decided(judge, company, months)))
    return list(variances(company, compared, policy.variance_per_mille, policy.small_cell))


def _decided(judge: BillJudge, company: str, months: list[Month]) -> Iterator[Month]:
    """Yield the months reported as a whole that await no answer any more: what is unknown is not zero."""
    reported = judge.reported(company)
    for one in balances(judge.hub, judge.connection, company, months):
        if reported.has(Month.parse(one.month)) and not one.awaiting_milli:
            yield Month.parse(one.month)


def _figures(judge: BillJudge, company: str, month: Month) -> dict[str, Figures]:
    look = Look(company, judge.service, int(month), judge.latest(company))
    found: dict[str, Figures] = {}
    for region, placed in regions.listed(judge.connection, look).items():
        _add(found, region.district, Figures(placed.households, placed.quantity_milli))
    for region, one in regions.applied(judge.connection, look).items():
        fen, milli = one.applied_fen + one.unlisted_fen, one.applied_milli + one.unlisted_milli
        _add(found, region.district, Figures(0, 0, milli, fen))
    return found


def _add(found: dict[str, Figures], district: str, figures: Figures) -> None:
    found[district] = found.get(district, Figures()).plus(figures)


# --- findings --------------------------------------------------------------------------------------------------------


def unexplained(judge: BillJudge, company: str) -> Iterator[Finding]:
    """Yield a finding for every variance without an accepted explanation."""
    told = explanations.explanations_of(judge.connection, company)
    for one in found_variances(judge, company):
        if _state(one, told).state != "accepted":
            yield _finding(one)


def _finding(one: Variance) -> Finding:
    fen = one.measure is Measure.APPLIED_FEN
    milli = one.measure in (Measure.LISTED, Measure.APPLIED)
    difference = abs(one.now - one.before)
    return Finding(
        identity=f"detector:{FindingKind.VARIANCE}:{one.measure}:{one.district}:{int(one.month)}",
        kind=FindingKind.VARIANCE,
        company=one.company,
        month=int(one.month),
        report_month=int(one.month),
        due_milli=one.before * milli,
        reported_milli=one.now * milli,
        due_fen=one.before * fen,
        reported_fen=one.now * fen,
        stake_milli=difference * milli,
        stake_fen=difference * fen,
        households=difference if one.measure is Measure.HOUSEHOLDS else one.households,
        reason=f"{one.measure}@{one.district}" if one.district else one.measure.value,
    )


def _state(one: Variance, told: Iterable[Explanation]) -> VarianceLine:
    """Return a variance with the newest explanation of its very figures; a refused one explains nothing."""
    line = VarianceLine(
        one.company, str(one.month), one.measure.value, one.district, one.before, one.now, "unexplained"
    )
    about = (int(one.month), one.measure.value, one.district, one.before, one.now)
    mine = [e for e in told if (e.month, e.measure, e.district, e.before, e.now) == about and e.state != "refused"]
    if not mine:
        return line
    said = max(mine, key=lambda each: (each.state == "accepted", each.explanation_id))
    return msgspec.structs.replace(
        line,
        state=said.state,
        explanation_id=said.explanation_id,
        reason=said.reason,
        text=said.text,
        explained_by=said.explained_by,
        explained_at=at_text(said.explained_us),
        decided_by=said.decided_by or "",
    )


# --- by people -------------------------------------------------------------------------------------------------------


def variance_lines(hub: Hub, connection: Connection, company: str | None = None) -> list[VarianceLine]:
    """Return the variances of every company (or one) as they stand."""
    lines = []
    for code, port in hub.companies.items():
        service = monthly_service(port)
        if service is not None and company in (None, code):
            told = explanations.explanations_of(connection, code)
            judge = BillJudge(hub, connection, service)
            lines += [_state(one, told) for one in found_variances(judge, code)]
    return lines


def explain(hub: Hub, about: tuple[str, Month, Measure, str], cause: Cause, text: str, *, actor: str) -> VarianceLine:
    """Explain a variance: of a company, month, measure and district (empty: the company as a whole).

    Raises:
        VarianceRefused: there is none, it is explained, no text is given, or an operator speaks for another company.
    """
    if fault := fault_of(text):
        raise VarianceRefused(fault)
    company, month, measure, district = about
    with hub.store.write() as connection:
        take_lock(connection, "knowledge")
        _check_speaker(connection, company, actor)
        line = _of(hub, connection, about)
        if line.state != "unexplained":
            raise VarianceRefused(f"已有说明 {line.explanation_id} / it is explained by {line.explanation_id} already")
        number = explanations.add(
            connection, company=company, month=int(month), measure=measure.value, district=district,
            before=line.before, now=line.now, reason=cause.value, text=text,
            explained_by=actor, explained_us=now_us(hub.clock),
        )  # fmt: skip
        detail = {"company": company, "month": str(month), "measure": measure.value, "reason": cause.value}
        audit.record(connection, hub.clock, actor, "variance_explained", str(number), detail)
        return _of(hub, connection, about)


def _check_speaker(connection: Connection, company: str, actor: str) -> None:
    person = find_user(connection, actor)
    if person is not None and person.role is Role.COMPANY_OPERATOR and person.company != company:
        raise VarianceRefused(f"只能说明本公司的变动 / an operator of {person.company} explains its own months alone")


def _of(hub: Hub, connection: Connection, about: tuple[str, Month, Measure, str]) -> VarianceLine:
    company, month, measure, district = about
    for line in variance_lines(hub, connection, company):
        if (line.month, line.measure, line.district) == (str(month), measure.value, district):
            return line
    raise VarianceRefused(
        f"{company} {month} 无此项变动 / {company} has no such variance in {month}; see: waiverhub variance list"
    )


def decide(hub: Hub, explanation_id: int, *, accept: bool, actor: str) -> Explanation:
    """Accept an explanation, so that the next detection closes its finding, or refuse it: it must be given anew.

    Raises:
        VarianceRefused: there is none, it is decided, or the person gave it.
    """
    with hub.store.write() as connection:
        take_lock(connection, "knowledge")
        said = explanations.find(connection, explanation_id)
        if said is None or said.state != "open":
            raise VarianceRefused(f"没有待定的说明 {explanation_id} / there is no open explanation {explanation_id}")
        if said.explained_by == actor:
            raise VarianceRefused("说明人不能自己认可 / whoever explained it may not accept it; ask another person")
        state = "accepted" if accept else "refused"
        explanations.decide(connection, explanation_id, state, actor, now_us(hub.clock))
        detail = {"company": said.company, "month": said.month, "measure": said.measure}
        audit.record(connection, hub.clock, actor, f"variance_{state}", str(explanation_id), detail)
        decided = explanations.find(connection, explanation_id)
    return decided or said
