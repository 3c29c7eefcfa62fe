"""Faults that a review of the intake found, each with what must happen instead."""

from __future__ import annotations

import dataclasses
from itertools import permutations
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, func, select
from world import account, chunked, delta, household, roster, run, snapshot, take, water

from integration.jobs import sync_roster as roster_module
from integration.jobs.hub import Hub
from integration.jobs.intake import apply_kept, parts
from integration.jobs.outcomes import SyncResult
from integration.jobs.purge_content import purge_content
from integration.jobs.sync_aliases import sync_aliases
from integration.jobs.sync_registry import apply_registry
from integration.storage.tables import (
    OPEN_VERSION,
    account_facts,
    account_numbers,
    audit,
    parked_rows,
    submission_chunks,
    submission_outcomes,
)

WATER = "city_water"


def states(hub: Hub) -> dict[str, tuple[int, str]]:
    """Number → (account, state), as known now."""
    with hub.store.read() as connection:
        n, f = account_numbers.c, account_facts.c
        query = (
            select(n.number, n.account_id, f.state)
            .join(account_facts, f.account_id == n.account_id)
            .where(n.known_to == OPEN_VERSION, f.known_to == OPEN_VERSION)
        )
        return {number: (one, state) for number, one, state in connection.execute(query)}


# --- rosters ---------------------------------------------------------------------------------------------------


@pytest.fixture(params=[5_000, 1])
def batch_size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """All rows in one batch, and each in one of its own."""

    def cut(items: Any) -> Any:
        return parts(items, request.param)

    monkeypatch.setattr(roster_module, "parts", cut)
    return int(request.param)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_roster_may_close_a_number_and_open_its_successor(hub: Hub, batch_size: int, order: tuple[int, int]) -> None:
    """One account, one fact: the household that named the old number keeps its allowance."""
    take(hub, snapshot([household("A1", 1, accounts={WATER: "W1"})]))
    roster(hub, WATER, [account("W1", 1), account("W9", 9)])
    before = states(hub)["W1"][0]
    rows = [account("W1", 1, state="销户", closed=20261001), account("W2", 1, predecessor="W1")]
    result = roster(hub, WATER, [*(rows[n] for n in order), account("W9", 9)])
    assert result.state == "applied"
    assert states(hub) == {"W2": (before, "open"), "W9": (before + 1, "open")}
    run(hub, "2026-11")
    assert water(hub, "2026-11") == {"A1": {"W2": 3000}}
    again = roster(hub, WATER, [rows[0], rows[1], account("W9", 9), account("W10", 10)])
    assert again.counts == {"applied": 1, "unchanged": 3, "held": 0, "rejected": 0}
    assert states(hub)["W2"] == (before, "open")


def test_a_second_successor_of_one_number_is_refused(hub: Hub, batch_size: int) -> None:
    roster(hub, WATER, [account("W1", 1)])
    rows = [account("W2", 1, predecessor="W1"), account("W3", 3, predecessor="W1")]
    result = roster(hub, WATER, rows)
    assert (result.state, [(fault.row, fault.code) for fault in result.faults]) == ("applied", [(3, "NUMBER_SPLIT")])
    assert states(hub) == {"W2": (1, "open")}


def test_a_predecessor_that_stands_on_is_no_predecessor(hub: Hub, batch_size: int) -> None:
    roster(hub, WATER, [account("W1", 1)])
    result = roster(hub, WATER, [account("W1", 1), account("W2", 2, predecessor="W1")])
    assert [fault.code for fault in result.faults] == ["NUMBER_SPLIT"]
    assert states(hub) == {"W1": (1, "open")}


def test_a_closed_number_that_no_successor_follows_is_closed(hub: Hub, batch_size: int) -> None:
    roster(hub, WATER, [account("W1", 1), account("W2", 2)])
    roster(hub, WATER, [account("W1", 1, state="销户", closed=20261001), account("W2", 2)])
    assert states(hub) == {"W1": (1, "closed"), "W2": (2, "open")}


def test_a_roster_is_judged_by_the_limits_in_all(hub: Hub) -> None:
    """A roster knows no districts: 15 of 60 gone is below the 20 that may always go."""
    everybody = [account(f"W{n}", n) for n in range(60)]
    roster(hub, WATER, everybody)
    assert roster(hub, WATER, everybody[15:]).state == "applied"


# --- aliases ---------------------------------------------------------------------------------------------------


def aliases(hub: Hub, *pairs: tuple[str, str]) -> SyncResult:
    lines = [f"{old}|{new}|20261001\n" for old, new in pairs] + [f"TRL|{len(pairs)}\n"]
    return sync_aliases(hub, WATER, chunked("".join(lines).encode()), actor="tester")


def numbered(hub: Hub) -> dict[int, str]:
    return {one: number for number, (one, _) in states(hub).items()}


@pytest.mark.parametrize("pairs", list(permutations([("G1", "G2"), ("G5", "G6"), ("G2", "G3"), ("G6", "G7")])))
def test_chains_and_shifts_in_one_alias_file_are_followed_in_any_order(
    sqlite_hub: Hub, pairs: tuple[tuple[str, str], ...]
) -> None:
    """G2 was never in a roster: a chain. G6 is another account: a shift (edge case 60)."""
    roster(sqlite_hub, WATER, [account("G1", 1), account("G5", 5), account("G6", 6)])
    assert aliases(sqlite_hub, *pairs).counts == {"applied": 4, "unchanged": 0, "held": 0, "rejected": 0}
    assert numbered(sqlite_hub) == {1: "G3", 2: "G6", 3: "G7"}


def test_two_accounts_may_change_numbers_with_each_other(hub: Hub) -> None:
    roster(hub, WATER, [account("G1", 1), account("G2", 2)])
    aliases(hub, ("G1", "G2"), ("G2", "G1"))
    assert numbered(hub) == {1: "G2", 2: "G1"}


def test_a_long_shift_is_followed_to_its_end(sqlite_hub: Hub) -> None:
    roster(sqlite_hub, WATER, [account(f"G{n}", n) for n in range(1500)])
    result = aliases(sqlite_hub, *((f"G{n}", f"G{n + 1}") for n in range(1500)))
    assert result.counts["applied"] == 1500
    assert numbered(sqlite_hub) == {n + 1: f"G{n + 1}" for n in range(1500)}


def test_a_shift_onto_an_account_that_stays_is_refused_from_its_end_back(hub: Hub) -> None:
    roster(hub, WATER, [account("G1", 1), account("G2", 2), account("G3", 3)])
    result = aliases(hub, ("G1", "G2"), ("G2", "G3"))
    assert [fault.code for fault in result.faults] == ["NEW_NUMBER_TAKEN"]  # both rows, one run
    assert result.counts["rejected"] == 2
    assert numbered(hub) == {1: "G1", 2: "G2", 3: "G3"}


def test_two_accounts_cannot_take_one_number(hub: Hub) -> None:
    roster(hub, WATER, [account("G1", 1), account("G2", 2)])
    assert aliases(hub, ("G1", "G9"), ("G2", "G9")).faults[0].code == "NEW_NUMBER_TAKEN"
    assert numbered(hub) == {1: "G9", 2: "G2"}


# --- sent again ------------------------------------------------------------------------------------------------


def test_aliases_that_came_before_their_roster_take_effect_when_sent_again(hub: Hub) -> None:
    assert aliases(hub, ("G1", "G2")).faults[0].code == "OLD_NUMBER_UNKNOWN"
    roster(hub, WATER, [account("G1", 1)])
    done = aliases(hub, ("G1", "G2"))
    assert (done.state, done.counts["applied"]) == ("applied", 1)
    assert numbered(hub) == {1: "G2"}
    assert aliases(hub, ("G1", "G2")) == done


def test_a_file_refused_by_a_wrong_setting_takes_effect_when_sent_again(hub: Hub) -> None:
    content = snapshot([household("A1", 1)])
    wrong = dataclasses.replace(hub, registry_source="elsewhere")
    assert take(wrong, content).faults[0].code == "WRONG_SOURCE"
    done = take(hub, content)
    assert (done.state, done.counts["applied"]) == ("applied", 1)
    assert take(hub, content) == done


def test_who_comes_late_with_the_same_message_gets_the_first_reply(hub: Hub) -> None:
    """Both have received it, one has applied it: the other must not apply it again."""
    done = take(hub, snapshot([household("A1", 1)]))

    def apply(connection: Connection, number: int, braked: bool) -> SyncResult:
        return apply_registry(hub, connection, number, actor="late", braked=braked)

    late = apply_kept(hub, done.submission_id, door="snapshot", apply=apply, actor="late", braked=True)
    assert msgspec.json.encode(late) == msgspec.json.encode(done)
    with hub.store.read() as connection:
        assert connection.execute(select(audit.c.actor).where(audit.c.actor == "late")).all() == []


# --- the registry ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("as_of", "state"), [(20261120, "applied"), (20261121, "refused")])
def test_an_as_of_date_lies_at_most_a_month_ahead(hub: Hub, as_of: int, state: str) -> None:
    result = take(hub, snapshot([household("A1", 1)], as_of=as_of))
    assert result.state == state
    assert [fault.code for fault in result.faults] == ([] if state == "applied" else ["AS_OF_IN_FUTURE"])


def parked(hub: Hub) -> int:
    with hub.store.read() as connection:
        query = select(func.count()).select_from(parked_rows).where(parked_rows.c.known_to == OPEN_VERSION)
        return int(connection.execute(query).scalar_one())


def ends_of(hub: Hub, submission: int) -> list[tuple[str, str]]:
    with hub.store.read() as connection:
        o = submission_outcomes.c
        query = select(o.outcome, o.code).where(o.submission_id == submission).order_by(o.first_row, o.n)
        return [(outcome, code) for outcome, code in connection.execute(query)]


def test_a_parked_row_that_still_reaches_no_household_waits_on_and_says_why(hub: Hub) -> None:
    """Its two certificates turn out to be of two households."""
    early = take(hub, delta([household("A1", 1, earlier=["B2"])], position=9))
    take(hub, snapshot([household("A1", 1), household("B2", 2)]))
    assert parked(hub) == 2
    assert ends_of(hub, early.submission_id) == [("held", "UNKNOWN_CERTIFICATE"), ("held", "CERTIFICATES_DISAGREE")]


def test_a_parked_row_that_is_applied_says_so_under_its_own_submission(hub: Hub) -> None:
    early = take(hub, delta([household("A1", 1, effective_on=20260201, version=2)], position=9))
    take(hub, snapshot([household("A1", 1)]))
    assert parked(hub) == 0
    assert ends_of(hub, early.submission_id) == [("held", "UNKNOWN_CERTIFICATE"), ("applied", "")]


# --- forgetting ------------------------------------------------------------------------------------------------


def test_content_is_deleted_at_the_end_of_its_retention_and_the_audit_says_so(hub: Hub, clock) -> None:
    done = take(hub, snapshot([household("A1", 1)]))
    clock.advance(days=60)
    roster(hub, WATER, [account("W1", 1)])
    clock.advance(days=31)
    assert purge_content(hub, 90, actor="tester") == 1
    assert purge_content(hub, 90, actor="tester") == 0
    with hub.store.read() as connection:
        assert set(connection.scalars(select(submission_chunks.c.submission_id))) == {done.submission_id + 1}
        assert ends_of(hub, done.submission_id) == []
        notes = connection.scalars(select(audit.c.detail).where(audit.c.action == "content_purged")).all()
    assert [msgspec.json.decode(note)["submissions"] for note in notes] == [1, 0]
