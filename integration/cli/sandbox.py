"""``sandbox``: what its account numbers stand for, and the files that a trial with it begins with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from adapters.registry import sandbox_in
from adapters.sandbox import MAGIC
from adapters.sandbox_files import account_of, endings_of, registry_file, roster_file
from integration.cli.exits import HubGroup, Refused
from integration.cli.session import settings
from integration.cli.words import AsJson, give_json, give_lines, give_table, say, side, zh
from integration.clock import system_clock, today
from integration.settings import config_folder
from schemas.text import in_language
from schemas.values import Month, day_int

sandbox = typer.Typer(cls=HubGroup, no_args_is_help=True)

MonthOption = Annotated[str | None, typer.Option(help=say("名单月份，默认本月", "Month of the list; else this one."))]
Ends = Annotated[
    str, typer.Option("--endings", help=say("户号末两位，以逗号分隔", "Last two digits, parted by commas."))
]


@sandbox.command("numbers", help=zh("列出每种户号末两位代表的结果。"))
def numbers(json: AsJson = False) -> None:
    """List what the last two digits of an account's number stand for."""
    if json:
        texts = {one: {lang: in_language(magic.meaning, lang) for lang in ("zh", "en")} for one, magic in MAGIC.items()}
        give_json(texts)
        return
    heads = ("末两位 / digits", "户号 / account", "含义 / meaning")
    give_table("", heads, [(ending, account_of(ending), side(magic.meaning)) for ending, magic in MAGIC.items()])


@sandbox.command("write", help=zh("写出试用所需的登记文件与用户档案。"))
def write(folder: Path, month: MonthOption = None, endings: Ends = "") -> None:
    """Write a registry file and a roster with a household for each number, and say what to do with them."""
    found = settings()
    company = sandbox_in(config_folder() / "sandbox")
    try:
        wanted = endings_of(endings)
    except ValueError as error:
        raise Refused(say(f"没有此末两位：{error}", f"stands for nothing: {error}; see: sandbox numbers")) from None
    day = today(system_clock)
    listed = Month.parse(month) if month else Month.of(day)
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "SANDBOX_ROSTER.csv", roster_file(company.roster_table, wanted))
    position = day_int(day)
    _write(folder / "sandbox-registry.ndjson", registry_file(found.registry_source, listed, position, position, wanted))
    give_lines(*_steps(folder, listed))


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    give_lines(str(path))


def _steps(folder: Path, month: Month) -> list[Any]:
    return [
        say("接下来（hub.toml 中 sandbox = true，或环境变量 WAIVERHUB_SANDBOX=true）：",
            "Next (with sandbox = true in hub.toml, or WAIVERHUB_SANDBOX=true):"),
        f"  waiverhub roster import sandbox {folder / 'SANDBOX_ROSTER.csv'}",
        f"  waiverhub registry import {folder / 'sandbox-registry.ndjson'}",
        f"  waiverhub link && waiverhub run {month} && waiverhub publish {month}",
        "  waiverhub exchange deliver",
        "  waiverhub exchange collect sandbox && sleep 1 && waiverhub exchange collect sandbox",
        "  waiverhub findings list",
    ]  # fmt: skip
