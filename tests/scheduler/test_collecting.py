"""The clock collects: no slow or unreachable peer delays anything else, and two replicas do together what one does."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from boxes import FolderBox, box_of, lines, roster_of, states, with_boxes
from sqlalchemy import func, select
from world import ROSTERS, account

from adapters.base import Unreachable
from integration.jobs.collect import collect
from integration.jobs.hub import Hub
from integration.jobs.inbox import apply_waiting
from integration.scheduler.clockwork import Clockwork
from integration.storage import job_runs
from integration.storage.tables import account_numbers, submissions


def box_in(folder: Path, name: str) -> FolderBox:
    """A box whose files are read at once, with a roster in it."""
    box = FolderBox(folder / name, settle_s=0)
    box.lay("roster1", ROSTERS[name]([account("W1", 1)]))
    return box


def jobs_done(hub: Hub) -> bool:
    with hub.store.read() as connection:
        return {one.state for one in job_runs.job_lines(connection, 50)} == {"done"}


async def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not await asyncio.to_thread(true):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def test_a_peer_that_drips_delays_neither_jobs_nor_other_boxes_and_is_waited_for(
    sqlite_hub: Hub, tmp_path: Path
) -> None:
    slow, quick = box_in(tmp_path, "city_water"), box_in(tmp_path, "suburb_water")
    begun, end = threading.Event(), threading.Event()

    def drips(step: str) -> None:
        if step == "half":
            begun.set()
            assert end.wait(20)

    slow.at = drips
    hub = with_boxes(sqlite_hub, city_water=slow, suburb_water=quick)
    clockwork = Clockwork(hub, owner="a", tick_s=0.05)
    await clockwork.start()
    await until(begun.is_set)
    await until(lambda: jobs_done(hub) and [one.state for one in lines(hub, "suburb_water")] == ["kept"])
    hub.clock.advance(seconds=61)
    await until(lambda: quick.names("done") == ["roster1"])
    stopping = asyncio.create_task(clockwork.stop())
    await asyncio.sleep(0.2)
    assert not stopping.done()
    end.set()
    await stopping
    assert [one.state for one in lines(hub, "city_water")] == ["kept"]


async def test_an_unreachable_partner_keeps_no_other_back_and_is_counted(sqlite_hub: Hub, tmp_path: Path) -> None:
    away, there = box_in(tmp_path, "city_water"), box_in(tmp_path, "suburb_water")
    away.at = _is_away
    hub = with_boxes(sqlite_hub, city_water=away, suburb_water=there)
    clockwork = Clockwork(hub, owner="a", tick_s=0.05)
    await clockwork.start()
    await until(lambda: [one.state for one in lines(hub)] == ["kept"])
    await until(lambda: box_of(hub).code == "SSH_REFUSED")
    figures = clockwork.figures()
    await clockwork.stop()
    assert {name: figures[name] for name in ("files_waiting", "files_failed", "boxes_unreachable")} == {
        "files_waiting": 1, "files_failed": 0, "boxes_unreachable": 1
    }  # fmt: skip


def _is_away(_step: str) -> None:
    raise Unreachable("SSH_REFUSED")


def once(hub: Hub, box: FolderBox) -> None:
    """Go on until it is answered: one submission, one effect, one file in its place."""
    box.at = lambda _: None
    for _ in range(2):
        collect(hub, "city_water", "c", actor="tester", asked=True)
        apply_waiting(hub, actor="tester")
    assert states(hub) == [("roster1", "returned", "applied")]
    assert box.names("done") == ["roster1"]
    with hub.store.read() as connection:
        for table in (submissions, account_numbers):
            assert connection.execute(select(func.count()).select_from(table)).scalar_one() == 1


def test_two_replicas_at_the_same_instants_do_what_one_does(hub: Hub, tmp_path: Path) -> None:
    box = box_in(tmp_path, "city_water")
    hub = with_boxes(hub, city_water=box)
    together = threading.Barrier(2)

    def looks(owner: str) -> None:
        for _ in range(3):
            together.wait(10)
            collect(hub, "city_water", owner, actor="tester", asked=True)
            apply_waiting(hub, actor="tester")

    with ThreadPoolExecutor(2) as pool:
        for ended in [pool.submit(looks, owner) for owner in ("a", "b")]:
            ended.result(20)
    assert box.reads == 1
    once(hub, box)


@pytest.mark.parametrize(("lease_s", "reads"), [(60, 1), (-1, 2)])
def test_while_one_reads_no_other_does_unless_the_lease_is_over(
    hub: Hub, tmp_path: Path, lease_s: float, reads: int
) -> None:
    """Where the lease holds nothing (the control), both read; it has one effect all the same."""
    box = box_in(tmp_path, "city_water")
    hub = with_boxes(hub, city_water=box)

    def meanwhile(step: str) -> None:
        if step == "half":
            box.at = lambda _: None
            collect(hub, "city_water", "b", actor="tester", asked=True)

    box.at = meanwhile
    collect(hub, "city_water", "a", actor="tester", lease_s=lease_s)
    assert box.reads == reads
    hub.clock.advance(seconds=61)
    once(hub, box)


def test_a_box_is_looked_into_once_a_minute_whoever_looks(hub: Hub, tmp_path: Path) -> None:
    box = FolderBox(tmp_path / "water")
    hub = with_boxes(hub, city_water=box)
    looks: list[str] = []
    box.at = looks.append
    replicas = [Clockwork(hub, owner=name) for name in ("a", "b")]
    for _ in range(12):  # a minute
        for one in replicas:
            one.collect("city_water")
        hub.clock.advance(seconds=5)
    assert looks == ["files"]
    replicas[1].collect("city_water")
    assert looks == ["files", "files"]


def test_whoever_is_asked_to_stop_begins_no_further_file(sqlite_hub: Hub, tmp_path: Path) -> None:
    box = FolderBox(tmp_path / "water", settle_s=0)
    for n in range(3):
        box.lay(f"roster{n}", roster_of(n), modified_s=n)
    hub = with_boxes(sqlite_hub, city_water=box)
    collect(hub, "city_water", "a", actor="tester", stopping=lambda: box.reads > 0)
    assert [one.state for one in lines(hub)] == ["kept", "settling", "settling"]
