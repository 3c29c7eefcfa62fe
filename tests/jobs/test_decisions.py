"""Decisions of two persons, and what they do to ledger, lists, bills and settlements."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from deciding import AUTHORITY, approved, part, refuse, take_back, undo
from fake_clock import FakeClock
from reporting import balance_of, bill, findings, place_of, report, send
from sqlalchemy import insert, select
from test_settlements import with_value
from world import account, delta, household, household_id, listed, publish, roster, run, snapshot, take, water

from integration.app import compose
from integration.domain.decisions import Kind
from integration.jobs import decide
from integration.jobs.decide import DecisionRefused
from integration.jobs.decisions_shown import decisions_shown
from integration.jobs.explain import explain
from integration.jobs.hub import Hub
from integration.jobs.recompute_list import recompute_all
from integration.jobs.reconcile import reconcile
from integration.jobs.settle import settle
from integration.settings import Settings
from integration.storage.engine import Store, current_version
from integration.storage.errors import AppendOnly, StorageError
from integration.storage.keys import KeyRing
from integration.storage.tables import audit, decision_outcomes, decisions
from schemas.settlements import Amount
from schemas.values import Month, Service

NOVEMBER = Month(2026, 11)


def bill_november(hub: Hub) -> None:
    """A and B have water; November is listed, billed (A used 2 m³, B 5 m³) and reported."""
    take(hub, snapshot([household(c, n, accounts={"city_water": f"W{n}"}) for n, c in enumerate("AB", 1)]))
    roster(hub, "city_water", [account(f"W{n}", n) for n in range(1, 4)])
    run(hub, "2026-11")
    publish(hub, "2026-11")
    hub.clock.set("2026-12-03T10:00:00+08:00")
    rows = [bill(c, place_of(hub, "city_water", c), "2026-11", use) for c, use in (("A", 2000), ("B", 5000))]
    send(hub, report("2026-11", rows))


def mix_up(hub: Hub) -> None:
    """W1 is truly B's, who holds it; but A named it first, and its address agrees. It is listed, and billed once."""
    rows = [
        household("A", 1, home=7, accounts={"city_water": "W1"}),
        household("B", 2, home=8, accounts={"city_water": "W1"}),
    ]
    take(hub, snapshot(rows, position=10))
    roster(hub, "city_water", [account("W1", 2, home=7)])
    for month in ("2026-09", "2026-10", "2026-11"):
        run(hub, month)
        publish(hub, month)
    assert water(hub, "2026-09") == {"A": {"W1": 3000}, "B": {None: 3000}}
    hub.clock.set("2026-11-18T10:00:00+08:00")
    send(hub, report("2026-09", [bill("X", place_of(hub, "city_water", "A"), "2026-09", 5000)]))


@pytest.fixture(scope="module")
def worlds(sqlite_template: Path, ring: KeyRing, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Both worlds as SQLite files, made once; each test has a copy."""
    folder = tmp_path_factory.mktemp("worlds")
    made = {build.__name__: folder / f"{build.__name__}.db" for build in (bill_november, mix_up)}
    for build in (bill_november, mix_up):
        shutil.copyfile(sqlite_template, made[build.__name__])
        with opened(made[build.__name__], ring) as hub:
            build(hub)
    return made


@contextmanager
def opened(path: Path, ring: KeyRing) -> Iterator[Hub]:
    store = Store.open(f"sqlite:///{path}")
    try:
        settings = Settings(data_dir=path.parent)  # type: ignore[call-arg]
        yield compose(store, ring, settings, clock=FakeClock.at("2026-10-20T21:00:00+08:00"))
    finally:
        store.close()


@contextmanager
def copied(world: Path, ring: KeyRing, folder: Path, now: str) -> Iterator[Hub]:
    with opened(Path(shutil.copyfile(world, folder / "copy.db")), ring) as hub:
        hub.clock.set(now)
        yield hub


@pytest.fixture
def billed(worlds: dict[str, Path], ring: KeyRing, tmp_path: Path) -> Iterator[Hub]:
    with copied(worlds["bill_november"], ring, tmp_path, "2026-12-03T10:00:00+08:00") as hub:
        yield hub


@pytest.fixture
def mixed_up(worlds: dict[str, Path], ring: KeyRing, tmp_path: Path) -> Iterator[Hub]:
    with copied(worlds["mix_up"], ring, tmp_path, "2026-11-18T10:00:00+08:00") as hub:
        yield hub


def nothing_is_missing(hub: Hub) -> None:
    """A full run and a full reconciliation find nothing to do."""
    assert run(hub, "2026-12", full=True).rows == 0
    found = [one for one in reconcile(hub, actor="tester", full=True) if one.company == "city_water"]
    assert [(one.opened, one.changed, one.closed, one.households) for one in found] == [(0, 0, 0, 0)]


# --- two persons -----------------------------------------------------------------------------------------------


@pytest.fixture
def waiting(hub: Hub) -> Hub:
    """On each database a household whose refusal of water is proposed."""
    take(hub, snapshot([household("A", 1)]))
    refuse(hub, "A", "2026-12-01")
    return hub


def test_nobody_approves_what_he_proposed_and_the_database_says_so_too(waiting: Hub) -> None:
    with pytest.raises(DecisionRefused, match="ask another supervisor"):
        decide.approve(waiting, 1, actor="clerk")
    for proposer in ("clerk", "nobody"):  # nor under another's name
        with pytest.raises(StorageError):
            slip_in(waiting, proposer, "clerk")
    decide.approve(waiting, 1, actor="supervisor")
    with pytest.raises(AppendOnly), waiting.store.write() as connection:
        connection.execute(decisions.update().values(reason="another"))


def slip_in(hub: Hub, proposer: str, approver: str) -> None:
    """Approve decision 1 past the jobs."""
    with hub.store.write() as connection:
        about = {"number": 1, "outcome": "approved", "known_from": current_version(connection), "decided_us": 0}
        people = {"proposed_by": proposer, "decided_by": approver}
        connection.execute(insert(decision_outcomes).values(about | people))


def test_the_slip_would_succeed_with_two_persons(waiting: Hub) -> None:
    """Negative control of the one before."""
    slip_in(waiting, "clerk", "supervisor")


def test_what_is_decided_is_decided_once_and_a_rejected_one_has_no_effect(billed: Hub) -> None:
    filed = refuse(billed, "A", "2026-12-01")
    decide.reject(billed, filed.proposal.number, actor="clerk")  # one's own is withdrawn so
    with pytest.raises(DecisionRefused, match="rejected already"):
        approved(billed, filed)
    run(billed, "2026-12")
    assert water(billed, "2026-12")["A"] == {"W1": 3000}


@pytest.mark.parametrize("reason", ["", "身份证 110105194912310021"])
def test_a_reason_is_asked_for_and_holds_no_id_number(billed: Hub, reason: str) -> None:
    papers = decide.Papers(reason, "档案-12")
    with pytest.raises(DecisionRefused):
        decide.propose_undo(billed, 1, papers, actor="clerk")
    one = household_id(billed, "A")
    with pytest.raises(DecisionRefused):
        decide.propose_refusal(billed, Kind.OPT_OUT, one, Service.WATER, 20261201, papers, actor="clerk")


# --- claw-back -------------------------------------------------------------------------------------------------


def test_a_claw_back_is_a_minus_row_of_the_next_list_and_the_month_is_granted_no_more(billed: Hub) -> None:
    """Edge case 38: at most what was drawn, by the authority's decision, once."""
    filed = take_back(billed, "B", ("2026-11", 3000, 660))
    assert run(billed, "2026-12").earlier_rows == 0  # proposed is not decided
    publish(billed, "2026-12")
    approved(billed, filed)
    summary = run(billed, "2026-12")
    assert (summary.rows, summary.quantity_milli) == (1, -3000)
    assert "B" not in water(billed, "2026-11")
    publish(billed, "2026-12")
    (minus,) = listed(billed, "city_water", 3)
    assert {key: minus[key] for key in ("account", "month", "quantity_milli", "change")} == {
        "account": "W2", "month": 202611, "quantity_milli": -3000, "change": "CLAW_BACK",
    }  # fmt: skip
    nothing_is_missing(billed)
    renewed = household("B", 2, accounts={"city_water": "W2"}, valid_from=20250101, effective_on=20250101, version=70)
    take(billed, delta([renewed], position=80))
    assert run(billed, "2026-12").earlier_rows == 0  # touched, and not granted again


def test_bills_stay_judged_and_settled_as_they_were_after_a_claw_back(billed: Hub) -> None:
    before = settle(billed, "city_water", NOVEMBER, actor="tester").settlement.totals
    was = balance_of(billed, "2026-11")
    run(billed, "2026-12")
    publish(billed, "2026-12")
    approved(billed, take_back(billed, "B", ("2026-11", 2000, 440)))
    run(billed, "2026-12")
    publish(billed, "2026-12")
    reconcile(billed, actor="tester")
    assert findings(billed) == []
    assert balance_of(billed, "2026-11") == was | {"clawed_back": 2000}
    made = settle(billed, "city_water", NOVEMBER, actor="tester")
    assert (made.settlement.totals.accepted, made.settlement.totals.good_faith) == (before.accepted, Amount())
    nothing_is_missing(billed)


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param([("2026-11", 2001, 440)], id="more than was drawn"),
        pytest.param([("2026-11", 2000, 441)], id="more money than was drawn"),
        pytest.param([("2026-12", 1, 0)], id="a month of which nothing was drawn"),
        pytest.param([("2026-11", 1000, 220), ("2026-11", 1000, 220)], id="a month twice"),
        pytest.param([("2026-11", 0, 0)], id="nothing"),
        pytest.param([], id="no month"),
    ],
)
def test_no_more_can_be_taken_back_than_was_drawn(billed: Hub, wanted: list[tuple[str, int, int]]) -> None:
    with pytest.raises(DecisionRefused):
        take_back(billed, "A", *wanted)


def test_two_claw_backs_together_take_no_more_than_was_drawn(billed: Hub) -> None:
    """Also where both were proposed before either was approved, and before a run has posted the first."""
    first, second = (take_back(billed, "A", ("2026-11", 1500, 330)) for _ in range(2))
    approved(billed, first)
    with pytest.raises(DecisionRefused, match="have changed"):
        approved(billed, second)
    approved(billed, take_back(billed, "A", ("2026-11", 500, 110)))
    run(billed, "2026-12")
    assert water(billed, "2026-11")["A"] == {"W1": 1000}
    with pytest.raises(DecisionRefused):
        take_back(billed, "A", ("2026-11", 1, 0))
    nothing_is_missing(billed)


@pytest.mark.parametrize(
    "authority",
    [AUTHORITY._replace(number=" "), AUTHORITY._replace(on=0), AUTHORITY._replace(notified_on=20261231)],
)
def test_the_hub_never_claws_back_without_the_authoritys_number_date_and_notice(billed: Hub, authority: Any) -> None:
    with pytest.raises(DecisionRefused):
        take_back(billed, "B", ("2026-11", 3000, 660), authority=authority)


def test_late_revocation_alone_takes_nothing_back(billed: Hub) -> None:
    """Edge cases 37, 87: the negative control of the claw-back; the company too was in good faith."""
    ended = household("B", 2, accounts={"city_water": "W2"}, status="ended", effective_on=20261001, version=60)
    take(billed, delta([ended], position=70))
    run(billed, "2026-12")
    assert water(billed, "2026-11")["B"] == {"W2": 3000}
    assert "B" not in water(billed, "2026-12")
    nothing_is_missing(billed)


# --- wrong link ------------------------------------------------------------------------------------------------


def test_a_wrong_link_ends_its_months_move_and_the_right_household_is_made_whole(mixed_up: Hub) -> None:
    """Edge case 59: −here +there in one run; nobody is charged; what the bill drew in good faith stands apart."""
    hub = mixed_up
    approved(hub, part(hub, "A", "W1", "2015-06-01", other="B"))
    run(hub, "2026-12")
    assert [water(hub, month) for month in ("2026-09", "2026-11", "2026-12")] == [
        {"A": {None: 3000}, "B": {"W1": 3000}}
    ] * 3
    publish(hub, "2026-12")
    rows = {(one["reference"], one["month"]): (one["change"], one["quantity_milli"]) for one in late(hub, 4)}
    assert sorted(rows.values()) == [("MOVE", -3000)] * 3 + [("NEW", 3000)] + [("RETRO", 3000)] * 3 + [("STOP", 0)]
    reconcile(hub, actor="tester")
    hub.clock.set("2026-12-18T10:00:00+08:00")
    assert balance_of(hub, "2026-09")["good_faith"] == 3000
    made = settle(hub, "city_water", Month(2026, 9), actor="tester").settlement.totals
    assert (made.accepted, made.good_faith) == (Amount(1, 3000, 660), Amount(1, 3000, 660))
    roster(hub, "city_water", [account("W1", 2, home=7), account("W3", 1, opened=20100101)])
    run(hub, "2026-12")
    assert [water(hub, month)["A"] for month in ("2026-09", "2026-12")] == [{"W3": 3000}] * 2
    nothing_is_missing(hub)


def late(hub: Hub, number: int) -> list[dict[str, Any]]:
    return listed(hub, "city_water", number)


def test_the_wrong_household_goes_to_its_right_account_at_once(hub: Hub) -> None:
    """Where the hub knows the right account already, −3000 here and +3000 there stand in one transaction."""
    take(hub, snapshot([household("A", 1, home=7, accounts={"city_water": "W1"})], position=10))
    roster(hub, "city_water", [account("W1", 2, home=7), account("W3", 1, home=9)])
    run(hub, "2026-11")
    publish(hub, "2026-11")
    assert water(hub, "2026-11") == {"A": {"W1": 3000}}
    approved(hub, part(hub, "A", "W1", "2015-06-01"))
    summary = run(hub, "2026-11")
    assert (summary.earlier_rows, summary.earlier_quantity_milli) == (2, 0)
    assert water(hub, "2026-11") == {"A": {"W3": 3000}}
    publish(hub, "2026-11")
    rows = [(one["account"], one["change"], one["quantity_milli"]) for one in late(hub, 2)]
    assert rows == [("W1", "MOVE", -3000), ("W3", "MOVE", 3000)]


def test_the_parted_pair_is_never_linked_by_itself_again(mixed_up: Hub) -> None:
    """Not even when the other household is gone and everything agrees."""
    hub = mixed_up
    approved(hub, part(hub, "A", "W1", "2015-06-01"))
    run(hub, "2026-12")
    ended = household("B", 2, home=8, status="ended", effective_on=20261101, version=50)
    again = household("A", 1, home=7, accounts={"city_water": "W1"}, effective_on=20261110, version=51)
    take(hub, delta([ended, again], position=60))
    roster(hub, "city_water", [account("W1", 1, home=7)])
    run(hub, "2027-01")
    assert water(hub, "2027-01") == {"A": {None: 3000}}


def test_a_link_that_was_wrong_from_a_day_keeps_the_months_before(mixed_up: Hub) -> None:
    approved(mixed_up, part(mixed_up, "A", "W1", "2026-10-10", other="B"))
    run(mixed_up, "2026-12")
    found = [water(mixed_up, month)["A"] for month in ("2026-09", "2026-10", "2026-11")]
    assert found == [{"W1": 3000}, {"W1": 3000}, {None: 3000}]


def test_both_households_stand_in_the_audit_row_and_in_the_list_of_decisions(mixed_up: Hub) -> None:
    hub = mixed_up
    approved(hub, part(hub, "A", "W1", "2015-06-01"))
    ids = [household_id(hub, number) for number in "AB"]
    with hub.store.read() as connection:
        query = select(audit.c.detail).where(audit.c.action == "decision_approved")
        assert json.loads(connection.execute(query).scalar_one())["households"] == ids
    assert [one.state for one in decisions_shown(hub, household=ids[0])] == ["approved"]


def test_undoing_a_wrong_link_puts_everything_back(mixed_up: Hub) -> None:
    hub = mixed_up
    before = [water(hub, month)["A"] for month in ("2026-09", "2026-11")]
    filed = approved(hub, part(hub, "A", "W1", "2015-06-01"))
    run(hub, "2026-12")
    approved(hub, undo(hub, filed))
    run(hub, "2026-12")
    assert [water(hub, month)["A"] for month in ("2026-09", "2026-11", "2026-12")] == [*before, {"W1": 3000}]
    with pytest.raises(DecisionRefused, match="undone already"):
        undo(hub, filed)
    nothing_is_missing(hub)


@pytest.mark.parametrize(("number", "since"), [("W9", "2015-06-01"), ("W1", "2030-01-01x")])
def test_a_link_that_is_not_there_cannot_be_wrong(mixed_up: Hub, number: str, since: str) -> None:
    if since.endswith("x"):
        approved(mixed_up, part(mixed_up, "A", number, "2015-06-01"))
    with pytest.raises(DecisionRefused):
        part(mixed_up, "A", number, since.rstrip("x"))


# --- refusals --------------------------------------------------------------------------------------------------


def test_a_refused_service_is_not_listed_until_the_household_takes_it_back(billed: Hub) -> None:
    """Edge case 65: from then, no error, and what was posted before stays."""
    approved(billed, refuse(billed, "A", "2026-11-15"))
    run(billed, "2026-12")
    publish(billed, "2026-12")
    assert water(billed, "2026-12") == {"B": {"W2": 3000}}
    assert water(billed, "2026-11")["A"] == {"W1": 3000}
    assert [row["change"] for row in listed(billed, "city_water", 2) if row["account"] == "W1"] == ["STOP"]
    nothing_is_missing(billed)
    (service, _) = explain(billed, household_id(billed, "A"), Month(2026, 12)).services
    assert service.verdict == "opted_out"
    approved(billed, refuse(billed, "A", "2027-01-10", Kind.OPT_IN))
    run(billed, "2027-01")
    assert "A" not in water(billed, "2026-12")
    assert water(billed, "2027-01")["A"] == {"W1": 3000}


def test_an_undone_refusal_never_was(billed: Hub) -> None:
    filed = approved(billed, refuse(billed, "A", "2026-11-15"))
    run(billed, "2026-12")
    approved(billed, undo(billed, filed))
    assert run(billed, "2026-12").earlier_rows == 1
    assert water(billed, "2026-12")["A"] == {"W1": 3000}
    nothing_is_missing(billed)


@pytest.fixture
def anywhere(hub: Hub) -> Hub:
    """November as billed, on each database."""
    bill_november(hub)
    return hub


def test_a_month_is_judged_by_the_decisions_known_at_its_cut_off(anywhere: Hub) -> None:
    """The decisions stand on the knowledge axis: every list and run recomputes as it was, on each database."""
    billed = anywhere
    filed = approved(billed, refuse(billed, "A", "2026-11-15"))
    run(billed, "2026-12")
    publish(billed, "2026-12")
    approved(billed, take_back(billed, "B", ("2026-11", 3000, 660)))
    approved(billed, undo(billed, filed))
    run(billed, "2027-01")
    publish(billed, "2027-01")
    assert recompute_all(billed).same


def test_only_the_newest_is_undone_and_a_claw_back_never(billed: Hub) -> None:
    first = approved(billed, refuse(billed, "A", "2026-11-15"))
    second = approved(billed, refuse(billed, "A", "2026-12-10", Kind.OPT_IN))
    with pytest.raises(DecisionRefused, match="undo it first"):
        undo(billed, first)
    approved(billed, undo(billed, second))
    approved(billed, undo(billed, first))
    third = approved(billed, take_back(billed, "B", ("2026-11", 3000, 660)))
    with pytest.raises(DecisionRefused, match="authority"):
        undo(billed, third)


def test_a_refusal_is_said_once_and_taken_back_once(billed: Hub) -> None:
    with pytest.raises(DecisionRefused):
        refuse(billed, "A", "2026-12-01", Kind.OPT_IN)
    approved(billed, refuse(billed, "A", "2026-12-01"))
    with pytest.raises(DecisionRefused):
        refuse(billed, "A", "2026-12-05")


def test_a_clawed_back_amount_is_settled_in_the_month_of_its_list(billed: Hub) -> None:
    """Settlements change by numbered adjustments alone; November's stays as it was signed."""
    settle(billed, "city_water", NOVEMBER, actor="tester")
    run(billed, "2026-12")
    publish(billed, "2026-12")
    billed.clock.set("2027-01-03T10:00:00+08:00")
    rows = [bill(f"D{c}", place_of(billed, "city_water", c), "2026-12", 5000, listed_in=2) for c in "AB"]
    send(billed, report("2026-12", rows))
    hub = billed.under(with_value(billed.policy, "settlement_mode", "reimbursed"))
    first = settle(hub, "city_water", Month(2026, 12), actor="tester")
    approved(hub, take_back(hub, "B", ("2026-11", 3000, 660)))
    run(hub, "2026-12")
    publish(hub, "2026-12")
    second = settle(hub, "city_water", Month(2026, 12), actor="tester")
    assert (first.settlement.terms.payable_fen, second.state, second.settlement.n) == (1320, "adjusted", 1)
    assert second.settlement.change.clawed_back == Amount(1, 3000, 660)
    assert second.settlement.terms.payable_fen == -660
    assert settle(hub, "city_water", NOVEMBER, actor="tester").state == "unchanged"
