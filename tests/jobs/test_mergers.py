"""Two households become one: one continues, the other ends, and no month is granted twice (edge case 43)."""

from __future__ import annotations

from datetime import date
from itertools import permutations

import pytest
from sqlalchemy import select
from world import account, delta, household, household_id, roster, run, snapshot, take, water

from integration.jobs.decide_hold import approve_release
from integration.jobs.explain import explain
from integration.jobs.hub import Hub
from integration.jobs.merge_households import MergerRefused, propose_merger, propose_parting
from integration.jobs.recompute_list import recompute_all
from integration.storage import registry
from integration.storage.holds import HoldRefused
from integration.storage.tables import audit, mergers
from schemas.values import Month

BOTH = [household("A1", 1), household("B2", 2)]


def married(version: int = 50, on: int = 20261110) -> bytes:
    """A1 and B2 are one household from 10 November, under the certificate of A1."""
    one = household("A1", 1, 2, effective_on=on, version=version, earlier=["B2"])
    return delta([one], position=version + 10)


def verdicts(hub: Hub, number: str, month: Month) -> set[str]:
    return {one.verdict for one in explain(hub, household_id(hub, number), month).services}


def test_a_record_that_names_both_certificates_lets_one_continue(hub: Hub) -> None:
    """The month of the merger is the continuing household's, and so is every later one."""
    take(hub, snapshot(BOTH))
    result = take(hub, married())
    assert (result.counts["applied"], result.ended) == (1, 1)
    run(hub, "2026-11")
    run(hub, "2026-12")
    assert water(hub, "2026-11") == {"A1": {None: 3000}}
    assert water(hub, "2026-12") == {"A1": {None: 3000}}
    assert verdicts(hub, "B2", Month(2026, 11)) == verdicts(hub, "B2", Month(2026, 12)) == {"merged"}


def test_what_both_had_before_stands_and_nothing_is_granted_again(hub: Hub) -> None:
    """November was granted to both before anybody knew; December goes to one; a full run finds nothing."""
    take(hub, snapshot(BOTH))
    run(hub, "2026-11")
    take(hub, married())
    run(hub, "2026-12")
    assert water(hub, "2026-11") == {"A1": {None: 3000}, "B2": {None: 3000}}
    assert water(hub, "2026-12") == {"A1": {None: 3000}}
    assert run(hub, "2026-12", full=True).rows == 0
    assert recompute_all(hub).same


def test_a_month_that_the_part_had_is_not_granted_to_the_whole(sqlite_hub: Hub) -> None:
    """A1 was not entitled in November, B2 was; when A1's right is told late, the month is had already."""
    hub = sqlite_hub
    take(hub, snapshot([household("A1", 1, category="dibao_edge"), household("B2", 2)]))
    run(hub, "2026-11")
    one = household("A1", 1, 2, effective_on=20261101, version=50, earlier=["B2"])
    take(hub, delta([one], position=60))
    run(hub, "2026-12")
    assert water(hub, "2026-11") == {"B2": {None: 3000}}
    assert water(hub, "2026-12") == {"A1": {None: 3000}}
    assert run(hub, "2026-12", full=True).rows == 0


def test_months_before_the_merger_are_each_ones_own(sqlite_hub: Hub) -> None:
    """B2's October right, told late, is B2's: in October there were two households."""
    hub = sqlite_hub
    take(hub, snapshot([household("A1", 1), household("B2", 2, category="dibao_edge")]))
    run(hub, "2026-10")
    run(hub, "2026-11")
    take(hub, married())
    take(hub, delta([household("B2", 2, valid_from=20261001, version=40)], position=61))
    run(hub, "2026-12")
    assert water(hub, "2026-10") == {"A1": {None: 3000}, "B2": {None: 3000}}
    assert water(hub, "2026-11") == {"A1": {None: 3000}}


def test_the_merger_in_a_snapshot_ends_the_other_and_a_later_one_changes_nothing(hub: Hub) -> None:
    take(hub, snapshot(BOTH))
    whole = household("A1", 1, 2, effective_on=20261110, version=50, earlier=["B2"])
    assert take(hub, snapshot([whole], position=60, as_of=20261115)).counts["applied"] == 1
    hub.clock.set("2026-12-05T09:00:00+08:00")
    again = take(hub, snapshot([whole], position=70, as_of=20261205))
    assert (again.counts["unchanged"], again.ended) == (1, 0)
    run(hub, "2026-12")
    assert water(hub, "2026-12") == {"A1": {None: 3000}}


def test_a_record_without_anybody_of_the_other_household_waits_for_people(sqlite_hub: Hub) -> None:
    """One wrong number must not end a household."""
    hub = sqlite_hub
    take(hub, snapshot(BOTH))
    strange = household("A1", 1, 3, effective_on=20261110, version=50, earlier=["B2"])
    result = take(hub, delta([strange], position=60))
    assert [fault.code for fault in result.faults] == ["CERTIFICATES_DISAGREE"]
    run(hub, "2026-12")
    assert set(water(hub, "2026-12")) == {"A1", "B2"}


def test_who_is_part_of_another_is_changed_through_that_one(sqlite_hub: Hub) -> None:
    """Later words about the part alone wait; a late one about the time before it was part is applied."""
    hub = sqlite_hub
    take(hub, snapshot(BOTH))
    take(hub, married())
    later = take(hub, delta([household("B2", 2, effective_on=20261201, version=55)], position=70))
    assert [fault.code for fault in later.faults] == ["MERGED_HOUSEHOLD"]
    before = take(hub, delta([household("B2", 2, effective_on=20261001, version=45)], position=71))
    assert before.counts["applied"] == 1
    run(hub, "2026-12")
    assert water(hub, "2026-12") == {"A1": {None: 3000}}


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_any_order_of_arrival_leads_to_the_same(sqlite_hub: Hub, order: tuple[int, ...]) -> None:
    """The earliest day told counts, and what is said of B2 before it stays B2's."""
    hub = sqlite_hub
    take(hub, snapshot(BOTH))
    before = household("B2", 2, category="dibao_edge", effective_on=20260901, version=45)
    files = [married(50, 20261110), married(51, 20261005), delta([before], position=71)]
    for one in order:
        take(hub, files[one])
    with hub.store.read() as connection:
        known = connection.execute(select(mergers.c.merged_on).order_by(mergers.c.known_from.desc())).scalars().first()
        timeline = registry.timelines(connection, [household_id(hub, "B2")])[household_id(hub, "B2")]
    said = [(one.part.valid_from, one.part.standing.category, one.part.standing.status) for one in timeline]
    assert known == 20261005
    assert said == [
        (20260101, "dibao_urban", "active"),
        (20260901, "dibao_edge", "active"),
        (20261005, "dibao_edge", "merged"),
    ]


def test_two_persons_decide_what_no_record_tells(hub: Hub) -> None:
    """Proposed and approved, it is known like a record's; undone by two persons, the other lives again."""
    take(hub, snapshot(BOTH))
    keep, gone = household_id(hub, "A1"), household_id(hub, "B2")
    hub.clock.set("2026-11-16T09:00:00+08:00")
    number = propose_merger(hub, keep, gone, date(2026, 11, 10), reason="married", actor="clerk")
    with pytest.raises(HoldRefused):
        approve_release(hub, number, actor="clerk")
    approve_release(hub, number, actor="supervisor")
    run(hub, "2026-12")
    assert water(hub, "2026-12") == {"A1": {None: 3000}}
    parting = propose_parting(hub, gone, reason="it was another person", actor="clerk")
    approve_release(hub, parting, actor="supervisor")
    run(hub, "2026-12")
    assert water(hub, "2026-12") == {"A1": {None: 3000}, "B2": {None: 3000}}
    with hub.store.read() as connection:
        actions = connection.execute(select(audit.c.action).where(audit.c.action.like("households_%"))).scalars().all()
    assert actions == ["households_merged", "households_parted"]


def test_a_merger_that_cannot_be_is_refused_with_the_reason(sqlite_hub: Hub) -> None:
    hub = sqlite_hub
    take(hub, snapshot(BOTH))
    hub.clock.set("2026-11-16T09:00:00+08:00")
    keep, gone = household_id(hub, "A1"), household_id(hub, "B2")
    for pair, day in (
        ((keep, keep), date(2026, 11, 1)),
        ((keep, 99), date(2026, 11, 1)),
        ((keep, gone), date(2027, 1, 1)),
    ):
        with pytest.raises(MergerRefused):
            propose_merger(hub, *pair, day, reason="married", actor="clerk")
    take(hub, married())
    with pytest.raises(MergerRefused, match=f"part of household {keep} already"):
        propose_merger(hub, keep, gone, date(2026, 11, 1), reason="married", actor="clerk")
    with pytest.raises(MergerRefused, match="is part of no other"):
        propose_parting(hub, keep, reason="a mistake", actor="clerk")


def test_what_was_known_then_is_explained_as_it_was(sqlite_hub: Hub) -> None:
    """At the version before the merger became known B2 was entitled."""
    hub = sqlite_hub
    first = take(hub, snapshot(BOTH)).version
    take(hub, married())
    one = household_id(hub, "B2")
    then = explain(hub, one, Month(2026, 12), as_known=first)
    assert {service.verdict for service in then.services} == {"entitled"}
    assert verdicts(hub, "B2", Month(2026, 12)) == {"merged"}


def test_the_account_of_the_part_serves_the_whole(sqlite_hub: Hub) -> None:
    """A1 had no account; it now has a member who is the holder of B2's."""
    hub = sqlite_hub
    take(hub, snapshot(BOTH))
    roster(hub, "city_water", [account("W2", holder=2)])
    run(hub, "2026-11")
    take(hub, married())
    run(hub, "2026-12")
    assert water(hub, "2026-12") == {"A1": {"W2": 3000}}
