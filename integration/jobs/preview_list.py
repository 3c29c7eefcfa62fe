"""A company's next list as it would be, with nothing kept: what releasing a held list lets out."""

from __future__ import annotations

import msgspec

from integration.domain import brake
from integration.domain.brake import Trip
from integration.jobs.garbage import rare_collection
from integration.jobs.hub import Hub, monthly_service
from integration.jobs.list_rows import Spool, build_rows
from integration.jobs.publish import ListRefused, check_computed, movement_of, scope_of
from integration.storage import lists
from schemas.lists import Change, ChangeTotal
from schemas.values import Month


class ListPreview(msgspec.Struct, frozen=True, kw_only=True):
    """What a company's next list of a month would be: its rows by change, and the limits of the brake it exceeds.

    ``households`` are the first of those that it starts, stops or moves, with what becomes of each.
    """

    company: str
    month: str
    kind: str
    rows: int
    quantity_milli: int
    changes: dict[str, ChangeTotal]
    base: int
    additions: int
    ends: int
    moves: int
    trips: list[Trip]
    households: list[tuple[int, str]]


def preview_list(hub: Hub, company: str, month: Month, *, most: int = 50) -> ListPreview:
    """Show the list that releasing a hold would let out, with nothing kept.

    Raises:
        ListRefused: there is nothing to publish yet; the text says what comes first.
    """
    service = monthly_service(hub.companies[company])
    check_computed(hub, month)
    if service is None:
        raise ListRefused(f"{company} 无按月减免项目 / {company} has no monthly service")
    with rare_collection(), hub.store.write(dry_run=True) as connection:
        earlier = lists.published(connection, company)
        scope, kind = scope_of(connection, company, service, month, earlier)
        spool, moved = Spool(), list[tuple[int, Change]]()
        spool.fill(build_rows(hub, connection, scope, kind, earlier, lambda *one: moved.append(one)))
        movement = movement_of(connection, scope, moved)
    return ListPreview(
        company=company,
        month=str(month),
        kind=kind.value,
        rows=spool.rows,
        quantity_milli=spool.quantity_milli,
        changes=spool.totals,
        base=sum(movement.base.values()),
        additions=sum(movement.additions.values()),
        ends=sum(movement.ends.values()),
        moves=sum(movement.changes.values()),
        trips=brake.judge(movement, hub.policy.at(month).brake),
        households=[(household, change.value) for household, change in sorted(moved)[:most]],
    )
