"""What every arriving file goes through: kept as it came, applied in one transaction, answered for ever.

A file that turns out damaged, or trips the brake, leaves nothing behind but its submission and the reply.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, TypeVar

import msgspec
from sqlalchemy import Connection

from integration.clock import now_us
from integration.domain.brake import Trip
from integration.jobs.garbage import rare_collection
from integration.jobs.hub import Hub
from integration.jobs.outcomes import Outcomes, SyncResult
from integration.storage import audit, holds, submissions
from integration.storage.bulk import bulk_insert
from integration.storage.engine import take_lock
from integration.storage.submissions import Received, State
from integration.storage.tables import submission_outcomes
from schemas.faults import FileRefused

#: Opens the bytes of an arriving file from the start, each time it is called.
Content = Callable[[], Iterable[bytes]]

#: How many differences a reply names; the trips have their number.
MOST_DIFFERENCES: Final = 1_000

_Value = TypeVar("_Value")


class BrakeTripped(Exception):  # noqa: N818 - it names what happened
    """The submission would change too much at once; raised to roll its transaction back."""

    def __init__(self, trips: Sequence[Trip], outcomes: Outcomes) -> None:
        super().__init__("held for two persons")
        self.trips = list(trips)
        self.outcomes = outcomes


#: Applies a kept submission in the given transaction; ``braked`` is False once two persons have released it.
Apply = Callable[[Connection, int, bool], SyncResult]


def take_in(
    hub: Hub, *, sender: str, kind: str, message_id: str | None, content: Content, apply: Apply, actor: str
) -> SyncResult:
    """Keep a file and apply it at once.

    Raises:
        MessageConflict: the message id was used for other content.
    """
    kept = keep(hub, sender=sender, kind=kind, message_id=message_id, content=content)
    if kept.repeated and kept.state.state != "received":
        return _reply(kept.state)
    return conclude(hub, kept.submission_id, kind, apply=apply, actor=actor)


def keep(hub: Hub, *, sender: str, kind: str, message_id: str | None, content: Content) -> Received:
    """Keep a file to be applied later; what is kept when this returns is lost no more.

    The same message again gets the same reply (edge case 70). What was refused, or said nothing that could be
    applied, is judged anew: the cause may be mended by now.

    Raises:
        MessageConflict: the message id was used for other content.
    """
    return submissions.receive(
        hub.store,
        hub.ring,
        hub.clock,
        sender=sender,
        kind=kind,
        message_id=message_id,
        chunks=content(),
        replaces=_replaces(kind),
        stands=lambda state: _stands(kind, state),
    )


def conclude(hub: Hub, submission_id: int, kind: str, *, apply: Apply, actor: str) -> SyncResult:
    """Apply a file that is kept; the same content under another id has no effect (edge case 71)."""
    with hub.store.read() as connection:
        before = submissions.duplicate_of(
            connection, submission_id, replaces=_replaces(kind), stands=lambda state: _stands(kind, state)
        )
    if before is not None:
        return _conclude(hub, SyncResult(submission_id=submission_id, state="duplicate", duplicate_of=before), actor)
    return apply_kept(hub, submission_id, door=_DOORS[kind], apply=apply, actor=actor, braked=True)


def _replaces(kind: str) -> bool:
    """Whether each file of a kind takes the place of the one before, so that an older one sent again is news."""
    return kind == "roster"


def _reply(state: State) -> SyncResult:
    return msgspec.json.decode(state.reply, type=SyncResult)


def _stands(kind: str, state: State) -> bool:
    """Whether a reply is given again for ever.

    A roster or snapshot whose rows are all as known has said something as a whole; an alias file has not.
    """
    if state.state != "applied":
        return state.state != "refused"
    counts = _reply(state).counts
    effect = counts["applied"] + counts["held"] + (0 if kind == "aliases" else counts["unchanged"])
    return effect > 0 or counts["rejected"] == 0


#: Which door of the brake a kind of file passes; a report passes none.
_DOORS = {"registry": "snapshot", "roster": "roster", "aliases": "roster", "report": ""}


def apply_kept(hub: Hub, submission_id: int, *, door: str, apply: Apply, actor: str, braked: bool) -> SyncResult:
    """Apply a kept submission, or record why not; what another has answered in the meantime stays answered.

    ``braked``: it has just arrived; else it was held, and two persons released it.
    """
    before = "received" if braked else "held"
    try:
        with rare_collection(), hub.store.write() as connection:
            if (answered := _answered(connection, submission_id, before)) is not None:
                return answered
            result = apply(connection, submission_id, braked)
            _record(hub, connection, result, actor)
            return result
    except FileRefused as refused:
        refusal = SyncResult(submission_id=submission_id, state="refused", faults=[refused.fault])
        return _conclude(hub, refusal, actor, before)
    except BrakeTripped as tripped:
        return _hold(hub, submission_id, door, tripped, actor)


def _answered(connection: Connection, submission_id: int, before: str) -> SyncResult | None:
    """Return the reply of a submission that another process has answered since; call it first in a transaction."""
    take_lock(connection, "knowledge")
    state = submissions.state(connection, submission_id)
    return None if state.state == before else _reply(state)


def _hold(hub: Hub, submission_id: int, door: str, tripped: BrakeTripped, actor: str) -> SyncResult:
    counts = tripped.outcomes.counts
    waiting = {"applied": 0, "held": counts["applied"] + counts["held"]}  # nothing of it is applied yet
    with hub.store.write() as connection:
        if (answered := _answered(connection, submission_id, "received")) is not None:
            return answered
        hold_id = holds.open_hold(connection, now_us(hub.clock), door, str(submission_id), tripped.trips)
        result = SyncResult(
            submission_id=submission_id,
            state="held",
            counts=counts | waiting,
            faults=tripped.outcomes.faults(),
            trips=tripped.trips,
            differences=tripped.outcomes.differences[:MOST_DIFFERENCES],
            hold_id=hold_id,
        )
        _record(hub, connection, result, actor)
        return result


def _conclude(hub: Hub, result: SyncResult, actor: str, before: str = "received") -> SyncResult:
    with hub.store.write() as connection:
        if (answered := _answered(connection, result.submission_id, before)) is not None:
            return answered
        _record(hub, connection, result, actor)
    return result


def _record(hub: Hub, connection: Connection, result: SyncResult, actor: str) -> None:
    reply = msgspec.json.encode(result).decode()
    submissions.set_state(connection, hub.clock, result.submission_id, result.state, result.version, reply)
    if result.state != "applied":  # an applied one has its own audit row, with its effect
        detail: dict[str, Any] = {
            "state": result.state,
            "codes": sorted({fault.code for fault in result.faults}),
        }
        audit.record(connection, hub.clock, actor, "submission_ended", str(result.submission_id), detail)


def keep_outcomes(connection: Connection, submission_id: int, outcomes: Outcomes) -> None:
    """Store how every row ended, except the unchanged; after what is stored of an earlier application of some."""
    columns = ("submission_id", "first_row", "n", "last_row", "outcome", "column", "code", "text")
    start = submissions.next_outcome(connection, submission_id)
    rows = (
        (submission_id, first, n, last, outcome, column, code, text)
        for n, (first, last, outcome, column, code, text) in enumerate(outcomes.runs(), start)
    )
    bulk_insert(connection, submission_outcomes, columns, rows)


def parts(items: Iterable[_Value], size: int = 5_000) -> Iterator[list[_Value]]:
    """Yield the items in lists of at most ``size``."""
    part: list[_Value] = []
    for item in items:
        part.append(item)
        if len(part) == size:
            yield part
            part = []
    if part:
        yield part
