"""The clock of a process: it ticks, one thing that fails keeps no other back, and it drains before it ends."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select
from world import ROSTERS, account, chunked, household, publish, roster, run, snapshot, take

from integration.domain.calendar import Job
from integration.jobs.hub import Hub
from integration.jobs.inbox import keep_file
from integration.scheduler import duties
from integration.scheduler.clockwork import Clockwork
from integration.scheduler.duties import Duty, Ended
from integration.storage import job_runs
from integration.storage.leases import Lease, take_lease
from integration.storage.tables import audit, audit_leaves, leases, nonces


def states(hub: Hub) -> dict[tuple[str, str], str]:
    with hub.store.read() as connection:
        return {(one.job, one.period): one.state for one in job_runs.job_lines(connection, 200)}


@contextmanager
def duty(job: Job, does: Duty) -> Iterator[None]:
    """Let a job do something else: the table of duties is a table."""
    before = duties.DUTIES[job]
    duties.DUTIES[job] = does  # type: ignore[index]
    try:
        yield
    finally:
        duties.DUTIES[job] = before  # type: ignore[index]


def begin_ledger(hub: Hub) -> None:
    roster(hub, "city_water", [account("W1", 1)])
    take(hub, snapshot([household("A1", 1, accounts={"city_water": "W1"})]))
    run(hub, "2026-11")
    publish(hub, "2026-11")


def test_every_month_of_the_ledger_is_asked_for_its_reports_and_no_other(sqlite_hub: Hub) -> None:
    begin_ledger(sqlite_hub)
    sqlite_hub.clock.set("2027-02-26T12:00:00+08:00")
    clockwork = Clockwork(sqlite_hub, owner="a")
    clockwork.tick()
    clockwork.tick()
    asked = [period for job, period in sorted(states(sqlite_hub)) if job == "escalate"]
    assert asked == ["2026-11", "2026-12", "2027-01"]


def test_a_file_that_cannot_be_applied_keeps_no_job_and_no_checkpoint_back(sqlite_hub: Hub) -> None:
    keep_file(sqlite_hub, "roster", "city_water", chunked(ROSTERS["city_water"]([account("W1", 1)])))
    others = {code: port for code, port in sqlite_hub.companies.items() if code != "city_water"}
    Clockwork(replace(sqlite_hub, companies=others), owner="a").tick()
    assert states(sqlite_hub)["purge", "2026-10-20"] == "done"
    with sqlite_hub.store.read() as connection:
        counts = [connection.execute(select(func.count()).select_from(t)).scalar_one() for t in (audit, audit_leaves)]
    assert counts[0] == counts[1] > 0


def test_a_job_that_fails_keeps_no_other_back(sqlite_hub: Hub) -> None:
    def fails(_hub: Hub, _period: str) -> Ended:
        raise RuntimeError("private")

    with duty(Job.RECOMPUTE, fails):
        Clockwork(sqlite_hub, owner="a").tick()
    assert set(states(sqlite_hub).values()) == {"done", "failed"}
    with sqlite_hub.store.read() as connection:
        details = {one.detail for one in job_runs.job_lines(connection, 10) if one.state == "failed"}
    assert details == {"RuntimeError"}  # an unforeseen text may quote a person


def test_nonces_whose_time_is_over_are_forgotten_at_night(sqlite_hub: Hub) -> None:
    with sqlite_hub.store.write() as connection:
        connection.execute(nonces.insert(), {"client_id": "c", "nonce": "n", "ends_us": 0})
    Clockwork(sqlite_hub, owner="a").tick()
    with sqlite_hub.store.read() as connection:
        assert connection.execute(select(nonces)).all() == []


async def until(done: threading.Event) -> None:
    assert await asyncio.to_thread(done.wait, 10)


async def test_it_ticks_by_the_machines_time_whatever_the_hubs_clock_says(sqlite_hub: Hub) -> None:
    done = threading.Event()

    def told(_hub: Hub, _period: str) -> Ended:
        done.set()
        return Ended("")

    sqlite_hub.clock.instant = datetime.now(UTC) + timedelta(days=400)
    clockwork = Clockwork(sqlite_hub, owner="a", tick_s=60)
    with duty(Job.PURGE, told):
        await clockwork.start()
        await until(done)
        await clockwork.stop()


def lease_for(hub: Hub, owner: str) -> Lease | None:
    with hub.store.write() as connection:
        return take_lease(connection, hub.clock, "clock", owner, 1_000_000)


async def test_what_is_under_way_is_finished_under_its_lease_and_nothing_more_is_begun(hub: Hub) -> None:
    if hub.store.dialect == "sqlite":
        pytest.skip("no other process can want the lease")
    begun = threading.Event()

    def slow(hub: Hub, _period: str) -> Ended:
        begun.set()
        time.sleep(1.2)  # longer than the lease lasts
        return Ended("")

    clockwork = Clockwork(hub, owner="a", lease_s=0.5)
    with duty(Job.PURGE, slow):
        await clockwork.start()
        await until(begun)
        stopping = asyncio.create_task(clockwork.stop())
        await asyncio.sleep(0.8)
        assert await asyncio.to_thread(lease_for, hub, "b") is None
        await stopping
    found = states(hub)
    assert found["purge", "2026-10-20"] == "done"
    assert ("reconcile", "2026-10-20") not in found  # it comes after the purge
    assert lease_for(hub, "b") is not None


async def test_what_does_not_end_in_time_is_left_behind_and_done_again(sqlite_hub: Hub) -> None:
    begun, end = threading.Event(), threading.Event()

    def endless(hub: Hub, _period: str) -> Ended:
        with hub.store.write():
            begun.set()
            assert end.wait(30)
        return Ended("")

    clockwork = Clockwork(sqlite_hub, owner="a")
    with duty(Job.PURGE, endless):
        await clockwork.start()
        await until(begun)
        before = time.monotonic()
        await clockwork.stop(0.2)
        took_s = time.monotonic() - before
        assert states(sqlite_hub)["purge", "2026-10-20"] == "running"
        end.set()
    assert took_s < 10  # the writer it holds is not waited for


def test_a_lease_of_a_time_that_has_not_come_is_over(sqlite_hub: Hub) -> None:
    """The clock was ten years ahead when its process died; it is right again."""
    sqlite_hub.clock.advance(days=3650)
    assert lease_for(sqlite_hub, "dead") is not None
    sqlite_hub.clock.advance(days=-3650)
    assert lease_for(sqlite_hub, "a") is not None
    with sqlite_hub.store.read() as connection:
        assert connection.execute(select(leases.c.owner, leases.c.fence)).one() == ("a", 2)
