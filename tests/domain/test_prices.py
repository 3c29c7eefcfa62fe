"""Prices: the worked values of edge cases 3.8 and 20-29, rounding, prices by the day, and credits that stand over."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from bill_rows import FLAT, WATER, amounts, bill, part, price, prices
from hypothesis import given
from hypothesis import strategies as st

from integration.domain.amounts import Amounts, billed, corrected, total_fen
from integration.domain.draws import Taken
from integration.domain.judgement import Told
from integration.domain.policy import TierRule
from integration.domain.prices import fen, half_up, spread_credit, weight_fen
from schemas.reports import BillKind
from schemas.values import Month

#: 2.20 until the 10th of September 2026, a month of 30 days, and 2.50 from the 11th.
RISE = (FLAT, price((None, 25000), since="2026-09-11", version="v2"))
#: 25 a month at 2.00, then 4.00 (edge case 20); and the same a year.
TIERS = price((25_000, 20000), (None, 40000))
YEARLY = price((25_000, 20000), (None, 40000), per="year")


def cost(by: Amounts, told: Told, taken: Taken) -> int | None:
    return total_fen(by.lines(billed(WATER, told.said), taken))


# --- worked values ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("quantity", "amount"), [(2000, 440), (3000, 660), (6000, 1320), (0, 0)])
def test_worked_values_at_one_price(quantity: int, amount: int) -> None:
    assert cost(amounts(), bill("A", (202609, 202610), 9000), {202609: quantity} if quantity else {}) == amount


def test_a_change_of_price_within_the_month_is_followed_by_calendar_days() -> None:
    """Edge case 22, settled reading 13: 3 × (10/30 × 2.20 + 20/30 × 2.50) = 7.20."""
    told = bill("A", 202609, 3000, parts=[part(3000, 0, charge=9900)])
    assert cost(amounts(*RISE), told, {202609: 3000}) == 720


def test_each_months_allowance_is_taken_at_its_own_months_price() -> None:
    """Edge case 22: August at 2.20, September at 2.40, October at 2.50, not all at the cheapest."""
    told = bill("A", (202608, 202610), 9000)
    assert cost(amounts(*RISE), told, {202608: 3000, 202609: 3000, 202610: 1000}) == 660 + 720 + 250


def test_the_amount_is_rounded_once_for_a_component_and_not_month_by_month() -> None:
    """Settled reading 13: 0.7 × 2.20 and 0.001 × 2.50 are 154.25 fen; 0.002 × 2.50 more would be 154.75."""
    told = bill("A", (202608, 202610), 9000)
    assert cost(amounts(*RISE), told, {202608: 700, 202610: 1}) == 154
    assert cost(amounts(*RISE), told, {202608: 702, 202610: 1}) == 155


@pytest.mark.parametrize(
    ("rule", "amount"), [(TierRule.FIRST_TIER, 600), (TierRule.MARGINAL, 1000), (TierRule.BEFORE_TIER, 1000)]
)
def test_the_tier_rules_on_the_example_of_edge_case_20(rule: TierRule, amount: int) -> None:
    told = bill("A", 202610, 27_000, parts=[part(0, 0, charge=5800)])
    assert cost(amounts(TIERS, tier_rule=rule), told, {202610: 3000}) == amount


@pytest.mark.parametrize(
    ("rule", "before", "amount"),
    [
        (TierRule.FIRST_TIER, 24_000, 600),  # tier 1 even where the year's position is higher: settled reading 12
        (TierRule.FIRST_TIER, 90_000, 600),
        (TierRule.MARGINAL, 24_000, 1000),  # 24 → 27: one at 2.00, two at 4.00
        (TierRule.MARGINAL, 22_000, 600),
        (TierRule.MARGINAL, 90_000, 1200),
        (TierRule.BEFORE_TIER, 24_000, 1000),
        (TierRule.MARGINAL, None, 600),
    ],
)
def test_of_a_yearly_tariff_the_years_quantity_decides_the_tier(
    rule: TierRule, before: int | None, amount: int
) -> None:
    """Edge cases 20 and 21: the rules part where an annual quantity is kept."""
    told = bill("A", 202610, 3000, parts=[part(0, 0, charge=9900)], annual_before_milli=before)
    assert cost(amounts(YEARLY, tier_rule=rule), told, {202610: 3000}) == amount


def test_limits_of_a_month_are_doubled_on_a_bill_of_two() -> None:
    """Settled reading 12: 54 in two months reach the second tier from 50 on, not from 25."""
    told = bill("A", (202609, 202610), 54_000, parts=[part(0, 0, charge=99_900)])
    drawn = {202609: 3000, 202610: 3000}
    assert cost(amounts(TIERS, tier_rule=TierRule.MARGINAL), told, drawn) == 4 * 400 + 2 * 200
    assert cost(amounts(YEARLY, tier_rule=TierRule.MARGINAL), told, drawn) == 6 * 400


def test_off_the_top_a_change_of_price_counts_by_days_as_well() -> None:
    dearer = price((25_000, 20000), (None, 50000), since="2026-09-11", version="v2")
    told = bill("A", 202609, 28_000, parts=[part(0, 0, charge=99_900)])
    rule = TierRule.MARGINAL
    assert cost(amounts(TIERS, dearer, tier_rule=rule), told, {202609: 3000}) == 3 * (400 + 2 * 500) // 3


# --- what cannot be priced -------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", list(TierRule))
@pytest.mark.parametrize("kind", [BillKind.BILL, BillKind.TOP_UP, BillKind.RETRO])
@pytest.mark.parametrize(
    ("version", "month"),
    [
        ("v9", 202609),  # nobody knows it
        ("v2", 202608),  # begins only after the bill
        ("", 201912),  # before any price
    ],
)
def test_what_has_no_price_has_no_amount_and_is_never_guessed(
    rule: TierRule, kind: BillKind, version: str, month: int
) -> None:
    """Edge case 23."""
    told = bill("A", month, 3000, kind=kind, parts=[part(3000, 0, version=version)])
    assert cost(amounts(*RISE, tier_rule=rule), told, {month: 3000}) is None


def test_a_month_with_a_price_on_some_days_only_has_none() -> None:
    late = price((None, 22000), since="2026-09-02")
    told = bill("A", (202609, 202610), 6000)
    assert cost(amounts(late), told, {202609: 3000}) is None
    assert cost(amounts(late), told, {202610: 3000}) == 660
    assert cost(amounts(late), told, {}) == 0


def test_one_component_without_a_price_leaves_the_whole_open() -> None:
    told = bill("A", 202610, 3000, parts=[part(3000, 660), part(3000, 300, 10000, "sewage")])
    assert cost(amounts(components=("basic", "sewage")), told, {202610: 3000}) is None


@pytest.mark.parametrize("version", ["", "v1", "v2"])
def test_the_day_decides_between_prices_of_one_class_not_the_version_named(version: str) -> None:
    told = bill("A", (202608, 202610), 9000, parts=[part(9000, 0, version=version)])
    assert cost(amounts(*RISE), told, {202608: 3000}) == 660
    assert cost(amounts(*RISE), told, {202610: 3000}) == 750


# --- classes, components, charges ------------------------------------------------------------------------------


def test_a_favourable_class_is_waived_at_the_price_really_charged() -> None:
    """Edge case 25: an account at a fixed 1.00."""
    favoured = price((None, 10000), version="f1", customers="favoured")
    told = bill("A", 202610, 5000, parts=[part(5000, 0, 10000, version="f1")])
    assert cost(amounts(FLAT, favoured), told, {202610: 3000}) == 300


def test_only_the_configured_components_are_waived_each_rounded_by_itself() -> None:
    """Edge cases 16 and 24: half a fen of each component is a fen of each."""
    tariff = [price((None, 10000), component=name) for name in ("basic", "sewage")]
    told = bill("A", 202610, 5, parts=[part(5, 0, 10000), part(5, 0, 10000, "sewage"), part(5, 0, 10000, "garbage")])
    assert cost(amounts(*tariff), told, {202610: 5}) == 1
    assert cost(amounts(*tariff, components=("basic", "sewage")), told, {202610: 5}) == 2


@pytest.mark.parametrize("rule", list(TierRule))
@pytest.mark.parametrize("kind", [BillKind.BILL, BillKind.TOP_UP])
@pytest.mark.parametrize(
    ("charge", "waived", "amount"),
    [
        (500, 0, 500),  # a charge below the waiver: no negative bill
        (500, 660, 500),
        (660, 0, 660),
        (5000, 0, 660),
        (0, 0, 0),
        (-100, 0, 0),
        (0, 660, 660),  # who waives something and states no charge has not told it: no cap
    ],
)
def test_never_above_the_charge(rule: TierRule, kind: BillKind, charge: int, waived: int, amount: int) -> None:
    """Edge case 29."""
    told = bill("A", 202610, 3000, kind=kind, parts=[part(3000, waived, charge=charge)])
    assert cost(amounts(tier_rule=rule), told, {202610: 3000}) == amount


def test_a_bill_that_states_no_components_has_no_cap() -> None:
    assert cost(amounts(), bill("A", 202610, 3000, parts=[]), {202610: 3000}) == 660


def test_a_cap_of_one_component_is_no_room_for_another() -> None:
    tariff = [FLAT, price((None, 10000), component="sewage")]
    told = bill("A", 202610, 3000, parts=[part(0, 0, charge=5000), part(0, 0, name="sewage", charge=100)])
    assert cost(amounts(*tariff, components=("basic", "sewage")), told, {202610: 3000}) == 660 + 100


def test_of_a_minimum_charge_only_the_basic_price_of_the_entitled_quantity_is_waived() -> None:
    """Edge case 27: 1 used, a base fee beside it; and a minimum of 5 that is charged for 1 used."""
    beside = bill("A", 202610, 1000, parts=[part(1000, 0), part(0, 0, name="base", charge=1000)])
    assert cost(amounts(), beside, {202610: 1000}) == 220
    minimum = bill("A", 202610, 5000, parts=[part(5000, 0)])
    assert cost(amounts(), minimum, {202610: 3000}) == 660


@pytest.mark.parametrize(("day", "amount"), [(20260910, 660), (20260911, 750), (20260930, 750)])
def test_a_top_up_is_priced_on_its_day(day: int, amount: int) -> None:
    told = bill("A", 202609, 3000, kind=BillKind.TOP_UP, day=day, parts=[part(0, 0, charge=9900)])
    assert cost(amounts(*RISE), told, {202608: 2000, 202609: 1000}) == amount


def test_a_correction_moves_usage_and_charges() -> None:
    estimated = billed(WATER, bill("A", 202610, 3000, parts=[part(3000, 660)]).said)
    after = corrected(estimated, bill("B", 202610, -2000, parts=[part(0, 0, charge=-440)]).said)
    assert after.usage_milli == 1000
    assert after.components[0].charge_before_fen == 220
    assert amounts().lines(after, {202610: 3000}) == {"basic": 220}


# --- rounding and days, against other ways of reckoning --------------------------------------------------------


@given(st.integers(0, 10**7), st.integers(0, 10**6))
def test_amounts_are_rounded_half_up_to_the_fen(quantity: int, price_e4: int) -> None:
    exact = Decimal(quantity) / 1000 * Decimal(price_e4) / 100
    assert fen(quantity, price_e4) == exact.quantize(Decimal(1), ROUND_HALF_UP)


@given(st.integers(0, 10**6), st.integers(1, 1000))
def test_half_up_is_the_nearest_whole_and_of_two_the_upper(numerator: int, denominator: int) -> None:
    value = Fraction(numerator, denominator)
    assert -Fraction(1, 2) < half_up(value) - value <= Fraction(1, 2)


@pytest.mark.parametrize(("quantity", "amount"), [(4, 0), (5, 1), (14, 1), (15, 2)])
def test_worked_values_of_rounding(quantity: int, amount: int) -> None:
    assert fen(quantity, 10000) == amount


dated = st.lists(
    st.tuples(st.dates(date(2026, 6, 1), date(2026, 12, 31)), st.integers(0, 60_000)),
    max_size=4,
    unique_by=lambda one: one[0],
)
drawn = st.dictionaries(st.sampled_from([202608, 202609, 202610, 202611]), st.integers(1, 3000), min_size=1)


@given(dated, drawn, st.booleans())
def test_an_amount_is_the_mean_of_the_days_prices_whatever_road_reckons_it(found, drawn: Taken, early: bool) -> None:
    """Day by day, knowing nothing of versions, segments or months with one price."""
    since = [(date(2020, 1, 1), 22000)] if early else []
    since += found
    tariff = [price((None, e4), since=day.isoformat(), version=f"n{n}") for n, (day, e4) in enumerate(since)]
    exact: Fraction | None = Fraction(0)
    for number, quantity in drawn.items():
        month = Month.from_int(number)
        for n in range(month.last.day):
            in_force = [one for one in sorted(since) if one[0] <= month.first + timedelta(days=n)]
            exact = (
                exact + Fraction(quantity * in_force[-1][1], month.last.day) if in_force and exact is not None else None
            )
    told = bill("A", (202608, 202611), 99_000, parts=[])
    taken = dict(sorted(drawn.items()))
    by = amounts(*tariff) if tariff else Amounts(amounts().policy, {WATER: prices()})
    assert cost(by, told, taken) == (None if exact is None else int(exact / 100_000 + Fraction(1, 2)))


# --- credits ---------------------------------------------------------------------------------------------------


@given(st.integers(0, 10_000), st.lists(st.integers(-500, 3000), max_size=6))
def test_a_credit_is_never_lost_and_never_above_a_charge(credit: int, charges: list[int]) -> None:
    """Design, section 6: a credit above the next bill stands as a balance."""
    used, balance = spread_credit(credit, charges)
    assert sum(used) + balance == credit
    assert balance >= 0
    assert len(used) == len(charges)
    assert all(0 <= one <= max(charge, 0) for one, charge in zip(used, charges, strict=True))
    if balance:
        assert used == [max(charge, 0) for charge in charges]


def test_a_credit_stands_over_to_the_next_bills() -> None:
    assert spread_credit(1100, [220, 660, 660]) == ([220, 660, 220], 0)
    assert spread_credit(1100, [220]) == ([220], 880)


@pytest.mark.parametrize(
    ("month", "quantity", "weight"), [(202608, 3000, 660), (202609, 3000, 750), (201912, 3000, 0), (202608, -3000, 0)]
)
def test_a_quantity_without_money_weighs_its_months_first_price(month: int, quantity: int, weight: int) -> None:
    """Settled reading 17."""
    assert weight_fen(prices(*RISE), "basic", Month.from_int(month), quantity) == weight
