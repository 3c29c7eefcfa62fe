"""Communities in the database: their numbers by keyed digest, and their sealed names."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select

from integration.storage.bulk import stream
from integration.storage.sets import among
from integration.storage.tables import communities


def numbers(connection: Connection) -> dict[bytes, int]:
    """Return the number of every community by its digest."""
    c = communities.c
    return {bytes(digest): number for digest, number in stream(connection, select(c.digest, c.community_id))}


def sealed_names(connection: Connection, wanted: Sequence[int]) -> dict[int, bytes]:
    """Return the sealed names of communities by their numbers."""
    c = communities.c
    query = select(c.community_id, c.sealed).where(among(connection, c.community_id, wanted))
    return {number: bytes(sealed) for number, sealed in stream(connection, query)}
