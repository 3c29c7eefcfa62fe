"""``check-file``: whether a partner's file is right in itself, before it is sent; without a hub, database or key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import chain
from typing import Annotated, Any

import typer

from adapters.registry import companies_in, registry_reader
from integration.cli.exits import Exit, Refused, leave
from integration.cli.session import FileArgument, content_of
from integration.cli.words import AsJson, give_json, give_lines, give_table, say, side
from integration.settings import config_folder
from schemas.faults import Fault, FileRefused


class FileKindAsked(StrEnum):
    """What a file is."""

    REGISTRY = "registry"
    ROSTER = "roster"
    ALIASES = "aliases"
    REPORT = "report"


CompanyOption = Annotated[str | None, typer.Option("--company", help=say("公司代码", "a company's code"))]
Limit = Annotated[int, typer.Option(min=1, max=100_000, help=say("最多列出几处", "how many faults to list"))]


def check_file(
    kind: FileKindAsked, file: FileArgument, company: CompanyOption = None, limit: Limit = 50, json: AsJson = False
) -> None:
    """Check a file by its form alone: every fault with its row, its column and the remedy. Nothing is stored."""
    faults, counts = _judged(_rows(kind, company, content_of(file)()))
    if json:
        give_json({"sound": not faults, "counts": counts, "faults": faults[:limit]})
    else:
        _tell(faults, counts, limit)
    leave(Exit.REFUSED if faults else Exit.DONE)


def _rows(kind: FileKindAsked, company: str | None, chunks: Iterable[bytes]) -> Iterator[Any]:
    """Open the file with the reader that the hub itself would use."""
    if kind is FileKindAsked.REGISTRY:
        rest = iter(chunks)
        first = next(rest, b"")
        return registry_reader(first[:64]).read(chain([first], rest))[1]
    companies = companies_in(config_folder() / "companies")
    if company not in companies:
        names = ", ".join(companies)
        raise Refused(say(f"请用 --company 指明公司：{names}", f"name the company with --company: {names}"))
    port = companies[company]
    if kind is FileKindAsked.ROSTER:
        return port.roster_reader().read(chunks)
    reader = port.alias_reader() if kind is FileKindAsked.ALIASES else port.report_reader()
    if reader is None:
        raise Refused(say(f"{company} 未约定此类文件", f"no such file is agreed with {company}"))
    read = reader.read(chunks)
    return read[1] if isinstance(read, tuple) else read


def _judged(rows: Iterator[Any]) -> tuple[list[Fault], dict[str, int]]:
    faults: list[Fault] = []
    counts: Counter[str] = Counter(rows=0, sound=0)
    try:
        for read in rows:
            counts["rows"] += 1
            counts["sound"] += read.fault is None
            faults += [read.fault] if read.fault else []
    except FileRefused as refused:
        faults.insert(0, refused.fault)
    return faults, dict(counts)


def _tell(faults: list[Fault], counts: dict[str, int], limit: int) -> None:
    rows, sound = counts["rows"], counts["sound"]
    give_lines(say(f"共 {rows:,} 行，合格 {sound:,} 行", f"{sound:,} of {rows:,} rows are sound"))
    if faults:
        heads = ("行 / row", "栏 / column", "代码 / code", "原因与办法 / reason and remedy")
        shown = [(str(one.row or "-"), one.column, one.code, side(one.text)) for one in faults[:limit]]
        give_table("问题 / Faults", heads, shown)
    if len(faults) > limit:
        give_lines(say(f"另有 {len(faults) - limit:,} 处：--limit", f"{len(faults) - limit:,} more: --limit"))
