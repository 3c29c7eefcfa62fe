"""How the partners' boxes stand: when each was last looked into, and since when one cannot be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, insert, select, update

from integration.clock import Clock, now_us
from integration.storage.overview import at_text
from integration.storage.tables import boxes

#: Nobody waits for so long; who seems to, began by a clock that has been set back since.
_LONGEST_WAIT_US: Final = 86_400 * 1_000_000


class BoxLine(msgspec.Struct, frozen=True):
    """A box as it stands: when it was last looked into, and if that failed why, since when and how often."""

    partner: str
    looked_at: str | None
    code: str = ""
    failing_since: str | None = None
    attempts: int = 0
    not_before: str | None = None


def waits(not_before_us: int, now: int) -> bool:
    """Tell whether it is too early to try again."""
    return now < not_before_us <= now + _LONGEST_WAIT_US


def is_due(connection: Connection, clock: Clock, partner: str) -> bool:
    """Tell whether it is time to look into a box."""
    query = select(boxes.c.not_before_us).where(boxes.c.partner == partner)
    return not waits(connection.execute(query).scalar_one_or_none() or 0, now_us(clock))


def failures(connection: Connection, partner: str) -> int:
    """Return how often in a row a box could not be looked into."""
    return connection.execute(select(boxes.c.attempts).where(boxes.c.partner == partner)).scalar_one_or_none() or 0


def reached(connection: Connection, clock: Clock, partner: str, again_us: int) -> None:
    """Note that a box was looked into; the next look is after so long."""
    _put_box(connection, clock, partner, again_us, {"code": "", "failing_us": None, "attempts": 0})


def unreached(connection: Connection, clock: Clock, partner: str, code: str, again_us: int) -> None:
    """Note that a box could not be looked into, and why."""
    before = connection.execute(select(boxes.c.failing_us).where(boxes.c.partner == partner)).scalar_one_or_none()
    since = now_us(clock) if before is None else before
    failed = {"code": code, "failing_us": since, "attempts": failures(connection, partner) + 1}
    _put_box(connection, clock, partner, again_us, failed)


def _put_box(connection: Connection, clock: Clock, partner: str, again_us: int, values: dict[str, Any]) -> None:
    now = now_us(clock)
    values |= {"looked_us": now, "not_before_us": now + again_us}
    if connection.execute(update(boxes).where(boxes.c.partner == partner).values(values)).rowcount == 0:
        connection.execute(insert(boxes).values(values | {"partner": partner}))


def box_lines(connection: Connection, partners: Sequence[str]) -> list[BoxLine]:
    """Return how the boxes of partners stand, in order; also those that were never looked into."""
    c = boxes.c
    rows = connection.execute(select(c.partner, c.looked_us, c.code, c.failing_us, c.attempts, c.not_before_us))
    known = {
        partner: BoxLine(
            partner,
            at_text(looked_us),
            code,
            None if failing_us is None else at_text(failing_us),
            attempts,
            at_text(not_before_us),
        )
        for partner, looked_us, code, failing_us, attempts, not_before_us in rows
    }
    return [known.get(partner, BoxLine(partner, None)) for partner in sorted(partners)]


def unreachable(connection: Connection, partners: Sequence[str]) -> int:
    """Count the boxes of partners that cannot be looked into."""
    return sum(1 for box in box_lines(connection, partners) if box.code)
