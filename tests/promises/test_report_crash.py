"""Killed while a report is taken in or a month settled: all of it is there or nothing, and again does it once."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import crash_child
import pytest
import world
from sqlalchemy import func, select
from test_crash import fill, killed, sound

from integration.jobs.allowances import balances
from integration.jobs.hub import Hub
from integration.jobs.reconcile import reconcile
from integration.storage.tables import draws, findings, report_rows, reports, settlements

#: Of sixty households six say nothing; eighteen of the others are relieved of too much.
WHOLE = {"reports": 1, "report_rows": 54, "draws": 54, "findings": 6 + 18, "settlements": 0}
NOTHING = dict.fromkeys(WHOLE, 0)


def published(url: str, key_folder: Path) -> None:
    fill(url, key_folder)
    hub = crash_child.hub_on(url, str(key_folder))
    world.publish(hub, "2026-10")
    hub.store.close()


@pytest.fixture(scope="session")
def listed(tmp_path_factory, sqlite_template: Path, key_folder: Path) -> Path:
    """A database with one published month."""
    path = tmp_path_factory.mktemp("reported") / "hub.db"
    shutil.copyfile(sqlite_template, path)
    published(f"sqlite:///{path}", key_folder)
    return path


@pytest.fixture
def copied(listed: Path, tmp_path: Path) -> Callable[[], str]:
    def copy() -> str:
        path = tmp_path / "crash.db"
        shutil.copyfile(listed, path)
        return f"sqlite:///{path}"

    return copy


def there(hub: Hub) -> dict[str, int]:
    with hub.store.read() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (reports, report_rows, draws, findings, settlements)
        }


def half_is_there(hub: Hub) -> bool:
    return there(hub) not in (NOTHING, WHOLE, WHOLE | {"settlements": 1})


def survives(url: str, keys: Path, action: str) -> list[Any]:
    """Open what a kill has left, say what is wrong with it, then do the action again."""
    hub = crash_child.hub_on(url, str(keys))
    try:
        wrong: list[Any] = [str(fault) for fault in sound(hub)]
        if half_is_there(hub):
            wrong.append("half of it is there")
        crash_child.ACTIONS[action](hub)
        if there(hub) != WHOLE | {"settlements": int(action == "settle")}:
            wrong.append(f"doing it again did {there(hub)}")
        with hub.store.read() as connection:
            wrong += [one for one in balances(hub, connection, "city_water") if not one.holds]
        wrong += [one for one in reconcile(hub, actor="tester", full=True) if one.households or one.opened]
        return wrong + [str(fault) for fault in sound(hub)]
    finally:
        hub.store.close()


POINTS = [
    ("report", "statement:12"), ("report", "statement:25"), ("report", "statement:40"), ("report", "commit:4"),
    ("report", "committed:1"), ("report", "committed:2"), ("settle", "statement:70"), ("settle", "commit:4"),
]  # fmt: skip


@pytest.mark.parametrize(("action", "point"), POINTS)
def test_killed_at_a_named_point_all_or_nothing_is_there(copied, key_folder: Path, action: str, point: str) -> None:
    url = copied()
    assert killed(url, key_folder, action, point)
    assert survives(url, key_folder, action) == []


def test_the_harness_finds_a_report_that_was_cut_in_two(copied, key_folder: Path) -> None:
    """The negative control: a mutant that commits the draws before the report is recorded."""
    url = copied()
    assert killed(url, key_folder, "torn", "commit:4")
    hub = crash_child.hub_on(url, str(key_folder))
    assert half_is_there(hub)
    hub.store.close()


@pytest.fixture
def listed_postgresql(postgresql_url: str, key_folder: Path) -> Iterator[str]:
    published(postgresql_url, key_folder)
    return postgresql_url


@pytest.mark.parametrize(("action", "point"), [("report", "statement:30"), ("settle", "commit:4")])
def test_a_client_killed_on_postgresql_leaves_all_or_nothing(
    listed_postgresql: str, key_folder: Path, action: str, point: str
) -> None:
    assert killed(listed_postgresql, key_folder, action, point)
    assert survives(listed_postgresql, key_folder, action) == []
