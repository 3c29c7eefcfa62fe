"""What the database knows of having been restored: what is not confirmed yet, and which list numbers are lost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import NamedTuple

from sqlalchemy import Connection, Insert, Update, func, insert, literal, select, update
from sqlalchemy.dialects import postgresql

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


def opening(at_us: int, backup_us: int, backup_sha256: str) -> list[Insert | Update]:
    """Return what must be done in the very transaction that brings a backup in: it says so, and every session ends.

    A session that was ended after the backup would be alive again.
    """
    next_id = func.coalesce(func.max(restores.c.restore_id), 0) + 1
    row = select(next_id, literal(at_us), literal(backup_us), literal(backup_sha256))
    columns = ["restore_id", "at_us", "backup_us", "backup_sha256"]
    ended = update(sessions).where(sessions.c.ended_us.is_(None)).values(ended_us=at_us)
    return [insert(restores).from_select(columns, row), ended]


def perform(connection: Connection, statements: Iterable[Insert | Update]) -> None:
    """Do what ``opening`` returned."""
    for statement in statements:
        connection.execute(statement)


def as_script(statements: Iterable[Insert | Update]) -> str:
    """Return statements as psql takes them, at the end of what pg_restore wrote (it leaves no search path)."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    texts = [str(one.compile(dialect=dialect, compile_kwargs={"literal_binds": True})) for one in statements]
    return ";\n".join(["SET LOCAL search_path = public", *texts, "ANALYZE", ""])


def all_restores(connection: Connection) -> list[Restore]:
    """Return every restore in order."""
    query = select(*(restores.c[name] for name in Restore._fields)).order_by(restores.c.restore_id)
    return [Restore(*row) for row in connection.execute(query)]


def unconfirmed(connection: Connection) -> Restore | None:
    """Return the newest restore that nobody has confirmed; None if there is none."""
    return next((one for one in reversed(all_restores(connection)) if one.confirmed_us is None), None)


def confirm(connection: Connection, clock: Clock, restore_id: int, actor: str, seen: Mapping[str, int]) -> None:
    """Confirm a restore, and those before it, with the last list number that each company has seen."""
    at_us = now_us(clock)
    columns = {"restore_id": restore_id, "at_us": at_us, "actor": actor}
    floors = [{**columns, "company": company, "number": number} for company, number in sorted(seen.items())]
    if floors:
        connection.execute(insert(list_floors), floors)
    waiting = restores.c.confirmed_us.is_(None)
    connection.execute(update(restores).where(waiting).values(confirmed_us=at_us, confirmed_by=actor))


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

    A gap that no confirmed restore explains is not among them: such numbers were never given, or somebody took a list.
    """
    c, f = lists.c, list_floors.c
    here = connection.scalars(select(c.number).where(c.company == company).order_by(c.number)).all()
    floors = set(connection.scalars(select(f.number).where(f.company == company)))
    numbers = [0, *here, max(floors, default=0) + 1]
    missing = (Gap(before + 1, after - 1) for before, after in pairwise(numbers) if after > before + 1)
    return [gap for gap in missing if gap.last in floors]
