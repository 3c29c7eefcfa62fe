"""Token buckets: what one caller may take over time, at once, and what strangers may cost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.web.limits import Buckets


def test_a_burst_is_given_at_once_and_then_the_rate() -> None:
    buckets = Buckets(rate_per_s=2, burst=3)
    assert [buckets.take("a", 0.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert buckets.take("a", 0.25) == 0.25
    assert buckets.take("a", 0.5) == 0.0
    assert buckets.take("a", 0.5) == 0.5


def test_callers_do_not_take_from_each_other() -> None:
    buckets = Buckets(rate_per_s=1, burst=1)
    assert buckets.take("a", 0.0) == 0.0
    assert buckets.take("a", 0.0) > 0
    assert buckets.take("b", 0.0) == 0.0


def test_what_is_refused_costs_nothing() -> None:
    buckets = Buckets(rate_per_s=1, burst=1)
    buckets.take("a", 0.0)
    for n in range(100):
        assert buckets.take("a", n / 200) > 0
    assert buckets.take("a", 1.0) == 0.0


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    buckets = Buckets(rate_per_s=100, burst=2)
    buckets.take("a", 0.0)
    assert [buckets.take("a", 1000.0) == 0.0 for _ in range(3)] == [True, True, False]


def test_a_clock_that_goes_back_takes_nothing_away() -> None:
    buckets = Buckets(rate_per_s=1, burst=2)
    buckets.take("a", 100.0)
    assert buckets.take("a", 0.0) == 0.0


def test_memory_is_bounded_and_the_longest_idle_goes_first() -> None:
    buckets = Buckets(rate_per_s=0.001, burst=1, most=3)
    for n, name in enumerate(["busy", "idle", "third", "busy", "fourth"]):
        buckets.take(name, n)
    assert len(buckets) == 3
    assert buckets.take("busy", 10) > 0  # still known
    assert buckets.take("idle", 10) == 0.0  # forgotten, so as new
    for n in range(1000):
        buckets.take(f"stranger {n}", 20)
    assert len(buckets) == 3


@pytest.mark.parametrize(("rate", "burst", "most"), [(0, 1, 1), (-1, 1, 1), (1, 0.5, 1), (1, 1, 0)])
def test_a_bucket_that_could_never_give_is_refused(rate: float, burst: float, most: int) -> None:
    with pytest.raises(ValueError, match="bucket"):
        Buckets(rate, burst, most)


@given(st.lists(st.floats(0, 3), min_size=1, max_size=60), st.sampled_from([0.5, 1, 7]), st.integers(1, 5))
def test_no_stretch_of_time_gives_more_than_burst_and_rate(pauses: list[float], rate: float, burst: int) -> None:
    buckets, now, taken = Buckets(rate, burst), 0.0, []
    for pause in pauses:
        now += pause
        wait_s = buckets.take("a", now)
        assert wait_s <= 1 / rate
        if wait_s == 0:
            taken.append(now)
    for first, start in enumerate(taken):
        for count, end in enumerate(taken[first:], 1):
            assert count <= burst + (end - start) * rate + 1e-6
