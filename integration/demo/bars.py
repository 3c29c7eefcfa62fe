"""Progress bars at a terminal, silence elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from integration.demo.check import rows_in
from integration.demo.steps import Step
from integration.demo.words import TEXTS, pick


class Bars:
    """One bar for each stage, and below it one for the step at hand."""

    def __init__(self, console: Console, language: str) -> None:
        self._language = language
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:,.0f}"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._stage: TaskID | None = None
        self._step: TaskID | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._progress.stop()

    def begin(self, name: str, total: int | None = None) -> None:
        """Begin a stage; without a total its bar only shows that something moves."""
        self._done(self._step)
        self._done(self._stage)
        self._step = None
        self._stage = self._progress.add_task(pick(TEXTS[name], self._language), total=total)

    def advance(self, number: int = 1) -> None:
        """Move the stage's bar on."""
        if self._stage is not None:
            self._progress.advance(self._stage, number)

    def step(self, number: int, step: Step, steps: int) -> None:
        """Begin a step of the story."""
        if number == 0:
            self.begin("playing", steps)
        else:
            self.advance()
        if self._step is not None:
            self._progress.remove_task(self._step)
        total = rows_in(step.path) if step.path and not self._progress.disable else None
        self._step = self._progress.add_task(f"  {step.day} {step.name}", total=total)

    def rows(self, _what: str, rows: int) -> None:
        """Move the step's bar on by rows; what the hub tells while it works."""
        if self._step is not None:
            self._progress.advance(self._step, rows)

    def _done(self, task: TaskID | None) -> None:
        if task is not None:
            found = next(one for one in self._progress.tasks if one.id == task)
            self._progress.update(task, total=found.completed, completed=found.completed)
