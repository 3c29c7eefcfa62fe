"""A stopwatch that can be stopped and started again."""

from __future__ import annotations

from time import perf_counter


class Stopwatch:
    """``with watch:`` adds to ``seconds``."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __enter__(self) -> None:
        self._since = perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds += perf_counter() - self._since
