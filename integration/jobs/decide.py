"""Deciding 决定: one person proposes with reason and evidence, a supervisor other than the proposer approves.

An approval brings a knowledge version; links change in its own transaction, the ledger with the next run.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection

from integration.clock import now_us, today
from integration.domain.decisions import Kind, Line, Wanted, notice_is_over
from integration.jobs import decided_links, decision_rules
from integration.jobs.hub import Hub
from integration.jobs.reasons import fault_of as reason_fault
from integration.storage import audit, decisions, links, rosters
from integration.storage.decisions import Filed, Outcome, Proposal
from integration.storage.engine import current_version, next_version, take_lock
from schemas.values import Month, Service, day_int

#: A file number 文号: the office's short name, the year in brackets, and a number.
_FILE_NUMBER: Final = re.compile(r"[\u4e00-\u9fff]{1,15}[〔\[（(]\d{4}[〕\]）)]第?\d{1,6}号")


class DecisionRefused(Exception):  # noqa: N818 - it names what happened
    """The decision cannot be proposed, approved or rejected; the text says why and what to do."""


class Papers(NamedTuple):
    """Why, and where the papers are: a file number, never what stands in it."""

    reason: str
    evidence: str


class Authority(NamedTuple):
    """The authority's own decision: its number, its day, and the day on which the household had notice (YYYYMMDD)."""

    number: str
    on: int
    notified_on: int


def propose_claw_back(
    hub: Hub,
    household: int,
    service: Service,
    wanted: Sequence[Wanted],
    authority: Authority,
    papers: Papers,
    *,
    actor: str,
) -> Filed:
    """Propose to take back what bills drew, as an authority has decided (edge case 38).

    Raises:
        DecisionRefused: more than was drawn, no notice to the household, or no number of the authority's decision.
    """
    with hub.store.write() as connection:
        proposal = _new(hub, connection, Kind.CLAW_BACK, household, service, papers, actor)
        if fault := _number_fault(authority.number):
            raise DecisionRefused(fault)
        proposal = proposal._replace(
            authority_number=authority.number, authority_on=authority.on, notified_on=authority.notified_on
        )
        lines = decision_rules.taken_lines(connection, proposal, sorted(wanted))
        if isinstance(lines, str):
            raise DecisionRefused(lines)
        return _propose(hub, connection, proposal, lines)


def propose_wrong_link(
    hub: Hub,
    household: int,
    service: Service,
    account: str,
    from_on: int,
    papers: Papers,
    *,
    actor: str,
    other_household: int = 0,
) -> Filed:
    """Propose that an account was never the household's from a day on (edge case 59).

    ``account`` is its number now; ``other_household`` whom it belongs to, where that is known.

    Raises:
        DecisionRefused: there is no such link, or no such household.
    """
    with hub.store.write() as connection:
        proposal = _new(hub, connection, Kind.WRONG_LINK, household, service, papers, actor)
        account_id = _linked_account(connection, proposal, account)
        proposal = proposal._replace(account_id=account_id, from_on=from_on, other_household_id=other_household)
        return _propose(hub, connection, proposal)


def propose_refusal(
    hub: Hub, kind: Kind, household: int, service: Service, from_on: int, papers: Papers, *, actor: str
) -> Filed:
    """Propose to note that a household wants nothing of a service from a day on, or takes that back (edge case 65).

    ``kind`` is OPT_OUT or OPT_IN.

    Raises:
        DecisionRefused: it does, or does not, refuse the service on that day already.
    """
    with hub.store.write() as connection:
        proposal = _new(hub, connection, kind, household, service, papers, actor)
        return _propose(hub, connection, proposal._replace(from_on=from_on))


def propose_undo(hub: Hub, number: int, papers: Papers, *, actor: str) -> Filed:
    """Propose to undo a wrong link or a refusal, as if it had never been decided.

    Raises:
        DecisionRefused: it does not stand, is a claw-back, or a later decision rests on it.
    """
    with hub.store.write() as connection:
        undone = find(connection, number).proposal
        proposal = _new(hub, connection, Kind.UNDO, undone.household_id, Service(undone.service), papers, actor)
        proposal = proposal._replace(undoes=number, account_id=undone.account_id, from_on=undone.from_on)
        return _propose(hub, connection, proposal._replace(other_household_id=undone.other_household_id))


def _new(
    hub: Hub, connection: Connection, kind: Kind, household: int, service: Service, papers: Papers, actor: str
) -> Proposal:
    take_lock(connection, "knowledge")
    for text in papers:
        if fault := reason_fault(text):
            raise DecisionRefused(fault)
    return Proposal(
        number=decisions.next_number(connection),
        kind=kind,
        household_id=household,
        service=service.value,
        reason=papers.reason,
        evidence=papers.evidence,
        proposed_by=actor,
        proposed_us=now_us(hub.clock),
    )


def _number_fault(number: str) -> str | None:
    """Return why an authority's number cannot be kept: it stands in the audit for ever, so it names nobody."""
    if number.strip() and not _FILE_NUMBER.fullmatch(number):
        return "须为文号，如 民函〔2026〕7号 / give the file number of the authority's decision, like 民函〔2026〕7号"
    return None


def _linked_account(connection: Connection, proposal: Proposal, number: str) -> int:
    version = current_version(connection)
    for one in links.current_links(connection, [proposal.household_id]).get(proposal.household_id, ()):
        named = rosters.number_at(connection, one.span.account_id, version)
        if one.service == proposal.service and named is not None and named[1] == number:
            return one.span.account_id
    raise DecisionRefused(
        f"该户在 {proposal.service} 没有关联户号 {number} / the household has no link to {number} at {proposal.service}"
    )


def _propose(hub: Hub, connection: Connection, proposal: Proposal, lines: Sequence[Line] = ()) -> Filed:
    if fault := decision_rules.fault_of(connection, proposal, lines, day_int(today(hub.clock))):
        raise DecisionRefused(fault)
    decisions.propose(connection, proposal, lines)
    _record(hub, connection, "decision_proposed", proposal, lines, proposal.proposed_by)
    return Filed(proposal, tuple(lines), None)


# --- the second person -----------------------------------------------------------------------------------------


def find(connection: Connection, number: int) -> Filed:
    """Return a filed decision.

    Raises:
        DecisionRefused: there is none of this number.
    """
    found = decisions.filed(connection, number=number)
    if not found:
        raise DecisionRefused(
            f"没有编号为 {number} 的决定 / there is no decision {number}; see: waiverhub decision list"
        )
    return found[0]


def approve(hub: Hub, number: int, *, actor: str) -> Filed:
    """Approve what another person proposed: it is known from here on, and links change at once.

    Raises:
        DecisionRefused: the person proposed it, it is decided already, or it can no longer stand.
    """
    with hub.store.write() as connection:
        version = next_version(connection, hub.clock, "decision")  # first: under its lock nothing moves
        filed = _undecided(connection, number)
        _check_approval(hub, connection, filed, actor)
        outcome = Outcome(decisions.APPROVED, actor, now_us(hub.clock), version)
        if filed.proposal.kind in (Kind.WRONG_LINK, Kind.UNDO):
            decided_links.apply(connection, filed.proposal, version)
        decisions.decide(connection, filed.proposal, outcome)
        _record(hub, connection, "decision_approved", filed.proposal, filed.lines, actor)
        return filed._replace(outcome=outcome)


def _check_approval(hub: Hub, connection: Connection, filed: Filed, actor: str) -> None:
    proposal = filed.proposal
    if proposal.proposed_by == actor:
        raise DecisionRefused("提出人不能自己批准 / the proposer may not approve; ask another supervisor")
    if fault := decision_rules.fault_of(connection, proposal, filed.lines, day_int(today(hub.clock))):
        raise DecisionRefused(fault)
    day = today(hub.clock)
    days = hub.policy.at(Month.of(day)).claw_back_notice_days
    if proposal.kind is Kind.CLAW_BACK and not notice_is_over(proposal.notified_on, day_int(day), days):
        raise DecisionRefused(
            f"告知当事人满 {days} 日后方可批准 / approve it no sooner than {days} days after the household's notice"
        )


def reject(hub: Hub, number: int, *, actor: str) -> Filed:
    """Reject a proposal, or withdraw one's own: it never takes effect.

    Raises:
        DecisionRefused: it is decided already.
    """
    with hub.store.write() as connection:
        take_lock(connection, "knowledge")
        filed = _undecided(connection, number)
        outcome = Outcome(decisions.REJECTED, actor, now_us(hub.clock), None)
        decisions.decide(connection, filed.proposal, outcome)
        _record(hub, connection, "decision_rejected", filed.proposal, filed.lines, actor)
        return filed._replace(outcome=outcome)


def _undecided(connection: Connection, number: int) -> Filed:
    filed = find(connection, number)
    if filed.outcome is not None:
        state = filed.outcome.outcome
        raise DecisionRefused(f"决定 {number} 已经处理（{state}） / decision {number} is {state} already")
    return filed


def _record(
    hub: Hub, connection: Connection, action: str, proposal: Proposal, lines: Sequence[Line], actor: str
) -> None:
    """Write the audit row: it names everybody whom the decision is about, so that both sides lead to it."""
    others = decided_links.others_on(connection, proposal)
    detail = {
        "kind": proposal.kind.value,
        "households": sorted({proposal.household_id, *others}),
        "service": proposal.service,
        "account": proposal.account_id,
        "from": proposal.from_on,
        "undoes": proposal.undoes,
        "authority": proposal.authority_number,
        "lines": [list(one[1:]) for one in lines],
    }
    audit.record(connection, hub.clock, actor, action, str(proposal.number), detail)
