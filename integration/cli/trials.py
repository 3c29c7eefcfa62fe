"""``dry-run`` and ``hold dry-run``: who would gain and who would lose 试算, before anything is decided or kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from integration.app import policy_in
from integration.cli.holding import hold
from integration.cli.intake import tell_counts, tell_trips
from integration.cli.session import MonthArgument, MonthOption, content_of, file_option, month_parser, writing
from integration.cli.sheet_files import table_file
from integration.cli.words import AsJson, cubic_metres, give_json, give_lines, give_table, say, yuan, zh
from integration.domain.policy import Policy, load_policy
from integration.jobs.dry_run import DryRun, Wanted, dry_run, dry_run_of_hold
from integration.jobs.dry_run_bills import BillEffect
from integration.jobs.dry_run_totals import Changed, CompanyRows, Effect
from integration.jobs.hub import Hub
from integration.jobs.preview_list import ListPreview, preview_list
from integration.storage import holds
from schemas.configuration import read_toml
from schemas.values import Month

_POLICY = say("政策文件夹，或只含改动参数的文件", "a folder of policy, or a file with the changed parameters alone")
PolicyOption = Annotated[Path | None, typer.Option("--policy", exists=True, help=_POLICY)]
RegistryOption = Annotated[Path | None, file_option("民政登记文件", "a registry file", "--registry")]
BillsOption = Annotated[
    Month | None,
    typer.Option(
        "--bills", parser=month_parser, metavar="MONTH", help=say("重判此回盘月的账单", "a report month's bills")
    ),
]
ToOption = Annotated[
    Path | None,
    typer.Option("--to", dir_okay=False, help=say("逐户写入 .csv 或 .xlsx", "every household: .csv or .xlsx")),
]
FirstOption = Annotated[int, typer.Option("--first", min=0, help=say("显示前若干户", "show so many households"))]


def try_month(
    month: MonthArgument,
    policy: PolicyOption = None,
    registry: RegistryOption = None,
    bills: BillsOption = None,
    to: ToOption = None,
    first: FirstOption = 50,
    json: AsJson = False,
) -> None:
    """Show who would gain and who would lose: by the next run, under another policy, or after a registry file."""
    with writing(as_json=json) as hub, _wanted(to, first) as wanted:
        other = _policy(hub, policy) if policy else None
        content = content_of(registry) if registry else None
        found = dry_run(hub, month, policy=other, registry=content, bills=bills, wanted=wanted)
    _give(found, as_json=json)


@hold.command("dry-run", help=zh("试算放行后的影响，不保存"))
def try_hold(
    number: int, month: MonthOption = None, to: ToOption = None, first: FirstOption = 50, json: AsJson = False
) -> None:
    """Show what releasing a hold would do: to a month's households, or to a company's list."""
    with writing(as_json=json) as hub, _wanted(to, first) as wanted:
        with hub.store.read() as connection:
            found = holds.get(connection, number)
        if found.door == "list":
            company, _, text = found.subject.partition(":")
            preview = preview_list(hub, company, Month.parse(text), most=first)
        else:
            trial = dry_run_of_hold(hub, number, month, wanted)
    if found.door != "list":
        _give(trial, as_json=json)
    elif json:
        give_json(preview)
    else:
        _tell_preview(preview)


def _policy(hub: Hub, path: Path) -> Policy:
    """Return the policy of a folder; or of a file, whose parameters take the place of the present ones."""
    if path.is_dir():
        return policy_in(path)
    return load_policy({path.name: msgspec.json.decode(hub.policy.content) | read_toml(path.name, path.read_bytes())})


@contextmanager
def _wanted(to: Path | None, first: int) -> Iterator[Wanted]:
    if to is None:
        yield Wanted(first)
        return
    with table_file(to, Changed.__struct_fields__) as add:
        yield Wanted(first, lambda one: add(msgspec.structs.astuple(one)))


# --- telling ---------------------------------------------------------------------------------------------------


def _give(found: DryRun, *, as_json: bool) -> None:
    if as_json:
        give_json(found)
        return
    give_lines(say(f"试算 {found.month}：未保存任何内容", f"dry run of {found.month}: nothing was kept"))
    if found.registry:
        tell_counts(found.registry.counts)
    _tell_totals(found)
    _tell_companies(found.companies)
    tell_trips(found.trips)
    _tell_effects(found.effects)
    _tell_changed(say("增加（前若干）", "Gains (the first)"), found.gains)
    _tell_changed(say("减少（前若干）", "Losses (the first)"), found.losses)
    _tell_bills(found.bills or [])


def _tell_totals(found: DryRun) -> None:
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
    gained, lost = yuan(found.gained_fen), yuan(found.lost_fen)
    give_lines(
        say(
            f"增加 {gaining} 户（{gained}），减少 {losing} 户（{lost}），换户号 {moving} 户",
            f"gaining: {gaining} ({gained}), losing: {losing} ({lost}), to another account: {moving} households",
        )
    )
    if found.already_posted:
        give_lines(
            say("本月已入账：已入账的不会收回", "the month is posted already: what was posted is not taken back")
        )


def _tell_companies(found: list[CompanyRows]) -> None:
    heads = (
        "公司 / company", "之前 / rows before", "之后 / rows after", "新增 / NEW", "停止 / STOP",
        "新户 / additions", "终止 / ends", "换号 / changes", "超限 / limits exceeded",
    )  # fmt: skip
    rows = [
        (one.company, one.rows_before, one.rows_after, one.starting, one.stopping, one.additions, one.ends,
         one.changes, " ".join(trip.limit for trip in one.trips))
        for one in found
    ]  # fmt: skip
    give_table(say("各公司名单", "Companies' lists"), heads, rows)


def _tell_effects(found: list[Effect]) -> None:
    if not found:
        return
    heads = (
        "公司 / company", "区划 / district", "类别 / category", "之前 / before", "之后 / after", "户 / households",
        "+m³", "-m³", "+¥", "-¥",
    )  # fmt: skip
    rows = [
        (one.company or say("未落户", "none yet"), one.district, one.category, one.verdict_before, one.verdict_after,
         one.households, cubic_metres(one.gained_milli), cubic_metres(one.lost_milli), yuan(one.gained_fen),
         yuan(one.lost_fen))
        for one in found
    ]  # fmt: skip
    give_table(say("变化及原因", "Changes and their reasons"), heads, rows)


def _tell_changed(title: str, found: list[Changed]) -> None:
    if found:
        heads = ("家庭 / household", "服务 / service", "之前 / before", "之后 / after", "m³", "¥")
        rows = [
            (str(one.household), one.service, one.verdict_before, one.verdict_after, cubic_metres(one.quantity_milli),
             yuan(one.amount_fen))
            for one in found
        ]  # fmt: skip
        give_table(title, heads, rows)


def _tell_bills(found: list[BillEffect]) -> None:
    if found:
        heads = (
            "公司 / company", "账单行 / rows", "不同 / differing", "应减前 m³ / due before", "应减后 m³ / due after",
            "应减前 ¥ / due before", "应减后 ¥ / due after",
        )  # fmt: skip
        rows = [
            (one.company, one.bills, one.differing, *map(cubic_metres, (one.due_before_milli, one.due_after_milli)),
             *map(yuan, (one.due_before_fen, one.due_after_fen)))
            for one in found
        ]  # fmt: skip
        give_table(say("账单重判", "Bills judged again"), heads, rows)


def _tell_preview(found: ListPreview) -> None:
    quantity = cubic_metres(found.quantity_milli)
    give_lines(
        say(
            f"放行后 {found.company} {found.month} 的名单：{found.rows:,} 行，{quantity} 立方米",
            f"the list of {found.company} {found.month} if released: {found.rows:,} rows, {quantity} m³",
        )
    )
    changes = [(change, total.rows, cubic_metres(total.quantity_milli)) for change, total in found.changes.items()]
    give_table("", ("变化 / change", "行 / rows", "立方米 / m³"), changes)
    give_lines(
        say(
            f"上期 {found.base:,} 户：新增 {found.additions:,}，终止 {found.ends:,}，换号 {found.moves:,}",
            f"of {found.base:,} households before: {found.additions:,} begin, {found.ends:,} end, {found.moves:,} move",
        )
    )
    tell_trips(found.trips)
    give_table("", ("家庭 / household", "变化 / change"), [(str(one), change) for one, change in found.households])
