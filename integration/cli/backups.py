"""``backup`` and ``restore``: a sealed copy of the whole hub, the proof that it is good, and the way back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from integration.app import compose
from integration.cli.exits import Exit, Refused, leave
from integration.cli.session import FileArgument, Who, authenticate, os_actor, reading, settings, writing
from integration.cli.words import AsJson, give_json, give_lines, give_table, progress, say, side, zh
from integration.clock import system_clock
from integration.domain.rights import Right
from integration.storage import restores
from integration.storage.keys import KeyRing
from integration.storage.overview import at_text
from integration.storage.restores import Gap, Restore

backup = typer.Typer(no_args_is_help=True)
restore = typer.Typer(no_args_is_help=True)

NewFile = Annotated[Path, typer.Argument(dir_okay=False, help=say("新文件", "a file that is not there yet"))]
Seen = Annotated[
    list[str],
    typer.Option(
        "--seen",
        metavar="COMPANY=N",
        help=say("公司最后收到的名单编号，每家都要写", "last list it has; of every company"),
    ),
]


# --- backup ----------------------------------------------------------------------------------------------------


@backup.command("make", help=zh("备份整个数据库（加密；可与运行中的服务并行）"))
def make(file: NewFile, json: AsJson = False) -> None:
    """Back the whole database up into a sealed file, beside a running hub; the keys are not in it."""
    from dataclasses import replace

    from integration.jobs.backup import make_backup

    with progress({}, as_json=json) as told, reading() as hub:
        made = make_backup(replace(hub, progress=told), settings().url, file)
    if json:
        give_json(made)
        return
    give_lines(
        f"{made.file}  {made.size:,} B  sha256 {made.sha256}",
        say("密钥不在备份内，请另行保管密钥文件夹", "the keys are not in it: keep the key folder elsewhere"),
        f"{say('下一步', 'next')}: waiverhub backup verify {file}",
    )


@backup.command("show", help=zh("查看备份文件头（不需密钥，未经核对）"))
def show(file: FileArgument, json: AsJson = False) -> None:
    """Show what a backup says of itself; needs no key, and proves nothing."""
    from integration.jobs.backup import head_of

    head = head_of(file)
    if json:
        give_json(head)
        return
    lists = " ".join(f"{company}={number}" for company, number in head.lists.items())
    give_lines(
        f"{head.made_at}  {head.database}  {say('表版本', 'tables')} {head.revision}",
        f"{say('知识版本', 'knowledge version')} {head.knowledge}  {say('审计树', 'audit tree')} {head.tree_size}",
        f"{say('名单', 'lists')} {lists or '-'}  {say('备份密钥', 'backup key')} {head.key_id}",
    )


@backup.command("verify", help=zh("真正恢复到临时库并逐项核对，然后删除临时库"))
def verify(file: FileArgument, json: AsJson = False) -> None:
    """Restore a backup into a scratch database for real, check everything in it, and take that away again."""
    from integration.jobs.backup import verify_backup

    found = settings()
    ring = KeyRing.load(found.keys)
    hub_on = partial(compose, ring=ring, settings=found)
    verified = verify_backup(file, ring, found.url, found.data_dir, hub_on)
    if json:
        give_json({"sound": not verified.faults, **_fields(verified)})
    elif verified.faults:
        give_table("备份问题 / Faults of the backup", ("代码 / code", "对象 / subject"), verified.faults)
    took = _seconds(verified.restored_ms), _seconds(verified.checked_ms)
    if not json:
        give_lines(say(f"恢复用时 {took[0]}，核对用时 {took[1]}", f"restored in {took[0]}, checked in {took[1]}"))
    if not json and not verified.faults:
        give_lines(say("✓ 备份可用", "✓ this backup is good"))
    leave(Exit.REFUSED if verified.faults else Exit.DONE)


def _fields(verified: object) -> dict[str, object]:
    return {name: getattr(verified, name) for name in ("backup", "faults", "restored_ms", "checked_ms")}


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds // 1000}.{milliseconds % 1000 // 100} s"


# --- restore ---------------------------------------------------------------------------------------------------


@contextmanager
def _refusals() -> Iterator[None]:
    from integration.jobs.restore import RestoreRefused

    try:
        yield
    except RestoreRefused as refused:
        raise Refused(side(str(refused))) from None


@restore.command("from", help=zh("从备份恢复到空数据库；确认前不发布名单"))
def restore_from(file: FileArgument, json: AsJson = False) -> None:
    """Bring a backup into an empty database; until it is confirmed the hub publishes no list."""
    from integration.jobs.restore import restore as restore_file

    found = settings()
    found.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    ring = KeyRing.load(found.keys)
    with _refusals():
        done = restore_file(file, ring, system_clock, found.url, actor=os_actor())
    if json:
        give_json(done)
        return
    seen = " ".join(f"--seen {company}=N" for company in done.ask)
    heads = ("公司 / company", "备份中最后的名单 / last list in the backup")
    give_table(f"恢复 {done.restore_id} / Restore {done.restore_id}", heads, list(done.ask.items()))
    give_lines(
        say(
            "请问明每家公司最后收到的名单编号；在此之前不发布任何名单。",
            "ask each company for the last list it has; until then no list is published",
        ),
        f"{say('下一步', 'next')}: waiverhub restore confirm --as NAME {seen}".rstrip(),
    )


@restore.command("confirm", help=zh("以各公司最后收到的名单编号确认恢复；此后编号接续"))
def confirm(who: Who, seen: Seen, json: AsJson = False) -> None:
    """Confirm a restore with the last list number that each company has seen; numbers go on after these."""
    from integration.jobs.restore import confirm_restore

    numbers = dict(map(_number, seen))
    with _refusals(), writing(as_json=json) as hub:
        actor = authenticate(hub, who, Right.SERVICE_RUN)
        done = confirm_restore(hub, numbers, actor=actor)
    if json:
        give_json(done)
        return
    for company, gaps in done.lost.items():
        give_lines(*(f"{company}: {lost(gap)}" for gap in gaps))
    give_lines(say("已确认，可以发布", "confirmed; lists can be published"))


def _number(text: str) -> tuple[str, int]:
    company, _, number = text.partition("=")
    if not company or not (number.isascii() and number.isdigit()):
        raise typer.BadParameter(say(f"写作 COMPANY=N：{text}", f"written COMPANY=N: {text}"))
    return company, int(number)


@restore.command("list", help=zh("列出历次恢复"))
def list_restores(json: AsJson = False) -> None:
    """List the restores this database has been through."""
    with reading() as hub, hub.store.read() as connection:
        found = restores.all_restores(connection)
    if json:
        give_json(found)
        return
    heads = (
        "#",
        "恢复 / restored",
        "备份 / backup of",
        "备份摘要 / backup's sha256",
        "确认 / confirmed",
        "确认人 / by",
    )
    give_table("恢复 / Restores", heads, map(_line, found))


def _line(one: Restore) -> tuple[object, ...]:
    confirmed = at_text(one.confirmed_us) if one.confirmed_us else None
    return (
        str(one.restore_id),
        at_text(one.at_us),
        at_text(one.backup_us),
        one.backup_sha256,
        confirmed,
        one.confirmed_by,
    )


def lost(gap: Gap) -> str:
    """Return what is to be said of numbers that a restore has lost; ``list show`` says it, too."""
    return say(
        f"名单 {gap.first} 至 {gap.last}：恢复备份后不在本机，编号不再使用",
        f"lists {gap.first} to {gap.last}: lost by a restore from a backup, their numbers are never given again",
    )
