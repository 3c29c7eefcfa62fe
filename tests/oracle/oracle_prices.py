"""What a quantity costs: day by day and thousandth by thousandth of the tariff, in exact fractions of a fen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from schemas.values import Month


@dataclass(frozen=True)
class Price:
    """A component's price for a class of customers from a day on.

    ``tiers``: (limit in thousandths or None, price in 1/10,000 yuan); ``yearly`` limits are of a year, others of a
    month.
    """

    version: str
    since: date
    tiers: tuple[tuple[int | None, int], ...]
    component: str = "basic"
    customers: str = "resident"
    yearly: bool = False


@dataclass(frozen=True)
class Use:
    """What a bill charges for: ``quantity`` over ``months``, after ``before`` of the year; a top-up's day."""

    quantity: int
    months: tuple[Month, ...]
    before: int = 0
    bought_on: date | None = None


def cost(
    tariff: Sequence[Price], component: str, version: str, draws: Mapping[Month, int], rule: str, use: Use
) -> Fraction | None:
    """What the allowances drawn cost, unrounded; None where a day has no price, or nobody knows the version.

    A version that the bill names tells whose prices it is billed by. By the first tier each month's quantity has that
    month's price, mixed by its days. What comes off the top is the difference of two charges of the whole bill, whose
    price is mixed by all its days.
    """
    prices = _prices(tariff, component, version, use.bought_on or use.months[-1].last)
    total, waived = Fraction(0), sum(draws.values())
    quantities = draws if rule == "first_tier" else {month: month.last.day for month in use.months}
    for month, quantity in quantities.items():
        for price in _by_day(prices, month, use.bought_on):
            if price is None:
                return None
            unit = price.tiers[0][1] if rule == "first_tier" else _off_the_top(price, use, waived)
            total += Fraction(quantity, month.last.day) * unit
    return total / 100_000 / (1 if rule == "first_tier" else sum(quantities.values()))


def _by_day(prices: Sequence[Price], month: Month, bought_on: date | None) -> list[Price | None]:
    days = [bought_on or month.first + timedelta(days=n) for n in range(month.last.day)]
    return [max((p for p in prices if p.since <= day), key=lambda p: p.since, default=None) for day in days]


def _prices(tariff: Sequence[Price], component: str, version: str, until: date) -> list[Price]:
    mine = [price for price in tariff if price.component == component]
    named = {price.customers for price in mine if price.version == version and price.since <= until}
    return [price for price in mine if price.customers in (named if version else {"resident"})]


def _off_the_top(price: Price, use: Use, waived: int) -> int:
    top = use.quantity
    if not price.yearly:
        return _tiered(price, top, len(use.months)) - _tiered(price, max(top - waived, 0), len(use.months))
    return _tiered(price, use.before + top, 1) - _tiered(price, use.before + max(top - waived, 0), 1)


def _tiered(price: Price, quantity: int, times: int) -> int:
    total, start = 0, 0
    for limit, unit in price.tiers:
        end = quantity if limit is None else min(quantity, limit * times)
        total += max(end - start, 0) * unit
        start = max(start, end)
    return total


def half_up(amount: Fraction) -> int:
    """Round what is not negative to the nearest whole, a half upwards."""
    return int(amount + Fraction(1, 2))
