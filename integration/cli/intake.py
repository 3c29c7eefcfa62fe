"""``registry``, ``roster``, ``aliases``, ``submissions``: what arrives 报送, and what became of it."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from integration.cli.exits import Exit, Refused, leave
from integration.cli.session import (
    ActAs,
    FileArgument,
    content_of,
    job_actor,
    known_company,
    reading,
    settings,
    writing,
)
from integration.cli.words import AsJson, give_json, give_lines, give_table, lines_in, say, side, zh
from integration.domain.brake import Trip
from integration.domain.rights import Right
from integration.jobs.outcomes import SyncResult
from integration.storage import overview
from integration.storage.overview import RowsEnded, Submission

registry = typer.Typer(no_args_is_help=True)
roster = typer.Typer(no_args_is_help=True)
aliases = typer.Typer(no_args_is_help=True)

CompanyArgument = Annotated[str, typer.Argument(metavar="COMPANY", help=say("公司代码", "a company's code"))]
_ENDS = {"applied": Exit.DONE, "duplicate": Exit.DONE, "held": Exit.HELD}


@registry.command("import", help=zh("导入民政登记文件（全量或变更）"))
def import_registry(file: FileArgument, who: ActAs = None, json: AsJson = False) -> None:
    """Take in a registry file, a snapshot or a delta."""
    from integration.jobs.sync_registry import sync_registry

    with writing({"registry": lines_in(file)}, as_json=json) as hub:
        result = sync_registry(hub, content_of(file), actor=job_actor(hub, who, Right.FILES_TAKE))
    finish(result, as_json=json)


@roster.command("import", help=zh("导入公司用户档案"))
def import_roster(company: CompanyArgument, file: FileArgument, who: ActAs = None, json: AsJson = False) -> None:
    """Take in a company's roster."""
    from integration.jobs.sync_roster import sync_roster

    with writing({"roster": lines_in(file)}, as_json=json) as hub:
        code = known_company(hub, company)
        result = sync_roster(hub, code, content_of(file), actor=job_actor(hub, who, Right.FILES_TAKE))
    finish(result, as_json=json)


@aliases.command("import", help=zh("导入公司换号文件"))
def import_aliases(company: CompanyArgument, file: FileArgument, who: ActAs = None, json: AsJson = False) -> None:
    """Take in a company's renumberings."""
    from integration.jobs.sync_aliases import sync_aliases

    with writing(as_json=json) as hub:
        code = known_company(hub, company)
        result = sync_aliases(hub, code, content_of(file), actor=job_actor(hub, who, Right.FILES_TAKE))
    finish(result, as_json=json)


def finish(result: SyncResult, *, as_json: bool) -> None:
    """Tell what became of a submission and end with its exit code."""
    if as_json:
        give_json(result)
    else:
        _tell(result)
    leave(_ENDS.get(result.state, Exit.REFUSED))


def _tell(result: SyncResult) -> None:
    give_lines(f"{say('报送', 'submission')} {result.submission_id}: {state_word(result.state)}")
    if result.duplicate_of is not None:
        give_lines(
            say(f"内容与报送 {result.duplicate_of} 相同", f"the same content as submission {result.duplicate_of}")
        )
    if result.counts:
        tell_counts(result.counts)
    if result.ended:
        give_lines(say(f"  终止家庭 {result.ended:,}", f"  households ended {result.ended:,}"))
    if result.faults:
        _tell_faults([RowsEnded(f.row, f.row, "", f.column, f.code, f.text) for f in result.faults])
    tell_trips(result.trips)
    if result.hold_id is not None:
        give_lines(say(f"下一步：waiverhub hold show {result.hold_id}", f"next: waiverhub hold show {result.hold_id}"))


def state_word(state: str) -> str:
    """Return a state as a reader says it."""
    words = {
        "applied": "已应用",
        "duplicate": "重复，无影响",
        "held": "已暂存，待两人决定",
        "refused": "整份退回",
        "rejected": "已否决",
        "received": "已收",
        "open": "待提出",
        "proposed": "待批准",
        "released": "已放行",
    }
    return say(words.get(state, state), state)


def tell_counts(counts: dict[str, int]) -> None:
    """Print how the rows ended."""
    words = {"applied": "应用", "unchanged": "未变", "held": "暂存", "rejected": "退回"}
    give_lines("  " + "  ".join(f"{say(words.get(key, key), key)} {number:,}" for key, number in counts.items()))


def tell_trips(trips: list[Trip]) -> None:
    """Print which limits would be exceeded."""
    if trips:
        heads = ("限额 / limit", "区划 / district", "数量 / number", "基数 / of")
        rows = [(trip.limit, trip.district or say("全部", "all"), trip.number, trip.base) for trip in trips]
        give_table("超出限额 / Limits exceeded", heads, rows)


def _tell_faults(ended: list[RowsEnded]) -> None:
    heads = ("行 / row", "栏 / column", "代码 / code", "原因与办法 / reason and remedy")
    rows = [(_span(one), one.column, one.code, side(one.text)) for one in ended]
    give_table("原因 / Reasons", heads, rows)


def _span(ended: RowsEnded) -> str:
    return str(ended.first_row) if ended.first_row == ended.last_row else f"{ended.first_row}-{ended.last_row}"


# --- looking ---------------------------------------------------------------------------------------------------


@registry.command("show", help=zh("查看一份报送：状态、计数、逐行结果"))
def show(
    submission: int,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help=say("每页行数", "rows a page"))] = 50,
    skip: Annotated[int, typer.Option(min=0, help=say("跳过的行数", "rows to skip"))] = 0,
    json: AsJson = False,
) -> None:
    """Show a submission: its state, counts, and how its rows ended."""
    with reading() as hub, hub.store.read() as connection:
        found = overview.find_submission(connection, submission)
        ended = overview.outcomes_of(connection, submission, limit, skip)
    if found is None:
        raise Refused(say(f"没有报送 {submission}", f"there is no submission {submission}; see: waiverhub submissions"))
    if json:
        give_json({"submission": found, "outcomes": ended})
    else:
        _tell_submission(found, ended, limit)


def _tell_submission(found: Submission, ended: list[RowsEnded], limit: int) -> None:
    give_lines(f"{found.kind} · {found.sender} · {found.message_id} · {found.received_at} · {found.size:,} B")
    if reply := msgspec.json.decode(found.reply, type=SyncResult | None):
        _tell(msgspec.structs.replace(reply, faults=[] if ended else reply.faults))
    said = [one for one in ended if one.code]
    if said:
        _tell_faults(said)
    if len(ended) == limit:
        give_lines(say("还有更多：--skip", "there may be more: --skip"))


def submissions(
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 30,
    kind: Annotated[str | None, typer.Option(help="registry, roster, aliases")] = None,
    json: AsJson = False,
) -> None:
    """List the newest submissions."""
    with reading() as hub, hub.store.read() as connection:
        found = overview.last_submissions(connection, limit, kind)
    if json:
        give_json(found)
        return
    heads = (
        "#",
        say("单位", "sender"),
        say("类别", "kind"),
        say("编号", "message"),
        say("收到", "received"),
        say("状态", "state"),
    )
    rows = [
        (str(s.submission_id), s.sender, s.kind, s.message_id[:24], s.received_at, state_word(s.state)) for s in found
    ]
    give_table("报送 / Submissions", heads, rows)


# --- forgetting ------------------------------------------------------------------------------------------------


def purge(who: ActAs = None, json: AsJson = False) -> None:
    """Delete the content and row outcomes of decided submissions older than ``raw_retention_days``."""
    from integration.jobs.purge_content import purge_content

    days = settings().raw_retention_days
    with writing(as_json=json) as hub:
        number = purge_content(hub, days, actor=job_actor(hub, who, Right.SERVICE_RUN))
    if json:
        give_json({"purged": number, "retention_days": days})
    else:
        give_lines(
            say(
                f"已删除 {number} 份超过 {days} 天的报送原文", f"deleted the content of {number} older than {days} days"
            )
        )
