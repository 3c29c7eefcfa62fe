"""A city whose truth is known, through the real jobs: no false link, hardly anybody missed."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select
from world import account, certificates, link, roster, snapshot, take

from bench.matching_city import SERVICES, UNFINDABLE, Case, City, make_city, registry_records
from integration.domain.policy import Policy, load_policy
from integration.jobs.hub import Hub
from integration.jobs.match_queue import match_queue
from integration.storage.tables import OPEN_VERSION, account_numbers, links

COMPANIES = {"water": "city_water", "gas": "city_gas"}


def brought_in(hub: Hub, city: City) -> None:
    take(hub, snapshot(list(registry_records(city))))
    for service in SERVICES:
        rows = [
            account(one.number, name=one.name, id_number=one.id_number, low_income=one.low_income)
            | {"address": one.address}
            for one in city.accounts
            if one.service == service
        ]
        roster(hub, COMPANIES[service], rows)


class Outcome:
    """What the hub made of a city: links right and wrong, and whose account stands in the queue."""

    def __init__(self, hub: Hub, city: City) -> None:
        self._city = city
        index = {one: int(number[1:]) for one, number in certificates(hub).items()}
        with hub.store.read() as connection:
            n = account_numbers.c
            numbers = dict(connection.execute(select(n.account_id, n.number)).all())
            query = select(links.c.household_id, links.c.service, links.c.account_id, links.c.evidence)
            rows = connection.execute(query.where(links.c.known_to == OPEN_VERSION, links.c.confirmed == 1)).all()
        self.linked = {(index[one], service): (numbers[account], evidence) for one, service, account, evidence in rows}
        self.queued = {
            (index[one.household], one.service): [each.account for each in one.candidates] for one in match_queue(hub)
        }

    def wrong(self) -> list[tuple[Any, ...]]:
        truth = self._city.truth
        return [(key, *truth[key], *found) for key, found in self.linked.items() if found[0] != truth[key][0]]

    def missed(self) -> Counter[Case]:
        return Counter(
            case
            for key, (number, case) in self._city.truth.items()
            if case not in UNFINDABLE
            and self.linked.get(key, ("",))[0] != number
            and number not in self.queued.get(key, ())
        )

    def by_itself(self) -> Counter[Case]:
        return Counter(self._city.truth[key][1] for key, (_, by) in self.linked.items() if by == "near_certain")


def findable(city: City) -> int:
    return sum(case not in UNFINDABLE for _, case in city.truth.values())


def weakened(policy: Policy, **values: int) -> Policy:
    """The policy with other values of some parameters."""
    raw = json.loads(policy.content)
    for name, value in values.items():
        raw[name]["values"] = [{"from": "2006-01", "value": value}]
    return load_policy({"test": raw})


def judged(hub: Hub, city: City) -> Outcome:
    brought_in(hub, city)
    link(hub)
    return Outcome(hub, city)


def test_a_city_is_linked_without_a_single_false_link(sqlite_hub: Hub) -> None:
    city = make_city(1_000, neighbours=1)
    found = judged(sqlite_hub, city)
    assert found.wrong() == []
    assert sum(found.missed().values()) * 100 <= findable(city) * 5, found.missed()
    assert found.by_itself().keys() >= {Case.MEMBER_WITHOUT_ID, Case.ID_SLIP, Case.RENAMED_STREET, Case.NAMED_SLIP}
    assert link(sqlite_hub).made == 0


@pytest.mark.soak
def test_a_larger_city_with_more_namesakes_is_linked_without_a_single_false_link(sqlite_hub: Hub) -> None:
    city = make_city(8_000, seed=7, neighbours=4)
    found = judged(sqlite_hub, city)
    assert (found.wrong(), sum(found.missed().values())) == ([], 0)


def test_both_databases_link_a_city_alike(hub: Hub) -> None:
    city = make_city(60, seed=2)
    found = judged(hub, city)
    assert (found.wrong(), sum(found.missed().values())) == ([], 0)
    assert sum(found.by_itself().values()) == 27


def test_a_threshold_that_is_too_low_links_strangers(sqlite_hub: Hub) -> None:
    """The negative control: without it, a city without traps would pass the first test as well."""
    low = weakened(sqlite_hub.policy, match_certain_per_mille=880, match_lead_per_mille=0)
    found = judged(replace(sqlite_hub, policy=low), make_city(60, neighbours=1))
    assert {case for _, _, case, *_ in found.wrong()} & UNFINDABLE
