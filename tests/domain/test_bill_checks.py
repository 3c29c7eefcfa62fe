"""What else is wrong with a bill: readings, penalties, credits, other programmes, the year's quantity."""

from __future__ import annotations

import pytest
from bill_rows import OTHER, actual, amounts, bill, judged, listed, part, policy, retro, reversal
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from integration.domain.bill_checks import Wrong, accumulated_wrong, wrongs
from integration.domain.findings import row_findings
from integration.domain.judgement import Told
from integration.domain.policy import OtherProgrammes
from schemas.findings import FindingKind
from schemas.reports import BillKind, Component
from schemas.tariffs import PENALTY

JAN, FEB, MAR = 202601, 202602, 202603
_fen = st.integers(0, 10**6)


def test_a_right_bill_has_nothing_wrong() -> None:
    assert list(wrongs(bill("A", JAN, 5000, 3000).said, policy())) == []


# --- the meter -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "end", "used", "wrong"),
    [(99998, 3, 0, True), (99998, 3, 5, False), (3, 99998, 0, False), (5, 5, 0, False), (None, 3, 0, False)],
)
def test_a_meter_that_ended_below_its_start_needs_a_quantity(
    start: int | None, end: int, used: int, wrong: bool
) -> None:
    """Edge case 12."""
    said = replace(bill("A", JAN, used).said, reading_from_milli=start, reading_to_milli=end)
    assert [one.kind for one in wrongs(said, policy())] == [FindingKind.READING_BACKWARDS] * wrong


def test_the_quantity_that_is_told_later_closes_it_and_so_does_a_reversal() -> None:
    told = bill("A", JAN, 0)
    backwards = told._replace(said=replace(told.said, reading_from_milli=99998, reading_to_milli=3))
    for more, kinds in (
        ([], [FindingKind.READING_BACKWARDS]),
        ([actual(told, "B", 5000, 3000, 20260129)], []),
        ([reversal(told, "R", 20260129)], []),
    ):
        found = judged([backwards, *more], listed(JAN))
        assert [wrong.kind for one in found for wrong in row_findings(one, 1, JAN)] == kinds


# --- a late-payment penalty and old debts --------------------------------------------------------------------------


def penalised(before: int, after: int, charge: int = 1100, waived: int = 660) -> tuple[Component, ...]:
    return (part(5000, waived, charge=charge), Component(PENALTY, "", 0, before, 0, after))


@pytest.mark.parametrize(
    ("before", "after", "charge", "waived", "over"),
    [
        (200, 80, 1100, 660, 0),
        (200, 200, 1100, 660, 120),
        (200, 81, 1100, 660, 1),
        (200, 0, 1100, 660, 0),
        (200, 200, 1100, 0, 0),
        (200, 1, 660, 660, 1),
        (200, 5, 0, 0, 5),
    ],
    ids=["with it", "not at all", "a fen short", "given up", "nothing waived", "all waived", "nothing charged"],
)
def test_the_penalty_falls_with_the_principal(before: int, after: int, charge: int, waived: int, over: int) -> None:
    """Edge case 28."""
    said = bill("A", JAN, 5000, 3000, parts=penalised(before, after, charge, waived)).said
    wanted = [Wrong(FindingKind.PENALTY_NOT_REDUCED, 0, over)] if over else []
    assert list(wrongs(said, policy())) == wanted


@given(_fen, _fen, st.data())
def test_a_penalty_that_falls_by_its_share_is_right_and_one_fen_more_is_not(before: int, charge: int, data) -> None:
    waived = data.draw(st.integers(0, charge))
    due = (2 * before * (charge - waived) + charge) // (2 * charge) if charge else 0
    for more in (0, 1):
        said = bill("A", JAN, 5000, 3000, parts=penalised(before, due + more, charge, waived)).said
        assert sum(one.stake_fen for one in wrongs(said, policy())) == more


@pytest.mark.parametrize(("may", "found"), [(False, [Wrong(FindingKind.CREDIT_SWALLOWED, 0, 200)]), (True, [])])
def test_a_credit_is_no_payment_of_old_debts_unless_the_policy_says_so(may: bool, found: list[Wrong]) -> None:
    """Edge case 28."""
    said = replace(retro(bill("A", JAN, 5000), "R", 3000, 20260305).said, debt_fen=200)
    assert list(wrongs(said, policy(credit_pays_debts=may))) == found


# --- other programmes ----------------------------------------------------------------------------------------------


def stacked(waived: int, other: int, charge: int = 1100) -> Told:
    parts = (Component("basic", "", 22000, charge, waived, charge - waived - other, other),)
    return bill("A", JAN, 5000, 3000, waived_fen=waived, parts=parts)


@pytest.mark.parametrize(
    ("order", "other", "due", "kinds"),
    [
        (OtherProgrammes.FIRST, 600, 500, []),
        (OtherProgrammes.FIRST, 0, 660, []),
        (OtherProgrammes.FIRST, 1100, 0, []),
        (OtherProgrammes.AFTER, 440, 660, []),
        (OtherProgrammes.AFTER, 441, 660, [FindingKind.OVER_CHARGE]),
    ],
)
def test_what_programmes_relieve_together_is_no_more_than_the_charge(
    order: OtherProgrammes, other: int, due: int, kinds: list[FindingKind]
) -> None:
    """Edge case 26."""
    (found,) = judged([stacked(due, other)], listed(JAN), amounts(other_programmes=order))
    assert (found.figures.due_fen, found.figures.own_fen) == (due, due)
    assert [one.kind for one in found.wrongs] == kinds


@given(_fen, _fen, st.sampled_from(OtherProgrammes))
def test_reliefs_beyond_the_charge_never_pass_unseen(waived: int, other: int, order: OtherProgrammes) -> None:
    (found,) = judged([stacked(waived, other)], listed(JAN), amounts(other_programmes=order))
    seen = found.wrongs or found.figures.waived_fen != found.figures.own_fen
    assert waived + other <= 1100 or other > 1100 or seen


def test_a_correction_changes_what_other_programmes_relieve_as_well() -> None:
    told = stacked(500, 600)
    less = (Component("basic", "", 22000, -440, 0, -40, -400),)
    change = actual(told, "B", -2000, 0, 20260220, parts=less, waived_fen=-40)
    _, found = judged([told, change], listed(JAN), amounts())
    assert found.figures.due_fen == 460  # 660 are left of the charge, and 200 of them another programme's


# --- the year's quantity -------------------------------------------------------------------------------------------


def year(bill_id: str, month: int, used: int, before: int | None, **more) -> Told:
    return bill(bill_id, month, used, min(used, 3000), annual_before_milli=before, **more)


def off(rows: list[Told], **changes: object) -> list[tuple[str, int]]:
    found = judged(rows, listed(JAN, FEB, MAR), amounts(**changes))
    return [(one.told.said.bill_id, wrong.stake_milli) for one in found for wrong in one.wrongs]


@pytest.mark.parametrize(("counts", "stated", "missing"), [(True, 24000, 0), (True, 21000, 3000), (False, 21000, 0)])
def test_a_year_goes_on_by_the_use_or_by_what_is_paid_of_it(counts: bool, stated: int, missing: int) -> None:
    """Edge case 21."""
    rows = [year("A", JAN, 14000, 10000), year("B", FEB, 5000, stated)]
    assert off(rows, accumulator_counts_waived=counts) == [("B", missing)] * bool(missing)


def test_only_a_plain_bill_of_the_month_before_tells() -> None:
    first, wrong = year("A", JAN, 14000, 10000), year("B", FEB, 5000, 1)
    beside = bill("S", JAN, 1000, 0, kind=BillKind.SUPPLEMENTARY)
    for others in ([], [first, beside], [first, reversal(first, "R", 20260129)], [year("A", JAN, 14000, None)]):
        assert off([*others, wrong]) == []
    assert off([first, year("C", MAR, 5000, 1)]) == []
    assert off([year("A", 202512, 14000, 10000), year("B", JAN, 5000, 0)]) == []
    elsewhere = year("A", JAN, 14000, 10000, company=OTHER)
    assert off([elsewhere, wrong]) == []
    assert off([first, wrong]) == [("B", 23999)]


def test_what_no_bill_states_is_not_compared() -> None:
    told = year("A", JAN, 5000, 0).said
    assert accumulated_wrong(replace(told, annual_before_milli=None), told, policy()) is None
