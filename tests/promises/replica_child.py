"""One replica in a process of its own: the clock and its deliveries, on a calendar day that its parent names.

replica_child.py OWNER INSTANT MODE     MODE: sound, or a mutant: unfenced, forgetful
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import Connection

from integration.app import open_hub
from integration.domain.calendar import Job
from integration.jobs.hub import Hub
from integration.logs import configure
from integration.scheduler import clockwork, duties
from integration.scheduler.clockwork import Clockwork
from integration.storage.outbox import Message

OWNER, INSTANT, MODE = sys.argv[1:4]
OFFSET = datetime.fromisoformat(INSTANT).astimezone(UTC) - datetime.now(UTC)


def clock() -> datetime:
    return datetime.now(UTC) + OFFSET


def slowly(duty: Callable[[Hub, str], duties.Ended]) -> Callable[[Hub, str], duties.Ended]:
    """A job that takes a while at its end, and says so: there its parent stops it."""

    def work(hub: Hub, period: str) -> duties.Ended:
        def last_moment(_connection: Connection) -> None:
            print("late", flush=True)
            time.sleep(0.4)

        guard = hub.store._guard
        store = hub.store.guarded(lambda connection: (last_moment(connection), guard and guard(connection)))
        return duty(hub.with_store(store), period)

    return work


def mutate() -> None:
    if MODE == "unfenced":
        clockwork.guard_of = lambda _lease: lambda _connection: None  # type: ignore[assignment]
    if MODE == "forgetful":  # a new id for every attempt, and no question before it
        sent = clockwork.deliver_next.__globals__["_sent"]

        def forgetful(hub: Hub, message: Message) -> str:
            ready = clockwork.deliver_next.__globals__["_ready"]
            fresh = lambda hub, one: ready(hub, one)._replace(  # noqa: E731
                parcel=ready(hub, one).parcel._replace(message_id=f"{one.message_id}-{one.attempts}-{OWNER}")
            )
            clockwork.deliver_next.__globals__["_ready"] = fresh
            try:
                return str(sent(hub, message._replace(unclear=False)))
            finally:
                clockwork.deliver_next.__globals__["_ready"] = ready

        clockwork.deliver_next.__globals__["_sent"] = forgetful


configure(clock)


async def serve() -> None:
    with open_hub(clock=clock) as hub:
        made = Clockwork(hub, owner=OWNER, tick_s=0.1, lease_s=1.0, claim_s=1.0)
        await made.start()
        print("started", flush=True)
        await asyncio.Event().wait()


duties.DUTIES[Job.PURGE] = slowly(duties.purge)  # type: ignore[index]
mutate()
asyncio.run(serve())
