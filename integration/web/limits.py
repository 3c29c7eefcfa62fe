"""Rate limits: a token bucket a caller, in bounded memory."""

from __future__ import annotations

from collections import OrderedDict


class Buckets:
    """Buckets that fill by ``rate_per_s`` up to ``burst``; beyond ``most`` callers the longest idle are forgotten."""

    def __init__(self, rate_per_s: float, burst: float, most: int = 10_000) -> None:
        self._rate = rate_per_s
        self._burst = burst
        self._most = most
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, now_s: float) -> float:
        """Take one; return 0.0 if there was one, else in how many seconds there will be."""
        level, since = self._levels.get(key, (self._burst, now_s))
        level = min(self._burst, level + (now_s - since) * self._rate)
        wait = 0.0 if level >= 1 else (1 - level) / self._rate
        self._levels[key] = (level - 1 if wait == 0 else level, now_s)
        self._levels.move_to_end(key)
        if len(self._levels) > self._most:
            self._levels.popitem(last=False)
        return wait
