"""Faults are values: what is wrong with which row and column, and what the sender can do about it.

A fault never carries the offending content of a personal column: row and column are enough for the sender to find
it, and a fault travels to logs and replies.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Outcome(StrEnum):
    """The one end of every input row."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    HELD = "held"
    REJECTED = "rejected"


class Fault(msgspec.Struct, frozen=True):
    """A reason with its place: row counted from 1 (0 is the whole file), column as the sender names it."""

    row: int
    column: str
    code: str
    text: str


class FileRefused(Exception):  # noqa: N818 - it names what happened to the file
    """The whole file is damaged or not what it says it is; nothing of it is applied (edge case 69)."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(f"{fault.code}: {fault.text}")
        self.fault = fault


def refuse(code: str, text: str, *, row: int = 0, column: str = "") -> FileRefused:
    """Build the refusal of a whole file."""
    return FileRefused(Fault(row, column, code, text))
