"""Letting two households be one, or parting them again, by a decision of two persons (edge case 43).

For mergers that no record of the registry tells: one person proposes with a reason, which opens a hold 暂存, and
another releases it. The registry's own records bring mergers by themselves (jobs.registry_mergers).
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final, NamedTuple

from sqlalchemy import Connection

from integration.clock import now_us, today
from integration.domain.mergers import Evidence, Merger
from integration.jobs.hub import Hub
from integration.jobs.outcomes import Outcomes
from integration.jobs.reasons import fault_of
from integration.jobs.registry_households import TOUCHED, Households
from integration.storage import audit, holds, registry
from integration.storage import registry_writes as writes
from integration.storage.engine import next_version, take_lock
from integration.storage.holds import HoldRefused
from integration.storage.mergers import close_merger, mergers_around, note_merger
from schemas.registry import FileKind, RegistryHeader
from schemas.values import Month, day_int

#: The door at which such a hold stands; its subject is ``KEEP+GONE@YYYYMMDD``, or ``KEEP-GONE`` to part them.
DOOR: Final = "merger"
_SUBJECT: Final = re.compile(r"([0-9]+)(?:\+([0-9]+)@([0-9]{8})|-([0-9]+))")


class MergerRefused(HoldRefused):
    """The two cannot become one, or be parted; the text says why."""


class _Asked(NamedTuple):
    """What was proposed; ``merged_on`` None parts them again."""

    keep: int
    gone: int
    merged_on: int | None


def propose_merger(hub: Hub, keep: int, gone: int, merged_on: date, *, reason: str, actor: str) -> int:
    """Propose that a household became part of another on a day; return the hold that another person releases.

    Raises:
        MergerRefused: one of them is unknown or part of another already, or the day is to come; or no reason is given.
    """
    if merged_on > today(hub.clock):
        raise MergerRefused("合户日期在将来 / the day of the merger is to come; propose it then")
    return _propose(hub, _Asked(keep, gone, day_int(merged_on)), reason, actor)


def propose_parting(hub: Hub, gone: int, *, reason: str, actor: str) -> int:
    """Propose that a household is no part of another after all; return the hold that another person releases.

    Raises:
        MergerRefused: it is part of none; or no reason is given.
    """
    with hub.store.read() as connection:
        merger = mergers_around(connection, [gone]).of(gone)
    if merger is None:
        raise MergerRefused(f"家庭 {gone} 未并入他户 / household {gone} is part of no other")
    return _propose(hub, _Asked(merger.keep, gone, None), reason, actor)


def _propose(hub: Hub, asked: _Asked, reason: str, actor: str) -> int:
    if fault := fault_of(reason):
        raise MergerRefused(fault)
    subject = f"{asked.keep}-{asked.gone}" if asked.merged_on is None else _merger_subject(asked)
    with hub.store.write() as connection:
        take_lock(connection, "knowledge")
        _check(connection, asked)
        number = holds.open_hold(connection, now_us(hub.clock), DOOR, subject, [])
        holds.propose(connection, number, actor, reason)
        audit.record(connection, hub.clock, actor, "hold_proposed", str(number), {"door": DOOR, "subject": subject})
    return number


def _merger_subject(asked: _Asked) -> str:
    return f"{asked.keep}+{asked.gone}@{asked.merged_on}"


def _check(connection: Connection, asked: _Asked) -> None:
    created, _ = registry.created_and_presences(connection, [asked.keep, asked.gone])
    if len(created) < 2:
        raise MergerRefused("须为两个已登记的家庭 / name two different households that the hub knows")
    known = mergers_around(connection, [asked.keep, asked.gone])
    merger = known.of(asked.gone)
    if asked.merged_on is None:
        if merger is None or merger.keep != asked.keep:
            raise MergerRefused(f"家庭 {asked.gone} 未并入 {asked.keep} / it is no part of household {asked.keep}")
        return
    for one in (asked.keep, asked.gone):
        if known.of(one) is not None:
            into = known.survivor(one)
            raise MergerRefused(f"家庭 {one} 已并入 {into} / household {one} is part of household {into} already")


def carry_out(hub: Hub, connection: Connection, subject: str, *, actor: str) -> None:
    """Do what two persons have decided, in the transaction that releases its hold.

    Raises:
        MergerRefused: what the hub knows has changed since it was proposed.
    """
    asked = _asked(subject)
    _check(connection, asked)
    version = next_version(connection, hub.clock, "decision")
    _fold_again(hub, connection, asked, version)
    if asked.merged_on is None:
        close_merger(connection, version, asked.gone)
    else:
        note_merger(connection, version, Merger(asked.gone, asked.keep, asked.merged_on), Evidence.DECISION)
    action = "households_parted" if asked.merged_on is None else "households_merged"
    detail = {"merged_on": asked.merged_on, "evidence": Evidence.DECISION.value, "version": version}
    audit.record(connection, hub.clock, actor, action, f"{asked.keep}:{asked.gone}", detail)


def _asked(subject: str) -> _Asked:
    found = _SUBJECT.fullmatch(subject)
    if found is None:
        raise MergerRefused(f"暂存对象无法识别 / this is no merger: {subject}")
    keep, gone, day, parted = found.groups()
    return _Asked(int(keep), int(gone or parted), int(day) if day else None)


def _fold_again(hub: Hub, connection: Connection, asked: _Asked, version: int) -> None:
    """Write the timeline anew of the household that ends, or no longer does."""
    additions = writes.Additions()
    now = today(hub.clock)
    header = RegistryHeader(hub.registry_source, FileKind.DELTA, "", 0, day_int(now), str(Month.of(now)))
    households = Households(hub, connection, header, version, additions, Outcomes())
    households.load([asked.gone])
    households[asked.gone].merged_on = asked.merged_on
    households.flag(asked.gone, TOUCHED)
    households.finish()
    additions.write(connection)
    writes.note_movement(connection, version, "released", households.movement)
