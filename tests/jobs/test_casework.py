"""Cases: opened by what cannot be determined, closed when its cause is gone, decided by two persons."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from reporting import answer, bill, place_of, report, send
from sqlalchemy import select, update
from world import account, delta, household, household_id, publish, roster, run, snapshot, take

from integration.domain.cases import UNDER_WORK
from integration.domain.rights import Role
from integration.jobs.cases import CaseRefused, open_case, read_notes, step
from integration.jobs.hub import Hub
from integration.jobs.match_queue import confirm_link
from integration.jobs.open_cases import CasesSummary, open_cases
from integration.storage import cases, users
from integration.storage.cases import Case
from integration.storage.errors import StorageError
from integration.storage.tables import audit, case_events, household_keys
from integration.storage.tables import cases as table
from schemas.cases import CaseEvent, CaseKind, CaseState
from schemas.values import Service

WATER = Service.WATER
#: For what is the same on both databases.
ON_ONE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


def town(hub: Hub) -> None:
    """Nobody knows B2's accounts; D4 shares A1's; N5's is a shop's; P7 is in A6's certificate too; A1 is in order."""
    rows = [
        household("A1", 1, accounts={"city_water": "W1", "city_gas": "G1"}),
        household("B2", 2),
        household("D4", 4, home=1, accounts={"city_water": "W1", "city_gas": "G4"}),
        household("N5", 5, accounts={"city_water": "W5", "city_gas": "G5"}),
        household("A6", 6, 60, accounts={"city_water": "W6", "city_gas": "G6"}),
        household("P7", 7, 60, valid_from=20260801, district="330106", accounts={"city_water": "W7", "city_gas": "G7"}),
    ]
    take(hub, snapshot(rows, position=10))
    water = [account(f"W{n}", n, domestic=n != 5) for n in (1, 5, 6, 7)]
    roster(hub, "city_water", water)
    roster(hub, "city_gas", [account(f"G{n}", n) for n in (1, 4, 5, 6, 7)])
    run(hub, "2026-11")


def found(hub: Hub, states=UNDER_WORK) -> list[Case]:
    with hub.store.read() as connection:
        return cases.case_lines(connection, 1000, 0, states)


def kinds(hub: Hub) -> dict[tuple[str, str], str]:
    """(certificate, service) → kind of the cases under work."""
    names = {household_id(hub, one): one for one in ("A1", "B2", "D4", "N5", "A6", "P7")}
    return {(names[one.household_id], one.service): one.kind.value for one in found(hub)}


def test_whatever_cannot_be_determined_becomes_a_case_once(hub: Hub, clock) -> None:
    """A shared account, a shop's account and a person in two certificates at once; a match after the policy's days."""
    town(hub)
    at_once = {
        ("D4", "water"): "shared_account",
        ("N5", "water"): "non_domestic",
        ("P7", ""): "duplicate_person",
    }
    assert open_cases(hub, actor="clock") == CasesSummary(3, 0, 0)
    assert kinds(hub) == at_once
    (duplicate,) = [one for one in found(hub) if one.kind is CaseKind.DUPLICATE_PERSON]
    assert duplicate.districts == "330102,330106"
    clock.advance(days=14)
    assert open_cases(hub, actor="clock") == CasesSummary(2, 0, 0)
    assert kinds(hub) == at_once | {("B2", one): "pending_match" for one in ("water", "gas")}
    assert open_cases(hub, actor="clock") == CasesSummary(0, 0, 0)
    assert [one.number for one in found(hub)] == [1, 2, 3, 4, 5]


def test_a_case_closes_by_itself_when_its_cause_is_gone_and_is_the_same_case_when_it_is_back(hub: Hub, clock) -> None:
    """Confirmed, it is gone; the account that turns a shop's again is the case it was."""
    town(hub)
    open_cases(hub, actor="clock")
    confirm_link(hub, household_id(hub, "D4"), WATER, actor="wang")
    roster(hub, "city_water", [account(f"W{n}", n) for n in (1, 5, 6, 7)])
    run(hub, "2026-11")
    assert open_cases(hub, actor="clock") == CasesSummary(0, 0, 2)
    assert kinds(hub) == {("P7", ""): "duplicate_person"}
    gone = {one.number: one for one in found(hub, [CaseState.GONE])}
    roster(hub, "city_water", [account(f"W{n}", n, domestic=n != 5) for n in (1, 5, 6, 7)])
    assert open_cases(hub, actor="clock") == CasesSummary(0, 1, 0)
    (shop,) = [one for one in found(hub) if one.kind is CaseKind.NON_DOMESTIC]
    assert shop.number in gone
    with hub.store.read() as connection:
        events = [one.event.value for one in cases.history(connection, shop.number)]
    assert events == ["opened", "cause_gone", "reopened"]


@ON_ONE
def test_what_two_persons_decided_stays_decided_while_its_cause_stands(hub: Hub, people) -> None:
    """The job does not open again what two persons have closed; a job that opens it by name does."""
    town(hub)
    open_cases(hub, actor="clock")
    number = found(hub)[0].number
    step(hub, number, CaseEvent.RESOLVED, actor="wang", text="社区已核实")
    step(hub, number, CaseEvent.APPROVED, actor="li")
    assert open_cases(hub, actor="clock") == CasesSummary(0, 0, 0)
    (case,) = found(hub, [CaseState.CLOSED])
    with hub.store.write() as connection:
        assert open_case(hub, connection, case.kind, case.identity, actor="zhao") == number
    assert number in {one.number for one in found(hub)}


@ON_ONE
def test_an_answer_that_decides_nothing_is_a_case_until_the_company_decides(hub: Hub, clock) -> None:
    """Held is no refusal and no success: it is put before people, and closes with the corrected report."""
    take(hub, snapshot([household("A1", 1)]))
    roster(hub, "city_water", [account("W1", 1)])
    roster(hub, "city_gas", [account("G1", 1)])
    run(hub, "2026-11")
    publish(hub, "2026-11")
    clock.set("2026-12-03T10:00:00+08:00")
    place = place_of(hub, "city_water", "A1")
    send(hub, report("2026-11", [answer(place, "2026-11", "HELD")]))
    assert open_cases(hub, actor="clock").opened == 1
    (case,) = found(hub)
    assert (case.kind, case.company, case.month) == (CaseKind.UNDETERMINED, "city_water", 202611)
    assert case.finding_id
    send(hub, report("2026-11", [bill("B1", place, "2026-11", 5000)], kind="replace", edition=2))
    assert open_cases(hub, actor="clock").gone == 1


@ON_ONE
def test_a_record_that_speaks_of_two_households_is_a_case(hub: Hub) -> None:
    """It names certificates of both, and nobody of the second: whether they became one is for people."""
    take(hub, snapshot([household("A1", 1), household("B2", 2)]))
    taken = take(hub, delta([household("A1", 1, earlier=("B2",), version=50)], position=60))
    assert open_cases(hub, actor="clock") == CasesSummary(1, 0, 0)
    (case,) = found(hub)
    assert (case.kind, case.identity) == (
        CaseKind.SPLIT_OR_MERGE, f"rows:{taken.submission_id}:CERTIFICATES_DISAGREE",
    )  # fmt: skip


# --- people --------------------------------------------------------------------------------------------------------


@pytest.fixture
def people(hub: Hub) -> None:
    """A clerk ``wang``, the supervisors ``li`` and ``zhao``, and an auditor ``sun``."""
    roles = {"wang": Role.CLERK, "li": Role.SUPERVISOR, "zhao": Role.SUPERVISOR, "sun": Role.AUDITOR}
    with hub.store.write() as connection:
        for name, role in roles.items():
            users.insert_user(connection, hub.clock, users.NewUser(name, role, "no hash"))


@pytest.fixture
def opened(hub: Hub, people) -> Callable[..., int]:
    def open_one(identity: str = "1", **about) -> int:
        with hub.store.write() as connection:
            return open_case(hub, connection, CaseKind.OBJECTION, identity, actor="wang", **about)

    return open_one


@ON_ONE
def test_one_resolves_and_another_approves(hub: Hub, opened) -> None:
    """The whole way, and that neither who resolved nor who was charged approves."""
    number = opened()
    assert opened() == number
    step(hub, number, CaseEvent.ASSIGNED, actor="wang", about="zhao")
    step(hub, number, CaseEvent.ASKED_COMPANY, actor="zhao", about="city_water", text="户号 W1 是否已过户？")
    with pytest.raises(CaseRefused, match="what can be done"):
        step(hub, number, CaseEvent.APPROVED, actor="li")
    step(hub, number, CaseEvent.ANSWERED, actor="zhao", text="未过户")
    step(hub, number, CaseEvent.RESOLVED, actor="li", text="维持关联")
    for own in ("li", "zhao"):
        with pytest.raises(CaseRefused, match="nobody approves their own work"):
            step(hub, number, CaseEvent.APPROVED, actor=own)
    with hub.store.write() as connection:
        users.insert_user(connection, hub.clock, users.NewUser("qian", Role.SUPERVISOR, "no hash"))
    closed = step(hub, number, CaseEvent.APPROVED, actor="qian")
    assert (closed.state, closed.resolved_by, closed.approved_by) == (CaseState.CLOSED, "li", "qian")


def test_the_database_itself_refuses_that_one_person_does_both(hub: Hub, opened) -> None:
    number = opened()
    step(hub, number, CaseEvent.RESOLVED, actor="li", text="好")
    with pytest.raises(StorageError), hub.store.write() as connection:
        connection.execute(update(table).values(state="closed", approved_by="li"))
    with pytest.raises(StorageError), hub.store.write() as connection:
        connection.execute(update(case_events).values(actor="zhao"))


@ON_ONE
def test_a_step_that_must_be_explained_is_not_taken_in_silence_and_an_auditor_gets_no_case(hub: Hub, opened) -> None:
    number = opened()
    with pytest.raises(CaseRefused, match="say it in words"):
        step(hub, number, CaseEvent.RESOLVED, actor="wang", text=" ")
    with pytest.raises(CaseRefused, match="clerk, supervisor"):
        step(hub, number, CaseEvent.ASSIGNED, actor="wang", about="sun")
    with pytest.raises(CaseRefused, match="no case 99"):
        step(hub, 99, CaseEvent.NOTED, actor="wang", text="?")


def test_notes_are_sealed_audited_when_read_and_gone_with_the_household(hub: Hub, opened) -> None:
    """A note may name a person: nothing of it stands in the tables, and erasing the household erases it."""
    take(hub, snapshot([household("A1", 1)]))
    number = opened(household_id=household_id(hub, "A1"))
    step(hub, number, CaseEvent.NOTED, actor="wang", text="欧阳阿依古丽来访")
    assert [note.text for note in read_notes(hub, number, actor="li")] == [None, "欧阳阿依古丽来访"]
    with hub.store.read() as connection:
        stored = connection.execute(select(case_events.c.note)).scalars().all()
        actions = connection.execute(select(audit.c.action, audit.c.detail)).all()
    assert not any("欧阳".encode() in bytes(note) for note in stored if note)
    assert "case_notes_read" in {action for action, _ in actions}
    assert not any("欧阳" in detail for _, detail in actions)
    with hub.store.write() as connection:
        connection.execute(household_keys.delete())
    step(hub, number, CaseEvent.NOTED, actor="wang", text="已清除")
    assert [note.text for note in read_notes(hub, number, actor="li")] == [None, None, "已清除"]


@ON_ONE
def test_a_case_is_due_in_the_policys_work_days(hub: Hub, opened, clock) -> None:
    """Ten work days from Tuesday the 20th of October 2026 are the 3rd of November."""
    opened()
    assert found(hub)[0].due_on == 20261103
    assert clock().date() + timedelta(days=14) == clock().date().replace(month=11, day=3)


@ON_ONE
def test_a_household_that_ended_waits_no_more_but_keeps_what_waited(hub: Hub, clock) -> None:
    """Its months at none yet stay a case; without any, there is none."""
    town(hub)
    clock.advance(days=14)
    open_cases(hub, actor="clock")
    gone = household("B2", 2, status="ended", effective_on=20261201, version=50)
    take(hub, delta([gone], position=60, as_of=20261101))
    run(hub, "2026-12")
    open_cases(hub, actor="clock")
    assert ("B2", "water") in kinds(hub)
