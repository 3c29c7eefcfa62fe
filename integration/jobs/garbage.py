"""How often Python looks for cyclic garbage while a job makes millions of small objects, hardly any in cycles."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

#: New objects between two looks; Python's own 700 costs an import a third of its time.
_PACE: Final = (100_000, 50, 100)

_lock = threading.Lock()
_usual: list[tuple[int, int, int]] = []


@contextmanager
def rare_collection() -> Iterator[None]:
    """Look seldom within the block; blocks may nest and stand beside each other in threads."""
    with _lock:
        _usual.append(gc.get_threshold())
        gc.set_threshold(*_PACE)
    try:
        yield
    finally:
        with _lock:
            before = _usual.pop()
            if not _usual:  # what the first to come found
                gc.set_threshold(*before)
