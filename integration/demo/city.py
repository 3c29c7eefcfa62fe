"""The demo city: certificate households, everybody's accounts, and who will play a part in the story.

Two water companies share the city by district, one gas company serves all of it.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Final, TypeVar

from integration.demo.people import Home, Person
from schemas.values import Category, Month, Service, Status

CITY_WATER: Final = "city_water"
SUBURB_WATER: Final = "suburb_water"
CITY_GAS: Final = "city_gas"
#: The districts of the city's own waterworks; the others belong to the suburban one.
_CITY_WATER_DISTRICTS: Final = frozenset(("421901", "421902"))

_Value = TypeVar("_Value")

NOBODY: Final = Person("", "")
Number = tuple[str, str]  # company, account number
Key = tuple[str, str, str]  # issuer, kind and number of a household's first certificate


@dataclass(frozen=True, slots=True)
class Household:
    """A household as one registry record has it: how it is from ``effective_on`` on.

    ``key`` is its first certificate and never changes; ``numbers`` are its certificate numbers, the one in
    force first. ``version`` is the bureau's; a ``grant`` may bring the household into being.
    """

    key: Key
    numbers: tuple[str, ...]
    category: Category
    valid_from: date
    valid_to: date
    where: Home
    address: str
    members: tuple[Person, ...]
    claims: tuple[Number, ...] = ()
    status: Status = Status.ACTIVE
    effective_on: date = date(2026, 1, 1)
    version: int = 0
    grant: bool = False


@dataclass(frozen=True, slots=True)
class Account:
    """An account as its company's roster has it; ``where`` is None where its address is of no use."""

    company: str
    number: str
    holder: str
    holder_id: str
    where: Home | None
    address: str
    opened_on: date
    domestic: bool = True
    state: str = "open"
    closed_on: date | None = None
    predecessor: str = ""
    meter: str = "metered"
    cycle: str = "monthly"
    low_income: bool = False


@dataclass(eq=False)
class City:
    """All of it, before anything was sent. Nothing is granted for months before ``granted_from``."""

    seed: int
    first_month: Month
    granted_from: Month
    households: list[Household] = field(default_factory=list)
    accounts: dict[Number, Account] = field(default_factory=dict)
    cast: dict[str, list[Household]] = field(default_factory=dict)
    #: Where some of the cast will live, and which accounts will turn out to be theirs.
    later: dict[Key, tuple[Home, tuple[Number, ...]]] = field(default_factory=dict)
    #: Who will be given the number of a customer that moved away.
    newcomer: Person = NOBODY

    def day(self, months: int, day: int) -> date:
        """Return a day of the month so many months after the first listed one."""
        return self.first_month.plus(months).first.replace(day=day)


@contextmanager
def collector_resting() -> Iterator[None]:
    """Let the garbage collector rest: it would walk the whole city again and again, and nothing here makes cycles."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def one_of(found: Iterable[_Value]) -> _Value:
    """Return the first of those found.

    Raises:
        ValueError: there is none; in a large city there would be.
    """
    for value in found:
        return value
    raise ValueError("the city is too small for the story")


def supplier(service: Service, where: Home) -> str:
    """Return the company that supplies a home."""
    if service is Service.GAS:
        return CITY_GAS
    return CITY_WATER if where.district in _CITY_WATER_DISTRICTS else SUBURB_WATER
