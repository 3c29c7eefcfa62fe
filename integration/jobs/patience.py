"""How long to wait before trying again: a time drawn from a range that doubles with every attempt ("full jitter").

Whoever waits a fixed time comes back together with all others who failed in the same moment.
"""

from __future__ import annotations

import random
from typing import Final

_LONGEST_S: Final = 3_600
_chance = random.SystemRandom()


def drawn_us(attempt: int, first_s: int) -> int:
    """Return a wait in microseconds: at most ``first_s`` after the first attempt, and never more than an hour."""
    longest = min(_LONGEST_S, first_s * 2 ** (attempt - 1))
    return _chance.randrange(1, longest * 1_000_000 + 1)
