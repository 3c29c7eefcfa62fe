"""``python -m bench``: run benchmarks and print their ratios; see docs/performance.md."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from itertools import groupby
from math import log
from pathlib import Path

import msgspec

from bench.databases import databases
from bench.dialect_files import FORMS
from bench.dialects import bench_dialects
from bench.matching import bench_matching
from bench.plans import BENCHMARKS as JOBS
from bench.plans import Line, Place
from bench.serving import bench_serving

BENCHMARKS = JOBS | {"serving": bench_serving}

_HEAD = (
    f"{'work':27}{'database':12}{'households':>11}{'rows':>11}{'ours s':>9}"
    f"{'limit s':>9}{'ratio':>7}{'target':>8}{'MiB':>6}{'runs':>6}"
)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the hub against limits in one run.")
    parser.add_argument(
        "what", nargs="*", default=["all"], choices=["all", "unchanged", "dialects", "matching", *BENCHMARKS]
    )
    parser.add_argument("--households", type=int, nargs="+", default=[10_000], metavar="N")
    parser.add_argument("--database", default="both", choices=["sqlite", "postgresql", "both"])
    parser.add_argument("--runs", type=int, default=3, metavar="K", help="interleaved runs; medians are shown")
    parser.add_argument("--history", type=int, default=1, metavar="M", help="months reported before a whole month")
    parser.add_argument("--rows", type=int, default=1_000_000, metavar="N", help="rows of a file in each dialect")
    parser.add_argument("--form", nargs="+", default=FORMS, choices=FORMS, help="which dialects")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the lines to a file as well")
    parser.add_argument("--folder", type=Path, help="where databases and files go (default: a temporary folder)")
    return parser.parse_args()


def _measured(arguments: argparse.Namespace, folder: Path) -> Iterator[Line]:
    # a first and an unchanged snapshot share their limit, so they are one benchmark
    asked = {"import" if one == "unchanged" else one for one in arguments.what}
    if asked & {"dialects", "all"}:
        yield from bench_dialects(folder, arguments.rows, arguments.form, arguments.runs)
    if asked & {"matching", "all"}:
        for households in arguments.households:
            yield from bench_matching(households, arguments.runs)
    what = [one for one in BENCHMARKS if one in asked or "all" in asked]
    kinds = ["sqlite", "postgresql"] if arguments.database == "both" else [arguments.database]
    kinds = kinds if what else []
    for kind in kinds:
        with databases(kind, folder) as made:
            for households in arguments.households:
                place = Place(made, folder, households, arguments.runs, arguments.history)
                for one in what:
                    yield from BENCHMARKS[one](place)
                place.clear()


def _show(line: Line) -> None:
    measured = line.ratio or line.seconds  # a stage without a limit has seconds for its target
    verdict = "  missed" if line.target and measured > line.target else ""
    print(
        f"{line.work:27}{line.database:12}{line.households:11,}{line.rows:11,}{line.seconds:9.3f}"
        f"{line.limit_seconds or '':9}{line.ratio or '':7}{line.target or '':>8}{line.rss_mib:6}{line.runs:6}{verdict}",
        flush=True,
    )


def exponent(points: Iterable[tuple[int, float]]) -> float:
    """Fit time = c · N^exponent by least squares on logarithms."""
    logs = [(log(n), log(seconds)) for n, seconds in points]
    x, y = (sum(values) / len(logs) for values in zip(*logs, strict=True))
    return sum((a - x) * (b - y) for a, b in logs) / sum((a - x) ** 2 for a, _ in logs)


def _show_growth(lines: list[Line]) -> None:
    def key(line: Line) -> tuple[str, str]:
        return line.database, line.work

    for (database, work), group in groupby(sorted(lines, key=key), key):
        found = list(group)
        if len(found) > 1:
            ours = exponent((one.households, one.seconds) for one in found)
            known = all(one.limit_seconds for one in found)
            limit = exponent((one.households, one.limit_seconds) for one in found) if known else 0
            own = f"limit's own {limit:.3f}; " if known else ""
            print(f"growth exponent {work:27}{database:12}{ours:7.3f}   ({own}target 1.05)")


def main() -> None:
    """Measure, print, and keep."""
    arguments = _arguments()
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="waiverhub-bench-"))
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    try:
        print(_HEAD, flush=True)
        for line in _measured(arguments, folder):
            _show(line)
            lines.append(line)
            if arguments.json:
                arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(lines)) + b"\n")
        _show_growth(lines)
    finally:
        if arguments.folder is None:
            shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
