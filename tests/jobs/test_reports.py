"""Reports taken in: kept row by row, judged against the list, corrected, repeated, refused (edge cases 80-88)."""

from __future__ import annotations

from typing import Any

import pytest
from reporting import answer, balance_of, bill, drawn, findings, kinds, place_of, report, send
from sqlalchemy import func, select
from world import account, delta, household, household_id, publish, roster, run, snapshot, take

from integration.jobs.compute_month import compute_month
from integration.jobs.hub import Hub
from integration.jobs.reconcile import reconcile
from integration.storage.tables import finding_events, report_rows, report_texts
from schemas.values import Month

Place = tuple[str, str]


def listed(hub: Hub, certificates: str = "ABCDE", months: tuple[str, ...] = ("2026-11",)) -> dict[str, Place]:
    """Households with a water account each, listed in these months; the clock then stands after the last report day."""
    take(hub, snapshot([household(c, n, accounts={"city_water": f"W{n}"}) for n, c in enumerate(certificates, 1)]))
    roster(hub, "city_water", [account(f"W{n}", n) for n in range(1, 10)])
    for month in months:
        run(hub, month)
        publish(hub, month)
    after = Month.parse(months[-1]).plus(1)
    hub.clock.set(f"{after}-03T10:00:00+08:00")
    return {c: place_of(hub, "city_water", c) for c in certificates}


def month_of(places: dict[str, Place], month: str = "2026-11", **instead: Any) -> list[dict[str, Any]]:
    """A bill of 5 m³ for everybody, but for those who are given something else (None: nothing)."""
    rows = {c: bill(f"{month}-{c}", place, month, 5000) for c, place in places.items()} | instead
    return [row for row in rows.values() if row is not None]


def test_a_report_that_agrees_makes_no_finding_and_the_allowance_is_drawn(hub: Hub) -> None:
    places = listed(hub)
    result = send(hub, report("2026-11", month_of(places)))
    assert (result.state, result.counts["applied"], result.findings) == ("applied", 5, 0)
    assert kinds(hub) == []
    assert balance_of(hub, "2026-11") == {"listed": 15000, "drawn": 15000}


@pytest.mark.parametrize(
    ("row", "kind", "stake"),
    [
        ({"use": 5000, "waived": 4000}, "over_quantity", (1000, 220)),
        ({"use": 5000, "waived": 2000}, "under_quantity", (1000, 220)),
        ({"use": 2000, "waived": 3000}, "over_quantity", (1000, 220)),
        ({"use": 5000, "fen": 66000}, "over_amount", (0, 65340)),
        ({"use": 5000, "fen": 600}, "under_amount", (0, 60)),
        ({"use": 5000, "version": "1999Z"}, "price_unknown", (0, 660)),
        ({"use": 5000, "answer": "HELD"}, "answer_open", (3000, 660)),
        ({"use": 5000, "answer": "UNKNOWN", "answer_text": "J7"}, "answer_open", (3000, 660)),
        ({"use": 5000, "answer": "NOT_FOUND"}, "answer_contradicts", (3000, 660)),
        ({"use": 5000, "listed_in": 7}, "wrong_list", (3000, 660)),
    ],
)
def test_a_wrong_row_is_found_with_its_stake(hub: Hub, row: dict[str, Any], kind: str, stake: tuple[int, int]) -> None:
    places = listed(hub, "AB")
    send(hub, report("2026-11", month_of(places, A=bill("A", places["A"], "2026-11", **row))))
    (found,) = findings(hub)
    assert (found.kind, found.stake_milli, found.stake_fen) == (kind, *stake)
    assert (found.household_id, found.account, found.month) == (household_id(hub, "A"), places["A"][1], "2026-11")


def test_charges_that_do_not_add_up_are_found(hub: Hub) -> None:
    places = listed(hub, "A")
    row = bill("A", places["A"], "2026-11", 5000)
    row["components"][0]["charge_after_fen"] += 7
    send(hub, report("2026-11", [row]))
    (found,) = findings(hub)
    assert (found.kind, found.stake_fen) == ("total_not_sum", 7)


def test_silence_is_a_finding_once_the_month_is_reported(hub: Hub) -> None:
    places = listed(hub)
    send(hub, report("2026-11", month_of(places, B=None)))
    (found,) = findings(hub)
    assert (found.kind, found.household_id, found.due_milli) == ("missing", household_id(hub, "B"), 3000)
    assert balance_of(hub, "2026-11") == {"listed": 15000, "drawn": 12000, "unanswered": 3000}


def test_an_answer_without_a_bill_is_an_answer(hub: Hub) -> None:
    places = listed(hub)
    rows = month_of(
        places,
        A=answer(places["A"], "2026-11", "NOT_FOUND"),
        B=answer(places["B"], "2026-11", "ZERO_USAGE"),
        C=answer(places["C"], "2026-11", "HELD"),
    )
    send(hub, report("2026-11", rows))
    assert kinds(hub) == ["answer_open", "refused"]
    assert {one.acts for one in findings(hub)} == {"office", "company"}
    expected = {"listed": 15000, "drawn": 6000, "lapsed": 3000, "refused": 3000, "unanswered": 3000}
    assert balance_of(hub, "2026-11") == expected


def test_nobody_reported_makes_one_finding_when_the_day_has_passed(hub: Hub) -> None:
    listed(hub)
    hub.clock.set("2026-12-10T23:00:00+08:00")
    reconcile(hub, actor="tester")
    assert kinds(hub) == []
    assert balance_of(hub, "2026-11") == {"listed": 15000, "awaiting": 15000}
    hub.clock.set("2026-12-11T00:30:00+08:00")
    reconcile(hub, actor="tester")
    (found,) = findings(hub)
    assert (found.kind, found.households, found.stake_milli) == ("unanswered", 5, 15000)
    assert balance_of(hub, "2026-11") == {"listed": 15000, "unanswered": 15000}


def test_a_late_report_closes_the_silence(hub: Hub) -> None:
    places = listed(hub)
    hub.clock.set("2026-12-20T10:00:00+08:00")
    reconcile(hub, actor="tester")
    send(hub, report("2026-11", month_of(places)))
    assert kinds(hub) == []
    assert [one.state for one in findings(hub, None)] == ["closed"]


def test_whom_no_list_names_is_unauthorised(hub: Hub) -> None:
    places = listed(hub, "AB")
    stranger = bill("X", ("NOBODY0000000000", "W9"), "2026-11", 4000)
    unnamed = bill("Y", ("", "W8"), "2026-11", 4000)
    send(hub, report("2026-11", [*month_of(places), stranger, unnamed]))
    assert kinds(hub) == ["unauthorised", "unauthorised"]
    assert balance_of(hub, "2026-11") == {"listed": 6000, "drawn": 6000, "unauthorised": 6000}


def test_a_month_that_is_not_listed_is_a_wrong_month(hub: Hub) -> None:
    places = listed(hub, "AB")
    early = bill("A", places["A"], "2026-10", 4000, on=20261105)
    send(hub, report("2026-11", month_of(places, A=early)))
    assert kinds(hub) == ["missing", "wrong_month"]


def test_another_account_than_the_references_is_found(hub: Hub) -> None:
    places = listed(hub, "AB")
    crossed = (places["A"][0], places["B"][1])
    send(hub, report("2026-11", month_of(places, A=bill("A", crossed, "2026-11", 5000))))
    assert kinds(hub) == ["wrong_account"]


def test_a_row_twice_counts_once_in_one_file_and_in_two(hub: Hub) -> None:
    places = listed(hub, "AB")
    twice = bill("2026-11-A", places["A"], "2026-11", 5000)
    send(hub, report("2026-11", [*month_of(places), twice]))
    assert kinds(hub) == ["duplicate_row"]
    assert balance_of(hub, "2026-11") == {"listed": 6000, "drawn": 6000, "duplicate": 3000}
    again = bill("2026-11-B", places["B"], "2026-11", 5000)
    send(hub, report("2026-11", [again], kind="supplement", edition=2))
    assert kinds(hub) == ["duplicate_row", "duplicate_row"]
    assert balance_of(hub, "2026-11") == {"listed": 6000, "drawn": 6000, "duplicate": 6000}


def test_a_report_twice_has_the_effect_of_one(hub: Hub) -> None:
    places = listed(hub)
    content = report("2026-11", month_of(places, B=None))
    first, lines = send(hub, content), drawn(hub)
    again = send(hub, content)
    assert again == first
    assert drawn(hub) == lines
    assert len(findings(hub, None)) == 1


def test_a_replacement_closes_what_it_corrects_and_opens_what_it_spoils(hub: Hub) -> None:
    places = listed(hub)
    wrong = bill("2026-11-A", places["A"], "2026-11", 5000, waived=4000)
    send(hub, report("2026-11", month_of(places, A=wrong, B=None)))
    assert kinds(hub) == ["missing", "over_quantity"]
    ids = {one.kind: one.finding_id for one in findings(hub)}
    send(hub, report("2026-11", month_of(places, C=None), kind="replace", edition=2))
    assert kinds(hub) == ["missing"]
    send(hub, report("2026-11", month_of(places, A=wrong), kind="replace", edition=3))
    assert {one.kind: one.finding_id for one in findings(hub)} == {"over_quantity": ids["over_quantity"]}
    with hub.store.read() as connection:
        query = select(finding_events.c.event).where(finding_events.c.finding_id == ids["over_quantity"])
        assert connection.execute(query.order_by(finding_events.c.n)).scalars().all() == [
            "opened",
            "closed",
            "reopened",
        ]
        assert connection.execute(select(func.count()).select_from(report_rows)).scalar_one() == 4 + 4 + 5


def test_a_supplement_adds_rows(hub: Hub) -> None:
    places = listed(hub)
    send(hub, report("2026-11", month_of(places, A=None, B=None)))
    assert kinds(hub) == ["missing", "missing"]
    rows = month_of({c: places[c] for c in "AB"})
    send(hub, report("2026-11", rows, kind="supplement", edition=2))
    assert kinds(hub) == []
    assert balance_of(hub, "2026-11") == {"listed": 15000, "drawn": 15000}


def test_a_reversal_undoes_its_bill_and_the_bill_anew_draws(hub: Hub) -> None:
    places = listed(hub, "A", ("2026-11", "2026-12"))
    hub.clock.set("2027-01-03T10:00:00+08:00")
    send(hub, report("2026-11", [bill("B1", places["A"], "2026-11", 5000)]))
    undone = bill("R1", places["A"], "2026-11", -5000, on=20261206, waived=-3000, kind="REVERSAL", refers_to="B1")
    send(hub, report("2026-12", [undone], edition=1))
    assert balance_of(hub, "2026-11") == {"listed": 3000, "unanswered": 3000}
    anew = bill("B2", places["A"], "2026-11", 2000, on=20261207, kind="REBILL")
    december = bill("B3", places["A"], "2026-12", 4000, listed_in=2)
    send(hub, report("2026-12", [undone, anew, december], kind="replace", edition=2))
    assert kinds(hub) == []
    assert balance_of(hub, "2026-11") == {"listed": 3000, "drawn": 2000, "lapsed": 1000}


def test_a_reversal_of_nothing_and_a_second_one_are_found(hub: Hub) -> None:
    places = listed(hub, "AB")

    def undo(name: str, of: str, place: Place) -> dict[str, Any]:
        return bill(name, place, "2026-11", -5000, on=20261120, waived=-3000, kind="REVERSAL", refers_to=of)

    rows = [
        *month_of(places),
        undo("R1", "2026-11-A", places["A"]),
        undo("R2", "2026-11-A", places["A"]),
        undo("R3", "nothing", places["B"]),
    ]
    send(hub, report("2026-11", rows))
    assert kinds(hub) == ["missing", "reversal_without_original", "reversed_twice"]


def test_an_estimate_and_its_actual_are_one_bill(hub: Hub) -> None:
    places = listed(hub, "A")
    estimated = bill("E", places["A"], "2026-11", 3000, on=20261105, estimated=True)
    actual = bill("F", places["A"], "2026-11", -2000, on=20261125, waived=-2000, kind="ACTUAL", refers_to="E")
    send(hub, report("2026-11", [estimated, actual]))
    assert kinds(hub) == []
    assert balance_of(hub, "2026-11") == {"listed": 3000, "drawn": 1000, "lapsed": 2000}


def test_a_back_dated_grant_is_credited_on_old_bills_and_its_lack_is_found(hub: Hub) -> None:
    """Worked value of edge case 36: (2 + 3 + 1) × 2.20 = 13.20."""
    places = listed(hub, "B", ("2026-10", "2026-11"))
    late = household("A", 8, accounts={"city_water": "W8"}, valid_from=20261001, version=20, grant=True)
    take(hub, delta([late], position=21, as_of=20261120))
    hub.clock.set("2026-11-20T21:00:00+08:00")
    run(hub, "2026-12")
    publish(hub, "2026-12")
    hub.clock.set("2027-01-03T10:00:00+08:00")
    a = place_of(hub, "city_water", "A")
    for month in ("2026-10", "2026-11"):
        send(hub, report(month, [bill(f"{month}B", places["B"], month, 5000, listed_in=2)]))
    rows = [
        bill("D-B", places["B"], "2026-12", 5000, listed_in=3),
        bill("O-A", a, "2026-10", 2000, on=20261205, listed_in=3, kind="RETRO"),
        bill("D-A", a, "2026-12", 1000, listed_in=3),
    ]
    send(hub, report("2026-12", rows))
    (found,) = findings(hub)
    assert (found.kind, found.month, found.stake_milli) == ("missing", "2026-11", 3000)
    credit = bill("N-A", a, "2026-11", 5000, on=20261205, listed_in=3, kind="RETRO")
    send(hub, report("2026-12", [credit], kind="supplement", edition=2))
    assert kinds(hub) == []
    mine = [line for line in drawn(hub) if line[2] == household_id(hub, "A")]
    assert sum(line[11] for line in mine) == 1320


def test_a_change_after_the_bill_is_good_faith(hub: Hub) -> None:
    """What a company applied by its list stays right, whatever the ledger learns later (edge cases 77, 87)."""
    places = listed(hub, "A", ("2026-10", "2026-11"))
    hub.clock.set("2026-11-03T10:00:00+08:00")
    send(hub, report("2026-10", [bill("O", places["A"], "2026-10", 4000)]))
    moved = household("A", 1, home=42, accounts={"city_water": "W7"}, effective_on=20261001, version=9)
    take(hub, delta([moved], position=30, as_of=20261104))
    roster(
        hub, "city_water", [account("W1", 1, state="销户", closed=20260930), account("W7", 1, home=42, opened=20261001)]
    )
    hub.clock.set("2026-11-20T21:00:00+08:00")
    run(hub, "2026-12")
    publish(hub, "2026-12")
    hub.clock.set("2026-12-03T10:00:00+08:00")
    reconcile(hub, actor="tester")
    assert "good_faith" in kinds(hub)
    (found,) = findings(hub, kind="good_faith")
    assert (found.acts, found.stake_milli, found.stake_fen) == ("supervisor", 3000, 660)
    assert balance_of(hub, "2026-10")["good_faith"] == 3000


# --- refused ---------------------------------------------------------------------------------------------------


def test_an_original_comes_once_a_month(hub: Hub) -> None:
    places = listed(hub)
    send(hub, report("2026-11", month_of(places)))
    lines = drawn(hub)
    again = send(hub, report("2026-11", month_of(places, A=None), edition=2))
    taken = send(hub, report("2026-11", month_of(places, A=None), kind="replace", edition=1))
    assert [again.faults[0].code, taken.faults[0].code] == ["ORIGINAL_EXISTS", "EDITION_TAKEN"]
    assert drawn(hub) == lines


def test_a_late_original_does_not_undo_its_replacement(hub: Hub) -> None:
    places = listed(hub)
    send(hub, report("2026-11", month_of(places), kind="replace", edition=2))
    lines = drawn(hub)
    late = send(hub, report("2026-11", month_of(places, A=None, B=None), edition=1))
    assert late.state == "applied"
    assert drawn(hub) == lines
    assert kinds(hub) == []


def test_a_month_to_come_and_a_company_without_a_list_are_refused(hub: Hub) -> None:
    places = listed(hub)
    early = send(hub, report("2027-01", month_of(places)))
    empty = send(hub, report("2026-11", [], company="suburb_water"), "suburb_water")
    assert early.faults[0].code == "FUTURE_MONTH"
    assert empty.state == "applied" or empty.faults[0].code == "NO_LIST"


def test_a_report_of_strangers_is_refused_whole(hub: Hub) -> None:
    listed(hub)
    rows = [bill(f"X{n}", (f"NOBODY{n:010}", "W9"), "2026-11", 4000) for n in range(25)]
    refused = send(hub, report("2026-11", rows))
    assert (refused.state, refused.faults[0].code) == ("refused", "REFERENCES_UNKNOWN")
    assert drawn(hub) == []


def test_the_companys_own_words_are_sealed_and_purged_with_the_file(hub: Hub) -> None:
    from integration.jobs.purge_content import purge_content

    places = listed(hub, "A")
    words = "户主张三已搬走"
    send(hub, report("2026-11", [bill("A", places["A"], "2026-11", 5000, answer="HELD", answer_text=words)]))
    with hub.store.read() as connection:
        (sealed,) = connection.execute(select(report_texts.c.sealed)).scalars()
        said = connection.execute(select(report_rows.c.said)).scalar_one()
    assert words.encode() not in bytes(sealed)
    assert words.encode() not in bytes(said)
    hub.clock.advance(days=100)
    purge_content(hub, 90, actor="tester")
    with hub.store.read() as connection:
        assert connection.execute(select(func.count()).select_from(report_texts)).scalar_one() == 0


def test_a_run_again_after_the_report_disturbs_nothing(hub: Hub) -> None:
    places = listed(hub)
    send(hub, report("2026-11", month_of(places)))
    lines = drawn(hub)
    compute_month(hub, Month(2026, 11), actor="tester", full=True)
    made = reconcile(hub, actor="tester", full=True)
    assert [one.households for one in made] == [0] * len(made)
    assert drawn(hub) == lines
