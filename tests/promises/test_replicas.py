"""Two replicas on one PostgreSQL, killed, paused beyond their lease and resumed: everything once, with one effect.

Each round is a month of its own with real processes and a real company server. The controls take out the fence, and
the constancy of message ids; they must be found.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import func, make_url, select
from world import account, household, publish, roster, run, snapshot, take

from integration.app import compose
from integration.jobs.hub import Hub
from integration.settings import Settings, config_folder
from integration.storage.engine import Store
from integration.storage.tables import audit, job_runs, lists, outbox, postings

CHILD = Path(__file__).with_name("replica_child.py")
#: The publication of December is due; the clock of the replicas starts here.
NOW = "2026-11-26T12:00:00+08:00"
#: A stopped replica's transaction is ended by the database after so long.
OPTIONS = {"options": "-c idle_in_transaction_session_timeout=1500ms"}


def with_options(url: str) -> str:
    return make_url(url).update_query_dict(OPTIONS).render_as_string(hide_password=False)


class Company:
    """A company's server: takes what is PUT under an id, sometimes breaking off before it answers."""

    def __init__(self, faults: random.Random) -> None:
        self.taken: dict[str, set[str]] = {}
        self.asked = 0
        company = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                company.taken.setdefault(self.path, set()).add(hashlib.sha256(content).hexdigest())
                if faults.random() < 0.4:
                    self.connection.close()  # it has it, and the sender does not know
                    return
                self.send_response(201)
                self.end_headers()

            def do_HEAD(self) -> None:
                company.asked += 1
                self.send_response(200 if self.path in company.taken else 404)
                self.end_headers()

            def handle(self) -> None:
                with contextlib.suppress(OSError, ValueError):
                    super().handle()

            def log_message(self, *_args: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/lists"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class City:
    """A hub on PostgreSQL with one month behind it, its company's server, and the replicas at work on it."""

    def __init__(self, url: str, key_folder: Path, folder: Path, clock: Any, ring: Any, seed: int) -> None:
        self.chance = random.Random(seed)
        self.company = Company(random.Random(seed))
        config = Path(shutil.copytree(config_folder(), folder / "config"))
        water = config / "companies" / "city_water.toml"
        where = f'[delivery]\nform = "http_push"\nurl = "{self.company.url}"\n'
        text = water.read_text().replace('form = "home"', 'form = "home"\nlists_to = ""')
        water.write_text(text + "\n" + where)
        self.env = os.environ | {
            "WAIVERHUB_CONFIG": str(config), "WAIVERHUB_DATABASE_URL": with_options(url),
            "WAIVERHUB_KEYS_DIR": str(key_folder), "WAIVERHUB_DATA_DIR": str(folder),
        }  # fmt: skip
        self.url = url
        self.folder = folder
        self.store = Store.open(url)
        self.hub: Hub = compose(self.store, ring, Settings(data_dir=folder), clock=clock)  # type: ignore[call-arg]
        self.replicas: list[subprocess.Popen[str]] = []
        self._fill()

    def _fill(self) -> None:
        self.hub.clock.set("2026-10-20T21:00:00+08:00")
        roster(self.hub, "city_water", [account(f"W{n}", n) for n in range(1, 31)])
        take(self.hub, snapshot([household(f"A{n}", n, accounts={"city_water": f"W{n}"}) for n in range(1, 31)]))
        run(self.hub, "2026-11")
        publish(self.hub, "2026-11")

    def start(self, mode: str = "sound") -> subprocess.Popen[str]:
        words = [sys.executable, str(CHILD), f"r{len(self.replicas)}", NOW, mode]
        with (self.folder / "replicas.log").open("a") as log:
            child = subprocess.Popen(words, env=self.env, stdout=subprocess.PIPE, stderr=log, text=True)
        self.replicas.append(child)
        assert child.stdout is not None
        assert child.stdout.readline().strip() == "started", (self.folder / "replicas.log").read_text()
        return child

    def log(self) -> str:
        """What the replicas have told."""
        return (self.folder / "replicas.log").read_text()

    def one(self, query: Any) -> int:
        with self.store.read() as connection:
            return int(connection.execute(query).scalar_one() or 0)

    def finished(self) -> bool:
        open_jobs = self.one(select(func.count()).select_from(job_runs).where(job_runs.c.state != "done"))
        published = self.one(select(func.count()).select_from(lists).where(lists.c.month == 202612))
        waiting = self.one(select(func.count()).select_from(outbox).where(outbox.c.state != "delivered"))
        return published > 0 and not open_jobs and not waiting

    def close(self) -> None:
        for child in self.replicas:
            if child.poll() is None:
                child.kill()
            child.wait()
            assert child.stdout is not None
            child.stdout.close()
        self.store.close()
        self.company.close()


@pytest.fixture
def city(
    postgresql_url: str, key_folder: Path, tmp_path: Path, clock: Any, ring: Any, request: pytest.FixtureRequest
) -> Iterator[City]:
    made = City(postgresql_url, key_folder, tmp_path, clock, ring, getattr(request, "param", 1))
    yield made
    made.close()


def check_once(city: City) -> None:
    """Every household has its month once, every company its list once, every message one content."""
    with city.store.read() as connection:
        rows = connection.execute(
            select(postings.c.household_id, postings.c.service).where(postings.c.month == 202612, postings.c.n > 1)
        ).all()
        assert rows == []
        numbers: dict[str, list[int]] = {}
        for company, number in connection.execute(select(lists.c.company, lists.c.number).order_by(lists.c.number)):
            numbers.setdefault(company, []).append(number)
        assert numbers["city_water"] == [1, 2]
        assert all(found == list(range(1, len(found) + 1)) for found in numbers.values())
        messages = set(connection.execute(select(outbox.c.message_id)).scalars())
    assert {path.rpartition("/")[2] for path in city.company.taken} == messages
    assert all(len(contents) == 1 for contents in city.company.taken.values())


def purges(city: City) -> Counter[str]:
    with city.store.read() as connection:
        rows = connection.execute(select(audit.c.actor).where(audit.c.action == "content_purged")).scalars()
        return Counter(rows)


def torment(city: City, limit_s: float, most: int) -> None:
    """Kill, pause and resume replicas at random, always bringing new ones; then let them finish."""
    end = time.monotonic() + limit_s
    for _ in range(2):
        city.start()
    blows = 0
    while not city.finished():
        assert time.monotonic() < end, "not finished in time"
        time.sleep(city.chance.uniform(0.05, 0.6))
        if blows == most:
            continue
        blows += 1
        living = [child for child in city.replicas if child.poll() is None]
        victim = city.chance.choice(living)
        if city.chance.random() < 0.5:
            victim.kill()
            city.start()
        else:
            victim.send_signal(signal.SIGSTOP)
            time.sleep(city.chance.uniform(0.1, 1.6))
            victim.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("city", [11], indirect=True)
def test_a_month_is_run_published_and_delivered_once_whatever_befalls_the_replicas(city: City) -> None:
    torment(city, 60, 6)
    check_once(city)


@pytest.mark.soak
@pytest.mark.parametrize("city", range(100, 200), indirect=True)
def test_so_it_is_a_hundred_times(city: City) -> None:
    torment(city, 120, 12)
    check_once(city)


def pause_beyond_the_lease(city: City, mode: str) -> int:
    """Stop a replica in the last moment of a job, let the other do that job, resume the first; count what was done.

    The database would end the session of a replica that is stopped; here it does not: the fence has to do it alone.
    """
    city.env["WAIVERHUB_DATABASE_URL"] = city.url
    first = city.start(mode)
    assert first.stdout is not None
    for line in first.stdout:
        if line.strip() == "late":
            break
    first.send_signal(signal.SIGSTOP)
    city.start(mode)
    deadline = time.monotonic() + 30
    while not purges(city) and time.monotonic() < deadline:
        time.sleep(0.05)
    first.send_signal(signal.SIGCONT)
    while sum(purges(city).values()) < 2 and "lease_lost" not in city.log() and time.monotonic() < deadline:
        time.sleep(0.05)
    return sum(purges(city).values())


def test_whoever_was_paused_beyond_the_lease_leaves_no_trace(city: City) -> None:
    assert pause_beyond_the_lease(city, "sound") == 1
    assert "lease_lost" in city.log()


def test_control_without_the_fence_it_would_leave_one(city: City) -> None:
    assert pause_beyond_the_lease(city, "unfenced") == 2


def test_control_with_new_ids_a_message_would_have_two_effects(city: City) -> None:
    city.start("forgetful")
    deadline = time.monotonic() + 8
    while not city.finished() and time.monotonic() < deadline:
        time.sleep(0.1)
    with pytest.raises(AssertionError):
        check_once(city)


def test_when_the_database_cuts_a_job_off_it_is_done_again(city: City) -> None:
    child = city.start()
    assert child.stdout is not None
    for line in child.stdout:
        if line.strip() == "late":
            break
    with psycopg.connect(city.url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    city.store.close()
    city.store = Store.open(city.url)
    deadline = time.monotonic() + 30
    while not purges(city) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert sum(purges(city).values()) == 1
