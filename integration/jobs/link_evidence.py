"""What is known of a batch of households and the accounts they may belong to, found by exact keys and named numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from integration.clock import today
from integration.domain.households import GRANTING, is_live, judge_month
from integration.domain.matching import Candidate
from integration.domain.similarity import Customer, Near, compare_dwellings
from integration.jobs.hub import Hub
from integration.jobs.match_opening import Opened, open_customer, open_households
from integration.storage import decisions, links, match_decisions, matches, registry, rosters
from integration.storage.mergers import mergers_around
from integration.storage.pii import LookupKind
from integration.storage.registry import LookupRow
from schemas.values import OPEN_DAY, Month, Service, day_int

#: Services whose households are linked to accounts; power works with projects.
LINKED = (Service.WATER, Service.GAS, Service.HEATING)
_EVIDENCE = (LookupKind.PERSON, LookupKind.NAME, LookupKind.ADDRESS)


class LinkRefused(Exception):  # noqa: N818 - it names what happened
    """The link cannot be confirmed, refused or checked; the text says why."""


class Gathered:
    """All that is known of a batch of households and the accounts they may belong to."""

    def __init__(self, hub: Hub, connection: Connection, ids: Sequence[int]) -> None:
        self.current = links.current_links(connection, ids)
        self.keys = registry.current_lookups(connection, ids)
        self._named = self._named_accounts(connection, ids)
        by_person = self._accounts_by_person(connection)
        everything = {
            account for found in (*by_person.values(), *map(dict.keys, self._named.values())) for account in found
        }
        everything |= {one.span.account_id for found in self.current.values() for one in found}
        accounts = sorted(everything)
        self._facts = rosters.facts_of(connection, accounts)
        self.refused = match_decisions.refused(connection, ids) | decisions.refused_pairs(connection, ids)
        self._holders = rosters.lookups_of(connection, accounts)
        self.taken = links.linked_to(connection, accounts, OPEN_DAY)
        self._by_person = by_person
        self._services = {code: company.services for code, company in hub.companies.items()}
        self.today = day_int(today(hub.clock))
        sharing = {one for owners in self.taken.values() for one in owners} | set(ids)
        timelines = registry.timelines(connection, sorted(sharing))
        self._timelines = {one: [each.part for each in known] for one, known in timelines.items()}
        self._elsewhere = self._at_other_dwellings(hub, connection)
        self.live = {one for one, known in timelines.items() if is_live(known[-1].part.standing)}
        self._policy = hub.policy.at(Month.of(today(hub.clock)))
        self._mergers = mergers_around(connection, sorted(sharing))
        self._sharing = sharing

    def learn_owners(self, connection: Connection, accounts: Sequence[int]) -> None:
        """Learn also who stands on accounts that other keys than the exact ones led to."""
        owners = links.linked_to(connection, accounts, OPEN_DAY)
        self.taken |= owners
        new = {one for found in owners.values() for one in found} - self._sharing
        if new:
            known = registry.timelines(connection, sorted(new))
            self._timelines |= {one: [each.part for each in timeline] for one, timeline in known.items()}
            self._sharing |= new
            self._mergers = mergers_around(connection, sorted(self._sharing))

    def is_taken(self, household: int, account: int, service: Service) -> bool:
        """Whether another household that is entitled there, this month or the next, stands on the account.

        A household that became part of this one, or that it is part of, is no other.
        """
        month = Month.from_int(self.today // 100)
        whole = self._mergers.survivor(household)
        others = {one for one in self.taken.get((account, service.value), ()) if self._mergers.survivor(one) != whole}
        return any(self._entitled(one, service, each) for one in others for each in (month, month.plus(1)))

    def _entitled(self, household: int, service: Service, month: Month) -> bool:
        return judge_month(self._timelines.get(household, ()), service, month, self._policy) in GRANTING

    def _named_accounts(self, connection: Connection, ids: Sequence[int]) -> dict[int, dict[int, int]]:
        named = links.claims_of(connection, ids)
        numbers = rosters.accounts_ever_numbered(connection, {(company, number) for _, company, number, _ in named})
        found: dict[int, dict[int, int]] = {}
        for one, company, number, since in named:
            if (company, number) in numbers:
                found.setdefault(one, {})[numbers[company, number]] = since
        return found

    def _accounts_by_person(self, connection: Connection) -> dict[int, set[int]]:
        persons = {key.digest for keys in self.keys.values() for key in keys if key.kind == LookupKind.PERSON}
        held = rosters.accounts_by(connection, LookupKind.PERSON, sorted(persons))
        return {
            one: {account for key in keys for account in held.get(key.digest, ())} for one, keys in self.keys.items()
        }

    def _at_other_dwellings(self, hub: Hub, connection: Connection) -> set[tuple[int, int]]:
        """Return the (household, account) that agree in number and name alone, and are of two dwellings.

        Their addresses may only be spelled in two ways, which their keys do not tell: these few are opened.
        """
        alone = [
            (one, account)
            for one, accounts in self._named.items()
            for account in accounts
            if _agreeing(self.keys[one], self._holders.get(account)) == {LookupKind.NAME}
        ]
        households = open_households(hub, connection, sorted({one for one, _ in alone}))
        known = matches.customers(connection, sorted({account for _, account in alone}))
        return {
            (one, account)
            for one, account in alone
            if one in households and _apart(households[one], open_customer(hub, known[account]))
        }

    def is_due(self, household: int, service: Service) -> bool:
        """Tell whether a household stands in the registry with a category that a service serves."""
        return household in self.live and self._category(household) in self._policy.benefit(service).categories

    def waits(self, household: int, service: Service) -> bool:
        """Tell whether such a household has no account of its own right at the service."""
        mine = (one.span for one in self.current.get(household, ()) if one.service == service)
        return self.is_due(household, service) and not any(s.confirmed and s.valid_to == OPEN_DAY for s in mine)

    def _category(self, household: int) -> str:
        return self._timelines[household][-1].standing.category

    def named(self, household: int) -> set[int]:
        """Return the accounts whose number the household named."""
        return set(self._named.get(household, ()))

    def candidates(self, household: int, service: Service) -> list[Candidate]:
        """Return every account that a household may belong to at a service."""
        named = self._named.get(household, {})
        linked = {one.span.account_id for one in self.current.get(household, ())}
        accounts = sorted({*named, *self._by_person.get(household, ()), *linked})
        return [
            self._candidate(household, account, named)._replace(
                refused=(household, service.value, account) in self.refused
            )
            for account in accounts
            if self._serves(account, service)
        ]

    def _serves(self, account: int, service: Service) -> bool:
        fact = self._facts.get(account)
        return fact is not None and service in self._services.get(fact[0], ())

    def _candidate(self, household: int, account: int, named: Mapping[int, int]) -> Candidate:
        company, state, domestic, opened_on, closed_on = self._facts[account]
        agreeing = _agreeing(self.keys[household], self._holders.get(account))
        return Candidate(
            account_id=account,
            company=company,
            state=state,
            domestic=domestic,
            opened_on=opened_on,
            closed_on=closed_on,
            named=account in named,
            since=named.get(account, 0),
            holder_id=LookupKind.PERSON in agreeing,
            holder_name=LookupKind.NAME in agreeing and (household, account) not in self._elsewhere,
            address=LookupKind.ADDRESS in agreeing,
        )


def _agreeing(mine: set[LookupRow], held: set[LookupRow] | None) -> set[int]:
    """Return the kinds of evidence in which a household and an account agree."""
    return {key.kind for key in mine & held if key.kind in _EVIDENCE} if held else set()


def _apart(household: Opened, customer: Customer) -> bool:
    return compare_dwellings(household.dwelling, customer.dwelling) is Near.OTHER
