"""Flags in the companies' rosters, lists that nobody fetched, rosters that nobody sent (edge cases 62, 78)."""

from __future__ import annotations

from collections.abc import Iterator

from integration.clock import today
from integration.domain.detectors import Flagged, flag_finding, is_overdue
from integration.domain.draws import Horizon
from integration.domain.findings import Finding
from integration.domain.prices import weight_fen
from integration.jobs.bill_judge import BillJudge
from integration.storage import detectors, ledger, lists
from integration.storage.overview import local_day
from schemas.findings import FindingKind
from schemas.lists import ListKind
from schemas.tariffs import BASIC
from schemas.values import Month

_NEVER = Horizon(0, 0)


class Silence:
    """What a company has left undone about its flags, lists and rosters, as known in one transaction."""

    def __init__(self, judge: BillJudge, company: str) -> None:
        self._judge = judge
        self._connection = judge.connection
        self._company = company
        self._today = today(judge.hub.clock)
        self._policy = judge.policy(int(Month.of(self._today)))
        self._roster_us = detectors.last_rosters(self._connection).get(company)

    # --- flags

    def flags(self) -> Iterator[Finding]:
        """Yield accounts flagged without a listing, and listed ones whose flag is missing or has run out.

        A roster can only know the lists that were published before it. A company none of whose accounts bears the flag
        keeps none, and has lost none.
        """
        if self._roster_us is None or not detectors.keeps_flags(self._connection, self._company):
            return
        made = Month.of(local_day(self._roster_us))
        now = self._judge.latest(self._company)
        if not now.month:
            return
        then = self._then(self._roster_us, made)
        service, month = self._judge.service, max(made, Month.of(self._today))
        for one in detectors.flags(self._connection, self._company, service, then, now, int(month)):
            kind = flag_finding(one, month)
            if kind is not None:
                yield self._flag(one, kind, Month.from_int(now.month))

    def _then(self, roster_us: int, made: Month) -> Horizon:
        """Return what a company knew when it made its roster: the lists before it, of months up to the roster's."""
        earlier = [one for one in lists.published(self._connection, self._company) if one.published_us < roster_us]
        listed = [one.month for one in earlier if one.kind == ListKind.REGULAR]
        if not listed:
            return _NEVER
        return Horizon(max(one.run_id for one in earlier), min(int(max(listed)), int(made)))

    def _flag(self, one: Flagged, kind: FindingKind, month: Month) -> Finding:
        """Say it with the newest listed month's allowance at stake: what may be given wrongly, or not at all."""
        quantity = self._judge.policy(int(month)).benefit(self._judge.service).allowance_milli
        due = 0 if kind is FindingKind.ORPHAN_FLAG else quantity
        return Finding(
            identity=f"detector:{kind}:{one.account_id}",
            kind=kind,
            company=self._company,
            month=int(month),
            report_month=int(month),
            account_id=one.account_id,
            due_milli=due,
            due_fen=self._weight(month, due),
            stake_milli=quantity,
            stake_fen=self._weight(month, quantity),
            households=int(kind is not FindingKind.ORPHAN_FLAG),
        )

    # --- lists and rosters

    def uncollected(self) -> Iterator[Finding]:
        """Yield the lists that have not reached the company in time."""
        for one in detectors.uncollected(self._connection, self._company):
            if is_overdue(local_day(one.published_us), self._policy.collect_days, self._today):
                fen = self._weight(Month.from_int(one.month), one.quantity_milli)
                yield Finding(
                    identity=f"detector:{FindingKind.NOT_COLLECTED}:{one.number}",
                    kind=FindingKind.NOT_COLLECTED,
                    company=self._company,
                    month=one.month,
                    report_month=one.month,
                    due_milli=one.quantity_milli,
                    due_fen=fen,
                    stake_milli=max(one.quantity_milli, 0),
                    stake_fen=fen,
                    households=one.rows,
                )

    def no_roster(self) -> Iterator[Finding]:
        """Yield one finding if the company has sent no roster for too long: since its last, or else the first run."""
        first_us = min((run.at_us for run in ledger.all_runs(self._connection)), default=None)
        since_us = self._roster_us or first_us
        if since_us is None or not is_overdue(local_day(since_us), self._policy.roster_days, self._today):
            return
        month = int(Month.of(local_day(since_us)))
        yield Finding(
            identity=f"detector:{FindingKind.NO_ROSTER}",
            kind=FindingKind.NO_ROSTER,
            company=self._company,
            month=month,
            report_month=month,
            households=0,
        )

    def _weight(self, month: Month, quantity_milli: int) -> int:
        return weight_fen(self._judge.amounts.prices[self._company], BASIC, month, quantity_milli)
