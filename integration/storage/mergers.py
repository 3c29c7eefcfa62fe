"""Mergers of households in the database."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Select, insert, or_, select, update

from integration.domain.mergers import Evidence, Merger, Mergers
from integration.storage.bulk import stream
from integration.storage.registry import known_at
from integration.storage.sets import among
from integration.storage.tables import OPEN_VERSION, mergers


def mergers_around(connection: Connection, ids: Sequence[int], version: int = OPEN_VERSION - 1) -> Mergers:
    """Return every merger that households are part of, through others too, as known at a version (now, if none)."""
    m = mergers.c
    found: dict[int, Merger] = {}
    seen: set[int] = set()
    reached = set(ids)
    while new := reached - seen:
        seen |= new
        touching = or_(among(connection, m.gone_id, sorted(new)), among(connection, m.keep_id, sorted(new)))
        query = select(m.gone_id, m.keep_id, m.merged_on).where(known_at(m, version), touching)
        for row in stream(connection, query):
            one = Merger(*row)
            found[one.gone] = one
            reached |= {one.gone, one.keep}
    return Mergers(found.values())


def evidence_of(connection: Connection, gone: int) -> Evidence | None:
    """Return by what the merger of a household is known; None if it was not merged."""
    query = select(mergers.c.evidence).where(mergers.c.gone_id == gone, mergers.c.known_to == OPEN_VERSION)
    found = connection.execute(query).scalar()
    return None if found is None else Evidence(found)


def note_merger(connection: Connection, version: int, merger: Merger, evidence: Evidence) -> None:
    """Write a merger, in the place of what was known of it before."""
    close_merger(connection, version, merger.gone)
    row = {"gone_id": merger.gone, "known_from": version, "keep_id": merger.keep, "merged_on": merger.merged_on}
    connection.execute(insert(mergers).values(**row, evidence=evidence.value))


def close_merger(connection: Connection, version: int, gone: int) -> None:
    """Close a merger: from this version on it is known no more."""
    m = mergers
    connection.execute(update(m).where(m.c.gone_id == gone, m.c.known_to == OPEN_VERSION).values(known_to=version))


def with_partners(connection: Connection, households: set[int], version: int) -> set[int]:
    """Return households and all that are one with them, or were, through mergers known at a version."""
    m = mergers.c
    query = select(m.gone_id, m.keep_id, m.merged_on).where(known_at(m, version))
    known = Mergers(Merger(*row) for row in stream(connection, query))
    wholes = {known.survivor(one) for one in known.households & households}
    return households | {one for one in known.households if known.survivor(one) in wholes}


def continuing(cut_off: int) -> Select[tuple[int]]:
    """Select the households of which others are known, at a cut-off, to have become part."""
    return select(mergers.c.keep_id).where(known_at(mergers.c, cut_off))


def joined_or_parted(since: int, until: int) -> Select[tuple[int]]:
    """Select the continuing households of mergers made known or undone after ``since``, up to ``until``."""
    m = mergers.c
    return select(m.keep_id).where(or_(m.known_from.between(since + 1, until), m.known_to.between(since + 1, until)))
