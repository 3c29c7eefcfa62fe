"""What is truly due, worked out the long way and with nothing of the hub's own code.

``World`` is what somebody would know who had read every accepted file and nothing else. It is short and
plain, so that a reader can see that it is right, and it shares no rule with the hub that it is to judge.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

from integration.demo.city import CITY_GAS, CITY_WATER, SUBURB_WATER, Account, City, Household, Number
from integration.demo.people import fold_name, long_id
from schemas.values import Category, Month, Service, Status, months_between

ALLOWANCE_MILLI: Final = 3000
_LOOK_BACK: Final = 12
_GRACE: Final = 2
_FOREVER: Final = date(9999, 12, 31)
_ONE_DAY: Final = timedelta(days=1)
_COMPANIES: Final = {Service.WATER: (CITY_WATER, SUBURB_WATER), Service.GAS: (CITY_GAS,)}

Key = tuple[str, str, str]
Place = Number | None
Ledger = dict[tuple[Key, Service, Month], dict[Place, int]]


class Link(NamedTuple):
    """A household's account from a day to a day, both included."""

    account: Number
    since: date
    until: date


class World:
    """Everything known so far, and the ledger as it should stand."""

    def __init__(self, city: City) -> None:
        self.granted_from = city.granted_from
        self.records: dict[Key, list[Household]] = {}
        self.accounts: dict[Number, Account] = {}
        self.renamed: dict[Number, Number] = {}
        self.links: defaultdict[tuple[Key, Service], list[Link]] = defaultdict(list)
        self.ledger: Ledger = {}

    def learn(self, households: Iterable[Household]) -> None:
        """Take in registry records, in whatever order they come."""
        for household in households:
            known = self.records.setdefault(household.key, [])
            if household not in known:
                known.append(household)
                known.sort(key=lambda record: (record.effective_on, record.version))

    def learn_snapshot(self, households: Iterable[Household], position: int, as_of: date) -> None:
        """Take in a whole registry: whom it does not name has ended that day, unless newer word is known."""
        named = {household.key for household in households}
        self.learn(households)
        for key, records in list(self.records.items()):
            last = records[-1]
            if key not in named and last.status is not Status.ENDED and last.version <= position:
                self.learn([replace(last, status=Status.ENDED, effective_on=as_of, version=position)])

    def learn_roster(self, accounts: Iterable[Account]) -> None:
        """Take in a company's whole roster."""
        for account in accounts:
            number = (account.company, account.number)
            if account.predecessor:
                self.rename((account.company, account.predecessor), number)
            self.accounts[number] = account

    def rename(self, old: Number, new: Number) -> None:
        """Take in that an account has a new number."""
        self.renamed[old] = new
        account = self.accounts.pop(old, None)
        if account is not None:
            self.accounts[new] = replace(account, number=new[1])

    def newest(self, number: Number) -> Number:
        """Return the number an account has today."""
        while number in self.renamed:
            number = self.renamed[number]
        return number

    def link(self) -> None:
        """Look for every household's accounts, those whose member is the holder first."""
        held: defaultdict[str, list[Account]] = defaultdict(list)
        for account in self.accounts.values():
            if account.holder_id and account.state == "open" and account.domestic:
                held[long_id(account.holder_id)].append(account)
        taken = {self.newest(spans[-1].account): key for (key, _), spans in self.links.items() if spans}
        waiting = []
        for key, records in self.records.items():
            for service in _COMPANIES:
                self._end_closed(key, service)
                best = self._best(records[-1], service, held)
                if best is not None:
                    waiting.append((not _by_id(records[-1], best), records[-1].valid_from, key, service, best))
        for _, _, key, service, account in sorted(waiting, key=lambda entry: entry[:2]):
            if taken.setdefault((account.company, account.number), key) == key:
                self._join(key, service, account)

    def _best(self, household: Household, service: Service, held: dict[str, list[Account]]) -> Account | None:
        named = {self.newest(number) for number in household.claims}
        seen = {n: self.accounts[n] for n in named if n in self.accounts}
        for member in household.members:
            seen |= {(a.company, a.number): a for a in held.get(long_id(member.id_number), ())}
        fit = [
            account
            for number, account in seen.items()
            if account.company in _COMPANIES[service] and _fits(household, account, named=number in named)
        ]
        return max(fit, key=lambda a: _preference(household, a), default=None)

    def _join(self, key: Key, service: Service, account: Account) -> None:
        spans, number = self.links[key, service], (account.company, account.number)
        if not spans:
            spans.append(Link(number, account.opened_on, _FOREVER))
        elif self.newest(spans[-1].account) != number:
            since = max(account.opened_on, self.records[key][-1].effective_on)
            spans[-1] = spans[-1]._replace(until=min(spans[-1].until, since - _ONE_DAY))
            spans.append(Link(number, since, _FOREVER))

    def _end_closed(self, key: Key, service: Service) -> None:
        for index, span in enumerate(self.links[key, service]):
            closed_on = self.accounts[self.newest(span.account)].closed_on
            if closed_on is not None:
                self.links[key, service][index] = span._replace(until=min(span.until, closed_on))

    def run(self, month: Month) -> None:
        """Bring the ledger up to what is due for the month and the twelve before; it never falls."""
        self._call_by_new_numbers()
        for earlier in months_between(max(self.granted_from, month.plus(-_LOOK_BACK)), month):
            for key, services in self.due(earlier).items():
                for service, place in services.items():
                    self.ledger[key, service, earlier] = {place: ALLOWANCE_MILLI}

    def _call_by_new_numbers(self) -> None:
        """Call every account on the ledger as it is called now, also where nothing is due any more."""
        for key, places in self.ledger.items():
            if any(place in self.renamed for place in places):
                self.ledger[key] = {place and self.newest(place): quantity for place, quantity in places.items()}

    def due(self, month: Month) -> dict[Key, dict[Service, Place]]:
        """Return for each entitled household the account its month belongs to, or None for "none yet"."""
        waiting = self._claimed_by_another()
        return {
            key: {service: None if key in waiting else self._place(key, service, month) for service in _COMPANIES}
            for key, records in self.records.items()
            if is_entitled(records, month)
        }

    def _place(self, key: Key, service: Service, month: Month) -> Place:
        first, last = month.first, month.last
        for span in self.links[key, service]:
            if span.since <= last and span.until >= first:
                return self.newest(span.account)
        return None

    def _claimed_by_another(self) -> set[Key]:
        """Return the households that share a member with one whose certificate began earlier."""
        holders: defaultdict[str, list[tuple[date, Key]]] = defaultdict(list)
        for key, records in self.records.items():
            if records[-1].status is not Status.ENDED:
                for member in records[-1].members:
                    holders[long_id(member.id_number)].append((records[-1].valid_from, key))
        return {key for claims in holders.values() for _, key in sorted(claims)[1:]}


def is_entitled(records: list[Household], month: Month) -> bool:
    """Say whether on any day of the month a record in force gives the right."""
    month_first, month_last = month.first, month.last
    for record, until in _in_force(records):
        if record.category is Category.DIBAO_URBAN and record.status is not Status.ENDED:
            first = max(month_first, record.effective_on, record.valid_from)
            last = min(month_last, until, _end_of_grace(record.valid_to), _last_day_alive(record))
            if first <= last:
                return True
    return False


def _in_force(records: list[Household]) -> Iterator[tuple[Household, date]]:
    for record, following in zip(records, [*records[1:], None], strict=True):
        yield record, _FOREVER if following is None else following.effective_on - _ONE_DAY


@lru_cache(maxsize=10_000)
def _end_of_grace(valid_to: date) -> date:
    after = valid_to + _ONE_DAY
    month = Month.of(after).plus(_GRACE)
    return month.first.replace(day=min(after.day, month.last.day)) - _ONE_DAY


def _last_day_alive(household: Household) -> date:
    deaths = [member.died_on for member in household.members]
    return max((day for day in deaths if day), default=_FOREVER) if all(deaths) else _FOREVER


def _by_id(household: Household, account: Account) -> bool:
    return long_id(account.holder_id) in {long_id(member.id_number) for member in household.members}


def _preference(household: Household, account: Account) -> tuple[bool, bool, date]:
    """Prefer the account at the certificate's address, then a member's, then the newest (edge case 53)."""
    return account.where == household.where, _by_id(household, account), account.opened_on


def _fits(household: Household, account: Account, *, named: bool) -> bool:
    if account.state != "open" or not account.domestic:
        return False
    if _by_id(household, account):
        return True
    names = {fold_name(member.name) for member in household.members}
    return named and (fold_name(account.holder) in names or account.where == household.where)
