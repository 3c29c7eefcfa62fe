"""Same inputs, same lists, byte for byte, on either database (promise B3)."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select
from world import account, delta, household, list_bytes, publish, roster, run, snapshot, take

from integration.app import compose
from integration.jobs.hub import Hub
from integration.settings import Settings
from integration.storage.engine import Store
from integration.storage.tables import lists


def history() -> list[bytes]:
    """Registry files; their message ids are the same for both hubs."""
    everybody = [household(f"C{n}", n, accounts={"city_water": f"W{n:03}"}, version=n) for n in range(1, 40)]
    changed = [household(f"C{n}", n, status="ended", effective_on=20261015, version=100 + n) for n in (3, 5)]
    granted = household("C50", 50, accounts={"city_water": "W050"}, version=150, valid_from=20261001, grant=True)
    return [snapshot(everybody, position=90), delta([*changed, granted], position=200)]


def play(hub: Hub, files: list[bytes]) -> dict[tuple[str, int, str], bytes]:
    """Two months; everything that companies receive, manifests and signatures included."""
    first, second = files
    take(hub, first)
    roster(hub, "city_water", [account(f"W{n:03}", n) for n in (*range(1, 35), 50)])
    roster(hub, "city_gas", [account(f"G{n}", n) for n in range(1, 40, 2)])
    run(hub, "2026-11")
    publish(hub, "2026-11")
    take(hub, second)
    run(hub, "2026-12")
    publish(hub, "2026-12")
    with hub.store.read() as connection:
        found = {(row.company, row.number, "manifest"): row.manifest for row in connection.execute(select(lists))}
        signed = {(row.company, row.number, "signature"): row.signature for row in connection.execute(select(lists))}
    forms = ("csv", "ndjson", "company")
    content = {(c, n, form): list_bytes(hub, c, n, form) for c, n, _ in found for form in forms}
    return found | signed | content


def test_both_databases_give_the_same_bytes(sqlite_url: str, postgresql_url: str, ring, clock, tmp_path: Path) -> None:
    """Rows, renderings, manifests, checkpoints and signatures: nothing differs."""
    files, results = history(), []
    for url in (sqlite_url, postgresql_url):
        store = Store.open(url)
        clock.set("2026-10-20T21:00:00+08:00")
        hub = compose(store, ring, Settings(data_dir=tmp_path), clock=clock)  # type: ignore[call-arg]
        results.append(play(hub, files))
        store.close()
    on_sqlite, on_postgresql = results
    assert len(on_sqlite) == 6 * 5
    assert on_sqlite == on_postgresql


def test_another_history_gives_other_bytes(sqlite_url: str, postgresql_url: str, ring, clock, tmp_path: Path) -> None:
    """Control: one household less, and the comparison fails where it should."""
    results = []
    for url, files in ((sqlite_url, history()), (postgresql_url, history()[:1] * 2)):
        store = Store.open(url)
        clock.set("2026-10-20T21:00:00+08:00")
        hub = compose(store, ring, Settings(data_dir=tmp_path), clock=clock)  # type: ignore[call-arg]
        results.append(play(hub, files))
        store.close()
    assert results[0] != results[1]
