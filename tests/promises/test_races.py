"""Two hubs on one PostgreSQL doing the same at the same instant have the effect of one (promises B1, B4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import func, select
from world import account, delta, due, household, publish, roster, run, snapshot, take

from integration.app import compose
from integration.jobs.compute_month import compute_month
from integration.jobs.hub import Hub
from integration.settings import Settings
from integration.storage import audit, audit_verify
from integration.storage.engine import StorageError, Store
from integration.storage.tables import knowledge, lists, postings, records, runs
from schemas.values import Month

PEOPLE = 40
ACCOUNTS = {"city_water": "W{}", "city_gas": "G{}"}


def people() -> list[dict[str, Any]]:
    return [
        household(f"C{n}", n, accounts={company: number.format(n) for company, number in ACCOUNTS.items()})
        for n in range(1, PEOPLE + 1)
    ]


@pytest.fixture
def hubs(postgresql_url: str, ring, clock, tmp_path: Path) -> Iterator[list[Hub]]:
    stores = [Store.open(postgresql_url) for _ in range(3)]
    found = [compose(store, ring, Settings(data_dir=tmp_path), clock=clock) for store in stores]  # type: ignore[call-arg]
    take(found[0], snapshot(people()))
    for company, number in ACCOUNTS.items():
        roster(found[0], company, [account(number.format(n), n) for n in range(1, PEOPLE + 1)])
    yield found
    for store in stores:
        store.close()


def race(hubs: list[Hub], act: Callable[[Hub], Any]) -> list[Any]:
    """Let every hub act at one instant; return what each got, or the error it was told."""
    barrier = Barrier(len(hubs))

    def start(hub: Hub) -> Any:
        barrier.wait()
        try:
            return act(hub)
        except StorageError as error:
            return error

    with ThreadPoolExecutor(len(hubs)) as pool:
        return list(pool.map(start, hubs))


def number_of(hub: Hub, table: Any) -> int:
    with hub.store.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def proven(hub: Hub) -> None:
    audit.sequence(hub.store, hub.ring, hub.clock)
    with hub.store.read() as connection:
        assert audit_verify.verify(connection, hub.ring.checkpoints.public_pem) == []
        versions = connection.execute(select(knowledge.c.version).order_by(knowledge.c.version)).scalars().all()
    assert versions == list(range(1, len(versions) + 1))


def test_a_month_computed_by_three_at_once_is_granted_once(hubs: list[Hub]) -> None:
    from world import link

    link(hubs[0])
    race(hubs, lambda hub: compute_month(hub, Month(2026, 11), actor="tester"))
    assert number_of(hubs[0], postings) == 2 * PEOPLE
    assert all(sum(places.values()) == 3000 for places in due(hubs[0], "2026-11").values())
    assert len(due(hubs[0], "2026-11")) == 2 * PEOPLE
    proven(hubs[0])


def test_linking_and_computing_at_once_grants_once(hubs: list[Hub]) -> None:
    race(hubs, lambda hub: run(hub, "2026-11"))
    run(hubs[0], "2026-11")
    assert set(map(len, due(hubs[0], "2026-11").values())) == {1}
    assert all(sum(places.values()) == 3000 for places in due(hubs[0], "2026-11").values())
    proven(hubs[0])


def test_a_month_published_by_three_at_once_has_one_list_number_at_each_company(hubs: list[Hub]) -> None:
    run(hubs[0], "2026-11")
    results = race(hubs, lambda hub: publish(hub, "2026-11"))
    with hubs[0].store.read() as connection:
        assert sorted(map(tuple, connection.execute(select(lists.c.company, lists.c.number)))) == [
            ("city_gas", 1),
            ("city_water", 1),
            ("suburb_water", 1),
        ]
    told = Counter(result["city_water"].state for result in results if isinstance(result, dict))
    assert told["published"] <= 1
    assert publish(hubs[1], "2026-11")["city_water"].state == "nothing_new"
    proven(hubs[0])


def test_one_message_sent_to_three_at_once_is_applied_once_and_answered_alike(hubs: list[Hub]) -> None:
    row = household("NEW", 99, version=20, grant=True)
    content = delta([row], position=20, message_id="at once")
    before = number_of(hubs[0], records)
    results = race(hubs, lambda hub: take(hub, content))
    assert number_of(hubs[0], records) == before + 1
    told = [result for result in results if not isinstance(result, StorageError)]
    assert {result.state for result in told} == {"applied"}
    assert take(hubs[0], content) == take(hubs[1], content)
    proven(hubs[0])


def test_two_deltas_of_one_household_at_once_both_stand(hubs: list[Hub]) -> None:
    contents = iter(
        [delta([household("C1", 1, effective_on=20261101 + n, version=20 + n)], position=20 + n) for n in range(3)]
    )
    by_hub = dict(zip(map(id, hubs), contents, strict=True))
    results = race(hubs, lambda hub: take(hub, by_hub[id(hub)]))
    assert [result.counts["applied"] for result in results] == [1, 1, 1]
    assert number_of(hubs[0], runs) == 0
    proven(hubs[0])
