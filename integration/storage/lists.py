"""Lists in the database: what they are made of, and what was published. Nothing here decides what a row is called."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Column, Connection, FromClause, Select, and_, exists, func, insert, select

from integration.storage.bulk import Row, batches, bulk_insert, stream, temp_table
from integration.storage.registry import known_at
from integration.storage.sets import among
from integration.storage.tables import OPEN_VERSION, facts, links, list_chunks, lists, postings
from integration.storage.tables import account_numbers as numbers
from schemas.values import OPEN_DAY, Month, Service


class Published(NamedTuple):
    """A published list as later ones need it."""

    number: int
    kind: str
    month: Month
    run_id: int
    published_us: int
    manifest: bytes
    signature: bytes


class Scope(NamedTuple):
    """What a list is about: its company and service, its month, and the regular list before it."""

    company: str
    service: Service
    month: Month
    run_id: int
    cut_off: int
    before: Published | None


def published(connection: Connection, company: str) -> list[Published]:
    """Return a company's lists by number."""
    c = lists.c
    query = select(c.number, c.kind, c.month, c.run_id, c.published_us, c.manifest, c.signature).where(
        c.company == company
    )
    return [
        Published(number, kind, Month.from_int(month), *rest)
        for number, kind, month, *rest in stream(connection, query.order_by(c.number))
    ]


def find_list(connection: Connection, company: str, number: int) -> Published | None:
    """Return one of a company's lists."""
    c = lists.c
    query = select(c.number, c.kind, c.month, c.run_id, c.published_us, c.manifest, c.signature)
    row = connection.execute(query.where(c.company == company, c.number == number)).first()
    return None if row is None else Published(row[0], row[1], Month.from_int(row[2]), *row[3:])


def _numbered(account_id: Any, cut_off: int) -> Any:
    """Join an account with the number it had at a cut-off."""
    return and_(numbers.c.account_id == account_id, known_at(numbers.c, cut_off))


def corrected_query(scope: Scope) -> Select[Any]:
    """Select the households with more than the month's own posting in either month: they are netted one by one.

    By whichever run: what came after the list is left out by the netting, and plain rows have the one posting alone.
    """
    p = postings.c
    months = [int(scope.month)] + ([int(scope.before.month)] if scope.before else [])
    late = (p.retro == 1, p.month.in_(months), p.service == scope.service.value)
    return select(p.household_id).where(*late).distinct()


@contextmanager
def corrected_households(connection: Connection, scope: Scope) -> Iterator[FromClause]:
    """Give the households of ``corrected_query`` as a table, so that a million rows are compared with it quickly."""
    with temp_table(connection, "corrected", [Column("household_id", BigInteger, primary_key=True)]) as table:
        connection.execute(insert(table).from_select(["household_id"], corrected_query(scope)))
        yield table


@contextmanager
def corrected_in_place(scope: Scope) -> Iterator[FromClause]:
    """Give the same as a query, for whoever may only read."""
    yield corrected_query(scope).subquery("corrected")


def plain_rows(connection: Connection, scope: Scope, corrected: FromClause) -> Iterator[list[Row]]:
    """Yield in batches every household whose month is one posting at this company, in order of account and reference.

    A row is as ``plain_query`` has it: number, reference or None, quantity, household, account, and the account that
    it had in the last regular list's month or None.
    """
    return batches(connection, plain_query(scope, corrected))


def plain_query(scope: Scope, corrected: FromClause) -> Select[Any]:
    """Return the query behind ``plain_rows``."""
    p, before = postings.c, postings.alias("before")
    earlier = int(scope.before.month) if scope.before else 0
    again = links.alias("again")
    mine = (links.c.household_id, links.c.service, links.c.account_id)
    link = and_(
        *(one == p[one.name] for one in mine),
        known_at(links.c, scope.cut_off),
        # who came back to an account has two links to it, of one reference
        ~exists().where(
            *(one == again.c[one.name] for one in mine),
            again.c.valid_from > links.c.valid_from,
            known_at(again.c, scope.cut_off),
        ),
    )
    same = and_(
        before.c.month == earlier,
        before.c.service == p.service,
        before.c.household_id == p.household_id,
        before.c.n == 1,
        before.c.run_id <= (scope.before.run_id if scope.before else 0),
    )
    return (
        select(numbers.c.number, links.c.reference, p.quantity_milli, p.household_id, p.account_id, before.c.account_id)
        .select_from(
            postings.join(numbers, _numbered(p.account_id, scope.cut_off))
            .outerjoin(links, link)  # what was posted stays listed, whatever became of the link since
            .outerjoin(before, same)
        )
        .where(
            p.month == int(scope.month),
            p.service == scope.service.value,
            numbers.c.company == scope.company,
            ~exists().where(corrected.c.household_id == p.household_id),
        )
        .order_by(numbers.c.number, func.coalesce(links.c.reference, ""))  # the databases differ in where NULL stands
    )


class Placed(NamedTuple):
    """A quantity standing on an account."""

    household_id: int
    account_id: int
    number: str
    quantity_milli: int


def plain_stops(connection: Connection, scope: Scope, corrected: FromClause) -> list[Placed]:
    """Return what the last regular list placed at this company and this month places elsewhere or nowhere."""
    if scope.before is None:
        return []
    q, now = postings.c, postings.alias("now")
    stays = exists().where(
        now.c.month == int(scope.month),
        now.c.service == q.service,
        now.c.household_id == q.household_id,
        now.c.account_id == q.account_id,
    )
    query = (
        select(q.household_id, q.account_id, numbers.c.number, q.quantity_milli)
        .select_from(postings.join(numbers, _numbered(q.account_id, scope.cut_off)))
        .where(
            q.month == int(scope.before.month),
            q.service == scope.service.value,
            q.run_id <= scope.before.run_id,
            numbers.c.company == scope.company,
            ~stays,
            ~exists().where(corrected.c.household_id == q.household_id),
        )
    )
    return [Placed(*row) for row in stream(connection, query)]


def taken_over(connection: Connection, scope: Scope, stops: Sequence[Placed]) -> list[Placed]:
    """Return those of these whose number another account has by now, on which the month entitles another household."""
    now: dict[str, set[int]] = {}
    query = select(numbers.c.number, numbers.c.account_id).where(
        numbers.c.company == scope.company,
        among(connection, numbers.c.number, sorted({one.number for one in stops})),
        known_at(numbers.c, scope.cut_off),
    )
    for number, account_id in stream(connection, query):
        now.setdefault(number, set()).add(account_id)
    others = {account for one in stops for account in now[one.number] if account != one.account_id}
    entitled = _entitled(connection, scope, sorted(others)) if others else {}
    return [
        one
        for one in stops
        if any(entitled.get(account, set()) - {one.household_id} for account in now[one.number] - {one.account_id})
    ]


def _entitled(connection: Connection, scope: Scope, account_ids: Sequence[int]) -> dict[int, set[int]]:
    """Return the households that the month places on each of these accounts."""
    p, found = postings.c, dict[int, set[int]]()
    query = (
        select(p.account_id, p.household_id)
        .where(
            p.month == int(scope.month),
            p.service == scope.service.value,
            p.run_id <= scope.run_id,
            among(connection, p.account_id, account_ids),
        )
        .group_by(p.account_id, p.household_id)
        .having(func.sum(p.quantity_milli) != 0)
    )
    for account_id, household in stream(connection, query):
        found.setdefault(account_id, set()).add(household)
    return found


def corrected_nets(
    connection: Connection, scope: Scope, corrected: FromClause, month: Month, run_id: int
) -> list[Placed]:
    """Return the net placements at this company of the corrected households, as posted up to a run."""
    p = postings.c
    query = (
        select(p.household_id, p.account_id, numbers.c.number, func.sum(p.quantity_milli))
        .select_from(
            postings.join(numbers, _numbered(p.account_id, scope.cut_off)).join(
                corrected, corrected.c.household_id == p.household_id
            )
        )
        .where(
            p.month == int(month),
            p.service == scope.service.value,
            p.run_id <= run_id,
            numbers.c.company == scope.company,
        )
        .group_by(p.household_id, p.account_id, numbers.c.number)
        .having(func.sum(p.quantity_milli) != 0)
    )
    return [Placed(one, account, number, int(quantity)) for one, account, number, quantity in stream(connection, query)]


def placed_by_district(connection: Connection, scope: Scope, before: Published) -> dict[str, int]:
    """Return how many households the last regular list placed at this company, by their district now."""
    p = postings.c
    fact = and_(
        facts.c.household_id == p.household_id,
        known_at(facts.c, scope.cut_off),
        facts.c.valid_to == OPEN_DAY,
    )
    query = (
        select(facts.c.district, func.count())
        .select_from(postings.join(numbers, _numbered(p.account_id, scope.cut_off)).join(facts, fact))
        .where(
            p.month == int(before.month),
            p.service == scope.service.value,
            p.run_id <= before.run_id,
            p.quantity_milli > 0,
            numbers.c.company == scope.company,
        )
        .group_by(facts.c.district)
    )
    return dict(stream(connection, query))


def districts_of(connection: Connection, ids: Sequence[int]) -> dict[int, str]:
    """Return the district of each household now."""
    query = select(facts.c.household_id, facts.c.district).where(
        among(connection, facts.c.household_id, ids), facts.c.known_to == OPEN_VERSION, facts.c.valid_to == OPEN_DAY
    )
    return dict(stream(connection, query))


def months_placed(connection: Connection, scope: Scope, months: Iterable[Month]) -> list[Month]:
    """Return those of these months in which anything stands on an account of the company."""
    p = postings.c

    def placed(month: Month) -> bool:
        query = (
            select(p.household_id)
            .select_from(postings.join(numbers, _numbered(p.account_id, scope.cut_off)))
            .where(p.month == int(month), p.service == scope.service.value, numbers.c.company == scope.company)
        )
        return connection.execute(query.limit(1)).first() is not None

    return [month for month in months if placed(month)]


class LateRow(NamedTuple):
    """What runs changed in a month that was listed before; ``account_id`` 0 and other companies' accounts included."""

    household_id: int
    month: int
    account_id: int
    company: str | None
    number: str | None
    quantity_milli: int


def late_rows(connection: Connection, scope: Scope, after: int, months: Iterable[Month]) -> list[LateRow]:
    """Return the net changes of these months by the runs after one and up to the list's, in order."""
    p, wanted = postings.c, set(months)
    query = (
        select(p.household_id, p.month, p.account_id, numbers.c.company, numbers.c.number, func.sum(p.quantity_milli))
        .select_from(postings.outerjoin(numbers, _numbered(p.account_id, scope.cut_off)))
        .where(
            p.retro == 1,
            p.run_id > after,
            p.run_id <= scope.run_id,
            p.service == scope.service.value,
        )
        .group_by(p.household_id, p.month, p.account_id, numbers.c.company, numbers.c.number)
        .having(func.sum(p.quantity_milli) != 0)
        .order_by(p.household_id, p.month, p.account_id)
    )
    # sorted out here: with the months in the query, SQLite reads them whole, and not the few late rows by their index
    found = [LateRow._make((*row[:-1], int(row[-1]))) for row in stream(connection, query)]
    return [row for row in found if Month.from_int(row.month) in wanted]


def month_total(connection: Connection, scope: Scope) -> int:
    """Return what the ledger holds for a month at a company: the second road of a list's control total."""
    p = postings.c
    query = (
        select(func.coalesce(func.sum(p.quantity_milli), 0))
        .select_from(postings.join(numbers, _numbered(p.account_id, scope.cut_off)))
        .where(p.month == int(scope.month), p.service == scope.service.value, numbers.c.company == scope.company)
    )
    return int(connection.execute(query).scalar_one())


def record_list(connection: Connection, **values: Any) -> None:
    """Write a published list's row.

    Raises:
        UniqueTaken: another process has published this number, or this month's regular list.
    """
    connection.execute(insert(lists).values(**values))


def store_chunks(connection: Connection, company: str, number: int, rendering: str, chunks: Iterable[bytes]) -> None:
    """Store a rendering's gzip members."""
    columns = ("company", "number", "rendering", "n", "content")
    rows = ((company, number, rendering, n, chunk) for n, chunk in enumerate(chunks))
    bulk_insert(connection, list_chunks, columns, rows)


def chunks_of(connection: Connection, company: str, number: int, rendering: str) -> Iterator[bytes]:
    """Yield a rendering's gzip members; one after the other they are one gzip file."""
    c = list_chunks.c
    query = select(c.content).where(c.company == company, c.number == number, c.rendering == rendering).order_by(c.n)
    for (content,) in stream(connection, query):
        yield bytes(content)
