"""Erasing a household's personal data: its key and look-ups are destroyed; facts, ledger, lists and audit remain.

Without its key everything sealed under it is unreadable, in every backup too. What the hub decided and posted stays
provable, because it holds opaque ids alone. Only a household that ended long ago is erased: no run looks at it more.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, func, select

from integration.clock import today
from integration.domain.households import is_live
from integration.jobs.hub import Hub
from integration.jobs.reasons import fault_of
from integration.storage import audit, matches, registry, registry_writes
from integration.storage.engine import take_lock
from integration.storage.pii import LookupKind
from integration.storage.tables import (
    claims,
    household_keys,
    lookups,
    parked_rows,
    report_texts,
    runs,
    sample_notes,
    sealed_records,
)
from schemas.values import Month, day_int


class EraseRefused(Exception):  # noqa: N818 - it names what happened
    """The household cannot be erased; the text says why."""


def erase_household(hub: Hub, household: int, *, reason: str, actor: str) -> None:
    """Destroy a household's key, sealed records, look-ups, and whatever waits for its certificates.

    Raises:
        EraseRefused: there is no such household, it is erased already, or a run may still look at it; or the reason
            holds an ID number.
    """
    if fault := fault_of(reason):
        raise EraseRefused(fault)
    with hub.store.write() as connection:
        take_lock(connection, "knowledge")
        if not registry.wrapped_keys(connection, [household]):
            raise EraseRefused(f"家庭 {household} 不存在或已清除 / household {household} is unknown or erased already")
        _refuse_if_in_use(hub, connection, household)
        _forget(connection, household)
        audit.record(connection, hub.clock, actor, "household_erased", str(household), {"reason": reason})


def _refuse_if_in_use(hub: Hub, connection: Connection, household: int) -> None:
    """Refuse a household that is live, or was within the months that the newest run looked back on."""
    newest = connection.execute(select(func.max(runs.c.month))).scalar_one()
    month = Month.of(today(hub.clock)) if newest is None else Month.from_int(newest)
    first = month.plus(-hub.policy.at(month).look_back_months)
    parts = (known.part for known in registry.timelines(connection, [household]).get(household, []))
    if any(is_live(part.standing) and part.valid_to >= day_int(first.first) for part in parts):
        raise EraseRefused(
            f"家庭 {household} 在册，或在 {first} 以后曾在册，不能清除"
            f" / household {household} is live, or was since {first}; end it and wait until runs look back no further"
        )


def _forget(connection: Connection, household: int) -> None:
    mine = select(lookups.c.digest).where(
        lookups.c.household_id == household, lookups.c.kind == int(LookupKind.CERTIFICATE)
    )
    connection.execute(delete(parked_rows).where(parked_rows.c.certificate.in_(mine)))
    registry_writes.forget_persons(connection, household)
    matches.forget_matching(connection, household)
    for table in (household_keys, sealed_records, lookups, claims, report_texts, sample_notes):
        connection.execute(delete(table).where(table.c.household_id == household))
