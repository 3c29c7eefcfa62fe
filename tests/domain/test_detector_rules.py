"""The rules of the detectors, of small cells and of scorecards."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.domain.balance import Alike, Reported
from integration.domain.claims import Claims, Part, discreet
from integration.domain.detectors import Allowance, Flagged, flag_finding, is_decided, is_overdue, lack, lacking, varies
from integration.domain.policy import Grades, Weights
from integration.domain.scorecard import Ages, Corrected, Counts, Deed, Life, ages, corrections, score
from integration.domain.variances import Compared, Figures, variances
from schemas.findings import FindingKind, Lack
from schemas.values import Month

NOVEMBER = Month(2026, 11)
REPORTED = Reported(frozenset({NOVEMBER}), NOVEMBER, 3)
NOT_FOUND, NO_BILL_DUE, NO_PURCHASE = 11, 1, 2  # the weights of answers


def allowance(*, bill: bool = False, answer: int = 0, due: int = 0, waived: int = 0, company: str = "w") -> Allowance:
    alike = Alike(int(NOVEMBER), int(NOVEMBER), "monthly", bill, answer) if company else None
    return Allowance(NOVEMBER, company, 1 if company else 0, 3000, waived, due, alike)


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (allowance(company=""), Lack.UNMATCHED),
        (allowance(), Lack.SILENT),
        (allowance(answer=NOT_FOUND), Lack.REFUSED),
        (allowance(answer=NO_BILL_DUE), Lack.NO_BILL),
        (allowance(answer=NO_PURCHASE), Lack.NO_BILL),
        (allowance(bill=True, due=3000), Lack.WITHHELD),
        (allowance(bill=True), None),  # nothing was used
        (allowance(bill=True, due=3000, waived=10), None),
    ],
)
def test_why_a_month_brought_no_relief(one: Allowance, why: Lack | None) -> None:
    assert lack(one, REPORTED) is why


def test_what_still_has_time_is_not_decided() -> None:
    awaited = Reported(frozenset(), NOVEMBER.plus(-1), 3)
    assert not is_decided(allowance(), awaited, NOVEMBER)
    assert is_decided(allowance(bill=True), awaited, NOVEMBER)
    assert is_decided(allowance(), REPORTED, NOVEMBER)
    assert is_decided(allowance(company=""), None, NOVEMBER)
    assert not is_decided(allowance(company=""), None, NOVEMBER.plus(-1))


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([None, *Lack])), max_size=14), st.integers(1, 6))
def test_the_run_without_relief_reaches_to_the_newest_month_and_has_no_gap(
    months: list[tuple[bool, Lack | None]], needed: int
) -> None:
    decided = [
        (allowance()._replace(month=NOVEMBER.plus(number)), why)
        for number, (granted, why) in enumerate(months)
        if granted
    ]
    run = lacking(decided, needed)
    longest = 0
    for one, why in reversed(decided):
        if why is None or one.month != decided[-1][0].month.plus(-longest):
            break
        longest += 1
    assert len(run) == (longest if longest >= needed else 0)
    assert run == decided[len(decided) - len(run) :]


@pytest.mark.parametrize(
    ("low_income", "until", "listed", "listed_now", "kind"),
    [
        (True, None, False, False, FindingKind.ORPHAN_FLAG),
        (True, 202611, False, False, FindingKind.ORPHAN_FLAG),
        (True, 202610, False, False, None),  # it has run out, as it should
        (True, None, False, True, None),  # set early
        (True, None, True, False, None),  # to be taken off
        (True, 202610, True, True, FindingKind.FLAG_EXPIRED),
        (False, None, True, True, FindingKind.FLAG_LOST),
        (False, None, False, True, None),  # the roster was made before the list
        (False, None, True, False, None),
        (False, None, False, False, None),
    ],
)
def test_what_is_wrong_with_a_flag(
    low_income: bool, until: int | None, listed: bool, listed_now: bool, kind: FindingKind | None
) -> None:
    assert flag_finding(Flagged(1, low_income, until, listed, listed_now), NOVEMBER) is kind


def test_the_last_day_is_still_in_time() -> None:
    day = date(2026, 10, 25)
    assert not is_overdue(day, 3, date(2026, 10, 28))
    assert is_overdue(day, 3, date(2026, 10, 29))


@pytest.mark.parametrize(
    ("before", "now", "told"), [(1000, 1049, False), (1000, 1050, True), (1000, 950, True), (0, 9, False), (9, 0, True)]
)
def test_five_per_cent_or_more_must_be_explained(before: int, now: int, told: bool) -> None:
    assert varies(before, now, 50) is told


def test_an_unreported_month_is_unknown_and_a_small_district_says_nothing() -> None:
    def month(applied: int, small: int) -> dict[str, Figures]:
        return {"330102": Figures(100, 300_000, applied, 0), "330103": Figures(small, small * 3000, 0, 0)}

    figures = {NOVEMBER: month(290_000, 3), NOVEMBER.plus(1): month(0, 4)}
    listed = list(figures)
    assert list(variances("w", Compared(figures, listed, [NOVEMBER]), 50, 5)) == []
    told = [(one.measure, one.district, one.now) for one in variances("w", Compared(figures, listed, listed), 50, 5)]
    assert told == [("applied", "", 0), ("applied", "330102", 0)]


@given(st.lists(st.integers(0, 12), max_size=8))
def test_no_small_cell_stands_alone_and_nothing_is_lost(sizes: list[int]) -> None:
    cells = [
        Claims(company="w", service="water", district="330102", community_id=n, listed=Part(size, size * 3000, size))
        for n, size in enumerate(sizes, 1)
    ]
    shown = discreet(cells, 5)
    assert sum(one.listed.households for one in shown) == sum(sizes)
    alone = [one for one in shown if not one.together]
    assert all(one.households >= 5 for one in alone)
    for one in shown:
        if one.together and alone:  # beside others, nobody can tell one small cell by taking them from the whole
            assert one.together > 1
            assert one.households >= 5


# --- scorecards --------------------------------------------------------------------------------------------------

WEIGHTS = Weights(on_time=200, complete=250, accurate=250, corrected=150, flags=100, explained=50)
GRADES = Grades(a=950, b=850, c=700)
BEST = Counts(
    collected=Deed(20261028, 20261025),
    acknowledged=Deed(20261028, 20261025),
    reported=Deed(20261210, 20261210),
    listed=100,
    answered=100,
    rows=100,
    agreed=100,
    flags_kept=100,
)


def test_whoever_does_everything_has_a_thousand_and_what_cannot_be_judged_is_left_out() -> None:
    best = score(BEST, WEIGHTS, GRADES)
    assert (best.score, best.grade, best.parts["corrected"], best.parts["explained"]) == (1000, "A", None, None)
    assert score(Counts(), WEIGHTS, GRADES).grade == ""


def test_late_counts_half_and_undone_nothing() -> None:
    worth = [Deed(20261028, day).worth for day in (20261028, 20261029, 0)]
    assert worth == [1000, 500, 0]


def test_a_silent_company_gets_the_worst_grade() -> None:
    undone = Counts(collected=Deed(20261028, 0), reported=Deed(20261210, 0), listed=100, answered=0)
    assert (score(undone, WEIGHTS, GRADES).score, score(undone, WEIGHTS, GRADES).grade) == (0, "D")


_NUMBERS = st.integers(0, 1000)


@given(_NUMBERS, _NUMBERS, _NUMBERS, _NUMBERS, _NUMBERS)
def test_a_better_count_never_scores_worse(rows: int, agreed: int, wrong: int, in_time: int, late: int) -> None:
    def made(agreed: int, wrong: int, in_time: int, late: int) -> int:
        some = Corrected(in_time, late, 0)
        counts = Counts(rows=rows, agreed=min(agreed, rows), flags_kept=10, flags_wrong=wrong, corrected=some)
        return score(counts, WEIGHTS, GRADES).score or 0

    worse = made(agreed, wrong + 1, in_time, late + 1)
    assert 0 <= worse <= made(agreed + 1, wrong, in_time + 1, late) <= 1000


def test_corrections_and_ages_are_counted_by_days() -> None:
    opened, today = date(2026, 12, 1), date(2026, 12, 20)
    lives = [Life(opened, opened + timedelta(days=days)) for days in (5, 6)]
    lives += [Life(opened, None), Life(today, None)]  # overdue; and one that still has time
    assert corrections(lives, 5, today) == Corrected(in_time=1, late=1, overdue=1)
    assert ages([today - timedelta(days=days) for days in (0, 30, 31, 90, 91)], today) == Ages(2, 2, 1)
