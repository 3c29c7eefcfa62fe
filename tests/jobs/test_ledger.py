"""The ledger posts differences: once, in any month, and never takes back what was granted."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import func, select
from world import (
    account,
    delta,
    due,
    household,
    link,
    list_bytes,
    listed,
    publish,
    roster,
    run,
    snapshot,
    take,
    water,
)

from integration.jobs.compute_month import MonthRefused, compute_month
from integration.jobs.hub import Hub
from integration.jobs.list_rows import build_rows
from integration.storage.lists import Scope
from integration.storage.tables import postings, runs
from schemas.lists import ListKind, ListRow
from schemas.values import Month, Service


def two_households(hub: Hub) -> None:
    """A1 has an account that agrees, B2 has none; both are entitled to everything."""
    take(hub, snapshot([household("A1", 1, accounts={"city_water": "W1"}), household("B2", 2)], position=10))
    roster(hub, "city_water", [account("W1", 1), account("W9", 99)])


def test_a_household_without_an_account_keeps_its_allowance(hub: Hub) -> None:
    """What finds no account is due at none yet; nobody is left out (edge case 55)."""
    two_households(hub)
    run(hub, "2026-11")
    assert due(hub, "2026-11") == {
        ("A1", "water"): {"W1": 3000},
        ("A1", "gas"): {None: 3000},
        ("B2", "water"): {None: 3000},
        ("B2", "gas"): {None: 3000},
    }


def test_running_again_posts_nothing(hub: Hub) -> None:
    """A run is idempotent: its second and third time find nothing to post."""
    two_households(hub)
    run(hub, "2026-11")
    assert [run(hub, "2026-11").rows, run(hub, "2026-11", full=True).rows] == [0, 0]


def test_an_account_found_later_takes_all_months_that_waited(hub: Hub) -> None:
    """A link found in December moves November from none yet to the account: a RETRO row for the company."""
    two_households(hub)
    run(hub, "2026-11")
    publish(hub, "2026-11")
    roster(hub, "city_water", [account("W1", 1), account("W2", 2, opened=20200101), account("W9", 99)])
    summary = run(hub, "2026-12")
    publish(hub, "2026-12")
    assert (summary.earlier_rows, summary.earlier_quantity_milli) == (2, 0)
    assert water(hub, "2026-11")["B2"] == {"W2": 3000}
    rows = {
        (row["account"], row["month"], row["change"]): row["quantity_milli"] for row in listed(hub, "city_water", 2)
    }
    assert rows == {("W1", 202612, "KEEP"): 3000, ("W2", 202611, "RETRO"): 3000, ("W2", 202612, "NEW"): 3000}


def test_a_match_pending_for_years_loses_nothing(hub: Hub) -> None:
    """The look-back does not run while a match is pending: the first month is still made good after fifteen."""
    two_households(hub)
    month = Month(2026, 11)
    for later in range(15):
        run(hub, str(month.plus(later)))
    roster(hub, "city_water", [account("W1", 1), account("W2", 2, opened=20200101), account("W9", 99)])
    run(hub, str(month.plus(15)))
    assert [water(hub, str(month.plus(later)))["B2"] for later in range(16)] == [{"W2": 3000}] * 16


def test_a_back_dated_grant_reaches_back_as_far_as_the_policy_says(hub: Hub) -> None:
    """Granted from long ago, a household gets the months within the look-back, and those alone (edge case 36)."""
    two_households(hub)
    month = Month(2026, 11)
    for later in range(15):
        run(hub, str(month.plus(later)))
    take(hub, delta([household("C3", 3, version=50, grant=True)], position=60))
    run(hub, str(month.plus(15)))
    granted = [str(month.plus(later)) for later in range(16) if "C3" in water(hub, str(month.plus(later)))]
    assert granted == [str(month.plus(later)) for later in range(3, 16)]


def test_a_late_revocation_takes_nothing_back(hub: Hub) -> None:
    """Ended from October by a word that came in November: November stays, December has nothing (edge case 37)."""
    two_households(hub)
    run(hub, "2026-11")
    take(hub, delta([household("A1", 1, status="ended", effective_on=20261001, version=50)], position=60))
    run(hub, "2026-12")
    assert "A1" in water(hub, "2026-11")
    assert "A1" not in water(hub, "2026-12")


def test_a_household_restored_within_the_month_has_no_gap_and_no_second_allowance(hub: Hub) -> None:
    """Revoked and restored on appeal: one allowance a month throughout (edge case 39)."""
    two_households(hub)
    run(hub, "2026-11")
    ended = household("A1", 1, status="ended", effective_on=20261105, version=50, accounts={"city_water": "W1"})
    restored = household("A1", 1, effective_on=20261106, version=51, accounts={"city_water": "W1"})
    take(hub, delta([ended], position=60))
    take(hub, delta([restored], position=61))
    run(hub, "2026-12")
    run(hub, "2026-11")
    assert [water(hub, month)["A1"] for month in ("2026-11", "2026-12")] == [{"W1": 3000}] * 2


def test_a_wrong_link_found_moves_its_months_in_one_run(hub: Hub) -> None:
    """The household names another account from the start: −3000 here, +3000 there, told to the company as MOVE."""
    two_households(hub)
    roster(hub, "city_water", [account("W1", 1), account("W5", 1, opened=20260301), account("W9", 99)])
    run(hub, "2026-11")
    publish(hub, "2026-11")
    corrected = household("A1", 1, effective_on=20261101, version=50, accounts={"city_water": "W5"}, home=77)
    take(hub, delta([corrected], position=60))
    before = water(hub, "2026-11")["A1"]
    run(hub, "2026-12")
    publish(hub, "2026-12")
    after = water(hub, "2026-11")["A1"]
    moved = {(row["account"], row["quantity_milli"]) for row in listed(hub, "city_water", 2) if row["change"] == "MOVE"}
    if before != after:
        assert moved == {(next(iter(before)), -3000), (next(iter(after)), 3000)}
    assert sum(after.values()) == 3000


def test_no_month_may_be_left_out(hub: Hub) -> None:
    """A run tells which month comes first instead of leaving a hole."""
    two_households(hub)
    run(hub, "2026-11")
    with pytest.raises(MonthRefused, match="2026-12"):
        run(hub, "2027-01")
    with pytest.raises(MonthRefused, match="2026-11"):
        run(hub, "2026-10")


def test_a_list_may_not_overtake_the_one_before(hub: Hub) -> None:
    """December is not published while November's list is not, or November's rows would never be listed."""
    two_households(hub)
    run(hub, "2026-11")
    run(hub, "2026-12")
    refused = publish(hub, "2026-12")["city_water"]
    assert (refused.state, refused.number, "2026-11" in refused.reason) == ("refused", None, True)


def test_of_two_racing_runs_one_posts(hub: Hub) -> None:
    """Two threads compute one month at once: the ledger holds it once, and both come to an end."""
    two_households(hub)
    link(hub)
    barrier, rows = threading.Barrier(2), []

    def race() -> None:
        barrier.wait()
        rows.append(compute_month(hub, Month(2026, 11), actor="racer").rows)

    threads = [threading.Thread(target=race) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with hub.store.read() as connection:
        posted = connection.execute(select(func.count()).select_from(postings)).scalar_one()
        numbers = sorted(n for (n,) in connection.execute(select(runs.c.n)))
    assert (sorted(rows), posted, numbers) == ([0, 4], 4, [1, 2])


def test_a_list_recomputed_as_known_then_is_the_same(hub: Hub) -> None:
    """After a renumbering and a later run, November's list is built again from the same facts, row by row."""
    two_households(hub)
    run(hub, "2026-11")
    publish(hub, "2026-11")
    roster(hub, "city_water", [account("N1", 1, predecessor="W1"), account("W9", 99)])
    take(hub, delta([household("B2", 2, status="ended", effective_on=20261101, version=50)], position=60))
    run(hub, "2026-12")
    publish(hub, "2026-12")
    with hub.store.read() as connection:
        first_run, cut_off = connection.execute(select(runs.c.run_id, runs.c.cut_off).order_by(runs.c.run_id)).first()
    with hub.store.write(dry_run=True) as connection:
        scope = Scope("city_water", Service.WATER, Month(2026, 11), first_run, cut_off, None)
        batches = build_rows(hub, connection, scope, ListKind.REGULAR, [], lambda *_: None)
        rows = [row for batch in batches for row in batch]
    assert [row._asdict() for row in rows] == listed(hub, "city_water", 1)
    assert [row.account for row in rows] == ["W1"]
    assert listed(hub, "city_water", 2)[0]["account"] == "N1"


def test_an_empty_list_is_published_and_numbered(hub: Hub) -> None:
    """A company with nobody on its list learns so (settled reading 9)."""
    two_households(hub)
    run(hub, "2026-11")
    results = publish(hub, "2026-11")
    assert (results["suburb_water"].state, results["suburb_water"].number, results["suburb_water"].rows) == (
        "published",
        1,
        0,
    )
    assert list_bytes(hub, "suburb_water", 1, "ndjson") == b""


def test_what_came_after_the_regular_list_goes_into_a_supplement(hub: Hub) -> None:
    """A grant between list and month is a RETRO row of a supplement; publishing without news publishes nothing."""
    two_households(hub)
    run(hub, "2026-11")
    publish(hub, "2026-11")
    assert {result.state for result in publish(hub, "2026-11").values()} == {"nothing_new"}
    roster(hub, "city_water", [account("W1", 1), account("W2", 2, opened=20200101), account("W9", 99)])
    run(hub, "2026-11")
    result = publish(hub, "2026-11")["city_water"]
    (row,) = listed(hub, "city_water", 2)
    assert (result.number, result.kind) == (2, "supplement")
    assert (row["account"], row["month"], row["quantity_milli"], row["change"]) == ("W2", 202611, 3000, "RETRO")


def test_a_row_tells_a_company_nothing_but_its_own(hub: Hub) -> None:
    """The fields of a row are the six of the contract, whatever the household is."""
    assert ListRow._fields == ("reference", "account", "service", "month", "quantity_milli", "change")
    two_households(hub)
    run(hub, "2026-11")
    publish(hub, "2026-11")
    assert {frozenset(row) for row in listed(hub, "city_water", 1)} == {frozenset(ListRow._fields)}
