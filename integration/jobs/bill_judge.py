"""What judging the bills of a service takes: prices, policies, what each list told, which reports stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any

from sqlalchemy import Connection

from integration.clock import SHANGHAI, today, us_instant
from integration.domain.amounts import Amounts
from integration.domain.balance import Reported, is_bill, overdue_to, weight
from integration.domain.bills import judge
from integration.domain.draws import Horizon, Listing, own_months
from integration.domain.judgement import Judged, Numbered, Told, Verdict
from integration.domain.policy import MonthPolicy
from integration.domain.prices import Prices
from integration.jobs.hub import Hub
from integration.storage import decisions, draws, ledger, lists, reports
from integration.storage.reports import Kept, Report
from schemas.lists import ListKind
from schemas.reports import ReportKind, ReportRow
from schemas.values import Month, Service, day_int

_NOTHING = Horizon(0, 0)
#: Verdicts of rows that stand beside everything: they cover no month.
_NO_BILL = frozenset({Verdict.DUPLICATE, Verdict.UNLISTED})


class BillJudge:
    """Judges the bills of households at one service, as known in one transaction."""

    def __init__(self, hub: Hub, connection: Connection, service: Service) -> None:
        self.hub = hub
        self.connection = connection
        self.service = service
        self.companies = sorted(code for code, one in hub.companies.items() if service in one.services)
        self.policy = lru_cache(maxsize=None)(self._policy)
        prices = {code: Prices(hub.companies[code].tariff) for code in self.companies}
        self.amounts = Amounts(self.policy, prices)
        self._lists = {code: lists.published(connection, code) for code in self.companies}
        self._horizons = {code: dict(self._told(code)) for code in self.companies}

    def _policy(self, month: int) -> MonthPolicy:
        return self.hub.policy.at(max(Month.from_int(month), self.hub.policy.first_month))

    def _told(self, company: str) -> Iterator[tuple[int, Horizon]]:
        """Yield by list number what a company knows that has the lists up to it."""
        latest = 0
        for one in self._lists[company]:
            latest = max(latest, int(one.month)) if one.kind == ListKind.REGULAR else latest
            yield one.number, Horizon(one.run_id, latest)

    def latest(self, company: str) -> Horizon:
        """Return what a company's newest list tells."""
        return next(reversed(self._horizons[company].values()), _NOTHING)

    def horizon(self, company: str, said: ReportRow) -> tuple[Horizon, bool]:
        """Return what the list that a row follows tells, and whether the company ever got it.

        A row that names none is judged by the newest list published by the end of the bill's day.
        """
        found = self._horizons[company].get(said.list_number)
        if found is not None:
            return found, True
        by_day = [number for day, number in self._days[company] if day <= said.issued_on]
        known = self._horizons[company][by_day[-1]] if by_day else _NOTHING
        return known, said.list_number == 0

    @cached_property
    def _days(self) -> Mapping[str, Sequence[tuple[int, int]]]:
        return {
            code: [(day_int(us_instant(one.published_us).astimezone(SHANGHAI).date()), one.number) for one in found]
            for code, found in self._lists.items()
        }

    def listed_months(self, company: str) -> Mapping[int, int]:
        """Return by run the month (YYYYMM) of the first list that told of its postings."""
        found: dict[int, int] = {}
        after = 0
        for one in self._lists[company]:
            found |= dict.fromkeys(range(after + 1, one.run_id + 1), int(one.month))
            after = max(after, one.run_id)
        return found

    def first_listed(self, company: str) -> Month | None:
        """Return the month of a company's first regular list; None before it."""
        return next((one.month for one in self._lists[company] if one.kind == ListKind.REGULAR), None)

    # --- reports

    @cached_property
    def reports(self) -> Mapping[int, Report]:
        """Every report of the service, by id."""
        found = [one for code in self.companies for one in reports.reports_of(self.connection, code)]
        return {one.report_id: one for one in found}

    @cached_property
    def months(self) -> list[int]:
        """The months in which any report of the service may have lines."""
        return months_of(self.reports.values())

    @cached_property
    def told_of(self) -> list[int]:
        """Every month that a list may have told of, or a report has lines in."""
        lists = [int(one.month) for found in self._lists.values() for one in found]
        if not lists:
            return self.months
        earliest = Month.from_int(min(lists)).plus(-self.policy(min(lists)).look_back_months)
        return sorted({*self.months, *own_months(int(earliest), max(lists))})

    def reported(self, company: str) -> Reported:
        """Return what is known of a company's reporting at the present day."""
        whole = (ReportKind.ORIGINAL, ReportKind.REPLACE)
        mine = [one for one in self.reports.values() if one.company == company and one.stands and one.kind in whole]
        now = today(self.hub.clock)
        policy = self.policy(int(Month.of(now)))
        last = overdue_to(day_int(now), policy.report_due_day)
        return Reported(frozenset(one.month for one in mine), last, policy.prepaid_accrual_months)

    # --- judging

    def told(self, kept: Kept) -> Told:
        """Return a kept row as the rules want it."""
        report = self.reports[kept.report_id]
        known, listed = self.horizon(report.company, kept.said)
        fits = Numbered(kept.numbered)
        place = (kept.report_id, kept.row, report.company, kept.account_id)
        return Told(*place, known, kept.said, report.edition, fits, listed)

    def judge_anew(self, ids: Sequence[int]) -> dict[int, list[Judged]]:
        """Judge all rows of some households from nothing, whenever and from whomever they came."""
        places = draws.places_of(self.connection, self.service, self.months, ids)
        rows: dict[int, list[Told]] = {}
        for kept in reports.rows_at(self.connection, places):
            rows.setdefault(kept.household_id, []).append(self.told(kept))
        listings = self.listings(sorted(rows), self.told_of)
        latest = {code: self.latest(code) for code in self.companies}
        return {one: judge(self.amounts, told, listings.get(one, ()), latest) for one, told in rows.items()}

    def listings(self, ids: Sequence[int], months: Iterable[int]) -> dict[int, list[Listing]]:
        """Return what was ever posted for households in these months, on accounts, but for what claw-backs took."""
        wanted = [Month.from_int(month) for month in months]
        found: dict[int, list[Listing]] = {}
        taken = {(one.household_id, one.month, one.run_id) for one in self._taken_back}
        for (_, _, household), rows in ledger.postings_of(self.connection, ids, wanted, [self.service]).items():
            mine = found.setdefault(household, [])
            mine += [
                Listing(one.month, one.account_id, one.quantity_milli, one.run_id)
                for one in rows
                if (household, one.month, one.run_id) not in taken
            ]
        return found

    @cached_property
    def _taken_back(self) -> list[decisions.TakenBack]:
        return decisions.taken_back(self.connection, self.service)


def months_of(found: Iterable[Report]) -> list[int]:
    """Return every month that these reports may have lines in."""
    return sorted({month for one in found if one.rows for month in own_months(one.first_month, one.last_month)})


def lines_of(service: Service, household_id: int, judged: Judged) -> Iterator[tuple[Any, ...]]:
    """Yield a judged row's lines as ``draws`` keeps them."""
    told = judged.told
    said = told.said
    bill = int(is_bill(said) and not judged.undone and judged.verdict not in _NO_BILL)
    about = (told.company, told.account_id, said.issued_on, bill, weight(said), judged.verdict.value)
    for line in judged.lines():
        yield service.value, line.month, household_id, told.report_id, told.row, *about, *line[1:]
