"""Backups: of one moment, sealed, proved by a real restore; and after a restore no list number is given twice."""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import psycopg
import pytest
from reporting import bill, place_of, report, send
from sqlalchemy import insert, make_url, select
from tampering import tampering
from world import account, household, publish, roster, run, snapshot, take

from integration.app import compose
from integration.clock import Clock
from integration.domain.rights import Role
from integration.jobs.backup import check_whole, content_of, head_of, make_backup, verify_backup
from integration.jobs.drill import faults_of
from integration.jobs.hub import Hub
from integration.jobs.publish import ListRefused
from integration.jobs.restore import RestoreRefused, confirm_restore, restore
from integration.jobs.settle import settle
from integration.storage import audit, dumping, lists, restores, users
from integration.storage.dumping import DumpFailed
from integration.storage.engine import Store
from integration.storage.keys import KeyRing, SecretKey, init_keys
from integration.storage.restores import Gap
from integration.storage.sealed_file import CHUNK, FileDamaged, read_sealed, write_sealed
from integration.storage.tables import audit as audit_table
from integration.storage.tables import sessions
from schemas.list_check import predecessor_faults, read_manifest
from schemas.values import Month

KEY = SecretKey.of(bytes(range(32)))
COMPANIES = ("city_gas", "city_water", "suburb_water")


def fill(hub: Hub) -> Hub:
    """A month computed, published, reported and settled."""
    take(hub, snapshot([household(c, n, accounts={"city_water": f"W{n}"}) for n, c in enumerate("ABCD", 1)]))
    roster(hub, "city_water", [account(f"W{n}", n) for n in range(1, 10)])
    run(hub, "2026-11")
    publish(hub, "2026-11")
    hub.clock.set("2026-12-03T10:00:00+08:00")
    rows = [bill(c, place_of(hub, "city_water", c), "2026-11", 5000) for c in "ABCD"]
    send(hub, report("2026-11", rows))
    settle(hub, "city_water", Month(2026, 11), actor="tester")
    audit.sequence(hub.store, hub.ring, hub.clock)
    return hub


@pytest.fixture
def filled(hub: Hub) -> Hub:
    return fill(hub)


@pytest.fixture
def sqlite_filled(sqlite_hub: Hub) -> Hub:
    """For tests of what is in a backup, whichever database it is of."""
    return fill(sqlite_hub)


@pytest.fixture
def hub_on(ring, clock, settings) -> Callable[[Store], Hub]:
    return partial(compose, ring=ring, settings=settings, clock=clock)


@pytest.fixture
def drill(ring, tmp_path, hub_on) -> Callable[[Hub, str], list[str]]:
    """Back a hub up, verify the backup, and return the codes of what was found."""

    def codes(hub: Hub, url: str) -> list[str]:
        make_backup(hub, url, tmp_path / "b")
        found = verify_backup(tmp_path / "b", ring, url, tmp_path, hub_on)
        return sorted({fault.code for fault in found.faults})

    return codes


@pytest.fixture
def empty_url(store_url: str, tmp_path: Path) -> Iterator[str]:
    """The URL of a database with nothing in it, of the kind of the hub's."""
    if store_url.startswith("sqlite"):
        (tmp_path / "new").mkdir()
        yield f"sqlite:///{tmp_path / 'new' / 'hub.sqlite'}"
        return
    name = f"waiverhub_restored_{secrets.token_hex(4)}"
    with psycopg.connect(store_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        yield make_url(store_url).set(database=name).render_as_string(hide_password=False)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def restored(ring, clock, empty_url, hub_on) -> Iterator[Callable[[Path], Hub]]:
    """Restore a backup into the empty database and open a hub on it."""
    with opening(ring, clock, empty_url, hub_on) as opened:
        yield opened


@pytest.fixture
def restored_file(ring, clock, tmp_path, hub_on) -> Iterator[Callable[[Path], Hub]]:
    """The same for SQLite alone."""
    with opening(ring, clock, f"sqlite:///{tmp_path / 'restored.sqlite'}", hub_on) as opened:
        yield opened


@contextmanager
def opening(ring: KeyRing, clock: Clock, url: str, hub_on: Callable[[Store], Hub]) -> Iterator[Callable[[Path], Hub]]:
    stores: list[Store] = []

    def restored_hub(path: Path) -> Hub:
        restore(path, ring, clock, url, actor="os:tester")
        stores.append(Store.open(url))
        return hub_on(stores[0])

    yield restored_hub
    for store in stores:
        store.close()


# --- the copy --------------------------------------------------------------------------------------------------


def test_a_backup_restores_to_a_hub_that_passes_every_check(filled, store_url, tmp_path, drill) -> None:
    assert drill(filled, store_url) == []
    head, file = head_of(tmp_path / "b"), tmp_path / "b"
    assert head.lists == dict.fromkeys(COMPANIES, 1)
    assert head.database == filled.store.dialect
    assert file.stat().st_mode & 0o777 == 0o600
    assert check_whole(file, filled.ring).sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_it_is_of_one_moment_beside_a_hub_that_goes_on_writing(filled, store_url, tmp_path, drill) -> None:
    """What is written while the backup is under way is not in it, and neither waits for the other."""
    with filled.store.write() as connection:
        audit.record(connection, filled.clock, "tester", "before", "", {})  # no checkpoint covers it: no fault
    wrote: list[int] = []

    def meanwhile(_what: str, _mebibytes: int) -> None:
        if not wrote:
            with filled.store.write() as connection:
                wrote.append(audit.record(connection, filled.clock, "tester", "meanwhile", "", {}))

    looking = Store.open(store_url, writer=False)
    assert drill(replace(filled, store=looking, progress=meanwhile), store_url) == []
    looking.close()
    assert wrote
    plain = b"".join(content_of(tmp_path / "b", filled.ring))
    assert b"before" in plain
    assert b"meanwhile" not in plain


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("UPDATE postings SET quantity_milli = quantity_milli + 1", "EFFECT_CHANGED"),
        ("UPDATE audit SET actor = 'somebody' WHERE audit_id = 1", "ROW_CHANGED"),
        ("UPDATE lists SET signature = zeroblob(64)", "LIST_SIGNATURE_WRONG"),
        ("UPDATE lists SET number = 2 WHERE company = 'city_gas'", "LIST_CHAIN_BROKEN"),
        ("UPDATE settlements SET signature = zeroblob(64)", "SETTLEMENT_SIGNATURE_WRONG"),
        ("UPDATE household_keys SET wrapped = zeroblob(61) WHERE household_id = 1", "KEY_UNREADABLE"),
        ("ALTER TABLE leases ADD COLUMN more INTEGER", "TABLES_DIFFER"),
    ],
)
def test_what_was_changed_before_the_backup_is_found(sqlite_filled, sqlite_url, drill, change, code) -> None:
    with tampering(sqlite_filled.store) as connection:
        connection.exec_driver_sql(change)
    assert code in drill(sqlite_filled, sqlite_url)


def test_a_page_damaged_before_the_backup_is_found(sqlite_hub, sqlite_url, drill) -> None:
    """SQLite copies pages as they are: what is broken in the database is broken in the backup."""
    take(sqlite_hub, snapshot([household("A", 1, accounts={"city_water": "W1"})]))
    sqlite_hub.store.close()
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    content = bytearray(path.read_bytes())
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'records'").fetchone()
    content[(page - 1) * 4096 : page * 4096] = bytes(4096)
    path.write_bytes(content)
    again = replace(sqlite_hub, store=Store.open(sqlite_url, writer=False))
    assert drill(again, sqlite_url) == ["DATABASE_DAMAGED"]
    again.store.close()


def test_a_backup_is_never_written_over(sqlite_hub, sqlite_url, tmp_path) -> None:
    (tmp_path / "b").write_text("mine")
    with pytest.raises(FileExistsError):
        make_backup(sqlite_hub, sqlite_url, tmp_path / "b")
    assert (tmp_path / "b").read_text() == "mine"


def test_no_secret_key_is_in_it(filled, store_url, tmp_path, key_folder) -> None:
    make_backup(filled, store_url, tmp_path / "b")
    plain = b"".join(content_of(tmp_path / "b", filled.ring))

    def holds(secret: bytes) -> bool:
        return secret in plain or secret.hex().encode() in plain

    assert holds(filled.ring.lists.key_id.encode())  # the search finds what is there
    for path in key_folder.glob("*.key"):
        text = path.read_bytes().strip()
        assert not holds(text)
        assert not holds(bytes.fromhex(text.decode()))


def test_without_a_fitting_program_it_says_which_is_missing() -> None:
    with pytest.raises(DumpFailed, match="postgresql-client-99"):
        dumping._program("pg_dump", 99)


# --- the sealed file -------------------------------------------------------------------------------------------


def sealed(folder: Path, content: bytes, head: bytes = b"head", name: str = "f") -> Path:
    (folder / name).unlink(missing_ok=True)
    write_sealed(folder / name, KEY, head, [content])
    return folder / name


def opened(path: Path, key: SecretKey = KEY) -> bytes:
    return b"".join(read_sealed(path, key))


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_what_is_sealed_opens_again(tmp_path, size) -> None:
    content = secrets.token_bytes(size)
    assert opened(sealed(tmp_path, content)) == content


def test_every_single_damaged_byte_is_refused(tmp_path) -> None:
    path = sealed(tmp_path, b"what stands in a backup")
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(FileDamaged):
            opened(path)


def test_every_cut_and_every_addition_is_refused(tmp_path) -> None:
    path = sealed(tmp_path, b"what stands in a backup")
    whole = path.read_bytes()
    for damaged in (*(whole[:at] for at in range(len(whole))), whole + b"\0", whole + whole[-60:]):
        path.write_bytes(damaged)
        with pytest.raises(FileDamaged):
            opened(path)


def chunks_of(path: Path) -> tuple[bytes, list[bytes]]:
    """What stands before the sealed chunks, and the chunks with their lengths."""
    whole, parts = path.read_bytes(), []
    at = start = whole.index(b"\n") + 1 + 4 + len(b"head")
    while at < len(whole):
        end = at + 4 + int.from_bytes(whole[at : at + 4])
        parts.append(whole[at:end])
        at = end
    return whole[:start], parts


@pytest.mark.parametrize(
    "order", [(1, 0, 2), (0, 2, 1), (0, 1), (0, 2), (1, 2), (0, 0, 1, 2), (0, 1, 2, 2), (0, 1, 1, 2)], ids=str
)
def test_chunks_left_out_swapped_or_repeated_are_refused(tmp_path, order) -> None:
    path = sealed(tmp_path, secrets.token_bytes(2 * CHUNK + 5))
    before, parts = chunks_of(path)
    assert before + b"".join(parts) == path.read_bytes()
    path.write_bytes(before + b"".join(parts[n] for n in order))
    with pytest.raises(FileDamaged):
        opened(path)


def test_a_chunk_of_another_file_and_another_key_are_refused(tmp_path) -> None:
    before, parts = chunks_of(sealed(tmp_path, bytes(2 * CHUNK)))
    _, others = chunks_of(sealed(tmp_path, bytes(2 * CHUNK), head=b"heat"))
    (tmp_path / "f").write_bytes(before + others[0] + parts[1])
    with pytest.raises(FileDamaged):
        opened(tmp_path / "f")
    with pytest.raises(FileDamaged):
        opened(sealed(tmp_path, b"x"), SecretKey.of(bytes(32)))


# --- restoring -------------------------------------------------------------------------------------------------


def test_after_a_restore_no_number_is_given_twice(filled, store_url, tmp_path, restored) -> None:
    """Backed up at T-1, list 2 published at T, restored: what comes next is list 3, and says what it follows."""
    make_backup(filled, store_url, tmp_path / "b")
    run(filled, "2026-12")
    assert {one.number for one in publish(filled, "2026-12").values()} == {2}
    hub = restored(tmp_path / "b")
    run(hub, "2026-12")
    with pytest.raises(ListRefused, match="waiverhub restore confirm"):
        publish(hub, "2026-12")
    confirmed = confirm_restore(hub, dict.fromkeys(COMPANIES, 2), actor="adm")
    assert confirmed.lost == {company: [Gap(2, 2)] for company in COMPANIES}
    assert {one.number for one in publish(hub, "2026-12").values()} == {3}
    with hub.store.read() as connection:
        first, third = lists.published(connection, "city_water")
        assert restores.gaps(connection, "city_water") == [Gap(2, 2)]
        stated = connection.execute(select(audit_table.c.detail).where(audit_table.c.action == "restore_confirmed"))
        assert json.loads(stated.scalar_one())["lost"] == {company: [[2, 2]] for company in COMPANIES}
    manifest = read_manifest(third.manifest)
    assert manifest is not None
    assert (manifest.number, manifest.predecessor) == (3, hashlib.sha256(first.manifest).hexdigest())
    assert [fault.code for fault in predecessor_faults(manifest, first.manifest)] == ["NUMBER_GAP"]


def test_a_restored_hub_passes_the_drill_with_its_gap(sqlite_filled, sqlite_url, tmp_path, restored_file) -> None:
    make_backup(sqlite_filled, sqlite_url, tmp_path / "b")
    hub = restored_file(tmp_path / "b")
    confirm_restore(hub, {"city_gas": 1, "city_water": 7, "suburb_water": 1}, actor="adm")
    run(hub, "2026-12")
    assert {one.company: one.number for one in publish(hub, "2026-12").values()} == {
        "city_gas": 2, "city_water": 8, "suburb_water": 2,
    }  # fmt: skip
    assert faults_of(hub) == []


def test_a_confirmation_names_every_company_and_no_number_below_the_known(
    sqlite_filled, sqlite_url, tmp_path, restored_file
) -> None:
    make_backup(sqlite_filled, sqlite_url, tmp_path / "b")
    hub = restored_file(tmp_path / "b")
    right = dict.fromkeys(COMPANIES, 3)
    for seen, named in (
        ({"city_water": 3, "city_gas": 3}, "--seen suburb_water=N"),
        (right | {"city_water": 0}, "city_water ≥ 1"),
        (right | {"nobody": 1}, "nobody"),
    ):
        with pytest.raises(RestoreRefused, match=named):
            confirm_restore(hub, seen, actor="adm")
    with hub.store.read() as connection:
        assert restores.unconfirmed(connection) is not None
        assert restores.gaps(connection, "city_water") == []
    confirm_restore(hub, right, actor="adm")
    with pytest.raises(RestoreRefused):
        confirm_restore(hub, right, actor="adm")


def test_a_hub_that_was_never_restored_has_nothing_to_confirm(sqlite_filled) -> None:
    with pytest.raises(RestoreRefused):
        confirm_restore(sqlite_filled, dict.fromkeys(COMPANIES, 9), actor="adm")
    run(sqlite_filled, "2026-12")
    assert {one.number for one in publish(sqlite_filled, "2026-12").values()} == {2}


def test_a_restore_ends_every_session(hub, store_url, tmp_path, restored) -> None:
    with hub.store.write() as connection:
        users.insert_user(connection, hub.clock, users.new_user("adm", Role.SYSTEM_ADMIN, "right horse battery"))
        row = {"token_sha256": "0" * 64, "name": "adm", "created_us": 1, "seen_us": 1}
        connection.execute(insert(sessions).values(**row))
    make_backup(hub, store_url, tmp_path / "b")
    hub = restored(tmp_path / "b")
    with hub.store.read() as connection:
        assert connection.execute(select(sessions.c.ended_us)).scalar_one() is not None


def test_only_an_empty_database_is_restored_into(hub, store_url, ring, clock, tmp_path) -> None:
    make_backup(hub, store_url, tmp_path / "b")
    with pytest.raises(RestoreRefused):
        restore(tmp_path / "b", ring, clock, store_url, actor="adm")
    with hub.store.read() as connection:
        assert restores.all_restores(connection) == []


def test_a_log_left_behind_is_not_played_into_what_is_restored(sqlite_hub, sqlite_url, ring, clock, tmp_path) -> None:
    make_backup(sqlite_hub, sqlite_url, tmp_path / "b")
    (tmp_path / "new.sqlite-wal").write_bytes(b"of the database before")
    with pytest.raises(RestoreRefused):
        restore(tmp_path / "b", ring, clock, f"sqlite:///{tmp_path / 'new.sqlite'}", actor="adm")


def test_a_damaged_backup_leaves_no_database_behind(hub, store_url, ring, clock, tmp_path, empty_url) -> None:
    made = Path(make_backup(hub, store_url, tmp_path / "b").file)
    content = bytearray(made.read_bytes())
    content[-1] ^= 1
    made.write_bytes(content)
    with pytest.raises(FileDamaged):
        restore(made, ring, clock, empty_url, actor="adm")
    assert dumping.is_empty(empty_url)


def test_what_fails_while_loading_leaves_no_database_behind(hub, store_url, tmp_path, empty_url) -> None:
    """A dump that ends early, as if the disk had failed between checking and loading."""
    if hub.store.dialect == "sqlite":
        pytest.skip("an SQLite file is moved into place only when it is whole")
    made = Path(make_backup(hub, store_url, tmp_path / "b").file)
    content = b"".join(content_of(made, hub.ring))

    def broken() -> Iterator[bytes]:
        yield content[: len(content) // 2]
        raise OSError(5, "the disk has failed")

    with pytest.raises(OSError, match="disk"):
        dumping.load_postgresql(empty_url, broken(), "SELECT 1;")
    assert dumping.is_empty(empty_url)
    with pytest.raises(DumpFailed):
        dumping.load_postgresql(empty_url, [content[: len(content) // 2]], "SELECT 1;")
    assert dumping.is_empty(empty_url)
    with pytest.raises(DumpFailed):
        dumping.load_postgresql(empty_url, [content], "SELECT nonsense;")
    assert dumping.is_empty(empty_url)


def test_a_backup_of_another_kind_of_database_is_refused(hub, store_url, ring, clock, tmp_path) -> None:
    make_backup(hub, store_url, tmp_path / "b")
    other = "postgresql:///nowhere" if hub.store.dialect == "sqlite" else f"sqlite:///{tmp_path / 'other'}"
    with pytest.raises(RestoreRefused, match="--database-url"):
        restore(tmp_path / "b", ring, clock, other, actor="adm")


def test_a_backup_under_another_key_is_refused_by_name(sqlite_hub, sqlite_url, tmp_path, hub_on) -> None:
    make_backup(sqlite_hub, sqlite_url, tmp_path / "b")
    init_keys(tmp_path / "other")
    with pytest.raises(FileDamaged, match=sqlite_hub.ring.backups.key_id):
        verify_backup(tmp_path / "b", KeyRing.load(tmp_path / "other"), sqlite_url, tmp_path, hub_on)
