"""What the database knows of having been restored: what is not confirmed yet, and which list numbers are lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Connection, func, insert, select, update

from integration.clock import Clock, now_us
from integration.storage.tables import list_floors, lists, restores, sessions


class Restore(NamedTuple):
    """A restore from a backup; ``confirmed_us`` is None until the companies were asked what they have seen."""

    restore_id: int
    at_us: int
    backup_us: int
    backup_sha256: str
    confirmed_us: int | None
    confirmed_by: str | None


class Gap(NamedTuple):
    """Numbers, from the first to the last, of lists that a company may have and this database does not."""

    first: int
    last: int


def open_restore(connection: Connection, clock: Clock, backup_us: int, backup_sha256: str) -> int:
    """Write down that this database came from a backup, and return the restore's number.

    Every session ends: one that was ended after the backup would be alive again.
    """
    at_us = now_us(clock)
    row = {"at_us": at_us, "backup_us": backup_us, "backup_sha256": backup_sha256}
    restore_id = connection.execute(insert(restores).returning(restores.c.restore_id), row).scalar_one()
    connection.execute(update(sessions).where(sessions.c.ended_us.is_(None)).values(ended_us=at_us))
    return int(restore_id)


def all_restores(connection: Connection) -> list[Restore]:
    """Return every restore in order."""
    query = select(*(restores.c[name] for name in Restore._fields)).order_by(restores.c.restore_id)
    return [Restore(*row) for row in connection.execute(query)]


def unconfirmed(connection: Connection) -> Restore | None:
    """Return the restore that nobody has confirmed; None if there is none."""
    return next((one for one in all_restores(connection) if one.confirmed_us is None), None)


def confirm(connection: Connection, clock: Clock, restore_id: int, actor: str, seen: Mapping[str, int]) -> None:
    """Confirm a restore with the last list number that each company has seen."""
    at_us = now_us(clock)
    columns = {"restore_id": restore_id, "at_us": at_us, "actor": actor}
    floors = [{**columns, "company": company, "number": number} for company, number in sorted(seen.items())]
    if floors:
        connection.execute(insert(list_floors), floors)
    mine = restores.c.restore_id == restore_id
    connection.execute(update(restores).where(mine).values(confirmed_us=at_us, confirmed_by=actor))


def last_numbers(connection: Connection) -> dict[str, int]:
    """Return the last list number of every company that has one: published here, or seen before a restore."""
    found: dict[str, int] = {}
    for table in (lists, list_floors):
        query = select(table.c.company, func.max(table.c.number)).group_by(table.c.company)
        for company, number in connection.execute(query):
            found[company] = max(number, found.get(company, 0))
    return dict(sorted(found.items()))


def gaps(connection: Connection, company: str) -> list[Gap]:
    """Return the numbers that were given before a restore to lists which this database has not; [] without a restore.

    The numbers of what stands here are gapless but for these.
    """
    c = lists.c
    here = connection.execute(select(c.number).where(c.company == company).order_by(c.number)).scalars()
    found, before = [], 0
    for number in (*here, last_numbers(connection).get(company, 0) + 1):
        if number > before + 1:
            found.append(Gap(before + 1, number - 1))
        before = number
    return found
