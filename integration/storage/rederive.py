"""What deriving runs and lists anew takes from the database: which rows a run posted, and for whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import Connection, exists, func, select

from integration.storage import ledger
from integration.storage.bulk import stream
from integration.storage.ledger import Posting
from integration.storage.tables import households, lists, postings
from schemas.values import MONTHLY, Month


def rows_by_run(connection: Connection) -> Mapping[int, int]:
    """Return how many rows each run posted, by one pass over the whole ledger."""
    return dict(stream(connection, select(postings.c.run_id, func.count()).group_by(postings.c.run_id)))


def posted_by(
    connection: Connection, run_id: int, ids: Sequence[int], months: Sequence[Month]
) -> dict[tuple[int, str, int], list[Posting]]:
    """Return what a run posted for households in these months, by (month, service, household)."""
    found = ledger.postings_of(connection, ids, months, MONTHLY)
    mine = {key: [row for row in rows if row.run_id == run_id] for key, rows in found.items()}
    return {key: rows for key, rows in mine.items() if rows}


def everybody(connection: Connection, run_id: int, month: Month) -> Iterator[int]:
    """Yield every household in order, and after them whom a run posted its month for that is none."""
    yield from ledger.household_ids(connection)
    p = postings.c
    unknown = ~exists().where(households.c.household_id == p.household_id)
    query = select(p.household_id).where(p.month == int(month), p.run_id == run_id, unknown).distinct()
    for (household,) in stream(connection, query.order_by(p.household_id)):
        yield household


def posted_late(connection: Connection, run_id: int) -> set[int]:
    """Return the households for whom a run posted anything to a month that was computed before."""
    p = postings.c
    query = select(p.household_id).where(p.retro == 1, p.run_id == run_id).distinct()
    return {household for (household,) in stream(connection, query)}


def companies_listed(connection: Connection) -> list[str]:
    """Return the companies that ever got a list."""
    return [code for (code,) in stream(connection, select(lists.c.company).distinct().order_by(lists.c.company))]
