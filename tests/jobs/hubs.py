"""A hub on each database, composed as the application composes it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from integration.app import compose
from integration.jobs.hub import Hub
from integration.settings import Settings
from integration.storage.engine import Store


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)  # type: ignore[call-arg]


@pytest.fixture
def hub(store, ring, clock, settings) -> Hub:
    return compose(store, ring, settings, clock=clock)


@pytest.fixture
def sqlite_hub(sqlite_store, ring, clock, settings) -> Hub:
    """For tests that are about something else than the database."""
    return compose(sqlite_store, ring, settings, clock=clock)


@pytest.fixture
def hub_maker(sqlite_template, ring, clock, settings, tmp_path) -> Iterator[Callable[[], Hub]]:
    """Makes hubs with empty SQLite databases, which start at the same instant."""
    stores: list[Store] = []
    start = clock.instant

    def made() -> Hub:
        path = tmp_path / f"hub{len(stores)}.db"
        shutil.copyfile(sqlite_template, path)
        stores.append(Store.open(f"sqlite:///{path}"))
        return compose(stores[-1], ring, settings, clock=type(clock)(start))

    yield made
    for store in stores:
        store.close()
