"""What the command line says, in Chinese or English, as text or as JSON. Data goes to stdout, all else to stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from integration.jobs.hub import Progress as Told
from integration.jobs.hub import no_progress
from schemas.text import in_language

_WIDE = 160


def language() -> str:
    """Return zh or en: ``WAIVERHUB_LANGUAGE`` (also set by ``--language`` and hub.toml), else the shell's locale."""
    named = os.environ.get("WAIVERHUB_LANGUAGE", "")
    if named in ("zh", "en"):
        return named
    locale = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return "zh" if locale.lower().startswith("zh") else "en"


def say(zh: str, en: str) -> str:
    """Return the text in the language in use."""
    return zh if language() == "zh" else en


def zh(text: str) -> str | None:
    """Return the Chinese help of a command; in English its docstring is the help."""
    return text if language() == "zh" else None


def side(text: str) -> str:
    """Return the half in use of a text that jobs and adapters wrote as ``中文 / English``."""
    return in_language(text, language())


#: The flag of every command that has a result.
AsJson = Annotated[bool, typer.Option("--json", help=say("以 JSON 输出结果", "Print the result as JSON."))]


def out() -> Console:
    """Return the console of results; what stands in data is never taken for markup."""
    return _console(sys.stdout)


def err() -> Console:
    """Return the console of everything that is not a result."""
    return _console(sys.stderr)


def _console(file: Any) -> Console:
    width = None if file.isatty() else _WIDE  # a pipe has no width; tables must not be folded at eighty
    return Console(file=file, markup=False, highlight=False, emoji=False, width=width)


def give_json(value: object) -> None:
    """Print a result as JSON, indented for a reader."""
    encoded = msgspec.json.format(msgspec.json.encode(_named(value)), indent=2)
    sys.stdout.write(encoded.decode() + "\n")


def _named(value: object) -> object:
    """Turn named tuples into objects with names; msgspec would write them as arrays."""
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {key: _named(part) for key, part in value._asdict().items()}
    if isinstance(value, list | tuple):
        return [_named(part) for part in value]
    return {key: _named(part) for key, part in value.items()} if isinstance(value, Mapping) else value


def give_table(title: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; numbers stand at the right. Title and heads are written ``中文 / English``."""
    lines = [list(row) for row in rows]
    table = Table(title=side(title), title_justify="left", header_style="bold")
    for column, head in enumerate(heads):
        number = bool(lines) and all(isinstance(line[column], int) for line in lines)
        table.add_column(side(head), justify="right" if number else "left", overflow="fold")
    for line in lines:
        table.add_row(*map(_cell, line))
    out().print(table)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else str(value)


def give_lines(*lines: str) -> None:
    """Print plain lines, unbroken."""
    console = out()
    for line in lines:
        console.print(line, soft_wrap=True)


def cubic_metres(quantity_milli: int) -> str:
    """Return thousandths of m³ as a reader expects them: 3 or 1.5."""
    whole, part = divmod(abs(quantity_milli), 1000)
    fraction = f".{part:03d}".rstrip("0") if part else ""
    return f"{'-' if quantity_milli < 0 else ''}{whole:,}{fraction}"


def yuan(amount_fen: int) -> str:
    """Return fen as a reader expects them: ¥6.60."""
    whole, part = divmod(abs(amount_fen), 100)
    return f"{'-' if amount_fen < 0 else ''}¥{whole:,}.{part:02d}"


# --- progress --------------------------------------------------------------------------------------------------


class _Bars:
    """A bar for each kind of work, shown from the first word of it on, so that a password can be asked before."""

    def __init__(self, totals: Mapping[str, int]) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self.shown = Progress(*columns, console=err(), transient=True)
        self._totals = totals
        self._tasks: dict[str, TaskID] = {}

    def told(self, what: str, rows: int) -> None:
        """Move a bar on."""
        if what not in self._tasks:
            self.shown.start()
            self._tasks[what] = self.shown.add_task(_work(what), total=self._totals.get(what))
        self.shown.advance(self._tasks[what], rows)


@contextmanager
def progress(totals: Mapping[str, int], *, as_json: bool) -> Iterator[Told]:
    """Give what a hub tells its progress to; nothing is shown beside JSON or where nobody looks."""
    if as_json or not err().is_terminal:
        yield no_progress
        return
    bars = _Bars(totals)
    try:
        yield bars.told
    finally:
        bars.shown.stop()


def _work(what: str) -> str:
    names = {
        "registry": "登记行",
        "roster": "用户档案行",
        "links": "关联家庭",
        "households": "核对家庭",
        "postings": "入账",
        "lists": "名单",
        "report": "回盘行",
        "companies": "核对公司",
    }
    return say(names.get(what, what), what)


def lines_in(path: Path) -> int:
    """Count a file's lines, which is about how many rows its bar will reach."""
    with path.open("rb") as file:
        return sum(part.count(b"\n") for part in iter(partial(file.read, 1 << 20), b""))
