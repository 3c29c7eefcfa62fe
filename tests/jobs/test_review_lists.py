"""What a review of lists, runs and their configuration found, and how it is now."""

from __future__ import annotations

import tomllib

import pytest
from world import account, chunked, delta, household, link, listed, publish, roster, run, snapshot, take

from adapters.companies import load_companies
from integration.app import config_folder
from integration.domain.policy import load_policy
from integration.jobs.compute_month import MonthRefused, compute_month
from integration.jobs.decide_hold import approve_release, propose_release
from integration.jobs.dry_run import dry_run
from integration.jobs.hub import Hub
from integration.jobs.publish import ListRefused, PublishResult, publish_month
from schemas.configuration import ConfigurationRefused
from schemas.values import Month

CITY = range(1, 61)
DISTRICTS = ("330102", "330103", "330104")


def city(hub: Hub) -> None:
    """Sixty households with an account for water; November would stop thirty of them, as their papers ran out."""
    rows = [household(f"A{n}", n, valid_to=20260831 if n <= 30 else 20281231, district=DISTRICTS[n % 3]) for n in CITY]
    take(hub, snapshot(rows))
    roster(hub, "city_water", [account(f"W{n}", n) for n in CITY])


def november_held(hub: Hub) -> dict[str, PublishResult]:
    city(hub)
    for month in ("2026-10", "2026-11"):
        run(hub, month)
        found = publish(hub, month)
    return found


def release(hub: Hub, result: PublishResult) -> None:
    assert result.hold_id is not None
    propose_release(hub, result.hold_id, "as it should be", actor="clerk")
    approve_release(hub, result.hold_id, actor="supervisor")


# --- publishing ------------------------------------------------------------------------------------------------


def test_a_refused_company_keeps_no_other_from_its_list(hub: Hub) -> None:
    """City water's November is held, so its December is refused with what comes first; gas gets its December."""
    november = november_held(hub)
    run(hub, "2026-12")
    december = publish(hub, "2026-12")
    assert (november["city_water"].state, november["city_gas"].state) == ("held", "published")
    assert (december["city_water"].state, december["city_gas"].state) == ("refused", "published")
    assert "2026-11" in december["city_water"].reason


def test_a_month_that_nobody_computed_is_refused_to_all(hub: Hub) -> None:
    city(hub)
    with pytest.raises(ListRefused, match="2026-11"):
        publish_month(hub, Month(2026, 11), actor="tester")


def test_a_released_list_stays_released_after_a_run_that_moves_no_more(hub: Hub) -> None:
    """Two persons released thirty ends; a run with no news about them needs no third and fourth person."""
    release(hub, november_held(hub)["city_water"])
    run(hub, "2026-11")
    assert publish(hub, "2026-11")["city_water"].state == "published"


def test_what_goes_beyond_the_released_is_held_again(hub: Hub) -> None:
    """Thirty ends were released; a dozen in one district that come as well were not."""
    first = november_held(hub)["city_water"]
    release(hub, first)
    more = range(101, 113)
    come = [household(f"B{n}", n, district=DISTRICTS[0], version=60, grant=True) for n in more]
    take(hub, delta(come, position=60))
    roster(hub, "city_water", [account(f"W{n}", n) for n in (*CITY, *more)])
    run(hub, "2026-11")
    second = publish(hub, "2026-11")["city_water"]
    assert second.state == "held"
    assert second.hold_id != first.hold_id
    assert {trip.limit for trip in second.trips} > {trip.limit for trip in first.trips}


# --- rows ------------------------------------------------------------------------------------------------------


def december_changes(hub: Hub, number: int) -> dict[str, list[str]]:
    """The changes of each account in December's list, in its order."""
    changes: dict[str, list[str]] = {}
    for row in listed(hub, "city_water", number):
        if row["month"] == 202612:
            changes.setdefault(row["account"], []).append(row["change"])
    return changes


def test_an_account_s_old_household_ends_before_its_new_one_begins(hub: Hub) -> None:
    """Whoever reads the list by account must end with the new holder entitled, whatever the random references are."""
    old = range(1, 9)
    take(hub, snapshot([household(f"A{n}", n, accounts={"city_water": f"W{n}"}) for n in old]))
    roster(hub, "city_water", [account(f"W{n}", n) for n in old])
    run(hub, "2026-11")
    publish(hub, "2026-11")
    gone = [household(f"A{n}", n, status="ended", effective_on=20261101, version=50) for n in old]
    take(hub, delta(gone, position=60))
    link(hub)
    named = [{"city_water": f"W{n}"} for n in old]
    come = [
        household(f"B{n}", 100 + n, accounts=one, valid_from=20261101, version=60, grant=True)
        for n, one in zip(old, named, strict=True)
    ]
    take(hub, delta(come, position=61))
    roster(hub, "city_water", [account(f"W{n}", 100 + n) for n in old])
    run(hub, "2026-12")
    publish(hub, "2026-12")
    assert december_changes(hub, 2) == {f"W{n}": ["STOP", "NEW"] for n in old}


def test_a_number_given_to_another_account_is_not_stopped(hub: Hub) -> None:
    """A1's W1 was closed, and its number now means B2's new connection, which the same list entitles."""
    take(hub, snapshot([household("A1", 1), household("B2", 2), household("C3", 3)]))
    roster(hub, "city_water", [account("W1", 1), account("W3", 3)])
    run(hub, "2026-11")
    publish(hub, "2026-11")
    hub.clock.set("2026-11-10T12:00:00+08:00")
    roster(hub, "city_water", [account("W1", 1, state="销户", closed=20261102)])
    roster(hub, "city_water", [account("W1", 2, opened=20261105)])
    run(hub, "2026-12")
    publish(hub, "2026-12")
    assert december_changes(hub, 2) == {"W1": ["NEW"], "W3": ["STOP"]}


# --- runs ------------------------------------------------------------------------------------------------------


def test_a_month_after_the_next_is_refused(hub: Hub) -> None:
    """By the clock, in Shanghai: what is computed too early would stand for ever."""
    city(hub)
    hub.clock.set("2026-10-31T23:59:59+08:00")
    compute_month(hub, Month(2026, 11), actor="tester")
    with pytest.raises(MonthRefused, match="2026-11"):
        compute_month(hub, Month(2026, 12), actor="tester")
    hub.clock.set("2026-11-01T00:00:00+08:00")
    assert compute_month(hub, Month(2026, 12), actor="tester").month == "2026-12"


def test_a_dry_run_shows_what_each_company_s_list_would_be(hub: Hub) -> None:
    """Ten households fewer, one of them elsewhere; and once the month is posted nothing is taken back."""
    rows = [household(f"A{n}", n) for n in CITY]
    take(hub, snapshot(rows))
    roster(hub, "city_water", [account(f"W{n}", n) for n in CITY])
    link(hub)
    fewer = chunked(snapshot(rows[1:], position=20, as_of=20261021))
    before = dry_run(hub, Month(2026, 11), registry=fewer)
    run(hub, "2026-11")
    after = dry_run(hub, Month(2026, 11), registry=fewer)
    shown = {one.company: one for one in before.companies}
    assert (shown["city_water"].rows_before, shown["city_water"].rows_after) == (60, 59)
    assert (shown["city_water"].starting, shown["city_water"].stopping, shown["city_gas"].rows_before) == (0, 1, 0)
    assert (before.already_posted, before.households_losing) == (False, 1)
    assert (after.already_posted, after.households_losing, after.quantity_after_milli) == (True, 0, 60 * 6000)
    assert [one.stopping for one in after.companies] == [0, 0, 0]


# --- configuration ---------------------------------------------------------------------------------------------


def test_a_company_with_two_monthly_services_is_refused_with_what_to_do() -> None:
    """Its lists are numbered as one, so the second service would never get a month's regular list."""
    raw = (config_folder() / "companies" / "city_water.toml").read_bytes()
    both = raw.replace(b'services = ["water"]', b'services = ["water", "gas"]')
    assert both != raw
    with pytest.raises(ConfigurationRefused) as refused:
        load_companies([("city_water.toml", both)])
    assert [(one.file, one.key) for one in refused.value.faults] == [("city_water.toml", "services")]
    assert "make one file a service" in refused.value.faults[0].remedy


def test_faults_of_policy_values_are_told_at_once_with_their_files() -> None:
    """Two bad values in two files, one of them older than any whole policy."""
    files = {
        path.name: tomllib.loads(path.read_text("utf-8")) for path in sorted((config_folder() / "policy").glob("*"))
    }
    files["process.toml"]["cut_off_day"]["values"] = [
        {"from": "1999-01", "value": 31},
        {"from": "2006-01", "value": 20},
    ]
    files["monthly_allowance.toml"]["water"]["values"][0]["value"]["allowance_milli"] = -1
    with pytest.raises(ConfigurationRefused) as refused:
        load_policy(files)
    found = [(one.file, one.key) for one in refused.value.faults]
    assert sorted(found) == [
        ("monthly_allowance.toml", "water.values.0.value.allowance_milli"),
        ("process.toml", "cut_off_day.values.0.value"),
    ]
    assert all(one.remedy for one in refused.value.faults)
