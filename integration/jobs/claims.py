"""Over-claims and under-claims side by side, by company, district or community (edge case 85)."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from itertools import groupby

import msgspec
from sqlalchemy import Connection

from integration.clock import today
from integration.domain import claims as rules
from integration.domain.balance import Standing
from integration.domain.claims import Claims, Part
from integration.domain.prices import weight_fen
from integration.jobs.bill_judge import BillJudge
from integration.jobs.communities import community_names
from integration.jobs.hub import Hub
from integration.storage import regions
from integration.storage.draws import Look
from integration.storage.regions import Applied, Region
from schemas.tariffs import BASIC
from schemas.values import MONTHLY, Month


class By(StrEnum):
    """What the sums are told by."""

    COMPANY = "company"
    DISTRICT = "district"
    COMMUNITY = "community"


class ClaimsLine(msgspec.Struct, frozen=True):
    """A cell with its community's name; where small cells stand together the name is empty."""

    community: str
    claims: Claims


def claims(hub: Hub, connection: Connection, month: Month, by: By, company: str | None = None) -> list[ClaimsLine]:
    """Return the claims of a month by company, district or community; small cells stand together."""
    cells = [
        cell for service in sorted(MONTHLY) for cell in _of_service(BillJudge(hub, connection, service), month, company)
    ]
    small = hub.policy.at(Month.of(today(hub.clock))).small_cell
    shown = list(_shown(rules.summed(cells, lambda one: _named(one, by)), by, small))
    names = community_names(hub, connection, {one.community_id for one in shown if one.community_id > 0})
    return [ClaimsLine(names.get(one.community_id, ""), one) for one in shown]


def _named(one: Claims, by: By) -> Claims:
    community = one.community_id if by is By.COMMUNITY else 0
    district = "" if by is By.COMPANY else one.district
    return Claims(company=one.company, service=one.service, district=district, community_id=community)


def _shown(cells: list[Claims], by: By, small: int) -> Iterator[Claims]:
    """Yield the cells so that none of few households stands alone, be it a district or a community."""
    if by is By.COMPANY:
        yield from cells
        return

    def company(one: Claims) -> tuple[str, str]:
        return one.service, one.company

    for _, group in groupby(cells, key=company):
        mine = list(group)
        for together in rules.by_district(mine, small) if by is By.COMMUNITY else [mine]:
            yield from rules.discreet(together, small)


def _of_service(judge: BillJudge, month: Month, company: str | None) -> Iterator[Claims]:
    for code in judge.companies:
        if company in (None, code):
            yield from _of_company(judge, code, month)
    if company is None:
        prices = judge.amounts.prices.values()
        for region, placed in regions.waiting(judge.connection, judge.service, month).items():
            fen = min((weight_fen(one, BASIC, month, placed.quantity_milli) for one in prices), default=0)
            part = Part(placed.households, placed.quantity_milli, fen)
            yield _cell(judge, "", region, waiting=part)


def _of_company(judge: BillJudge, company: str, month: Month) -> Iterator[Claims]:
    look = Look(company, judge.service, int(month), judge.latest(company))
    listed_months, reported = judge.listed_months(company), judge.reported(company)
    prices = judge.amounts.prices[company]

    def weigh(quantity_milli: int) -> int:
        return weight_fen(prices, BASIC, month, quantity_milli)

    for region, counted in regions.counted(judge.connection, look, listed_months).items():
        rest = rules.undrawn(counted, reported, weigh)
        number, quantity = (sum(one[place] for one in counted.values()) for place in (0, 1))
        yield _cell(
            judge,
            company,
            region,
            listed=Part(number, quantity, weigh(quantity)),
            refused=rest.get(Standing.REFUSED, Part()),
            unanswered=rest.get(Standing.UNANSWERED, Part()),
        )
    for region, one in regions.applied(judge.connection, look).items():
        yield _cell(judge, company, region, **_parts(one))


def _parts(one: Applied) -> dict[str, Part]:
    return {
        "drawn": Part(0, one.drawn_milli, one.drawn_fen),
        "applied": Part(0, one.applied_milli + one.unlisted_milli, one.applied_fen + one.unlisted_fen),
        "over": Part(one.over_households, one.over_milli, one.over_fen),
        "short": Part(one.short_households, one.short_milli, one.short_fen),
        "unauthorised": Part(one.unlisted_households, one.unlisted_milli, one.unlisted_fen),
    }


def _cell(judge: BillJudge, company: str, region: Region, **parts: Part) -> Claims:
    cell = Claims(company=company, service=judge.service.value, **region._asdict())
    return msgspec.structs.replace(cell, **parts)
