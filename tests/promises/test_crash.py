"""Killed at any instant, the hub has done all of a thing or nothing, and doing it again does it once (A1, D3, B1).

A kill is no power cut: the kernel keeps what was written. The soak (docs/testing.md) kills at many more instants.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import crash_child
import pytest
import world
from sqlalchemy import func, select, text

from integration.jobs.hub import Hub
from integration.storage import audit, audit_verify, submissions
from integration.storage.tables import lists, metadata, postings, records, runs

ROOT = Path(__file__).parent.parent.parent
SEED = int(os.environ.get("WAIVERHUB_CRASH_SEED", "1"))


@pytest.fixture(scope="session")
def prepared(tmp_path_factory, sqlite_template: Path, key_folder: Path) -> Path:
    """A database with a city, its rosters and one computed month."""
    path = tmp_path_factory.mktemp("crash") / "hub.db"
    shutil.copyfile(sqlite_template, path)
    fill(f"sqlite:///{path}", key_folder)
    return path


def fill(url: str, key_folder: Path) -> None:
    hub = crash_child.hub_on(url, str(key_folder))
    world.take(hub, world.snapshot(crash_child.rows()))
    numbers = range(1, crash_child.NUMBER + 1)
    world.roster(hub, "city_water", [world.account(f"W{n}", n) for n in numbers])
    world.roster(hub, "city_gas", [world.account(f"G{n}", n) for n in numbers])
    world.run(hub, "2026-10")
    hub.store.close()


def killed(url: str, keys: Path, action: str, point: str, after_s: float | None = None) -> bool:
    """Start a child, let it die at the point, or kill it so long after it began; tell whether it was killed."""
    paths = os.pathsep.join(map(str, (ROOT, ROOT / "tests" / "jobs")))
    command = [sys.executable, crash_child.__file__, url, str(keys), action, point]
    with subprocess.Popen(command, env=os.environ | {"PYTHONPATH": paths}, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        if after_s is not None and child.stdout.readline():
            time.sleep(after_s)
            child.kill()
        return child.wait(timeout=60) == -9


def effects(hub: Hub) -> dict[str, Any]:
    """What of the three actions is there: how many, and the ledger itself."""
    with hub.store.read() as connection:
        count = {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (records, runs, postings, lists)
        }
    return count | {"due": {month: world.due(hub, month) for month in ("2026-10", "2026-11")}}


def sound(hub: Hub) -> list[Any]:
    """Everything that is wrong with the database and its proof."""
    with hub.store.read() as connection:
        if hub.store.dialect == "sqlite":
            assert connection.execute(text("PRAGMA integrity_check")).scalar_one() == "ok"
            assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
    audit.sequence(hub.store, hub.ring, hub.clock)
    with hub.store.read() as connection:
        return audit_verify.verify(connection, hub.ring.checkpoints.public_pem)


def concluded(hub: Hub) -> bool:
    """Whether the killed import's submission says that it was applied."""
    with hub.store.read() as connection:
        table = metadata.tables["submissions"]
        number = connection.execute(select(table.c.submission_id).where(table.c.message_id == "crash")).scalar()
        return number is not None and submissions.state(connection, number).state == "applied"


def all_or_nothing(action: str, before: dict[str, Any], after: dict[str, Any], hub: Hub) -> bool:
    if action in ("import", "half"):
        return after["records"] == before["records"] + (crash_child.NUMBER if concluded(hub) else 0)
    if action == "run":
        added = after["runs"] - before["runs"]
        return (added, after["postings"] - before["postings"]) in ((0, 0), (1, 2 * crash_child.NUMBER))
    return bool(after["due"] == before["due"])


def survives(url: str, keys: Path, action: str) -> list[str]:
    """Open the database that a kill has left, and say what is wrong; then do the action again."""
    hub = crash_child.hub_on(url, str(keys))
    try:
        wrong = [str(fault) for fault in sound(hub)]
        before = prepared_effects()
        if not all_or_nothing(action, before, effects(hub), hub):
            wrong.append("half of it is there")
        crash_child.ACTIONS["import" if action == "half" else action](hub)
        once = effects(hub)
        crash_child.ACTIONS["import" if action == "half" else action](hub)
        again = effects(hub)
        if {**once, "runs": 0} != {**again, "runs": 0}:
            wrong.append("doing it again did more")
        return wrong + [str(fault) for fault in sound(hub)]
    finally:
        hub.store.close()


def prepared_effects() -> dict[str, Any]:
    """What the prepared database held: one record a household, one run of two services, no list."""
    n = crash_child.NUMBER
    due = {
        "2026-10": {(f"C{k}", s): {f"{s[0].upper()}{k}": 3000} for k in range(1, n + 1) for s in ("water", "gas")},
        "2026-11": {},
    }
    return {"records": n, "runs": 1, "postings": 2 * n, "lists": 0, "due": due}


POINTS = [
    ("import", "statement:30"), ("import", "commit:3"), ("import", "committed:1"),
    ("run", "statement:16"), ("run", "commit:2"),
    ("publish", "statement:20"), ("publish", "commit:2"), ("publish", "committed:2"),
]  # fmt: skip


@pytest.fixture
def copied(prepared: Path, tmp_path: Path) -> Callable[[], str]:
    def copy() -> str:
        path = tmp_path / "crash.db"
        for old in tmp_path.glob("crash.db*"):
            old.unlink()
        shutil.copyfile(prepared, path)
        return f"sqlite:///{path}"

    return copy


@pytest.mark.parametrize(("action", "point"), POINTS)
def test_killed_at_a_named_point_all_or_nothing_is_there_and_again_does_it_once(
    copied, key_folder: Path, action: str, point: str
) -> None:
    url = copied()
    assert killed(url, key_folder, action, point)
    assert survives(url, key_folder, action) == []


def test_the_harness_finds_a_transaction_that_was_cut_in_two(copied, key_folder: Path) -> None:
    """The negative control: a mutant that commits the records before the submission is concluded."""
    url = copied()
    assert killed(url, key_folder, "half", "commit:3")
    assert "half of it is there" in survives(url, key_folder, "half")


def test_an_import_that_nobody_kills_is_not_called_killed(copied, key_folder: Path) -> None:
    url = copied()
    assert not killed(url, key_folder, "import", "none")
    hub = crash_child.hub_on(url, str(key_folder))
    assert concluded(hub)
    hub.store.close()


@pytest.fixture
def filled_postgresql(postgresql_url: str, key_folder: Path) -> Iterator[str]:
    fill(postgresql_url, key_folder)
    return postgresql_url


@pytest.mark.parametrize(("action", "point"), [("import", "statement:30"), ("publish", "commit:2")])
def test_a_client_killed_on_postgresql_leaves_all_or_nothing(
    filled_postgresql: str, key_folder: Path, action: str, point: str
) -> None:
    assert killed(filled_postgresql, key_folder, action, point)
    assert survives(filled_postgresql, key_folder, action) == []


@pytest.mark.soak
@pytest.mark.parametrize("n", range(200))
def test_killed_at_a_random_instant(copied, key_folder: Path, n: int) -> None:
    chance = random.Random(SEED * 1000 + n)
    action = chance.choice(["import", "run", "publish"])
    url = copied()
    killed(url, key_folder, action, "none", after_s=chance.uniform(0, 0.4))
    assert survives(url, key_folder, action) == []
