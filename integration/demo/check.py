"""The demo's checks: what was played against the story and the city's truth, the ledger against both, the audit.

All are made after the play, from what stands in the folder and the database, so that whatever was altered is found.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Final, NamedTuple

from integration.demo import check_reports
from integration.demo.acting import Ended, Record
from integration.demo.book import Book, Books
from integration.demo.check_lists import kept_lists, row_faults, signature_faults
from integration.demo.check_privacy import Secrets, database_faults, file_faults
from integration.demo.replies import COMPANIES
from integration.demo.stage import Stage
from integration.demo.words import CHECKS, Words
from integration.jobs.compute_month import RunSummary
from integration.storage import audit_verify

_COUNTS: Final = ("applied", "unchanged", "held", "rejected")
#: Faults kept of one check, in words; further ones are only counted.
_MOST: Final = 5


class Check(NamedTuple):
    """Something that must be so: its name, how much was looked at, and where it is not so, free of personal data."""

    name: str
    extent: tuple[str, ...]
    faults: list[str]
    further: int

    @property
    def passed(self) -> bool:
        """Whether nothing was found."""
        return not self.faults

    @property
    def words(self) -> Words:
        """What it is about, in both languages."""
        chinese, english = CHECKS[self.name]
        return chinese.format(*self.extent), english.format(*self.extent)


def judge(stage: Stage, books: Books, made: Callable[[Check], object] = lambda _: None) -> list[Check]:
    """Make every check; ``made`` is told each one."""
    checks = []
    for check in _all(stage, books):
        checks.append(check)
        made(check)
    return checks


def _check(name: str, extent: Iterable[object], faults: Iterable[str]) -> Check:
    remaining = iter(faults)
    shown = list(islice(remaining, _MOST))
    numbers = tuple(f"{part:,}" if isinstance(part, int) else str(part) for part in extent)
    return Check(name, numbers, shown, sum(1 for _ in remaining))


def _all(stage: Stage, books: Books) -> Iterator[Check]:
    ended = books.record.ended
    yield _check("steps", [len(ended)], _step_faults(ended))
    counted = [one for one in ended if one.sync and one.sync.counts and one.state != "duplicate"]
    yield _check("rows", [len(counted)], _count_faults(counted))
    yield from _ledger_checks(books, books.record)
    secrets = Secrets.of(books.story.city)
    yield from _list_checks(stage, books, secrets)
    yield from _report_checks(stage, books, secrets)
    notes = [one.manifest.checkpoint for one in kept_lists(stage.folder)]
    public = stage.hub.ring.checkpoints.public_pem
    found = audit_verify.verify(books.connection, public, witnesses=notes)
    yield _check("audit", [len(notes)], (f"{fault.code} {fault.subject}" for fault in found))
    if stage.database_url is None:
        yield _check("database_privacy", [len(secrets)], database_faults(secrets, stage.folder.database))


def _ledger_checks(books: Books, record: Record) -> Iterator[Check]:
    for month, posted, due in zip(record.months, books.posted, books.due, strict=True):
        yield _check("ledger", [month, len(due)], _differences(posted, due))
    yield _check("again", [len(record.runs)], _posted_again(one.again for one in record.runs))
    yield _check("full", [record.months[-1]], _posted_again([record.full]))


def _list_checks(stage: Stage, books: Books, secrets: Secrets) -> Iterator[Check]:
    kept = kept_lists(stage.folder)
    published = [one for ended in books.record.ended for one in ended.published]
    yield _check("list_signed", [len(kept)], signature_faults(stage, kept, published))
    yield _check("list_rows", [sum(one.manifest.rows for one in kept)], row_faults(stage, kept, books))
    files = sorted(path for path in stage.folder.lists.rglob("*") if path.is_file())
    yield _check("list_privacy", [len(secrets), len(files)], file_faults(secrets, files))


def _report_checks(stage: Stage, books: Books, secrets: Secrets) -> Iterator[Check]:
    replies, record = books.story.replies, books.record
    looked = [ended for ended in record.ended if ended.findings is not None]
    yield _check("findings_then", [len(looked)], check_reports.findings_then(books, replies))
    lasting = sum(not one.until for one in replies.wanted)
    yield _check("findings", [lasting], check_reports.findings_now(books, replies))
    yield _check("closed", [len(replies.wanted) - lasting], check_reports.findings_closed(books, replies))
    yield _check("balance", [], check_reports.balance_faults(stage, books, replies))
    rows = sum(len(one.lines) for company in COMPANIES for one in check_reports.standing(books, company))
    yield _check("draws", [rows], check_reports.draw_faults(books))
    yield _check("judged_again", [], check_reports.judged_again(record.judged))
    made = [ended for ended in record.ended if ended.state in ("settled", "adjusted")]
    adjusted = sum(ended.state == "adjusted" for ended in made)
    yield _check("settled", [len(made), adjusted], check_reports.settlement_faults(stage, books))
    files = sorted(stage.folder.settlements.iterdir())
    faults = chain(check_reports.report_privacy_faults(books.connection, secrets), file_faults(secrets, files))
    yield _check("report_privacy", [len(secrets), len(files)], faults)


def _step_faults(ended: Iterable[Ended]) -> Iterator[str]:
    for one in ended:
        expect = one.step.expect
        if one.state != expect.state:
            yield f"{one.step.name}: {one.state}, not {expect.state}"
        counts = one.sync.counts if one.sync else {}
        for name in _COUNTS:
            wanted = getattr(expect, name)
            if wanted is not None and counts.get(name) != wanted:
                yield f"{one.step.name}: {name} {counts.get(name)}, not {wanted}"
        # one allowance of water and one of gas for every household with a right
        own = one.run.rows - one.run.earlier_rows if one.run else 0
        if expect.entitled is not None and own != 2 * expect.entitled:
            yield f"{one.step.name}: {own} allowances of the month, not {2 * expect.entitled}"


def _count_faults(ended: Iterable[Ended]) -> Iterator[str]:
    for one in ended:
        total = sum(one.sync.counts.values()) if one.sync else 0
        if one.step.path is not None and total != (rows := rows_in(one.step.path)):
            yield f"{one.step.name}: {total} of {rows} rows"


def rows_in(path: Path) -> int:
    """Count a file's records by its own trailer, or by its lines where the trailer has no say."""
    if path.name.endswith(".json"):  # the gas company's report, which counts its rows itself
        return int(json.loads(path.read_bytes())["total"]["rows"])
    *lines, last = path.read_bytes().splitlines()
    if last.startswith(b"#TRL"):  # the bureau's: households, then members
        return int(last.split(b",")[1])
    if lines[0].startswith("\ufeff回盘".encode()):  # the suburb's report has the column names in a second line
        return len(lines) - 2
    has_header = not lines[0][:1].isdigit()  # an alias file begins at once
    return len(lines) - has_header


def _differences(posted: Book, due: Book) -> Iterator[str]:
    for household, service, month in sorted(posted.keys() | due.keys()):
        key = household, service, month
        if posted.get(key) != due.get(key):
            yield f"household {household} {service} {month}: {posted.get(key)}, not {due.get(key)} (account: milli)"


def _posted_again(runs: Iterable[RunSummary | None]) -> Iterator[str]:
    for run in runs:
        if run is None or run.rows or run.earlier_rows:
            yield f"run {run.run_id}: {run.rows} rows" if run else "no run"
