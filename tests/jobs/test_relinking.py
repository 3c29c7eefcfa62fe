"""Links over time: a change that nobody dated touches no month that was listed; who waits is not forgotten."""

from __future__ import annotations

import pytest
from world import account, delta, household, household_id, publish, roster, run, snapshot, take, water

from integration.jobs.hub import Hub
from integration.jobs.link_evidence import LinkRefused
from integration.jobs.match_queue import confirm_link
from schemas.values import Service

CLOSED = account("W1", 1, state="销户", closed=20261115)


def settled(hub: Hub, *more: dict[str, object]) -> None:
    """A1 has W1, listed for September to November."""
    take(hub, snapshot([household("A1", 1, accounts={"city_water": "W1"})], position=10))
    roster(hub, "city_water", [account("W1", 1), account("W9", 99), *more])
    for month in ("2026-09", "2026-10", "2026-11"):
        run(hub, month)
        publish(hub, month)


def listed_before(hub: Hub) -> list[dict[str | None, int]]:
    return [water(hub, month)["A1"] for month in ("2026-09", "2026-10", "2026-11")]


@pytest.mark.parametrize(
    ("company", "rows"),
    [
        pytest.param("city_water", [account("W1", 1), account("W2", 1, opened=20260801)], id="a newer connection"),
        pytest.param("city_water", [CLOSED, account("W2", 1, opened=20100101)], id="closed"),
        pytest.param("city_water", [account("N1", 1), account("W9", 99)], id="renumbered without a word"),
        pytest.param("suburb_water", [account("S2", 1, opened=20100101)], id="at the other company"),
    ],
)  # fmt: skip
def test_a_change_that_nobody_dated_leaves_listed_months_where_they_are(hub: Hub, clock, company: str, rows) -> None:
    """No old month is credited again on an account that turned up later (edge cases 47, 53, 60)."""
    settled(hub)
    clock.set("2026-11-18T10:00:00+08:00")
    roster(hub, company, rows)
    summary = run(hub, "2026-12")
    assert summary.earlier_rows == 0
    assert listed_before(hub) == [{"W1": 3000}] * 3
    assert sum(water(hub, "2026-12")["A1"].values()) == 3000


def test_who_waits_on_a_shared_account_is_linked_when_the_other_has_ended(hub: Hub, clock) -> None:
    """B does not wait for ever: when A ends, the account is B's (edge case 54)."""
    rows = [household(one, n, home=7, accounts={"city_water": "W1"}) for n, one in ((1, "A1"), (2, "B2"))]
    take(hub, snapshot(rows, position=10))
    roster(hub, "city_water", [account("W1", 9, home=7)])
    run(hub, "2026-11")
    assert water(hub, "2026-11") == {"A1": {"W1": 3000}, "B2": {None: 3000}}
    clock.set("2026-11-18T10:00:00+08:00")
    ended = household("A1", 1, home=7, status="ended", effective_on=20261101, version=50)
    take(hub, delta([ended], position=60))
    run(hub, "2026-12")
    assert water(hub, "2026-12") == {"B2": {"W1": 3000}}


def test_a_household_that_can_receive_nothing_blocks_nobody(hub: Hub) -> None:
    """A's certificate ran out in 2024 without a word; B's link to the same account does not wait for it."""
    gone = household("A1", 1, home=7, accounts={"city_water": "W1"}, valid_from=20230101, valid_to=20240630)
    take(hub, snapshot([gone], position=10))
    roster(hub, "city_water", [account("W1", 9, home=7)])
    run(hub, "2026-11")
    take(hub, delta([household("B2", 2, home=7, accounts={"city_water": "W1"}, version=50, grant=True)], position=60))
    run(hub, "2026-12")
    assert water(hub, "2026-12") == {"B2": {"W1": 3000}}


def test_naming_a_shared_account_costs_a_household_nothing_of_its_own(hub: Hub) -> None:
    """B keeps W2 while its claim on A's W1 waits; a person's word moves it, from the day that it named W1."""
    rows = [
        household("A1", 1, accounts={"city_water": "W1"}),
        household("B2", 2, accounts={"city_water": "W2"}),
    ]
    take(hub, snapshot(rows, position=10))
    roster(hub, "city_water", [account("W1", 1), account("W2", 2)])
    run(hub, "2026-11")
    named = household("B2", 2, home=1, accounts={"city_water": "W1"}, effective_on=20261120, version=50)
    take(hub, delta([named], position=60))
    run(hub, "2026-12")
    assert water(hub, "2026-12")["B2"] == {"W2": 3000}
    one = household_id(hub, "B2")
    confirm_link(hub, one, Service.WATER, actor="clerk")
    run(hub, "2027-01")
    assert [water(hub, month)["B2"] for month in ("2026-11", "2026-12", "2027-01")] == [
        {"W2": 3000},
        {"W1": 3000},
        {"W1": 3000},
    ]
    with pytest.raises(LinkRefused):
        confirm_link(hub, one, Service.WATER, actor="clerk")
