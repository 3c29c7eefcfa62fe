"""The brake at its four doors (promise C5): as much as the limit passes, one more waits for two persons."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from world import account, delta, household, listed, publish, roster, run, snapshot, take, water

from integration.jobs.decide_hold import approve_release, propose_release, reject_hold
from integration.jobs.hub import Hub
from integration.storage.engine import StorageError
from integration.storage.holds import HoldRefused

FAR = "330199"


def city(number: int, *, districts: int = 1, first: int = 1, **changes):
    """Households spread evenly over districts 330101, 330102, ..."""
    return [
        household(f"C{n}", n, district=f"33010{1 + n % districts}", accounts={"city_water": f"W{n}"}, **changes)
        for n in range(first, first + number)
    ]


def second(rows, **header):
    return snapshot(rows, **({"position": 20, "as_of": 20261101} | header))


# --- a snapshot ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("households", "districts", "gone", "tripped"),
    [
        (60, 3, 20, set()),
        (60, 3, 21, {"ends"}),
        (40, 1, 10, set()),
        (40, 1, 11, {"ends_district"}),
        (120, 1, 12, set()),
        (120, 1, 13, {"ends_district"}),
    ],
)
def test_a_snapshot_may_end_as_many_as_the_limits_allow(sqlite_hub: Hub, households, districts, gone, tripped) -> None:
    rows = city(households, districts=districts)
    take(sqlite_hub, snapshot(rows))
    result = take(sqlite_hub, second(rows[gone:]))
    assert {trip.limit for trip in result.trips} == tripped
    assert result.state == ("held" if tripped else "applied")
    run(sqlite_hub, "2026-11")
    assert len(water(sqlite_hub, "2026-11")) == households - (0 if tripped else gone)


@pytest.mark.parametrize(
    ("households", "districts", "new", "tripped"),
    [
        (10, 1, 10, set()),
        (10, 1, 11, {"additions_district"}),
        (200, 7, 50, set()),
        (200, 7, 51, {"additions"}),
        (600, 9, 60, set()),
        (600, 9, 61, {"additions"}),
    ],
)
def test_a_snapshot_may_add_as_many_as_the_limits_allow(sqlite_hub: Hub, households, districts, new, tripped) -> None:
    rows = city(households, districts=districts)
    take(sqlite_hub, snapshot(rows))
    result = take(sqlite_hub, second([*rows, *city(new, districts=districts, first=households + 1)]))
    assert {trip.limit for trip in result.trips} == tripped


@pytest.mark.parametrize(("changed", "tripped"), [(50, set()), (51, {"changes"})])
def test_a_snapshot_may_change_so_many_categories(sqlite_hub: Hub, changed: int, tripped: set[str]) -> None:
    rows = city(100)
    take(sqlite_hub, snapshot(rows))
    other = [household(f"C{n}", n, district="330101", category="dibao_edge", version=15, effective_on=20261101,
                       accounts={"city_water": f"W{n}"}) for n in range(1, changed + 1)]  # fmt: skip
    result = take(sqlite_hub, second([*other, *rows[changed:]]))
    assert {trip.limit for trip in result.trips} == tripped


def test_the_first_snapshot_has_nothing_to_lose(hub: Hub) -> None:
    assert take(hub, snapshot(city(80))).state == "applied"


# --- deltas ----------------------------------------------------------------------------------------------------


def ends(first: int, number: int, at: int):
    rows = city(number, first=first, status="ended", effective_on=20261101, version=at, districts=3)
    return delta(rows, position=at)


def test_single_revocations_pass_until_their_sum_trips_and_a_list_starts_the_count_anew(hub: Hub) -> None:
    """Case 75; the sum is counted from the last published lists."""
    take(hub, snapshot(city(60, districts=3)))
    for at in range(20):
        assert take(hub, ends(1 + at, 1, 20 + at)).state == "applied"
    held = take(hub, ends(21, 1, 60))
    assert (held.state, held.trips[0].limit, held.trips[0].number, held.trips[0].base) == ("held", "ends", 21, 60)
    run(hub, "2026-11")
    publish(hub, "2026-11")
    assert take(hub, ends(21, 1, 61)).state == "applied"


# --- a roster --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("gone", "state"), [(20, "applied"), (21, "held")])
def test_a_roster_may_close_as_many_accounts_as_the_limits_allow(sqlite_hub: Hub, gone: int, state: str) -> None:
    everybody = [account(f"W{n}", n) for n in range(60)]
    roster(sqlite_hub, "city_water", everybody)
    assert roster(sqlite_hub, "city_water", everybody[gone:]).state == state


# --- a list ----------------------------------------------------------------------------------------------------


def expiring(number: int, of: int):
    """The printed end passes for some: the registry says nothing, the list does."""
    rows = city(of, districts=3)
    return [row | {"valid_to": 20260831} if n < number else row for n, row in enumerate(rows)]


@pytest.mark.parametrize(("number", "state"), [(20, "published"), (21, "held")])
def test_a_list_may_stop_as_many_as_the_limits_allow(sqlite_hub: Hub, number: int, state: str) -> None:
    hub = sqlite_hub
    take(hub, snapshot(expiring(number, 60)))
    roster(hub, "city_water", [account(f"W{n}", n) for n in range(1, 61)])
    for month in ("2026-10", "2026-11"):
        run(hub, month)
        result = publish(hub, month)["city_water"]
    assert result.state == state
    assert len(listed(hub, "city_water", 1)) == 60


def test_a_held_list_is_published_when_two_persons_have_released_it(hub: Hub) -> None:
    take(hub, snapshot(expiring(30, 60)))
    roster(hub, "city_water", [account(f"W{n}", n) for n in range(1, 61)])
    for month in ("2026-10", "2026-11"):
        run(hub, month)
        result = publish(hub, month)["city_water"]
    assert publish(hub, "2026-11")["city_water"].hold_id == result.hold_id
    propose_release(hub, result.hold_id, "核对过", actor="clerk")
    assert publish(hub, "2026-11")["city_water"].state == "held"
    approve_release(hub, result.hold_id, actor="supervisor")
    assert publish(hub, "2026-11")["city_water"].number == 2


# --- two persons -----------------------------------------------------------------------------------------------


@pytest.fixture
def held(hub: Hub) -> int:
    rows = city(60, districts=3)
    take(hub, snapshot(rows))
    result = take(hub, second(rows[30:]))
    assert result.hold_id is not None
    return result.hold_id


def test_one_person_cannot_release_and_two_can(hub: Hub, held: int) -> None:
    with pytest.raises(HoldRefused):
        approve_release(hub, held, actor="clerk")
    propose_release(hub, held, "市局来函", actor="clerk")
    with pytest.raises(HoldRefused):
        approve_release(hub, held, actor="clerk")
    run(hub, "2026-10")
    assert len(water(hub, "2026-10")) == 60
    assert approve_release(hub, held, actor="supervisor").result.state == "applied"
    run(hub, "2026-11")
    assert len(water(hub, "2026-11")) == 30
    with pytest.raises(HoldRefused):
        approve_release(hub, held, actor="supervisor")


def test_a_rejected_hold_never_takes_effect(hub: Hub, held: int) -> None:
    reject_hold(hub, held, actor="supervisor")
    with pytest.raises(HoldRefused):
        propose_release(hub, held, "doch", actor="clerk")
    run(hub, "2026-11")
    assert len(water(hub, "2026-11")) == 60


def test_a_held_file_says_of_every_row_that_it_is_held(hub: Hub, held: int) -> None:
    """Promise C6: nothing of it is applied, and nobody is told that it was."""
    rows = city(60, districts=3)
    result = take(hub, second([*rows[30:], household("NEW", 99, district="330101")], position=21))
    assert result.counts == {"applied": 0, "unchanged": 30, "held": 1, "rejected": 0}


def test_the_database_itself_refuses_that_one_person_does_both(hub: Hub, held: int) -> None:
    propose_release(hub, held, "市局来函", actor="clerk")
    with pytest.raises(StorageError), hub.store.write() as connection:
        connection.execute(text("UPDATE holds SET state = 'released', approved_by = 'clerk'"))
    with pytest.raises(StorageError), hub.store.write() as connection:
        connection.execute(text("UPDATE holds SET state = 'released', approved_by = NULL"))
