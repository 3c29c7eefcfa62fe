"""What would change: a month under another policy, or after another registry file, with nothing kept.

The production code runs in a transaction that is rolled back, so a dry run can be wrong only where the real run is. In
a month that is posted already nothing is lost, as the ledger takes nothing back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from sqlalchemy import Connection, insert

from integration.clock import now_us
from integration.domain.allowance import NO_PLACE, differences, total
from integration.domain.brake import Trip
from integration.domain.policy import MonthPolicy, Policy
from integration.jobs.hub import Hub
from integration.jobs.intake import BrakeTripped, Content, parts
from integration.jobs.link_accounts import link_in
from integration.jobs.month_keys import KeyJudge
from integration.jobs.outcomes import SyncResult
from integration.jobs.sync_registry import apply_chunks
from integration.storage import ledger, lists
from integration.storage.engine import current_version
from integration.storage.submissions import next_number
from integration.storage.tables import submissions
from schemas.values import MONTHLY, Month

#: A household's due: quantity and place, by (household, service).
Due = dict[tuple[int, str], tuple[int, int]]
_Row = tuple[int, str, int]


class Difference(msgspec.Struct, frozen=True):
    """What one household would gain (or lose, negative) at one service."""

    household: int
    service: str
    quantity_milli: int


class CompanyRows(msgspec.Struct, frozen=True):
    """What one company's list would look like: its entitled accounts, and those that start or stop (NEW, STOP)."""

    company: str
    rows_before: int
    rows_after: int
    starting: int
    stopping: int


class DryRun(msgspec.Struct, frozen=True, kw_only=True):
    """What a month would look like; ``gains`` and ``losses`` are the first ones, the counts are of all.

    ``already_posted`` says that a run has computed the month: what it posted stays, whatever is due by now.
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
    gains: list[Difference]
    losses: list[Difference]
    companies: list[CompanyRows]
    registry: SyncResult | None = None
    trips: list[Trip] = []


def dry_run(
    hub: Hub, month: Month, *, policy: Policy | None = None, registry: Content | None = None, most: int = 50
) -> DryRun:
    """Show who would gain, who would lose, and how much, under another policy or after a registry file.

    With neither, the run itself is shown: against what the ledger holds of the month, or of the last one computed.

    Raises:
        FileRefused: the registry file is damaged.
    """
    with hub.store.write(dry_run=True) as connection:
        plain = policy is None and registry is None
        before = _held(connection, month) if plain else _due(hub, connection, month, hub.policy.at(month))
        result, trips = _take_in(hub, connection, registry) if registry else (None, [])
        after = _due(hub, connection, month, (policy or hub.policy).at(month))
        companies = _lists(hub, connection, before, after)
        posted = any(run.month == month for run in ledger.all_runs(connection))
    found = _compare(month, before, after, most)
    return msgspec.structs.replace(found, already_posted=posted, companies=companies, registry=result, trips=trips)


def _held(connection: Connection, month: Month) -> Due:
    """Return what the ledger holds of the newest computed month that is not after this one."""
    computed = [run.month for run in ledger.all_runs(connection) if run.month <= month]
    found: Due = {}
    for part in parts(ledger.household_ids(connection)) if computed else ():
        for (_, service, household), rows in ledger.postings_of(connection, part, [max(computed)], MONTHLY).items():
            for place, quantity in total((row.account_id, row.quantity_milli) for row in rows).items():
                found[household, service] = (quantity, place)
    return found


def _due(hub: Hub, connection: Connection, month: Month, policy: MonthPolicy) -> Due:
    cut_off = current_version(connection)
    found: Due = {}
    for part in parts(ledger.household_ids(connection)):
        judge = KeyJudge(connection, part, cut_off, {month: policy})
        found.update(_due_of(judge, part, month))
        hub.progress("households", len(part))
    return found


def _due_of(judge: KeyJudge, ids: Sequence[int], month: Month) -> Iterator[tuple[tuple[int, str], tuple[int, int]]]:
    for household in ids:
        for service in MONTHLY:
            posted = judge.posted(household, service, month)
            missing = differences(judge.wanted(household, service, month), posted)
            for place, quantity in total([*posted.items(), *missing]).items():
                yield (household, service.value), (quantity, place)


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


def _lists(hub: Hub, connection: Connection, before: Due, after: Due) -> list[CompanyRows]:
    """Compare what stands on the accounts of each company that gets monthly lists."""
    owners = lists.companies_of(connection)
    rows: dict[str, tuple[set[_Row], set[_Row]]] = {
        company.code: (set(), set()) for company in hub.companies.values() if set(MONTHLY) & set(company.services)
    }
    for index, due in enumerate((before, after)):
        for (household, service), (_, place) in due.items():
            if place != NO_PLACE and owners[place] in rows:
                rows[owners[place]][index].add((household, service, place))
    return [
        CompanyRows(code, len(were), len(are), len(are - were), len(were - are)) for code, (were, are) in rows.items()
    ]


def _compare(month: Month, before: Due, after: Due, most: int) -> DryRun:
    changes = [
        Difference(
            household, service, after.get((household, service), (0, 0))[0] - before.get((household, service), (0, 0))[0]
        )
        for household, service in sorted(before.keys() | after.keys())
    ]
    gains = [change for change in changes if change.quantity_milli > 0]
    losses = [change for change in changes if change.quantity_milli < 0]
    moving = {key[0] for key in before.keys() & after.keys() if before[key][1] != after[key][1]}
    return DryRun(
        month=str(month),
        already_posted=False,
        quantity_before_milli=sum(quantity for quantity, _ in before.values()),
        quantity_after_milli=sum(quantity for quantity, _ in after.values()),
        households_before=len({household for household, _ in before}),
        households_after=len({household for household, _ in after}),
        households_gaining=len({change.household for change in gains}),
        households_losing=len({change.household for change in losses}),
        households_moving=len(moving),
        gains=gains[:most],
        losses=losses[:most],
        companies=[],
    )
