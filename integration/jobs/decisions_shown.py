"""Decisions as people read them: months, account numbers and who decided, and nothing of anybody's person."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection

from integration.domain.decisions import Line
from integration.jobs.hub import Hub
from integration.storage import decisions, rosters
from integration.storage.decisions import Filed
from integration.storage.engine import current_version
from integration.storage.overview import at_text
from schemas.values import Month


class LineShown(msgspec.Struct, frozen=True):
    """What is taken back of a month at an account, in thousandths and fen."""

    month: str
    account: str
    quantity_milli: int
    amount_fen: int


class DecisionShown(msgspec.Struct, frozen=True, kw_only=True):
    """A decision on file. ``state``: proposed, approved, rejected or undone; days YYYYMMDD, 0 where there is none.

    ``version`` is the knowledge version from which an approved one is known.
    """

    number: int
    kind: str
    state: str
    household: int
    other_household: int
    service: str
    account: str
    from_on: int
    undoes: int
    authority_number: str
    authority_on: int
    notified_on: int
    lines: list[LineShown]
    reason: str
    evidence: str
    proposed_by: str
    proposed_at: str
    decided_by: str | None
    decided_at: str | None
    version: int | None


def decisions_shown(hub: Hub, *, number: int | None = None, household: int | None = None) -> list[DecisionShown]:
    """Return decisions by number: one, those about a household, or all."""
    with hub.store.read() as connection:
        undone = decisions.undone(connection)
        found = decisions.filed(connection, number=number, household=household)
        return [_shown(connection, one, undone) for one in found]


def _shown(connection: Connection, filed: Filed, undone: set[int]) -> DecisionShown:
    proposal, outcome = filed.proposal, filed.outcome
    state = "proposed" if outcome is None else outcome.outcome
    return DecisionShown(
        number=proposal.number,
        kind=proposal.kind.value,
        state="undone" if proposal.number in undone else state,
        household=proposal.household_id,
        other_household=proposal.other_household_id,
        service=proposal.service,
        account=_number(connection, proposal.account_id),
        from_on=proposal.from_on,
        undoes=proposal.undoes,
        authority_number=proposal.authority_number,
        authority_on=proposal.authority_on,
        notified_on=proposal.notified_on,
        lines=[_line(connection, one) for one in filed.lines if one.quantity_milli],
        reason=proposal.reason,
        evidence=proposal.evidence,
        proposed_by=proposal.proposed_by,
        proposed_at=at_text(proposal.proposed_us),
        decided_by=outcome and outcome.decided_by,
        decided_at=at_text(outcome.decided_us) if outcome else None,
        version=outcome and outcome.known_from,
    )


def _line(connection: Connection, line: Line) -> LineShown:
    month, account = str(Month.from_int(line.month)), _number(connection, line.account_id)
    return LineShown(month, account, line.quantity_milli, line.amount_fen)


def _number(connection: Connection, account_id: int) -> str:
    found = rosters.number_at(connection, account_id, current_version(connection)) if account_id else None
    return ":".join(found) if found else ""
