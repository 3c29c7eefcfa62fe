"""``run`` and ``publish``: computing a month 批次 and handing it to the companies 名单."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from integration.app import policy_in
from integration.cli.exits import Exit, leave
from integration.cli.intake import state_word, tell_counts, tell_trips
from integration.cli.session import ActAs, MonthArgument, content_of, file_option, job_actor, writing
from integration.cli.words import AsJson, cubic_metres, give_json, give_lines, give_table, say, side
from integration.domain.rights import Right
from integration.jobs.compute_month import RunSummary, compute_month
from integration.jobs.dry_run import CompanyRows, Difference, DryRun, dry_run
from integration.jobs.publish import PublishResult, publish_month
from schemas.values import Month

FullFlag = Annotated[bool, typer.Option("--full", help=say("重算全部追溯期", "Judge the whole look-back again."))]
DryFlag = Annotated[
    bool, typer.Option("--dry-run", help=say("只看影响，不保存", "Show who would gain or lose; keep nothing."))
]
_POLICY = say("试算用的政策文件或文件夹", "Dry run under this policy file or folder.")
PolicyOption = Annotated[Path | None, typer.Option("--policy", exists=True, help=_POLICY)]
RegistryOption = Annotated[
    Path | None, file_option("试算用的登记文件", "Dry run after this registry file.", "--registry")
]


def run(
    month: MonthArgument,
    full: FullFlag = False,
    dry: DryFlag = False,
    policy: PolicyOption = None,
    registry: RegistryOption = None,
    who: ActAs = None,
    json: AsJson = False,
) -> None:
    """Compute a month: post what is due and not yet posted. Running it twice posts nothing."""
    if dry:
        _try(month, policy, registry, as_json=json)
        return
    if policy or registry:
        raise typer.BadParameter(
            say("--policy 与 --registry 只用于 --dry-run", "--policy and --registry go with --dry-run")
        )
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


def _try(month: Month, policy: Path | None, registry: Path | None, *, as_json: bool) -> None:
    with writing(as_json=as_json) as hub:
        content = content_of(registry) if registry else None
        found = dry_run(hub, month, policy=policy_in(policy) if policy else None, registry=content)
    if as_json:
        give_json(found)
    else:
        _tell_trial(found)


def _tell_trial(found: DryRun) -> None:
    give_lines(say(f"试算 {found.month}：未保存任何内容", f"dry run of {found.month}: nothing was kept"))
    if found.registry:
        tell_counts(found.registry.counts)
    heads = ("", "之前 / before", "之后 / after")
    quantities = map(cubic_metres, (found.quantity_before_milli, found.quantity_after_milli))
    rows = [
        (say("家庭", "households"), f"{found.households_before:,}", f"{found.households_after:,}"),
        (say("立方米", "m³"), *quantities),
    ]
    give_table("", heads, rows)
    gaining, losing, moving = (
        f"{number:,}" for number in (found.households_gaining, found.households_losing, found.households_moving)
    )
    give_lines(
        say(
            f"增加 {gaining} 户，减少 {losing} 户，换户号 {moving} 户",
            f"gaining: {gaining}, losing: {losing}, to another account: {moving} households",
        )
    )
    if found.already_posted:
        give_lines(
            say("本月已入账：已入账的不会收回", "the month is posted already: what was posted is not taken back")
        )
    _tell_companies(found.companies)
    tell_trips(found.trips)
    _tell_differences(say("增加（前若干）", "Gains (the first)"), found.gains)
    _tell_differences(say("减少（前若干）", "Losses (the first)"), found.losses)


def _tell_companies(found: list[CompanyRows]) -> None:
    heads = ("公司 / company", "之前 / rows before", "之后 / rows after", "新增 / NEW", "停止 / STOP")
    rows = [
        (one.company, *(f"{n:,}" for n in (one.rows_before, one.rows_after, one.starting, one.stopping)))
        for one in found
    ]
    give_table(say("各公司名单", "Companies' lists"), heads, rows)


def _tell_differences(title: str, found: list[Difference]) -> None:
    if found:
        heads = ("家庭 / household", "服务 / service", "立方米 / m³")
        give_table(title, heads, [(str(d.household), d.service, cubic_metres(d.quantity_milli)) for d in found])


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
