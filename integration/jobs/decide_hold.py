"""Deciding holds 暂存: one person proposes release with a reason, another approves; then the effect follows.

Approval and effect are two transactions: if the hub stops between them, approving again carries the effect out.
"""

from __future__ import annotations

from typing import Final

import msgspec
from sqlalchemy import Connection

from integration.clock import now_us
from integration.jobs import merge_households
from integration.jobs.hub import Hub
from integration.jobs.inbox import applied_by
from integration.jobs.intake import apply_kept
from integration.jobs.outcomes import SyncResult
from integration.jobs.reasons import fault_of
from integration.storage import audit, holds, overview, submissions
from integration.storage.engine import take_lock
from integration.storage.holds import Hold, HoldRefused

_LIST: Final = "list"
#: Doors at which no submission waits.
_NO_SUBMISSION: Final = (_LIST, merge_households.DOOR)


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a hold; ``result`` is what releasing a submission did, None for all else and before release."""

    hold_id: int
    door: str
    subject: str
    state: str
    result: SyncResult | None = None


def propose_release(hub: Hub, hold_id: int, reason: str, *, actor: str) -> Decision:
    """Propose that a hold be released.

    Raises:
        HoldRefused: it is not open, or no reason is given, or one with an ID number in it.
    """
    if fault := fault_of(reason):
        raise HoldRefused(fault)
    with hub.store.write() as connection:
        holds.propose(connection, hold_id, actor, reason)
        hold = holds.get(connection, hold_id)
        _record(hub, connection, hold, "hold_proposed", actor)
    return _decision(hold)


def approve_release(hub: Hub, hold_id: int, *, actor: str) -> Decision:
    """Approve what another person proposed, and apply the submission or carry out the merger.

    A released list is published by publishing again.

    Raises:
        HoldRefused: nothing was proposed, it is decided already, or the person proposed it.
        MergerRefused: what the hub knows has changed since a merger was proposed.
    """
    hold = _released(hub, hold_id, actor)
    if hold.door in _NO_SUBMISSION:
        return _decision(hold)
    return _decision(hold, _apply(hub, hold, actor))


def _released(hub: Hub, hold_id: int, actor: str) -> Hold:
    with hub.store.write() as connection:
        take_lock(connection, "knowledge")
        hold = holds.get(connection, hold_id)
        if hold.state == "released" and _still_held(connection, hold):
            return hold  # two persons have decided; only the effect is missing
        hold = holds.decide(connection, hold_id, actor, now_us(hub.clock), release=True)
        _record(hub, connection, hold, "hold_released", actor)
        if hold.door == merge_households.DOOR:
            merge_households.carry_out(hub, connection, hold.subject, actor=actor)
        return hold


def _apply(hub: Hub, hold: Hold, actor: str) -> SyncResult:
    with hub.store.read() as connection:
        kept = overview.find_submission(connection, int(hold.subject))
    if kept is None:
        raise HoldRefused(f"报送 {hold.subject} 不存在 / there is no submission {hold.subject}")
    apply = applied_by(hub, kept.kind, kept.sender, actor=actor)
    return apply_kept(hub, kept.submission_id, door=hold.door, apply=apply, actor=actor, braked=False)


def _still_held(connection: Connection, hold: Hold) -> bool:
    return hold.door not in _NO_SUBMISSION and submissions.state(connection, int(hold.subject)).state == "held"


def reject_hold(hub: Hub, hold_id: int, *, actor: str) -> Decision:
    """Reject what is held: a submission never takes effect, and its sender gets that as the reply.

    Raises:
        HoldRefused: it is decided already.
    """
    with hub.store.write() as connection:
        hold = holds.decide(connection, hold_id, actor, now_us(hub.clock), release=False)
        result = None
        if hold.door not in _NO_SUBMISSION:
            result = SyncResult(submission_id=int(hold.subject), state="rejected", trips=hold.trips)
            reply = msgspec.json.encode(result).decode()
            submissions.set_state(connection, hub.clock, result.submission_id, result.state, None, reply)
        _record(hub, connection, hold, "hold_rejected", actor)
    return _decision(hold, result)


def _record(hub: Hub, connection: Connection, hold: Hold, action: str, actor: str) -> None:
    detail = {"door": hold.door, "subject": hold.subject}
    audit.record(connection, hub.clock, actor, action, str(hold.hold_id), detail)


def _decision(hold: Hold, result: SyncResult | None = None) -> Decision:
    return Decision(hold_id=hold.hold_id, door=hold.door, subject=hold.subject, state=hold.state, result=result)
