"""The month of a move: the old account keeps what its closing bill drew, the new one gets what is left (case 47)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reporting import balance_of, bill, findings, place_of, report, send
from world import account, delta, household, listed, publish, roster, run, snapshot, take, water

from integration.domain.allowance import Kept, LinkSpan, due
from integration.jobs.hub import Hub
from integration.jobs.recompute_list import recompute_all
from integration.jobs.reconcile import reconcile
from schemas.values import OPEN_DAY, Month


def moved(hub: Hub, use: int, *, company: str = "city_water", on: int = 20261118) -> None:
    """A leaves W1 on 15 November for another account, and the closing bill comes with November's report."""
    take(hub, snapshot([household("A", 1, accounts={"city_water": "W1"})], position=10))
    roster(hub, "city_water", [account("W1", 1), account("W9", 9)])
    run(hub, "2026-11")
    publish(hub, "2026-11")
    place = place_of(hub, "city_water", "A")
    hub.clock.set("2026-11-17T10:00:00+08:00")
    gone, new = account("W1", 1, state="销户", closed=20261115), account("V2", 1, home=5, opened=20261116)
    roster(hub, "city_water", [gone, account("W9", 9), *([new] if company == "city_water" else [])])
    if company != "city_water":
        roster(hub, company, [new])
    here = household("A", 1, home=5, accounts={company: "V2"}, effective_on=20261116, version=50)
    take(hub, delta([here], position=60))
    run(hub, "2026-12")
    publish(hub, "2026-12")
    assert water(hub, "2026-11")["A"] == {"W1": 3000}
    hub.clock.set("2026-12-03T10:00:00+08:00")
    send(hub, report("2026-11", [bill("X", place, "2026-11", use, on=on)]))
    run(hub, "2026-12")


@pytest.mark.parametrize(
    ("use", "company", "stands"),
    [
        pytest.param(1000, "city_water", {"W1": 1000, "V2": 2000}, id="one company: what is left"),
        pytest.param(5000, "city_water", {"W1": 3000}, id="one company: nothing left"),
        pytest.param(1000, "suburb_water", {"W1": 3000}, id="two companies: the old one's"),
        pytest.param(0, "suburb_water", {"V2": 3000}, id="two companies: nothing drawn"),
    ],
)
def test_the_month_of_a_move_goes_where_the_closing_bill_leaves_it(
    sqlite_hub: Hub, use: int, company: str, stands: dict[str, int]
) -> None:
    """Edge cases 47, 63; settled reading 5."""
    moved(sqlite_hub, use, company=company)
    assert water(sqlite_hub, "2026-11")["A"] == stands
    assert run(sqlite_hub, "2026-12", full=True).rows == 0


def test_what_moves_is_told_to_the_company_and_every_run_follows_from_what_was_known(hub: Hub) -> None:
    moved(hub, 1000)
    publish(hub, "2026-12")
    rows = [(one["account"], one["change"], one["quantity_milli"]) for one in listed(hub, "city_water", 3)]
    assert rows == [("V2", "MOVE", 2000), ("W1", "MOVE", -2000)]
    reconcile(hub, actor="tester")
    assert findings(hub) == []
    assert balance_of(hub, "2026-11") == {"listed": 3000, "drawn": 1000, "awaiting": 2000}
    assert recompute_all(hub).same


def test_a_bill_from_before_the_move_closes_nothing(sqlite_hub: Hub) -> None:
    """Negative control: another bill of the old account may still come."""
    moved(sqlite_hub, 1000, on=20261105)
    assert water(sqlite_hub, "2026-11")["A"] == {"W1": 3000}


@given(st.integers(0, 4000), st.integers(1, 3), st.booleans())
def test_a_shared_month_is_one_allowance(keeps: int, account_id: int, held: bool) -> None:
    links = [LinkSpan(1, 20150101, 20261115, True), LinkSpan(2, 20261116, OPEN_DAY, True)]
    found = due(links, Month(2026, 11), 3000, entitled=True, held=held, kept=Kept(account_id, keeps))
    assert sum(found.values()) == 3000
    assert all(found.values())
    assert set(found) <= ({0} if held else {1, 2})
