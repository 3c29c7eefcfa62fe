"""Moves in the database: who left one account for another within a month, and what the closing bill drew of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, and_, select

from integration.domain.allowance import Kept
from integration.storage import draws
from integration.storage.bulk import bulk_insert, stream
from integration.storage.sets import among
from integration.storage.tables import OPEN_VERSION, links, move_months
from schemas.values import OPEN_DAY, Service


class Move(NamedTuple):
    """A household that left an account within a month (YYYYMM) and had another before its end."""

    household_id: int
    service: str
    month: int
    account_id: int
    left_on: int
    same_company: bool


def moves_since(connection: Connection, day: int) -> list[Move]:
    """Return the moves of all households on or after a day, as known now."""
    old, new = links.alias("old"), links.alias("new")
    month = old.c.valid_to // 100
    follows = and_(
        new.c.household_id == old.c.household_id,
        new.c.service == old.c.service,
        new.c.account_id != old.c.account_id,
        new.c.valid_from > old.c.valid_to,
        new.c.valid_from // 100 == month,
        new.c.known_to == OPEN_VERSION,
        new.c.confirmed == 1,
    )
    query = (
        select(
            old.c.household_id, old.c.service, month, old.c.account_id, old.c.valid_to,
            old.c.company == new.c.company,
        )
        .join(new, follows)
        .where(old.c.valid_to >= day, old.c.valid_to < OPEN_DAY, old.c.known_to == OPEN_VERSION, old.c.confirmed == 1)
        .order_by(old.c.household_id, old.c.service, old.c.valid_to)
    )  # fmt: skip
    return [
        Move(one, service, month_of, account, left_on, bool(same))
        for one, service, month_of, account, left_on, same in stream(connection, query)
    ]


def drawn_by_closing_bills(connection: Connection, moves: Sequence[Move]) -> dict[Move, int]:
    """Return what was drawn of the month at the old account, of those moves whose closing bill is known."""
    found: dict[Move, int] = {}
    for service, month in sorted({(one.service, one.month) for one in moves}):
        mine = [one for one in moves if (one.service, one.month) == (service, month)]
        ids = sorted({one.household_id for one in mine})
        lines = draws.lines_of(connection, Service(service), [month], ids)
        for one in mine:
            here = [line for line in lines.get(one.household_id, ()) if line.account_id == one.account_id]
            if any(line.bill and line.issued_on >= one.left_on for line in here):
                found[one] = sum(line.due_milli for line in here)
    return found


def kept_of(
    connection: Connection, ids: Sequence[int], version: int = OPEN_VERSION
) -> dict[tuple[int, str, int], Kept]:
    """Return what old accounts keep of months of moves, by (household, service, month), as known at a version."""
    c = move_months.c
    query = (
        select(c.household_id, c.service, c.month, c.account_id, c.keeps_milli)
        .where(among(connection, c.household_id, ids), c.known_from <= version)
        .order_by(c.known_from)
    )
    return {(one, service, month): Kept(*rest) for one, service, month, *rest in stream(connection, query)}


def note(connection: Connection, version: int, kept: Iterable[tuple[Move, int]]) -> None:
    """Write what old accounts keep, in thousandths."""
    columns = ("household_id", "service", "month", "account_id", "known_from", "keeps_milli")
    rows = ((one.household_id, one.service, one.month, one.account_id, version, keeps) for one, keeps in kept)
    bulk_insert(connection, move_months, columns, rows)
