"""Who gains and who loses in a dry run: by company, district, category and reason, and household by household."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import msgspec

from integration.domain import brake
from integration.domain.brake import Movement, Trip
from integration.domain.policy import Brake
from integration.domain.prices import Prices, weight_fen
from integration.jobs.dry_run_sides import Key, Numbers, State
from schemas.tariffs import BASIC
from schemas.values import Month


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """A household for whom something would be another at one service: no name, its id and the companies' own numbers.

    ``quantity_milli`` and ``amount_fen`` are gained (lost, negative), the amount at the residents' first-tier price of
    the month. Company and account are empty at none yet, where no price is known and the amount is 0.
    """

    household: int
    service: str
    district: str
    category: str
    verdict_before: str
    verdict_after: str
    company_before: str
    account_before: str
    company_after: str
    account_after: str
    quantity_milli: int
    amount_fen: int


class Effect(msgspec.Struct):
    """What changes at one company for the households of a district and category with the same reasons.

    ``households`` counts them once a service; quantities and amounts gained and lost stand apart.
    """

    company: str
    service: str
    district: str
    category: str
    verdict_before: str
    verdict_after: str
    households: int = 0
    gained_milli: int = 0
    lost_milli: int = 0
    gained_fen: int = 0
    lost_fen: int = 0


class CompanyRows(msgspec.Struct, kw_only=True):
    """What one company's list would look like beside the one before, and what its brake would say.

    Entitled accounts before and after, those that start or stop (NEW, STOP); households that begin, end or change
    their account there, of ``rows_before``; ``trips`` are the limits that they exceed.
    """

    company: str
    rows_before: int = 0
    rows_after: int = 0
    starting: int = 0
    stopping: int = 0
    additions: int = 0
    ends: int = 0
    changes: int = 0
    trips: list[Trip] = []


class Totals(msgspec.Struct):
    """Quantities and households of both sides, and how many gain, lose or change their account."""

    quantity_before_milli: int = 0
    quantity_after_milli: int = 0
    households_before: int = 0
    households_after: int = 0
    households_gaining: int = 0
    households_losing: int = 0
    households_moving: int = 0
    gained_fen: int = 0
    lost_fen: int = 0


#: Told of every household for whom something changes, in order.
Tell = Callable[[Changed], None]


class Tally:
    """Counts keys as they pass, household by household."""

    def __init__(self, month: Month, prices: Mapping[str, Prices], most: int, tell: Tell | None) -> None:
        self._month = month
        self._prices = prices
        self._most = most
        self._tell = tell
        self._costs: dict[tuple[str, int], int] = {}
        self._household = 0
        self._seen: set[str] = set()
        self._effects: dict[tuple[str, ...], Effect] = {}
        self._rows = {company: CompanyRows(company=company) for company in prices}
        self._movements = {company: Movement() for company in prices}
        self.totals = Totals()
        self.gains: list[Changed] = []
        self.losses: list[Changed] = []

    def add(self, keys: list[Key], numbers: Numbers) -> None:
        """Count a batch."""
        for key in keys:
            if key.household != self._household:
                self._household, self._seen = key.household, set()
            companies = (_company(key.before, numbers), _company(key.after, numbers))
            self._count(key)
            self._count_rows(key, *companies)
            if key.differs:
                self._count_change(key, companies, numbers)

    # --- households

    def _once(self, what: str) -> int:
        """Return 1 the first time that this is said of a household."""
        first = what not in self._seen
        self._seen.add(what)
        return int(first)

    def _count(self, key: Key) -> None:
        before, after, totals = key.before, key.after, self.totals
        totals.quantity_before_milli += before.quantity_milli
        totals.quantity_after_milli += after.quantity_milli
        if before.quantity_milli:
            totals.households_before += self._once("before")
        if after.quantity_milli:
            totals.households_after += self._once("after")
        if after.quantity_milli > before.quantity_milli:
            totals.households_gaining += self._once("gaining")
        if after.quantity_milli < before.quantity_milli:
            totals.households_losing += self._once("losing")
        if before.quantity_milli and after.quantity_milli and before.account_id != after.account_id:
            totals.households_moving += self._once("moving")

    # --- companies

    def _count_rows(self, key: Key, before: str, after: str) -> None:
        """Count a key for the lists of the companies where it stands and stood."""
        same = key.before.account_id == key.after.account_id and bool(before) == bool(after)
        for company in {before, after} & self._rows.keys():
            was, stands = company == before, company == after
            movement = self._movements[company]
            if was:
                movement.add(movement.base, key.district)
            if not same:
                counter = movement.changes if was and stands else movement.ends if was else movement.additions
                movement.add(counter, key.district)
            row = self._rows[company]
            row.rows_before += was
            row.rows_after += stands
            row.starting += stands and not same
            row.stopping += was and not same

    def companies(self, limits: Brake) -> list[CompanyRows]:
        """Return every company's list as it would be."""
        for company, row in self._rows.items():
            movement = self._movements[company]
            row.additions = sum(movement.additions.values())
            row.ends = sum(movement.ends.values())
            row.changes = sum(movement.changes.values())
            row.trips = brake.judge(movement, limits)
        return list(self._rows.values())

    # --- who gains and loses

    def _count_change(self, key: Key, companies: tuple[str, str], numbers: Numbers) -> None:
        change = key.after.quantity_milli - key.before.quantity_milli
        amounts = [self._cost(*pair) for pair in self._sides(key, companies)]
        amount = amounts[1] - amounts[0]
        self._effect(key, companies, amounts)
        told = Changed(
            household=key.household,
            service=key.service.value,
            district=key.district,
            category=key.category,
            verdict_before=key.before.verdict,
            verdict_after=key.after.verdict,
            company_before=companies[0],
            account_before=_number(key.before, numbers),
            company_after=companies[1],
            account_after=_number(key.after, numbers),
            quantity_milli=change,
            amount_fen=amount,
        )
        few = self.gains if change > 0 else self.losses
        if change and len(few) < self._most:
            few.append(told)
        if self._tell is not None:
            self._tell(told)

    def _sides(self, key: Key, companies: tuple[str, str]) -> Iterator[tuple[str, int]]:
        for company, state in zip(companies, (key.before, key.after), strict=True):
            yield company, state.quantity_milli

    def _cost(self, company: str, quantity_milli: int) -> int:
        prices = self._prices.get(company)
        if prices is None:
            return 0
        found = self._costs.get((company, quantity_milli))
        if found is None:
            found = weight_fen(prices, BASIC, self._month, quantity_milli)
            self._costs[company, quantity_milli] = found
        return found

    def _effect(self, key: Key, companies: tuple[str, str], amounts: list[int]) -> None:
        """Count a change at its company; where it goes from one to another, as lost here and gained there."""
        (before, after), (was_fen, is_fen) = companies, amounts
        was, now = key.before.quantity_milli, key.after.quantity_milli
        if before == after or not was or not now:
            self._at(key, after if now else before, now - was, is_fen - was_fen)
        else:
            self._at(key, before, -was, -was_fen)
            self._at(key, after, now, is_fen)

    def _at(self, key: Key, company: str, quantity_milli: int, amount_fen: int) -> None:
        names = (company, key.service.value, key.district, key.category, key.before.verdict, key.after.verdict)
        one = self._effects.get(names)
        if one is None:
            one = self._effects[names] = Effect(*names)
        one.households += 1
        one.gained_milli += max(quantity_milli, 0)
        one.lost_milli += max(-quantity_milli, 0)
        one.gained_fen += max(amount_fen, 0)
        one.lost_fen += max(-amount_fen, 0)
        self.totals.gained_fen += max(amount_fen, 0)
        self.totals.lost_fen += max(-amount_fen, 0)

    @property
    def effects(self) -> list[Effect]:
        """What changes, by company, service, district, category and reason."""
        return [one for _, one in sorted(self._effects.items())]


def _company(state: State, numbers: Numbers) -> str:
    return numbers[state.account_id][0] if state.account_id in numbers and state.quantity_milli else ""


def _number(state: State, numbers: Numbers) -> str:
    return numbers[state.account_id][1] if state.account_id in numbers and state.quantity_milli else ""
