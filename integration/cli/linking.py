"""``link``: which household has which account 关联."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from integration.cli.session import ActAs, Who, authenticate, job_actor, reading, writing
from integration.cli.words import AsJson, give_json, give_lines, give_table, say, side, zh
from integration.domain.matching import HolderEvidence
from integration.domain.rights import Right
from schemas.values import Service

if TYPE_CHECKING:
    from integration.jobs.match_queue import QueuedCandidate

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
def run_linking(
    context: typer.Context,
    full: Annotated[
        bool, typer.Option("--full", help=say("重建比对键，重算全部", "make the match keys anew, judge all"))
    ] = False,
    who: ActAs = None,
    json: AsJson = False,
) -> None:
    """Link households and accounts, wherever something moved since the last linking."""
    from integration.jobs.link_accounts import link_accounts

    if context.invoked_subcommand is not None:
        return
    with writing(as_json=json) as hub:
        summary = link_accounts(hub, actor=job_actor(hub, who, Right.MONTHS_RUN), full=full)
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
    words = {
        "households": "核对家庭",
        "made": "新建或变更",
        "ended": "终止",
        "unconfirmed": "待人工确认",
        "matched": "近似匹配自动关联",
        "queued": "待人工复核",
    }
    give_lines(*(f"{say(word, key)}: {summary[key]:,}" for key, word in words.items()))
    rows = [(say(REASONS.get(reason, reason), reason), number) for reason, number in summary["pending"].items()]
    if rows:
        give_table("未关联 / Pending", ("原因 / reason", "家庭×项目 / household × service"), rows)


@link.command("queue", help=zh("待人工复核的关联，最有把握者在前"))
def queue(
    service: Annotated[Service | None, typer.Option()] = None,
    limit: Annotated[int, typer.Option(min=1, help=say("最多显示", "show at most"))] = 30,
    json: AsJson = False,
) -> None:
    """Show whom people have to look at, the surest candidates first."""
    from integration.jobs.match_queue import match_queue

    with reading() as hub:
        found = match_queue(hub, service=service)
    if json:
        give_json(found)
        return
    rows = [
        (one.household, one.service, len(one.candidates), best.per_mille, f"{best.company}:{best.account}", _said(best))
        for one in found[:limit]
        for best in one.candidates[:1]
    ]
    heads = (
        "家庭 / household", "项目 / service", "候选 / candidates", "分值‰ / per mille", "首选户号 / best account",
        "依据与疑点 / reasons and doubts",
    )  # fmt: skip
    give_table(f"待复核 {len(found):,} / {len(found):,} to review", heads, rows)


@link.command("show", help=zh("一户在一个项目的候选户号、分值与依据"))
def show(household: int, service: Annotated[Service, typer.Argument()], json: AsJson = False) -> None:
    """Show the candidates of a household at a service, with scores and reasons."""
    from integration.jobs.match_queue import match_queue
    from integration.jobs.match_texts import text_of

    with reading() as hub:
        found = [each for one in match_queue(hub, household=household, service=service) for each in one.candidates]
    if json:
        give_json(found)
        return
    for each in found:
        give_lines(f"{each.company}:{each.account}  {each.per_mille}‰")
        give_lines(*(f"  + {side(text_of(code))}" for code in each.reasons))
        give_lines(*(f"  ? {side(text_of(code))}" for code in each.doubts))
        if each.others:
            give_lines(f"  ! {say(f'也是另外 {each.others} 户的候选', f'a candidate of {each.others} others too')}")
    if not found:
        give_lines(say("没有候选户号", "there are no candidates"))


def _said(one: QueuedCandidate) -> str:
    return " ".join([*one.reasons, *(f"?{doubt}" for doubt in one.doubts)])


Number = Annotated[
    str | None, typer.Argument(metavar="ACCOUNT", help=say("户号，或 公司:户号", "its number, or company:number"))
]


@link.command("confirm", help=zh("确认关联：候选户号，或共用户号上第二户"))
def confirm(
    household: int,
    service: Annotated[Service, typer.Argument()],
    who: Who,
    account: Number = None,
    evidence: Annotated[
        HolderEvidence | None, typer.Option(help=say("户主非成员时的依据", "what shows it, if no member is the holder"))
    ] = None,
    json: AsJson = False,
) -> None:
    """Confirm the account of a household; without ACCOUNT, the shared one that waits."""
    from integration.jobs.match_queue import confirm_link

    with writing(as_json=json) as hub:
        actor = authenticate(hub, who, Right.LINKS_CONFIRM)
        confirm_link(hub, household, service, account, evidence=evidence, actor=actor)
    if json:
        give_json({"household": household, "service": service, "confirmed_by": actor})
    else:
        give_lines(say(f"已确认家庭 {household} 的 {service} 关联", f"confirmed: household {household}, {service}"))


@link.command("refuse", help=zh("否定一个候选户号，以后不再提出"))
def refuse(
    household: int,
    service: Annotated[Service, typer.Argument()],
    account: Annotated[str, typer.Argument(help=say("户号，或 公司:户号", "its number, or company:number"))],
    reason: Annotated[str, typer.Option(help=say("理由（不得写个人信息）", "why; no personal data"))],
    who: Who,
    json: AsJson = False,
) -> None:
    """Say that a household and an account do not belong together; the pair never comes again."""
    from integration.jobs.match_queue import refuse_match

    with writing(as_json=json) as hub:
        actor = authenticate(hub, who, Right.LINKS_CONFIRM)
        refuse_match(hub, household, service, account, reason=reason, actor=actor)
    if json:
        give_json({"household": household, "service": service, "refused_by": actor})
    else:
        give_lines(say(f"已否定家庭 {household} 的该候选户号", f"refused: household {household}, {service}"))


@link.command("sample", help=zh("抽查的关联决定：未查、有误、无误"))
def show_sample(json: AsJson = False) -> None:
    """Show the decisions that another person checks: waiting, then wrong, then right."""
    from integration.jobs.match_decisions import sample

    with reading() as hub:
        found = sample(hub)
    if json:
        give_json(found)
        return
    states = {"": "待查 / to check", "wrong": "有误 / wrong", "right": "无误 / right"}
    rows = [
        (one.household, one.service, f"{one.company}:{one.account}", one.outcome, one.per_mille, one.decided_by,
         side(states[one.found]), one.checked_by)
        for one in found
    ]  # fmt: skip
    heads = (
        "家庭 / household", "项目 / service", "户号 / account", "决定 / decision", "分值‰ / per mille",
        "决定人 / decided by", "抽查 / check", "抽查人 / checked by",
    )  # fmt: skip
    give_table("抽查 / Sample", heads, rows)


@link.command("check", help=zh("记录另一人对抽查决定的结论"))
def check(
    household: int,
    service: Annotated[Service, typer.Argument()],
    right: Annotated[bool, typer.Option("--right/--wrong", help=say("无误，或有误", "what was found"))],
    who: Who,
    note: Annotated[str, typer.Option(help=say("说明，有误时必填", "what is wrong; needed with --wrong"))] = "",
    json: AsJson = False,
) -> None:
    """Keep what you found of a decision that another took."""
    from integration.jobs.match_decisions import check_match

    with writing(as_json=json) as hub:
        actor = authenticate(hub, who, Right.LINKS_CONFIRM)
        check_match(hub, household, service, right=right, note=note, actor=actor)
    if json:
        give_json({"household": household, "service": service, "right": right, "checked_by": actor})
        return
    give_lines(say(f"已记录家庭 {household} 的抽查结论", f"checked: household {household}, {service}"))
    if not right:
        give_lines(say("更正须由两人作“错误关联”决定", "two persons correct it by a wrong_link decision"))
