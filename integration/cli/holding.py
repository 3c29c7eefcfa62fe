"""``hold``: what waits for two persons 暂存. One proposes release with a reason, another approves."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer

from integration.cli.exits import Exit, leave
from integration.cli.intake import finish, state_word, tell_trips
from integration.cli.session import Who, authenticate, reading, writing
from integration.cli.words import AsJson, give_json, give_lines, give_table, say, zh
from integration.domain.rights import Right
from integration.jobs.outcomes import SyncResult
from integration.storage import holds, submissions
from integration.storage.holds import Hold
from integration.storage.overview import at_text

hold = typer.Typer(no_args_is_help=True)


@hold.command("list", help=zh("列出暂存；默认只列待决的"))
def show_all(
    everything: Annotated[bool, typer.Option("--all", help=say("连同已处理的", "with the decided ones"))] = False,
    json: AsJson = False,
) -> None:
    """List what is held; with --all the decided ones too."""
    with reading() as hub, hub.store.read() as connection:
        found = [one for one in holds.all_holds(connection) if everything or one.state in ("open", "proposed")]
    if json:
        give_json([_plain(one) for one in found])
        return
    heads = (
        "#",
        say("关口", "door"),
        say("对象", "subject"),
        say("状态", "state"),
        say("提出", "proposed by"),
        say("时间", "since"),
    )
    rows = [(str(h.hold_id), h.door, h.subject, state_word(h.state), h.proposed_by, at_text(h.at_us)) for h in found]
    give_table("暂存 / Holds", heads, rows)


@hold.command("show", help=zh("查看一项暂存"))
def show(number: int, json: AsJson = False) -> None:
    """Show a hold: what would change, and who has said what."""
    with reading() as hub, hub.store.read() as connection:
        found = holds.get(connection, number)
    if json:
        give_json(_plain(found))
        return
    give_lines(f"{number} · {found.door} · {found.subject} · {state_word(found.state)} · {at_text(found.at_us)}")
    tell_trips(found.trips)
    _tell_differences(found)
    if found.proposed_by:
        give_lines(f"{say('提出', 'proposed by')}: {found.proposed_by} — {found.reason}")
    if found.approved_by:
        give_lines(f"{say('决定', 'decided by')}: {found.approved_by}")
    if found.state in ("open", "proposed"):
        give_lines(*_next(found))


def _tell_differences(found: Hold) -> None:
    """Print what a held snapshot says otherwise than deltas before it: whoever releases it accepts that."""
    if found.door != "snapshot":
        return
    with reading() as hub, hub.store.read() as connection:
        kept = submissions.state(connection, int(found.subject))
    heads = ("家庭 / household", "区划 / district", "变更 / delta", "全量 / snapshot")
    words = {"live": "在册", "ended": "终止", "silent": "未列"}
    rows = [
        (str(one.household), one.district, *(say(words[word], word) for word in (one.delta, one.snapshot)))
        for one in msgspec.json.decode(kept.reply, type=SyncResult).differences
    ]
    if rows:
        give_table("与此前变更不符 / Otherwise than deltas before", heads, rows)


def _next(found: Hold) -> list[str]:
    step = "propose" if found.state == "open" else "approve"
    reason = ' --reason "…"' if step == "propose" else ""
    return [
        say("下一步：", "next:"),
        f"  waiverhub hold {step} {found.hold_id} --as NAME{reason}",
        f"  waiverhub hold reject {found.hold_id} --as NAME",
    ]


def _plain(found: Hold) -> dict[str, Any]:
    return {**found._asdict(), "at_us": at_text(found.at_us)}


# --- deciding --------------------------------------------------------------------------------------------------


@hold.command("propose", help=zh("提出放行，须写理由（经办或主管）"))
def propose(
    number: int, who: Who, reason: Annotated[str, typer.Option(help=say("理由", "why"))], json: AsJson = False
) -> None:
    """Propose release, with a reason (clerk or supervisor)."""
    from integration.jobs.decide_hold import propose_release

    with writing(as_json=json) as hub:
        actor = authenticate(hub, who, Right.HOLDS_PROPOSE)
        decision = propose_release(hub, number, reason, actor=actor)
    if json:
        give_json(decision)
    else:
        give_lines(
            say(
                f"已提出放行 {number}；请另一位主管批准：",
                f"release of {number} is proposed; another supervisor approves:",
            ),
            f"  waiverhub hold approve {number} --as NAME",
        )


@hold.command("approve", help=zh("批准他人提出的放行（主管）；报送随即应用"))
def approve(number: int, who: Who, json: AsJson = False) -> None:
    """Approve what another person proposed (supervisor); a submission is applied at once."""
    from integration.jobs.decide_hold import approve_release

    with writing(as_json=json) as hub:
        actor = authenticate(hub, who, Right.HOLDS_DECIDE)
        decision = approve_release(hub, number, actor=actor)
    if json:
        give_json(decision)
        leave(Exit.DONE if decision.result is None or decision.result.state == "applied" else Exit.REFUSED)
    elif decision.door == "merger":
        give_lines(
            say(f"已执行 {decision.subject}；下一批次起生效", f"done: {decision.subject}; the next run goes by it")
        )
    elif decision.result is None:
        month = decision.subject.split(":")[1]
        again = f"waiverhub publish {month}"
        give_lines(say(f"已放行名单 {decision.subject}；请再运行 {again}", f"released; now publish again: {again}"))
    else:
        finish(decision.result, as_json=False)


@hold.command("reject", help=zh("否决暂存（主管）；报送永不生效"))
def reject(number: int, who: Who, json: AsJson = False) -> None:
    """Reject what is held (supervisor); a submission never takes effect."""
    from integration.jobs.decide_hold import reject_hold

    with writing(as_json=json) as hub:
        decision = reject_hold(hub, number, actor=authenticate(hub, who, Right.HOLDS_DECIDE))
    if json:
        give_json(decision)
    else:
        give_lines(say(f"已否决暂存 {number}，未作任何应用", f"rejected hold {number}; nothing of it is applied"))
