"""Sums by region: what is listed, drawn and applied, by the district and community of the households."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, and_, case, func, select

from integration.domain.balance import Alike, Sums
from integration.domain.judgement import Verdict
from integration.storage.bulk import stream
from integration.storage.draws import Look, joined
from integration.storage.tables import (
    NO_PLACE,
    OPEN_VERSION,
    account_facts,
    accounts,
    draws,
    facts,
    postings,
    records,
)
from schemas.values import Month, Service, day_int


class Region(NamedTuple):
    """Where households live; ``community_id`` is 0 where none was named, ``district`` empty where nothing is known."""

    district: str
    community_id: int


#: Verdicts of what stands beside everything: it is compared with no allowance.
_BESIDE: Final = (Verdict.UNLISTED.value, Verdict.DUPLICATE.value, Verdict.OPEN.value)


def _at_home(source: Any, household_id: Any, month: Month) -> Any:
    """Join households with the record in force at the end of a month, as known now."""
    f, r, day = facts.c, records.c, day_int(month.last)
    now = and_(f.household_id == household_id, f.known_to == OPEN_VERSION, f.valid_from <= day, f.valid_to >= day)
    said = and_(r.household_id == f.household_id, r.record_id == f.record_id)
    return source.outerjoin(facts, now).outerjoin(records, said)


_REGION: Final = (func.coalesce(facts.c.district, ""), func.coalesce(records.c.community_id, 0))


def counted(connection: Connection, look: Look, listed_months: Mapping[int, int]) -> dict[Region, dict[Alike, Sums]]:
    """Count a company's allowances of a month that are alike, by region (see ``draws.counted``)."""
    source, listed, drawn = joined(connection, look)
    bill, answer = func.coalesce(drawn.c.bill, 0), func.coalesce(drawn.c.answer, 0)
    alike = (listed.c.run_id, account_facts.c.cycle, bill, answer)
    query = (
        select(
            *_REGION,
            *alike,
            func.count(),
            func.sum(listed.c.listed),
            func.sum(func.coalesce(drawn.c.drawn, 0)),
            func.sum(func.coalesce(drawn.c.owed, 0)),
        )
        .select_from(_at_home(source, listed.c.household_id, Month.from_int(look.month)))
        .where(listed.c.listed != 0)
        .group_by(*_REGION, *alike)
    )
    found: dict[Region, dict[Alike, Sums]] = {}
    for district, community, run_id, cycle, has_bill, weight, *numbers in stream(connection, query):
        mine = found.setdefault(Region(district, community), {})
        key = Alike(look.month, listed_months[run_id], cycle, bool(has_bill), weight)
        before = mine.get(key, Sums(0, 0, 0, 0))
        mine[key] = Sums(*(a + int(b) for a, b in zip(before, numbers, strict=True)))
    return found


class Applied(NamedTuple):
    """What a company's bills of a month drew and applied, in thousandths and fen.

    ``over`` and ``short`` are netted within a household's account alone: one household's too much makes up for no
    other's too little. ``unlisted`` is what was applied where nothing was listed, be it to nobody the hub knows.
    """

    drawn_milli: int
    drawn_fen: int
    applied_milli: int
    applied_fen: int
    over_milli: int
    over_fen: int
    over_households: int
    short_milli: int
    short_fen: int
    short_households: int
    unlisted_milli: int
    unlisted_fen: int
    unlisted_households: int


def applied(connection: Connection, look: Look) -> dict[Region, Applied]:
    """Return by region what a company's bills of a month drew and applied."""
    net = _nets(look)
    over = net.c.waived_milli - net.c.due_milli
    over_fen = net.c.waived_fen - net.c.due_fen
    query = (
        select(
            *_REGION,
            *(func.sum(net.c[name]) for name in ("due_milli", "due_fen", "waived_milli", "waived_fen")),
            *_one_way(over, over_fen),
            *_one_way(-over, -over_fen),
            *(func.sum(net.c[name]) for name in ("unlisted_milli", "unlisted_fen")),
            func.sum(case((net.c.unlisted_rows > 0, 1), else_=0)),
        )
        .select_from(_at_home(net, net.c.household_id, Month.from_int(look.month)))
        .group_by(*_REGION)
    )
    return {
        Region(district, community): Applied(*map(int, numbers))
        for district, community, *numbers in stream(connection, query)
    }


def _one_way(milli: Any, fen: Any) -> tuple[Any, Any, Any]:
    """Return the sums of what is above nothing, and how many households that are."""
    return (
        func.sum(case((milli > 0, milli), else_=0)),
        func.sum(case((fen > 0, fen), else_=0)),
        func.sum(case((milli > 0, 1), (fen > 0, 1), else_=0)),
    )


def _nets(look: Look) -> Any:
    """Select what was due and applied on each household's account; where no price is known yet, what was applied."""
    d = draws.c
    compared = d.verdict.not_in(_BESIDE)
    unlisted = d.verdict == Verdict.UNLISTED.value
    due_fen = case((d.verdict == Verdict.PRICE_UNKNOWN.value, d.waived_fen), else_=d.due_fen)
    sums = {
        "due_milli": (compared, d.due_milli),
        "due_fen": (compared, due_fen),
        "waived_milli": (compared, d.waived_milli),
        "waived_fen": (compared, d.waived_fen),
        "unlisted_milli": (unlisted, d.waived_milli),
        "unlisted_fen": (unlisted, d.waived_fen),
        "unlisted_rows": (unlisted, 1),
    }
    return (
        select(
            d.household_id,
            *(func.sum(case((when, what), else_=0)).label(name) for name, (when, what) in sums.items()),
        )
        .where(d.service == look.service.value, d.month == look.month, d.company == look.company)
        .group_by(d.household_id, d.account_id)
        .subquery("net")
    )


class Placed(NamedTuple):
    """Households with an allowance, and its quantity in thousandths."""

    households: int
    quantity_milli: int


def waiting(connection: Connection, service: Service, month: Month) -> dict[Region, Placed]:
    """Return by region the allowances of a month that stand at "none yet"."""
    p = postings.c
    return _by_region(connection, service, month, p.account_id == NO_PLACE)


def listed(connection: Connection, look: Look) -> dict[Region, Placed]:
    """Return by region the allowances of a month that stand at a company, as far as it has been told."""
    p, a = postings.c, accounts.c
    mine = select(a.account_id).where(a.company == look.company)
    return _by_region(
        connection, look.service, Month.from_int(look.month), p.account_id.in_(mine), p.run_id <= look.known.run_id
    )


def _by_region(connection: Connection, service: Service, month: Month, *where: Any) -> dict[Region, Placed]:
    p = postings.c
    stands = (
        select(p.household_id, func.sum(p.quantity_milli).label("quantity"))
        .where(p.month == int(month), p.service == service.value, *where)
        .group_by(p.household_id, p.account_id)
        .having(func.sum(p.quantity_milli) > 0)
        .subquery("stands")
    )
    source = _at_home(stands, stands.c.household_id, month)
    sums: tuple[Any, ...] = (func.count(), func.sum(stands.c.quantity))
    query = select(*_REGION, *sums).select_from(source).group_by(*_REGION)
    return {
        Region(district, community): Placed(int(number), int(quantity))
        for district, community, number, quantity in stream(connection, query)
    }
