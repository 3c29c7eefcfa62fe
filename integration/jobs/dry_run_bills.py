"""The bills of a report month judged again under another policy: what each company should have waived on them.

Tier rule, components, cover rule and tolerance change no allowance, but every bill. The bills are judged as
reconciliation judges them, from nothing, twice; the ledger stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
from sqlalchemy import Connection

from integration.domain.judgement import Judged
from integration.domain.policy import Policy
from integration.jobs.bill_judge import BillJudge
from integration.jobs.hub import Hub
from integration.jobs.intake import parts
from integration.storage import reports
from schemas.values import MONTHLY, Month


class BillEffect(msgspec.Struct, kw_only=True):
    """A company's bills of a report month: how many rows, how many would be judged otherwise, what is due of them.

    Amounts without a known price count as nothing on either side.
    """

    company: str
    bills: int = 0
    differing: int = 0
    due_before_milli: int = 0
    due_after_milli: int = 0
    due_before_fen: int = 0
    due_after_fen: int = 0


def bill_effects(hub: Hub, connection: Connection, month: Month, policy: Policy) -> list[BillEffect]:
    """Return what becomes of every company's bills of a report month under a policy."""
    found: dict[str, BillEffect] = {}
    for service in sorted(MONTHLY):
        before, after = BillJudge(hub, connection, service), BillJudge(hub.under(policy), connection, service)
        standing = {one.report_id for one in before.reports.values() if one.month == month and one.stands}
        for part in parts(reports.households_of(connection, sorted(standing))):
            was, now = (_of_reports(judge.judge_anew(part), standing) for judge in (before, after))
            for row in sorted(was.keys() | now.keys()):
                _count(found, was[row], now[row])
            hub.progress("households", len(part))
    return [found[company] for company in sorted(found)]


def _of_reports(judged: dict[int, list[Judged]], standing: Iterable[int]) -> dict[tuple[int, int], Judged]:
    return {
        (one.told.report_id, one.told.row): one
        for rows in judged.values()
        for one in rows
        if one.told.report_id in standing
    }


def _count(found: dict[str, BillEffect], was: Judged, now: Judged) -> None:
    one = found.setdefault(was.told.company, BillEffect(company=was.told.company))
    before, after = (list(_due(judged)) for judged in (was, now))
    one.bills += 1
    one.differing += before != after or was.verdict != now.verdict
    one.due_before_milli += before[0]
    one.due_before_fen += before[1]
    one.due_after_milli += after[0]
    one.due_after_fen += after[1]


def _due(judged: Judged) -> Iterator[int]:
    """Yield what a row should have drawn: quantity and amount; of one that corrects another what it changes."""
    yield sum(judged.taken.values())
    yield judged.due_fen
