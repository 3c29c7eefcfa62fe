"""Properties of the allowance, the brake, the listing and the matching: sums, floors, orders, limits."""

from __future__ import annotations

from collections import Counter
from itertools import groupby, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.domain.allowance import NO_PLACE, LinkSpan, differences, due, place_of, total
from integration.domain.brake import Movement, judge
from integration.domain.listing import Late, late_changes, net_changes
from integration.domain.matching import Candidate, Evidence, choose, evidence_of, link_timeline, pending_reason
from integration.domain.policy import Brake, Limit
from schemas.lists import Change
from schemas.values import OPEN_DAY, Month, day_int, int_day

places = st.integers(0, 5)
vectors = st.one_of(st.just({}), places.map(lambda place: {place: 3000}))
days = st.dates(int_day(20260101), int_day(20271231)).map(day_int)
MONTHS = [Month(2026, 1).plus(n) for n in range(24)]

# --- allowance -------------------------------------------------------------------------------------------------


@given(st.lists(vectors, max_size=8))
def test_after_any_history_the_ledger_stands_at_the_last_word_or_at_its_floor(history) -> None:
    """Design, idea 1: never more than one allowance, never less than was posted, and twice posts nothing."""
    posted: dict[int, int] = {}
    before = 0
    for wanted in history:
        rows = differences(wanted, posted)
        posted = total([*posted.items(), *rows])
        assert sum(posted.values()) == max(before, sum(wanted.values()))
        assert all(quantity > 0 for quantity in posted.values())
        assert differences(wanted, posted) == []
        if sum(wanted.values()) >= before:
            assert posted == wanted
        before = sum(posted.values())


@given(st.dictionaries(places, st.integers(1, 9)), st.dictionaries(places, st.integers(1, 9)))
def test_takings_come_before_givings_and_add_up(wanted, posted) -> None:
    rows = differences(wanted, posted)
    assert [quantity > 0 for _, quantity in rows] == sorted(quantity > 0 for _, quantity in rows)
    if rows:
        after = total([*posted.items(), *rows])
        assert after.keys() == wanted.keys()
        assert sum(after.values()) == max(sum(wanted.values()), sum(posted.values()))


spans = st.lists(st.tuples(places.filter(bool), days, days, st.booleans()), max_size=4).map(
    lambda found: [LinkSpan(a, min(x, y), max(x, y), c) for a, x, y, c in found]
)


@given(spans, st.sampled_from(MONTHS), st.booleans(), st.booleans(), st.sampled_from([0, 3000]))
def test_due_is_nothing_or_one_whole_allowance_on_one_place(links, month, entitled, held, quantity) -> None:
    found = due(links, month, quantity, entitled=entitled, held=held)
    assert sum(found.values()) == (quantity if entitled else 0)
    assert len(found) <= 1
    touching = {
        x.account_id for x in links if x.valid_from <= day_int(month.last) and x.valid_to >= day_int(month.first)
    }
    assert set(found) <= touching | {NO_PLACE}
    if held:
        assert set(found) <= {NO_PLACE}


@given(spans, st.sampled_from(MONTHS), st.randoms(use_true_random=False))
def test_the_place_of_a_month_hangs_on_no_order_and_never_on_what_is_unconfirmed(links, month, chance) -> None:
    place = place_of(links, month)
    chance.shuffle(shuffled := list(links))
    assert place_of(shuffled, month) == place
    assert place == NO_PLACE or any(link.account_id == place and link.confirmed for link in links)


# --- brake -----------------------------------------------------------------------------------------------------

limits = st.builds(Limit, count=st.integers(0, 30), per_mille=st.integers(0, 300))
brakes = st.builds(Brake, **dict.fromkeys(Brake.model_fields, limits))
counts = st.dictionaries(st.sampled_from("abc"), st.integers(0, 60))


@given(counts, counts, counts, counts, brakes)
def test_more_movement_never_frees_what_less_has_tripped(base, ends, additions, changes, brake) -> None:
    less = judge(Movement(base=base, ends=ends, additions=additions, changes=changes), brake)
    more = judge(
        Movement(base=base, ends={k: n + 1 for k, n in ends.items()}, additions=additions, changes=changes), brake
    )
    assert {(t.limit, t.district) for t in less} <= {(t.limit, t.district) for t in more}


@given(counts, counts, brakes)
def test_a_trip_is_always_more_than_both_halves_of_its_limit(base, ends, brake) -> None:
    for trip in judge(Movement(base=base, ends=ends), brake):
        limit = brake.ends if trip.limit == "ends" else brake.ends_district
        assert trip.number > limit.count
        assert trip.number * 1000 > limit.per_mille * trip.base


@pytest.mark.parametrize(
    ("number", "base", "passes"),
    [(20, 60, True), (21, 60, False), (20, 10_000, True), (200, 10_000, True), (201, 10_000, False)],
)
def test_worked_examples_of_a_limit(number: int, base: int, passes: bool) -> None:
    """Design: held if ends > max(20, 2 %)."""
    assert Limit(count=20, per_mille=20).allows(number, base) == passes


def test_an_absent_district_trips_by_itself_and_its_households_are_no_ends() -> None:
    """Settled reading 21."""
    wide = Limit(count=1000, per_mille=0)
    brake = Brake(**dict.fromkeys(Brake.model_fields, wide) | {"ends": Limit(count=0, per_mille=0)})
    moved = Movement(base={"a": 50, "b": 1}, ends={"b": 1}, named={"a"})
    assert [(trip.limit, trip.district, trip.number) for trip in judge(moved, brake)] == [("district_absent", "b", 1)]


# --- lists -----------------------------------------------------------------------------------------------------


@given(st.dictionaries(st.integers(1, 4), st.just(3000)), st.dictionaries(st.integers(1, 4), st.just(3000)))
def test_every_account_of_both_months_has_one_row_and_stops_carry_nothing(now, before) -> None:
    """Settled reading 9."""
    rows = list(net_changes(now, before))
    assert Counter(account for account, *_ in rows) == Counter(now.keys() | before.keys())
    for account, quantity, change in rows:
        assert quantity == now.get(account, 0)
        expected = Change.STOP if account not in now else Change.KEEP if account in before else Change.NEW
        assert change is expected


lates = st.lists(
    st.builds(Late, st.integers(1, 3), st.sampled_from([202610, 202611]), places, st.sampled_from([-3000, 3000])),
    max_size=8,
    unique_by=lambda row: row[:3],
).map(sorted)


@given(lates)
def test_late_rows_are_moves_where_anything_was_taken_and_else_retro(rows) -> None:
    named = dict(late_changes(rows))
    assert set(named) == {row for row in rows if row.account_id}
    for _, group in groupby(rows, key=lambda row: row[:2]):
        together = [row for row in group if row.account_id]
        taken = any(row.quantity_milli < 0 for row in together)
        assert {named[row] for row in together} <= ({Change.MOVE} if taken else {Change.RETRO})


# --- matching --------------------------------------------------------------------------------------------------

candidates = st.lists(
    st.builds(
        Candidate, st.integers(1, 6), st.just("w"), st.sampled_from(["open", "open", "suspended", "closed"]),
        st.booleans(), days, days, st.booleans(), days | st.just(0), st.booleans(), st.booleans(), st.booleans(),
    ),
    max_size=5,
    unique_by=lambda candidate: candidate.account_id,
)  # fmt: skip
existing = st.none() | st.tuples(st.integers(1, 6), days)


@given(candidates, st.randoms(use_true_random=False))
def test_the_choice_hangs_on_no_order(found, chance) -> None:
    chance.shuffle(shuffled := list(found))
    assert choose(shuffled) == choose(found)
    assert pending_reason(shuffled) == pending_reason(found)


@given(candidates)
def test_nobody_is_linked_by_a_name_alone_to_a_closed_account_or_to_a_firm(found) -> None:
    """Edge cases 30, 56, 61."""
    chosen = choose(found)
    if chosen is not None:
        assert chosen.domestic
        assert chosen.state != "closed"
        assert chosen.holder_id or (chosen.named and (chosen.address or chosen.holder_name))
        assert evidence_of(chosen) is not None


@given(candidates, existing, st.booleans())
def test_links_are_disjoint_in_time_in_order_and_stable(found, old, taken: bool) -> None:
    start = [(LinkSpan(old[0], old[1], OPEN_DAY, True), "w", Evidence.HOLDER_ID.value)] if old else []
    links = link_timeline(start, found, taken=taken, today=20261020)
    in_force = [link for link in links if link.confirmed]
    for before, after in pairwise(in_force):
        assert before.valid_to < after.valid_from
    assert all(link.valid_from <= link.valid_to for link in links)
    assert sum(link.valid_to == OPEN_DAY for link in in_force) <= 1
    again = [(LinkSpan(x.account_id, x.valid_from, x.valid_to, x.confirmed), x.company, x.evidence) for x in links]
    assert link_timeline(again, found, taken=taken, today=20261120) == links


@given(candidates, days)
def test_what_a_person_confirmed_is_never_undone_by_the_machine(found, since: int) -> None:
    """Edge case 59: only the account's own end ends it."""
    span = LinkSpan(99, since, OPEN_DAY, True)
    links = link_timeline([(span, "w", Evidence.CONFIRMED.value)], found, taken=False, today=20261020)
    assert [(link.account_id, link.valid_from, link.valid_to) for link in links] == [(99, since, OPEN_DAY)]
