"""The nightly detectors: under-claims, orphan and lost flags, silence, sudden change. What is mended closes by itself.

A detection is about a service. It looks in a reading transaction, so that nothing else waits for it, and writes what it
saw in another; what has moved in between is seen the next time. Its findings keep their identity over re-runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection

from integration.clock import now_us
from integration.domain.findings import Finding
from integration.jobs.bill_judge import BillJudge
from integration.jobs.compute_month import learn_policy
from integration.jobs.garbage import rare_collection
from integration.jobs.hub import Hub
from integration.jobs.silence import Silence
from integration.jobs.under_claims import UnderClaims
from integration.jobs.variances import compared_months, unexplained
from integration.storage import audit, findings, ledger
from integration.storage.engine import current_version, take_lock
from integration.storage.findings import Changes, Entry
from integration.storage.tables import findings as table
from schemas.findings import FindingKind
from schemas.values import MONTHLY, Service

_Part = tuple[Iterable[Any], list[Finding]]


class Detection(msgspec.Struct, frozen=True):
    """What a detection changed at a service: findings opened (or opened again), changed, closed."""

    number: int
    service: str
    opened: int
    changed: int
    closed: int


def detect(hub: Hub, *, actor: str) -> list[Detection]:
    """Let every detector look at what is known now, service by service."""
    made = []
    for service in sorted(MONTHLY):
        with rare_collection():
            made.append(_settle(hub, service, _seen(hub, service), actor))
            hub.progress("services", 1)
    return made


class _Seen(NamedTuple):
    """What the detectors saw: findings, each part with the condition on the open ones that it speaks of."""

    version: int
    run_id: int
    parts: list[_Part]


def _seen(hub: Hub, service: Service) -> _Seen:
    with hub.store.read() as connection:
        judge = BillJudge(hub, connection, service)
        run_id = max((judge.latest(code).run_id for code in judge.companies), default=0)
        return _Seen(current_version(connection), run_id, list(_looks(judge)))


def _settle(hub: Hub, service: Service, seen: _Seen, actor: str) -> Detection:
    with hub.store.write() as connection:
        take_lock(connection, "knowledge")
        learn_policy(hub, connection)
        number = findings.next_reconciliation(connection)
        entry = Entry(number, now_us(hub.clock), service, "detector")
        changes = Changes()
        for about, found in seen.parts:
            before = findings.open_ones(connection, "detector", table.c.service == service.value, *about)
            changes = changes.plus(findings.settle(connection, entry, found, before))
        made = Detection(number, service.value, *changes)
        _conclude(hub, connection, seen, made, actor)
        return made


def _looks(judge: BillJudge) -> Iterator[_Part]:
    """Yield what each detector sees."""
    kind, company = table.c.kind, table.c.company
    months = [run.month for run in ledger.all_runs(judge.connection)]
    if not months:
        return
    under = UnderClaims(judge, min(months), max(months))
    yield [kind == FindingKind.UNDER_CLAIM.value], list(under.found())
    for code in judge.companies:
        one = Silence(judge, code)
        quiet = [*one.flags(), *one.uncollected(), *one.no_roster()]
        others = (FindingKind.UNDER_CLAIM.value, FindingKind.VARIANCE.value)
        yield [company == code, kind.not_in(others)], quiet
        compared = [int(month) for month in compared_months(judge, code)[1:]]
        about = (kind == FindingKind.VARIANCE.value, company == code, table.c.month.in_(compared))
        yield about, list(unexplained(judge, code))


def _conclude(hub: Hub, connection: Connection, seen: _Seen, made: Detection, actor: str) -> None:
    changes = {"opened": made.opened, "changed": made.changed, "closed": made.closed}
    findings.record_reconciliation(
        connection,
        number=made.number,
        company="",
        at_us=now_us(hub.clock),
        version=seen.version,
        run_id=seen.run_id,
        policy_sha256=hub.policy.sha256,
        tariff_sha256="",
        **changes,
    )
    audit.record(connection, hub.clock, actor, "detected", str(made.number), {"service": made.service, **changes})
