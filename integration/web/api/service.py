"""The system administrator's view: jobs and deliveries, and letting those be tried again that wait for a person."""

from __future__ import annotations

from typing import Final

from integration.domain.rights import Right
from integration.storage import audit, job_runs, outbox
from integration.storage.job_runs import JobKey, JobLine
from integration.storage.outbox import AttemptLine, OutboxLine
from integration.web.answers import Done
from integration.web.calls import Call
from integration.web.endpoints import Endpoint, Reply
from integration.web.models import Nothing, UnfinishedQuery
from integration.web.problems import Problem


def jobs(call: Call) -> Reply:
    """Give the clock's jobs, those due last first."""
    query = call.asked(UnfinishedQuery)
    with call.hub.store.read() as connection:
        return Reply(job_runs.job_lines(connection, query.limit, unfinished=query.unfinished))


def redrive_job(call: Call) -> Reply:
    """Let a job be tried again at once."""
    key = JobKey(call.word("kind"), call.word("period"))
    with call.hub.store.write() as connection:
        if not job_runs.redrive(connection, call.hub.clock, key):
            raise Problem("NOT_FOUND")
        audit.record(connection, call.hub.clock, call.principal.actor, "job_redriven", ":".join(key), {})
    return Reply(Done())


def messages(call: Call) -> Reply:
    """Give what is sent to companies, newest first."""
    query = call.asked(UnfinishedQuery)
    with call.hub.store.read() as connection:
        return Reply(outbox.outbox_lines(connection, query.limit, unfinished=query.unfinished))


def attempts(call: Call) -> Reply:
    """Give every attempt to deliver a message."""
    with call.hub.store.read() as connection:
        return Reply(outbox.attempt_lines(connection, call.word("message")))


def redrive_message(call: Call) -> Reply:
    """Let a dead message be sent again."""
    message, actor = call.word("message"), call.principal.actor
    with call.hub.store.write() as connection:
        if not outbox.redrive(connection, call.hub.clock, message, actor):
            raise Problem("NOT_FOUND")
        audit.record(connection, call.hub.clock, actor, "message_redriven", message, {})
    return Reply(Done())


_TAG: Final = "系统管理 Service"

ENDPOINTS: Final = (
    Endpoint(
        method="GET", path="/v1/admin/jobs", name="listJobs", tag=_TAG, summary="时钟作业 / The clock's jobs",
        work=jobs, right=Right.SERVICE_SEE, query=UnfinishedQuery, reply=list[JobLine],
    ),
    Endpoint(
        method="POST", path="/v1/admin/jobs/{kind}/{period}/redrive", name="redriveJob", tag=_TAG,
        summary="重做停下的作业 / Let a job be tried again at once",
        work=redrive_job, right=Right.SERVICE_RUN, body=Nothing, reply=Done, write=True,
    ),
    Endpoint(
        method="GET", path="/v1/admin/outbox", name="listOutbox", tag=_TAG, summary="外发报文 / What is sent",
        work=messages, right=Right.SERVICE_SEE, query=UnfinishedQuery, reply=list[OutboxLine],
    ),
    Endpoint(
        method="GET", path="/v1/admin/outbox/{message}", name="listAttempts", tag=_TAG,
        summary="一份报文的每次尝试 / Every attempt to deliver a message",
        work=attempts, right=Right.SERVICE_SEE, reply=list[AttemptLine],
    ),
    Endpoint(
        method="POST", path="/v1/admin/outbox/{message}/redrive", name="redriveMessage", tag=_TAG,
        summary="重发停下的报文 / Let a dead message be sent again",
        work=redrive_message, right=Right.SERVICE_RUN, body=Nothing, reply=Done, write=True,
    ),
)  # fmt: skip
