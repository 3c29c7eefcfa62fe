"""One person in two certificates: duplicates wait, and who splits off is entitled from the month after (43-45)."""

from __future__ import annotations

from itertools import permutations

import pytest
from world import delta, household, household_id, run, snapshot, take, water

from integration.jobs.explain import explain
from integration.jobs.hub import Hub
from schemas.values import Month


def split_files() -> list[bytes]:
    """A1 loses person 2 on 10 November; person 2 gets a certificate C2 of their own from that day."""
    stays = household("A1", 1, effective_on=20261110, version=50)
    leaves = household("C2", 2, valid_from=20261110, version=51, grant=True)
    return [delta([stays], position=60), delta([leaves], position=61)]


@pytest.mark.parametrize("order", list(permutations((0, 1))))
def test_who_splits_off_is_entitled_from_the_month_after(hub: Hub, order: tuple[int, ...]) -> None:
    """In the month of the split the old household's allowance is not doubled, whichever word came first (43)."""
    take(hub, snapshot([household("A1", 1, 2)], position=10))
    files = split_files()
    for one in order:
        take(hub, files[one])
    run(hub, "2026-11")
    run(hub, "2026-12")
    assert water(hub, "2026-11") == {"A1": {None: 3000}}
    assert water(hub, "2026-12") == {"A1": {None: 3000}, "C2": {None: 3000}}
    explanation = explain(hub, household_id(hub, "C2"), Month(2026, 11))
    assert {one.verdict for one in explanation.services} == {"split_month"}


def test_a_member_who_joins_a_household_of_long_standing_takes_nothing_from_it(hub: Hub) -> None:
    """Marriage is no split: B7 was entitled before the person came, and A1 keeps its own."""
    take(hub, snapshot([household("A1", 1, 2), household("B7", 7)], position=10))
    take(hub, delta([household("A1", 1, effective_on=20261110, version=50)], position=60))
    take(hub, delta([household("B7", 7, 2, effective_on=20261110, version=51)], position=61))
    run(hub, "2026-11")
    assert set(water(hub, "2026-11")) == {"A1", "B7"}


@pytest.mark.parametrize("order", list(permutations((0, 1))))
def test_of_two_live_certificates_the_earlier_serves_whichever_came_first(hub: Hub, order: tuple[int, ...]) -> None:
    """Nobody is stopped on both sides: the later certificate's allowance waits at none yet, still counted (44)."""
    both = [household("A1", 1, 5, valid_from=20260301), household("B2", 2, 5, valid_from=20260801)]
    for one in order:
        result = take(hub, delta([both[one] | {"record": "grant"}], position=60 + one))
        expected = "held" if one == 1 and order[0] == 0 else "applied"
        assert result.counts[expected] == 1
    run(hub, "2026-11")
    explanations = {number: explain(hub, household_id(hub, number), Month(2026, 11)) for number in ("A1", "B2")}
    held = {number: {service.held for service in one.services} for number, one in explanations.items()}
    assert held == {"A1": {False}, "B2": {True}}


def test_when_the_earlier_certificate_ends_the_later_one_serves(hub: Hub) -> None:
    """A duplicate waits no longer than the other lives."""
    take(hub, snapshot([household("A1", 1, 5, valid_from=20260301), household("B2", 2, 5, valid_from=20260801)]))
    run(hub, "2026-11")
    take(hub, delta([household("A1", 1, 5, status="ended", effective_on=20261115, version=50)], position=60))
    run(hub, "2026-12")
    one = explain(hub, household_id(hub, "B2"), Month(2026, 12))
    assert {service.held for service in one.services} == {False}
    assert set(water(hub, "2026-12")) == {"B2"}


def test_a_person_named_long_ago_by_an_ended_household_hinders_nobody(hub: Hub) -> None:
    """A new certificate after an old one has ended is applied, not held."""
    take(hub, snapshot([household("A1", 1)], position=10))
    take(hub, delta([household("A1", 1, status="ended", effective_on=20260901, version=50)], position=60))
    result = take(hub, delta([household("N9", 1, valid_from=20261001, version=51, grant=True)], position=61))
    assert (result.counts["applied"], result.counts["held"]) == (1, 0)
    run(hub, "2026-11")
    assert water(hub, "2026-11") == {"N9": {None: 3000}}
