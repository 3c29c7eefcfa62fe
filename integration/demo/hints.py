"""What to try next: commands on what the demo left, ready to be pasted."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import make_url

from integration.demo.check_lists import kept_lists
from integration.demo.figures import Played
from integration.demo.stage import CLERK, SECURITY, Folder, Stage
from integration.demo.words import HINTS, Words
from integration.jobs.export_list import MANIFEST, PUBLIC_KEY


def hints(played: Played) -> Iterator[tuple[Words, str]]:
    """Yield what a command shows, and the command."""
    last = played.record.months[-1]
    yield HINTS["status"], _command(played.stage, "status")
    if played.months[1].none_yet:
        yield HINTS["waiting"], _command(played.stage, f"explain {played.months[1].none_yet[0][0]} {last.plus(-1)}")
    if played.retro is not None:
        household, month = played.retro
        yield HINTS["retro"], _command(played.stage, f"explain {household} {month}")
    yield HINTS["verify"], _verify(played.stage.folder)
    yield from _report_hints(played)
    yield HINTS["holds"], _command(played.stage, "hold list --all")
    yield HINTS["audit"], _command(played.stage, "audit verify")
    yield HINTS["dry_run"], _command(played.stage, f"dry-run {last.plus(1)}")
    yield HINTS["run"], _as(played.stage, CLERK, f"run {last} --as {CLERK}")
    client = f"client add demo-billing --kind company --party city_water --title 营收系统 --as {SECURITY}"
    yield HINTS["client"], _as(played.stage, SECURITY, client)


def _as(stage: Stage, person: str, arguments: str) -> str:
    """Write a command that one of the demo's people gives."""
    return f"WAIVERHUB_PASSWORD_FILE={_quoted(stage.folder.password(person))} {_command(stage, arguments)}"


def _report_hints(played: Played) -> Iterator[tuple[Words, str]]:
    """Yield commands on what the companies reported."""
    stage, reported = played.stage, played.reported
    yield HINTS["balance"], _command(stage, "balance")
    yield HINTS["findings"], _command(stage, "findings list")
    if reported.finding is not None:
        yield HINTS["finding"], _command(stage, f"findings show {reported.finding}")
    if reported.report is not None:
        yield HINTS["report"], _command(stage, f"report show {reported.report}")
    if reported.settlements:
        last = reported.settlements[-1]
        yield HINTS["settlement"], _command(stage, f"settlement show {last.company} {last.month} {last.n}")


def _command(stage: Stage, arguments: str) -> str:
    """Write a command on the demo's data; a URL with a password is not repeated, the environment has to name it."""
    where = f"WAIVERHUB_DATA_DIR={_quoted(stage.folder.var)} "
    if stage.database_url is not None and not make_url(stage.database_url).password:
        where += f"WAIVERHUB_DATABASE_URL={shlex.quote(stage.database_url)} "
    return f"{where}{_program()} {arguments}"


def _verify(folder: Folder) -> str:
    """Write the check of the newest list of the first company; without files named, all beside it are checked."""
    kept = kept_lists(folder)
    newest = [one for one in kept if one.manifest.company == kept[0].manifest.company][-1]
    manifest, key = _quoted(newest.folder / MANIFEST), _quoted(newest.folder / PUBLIC_KEY)
    return f"{_program()} verify-list {manifest} --key {key}"


def _program() -> str:
    """Return the command as it can be typed here: by name where it is on the path, else where it stands."""
    beside = Path(sys.executable).with_name("waiverhub")
    if shutil.which("waiverhub") or not beside.exists():
        return "waiverhub"
    return _quoted(beside.relative_to(Path.cwd()) if beside.is_relative_to(Path.cwd()) else beside)


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
