"""Cities of random households through the jobs, on both databases, against the independent calculator."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import oracle_seen
import pytest
from oracle import COMPANIES, Outcome, reckon
from oracle_books import Reporting, balance, overdue_to, totals
from oracle_chance import LENGTH, Tape, life_of, setting_of
from oracle_city import LAST_DAY, City, hub_of
from oracle_histories import MONTHS
from test_oracle import postings_of, row_of

from integration.jobs.hub import Hub
from integration.jobs.reconcile import reconcile
from schemas.values import Month

HOUSEHOLDS = 50
REPORT_DUE_DAY = 10


def city_of(hub: Hub, seed: int) -> City:
    """A city whose policy, prices and households are drawn by a seed."""
    chance = random.Random(seed)
    setting = setting_of(Tape(chance.randbytes(LENGTH)))
    lives = [life_of(Tape(chance.randbytes(LENGTH)), setting) for _ in range(HOUSEHOLDS)]
    return City(hub_of(hub, setting), setting, lives, [reckon(setting, life) for life in lives])


def reckoned(city: City) -> list[Outcome]:
    """What the city comes to by the calculator, given the links that its accounts were found to have."""
    linked = oracle_seen.linked(city)
    city.lives = [
        replace(life, linked=linked.get(f"C{i}", ((),) * len(MONTHS))) for i, life in enumerate(city.lives, 1)
    ]
    return [reckon(city.setting, life, city.sent[i]) for i, life in enumerate(city.lives, 1)]


def agree_on_ledger(city: City, outcomes: Sequence[Outcome]) -> None:
    posted = oracle_seen.posted(city)
    for i, outcome in enumerate(outcomes, 1):
        assert posted.get(f"C{i}", []) == postings_of(outcome), (i, city.lives[i - 1])


def agree_on_lists(city: City, outcomes: Sequence[Outcome]) -> None:
    for company in COMPANIES:
        for number in range(1, len(MONTHS) + 1):
            assert oracle_seen.told(city, company, number) == _told(outcomes, company, number), (company, number)


def _told(outcomes: Sequence[Outcome], company: str, number: int) -> list[tuple[Any, ...]]:
    return sorted(
        (f"{row.account}{i}", int(row.month), row.quantity, row.change)
        for i, outcome in enumerate(outcomes, 1)
        for row in outcome.told[company].lists[number]
    )


def agree_on_bills(city: City, outcomes: Sequence[Outcome]) -> None:
    drawn = oracle_seen.drawn(city)
    for i, outcome in enumerate(outcomes, 1):
        mine = sorted(drawn.get(f"C{i}", []), key=repr)
        assert mine == sorted(map(row_of, outcome.judged), key=repr), (i, city.lives[i - 1])


def agree_on_books(city: City, outcomes: Sequence[Outcome]) -> None:
    for company in COMPANIES:
        reported = {Month.of(row.issued) for rows in city.sent.values() for row in rows if row.company == company}
        reporting = Reporting(reported, overdue_to(LAST_DAY, REPORT_DUE_DAY), city.setting.bills.accrual)
        for month, seen in oracle_seen.balance(city, company).items():
            mine = [balance(*pair, company, month, reporting) for pair in zip(city.lives, outcomes, strict=True)]
            assert seen == +sum(mine, Counter()), (company, month)
        for month in MONTHS:
            seen = oracle_seen.settled(city, company, month)
            mine = Counter[str]()
            for outcome in outcomes:
                mine.update(totals(outcome, company, month))
            assert (month in reported) == (seen is not None)
            assert seen is None or seen == mine, (company, month)


def play(hub: Hub, seed: int) -> None:
    city = city_of(hub, seed)
    city.play()
    reconcile(city.hub, actor="tester")
    outcomes = reckoned(city)
    agree_on_ledger(city, outcomes)
    agree_on_lists(city, outcomes)
    agree_on_bills(city, outcomes)
    agree_on_books(city, outcomes)


@pytest.mark.parametrize("seed", range(2))
def test_a_city_comes_to_the_same(hub: Hub, seed: int) -> None:
    play(hub, seed)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 42))
def test_many_cities_come_to_the_same(hub: Hub, seed: int) -> None:
    play(hub, seed)
