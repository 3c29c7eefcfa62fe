"""The demo: a believable city, three months of it through the production code, and a check against its known truth."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Final

from rich.console import Console

from integration.demo.acting import Record, perform
from integration.demo.bars import Bars
from integration.demo.book import Books, Story
from integration.demo.building import build_city
from integration.demo.check import judge
from integration.demo.city import collector_resting
from integration.demo.figures import Played, a_late_grant, month_figures
from integration.demo.reported import reported_figures
from integration.demo.stage import FIRST_MONTH, DemoRefused, Folder, Stage, cleared, opened
from integration.demo.steps import Step
from integration.demo.story import expected_ledger, replies, write_story
from integration.demo.summary import show

#: Exit statuses: every check passed, some did not, the demo was not played at all.
PASSED: Final = 0
FAILED: Final = 1
REFUSED: Final = 2

_CUSTOMERS_PER_HOUSEHOLD: Final = 3


def play(
    folder: Path,
    households: int = 20_000,
    seed: int = 1,
    language: str = "zh",
    console: Console | None = None,
    database_url: str | None = None,
) -> int:
    """Play the demo in a folder, which is replaced if an earlier demo left it; return the exit status.

    ``database_url`` names an empty database to play in instead of the folder's own SQLite. ``language`` is zh or en.
    """
    console = console or Console()
    try:
        with Bars(console, language) as bars:
            played = _played(cleared(folder), households, seed, database_url, bars)
    except DemoRefused as refused:
        console.print(str(refused), markup=False, highlight=False)
        return REFUSED
    return conclude(console, played, language)


def conclude(console: Console, played: Played, language: str) -> int:
    """Print the summary and return the exit status: ``PASSED`` only if every check passed."""
    show(console, played, language)
    return PASSED if played.passed else FAILED


def _played(folder: Folder, households: int, seed: int, database_url: str | None, bars: Bars) -> Played:
    started = perf_counter()
    story = tell(folder, households, seed, bars)
    told = perf_counter()
    with _city_at_rest(), opened(folder, database_url, bars.rows) as stage:
        record = perform(stage, story.steps, bars.step)
        acted = perf_counter()
        played = examine(stage, story, record, bars)
    ended = perf_counter()
    played.seconds = {"building": told - started, "checking": ended - acted, "total": ended - started}
    return played


@collector_resting()
def examine(stage: Stage, story: Story, record: Record, bars: Bars) -> Played:
    """Make every check, and gather the figures of the summary, in one state of the database."""
    bars.begin("checking")
    with stage.hub.store.read() as connection:
        books = Books(stage.hub, connection, story, record)
        checks = judge(stage, books, lambda _: bars.advance())
        late, reported = a_late_grant(books), reported_figures(stage, books)
        return Played(stage, story, record, checks, month_figures(books), late, reported)


def tell(folder: Folder, households: int, seed: int, bars: Bars) -> Story:
    """Build the city, write all files, and keep what the ledger must hold after each run.

    Raises:
        DemoRefused: the city is too small for its story.
    """
    try:
        return _told(folder, households, seed, bars)
    except ValueError as small:
        raise DemoRefused(f"户数太少，演不完剧情；至少 300 户 / {small}; take 300 or more") from None


def _told(folder: Folder, households: int, seed: int, bars: Bars) -> Story:
    customers = _CUSTOMERS_PER_HOUSEHOLD * households
    bars.begin("building", customers)
    city = build_city(seed, households, customers, FIRST_MONTH, settled=bars.advance)
    bars.begin("writing")

    def written(_: Step) -> None:
        bars.advance()

    steps = write_story(city, folder.files, written)
    truths = [expected_ledger(city, index) for index, step in enumerate(steps) if step.kind == "run"]
    return Story(city, steps, truths, replies(city))


@contextmanager
def _city_at_rest() -> Iterator[None]:
    """Keep the garbage collector from walking the whole city again and again while the hub works."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
