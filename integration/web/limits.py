"""Rate limits: a token bucket for each caller, in bounded memory."""

from __future__ import annotations

from collections import OrderedDict


class Buckets:
    """Buckets that fill by ``rate_per_s`` up to ``burst``; beyond ``most`` callers the longest idle is forgotten.

    A forgotten caller's next bucket is full: ``most`` bounds the memory that strangers can make the hub spend, and who
    comes with so many names is no single caller. Not for use from several threads at once.
    """

    def __init__(self, rate_per_s: float, burst: float, most: int = 10_000) -> None:
        if rate_per_s <= 0 or burst < 1 or most < 1:
            raise ValueError("a bucket must fill, hold at least one, and be of somebody")
        self._rate = rate_per_s
        self._burst = burst
        self._most = most
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._levels)

    def take(self, key: str, now_s: float) -> float:
        """Take one; return 0.0 if there was one, else in how many seconds there will be (Retry-After).

        ``now_s`` is of a clock that never goes back, such as the event loop's. What is refused costs nothing.
        """
        level, since = self._levels.get(key, (self._burst, now_s))
        level = min(self._burst, level + max(0.0, now_s - since) * self._rate)
        wait_s = 0.0 if level >= 1 else (1 - level) / self._rate
        self._levels[key] = (level if wait_s else level - 1, now_s)
        self._levels.move_to_end(key)
        if len(self._levels) > self._most:
            self._levels.popitem(last=False)
        return wait_s
