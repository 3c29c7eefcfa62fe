"""The clock of a process: woken every few seconds, it does what the database says is due.

One replica at a time does the calendar's jobs and empties the inbox, under a lease whose fence stops whoever was paused
beyond it; deliveries are claimed one by one by all of them, and a partner's box is one replica's for a look. The
library's scheduler only wakes.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from integration.clock import SHANGHAI, now_us, system_clock
from integration.domain.calendar import Due
from integration.jobs.collect import boxes_of, collect
from integration.jobs.deliver import CLAIM_S, deliver_next
from integration.jobs.hub import Hub
from integration.jobs.inbox import apply_waiting
from integration.scheduler.duties import ACTOR
from integration.scheduler.work import do_job
from integration.storage import audit, boxes, collected, job_runs, ledger, outbox
from integration.storage.errors import StorageError
from integration.storage.leases import Fenced, Lease, give_back, guard_of, renew_lease, take_lease

_log = structlog.get_logger(__name__)

_LEASE: Final = "clock"
#: A replica that has not renewed for so long has lost its lease.
LEASE_S: Final = 15.0
#: Without a tick for so long the clock is not well; a long job counts as a tick while it runs.
_LATE_US: Final = 120 * 1_000_000
#: How long giving back the lease may wait for others.
_GIVE_BACK_S: Final = 2


class Clockwork:
    """Wakes, and works in threads: one for jobs and inbox, one for deliveries, and one for each partner's box."""

    def __init__(
        self, hub: Hub, *, owner: str, tick_s: float = 5.0, lease_s: float = LEASE_S, claim_s: float = CLAIM_S
    ) -> None:
        self._hub = hub
        self._owner = owner
        self._tick_s = tick_s
        self._claim_s = claim_s
        self._lease_us = round(lease_s * 1_000_000)
        self._boxes = boxes_of(hub)
        self._pool = ThreadPoolExecutor(2 + len(self._boxes), "clock")  # no work is begun while it is under way
        self._lease_pool = ThreadPoolExecutor(1, "lease")
        self._scheduler = AsyncIOScheduler(timezone=SHANGHAI)
        self._stopping = threading.Event()
        self._lease: Lease | None = None
        self._busy = False
        self._last_us = now_us(hub.clock)

    async def start(self) -> None:
        """Begin to tick."""
        self._loop = asyncio.get_running_loop()
        for name, work in self._works.items():
            self._every(self._tick_s, work, name, self._pool)
        if self._hub.store.dialect == "postgresql":  # on SQLite no other process can want the lease
            self._every(self._lease_us / 3_000_000, self.renew, "renew", self._lease_pool)
        self._scheduler.start()
        self.wake()

    @property
    def _works(self) -> dict[str, Callable[[], None]]:
        looks = {f"box {partner}": partial(self.collect, partner) for partner in self._boxes}
        return {"work": self.tick, "deliver": self.deliver} | looks

    def _every(self, seconds: float, work: Callable[[], None], name: str, pool: ThreadPoolExecutor) -> None:
        async def woken() -> None:
            if not (self._stopping.is_set() and name in self._works):  # a lease is held until the last job is done
                await self._loop.run_in_executor(pool, self._tried, work)

        more: dict[str, Any] = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        self._scheduler.add_job(woken, "interval", seconds=seconds, id=name, **more)

    def _tried(self, work: Callable[[], None]) -> None:
        """Do the work of one waking; what goes wrong is told and tried again at the next."""
        try:
            work()
        except Fenced:
            _log.warning("lease_lost")
            self._lease = None
        except StorageError as error:
            _log.error("tick_failed", code=error.code)
        except Exception as error:  # noqa: BLE001 - the clock never stops
            _log.error("tick_failed", exc_info=error)

    def wake(self) -> None:
        """Tick now rather than at the next time; may be called from any thread."""
        self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        for name in self._works:
            if self._scheduler.get_job(name) is not None:
                self._scheduler.modify_job(name, next_run_time=system_clock())  # the library's own time

    async def stop(self, timeout_s: float = 30) -> None:
        """Take on nothing more, let what is under way finish, give the lease back."""
        self._stopping.set()
        for name in self._works:
            self._scheduler.remove_job(name)
        try:  # the lease is renewed meanwhile: what is under way may take longer than it lasts
            await asyncio.wait_for(asyncio.to_thread(self._pool.shutdown), timeout_s)
        except TimeoutError:
            _log.warning("work_left_unfinished")
        self._scheduler.shutdown(wait=False)
        await asyncio.to_thread(self._give_back)

    def _give_back(self) -> None:
        """Let another replica take over at once; one that cannot waits until the lease is over."""
        self._lease_pool.shutdown()  # nothing renews it after this
        if self._lease is None:
            return
        try:
            # work that was left unfinished may hold what this write waits for
            with self._hub.store.waiting(_GIVE_BACK_S).write() as connection:
                give_back(connection, self._lease)
        except StorageError as error:
            _log.warning("lease_kept", code=error.code)

    # --- one tick

    def tick(self) -> None:
        """Take the lease, or leave the work to whoever has it; then do all that is due."""
        if self._stopping.is_set():
            return
        with self._hub.store.write() as connection:
            self._lease = take_lease(connection, self._hub.clock, _LEASE, self._owner, self._lease_us)
        if self._lease is None:
            self._last_us = now_us(self._hub.clock)
            return
        self._busy = True
        try:
            self._work(self._lease, self._hub.with_store(self._hub.store.guarded(guard_of(self._lease))))
        finally:
            self._busy = False
            self._last_us = now_us(self._hub.clock)

    def _work(self, lease: Lease, hub: Hub) -> None:
        _empty_inbox(hub)
        for due in self._due(hub):
            if self._stopping.is_set():
                break
            if do_job(hub, due, lease):
                _empty_inbox(hub)  # what comes meanwhile does not wait for a whole year's jobs
        audit.sequence(hub.store, hub.ring, hub.clock)

    def _due(self, hub: Hub) -> list[Due]:
        with hub.store.read() as connection:
            computed = {run.month for run in ledger.all_runs(connection)}
        now = hub.clock().astimezone(SHANGHAI).replace(tzinfo=None)
        return hub.year.due(computed, now)

    def renew(self) -> None:
        """Hold the lease for longer while a job runs."""
        lease = self._lease
        if lease is None:
            return
        with self._hub.store.write() as connection:
            if not renew_lease(connection, self._hub.clock, lease, self._lease_us):
                self._lease = None

    def deliver(self) -> None:
        """Send all that can be sent now."""
        while not self._stopping.is_set() and deliver_next(self._hub, self._owner, self._claim_s):
            pass

    def collect(self, partner: str) -> None:
        """Look into a partner's box, if it is time."""
        collect(self._hub, partner, self._owner, actor=ACTOR, stopping=self._stopping.is_set)

    # --- how it is

    def health(self) -> str:
        """Return "ok", or what is wrong with the clock."""
        if not self._busy and now_us(self._hub.clock) - self._last_us > _LATE_US:
            return "no tick for two minutes"
        return "ok"

    def figures(self) -> dict[str, int]:
        """Return what the metrics say of jobs, outbox and boxes."""
        with self._hub.store.read() as connection:
            age = outbox.outbox_age(connection, self._hub.clock)
            dead = job_runs.dead_jobs(connection)
            files = collected.figures(connection)
            unreachable = boxes.unreachable(connection, self._boxes)
        return files | {
            "boxes_unreachable": unreachable, "jobs_dead": dead, "outbox_waiting": age.waiting, "outbox_dead": age.dead,
            "outbox_age_seconds": age.oldest_us // 1_000_000,
        }  # fmt: skip


def _empty_inbox(hub: Hub) -> None:
    """Apply what waits; a file that cannot be applied keeps no month from being run."""
    try:
        apply_waiting(hub, actor=ACTOR)
    except Fenced:
        raise
    except Exception as error:  # noqa: BLE001 - whatever is wrong with a file, the calendar's jobs go on
        _log.error("inbox_failed", exc_info=error)
