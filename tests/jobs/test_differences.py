"""A snapshot that says otherwise than deltas before it waits until its differences are accepted (edge case 73)."""

from __future__ import annotations

from world import delta, household, household_id, id_of, member, run, snapshot, take, water

from integration.jobs.decide_hold import approve_release, propose_release, reject_hold
from integration.jobs.hub import Hub
from integration.jobs.outcomes import Difference, SyncResult
from integration.storage import holds

DISTRICT = "330102"
STAYS = household("A1", 1)


def released(hub: Hub, held: SyncResult) -> SyncResult:
    assert held.hold_id is not None
    propose_release(hub, held.hold_id, "asked the bureau: the snapshot is right", actor="clerk")
    decision = approve_release(hub, held.hold_id, actor="supervisor")
    assert decision.result is not None
    return decision.result


def granted_then_silent(hub: Hub) -> SyncResult:
    """A delta grants B2 at 55; the snapshot of 60 does not name it."""
    take(hub, snapshot([STAYS], position=10))
    take(hub, delta([household("B2", 2, version=55, grant=True)], position=55))
    return take(hub, snapshot([STAYS], position=60, as_of=20261115))


def test_silence_about_what_a_delta_granted_waits(hub: Hub) -> None:
    held = granted_then_silent(hub)
    assert (held.state, [trip.limit for trip in held.trips]) == ("held", ["contradictions"])
    assert held.differences == [Difference(household_id(hub, "B2"), DISTRICT, "live", "silent")]
    run(hub, "2026-12")
    assert set(water(hub, "2026-12")) == {"A1", "B2"}


def test_the_accepted_silence_ends_the_household(sqlite_hub: Hub) -> None:
    hub = sqlite_hub
    assert released(hub, granted_then_silent(hub)).ended == 1
    run(hub, "2026-12")
    assert set(water(hub, "2026-12")) == {"A1"}


def ended_then_named(hub: Hub) -> SyncResult:
    """A delta ends B2 at 55; the snapshot of 60 names it as it stood before."""
    both = [STAYS, household("B2", 2)]
    take(hub, snapshot(both, position=10))
    take(hub, delta([household("B2", 2, status="ended", effective_on=20261101, version=55)], position=55))
    return take(hub, snapshot(both, position=60, as_of=20261115))


def test_a_household_that_a_delta_ended_and_the_snapshot_names_waits_too(sqlite_hub: Hub) -> None:
    hub = sqlite_hub
    held = ended_then_named(hub)
    assert held.state == "held"
    assert held.differences == [Difference(household_id(hub, "B2"), DISTRICT, "ended", "live")]
    run(hub, "2026-12")
    assert set(water(hub, "2026-12")) == {"A1"}


def test_the_accepted_snapshot_wins_from_its_own_day_on(hub: Hub) -> None:
    assert released(hub, ended_then_named(hub)).state == "applied"
    run(hub, "2026-12")
    assert set(water(hub, "2026-12")) == {"A1", "B2"}


def test_a_rejected_snapshot_leaves_the_deltas_word(sqlite_hub: Hub) -> None:
    hub = sqlite_hub
    held = ended_then_named(hub)
    assert held.hold_id is not None
    reject_hold(hub, held.hold_id, actor="supervisor")
    run(hub, "2026-12")
    assert set(water(hub, "2026-12")) == {"A1"}


def test_what_a_snapshot_has_confirmed_may_be_left_out_by_the_next(sqlite_hub: Hub) -> None:
    """Silence is a contradiction only of what no snapshot has had a word on yet; and news is none."""
    hub = sqlite_hub
    grant = household("B2", 2, version=55)
    take(hub, snapshot([STAYS], position=10))
    take(hub, delta([grant | {"record": "grant"}], position=55))
    assert take(hub, snapshot([STAYS, grant], position=60, as_of=20261101)).state == "applied"
    newer = take(hub, snapshot([household("A1", 1, category="dibao_rural", version=65)], position=70, as_of=20261115))
    assert (newer.state, newer.ended) == ("applied", 1)


def test_too_many_rejected_rows_hold_the_file(sqlite_hub: Hub) -> None:
    """A file of which every fifth row is wrong is not one to end or grant anything by (edge case 51)."""
    hub = sqlite_hub
    good = [household(f"G{n}", n) for n in range(1, 85)]
    wrong = [household(f"W{n}", n, valid_from=20260301, valid_to=20260201) for n in range(101, 122)]
    held = take(hub, snapshot([*good, *wrong]))
    assert (held.state, [(trip.limit, trip.number, trip.base) for trip in held.trips]) == (
        "held",
        [("rejected", 21, 105)],
    )
    assert take(hub, snapshot([*good, *wrong[:20]], position=11)).state == "applied"
    with hub.store.read() as connection:
        assert [one.state for one in holds.all_holds(connection)] == ["open"]


def test_both_district_offices_are_named_whichever_certificate_came_first(sqlite_hub: Hub) -> None:
    """The urban and the rural certificate exclude each other; the one valid earlier serves (edge cases 45, 49)."""
    hub = sqlite_hub
    rural = household("R1", 1, category="dibao_rural", valid_from=20260201, district="330103")
    urban = household("U1", member(1, id_number=id_of(1)), home=9, valid_from=20260801, version=15)
    take(hub, snapshot([rural]))
    result = take(hub, delta([urban | {"record": "grant"}], position=20))
    assert [(fault.code, DISTRICT in fault.text, "330103" in fault.text) for fault in result.faults] == [
        ("DUPLICATE_PERSON", True, True)
    ]
    run(hub, "2026-11")
    assert water(hub, "2026-11") == {"U1": {None: 3000}}


def test_a_hardship_worker_may_live_on_minimum_allowance(sqlite_hub: Hub) -> None:
    """Programmes that do not exclude each other make nobody wait, and rights do not leak (edge cases 49, 50)."""
    hub = sqlite_hub
    take(hub, snapshot([household("H1", 1, category="hardship_worker", valid_from=20260201)]))
    result = take(hub, delta([household("U1", 1, valid_from=20260801, version=15, grant=True)], position=20))
    assert (result.counts["applied"], result.warnings) == (1, 0)
    run(hub, "2026-11")
    assert water(hub, "2026-11") == {"U1": {None: 3000}}
