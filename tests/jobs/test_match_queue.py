"""The review queue: what a person sees, decides once, and what another person checks (edge cases 54-58, and N9)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select
from test_truth_city import COMPANIES, brought_in, weakened
from world import account, address_of, certificates, delta, household, household_id, link, roster, run, snapshot, take
from world import water as posted

from bench.matching_city import make_city, registry_records
from integration.domain.matching import HolderEvidence
from integration.jobs.erase_household import erase_household
from integration.jobs.hub import Hub
from integration.jobs.link_evidence import LinkRefused
from integration.jobs.match_decisions import check_match, sample
from integration.jobs.match_queue import confirm_link, match_queue, refuse_match
from integration.storage.engine import Store
from integration.storage.errors import StorageError
from integration.storage.tables import OPEN_VERSION, account_numbers, links, match_checks, match_keys, match_reviews
from schemas.streets import NO_STREETS, Streets
from schemas.values import Service

WATER, GAS = Service.WATER, Service.GAS


def linked(hub: Hub) -> dict[tuple[str, str], tuple[str, str]]:
    """(certificate, service) → (account number, evidence) of what is linked now."""
    named = certificates(hub)
    with hub.store.read() as connection:
        n, c = account_numbers.c, links.c
        query = select(c.household_id, c.service, n.number, c.evidence).join(
            account_numbers, (n.account_id == c.account_id) & (n.known_to == OPEN_VERSION)
        )
        rows = connection.execute(query.where(c.known_to == OPEN_VERSION, c.confirmed == 1)).all()
    return {(named[one], service): (number, evidence) for one, service, number, evidence in rows}


def queue(hub: Hub) -> dict[tuple[str, str], list[tuple[str, list[str], list[str]]]]:
    """(certificate, service) → account number, reasons and doubts of its candidates."""
    named = certificates(hub)
    return {
        (named[one.household], one.service): [(c.account, c.reasons, c.doubts) for c in one.candidates]
        for one in match_queue(hub)
    }


def landlord(number: str, home: int, **more: Any) -> dict[str, Any]:
    """An account of somebody else at a home."""
    return account(number, 90, home=home, **more)


def waiting(hub: Hub) -> int:
    """Household A lives in home 1, where a landlord has W1; the neighbour has W2."""
    take(hub, snapshot([household("A", 1)], position=10))
    roster(hub, "city_water", [landlord("W1", 1), account("W2", 95, home=2)])
    link(hub)
    return household_id(hub, "A")


def test_a_landlords_account_waits_with_its_reasons_until_a_person_confirms_it(hub: Hub) -> None:
    """Case 55: the evidence is kept as a code, the queue is emptied, and the link stands."""
    one = waiting(hub)
    assert queue(hub) == {("A", "water"): [("W1", ["dwelling"], ["other_person"])]}
    with pytest.raises(LinkRefused, match="evidence"):
        confirm_link(hub, one, WATER, "W1", actor="clerk")
    confirm_link(hub, one, WATER, "W1", evidence=HolderEvidence.LEASE, actor="clerk")
    assert (queue(hub), linked(hub)) == ({}, {("A", "water"): ("W1", "confirmed")})
    run(hub, "2026-11")
    assert posted(hub, "2026-11") == {"A": {"W1": 3000}}


def test_a_refused_pair_never_comes_again(hub: Hub) -> None:
    """Not by a better roster, not by itself, not even by an exact key."""
    one = waiting(hub)
    refuse_match(hub, one, WATER, "city_water:W1", reason="另有租户", actor="clerk")
    assert queue(hub) == {}
    roster(hub, "city_water", [account("W1", 1), account("W2", 95, home=2)])
    link(hub)
    assert (queue(hub), linked(hub)) == ({}, {})


@pytest.mark.parametrize(
    ("number", "message"), [("W9", "no company"), ("city_gas:W1", "no company"), (None, "nothing waits")]
)
def test_what_cannot_be_confirmed_is_refused_with_its_remedy(sqlite_hub: Hub, number: str | None, message: str) -> None:
    one = waiting(sqlite_hub)
    with pytest.raises(LinkRefused, match=message):
        confirm_link(sqlite_hub, one, WATER, number, evidence=HolderEvidence.LEASE, actor="clerk")


def test_a_linked_pair_is_not_refused_but_parted_by_two_persons(sqlite_hub: Hub) -> None:
    one = waiting(sqlite_hub)
    confirm_link(sqlite_hub, one, WATER, "W1", evidence=HolderEvidence.VISIT, actor="clerk")
    with pytest.raises(LinkRefused, match="wrong_link"):
        refuse_match(sqlite_hub, one, WATER, "W1", reason="有误", actor="clerk")
    with pytest.raises(LinkRefused, match="already"):
        confirm_link(sqlite_hub, one, WATER, "W1", evidence=HolderEvidence.VISIT, actor="clerk")


def test_a_holder_confirmed_at_water_is_evidence_at_gas(sqlite_hub: Hub) -> None:
    """N9: the landlord's gas account in the same home links itself, once a person has accepted the landlord."""
    one = waiting(sqlite_hub)
    roster(sqlite_hub, "city_gas", [landlord("G1", 1), landlord("G2", 2)])
    link(sqlite_hub)
    assert queue(sqlite_hub)["A", "gas"] == [("G1", ["dwelling"], ["other_person"])]
    confirm_link(sqlite_hub, one, WATER, "W1", evidence=HolderEvidence.LEASE, actor="clerk")
    link(sqlite_hub)
    assert linked(sqlite_hub)["A", "gas"] == ("G1", "near_certain")


def test_the_account_elsewhere_leads_to_one_that_the_registrys_address_does_not(sqlite_hub: Hub) -> None:
    """N9: the registry says home 5; the water account of the member, and a stranger's gas account, are in home 1."""
    take(sqlite_hub, snapshot([household("A", 1, home=5)], position=10))
    roster(sqlite_hub, "city_water", [account("W1", 1, home=1)])
    roster(sqlite_hub, "city_gas", [account("G1", name="业主", home=1)])
    link(sqlite_hub)
    assert queue(sqlite_hub) == {("A", "gas"): [("G1", ["dwelling"], ["other_dwelling"])]}


def test_an_account_near_certain_for_two_households_is_linked_to_neither(sqlite_hub: Hub) -> None:
    """Two sisters of one name in one home, and no number in the roster: a person looks."""
    people = [{"name": "王小燕", "id_number": ""}]
    take(sqlite_hub, snapshot([household(c, *people, home=1) for c in "AB"], position=10))
    roster(sqlite_hub, "city_water", [account("W1", name="王小燕", home=1)])
    link(sqlite_hub)
    assert linked(sqlite_hub) == {}
    assert {one: [c[0] for c in found] for one, found in queue(sqlite_hub).items()} == {
        ("A", "water"): ["W1"],
        ("B", "water"): ["W1"],
    }
    assert {each.others for one in match_queue(sqlite_hub) for each in one.candidates} == {1}


# --- the sample -----------------------------------------------------------------------------------------------------


def everything_checked(hub: Hub) -> Hub:
    return replace(hub, policy=weakened(hub.policy, match_sample_per_mille=1000))


def test_another_person_checks_a_sampled_decision_once(hub: Hub) -> None:
    hub = everything_checked(hub)
    one = waiting(hub)
    confirm_link(hub, one, WATER, "W1", evidence=HolderEvidence.LEASE, actor="clerk")
    assert [(s.household, s.outcome, s.decided_by, s.found) for s in sample(hub)] == [(one, "confirmed", "clerk", "")]
    with pytest.raises(LinkRefused, match="another person"):
        check_match(hub, one, WATER, right=True, actor="clerk")
    with pytest.raises(LinkRefused, match="reason"):
        check_match(hub, one, WATER, right=False, actor="supervisor")
    check_match(hub, one, WATER, right=False, note="租约已到期", actor="supervisor")
    assert [(s.found, s.checked_by) for s in sample(hub)] == [("wrong", "supervisor")]
    with pytest.raises(LinkRefused, match="no decision"):
        check_match(hub, one, WATER, right=True, actor="supervisor")


def test_the_database_refuses_that_one_person_decides_and_checks(store: Store) -> None:
    row = {"decision_id": 1, "found": "right", "note": "", "checked_us": 1, "decided_by": "a", "checked_by": "a"}
    with pytest.raises(StorageError), store.write() as connection:
        connection.execute(match_checks.insert(), row)


def test_the_share_of_decisions_that_is_checked_is_the_policys(sqlite_hub: Hub) -> None:
    brought_in(sqlite_hub, make_city(80, neighbours=0))
    hub = replace(sqlite_hub, policy=weakened(sqlite_hub.policy, match_sample_per_mille=300))
    matched = link(hub).matched
    assert matched > 25
    assert 0.1 * matched < len(sample(hub)) < 0.6 * matched


# --- again and again ------------------------------------------------------------------------------------------------


def test_every_order_of_arrival_links_and_queues_the_same(hub_maker) -> None:
    city = make_city(12, seed=3, neighbours=2)

    def registry(hub: Hub) -> None:
        take(hub, snapshot(list(registry_records(city)), message_id="m"))

    def customers(service: str) -> Any:
        rows = [
            account(one.number, name=one.name, id_number=one.id_number) | {"address": one.address}
            for one in city.accounts
            if one.service == service
        ]
        return lambda hub: roster(hub, COMPANIES[service], rows)

    seen = []
    arrivals = [registry, customers("water"), customers("gas")]
    for order in (arrivals, arrivals[::-1], [*arrivals[1:], registry]):
        hub = hub_maker()
        for arrives in order:
            arrives(hub)
            link(hub)
        seen.append((linked(hub), queue(hub)))
    assert seen[0][0]
    assert seen[0][1]
    assert all(one == seen[0] for one in seen)


def test_what_waits_is_judged_again_when_its_account_changes_and_else_left_alone(sqlite_hub: Hub) -> None:
    waiting(sqlite_hub)
    assert link(sqlite_hub).queued == 0
    roster(sqlite_hub, "city_water", [account("W1", name="新房东", home=1), account("W2", 95, home=2)])
    link(sqlite_hub)
    assert queue(sqlite_hub) == {("A", "water"): [("W1", ["dwelling"], [])]}
    roster(sqlite_hub, "city_water", [account("W1", 1), account("W2", 95, home=2)])
    link(sqlite_hub)
    assert (queue(sqlite_hub), linked(sqlite_hub)) == ({}, {("A", "water"): ("W1", "holder_id")})
    with sqlite_hub.store.read() as connection:
        assert connection.execute(select(match_keys)).all() == []


def test_a_street_renamed_later_is_known_after_a_full_linking(sqlite_hub: Hub) -> None:
    """The keys that were made under its old name are made anew."""
    text = address_of(1)
    moved = Streets({"和平路": "新民路"})
    before = replace(sqlite_hub, streets=NO_STREETS)
    take(before, snapshot([household("A", 1)], position=10))
    roster(before, "city_water", [account("W1", 90, home=1) | {"address": text.replace("和平路", "新民路")}])
    link(before)
    assert queue(before) == {}
    link_full(replace(before, streets=moved))
    assert list(queue(before)) == [("A", "water")]


def link_full(hub: Hub) -> None:
    from integration.jobs.link_accounts import link_accounts

    link_accounts(hub, actor="tester", full=True)
    assert link_accounts(hub, actor="tester", full=True).made == 0


def test_erasing_a_household_takes_it_out_of_the_matching(sqlite_hub: Hub, clock) -> None:
    one = waiting(sqlite_hub)
    run(sqlite_hub, "2026-11")
    gone = household("A", 1, status="ended", effective_on=20261101, version=2)
    take(sqlite_hub, delta([gone], position=11))
    link(sqlite_hub)
    assert queue(sqlite_hub) == {}
    clock.set("2028-03-01T10:00:00+08:00")
    with sqlite_hub.store.write() as connection:
        connection.execute(match_keys.insert().values(kind=8, digest=b"x" * 16, household_id=one))
    erase_household(with_no_runs_since(sqlite_hub), one, reason="保存期满", actor="officer")
    with sqlite_hub.store.read() as connection:
        assert connection.execute(select(match_keys)).all() == []
        assert connection.execute(select(match_reviews)).all() == []


def with_no_runs_since(hub: Hub) -> Hub:
    """The same hub under a policy that looks back no further than the month itself."""
    return replace(hub, policy=weakened(hub.policy, look_back_months=0))
