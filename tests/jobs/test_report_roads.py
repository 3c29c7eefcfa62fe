"""Two roads and many orders: whatever a month's reports look like, and however they arrive, they are judged alike.

Random reports of a small city, with errors of every kind. A row judged alone as it came in must be judged the same when
every household is judged anew from nothing, and any order of arrival must lead to the same draws and findings.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from reporting import PRICES, answer, bill, drawn, findings, place_of, report, send
from world import account, delta, household, publish, roster, run, snapshot, take

from integration.jobs.hub import Hub
from integration.jobs.reconcile import reconcile

_CERTIFICATES = [f"A{n}" for n in range(1, 13)]
_MONTHS = ("2026-10", "2026-11", "2026-12")
Place = tuple[str, str]


def city(hub: Hub) -> dict[str, Place]:
    """Twelve households; the last two are granted late, the first moves to another account."""
    home = {c: n for n, c in enumerate(_CERTIFICATES, 1)}
    early = [household(c, n, accounts={"city_water": f"W{n}"}) for c, n in home.items() if n < 11]
    take(hub, snapshot(early, as_of=20260920))
    roster(hub, "city_water", [account(f"W{n}", n) for n in range(1, 20)])
    hub.clock.set("2026-09-20T21:00:00+08:00")
    for month in _MONTHS:
        if month == "2026-12":
            late = [household(c, n, valid_from=20261001, version=20, grant=True) for c, n in home.items() if n > 10]
            moved = household("A1", 1, home=42, accounts={"city_water": "W19"}, effective_on=20261001, version=21)
            take(hub, delta([*late, moved], position=30, as_of=20261110))
            more = [account("W1", 1, state="销户", closed=20260930), account("W19", 1, home=42, opened=20261001)]
            roster(hub, "city_water", [*(account(f"W{n}", n) for n in range(2, 19)), *more])
        run(hub, month)
        publish(hub, month)
    hub.clock.set("2027-01-05T10:00:00+08:00")
    return {c: place_of(hub, "city_water", c) for c in _CERTIFICATES}


def rows_of(
    random: Random, places: dict[str, Place], month: str, number: int, years: dict[str, int]
) -> Iterator[dict[str, Any]]:
    """A month's rows, most of them right; ``years`` adds up what each used."""
    at = int(month.replace("-", ""))
    for c, place in places.items():
        name, use = f"{month}{c}", random.choice((0, 1000, 2500, 5000, 9000))
        day = at * 100 + random.randint(1, 28)
        chance = random.random()
        if chance < 0.06:
            continue
        if chance < 0.12:
            yield answer(
                place, month, random.choice(("NOT_FOUND", "HELD", "ZERO_USAGE", "NO_BILL_DUE")), listed_in=number
            )
            continue
        wrong = {"waived": random.choice((0, 1000, 4000))} if chance < 0.25 else {}
        first = {"month": f"2026-{at % 100 - 1:02d}", "to": month} if chance > 0.9 and at > 202610 else {"month": month}
        more = {"annual_before_milli": years.get(c, 0) + random.choice((0, 0, 0, 500))} if chance < 0.8 else {}
        more |= {"reading_from_milli": 2000, "reading_to_milli": random.choice((1000, 3000))} if chance > 0.7 else {}
        years[c] = years.get(c, 0) + use
        row = bill(name, place, use=use, on=day, listed_in=number, **first, **wrong, **more)
        yield row
        if random.random() < 0.15:
            yield row
        if random.random() < 0.2:
            waived = -row["waived_milli"]
            yield bill(f"{name}R", place, month, -use, on=day, waived=waived, kind="REVERSAL", refers_to=name)
            yield bill(f"{name}N", place, month, use, on=min(day + 1, at * 100 + 28), kind="REBILL", listed_in=number)
        elif random.random() < 0.2:
            less = -min(use, 1000)
            yield bill(f"{name}F", place, month, less, on=day, waived=less, kind="ACTUAL", refers_to=name)
        if random.random() < 0.1:
            yield bill(f"{name}S", place, month, 1500, on=day, kind="SUPPLEMENTARY", listed_in=number)
        if number == 3 and random.random() < 0.4:
            yield bill(
                f"{name}C", place, "2026-10", 2000, on=day, kind="RETRO", listed_in=3, price=PRICES["city_water"]
            )


def files(random: Random, places: dict[str, Place]) -> list[bytes]:
    """Three months' reports: originals, some with a supplement, some with a replacement."""
    found = []
    years: dict[str, int] = {}
    for number, month in enumerate(_MONTHS, 1):
        rows = list(rows_of(random, places, month, number, years))
        cut = len(rows) * 2 // 3
        if random.random() < 0.4:
            found.append(report(month, rows[:cut]))
            found.append(report(month, rows, kind="replace", edition=2))
        else:
            found.append(report(month, rows[:cut]))
            found.append(report(month, rows[cut:], kind="supplement", edition=2))
    return found


def state(hub: Hub) -> tuple[Any, ...]:
    """What the hub holds, but for the numbers that tell the order of arrival."""
    open_ones = sorted(
        (one.kind, one.month, one.household_id, one.bill_id, one.due_milli, one.reported_milli, one.stake_fen)
        for one in findings(hub)
    )
    return drawn(hub), open_ones


@pytest.mark.parametrize("seed", range(2))
def test_judged_alone_or_anew_is_judged_alike(hub: Hub, seed: int) -> None:
    places = city(hub)
    for content in files(Random(seed), places):
        assert send(hub, content).state == "applied"
    reconcile(hub, actor="tester")
    before = state(hub)
    made = reconcile(hub, actor="tester", full=True)
    assert [(one.households, one.opened, one.changed, one.closed) for one in made] == [(0, 0, 0, 0)] * len(made)
    assert state(hub) == before


@pytest.mark.parametrize("seed", range(6, 7))
def test_any_order_of_arrival_leads_to_the_same(hub_maker: Any, seed: int) -> None:
    states = []
    for order in range(3):
        hub = hub_maker()
        sent = files(Random(seed), city(hub))
        Random(order).shuffle(sent)
        for content in sent:
            assert send(hub, content).state == "applied"
        reconcile(hub, actor="tester")
        states.append(state(hub))
    assert all(a == b for a, b in pairwise(states))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 220))
def test_many_more_months_are_judged_alike(sqlite_hub: Hub, seed: int) -> None:
    places = city(sqlite_hub)
    for content in files(Random(seed), places):
        send(sqlite_hub, content)
    reconcile(sqlite_hub, actor="tester")
    made = reconcile(sqlite_hub, actor="tester", full=True)
    assert [(one.households, one.opened, one.changed, one.closed) for one in made] == [(0, 0, 0, 0)] * len(made)
