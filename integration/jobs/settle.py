"""Settling a company's report month: signed totals that never change; what comes later is a numbered adjustment."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path

import msgspec
from sqlalchemy import Connection

from integration.clock import now_us
from integration.domain import settlement
from integration.jobs.bill_judge import BillJudge
from integration.jobs.compute_month import learn_policy
from integration.jobs.garbage import rare_collection
from integration.jobs.hub import Hub, monthly_service
from integration.jobs.reconcile import learn_tariff, reconcile_in
from integration.storage import audit, decisions, draws, settlements
from integration.storage.engine import current_version, take_lock
from integration.storage.keys import SUITE
from integration.storage.pii import row_reference
from integration.storage.reports import Report
from integration.storage.settlements import Signed
from schemas import envelope
from schemas.reports import ReportKind
from schemas.settlements import Amount, OpenItem, Settlement, Totals
from schemas.values import Month, Service


class SettlementRefused(Exception):  # noqa: N818 - it names what happened
    """The month cannot be settled; the text says why and what to do first."""


class SettleResult(msgspec.Struct, frozen=True):
    """What became of it: ``settled`` (n 0), ``adjusted``, or ``unchanged`` since the last."""

    state: str
    settlement: Settlement


def settle(hub: Hub, company: str, month: Month, *, actor: str) -> SettleResult:
    """Settle a company's report month, or adjust what was settled by what came since.

    Raises:
        SettlementRefused: the month is not reported as a whole.
    """
    with rare_collection(), hub.store.write() as connection:
        take_lock(connection, "knowledge")
        learn_policy(hub, connection)
        reconcile_in(hub, connection, company, actor=actor)
        made = _Settling(hub, connection, company, month).made()
        if made is None:
            last = settlements.settlements_of(connection, company, month)[-1]
            return SettleResult("unchanged", read(last))
        _write(hub, connection, made, month, actor)
        return SettleResult("adjusted" if made.n else "settled", made)


def read(signed: Signed) -> Settlement:
    """Return a stored settlement."""
    return msgspec.json.decode(signed.content, type=Settlement)


class _Settling:
    """One settlement in the making."""

    def __init__(self, hub: Hub, connection: Connection, company: str, month: Month) -> None:
        self._hub = hub
        self._connection = connection
        self._company = company
        self._month = month
        service = monthly_service(hub.companies[company])
        if service is None:
            raise SettlementRefused(f"{company} 无按月减免项目 / {company} has no monthly service to settle")
        self._service: Service = service
        self._judge = BillJudge(hub, connection, service)
        mine = [one for one in self._judge.reports.values() if one.company == company and one.month == month]
        self._reports = [one for one in mine if one.stands]
        if not any(one.kind is not ReportKind.SUPPLEMENT for one in self._reports):
            raise SettlementRefused(
                f"{company} 尚未报送 {month} 回盘，无可结算 / {company} has not reported {month} as a whole;"
                f" first: waiverhub report import {company} FILE"
            )
        self._before = settlements.settlements_of(connection, company, month)

    def made(self) -> Settlement | None:
        """Return the settlement or adjustment; None if nothing has changed since the last."""
        totals = self._totals()
        before = read(self._before[-1]).totals if self._before else Totals()
        change = settlement.difference(totals, before)
        if self._before and change == Totals():
            return None
        mode = self._judge.policy(int(self._month)).settlement_mode
        return Settlement(
            suite=SUITE,
            company=self._company,
            service=self._service,
            month=str(self._month),
            n=len(self._before),
            version=current_version(self._connection),
            created_at=self._hub.clock().isoformat(timespec="seconds"),
            reports=tuple(one.report_id for one in self._reports),
            totals=totals,
            change=change,
            terms=settlement.terms(mode, change.accepted.amount_fen - change.clawed_back.amount_fen),
            open_items=tuple(self._open_items()),
            predecessor=hashlib.sha256(self._before[-1].content).hexdigest() if self._before else None,
            policy_sha256=self._hub.policy.sha256,
            tariff_sha256=learn_tariff(self._hub, self._connection, self._company),
            key_id=self._hub.ring.settlements.key_id,
        )

    def _totals(self) -> Totals:
        ids = [one.report_id for one in self._reports]
        months = draws.months_of_reports(self._connection, ids)
        lines = settlements.drawn(self._connection, self._service, months, ids)
        flat, unproven = settlements.flat_basis(self._connection, ids)
        totals = settlement.totals(lines, flat, settlements.credit_balance(self._connection, ids))
        counted = _counted(totals, self._reports)
        return msgspec.structs.replace(counted, flat_unproven=unproven, clawed_back=self._clawed_back())

    def _clawed_back(self) -> Amount:
        """Return what the lists of the month told the company to charge to households again."""
        listed = self._judge.listed_months(self._company)
        told = [
            Amount(1, one.quantity_milli, one.amount_fen)
            for one in decisions.taken_back(self._connection, self._service)
            if one.company == self._company and listed.get(one.run_id) == int(self._month)
        ]
        return functools.reduce(Amount.plus, told, Amount())

    def _open_items(self) -> Iterator[OpenItem]:
        for one in settlements.open_findings(self._connection, self._company, self._month):
            known = one.household_id and one.account_id
            place = (self._company, one.household_id, one.account_id)
            reference = row_reference(self._hub.ring, *place) if known else ""
            month = str(Month.from_int(one.month))
            about = (one.finding_id, one.kind, one.acts, month, reference, one.bill_id)
            yield OpenItem(*about, one.stake_milli, one.stake_fen)


def _counted(totals: Totals, reports: list[Report]) -> Totals:
    """Add the number of rows, of which agreed lines do not speak: what is not disputed is agreed."""
    rows = sum(one.rows for one in reports)
    beside = (totals.undecided, totals.unauthorised, totals.duplicate)
    reported = Amount(rows, totals.reported.quantity_milli, totals.reported.amount_fen)
    accepted = totals.accepted
    settled = Amount(rows - sum(one.rows for one in beside), accepted.quantity_milli, accepted.amount_fen)
    by_month = {month: Amount(0, one.quantity_milli, one.amount_fen) for month, one in totals.by_month.items()}
    return msgspec.structs.replace(totals, reported=reported, accepted=settled, by_month=by_month)


def _write(hub: Hub, connection: Connection, made: Settlement, month: Month, actor: str) -> None:
    content = envelope.canonical(made)
    settlements.record_settlement(
        connection,
        company=made.company,
        month=int(month),
        n=made.n,
        at_us=now_us(hub.clock),
        version=made.version,
        content=content,
        signature=envelope.sign(hub.ring.settlements.private, content),
    )
    effect = audit.Effect(1, 0, hashlib.sha256(content).digest())
    detail = {"company": made.company, "month": made.month, "n": made.n}
    audit.record(connection, hub.clock, actor, "settled", f"{made.company}:{int(month)}:{made.n}", detail, effect)


def export(hub: Hub, signed: Signed, folder: Path) -> list[Path]:
    """Write a settlement as it was signed, its signature, and the public key to check it with."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"settlement-{signed.company}-{int(signed.month)}-{signed.n}"
    contents = {
        f"{name}.json": signed.content,
        f"{name}.sig": signed.signature,
        "settlements.pub.pem": hub.ring.settlements.public_pem,
    }
    for file, content in contents.items():
        (folder / file).write_bytes(content)
    return [folder / file for file in contents]
