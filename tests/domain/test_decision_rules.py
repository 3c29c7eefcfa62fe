"""Properties of decisions: what is clawed back adds up and stays within what was drawn; the later word counts."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from integration.domain.allowance import differences, total
from integration.domain.decisions import (
    Decision,
    Drawn,
    Kind,
    Line,
    OverDrawn,
    Wanted,
    claw_back_lines,
    in_force,
    is_refused,
    notice_is_over,
    refusals,
    stands,
)
from schemas.values import Month, day_int, int_day

amounts = st.integers(0, 3000)
drawn = st.lists(
    st.builds(Drawn, st.integers(1, 5), amounts, amounts, amounts), max_size=3, unique_by=lambda one: one.account_id
)
asked = st.builds(Wanted, st.just(202611), st.integers(1, 4000), st.integers(0, 4000))


@given(asked, drawn)
def test_what_is_taken_back_adds_up_and_is_within_what_was_drawn_and_stands_there(wanted, found) -> None:
    lines = claw_back_lines(1, wanted, found)
    most = sum(min(one.accepted_milli, one.posted_milli) for one in found)
    if isinstance(lines, OverDrawn):
        assert wanted.quantity_milli > most or wanted.amount_fen > lines.amount_fen
        return
    assert sum(one.quantity_milli for one in lines) == wanted.quantity_milli <= most
    assert sum(one.amount_fen for one in lines) == wanted.amount_fen
    for line, one in zip(lines, found, strict=True):
        assert 0 <= line.quantity_milli <= min(one.accepted_milli, one.posted_milli)
        assert line.stays_milli == one.posted_milli - line.quantity_milli


@given(st.dictionaries(st.integers(1, 5), st.integers(1, 3000)), st.data())
def test_the_ledger_goes_to_what_stands_and_never_again_elsewhere(posted, data) -> None:
    """Edge case 38: whatever is due afterwards, the month is not granted again."""
    taken = {account: data.draw(st.integers(0, quantity)) for account, quantity in posted.items()}
    lines = [Line(1, 202611, one, taken[one], 0, posted[one] - taken[one]) for one in posted]
    left = stands(lines)
    if left is None:
        assert not posted
        return
    after = total([*posted.items(), *differences(left, posted, taken_back=True)])
    assert after == left == {one: posted[one] - taken[one] for one in posted if posted[one] > taken[one]}
    assert differences(left, after, taken_back=True) == []


kinds = st.sampled_from([Kind.OPT_OUT, Kind.OPT_IN])
days = st.dates(int_day(20260101), int_day(20261231)).map(day_int)


@given(st.lists(st.tuples(kinds, days), max_size=5), st.integers(0, 11))
@example([(Kind.OPT_OUT, 20260101), (Kind.OPT_OUT, 20260115)], 0)
def test_of_two_words_about_a_day_the_later_counts_and_a_month_is_refused_whole_or_not(told, n) -> None:
    standing = [Decision(number, kind, 1, "water", 0, day, 0) for number, (kind, day) in enumerate(told, 1)]
    month = Month(2026, 1).plus(n)
    spans = refusals(standing)

    def refused(day: int) -> bool:
        words = [kind for kind, since in told if since <= day]
        return bool(words) and words[-1] is Kind.OPT_OUT

    every = [day_int(month.first.replace(day=at)) for at in range(1, month.last.day + 1)]
    assert [any(start <= day <= end for start, end in spans) for day in every] == [refused(day) for day in every]
    assert is_refused(standing, month) is all(map(refused, every))


def test_undoing_takes_a_decision_away_and_undoing_stands_for_nothing_itself() -> None:
    first = Decision(1, Kind.OPT_OUT, 1, "water", 0, 20260101, 0)
    undoing = Decision(2, Kind.UNDO, 1, "water", 0, 20260101, 1)
    assert in_force([undoing, first]) == []
    assert in_force([first]) == [first]


def test_money_is_asked_for_once_the_notice_is_so_old() -> None:
    assert notice_is_over(20261101, 20261101, 0)
    assert not notice_is_over(20261101, 20261115, 15)
    assert notice_is_over(20261101, 20261116, 15)
