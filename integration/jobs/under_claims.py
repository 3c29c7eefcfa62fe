"""Who is entitled and gets nothing: months without relief, by household and by reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter

from integration.clock import today
from integration.domain.balance import Alike
from integration.domain.detectors import Allowance, is_decided, lack, lacking
from integration.domain.findings import Finding
from integration.domain.prices import weight_fen
from integration.jobs.bill_judge import BillJudge
from integration.jobs.intake import parts
from integration.storage import detectors, links
from integration.storage.detectors import Granted
from schemas.findings import FindingKind, Lack
from schemas.tariffs import BASIC
from schemas.values import Month, months_between


class UnderClaims:
    """The households of a service without relief, as known in one transaction."""

    def __init__(self, judge: BillJudge, first: Month, newest: Month) -> None:
        self._judge = judge
        self._connection = judge.connection
        self._current = min(Month.of(today(judge.hub.clock)), newest)
        policy = judge.policy(int(self._current))
        self._needed = policy.under_claim_months
        self._window = months_between(max(first, self._current.plus(-policy.look_back_months)), self._current)
        self._reported = {code: judge.reported(code) for code in judge.companies}
        self._told = {code: judge.listed_months(code) for code in judge.companies}

    def found(self) -> Iterator[Finding]:
        """Yield a finding for each household that has had no relief for as many months as the policy says.

        A company that has reported none of those months is one finding, with the count of its households.
        """
        due = [month for month in self._window if any(one.is_over(month) for one in self._reported.values())]
        newest = due[-self._needed :]
        silent = {code for code in self._judge.companies if self._is_silent(code, newest)}
        for code in sorted(silent):
            yield from self._whole(code, newest)
        for part in parts(iter(sorted(self._candidates(newest, silent)))):
            for _, mine in groupby(self._granted(part), key=attrgetter("household_id")):
                yield from self._judged(list(mine))

    def _is_silent(self, company: str, newest: Sequence[Month]) -> bool:
        reported = self._reported[company]
        return len(newest) == self._needed and all(
            reported.is_over(month) and not reported.has(month) for month in newest
        )

    def _candidates(self, newest: Sequence[Month], silent: set[str]) -> set[int]:
        """Return whoever may be without relief: at none yet, or nothing applied in any of the newest months due."""
        service = self._judge.service
        waiting = {household for household, of in links.unplaced(self._connection) if of == service.value}
        if len(newest) < self._needed:
            return waiting
        months = [int(month) for month in newest]
        return waiting.union(detectors.unrelieved(self._connection, service, months, silent))

    def _granted(self, ids: Sequence[int]) -> Iterator[Granted]:
        months = [int(month) for month in self._window]
        return detectors.granted(self._connection, self._judge.service, months, ids)

    def _judged(self, mine: Sequence[Granted]) -> Iterator[Finding]:
        months = {one.month: self._allowance(one) for one in mine}  # of two places in a month, the account
        decided = [(one, self._lack(one)) for one in months.values() if self._is_decided(one)]
        run = lacking(decided, self._needed)
        if run:
            yield self._finding(mine[0].household_id, run)

    def _allowance(self, one: Granted) -> Allowance:
        told = self._told.get(one.company, {}).get(one.run_id)
        alike = None if told is None else Alike(one.month, told, one.cycle, bool(one.bill), one.answer)
        place = (Month.from_int(one.month), one.company, one.account_id)
        return Allowance(*place, one.quantity_milli, one.waived_milli, one.due_milli, alike)

    def _is_decided(self, one: Allowance) -> bool:
        return is_decided(one, self._reported.get(one.company), self._current)

    def _lack(self, one: Allowance) -> Lack | None:
        return lack(one, self._reported.get(one.company))

    # --- findings

    def _finding(self, household: int, run: Sequence[tuple[Allowance, Lack]]) -> Finding:
        newest, reason = run[-1]
        quantity = sum(one.granted_milli for one, _ in run)
        stake_fen = sum(self._weight(one.company, one.month, one.granted_milli) for one, _ in run)
        return self._stake(
            Finding(
                identity=f"detector:{FindingKind.UNDER_CLAIM}:{self._judge.service}:{household}",
                kind=FindingKind.UNDER_CLAIM,
                company=newest.company,
                month=int(run[0][0].month),
                report_month=int(run[0][0].month),
                household_id=household,
                account_id=newest.account_id,
                reason=reason.value,
            ),
            quantity,
            stake_fen,
        )

    def _whole(self, company: str, months: Sequence[Month]) -> Iterator[Finding]:
        service = self._judge.service
        number, quantity = detectors.listed_at(self._connection, company, service, [int(month) for month in months])
        if not number:
            return
        found = Finding(
            identity=f"detector:{FindingKind.UNDER_CLAIM}:{service}",
            kind=FindingKind.UNDER_CLAIM,
            company=company,
            month=int(months[0]),
            report_month=int(months[0]),
            households=number,
            reason=Lack.SILENT.value,
        )
        yield self._stake(found, quantity, self._weight(company, months[-1], quantity))

    def _stake(self, found: Finding, quantity_milli: int, fen: int) -> Finding:
        return found._replace(due_milli=quantity_milli, due_fen=fen, stake_milli=quantity_milli, stake_fen=fen)

    def _weight(self, company: str, month: Month, quantity_milli: int) -> int:
        """Return what an allowance is worth; at none yet, at the lowest price of the companies that it may come to."""
        prices = self._judge.amounts.prices
        asked = [prices[company]] if company in prices else list(prices.values())
        return min((weight_fen(one, BASIC, month, quantity_milli) for one in asked), default=0)
