"""Two persons deciding: a clerk proposes, a supervisor approves, from the words of the tests."""

from __future__ import annotations

from world import day, household_id

from integration.domain.decisions import Kind, Wanted
from integration.jobs import decide
from integration.jobs.decide import Authority, Papers
from integration.jobs.hub import Hub
from integration.storage.decisions import Filed
from schemas.values import Month, Service

PAPERS = Papers("查实", "档案-12")
AUTHORITY = Authority("民函〔2026〕7号", 20261101, 20261102)


def approved(hub: Hub, filed: Filed) -> Filed:
    """Let a supervisor approve what was proposed."""
    return decide.approve(hub, filed.proposal.number, actor="supervisor")


def take_back(hub: Hub, number: str, *wanted: tuple[str, int, int], authority: Authority = AUTHORITY) -> Filed:
    """A claw-back as proposed: month, thousandths and fen each."""
    asked = [Wanted(int(Month.parse(month)), milli, fen) for month, milli, fen in wanted]
    one = household_id(hub, number)
    return decide.propose_claw_back(hub, one, Service.WATER, asked, authority, PAPERS, actor="clerk")


def part(
    hub: Hub, number: str, account: str, since: str, *, other: str = "", service: Service = Service.WATER
) -> Filed:
    """A wrong link as proposed."""
    whose = household_id(hub, other) if other else 0
    return decide.propose_wrong_link(
        hub, household_id(hub, number), service, account, day(since), PAPERS, actor="clerk", other_household=whose
    )


def refuse(hub: Hub, number: str, since: str, kind: Kind = Kind.OPT_OUT) -> Filed:
    """A refusal of water, or its end, as proposed."""
    return decide.propose_refusal(
        hub, kind, household_id(hub, number), Service.WATER, day(since), PAPERS, actor="clerk"
    )


def undo(hub: Hub, filed: Filed) -> Filed:
    """The undoing of a decision as proposed."""
    return decide.propose_undo(hub, filed.proposal.number, PAPERS, actor="clerk")
