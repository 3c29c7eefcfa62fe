"""The primary dies in the middle of a month: nothing that was acknowledged is lost, and the hub goes on by itself."""

from __future__ import annotations

import gc
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

import pytest
from killable_cluster import Cluster, until
from sqlalchemy import select

from integration.clock import system_clock, today
from integration.demo import build_city, write_story
from integration.storage import audit, ledger
from integration.storage.engine import Store
from integration.storage.errors import StorageError
from integration.storage.overview import all_lists
from integration.storage.tables import audit as audit_table
from integration.storage.tables import postings
from schemas.values import Month

#: A connection that dies while it is being opened is left to the collector by the libraries, which tell of it.
_LEFT = "ignore::pytest.PytestUnraisableExceptionWarning"
pytestmark = [pytest.mark.soak, pytest.mark.filterwarnings(_LEFT)]
#: By today the two months after it are due to be computed, and the first of these to be published.
FIRST = Month.of(today(system_clock)).plus(-2)
HOUSEHOLDS = 4_000


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """Let what is left be told of where it is expected."""
    yield
    gc.collect()


class Counting:
    """Somebody who writes all the time under a name of their own, and remembers what was acknowledged."""

    def __init__(self, url: str) -> None:
        self.acknowledged: list[int] = []
        self.refused = 0
        self.name = f"counter-{secrets.token_hex(4)}"
        self._store = Store.open(url)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._count)

    def _count(self) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            try:
                with self._store.write() as connection:
                    audit.record(connection, system_clock, self.name, "counted", str(number), {})
            except StorageError:
                self.refused += 1
                time.sleep(0.1)
            else:
                self.acknowledged.append(number)
                time.sleep(0.005)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._store.close()


class Hub:
    """The command, on the cluster."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.folder = folder
        self.environment = os.environ | {
            "WAIVERHUB_DATA_DIR": str(folder / "data"),
            "WAIVERHUB_DATABASE_URL": cluster.url,
            "WAIVERHUB_LANGUAGE": "en",
        }

    def started(self, *words: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "integration.cli", *map(str, words)]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, env=self.environment, **pipes)

    def __call__(self, *words: object, ends: int = 0) -> str:
        process = self.started(*words)
        out, err = process.communicate(timeout=300)
        assert process.returncode == ends, err
        return out

    def ends_well(self, *words: object) -> bool | None:
        """Whether a command is done; None if it was not."""
        process = self.started(*words)
        process.communicate(timeout=60)
        return True if process.returncode == 0 else None

    @contextmanager
    def serving(self) -> Iterator[None]:
        """The service's background work, in a process of its own."""
        command = [sys.executable, "-m", "integration.cli", "serve", "--only", "worker"]
        with (self.folder / "serving.log").open("w") as log:
            process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)
            try:
                yield
                assert process.poll() is None, "the service must live through the fail-over"
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(60)


@pytest.fixture(scope="module")
def hub(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Hub:
    """A hub on the cluster that knows a city."""
    folder = tmp_path_factory.mktemp("hub")
    made = Hub(cluster, folder)
    story = write_story(build_city(7, HOUSEHOLDS, 3 * HOUSEHOLDS, FIRST), folder / "files")
    made("init")
    for step in story[:3]:
        made("roster", "import", step.company, step.path)
    made("registry", "import", story[3].path)
    made("link")
    return made


#: A transaction that has written already, and now reads or writes the ledger.
POSTING = """
SELECT 1 FROM pg_stat_activity
WHERE backend_xid IS NOT NULL AND query ILIKE '%postings%' AND usename = 'waiverhub'
"""


@contextmanager
def dying_while_posting(cluster: Cluster) -> Iterator[str]:
    """Kill the primary as soon as it is seen posting the month that the block begins; say which node it is."""
    name = cluster.primary()
    with cluster.watching(name) as watching:
        yield name
        until(lambda: watching.execute(POSTING).fetchone(), 120, every=0.002)
        cluster.kill(name)


def check_nothing_is_lost(hub: Hub, counting: Counting) -> None:
    found = json.loads(hub("audit", "verify", "--json"))
    assert found["faults"] == []
    store = Store.open(hub.environment["WAIVERHUB_DATABASE_URL"], writer=False)
    with store.read() as connection:
        query = select(audit_table.c.subject).where(audit_table.c.actor == counting.name)
        there = set(map(int, connection.scalars(query)))
        assert set(counting.acknowledged) <= there
    store.close()


def test_a_command_that_lost_its_primary_is_done_again_and_posts_once(cluster: Cluster, hub: Hub) -> None:
    expected = json.loads(hub("run", FIRST, "--dry-run", "--json"))
    with Counting(cluster.url) as counting:
        until(lambda: len(counting.acknowledged) > 20 or None, 30)
        with dying_while_posting(cluster) as old:
            running = hub.started("run", FIRST)
        running.communicate(timeout=60)
        assert running.returncode == 7  # the database refused: nothing of it was done
        before = len(counting.acknowledged)
        until(lambda: hub.ends_well("run", FIRST), 120, every=1)
        until(lambda: len(counting.acknowledged) > before + 20 or None, 60)
    assert cluster.primary() != old
    assert counting.refused > 0
    hub("audit", "checkpoint")
    check_nothing_is_lost(hub, counting)
    store = Store.open(cluster.url, writer=False)
    with store.read() as connection:
        c = postings.c
        rows = connection.execute(select(c.household_id, c.service, c.quantity_milli)).all()
        assert len(rows) == len({row[:2] for row in rows}) > HOUSEHOLDS
        assert sum(row.quantity_milli for row in rows) == expected["quantity_after_milli"]
    store.close()


def test_a_lost_node_comes_back_as_a_standby(cluster: Cluster) -> None:
    cluster.up()
    until(lambda: True if sorted(cluster.roles()) == ["node1", "node2", "node3"] else None, 90)
    assert sorted(cluster.roles().values()) == ["leader", "replica", "sync_standby"]


def test_the_service_goes_on_by_itself_and_publishes_the_month(cluster: Cluster, hub: Hub) -> None:
    """Nobody touches the service: it computes the next month and publishes it, with the primary killed between."""
    coming = FIRST.plus(1)
    hub("run", FIRST)
    hub("publish", FIRST)
    store = Store.open(cluster.url, writer=False)

    def published() -> list[int] | None:
        try:
            with store.read() as connection:
                found = [one.number for one in all_lists(connection) if one.month == str(coming)]
        except StorageError:
            return None
        return found if len(found) == 3 else None

    with Counting(cluster.url) as counting, ExitStack() as stack:
        with dying_while_posting(cluster) as old:
            stack.enter_context(hub.serving())
        assert until(published, 240) == [2, 2, 2]
    assert cluster.primary() != old
    with store.read() as connection:
        assert [run.month for run in ledger.all_runs(connection) if run.month == coming] == [coming]
    store.close()
    hub("audit", "checkpoint")
    check_nothing_is_lost(hub, counting)


def test_control_without_synchronous_replication_what_was_acknowledged_is_lost(cluster: Cluster, hub: Hub) -> None:
    """The last test, for it takes the safety out: the check above must find what is missing then."""
    cluster.up()
    until(lambda: True if len(cluster.roles()) == 3 else None, 90)
    cluster.unsafe()
    old = cluster.primary()
    with Counting(cluster.url) as counting:
        cluster.cut_off(old)
        before = len(counting.acknowledged)
        until(lambda: True if len(counting.acknowledged) > before + 20 else None, 60)
        cluster.kill(old)
        acknowledged = len(counting.acknowledged)
        until(lambda: True if len(counting.acknowledged) > acknowledged + 20 else None, 120)
    hub("audit", "checkpoint")
    with pytest.raises(AssertionError):
        check_nothing_is_lost(hub, counting)
