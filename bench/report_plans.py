"""The benchmarks of the second half: reports in, reconciliation, settlement, and a whole month."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from bench import report_stages, stages
from bench.place import Line, Place, month_after, same
from bench.registry_file import Snapshot
from bench.report_stages import COMPANIES
from bench.results import first_differences
from bench.running import Measured, measure

_WATER: Final = "city_water"
_PEERS: Final = {
    "polars": "bench.peer_polars:polars_judges",
    "datacompy": "bench.peer_datacompy:datacompy_judges",
}


def _city(place: Place) -> str:
    """Prepare a database with accounts and links, and nothing computed yet."""
    if place.city is None:
        place.city = place.databases.copy(place.imported_database(), place.name("city"))
        measure(stages.link_accounts, place.city, place.folder)
    return place.city


def _month_before(place: Place) -> None:
    """List the next month, and let both companies report it."""
    month = _listed(place)
    for company in COMPANIES:
        _report_in(place, _city(place), month, company)


def _listed(place: Place) -> str:
    """Compute and list the next month."""
    month = _next(place)
    measure(stages.run_month, _city(place), place.folder, month)
    measure(report_stages.publish_both, _city(place), place.folder, month)
    return month


def _next(place: Place) -> str:
    """Return the next month that is not in the prepared database yet."""
    place.months += 1
    return month_after(place.months - 1)


def _report_file(place: Place, url: str, month: str, company: str) -> Path:
    path = place.folder / f"{company}-{month}-{place.households}.txt"
    measure(report_stages.write_report, url, place.folder, month, company, path)
    return path


def _report_in(place: Place, url: str, month: str, company: str) -> Measured:
    path = _report_file(place, url, month, company)
    done = measure(report_stages.report_in, url, place.folder, month, company, path)
    path.unlink()
    return done


class _Runs:
    """What is measured of the water company's report, run by run."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.url = _city(place)
        self.months = [_listed(place) for _ in range(place.runs)]
        self.reports: list[Measured] = []
        self.raw: list[Measured] = []
        self.settled: list[Measured] = []
        self.grouped: list[Measured] = []
        self.peers: dict[str, list[Measured]] = {name: [] for name in _PEERS}

    def run(self) -> None:
        """Measure every month; the limit writes the same rows into a copy that holds as much."""
        other = self.place.databases.copy(self.url, self.place.name("limit"))
        for month in self.months:
            path = _report_file(self.place, self.url, month, _WATER)
            self._against_raw(other, month, path)
            self._against_peers(month, path)
            self._settlement(month)
            path.unlink()
        self.place.databases.drop(other)
        for month in self.months:  # for whatever is measured next
            _report_in(self.place, self.url, month, "city_gas")

    def _against_raw(self, other: str, month: str, path: Path) -> None:
        folder = self.place.folder
        before = msgspec.json.encode(measure(report_stages.marks, self.url).detail).decode()
        self.reports.append(measure(report_stages.report_in, self.url, folder, month, _WATER, path))
        measure(report_stages.spool_report, self.url, folder, before)
        self.raw.append(measure(report_stages.raw_report, other, folder))
        same(*(measure(report_stages.digest_report, url, before) for url in (self.url, other)))

    def _against_peers(self, month: str, path: Path) -> None:
        folder, ours = self.place.folder, self.reports[-1]
        judged = measure(report_stages.our_results, self.url, folder, ours.detail["report"], month)
        for name, found in self.peers.items():
            found.append(measure(_PEERS[name], self.url, folder, path, month))
            if found[-1].detail != judged.detail:
                raise AssertionError("\n".join([f"not judged alike by {name}:", *first_differences(folder, name)]))

    def _settlement(self, month: str) -> None:
        self.settled.append(measure(report_stages.run_settle, self.url, self.place.folder, month, _WATER))
        report = self.reports[-1].detail["report"]
        self.grouped.append(measure(report_stages.group_by, self.url, month, _WATER, report))
        same(self.settled[-1], self.grouped[-1])

    def judging(self) -> list[Measured]:
        """Return our reports without the seconds that write: a peer keeps nothing."""
        return [
            Measured(one.seconds - one.detail["keeping"], one.rows, one.rss_mib, one.detail) for one in self.reports
        ]


def bench_report(place: Place) -> Iterator[Line]:
    """A report against the raw write of what it wrote; its judgement against the peers'; the month's settlement."""
    runs = _Runs(place)
    runs.run()
    yield place.line("report in", 2.5, runs.reports, runs.raw)
    for peer, target in (("datacompy", 0.33), ("polars", 2.5)):
        yield place.line(f"the same : {peer}", target, runs.reports, runs.peers[peer])
        yield place.line(f"(less writing : {peer})", 0, runs.judging(), runs.peers[peer])
    yield place.line("settlement", 0, runs.settled, runs.grouped)


def bench_month_end(place: Place) -> Iterator[Line]:
    """A whole month, stage by stage: snapshot, run, lists, reports, reconciliation, settlement."""
    url = _city(place)
    for _ in range(place.history - place.months):
        _month_before(place)
    stage: dict[str, list[Measured]] = {}
    for number in range(place.runs):
        for name, done in _whole_month(place, url, _next(place)):
            stage.setdefault(name, []).append(done)
            if number == place.runs - 1:
                yield place.stage_line(f"  {name}", stage[name])
    whole = [_sum(list(one)) for one in zip(*stage.values(), strict=True)]
    yield place.stage_line("whole month, seconds", whole, 120 if place.households == 1_000_000 else 0)


def _whole_month(place: Place, url: str, month: str) -> Iterator[tuple[str, Measured]]:
    folder, n = place.folder, 300 + 100 * place.months
    said = Snapshot(f"month-{month}", n, int(month_after(place.months - 2).replace("-", "")) * 100 + 18, month)
    file = place.file(said)
    unchanged = measure(stages.import_registry, url, folder, file, month)
    assert unchanged.detail["unchanged"] == place.households
    file.unlink()
    yield "unchanged snapshot", unchanged
    yield "month run", measure(stages.run_month, url, folder, month)
    yield "lists of both", measure(report_stages.publish_both, url, folder, month)
    for company in COMPANIES:
        yield f"report of {company}", _report_in(place, url, month, company)
    yield "reconciliation of both", measure(report_stages.run_reconcile, url, folder, month)
    for company in COMPANIES:
        yield f"settlement of {company}", measure(report_stages.run_settle, url, folder, month, company)


def _sum(stages_of_one: list[Measured]) -> Measured:
    return Measured(
        sum(one.seconds for one in stages_of_one), sum(one.rows for one in stages_of_one),
        max(one.rss_mib for one in stages_of_one),
    )  # fmt: skip
