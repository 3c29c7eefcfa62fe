"""Dry runs: who gains, who loses, why and how much, and the database is as before."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from played import copied, on_each, play
from reporting import bill, place_of, report, send
from sqlalchemy import select
from test_explain import wider
from world import account, chunked, delta, household, household_id, link, publish, roster, run, snapshot, take

from integration.domain.policy import Policy
from integration.jobs.decide_hold import approve_release, propose_release
from integration.jobs.dry_run import DryRun, Wanted, dry_run, dry_run_of_hold
from integration.jobs.dry_run_bills import BillEffect
from integration.jobs.dry_run_totals import Changed, Effect
from integration.jobs.hub import Hub
from integration.jobs.preview_list import preview_list
from integration.storage.holds import HoldRefused
from integration.storage.keys import KeyRing
from integration.storage.tables import metadata
from schemas.values import Month

DECEMBER = Month(2026, 12)
EAST, WEST = "330102", "330103"


def digest(hub: Hub) -> str:
    """Over every row of every table."""
    found = hashlib.sha256()
    with hub.store.read() as connection:
        for table in metadata.sorted_tables:
            for row in connection.execute(select(table).order_by(*table.primary_key)):
                found.update(repr((table.name, *row)).encode())
    return found.hexdigest()


def rows(changed: Iterable[int] = (), **values: Any) -> list[dict[str, Any]]:
    """Forty households of two districts; 31 to 36 live in the country."""
    made = []
    for n in range(1, 41):
        category = "dibao_rural" if 31 <= n <= 36 else "dibao_urban"
        about = {"district": WEST if n > 20 else EAST, "category": category, "version": 50}
        made.append(household(f"A{n}", n, **about | (values if n in set(changed) else {})))
    return made


def city(hub: Hub) -> None:
    """November computed and published; accounts for the first thirty-eight at water, for thirty at gas."""
    take(hub, snapshot(rows(), position=60))
    roster(hub, "city_water", [account(f"W{n}", n) for n in range(1, 39)])
    roster(hub, "city_gas", [account(f"G{n}", n) for n in range(1, 31)])
    run(hub, "2026-11")
    publish(hub, "2026-11")


START = "2026-10-20T20:00:00+08:00"


@pytest.fixture(scope="module")
def played(sqlite_template: Path, ring: KeyRing, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return play(sqlite_template, tmp_path_factory.mktemp("played"), ring, START, city)


@pytest.fixture
def past(played: Path, ring: KeyRing, tmp_path: Path) -> Iterator[Hub]:
    """The city with its November."""
    with copied(played, tmp_path, ring, "2026-10-21T20:00:00+08:00") as hub:
        yield hub


@pytest.fixture(params=["sqlite", "postgresql"])
def hub(request: pytest.FixtureRequest) -> Iterator[Hub]:
    """The same on each database."""
    with on_each(request, START, city) as made:
        yield made


def policies(hub: Hub) -> Policy:
    """Water for the countryside as well, gas for nobody."""
    water = {"categories": ["dibao_urban", "dibao_rural"], "allowance_milli": 3000}
    return wider(hub.policy, water=water, gas={"categories": ["dibao_urban"], "allowance_milli": 0})


def of(found: DryRun, company: str) -> list[Effect]:
    return [one for one in found.effects if one.company == company]


def test_another_policy_and_a_held_file_show_who_gains_and_loses_where_why_and_how_much(hub: Hub) -> None:
    """Six of the countryside gain water and thirty-four of the town lose gas.

    Then a snapshot is held that forgets thirty: released, they end, and the limit that it tripped stands beside.
    """
    told: list[Changed] = []
    before = digest(hub)
    found = dry_run(hub, DECEMBER, policy=policies(hub), wanted=Wanted(3, told.append))
    assert digest(hub) == before
    water, gas = of(found, "city_water"), of(found, "city_gas")
    assert [(one.district, one.category, one.verdict_before, one.verdict_after) for one in water] == [
        (WEST, "dibao_rural", "category_not_served", "entitled")
    ]
    assert [(one.households, one.gained_milli, one.lost_milli, one.gained_fen, one.lost_fen) for one in water] == [
        (6, 18_000, 0, 6 * 660, 0)
    ]
    assert [(one.district, one.households, one.lost_milli, one.lost_fen) for one in gas] == [
        (EAST, 20, 60_000, 20 * 791), (WEST, 10, 30_000, 10 * 791)
    ]  # fmt: skip
    waiting = of(found, "")  # four households of the town have no gas account yet: no price either
    assert [(one.households, one.lost_milli, one.lost_fen) for one in waiting] == [(4, 12_000, 0)]
    assert (found.households_gaining, found.households_losing) == (6, 34)
    assert (found.gained_fen, found.lost_fen) == (3960, 30 * 791)
    assert [one.household for one in found.losses] == [1, 2, 3]
    assert Counter(one.service for one in told) == {"water": 6, "gas": 34}
    assert [one.household for one in told] == sorted(one.household for one in told)
    assert (told[0].company_before, told[0].account_before, told[0].account_after) == ("city_gas", "G1", "")
    held = take(hub, snapshot(rows()[:10], position=90, as_of=20261021))
    assert held.state == "held"
    before = digest(hub)
    released = dry_run_of_hold(hub, held.hold_id or 0)
    assert digest(hub) == before
    assert released.month == "2026-12"
    assert released.households_losing == 24  # of the thirty six are not served and lose nothing
    assert {(one.verdict_before, one.verdict_after) for one in released.losses} == {("entitled", "absent")}
    assert {trip.limit for trip in released.trips} == {"district_absent"}


def test_what_each_list_s_brake_would_say_is_shown_before_release(past: Hub) -> None:
    """Thirty gas accounts would end at once: over every limit; six begin at water, within all of them."""
    hub = past
    found = {one.company: one for one in dry_run(hub, DECEMBER, policy=policies(hub)).companies}
    water, gas = found["city_water"], found["city_gas"]
    assert (gas.rows_before, gas.rows_after, gas.ends, gas.stopping) == (30, 0, 30, 30)
    assert {trip.limit for trip in gas.trips} == {"ends", "ends_district"}
    assert (water.rows_before, water.rows_after, water.additions, water.trips) == (32, 38, 6, [])


def test_a_household_that_would_move_is_a_change_at_its_company_and_no_loss(past: Hub) -> None:
    """It names another account in another file: one stops, one starts, and nothing is gained or lost."""
    hub = past
    roster(hub, "city_water", [*(account(f"W{n}", n) for n in range(1, 39)), account("W99", 1, home=99)])
    link(hub)
    moved = household("A1", 1, home=99, accounts={"city_water": "W99"}, effective_on=20261101, version=70)
    found = dry_run(hub, DECEMBER, registry=chunked(delta([moved], position=70, as_of=20261020)))
    water = next(one for one in found.companies if one.company == "city_water")
    assert (found.households_moving, found.households_losing, found.households_gaining) == (1, 0, 0)
    assert (water.starting, water.stopping, water.changes, water.ends, water.additions) == (1, 1, 1, 0, 0)
    assert [(one.verdict_before, one.verdict_after, one.gained_milli) for one in of(found, "city_water")] == [
        ("entitled", "entitled", 0)
    ]


def test_a_held_list_shows_what_would_go_out(past: Hub) -> None:
    """Its rows by change, whom it stops, and the limits; nothing is published by looking."""
    hub = past
    ended = rows(range(1, 31), status="ended", effective_on=20261025, version=80)[:30]
    held = take(hub, delta(ended, position=90, as_of=20261020)).hold_id or 0
    propose_release(hub, held, "核实无误", actor="one")
    approve_release(hub, held, actor="two")
    run(hub, "2026-12")
    results = publish(hub, "2026-12")
    assert results["city_gas"].state == "held"
    before = digest(hub)
    found = preview_list(hub, "city_gas", DECEMBER, most=2)
    assert digest(hub) == before
    assert (found.rows, found.base, found.ends, found.additions) == (30, 30, 30, 0)
    assert found.changes["STOP"].rows == 30
    assert [trip.limit for trip in found.trips] == [trip.limit for trip in results["city_gas"].trips]
    assert found.households == [(household_id(hub, "A1"), "STOP"), (household_id(hub, "A2"), "STOP")]
    with pytest.raises(HoldRefused, match="no hold 99"):
        dry_run_of_hold(hub, 99)
    with pytest.raises(HoldRefused, match="holds no file"):
        dry_run_of_hold(hub, results["city_gas"].hold_id or 0)


def test_a_plain_dry_run_gives_the_reasons_of_the_last_run(past: Hub) -> None:
    """Entitled then, ended now: the reason on both sides, against what the ledger holds."""
    hub = past
    take(hub, delta(rows([2], status="ended", effective_on=20261101, version=80)[1:2], position=90, as_of=20261020))
    found = dry_run(hub, DECEMBER)
    assert [(one.household, one.service, one.verdict_before, one.verdict_after) for one in found.losses] == [
        (household_id(hub, "A2"), service, "entitled", "ended") for service in ("gas", "water")
    ]
    assert found.lost_fen == 660 + 791


def test_a_policy_about_bills_is_replayed_over_a_month_that_was_reported(past: Hub) -> None:
    """4 m³ of two months, one of them entitled: 3 by the cap, 2 by the share; and a bill of one month is the same."""
    hub = past
    both = bill("B1", place_of(hub, "city_water", "A1"), "2026-10", 4000, to="2026-11", waived=3000)
    single = bill("B2", place_of(hub, "city_water", "A2"), "2026-11", 2000)
    hub.clock.set("2026-12-05T10:00:00+08:00")
    send(hub, report("2026-11", [both, single]))
    before = digest(hub)
    same = dry_run(hub, DECEMBER, bills=Month(2026, 11)).bills
    other = dry_run(hub, DECEMBER, policy=wider(hub.policy, cover_rule="prorate_usage"), bills=Month(2026, 11)).bills
    assert digest(hub) == before
    due = {"due_before_milli": 5000, "due_before_fen": 1100}
    as_now = BillEffect(company="city_water", bills=2, **due, due_after_milli=5000, due_after_fen=1100)
    assert (same, other) == (
        [as_now],
        [BillEffect(company="city_water", bills=2, differing=1, **due, due_after_milli=4000, due_after_fen=880)],
    )
