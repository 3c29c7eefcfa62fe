"""The companies' reports of three months, as they are sent, damaged, repeated and corrected.

``Replies`` is the second half's truth: every line of every report, every finding with the step that brings it and the
one that ends it, and what each settlement is made of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

from integration.demo import prices
from integration.demo.billing import Billing, Roll
from integration.demo.city import CITY_GAS, CITY_WATER, SUBURB_WATER, Account, City, Key, Number
from integration.demo.corrections import Corrections
from integration.demo.partners import cut_off
from integration.demo.planting import (
    Planted,
    Planter,
    claimed_by_both,
    credit_forgotten,
    in_good_faith,
    sold_again,
)
from integration.demo.rows import Line, Wanted
from integration.demo.steps import Expect, Step
from integration.demo.truth import ALLOWANCE_MILLI, Ledger
from schemas.findings import FindingKind
from schemas.values import Month

COMPANIES: Final = (CITY_WATER, SUBURB_WATER, CITY_GAS)
_TURNS: Final = (0, 1, 2)
_SUFFIXES: Final = {CITY_WATER: "txt", SUBURB_WATER: "csv", CITY_GAS: "json"}


@dataclass(frozen=True)
class Report:
    """A file of a company's report; ``kind`` is original, replace or supplement.

    ``newest`` is the company's own knowledge of what a renumbered account is called now.
    """

    company: str
    month: Month
    kind: str
    edition: int
    made_on: date
    lines: tuple[Line, ...]
    newest: Callable[[Number], Number]
    damage: Callable[[bytes], bytes] = bytes

    @property
    def name(self) -> str:
        """The file's name."""
        return f"report-{self.company}-{self.month}-{self.edition}.{_SUFFIXES[self.company]}"


@dataclass
class Filed:
    """The offices' files at the end: accounts by their newest number, and what renumbered ones are called now.

    ``former`` are accounts whose number has been given to somebody else since.
    """

    accounts: Mapping[Number, Account]
    renamed: Mapping[Number, Number]
    former: Mapping[Number, Account]

    def newest(self, number: Number) -> Number:
        """Return the number that an account has at the end."""
        return self.renamed.get(number, number)


@dataclass
class Replies:
    """All reports, and what must come of them. ``rolls`` are what each list tells, by company."""

    city: City
    filed: Filed
    ledgers: Sequence[Ledger]
    rolls: dict[str, list[Roll]] = field(default_factory=dict)
    reports: dict[tuple[str, int], Planted] = field(default_factory=dict)
    again: Line | None = None
    wanted: list[Wanted] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        for company in COMPANIES:
            self.rolls[company] = [self._roll(company, turn) for turn in _TURNS]
        for company in COMPANIES:
            self._bill(company)
        self.steps = sorted(self._steps(), key=lambda step: step.day)
        self.wanted.append(self._unanswered())

    def _roll(self, company: str, turn: int) -> Roll:
        """Return what a company's list tells: of every account the months, up to the list's own."""
        found: dict[Number, dict[Month, Key]] = {}
        for (key, _, month), places in self.ledgers[turn].items():
            for place in places:
                if place is not None and place[0] == company:
                    found.setdefault(self.filed.newest(place), {})[month] = key
        return found

    # --- what stands in the reports

    def _bill(self, company: str) -> None:
        accounts = {place: one for place, one in self.filed.accounts.items() if place[0] == company}
        former = {place: one for place, one in self.filed.former.items() if place[0] == company}
        billing = Billing(company, self.city.first_month, accounts | former, self.rolls[company])
        billing.idle |= former.keys()
        corrections = Corrections(billing)
        months = [corrections.corrected(turn, billing.lines(turn)) for turn in _TURNS]
        special = self._special(billing, months)
        for turn in _TURNS:
            special += [(wanted, turn) for wanted in in_good_faith(billing, turn, months[turn])]
        planter = Planter(billing, corrections, months)
        for turn in _TURNS:
            planted = planter.planted(turn)
            self.reports[company, turn] = planted
            self._want(company, turn, planted.wanted)
        self._want_special(company, special)
        if company == CITY_WATER:
            self._send_again(planter.a_plain_line(1))

    def _special(self, billing: Billing, months: list[list[Line]]) -> list[tuple[Wanted, int]]:
        found: list[Wanted] = []
        if billing.company == SUBURB_WATER:
            found += credit_forgotten(billing, months)
            found += claimed_by_both(billing, months, self._moved_across(months))
        if billing.company == CITY_GAS:
            found += sold_again(billing, months, next(iter(self.filed.former)))
        return [(wanted, 2) for wanted in found]

    def _moved_across(self, months: list[list[Line]]) -> Iterator[Number]:
        """Yield the new accounts of those who left the city's waterworks with their first month relieved there."""
        relieved = {line.key for line in self.reports[CITY_WATER, 0].lines if line.due}
        across = {household.key for household in self.city.cast["cross_move"]} & relieved
        yield from (line.place for line in months[2] if line.key in across and line.row.kind == "BILL")

    def _want(self, company: str, turn: int, wanted: Sequence[tuple[Wanted, bool]]) -> None:
        for one, is_mended in wanted:
            until = self._name(company, turn, 2) if is_mended else ""
            self.wanted.append(one._replace(since=self._name(company, turn, 1), until=until))

    def _want_special(self, company: str, wanted: Sequence[tuple[Wanted, int]]) -> None:
        self.wanted += [one._replace(since=self._name(company, turn, 1)) for one, turn in wanted]

    def _send_again(self, line: Line) -> None:
        """The supplement repeats a row of the original (edge case 83)."""
        again = replace(line, due={}, due_fen=0, standing="duplicate", covers=False)
        self.reports[CITY_WATER, 1].added.append(again)
        month, row = self.city.first_month.plus(1), line.row
        wanted = Wanted(
            FindingKind.DUPLICATE_ROW, CITY_WATER, row.first, month, row.waived, row.relief, line.key, row.about[1],
            row.bill_id,
        )  # fmt: skip
        self.wanted.append(wanted._replace(since=self._name(CITY_WATER, 1, 2)))

    def _unanswered(self) -> Wanted:
        """The suburb is late with the first month: one finding for all its households, until it reports."""
        first = self.city.first_month
        rolls = self.rolls[SUBURB_WATER]
        listed = [place for place, months in rolls[1].items() if first in months and first in rolls[0].get(place, ())]
        litres = ALLOWANCE_MILLI * len(listed)
        fen = prices.flat(litres, prices.first_price(SUBURB_WATER, first.last))
        return Wanted(
            FindingKind.UNANSWERED, SUBURB_WATER, first, first, litres, fen, households=len(listed),
            since=f"reconcile-{self.city.day(1, 11)}", until=self._name(SUBURB_WATER, 0, 1),
        )  # fmt: skip

    # --- the calendar

    def _name(self, company: str, turn: int, edition: int) -> str:
        return self._report(company, turn, edition, self.city.first_month.first).name

    def _report(self, company: str, turn: int, edition: int, made_on: date) -> Report:
        planted = self.reports.get((company, turn), Planted())
        kind, lines = "original", planted.lines
        if edition > 1:
            kind, lines = ("replace", planted.mended) if company == SUBURB_WATER else ("supplement", planted.added)
        month = self.city.first_month.plus(turn)
        return Report(company, month, kind, edition, made_on, tuple(lines), self.filed.newest)

    def _steps(self) -> Iterator[Step]:
        day = self.city.day
        yield self._arrives(day(1, 3), CITY_WATER, 0)
        damaged = self._arrives(day(1, 4), CITY_GAS, 0)
        broken = replace(damaged.reply, damage=cut_off) if damaged.reply else None
        yield replace(damaged, name=f"broken-{damaged.name}", expect=Expect("refused"), reply=broken)
        yield self._arrives(day(1, 5), CITY_GAS, 0)
        again = self._arrives(day(1, 5), CITY_GAS, 0)
        yield replace(again, day=day(1, 6), name=f"again-{again.name}", expect=Expect("duplicate"))
        yield self._reconciles(day(1, 11))
        yield from (self._settles(day(1, 12), company, 0, "settled") for company in (CITY_WATER, CITY_GAS))
        yield self._arrives(day(1, 16), SUBURB_WATER, 0)
        yield self._settles(day(1, 19), SUBURB_WATER, 0, "settled")
        for count, company in enumerate(COMPANIES):
            yield self._arrives(day(2, 2 + count), company, 1)
            yield self._settles(day(2, 5), company, 1, "settled")
            yield self._arrives(day(3, 4 + count), company, 2)
            yield self._settles(day(3, 7), company, 2, "settled")
        yield self._arrives(day(2, 7), CITY_WATER, 1, 2)
        yield self._arrives(day(2, 8), SUBURB_WATER, 1, 2)
        yield self._reconciles(day(2, 11))
        yield from (self._settles(day(2, 14), company, 1, "adjusted") for company in (CITY_WATER, SUBURB_WATER))
        yield self._settles(day(2, 14), CITY_GAS, 1, "unchanged")
        yield self._arrives(day(3, 9), CITY_GAS, 2, 2)
        yield self._reconciles(day(3, 11))
        yield self._settles(day(3, 12), CITY_GAS, 2, "adjusted")

    def _arrives(self, day: date, company: str, turn: int, edition: int = 1) -> Step:
        report = self._report(company, turn, edition, day)
        expect = Expect(applied=len(report.lines), unchanged=0, held=0, rejected=0)
        return Step(day, "report", report.name, expect, company=company, month=report.month, reply=report)

    def _reconciles(self, day: date) -> Step:
        return Step(day, "reconcile", f"reconcile-{day}", Expect("done"))

    def _settles(self, day: date, company: str, turn: int, state: str) -> Step:
        month = self.city.first_month.plus(turn)
        expect = Expect(state)  # type: ignore[arg-type]
        return Step(day, "settle", f"settle-{company}-{month}", expect, company=company, month=month)
