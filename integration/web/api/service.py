"""The system administrator's view: jobs, deliveries and collected files, and redriving those that wait for a person."""

from __future__ import annotations

from typing import Final

from integration.domain.rights import Right
from integration.jobs.collect import box_lines
from integration.storage import audit, collected, job_runs, outbox
from integration.storage.boxes import BoxLine
from integration.storage.collected import CollectedLine
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


def collected_files(call: Call) -> Reply:
    """Give what was found in the partners' boxes and what became of it, newest first."""
    query = call.asked(UnfinishedQuery)
    with call.hub.store.read() as connection:
        return Reply(collected.collected_lines(connection, query.limit, unfinished=query.unfinished))


def retry_file(call: Call) -> Reply:
    """Let a collected file that waits for a person be dealt with again."""
    file, actor = call.number("file"), call.principal.actor
    with call.hub.store.write() as connection:
        if not collected.retry(connection, call.hub.clock, file):
            raise Problem("NOT_FOUND")
        audit.record(connection, call.hub.clock, actor, "file_retried", str(file), {})
    return Reply(Done())


def boxes(call: Call) -> Reply:
    """Give how the partners' boxes stand."""
    return Reply(box_lines(call.hub))


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
    Endpoint(
        method="GET", path="/v1/admin/collected", name="listCollected", tag=_TAG,
        summary="取来的文件 / Files collected from the partners' boxes",
        work=collected_files, right=Right.SERVICE_SEE, query=UnfinishedQuery, reply=list[CollectedLine],
    ),
    Endpoint(
        method="POST", path="/v1/admin/collected/{file}/retry", name="retryFile", tag=_TAG,
        summary="重做停下的文件 / Let a collected file be dealt with again",
        work=retry_file, right=Right.SERVICE_RUN, body=Nothing, reply=Done, write=True,
    ),
    Endpoint(
        method="GET", path="/v1/admin/boxes", name="listBoxes", tag=_TAG,
        summary="各单位的文件箱 / The partners' boxes",
        work=boxes, right=Right.SERVICE_SEE, reply=list[BoxLine],
    ),
)  # fmt: skip
