"""The audit sample's rules: a draw that nobody steers, and bounds that hold."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.domain.sampling import (
    Checked,
    Covered,
    Stratum,
    draw,
    missing_copy,
    most_errors,
    project,
    sample_size,
    seed_of,
    statement,
    stratum_of,
)

ROWS = [(report, row) for report in (1, 2) for row in range(1, 201)]


def test_the_draw_is_the_seeds_alone() -> None:
    """Any order of the rows gives the same sample; another seed another one."""
    one, other = seed_of(b"one"), seed_of(b"other")
    assert draw(one, ROWS, 20) == draw(one, reversed(ROWS), 20)
    assert draw(one, ROWS, 20) != draw(other, ROWS, 20)
    assert len(set(draw(one, ROWS, 20))) == 20
    assert set(draw(one, ROWS, 20)) < set(draw(one, ROWS, 40))
    assert sorted(draw(one, ROWS, 400)) == ROWS


def test_every_row_is_as_likely_as_any_other() -> None:
    """Over 2000 seeds each of 40 rows is drawn about 200 times of 4 in 40; six standard deviations are room enough."""
    rows = ROWS[:40]
    counts = dict.fromkeys(rows, 0)
    for n in range(2000):
        for row in draw(seed_of(b"%d" % n), rows, 4):
            counts[row] += 1
    assert sum(counts.values()) == 8000
    assert all(200 - 80 < number < 200 + 80 for number in counts.values())


def test_what_is_signed_names_company_month_reports_and_tree() -> None:
    """One other letter of any of them is another statement, and another sample."""
    reports = [Covered(4, "ab"), Covered(7, "cd")]
    said = statement("city_water", "2026-11", reports, 12, b"\x01\x02")
    assert said == b"waiverhub/sample\ncity_water\n2026-11\nreport 4 ab\nreport 7 cd\ntree 12 0102\n"


def test_relief_is_whatever_waived_quantity_or_money() -> None:
    """A quantity without money and money without a quantity are both looked at as relief."""
    assert [stratum_of(*one) for one in ((3000, 660), (3000, 0), (0, 1), (-3000, -660))] == [Stratum.RELIEF] * 4
    assert stratum_of(0, 0) is Stratum.NOTHING


@pytest.mark.parametrize(("rows", "size"), [(0, 0), (1, 1), (19, 19), (20, 20), (399, 20), (401, 21), (20_000, 1000)])
def test_five_per_cent_but_twenty_at_least(rows: int, size: int) -> None:
    """Rounded up, and never more than there are."""
    assert sample_size(rows, 50, 20) == size


@given(st.integers(1, 30), st.data())
def test_the_bound_is_the_exact_one(rows: int, data: st.DataObject) -> None:
    """The largest number of errors that shows so few with a chance of more than 5 %, by fractions and brute force."""
    drawn = data.draw(st.integers(1, rows))
    found = data.draw(st.integers(0, drawn))

    def chance(errors: int) -> Fraction:
        ways = sum(comb(errors, shown) * comb(rows - errors, drawn - shown) for shown in range(found + 1))
        return Fraction(ways, comb(rows, drawn))

    possible = range(found, rows - (drawn - found) + 1)
    assert most_errors(rows, drawn, found, 950) == max(one for one in possible if chance(one) > Fraction(5, 100))


@given(st.integers(2, 60), st.data())
def test_the_bounds_hold_the_truth_as_often_as_they_say(rows: int, data: st.DataObject) -> None:
    """Over every sample that a population can give, weighed by its chance: at least 95 % each."""
    errors = data.draw(st.integers(0, rows))
    drawn = data.draw(st.integers(1, rows))
    above = below = 0
    for shown in range(max(0, drawn - (rows - errors)), min(errors, drawn) + 1):
        ways = comb(errors, shown) * comb(rows - errors, drawn - shown)
        above += ways * (most_errors(rows, drawn, shown, 950) >= errors)
        below += ways * (rows - most_errors(rows, drawn, drawn - shown, 950) <= errors)
    assert Fraction(above, comb(rows, drawn)) >= Fraction(95, 100)
    assert Fraction(below, comb(rows, drawn)) >= Fraction(95, 100)


def test_a_clean_sample_of_sixty_in_twelve_hundred_leaves_room_for_fifty_six_errors() -> None:
    """And the bound on the amount is the sum of as many of the largest amounts that were not drawn."""
    clean = [Checked(3000, 660, 3000, 660)] * 60
    made = project(1200, clean, [700, *[660] * 1139], 950)
    assert (made.errors, made.net_fen, made.rate_per_mille) == (0, 0, 0)
    assert (made.least_errors, made.most_errors, made.most_over_fen) == (0, 56, 700 + 55 * 660)


def test_errors_of_both_signs_and_a_missing_copy_are_projected() -> None:
    """Of 10 drawn in 100: 2 m³ too much, 1 m³ too little, and one without a copy, which proves nothing."""
    checked = [
        Checked(3000, 660, 1000, 220), Checked(2000, 440, 3000, 660), missing_copy(3000, 660), missing_copy(0, 0),
        *[Checked(3000, 660, 3000, 660)] * 6,
    ]  # fmt: skip
    made = project(100, checked, [660] * 90, 950)
    assert (made.errors, made.over_fen, made.under_fen) == (4, 440 + 660, 220)
    assert (made.net_fen, made.rate_per_mille) == (8800, 400)
    assert made.most_over_fen == 1100 + (made.most_errors - 4) * 660


def test_where_everything_was_drawn_nothing_is_in_doubt() -> None:
    """The bounds are what was found."""
    checked = [*[Checked(3000, 660, 3000, 660)] * 5, Checked(3000, 660, 0, 0)]
    made = project(6, checked, [], 950)
    assert (made.least_errors, made.most_errors, made.most_over_fen, made.net_fen) == (1, 1, 660, 660)
    assert project(0, [], [], 950).most_errors == 0


def test_a_half_is_rounded_away_from_nought_on_both_sides() -> None:
    """3 fen over in 2 of 3 rows is 4.5 for the three: 5; and as much under is −5."""
    over, right = Checked(1000, 13, 1000, 10), Checked(1000, 10, 1000, 10)
    under = Checked(1000, 10, 1000, 13)
    assert (project(3, [over, right], [], 950).net_fen, project(3, [under, right], [], 950).net_fen) == (5, -5)
