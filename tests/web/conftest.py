"""A city behind its door: companies with lists and reports, and everybody who may, or may not, come in."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer
from callers import Caller, let_everybody_in
from fake_clock import FakeClock
from reporting import bill, place_of, report, send
from world import account, household, publish, roster, run, snapshot, take

from integration.app import compose
from integration.jobs.hub import Hub
from integration.jobs.settle import settle
from integration.settings import Settings
from integration.storage import audit
from integration.storage.engine import Store
from integration.storage.keys import KeyRing
from integration.web.door import Options
from integration.web.server import make_app
from schemas.values import Month


def fill(hub: Hub) -> None:
    """Four households with water at one company and gas; October published, reported with findings, and settled."""
    hub.clock.set("2026-09-20T21:00:00+08:00")
    for company, letter in (("city_water", "W"), ("city_gas", "G")):
        roster(hub, company, [account(f"{letter}{n}", n) for n in range(1, 6)])
    people = [household(f"A{n}", n, accounts={"city_water": f"W{n}", "city_gas": f"G{n}"}) for n in range(1, 5)]
    take(hub, snapshot(people, as_of=20260920))
    run(hub, "2026-10")
    publish(hub, "2026-10")
    hub.clock.set("2026-11-05T09:00:00+08:00")
    bills = [
        bill(f"B{n}", place_of(hub, "city_water", f"A{n}"), "2026-10", 5000, waived=3000 if n < 3 else 1000, fen=None)
        for n in range(1, 5)
    ]
    send(hub, report("2026-10", bills), "city_water")
    settle(hub, "city_water", Month(2026, 10), actor="tester")
    run(hub, "2026-11")
    publish(hub, "2026-11")
    audit.sequence(hub.store, hub.ring, hub.clock)


@pytest.fixture(scope="session")
def filled(sqlite_template: Path, key_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of the city, with everybody's credentials, made once a process."""
    folder = tmp_path_factory.mktemp("filled")
    shutil.copyfile(sqlite_template, folder / "hub.db")
    store = Store.open(f"sqlite:///{folder / 'hub.db'}")
    clock = FakeClock.at("2026-09-20T21:00:00+08:00")
    made = compose(store, KeyRing.load(key_folder), Settings(data_dir=folder), clock=clock)  # type: ignore[call-arg]
    fill(made)
    let_everybody_in(made, folder / "tokens.json")
    store.close()
    return folder


@pytest.fixture
def city(filled: Path, ring, clock, tmp_path: Path) -> Iterator[Hub]:
    """A copy of the city, of this test's own; it is 5 November 2026, 09:00."""
    shutil.copyfile(filled / "hub.db", tmp_path / "city.db")
    clock.set("2026-11-05T09:00:00+08:00")
    store = Store.open(f"sqlite:///{tmp_path / 'city.db'}")
    yield compose(store, ring, Settings(data_dir=tmp_path), clock=clock)  # type: ignore[call-arg]
    store.close()


@pytest.fixture
async def api(city: Hub, filled: Path, tmp_path: Path) -> AsyncIterator[Caller]:
    """Calls the city's door as whoever one names."""
    options = Options(folder=tmp_path / "service", rate_per_s=10_000, burst=10_000)
    async with TestClient(TestServer(make_app(city, options))) as client:
        yield Caller(client, city, filled / "tokens.json")
