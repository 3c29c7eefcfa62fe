"""``check-file``: whether a partner's file is right in itself, before it is sent; without a hub, database or key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from enum import StrEnum
from itertools import chain
from typing import Annotated, Any

import typer

from adapters.registry import companies_in, partners_in, registry_reader
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
    CASES = "cases"
    WORKERS = "workers"


CompanyOption = Annotated[str | None, typer.Option("--company", help=say("公司代码", "a company's code"))]
Limit = Annotated[int, typer.Option(min=1, max=100_000, help=say("最多列出几处", "how many faults to list"))]


def check_file(
    kind: FileKindAsked, file: FileArgument, company: CompanyOption = None, limit: Limit = 50, json: AsJson = False
) -> None:
    """Check a file by its form alone: every fault with its row, its column and the remedy. Nothing is stored."""
    faults, counts = _judged(_opened(kind, company), content_of(file)())
    if json:
        give_json({"sound": not faults, "counts": counts, "faults": faults[:limit]})
    else:
        _tell(faults, counts, limit)
    leave(Exit.REFUSED if faults else Exit.DONE)


#: Reads a file's rows; what is wrong with the file as a whole is raised, at once or at its end.
Reading = Callable[[Iterable[bytes]], Any]


def _opened(kind: FileKindAsked, company: str | None) -> Reading:
    """Return the reader that the hub itself would use."""
    if kind is FileKindAsked.REGISTRY:
        return _registry
    if kind is FileKindAsked.WORKERS:
        return _agreed(partners_in(config_folder() / "partners")["union"].worker_reader(), "union")
    companies = companies_in(config_folder() / "companies")
    if company not in companies:
        names = ", ".join(companies)
        raise Refused(
            say(f"请用 --company 指明已知的公司：{names}", f"name a company that is known with --company: {names}")
        )
    port = companies[company]
    readers: dict[FileKindAsked, Callable[[], Any]] = {
        FileKindAsked.ROSTER: port.roster_reader,
        FileKindAsked.ALIASES: port.alias_reader,
        FileKindAsked.REPORT: port.report_reader,
        FileKindAsked.CASES: port.case_reader,
    }
    return _agreed(readers[kind](), company)


def _agreed(reader: Any, partner: str) -> Reading:
    if reader is None:
        raise Refused(say(f"{partner} 未约定此类文件", f"no such file is agreed with {partner}"))
    reading: Reading = reader.read
    return reading


def _registry(chunks: Iterable[bytes]) -> Any:
    rest = iter(chunks)
    first = next(rest, b"")
    return registry_reader(first[:64]).read(chain([first], rest))


def _judged(reading: Reading, chunks: Iterable[bytes]) -> tuple[list[Fault], dict[str, int]]:
    faults: list[Fault] = []
    counts: Counter[str] = Counter(rows=0, sound=0)
    try:
        found = reading(chunks)
        for read in found[1] if isinstance(found, tuple) else found:  # with a header, or without
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
