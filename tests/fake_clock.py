"""A clock for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class FakeClock:
    """A clock that stands until it is told to move."""

    def __init__(self, instant: datetime) -> None:
        self.instant = instant

    def __call__(self) -> datetime:
        return self.instant

    @classmethod
    def at(cls, text: str) -> FakeClock:
        """Return a clock that stands at an ISO 8601 instant."""
        return cls(datetime.fromisoformat(text).astimezone(UTC))

    def set(self, text: str) -> None:
        """Set it to an ISO 8601 instant, e.g. 2026-10-20T20:00:00+08:00."""
        self.instant = datetime.fromisoformat(text).astimezone(UTC)

    def advance(self, **duration: int) -> None:
        """Move it on, e.g. ``advance(days=1)``."""
        self.instant += timedelta(**duration)
