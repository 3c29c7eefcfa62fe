"""The detectors: whoever gets nothing, flags that no list knows, silence, sudden change; and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from reporting import answer, bill, findings, place_of, report, send
from sqlalchemy import select
from world import ROSTERS, account, chunked, household, household_id, publish, roster, run, snapshot, take

from integration.domain.rights import Role
from integration.domain.variances import Cause
from integration.jobs.claims import By, claims
from integration.jobs.detect import detect
from integration.jobs.hub import Hub
from integration.jobs.scorecard import cards, take_due
from integration.jobs.scorecard import take as take_card
from integration.jobs.settle import settle
from integration.jobs.sync_roster import sync_roster
from integration.jobs.variances import VarianceRefused, decide, explain, variance_lines
from integration.storage import tables
from integration.storage.receipts import Receipt, record_receipt
from integration.storage.users import insert_user, new_user
from schemas.findings import Measure
from schemas.values import Month

MONTHS = ("2026-10", "2026-11", "2026-12")


def found(hub: Hub, kind: str, state: str | None = "open") -> dict[str, Any]:
    """The findings of a kind, by account number, or household, or company."""
    return {one.account or str(one.household_id or one.company): one for one in findings(hub, state, kind=kind)}


# --- flags -------------------------------------------------------------------------------------------------------


def flagged(hub: Hub, *numbers: str, until: dict[str, str] | None = None) -> None:
    """A roster of W1 to W4 and W9, a split of W1, of which these bear the flag; ``until`` is where it ends."""
    rows = [account(f"W{n}", n, low_income=f"W{n}" in numbers) for n in (1, 2, 3, 4)]
    rows.append(account("W9", 1, low_income="W9" in numbers))
    text = ROSTERS["city_water"](rows).decode("gb18030")
    for number, month in (until or {}).items():
        text = "\n".join(line + month if line.startswith(f"{number}|") else line for line in text.split("\n"))
    sync_roster(hub, "city_water", chunked(text.encode("gb18030")), actor="tester")


def test_a_flag_without_a_listing_and_a_listing_without_its_flag_are_found_until_they_are_mended(hub: Hub) -> None:
    take(hub, snapshot([household(c, n, accounts={"city_water": f"W{n}"}) for n, c in enumerate("ABCD", 1)]))
    flagged(hub, "W1", "W2", "W3", "W4")
    run(hub, "2026-11")
    publish(hub, "2026-11")
    detect(hub, actor="tester")
    assert findings(hub) == []  # every listed account bears the flag, and no other does

    hub.clock.set("2026-11-03T10:00:00+08:00")
    flagged(hub, "W1", "W3", "W4", "W9", until={"W3": "202610", "W4": "202611"})
    detect(hub, actor="tester")
    kinds = {one.account: (one.kind, one.acts, one.stake_milli, one.stake_fen) for one in findings(hub)}
    del kinds[""]  # the list that nobody has collected
    assert kinds == {
        "W9": ("orphan_flag", "company", 3000, 660),
        "W2": ("flag_lost", "company", 3000, 660),
        "W3": ("flag_expired", "company", 3000, 660),
    }
    numbers = {one.account: one.finding_id for one in findings(hub)}

    flagged(hub, "W1", "W2", "W3", "W4")
    detect(hub, actor="tester")
    assert {one.kind for one in findings(hub)} == {"not_collected"}
    flagged(hub, "W1", "W2", "W3", "W4", "W9")
    (made, _) = reversed(detect(hub, actor="tester"))
    assert (made.opened, made.closed) == (1, 0)
    assert found(hub, "orphan_flag")["W9"].finding_id == numbers["W9"]  # opened again under its number


def test_a_roster_made_before_the_list_cannot_know_it(sqlite_hub: Hub) -> None:
    take(sqlite_hub, snapshot([household(c, n, accounts={"city_water": f"W{n}"}) for n, c in enumerate("AB", 1)]))
    flagged(sqlite_hub, "W1")
    run(sqlite_hub, "2026-11")
    publish(sqlite_hub, "2026-11")
    detect(sqlite_hub, actor="tester")
    assert findings(sqlite_hub) == []
    sqlite_hub.clock.set("2026-11-01T10:00:00+08:00")
    roster(sqlite_hub, "city_water", [account(f"W{n}", n) for n in (1, 2)])
    detect(sqlite_hub, actor="tester")
    assert found(sqlite_hub, "flag_lost") == {}  # a company without a flag keeps none


# --- whoever gets nothing ----------------------------------------------------------------------------------------


def reported(hub: Hub, months: Sequence[str] = MONTHS) -> dict[str, tuple[str, str]]:
    """Some months listed and reported; the clock then stands after the last report was due.

    A is relieved; B is never answered; C uses nothing; D is refused; E has no account; F is at a silent company.
    """
    homes = {"A": "city_water", "B": "city_water", "C": "city_water", "D": "city_water", "F": "suburb_water"}
    people = [household(c, n, accounts={homes[c]: f"W{n}"} if c in homes else {}) for n, c in enumerate("ABCDEF", 1)]
    take(hub, snapshot(people))
    for company in ("city_water", "suburb_water"):
        mine = [account(f"W{n}", n) for n, c in enumerate("ABCDEF", 1) if homes.get(c) == company]
        roster(hub, company, mine)
    for month in months:
        run(hub, month)
        publish(hub, month)
    places = {c: place_of(hub, "city_water", c) for c in "ABCD"}
    for number, month in enumerate(months, 1):
        hub.clock.set(f"{Month.parse(month).plus(1)}-03T10:00:00+08:00")
        send(hub, report(month, rows(places, month, number)))
    hub.clock.set(f"{Month.parse(months[-1]).plus(1)}-12T10:00:00+08:00")
    return places


def rows(places: dict[str, tuple[str, str]], month: str, number: int) -> list[dict[str, Any]]:
    return [
        bill(f"{month}-A", places["A"], month, 5000, listed_in=number),
        bill(f"{month}-C", places["C"], month, 0, answer="ZERO_USAGE", listed_in=number),
        answer(places["D"], month, "NOT_FOUND", list_number=number),
    ]


def test_whoever_has_had_no_relief_for_three_months_is_found_with_the_reason(hub: Hub) -> None:
    places = reported(hub)
    detect(hub, actor="tester")
    lacks = {one: (it.company, it.reason, it.acts, it.stake_milli) for one, it in found(hub, "under_claim").items()}
    e = str(household_id(hub, "E"))
    gas = {str(household_id(hub, c)) for c in "ABCDF"}  # nobody has an account for gas
    assert {key: lacks[key] for key in lacks.keys() - gas - {e}} == {
        "W2": ("city_water", "silent", "company", 9000),
        "W4": ("city_water", "refused", "office", 9000),
        "suburb_water": ("suburb_water", "silent", "company", 9000),
    }
    assert lacks[e][1:3] == ("unmatched", "office")
    assert {lacks[key][:3] for key in gas} == {("", "unmatched", "office")}

    made = bill("B3", places["B"], "2026-12", 4000, listed_in=3)
    send(hub, report("2026-12", [*rows(places, "2026-12", 3), made], kind="replace", edition=2))
    detect(hub, actor="tester")
    assert "W2" not in found(hub, "under_claim")
    again = detect(hub, actor="tester")
    assert [(one.opened, one.changed, one.closed) for one in again] == [(0, 0, 0), (0, 0, 0)]


def test_two_months_without_relief_are_no_finding_yet(sqlite_hub: Hub) -> None:
    reported(sqlite_hub, MONTHS[:2])
    detect(sqlite_hub, actor="tester")
    assert [one.reason for one in findings(sqlite_hub, kind="under_claim") if one.company] == []


# --- silence -----------------------------------------------------------------------------------------------------


def test_a_list_that_nobody_fetches_and_a_roster_that_nobody_sends_are_found(hub: Hub) -> None:
    take(hub, snapshot([household("A", 1, accounts={"city_water": "W1"})]))
    roster(hub, "city_water", [account("W1", 1)])
    run(hub, "2026-11")
    publish(hub, "2026-11")
    hub.clock.set("2026-10-23T23:00:00+08:00")
    detect(hub, actor="tester")
    assert findings(hub) == []  # three days have not gone by
    hub.clock.set("2026-10-24T00:10:00+08:00")
    detect(hub, actor="tester")
    assert {one.company: (one.kind, one.households, one.stake_milli) for one in findings(hub)}["city_water"] == (
        "not_collected", 1, 3000,
    )  # fmt: skip
    with hub.store.write() as connection:
        record_receipt(connection, Receipt("city_water", 1, 0, "machine", "0" * 64))
    hub.clock.set("2026-12-04T10:00:00+08:00")
    detect(hub, actor="tester")
    assert found(hub, "not_collected").keys() & {"city_water"} == set()
    assert found(hub, "no_roster") == {}
    hub.clock.set("2026-12-05T10:00:00+08:00")
    detect(hub, actor="tester")
    assert found(hub, "no_roster").keys() == {"city_water", "city_gas", "suburb_water"}
    roster(hub, "city_water", [account("W1", 1, cycle="双月单")])
    detect(hub, actor="tester")
    assert found(hub, "no_roster").keys() == {"city_gas", "suburb_water"}


# --- sudden change -----------------------------------------------------------------------------------------------


def grown(hub: Hub, before: int, after: int) -> None:
    """So many households listed in November, and so many in December."""
    start = dict.fromkeys(range(before, after), 20261201)
    people = [
        household(f"H{n}", n, accounts={"city_water": f"W{n}"}, valid_from=start.get(n, 20260101)) for n in range(after)
    ]
    roster(hub, "city_water", [account(f"W{n}", n) for n in range(after)])
    take(hub, snapshot(people[:before]))
    run(hub, "2026-11")
    publish(hub, "2026-11")
    take(hub, snapshot(people, position=20, as_of=20261118))
    run(hub, "2026-12")
    publish(hub, "2026-12")


def test_a_jump_of_six_per_cent_must_be_explained_by_one_and_accepted_by_another(sqlite_hub: Hub) -> None:
    hub = sqlite_hub  # every detection compares months, on both databases
    grown(hub, 33, 35)
    detect(hub, actor="tester")
    reasons = {(one.reason, one.acts, one.households) for one in findings(hub, kind="variance")}
    assert reasons == {
        (measure + where, "office", number)
        for where in ("", "@330102")
        for measure, number in (("households", 2), ("listed", 35))
    }
    about = ("city_water", Month.parse("2026-12"), Measure.LISTED, "")
    with pytest.raises(VarianceRefused, match="reason"):
        explain(hub, about, Cause.REGISTRY, " ", actor="wang")
    with hub.store.write() as connection:
        insert_user(connection, hub.clock, new_user("gas", Role.COMPANY_OPERATOR, "right horse battery", "city_gas"))
    with pytest.raises(VarianceRefused, match="own months alone"):
        explain(hub, about, Cause.REGISTRY, "新增两户", actor="gas")
    line = explain(hub, about, Cause.REGISTRY, "新增两户", actor="wang")
    assert (line.state, line.before, line.now) == ("open", 99_000, 105_000)
    assert line.explanation_id
    with pytest.raises(VarianceRefused, match="another"):
        decide(hub, line.explanation_id, accept=True, actor="wang")
    detect(hub, actor="tester")
    assert "listed" in {one.reason for one in findings(hub, kind="variance")}  # one person alone closes nothing
    decide(hub, line.explanation_id, accept=True, actor="li")
    detect(hub, actor="tester")
    assert {one.reason for one in findings(hub, kind="variance")} == {
        "households", "households@330102", "listed@330102",
    }  # fmt: skip
    with hub.store.read() as connection:
        states = {(one.measure, one.district): one.state for one in variance_lines(hub, connection)}
    assert states[("listed", "")] == "accepted"
    assert states[("households", "")] == "unexplained"


def test_a_change_below_the_limit_is_none(sqlite_hub: Hub) -> None:
    grown(sqlite_hub, 42, 44)
    detect(sqlite_hub, actor="tester")
    assert findings(sqlite_hub, kind="variance") == []
    about = ("city_water", Month.parse("2026-12"), Measure.LISTED, "")
    with pytest.raises(VarianceRefused, match="no such variance"):
        explain(sqlite_hub, about, Cause.OTHER, "text", actor="wang")


# --- claims and scorecards ---------------------------------------------------------------------------------------


def names(lines: Sequence[Any]) -> dict[str, Any]:
    return {one.claims.company: one.claims for one in lines if one.claims.service == "water"}


def test_over_and_under_claims_stand_side_by_side_and_the_scorecard_counts_them(hub: Hub) -> None:
    places = reported(hub)
    over = bill("2026-12-A", places["A"], "2026-12", 5000, waived=4000, listed_in=3)
    short = bill("2026-12-C", places["C"], "2026-12", 5000, waived=1000, listed_in=3)
    refused = answer(places["D"], "2026-12", "NOT_FOUND", list_number=3)
    send(hub, report("2026-12", [over, short, refused], kind="replace", edition=2))
    detect(hub, actor="tester")
    with hub.store.read() as connection:
        whole = names(claims(hub, connection, Month.parse("2026-12"), By.COMPANY))
        by_community = claims(hub, connection, Month.parse("2026-12"), By.COMMUNITY, "city_water")
    mine = whole["city_water"]
    quantities = {part: (it.households, it.quantity_milli, it.amount_fen) for part, it in parts_of(mine).items()}
    assert quantities == {
        "listed": (4, 12000, 2640),
        "drawn": (0, 6000, 1320),
        "applied": (0, 5000, 1100),
        "over": (1, 1000, 220),
        "short": (1, 2000, 440),
        "refused": (1, 3000, 660),
        "unanswered": (1, 3000, 660),
    }
    assert parts_of(whole["suburb_water"])["unanswered"].households == 1
    assert parts_of(whole[""])["waiting"].quantity_milli == 3000
    (cell,) = by_community  # four households are too few to be told apart
    assert (cell.community, cell.claims.together, cell.claims.listed) == ("", 1, mine.listed)

    items = settle(hub, "city_water", Month.parse("2026-12"), actor="tester").settlement.open_items
    assert {one.kind for one in items} == {"over_quantity", "under_quantity", "refused", "missing"}  # of bills alone

    hub.clock.set("2027-01-20T10:00:00+08:00")
    taken = {(one.company, one.month): one.content for one in take_due(hub, actor="tester")}
    assert {month for company, month in taken if company == "city_water"} == set(MONTHS)
    counts = taken["city_water", "2026-12"].counts
    assert (counts.listed, counts.answered, counts.rows, counts.agreed) == (4, 3, 3, 1)
    assert (counts.over_fen, counts.short_fen, counts.refusals) == (220, 440, {"NOT_FOUND": 1})
    assert counts.reported is not None
    assert (counts.reported.due_on, counts.reported.done_on) == (20270110, 20270103)
    assert counts.collected is not None
    assert counts.collected.done_on == 0
    silent = taken["suburb_water", "2026-12"]
    assert (silent.counts.answered, silent.counts.listed, silent.scored.grade) == (0, 1, "D")
    assert all(one.again() == one.scored for one in taken.values())
    assert take_due(hub, actor="tester") == []

    assert take_card(hub, "suburb_water", Month.parse("2026-12"), actor="tester") is None  # nothing has changed
    hub.clock.set("2027-01-21T10:00:00+08:00")
    place = place_of(hub, "suburb_water", "F")
    late = bill("F1", place, "2026-12", 5000, price=18500, listed_in=3)
    send(hub, report("2026-12", [late], company="suburb_water"), "suburb_water")
    made = take_card(hub, "suburb_water", Month.parse("2026-12"), actor="tester")
    assert made is not None
    assert (made.n, made.content.counts.answered) == (1, 1)
    with hub.store.read() as connection:
        first, second = cards(connection, "suburb_water", Month.parse("2026-12"))
    assert (first.content, second.content) == (silent, made.content)


def parts_of(one: Any) -> dict[str, Any]:
    names = ("listed", "drawn", "applied", "over", "unauthorised", "short", "refused", "unanswered", "waiting")
    return {name: part for name in names if (part := getattr(one, name)).quantity_milli}


def test_a_community_is_named_where_it_is_large_enough_and_nowhere_in_the_database(sqlite_hub: Hub) -> None:
    communities = ["和平社区"] * 7 + ["新村社区"] * 5 + ["河边社区"] * 3
    people = [household(f"H{n}", n, accounts={"city_water": f"W{n}"}) for n in range(len(communities))]
    for one, community in zip(people, communities, strict=True):
        one["address"]["community"] = community
    roster(sqlite_hub, "city_water", [account(f"W{n}", n) for n in range(len(communities))])
    take(sqlite_hub, snapshot(people))
    run(sqlite_hub, "2026-11")
    publish(sqlite_hub, "2026-11")
    with sqlite_hub.store.read() as connection:
        cells = claims(sqlite_hub, connection, Month.parse("2026-11"), By.COMMUNITY, "city_water")
        sealed = connection.execute(select(tables.communities.c.sealed)).scalars().all()
    shown = [(one.community, one.claims.together, one.claims.listed.households) for one in cells]
    assert shown == [("和平社区", 0, 7), ("", 2, 8)]
    assert len(sealed) == 3
    assert not any(name.encode() in blob for name in communities for blob in sealed)
