"""Reconciliation: draws judged anew where anything moved, findings brought up to date, and the balance checked.

Nothing here decides what is right: bills are judged by ``domain.bills``, allowances by ``domain.balance``. This job
gathers what has moved since the last time, and writes what they say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection

from integration.clock import now_us
from integration.domain.findings import Finding, row_findings
from integration.domain.policy import stored_policy
from integration.jobs.allowances import Allowances
from integration.jobs.bill_judge import BillJudge, lines_of
from integration.jobs.compute_month import learn_policy
from integration.jobs.garbage import rare_collection
from integration.jobs.hub import Hub, monthly_service
from integration.jobs.intake import parts
from integration.storage import audit, draws, findings, ledger, reports
from integration.storage.engine import current_version, next_version, take_lock
from integration.storage.findings import Changes, Entry, Key, Reconciled, Stored
from integration.storage.reports import Report
from integration.storage.tables import findings as table
from schemas.values import Month


class Arrived(NamedTuple):
    """A report that has just been taken in.

    ``together`` are the households whose bills must be judged as a whole, ``found`` the findings of the rows that
    stand alone, ``replaced`` the reports in whose place it stands, and ``months`` those in which they had lines.
    """

    report: Report
    together: set[int]
    found: list[Finding]
    replaced: list[Report]
    months: list[int]


class Reconciliation(msgspec.Struct, frozen=True):
    """What a reconciliation of a company changed: findings, and households whose draws came out otherwise."""

    number: int
    company: str
    opened: int
    changed: int
    closed: int
    households: int


def reconcile(hub: Hub, *, actor: str, full: bool = False, company: str | None = None) -> list[Reconciliation]:
    """Bring draws, findings and balances up to what is known by now, for every company (or one).

    ``full`` judges every bill again, not only those of whom anything moved; it must find nothing to change.
    """
    made = []
    for code, port in hub.companies.items():
        if monthly_service(port) is not None and company in (None, code):
            with rare_collection(), hub.store.write() as connection:
                take_lock(connection, "knowledge")
                learn_policy(hub, connection)
                made.append(reconcile_in(hub, connection, code, actor=actor, full=full))
                hub.progress("companies", 1)
    return made


def reconcile_in(
    hub: Hub, connection: Connection, company: str, *, actor: str, arrived: Arrived | None = None, full: bool = False
) -> Reconciliation:
    """Reconcile a company in the caller's transaction, which holds the knowledge lock.

    Raises:
        BalanceBroken: an allowance would be lost or counted twice; nothing is kept.
    """
    work = _Work(hub, connection, company, arrived, full=full)
    changes = work.together().plus(work.arrived_alone())
    everything = full or work.rules_changed or work.last is None
    allowances = Allowances(work.judge, company, work.entry)
    told = (arrived.report, arrived.months) if arrived else None
    changes = changes.plus(allowances.look(told, work.moved, everything=everything))
    return work.conclude(changes, actor)


class _Work:
    """One reconciliation of a company."""

    def __init__(self, hub: Hub, connection: Connection, company: str, arrived: Arrived | None, *, full: bool) -> None:
        service = monthly_service(hub.companies[company])
        if service is None:
            raise ValueError(f"{company} has no monthly service")
        self._hub = hub
        self._connection = connection
        self._company = company
        self._arrived = arrived
        self._full = full
        self._households = 0
        self.judge = BillJudge(hub, connection, service)
        self.known = self.judge.latest(company)
        self.last = findings.last_reconciled(connection, company)
        self._tariff = learn_tariff(hub, connection, company)
        self.rules_changed = self.last is not None and self._rules_differ(self.last)
        since = self.last.run_id if self.last else 0
        self.moved = draws.moved_since(connection, service, since, self.known.run_id)
        self._number = findings.next_reconciliation(connection)
        self.entry = Entry(self._number, now_us(hub.clock), service, "row")

    def _rules_differ(self, last: Reconciled) -> bool:
        """Whether tariff or policy now say something else of a month that was judged under the last."""
        if last.tariff_sha256 != self._tariff:
            return True
        if last.policy_sha256 == self._hub.policy.sha256:
            return False
        before = stored_policy(ledger.policy_content(self._connection, last.policy_sha256))
        return any(before.at(Month.from_int(month)) != self.judge.policy(month) for month in self.judge.months)

    # --- rows

    def together(self) -> Changes:
        """Judge anew, as a whole, the bills of every household of whom anything moved."""
        changes, ids = Changes(), self._touched()
        for part in parts(ids):
            changes = changes.plus(self._anew(part))
            self._hub.progress("households", len(part))
        return changes

    def _touched(self) -> Iterable[int]:
        if self._full or self.rules_changed:
            return ledger.household_ids(self._connection)
        arrived = self._arrived.together if self._arrived else set()
        return sorted(arrived | {household for household, _ in self.moved})

    def _anew(self, ids: Sequence[int]) -> Changes:
        service, months = self.judge.service, self.judge.months
        lines: set[tuple[Any, ...]] = set()
        found: list[Finding] = []
        for household, judged in self.judge.judge_anew(ids).items():
            for one in judged:
                lines.update(lines_of(service, household, one))
                found += row_findings(one, household, int(self.judge.reports[one.told.report_id].month))
        before = draws.lines_whole(self._connection, service, months, ids)
        if before != lines:
            self.moved += sorted({(line[2], line[1]) for line in before ^ lines if line[5] == self._company})
            self._households += len({line[2] for line in before ^ lines})
            draws.forget(self._connection, service, months, ids)
            draws.add(self._connection, sorted(lines))
        old = findings.of_households(self._connection, service, "row", ids)
        return findings.settle(self._connection, self.entry, found, old)

    def arrived_alone(self) -> Changes:
        """Open the findings of the rows that stand alone; close those of the rows that are replaced."""
        if self._arrived is None:
            return Changes()
        judged = self._arrived.together | {household for household, _ in self.moved}
        found = [one for one in self._arrived.found if one.household_id not in judged]
        c = table.c
        month = int(self._arrived.report.month)
        old = findings.open_ones(self._connection, "row", c.company == self._company, c.report_month == month)
        return findings.settle(self._connection, self.entry, found, self._answered(found, old, judged))

    def _answered(self, found: Sequence[Finding], old: dict[Key, Stored], judged: set[int]) -> dict[Key, Stored]:
        """Return which open findings these rows speak of: their own, and those of the rows they stand in place of."""
        gone = {one.report_id for one in self._arrived.replaced} if self._arrived else set()
        keys = {(one.company, one.identity) for one in found}
        return {
            key: one
            for key, one in old.items()
            if key in keys or (one.report_id in gone and one.household_id not in judged)
        }

    # --- the end

    def conclude(self, changes: Changes, actor: str) -> Reconciliation:
        """Record the reconciliation and its audit row."""
        made = Reconciliation(self._number, self._company, *changes, self._households)
        findings.record_reconciliation(
            self._connection,
            number=self._number,
            company=self._company,
            at_us=self.entry.at_us,
            version=current_version(self._connection),
            run_id=self.known.run_id,
            policy_sha256=self._hub.policy.sha256,
            tariff_sha256=self._tariff,
            **changes._asdict(),
        )
        detail = {"company": self._company, "full": self._full, **changes._asdict(), "households": self._households}
        audit.record(self._connection, self._hub.clock, actor, "reconciled", str(self._number), detail)
        return made


def learn_tariff(hub: Hub, connection: Connection, company: str) -> str:
    """Store a company's tariff if it is another than the newest stored; return the digest that names it."""
    content = hub.companies[company].tariff.model_dump_json()
    sha256 = reports.tariff_digest(content)
    newest = reports.newest_tariff(connection, company)
    if newest is None or newest[0] != sha256:
        version = next_version(connection, hub.clock, "tariff")
        reports.learn_tariff(connection, company, version, sha256, content)
    return sha256
