"""Row outcomes: every input row has one end, and the counts add up (design: "Nothing is silent")."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from integration.domain.brake import Trip
from schemas.faults import Fault, Outcome


class Difference(msgspec.Struct, frozen=True):
    """A household of which a snapshot says otherwise than a delta before it: live, ended or silent (edge case 73)."""

    household: int
    district: str
    delta: str
    snapshot: str


class Outcomes:
    """The ends of a submission's rows, in row order, kept as runs of equal neighbours."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {outcome.value: 0 for outcome in Outcome}
        self.warnings = 0
        self.differences: list[Difference] = []
        self._runs: list[list[Any]] = []

    def add(self, row: int, outcome: Outcome, fault: Fault | None = None, warnings: Iterable[Fault] = ()) -> None:
        """Record how a row ended, why, and what was odd about it without refusing it."""
        self.counts[outcome] += 1
        self._append(row, outcome.value, fault)
        for warning in warnings:
            self.warnings += 1
            self._append(row, "warning", warning)

    def _append(self, row: int, word: str, fault: Fault | None) -> None:
        key = [word, fault.column, fault.code, fault.text] if fault else [word, "", "", ""]
        last = self._runs[-1] if self._runs else None
        if last is not None and last[2:] == key and word != "warning":
            last[1] = row
        else:
            self._runs.append([row, row, *key])

    @property
    def rows(self) -> int:
        """How many rows there were; equals the sum of the counts by construction of ``add``."""
        return sum(self.counts.values())

    def runs(self) -> Iterator[tuple[int, int, str, str, str, str]]:
        """Yield what must be kept: every run except those of unchanged rows."""
        for first, last, outcome, column, code, text in self._runs:
            if outcome != Outcome.UNCHANGED:
                yield first, last, outcome, column, code, text

    def faults(self, most: int = 20) -> list[Fault]:
        """Return the first reasons, for a reply that a person reads."""
        runs = [run for run in self._runs if run[4] and run[2] != "warning"]
        return [Fault(first, column, code, text) for first, _, _, column, code, text in runs[:most]]


class SyncResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a submission; free of personal data, and kept for ever as its reply."""

    submission_id: int
    state: str
    version: int | None = None
    counts: dict[str, int] = {}
    warnings: int = 0
    faults: list[Fault] = []
    trips: list[Trip] = []
    #: The first of what a snapshot says otherwise than deltas before it: what whoever releases it accepts.
    differences: list[Difference] = []
    hold_id: int | None = None
    duplicate_of: int | None = None
    #: Households that ended by it, by its rows or, in a snapshot, by its silence.
    ended: int = 0
    #: Of a report: its id, and how many findings it opened.
    report_id: int | None = None
    findings: int = 0
