"""The benchmarks: which stages run in which order, what is compared before any time is, and the ratios."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bench import stages
from bench.place import FIRST, Line, Place, month_after, same
from bench.registry_file import Snapshot
from bench.report_plans import bench_month_end, bench_report
from bench.running import Measured, measure

_AGAIN = Snapshot("again", 200, 20261218, "2026-12")
_YEAR = [f"2026-{number:02}" for number in range(1, 13)]


def bench_import(place: Place) -> Iterator[Line]:
    """A first snapshot, and the same records in a later one, each against the raw write of what the first wrote."""
    firsts, agains, limits = [], [], []
    for number in range(place.runs):
        ours = place.databases.fresh(place.name("import"))
        firsts.append(measure(stages.import_registry, ours, place.folder, place.file(FIRST)))
        measure(stages.spool_database, ours, place.folder)
        limit = place.databases.fresh(place.name("limit"))
        limits.append(measure(stages.raw_write, limit, place.folder))
        if number == 0:
            same(*(measure(stages.digest_database, url) for url in (ours, limit)))
        place.databases.drop(limit)
        agains.append(measure(stages.import_registry, ours, place.folder, place.file(_AGAIN)))
        assert agains[-1].detail["unchanged"] == place.households
    place.imported = ours
    yield place.line("import, first", 3, firsts, limits)
    yield place.line("import, unchanged", 1, agains, limits)


def _ledger(place: Place) -> str:
    """Prepare a ledger with twelve months, each computed by the job itself."""
    if place.ledger is None:
        place.ledger = place.databases.copy(place.imported_database(), place.name("ledger"))
        measure(stages.link_accounts, place.ledger, place.folder)
        for month in _YEAR:
            measure(stages.run_month, place.ledger, place.folder, month)
    return place.ledger


def bench_month(place: Place) -> Iterator[Line]:
    """The thirteenth month and those after it, against INSERT ... SELECT of their lines into a copy of the ledger."""
    ours, limits = [], []
    url = _ledger(place)
    other = place.databases.copy(url, place.name("limit"))
    for number in range(place.runs):
        month = month_after(number)
        ours.append(measure(stages.run_month, url, place.folder, month))
        measure(stages.take_lines, url, other, place.folder, month)
        limits.append(measure(stages.insert_select, other, month))
        same(*(measure(stages.digest_month, one, month) for one in (url, other)))
    place.listed = place.runs
    place.databases.drop(other)
    yield place.line("month run", 2, ours, limits)
    copied = [Measured(one.detail["copied"], one.rows) for one in limits]
    yield place.line("(to a copy of its lines)", 0, ours, copied)


def bench_lists(place: Place) -> Iterator[Line]:
    """The water company's list: its dialect and the manifest, then the canonical forms as well."""
    url = _ledger(place)
    measured: dict[str, tuple[list[Measured], list[Measured]]] = {"own": ([], []), "all": ([], [])}
    if place.listed == 0:
        measure(stages.run_month, url, place.folder, month_after(0))
    for month in _YEAR:  # no month may be left out
        measure(stages.publish, url, place.folder, month, "own")
    for number in range(2 * place.runs):
        month, renderings = month_after(number), ("own", "all")[number % 2]
        if number >= max(place.listed, 1):
            measure(stages.run_month, url, place.folder, month)
        ours, limits = measured[renderings]
        ours.append(measure(stages.publish, url, place.folder, month, renderings))
        limits.append(measure(stages.fetch_and_join, url, month, renderings, ours[-1].detail.pop("number")))
        same(ours[-1], limits[-1])
    yield place.line("list, its dialect", 1.5, *measured["own"])
    yield place.line("list, all three forms", 1.5, *measured["all"])


BENCHMARKS: dict[str, Callable[[Place], Iterator[Line]]] = {
    "import": bench_import,
    "month": bench_month,
    "lists": bench_lists,
    "report": bench_report,
    "month-end": bench_month_end,
}
