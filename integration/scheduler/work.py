"""Doing one job of the calendar: begun once, ended in words, tried again with patience, and in the end a person's."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import structlog

from integration.clock import SHANGHAI, instant_us
from integration.domain.calendar import Due
from integration.jobs.compute_month import MonthRefused
from integration.jobs.hub import Hub
from integration.jobs.patience import drawn_us
from integration.jobs.publish import ListRefused
from integration.scheduler.duties import DUTIES, Ended
from integration.storage import job_runs
from integration.storage.errors import StorageError
from integration.storage.job_runs import JobKey
from integration.storage.leases import Fenced, Lease

_log = structlog.get_logger(__name__)

_FIRST_S: Final = 10


def due_us(at: datetime) -> int:
    """Return the stored form of a due instant."""
    return instant_us(at.replace(tzinfo=SHANGHAI))


def do_job(hub: Hub, due: Due, lease: Lease) -> bool:
    """Do a job if it is not done, under way elsewhere, or waiting; tell whether it was begun.

    Raises:
        Fenced: another holds the lease by now; nothing of the job stays.
    """
    key = JobKey(due.job.value, due.period)
    with hub.store.read() as connection:
        if job_runs.is_over(connection, hub.clock, key, lease.fence):
            return False
    with hub.store.write() as connection:
        attempt = job_runs.begin(connection, hub.clock, key, due_us(due.at), lease.owner, lease.fence)
    if attempt is None:
        return False
    try:
        ended = DUTIES[due.job](hub, due.period)
    except Fenced:
        raise
    except Exception as error:  # noqa: BLE001 - one job that fails keeps no other back
        _failed(hub, key, attempt, error)
        return True
    _ended(hub, key, ended)
    return True


def _ended(hub: Hub, key: JobKey, ended: Ended) -> None:
    with hub.store.write() as connection:
        if ended.again_us is None:
            job_runs.finish(connection, hub.clock, key, ended.detail)
        else:
            job_runs.wait(connection, hub.clock, key, ended.again_us, ended.detail)
    _log.info("job_ended", job=key.job, kind=key.period, state="done" if ended.again_us is None else "waiting")


def _failed(hub: Hub, key: JobKey, attempt: int, error: Exception) -> None:
    after_us = drawn_us(attempt, _FIRST_S)
    with hub.store.write() as connection:
        job_runs.fail(connection, hub.clock, key, attempt, after_us, _words(error))
    _log.error("job_failed", job=key.job, attempt=attempt, exc_info=error)


def _words(error: Exception) -> str:
    """Return what may be said of an error: our own refusals in full, of anything else the class alone."""
    if isinstance(error, MonthRefused | ListRefused):
        return str(error)
    return error.code if isinstance(error, StorageError) else type(error).__name__
