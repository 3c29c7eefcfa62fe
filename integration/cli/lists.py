"""``list`` and ``verify-list``: published lists 名单, their files, and the proof that these are what was signed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from integration.cli.exits import Exit, Refused, leave
from integration.cli.intake import CompanyArgument
from integration.cli.session import FileArgument, content_of, file_option, known_company, reading
from integration.cli.words import AsJson, cubic_metres, give_json, give_lines, give_table, say, side, zh
from integration.jobs.recompute_list import Recomputed
from integration.jobs.recompute_run import KeyDiffers
from integration.storage import overview
from integration.storage.overview import Listed
from schemas import list_check
from schemas.list_check import ListFault
from schemas.lists import Manifest, Rendering

listing = typer.Typer(no_args_is_help=True)


@listing.command("show", help=zh("列出公司的名单，或查看其中一份的清单"))
def show(
    company: CompanyArgument, number: Annotated[int | None, typer.Argument()] = None, json: AsJson = False
) -> None:
    """Show a company's lists, or the manifest of one."""
    from integration.jobs.export_list import find_list

    with reading() as hub, hub.store.read() as connection:
        code = known_company(hub, company)
        found = overview.all_lists(connection, code)
        manifest = None if number is None else find_list(connection, code, number).manifest
    if manifest is not None:
        _give_manifest(msgspec.json.decode(manifest, type=Manifest), as_json=json)
    elif json:
        give_json(found)
    else:
        heads = (
            "#",
            "类别 / kind",
            "服务 / service",
            "月份 / month",
            "批次 / run",
            "发布 / published",
            "行 / rows",
            "立方米 / m³",
        )
        give_table(f"{code} 的名单 / Lists of {code}", heads, map(_line, found))


def _line(one: Listed) -> tuple[object, ...]:
    ids = (str(one.number), one.kind, one.service, one.month, str(one.run_id), one.published_at)
    return *ids, one.rows, cubic_metres(one.quantity_milli)


def _give_manifest(manifest: Manifest, *, as_json: bool) -> None:
    if as_json:
        give_json(manifest)
        return
    give_lines(_title(manifest))
    give_lines(
        say(
            f"批次 {manifest.run}，截至版本 {manifest.cut_off}",
            f"run {manifest.run}, known up to version {manifest.cut_off}",
        )
    )
    changes = [(change, total.rows, cubic_metres(total.quantity_milli)) for change, total in manifest.changes.items()]
    give_table("", ("变化 / change", "行 / rows", "立方米 / m³"), changes)
    files = [(one.name, one.file_name, one.size, one.sha256) for one in manifest.renderings]
    give_table("", ("形式 / form", "文件 / file", "字节 / bytes", "sha256"), files)


@listing.command("export", help=zh("把一份名单的清单、签名、各种文件与公钥写入文件夹"))
def export(
    company: CompanyArgument,
    number: int,
    to: Annotated[Path, typer.Option("--to", file_okay=False, help=say("目标文件夹", "the folder to write into"))],
    json: AsJson = False,
) -> None:
    """Write a list's manifest, signature, every rendering and the public key into a folder."""
    from integration.jobs.export_list import export_list

    with reading() as hub:
        exported = export_list(hub, known_company(hub, company), number, to)
    if json:
        give_json(exported)
    else:
        give_lines(*(str(to / name) for name in exported.files))


@listing.command("recompute", help=zh("用当时所知重算名单与批次，逐字节核对；--all 为全部"))
def recompute(
    company: Annotated[str | None, typer.Argument(help=say("公司代码", "a company's code"))] = None,
    number: Annotated[int | None, typer.Argument(help=say("名单编号", "the list's number"))] = None,
    everything: Annotated[bool, typer.Option("--all", help=say("全部名单与批次", "every list and every run"))] = False,
    json: AsJson = False,
) -> None:
    """Make a list again from what was known then, and compare rows, every file and the runs behind it."""
    from integration.jobs.recompute_list import recompute_all, recompute_list

    if everything == (number is not None) or (company is None) != (number is None):
        raise typer.BadParameter(say("写明公司与编号，或只写 --all", "name a company and a number, or --all alone"))
    with reading(as_json=json) as hub:
        if company is None or number is None:
            made = recompute_all(hub)
        else:
            made = recompute_list(hub, known_company(hub, company), number)
    if json:
        give_json(made)
    else:
        _tell_recomputed(made)
    leave(Exit.DONE if made.same else Exit.REFUSED)


def _tell_recomputed(made: Recomputed) -> None:
    for one in made.lists:
        title = f"{one.company} {one.number} · {one.kind} · {one.month}"
        count = say(f"{one.rows:,} 行，{len(one.forms)} 种文件", f"{one.rows:,} rows, {len(one.forms)} files")
        words = " ".join([*one.faults, *(f"{form.name}≠" for form in one.forms if not form.same)])
        give_lines(f"{'✓' if one.same else '✗'} {title}: {count} {words}".rstrip())
        give_lines(
            *(f"    {row.side} {say('家庭', 'household')} {row.household}: {row.row.decode()}" for row in one.named)
        )
    for run in made.runs:
        same = run.keys_differing == run.stray_rows == 0
        count = say(
            f"{run.rows:,} 笔入账，{run.keys_differing:,} 处不同，{run.stray_rows:,} 笔来历不明",
            f"{run.rows:,} postings, {run.keys_differing:,} keys differ, {run.stray_rows:,} stray",
        )
        give_lines(f"{'✓' if same else '✗'} {say('批次', 'run')} {run.run_id} · {run.month}: {count}")
        give_lines(*map(_key_line, run.named))


def _key_line(one: KeyDiffers) -> str:
    posted, derived = (
        ", ".join(f"{row.account or say('未落户', 'none yet')} {cubic_metres(row.quantity_milli)}" for row in rows)
        or "-"
        for rows in (one.posted, one.derived)
    )
    key = f"    {say('家庭', 'household')} {one.household} {one.service} {one.month}"
    return f"{key}: {say('已入账', 'posted')} {posted}; {say('应为', 'should be')} {derived}"


def _title(manifest: Manifest) -> str:
    return f"{manifest.company} {manifest.number} · {manifest.kind} · {manifest.service} · {manifest.month}"


# --- the proof -------------------------------------------------------------------------------------------------


_CHECKED = say(
    "要核对的文件；不写则核对清单旁的全部文件", "files to check; without any, all that the manifest names, beside it"
)
Files = Annotated[list[Path] | None, typer.Argument(exists=True, dir_okay=False, help=_CHECKED)]
KeyOption = Annotated[Path, file_option("名单公钥", "the hub's public list key", "--key")]
SignatureOption = Annotated[
    Path | None, file_option("默认：清单旁的 .sig", "default: the .sig beside the manifest", "--signature")
]
PreviousOption = Annotated[
    Path | None, file_option("上一份清单，核对衔接", "the manifest before, to check the chain", "--previous")
]


def verify_list(
    manifest: FileArgument,
    key: KeyOption,
    files: Files = None,
    signature: SignatureOption = None,
    previous: PreviousOption = None,
    json: AsJson = False,
) -> None:
    """Check a list with its files and the public key alone: no hub, no database, no network."""
    content = manifest.read_bytes()
    signed = signature or manifest.with_suffix(".sig")
    if not signed.is_file():
        raise Refused(
            say(f"缺少签名文件 {signed}；用 --signature 指定", f"no signature at {signed}; name it with --signature")
        )
    found = list_check.manifest_faults(content, signed.read_bytes(), key.read_bytes())
    read = list_check.read_manifest(content)
    checked: list[str] = []
    if read is not None:
        if previous:
            found += list_check.predecessor_faults(read, previous.read_bytes())
        found += _contents(read, manifest.parent, files or [], checked)
    _give_verdict(read, found, checked, as_json=json)
    leave(Exit.REFUSED if found else Exit.DONE)


def _contents(manifest: Manifest, folder: Path, files: list[Path], checked: list[str]) -> Iterator[ListFault]:
    """Check the named files, or without any all files that the manifest names, beside it."""
    by_name = {one.file_name: one for one in manifest.renderings}
    for path in files or [folder / Path(name).name for name in by_name]:
        if path.name not in by_name:
            yield list_check.fault("FILE_UNKNOWN", path.name)
        elif not path.is_file():
            yield list_check.fault("FILE_MISSING", path.name)
        else:
            checked.append(path.name)
            yield from _one(manifest, by_name[path.name], path)


def _one(manifest: Manifest, rendering: Rendering, path: Path) -> list[ListFault]:
    return list_check.rendering_faults(manifest, rendering, content_of(path)())


def _give_verdict(manifest: Manifest | None, found: list[ListFault], checked: list[str], *, as_json: bool) -> None:
    unchecked = [one.file_name for one in manifest.renderings if one.file_name not in checked] if manifest else []
    if as_json:
        give_json(
            {"sound": not found, "faults": found, "checked": checked, "unchecked": unchecked, "manifest": manifest}
        )
        return
    if manifest:
        give_lines(_title(manifest), say(f"{manifest.rows:,} 行", f"{manifest.rows:,} rows"))
    for one in found:
        give_lines(f"✗ {one.place}: {one.code}: {side(one.text)}")
    for name in unchecked:
        give_lines(say(f"- 未核对 {name}", f"- not checked: {name}"))
    if not found:
        give_lines(
            say(f"✓ 签名与 {len(checked)} 个文件相符", f"✓ the signature and {len(checked)} files are as signed")
        )
