"""Mergers in a chain, and decisions undone: what others rightly have stays theirs, and no month is granted twice."""

from __future__ import annotations

from datetime import date

import pytest
from deciding import approved, part, take_back, undo
from world import account, delta, household, household_id, id_of, roster, run, snapshot, take, water

from integration.domain.mergers import Merger, Mergers
from integration.jobs.decide import Authority, DecisionRefused
from integration.jobs.decide_hold import approve_release
from integration.jobs.hub import Hub
from integration.jobs.merge_households import propose_merger
from integration.storage.mergers import mergers_around
from schemas.values import Month


def merge(hub: Hub, keep: str, gone: str, on: date) -> None:
    number = propose_merger(hub, household_id(hub, keep), household_id(hub, gone), on, reason="married", actor="clerk")
    approve_release(hub, number, actor="supervisor")


def test_a_chain_of_mergers_within_a_month_grants_it_once(sqlite_hub: Hub) -> None:
    hub = sqlite_hub
    take(hub, snapshot([household(c, n) for n, c in enumerate("ABC", 1)]))
    hub.clock.set("2026-11-25T10:00:00+08:00")
    merge(hub, "B", "A", date(2026, 11, 10))
    merge(hub, "C", "B", date(2026, 11, 20))
    run(hub, "2026-11")
    assert water(hub, "2026-11") == {"C": {None: 3000}}


def test_a_whole_begins_with_who_continues_and_ends_with_the_month() -> None:
    known = Mergers([Merger(1, 2, 20261110), Merger(2, 3, 20261120), Merger(4, 3, 20261201)])
    assert known.whole(1, Month(2026, 11)) == [3, 2, 1]
    assert known.whole(3, Month(2026, 12)) == [3, 4, 2, 1]
    assert known.whole(4, Month(2026, 11)) == [4]


def test_undoing_a_wrong_link_leaves_later_links(sqlite_hub: Hub) -> None:
    """W2 has been the household's since November; it stays so when October's W1 is put back."""
    hub = sqlite_hub
    take(hub, snapshot([household("A", 1, accounts={"city_water": "W1"})]))
    w2 = {"name": "张三", "id_number": id_of(77)}
    roster(hub, "city_water", [account("W1", 1), account("W2", None, home=77, **w2)])
    hub.clock.set("2026-10-20T10:00:00+08:00")
    run(hub, "2026-10")
    moved = household("A", 1, home=77, accounts={"city_water": "W2"}, effective_on=20261101, version=50)
    take(hub, delta([moved], position=60))
    run(hub, "2026-11")
    gone = account("W1", 1, state="销户", closed=20261101)
    roster(hub, "city_water", [gone, account("W2", None, home=88, **w2)])
    filed = approved(hub, part(hub, "A", "W1", "2026-10-01"))
    run(hub, "2026-12")
    approved(hub, undo(hub, filed))
    run(hub, "2026-12")
    found = [water(hub, month) for month in ("2026-10", "2026-11", "2026-12")]
    assert found == [{"A": {"W1": 3000}}, {"A": {"W2": 3000}}, {"A": {"W2": 3000}}]


def test_after_undoing_an_account_serves_one_household_until_people_confirm(sqlite_hub: Hub) -> None:
    hub = sqlite_hub
    both = [household(c, n, home=6 + n, accounts={"city_water": "W1"}) for n, c in enumerate("AB", 1)]
    take(hub, snapshot(both))
    roster(hub, "city_water", [account("W1", 2, home=7)])
    run(hub, "2026-10")
    filed = approved(hub, part(hub, "A", "W1", "2026-01-01", other="B"))
    run(hub, "2026-11")
    assert water(hub, "2026-11") == {"A": {None: 3000}, "B": {"W1": 3000}}
    approved(hub, undo(hub, filed))
    run(hub, "2026-12")
    assert water(hub, "2026-12") == {"A": {"W1": 3000}, "B": {None: 3000}}


def test_an_authoritys_number_is_a_file_number(sqlite_hub: Hub) -> None:
    """It stands in the audit for ever: no name, no ID number."""
    hub = sqlite_hub
    take(hub, snapshot([household("B", 2)]))
    with pytest.raises(DecisionRefused, match="文号"):
        take_back(hub, "B", ("2026-11", 3000, 660), authority=Authority("李乙 " + id_of(2), 20261101, 20261102))


def test_a_merger_told_twice_in_one_long_file_counts_from_the_earlier_day(sqlite_hub: Hub) -> None:
    hub = sqlite_hub
    take(hub, snapshot([household("A", 1), household("B", 2)]))
    first, second = (
        household("A", 1, 2, effective_on=on, version=version, earlier=["B"])
        for on, version in ((20261010, 50), (20261005, 51))
    )
    between = [household("F", 9, version=version) for version in range(100, 5100)]
    assert take(hub, delta([first, *between, second], position=6000)).state == "applied"
    with hub.store.read() as connection:
        found = mergers_around(connection, [household_id(hub, "A")]).all()
    assert [one.merged_on for one in found] == [20261005]
