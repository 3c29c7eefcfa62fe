"""Holds 暂存: what waits for two persons. The database itself refuses that one person proposes and approves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, String, cast, func, insert, select, update

from integration.domain.brake import Trip
from integration.storage.tables import holds, submissions


class Hold(NamedTuple):
    """A hold; ``subject`` is a submission's id, or company:month:run of a list."""

    hold_id: int
    door: str
    subject: str
    at_us: int
    trips: list[Trip]
    state: str
    proposed_by: str | None
    reason: str | None
    approved_by: str | None


class HoldRefused(Exception):  # noqa: N818 - it names what happened
    """The step is not open to this person or in this state; the text says why."""


def open_hold(connection: Connection, at_us: int, door: str, subject: str, trips: Sequence[Trip]) -> int:
    """Open a hold and return its id; an open one of the same subject is taken again."""
    found = find(connection, door, subject)
    if found is not None and found.state in ("open", "proposed"):
        return found.hold_id
    hold_id = int(connection.execute(select(func.coalesce(func.max(holds.c.hold_id), 0) + 1)).scalar_one())
    text = msgspec.json.encode(trips).decode()
    connection.execute(insert(holds).values(hold_id=hold_id, door=door, subject=subject, at_us=at_us, trips=text))
    return hold_id


def find(connection: Connection, door: str, subject: str) -> Hold | None:
    """Return the newest hold of a subject."""
    query = select(holds).where(holds.c.door == door, holds.c.subject == subject).order_by(holds.c.hold_id.desc())
    row = connection.execute(query.limit(1)).first()
    return None if row is None else _hold(row)


def get(connection: Connection, hold_id: int) -> Hold:
    """Return a hold.

    Raises:
        HoldRefused: there is none of this id.
    """
    row = connection.execute(select(holds).where(holds.c.hold_id == hold_id)).first()
    if row is None:
        raise HoldRefused(f"没有编号为 {hold_id} 的暂存 / there is no hold {hold_id}; see: waiverhub hold list")
    return _hold(row)


def all_holds(connection: Connection) -> list[Hold]:
    """Return every hold, oldest first."""
    return [_hold(row) for row in connection.execute(select(holds).order_by(holds.c.hold_id))]


def of_sender(connection: Connection, sender: str) -> list[Hold]:
    """Return the holds of a sender's submissions, oldest first."""
    same = holds.c.subject == cast(submissions.c.submission_id, String)
    query = select(holds).join(submissions, same).where(holds.c.door != "list", submissions.c.sender == sender)
    return [_hold(row) for row in connection.execute(query.order_by(holds.c.hold_id))]


def propose(connection: Connection, hold_id: int, name: str, reason: str) -> None:
    """Let one person propose release.

    Raises:
        HoldRefused: it is decided already, or proposed by another.
    """
    hold = get(connection, hold_id)
    if hold.state != "open":
        raise HoldRefused(f"暂存 {hold_id} 当前为 {hold.state} / hold {hold_id} is {hold.state}, not open")
    connection.execute(
        update(holds).where(holds.c.hold_id == hold_id).values(state="proposed", proposed_by=name, reason=reason)
    )


def decide(connection: Connection, hold_id: int, name: str, at_us: int, *, release: bool) -> Hold:
    """Let another person release or reject what was proposed; rejecting needs no proposal before it.

    Raises:
        HoldRefused: nothing was proposed, it is decided already, or the person proposed it.
    """
    hold = get(connection, hold_id)
    if release and hold.state != "proposed":
        raise HoldRefused(f"须先由另一人提出 / hold {hold_id} is {hold.state}: another person proposes release first")
    if hold.state not in ("open", "proposed"):
        raise HoldRefused(f"暂存 {hold_id} 已经处理 / hold {hold_id} is {hold.state} already")
    if release and hold.proposed_by == name:
        raise HoldRefused("提出人不能自己批准 / the proposer may not approve; ask another person")
    state = "released" if release else "rejected"
    approver = {"approved_by": name} if hold.proposed_by != name else {}
    connection.execute(
        update(holds).where(holds.c.hold_id == hold_id).values(state=state, decided_us=at_us, **approver)
    )
    return get(connection, hold_id)


def _hold(row: Row[Any]) -> Hold:
    return Hold(
        row.hold_id,
        row.door,
        row.subject,
        row.at_us,
        msgspec.json.decode(row.trips, type=list[Trip]),
        row.state,
        row.proposed_by,
        row.reason,
        row.approved_by,
    )
