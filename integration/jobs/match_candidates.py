"""Candidates of households that have no account at some service: found by keys, unsealed, and scored one by one.

The personal data of the households and of their candidates alone is opened, in memory, and only scores and codes leave.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from sqlalchemy import Connection

from integration.clock import today
from integration.domain.matching import Evidence
from integration.domain.policy import MonthPolicy
from integration.domain.similarity import Customer, Linked, Profile, Score, score
from integration.jobs.hub import Hub
from integration.jobs.intake import parts
from integration.jobs.link_evidence import LINKED, Gathered
from integration.jobs.match_opening import open_customer, open_households
from integration.storage import links, matches, rosters
from integration.storage.matches import SealedCustomer
from integration.storage.pii import LookupKind
from integration.storage.registry import LookupRow
from schemas.values import AccountState, Month, Service

#: Exact keys that find a dwelling; names alone find nobody.
_OF_DWELLING = (LookupKind.ADDRESS, LookupKind.PLACE)


class Waiting:
    """Households of a batch that wait for an account at some service, with all that may be their accounts."""

    def __init__(
        self, hub: Hub, connection: Connection, ids: Sequence[int], policy: MonthPolicy, services: Collection[Service]
    ) -> None:
        self._hub = hub
        self._connection = connection
        self._policy = policy
        self.gathered = Gathered(hub, connection, ids)
        self.needs = {one: need for one in ids if (need := self._needs(one, services))}
        self._opened = open_households(hub, connection, sorted(self.needs))
        self._elsewhere = self._keys_elsewhere()
        self.keys = {one: self._keys(one) for one in self._opened}
        self._met = self._accounts_met()
        self.customers = self._gather_customers()
        self._compared: dict[int, Customer] = {}

    def _needs(self, household: int, services: Collection[Service]) -> list[Service]:
        return [service for service in LINKED if service in services and self.gathered.waits(household, service)]

    def _links(self, household: int) -> list[links.Current]:
        """Return what the household has, of its own right, at any service."""
        return [one for one in self.gathered.current.get(household, ()) if one.span.confirmed]

    def _keys_elsewhere(self) -> dict[int, frozenset[LookupRow]]:
        """Return the keys of the accounts that these households have elsewhere: holder and dwelling are evidence."""
        accounts = sorted({one.span.account_id for household in self._opened for one in self._links(household)})
        held = rosters.lookups_of(self._connection, accounts)
        return {
            account: frozenset(key for key in keys if key.kind in matches.ELSEWHERE) for account, keys in held.items()
        }

    def _keys(self, household: int) -> frozenset[LookupRow]:
        of_dwelling = {key for key in self.gathered.keys[household] if key.kind in _OF_DWELLING}
        elsewhere = (self._elsewhere.get(one.span.account_id, frozenset()) for one in self._links(household))
        return self._opened[household].keys.union(of_dwelling, *elsewhere)

    def _accounts_met(self) -> dict[LookupRow, list[int]]:
        met = {}
        for part in parts(sorted({key for keys in self.keys.values() for key in keys})):
            met.update(matches.accounts_met(self._connection, part, self._policy.match_block_accounts))
        return met

    def _gather_customers(self) -> dict[int, SealedCustomer]:
        wanted = {account for accounts in self._met.values() for account in accounts}
        for one in self._opened:
            wanted |= self.gathered.named(one) | {link.span.account_id for link in self.gathered.current.get(one, ())}
        found: dict[int, SealedCustomer] = {}
        for part in parts(sorted(wanted)):
            found |= matches.customers(self._connection, part)
            self.gathered.learn_owners(self._connection, part)
        return found

    def scores(self, household: int, service: Service) -> Iterator[Score]:
        """Yield the score of every account that the household may have at a service and nobody has refused."""
        opened = self._opened.get(household)
        if opened is None:
            return
        elsewhere = [
            Linked(self._customer(link.span.account_id), link.evidence == Evidence.CONFIRMED)
            for link in self._links(household)
            if link.service != service and link.span.account_id in self.customers
        ]
        profile = Profile(opened.members, opened.dwelling, opened.named, elsewhere)
        for account in sorted(self._possible(household, service)):
            taken = self.gathered.is_taken(household, account, service)
            yield score(profile, self._customer(account), self._policy.match_weights, taken=taken)

    def _possible(self, household: int, service: Service) -> Iterator[int]:
        met = {account for key in self.keys[household] for account in self._met.get(key, ())}
        met |= self.gathered.named(household)
        met |= {one.span.account_id for one in self.gathered.current.get(household, ())}
        for account in met:
            customer = self.customers.get(account)
            if customer is None or customer.state == AccountState.CLOSED:
                continue
            company = self._hub.companies.get(customer.company)
            refused = (household, service.value, account) in self.gathered.refused
            if company is not None and service in company.services and not refused:
                yield account

    def _customer(self, account: int) -> Customer:
        if account not in self._compared:
            self._compared[account] = open_customer(self._hub, self.customers[account])
        return self._compared[account]


def current_policy(hub: Hub) -> MonthPolicy:
    """Return the policy of this month, by which matches are judged."""
    return hub.policy.at(Month.of(today(hub.clock)))
