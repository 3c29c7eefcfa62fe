"""The edge cases of bills as examples: what each bill should have drawn, in quantity and fen, and what is odd.

Every example gives the rows as the company reports them and what ``seen`` says of each, in the order of the bills:
(bill, due quantity, due fen, verdict, oddities).
"""

from __future__ import annotations

import pytest
from bill_rows import (
    AWAY,
    FLAT,
    HOME,
    LATEST,
    NEXT,
    OTHER,
    Seen,
    actual,
    amounts,
    at,
    bill,
    judged,
    listed,
    part,
    price,
    retro,
    reversal,
    seen,
    sums,
)

from integration.domain.draws import Horizon, Listing
from integration.domain.judgement import Told, Verdict
from integration.domain.policy import CoverRule, TierRule
from schemas.findings import FindingKind
from schemas.reports import Answer, BillKind

AGREED, OVER, SHORT, OPEN = Verdict.AGREED, Verdict.OVER, Verdict.SHORT, Verdict.OPEN
UNLISTED, DUPLICATE = Verdict.UNLISTED, Verdict.DUPLICATE
JAN, FEB, MAR, APR, MAY, JUN = range(202601, 202607)
#: What the first list told, of January, and the second, of March.
FIRST, SECOND = Horizon(1, JAN), Horizon(2, MAR)


def ok(bill_id: str, due: int, fen: int | None = None) -> Seen:
    return bill_id, due, at(due) if fen is None else fen, AGREED, ()


def odd(bill_id: str, verdict: Verdict, kind: FindingKind, due: int = 0, fen: int = 0) -> Seen:
    return bill_id, due, fen, verdict, (kind,)


# --- quantity and cycle ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "months", "used", "entitled", "due"),
    [
        ("1: less than the allowance", JAN, 2000, [JAN], 2000),
        ("1: the allowance", JAN, 3000, [JAN], 3000),
        ("1: more", JAN, 9000, [JAN], 3000),
        ("1: the rest is not carried", FEB, 9000, [JAN, FEB], 3000),
        ("2: nothing used", JAN, 0, [JAN], 0),
        ("2: less than nothing used", JAN, -1000, [JAN], 0),
        ("4: two months, both entitled", (JAN, FEB), 7000, [JAN, FEB], 6000),
        ("4: not split into invented months", (JAN, FEB), 5000, [JAN, FEB], 5000),
        ("5: two months, one entitled", (JAN, FEB), 4000, [FEB], 3000),
        ("6: 65 days attached to two months", (JAN, FEB), 9000, [JAN, FEB, MAR], 6000),
        ("7: a catch-up bill of four months", (JAN, APR), 20_000, [JAN, FEB, MAR, APR], 12_000),
        ("7: of which one was not entitled", (JAN, APR), 20_000, [JAN, FEB, APR], 9000),
        ("8: February is a month like others", FEB, 9000, [FEB], 3000),
        ("8: a year is 36", (JAN, 202612), 99_000, list(range(JAN, 202613)), 36_000),
        ("11: both meters of an exchange in one bill", JAN, 1200 + 900, [JAN], 2100),
        ("15: gas in thousandths", JAN, 2675, [JAN], 2675),
    ],
)
def test_what_one_bill_draws(
    case: str, months: int | tuple[int, int], used: int, entitled: list[int], due: int
) -> None:
    assert seen([bill("A", months, used, due)], listed(*entitled)) == [ok("A", due)]


def test_nothing_used_is_a_row_and_agrees() -> None:
    """Edge case 2."""
    assert seen([bill("A", JAN, 0, answer=Answer.ZERO_USAGE)], listed(JAN)) == [ok("A", 0)]


def test_an_off_month_is_answered_without_a_bill_and_its_allowance_waits_for_the_bill() -> None:
    """Edge case 3; of two accounts at one company each has its own answer."""
    off = [
        bill("", JAN, 0, kind=BillKind.NONE, answer=Answer.NO_BILL_DUE, account=one, day=20260131)
        for one in (HOME, NEXT)
    ]
    assert seen([*off, bill("A", (JAN, FEB), 7000, 6000)], listed(JAN, FEB)) == [ok("", 0), ok("", 0), ok("A", 6000)]


def test_two_months_with_one_entitled_by_the_share_of_the_months() -> None:
    """Edge case 5, settled reading 4: 4 of which one month of two is entitled are 2."""
    by = amounts(cover_rule=CoverRule.PRORATE_USAGE)
    assert seen([bill("A", (JAN, FEB), 4000, 2000)], listed(FEB), by) == [ok("A", 2000)]
    assert seen([bill("A", (JAN, FEB), 4000, 4000)], listed(JAN, FEB), by) == [ok("A", 4000)]
    assert seen([bill("A", (JAN, MAR), 4000, 1333)], listed(FEB), by) == [ok("A", 1333)]


def test_a_corrected_bill_is_shared_out_by_months_as_well() -> None:
    by = amounts(cover_rule=CoverRule.PRORATE_USAGE)
    estimate = bill("A", (JAN, FEB), 6000, 3000)
    assert seen([estimate, actual(estimate, "B", -2000, -1000, 20260315)], listed(FEB), by) == [
        ok("A", 3000),
        ok("B", -1000),
    ]


def test_a_months_allowance_is_drawn_once_whatever_bills_cover_it() -> None:
    """Edge case 6: each month is attached to one bill, otherwise there would be 13 allowances a year."""
    rows = [bill("A", (JAN, FEB), 9000, 6000), bill("B", (FEB, MAR), 9000, 3000), bill("C", FEB, 9000, 0, day=20260501)]
    assert seen(rows, listed(JAN, FEB, MAR)) == [ok("A", 6000), ok("B", 3000), ok("C", 0)]


@pytest.mark.parametrize(("change", "net"), [(-2000, 1000), (-3000, 0), (-5000, 0), (2000, 3000), (0, 3000)])
def test_an_actual_reading_books_the_difference_and_the_net_stays_within_the_allowance(change: int, net: int) -> None:
    """Edge cases 9, 10 and 13: estimated 3, actual 1 → +6.60, −4.40, net 2.20; never below nothing."""
    estimate = bill("A", JAN, 3000, 3000)
    rows = [estimate, actual(estimate, "B", change, net - 3000, 20260315)]
    assert seen(rows, listed(JAN)) == [ok("A", 3000), ok("B", net - 3000, at(net) - 660)]
    assert dict(sums(judged(rows, listed(JAN)))) == {(JAN, HOME): [net, 0, 0]}


def test_an_actual_reading_left_without_its_difference_is_over() -> None:
    estimate = bill("A", JAN, 3000, 3000)
    found = judged([estimate, actual(estimate, "B", -2000, 0, 20260315)], listed(JAN))
    assert [(one.verdict, one.answered_for) for one in found] == [(OVER, True), (OVER, False)]
    assert (found[1].figures.waived_milli, found[1].figures.due_milli) == (3000, 1000)
    assert (found[1].figures.waived_fen, found[1].figures.due_fen) == (660, 220)


def test_an_actual_reading_may_use_what_the_estimate_left() -> None:
    estimate = bill("A", (JAN, FEB), 4000, 4000)
    assert seen([estimate, actual(estimate, "B", 5000, 2000, 20260315)], listed(JAN, FEB)) == [
        ok("A", 4000),
        ok("B", 2000),
    ]


def test_what_an_actual_reading_gives_back_is_there_for_the_next_bill_and_for_no_earlier_one() -> None:
    estimate = bill("A", JAN, 3000, 3000)
    rows = [
        estimate,
        bill("B", JAN, 2000, 0, day=20260201, kind=BillKind.SUPPLEMENTARY),
        actual(estimate, "C", -2000, -2000, 20260315),
        bill("D", JAN, 5000, 2000, day=20260320, kind=BillKind.SUPPLEMENTARY),
    ]
    assert seen(rows, listed(JAN)) == [ok("A", 3000), ok("B", 0), ok("C", -2000), ok("D", 2000)]


def test_a_second_correction_still_looks_at_the_first_bill() -> None:
    """Its months, its account and the list that it followed stay, whatever the rows in between say."""
    estimate = bill("A", (JAN, FEB), 6000, 3000, known=FIRST)
    first = actual(estimate, "B", -4000, -1000, 20260315, account=NEXT, known=LATEST)
    second = actual(estimate, "C", 9000, 1000, 20260415, account=NEXT, known=LATEST)
    again = first._replace(said=bill("B", FEB, -4000, -1000, day=20260315, kind=BillKind.ACTUAL, refers_to="A").said)
    known = [*listed(JAN), *listed(JAN, FEB, run=2, account=NEXT)]
    for middle in (first, again):
        rows = [estimate, middle, second]
        assert seen(rows, known) == [ok("A", 3000), ok("B", -1000), ok("C", 1000)]
        assert dict(sums(judged(rows, known)))[JAN, HOME] == [3000, 0, 0]


def test_a_correction_of_nothing_stands_beside() -> None:
    estimate = bill("A", JAN, 3000, 3000)
    gone = FindingKind.REVERSAL_WITHOUT_ORIGINAL
    assert seen([actual(estimate, "B", -2000, -2000, 20260315)], listed(JAN)) == [odd("B", UNLISTED, gone)]
    rows = [estimate, reversal(estimate, "R", 20260301), actual(estimate, "B", -2000, -2000, 20260315)]
    assert seen(rows, listed(JAN))[2] == odd("B", UNLISTED, gone)


def test_a_second_bill_of_a_month_gets_what_is_left() -> None:
    """Edge cases 11 and 14: initial and supplementary, or the rest of an exchanged meter in a row of its own."""
    rows = [
        bill("A", JAN, 2000, 2000),
        bill("B", JAN, 2000, 1000, day=20260131, kind=BillKind.SUPPLEMENTARY),
        bill("C", JAN, 2000, 0, day=20260201, kind=BillKind.SUPPLEMENTARY),
    ]
    assert seen(rows, listed(JAN)) == [ok("A", 2000), ok("B", 1000), ok("C", 0)]


def test_of_one_day_the_bill_id_decides() -> None:
    """Settled reading 14."""
    rows = [bill("B", JAN, 2000, 1000), bill("A", JAN, 2000, 2000)]
    assert seen(rows, listed(JAN)) == [ok("A", 2000), ok("B", 1000)]


def test_the_oldest_month_is_drawn_first() -> None:
    """Settled reading 11: what a bill of two months leaves is left of the later one."""
    rows = [bill("A", (JAN, FEB), 4000, 4000), bill("B", FEB, 9000, 2000, day=20260301)]
    assert [one.taken for one in judged(rows, listed(JAN, FEB))] == [{JAN: 3000, FEB: 1000}, {FEB: 2000}]


# --- price and charges -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "fen"), [(TierRule.FIRST_TIER, 600), (TierRule.MARGINAL, 1000), (TierRule.BEFORE_TIER, 1000)]
)
def test_the_tier_example_on_a_bill(rule: TierRule, fen: int) -> None:
    """Edge case 20."""
    by = amounts(price((25_000, 20000), (None, 40000)), tier_rule=rule)
    told = bill("A", JAN, 27_000, 3000, waived_fen=fen, parts=[part(0, fen, charge=5800)])
    assert seen([told], listed(JAN), by) == [ok("A", 3000, fen)]


@pytest.mark.parametrize(("waived_fen", "verdict"), [(660 + 750, AGREED), (1320, SHORT), (1500, OVER)])
def test_each_month_at_its_own_price(waived_fen: int, verdict: Verdict) -> None:
    """Edge case 22."""
    by = amounts(FLAT, price((None, 25000), since="2026-02-01", version="v2"))
    told = bill("A", (JAN, FEB), 7000, 6000, parts=[part(0, waived_fen, charge=1700)])
    assert seen([told], listed(JAN, FEB), by) == [("A", 6000, 1410, verdict, ())]


@pytest.mark.parametrize("version", ["v9", "v2"])
def test_without_a_price_the_quantity_is_accepted_and_the_amount_waits(version: str) -> None:
    """Edge case 23: unknown, or in force only later."""
    by = amounts(FLAT, price((None, 25000), since="2026-02-01", version="v2"))
    told = bill("A", JAN, 9000, 3000, parts=[part(9000, 660, version=version)])
    found = judged([told], listed(JAN), by)
    assert [(one.verdict, one.due_fen, one.figures.due_fen) for one in found] == [(Verdict.PRICE_UNKNOWN, 0, None)]
    assert found[0].taken == {JAN: 3000}
    wrong = bill("A", JAN, 9000, 4000, parts=[part(9000, 880, version=version)])
    assert [one.verdict for one in judged([wrong], listed(JAN), by)] == [OVER]


def test_sewage_is_not_waived_unless_the_policy_says_so() -> None:
    """Edge case 24."""
    tariff = FLAT, price((None, 10000), component="sewage")
    parts = [part(5000, 660), part(5000, 300, 10000, "sewage")]
    told = bill("A", JAN, 5000, 3000, parts=parts)
    assert seen([told], listed(JAN), amounts(*tariff)) == [("A", 3000, 660, OVER, ())]
    assert seen([told], listed(JAN), amounts(*tariff, components=("basic", "sewage"))) == [ok("A", 3000, 960)]


def test_a_favourable_account_is_waived_at_its_own_price() -> None:
    """Edge case 25."""
    by = amounts(FLAT, price((None, 10000), version="f1", customers="favoured"))
    told = bill("A", JAN, 5000, 3000, parts=[part(5000, 300, 10000, version="f1")])
    assert seen([told], listed(JAN), by) == [ok("A", 3000, 300)]


def test_a_minimum_charge_is_not_waived() -> None:
    """Edge case 27."""
    parts = [part(1000, 220), part(0, 0, name="base", charge=800)]
    assert seen([bill("A", JAN, 1000, 1000, parts=parts)], listed(JAN)) == [ok("A", 1000, 220)]


def test_no_bill_becomes_negative() -> None:
    """Edge case 29."""
    told = bill("A", JAN, 3000, 3000, parts=[part(0, 500, charge=500)])
    assert seen([told], listed(JAN)) == [ok("A", 3000, 500)]


@pytest.mark.parametrize(("tolerance", "verdict"), [(0, SHORT), (1, AGREED)])
def test_a_fen_counts_unless_the_policy_tolerates_it(tolerance: int, verdict: Verdict) -> None:
    """Edge case 16."""
    told = bill("A", JAN, 5000, 3000, waived_fen=659)
    assert seen([told], listed(JAN), amounts(tolerance_fen=tolerance)) == [("A", 3000, 660, verdict, ())]


# --- what became known later -----------------------------------------------------------------------------------

JANUARY = bill("A", JAN, 2000, known=FIRST)
FEBRUARY = bill("B", FEB, 5000, known=Horizon(1, FEB))
MARCH = bill("C", MAR, 1000, 1000, known=SECOND)
GRANTED = listed(JAN, FEB, MAR, run=2)


@pytest.mark.parametrize("ids", [("R1", "R2"), ("A", "B"), ("C", "C")], ids=["own", "of the old bills", "of the new"])
def test_a_back_dated_grant_is_credited_on_the_next_bill_as_the_old_ones_were(ids: tuple[str, str]) -> None:
    """Edge case 36: (2 + 3 + 1) × 2.20 = 13.20, whatever ids the credits bear."""
    given = [
        retro(JANUARY, ids[0], 2000, 20260328, known=SECOND),
        retro(FEBRUARY, ids[1], 3000, 20260328, known=SECOND),
    ]
    found = judged([JANUARY, FEBRUARY, MARCH, *given], GRANTED)
    assert sorted((one.told.said.month_from, sum(one.taken.values()), one.due_fen, one.verdict) for one in found) == [
        (JAN, 0, 0, AGREED), (JAN, 2000, 440, AGREED), (FEB, 0, 0, AGREED), (FEB, 3000, 660, AGREED),
        (MAR, 1000, 220, AGREED),
    ]  # fmt: skip
    assert sum(one.due_fen for one in found) == 1320
    assert dict(sums(found)) == {(JAN, HOME): [2000, 0, 0], (FEB, HOME): [3000, 0, 0], (MAR, HOME): [1000, 0, 0]}


def test_a_credit_that_does_not_come_is_owed_to_the_old_bills() -> None:
    found = judged([JANUARY, FEBRUARY, MARCH], GRANTED)
    assert [one.owed for one in found] == [{JAN: 2000}, {FEB: 3000}, {}]
    found = judged([JANUARY, FEBRUARY, MARCH, retro(FEBRUARY, "R", 1000, 20260328, known=SECOND)], GRANTED)
    assert [(one.owed, one.verdict) for one in found] == [
        ({JAN: 2000}, AGREED),
        ({}, AGREED),
        ({}, AGREED),
        ({}, SHORT),
    ]


def test_nothing_is_owed_to_who_had_been_told() -> None:
    assert [one.owed for one in judged([bill("A", JAN, 2000), bill("B", JAN, 9000)], listed(JAN))] == [{}, {}]
    early = bill("A", JAN, 2000, known=FIRST)
    assert [one.owed for one in judged([early], listed(JAN, run=2), water=Horizon(1, JAN))] == [{}]


def test_several_old_bills_share_what_is_owed() -> None:
    rows = [JANUARY, bill("B", JAN, 2000, day=20260131, kind=BillKind.SUPPLEMENTARY, known=FIRST)]
    assert [one.owed for one in judged(rows, listed(JAN, run=2))] == [{JAN: 2000}, {JAN: 1000}]


def test_two_credits_of_one_month_on_one_bill_are_two_rows() -> None:
    second = bill("B", JAN, 2000, day=20260131, kind=BillKind.SUPPLEMENTARY, known=FIRST)
    given = [retro(JANUARY, "C", 2000, 20260328), retro(second, "C", 1000, 20260328)]
    found = judged([JANUARY, second, MARCH, *given], GRANTED)
    assert [(one.told.said.kind, sum(one.taken.values()), one.verdict) for one in found[2:]] == [
        (BillKind.BILL, 1000, AGREED),
        (BillKind.RETRO, 2000, AGREED),
        (BillKind.RETRO, 1000, AGREED),
    ]


def test_a_credit_never_relieves_what_is_relieved_already() -> None:
    """The old bill was 2, and another month's allowance is no reason for more."""
    first = bill("A", (JAN, FEB), 4000, 3000, known=FIRST)
    given = [retro(first, "R", 3000, 20260328), retro(first, "S", 1000, 20260329)]
    grants = [*listed(JAN), *listed(FEB, run=2)]
    assert seen([first, *given], grants) == [ok("A", 3000), ("R", 1000, 220, OVER, ()), ("S", 0, 0, OVER, ())]


def test_of_one_day_a_credit_comes_after_its_bill_whatever_their_ids() -> None:
    """Else the allowances of two months would relieve one bill twice."""
    first = bill("Z", (JAN, FEB), 3000, 3000, known=FIRST)
    rows = [first, retro(first, "A", 0, 20260228)]
    assert seen(rows, [*listed(JAN), *listed(FEB, run=2)]) == [ok("Z", 3000), ok("A", 0)]


def test_a_credit_taken_back_may_be_given_again() -> None:
    credit = retro(JANUARY, "R", 2000, 20260328)
    rows = [JANUARY, credit, reversal(credit, "X", 20260401), retro(JANUARY, "S", 2000, 20260402)]
    assert seen(rows, listed(JAN, run=2)) == [ok("A", 0), ok("R", 2000), ok("X", -2000), ok("S", 2000)]
    assert judged(rows[:3], listed(JAN, run=2))[0].owed == {JAN: 2000}


def test_a_credit_that_is_corrected_leaves_the_rest_owed() -> None:
    credit = retro(JANUARY, "R", 2000, 20260328)
    rows = [JANUARY, credit, actual(credit, "B", -1000, -1000, 20260401)]
    assert seen(rows, listed(JAN, run=2)) == [ok("A", 0), ok("R", 2000), ok("B", -1000)]
    assert judged(rows, listed(JAN, run=2))[0].owed == {JAN: 1000}


def test_a_bill_that_is_undone_is_owed_no_credit_and_gets_none() -> None:
    rows = [JANUARY, reversal(JANUARY, "X", 20260201), retro(JANUARY, "R", 2000, 20260328)]
    assert seen(rows, listed(JAN, run=2)) == [ok("A", 0), ok("X", 0), ("R", 0, 0, OVER, ())]
    assert [one.owed for one in judged(rows[:2], listed(JAN, run=2))] == [{}, {}]


def test_a_reversal_of_a_bill_takes_back_the_bill_and_not_the_credit_with_its_id() -> None:
    rows = [JANUARY, retro(JANUARY, "C", 2000, 20260327), MARCH, reversal(MARCH, "X", 20260402)]
    assert seen(rows, GRANTED)[1:] == [ok("C", 2000), ok("C", 1000), ok("X", -1000)]


def test_a_corrected_bill_is_still_owed_what_its_own_list_did_not_tell() -> None:
    correction = actual(JANUARY, "B", 500, 0, 20260315, known=SECOND)
    found = judged([JANUARY, correction], listed(JAN, run=2))
    assert [(one.taken, one.owed, one.verdict) for one in found] == [({}, {}, AGREED), ({}, {JAN: 2500}, AGREED)]


@pytest.mark.parametrize("known", [FIRST, LATEST], ids=["the old list", "the new list"])
def test_what_a_list_told_is_applied_in_good_faith(known: Horizon) -> None:
    """Edge cases 37 and 87: ended by the second list; who followed the first is protected, who had the second not."""
    postings = [*listed(JAN), *listed(JAN, quantity=-3000, run=2), *listed(FEB)]
    (found,) = judged([bill("A", JAN, 2000, 2000, known=known)], postings)
    if known is FIRST:
        assert (found.verdict, found.taken, found.good, found.oddities) == (AGREED, {JAN: 2000}, {JAN: 2000}, ())
    else:
        assert (found.verdict, found.taken, found.good) == (UNLISTED, {}, {})
        assert found.oddities == (FindingKind.WRONG_MONTH,)


def test_of_several_bills_the_last_is_the_first_in_good_faith() -> None:
    """The claw-back was of 2: what is granted still covers the first bill."""
    postings = [*listed(JAN), *listed(JAN, quantity=-2000, run=2)]
    rows = [bill("A", JAN, 2000, 2000, known=FIRST), bill("B", JAN, 1000, 1000, day=20260201, known=FIRST)]
    assert [one.good for one in judged(rows, postings)] == [{JAN: 1000}, {JAN: 1000}]


def test_what_was_undone_was_not_drawn_in_good_faith() -> None:
    postings = [*listed(JAN), *listed(JAN, quantity=-3000, run=2)]
    first = bill("A", JAN, 1000, 1000, known=FIRST)
    second = bill("B", JAN, 2000, 2000, day=20260201, known=FIRST)
    found = judged([first, second, reversal(second, "X", 20260301)], postings)
    assert [one.good for one in found] == [{JAN: 1000}, {}, {}]


@pytest.mark.parametrize(
    ("known", "due"),
    [(Horizon(0, 0), 0), (FIRST, 3000), (Horizon(1, FEB), 6000), (Horizon(2, FEB), 6000), (LATEST, 9000)],
)
def test_a_bill_is_judged_by_the_list_that_the_company_followed(known: Horizon, due: int) -> None:
    """Edge case 77: what it did not know yet, by run or by month, it cannot have applied."""
    postings = [*listed(JAN, FEB), *listed(MAR, run=2)]
    told = bill("A", (JAN, MAR), 20_000, due, known=known)
    assert seen([told], postings) == [ok("A", due)]


def test_an_account_change_leaves_the_old_account_what_its_bills_drew() -> None:
    """Settled reading 5: the move's rows gave the new account what was left."""
    postings = [*listed(JAN), *listed(JAN, quantity=-1000, run=2), *listed(JAN, account=NEXT, quantity=1000, run=2)]
    rows = [bill("A", JAN, 2000, 2000, known=FIRST, day=20260115), bill("B", JAN, 5000, 1000, account=NEXT)]
    assert seen(rows, postings) == [ok("A", 2000), ok("B", 1000)]
    assert dict(sums(judged(rows, postings))) == {(JAN, HOME): [2000, 0, 0], (JAN, NEXT): [1000, 0, 0]}


# --- reversals, duplicates, rows of others ---------------------------------------------------------------------

ORIGINAL = bill("A", JAN, 5000, 3000)


def test_an_allowance_is_free_again_only_after_the_reversal() -> None:
    """Edge case 82."""
    rows = [
        ORIGINAL,
        bill("B", JAN, 2000, 0, day=20260210, kind=BillKind.SUPPLEMENTARY),
        reversal(ORIGINAL, "R", 20260220),
        bill("C", JAN, 2000, 2000, day=20260220, kind=BillKind.REBILL, refers_to="A"),
        bill("D", JAN, 2000, 1000, day=20260221, kind=BillKind.SUPPLEMENTARY),
    ]
    assert seen(rows, listed(JAN)) == [ok("A", 3000), ok("B", 0), ok("R", -3000), ok("C", 2000), ok("D", 1000)]


def test_a_reversal_of_one_day_comes_after_the_bill_and_before_the_bill_anew() -> None:
    rebill = bill("A0", JAN, 2000, 2000, kind=BillKind.REBILL, refers_to="A")
    rows = [rebill, reversal(ORIGINAL, "A1", 20260128), ORIGINAL]
    assert seen(rows, listed(JAN)) == [ok("A", 3000), ok("A1", -3000), ok("A0", 2000)]


@pytest.mark.parametrize(("waived", "verdict"), [(-3000, AGREED), (-2000, OVER), (-4000, SHORT), (0, OVER)])
def test_a_reversal_is_exactly_minus_what_was_reported(waived: int, verdict: Verdict) -> None:
    """Settled reading 14."""
    found = judged([ORIGINAL, reversal(ORIGINAL, "R", 20260220, waived)], listed(JAN))
    assert [(one.due_fen, one.verdict) for one in found] == [(660, verdict), (-660, verdict)]


def test_a_wrong_bill_that_is_reversed_as_it_was_is_settled() -> None:
    wrong = bill("A", JAN, 5000, 5000)
    found = judged([wrong, reversal(wrong, "R", 20260220)], listed(JAN))
    assert [(one.verdict, one.taken, one.figures.due_milli, one.answered_for) for one in found] == [
        (AGREED, {JAN: 3000}, 3000, True),
        (AGREED, {JAN: -3000}, -5000, False),
    ]


def test_a_reversal_of_a_corrected_bill_takes_all_of_it_back() -> None:
    correction = actual(ORIGINAL, "B", -4000, -2000, 20260210)
    whole = bill("R", JAN, -1000, -1000, day=20260220, kind=BillKind.REVERSAL, refers_to="A", waived_fen=-220)
    assert seen([ORIGINAL, correction, whole], listed(JAN)) == [ok("A", 3000), ok("B", -2000), ok("R", -1000)]


def test_a_reversal_without_its_original_and_a_second_one_are_breaks() -> None:
    """Edge case 82."""
    alone = seen([reversal(ORIGINAL, "R", 20260220)], listed(JAN))
    assert alone == [odd("R", UNLISTED, FindingKind.REVERSAL_WITHOUT_ORIGINAL)]
    twice = seen([ORIGINAL, reversal(ORIGINAL, "R", 20260220), reversal(ORIGINAL, "S", 20260221)], listed(JAN))
    assert twice[2] == odd("S", DUPLICATE, FindingKind.REVERSED_TWICE)
    early = seen([ORIGINAL, reversal(ORIGINAL, "R", 20260101)], listed(JAN))
    assert early == [odd("R", UNLISTED, FindingKind.REVERSAL_WITHOUT_ORIGINAL), ok("A", 3000)]


def test_a_reversal_at_another_company_is_no_reversal_of_this_bill() -> None:
    other = reversal(ORIGINAL._replace(company=OTHER), "R", 20260220)
    assert seen([ORIGINAL, other], listed(JAN))[1] == odd("R", UNLISTED, FindingKind.REVERSAL_WITHOUT_ORIGINAL)


def test_a_reversal_with_another_account_number_gives_back_to_the_bills_account() -> None:
    rows = [ORIGINAL, reversal(ORIGINAL._replace(account_id=0), "R", 20260220)]
    assert dict(sums(judged(rows, listed(JAN)))) == {(JAN, HOME): [0, 0, 0]}
    again = bill("C", JAN, 5000, 3000, day=20260221)
    assert seen([*rows, again], listed(JAN))[2] == ok("C", 3000)


def test_reversals_without_ids_of_their_own_are_told_apart_by_what_they_refer_to() -> None:
    second = bill("B", JAN, 1000, 0, day=20260201)
    rows = [ORIGINAL, second, reversal(ORIGINAL, "", 20260220), reversal(second, "", 20260220)]
    assert [one.verdict for one in judged(rows, listed(JAN))] == [AGREED] * 4


@pytest.mark.parametrize("edition", [1, 2], ids=["in one file", "in two files"])
def test_a_row_told_twice_is_counted_once(edition: int) -> None:
    """Edge case 83."""
    again = ORIGINAL._replace(row=2, edition=edition)
    assert seen([ORIGINAL, again], listed(JAN)) == [ok("A", 3000), odd("A", DUPLICATE, FindingKind.DUPLICATE_ROW)]


def test_of_a_row_told_twice_with_other_figures_the_first_file_counts() -> None:
    other = bill("A", JAN, 5000, 2000, edition=2)
    assert [one.verdict for one in judged([other, ORIGINAL], listed(JAN))] == [AGREED, DUPLICATE]
    assert [one.verdict for one in judged([other._replace(edition=1), ORIGINAL._replace(edition=2)], listed(JAN))] == [
        SHORT,
        DUPLICATE,
    ]


def test_the_same_id_at_two_companies_is_no_duplicate() -> None:
    away = bill("A", JAN, 2000, 2000, company=OTHER, account=AWAY)
    assert [one.verdict for one in judged([ORIGINAL, away], [*listed(JAN), *listed(JAN, account=AWAY)])] == [AGREED] * 2


@pytest.mark.parametrize(
    ("account", "postings", "kind"),
    [
        (HOME, [], FindingKind.UNAUTHORISED),
        (0, listed(FEB), FindingKind.UNAUTHORISED),
        (NEXT, listed(JAN), FindingKind.UNAUTHORISED),
        (HOME, listed(FEB), FindingKind.WRONG_MONTH),
    ],
    ids=["nothing listed", "account unknown", "another account", "another month"],
)
def test_what_is_on_no_list_stands_beside(account: int, postings: list[Listing], kind: FindingKind) -> None:
    """Edge cases 84 and 86."""
    told = bill("A", JAN, 5000, 3000, account=account)
    assert seen([told], postings) == [odd("A", UNLISTED, kind)]
    assert seen([told, reversal(told, "R", 20260220)], postings)[1] == ("R", 0, 0, UNLISTED, ())
    nothing = bill("A", JAN, 5000, 0, account=account)
    assert seen([nothing], postings) == [ok("A", 0)]


def test_what_stands_on_no_account_yet_is_told_to_nobody() -> None:
    told = bill("A", JAN, 5000, 3000, account=0)
    assert seen([told], listed(JAN, account=0)) == [odd("A", UNLISTED, FindingKind.UNAUTHORISED)]


@pytest.mark.parametrize(
    ("case", "told", "verdict"),
    [
        ("quantity over the allowance", bill("A", JAN, 9000, 4000), OVER),
        ("quantity over the use", bill("A", JAN, 2000, 3000), OVER),
        ("quantity under", bill("A", JAN, 2000, 1000), SHORT),
        ("nothing applied", bill("A", JAN, 2000, 0), SHORT),
        ("amount over", bill("A", JAN, 9000, 3000, waived_fen=700), OVER),
        ("amount under", bill("A", JAN, 9000, 3000, waived_fen=600), SHORT),
        ("amount without quantity", bill("A", JAN, 0, 0, waived_fen=100), OVER),
        ("right", bill("A", JAN, 9000, 3000), AGREED),
    ],
)
def test_wrong_figures(case: str, told: Told, verdict: Verdict) -> None:
    """Edge case 86."""
    due = min(told.said.billable_milli, 3000)
    assert seen([told], listed(JAN)) == [("A", due, at(due), verdict, ())]


def test_an_amount_is_judged_at_the_quantity_that_was_reported() -> None:
    (found,) = judged([bill("A", JAN, 9000, 2000, waived_fen=500)], listed(JAN))
    assert (found.figures.due_fen, found.figures.own_fen, found.figures.waived_fen) == (660, 440, 500)


@pytest.mark.parametrize("answer", [Answer.HELD, Answer.UNKNOWN])
@pytest.mark.parametrize("waived", [0, 3000])
def test_what_is_not_decided_is_open_and_keeps_its_place(answer: Answer, waived: int) -> None:
    rows = [bill("A", JAN, 5000, waived, answer=answer), bill("B", JAN, 5000, 0, day=20260201)]
    assert seen(rows, listed(JAN)) == [("A", 3000, 660, OPEN, ()), ok("B", 0)]


def test_a_month_that_two_companies_claim_is_the_listed_ones() -> None:
    """Edge case 88."""
    rows = [ORIGINAL, bill("B", JAN, 2000, 2000, company=OTHER, account=AWAY, day=20260120)]
    assert seen(rows, listed(JAN)) == [odd("B", UNLISTED, FindingKind.CROSS_COMPANY), ok("A", 3000)]
    undone = [*rows, reversal(ORIGINAL, "R", 20260201)]
    assert seen(undone, listed(JAN))[0] == odd("B", UNLISTED, FindingKind.UNAUTHORISED)


# --- prepaid ---------------------------------------------------------------------------------------------------


def top_up(bill_id: str, month: int, used: int, waived: int, day: int = 0) -> Told:
    return bill(bill_id, month, used, waived, kind=BillKind.TOP_UP, day=month * 100 + (day or 28))


def test_top_ups_draw_what_three_months_have_let_accrue() -> None:
    """Edge case 89, settled reading 16."""
    postings = listed(JAN, FEB, MAR, APR, MAY, JUN)
    rows = [
        top_up("A", MAR, 20_000, 9000, 5),  # January to March
        top_up("B", MAR, 20_000, 0, 6),  # nothing is left this month
        top_up("C", APR, 1000, 1000),
        top_up("D", JUN, 20_000, 8000),  # what is left of April, May, June
    ]
    assert seen(rows, postings) == [ok("A", 9000), ok("B", 0), ok("C", 1000), ok("D", 8000)]


def test_a_second_top_up_in_the_month_gets_what_is_left() -> None:
    rows = [top_up("A", MAR, 4000, 4000, 5), top_up("B", MAR, 9000, 5000, 6)]
    assert [one.taken for one in judged(rows, listed(JAN, FEB, MAR))] == [
        {JAN: 3000, FEB: 1000},
        {FEB: 2000, MAR: 3000},
    ]


@pytest.mark.parametrize(("accrual", "due"), [(1, 3000), (2, 6000), (3, 9000), (4, 12_000)])
@pytest.mark.parametrize("months", [JUN, (MAY, JUN), (JAN, JUN)])
def test_no_top_up_reaches_further_back_than_may_accrue(accrual: int, due: int, months: int | tuple[int, int]) -> None:
    told = bill("A", months, 50_000, due, kind=BillKind.TOP_UP)
    by = amounts(prepaid_accrual_months=accrual)
    assert seen([told], listed(JAN, FEB, MAR, APR, MAY, JUN), by) == [ok("A", due)]


def test_the_first_top_up_reaches_back_to_the_first_entitled_month() -> None:
    assert seen([top_up("A", MAR, 20_000, 6000)], listed(FEB, MAR)) == [ok("A", 6000)]


def test_a_replaced_card_is_a_reversal_and_a_new_top_up() -> None:
    first = top_up("A", MAR, 20_000, 9000, 5)
    rows = [first, reversal(first, "R", 20260306), top_up("B", MAR, 20_000, 9000, 6)]
    assert seen(rows, listed(JAN, FEB, MAR)) == [ok("A", 9000), ("B", 0, 0, OVER, ()), ok("R", -9000)]
    rows[2] = top_up("B", MAR, 20_000, 9000, 7)
    assert seen(rows, listed(JAN, FEB, MAR)) == [ok("A", 9000), ok("R", -9000), ok("B", 9000)]
