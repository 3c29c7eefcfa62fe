"""A process that the crash tests start and kill: it opens a hub on a database and does one thing to it.

``python crash_child.py URL KEYS ACTION POINT`` where ACTION is import, run, publish, report, settle, or a mutant (half
commits half of an import, torn half of a report), and POINT names where it kills itself: ``statement:N`` before the
N-th statement, ``commit:N`` before the N-th commit, ``committed:N`` after it, or ``none``. It says ``ready`` and
``done`` on its standard output.
"""

from __future__ import annotations

import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import reporting
import world
from sqlalchemy import event
from sqlalchemy.engine import Engine

from integration.app import compose
from integration.jobs import sync_registry, sync_report
from integration.jobs.hub import Hub
from integration.jobs.settle import settle
from integration.settings import Settings
from integration.storage.engine import Store
from integration.storage.keys import KeyRing
from schemas.values import Month

NUMBER = 60


def rows(first: int = 1) -> list[dict[str, Any]]:
    return [
        world.household(f"C{n}", n, accounts={"city_water": f"W{n}", "city_gas": f"G{n}"})
        for n in range(first, NUMBER + 1)
    ]


def imported(hub: Hub) -> Any:
    changed = [row | {"effective_on": 20261101, "source_version": 15} for row in rows()]
    return world.take(hub, world.snapshot(changed, position=20, as_of=20261101, message_id="crash"))


def half(hub: Hub) -> Any:
    """The mutant: the records are committed before the brake is judged and the submission concluded."""
    finish = sync_registry.RegistryRows.finish

    def split(self: Any) -> None:
        finish(self)
        self._connection.connection.driver_connection.execute("COMMIT")
        self._connection.connection.driver_connection.execute("BEGIN IMMEDIATE")

    sync_registry.RegistryRows.finish = split  # type: ignore[method-assign]
    return imported(hub)


def reported(hub: Hub) -> Any:
    """October's report of the waterworks: every third household relieved of too much, every tenth forgotten."""
    rows = [
        reporting.bill(f"B{n}", place, "2026-10", 5000, on=20261005, **({"waived": 4000} if n % 3 == 0 else {}))
        for n, place in sorted(reporting.places(hub, "city_water").items())
        if n % 10
    ]
    return reporting.send(hub, reporting.report("2026-10", rows))


def torn(hub: Hub) -> Any:
    """The mutant: the rows and their draws are committed before the report is recorded and reconciled."""
    finish = sync_report.ReportRows.finish

    def split(self: Any) -> None:
        finish(self)
        self._connection.connection.driver_connection.execute("COMMIT")
        self._connection.connection.driver_connection.execute("BEGIN IMMEDIATE")

    sync_report.ReportRows.finish = split  # type: ignore[method-assign]
    return reported(hub)


def settled(hub: Hub) -> Any:
    reported(hub)
    return settle(hub, "city_water", Month(2026, 10), actor="tester")


ACTIONS = {
    "report": reported,
    "torn": torn,
    "settle": settled,
    "import": imported,
    "half": half,
    "run": lambda hub: world.run(hub, "2026-11"),
    "publish": lambda hub: world.publish(hub, "2026-10"),
}


def hub_on(url: str, keys: str) -> Hub:
    instant = datetime(2026, 10, 20, 13, tzinfo=UTC)
    store = Store.open(url)
    settings = Settings(data_dir=Path(keys).parent)  # type: ignore[call-arg]
    return compose(store, KeyRing.load(Path(keys)), settings, clock=lambda: instant)


def dies_at(point: str) -> None:
    what, _, number = point.partition(":")
    left = [int(number or 0)]

    def tick(*_: object) -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    if what == "statement":
        event.listen(Engine, "before_cursor_execute", tick)
    elif what == "commit":
        event.listen(Engine, "commit", tick)
    elif what == "committed":
        import integration.storage.engine as engine

        write = engine.Store.write
        from contextlib import contextmanager

        @contextmanager
        def then(self: Any, **options: Any) -> Any:
            with write(self, **options) as connection:
                yield connection
            tick()

        engine.Store.write = then  # type: ignore[method-assign]


if __name__ == "__main__":
    url, keys, action, point = sys.argv[1:]
    hub = hub_on(url, keys)
    dies_at(point)
    print("ready", flush=True)
    ACTIONS[action](hub)
    print("done", flush=True)
