"""Counting the work that something does: its statements and its password hashes, as they really happen."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event


@contextmanager
def work_counted(at_hash: Callable[[], None] = lambda: None) -> Iterator[list[str]]:
    """Give a list that fills with each SQL statement, and with the parameters of each password that is verified.

    ``at_hash`` is called when a password is about to be verified, in the thread that does it.
    """
    work: list[str] = []

    def statement(_connection: Any, _cursor: Any, text: str, *_more: Any) -> None:
        work.append(text)

    def call(frame: Any, kind: str, _argument: Any) -> None:
        if kind == "call" and frame.f_code.co_qualname == "PasswordHasher.verify":
            work.append(frame.f_locals["hash"][:31])
            at_hash()

    event.listen(Engine, "before_cursor_execute", statement)
    sys.setprofile(call)
    try:
        yield work
    finally:
        sys.setprofile(None)
        event.remove(Engine, "before_cursor_execute", statement)


@contextmanager
def calls_counted(name: str) -> Iterator[list[str]]:
    """Give a list that fills with each call of a built-in of this name: ``verify`` of a signature, say."""
    made: list[str] = []

    def call(_frame: Any, kind: str, argument: Any) -> None:
        if kind == "c_call" and argument.__name__ == name:
            made.append(str(argument))

    sys.setprofile(call)
    try:
        yield made
    finally:
        sys.setprofile(None)


def work_of(act: Callable[[], object]) -> list[str]:
    """Do something, whatever it raises, and return its work."""
    with work_counted() as work:
        try:
            act()
        except Exception:  # noqa: BLE001 - a refusal is work too
            return work
    return work
