"""The store: two kinds of transaction, one writer, clean errors, gapless knowledge."""

from __future__ import annotations

import subprocess
import sys
import threading
import traceback
from pathlib import Path

import pytest
from sqlalchemy import Connection, String, func, insert, literal, select, text, update

from integration.storage.engine import (
    AppendOnly,
    StorageError,
    Store,
    StoreBusy,
    UniqueTaken,
    current_version,
    next_version,
)
from integration.storage.tables import audit, holds, households, knowledge, lists, users

SECRET = "110101199003070012"


def _users(store: Store) -> int:
    with store.read() as connection:
        return connection.execute(select(func.count()).select_from(users)).scalar_one()


def _user(name: str) -> dict[str, object]:
    return {"name": name, "role": "clerk", "password_hash": "x", "created_us": 0}


def test_a_write_that_ends_well_is_seen_by_the_next_read(store: Store) -> None:
    with store.write() as connection:
        connection.execute(insert(users).values(_user("wang")))
    assert _users(store) == 1


def test_a_write_that_fails_leaves_nothing(store: Store) -> None:
    def fail() -> None:
        with store.write() as connection:
            connection.execute(insert(users).values(_user("wang")))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert _users(store) == 0


def test_a_dry_run_does_everything_and_leaves_nothing(store: Store) -> None:
    with store.write(dry_run=True) as connection:
        connection.execute(insert(users).values(_user("wang")))
        assert connection.execute(select(func.count()).select_from(users)).scalar_one() == 1
    assert _users(store) == 0


def test_a_read_sees_one_state_while_others_write(store: Store) -> None:
    with store.read() as reading:
        count = select(func.count()).select_from(users)
        assert reading.execute(count).scalar_one() == 0
        with store.write() as connection:
            connection.execute(insert(users).values(_user("wang")))
        assert reading.execute(count).scalar_one() == 0
    assert _users(store) == 1


def test_a_read_cannot_write(store: Store) -> None:
    with pytest.raises(StorageError) as caught, store.read() as connection:
        connection.execute(insert(users).values(_user("wang")))
    assert caught.value.code == "READ_ONLY"


def test_a_store_opened_for_reading_cannot_write(store: Store, store_url: str) -> None:
    reading = Store.open(store_url, writer=False)
    with pytest.raises(StorageError, match="READ_ONLY"), reading.write():
        pass
    assert _users(reading) == 0
    reading.close()


def test_a_taken_key_is_named_and_its_value_is_not(store: Store) -> None:
    with store.write() as connection:
        connection.execute(insert(users).values(_user(SECRET)))
    with pytest.raises(UniqueTaken) as caught, store.write() as connection:
        connection.execute(insert(users).values(_user(SECRET)))
    assert caught.value.constraint == "pk_users"
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_taken_partial_key_is_named_the_same_on_both(store: Store) -> None:
    row = dict.fromkeys(("month", "run_id", "published_us", "rows", "quantity_milli"), 1)
    row |= {"company": "c", "kind": "regular", "service": "water", "manifest": b"", "signature": b""}
    with pytest.raises(UniqueTaken) as caught, store.write() as connection:
        connection.execute(insert(lists), [{**row, "number": 1}, {**row, "number": 2}])
    assert caught.value.constraint == "uq_lists_regular"


def test_one_person_cannot_propose_and_approve(store: Store) -> None:
    hold = {"hold_id": 1, "door": "list", "subject": "s", "at_us": 0, "trips": "[]"}
    with pytest.raises(StorageError) as caught, store.write() as connection:
        connection.execute(insert(holds).values(**hold, proposed_by="a", approved_by="a"))
    assert (caught.value.code, caught.value.constraint) == ("CHECK", "ck_holds_two_persons")


@pytest.mark.parametrize("statement", ["SELECT * FROM nowhere", "SELEC 1"])
def test_an_error_of_grammar_says_what_is_wrong(store: Store, statement: str) -> None:
    with pytest.raises(StorageError, match=r"nowhere|SELEC"), store.read() as connection:
        connection.execute(text(statement))


def test_a_value_of_the_wrong_kind_is_not_quoted(store: Store) -> None:
    query = insert(households).values(household_id=literal(SECRET + "x", String), created=1)
    with pytest.raises(StorageError) as caught, store.write() as connection:
        connection.execute(query)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_knowledge_versions_have_no_gap_after_a_failure(store: Store, clock) -> None:
    def fail() -> None:
        with store.write() as connection:
            next_version(connection, clock, "registry", 1)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with store.write() as connection:
        assert [next_version(connection, clock, "roster") for _ in range(3)] == [1, 2, 3]
    with store.read() as connection:
        assert current_version(connection) == 3


def test_threads_that_learn_at_once_get_one_number_each(store: Store, clock) -> None:
    got: list[int] = []

    def learn() -> None:
        for _ in range(5):
            with store.write() as connection:
                got.append(next_version(connection, clock, "links"))

    threads = [threading.Thread(target=learn) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == list(range(1, 21))


def test_writing_inside_a_write_is_refused_instead_of_waiting_for_ever(sqlite_store: Store) -> None:
    with sqlite_store.write(), pytest.raises(StorageError, match="NESTED_WRITE"), sqlite_store.write():
        pass


def test_a_second_writing_process_is_refused_with_the_remedy(sqlite_store: Store, sqlite_url: str) -> None:
    program = f"from integration.storage.engine import Store; Store.open({sqlite_url!r})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "StoreBusy" in done.stderr
    assert "stop it" in done.stderr


def test_the_next_process_may_write_once_the_first_has_closed(sqlite_url: str) -> None:
    for _ in range(2):
        store = Store.open(sqlite_url)
        with pytest.raises(StoreBusy):
            Store.open(sqlite_url)
        store.close()


def test_sqlite_syncs_every_commit_and_wipes_what_it_deletes(sqlite_store: Store) -> None:
    wanted = {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "secure_delete": 1,
        "wal_autocheckpoint": 0,
        "mmap_size": 0,
    }
    with sqlite_store.write() as connection:
        assert {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in wanted} == wanted
    with sqlite_store.read() as connection:
        assert connection.exec_driver_sql("PRAGMA query_only").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA wal_autocheckpoint").scalar() == 0


def test_a_large_log_is_folded_into_the_database(sqlite_store: Store, sqlite_url: str, monkeypatch) -> None:
    monkeypatch.setattr("integration.storage.engine._WAL_BYTES", 1 << 16)
    sqlite_store._file._fold_at = 1 << 16
    log = Path(sqlite_url.removeprefix("sqlite:///") + "-wal")
    for i in range(3):
        with sqlite_store.write() as connection:
            connection.execute(insert(users).values(_user("x" * 100_000 + str(i))))
        assert log.stat().st_size == 0
    assert _users(sqlite_store) == 3


def test_closing_leaves_no_log_behind(sqlite_url: str) -> None:
    store = Store.open(sqlite_url)
    with store.write() as connection:
        connection.execute(insert(users).values(_user("wang")))
    store.close()
    assert not Path(sqlite_url.removeprefix("sqlite:///") + "-wal").exists()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://x/y"])
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises((ValueError, ImportError)):
        Store.open(url)


def test_an_audit_row_cannot_be_changed_or_deleted(store: Store, clock) -> None:
    with store.write() as connection:
        next_version(connection, clock, "registry")
        row = {"at_us": 1, "actor": "a", "action": "b", "subject": "c", "detail": "{}"}
        connection.execute(insert(audit).values(row))
    for statement in (update(audit).values(actor="z"), audit.delete(), knowledge.delete()):
        with pytest.raises(AppendOnly), store.write() as connection:
            connection.execute(statement)


def _fail_inside(store: Store, connection: Connection, name: str) -> None:
    with store.within(connection).write() as inner:
        inner.execute(insert(users).values(_user(name)))
        raise RuntimeError("failed")


def test_what_is_written_inside_a_transaction_ends_with_it(store: Store) -> None:
    with store.write() as connection:
        with store.within(connection).write() as inner:
            inner.execute(insert(users).values(_user("wang")))
        connection.rollback()
    assert _users(store) == 0


def test_a_part_that_fails_is_undone_alone(store: Store) -> None:
    with store.write() as connection:
        with pytest.raises(RuntimeError):
            _fail_inside(store, connection, "wang")
        with store.within(connection).write() as inner:
            inner.execute(insert(users).values(_user("li")))
    assert _users(store) == 1


def test_a_guard_stops_a_write_at_its_end(store: Store) -> None:
    def refuse(_connection: Connection) -> None:
        raise RuntimeError("no longer")

    with pytest.raises(RuntimeError, match="no longer"), store.guarded(refuse).write() as connection:
        connection.execute(insert(users).values(_user("wang")))
    assert _users(store) == 0


def test_the_mark_changes_with_every_commit_and_with_nothing_else(store: Store) -> None:
    if store.dialect == "postgresql":
        assert store.mark() is None
        return
    before = store.mark()
    assert _users(store) == 0
    with store.write(dry_run=True) as connection:
        connection.execute(insert(users).values(_user("wang")))
    assert store.mark() == before
    with store.write() as connection:
        connection.execute(insert(users).values(_user("li")))
    assert store.mark() != before
    assert store.waiting(1).mark() == store.mark()
