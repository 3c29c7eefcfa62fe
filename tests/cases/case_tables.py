"""The policy owner's cases as tables: each TOML file here is a section, each case what is given, done and expected.

A row is an inline table; its first key says what it is about. Quantities are units of the service as text ("3", "0.5"),
amounts yuan ("6.60"), days 2026-03-05, months 2026-03. ``README.md`` beside this file lists every kind of row.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

Row = dict[str, Any]
FOLDER = Path(__file__).parent


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A case. ``letter`` tells examples of one number apart; ``policy`` and ``tariff`` are what its city has otherwise.

    ``not_followed`` says why the hub does something else; ``later`` what is not built yet; ``carried_by`` names the
    tests that hold a case which no city can play.
    """

    number: int
    letter: str = ""
    title: str
    rule: str
    source: str
    given: list[Row] = []
    when: list[Row] = []
    expected: list[Row] = []
    policy: Row = {}
    tariff: str = ""
    not_followed: str = ""
    later: str = ""
    carried_by: list[str] = []

    @property
    def key(self) -> str:
        """Name the case in the city: its certificates, accounts and bills begin with it."""
        return f"{self.number:02}{self.letter}"

    @property
    def city(self) -> str:
        """Name the city it is played in: all that share policy and tariff live in one."""
        return msgspec.json.encode([self.tariff, sorted(self.policy.items())]).decode()


class Convention(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How data is written here, and the tests that hold it (``carried_by``), or what is not built yet (``later``)."""

    number: str
    title: str
    rule: str
    later: str = ""
    carried_by: list[str] = []


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of cases, or of conventions."""

    section: str
    case: list[Case] = []
    convention: list[Convention] = []


@cache
def sections() -> tuple[Section, ...]:
    """Read every file, in the order of their names."""
    return tuple(msgspec.convert(tomllib.loads(path.read_text()), Section) for path in sorted(FOLDER.glob("*.toml")))


def cases() -> Iterator[Case]:
    """Yield every case."""
    for section in sections():
        yield from section.case


def conventions() -> list[Convention]:
    """Return every convention."""
    return [one for section in sections() for one in section.convention]


def played() -> list[Case]:
    """Return the cases that are played in a city."""
    return [case for case in cases() if case.expected]


def milli(text: str) -> int:
    """Read a quantity of units, in thousandths, exactly."""
    return _whole(Decimal(text) * 1000)


def fen(text: str) -> int:
    """Read an amount of yuan, in fen, exactly."""
    return _whole(Decimal(text) * 100)


def price_e4(text: str) -> int:
    """Read a price of yuan a unit, in 1/10,000 yuan, exactly."""
    return _whole(Decimal(text) * 10_000)


def _whole(value: Decimal) -> int:
    if value != value.to_integral_value():
        raise ValueError(f"{value} is finer than the hub counts")
    return int(value)


def day(text: str) -> int:
    """Read a day as YYYYMMDD."""
    return int(text.replace("-", ""))


def months(text: str) -> tuple[str, str]:
    """Read one month, or two with dots between."""
    first, _, last = text.partition("..")
    return first, last or first
