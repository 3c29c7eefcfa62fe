"""A hub on each database, composed as the application composes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from integration.app import compose
from integration.jobs.hub import Hub
from integration.settings import Settings


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
