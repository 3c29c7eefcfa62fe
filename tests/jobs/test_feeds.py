"""Feeds and messages: edge cases 67 to 76 of the reference, through the real jobs, on both databases."""

from __future__ import annotations

import pytest
from world import (
    account,
    certificates,
    delta,
    due,
    household,
    listed,
    member,
    months,
    publish,
    roster,
    run,
    snapshot,
    take,
    water,
)

from integration.jobs.hub import Hub
from integration.storage import audit, audit_verify
from integration.storage.submissions import MessageConflict

W1 = {"city_water": "W1"}


def many(first: int, last: int, **changes):
    return [household(f"C{n}", n, **changes) for n in range(first, last + 1)]


def test_a_snapshot_that_shrinks_is_held_and_the_last_good_state_serves(hub: Hub) -> None:
    """Case 67."""
    take(hub, snapshot(many(1, 60)))
    shrunk = take(hub, snapshot(many(1, 36), position=20, as_of=20261101))
    assert shrunk.state == "held"
    assert {trip.limit for trip in shrunk.trips} == {"ends", "ends_district"}
    run(hub, "2026-11")
    assert len(water(hub, "2026-11")) == 60


def test_an_absent_district_is_no_revocation_of_its_households(hub: Hub) -> None:
    """Case 68: even one household alone in its district."""
    take(hub, snapshot([*many(1, 30), household("FAR", 99, district="330199")]))
    held = take(hub, snapshot(many(1, 30), position=20, as_of=20261101))
    assert (held.state, [(t.limit, t.district) for t in held.trips]) == ("held", [("district_absent", "330199")])
    run(hub, "2026-11")
    assert "FAR" in water(hub, "2026-11")


def test_the_same_message_again_gets_the_same_reply_and_another_content_is_refused(hub: Hub) -> None:
    """Case 70."""
    first = snapshot([household("A", 1)], message_id="same")
    reply = take(hub, first)
    assert take(hub, first) == reply
    with pytest.raises(MessageConflict):
        take(hub, snapshot([household("A", 1), household("B", 2)], message_id="same"))
    run(hub, "2026-11")
    assert set(water(hub, "2026-11")) == {"A"}


def test_the_same_rows_under_another_message_change_nothing(hub: Hub) -> None:
    """Case 71: a re-export, as a delta and as a later snapshot."""
    rows = [household("A", 1, accounts=W1), household("B", 2, grant=True)]
    take(hub, delta([{**row, "record": "grant"} for row in rows]))
    run(hub, "2026-11")
    again = take(hub, delta([{**row, "record": "grant"} for row in rows], message_id="again"))
    assert (again.state, again.counts["unchanged"]) == ("applied", 2)
    later = take(hub, snapshot(rows, position=30, as_of=20261101))
    assert (later.state, later.counts["unchanged"]) == ("applied", 2)
    assert run(hub, "2026-11").rows == 0


def test_an_older_version_goes_to_history_and_does_not_overwrite(hub: Hub) -> None:
    """Case 72."""
    take(hub, snapshot([household("A", 1)]))
    take(hub, delta([household("A", 1, effective_on=20261101, status="ended", version=15)], position=15))
    take(hub, delta([household("A", 1, effective_on=20261101, version=13)], position=16))
    run(hub, "2026-11")
    assert water(hub, "2026-11") == {}


def test_a_later_arriving_earlier_date_is_put_in_its_place_and_only_its_months_change(hub: Hub) -> None:
    """Case 72: the timeline, not the arrival."""
    take(hub, snapshot([household("A", 1)]))
    for month in months("2026-09", "2026-11"):
        run(hub, month)
    take(hub, delta([household("A", 1, effective_on=20261201, version=12)], position=12))
    take(hub, delta([household("A", 1, category="dibao_edge", effective_on=20261101, version=11)], position=13))
    run(hub, "2026-12")
    assert "A" in water(hub, "2026-12")
    assert [len(water(hub, month)) for month in months("2026-09", "2026-11")] == [1, 1, 1]  # nothing is taken back


def test_what_a_snapshot_does_not_name_has_ended_from_its_day_on(hub: Hub) -> None:
    """Case 73: below the brake, the snapshot wins; a newer delta stands."""
    take(hub, snapshot(many(1, 30)))
    take(hub, delta([household("C1", 1, effective_on=20261102, version=50)], position=50))
    take(hub, snapshot(many(3, 30), position=20, as_of=20261101))
    run(hub, "2026-11")
    assert {"C1", "C2"} & set(water(hub, "2026-11")) == {"C1"}


def test_a_change_of_an_unknown_certificate_waits_for_its_household(hub: Hub) -> None:
    """Case 74: parked, not created, applied after the next snapshot, and proven in the audit."""
    take(hub, snapshot([household("A", 1)]))
    parked = take(hub, delta([household("B", 2, effective_on=20261101, status="ended", version=15)], position=15))
    assert (parked.counts["held"], [f.code for f in parked.faults]) == (1, ["UNKNOWN_CERTIFICATE"])
    run(hub, "2026-10")
    assert set(water(hub, "2026-10")) == {"A"}
    take(hub, snapshot([household("A", 1), household("B", 2)], position=14, as_of=20261025))
    run(hub, "2026-11")
    assert (set(water(hub, "2026-10")), set(water(hub, "2026-11"))) == ({"A", "B"}, {"A"})
    audit.sequence(hub.store, hub.ring, hub.clock)
    with hub.store.read() as connection:
        assert audit_verify.verify(connection, hub.ring.checkpoints.public_pem) == []


def test_a_parked_change_is_found_by_any_certificate_it_names(hub: Hub) -> None:
    """Cases 42 and 74: it speaks of the re-issued number; the household comes under the old one."""
    take(hub, snapshot([household("A", 1)]))
    take(hub, delta([household("NEW-B", 2, earlier=["OLD-B"], effective_on=20261101, version=15)], position=15))
    take(hub, snapshot([household("A", 1), household("OLD-B", 2)], position=14, as_of=20261025))
    run(hub, "2026-11")
    assert set(water(hub, "2026-11")) == {"A", "NEW-B"}
    take(hub, delta([household("NEW-B", 2, effective_on=20261201, status="ended", version=16)], position=16))
    run(hub, "2026-12")
    assert set(water(hub, "2026-12")) == {"A"}


def test_single_revocations_pass_while_a_snapshot_is_held(hub: Hub) -> None:
    """Case 75."""
    take(hub, snapshot(many(1, 60)))
    assert take(hub, snapshot(many(1, 30), position=20, as_of=20261101)).state == "held"
    gone = household("C60", 60, effective_on=20261101, status="ended", version=21)
    assert take(hub, delta([gone], position=21)).state == "applied"
    run(hub, "2026-11")
    assert len(water(hub, "2026-11")) == 59


def test_what_comes_after_the_cut_off_is_a_row_of_a_later_list_and_no_list_changes(hub: Hub) -> None:
    """Case 76: as a supplement of the same month, or on the next list."""
    take(hub, snapshot([household("A", 1, accounts=W1)]))
    roster(hub, "city_water", [account("W1", 1), account("W2", 2)])
    run(hub, "2026-11")
    publish(hub, "2026-11")
    before = listed(hub, "city_water", 1)
    late = household("B", 2, accounts={"city_water": "W2"}, valid_from=20261101, version=12, grant=True)
    take(hub, delta([late], position=12))
    assert publish(hub, "2026-11")["city_water"].state == "nothing_new"
    run(hub, "2026-11")
    supplement = publish(hub, "2026-11")["city_water"]
    assert (supplement.kind, supplement.number) == ("supplement", 2)
    assert [(r["account"], r["change"]) for r in listed(hub, "city_water", 2)] == [("W2", "RETRO")]
    assert listed(hub, "city_water", 1) == before
    run(hub, "2026-12")
    publish(hub, "2026-12")
    rows = [(r["account"], r["month"], r["change"]) for r in listed(hub, "city_water", 3)]
    assert rows == [("W1", 202612, "KEEP"), ("W2", 202612, "NEW")]  # against the last regular list


# --- rejected is not absent ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spoilt",
    [
        household("B", member(2, id_number="110105194912310021"), home=2),  # wrong check digit
        household("B", 2, valid_to=20250101),
        household("B", 2, category="nonsense"),
        household("B", 3, home=2, version=1),  # other content under a version that is taken
        household("B", 2, earlier=["A"], version=12),  # two households' certificates in one row
    ],
    ids=["id", "dates", "category", "version", "certificates"],
)
def test_a_row_of_a_snapshot_that_is_not_accepted_does_not_end_its_household(hub: Hub, spoilt) -> None:
    """It is named, so it is not absent: its last good state stands (edge case 68 in the small)."""
    take(hub, snapshot([household("A", 1), household("B", 2), household("C", 3, home=9)]))
    rows = [household("A", 1), spoilt, household("C", 3, home=9)]
    result = take(hub, snapshot(rows, position=20, as_of=20261030, districts={"330102": 3}))
    assert (result.state, result.counts["rejected"] + result.counts["held"]) == ("applied", 1), result
    run(hub, "2026-11")
    assert set(water(hub, "2026-11")) == {"A", "B", "C"}


# --- no month and no change is lost ----------------------------------------------------------------------------


def test_a_change_is_not_lost_when_an_earlier_month_is_run_again_first(hub: Hub) -> None:
    """Cases 36 and 76: whatever order the operator runs months in, the next month's run leaves nothing undone."""
    take(hub, snapshot([household("A", 1)], as_of=20260920))
    run(hub, "2026-10")
    run(hub, "2026-11")
    take(hub, delta([household("B", 2, valid_from=20261001, version=12, grant=True)], position=12))
    run(hub, "2026-10")
    run(hub, "2026-12")
    assert [set(water(hub, month)) for month in months("2026-10", "2026-12")] == [{"A", "B"}] * 3
    assert run(hub, "2026-12", full=True).rows == 0


def test_no_computed_month_is_passed_over_when_lists_are_published(hub: Hub) -> None:
    """Promise B6: every month reaches its company, in order."""
    take(hub, snapshot([household("A", 1, accounts=W1)], as_of=20260920))
    roster(hub, "city_water", [account("W1", 1)])
    run(hub, "2026-10")
    run(hub, "2026-11")
    refused = publish(hub, "2026-11")["city_water"]
    assert (refused.state, "2026-10" in refused.reason) == ("refused", True)
    publish(hub, "2026-10")
    publish(hub, "2026-11")
    assert [[r["month"] for r in listed(hub, "city_water", n)] for n in (1, 2)] == [[202610], [202611]]


def test_a_full_run_finds_nothing_after_any_of_these_stories(hub: Hub) -> None:
    """Design, idea 1: the whole window again must find nothing."""
    take(hub, snapshot([household("A", 1, accounts=W1), household("B", 2, 3)], as_of=20260920))
    roster(hub, "city_water", [account("W1", 1), account("W3", 3)])
    run(hub, "2026-10")
    take(hub, delta([household("C", 3, valid_from=20260601, version=12, grant=True)], position=12))
    take(hub, delta([household("A", 1, effective_on=20261001, status="ended", version=13)], position=13))
    run(hub, "2026-11")
    assert run(hub, "2026-11", full=True).rows == 0
    assert due(hub, "2026-11")


def test_a_month_may_not_be_left_out(hub: Hub) -> None:
    from integration.jobs.compute_month import MonthRefused

    take(hub, snapshot([household("A", 1)], as_of=20260920))
    run(hub, "2026-10")
    with pytest.raises(MonthRefused):
        run(hub, "2026-12")


def test_a_month_without_a_list_is_credited_later_all_the_same(hub: Hub) -> None:
    """Case 36 and promise B6: the company's lists began after the month; the match was made after that."""
    take(hub, snapshot([household("A", 1, accounts={"city_gas": "G1"})], as_of=20260920))
    run(hub, "2026-10")
    run(hub, "2026-11")
    publish(hub, "2026-11")
    roster(hub, "city_gas", [account("G1", 1)])
    run(hub, "2026-12")
    publish(hub, "2026-12")
    assert due(hub, "2026-10")["A", "gas"] == {"G1": 3000}
    rows = sorted((r["month"], r["change"]) for r in listed(hub, "city_gas", 2))
    assert rows == [(202610, "RETRO"), (202611, "RETRO"), (202612, "NEW")]


def test_the_same_snapshot_under_another_message_id_is_a_no_op(hub: Hub) -> None:
    """Case 71: a re-export is recognised by its rows; other content at its position is refused."""
    rows = [household("A1", 1), household("B2", 2)]
    take(hub, snapshot(rows, position=10))
    again = take(hub, snapshot(rows, position=10))
    other = take(hub, snapshot([*rows[:1], household("C3", 3)], position=10))
    fewer = take(hub, snapshot(rows[:1], position=10))
    assert (again.state, again.counts["unchanged"], again.counts["applied"]) == ("applied", 2, 0)
    assert [fault.code for fault in other.faults] == ["POSITION_TAKEN"]
    assert fewer.counts["unchanged"] == 1
    run(hub, "2026-11")
    assert set(water(hub, "2026-11")) == {"A1", "B2"}


def test_a_chain_of_parked_changes_is_applied_link_by_link(hub: Hub) -> None:
    """Case 74: what waits for a number that itself comes with a parked change is not forgotten."""
    second = household("A1b", 1, version=20, effective_on=20260201, earlier=["A1"])
    third = household("A1c", 1, version=30, effective_on=20260301, earlier=["A1b"])
    take(hub, delta([third], position=30))
    take(hub, delta([second], position=31))
    take(hub, delta([household("A1", 1, grant=True)], position=32))
    assert set(certificates(hub).values()) == {"A1c"}


def test_the_reply_tells_how_many_households_ended(hub: Hub) -> None:
    """Who ends by a snapshot's silence has no row of its own; the reply counts it all the same."""
    take(hub, snapshot(many(1, 60)))
    reply = take(hub, snapshot(many(1, 58), position=20, as_of=20261101))
    assert (reply.counts["unchanged"], reply.ended) == (58, 2)
