"""What was answered to writes: the same request under the same key gets the same bytes, for ever (promise B1)."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, insert, select

from integration.clock import Clock, now_us
from integration.storage.tables import replies


class Kept(NamedTuple):
    """An answer that was given; ``request_mac`` tells whether a request is the one that it was given to."""

    request_mac: bytes
    at_us: int
    status: int
    location: str | None
    body: str


def find_reply(connection: Connection, principal: str, key: str) -> Kept | None:
    """Return what was answered to a principal under a key."""
    c = replies.c
    query = select(c.request_mac, c.at_us, c.status, c.location, c.body)
    row = connection.execute(query.where(c.principal == principal, c.request_key == key)).first()
    return None if row is None else Kept(bytes(row.request_mac), *row[1:])


def keep_reply(
    connection: Connection,
    clock: Clock,
    principal: str,
    key: str,
    request_mac: bytes,
    status: int,
    location: str | None,
    body: str,
) -> None:
    """Keep an answer, in the transaction of its effect. ``body`` is free of personal data and of secrets.

    Raises:
        UniqueTaken: another process has just answered under this key.
    """
    row = {
        "principal": principal,
        "request_key": key,
        "request_mac": request_mac,
        "at_us": now_us(clock),
        "status": status,
        "location": location,
        "body": body,
    }
    connection.execute(insert(replies), row)
