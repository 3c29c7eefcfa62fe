"""Erasing a household's personal data: its key and look-ups are destroyed; facts, ledger, lists and audit remain.

Without its key everything sealed under it is unreadable, in every backup too. What the hub decided and posted stays
provable, because it holds opaque ids alone.
"""

from __future__ import annotations

from sqlalchemy import delete

from integration.jobs.hub import Hub
from integration.storage import audit, registry
from integration.storage.tables import household_keys, lookups, sealed_records


class EraseRefused(Exception):  # noqa: N818 - it names what happened
    """The household cannot be erased; the text says why."""


def erase_household(hub: Hub, household: int, *, reason: str, actor: str) -> None:
    """Destroy a household's key, sealed records and look-ups.

    Raises:
        EraseRefused: there is no such household, or it is erased already.
    """
    with hub.store.write() as connection:
        if not registry.wrapped_keys(connection, [household]):
            raise EraseRefused(f"家庭 {household} 不存在或已清除 / household {household} is unknown or erased already")
        for table in (household_keys, sealed_records, lookups):
            connection.execute(delete(table).where(table.c.household_id == household))
        audit.record(connection, hub.clock, actor, "household_erased", str(household), {"reason": reason})
