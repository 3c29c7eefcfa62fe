"""The calendar of the year: what is due when, and which days are work days. Pure; every instant is Shanghai's, naive.

A month's steps come in order: it is computed on the cut-off day of the month before, and published by the publication
day. Whoever stops the hub for three months and starts it finds every missed month due, in order; of what happens
daily or weekly, the newest time alone is made up for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from integration.domain.policy import Policy
from schemas.configuration import ConfigFault, ConfigurationRefused, faults_of
from schemas.values import Month


class Job(StrEnum):
    """What the clock does."""

    RUN = "run"
    PUBLISH = "publish"
    RECONCILE = "reconcile"
    DETECT = "detect"
    OPEN_CASES = "open_cases"
    ESCALATE = "escalate"
    RECOMPUTE = "recompute"
    PURGE = "purge"


class Due(NamedTuple):
    """A job that is due: for which period (a month or a day), and since when."""

    at: datetime
    job: Job
    period: str


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Entry(_Strict):
    """An entry of the calendar with what it means and where that is written."""

    meaning: str = Field(min_length=10)
    source: str = Field(min_length=5)


def _time(value: object) -> time:
    return time.fromisoformat(str(value))


class At(Entry):
    """Something that happens at a time of the day."""

    at: Annotated[time, BeforeValidator(_time)]


class Escalation(At):
    """What happens so many work days after another day."""

    work_days: int = Field(ge=1, le=60)


def _month_day(value: object) -> tuple[int, int]:
    month, _, day = str(value).partition("-")
    date(2024, int(month), int(day))
    return int(month), int(day)


_MonthDay = Annotated[tuple[int, int], BeforeValidator(_month_day)]


class Season(Entry):
    """The heating season; it crosses the year."""

    starts: _MonthDay
    ends: _MonthDay
    declared_by: _MonthDay

    def dates(self, year: int) -> tuple[date, date, date]:
        """Return the start, the end and the declaration's last day of the season that begins in a year."""
        return date(year, *self.starts), date(year + 1, *self.ends), date(year, *self.declared_by)


class Calendar(_Strict):
    """``config/calendar.toml``."""

    run: At
    publish: At
    reconcile: At
    detect: At
    open_cases: At
    escalate: Escalation
    recompute: At
    purge: At
    season: Season


def load_calendar(file: str, parsed: Mapping[str, Any]) -> Calendar:
    """Check the calendar.

    Raises:
        ConfigurationRefused: with every fault.
    """
    try:
        return Calendar.model_validate(parsed)
    except ValidationError as error:
        raise ConfigurationRefused(faults_of(file, error)) from None


class Workdays:
    """Which days are worked: by the year's notice, and where none is on file by what the library expects."""

    def __init__(self, notices: Mapping[int, tuple[frozenset[date], frozenset[date]]], expected: Any) -> None:
        self._notices = notices
        self._expected = expected

    def is_known(self, year: int) -> bool:
        """Tell whether the year's notice is on file; else make-up days are missing."""
        return year in self._notices

    def is_workday(self, day: date) -> bool:
        """Tell whether a day is worked."""
        if day.year not in self._notices:
            return bool(self._expected(day))
        off, work = self._notices[day.year]
        return day in work or (day.weekday() < 5 and day not in off)

    def on_or_before(self, day: date) -> date:
        """Return the last work day up to a day."""
        while not self.is_workday(day):
            day -= timedelta(days=1)
        return day

    def after(self, day: date, number: int) -> date:
        """Return the day that is so many work days after another."""
        while number:
            day += timedelta(days=1)
            number -= self.is_workday(day)
        return day


def notice_of(file: str, parsed: Mapping[str, Any]) -> tuple[frozenset[date], frozenset[date]]:
    """Read a year's notice: days off, and days worked in their place.

    Raises:
        ConfigurationRefused: it names no source, or something else than days.
    """
    days = [parsed.get("off", []), parsed.get("work", [])]
    if set(parsed) - {"source", "off", "work"} or not parsed.get("source"):
        raise ConfigurationRefused([ConfigFault(file, "source", "holds source, off and work", "name the notice")])
    if any(type(day) is not date for part in days for day in part):
        raise ConfigurationRefused([ConfigFault(file, "off", "holds something else than days", "write 2026-01-01")])
    return frozenset(days[0]), frozenset(days[1])


# --- what is due ---------------------------------------------------------------------------------------------------


def _in_order(due: Due) -> tuple[datetime, int, str]:
    """Sort by time; what falls on one instant as the steps of a month follow each other."""
    return due.at, tuple(Job).index(due.job), due.period


class Year:
    """Calendar, work days and policy together: when each job of a month is due."""

    def __init__(self, calendar: Calendar, workdays: Workdays, policy: Policy) -> None:
        self.calendar = calendar
        self.workdays = workdays
        self._policy = policy

    def run_at(self, month: Month) -> datetime:
        """Return when a month is computed."""
        before = month.plus(-1)
        return datetime.combine(before.first.replace(day=self._policy.at(month).cut_off_day), self.calendar.run.at)

    def publish_at(self, month: Month) -> datetime:
        """Return when a month is published: never before it is computed."""
        wanted = self.workdays.on_or_before(month.plus(-1).first.replace(day=self._policy.at(month).publication_day))
        return max(datetime.combine(wanted, self.calendar.publish.at), self.run_at(month))

    def escalate_at(self, month: Month) -> datetime:
        """Return when a month's missing reports are put before the office."""
        due = month.plus(1).first.replace(day=self._policy.at(month).report_due_day)
        return datetime.combine(self.workdays.after(due, self.calendar.escalate.work_days), self.calendar.escalate.at)

    def due(self, computed: Collection[Month], now: datetime) -> list[Due]:
        """Return what is due by now, done or not, in order of time; ``computed`` are the months of the ledger."""
        return sorted({*self._monthly(computed, now), *self._daily(now)}, key=_in_order)

    def _monthly(self, computed: Collection[Month], now: datetime) -> Iterator[Due]:
        """Yield what follows from the months of the ledger, and the steps of every month after them.

        A ledger begins with the first month that is run; which one that is, a person decides, and not the clock. A
        month stays to be published and its reports to be asked for when the next is computed: a list may be held.
        """
        if not computed:
            return
        month = newest = max(computed)
        for one in computed:
            if newest.minus(one) <= self._policy.at(newest).look_back_months:
                yield from self._after(one, now)
        while (at := self.run_at(month)) <= now:
            yield Due(at, Job.RUN, str(month))
            yield from self._after(month, now)
            month = month.plus(1)

    def _after(self, month: Month, now: datetime) -> Iterator[Due]:
        """Yield what is due of a month once it is computed."""
        for at, job in ((self.publish_at(month), Job.PUBLISH), (self.escalate_at(month), Job.ESCALATE)):
            if at <= now:
                yield Due(at, job, str(month))

    def _daily(self, now: datetime) -> Iterator[Due]:
        every_day = {
            Job.RECONCILE: self.calendar.reconcile,
            Job.DETECT: self.calendar.detect,
            Job.OPEN_CASES: self.calendar.open_cases,
            Job.PURGE: self.calendar.purge,
        }
        for job, entry in every_day.items():
            at = datetime.combine(now.date(), entry.at)
            at = at if at <= now else at - timedelta(days=1)
            yield Due(at, job, at.date().isoformat())
        monday = datetime.combine(now.date() - timedelta(days=now.weekday()), self.calendar.recompute.at)
        monday = monday if monday <= now else monday - timedelta(days=7)
        yield Due(monday, Job.RECOMPUTE, monday.date().isoformat())
