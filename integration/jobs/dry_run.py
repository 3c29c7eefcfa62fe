"""What would change: a month under another policy, after another registry file, or after what is held; nothing is kept.

The production code runs in a transaction that is rolled back, so a dry run can be wrong only where the real run is. In
a month that is posted already nothing is lost, as the ledger takes nothing back.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, insert

from integration.clock import now_us, today
from integration.domain.brake import Trip
from integration.domain.policy import Policy, stored_policy
from integration.domain.prices import Prices
from integration.jobs.dry_run_bills import BillEffect, bill_effects
from integration.jobs.dry_run_sides import Side, compared
from integration.jobs.dry_run_totals import Changed, CompanyRows, Effect, Tally, Tell, Totals
from integration.jobs.hub import Hub, monthly_service
from integration.jobs.inbox import applied_by
from integration.jobs.intake import BrakeTripped, Content
from integration.jobs.link_accounts import link_in
from integration.jobs.outcomes import SyncResult
from integration.jobs.sync_registry import apply_chunks
from integration.storage import holds, ledger, overview
from integration.storage.engine import current_version
from integration.storage.holds import HoldRefused
from integration.storage.submissions import next_number
from integration.storage.tables import submissions
from schemas.values import Month


class DryRun(msgspec.Struct, frozen=True, kw_only=True):
    """What a month would look like; ``gains`` and ``losses`` are the first ones, the counts are of all.

    ``already_posted`` says that a run has computed the month: what it posted stays, whatever is due by now. ``trips``
    are the limits that the file itself exceeds; those of each list stand with its company. ``bills`` are those of a
    report month under the other policy.
    """

    month: str
    already_posted: bool
    quantity_before_milli: int
    quantity_after_milli: int
    households_before: int
    households_after: int
    households_gaining: int
    households_losing: int
    households_moving: int
    gained_fen: int
    lost_fen: int
    gains: list[Changed]
    losses: list[Changed]
    effects: list[Effect]
    companies: list[CompanyRows]
    registry: SyncResult | None = None
    trips: list[Trip] = []
    bills: list[BillEffect] | None = None


class Wanted(NamedTuple):
    """How much of a dry run is told: the first so many gains and losses, and every change to ``tell``."""

    most: int = 50
    tell: Tell | None = None


_FIRST = Wanted()


def dry_run(
    hub: Hub,
    month: Month,
    *,
    policy: Policy | None = None,
    registry: Content | None = None,
    bills: Month | None = None,
    wanted: Wanted = _FIRST,
) -> DryRun:
    """Show who would gain, who would lose, and how much, under another policy or after a registry file.

    With neither, the run itself is shown: against what the ledger holds of the month, or of the last one computed.
    ``bills`` is a report month whose bills are judged again under the other policy.

    Raises:
        FileRefused: the registry file is damaged.
    """
    with hub.store.write(dry_run=True) as connection:
        before = _known(hub, connection, month)
        result, trips = _take_in(hub, connection, registry) if registry else (None, [])
        after = Side(month, current_version(connection), (policy or hub.policy).at(month))
        if policy is None and registry is None:
            before = _posted(connection, before)
        found = _compare(hub, connection, before, after, wanted)
        judged = None if bills is None else bill_effects(hub, connection, bills, policy or hub.policy)
    return msgspec.structs.replace(found, registry=result, trips=trips, bills=judged)


def dry_run_of_hold(hub: Hub, hold_id: int, month: Month | None = None, wanted: Wanted = _FIRST) -> DryRun:
    """Show what releasing a held registry file or roster would do to a month (by default the next to be computed).

    Raises:
        HoldRefused: there is no such hold, or it holds no file.
        ContentGone: the file's bytes are past their time.
    """
    with hub.store.write(dry_run=True) as connection:
        hold = holds.get(connection, hold_id)
        kept = overview.find_submission(connection, int(hold.subject)) if hold.subject.isdecimal() else None
        if kept is None:
            raise HoldRefused(f"暂存 {hold_id} 不是文件 / hold {hold_id} holds no file but a list")
        month = month or _next_month(hub, connection)
        before = _known(hub, connection, month)
        apply = applied_by(hub.within(connection), kept.kind, kept.sender, actor="dry run")
        result = apply(connection, kept.submission_id, False)
        link_in(hub, connection, actor="dry run")
        after = before._replace(version=current_version(connection))
        found = _compare(hub, connection, before, after, wanted)
    return msgspec.structs.replace(found, registry=result, trips=hold.trips)


def _next_month(hub: Hub, connection: Connection) -> Month:
    newest = ledger.newest_month(connection)
    return Month.of(today(hub.clock)) if newest is None else newest.plus(1)


def _known(hub: Hub, connection: Connection, month: Month) -> Side:
    return Side(month, current_version(connection), hub.policy.at(month))


def _posted(connection: Connection, now: Side) -> Side:
    """Return what the ledger holds of the newest computed month that is not after this one, with its run's reasons."""
    computed = [run for run in ledger.all_runs(connection) if run.month <= now.month]
    if not computed:
        return now._replace(version=0, posted_only=True)
    newest = max(computed, key=lambda run: (run.month, run.run_id))
    policy = stored_policy(ledger.policy_content(connection, newest.policy_sha256))
    return Side(newest.month, newest.cut_off, policy.at(newest.month), posted_only=True)


def _compare(hub: Hub, connection: Connection, before: Side, after: Side, wanted: Wanted) -> DryRun:
    ports = {code: port for code, port in hub.companies.items() if monthly_service(port) is not None}
    prices = {code: Prices(port.tariff) for code, port in ports.items()}
    tally = Tally(after.month, prices, wanted.most, wanted.tell)
    for keys, numbers in compared(hub, connection, before, after):
        tally.add(keys, numbers)
    totals = {name: getattr(tally.totals, name) for name in Totals.__struct_fields__}
    return DryRun(
        month=str(after.month),
        already_posted=any(run.month == after.month for run in ledger.all_runs(connection)),
        **totals,
        gains=tally.gains,
        losses=tally.losses,
        effects=tally.effects,
        companies=tally.companies(after.policy.brake),
    )


def _take_in(hub: Hub, connection: Connection, content: Content) -> tuple[SyncResult, list[Trip]]:
    """Apply the file as if two persons had released it; the limits it would trip are told beside the result."""
    number = next_number(connection)
    row = {"submission_id": number, "sender": "dry run", "kind": "registry", "message_id": "dry run"}
    connection.execute(insert(submissions), row | {"content_mac": b"", "received_us": now_us(hub.clock), "size": 0})
    trips: list[Trip] = []
    try:
        with connection.begin_nested():
            result = apply_chunks(hub, connection, number, content(), actor="dry run", braked=True)
    except BrakeTripped as tripped:
        trips = tripped.trips
        result = apply_chunks(hub, connection, number, content(), actor="dry run", braked=False)
    link_in(hub, connection, actor="dry run")
    return result, trips
