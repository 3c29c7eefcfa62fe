"""Erased means erased, and everything still adds up (promises D6, E8)."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from world import account, household, household_id, publish, roster, run, snapshot, take

from integration.jobs.erase_household import EraseRefused, erase_household
from integration.jobs.explain import explain
from integration.jobs.hub import Hub
from integration.storage import audit
from integration.storage.audit_verify import verify
from integration.storage.tables import household_keys, lookups, sealed_records
from schemas.values import Month


def erased(hub: Hub) -> int:
    take(hub, snapshot([household("A1", 1, accounts={"city_water": "W1"}), household("B2", 2)]))
    roster(hub, "city_water", [account("W1", 1)])
    run(hub, "2026-11")
    publish(hub, "2026-11")
    one = household_id(hub, "A1")
    erase_household(hub, one, reason="保存期满", actor="officer")
    return one


def test_nothing_of_an_erased_household_can_be_opened_or_found(hub: Hub) -> None:
    """Key, sealed records and look-ups are gone; the other household's are there."""
    one = erased(hub)
    with hub.store.read() as connection:
        for table in (household_keys, sealed_records, lookups):
            left = {row.household_id for row in connection.execute(select(table.c.household_id))}
            assert one not in left
            assert left


def test_ledger_lists_and_audit_of_an_erased_household_still_verify(hub: Hub) -> None:
    """The audit proves itself, a full recomputation finds nothing, and its months can still be explained."""
    one = erased(hub)
    assert run(hub, "2026-11", full=True).rows == 0
    audit.sequence(hub.store, hub.ring, hub.clock)
    with hub.store.read() as connection:
        assert verify(connection, hub.ring.checkpoints.public_pem) == []
    assert explain(hub, one, Month(2026, 11)).services[0].posted


def test_erasing_twice_is_refused(hub: Hub) -> None:
    """There is nothing left to erase."""
    with pytest.raises(EraseRefused):
        erase_household(hub, erased(hub), reason="again", actor="officer")
