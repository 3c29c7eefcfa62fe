"""A hub's history played once on each database; on SQLite every test of a module works on a copy of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fake_clock import FakeClock

from integration.app import compose
from integration.jobs.hub import Hub
from integration.settings import Settings
from integration.storage.engine import Store
from integration.storage.keys import KeyRing


@contextmanager
def opened(url: str, folder: Path, ring: KeyRing, at: str) -> Iterator[Hub]:
    """Give a hub on a database, at an instant."""
    store = Store.open(url)
    yield compose(store, ring, Settings(data_dir=folder), clock=FakeClock.at(at))  # type: ignore[call-arg]
    store.close()


@contextmanager
def copied(source: Path, folder: Path, ring: KeyRing, at: str) -> Iterator[Hub]:
    """Give a hub on a copy of a SQLite database, at an instant."""
    shutil.copyfile(source, folder / "hub.db")
    with opened(f"sqlite:///{folder / 'hub.db'}", folder, ring, at) as hub:
        yield hub


def play(template: Path, folder: Path, ring: KeyRing, at: str, history: Callable[[Hub], object]) -> Path:
    """Play a history on a new SQLite database; return its file."""
    with copied(template, folder, ring, at) as hub:
        history(hub)
    return folder / "hub.db"


@contextmanager
def on_each(request: pytest.FixtureRequest, start: str, history: Callable[[Hub], object]) -> Iterator[Hub]:
    """Give the hub after its history on the database that the fixture's parameter names.

    SQLite is the module's own fixture ``past``; on PostgreSQL the history is played from its start.
    """
    if request.param == "sqlite":
        yield request.getfixturevalue("past")
        return
    url, ring, folder = map(request.getfixturevalue, ("postgresql_url", "ring", "tmp_path"))
    with opened(url, folder, ring, start) as hub:
        history(hub)
        yield hub
