"""What a proposed decision must satisfy, when it is proposed and again when it is approved.

Each check gathers what is known now, asks ``domain.decisions``, and returns why the decision cannot stand, with the
remedy; None where it can.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from sqlalchemy import Connection

from integration.domain import decisions as rules
from integration.domain.allowance import total
from integration.domain.decisions import Decision, Drawn, Kind, Line, OverDrawn, Wanted
from integration.storage import decisions, ledger, links, registry
from integration.storage.decisions import Proposal
from schemas.values import MONTHLY, Month, Service, is_day

_NOT_MONTHLY = "只有按月减免的项目可作此决定 / only a service with a monthly allowance can be decided about so"


def fault_of(connection: Connection, proposal: Proposal, lines: Sequence[Line], today: int) -> str | None:
    """Return why a proposal cannot stand as things are on a day (YYYYMMDD); None if it can."""
    if not registry.timelines(connection, [proposal.household_id]):
        return f"没有家庭 {proposal.household_id} / there is no household {proposal.household_id}"
    return _CHECKS[proposal.kind](connection, proposal, lines, today)


def standing(connection: Connection, proposal: Proposal) -> list[Decision]:
    """Return the decisions in force about a proposal's household and service."""
    key = proposal.household_id, proposal.service
    return decisions.standing(connection, [proposal.household_id]).get(key, [])


def _refusal(connection: Connection, proposal: Proposal, _lines: Sequence[Line], _today: int) -> str | None:
    if Service(proposal.service) not in MONTHLY:
        return _NOT_MONTHLY
    if not is_day(proposal.from_on):
        return "起始日不是日期 / the first day is no date"
    spans = rules.refusals(standing(connection, proposal))
    refused = any(start <= proposal.from_on <= end for start, end in spans)
    if proposal.kind is Kind.OPT_OUT and refused:
        return "该日已在拒绝之中 / the household refuses the service on that day already"
    if proposal.kind is Kind.OPT_IN and not refused:
        return "该日并未拒绝，无可撤回 / the household does not refuse the service on that day: nothing to take back"
    return None


def _wrong_link(connection: Connection, proposal: Proposal, _lines: Sequence[Line], _today: int) -> str | None:
    if not is_day(proposal.from_on):
        return "起始日不是日期 / the first day is no date"
    if not wrong_ones(connection, proposal):
        return (
            "该户在此日之后没有这一关联；请先查 waiverhub explain / the household has no such link from that day on;"
            " see: waiverhub explain"
        )
    if proposal.other_household_id == proposal.household_id:
        return "另一户不能是同一户 / the other household is the same one"
    if proposal.other_household_id and not registry.timelines(connection, [proposal.other_household_id]):
        return f"没有家庭 {proposal.other_household_id} / there is no household {proposal.other_household_id}"
    return None


def wrong_ones(connection: Connection, proposal: Proposal) -> list[links.Current]:
    """Return the links as known now that a wrong-link proposal says are wrong from its day on."""
    return [
        one
        for one in links.current_links(connection, [proposal.household_id]).get(proposal.household_id, ())
        if (one.service, one.span.account_id) == (proposal.service, proposal.account_id)
        and one.span.valid_to >= proposal.from_on
    ]


def _undo(connection: Connection, proposal: Proposal, _lines: Sequence[Line], _today: int) -> str | None:
    found = decisions.filed(connection, number=proposal.undoes)
    decision = found[0].proposal.decision if found else None
    return rules.undo_fault(decision, standing(connection, proposal))


# --- claw-back -------------------------------------------------------------------------------------------------


def _claw_back(connection: Connection, proposal: Proposal, lines: Sequence[Line], today: int) -> str | None:
    if Service(proposal.service) not in MONTHLY:
        return _NOT_MONTHLY
    if not proposal.authority_number.strip():
        return "须写明机关决定文号 / the authority's decision number must be given"
    if not (is_day(proposal.authority_on) and is_day(proposal.notified_on)):
        return "须写明决定日期与告知日期 / the days of the decision and of the household's notice must be given"
    if not proposal.authority_on <= proposal.notified_on <= today:
        return "告知日期须在决定日期之后、今日之前 / the household's notice lies after the decision and not ahead"
    if list(lines) != taken_lines(connection, proposal, asked(lines)):
        return (
            "提出之后账单或台账有变；请否决并重新提出 / bills or ledger have changed since it was proposed:"
            " reject it and propose it anew"
        )
    return None


def asked(lines: Sequence[Line]) -> list[Wanted]:
    """Return what lines take back, month by month."""
    sums: dict[int, tuple[int, int]] = {}
    for one in lines:
        milli, fen = sums.get(one.month, (0, 0))
        sums[one.month] = milli + one.quantity_milli, fen + one.amount_fen
    return [Wanted(month, *both) for month, both in sorted(sums.items())]


def taken_lines(connection: Connection, proposal: Proposal, wanted: Sequence[Wanted]) -> list[Line] | str:
    """Return the lines of a claw-back as things are now, or why there can be none."""
    if not wanted or len({one.month for one in wanted}) < len(wanted):
        return "须逐月写明追回数量与金额 / name each month once, with quantity and amount"
    made: list[Line] = []
    for one in wanted:
        if one.quantity_milli <= 0 or one.amount_fen < 0:
            return "追回数量须为正数 / what is taken back must be more than nothing"
        lines = rules.claw_back_lines(proposal.number, one, _drawn(connection, proposal, one.month))
        if isinstance(lines, OverDrawn):
            return _too_much(one, lines)
        made += lines
    return made


def _too_much(wanted: Wanted, most: OverDrawn) -> str:
    month, quantity = Month.from_int(wanted.month), Decimal(most.quantity_milli).scaleb(-3)
    amount = Decimal(most.amount_fen).scaleb(-2)
    return (
        f"{month} 账单实际抵用 {quantity} m³、{amount} 元，追回以此为限 / bills drew {quantity} m³ and {amount} yuan of"
        f" {month}: no more can be taken back"
    )


def _drawn(connection: Connection, proposal: Proposal, month: int) -> list[Drawn]:
    """Return by account what bills drew of a month and what stands there, without what was clawed back before."""
    household, service = proposal.household_id, Service(proposal.service)
    at = Month.from_int(month)
    rows = ledger.postings_of(connection, [household], [at], [service]).get((month, service.value, household), ())
    posted = total((row.account_id, row.quantity_milli) for row in rows)
    before = decisions.lines_of(connection, [household]).get((household, service.value, month), [])
    stands = rules.stands(before)
    places = posted if stands is None else stands
    drawn = {one.account_id: one for one in decisions.drawn_of(connection, household, service, at)}
    return [
        drawn.get(account, Drawn(account, 0, 0, 0)).left(quantity, before)
        for account, quantity in sorted(places.items())
    ]


_Check = Callable[[Connection, Proposal, Sequence[Line], int], str | None]
_CHECKS: Final[Mapping[Kind, _Check]] = {
    Kind.CLAW_BACK: _claw_back,
    Kind.WRONG_LINK: _wrong_link,
    Kind.OPT_OUT: _refusal,
    Kind.OPT_IN: _refusal,
    Kind.UNDO: _undo,
}
