"""Every listed allowance, by what became of it: the balance of a month, and the findings that silence makes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from sqlalchemy import BigInteger, Column, Connection, Table

from integration.domain import balance
from integration.domain.balance import Alike, Balance, Sums, due_month
from integration.domain.draws import own_months
from integration.domain.findings import Finding
from integration.domain.judgement import Verdict
from integration.domain.prices import weight_fen
from integration.jobs.bill_judge import BillJudge
from integration.jobs.hub import Hub, monthly_service
from integration.storage import decisions, draws, findings
from integration.storage.bulk import bulk_insert, temp_table
from integration.storage.draws import Look, Silent
from integration.storage.findings import Changes, Entry
from integration.storage.reports import Report
from integration.storage.sets import among
from integration.storage.tables import findings as table
from schemas.findings import FindingKind
from schemas.tariffs import BASIC
from schemas.values import Month, months_between

#: Month → the households to look at; None: all of them.
_Months = dict[int, set[int] | None]


class BalanceBroken(Exception):  # noqa: N818 - it names what happened
    """listed ≠ drawn + lapsed + awaiting + refused + unanswered, or one of them is negative: nothing was kept."""


class Allowances:
    """The listed allowances of a company."""

    def __init__(self, judge: BillJudge, company: str, entry: Entry) -> None:
        self._judge = judge
        self._company = company
        self._entry = entry
        self._connection = judge.connection
        self._known = judge.latest(company)
        self._listed_months = judge.listed_months(company)
        self._reported = judge.reported(company)

    def look(
        self, told: tuple[Report, list[int]] | None, moved: Sequence[tuple[int, int]], *, everything: bool
    ) -> Changes:
        """Look at the months that may have changed: check their balance, and settle the findings of silence.

        ``told`` is a report just taken in, and the months of those that it replaced.
        """
        changes, unanswered = Changes(), dict[Month, Sums]()
        for month, ids in sorted(self._months(told, moved, everything=everything).items()):
            with self._only(ids) as only:
                look = Look(self._company, self._judge.service, month, self._known, only)
                counted = draws.counted(self._connection, look, self._listed_months)
                self._check(month, counted)
                if only is None:
                    self._add_unanswered(unanswered, counted)
                changes = changes.plus(self._settle(look, counted, ids))
        return changes.plus(self._settle_unanswered(unanswered))

    # --- which months

    def _months(
        self, told: tuple[Report, list[int]] | None, moved: Sequence[tuple[int, int]], *, everything: bool
    ) -> _Months:
        first = self._judge.first_listed(self._company)
        if first is None:
            return {}
        every = months_between(first, Month.from_int(self._known.month))
        asked = self._asked(first, told)
        looked = set(every) if everything else set(self._window(asked, told))
        found: _Months = {int(month): None for month in every if month in looked}
        for household, month in (*moved, *self._told_late(asked)):
            if int(first) <= month <= self._known.month and found.get(month, set()) is not None:
                found.setdefault(month, set()).add(household)  # type: ignore[union-attr]
        return found

    def _asked(self, first: Month, told: tuple[Report, list[int]] | None) -> list[Month]:
        """Return the report months of which an answer is looked for: the one just told, and those not here yet."""
        newest = max(Month.from_int(self._known.month), self._reported.overdue_to)
        silent = [month for month in months_between(first, newest) if not self._reported.has(month)]
        return [*silent, told[0].month] if told else silent

    def _window(self, asked: Sequence[Month], told: tuple[Report, list[int]] | None) -> Iterator[Month]:
        """Yield the months that a report tells of, or told of before, and those that these report months answer."""
        if told is not None:
            report, replaced = told
            yield from map(Month.from_int, replaced)
            if report.rows:
                yield from map(Month.from_int, own_months(report.first_month, report.last_month))
        for month in asked:
            yield from balance.months_due(self._reported, month)

    def _told_late(self, asked: Iterable[Month]) -> list[tuple[int, int]]:
        """Return (household, month) of what lists told late whose answers these report months owe, however old."""
        due = {month for one in asked for month in balance.months_due(self._reported, one)}
        runs = [run for run, month in self._listed_months.items() if Month.from_int(month) in due]
        if not runs:
            return []
        return draws.moved_since(self._connection, self._judge.service, min(runs) - 1, max(runs))

    @contextmanager
    def _only(self, ids: set[int] | None) -> Iterator[Table | None]:
        if ids is None:
            yield None
            return
        columns = [Column("household_id", BigInteger, primary_key=True)]
        with temp_table(self._connection, "moved", columns) as made:
            bulk_insert(self._connection, made, ("household_id",), ((one,) for one in sorted(ids)))
            yield made

    # --- balance

    def _check(self, month: int, counted: Mapping[Alike, Sums]) -> None:
        made = balance.balance(self._company, month, counted, self._reported)
        if not made.holds:
            raise BalanceBroken(f"{self._company} {made.month}: {made}; nothing was kept")

    def balance(self, month: int) -> Balance:
        """Return the balance of a month with what stands beside it."""
        look = Look(self._company, self._judge.service, month, self._known)
        counted = draws.counted(self._connection, look, self._listed_months)
        made = balance.balance(self._company, month, counted, self._reported)
        for one in draws.beside(self._connection, look):
            difference = one.waived_milli - one.due_milli
            made.good_faith_milli += one.good_milli
            if one.verdict == Verdict.UNLISTED:
                made.unauthorised_milli += one.waived_milli
            elif one.verdict == Verdict.DUPLICATE:
                made.duplicate_milli += one.waived_milli
            elif difference > 0:
                made.over_milli += difference
            else:
                made.short_milli -= difference
        taken = decisions.taken_back(self._connection, self._judge.service, [month])
        made.clawed_back_milli = sum(one.quantity_milli for one in taken if one.company == self._company)
        return made

    # --- findings

    def _settle(self, look: Look, counted: Mapping[Alike, Sums], ids: set[int] | None) -> Changes:
        c = table.c
        of_month = (c.company == self._company, c.month == look.month)
        within = () if ids is None else (among(self._connection, c.household_id, sorted(ids)),)
        old = findings.open_ones(self._connection, "key", *of_month, *within)
        found = list(self._found(look)) if any(self._speaks(*pair) for pair in counted.items()) else []
        return findings.settle(self._connection, self._entry._replace(scope="key"), found, old)

    def _speaks(self, alike: Alike, sums: Sums) -> bool:
        """Whether allowances that are alike make findings of their own."""
        kind = balance.key_finding(alike, self._reported)
        return kind not in (None, FindingKind.UNANSWERED) or self._is_owed(alike, sums.owed_milli)

    def _is_owed(self, alike: Alike, owed_milli: int) -> bool:
        return owed_milli > 0 and balance.owed_is_over(alike, self._reported)

    def _found(self, look: Look) -> Iterator[Finding]:
        for one in draws.silent(self._connection, look, self._listed_months):
            kind = balance.key_finding(one.alike, self._reported)
            if kind not in (None, FindingKind.UNANSWERED):
                yield self._finding(one, kind, one.listed_milli - one.drawn_milli)
            if self._is_owed(one.alike, one.owed_milli):
                yield self._finding(one, FindingKind.CREDIT_MISSING, one.owed_milli)

    def _finding(self, one: Silent, kind: FindingKind | None, quantity_milli: int) -> Finding:
        if kind is None:
            raise ValueError("no finding")
        month = Month.from_int(one.alike.month)
        prices = self._judge.amounts.prices[self._company]
        stake_fen = weight_fen(prices, BASIC, month, quantity_milli)
        return Finding(
            identity=f"key:{kind}:{one.household_id}:{one.account_id}:{one.alike.month}",
            kind=kind,
            company=self._company,
            month=one.alike.month,
            report_month=int(due_month(one.alike, self._reported.accrual_months)),
            household_id=one.household_id,
            account_id=one.account_id,
            due_milli=quantity_milli,
            due_fen=stake_fen,
            stake_milli=quantity_milli,
            stake_fen=stake_fen,
        )

    # --- months nobody reported

    def _add_unanswered(self, unanswered: dict[Month, Sums], counted: Mapping[Alike, Sums]) -> None:
        for alike, sums in counted.items():
            if balance.key_finding(alike, self._reported) is FindingKind.UNANSWERED:
                month = due_month(alike, self._reported.accrual_months)
                before = unanswered.get(month, Sums(0, 0, 0, 0))
                unanswered[month] = Sums(*(a + b for a, b in zip(before, sums, strict=True)))

    def _settle_unanswered(self, unanswered: Mapping[Month, Sums]) -> Changes:
        old = findings.open_ones(self._connection, "company", table.c.company == self._company)
        found = [self._unreported(month, sums) for month, sums in unanswered.items()]
        return findings.settle(self._connection, self._entry._replace(scope="company"), found, old)

    def _unreported(self, month: Month, sums: Sums) -> Finding:
        quantity = sums.listed_milli - sums.drawn_milli
        stake_fen = weight_fen(self._judge.amounts.prices[self._company], BASIC, month, quantity)
        return Finding(
            identity=f"company:{FindingKind.UNANSWERED}:{month}",
            kind=FindingKind.UNANSWERED,
            company=self._company,
            month=int(month),
            report_month=int(month),
            due_milli=quantity,
            due_fen=stake_fen,
            stake_milli=quantity,
            stake_fen=stake_fen,
            households=sums.number,
        )


def balances(hub: Hub, connection: Connection, company: str, months: Iterable[Month] | None = None) -> list[Balance]:
    """Return the balances of a company's listed months (or of some), oldest first."""
    service = monthly_service(hub.companies[company])
    if service is None:
        return []
    judge = BillJudge(hub, connection, service)
    first = judge.first_listed(company)
    every = months_between(first, Month.from_int(judge.latest(company).month)) if first else []
    allowances = Allowances(judge, company, Entry(0, 0, service, "key"))
    wanted = set(every) if months is None else set(months)
    return [allowances.balance(int(month)) for month in every if month in wanted]
