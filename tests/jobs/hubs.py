"""A hub on each database, composed as the application composes it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from integration.app import compose
from integration.clock import Clock
from integration.jobs.hub import Hub
from integration.settings import Settings
from integration.storage.engine import Store
from integration.storage.keys import KeyRing


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)  # type: ignore[call-arg]


@cache
def _composed(ring: KeyRing) -> Hub:
    """A hub without a database; its configuration is read once for all tests."""
    return compose(None, ring, Settings(data_dir=Path("nowhere")))  # type: ignore[arg-type, call-arg]


def hub_on(store: Store, ring: KeyRing, clock: Clock, settings: Settings) -> Hub:
    """A hub as the application composes it."""
    return replace(_composed(ring), store=store, clock=clock, homes=settings.homes)


@pytest.fixture
def hub(store, ring, clock, settings) -> Hub:
    return hub_on(store, ring, clock, settings)


@pytest.fixture
def sqlite_hub(sqlite_store, ring, clock, settings) -> Hub:
    """For tests that are about something else than the database."""
    return hub_on(sqlite_store, ring, clock, settings)


@pytest.fixture
def hub_maker(sqlite_template, ring, clock, settings, tmp_path) -> Iterator[Callable[[], Hub]]:
    """Makes hubs with empty SQLite databases, which start at the same instant."""
    stores: list[Store] = []
    start = clock.instant

    def made() -> Hub:
        path = tmp_path / f"hub{len(stores)}.db"
        shutil.copyfile(sqlite_template, path)
        stores.append(Store.open(f"sqlite:///{path}"))
        return hub_on(stores[-1], ring, type(clock)(start), settings)

    yield made
    for store in stores:
        store.close()
