"""The words of the hub as types: months, days, quantities, services, categories.

Money is integer fen (``_fen``), quantity integer thousandths of the service's unit (``_milli``), area integer dm²
(``_dm2``), unit price integer 1/10,000 yuan (``_e4``). A day crosses storage as the integer YYYYMMDD and a month as
YYYYMM, so that both databases, both list formats and a reader of the tables see the same thing. No floats anywhere.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final, NewType

Fen = NewType("Fen", int)
QuantityMilli = NewType("QuantityMilli", int)

#: The day that stands for "no end known"; sorts after every real day.
OPEN_DAY: Final = 99991231


class Service(StrEnum):
    """What a company supplies."""

    WATER = "water"
    GAS = "gas"
    HEATING = "heating"
    POWER = "power"


#: Services with a monthly allowance.
MONTHLY: Final = (Service.WATER, Service.GAS)


class Category(StrEnum):
    """Category of a certificate 类别; rights never leak from one to another (edge cases 49, 50)."""

    DIBAO_URBAN = "dibao_urban"
    DIBAO_RURAL = "dibao_rural"
    TEKUN = "tekun"
    DIBAO_EDGE = "dibao_edge"
    HARDSHIP_WORKER = "hardship_worker"


class Status(StrEnum):
    """Status of a certificate as civil affairs states it."""

    ACTIVE = "active"
    SUSPENDED_REVIEW = "suspended_review"
    ENDED = "ended"


class AccountState(StrEnum):
    """State of an account 户号 at its company."""

    OPEN = "open"
    SUSPENDED = "suspended"
    CLOSED = "closed"


class MeterKind(StrEnum):
    """How an account is metered; ``indirect`` is a shared meter without one of its own 合表."""

    METERED = "metered"
    PREPAID = "prepaid"
    FLAT = "flat"
    INDIRECT = "indirect"


class BillingCycle(StrEnum):
    """Which months an account is billed in."""

    MONTHLY = "monthly"
    BIMONTHLY_ODD = "bimonthly_odd"
    BIMONTHLY_EVEN = "bimonthly_even"
    TOP_UP = "top_up"


_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


@dataclass(frozen=True, order=True, slots=True)
class Month:
    """A calendar month 月份, e.g. ``Month(2026, 11)``."""

    year: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Month:
        """Read ``2026-11``.

        Raises:
            ValueError: the text is not a month written so.
        """
        found = _MONTH.fullmatch(text)
        if found is None:
            raise ValueError("a month is written like 2026-11")
        return cls(int(found[1]), int(found[2]))

    @classmethod
    def from_int(cls, yyyymm: int) -> Month:
        """Read the stored form 202611."""
        return cls(yyyymm // 100, yyyymm % 100)

    @classmethod
    def of(cls, day: date) -> Month:
        """Return the month a day lies in."""
        return cls(day.year, day.month)

    def __int__(self) -> int:
        return self.year * 100 + self.number

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.number:02d}"

    def plus(self, months: int) -> Month:
        """Return the month so many months later (earlier, if negative)."""
        years, index = divmod(self.year * 12 + self.number - 1 + months, 12)
        return Month(years, index + 1)

    def minus(self, other: Month) -> int:
        """Return how many months this one lies after the other."""
        return (self.year - other.year) * 12 + self.number - other.number

    @property
    def first(self) -> date:
        """The first day."""
        return date(self.year, self.number, 1)

    @property
    def last(self) -> date:
        """The last day."""
        return date(self.year, self.number, monthrange(self.year, self.number)[1])


def months_between(first: Month, last: Month) -> list[Month]:
    """Return the months from first to last, both included; empty if last is before first."""
    return [first.plus(i) for i in range(last.minus(first) + 1)]


def day_int(day: date) -> int:
    """Return the stored form of a day, YYYYMMDD."""
    return day.year * 10000 + day.month * 100 + day.day


def int_day(yyyymmdd: int) -> date:
    """Return the day of a stored form; ``OPEN_DAY`` gives the last day of year 9999.

    Raises:
        ValueError: no such day.
    """
    return date(yyyymmdd // 10000, yyyymmdd // 100 % 100, yyyymmdd % 100)


@lru_cache(maxsize=8192)
def is_day(yyyymmdd: int) -> bool:
    """Tell whether there is such a day."""
    try:
        int_day(yyyymmdd)
    except ValueError:
        return False
    return True


def day_before(yyyymmdd: int) -> int:
    """Return the stored form of the day before."""
    return day_int(int_day(yyyymmdd) - timedelta(days=1))


def day_after(yyyymmdd: int) -> int:
    """Return the stored form of the day after; there is none after ``OPEN_DAY``."""
    return OPEN_DAY if yyyymmdd == OPEN_DAY else day_int(int_day(yyyymmdd) + timedelta(days=1))


def add_months(yyyymmdd: int, months: int) -> int:
    """Return the day so many months later, month ends clipped (31 January + 1 = 28 February)."""
    if yyyymmdd == OPEN_DAY:
        return OPEN_DAY
    target = Month.from_int(yyyymmdd // 100).plus(months)
    return int(target) * 100 + min(yyyymmdd % 100, target.last.day)
