"""Reading a report and writing a list in every form, beside what a bare library takes for the same file.

A report is read to checked rows, a list is written from rows: what the hub does with the one and the other. The limit
of reading parses the very file to cells and keeps nothing; that of writing puts the same texts into such a file.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any, Final

from adapters.dialects.listing import ListDialect
from adapters.dialects.report import ReportDialect
from adapters.dialects.writing import TableWriter
from bench import dialect_peers
from bench.dialect_files import HEAD, head_of, is_account, list_table, listed, report_table, reported
from bench.place import Line, same
from bench.report_file import pieces
from bench.running import Measured, measure
from bench.stopwatch import Stopwatch

_Stage = Callable[..., Measured] | str
#: A report of more rows would not pass as a workbook: unpacked it has some 1,100 bytes a row, and may have 512 MiB.
_MOST_ROWS: Final = {"xlsx": 400_000}
#: Ours may take so many times as long; XML and JSON have no target.
_TARGETS: Final = {"delimited": 3, "fixed_width": 3, "xlsx": 2}


def bench_dialects(folder: Path, rows: int, forms: Iterable[str], runs: int) -> Iterator[Line]:
    """Measure each form; the bare libraries and polars, where it is there, are the limits."""
    for form in forms:
        yield from _read(folder / f"report.{form}", form, rows, runs)
        yield _written(folder, form, rows, runs)


def _read(path: Path, form: str, rows: int, runs: int) -> Iterator[Line]:
    measure(make_report, form, path, min(rows, _MOST_ROWS.get(form, rows)))
    peers: dict[str, tuple[_Stage, str]] = {"read report": (read_bare, form)} | _others(form)
    ours: list[Measured] = []
    limits: dict[str, list[Measured]] = {work: [] for work in peers}
    for _ in range(runs):
        ours.append(measure(read_report, form, path))
        for work, (stage, of) in peers.items():
            limits[work].append(measure(stage, of, path))
    path.unlink()
    for work, found in limits.items():
        same(ours[0], found[0])
        yield _line(work, form, ours, found, _TARGETS.get(form, 0) if work == "read report" else 0)


def _others(form: str) -> dict[str, tuple[_Stage, str]]:
    """Return further peers, which have no target."""
    if form == "json":
        return {"(the same) : msgspec": (read_bare, "json whole")}
    found = form == "delimited" and find_spec("polars")
    return {"(the same) : polars": ("bench.dialect_polars:read", form)} if found else {}


def _written(folder: Path, form: str, rows: int, runs: int) -> Line:
    paths = folder / f"list.{form}", folder / f"bare.{form}"
    ours, limits = [], []
    for _ in range(runs):
        ours.append(measure(write_list, form, paths[0], rows))
        limits.append(measure(write_bare, form, paths[1], rows))
    same(*(measure(cells_of_list, form, path) for path in paths))
    for path in paths:
        path.unlink()
    return _line("write list", form, ours, limits, _TARGETS.get(form, 0))


def _line(work: str, form: str, ours: list[Measured], limits: list[Measured], target: float) -> Line:
    seconds, limit = (median([one.seconds for one in found]) for found in (ours, limits))
    rss = max(one.rss_mib for one in ours)
    rows = ours[0].rows
    return Line(
        work, form, rows, rows, round(seconds, 3), round(limit, 3), round(seconds / limit, 2), target, rss, len(ours)
    )


# --- stages


def make_report(form: str, path: str, rows: str) -> Measured:
    """Write the report that is read."""
    with Path(path).open("wb") as file:
        file.writelines(TableWriter(report_table(form)).write(HEAD, reported(int(rows))))
    return Measured(0)


def read_report(form: str, path: str) -> Measured:
    """Read the report to checked rows."""
    dialect, watch, rows = ReportDialect("bench", report_table(form)), Stopwatch(), 0
    with watch:
        for rows, read in enumerate(dialect.read(pieces(path)())[1], 1):  # noqa: B007 - counting is what it is for
            if read.fault:
                raise AssertionError(read.fault)
    again = ((read.report_row.account,) for read in dialect.read(pieces(path)())[1] if read.report_row)
    return Measured(watch.seconds, rows, detail={"accounts": digest_of(again, 0)})


def read_bare(form: str, path: str) -> Measured:
    """Parse the report to cells."""
    read, table, watch = dialect_peers.READ[form], report_table(form.removesuffix(" whole")), Stopwatch()
    with watch:
        deque(read(Path(path), table), maxlen=0)
    again = (row for row in read(Path(path), table) if is_account(str(row[2])))
    return Measured(watch.seconds, detail={"accounts": digest_of(again, 2)})


def write_list(form: str, path: str, rows: str) -> Measured:
    """Write the list as the hub does."""
    dialect, watch, made = ListDialect("bench", list_table(form)), Stopwatch(), list(listed(int(rows)))
    with watch, Path(path).open("wb") as file:
        file.writelines(dialect.render(head_of(int(rows)), made))
    return Measured(watch.seconds, int(rows))


def write_bare(form: str, path: str, rows: str) -> Measured:
    """Write the same texts."""
    write, watch, made = dialect_peers.WRITE[form], Stopwatch(), list(listed(int(rows)))
    with watch:
        write(Path(path), made, list_table(form))
    return Measured(watch.seconds)


def cells_of_list(form: str, path: str) -> Measured:
    """Return a digest of a list's rows; in a process of its own, as it takes more memory than the writing."""
    rows = dialect_peers.READ[form](Path(path), list_table(form))
    return Measured(0, detail={"rows": digest_of(((row[:5],) for row in rows if is_account(str(row[1]))), 0)})


def digest_of(rows: Iterable[Any], place: int) -> str:
    """Return a digest of what stands in one place of every row."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(f"{row[place]}\n".encode())
    return digest.hexdigest()
