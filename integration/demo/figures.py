"""The figures of the summary: what each month came to, and what still waits at "none yet" and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from integration.demo.acting import Record
from integration.demo.book import Book, Books, Story
from integration.demo.check import Check
from integration.demo.reported import Reported
from integration.demo.stage import Stage
from integration.domain.allowance import NO_PLACE
from integration.jobs.intake import parts
from integration.storage import ledger
from schemas.values import MONTHLY, Month, Service


@dataclass
class MonthFigures:
    """A month after its run; quantities in thousandths of m³. ``none_yet`` are (household, service)."""

    month: Month
    entitled: int
    due: dict[Service, int]
    placed: int
    none_yet: list[tuple[int, Service]]
    none_yet_milli: int
    reasons: Counter[str] = field(default_factory=Counter)


@dataclass
class Played:
    """All that the summary tells of a demo; ``seconds`` are wall time by stage. ``retro`` is a household that was
    given an earlier month late, and that month.
    """

    stage: Stage
    story: Story
    record: Record
    checks: list[Check]
    months: list[MonthFigures]
    retro: tuple[int, Month] | None
    reported: Reported = field(default_factory=Reported)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)


def month_figures(books: Books) -> list[MonthFigures]:
    """Return the figures of every month."""
    figures = [_figures(month, book) for month, book in zip(books.record.months, books.posted, strict=True)]
    for one, ended in zip(figures, books.record.runs, strict=True):
        cut_off = ended.run.cut_off if ended.run else 0
        one.reasons = Counter(_reasons(books, one.none_yet, cut_off))
    return figures


def _figures(month: Month, book: Book) -> MonthFigures:
    mine = {(household, service): places for (household, service, of), places in book.items() if of == month}
    due = {service: sum(sum(p.values()) for (_, s), p in mine.items() if s == service) for service in MONTHLY}
    waiting = [key for key, places in mine.items() if NO_PLACE in places]
    none_yet = sum(places.get(NO_PLACE, 0) for places in mine.values())
    entitled = len({household for household, _ in mine})
    return MonthFigures(month, entitled, due, sum(due.values()) - none_yet, sorted(waiting), none_yet)


def _reasons(books: Books, waiting: list[tuple[int, Service]], cut_off: int) -> Iterator[str]:
    """Say of each key that waits why, in the order in which a person would look."""
    for part in parts(waiting):
        ids = sorted({household for household, _ in part})
        spans = ledger.links_of(books.connection, ids, cut_off)
        shared = ledger.shared_persons(books.connection, ids, cut_off)
        rivals = {household for owners in shared.values() for household in owners}
        for household, service in part:
            links = spans.get((household, service.value), [])
            if any(not link.confirmed for link in links):
                yield "shared"
            elif household in rivals:
                yield "contested"
            else:
                yield "ended" if links else "unmatched"


def a_late_grant(books: Books) -> tuple[int, Month] | None:
    """Return a household, and a month that it was given only by a later run."""
    late = zip(books.record.months[1:], books.posted, books.posted[1:], strict=False)
    for month, before, after in late:
        for household, _, of in sorted(after.keys() - before.keys()):
            if of < month and NO_PLACE not in after[household, _, of]:
                return household, of
    return None
