"""The audit: every change to it, or to what it speaks of, is found; a clean log raises no alarm."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Table, delete, insert, select, update

from integration.storage import audit as log
from integration.storage.audit_verify import verify
from integration.storage.bulk import bulk_insert, digest_tuples
from integration.storage.engine import Store
from integration.storage.keys import KeyRing
from integration.storage.submissions import set_state
from integration.storage.tables import audit, audit_leaves, checkpoints, postings, records, standings, submissions
from schemas import envelope

STANDING = ("dibao_urban", "active", 20260101, 20261231, 99991231)
COLUMNS = [column.name for column in postings.columns]


def run(store: Store, clock, run_id: int, month: int, households: range) -> None:
    """Post a month as a run does: each household's month before as a late row, and the month itself."""
    rows = [(month - 1, "gas", h, run_id, h, -100 * h, run_id, 1) for h in households]
    rows += [(month, "water", h, run_id, h, 3000, run_id, 0) for h in households]
    with store.write() as connection:
        bulk_insert(connection, postings, COLUMNS, rows)
        effect = log.Effect(len(rows), sum(row[5] for row in rows), digest_tuples(rows).sha256)
        log.record(connection, clock, "scheduler", "month_computed", str(run_id), {"month": month}, effect)


def apply(store: Store, clock, submission_id: int, first: int) -> None:
    """Accept three records of one household as an import does; with them a fourth that had been parked."""
    said = [(first + n, 5, 20260101 + n, 3) for n in range(4)]
    received = (submission_id, "bureau", "registry", str(submission_id), b"", 0, 0)
    acts = [
        ("registry_applied", f"{submission_id}", 1, said[:3]),
        ("parked_applied", f"{submission_id}:2", 2, said[3:]),
    ]
    with store.write() as connection:
        connection.execute(insert(submissions).values(received))
        set_state(connection, clock, submission_id, "applied", 1, "")
        if submission_id == 1:
            connection.execute(insert(standings).values((1, *STANDING)))
        for action, subject, version, rows in acts:
            for record_id, household_id, *when in rows:
                row = (household_id, record_id, submission_id, *when, 1, "d", 0, b"%d" % record_id, version)
                connection.execute(insert(records).values(row))
            digest = digest_tuples((*row, *STANDING, "d") for row in rows)
            effect = log.Effect(digest.rows, 0, digest.sha256)
            log.record(connection, clock, "bureau", action, subject, {}, effect)


def note(store: Store, clock, subject: str) -> int:
    with store.write() as connection:
        return log.record(connection, clock, "wang", "revealed", subject, {"reason": "核实"})


@pytest.fixture
def filled(store: Store, ring: KeyRing, clock) -> Store:
    """A small clean log: two runs, two submissions, two plain acts, three checkpoints."""
    run(store, clock, 1, 202611, range(1, 4))
    apply(store, clock, 1, 1)
    log.sequence(store, ring, clock)
    note(store, clock, "a")
    clock.advance(seconds=60)
    log.sequence(store, ring, clock)
    run(store, clock, 2, 202612, range(2, 5))
    apply(store, clock, 2, 5)
    note(store, clock, "b")
    log.sequence(store, ring, clock)
    return store


def faults(store: Store, ring: KeyRing, **options) -> list:
    with store.read() as connection:
        return verify(connection, ring.checkpoints.public_pem, **options)


def test_a_clean_log_raises_no_alarm(filled: Store, ring: KeyRing) -> None:
    assert faults(filled, ring) == []


def test_an_empty_log_raises_no_alarm(store: Store, ring: KeyRing, clock) -> None:
    assert log.sequence(store, ring, clock) is None
    assert faults(store, ring) == []
    with store.read() as connection:
        assert log.newest_checkpoint(connection) is None


def test_rows_in_waiting_are_named(filled: Store, ring: KeyRing, clock) -> None:
    number = note(filled, clock, "c")
    assert faults(filled, ring) == [("NOT_SEQUENCED", f"audit {number}")]
    with filled.read() as connection:
        assert log.covered(connection, "revealed", "b")
        assert not log.covered(connection, "revealed", "c")
    made = log.sequence(filled, ring, clock)
    assert faults(filled, ring) == []
    with filled.read() as connection:
        assert log.newest_checkpoint(connection) == made
        assert log.covered(connection, "revealed", "c")


def test_a_rolled_back_act_leaves_no_audit_row(store: Store, ring: KeyRing, clock) -> None:
    with store.write(dry_run=True) as connection:
        log.record(connection, clock, "wang", "revealed", "a", {})
    assert log.sequence(store, ring, clock) is None


def test_the_note_is_a_signed_note_that_names_the_one_before(filled: Store, ring: KeyRing) -> None:
    with filled.read() as connection:
        newest = log.newest_checkpoint(connection)
    text, _, signature = newest.note.partition("\n\n")
    lines = text.split("\n")
    assert lines[:2] == ["waiverhub/audit", "8"]
    assert lines[3:] == ["time 2026-10-20T13:01:00+00:00", "previous 4"]
    assert signature.startswith("— waiverhub/audit ")
    assert signature.endswith("\n")


# --- tampering -------------------------------------------------------------------------------------------------


def other(value: object) -> object:
    if isinstance(value, int):
        return value + 10_000
    return value + b"x" if isinstance(value, bytes) else f"{value}x" if value else b"x"


def here(table: Table, row: dict) -> list:
    return [column == row[column.name] for column in table.primary_key]


def mutations(table: Table, rows: list[dict]) -> Iterator[tuple[str, list]]:
    """Every change of every column, and each row deleted, duplicated, inserted anew, swapped with the next."""
    for i, row in enumerate(rows):
        key = [column.name for column in table.primary_key][-1]
        for column in row:
            value = 7 if row[column] is None and column != "effect_sha256" else other(row[column])
            yield f"{i} {column}", [update(table).where(*here(table, row)).values({column: value})]
        yield f"{i} delete", [delete(table).where(*here(table, row))]
        unique = {"audit_id": 999} if table is audit_leaves else {}
        yield f"{i} duplicate", [insert(table).values(row | unique | {key: 1_000 + i})]
        changed = {"actor": "x"} if table is audit else unique
        yield f"{i} insert", [insert(table).values(row | changed | {key: 2_000 + i})]
        yield f"{i} swap", swap(table, row, rows[(i + 1) % len(rows)])


def swap(table: Table, one: dict, two: dict) -> list:
    """Exchange all that two rows say, but not their keys."""
    keys = {column.name: one[column.name] for column in table.primary_key}
    new = [two | keys, one | {name: two[name] for name in keys}]
    gone = [delete(table).where(*here(table, row)) for row in (one, two)]
    return [*gone, *(insert(table).values(row) for row in new)]


def content(connection: Connection, table: Table) -> list[dict]:
    rows = connection.execute(select(table).order_by(*table.primary_key)).mappings()
    return [dict(row) for row in rows]


@pytest.mark.parametrize("table", [audit, postings, audit_leaves, checkpoints], ids=lambda table: table.name)
def test_every_change_is_found(filled: Store, ring: KeyRing, table: Table, tampering) -> None:
    tried = 0
    with tampering() as connection:
        rows = content(connection, table)
        for name, statements in mutations(table, rows):
            attempt = connection.begin_nested()
            for statement in statements:
                connection.execute(statement)
            if content(connection, table) != rows:  # swapping equal rows changes nothing
                assert verify(connection, ring.checkpoints.public_pem), name
                tried += 1
            attempt.rollback()
    assert tried >= len(rows) * (len(table.columns) + 3)
    assert faults(filled, ring) == []


PROVED = (
    "known_from",
    "record_id",
    "household_id",
    "submission_id",
    "effective_on",
    "source_version",
    "standing_id",
    "district",
)


@pytest.mark.parametrize("column", PROVED)
def test_every_change_to_a_record_is_found(filled: Store, ring: KeyRing, column: str, tampering) -> None:
    with tampering() as connection:
        value = connection.execute(select(records.c[column]).where(records.c.record_id == 2)).scalar_one()
        changed = update(records).where(records.c.record_id == 2).values({column: other(value)})
        connection.execute(changed)
    assert ("EFFECT_CHANGED", "registry_applied 1") in faults(filled, ring)


@pytest.mark.parametrize("column", [column.name for column in standings.columns])
def test_every_change_to_what_records_said_is_found(filled: Store, ring: KeyRing, column: str, tampering) -> None:
    with tampering() as connection:
        value = connection.execute(select(standings.c[column])).scalar_one()
        connection.execute(update(standings).values({column: other(value)}))
    assert len(faults(filled, ring)) == 4


def test_postings_that_nobody_accounted_for_are_named(filled: Store, ring: KeyRing, tampering) -> None:
    with tampering() as connection:
        bulk_insert(connection, postings, COLUMNS, [(202611, "water", 9, 1, 9, 3000, 77, 0)])
    assert faults(filled, ring) == [("EFFECT_WITHOUT_AUDIT", "month_computed 77")]


def test_an_effect_that_vanished_is_named(filled: Store, ring: KeyRing, tampering) -> None:
    with tampering() as connection:
        connection.execute(delete(postings).where(postings.c.run_id == 2))
    assert faults(filled, ring) == [("EFFECT_CHANGED", "month_computed 2")]


def test_a_run_that_posted_nothing_is_no_fault(store: Store, ring: KeyRing, clock) -> None:
    run(store, clock, 1, 202611, range(0))
    log.sequence(store, ring, clock)
    assert faults(store, ring) == []


def test_a_log_cut_at_its_end_is_found_by_a_note_held_elsewhere(filled: Store, ring: KeyRing, tampering) -> None:
    with filled.read() as connection:
        notes = [row.note for row in connection.execute(select(checkpoints))]
    assert faults(filled, ring, witnesses=notes) == []
    with tampering() as connection:
        connection.execute(delete(audit).where(audit.c.audit_id > 4))
        connection.execute(delete(audit_leaves).where(audit_leaves.c.leaf_index >= 4))
        connection.execute(delete(checkpoints).where(checkpoints.c.tree_size > 4))
        connection.execute(delete(postings).where(postings.c.run_id == 2))
        connection.execute(delete(records).where(records.c.submission_id == 2))
    assert faults(filled, ring) == []
    assert faults(filled, ring, witnesses=notes) == [("WITNESS_DISAGREES", "checkpoint 8")]


def test_a_checkpoint_signed_with_another_key_is_found(filled: Store, ring: KeyRing, tmp_path) -> None:
    from integration.storage.keys import init_keys

    init_keys(tmp_path / "other")
    other_ring = KeyRing.load(tmp_path / "other")
    with filled.read() as connection:
        found = verify(connection, other_ring.checkpoints.public_pem)
    assert [fault.code for fault in found] == ["CHECKPOINT_CHANGED"] * 3


@pytest.mark.parametrize("text", ["", "garbage", "a\nb\nc\n", "a\n1\n!\n\n— x y\n"])
def test_a_text_that_is_no_note_witnesses_nothing(filled: Store, ring: KeyRing, text: str) -> None:
    assert [fault.code for fault in faults(filled, ring, witnesses=[text])] == ["WITNESS_DISAGREES"]


def test_random_clean_logs_raise_no_alarm(store: Store, ring: KeyRing, clock) -> None:
    order = random.Random(7)
    for number in range(12):
        if order.random() < 0.5:
            run(store, clock, number, 202601 + number, range(3))
        else:
            note(store, clock, f"{number}")
        if order.random() < 0.5:
            log.sequence(store, ring, clock)
            assert faults(store, ring) == []


def test_detail_is_canonical(store: Store, clock) -> None:
    with store.write() as connection:
        log.record(connection, clock, "a", "b", "c", {"z": 1, "a": "市"})
        assert connection.execute(select(audit.c.detail)).scalar_one() == '{"a":"市","z":1}'
    assert envelope.canonical({"b": (1, None), "a": True}) == b'{"a":true,"b":[1,null]}'
