"""What water and gas cost at the demo's companies, from their price lists, and what a relief is worth.

Prices are in 1/10,000 yuan a cubic metre, quantities in litres, amounts in fen, rounded half up once a line.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from functools import lru_cache
from typing import Final, NamedTuple

from integration.demo.city import CITY_GAS, CITY_WATER, SUBURB_WATER
from schemas.values import Month

#: What the city's waterworks charge for sewage, never relieved.
SEWAGE_E4: Final = 9500
#: What they charge where many share one meter, without tiers.
SHARED_VERSION: Final = "2019F"
SHARED_E4: Final = 10000


class PriceList(NamedTuple):
    """A price list in force from a day on: (up to litres, price) by tier; the last is without end."""

    since: date
    version: str
    tiers: tuple[tuple[int, int], ...]


_ENDLESS: Final = 10**9
_LISTS: Final[Mapping[str, tuple[PriceList, ...]]] = {
    CITY_WATER: (
        PriceList(date(2019, 1, 1), "2019A", ((15000, 22000), (22000, 31000), (_ENDLESS, 58000))),
        PriceList(date(2027, 1, 11), "2027A", ((15000, 25000), (22000, 34000), (_ENDLESS, 61000))),
    ),
    SUBURB_WATER: (
        PriceList(date(2020, 1, 1), "2020S", ((18000, 18500), (_ENDLESS, 26000))),
        PriceList(date(2026, 11, 11), "2026S", ((18000, 20500), (_ENDLESS, 29000))),
    ),
    CITY_GAS: (
        PriceList(date(2021, 1, 1), "2021G", ((360000, 26300), (600000, 28900), (_ENDLESS, 34200))),
        PriceList(date(2026, 11, 1), "2026G", ((360000, 26350), (600000, 29000), (_ENDLESS, 34500))),
    ),
}
_PER_FEN: Final = 100_000


def half_up(value: Fraction) -> int:
    """Round what is not negative to the nearest whole, a half upwards."""
    return int(value + Fraction(1, 2))


def on(company: str, day: date) -> PriceList:
    """Return the price list in force on a day."""
    return next(one for one in reversed(_LISTS[company]) if one.since <= day)


def first_price(company: str, day: date) -> int:
    """Return the first tier's price on a day."""
    return on(company, day).tiers[0][1]


@lru_cache(maxsize=256)
def shares(company: str, month: Month) -> tuple[tuple[Fraction, PriceList], ...]:
    """Return the price lists of a month's days, each with its share of them."""
    days = [on(company, month.first.replace(day=number)) for number in range(1, month.last.day + 1)]
    lists = sorted(set(days), key=lambda one: one.since)
    return tuple((Fraction(days.count(one), len(days)), one) for one in lists)


def worth(company: str, drawn: Mapping[Month, int]) -> int:
    """Return what litres drawn from months' allowances are worth: each at the first price of its month's days."""
    return _worth(company, tuple(drawn.items()))


@lru_cache(maxsize=4096)
def _worth(company: str, drawn: tuple[tuple[Month, int], ...]) -> int:
    parts = (litres * share * one.tiers[0][1] for month, litres in drawn for share, one in shares(company, month))
    return half_up(sum(parts, Fraction(0)) / _PER_FEN)


def worth_on(company: str, day: date, litres: int) -> int:
    """Return what litres bought on a day are worth."""
    return flat(litres, first_price(company, day))


def flat(litres: int, price_e4: int) -> int:
    """Return what litres cost at one price."""
    return (litres * price_e4 + _PER_FEN // 2) // _PER_FEN


@lru_cache(maxsize=4096)
def charge(company: str, litres: int, months: tuple[Month, ...]) -> int:
    """Return what a bill charges by tiers, its litres spread evenly over the days of its months."""
    days = sum(month.last.day for month in months)
    total = Fraction(0)
    for month in months:
        part = Fraction(month.last.day, days)
        for share, one in shares(company, month):
            total += part * share * _tiered(one.tiers, 0, litres, len(months))
    return half_up(total / _PER_FEN)


def charge_of_year(company: str, day: date, before: int, litres: int) -> int:
    """Return what litres cost where the year's use before them decides the tier."""
    return (_tiered(on(company, day).tiers, before, litres, 1) + _PER_FEN // 2) // _PER_FEN


def _tiered(tiers: tuple[tuple[int, int], ...], before: int, litres: int, months: int) -> int:
    total, lower = 0, 0
    for limit, price in tiers:
        upper = limit * months
        total += max(min(before + litres, upper) - max(before, lower), 0) * price
        lower = upper
    return total
