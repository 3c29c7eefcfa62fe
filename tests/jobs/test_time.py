"""Entitlement in time: edge cases 33 to 52 of the reference, through the real jobs, on both databases."""

from __future__ import annotations

import pytest
from world import (
    account,
    delta,
    due,
    household,
    id_of,
    link,
    listed,
    member,
    months,
    publish,
    roster,
    run,
    snapshot,
    take,
    water,
    with_check_digit,
)

from integration.jobs.hub import Hub

W1 = {"city_water": "W1"}


def served(hub: Hub, number: str, first: str, last: str) -> list[str]:
    """The months of water that the ledger grants a certificate."""
    return [month for month in months(first, last) if number in water(hub, month)]


def runs(hub: Hub, first: str, last: str) -> None:
    for month in months(first, last):
        run(hub, month)


# --- beginning and end -----------------------------------------------------------------------------------------


def test_the_month_of_the_first_and_of_the_last_valid_day_count_whole(hub: Hub) -> None:
    """Cases 33 and 34, and 35: beginning and end in one month is one month."""
    rows = [
        household("BEGINS", 1, valid_from=20261130),
        household("STOPS", 2, effective_on=20260101),
        household("BOTH", 3, valid_from=20261110),
    ]
    take(hub, snapshot(rows))
    ends = [
        household("STOPS", 2, effective_on=20261102, status="ended", version=12),
        household("BOTH", 3, valid_from=20261110, effective_on=20261120, status="ended", version=12),
    ]
    take(hub, delta(ends, position=11))
    runs(hub, "2026-10", "2026-12")
    assert served(hub, "BEGINS", "2026-10", "2026-12") == ["2026-11", "2026-12"]
    assert served(hub, "STOPS", "2026-10", "2026-12") == ["2026-10", "2026-11"]
    assert served(hub, "BOTH", "2026-10", "2026-12") == ["2026-11"]


def test_an_end_on_the_first_of_a_month_leaves_that_month_out(hub: Hub) -> None:
    """Case 34, at the border: the record's day is the first day without the right."""
    take(hub, snapshot([household("A", 1)]))
    take(hub, delta([household("A", 1, effective_on=20261101, status="ended", version=12)], position=11))
    runs(hub, "2026-10", "2026-11")
    assert served(hub, "A", "2026-10", "2026-11") == ["2026-10"]


def test_a_grant_from_earlier_months_is_credited_on_the_next_list(hub: Hub) -> None:
    """Case 36: approved later, valid from earlier: RETRO rows for the months listed already."""
    take(hub, snapshot([household("OLD", 2)], as_of=20260920))
    roster(hub, "city_water", [account("W1", 1), account("W2", 2)])
    for month in ("2026-10", "2026-11"):
        run(hub, month)
        publish(hub, month)
    take(hub, delta([household("NEW", 1, accounts=W1, valid_from=20261001, version=11, grant=True)], position=12))
    run(hub, "2026-12")
    publish(hub, "2026-12")
    rows = [
        (row["account"], row["month"], row["change"], row["quantity_milli"]) for row in listed(hub, "city_water", 3)
    ]
    assert rows == [
        ("W1", 202610, "RETRO", 3000),
        ("W1", 202611, "RETRO", 3000),
        ("W1", 202612, "NEW", 3000),
        ("W2", 202612, "KEEP", 3000),
    ]


def test_the_look_back_reaches_twelve_months_and_no_further(hub: Hub) -> None:
    """Case 36, settled reading 1: the run for M reaches back to M-12, that month included."""
    take(hub, snapshot([household("OLD", 2)], as_of=20251020))
    runs(hub, "2025-10", "2026-10")
    take(hub, delta([household("NEW", 1, valid_from=20250101, version=11, grant=True)], position=12))
    run(hub, "2026-11")
    assert served(hub, "NEW", "2025-10", "2026-11") == list(months("2025-11", "2026-11"))


def test_a_late_revocation_stops_the_next_list_and_takes_nothing_back(hub: Hub) -> None:
    """Case 37: late notice by an authority; what is posted stays."""
    take(hub, snapshot([household("A", 1, accounts=W1), household("B", 2)]))
    roster(hub, "city_water", [account("W1", 1)])
    for month in ("2026-10", "2026-11"):
        run(hub, month)
        publish(hub, month)
    take(hub, delta([household("A", 1, accounts=W1, effective_on=20260901, status="ended", version=12)], position=11))
    run(hub, "2026-12")
    publish(hub, "2026-12")
    assert served(hub, "A", "2026-10", "2026-12") == ["2026-10", "2026-11"]
    assert [(r["account"], r["change"], r["quantity_milli"]) for r in listed(hub, "city_water", 3)] == [
        ("W1", "STOP", 0)
    ]


def test_a_revocation_lifted_on_appeal_within_the_month_leaves_no_gap_and_no_second_allowance(hub: Hub) -> None:
    """Case 39."""
    take(hub, snapshot([household("A", 1, accounts=W1)]))
    roster(hub, "city_water", [account("W1", 1)])
    run(hub, "2026-11")
    back = [
        household("A", 1, accounts=W1, effective_on=20261105, status="ended", version=12),
        household("A", 1, accounts=W1, effective_on=20261118, version=13),
    ]
    take(hub, delta(back, position=12))
    assert run(hub, "2026-11").rows == 0
    run(hub, "2026-12")
    assert [water(hub, month)["A"] for month in ("2026-11", "2026-12")] == [{"W1": 3000}] * 2


def test_an_expired_certificate_has_two_months_grace_and_a_review_does_not_drop_it(hub: Hub) -> None:
    """Case 40, settled reading 3: grace ends with a month, and applies to a household under review alike."""
    rows = [
        household("PASSED", 1, valid_to=20261015),
        household("REVIEW", 2, valid_to=20261031, status="suspended_review"),
    ]
    take(hub, snapshot(rows))
    runs(hub, "2026-10", "2027-02")
    assert served(hub, "PASSED", "2026-10", "2027-02") == ["2026-10", "2026-11", "2026-12"]
    assert served(hub, "REVIEW", "2026-10", "2027-02") == ["2026-10", "2026-11", "2026-12"]


# --- people ----------------------------------------------------------------------------------------------------


def test_a_household_lives_as_long_as_one_member(hub: Hub) -> None:
    """Case 41: the head's death changes nothing, a sole member's ends it with the month of death."""
    take(hub, snapshot([household("TWO", 1, 2), household("SOLE", 3)]))
    died = [
        household("TWO", member(1, died_on=20261103), 2, home=1, effective_on=20261104, version=12),
        household("SOLE", member(3, died_on=20261103), home=3, effective_on=20261104, version=12),
    ]
    take(hub, delta(died, position=11))
    runs(hub, "2026-11", "2026-12")
    assert served(hub, "TWO", "2026-11", "2026-12") == ["2026-11", "2026-12"]
    assert served(hub, "SOLE", "2026-11", "2026-12") == ["2026-11"]


def test_a_new_certificate_number_is_the_same_household_and_the_same_month(hub: Hub) -> None:
    """Case 42: re-issue; later messages may name either number."""
    take(hub, snapshot([household("OLD-1", 1, accounts=W1)]))
    roster(hub, "city_water", [account("W1", 1)])
    run(hub, "2026-11")
    take(hub, delta([household("NEW-1", 1, accounts=W1, earlier=["OLD-1"], effective_on=20261103, version=12)]))
    assert run(hub, "2026-11").rows == 0
    assert water(hub, "2026-11") == {"NEW-1": {"W1": 3000}}
    take(hub, delta([household("OLD-1", 1, accounts=W1, effective_on=20261201, status="ended", version=13)]))
    run(hub, "2026-12")
    assert water(hub, "2026-12") == {}


def test_a_child_that_gets_a_certificate_of_its_own_is_served_once_the_parents_no_longer_name_it(hub: Hub) -> None:
    """Case 43: after a split nobody waits for a claim that was given up."""
    take(hub, snapshot([household("PARENT", 1, 2, accounts=W1)]))
    roster(hub, "city_water", [account("W1", 1), account("W2", 2)])
    run(hub, "2026-11")
    child = household("CHILD", 2, home=7, valid_from=20261201, accounts={"city_water": "W2"}, version=11, grant=True)
    assert take(hub, delta([child], position=11)).counts["held"] == 1
    take(hub, delta([household("PARENT", 1, accounts=W1, effective_on=20261115, version=12)], position=12))
    run(hub, "2026-12")
    assert water(hub, "2026-11") == {"PARENT": {"W1": 3000}}
    assert water(hub, "2026-12") == {"PARENT": {"W1": 3000}, "CHILD": {"W2": 3000}}


@pytest.mark.parametrize("elsewhere", [{}, {"district": "330103"}, {"category": "dibao_rural"}])
@pytest.mark.parametrize("earlier_first", [True, False])
def test_of_two_certificates_with_one_person_the_earlier_valid_serves_and_the_newer_waits(
    hub: Hub, elsewhere: dict[str, str], earlier_first: bool
) -> None:
    """Cases 44 and 45, settled reading 6: whoever arrives first; never both stopped."""
    earlier = household("EARLIER", 1, 2, accounts=W1, valid_from=20250101, grant=True)
    newer = household("NEWER", 2, 3, valid_from=20260301, grant=True, **elsewhere)
    for at, row in enumerate([earlier, newer] if earlier_first else [newer, earlier]):
        take(hub, delta([row], position=10 + at))
    roster(hub, "city_water", [account("W1", 1), account("W2", 3)])
    run(hub, "2026-11")
    expected = {"EARLIER": {"W1": 3000}}
    if elsewhere.get("category") is None:
        expected["NEWER"] = {None: 3000}
    assert water(hub, "2026-11") == expected


def test_the_waiting_certificate_serves_when_the_other_ends(hub: Hub) -> None:
    """Case 44: held is not refused."""
    earlier = household("EARLIER", 1, 2, accounts=W1, valid_from=20250101)
    take(hub, snapshot([earlier, household("NEWER", 2, 3, home=3, valid_from=20260301)]))
    roster(hub, "city_water", [account("W1", 1), account("W2", 3)])
    run(hub, "2026-11")
    ended = household("EARLIER", 1, 2, valid_from=20250101, effective_on=20261201, status="ended", version=12)
    take(hub, delta([ended], position=12))
    run(hub, "2026-12")
    assert water(hub, "2026-12") == {"NEWER": {"W2": 3000}}


def test_a_corrected_or_lengthened_number_grants_nothing_anew(hub: Hub) -> None:
    """Case 46: the household stays what it is; 15 digits are the same person as 18."""
    long = id_of(1)
    short = long[:6] + long[8:17]
    take(hub, snapshot([household("A", member(1, id_number=short), home=1, accounts=W1)]))
    roster(hub, "city_water", [account("W1", 1)])
    run(hub, "2026-11")
    assert water(hub, "2026-11") == {"A": {"W1": 3000}}
    take(hub, delta([household("A", member(1, id_number=id_of(9)), home=1, accounts=W1, version=12)], position=11))
    assert run(hub, "2026-11").rows == 0
    assert water(hub, "2026-11") == {"A": {"W1": 3000}}


def test_in_the_month_of_a_move_one_allowance_stands_on_the_old_account(hub: Hub) -> None:
    """Case 47: the old account keeps the month, the new one has the next; never both."""
    take(hub, snapshot([household("A", 1, accounts=W1)]))
    roster(hub, "city_water", [account("W1", 1), account("W2", 1, home=8, opened=20261110)])
    moved = household("A", 1, home=8, accounts={"city_water": "W2"}, effective_on=20261115, version=12)
    link(hub)
    take(hub, delta([moved], position=11))
    runs(hub, "2026-11", "2026-12")
    assert due(hub, "2026-11")["A", "water"] == {"W1": 3000}
    assert due(hub, "2026-12")["A", "water"] == {"W2": 3000}


def test_a_move_that_becomes_known_late_moves_the_months_since_and_the_sum_stays(hub: Hub) -> None:
    """Case 47, after the run: minus here, plus there, in one list as MOVE."""
    take(hub, snapshot([household("A", 1, accounts=W1), household("B", 2)]))
    roster(hub, "city_water", [account("W1", 1), account("W2", 1, home=8, opened=20261001)])
    link(hub)
    run(hub, "2026-11")
    publish(hub, "2026-11")
    moved = household("A", 1, home=8, accounts={"city_water": "W2"}, effective_on=20261010, version=12)
    take(hub, delta([moved], position=11))
    run(hub, "2026-12")
    publish(hub, "2026-12")
    assert water(hub, "2026-11")["A"] == {"W2": 3000}
    assert sorted((r["month"], r["account"], r["change"], r["quantity_milli"]) for r in listed(hub, "city_water", 2))[
        :2
    ] == [(202611, "W1", "MOVE", -3000), (202611, "W2", "MOVE", 3000)]


def test_whoever_leaves_the_scheme_ends_with_the_month_of_the_transfer(hub: Hub) -> None:
    """Case 48."""
    take(hub, snapshot([household("A", 1)]))
    gone = household("A", 1, effective_on=20261112, status="ended", district="330999", version=12)
    take(hub, delta([gone], position=11))
    runs(hub, "2026-11", "2026-12")
    assert served(hub, "A", "2026-11", "2026-12") == ["2026-11"]


@pytest.mark.parametrize("category", ["dibao_edge", "hardship_worker", "dibao_rural", "tekun"])
def test_a_change_of_category_ends_water_and_gas_after_its_month(hub: Hub, category: str) -> None:
    """Case 49."""
    take(hub, snapshot([household("A", 1)]))
    take(hub, delta([household("A", 1, category=category, effective_on=20261112, version=12)], position=11))
    runs(hub, "2026-11", "2026-12")
    assert served(hub, "A", "2026-11", "2026-12") == ["2026-11"]


def test_a_hardship_worker_in_the_registry_gets_no_water_and_no_gas(hub: Hub) -> None:
    """Case 50."""
    assert take(hub, snapshot([household("H", 1, category="hardship_worker"), household("A", 2)])).state == "applied"
    run(hub, "2026-11")
    assert {number for number, _ in due(hub, "2026-11")} == {"A"}


@pytest.mark.parametrize(
    ("fault", "changes"),
    [
        ("END_BEFORE_START", {"valid_from": 20260601, "valid_to": 20260531}),
        ("START_FAR_FUTURE", {"valid_from": 20290101}),
        ("BAD_DAY", {"valid_from": 20260230}),
    ],
)
def test_impossible_dates_reject_the_row_alone(hub: Hub, fault: str, changes: dict[str, int]) -> None:
    """Case 51."""
    result = take(hub, snapshot([household("BAD", 1, **changes), household("A", 2)]))
    assert (result.counts["rejected"], result.counts["applied"]) == (1, 1)
    assert [one.code for one in result.faults] == [fault]
    run(hub, "2026-11")
    assert set(water(hub, "2026-11")) == {"A"}


def test_overlapping_statements_follow_their_effective_dates_whatever_the_order(hub: Hub) -> None:
    """Case 51: overlaps are settled by the later word, once."""
    overlapping = [
        household("A", 1, valid_from=20260101, valid_to=20270630, version=1),
        household("A", 1, valid_from=20261201, valid_to=20271231, version=12),
    ]
    take(hub, delta([{**overlapping[1], "record": "grant"}, overlapping[0]]))
    runs(hub, "2026-11", "2026-12")
    assert [water(hub, month) for month in ("2026-11", "2026-12")] == [{"A": {None: 3000}}] * 2


def test_a_birth_in_1900_is_kept_with_a_warning_and_never_matches(hub: Hub) -> None:
    """Cases 51 and 58, settled reading 22."""
    old = with_check_digit("11010519000101001")
    result = take(hub, snapshot([household("A", member(1, id_number=old), home=1)]))
    assert (result.counts["applied"], result.warnings) == (1, 1)
    roster(hub, "city_water", [account("W1", 9, id_number=old)])  # nothing else agrees
    run(hub, "2026-11")
    assert water(hub, "2026-11") == {"A": {None: 3000}}


def test_a_file_made_just_after_midnight_for_the_month_before_carries_its_own_month(hub: Hub, clock) -> None:
    """Case 52: business time is Shanghai's, and the file's own words stand."""
    clock.set("2026-11-01T00:03:00+08:00")
    assert take(hub, snapshot([household("A", 1)], as_of=20261031, month="2026-10")).state == "applied"
    assert take(hub, snapshot([household("A", 1)], as_of=20261101, month="2027-01", position=11)).state == "refused"
