"""Household and account: edge cases 53 to 61 of the reference, through the real jobs, on both databases."""

from __future__ import annotations

import pytest
from world import (
    account,
    chunked,
    delta,
    household,
    household_id,
    link,
    listed,
    member,
    publish,
    roster,
    run,
    snapshot,
    take,
    water,
)

from integration.jobs.hub import Hub
from integration.jobs.match_queue import confirm_link
from integration.jobs.sync_aliases import sync_aliases
from schemas.values import Service

W1, W2 = {"city_water": "W1"}, {"city_water": "W2"}


def renumber(hub: Hub, *pairs: tuple[str, str], since: int = 20261101) -> dict[str, int]:
    lines = [f"{old}|{new}|{since}\n" for old, new in pairs] + [f"TRL|{len(pairs)}\n"]
    return sync_aliases(hub, "city_water", chunked("".join(lines).encode()), actor="tester").counts


# --- which account ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accounts", "chosen"),
    [
        ([account("AT-HOME", 2, home=1, name="陈某"), account("BY-ID", 1, home=5)], "AT-HOME"),
        ([account("BY-ID", 1, home=5), account("BY-NAME", 9, name="赵安安", home=6)], "BY-ID"),
        ([account("OLDER", 1, home=5), account("NEWER", 1, home=6, opened=20240101)], "NEWER"),
    ],
    ids=["the address of the certificate", "a member is the holder", "the most recent connection"],
)
def test_of_two_accounts_one_is_chosen_in_the_written_order(hub: Hub, accounts, chosen: str) -> None:
    """Case 53. Each household names the account that the order puts last or first; the other rests on the holder."""
    take(hub, snapshot([household("A", 1, 2, accounts={"city_water": accounts[0]["number"]})]))
    roster(hub, "city_water", accounts)
    run(hub, "2026-11")
    assert water(hub, "2026-11") == {"A": {chosen: 3000}}


def test_the_second_household_on_an_account_waits_for_a_person_and_then_has_an_allowance_of_its_own(hub: Hub) -> None:
    """Case 54, settled reading 7."""
    shared = [household("A", 1, home=5, accounts=W1), household("B", 2, home=5, accounts=W1)]
    take(hub, snapshot(shared))
    roster(hub, "city_water", [account("W1", 1, home=5)])
    run(hub, "2026-11")
    publish(hub, "2026-11")
    assert water(hub, "2026-11") == {"A": {"W1": 3000}, "B": {None: 3000}}
    confirm_link(hub, household_id(hub, "B"), Service.WATER, actor="clerk")
    run(hub, "2026-12")
    publish(hub, "2026-12")
    assert water(hub, "2026-12") == {"A": {"W1": 3000}, "B": {"W1": 3000}}
    assert water(hub, "2026-11") == {"A": {"W1": 3000}, "B": {"W1": 3000}}
    rows = listed(hub, "city_water", 2)
    assert sorted((r["month"], r["change"]) for r in rows) == [(202611, "RETRO"), (202612, "KEEP"), (202612, "NEW")]
    assert len({r["reference"] for r in rows}) == 2


def test_a_landlords_account_is_pending_and_the_allowance_is_kept_at_none_yet(hub: Hub) -> None:
    """Case 55: not refused; it is on its account as soon as the match is made."""
    take(hub, snapshot([household("A", 1, accounts=W1), household("B", 4, home=4, accounts=W2)]))
    roster(hub, "city_water", [account("W1", 9, home=77), account("W2", 4, home=78)])
    assert link(hub).pending["nothing_agrees"] == 1
    run(hub, "2026-11")
    assert water(hub, "2026-11") == {"A": {None: 3000}, "B": {"W2": 3000}}


@pytest.mark.parametrize("named", [{}, W2])
def test_a_name_alone_never_matches(hub: Hub, named: dict[str, str]) -> None:
    """Case 56: the account has the member's name and nothing else."""
    take(hub, snapshot([household("A", 1, accounts=named)]))
    same_name = account("W1", 9, home=77)
    same_name["name"] = member(1)["name"]
    roster(hub, "city_water", [same_name])
    run(hub, "2026-11")
    assert water(hub, "2026-11") == {"A": {None: 3000}}


@pytest.mark.parametrize("placeholder", ["111111111111111111", "无", "000000000000000000", ""])
def test_placeholders_for_numbers_match_nobody(hub: Hub, placeholder: str) -> None:
    """Case 58: two people without a number are not one person."""
    rows = [household(c, member(n, id_number=placeholder), home=n) for n, c in ((1, "A"), (2, "B"))]
    result = take(hub, snapshot(rows))
    assert (result.counts["applied"], result.counts["held"]) == (2, 0)
    roster(hub, "city_water", [account("W1", name="某某", id_number=placeholder)])
    run(hub, "2026-11")
    assert water(hub, "2026-11") == {"A": {None: 3000}, "B": {None: 3000}}


def test_what_waited_for_its_account_is_credited_even_beyond_the_look_back(hub: Hub) -> None:
    """Case 59 and the design's rule: the look-back does not run while a match is pending."""
    take(hub, snapshot([household("A", 1, accounts=W1, valid_from=20250101)], as_of=20250920))
    for month in ("2025-10", "2025-11"):
        run(hub, month)
    roster(hub, "city_water", [account("W1", 1)])
    for month in [f"2025-{12}", *(f"2026-{n:02d}" for n in range(1, 13))]:
        run(hub, month)
    assert water(hub, "2025-10") == {"A": {"W1": 3000}}


def test_an_account_of_a_firm_is_never_listed(hub: Hub) -> None:
    """Cases 30 and 66, settled reading 10."""
    take(hub, snapshot([household("A", 1, accounts=W1)]))
    roster(hub, "city_water", [account("W1", 1, domestic=False)])
    assert link(hub).pending == {"no_candidate": 1, "non_domestic": 1}
    run(hub, "2026-11")
    assert publish(hub, "2026-11")["city_water"].rows == 0


# --- numbers that change ---------------------------------------------------------------------------------------


def test_a_renumbered_account_stays_the_same_account_through_a_chain(hub: Hub) -> None:
    """Case 60: lists show the new number; the ledger does not move."""
    take(hub, snapshot([household("A", 1, accounts=W1)]))
    roster(hub, "city_water", [account("W1", 1)])
    run(hub, "2026-11")
    publish(hub, "2026-11")
    assert renumber(hub, ("W1", "X1"))["applied"] == 1
    assert renumber(hub, ("X1", "Y1"), since=20261115)["applied"] == 1
    assert renumber(hub, ("W1", "Y1"), since=20261115)["unchanged"] == 1
    assert run(hub, "2026-11").rows == 0
    run(hub, "2026-12")
    publish(hub, "2026-12")
    assert [(r["account"], r["change"]) for r in listed(hub, "city_water", 2)] == [("Y1", "KEEP")]


def test_a_household_that_names_the_new_number_is_linked_when_the_renumbering_arrives(hub: Hub) -> None:
    """Case 60: whichever of the two comes first."""
    take(hub, snapshot([household("A", 1, accounts={"city_water": "X1"})]))
    roster(hub, "city_water", [account("W1", home=1, name="房东")])
    assert link(hub).made == 0
    renumber(hub, ("W1", "X1"))
    run(hub, "2026-11")
    assert water(hub, "2026-11") == {"A": {"X1": 3000}}


def test_one_old_number_to_two_new_ones_is_a_split_and_no_renumbering(hub: Hub) -> None:
    """Case 60."""
    roster(hub, "city_water", [account("W1", 1)])
    assert renumber(hub, ("W1", "X1"), ("W1", "X2")) == {"applied": 1, "unchanged": 0, "held": 0, "rejected": 1}


@pytest.mark.parametrize("number", ["W1", "X1"])
def test_a_closed_number_given_to_a_stranger_is_another_account(hub: Hub, number: str) -> None:
    """Case 61: the link ended with the account, and the stranger gets nothing."""
    take(hub, snapshot([household("A", 1, accounts={"city_water": number}), household("B", 2)]))
    roster(hub, "city_water", [account(number, 1), account("W9", 9)])
    run(hub, "2026-11")
    roster(hub, "city_water", [account(number, 1, state="销户", closed=20261031), account("W9", 9)])
    taken_over = roster(hub, "city_water", [account(number, 8, home=77, opened=20261102), account("W9", 9)])
    assert taken_over.warnings == 1
    link(hub)
    run(hub, "2026-12")
    assert water(hub, "2026-12")["A"] == {None: 3000}


def test_an_account_that_a_roster_forgot_is_the_same_account_when_it_comes_back(hub: Hub) -> None:
    """Case 61, its opposite: the same customer since the same day is no new customer; no month moves."""
    take(hub, snapshot([household("A", 1, accounts=W1)]))
    everybody = [account("W1", 1), *(account(f"V{n}", 100 + n) for n in range(30))]
    roster(hub, "city_water", everybody)
    run(hub, "2026-11")
    roster(hub, "city_water", [*everybody[1:], account("V30", 130)])
    link(hub)
    back = roster(hub, "city_water", [*everybody, account("V30", 130)])
    assert back.warnings == 0
    run(hub, "2026-11")
    assert run(hub, "2026-12").earlier_rows == 0
    assert water(hub, "2026-12")["A"] == {"W1": 3000}


def test_a_roster_like_the_one_before_last_takes_effect(hub: Hub) -> None:
    """A roster without a date that reads like an older one is news, not a repetition: the company put it right."""
    right = [account("S1", 1), *(account(f"V{n}", 100 + n) for n in range(5))]
    for rows in (right, right[1:], right):
        assert roster(hub, "suburb_water", rows).state == "applied"
    take(hub, snapshot([household("A", 1, accounts={"suburb_water": "S1"})]))
    run(hub, "2026-11")
    assert water(hub, "2026-11") == {"A": {"S1": 3000}}


def test_a_row_that_cannot_be_read_does_not_close_its_account(hub: Hub) -> None:
    """Rejected is not absent: the last good state of the account stands."""
    take(hub, snapshot([household("A", 1, accounts=W1)]))
    roster(hub, "city_water", [account("W1", 1), account("W2", 2)])
    result = roster(hub, "city_water", [account("W1", 1, state="坏"), account("W2", 2)])
    assert result.counts["rejected"] == 1
    run(hub, "2026-11")
    assert water(hub, "2026-11") == {"A": {"W1": 3000}}


def test_two_households_that_swap_homes_keep_one_account_each(hub: Hub) -> None:
    """Case 47 for two at once, whatever order they have in the hub."""
    homes = [("A", 1, "W1", "W2"), ("B", 2, "W2", "W1")]
    take(hub, snapshot([household(c, n, accounts={"city_water": was}) for c, n, was, _ in homes]))
    roster(hub, "city_water", [account("W1", home=1, name="房东"), account("W2", home=2, name="房东")])
    run(hub, "2026-11")
    moved = [
        household(c, n, home=3 - n, accounts={"city_water": now}, effective_on=20261101, version=11)
        for c, n, _, now in homes
    ]
    take(hub, delta(moved, position=12))
    run(hub, "2026-12")
    assert water(hub, "2026-12") == {"A": {"W2": 3000}, "B": {"W1": 3000}}


def test_a_household_that_comes_back_to_its_old_account_keeps_every_month_where_it_was(hub: Hub) -> None:
    """Case 47, there and back: the first stay is not forgotten with the second."""
    take(hub, snapshot([household("A", 1, accounts=W1)], as_of=20260520))
    roster(hub, "city_water", [account("W1", 1), account("W2", 1, home=8)])
    run(hub, "2026-06")
    for number, (home, since, months) in {
        "W2": (8, 20260701, ("2026-07", "2026-08")),
        "W1": (1, 20260901, ("2026-09", "2026-10")),
    }.items():
        moved = household("A", 1, home=home, accounts={"city_water": number}, effective_on=since, version=since)
        take(hub, delta([moved], position=since))
        for month in months:
            run(hub, month)
    found = [water(hub, f"2026-{n:02d}")["A"] for n in range(6, 11)]
    assert found == [{"W1": 3000}, {"W2": 3000}, {"W2": 3000}, {"W1": 3000}, {"W1": 3000}]


def test_whoever_moves_into_a_home_that_another_leaves_in_the_same_delta_waits_for_nobody(hub: Hub) -> None:
    """Case 47 for two, in both orders of the hub's own numbers."""
    take(hub, snapshot([household(c, n, accounts={"city_water": f"W{n}"}) for n, c in enumerate("ABC", 1)]))
    roster(hub, "city_water", [account(f"W{n}", home=n, name="房东") for n in range(1, 5)])
    run(hub, "2026-11")
    chain = [(c, n, n + 1) for n, c in enumerate("ABC", 1)]
    moved = [
        household(c, n, home=to, accounts={"city_water": f"W{to}"}, effective_on=20261101, version=11)
        for c, n, to in chain
    ]
    take(hub, delta(moved, position=12))
    run(hub, "2026-12")
    assert water(hub, "2026-12") == {c: {f"W{to}": 3000} for c, _, to in chain}
