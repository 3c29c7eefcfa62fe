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
INSTANTS = st.datetimes(datetime(2026, 1, 1), datetime(2029, 12, 31))


def monthly(newest: str, now: str) -> list[tuple[str, str]]:
    due = YEAR.due(Month.parse(newest), datetime.fromisoformat(now))
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
    assert YEAR.publish_at(Month(2026, 11)) == datetime(2026, 10, 23, 8, 0)  # the 25th is a Sunday


def test_a_ledger_is_begun_by_a_person() -> None:
    assert {one.job for one in YEAR.due(None, datetime(2026, 11, 26))} == {Job.RECONCILE, Job.PURGE, Job.RECOMPUTE}


def test_what_happens_daily_is_made_up_for_once() -> None:
    due = YEAR.due(None, datetime(2026, 11, 26, 1, 0))
    assert sorted((one.job.value, one.period) for one in due) == [
        ("purge", "2026-11-25"), ("recompute", "2026-11-23"), ("reconcile", "2026-11-25"),
    ]  # fmt: skip


def test_missing_reports_come_before_the_office_after_work_days() -> None:
    # due on the 10th of November, a Tuesday; five work days later is the 17th
    assert YEAR.escalate_at(Month(2026, 10)) == datetime(2026, 11, 17, 9, 0)


@given(newest=MONTHS, now=INSTANTS)
def test_a_month_is_computed_before_it_is_published_and_months_go_in_order(newest: Month, now: datetime) -> None:
    due = [one for one in YEAR.due(newest, now) if one.job in (Job.RUN, Job.PUBLISH)]
    assert all(one.at <= now for one in due)
    runs = [one.period for one in due if one.job is Job.RUN]
    assert runs == sorted(runs)
    for one in due:
        if one.job is Job.PUBLISH:
            assert due.index(one) > next(i for i, other in enumerate(due) if other[1:] == (Job.RUN, one.period))


@given(newest=MONTHS, now=INSTANTS, later=st.integers(0, 200))
def test_what_is_due_stays_due_until_it_is_done(newest: Month, now: datetime, later: int) -> None:
    of_months = (Job.RUN, Job.PUBLISH, Job.ESCALATE)
    before = {one for one in YEAR.due(newest, now) if one.job in of_months}
    assert before <= {one for one in YEAR.due(newest, now + timedelta(days=later)) if one.job in of_months}


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
