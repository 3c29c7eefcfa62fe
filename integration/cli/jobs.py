"""``jobs`` and ``outbox``: what the clock has done and has to do, and what is on its way out."""

from __future__ import annotations

from typing import Annotated

import typer

from integration.cli.exits import Refused
from integration.cli.session import Who, authenticate, reading, writing
from integration.cli.words import AsJson, give_json, give_lines, give_table, say, zh
from integration.clock import SHANGHAI
from integration.domain.rights import Right
from integration.storage import audit, job_runs, ledger
from integration.storage import outbox as messages
from integration.storage.job_runs import JobKey

jobs = typer.Typer(no_args_is_help=True)
outbox = typer.Typer(no_args_is_help=True)

Limit = Annotated[int, typer.Option(min=1, max=10_000, help=say("最多几项", "how many"))]
Unfinished = Annotated[bool, typer.Option("--open", help=say("只列未完成的", "unfinished ones only"))]


@jobs.command("list", help=zh("列出时钟作业"))
def list_jobs(limit: Limit = 50, unfinished: Unfinished = False, json: AsJson = False) -> None:
    """List the clock's jobs, those due last first."""
    with reading() as hub, hub.store.read() as connection:
        found = job_runs.job_lines(connection, limit, unfinished=unfinished)
    if json:
        give_json(found)
        return
    heads = ("作业 / job", "期间 / period", "状态 / state", "次数 / attempts", "到期 / due", "说明 / detail")
    give_table("作业 / Jobs", heads, [(j.job, j.period, j.state, j.attempts, j.due_at, j.detail) for j in found])


@jobs.command("due", help=zh("此刻到期而未完成的作业，按先后"))
def due(json: AsJson = False) -> None:
    """Show what is due now and not done, in order: what a running clock would do next."""
    with reading() as hub, hub.store.read() as connection:
        now = hub.clock().astimezone(SHANGHAI).replace(tzinfo=None)
        found = hub.year.due({run.month for run in ledger.all_runs(connection)}, now)
        done = {(j.job, j.period) for j in job_runs.job_lines(connection, 10_000) if j.state == "done"}
        known = hub.year.workdays.is_known(now.year)
    left = [one for one in found if (one.job.value, one.period) not in done]
    if json:
        give_json([{"job": one.job, "period": one.period, "due_at": one.at.isoformat()} for one in left])
        return
    heads = ("作业 / job", "期间 / period", "到期 / due")
    give_table("到期 / Due", heads, [(one.job.value, one.period, one.at.isoformat()) for one in left])
    if not known:
        year = now.year
        give_lines(
            say(
                f"注意：尚无 {year} 年放假通知（config/workdays/{year}.toml），调休日未计入",
                f"note: no notice of {year} (config/workdays/{year}.toml); make-up days are not known",
            )
        )


@jobs.command("redrive", help=zh("让停下的作业立即重做"))
def redrive_job(
    job: str, period: str, who: Who, scope: Annotated[str, typer.Option()] = "all", json: AsJson = False
) -> None:
    """Let a dead or failed job be tried again at once."""
    with writing(as_json=json) as hub:
        actor = authenticate(hub, who, Right.SERVICE_RUN)
        with hub.store.write() as connection:
            if not job_runs.redrive(connection, hub.clock, JobKey(job, period, scope)):
                text = "there is no such job that waits; see: waiverhub jobs list --open"
                raise Refused(say("没有这样的停下的作业", text))
            audit.record(connection, hub.clock, actor, "job_redriven", f"{job}:{period}:{scope}", {})
    _done(as_json=json)


@outbox.command("list", help=zh("列出外发报文"))
def list_messages(limit: Limit = 50, unfinished: Unfinished = False, json: AsJson = False) -> None:
    """List what is sent to companies, newest first."""
    with reading() as hub, hub.store.read() as connection:
        found = messages.outbox_lines(connection, limit, unfinished=unfinished)
    if json:
        give_json(found)
        return
    heads = ("报文 / message", "公司 / company", "状态 / state", "次数 / attempts", "送达 / delivered")
    rows = [(m.message_id, m.company, m.state, m.attempts, m.delivered_at) for m in found]
    give_table("外发 / Outbox", heads, rows)


@outbox.command("show", help=zh("查看一份报文的每次尝试"))
def show_message(message_id: str, json: AsJson = False) -> None:
    """Show every attempt to deliver a message."""
    with reading() as hub, hub.store.read() as connection:
        found = messages.attempt_lines(connection, message_id)
    if json:
        give_json(found)
        return
    heads = ("#", "时间 / at", "结果 / outcome", "代码 / code", "由 / by")
    give_table(message_id, heads, [(a.n, a.at, a.outcome, a.code, a.actor) for a in found])


@outbox.command("redrive", help=zh("让停下的报文重新发送"))
def redrive_message(message_id: str, who: Who, json: AsJson = False) -> None:
    """Let a dead message be sent again."""
    with writing(as_json=json) as hub:
        actor = authenticate(hub, who, Right.SERVICE_RUN)
        with hub.store.write() as connection:
            if not messages.redrive(connection, hub.clock, message_id, actor):
                text = "there is no such dead message; see: waiverhub outbox list --open"
                raise Refused(say("没有这样的停下的报文", text))
            audit.record(connection, hub.clock, actor, "message_redriven", message_id, {})
    _done(as_json=json)


def _done(*, as_json: bool) -> None:
    if as_json:
        give_json({"redriven": True})
    else:
        give_lines(say("已安排重做", "it will be tried again"))
