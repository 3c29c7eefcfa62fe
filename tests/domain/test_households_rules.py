"""Properties of the household's timeline and of entitlement: order-free, contiguous, monotone; worked examples."""

from __future__ import annotations

from itertools import pairwise, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integration.app import policy_in
from integration.domain.households import (
    ABSENT,
    GRANTING,
    Presence,
    Record,
    Slice,
    Standing,
    Verdict,
    continuous_since,
    end_by_merger,
    fold,
    grace_end,
    is_live,
    judge_month,
)
from integration.domain.mergers import Merger, Mergers, left_over
from integration.domain.persons import Naming, Span, is_held
from integration.domain.policy import MidMonth, MonthPolicy
from integration.settings import config_folder
from schemas.values import OPEN_DAY, Month, Service, add_months, day_after, day_int, int_day

POLICY = policy_in(config_folder() / "policy").at(Month(2026, 11))
MONTHS = [Month(2026, 1).plus(n) for n in range(24)]

days = st.dates(int_day(20260101), int_day(20271231)).map(day_int)
standings = st.builds(
    Standing,
    category=st.sampled_from(["dibao_urban", "dibao_urban", "dibao_edge", "hardship_worker"]),
    status=st.sampled_from(["active", "active", "suspended_review", "ended"]),
    certificate_from=days,
    certificate_to=days | st.just(OPEN_DAY),
    alive_to=days | st.just(OPEN_DAY),
)
#: (effective on, version) is unique among a household's records, and a position among its snapshots.
records = st.lists(
    st.builds(Record, st.just(0), days, st.integers(1, 9), standings, st.sampled_from(["330101", "330102"])),
    max_size=5,
    unique_by=lambda record: (record.effective_on, record.version),
).map(lambda found: [record._replace(record_id=n) for n, record in enumerate(found)])


def in_line(found: list[tuple[int, int, bool]]) -> list[Presence]:
    """Positions and as-of days of a source agree in their order; what does not is refused at the door."""
    positions = sorted({position for position, _, _ in found})
    as_of = sorted(day for _, day, _ in found)
    return [Presence(p, d, present) for p, d, (*_, present) in zip(positions, as_of, found, strict=False)]


presences = st.lists(st.tuples(st.integers(1, 9), days, st.booleans()), max_size=3).map(in_line)


def policy(**changes: object) -> MonthPolicy:
    return POLICY.model_copy(update=changes)


# --- the timeline ----------------------------------------------------------------------------------------------


@given(records, presences, st.randoms(use_true_random=False))
def test_the_timeline_is_the_same_whatever_order_things_arrived_in(found, said, chance) -> None:
    expected = fold(found, said)
    chance.shuffle(shuffled := list(found))
    chance.shuffle(other := list(said))
    assert fold(shuffled, other) == expected


@given(records, presences)
def test_slices_follow_each_other_without_gap_from_the_first_word_to_the_open_end(found, said) -> None:
    timeline = fold(found, said)
    assert bool(timeline) == bool(found)
    for before, after in pairwise(timeline):
        assert day_after(before.valid_to) == after.valid_from
        assert before.valid_from <= before.valid_to
        assert before._replace(valid_from=0, valid_to=0) != after._replace(valid_from=0, valid_to=0)
    if timeline:
        assert timeline[0].valid_from == min(record.effective_on for record in found)
        assert timeline[-1].valid_to == OPEN_DAY


@given(records, presences)
def test_saying_a_thing_twice_says_nothing_new(found, said) -> None:
    assert fold([*found, *found], [*said, *said]) == fold(found, said)


@given(records)
def test_every_day_stands_as_the_last_word_in_force_by_then(found) -> None:
    for part in fold(found, []):
        in_force = [record for record in found if record.effective_on <= part.valid_from]
        assert max(in_force, key=lambda record: (record.effective_on, record.version)).standing == part.standing


def _record(day: int, version: int, status: str = "active") -> Record:
    return Record(version, day, version, Standing("dibao_urban", status, 20260101, OPEN_DAY, OPEN_DAY), "330101")


@pytest.mark.parametrize(
    ("said", "absent_from"),
    [
        ([Presence(5, 20260601, False)], 20260601),
        ([Presence(5, 20260601, True)], None),
        ([Presence(5, 20260601, False), Presence(6, 20260701, True)], 20260601),
        ([Presence(1, 20260601, False)], None),  # the record's own version is higher than the silent snapshot's
    ],
)
def test_a_snapshots_silence_ends_what_it_can_know(said: list[Presence], absent_from: int | None) -> None:
    """Edge case 68."""
    for order in permutations(said):
        timeline = fold([_record(20260101, 3)], order)
        found = next((part.valid_from for part in timeline if part.standing.status == ABSENT), None)
        assert found == absent_from


# --- the month -------------------------------------------------------------------------------------------------


@given(records, presences, st.sampled_from(MONTHS), st.integers(0, 6))
def test_more_grace_never_takes_a_month_away(found, said, month: Month, grace: int) -> None:
    timeline = fold(found, said)
    if judge_month(timeline, Service.WATER, month, policy(grace_months=grace)) in GRANTING:
        assert judge_month(timeline, Service.WATER, month, policy(grace_months=grace + 1)) in GRANTING


@given(records, presences, st.sampled_from(MONTHS))
def test_any_day_gives_at_least_what_the_stricter_rules_give(found, said, month: Month) -> None:
    timeline = fold(found, said)
    strict = [
        judge_month(timeline, Service.WATER, month, policy(mid_month=rule))
        for rule in (MidMonth.FIRST_DAY, MidMonth.NEXT_MONTH)
    ]
    if set(strict) & GRANTING:
        assert judge_month(timeline, Service.WATER, month, policy(mid_month=MidMonth.ANY_DAY)) in GRANTING


@settings(max_examples=200)
@given(records, presences, st.sampled_from(MONTHS))
def test_no_right_without_a_day_of_the_right_kind(found, said, month: Month) -> None:
    """A brute-force oracle of the default rule, day by day, knowing nothing of slices."""
    timeline = fold(found, said)
    first, last = day_int(month.first), day_int(month.last)
    entitled = False
    for part in timeline:
        s = part.standing
        for day in range(first, last + 1):
            if not part.valid_from <= day <= part.valid_to or s.status in ("ended", ABSENT):
                continue
            if s.category != "dibao_urban" or s.certificate_from > day:
                continue
            entitled |= s.alive_to >= day and grace_end(s.certificate_to, 2) >= day
    granted = judge_month(timeline, Service.WATER, month, POLICY) in GRANTING
    assert granted == entitled


def test_a_certificate_withdrawn_before_it_begins_gives_no_month() -> None:
    """Announced on the 1st to begin on the 10th, ended on the 5th: no day of November was ever valid."""
    announced = Standing("dibao_urban", "active", 20261110, OPEN_DAY, OPEN_DAY)
    said = [Record(1, 20261101, 1, announced, "1"), Record(2, 20261105, 2, announced._replace(status="ended"), "1")]
    assert judge_month(fold(said, []), Service.WATER, Month(2026, 11), POLICY) not in GRANTING


@given(days, st.integers(0, 6))
def test_grace_is_counted_in_months_from_the_day_after(end: int, months: int) -> None:
    assert grace_end(end, months) >= end
    assert day_after(grace_end(end, months)) == add_months(day_after(end), months)


@pytest.mark.parametrize(
    ("end", "grace", "last"), [(20261031, 2, 20261231), (20261015, 2, 20261215), (20261230, 2, 20270227)]
)
def test_worked_examples_of_grace(end: int, grace: int, last: int) -> None:
    """Settled reading 3, month ends clipped: from 31 December, two months are up on 28 February."""
    assert grace_end(end, grace) == last


@pytest.mark.parametrize("service", list(Service))
@pytest.mark.parametrize("category", ["dibao_urban", "dibao_rural", "tekun", "dibao_edge", "hardship_worker"])
def test_rights_never_leak_from_one_category_to_another(service: Service, category: str) -> None:
    """Edge cases 49 and 50."""
    timeline = fold([Record(1, 20260101, 1, Standing(category, "active", 20260101, OPEN_DAY, OPEN_DAY), "1")], [])
    served = "hardship_worker" if service is Service.POWER else "dibao_urban"
    expected = Verdict.ENTITLED if category == served else Verdict.CATEGORY_NOT_SERVED
    assert judge_month(timeline, service, Month(2026, 11), POLICY) == expected


# --- continuous time -------------------------------------------------------------------------------------------


def told(*parts: tuple[int, str, str]) -> list[Slice]:
    """A timeline of (effective on, status, category), each part reaching to the next, of a certificate without end."""
    told_on = [
        Record(n, day, n, Standing(category, status, parts[0][0], OPEN_DAY, OPEN_DAY), "330101")
        for n, (day, status, category) in enumerate(parts)
    ]
    return fold(told_on, [])


@pytest.mark.parametrize(
    ("parts", "since"),
    [
        ([(20260105, "active", "dibao_urban")], 20260105),
        ([(20260105, "active", "dibao_urban"), (20260301, "suspended_review", "dibao_urban")], 20260105),
        ([(20260105, "active", "dibao_urban"), (20260301, "active", "dibao_rural")], 20260105),
        ([(20260105, "active", "dibao_edge"), (20260310, "active", "dibao_urban")], 20260310),
        ([(20260105, "active", "dibao_urban"), (20260310, "ended", "dibao_urban")], None),
        # revoked and restored within the month, or before a month was missed: no break (39)
        ([(20260105, "active", "tekun"), (20260310, "ended", "tekun"), (20260325, "active", "tekun")], 20260105),
        ([(20260105, "active", "tekun"), (20260310, "ended", "tekun"), (20260402, "active", "tekun")], 20260105),
        # the whole of April was missed
        ([(20260105, "active", "tekun"), (20260310, "ended", "tekun"), (20260501, "active", "tekun")], 20260501),
    ],
)
def test_since_when_a_household_has_been_low_income(parts: list[tuple[int, str, str]], since: int | None) -> None:
    assert continuous_since(told(*parts), 20261115, POLICY) == since


def test_the_grace_after_a_printed_end_counts_and_a_renewal_within_it_goes_on() -> None:
    """Printed to 31 March: low-income to 31 May; renewed on 20 May without a break, on 1 July after one."""
    first = Record(0, 20260105, 0, Standing("dibao_urban", "active", 20260105, 20260331, OPEN_DAY), "330101")
    for on, since in ((20260520, 20260105), (20260701, 20260701)):
        renewed = Record(1, on, 1, Standing("dibao_urban", "active", on, OPEN_DAY, OPEN_DAY), "330101")
        assert continuous_since(fold([first, renewed], []), 20261115, POLICY) == since
    assert continuous_since(fold([first], []), 20260531, POLICY) == 20260105
    assert continuous_since(fold([first], []), 20260601, POLICY) is None


@given(records, presences, days)
def test_every_month_of_continuous_time_counts(told_on: list[Record], silences: list[Presence], day: int) -> None:
    """From its first day on no month is missed, and none would be without the day itself."""
    timeline = fold(told_on, silences)
    since = continuous_since(timeline, day, POLICY)
    if since is None:
        return
    assert since <= day
    wide = policy(water=POLICY.water.model_copy(update={"categories": POLICY.continuous_categories}))
    for month in MONTHS:
        if since <= day_int(month.last) and day_int(month.first) <= day:
            assert judge_month(timeline, Service.WATER, month, wide) in GRANTING


# --- mergers ---------------------------------------------------------------------------------------------------


@given(records, presences, days)
def test_a_household_that_became_part_of_another_is_no_beneficiary_from_that_day(
    told_on: list[Record], silences: list[Presence], day: int
) -> None:
    """Before the day nothing changes, afterwards it never lives, and the timeline stays without gaps."""
    whole = fold(told_on, silences)
    cut = end_by_merger(whole, day)
    assert all(not is_live(part.standing) for part in cut if part.valid_to >= day)
    assert [(part.valid_from, part.standing) for part in cut if part.valid_from < day] == [
        (part.valid_from, part.standing) for part in whole if part.valid_from < day
    ]
    assert all(day_after(one.valid_to) == two.valid_from for one, two in pairwise(cut))
    assert [part.valid_to for part in cut[-1:]] == [part.valid_to for part in whole[-1:]]


@given(st.integers(0, 2).map(lambda n: 3000 * n), st.integers(0, 2).map(lambda n: 3000 * n))
def test_what_is_left_over_never_grants_a_month_twice(own: int, parts: int) -> None:
    due = left_over(3000, own, parts)
    assert due + parts <= max(3000, min(own, 3000) + parts)
    assert due >= min(own, 3000)


def test_the_parts_of_a_household_count_from_the_month_of_the_merger_on() -> None:
    """1 became part of 2 in March, and 2 of 3 in May."""
    known = Mergers([Merger(1, 2, 20260310), Merger(2, 3, 20260501)])
    assert [known.whole(2, Month(2026, n)) for n in (2, 3)] == [[2], [2, 1]]
    assert [known.whole(3, Month(2026, n)) for n in (4, 5)] == [[3], [3, 2, 1]]
    assert [known.survivor(n) for n in (1, 2, 3, 4)] == [3, 3, 3, 4]


# --- a person in two certificates ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mine", "other", "held"),
    [
        ("dibao_urban", "dibao_urban", True),
        ("dibao_urban", "dibao_rural", True),
        ("dibao_urban", "tekun", True),
        ("dibao_urban", "hardship_worker", False),
        ("hardship_worker", "hardship_worker", True),
    ],
)
def test_only_a_category_that_excludes_mine_makes_me_wait(mine: str, other: str, held: bool) -> None:
    """The other certificate began earlier; the earlier one never waits (edge cases 44, 45, 49)."""
    later = Naming(1, (Span(20260301, OPEN_DAY, mine),), 20260301, 1, entitled=True)
    earlier = Naming(2, (Span(20260101, OPEN_DAY, other),), 20260101, 2, entitled=True)
    assert is_held(1, [later, earlier], Month(2026, 11), POLICY) is held
    assert not is_held(2, [later, earlier], Month(2026, 11), POLICY)
