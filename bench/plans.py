"""The benchmarks: which stages run in which order, what is compared before any time is, and the ratios."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import msgspec

from bench import stages
from bench.databases import Databases
from bench.registry_file import Snapshot, write_registry
from bench.stages import Measured, measure
from schemas.values import Month

_FIRST = Snapshot("first", 100, 20261118, "2026-11")
_AGAIN = Snapshot("again", 200, 20261218, "2026-12")
_YEAR = [f"2026-{number:02}" for number in range(1, 13)]


class Line(msgspec.Struct):
    """A line of the result: medians of our time and of the limit's, the target, our peak of resident memory."""

    work: str
    database: str
    households: int
    rows: int
    seconds: float
    limit_seconds: float
    ratio: float
    target: float
    rss_mib: int
    runs: int


class Place:
    """Where one number of households is measured on one database; what one benchmark prepares serves the next."""

    def __init__(self, databases: Databases, folder: Path, households: int, runs: int) -> None:
        self.databases = databases
        self.folder = folder
        self.households = households
        self.runs = runs
        self.imported: str | None = None
        self.ledger: str | None = None
        self.listed = 0

    def file(self, said: Snapshot) -> Path:
        """Return the registry file of this many households, written if it is not there."""
        path = self.folder / f"{said.message_id}-{self.households}.ndjson"
        if not path.exists():
            write_registry(path, self.households, said)
        return path

    def name(self, what: str) -> str:
        """Name a database."""
        return f"bench_{what}_{self.households}"

    def line(self, work: str, target: float, ours: list[Measured], limits: list[Measured]) -> Line:
        """Sum up the runs of one work."""
        seconds, limit = median([one.seconds for one in ours]), median([one.seconds for one in limits])
        return Line(
            work, self.databases.name, self.households, limits[0].rows, round(seconds, 3), round(limit, 3),
            round(seconds / limit, 2), target, max(one.rss_mib for one in ours), len(ours),
        )  # fmt: skip

    def clear(self) -> None:
        """Remove what was prepared."""
        for url in (self.imported, self.ledger):
            if url:
                self.databases.drop(url)


def bench_import(place: Place) -> Iterator[Line]:
    """A first snapshot, and the same records in a later one, each against the raw write of what the first wrote."""
    firsts, agains, limits = [], [], []
    for number in range(place.runs):
        ours = place.databases.fresh(place.name("import"))
        firsts.append(measure(stages.import_registry, ours, place.folder, place.file(_FIRST)))
        measure(stages.spool_database, ours, place.folder)
        limit = place.databases.fresh(place.name("limit"))
        limits.append(measure(stages.raw_write, limit, place.folder))
        if number == 0:
            _same(*(measure(stages.digest_database, url) for url in (ours, limit)))
        place.databases.drop(limit)
        agains.append(measure(stages.import_registry, ours, place.folder, place.file(_AGAIN)))
        assert agains[-1].detail["unchanged"] == place.households
    place.imported = ours
    yield place.line("import, first", 3, firsts, limits)
    yield place.line("import, unchanged", 1, agains, limits)


def _same(ours: Measured, limit: Measured) -> None:
    """Refuse to compare times of different work."""
    if ours.detail != limit.detail:
        raise AssertionError(f"not the same rows: {ours.detail} and {limit.detail}")


def _imported(place: Place) -> str:
    if place.imported is None:
        place.imported = place.databases.fresh(place.name("import"))
        measure(stages.import_registry, place.imported, place.folder, place.file(_FIRST))
    return place.imported


def _ledger(place: Place) -> str:
    """Prepare a ledger with twelve months, each computed by the job itself."""
    if place.ledger is None:
        place.ledger = place.databases.copy(_imported(place), place.name("ledger"))
        measure(stages.link_accounts, place.ledger, place.folder)
        for month in _YEAR:
            measure(stages.run_month, place.ledger, place.folder, month)
    return place.ledger


def _month(number: int) -> str:
    return str(Month(2027, 1).plus(number))


def bench_month(place: Place) -> Iterator[Line]:
    """The thirteenth month and those after it, against INSERT ... SELECT of their lines into a copy of the ledger."""
    ours, limits = [], []
    url = _ledger(place)
    other = place.databases.copy(url, place.name("limit"))
    for number in range(place.runs):
        month = _month(number)
        ours.append(measure(stages.run_month, url, place.folder, month))
        measure(stages.take_lines, url, other, place.folder, month)
        limits.append(measure(stages.insert_select, other, month))
        _same(*(measure(stages.digest_month, one, month) for one in (url, other)))
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
        measure(stages.run_month, url, place.folder, _month(0))
    for month in _YEAR:  # no month may be left out
        measure(stages.publish, url, place.folder, month, "own")
    for number in range(2 * place.runs):
        month, renderings = _month(number), ("own", "all")[number % 2]
        if number >= max(place.listed, 1):
            measure(stages.run_month, url, place.folder, month)
        ours, limits = measured[renderings]
        ours.append(measure(stages.publish, url, place.folder, month, renderings))
        limits.append(measure(stages.fetch_and_join, url, month, renderings, ours[-1].detail.pop("number")))
        _same(ours[-1], limits[-1])
    yield place.line("list, its dialect", 1.5, *measured["own"])
    yield place.line("list, all three forms", 1.5, *measured["all"])


BENCHMARKS: dict[str, Callable[[Place], Iterator[Line]]] = {
    "import": bench_import,
    "month": bench_month,
    "lists": bench_lists,
}
