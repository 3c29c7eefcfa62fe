"""Where one number of households is measured on one database, and the lines that come of it."""

from __future__ import annotations

from pathlib import Path
from statistics import median

import msgspec

from bench import stages
from bench.databases import Databases
from bench.registry_file import Snapshot, write_registry
from bench.running import Measured, measure
from schemas.values import Month

FIRST = Snapshot("first", 100, 20261118, "2026-11")


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

    def __init__(self, databases: Databases, folder: Path, households: int, runs: int, history: int) -> None:
        self.databases = databases
        self.folder = folder
        self.households = households
        self.runs = runs
        self.history = history
        self.imported: str | None = None
        self.ledger: str | None = None
        self.listed = 0
        self.city: str | None = None
        self.months = 0

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

    def stage_line(self, work: str, found: list[Measured], target: float = 0) -> Line:
        """Sum up the runs of a stage that has no limit beside it."""
        seconds = round(median([one.seconds for one in found]), 3)
        rss = max(one.rss_mib for one in found)
        rows = found[0].rows
        return Line(work, self.databases.name, self.households, rows, seconds, 0, 0, target, rss, len(found))

    def imported_database(self) -> str:
        """Return a database with the first snapshot imported."""
        if self.imported is None:
            self.imported = self.databases.fresh(self.name("import"))
            measure(stages.import_registry, self.imported, self.folder, self.file(FIRST))
        return self.imported

    def clear(self) -> None:
        """Remove what was prepared."""
        for url in (self.imported, self.ledger, self.city):
            if url:
                self.databases.drop(url)


def same(ours: Measured, limit: Measured, *names: str) -> None:
    """Refuse to compare times of different work; ``names`` are what of it must be the same, all if none is given."""
    details = [{name: one.detail[name] for name in names or one.detail} for one in (ours, limit)]
    if details[0] != details[1]:
        raise AssertionError(f"not the same rows: {details[0]} and {details[1]}")


def month_after(number: int) -> str:
    """Return the month so many after the first that is measured."""
    return str(Month(2027, 1).plus(number))
