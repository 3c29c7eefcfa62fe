"""Tariffs: dated prices, each with its source; what contradicts itself is refused without quoting it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.configuration import faults_of
from schemas.tariffs import BASIC, RESIDENT, Price, Tariff, Tier


def price(**changes: Any) -> dict[str, Any]:
    return {
        "version": "2019A",
        "from": date(2019, 1, 1),
        "source": "市物价局〔2018〕96号",
        "tiers": [{"up_to_milli": 15000, "price_e4": 22000}, {"price_e4": 31000}],
    } | changes


def faults(shape: type[Price | Tariff], content: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(ValidationError) as caught:
        shape.model_validate(content)
    return [(fault.key, fault.problem) for fault in faults_of("x.toml", caught.value)]


def test_a_price_is_by_default_the_basic_one_of_residents_by_the_month() -> None:
    found = Price.model_validate(price())
    assert (found.component, found.customers, found.per) == (BASIC, RESIDENT, "month")
    assert (found.since, found.version) == (date(2019, 1, 1), "2019A")
    assert found.tiers == (Tier(up_to_milli=15000, price_e4=22000), Tier(up_to_milli=None, price_e4=31000))


def test_a_price_without_tax_is_refused() -> None:
    """Edge case 32."""
    assert Price.model_validate(price()).tax_included
    ((_, problem),) = faults(Price, price(tax_included=False))
    assert "state the price with it" in problem


@pytest.mark.parametrize("key", ["version", "from", "source", "tiers"])
def test_what_a_price_needs_is_missed(key: str) -> None:
    content = price()
    del content[key]
    assert faults(Price, content) == [(key, "Field required")]


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"version": ""}, "version"),
        ({"version": "2019 A"}, "version"),
        ({"version": "A" * 41}, "version"),
        ({"component": "污水"}, "component"),
        ({"customers": ""}, "customers"),
        ({"source": ""}, "source"),
        ({"per": "week"}, "per"),
        ({"from": "soon"}, "from"),
        ({"tiers": []}, "tiers"),
        ({"until": date(2020, 1, 1)}, "until"),
        ({"tiers": [{"price_e4": -1}]}, "tiers.0.price_e4"),
        ({"tiers": [{"price_e4": 10_000_001}]}, "tiers.0.price_e4"),
        ({"tiers": [{"price_e4": 2.5}]}, "tiers.0.price_e4"),
        ({"tiers": [{"price": 1}]}, "tiers.0.price"),
        ({"tiers": [{"up_to_milli": 0, "price_e4": 1}, {"price_e4": 1}]}, "tiers.0.up_to_milli"),
    ],
)
def test_a_value_that_cannot_be_is_named_by_its_key(changes: dict[str, Any], key: str) -> None:
    assert key in [found for found, _ in faults(Price, price(**changes))]


WITHOUT_END = "the last tier, and no other, is without end: leave out its up_to_milli"
NOT_ASCENDING = "the limits of the tiers do not ascend"


@pytest.mark.parametrize(
    ("limits", "problem"),
    [
        ([15000], WITHOUT_END),
        ([15000, 22000], WITHOUT_END),
        ([None, None], WITHOUT_END),
        ([None, 15000, None], WITHOUT_END),
        ([22000, 15000, None], NOT_ASCENDING),
        ([15000, 15000, None], NOT_ASCENDING),
    ],
)
def test_tiers_ascend_and_only_the_last_is_without_end(limits: list[int | None], problem: str) -> None:
    tiers = [{"price_e4": 1} | ({} if limit is None else {"up_to_milli": limit}) for limit in limits]
    assert faults(Price, price(tiers=tiers)) == [("", problem)]


@pytest.mark.parametrize("limits", [[None], [1, None], [1, 2, 3, None]])
def test_any_number_of_ascending_tiers_may_stand(limits: list[int | None]) -> None:
    found = Price.model_validate(price(tiers=[{"up_to_milli": limit, "price_e4": 0} for limit in limits]))
    assert [tier.up_to_milli for tier in found.tiers] == limits


@pytest.mark.parametrize(
    ("second", "what"),
    [
        ({"from": date(2027, 1, 11)}, "version"),
        ({"version": "2027A"}, "since"),
    ],
)
def test_two_prices_of_one_component_and_class_differ_in_version_and_day(second: dict[str, Any], what: str) -> None:
    problem = f"two prices of one component and class have the same {what}"
    assert faults(Tariff, {"prices": [price(), price(**second)]}) == [("", problem)]


@pytest.mark.parametrize("other", [{"component": "sewage"}, {"customers": "favourable"}])
def test_other_components_and_classes_have_prices_of_their_own(other: dict[str, Any]) -> None:
    assert len(Tariff.model_validate({"prices": [price(), price(**other)]}).prices) == 2


def test_a_tariff_keeps_all_its_dates_and_cannot_be_changed() -> None:
    later = price(version="2027A", **{"from": date(2027, 1, 11)})
    tariff = Tariff.model_validate({"prices": [price(), later]})
    assert [one.since.year for one in tariff.prices] == [2019, 2027]
    with pytest.raises(ValidationError, match="frozen"):
        tariff.prices[0].version = "x"  # type: ignore[misc]


def test_what_is_refused_is_not_quoted() -> None:
    told = str(faults(Price, price(source="", version="geheim!", per="geheim")))
    assert "geheim" not in told
