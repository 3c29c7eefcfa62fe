"""What a step of the story is, and how each kind of step is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from integration.demo import partners
from integration.demo.city import CITY_GAS, CITY_WATER, SUBURB_WATER, Account, City, Household, Key, Number
from integration.demo.people import wrong_id
from integration.demo.truth import Ledger, World
from schemas.values import Month

if TYPE_CHECKING:
    from integration.demo.replies import Report

Kind = Literal[
    "roster", "registry", "aliases", "link", "run", "publish", "approve", "reject", "report", "reconcile", "settle"
]


@dataclass(frozen=True)
class Expect:
    """What must come of a step. A count that is None is not settled by the story.

    ``applied`` to ``rejected`` count records (households or accounts); ``entitled`` counts the households with a
    right in a run's month.
    """

    state: Literal["applied", "held", "refused", "duplicate", "done", "settled", "adjusted", "unchanged"] = "applied"
    applied: int | None = None
    unchanged: int | None = None
    held: int | None = None
    rejected: int | None = None
    entitled: int | None = None


@dataclass(frozen=True)
class Step:
    """What happens on a day. ``path`` is the file that arrives, ``message_id`` what its sender calls it.

    ``subject`` is, for a rejection, the message that is held. ``reply`` is a company's report: its file is written on
    the day, for it bears the references of the lists.
    """

    day: date
    kind: Kind
    name: str
    expect: Expect
    path: Path | None = None
    company: str = ""
    message_id: str = ""
    month: Month | None = None
    subject: str = ""
    reply: Report | None = None


@dataclass(frozen=True)
class Scene:
    """A step before it is written: how its file's content is made, and what one learns from it.

    ``ledger`` stands with runs alone: what the ledger holds after it.
    """

    step: Step
    content: Callable[[], bytes] | None = None
    effect: Callable[[World], object] | None = None
    ledger: Ledger | None = None


@dataclass
class Office:
    """What the partners themselves have on file while the story goes on."""

    households: dict[Key, Household] = field(default_factory=dict)
    accounts: dict[Number, Account] = field(default_factory=dict)
    renamed: dict[Number, Number] = field(default_factory=dict)
    version: int = 1000

    def record(self, household: Household, **changes: object) -> Household:
        """Change a household in the bureau's registry and return its new record."""
        self.version += 1
        changed = replace(household, version=self.version, **changes)  # type: ignore[arg-type]
        self.households[household.key] = changed
        return changed

    def write(self, account: Account) -> None:
        """Put an account into its company's file."""
        self.accounts[account.company, account.number] = account

    def account(self, number: Number) -> Account:
        """Return an account by any number it ever had."""
        return self.accounts[self.renamed.get(number, number)]

    def roster(self, company: str) -> tuple[Account, ...]:
        """Return a company's customers."""
        return tuple(account for account in self.accounts.values() if account.company == company)


class Teller:
    """Makes steps out of what the offices have on file on the day."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.cast = city.cast
        self.day = city.day
        self.office = Office(accounts=dict(city.accounts))
        self.world = World(city)
        self.messages = 0
        self.former: dict[Number, Account] = {}
        later = {h.key for role in ("grant", "back_dated", "lost_grant") for h in self.cast[role]}
        self.office.households = {h.key: h for h in city.households if h.key not in later}

    def _roster(self, company: str, day: date, expect: Expect | None = None) -> Scene:
        accounts = self.office.roster(company)
        suffix = {CITY_WATER: "txt", SUBURB_WATER: "csv", CITY_GAS: "dat"}[company]
        step = Step(
            day,
            "roster",
            f"{company}-{day:%Y%m%d}.{suffix}",
            expect or Expect(held=0, rejected=0),
            company=company,
            message_id=f"{company}-{day:%Y%m%d}",
        )
        return Scene(step, lambda: partners.ROSTERS[company](day, accounts), lambda w: w.learn_roster(accounts))

    def _message(self, day: date, position: int | None = None) -> partners.Message:
        self.messages += 1
        month = self.city.first_month if day < self.city.day(-1, 21) else Month.of(day).plus(1)
        return partners.Message(f"MZ{self.messages:06d}", position or self.office.version, day, month)

    def _delta(self, day: date, *records: Household, parked: int = 0, position: int | None = None) -> Scene:
        """Send changed records; ``parked`` of them speak of households nobody knows yet (edge case 74)."""
        message = self._message(day, position)
        known = [r for r in records if r.grant or r.key in self.world.records]
        expect = Expect(applied=len(records) - parked, unchanged=0, held=parked, rejected=0)
        step = Step(day, "registry", f"delta-{message.message_id}.ndjson", expect, message_id=message.message_id)
        return Scene(step, lambda: partners.bureau_delta(message, records), lambda w: w.learn(known))

    def _snapshot(
        self,
        day: date,
        households: Sequence[Household],
        expect: Expect,
        damage: Callable[[bytes], bytes] = bytes,
        wrong: frozenset[Key] = frozenset(),
    ) -> Scene:
        """Send the whole registry; ``wrong`` households stand in it with an ID number that cannot be."""
        message = self._message(day)
        position, self.office.version = self.office.version, self.office.version + 1
        sent = tuple(_mistyped(h) if h.key in wrong else h for h in households)
        step = Step(day, "registry", f"snapshot-{message.message_id}.csv", expect, message_id=message.message_id)
        effect = None
        if expect.state == "applied":
            learnt = [h for h in households if h.key not in wrong]
            effect = lambda w: w.learn_snapshot(learnt, position, day)  # noqa: E731
        return Scene(step, lambda: damage(partners.bureau_snapshot(message, sent)), effect)

    def _month(self, months: int) -> Iterator[Scene]:
        """Link, compute and publish a month, in the days that the policy sets."""
        month = self.city.first_month.plus(months)
        done = Expect("done")
        yield Scene(Step(self.day(months - 1, 18), "link", "link", done), effect=World.link)
        run = Step(self.day(months - 1, 20), "run", f"run-{month}", done, month=month)
        yield Scene(run, effect=lambda w: w.run(month))
        yield Scene(Step(self.day(months - 1, 25), "publish", f"publish-{month}", done, month=month))


def _mistyped(household: Household) -> Household:
    head, *others = household.members
    return replace(household, members=(replace(head, id_number=wrong_id(head.id_number)), *others))
