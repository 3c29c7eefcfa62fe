"""``link``: which household has which account 关联."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any

import msgspec
import typer

from integration.cli.session import ActAs, Who, authenticate, job_actor, reading, writing
from integration.cli.words import AsJson, give_json, give_lines, give_table, say, zh
from integration.domain.rights import Right
from schemas.values import Service

link = typer.Typer()

REASONS = {
    "no_candidate": "没有候选户号",
    "nothing_agrees": "户号无佐证",
    "non_domestic": "非居民户",
    "closed": "已销户",
    "unconfirmed": "与另一户共用户号，待确认",
    "linked": "户号已认定，成员重复待核实",
}


@link.callback(invoke_without_command=True, help=zh("关联家庭与户号"))
def run_linking(context: typer.Context, who: ActAs = None, json: AsJson = False) -> None:
    """Link households and accounts, wherever something moved since the last linking."""
    from integration.jobs.link_accounts import link_accounts

    if context.invoked_subcommand is not None:
        return
    with writing(as_json=json) as hub:
        summary = link_accounts(hub, actor=job_actor(hub, who, Right.MONTHS_RUN))
    _give(msgspec.to_builtins(summary), as_json=json)


@link.command("pending", help=zh("额度尚未落户的家庭、原因与候选户号"))
def pending(
    limit: Annotated[int, typer.Option(min=1, help=say("最多显示", "show at most"))] = 30,
    json: AsJson = False,
) -> None:
    """Show whose allowance is on no account yet, why, and which accounts to look at."""
    from integration.jobs.pending_matches import pending_matches

    with reading() as hub:
        found = pending_matches(hub)
    if json:
        give_json(found)
        return
    counts = Counter(one.reason for one in found)
    rows = [(say(REASONS.get(reason, reason), reason), number) for reason, number in sorted(counts.items())]
    give_table("未落户 / Pending", ("原因 / reason", "家庭×项目 / household × service"), rows)
    shown = [
        (one.household, one.service, say(REASONS[one.reason], one.reason), ", ".join(one.accounts)) for one in found
    ]
    heads = ("家庭 / household", "项目 / service", "原因 / reason", "候选户号 / accounts to look at")
    give_table(say(f"前 {limit} 户", f"the first {limit}"), heads, shown)


def _give(summary: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        give_json(summary)
        return
    words = {"households": "核对家庭", "made": "新建或变更", "ended": "终止", "unconfirmed": "待人工确认"}
    give_lines(*(f"{say(word, key)}: {summary[key]:,}" for key, word in words.items()))
    rows = [(say(REASONS.get(reason, reason), reason), number) for reason, number in summary["pending"].items()]
    if rows:
        give_table("未关联 / Pending", ("原因 / reason", "家庭×项目 / household × service"), rows)


@link.command("confirm", help=zh("确认共用户号上第二户的关联"))
def confirm(household: int, service: Annotated[Service, typer.Argument()], who: Who, json: AsJson = False) -> None:
    """Confirm the link of a second household on a shared account."""
    from integration.jobs.link_accounts import confirm_link

    with writing(as_json=json) as hub:
        actor = authenticate(hub, who, Right.LINKS_CONFIRM)
        confirm_link(hub, household, service, actor=actor)
    if json:
        give_json({"household": household, "service": service, "confirmed_by": actor})
    else:
        give_lines(say(f"已确认家庭 {household} 的 {service} 关联", f"confirmed: household {household}, {service}"))
