"""The clock: UTC inside, Shanghai's calendar outside."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration import clock as clocks


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        ("2026-10-20T15:59:59+00:00", date(2026, 10, 20)),
        ("2026-10-20T16:00:00+00:00", date(2026, 10, 21)),
        ("2026-12-31T16:00:00+00:00", date(2027, 1, 1)),
    ],
)
def test_the_business_day_turns_at_midnight_in_shanghai(clock, instant: str, day: date) -> None:
    clock.set(instant)
    assert clocks.today(clock) == day


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_is_stored_to_the_microsecond(instant: datetime) -> None:
    assert clocks.us_instant(clocks.instant_us(instant)) == instant


def test_the_system_clock_is_aware_and_now() -> None:
    assert abs(clocks.system_clock() - datetime.now(UTC)) < timedelta(seconds=5)


def test_nothing_else_reads_the_time_of_day() -> None:
    root = Path(clocks.__file__).parent.parent
    reading = re.compile(r"datetime\.now|date\.today|utcnow|time\.time\(")
    files = [path for room in ("schemas", "adapters", "integration") for path in (root / room).rglob("*.py")]
    assert {path.name for path in files if reading.search(path.read_text())} == {"clock.py"}
