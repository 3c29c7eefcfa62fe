"""``run`` and ``publish``: computing a month 批次 and handing it to the companies 名单."""

from __future__ import annotations

from typing import Annotated

import typer

from integration.cli.exits import Exit, leave
from integration.cli.intake import state_word, tell_trips
from integration.cli.session import ActAs, MonthArgument, job_actor, writing
from integration.cli.words import AsJson, cubic_metres, give_json, give_lines, give_table, say, side
from integration.domain.rights import Right
from integration.jobs.compute_month import RunSummary, compute_month
from integration.jobs.publish import PublishResult, publish_month

FullFlag = Annotated[bool, typer.Option("--full", help=say("重算全部追溯期", "Judge the whole look-back again."))]


def run(
    month: MonthArgument,
    full: FullFlag = False,
    who: ActAs = None,
    json: AsJson = False,
) -> None:
    """Compute a month: post what is due and not yet posted. Running it twice posts nothing."""
    with writing(as_json=json) as hub:
        summary = compute_month(hub, month, actor=job_actor(hub, who, Right.MONTHS_RUN), full=full)
    if json:
        give_json(summary)
    else:
        _tell_run(summary)


def _tell_run(summary: RunSummary) -> None:
    own = cubic_metres(summary.quantity_milli - summary.earlier_quantity_milli)
    earlier = cubic_metres(summary.earlier_quantity_milli)
    rows = summary.rows - summary.earlier_rows
    give_lines(
        say(
            f"批次 {summary.run_id}：{summary.month}（第 {summary.n} 次），截至版本 {summary.cut_off}",
            f"run {summary.run_id}: {summary.month} (no. {summary.n}), known up to version {summary.cut_off}",
        ),
        say(f"本月入账 {rows:,} 笔，{own} 立方米", f"posted for the month: {rows:,} rows, {own} m³"),
        say(
            f"以前月份入账 {summary.earlier_rows:,} 笔，净 {earlier} 立方米",
            f"posted for earlier months: {summary.earlier_rows:,} rows, net {earlier} m³",
        ),
        f"{say('下一步', 'next')}: waiverhub publish {summary.month}",
    )


def publish(month: MonthArgument, who: ActAs = None, json: AsJson = False) -> None:
    """Publish a month's lists to every company: the regular list, or what came since as a supplement."""
    with writing(as_json=json) as hub:
        results = publish_month(hub, month, actor=job_actor(hub, who, Right.MONTHS_RUN))
    if json:
        give_json(results)
    else:
        _tell_published(results)
    states = {result.state for result in results}
    leave(Exit.REFUSED if "refused" in states else Exit.HELD if "held" in states else Exit.DONE)


def _tell_published(results: list[PublishResult]) -> None:
    heads = (
        "公司 / company",
        "结果 / state",
        "编号 / number",
        "类别 / kind",
        "行 / rows",
        "立方米 / m³",
        "变化 / changes",
    )
    give_table("名单 / Lists", heads, map(_line, results))
    for result in results:
        tell_trips(result.trips)
        if result.reason:
            give_lines(f"{result.company}: {side(result.reason)}")
        if result.hold_id is not None:
            give_lines(
                say(f"下一步：waiverhub hold show {result.hold_id}", f"next: waiverhub hold show {result.hold_id}")
            )


def _line(result: PublishResult) -> tuple[object, ...]:
    words = {"published": say("已发布", "published"), "nothing_new": say("无新内容", "nothing new")}
    changes = " ".join(f"{change} {total.rows:,}" for change, total in result.changes.items())
    state = words.get(result.state) or state_word(result.state)
    return result.company, state, result.number, result.kind, result.rows, cubic_metres(result.quantity_milli), changes
