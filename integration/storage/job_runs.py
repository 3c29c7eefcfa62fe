"""What the clock has done and has to do: one row a job, period and scope, however many replicas want to do it."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Connection, and_, func, insert, select, update

from integration.clock import Clock, now_us
from integration.storage.overview import at_text
from integration.storage.tables import job_runs

#: After so many attempts a job waits for a person.
MOST_ATTEMPTS: Final = 8


class JobKey(NamedTuple):
    """Which job, for which period, of what (``all``, or a company)."""

    job: str
    period: str
    scope: str = "all"


class JobLine(msgspec.Struct, frozen=True):
    """A job as it stands; ``detail`` is free of personal data."""

    job: str
    period: str
    scope: str
    state: str
    attempts: int
    due_at: str
    not_before: str
    detail: str


def is_over(connection: Connection, clock: Clock, key: JobKey, fence: int) -> bool:
    """Tell whether there is nothing to begin now: a look before the write that ``begin`` is."""
    c = job_runs.c
    row = connection.execute(select(c.state, c.not_before_us, c.fence).where(_is(key))).first()
    return row is not None and not _may_begin(row, now_us(clock), fence)


def _may_begin(row: Any, now: int, fence: int) -> bool:
    if row.state == "running":  # whoever holds the lease does one job at a time: this one was left behind
        return bool(row.fence <= fence)
    return row.state in ("failed", "waiting") and row.not_before_us <= now


def begin(connection: Connection, clock: Clock, key: JobKey, due_us: int, owner: str, fence: int) -> int | None:
    """Begin a job; return which attempt this is, None if it is done or not yet to be tried again."""
    c, now = job_runs.c, now_us(clock)
    mine = _is(key)
    row = connection.execute(select(c.state, c.attempts, c.not_before_us, c.fence).where(mine)).first()
    if row is None:
        values = key._asdict() | {"state": "running", "attempts": 1, "due_us": due_us, "not_before_us": now}
        values |= {"started_us": now, "owner": owner, "fence": fence}
        connection.execute(insert(job_runs).values(values))
        return 1
    if not _may_begin(row, now, fence):
        return None
    attempts = row.attempts + (row.state != "waiting")
    begun = {"state": "running", "attempts": attempts, "started_us": now, "owner": owner, "fence": fence}
    connection.execute(update(job_runs).where(mine).values(begun))
    return int(attempts)


def finish(connection: Connection, clock: Clock, key: JobKey, detail: str) -> None:
    """Note that a job is done."""
    _end(connection, clock, key, "done", 0, detail)


def wait(connection: Connection, clock: Clock, key: JobKey, after_us: int, detail: str) -> None:
    """Note that a job has done what it could, and goes on later: people have to decide something first."""
    _end(connection, clock, key, "waiting", now_us(clock) + after_us, detail)


def fail(connection: Connection, clock: Clock, key: JobKey, attempts: int, after_us: int, detail: str) -> None:
    """Note that a job failed: it is tried again, or after too many attempts waits for a person."""
    state = "dead" if attempts >= MOST_ATTEMPTS else "failed"
    _end(connection, clock, key, state, now_us(clock) + after_us, detail)


def _end(connection: Connection, clock: Clock, key: JobKey, state: str, not_before_us: int, detail: str) -> None:
    values = {"state": state, "not_before_us": not_before_us, "finished_us": now_us(clock), "detail": detail}
    connection.execute(update(job_runs).where(_is(key)).values(values))


def redrive(connection: Connection, clock: Clock, key: JobKey) -> bool:
    """Let a dead or failed job be tried again at once; False if there is no such."""
    stuck = job_runs.c.state.in_(("dead", "failed", "waiting"))
    values = {"state": "failed", "attempts": 0, "not_before_us": now_us(clock)}
    return connection.execute(update(job_runs).where(_is(key), stuck).values(values)).rowcount == 1


def _is(key: JobKey) -> Any:
    c = job_runs.c
    return and_(c.job == key.job, c.period == key.period, c.scope == key.scope)


def job_lines(connection: Connection, most: int, *, unfinished: bool = False) -> list[JobLine]:
    """Return jobs, those due last first."""
    c = job_runs.c
    query = select(c.job, c.period, c.scope, c.state, c.attempts, c.due_us, c.not_before_us, c.detail)
    if unfinished:
        query = query.where(c.state != "done")
    rows = connection.execute(query.order_by(c.due_us.desc(), c.job).limit(most))
    return [JobLine(*row[:5], at_text(row[5]), at_text(row[6]), row[7]) for row in rows]


def dead_jobs(connection: Connection) -> int:
    """Count the jobs that wait for a person."""
    query = select(func.count()).select_from(job_runs).where(job_runs.c.state == "dead")
    return int(connection.execute(query).scalar_one())
