"""``exchange``: what came from the partners' boxes and what goes to them, in one place."""

from __future__ import annotations

from typing import Annotated

import typer

from integration.cli.exits import Exit, Refused, leave
from integration.cli.intake import state_word
from integration.cli.jobs import Limit
from integration.cli.session import ActAs, Who, authenticate, job_actor, reading, writing
from integration.cli.words import AsJson, give_json, give_lines, give_table, say, zh
from integration.domain.rights import Right
from integration.jobs.collect import box_lines, boxes_of, collect_and_apply
from integration.jobs.deliver import deliver_next
from integration.jobs.hub import Hub
from integration.storage import audit, collected, outbox
from integration.storage.boxes import BoxLine
from integration.storage.collected import CollectedLine

exchange = typer.Typer(no_args_is_help=True)

_PARTNER = say("单位代码；默认全部", "a partner's code; without it, all")
Partner = Annotated[str | None, typer.Argument(metavar="PARTNER", help=_PARTNER)]
FileNumber = Annotated[
    int, typer.Argument(metavar="FILE", min=1, max=2**53, help=say("文件编号", "a collected file's number"))
]


@exchange.command("list", help=zh("列出取来的文件与外发的报文，新的在前"))
def list_exchanged(partner: Partner = None, limit: Limit = 50, json: AsJson = False) -> None:
    """List files collected and messages delivered, newest first, and how the boxes stand."""
    with reading() as hub:
        boxes = _wanted(box_lines(hub), partner)
        with hub.store.read() as connection:
            found = collected.exchanged(connection, limit, partner)
    if json:
        give_json({"exchanged": found, "boxes": boxes})
        return
    heads = ("向 / way", "编号 / id", "单位 / partner", "类别 / kind", "名称 / what", "时间 / at", "状态 / state")
    ways = {"in": say("收", "in"), "out": say("发", "out")}
    rows = [
        (ways[one.way], one.id, one.partner, one.kind, one.what, one.at, _state(one.state, one.answer)) for one in found
    ]
    give_table("文件交换 / Exchange", heads, rows)
    _tell_boxes(boxes)


def _wanted(boxes: list[BoxLine], partner: str | None) -> list[BoxLine]:
    return [box for box in boxes if partner in (None, box.partner)]


def _state(state: str, answer: str) -> str:
    words = {
        "settling": "待稳定",
        "kept": "已收",
        "returned": "已处理",
        "gone": "已不在",
        "failed": "停下，待人处理",
        "waiting": "待发",
        "sending": "发送中",
        "delivered": "已送达",
        "dead": "停下，待人处理",
    }
    said = say(words[state], state) if state in words else state_word(state)
    return f"{said} · {state_word(answer)}" if answer else said


def _tell_boxes(boxes: list[BoxLine]) -> None:
    if boxes:
        heads = ("单位 / partner", "上次查看 / looked", "不通原因 / why not", "自 / since", "下次 / next")
        rows = [(one.partner, one.looked_at, one.code or None, one.failing_since, one.not_before) for one in boxes]
        give_table("文件箱 / Boxes", heads, rows)


@exchange.command("show", help=zh("查看一个取来的文件，或一份外发报文的每次尝试"))
def show(number: Annotated[str, typer.Argument(metavar="ID")], json: AsJson = False) -> None:
    """Show a collected file by its number, or every attempt to deliver a message by its id."""
    with reading() as hub, hub.store.read() as connection:
        file = collected.find_file(connection, int(number)) if number.isdecimal() and len(number) < 19 else None
        attempts = outbox.attempt_lines(connection, number)
    if file is None and not attempts:
        text = f"there is no file or attempted message {number}; see: waiverhub exchange list"
        raise Refused(say(f"没有编号为 {number} 的文件或已尝试的报文", text))
    if json:
        give_json({"file": file, "attempts": attempts})
    elif file is not None:
        _tell_file(file)
    else:
        heads = ("#", "时间 / at", "结果 / outcome", "代码 / code", "由 / by")
        give_table(number, heads, [(a.n, a.at, a.outcome, a.code, a.actor) for a in attempts])


def _tell_file(file: CollectedLine) -> None:
    give_lines(
        f"{file.partner} · {file.kind} · {file.name} · {file.size:,} B",
        f"{say('发现', 'first seen')} {file.seen_at}",
        f"{say('状态', 'state')} {_state(file.state, file.answer)}",
    )
    if file.code:
        give_lines(
            say(
                f"第 {file.attempts} 次未成：{file.code}；再试不早于 {file.not_before}",
                f"attempt {file.attempts} failed: {file.code}; tried again not before {file.not_before}",
            )
        )
    if file.submission_id is not None:
        command = f"waiverhub registry show {file.submission_id}"
        give_lines(say(f"报送 {file.submission_id}：{command}", f"submission {file.submission_id}: {command}"))
    if file.state == "failed":
        command = f"waiverhub exchange retry {file.file_id}"
        give_lines(say(f"下一步：{command}", f"next: {command}"))


@exchange.command("collect", help=zh("立即查看文件箱，收取、应用并答复"))
def collect_now(partner: Partner = None, who: ActAs = None, json: AsJson = False) -> None:
    """Look into the boxes now; apply what came and lay back what became of it."""
    from integration.service import own_name

    with writing(as_json=json) as hub:
        actor = job_actor(hub, who, Right.SERVICE_RUN)
        asked = _with_box(hub, partner)
        looked = collect_and_apply(hub, asked, own_name(), actor=actor)
        boxes = [box for box in box_lines(hub) if box.partner in asked]
    if json:
        give_json({"looked": looked, "boxes": boxes})
    else:
        _tell_boxes(boxes)
        for one in sorted(set(asked) - set(looked)):
            give_lines(say(f"{one}：另一进程正在收取", f"{one}: another process is collecting there"))
    leave(Exit.REFUSED if any(box.code for box in boxes) else Exit.DONE)


@exchange.command("deliver", help=zh("立即发送所有待发的名单"))
def deliver_now(who: ActAs = None, json: AsJson = False) -> None:
    """Send all that waits to be sent and may be sent now."""
    from integration.service import own_name

    with writing(as_json=json) as hub:
        job_actor(hub, who, Right.SERVICE_RUN)
        owner, tried = own_name(), 0
        while deliver_next(hub, owner):
            tried += 1
        with hub.store.read() as connection:
            left = outbox.outbox_age(connection, hub.clock)
    if json:
        give_json({"tried": tried, "waiting": left.waiting, "dead": left.dead})
    else:
        text = f"{tried} tried; {left.waiting} wait, {left.dead} need somebody: waiverhub outbox list"
        give_lines(say(f"已尝试 {tried} 份；待发 {left.waiting}，待人处理 {left.dead}：waiverhub outbox list", text))
    leave(Exit.REFUSED if left.dead else Exit.DONE)


def _with_box(hub: Hub, partner: str | None) -> list[str]:
    """Return the partners with a box that are meant.

    Raises:
        typer.BadParameter: the one named has none; the text names those that have.
    """
    known = boxes_of(hub)
    if partner is not None and partner not in known:
        names = ", ".join(known) or "-"
        raise typer.BadParameter(
            say(f"{partner} 没有文件箱；现有 {names}", f"{partner} has no box; these have one: {names}")
        )
    return known if partner is None else [partner]


@exchange.command("retry", help=zh("让停下的文件重新处理"))
def retry(file: FileNumber, who: Who, json: AsJson = False) -> None:
    """Let a failed file be dealt with again at the next look."""
    with writing(as_json=json) as hub:
        actor = authenticate(hub, who, Right.SERVICE_RUN)
        with hub.store.write() as connection:
            if not collected.retry(connection, hub.clock, file):
                text = "there is no such failed file, or a newer one was applied since; see: waiverhub exchange list"
                raise Refused(say("没有这样的停下的文件，或其后已应用更新的文件", text))
            audit.record(connection, hub.clock, actor, "file_retried", str(file), {})
    if json:
        give_json({"retried": True})
    else:
        give_lines(say("下次查看时重新处理", "it will be dealt with at the next look"))
