"""One stage, one process: so each has a memory peak of its own, and none warms another up.

``python -m bench.running MODULE STAGE ARGUMENTS`` runs one and prints what ``Measured`` holds as JSON.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from bench.stopwatch import Stopwatch
from integration.app import compose
from integration.jobs.hub import Hub
from integration.settings import Settings
from integration.storage.engine import Store
from integration.storage.keys import KeyRing, init_keys
from schemas.values import Month

ACTOR: Final = "bench"


class Measured(msgspec.Struct):
    """Time, peak resident memory of the process, rows, and whatever else the stage tells."""

    seconds: float
    rows: int = 0
    rss_mib: int = 0
    detail: dict[str, Any] = {}


def measure(stage: Callable[..., Measured] | str, *arguments: object) -> Measured:
    """Run a stage, or the one named MODULE:STAGE, in a process of its own.

    A peer is named: what it loads would count as memory of every process that this one starts.
    """
    module, name = stage.split(":") if isinstance(stage, str) else (stage.__module__, stage.__name__)
    command = [sys.executable, "-m", "bench.running", module, name, *map(str, arguments)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return msgspec.json.decode(done.stdout, type=Measured)


@contextmanager
def open_hub(url: str, folder: str, month: str = "2027-01", *, after: int = 0) -> Iterator[Hub]:
    """Give the hub on the 20th before a month, or on a day of the month ``after`` it."""
    keys = Path(folder) / "keys"
    if not keys.exists():
        init_keys(keys)
    store = Store.open(url)
    at = Month.parse(month).plus(1 if after else -1)
    instant = datetime(at.year, at.number, after or 20, 13, tzinfo=UTC)
    yield compose(store, KeyRing.load(keys), Settings(), clock=lambda: instant)
    store.close()


@contextmanager
def timed_write(store: Store, watch: Stopwatch) -> Iterator[Connection]:
    """Give a write transaction; of its own cost the commit, with what follows it, is timed."""
    transaction = store.write()
    connection = transaction.__enter__()
    yield connection
    with watch:
        transaction.__exit__(None, None, None)


def main() -> None:
    """Run the stage named on the command line."""
    module, stage, *arguments = sys.argv[1:]
    measured = getattr(import_module(module), stage)(*arguments)
    measured.rss_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    sys.stdout.buffer.write(msgspec.json.encode(measured))


if __name__ == "__main__":
    main()
