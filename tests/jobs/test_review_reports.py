"""What a review of the second half found, each as it was found."""

from __future__ import annotations

from typing import Any

import pytest
from reporting import answer, balance_of, bill, drawn, findings, kinds, place_of, report, send
from test_reports import listed, month_of
from world import delta, household, household_id, publish, run, take

from integration.jobs.hub import Hub
from integration.jobs.reconcile import reconcile
from integration.jobs.settle import settle
from schemas.settlements import Amount, Totals
from schemas.values import Month


def totals(hub: Hub, month: str = "2026-11") -> Totals:
    """What the settlement of a month comes to now."""
    return settle(hub, "city_water", Month.parse(month), actor="tester").settlement.totals


def same_in_full(hub: Hub) -> None:
    """Judging every bill again changes nothing."""
    before = drawn(hub), kinds(hub)
    made = reconcile(hub, actor="tester", full=True)
    assert [(one.households, one.opened, one.changed, one.closed) for one in made] == [(0, 0, 0, 0)] * len(made)
    assert (drawn(hub), kinds(hub)) == before


def test_an_amount_is_settled_at_no_more_than_its_quantity_costs(hub: Hub) -> None:
    places = listed(hub, "AB")
    dear = bill("A", places["A"], "2026-11", 5000, waived=2000, fen=100_000)
    unknown = bill("B", places["B"], "2026-11", 5000, waived=2000, fen=99_999, version="1999Z")
    send(hub, report("2026-11", [dear, unknown]))
    found = totals(hub)
    assert found.accepted == Amount(2, 4000, 440)
    assert found.short.quantity_milli == 2000
    assert found.over.amount_fen == 100_000 - 440 + 99_999


@pytest.mark.parametrize(
    ("first", "corrections", "settled", "over", "short"),
    [
        (2000, [(-2000, 0)], (1000, 220), 1000, 0),
        (4000, [(-500, -1000), (-500, -1000)], (2000, 440), 0, 0),
        (4000, [(-1000, -1000)], (2000, 440), 1000, 0),
        (2000, [(-1000, -1000)], (1000, 220), 0, 1000),
    ],
)
def test_a_bill_and_its_corrections_are_settled_as_one(
    hub: Hub, first: int, corrections: list[tuple[int, int]], settled: tuple[int, int], over: int, short: int
) -> None:
    places = listed(hub, "A")
    rows = [bill("E", places["A"], "2026-11", 3000, waived=first, on=20261105)]
    for n, (use, waived) in enumerate(corrections):
        more = {"kind": "ACTUAL", "refers_to": "E", "on": 20261110 + n}
        rows.append(bill(f"F{n}", places["A"], "2026-11", use, waived=waived, **more))
    send(hub, report("2026-11", rows))
    found = totals(hub)
    assert (found.accepted.quantity_milli, found.accepted.amount_fen) == settled
    assert (found.over.quantity_milli, found.short.quantity_milli) == (over, short)


def test_a_bill_of_two_months_is_settled_whole(hub: Hub) -> None:
    places = listed(hub, "A", ("2026-10", "2026-11"))
    row = bill("A", places["A"], "2026-10", 9000, to="2026-11", waived=7000, fen=1320, listed_in=2)
    send(hub, report("2026-11", [row]))
    assert totals(hub).accepted == Amount(1, 6000, 1320)


def test_silence_about_an_old_month_told_late_is_found(hub: Hub) -> None:
    """Granted from October, told by the list of March, and the report of March says nothing of it."""
    months = ("2026-10", "2026-11", "2026-12", "2027-01", "2027-02")
    places = listed(hub, "B", months)
    hub.clock.set("2027-02-03T10:00:00+08:00")
    late = household("A", 8, accounts={"city_water": "W8"}, valid_from=20261001, version=20, grant=True)
    take(hub, delta([late], position=21, as_of=20270202))
    hub.clock.set("2027-02-20T21:00:00+08:00")
    run(hub, "2027-03")
    publish(hub, "2027-03")
    for number, month in enumerate(months, 1):
        at = f"{Month.parse(month).plus(1)}-03T10:00:00+08:00"
        hub.clock.set(max(at, "2027-03-01T10:00:00+08:00"))
        price = 22000 if month < "2027-01" else 25000
        send(hub, report(month, [bill(f"{month}B", places["B"], month, 5000, price=price, listed_in=number)]))
    hub.clock.set("2027-04-03T10:00:00+08:00")
    rows = [
        bill("3B", places["B"], "2027-03", 5000, price=25000, listed_in=6),
        bill("3A", place_of(hub, "city_water", "A"), "2027-03", 5000, price=25000, listed_in=6),
    ]
    send(hub, report("2027-03", rows))
    mine = household_id(hub, "A")
    assert sorted(one.month for one in findings(hub, household_id=mine) if one.kind == "missing") == list(months)
    same_in_full(hub)


def test_a_replacement_leaves_the_findings_of_a_later_supplement(hub: Hub) -> None:
    places = listed(hub, "ABC")
    send(hub, report("2026-11", month_of({c: places[c] for c in "AB"})))
    stranger = bill("X", ("NOBODY0000000000", "W9"), "2026-11", 3000)
    more = [bill("C", places["C"], "2026-11", 5000, waived=4000), stranger]
    send(hub, report("2026-11", more, kind="supplement", edition=3))
    assert kinds(hub) == ["over_quantity", "unauthorised"]
    send(hub, report("2026-11", month_of({c: places[c] for c in "AB"}), kind="replace", edition=2))
    assert kinds(hub) == ["over_quantity", "unauthorised"]
    same_in_full(hub)


def test_a_reversal_of_another_months_bill_goes_with_its_report(hub: Hub) -> None:
    places = listed(hub, "A", ("2026-11", "2026-12"))
    send(hub, report("2026-11", [bill("B1", places["A"], "2026-11", 5000)]))
    undone = bill("R1", places["A"], "2026-12", -5000, waived=-3000, kind="REVERSAL", refers_to="B1", listed_in=2)
    own = bill("B2", places["A"], "2026-12", 5000, listed_in=2)
    send(hub, report("2026-12", [undone, own]))
    assert totals(hub, "2026-12").reported.quantity_milli == 0
    send(hub, report("2026-12", [own], kind="replace", edition=2))
    assert kinds(hub) == []
    assert balance_of(hub, "2026-11") == {"listed": 3000, "drawn": 3000}
    same_in_full(hub)


def test_a_bill_that_follows_an_older_list_is_not_lost(hub: Hub) -> None:
    places = listed(hub, "A", ("2026-11", "2026-12"))
    send(hub, report("2026-11", month_of(places)))
    send(hub, report("2026-12", [bill("D", places["A"], "2026-12", 5000, waived=0, fen=0, listed_in=1)]))
    assert kinds(hub) == ["credit_missing"]
    same_in_full(hub)


def test_a_row_three_times_is_two_findings(hub: Hub) -> None:
    places = listed(hub, "A")
    row = bill("A", places["A"], "2026-11", 5000)
    send(hub, report("2026-11", [row, row, row]))
    assert kinds(hub) == ["duplicate_row", "duplicate_row"]
    assert balance_of(hub, "2026-11")["duplicate"] == 6000
    same_in_full(hub)


def test_a_bill_reversed_may_come_again_under_its_number(hub: Hub) -> None:
    places = listed(hub, "A")
    undone: dict[str, Any] = {"kind": "REVERSAL", "refers_to": "B", "waived": -3000}
    rows = [
        bill("B", places["A"], "2026-11", 5000, on=20261105),
        bill("R", places["A"], "2026-11", -5000, on=20261106, **undone),
        bill("B", places["A"], "2026-11", 2000, on=20261107),
    ]
    send(hub, report("2026-11", rows))
    assert kinds(hub) == []
    assert balance_of(hub, "2026-11") == {"listed": 3000, "drawn": 2000, "lapsed": 1000}
    same_in_full(hub)


def test_a_row_of_another_age_stops_nobody(hub: Hub) -> None:
    places = listed(hub, "AB")
    old = bill("O", places["A"], "2001-05", 5000, on=20261105)
    send(hub, report("2026-11", [*month_of(places), old]))
    assert kinds(hub) == ["wrong_month"]
    same_in_full(hub)


def test_a_bill_dated_outside_the_reports_month_is_found(hub: Hub) -> None:
    places = listed(hub, "AB")
    send(hub, report("2026-11", month_of(places, A=bill("A", places["A"], "2026-11", 5000, on=20291205))))
    assert kinds(hub) == ["wrong_month"]
    assert balance_of(hub, "2026-11") == {"listed": 6000, "drawn": 6000}


def test_an_answer_is_no_bill(hub: Hub) -> None:
    places = listed(hub, "A")
    send(hub, report("2026-11", [answer(places["A"], "2026-11", "NO_BILL_DUE")]))
    assert kinds(hub) == ["missing"]


def test_what_stands_beside_may_be_negative_and_the_balance_holds(hub: Hub) -> None:
    places = listed(hub, "AB")
    nothing: dict[str, Any] = {"kind": "REVERSAL", "refers_to": "nobody", "waived": -3000, "on": 20261120}
    send(hub, report("2026-11", [*month_of(places), bill("R", places["B"], "2026-11", -5000, **nothing)]))
    assert balance_of(hub, "2026-11") == {"listed": 6000, "drawn": 6000, "unauthorised": -3000}
