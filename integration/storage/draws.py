"""Draws in the database: the judged lines of report rows, and the allowances counted by what became of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Table, and_, delete, exists, func, or_, select, union

from integration.domain.balance import Alike, Sums
from integration.domain.draws import Horizon
from integration.storage import decisions
from integration.storage.bulk import bulk_insert, learn_sizes, stream
from integration.storage.sets import MOST, among
from integration.storage.tables import (
    OPEN_VERSION,
    account_facts,
    accounts,
    draws,
    postings,
)
from schemas.values import BillingCycle, Month, Service

COLUMNS: Final = (
    "service", "month", "household_id", "report_id", "row", "company", "account_id", "issued_on", "bill", "answer",
    "verdict", "due_milli", "waived_milli", "due_fen", "waived_fen", "accepted_milli",
    "accepted_fen", "owed_milli", "good_milli",
)  # fmt: skip


def add(connection: Connection, lines: Iterable[tuple[Any, ...]]) -> int:
    """Write lines, as tuples in the order of ``COLUMNS``."""
    return bulk_insert(connection, draws, COLUMNS, lines)


def learn_draws(connection: Connection) -> None:
    """Prepare the planner for whatever reads the lines of a report that has just been judged."""
    learn_sizes(connection, draws)


class Before(NamedTuple):
    """A line that stands already: what it drew, on which account, the day of its bill, and whether it is one."""

    month: int
    household_id: int
    account_id: int
    issued_on: int
    due_milli: int
    bill: int


class Posted(NamedTuple):
    """A posting as judging a bill needs it; ``retro`` is 1 where its month was listed before."""

    household_id: int
    month: int
    account_id: int
    quantity_milli: int
    run_id: int
    retro: int


def posted_of(
    connection: Connection, service: Service, months: Iterable[int], ids: Sequence[int]
) -> dict[int, list[Posted]]:
    """Return what is posted for households in these months, by household, in order of months and ``n``."""
    p = postings.c
    query = select(p.household_id, p.month, p.account_id, p.quantity_milli, p.run_id, p.retro).where(
        p.service == service.value, p.month.in_(sorted(months)), among(connection, p.household_id, ids)
    )
    found: dict[int, list[Posted]] = {}
    for row in stream(connection, query.order_by(p.household_id, p.month, p.n)):
        found.setdefault(row[0], []).append(Posted(*row))
    return found


def lines_of(
    connection: Connection, service: Service, months: Iterable[int], ids: Sequence[int]
) -> dict[int, list[Before]]:
    """Return the lines of households in these months."""
    d = draws.c
    query = select(d.month, d.household_id, d.account_id, d.issued_on, d.due_milli, d.bill).where(
        d.service == service.value, d.month.in_(sorted(months)), among(connection, d.household_id, ids)
    )
    found: dict[int, list[Before]] = {}
    for row in stream(connection, query):
        found.setdefault(row[1], []).append(Before(*row))
    return found


def places_of(
    connection: Connection, service: Service, months: Iterable[int], ids: Sequence[int]
) -> set[tuple[int, int]]:
    """Return where the rows of households stand: (report, row)."""
    d = draws.c
    query = select(d.report_id, d.row).where(
        d.service == service.value, d.month.in_(sorted(months)), among(connection, d.household_id, ids)
    )
    return {(report_id, row) for report_id, row in stream(connection, query)}


def lines_whole(
    connection: Connection, service: Service, months: Iterable[int], ids: Sequence[int]
) -> set[tuple[Any, ...]]:
    """Return whole lines of households, to compare with what they should be."""
    d = draws.c
    query = select(*(d[name] for name in COLUMNS)).where(
        d.service == service.value, d.month.in_(sorted(months)), among(connection, d.household_id, ids)
    )
    return set(stream(connection, query))


def forget(connection: Connection, service: Service, months: Iterable[int], ids: Sequence[int]) -> None:
    """Delete the lines of households that are judged anew."""
    d = draws.c
    condition = and_(d.service == service.value, d.month.in_(sorted(months)), among(connection, d.household_id, ids))
    connection.execute(delete(draws).where(condition))


def months_of_reports(connection: Connection, reports: Sequence[int]) -> list[int]:
    """Return the months in which these reports have lines: also those of the bills that they undo or correct."""
    d = draws.c
    return sorted(month for (month,) in stream(connection, select(d.month).where(d.report_id.in_(reports)).distinct()))


def others_of(
    connection: Connection, service: Service, months: Sequence[int], reports: Sequence[int], reach: int
) -> list[int]:
    """Return the households that have lines of these reports and of others that may bear on them.

    These are lines of the same month; at a prepaid account a later top-up reaches back over ``reach`` months as well.
    """
    d, other, f = draws.c, draws.alias("other"), account_facts.c
    beside = (
        other.c.service == service.value,
        other.c.household_id == d.household_id,
        other.c.report_id.not_in(reports),
    )
    mine = select(d.household_id).where(
        d.service == service.value, d.month.in_(months), d.report_id.in_(reports), d.household_id > 0
    )
    within = sorted({int(Month.from_int(month).plus(step)) for month in months for step in range(reach)})
    prepaid = exists().where(
        f.account_id == d.account_id, f.known_to == OPEN_VERSION, f.cycle == BillingCycle.TOP_UP.value
    )
    query = union(
        mine.where(exists().where(*beside, other.c.month == d.month)),
        mine.where(prepaid, exists().where(*beside, other.c.month.in_(within))),
    )
    return sorted(one for (one,) in stream(connection, query))


def forget_reports(connection: Connection, reports: Sequence[int]) -> None:
    """Delete the lines of reports in whose place another stands."""
    connection.execute(delete(draws).where(draws.c.report_id.in_(reports)))


# --- allowances by what became of them -------------------------------------------------------------------------


class Look(NamedTuple):
    """Which allowances to look at: a company's of a month, as far as it is listed.

    ``only`` and ``few`` restrict households.
    """

    company: str
    service: Service
    month: int
    known: Horizon
    only: Table | None = None
    few: Sequence[int] | None = None


def _within(connection: Connection, look: Look, column: Any) -> list[Any]:
    conditions = [] if look.only is None else [column.in_(select(look.only.c.household_id))]
    return conditions if look.few is None else [*conditions, among(connection, column, look.few)]


def _listed(connection: Connection, look: Look) -> Any:
    """Select what is listed by household and account, with the run that told of it last."""
    p = postings.c
    query = select(
        p.household_id,
        p.account_id,
        func.sum(p.quantity_milli).label("listed"),
        func.max(p.run_id).label("run_id"),
    ).where(p.month == look.month, p.service == look.service.value, p.run_id <= look.known.run_id, p.account_id > 0)
    query = query.where(*_within(connection, look, p.household_id), *_not_taken_back(connection, look))
    return query.group_by(p.household_id, p.account_id).subquery("listed")


def _not_taken_back(connection: Connection, look: Look) -> list[Any]:
    """Leave out what claw-backs posted: the bills that drew it stay as they were judged (settled reading 8)."""
    by_run: dict[int, list[int]] = {}
    for one in decisions.taken_back(connection, look.service, [look.month]):
        by_run.setdefault(one.run_id, []).append(one.household_id)
    p = postings.c
    return [or_(p.run_id != run, ~among(connection, p.household_id, ids)) for run, ids in by_run.items()]


def _drawn(connection: Connection, look: Look) -> Any:
    """Select what is drawn by household and account, and what was said."""
    d = draws.c
    query = select(
        d.household_id,
        d.account_id,
        func.max(d.bill).label("bill"),
        func.max(d.answer).label("answer"),
        func.sum(d.due_milli - d.good_milli).label("drawn"),
        func.sum(d.owed_milli).label("owed"),
    ).where(d.month == look.month, d.service == look.service.value, d.company == look.company)
    query = query.where(*_within(connection, look, d.household_id))
    return query.group_by(d.household_id, d.account_id).subquery("drawn")


def joined(connection: Connection, look: Look) -> tuple[Any, Any, Any]:
    """Return what is listed beside what is drawn of it, as something to select from, and its two parts."""
    listed, drawn = _listed(connection, look), _drawn(connection, look)
    source = (
        listed.join(accounts, and_(accounts.c.account_id == listed.c.account_id, accounts.c.company == look.company))
        .join(
            account_facts,
            and_(account_facts.c.account_id == listed.c.account_id, account_facts.c.known_to == OPEN_VERSION),
        )
        .outerjoin(
            drawn,
            and_(drawn.c.household_id == listed.c.household_id, drawn.c.account_id == listed.c.account_id),
        )
    )
    return source, listed, drawn


def counted(connection: Connection, look: Look, listed_months: Mapping[int, int]) -> dict[Alike, Sums]:
    """Count the allowances of a month that are alike; ``listed_months`` tells each run's list month."""
    source, listed, drawn = joined(connection, look)
    bill, answer = func.coalesce(drawn.c.bill, 0), func.coalesce(drawn.c.answer, 0)
    query = (
        select(
            listed.c.run_id,
            account_facts.c.cycle,
            bill,
            answer,
            func.count(),
            func.sum(listed.c.listed),
            func.sum(func.coalesce(drawn.c.drawn, 0)),
            func.sum(func.coalesce(drawn.c.owed, 0)),
        )
        .select_from(source)
        .where(listed.c.listed != 0)
        .group_by(listed.c.run_id, account_facts.c.cycle, bill, answer)
    )
    found: dict[Alike, Sums] = {}
    for run_id, cycle, has_bill, weight, *numbers in stream(connection, query):
        alike = Alike(look.month, listed_months[run_id], cycle, bool(has_bill), weight)
        before = found.get(alike, Sums(0, 0, 0, 0))
        found[alike] = Sums(*(a + int(b) for a, b in zip(before, numbers, strict=True)))
    return found


class Silent(NamedTuple):
    """An allowance that no bill covers, or to which a credit is owed."""

    household_id: int
    account_id: int
    alike: Alike
    listed_milli: int
    drawn_milli: int
    owed_milli: int


def _quiet(connection: Connection, look: Look) -> list[int] | None:
    """Return the households without a bill or with a credit owed, so that no others are summed up; None if many."""
    p, d = postings.c, draws.c
    of_month = (d.service == look.service.value, d.month == look.month, d.company == look.company)
    billed = exists().where(*of_month, d.household_id == p.household_id, d.account_id == p.account_id, d.bill == 1)
    placed = postings.join(accounts, accounts.c.account_id == p.account_id)
    mine = (p.month == look.month, p.service == look.service.value, accounts.c.company == look.company)
    unbilled = select(p.household_id).select_from(placed).where(*mine, ~billed)
    owed = select(d.household_id).where(*of_month, d.owed_milli > 0)
    found = [one for (one,) in stream(connection, union(unbilled, owed).limit(MOST + 1))]
    return None if len(found) > MOST else sorted(found)


def silent(connection: Connection, look: Look, listed_months: Mapping[int, int]) -> Iterator[Silent]:
    """Yield the allowances without a bill, and those to which a credit is owed."""
    source, listed, drawn = joined(connection, look._replace(few=_quiet(connection, look)))
    bill = func.coalesce(drawn.c.bill, 0)
    owed = func.coalesce(drawn.c.owed, 0)
    query = (
        select(
            listed.c.household_id,
            listed.c.account_id,
            listed.c.run_id,
            account_facts.c.cycle,
            bill,
            func.coalesce(drawn.c.answer, 0),
            listed.c.listed,
            func.coalesce(drawn.c.drawn, 0),
            owed,
        )
        .select_from(source)
        .where(listed.c.listed != 0, (bill == 0) | (owed > 0))
    )
    for household, account, run_id, cycle, has_bill, weight, *quantities in stream(connection, query):
        alike = Alike(look.month, listed_months[run_id], cycle, bool(has_bill), weight)
        yield Silent(household, account, alike, *map(int, quantities))


class Beside(NamedTuple):
    """What stands beside the balance: sums of a verdict."""

    verdict: str
    due_milli: int
    waived_milli: int
    good_milli: int


def beside(connection: Connection, look: Look) -> list[Beside]:
    """Return the sums of a company's lines of a month by verdict."""
    d = draws.c
    sums = (func.sum(d.due_milli), func.sum(d.waived_milli), func.sum(d.good_milli))
    query = (
        select(d.verdict, *sums)
        .where(d.service == look.service.value, d.month == look.month, d.company == look.company)
        .group_by(d.verdict)
    )
    return [Beside(verdict, *map(int, numbers)) for verdict, *numbers in stream(connection, query)]


def moved_since(connection: Connection, service: Service, after: int, until: int) -> list[tuple[int, int]]:
    """Return (household, month) of which runs after one, up to another, posted anything to an earlier month."""
    p = postings.c
    query = (
        select(p.household_id, p.month)
        .where(p.retro == 1, p.run_id > after, p.run_id <= until, p.service == service.value)
        .distinct()
        .order_by(p.household_id, p.month)
    )
    return [(household, month) for household, month in stream(connection, query)]
