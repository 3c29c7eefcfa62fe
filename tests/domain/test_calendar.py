"""The calendar: every missed month is due, in order; no list before its month is computed; work days as noticed."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.app import policy_in, year_in
from integration.domain.calendar import Job, load_calendar, notice_of
from integration.settings import config_folder
from schemas.configuration import ConfigurationRefused, read_toml
from schemas.values import Month

YEAR = year_in(config_folder(), policy_in(config_folder() / "policy"))
MONTHS = st.builds(Month, st.integers(2024, 2029), st.integers(1, 12))
INSTANTS = st.datetimes(datetime.fromisoformat("2026-01-01"), datetime.fromisoformat("2029-12-31"))


def monthly(newest: str, now: str) -> list[tuple[str, str]]:
    due = YEAR.due([Month.parse(newest)], datetime.fromisoformat(now))
    return [(one.job.value, one.period) for one in due if one.job in (Job.RUN, Job.PUBLISH)]


def test_after_three_months_every_missed_month_is_due_in_order() -> None:
    assert monthly("2026-08", "2026-11-26T12:00") == [
        (job, month) for month in ("2026-08", "2026-09", "2026-10", "2026-11", "2026-12") for job in ("run", "publish")
    ]


def test_nothing_is_due_before_its_time() -> None:
    assert monthly("2026-11", "2026-11-20T23:29") == [("run", "2026-11"), ("publish", "2026-11")]
    assert ("run", "2026-12") in monthly("2026-11", "2026-11-20T23:30")
    assert ("publish", "2026-12") not in monthly("2026-11", "2026-11-25T07:59")
    assert ("publish", "2026-12") in monthly("2026-11", "2026-11-25T08:00")


def test_publication_moves_before_a_day_of_rest() -> None:
    assert YEAR.publish_at(Month(2026, 11)) == datetime.fromisoformat("2026-10-23T08:00")  # the 25th is a Sunday


def test_a_ledger_is_begun_by_a_person() -> None:
    assert {one.job for one in YEAR.due([], datetime.fromisoformat("2026-11-26"))} == {
        Job.RECONCILE,
        Job.DETECT,
        Job.OPEN_CASES,
        Job.PURGE,
        Job.RECOMPUTE,
    }


def test_what_happens_daily_is_made_up_for_once() -> None:
    due = YEAR.due([], datetime.fromisoformat("2026-11-26T01:00"))
    assert sorted((one.job.value, one.period) for one in due) == [
        ("detect", "2026-11-25"), ("open_cases", "2026-11-25"), ("purge", "2026-11-25"), ("recompute", "2026-11-23"),
        ("reconcile", "2026-11-25"),
    ]  # fmt: skip


def test_missing_reports_come_before_the_office_after_work_days() -> None:
    # due on the 10th of November, a Tuesday; five work days later is the 17th
    assert YEAR.escalate_at(Month(2026, 10)) == datetime.fromisoformat("2026-11-17T09:00")


@given(newest=MONTHS, now=INSTANTS)
def test_a_month_is_computed_before_it_is_published_and_months_go_in_order(newest: Month, now: datetime) -> None:
    due = [one for one in YEAR.due([newest], now) if one.job in (Job.RUN, Job.PUBLISH)]
    assert all(one.at <= now for one in due)
    runs = [one.period for one in due if one.job is Job.RUN]
    assert runs == sorted(runs)
    for one in due:
        if one.job is Job.PUBLISH:
            runs_first = [i for i, other in enumerate(due) if other[1:] == (Job.RUN, one.period)]
            assert one.period == str(newest) or runs_first[0] < due.index(one)


@given(first=MONTHS, length=st.integers(1, 6), now=INSTANTS, later=st.integers(0, 200), more=st.integers(0, 6))
def test_what_follows_from_a_month_stays_due_until_it_is_done(
    first: Month, length: int, now: datetime, later: int, more: int
) -> None:
    """However late it gets, and whichever months are computed meanwhile: a list may be held for a long time."""
    computed = [first.plus(n) for n in range(length)]
    before = {one for one in YEAR.due(computed, now) if one.job in (Job.PUBLISH, Job.ESCALATE)}
    computed += [computed[-1].plus(n) for n in range(1, more + 1)]
    assert before <= set(YEAR.due(computed, now + timedelta(days=later)))


@given(computed=st.lists(MONTHS, min_size=1, max_size=4), now=INSTANTS)
def test_nothing_is_due_of_a_month_before_the_ledger(computed: list[Month], now: datetime) -> None:
    months = [one.period for one in YEAR.due(computed, now) if one.job in (Job.RUN, Job.PUBLISH, Job.ESCALATE)]
    assert all(period >= str(min(computed)) for period in months)


def test_what_lies_beyond_the_look_back_is_left_to_a_person() -> None:
    computed = [Month(2026, 1).plus(n) for n in range(24)]
    periods = {one.period for one in YEAR.due(computed, datetime.fromisoformat("2028-01-05")) if one.job is Job.PUBLISH}
    assert min(periods) == "2026-12"  # twelve months before the newest


def test_work_days_follow_the_notice() -> None:
    days = YEAR.workdays
    assert not days.is_workday(date(2026, 10, 1))
    assert days.is_workday(date(2026, 10, 10))  # a Saturday, worked in place of a holiday
    assert days.on_or_before(date(2026, 10, 7)) == date(2026, 9, 30)
    assert (days.is_known(2026), days.is_known(2031)) == (True, False)
    assert not days.is_workday(date(2031, 1, 1))


def test_the_season_crosses_the_year() -> None:
    assert YEAR.calendar.season.dates(2026) == (date(2026, 11, 15), date(2027, 3, 15), date(2026, 11, 15))


def test_faults_of_the_calendar_are_named() -> None:
    raw = (config_folder() / "calendar.toml").read_bytes()
    parsed = dict(read_toml("calendar.toml", raw))
    parsed["run"] = {"meaning": "when months are run", "source": "nowhere", "at": "25:00"}
    with pytest.raises(ConfigurationRefused, match=r"run\.at"):
        load_calendar("calendar.toml", parsed)
    with pytest.raises(ConfigurationRefused, match=r"2026\.toml"):
        notice_of("2026.toml", {"source": "x", "off": ["2026-01-01"]})
