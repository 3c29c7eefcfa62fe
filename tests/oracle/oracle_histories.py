"""Histories: what a bureau and the companies say of one household, slot by slot.

Slot k is the time before the run of the k-th month. On the 15th the bureau and the companies tell what is new, on the
18th the bureau may send a whole snapshot, on the 20th the month is computed and its list published. Bills follow in
the month itself. What was written in a slot may be told in a later one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

from oracle_bills import BillRule, Row
from oracle_certificates import Record, Rule, Snapshot, in_force
from oracle_ledger import Link
from oracle_prices import Price

from schemas.values import Month

FIRST = Month(2026, 1)
SLOTS = 5
MONTHS = [FIRST.plus(n) for n in range(SLOTS)]
#: A day before any of it.
LONG_AGO = date(2015, 6, 1)


def told_on(slot: int) -> date:
    """The day on which what is new is told."""
    return date(MONTHS[slot].plus(-1).year, MONTHS[slot].plus(-1).number, 15)


def reported_by(slot: int) -> Month:
    """The last month whose bills are reported before the run of a slot."""
    return MONTHS[slot].plus(-2)


def listed_on(slot: int) -> date:
    """The day of the run and its lists."""
    return told_on(slot) + timedelta(days=5)


@dataclass(frozen=True)
class Setting:
    """What holds for the whole city: its policy, the water company's prices, and the slots with a snapshot."""

    rule: Rule = field(default_factory=Rule)
    bills: BillRule = field(default_factory=BillRule)
    look_back: int = 12
    tariff: tuple[Price, ...] = (Price("A", LONG_AGO, ((None, 22000),)),)
    snapshots: tuple[int, ...] = ()


@dataclass(frozen=True)
class Home:
    """An account: since when it is in the roster, its days, and the slot in which its end is told."""

    slot: int
    account: str
    company: str
    opened: date
    closed: date | None = None
    end_slot: int = SLOTS

    def link(self, slot: int) -> Link | None:
        """The link to it as known in a slot."""
        if slot < self.slot:
            return None
        return Link(self.account, self.company, self.opened, self.closed if slot >= self.end_slot else None)


@dataclass(frozen=True)
class Claim:
    """How a company errs: in thousandths, in fen of the basic component and of sewage, or by applying nothing."""

    milli: int = 0
    fen: int = 0
    sewage_fen: int = 0
    nothing: bool = False


@dataclass(frozen=True)
class Life:
    """The history of one household at one service."""

    #: (slot in which it is told, record)
    records: tuple[tuple[int, Record], ...]
    #: (slot, what the snapshot says, the record that it carries)
    snapshots: tuple[tuple[int, Snapshot, Record | None], ...] = ()
    homes: tuple[Home, ...] = ()
    rows: tuple[tuple[Row, Claim], ...] = ()
    prepaid: bool = False
    #: Where they are given, the links as known in each slot; else they are what the accounts make plain.
    linked: tuple[tuple[Link, ...], ...] = ()

    def records_at(self, slot: int) -> list[Record]:
        """The records known in a slot, those of snapshots included."""
        told = [record for at, record in self.records if at <= slot]
        carried = [record for at, _, record in self.snapshots if at <= slot and record is not None]
        return list(dict.fromkeys([*told, *carried]))

    def snapshots_at(self, slot: int) -> list[Snapshot]:
        """The snapshots taken in by a slot."""
        return [snapshot for at, snapshot, _ in self.snapshots if at <= slot]

    def links_at(self, slot: int) -> list[Link]:
        """The links known in a slot; a link is made while the account is open and its holder lives."""
        if self.linked:
            return list(self.linked[slot])
        return [
            link
            for home in self.homes
            if any(self._names_a_holder(at) for at in range(home.slot, min(slot + 1, home.end_slot)))
            if (link := home.link(slot)) is not None
        ]

    def _names_a_holder(self, slot: int) -> bool:
        """Whether anybody is known who may hold an account: the dead are not looked for."""
        said = in_force(date.max, self.records_at(slot), [])
        return said is not None and said.died is None
