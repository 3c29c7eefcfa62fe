"""Every case of the policy owner, played in a city on each database (the tables stand beside this file)."""

from __future__ import annotations

import fcntl
import pickle
from pathlib import Path

import case_tables
import pytest
from case_checks import failures
from case_city import City, variant
from case_seen import Seen, look
from case_tables import Case
from fake_clock import FakeClock

from integration.app import compose
from integration.settings import Settings
from integration.storage.engine import Store

CASES = case_tables.played()


@pytest.fixture
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """What the case's city holds; each city is played once for all test processes."""
    case, database = request.getfixturevalue("case"), request.getfixturevalue("database")
    shared = tmp_path_factory.getbasetemp()
    if hasattr(request.config, "workerinput"):
        shared = shared.parent
    at = shared / f"city-{database}-{sorted({one.city for one in CASES}).index(case.city)}"
    with at.with_suffix(".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not at.exists():
            at.write_bytes(pickle.dumps(_played(request, database, case.city)))
    found = pickle.loads(at.read_bytes())
    assert isinstance(found, Seen), found
    return found


def _played(request: pytest.FixtureRequest, database: str, city: str) -> Seen | str:
    store = Store.open(request.getfixturevalue(f"{database}_url"))
    try:
        settings = Settings(data_dir=Path(request.getfixturevalue("tmp_path")))  # type: ignore[call-arg]
        clock = FakeClock.at("2025-12-15T09:00:00+08:00")
        living = [case for case in CASES if case.city == city]
        hub = variant(compose(store, request.getfixturevalue("ring"), settings, clock=clock), living[0])
        made = City(hub, living)
        made.play()
        return look(made)
    finally:
        store.close()


#: A city with a policy or tariff of its own differs in pure rules alone: on PostgreSQL it waits for a longer run.
PLACES = [
    pytest.param(
        case,
        database,
        id=f"{case.key}-{database}",
        marks=[pytest.mark.soak] if database == "postgresql" and (case.policy or case.tariff) else [],
    )
    for case in CASES
    for database in ("sqlite", "postgresql")
]


@pytest.mark.parametrize(("case", "database"), PLACES)
def test_the_case_holds(case: Case, database: str, seen: Seen) -> None:
    assert failures(case, seen) == []
