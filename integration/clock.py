"""The clock: the only place that reads the time of day. Everything else is handed a ``Clock``.

Instants are aware and UTC; business days are the calendar days of Asia/Shanghai.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

Clock = Callable[[], datetime]

SHANGHAI: Final = ZoneInfo("Asia/Shanghai")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def system_clock() -> datetime:
    """Return the present instant, aware, UTC."""
    return datetime.now(UTC)


def now_us(clock: Clock) -> int:
    """Return the clock's instant as stored: microseconds since the epoch, UTC."""
    return instant_us(clock())


def instant_us(instant: datetime) -> int:
    """Return the stored form of an aware instant."""
    return (instant - _EPOCH) // timedelta(microseconds=1)


def us_instant(microseconds: int) -> datetime:
    """Return the instant of a stored form, aware, UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)


def today(clock: Clock) -> date:
    """Return the business day: the date it is in Asia/Shanghai."""
    return clock().astimezone(SHANGHAI).date()
