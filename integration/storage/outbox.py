"""What must leave the hub: queued with its cause, claimed by one replica at a time, every attempt on file.

A repetition carries the same message id and bytes; what is sent twice has the effect of one at the receiver.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Connection, and_, func, insert, or_, select, update

from integration.clock import Clock, now_us
from integration.storage.leases import database_us
from integration.storage.overview import at_text
from integration.storage.tables import delivery_attempts, outbox

#: After so many attempts a message waits for a person.
MOST_ATTEMPTS: Final = 12
#: No claim is for so long; one that is was made by a clock that has been set back since.
_LONGEST_CLAIM_US: Final = 3_600 * 1_000_000


class Message(NamedTuple):
    """A message on its way; ``attempts`` counts this one. ``unclear``: an earlier attempt may have arrived."""

    message_id: str
    kind: str
    company: str
    subject: str
    attempts: int
    fence: int
    unclear: bool


class OutboxLine(msgspec.Struct, frozen=True):
    """A message as it stands."""

    message_id: str
    kind: str
    company: str
    subject: str
    state: str
    attempts: int
    created_at: str
    not_before: str
    delivered_at: str | None


class AttemptLine(msgspec.Struct, frozen=True):
    """One attempt to deliver a message."""

    n: int
    at: str
    outcome: str
    code: str
    actor: str


def queue(connection: Connection, clock: Clock, message_id: str, kind: str, company: str, subject: str) -> None:
    """Queue a message in its cause's transaction.

    Raises:
        UniqueTaken: it is queued already.
    """
    now = now_us(clock)
    row = {"message_id": message_id, "kind": kind, "company": company, "subject": subject, "created_us": now}
    connection.execute(insert(outbox).values(row | {"state": "waiting", "attempts": 0, "not_before_us": now}))


def claim(connection: Connection, clock: Clock, owner: str, for_us: int) -> Message | None:
    """Claim the message that has waited longest, for so long; None if there is nothing to send now."""
    c, now, lease_now = outbox.c, now_us(clock), database_us(connection, clock)
    ready = and_(c.state == "waiting", c.not_before_us <= now)
    over = or_(c.claimed_until_us <= lease_now, c.claimed_until_us > lease_now + _LONGEST_CLAIM_US)
    left_behind = and_(c.state == "sending", over)
    query = select(outbox).where(or_(ready, left_behind)).order_by(c.not_before_us, c.message_id).limit(1)
    row = connection.execute(query.with_for_update(skip_locked=True)).first()
    if row is None:
        return None
    if row.state == "sending" and _cut_off(connection, clock, row):
        return claim(connection, clock, owner, for_us)
    claimed = {"state": "sending", "attempts": row.attempts + 1, "owner": owner, "fence": row.fence + 1}
    claimed["claimed_until_us"] = lease_now + for_us
    connection.execute(update(outbox).where(c.message_id == row.message_id).values(claimed))
    unclear = row.fence > 0
    return Message(row.message_id, row.kind, row.company, row.subject, row.attempts + 1, row.fence + 1, unclear)


def _cut_off(connection: Connection, clock: Clock, row: Any) -> bool:
    """Note an attempt whose process did not live to tell its end; return whether it was the last one allowed."""
    last = bool(row.attempts >= MOST_ATTEMPTS)
    _attempt(connection, clock, row.message_id, ("dead" if last else "unclear", "CUT_OFF"), row.owner)
    if last:
        connection.execute(update(outbox).where(outbox.c.message_id == row.message_id).values(state="dead"))
    return last


def delivered(connection: Connection, clock: Clock, message: Message, owner: str, code: str) -> bool:
    """Note that a message has arrived; False if another has claimed it since."""
    now = now_us(clock)
    return _ended(connection, clock, message, owner, ("delivered", code), {"state": "delivered", "delivered_us": now})


def undelivered(
    connection: Connection, clock: Clock, message: Message, owner: str, code: str, after_us: int | None
) -> bool:
    """Note that a message has not arrived: it is tried again after so long, or (None) waits for a person."""
    dead = after_us is None or message.attempts >= MOST_ATTEMPTS
    values = {"state": "dead" if dead else "waiting", "not_before_us": now_us(clock) + (after_us or 0)}
    return _ended(connection, clock, message, owner, ("dead" if dead else "failed", code), values)


def _ended(
    connection: Connection,
    clock: Clock,
    message: Message,
    owner: str,
    said: tuple[str, str],
    values: Mapping[str, object],
) -> bool:
    c = outbox.c
    mine = (c.message_id == message.message_id, c.fence == message.fence, c.state == "sending")
    if connection.execute(update(outbox).where(*mine).values(values)).rowcount != 1:
        return False
    _attempt(connection, clock, message.message_id, said, owner)
    return True


def _attempt(connection: Connection, clock: Clock, message_id: str, said: tuple[str, str], actor: str) -> None:
    a = delivery_attempts.c
    last = connection.execute(select(func.max(a.n)).where(a.message_id == message_id)).scalar_one() or 0
    row = {"message_id": message_id, "n": last + 1, "at_us": now_us(clock), "actor": actor}
    connection.execute(insert(delivery_attempts).values(row | {"outcome": said[0], "code": said[1]}))


def redrive(connection: Connection, clock: Clock, message_id: str, actor: str) -> bool:
    """Let a dead message be sent again; False if there is no such."""
    c = outbox.c
    values = {"state": "waiting", "attempts": 0, "not_before_us": now_us(clock)}
    stuck = (c.message_id == message_id, c.state == "dead")
    if connection.execute(update(outbox).where(*stuck).values(values)).rowcount != 1:
        return False
    _attempt(connection, clock, message_id, ("redriven", ""), actor)
    return True


def outbox_lines(connection: Connection, most: int, *, unfinished: bool = False) -> list[OutboxLine]:
    """Return messages, newest first."""
    c = outbox.c
    columns = (c.message_id, c.kind, c.company, c.subject, c.state, c.attempts)
    query = select(*columns, c.created_us, c.not_before_us, c.delivered_us)
    if unfinished:
        query = query.where(c.state != "delivered")
    rows = connection.execute(query.order_by(c.created_us.desc(), c.message_id).limit(most))
    return [
        OutboxLine(*row[:6], at_text(row[6]), at_text(row[7]), None if row[8] is None else at_text(row[8]))
        for row in rows
    ]


def attempt_lines(connection: Connection, message_id: str) -> list[AttemptLine]:
    """Return every attempt to deliver a message, in order."""
    a = delivery_attempts.c
    rows = connection.execute(select(a.n, a.at_us, a.outcome, a.code, a.actor).where(a.message_id == message_id))
    return sorted((AttemptLine(n, at_text(us), *rest) for n, us, *rest in rows), key=lambda line: line.n)


class OutboxAge(NamedTuple):
    """How many messages wait or are dead, and since when the oldest waits, in microseconds; 0 if none does."""

    waiting: int
    dead: int
    oldest_us: int


def outbox_age(connection: Connection, clock: Clock) -> OutboxAge:
    """Return how the outbox stands."""
    c = outbox.c
    query = select(c.state, func.count(), func.min(c.created_us)).where(c.state != "delivered").group_by(c.state)
    found = {state: (int(number), int(oldest)) for state, number, oldest in connection.execute(query)}
    waiting = [found[state] for state in ("waiting", "sending") if state in found]
    oldest = min((since for _, since in waiting), default=0)
    age = now_us(clock) - oldest if oldest else 0
    return OutboxAge(sum(number for number, _ in waiting), found.get("dead", (0, 0))[0], age)
