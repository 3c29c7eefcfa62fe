"""Prices by the day: what a quantity costs under a company's dated tariff, exactly, rounded half up at the end.

A price is looked up by the version that a bill names; a change of price within the bill's months is followed by
calendar days (edge case 22, settled reading 13). What cannot be priced is None, never a guess (edge case 23).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from fractions import Fraction
from functools import lru_cache
from typing import Final, NamedTuple

from schemas.tariffs import RESIDENT, Price, Tariff
from schemas.values import Month, months_between

#: Thousandths of a unit times 1/10,000 yuan, in one fen.
_PER_FEN: Final = 100_000
_ONE_DAY: Final = timedelta(days=1)

#: The prices in force in a month, each with its share of the month's days.
Segments = tuple[tuple[Fraction, Price], ...]


class Usage(NamedTuple):
    """What a bill charges for: the quantity, the months it covers, and the year's quantity before it if known.

    ``bought_on`` is the day of a top-up, whose price is that of the day.
    """

    quantity_milli: int
    months: tuple[Month, ...]
    annual_before_milli: int | None = None
    bought_on: date | None = None


def half_up(value: Fraction) -> int:
    """Round what is not negative to the nearest whole, a half upwards."""
    return int(value + Fraction(1, 2))


def fen(quantity_milli: int, price_e4: int) -> int:
    """Return quantity × price in fen, half up: 3000 × 22000 → 660. Neither is negative."""
    return (quantity_milli * price_e4 + _PER_FEN // 2) // _PER_FEN


class Prices:
    """A company's tariff, ready for look-ups; what was looked up is remembered."""

    def __init__(self, tariff: Tariff) -> None:
        self._by_version = {(one.component, one.version): one for one in tariff.prices}
        self._dated: dict[tuple[str, str], list[Price]] = {}
        for one in sorted(tariff.prices, key=lambda price: price.since):
            self._dated.setdefault((one.component, one.customers), []).append(one)
        self.plain_e4 = lru_cache(maxsize=4096)(self._plain_e4)
        self._segments = lru_cache(maxsize=4096)(self._found_segments)

    def customers(self, component: str, version: str, until: date) -> str | None:
        """Return the class of customers that a version is for; None if it is unknown, or begins after a day."""
        if not version:
            return RESIDENT
        price = self._by_version.get((component, version))
        return None if price is None or price.since > until else price.customers

    def on(self, component: str, customers: str, day: date) -> Price | None:
        """Return the price of a component for a class of customers on a day."""
        dated = self._dated.get((component, customers), ())
        return next((price for price in reversed(dated) if price.since <= day), None)

    def segments(self, component: str, version: str, month: Month, last: Month) -> Segments:
        """Return the prices in force in a month; empty if any of its days has none.

        ``last`` is the bill's last month: a version that begins only after it cannot be the bill's.
        """
        customers = self.customers(component, version, last.last)
        return () if customers is None else self._segments(component, customers, month)

    def _found_segments(self, component: str, customers: str, month: Month) -> Segments:
        days: dict[str, int] = {}
        by_version: dict[str, Price] = {}
        for day in _days(month):
            price = self.on(component, customers, day)
            if price is None:
                return ()
            by_version[price.version] = price
            days[price.version] = days.get(price.version, 0) + 1
        return tuple((Fraction(number, month.last.day), by_version[version]) for version, number in days.items())

    def _plain_e4(self, component: str, version: str, first: int, last: int) -> int | None:
        """Return the one first-tier price of all months YYYYMM from first to last; None if there is more than one."""
        months = months_between(Month.from_int(first), Month.from_int(last))
        found = [self.segments(component, version, month, months[-1]) for month in months]
        prices = {segment[0][1].tiers[0].price_e4 if len(segment) == 1 else None for segment in found}
        return prices.pop() if len(prices) == 1 else None

    def first_tier(self, component: str, version: str, taken: Sequence[tuple[Month, int]], last: int) -> int | None:
        """Return what quantities of single months cost, each at its month's first price (settled readings 11-13)."""
        total = Fraction(0)
        for month, quantity in taken:
            segments = self.segments(component, version, month, Month.from_int(last))
            if not segments:
                return None
            total += quantity * _mean(segments, lambda price: price.tiers[0].price_e4)
        return half_up(Fraction(total, _PER_FEN))


def _days(month: Month) -> Iterator[date]:
    day = month.first
    while day <= month.last:
        yield day
        day += _ONE_DAY


def _mean(segments: Iterable[tuple[Fraction, Price]], value: Callable[[Price], int]) -> Fraction:
    return sum((share * value(price) for share, price in segments), Fraction(0))


def on_day(prices: Prices, component: str, version: str, day: date) -> Price | None:
    """Return the price of the class that a version is for, on a day: what a top-up is bought at."""
    customers = prices.customers(component, version, day)
    return None if customers is None else prices.on(component, customers, day)


def off_the_top(prices: Prices, component: str, version: str, quantity_milli: int, usage: Usage) -> int | None:
    """Return what a quantity costs off the top of what a bill charges for: rules MARGINAL and BEFORE_TIER.

    Inside one bill the two agree; they part where the year's quantity decides the tier, which the next bill states
    as its ``annual_before_milli`` (edge cases 20, 21).
    """
    total, left = Fraction(0), max(usage.quantity_milli - quantity_milli, 0)
    days = sum(month.last.day for month in usage.months)
    for month in usage.months:
        segments = _billed_at(prices, component, version, month, usage)
        if not segments:
            return None
        top = _mean(segments, lambda price: charge(price, usage.quantity_milli, usage) - charge(price, left, usage))
        total += Fraction(month.last.day, days) * top
    return half_up(Fraction(total, _PER_FEN))


def _billed_at(prices: Prices, component: str, version: str, month: Month, usage: Usage) -> Segments:
    """Return the prices a month of a bill is charged at; empty if one is not known."""
    if usage.bought_on is None:
        return prices.segments(component, version, month, usage.months[-1])
    price = on_day(prices, component, version, usage.bought_on)
    return () if price is None else ((Fraction(1), price),)


def charge(price: Price, quantity_milli: int, usage: Usage) -> int:
    """Return what a quantity costs tier by tier, in 1/100,000 fen.

    Limits of months are multiplied by the months of the bill; of a yearly tariff the quantity stands on top of the
    year's before it.
    """
    before = (usage.annual_before_milli or 0) if price.per == "year" else 0
    factor = len(usage.months) if price.per == "month" else 1
    total = lower = 0
    for tier in price.tiers:
        upper = before + quantity_milli if tier.up_to_milli is None else tier.up_to_milli * factor
        within = min(before + quantity_milli, upper) - max(before, lower)
        total += max(within, 0) * tier.price_e4
        lower = upper
    return total


def spread_credit(credit_fen: int, charges_fen: Sequence[int]) -> tuple[list[int], int]:
    """Return how a credit is used on bills one after the other, never above a charge, and the balance that stands."""
    used, rest = [], credit_fen
    for one in charges_fen:
        used.append(min(rest, max(one, 0)))
        rest -= used[-1]
    return used, rest


def weight_fen(prices: Prices, component: str, month: Month, quantity_milli: int) -> int:
    """Return what a quantity without money weighs: at the residents' first-tier price (settled reading 17)."""
    price = prices.on(component, RESIDENT, month.last)
    return fen(quantity_milli, price.tiers[0].price_e4) if price and quantity_milli > 0 else 0
