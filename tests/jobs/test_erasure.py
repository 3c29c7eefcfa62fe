"""Erased means erased, and everything still adds up (promises D6, E8)."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from world import account, delta, household, household_id, id_of, months, publish, roster, run, snapshot, take

from integration.jobs.decide_hold import propose_release
from integration.jobs.erase_household import EraseRefused, erase_household
from integration.jobs.explain import explain
from integration.jobs.hub import Hub
from integration.storage import audit, registry_writes
from integration.storage.audit_verify import verify
from integration.storage.holds import HoldRefused
from integration.storage.pii import LookupKind
from integration.storage.tables import claims, household_keys, lookups, parked_rows, sealed_records
from schemas.values import Month


def ended(hub: Hub, clock) -> int:
    """A household that had its allowance in February 2025, and ended in March."""
    clock.set("2025-01-20T20:00:00+08:00")
    old = household("A1", 1, valid_from=20240101, accounts={"city_water": "W1"})
    take(hub, snapshot([old, household("B2", 2, valid_from=20240101)], as_of=20250120))
    roster(hub, "city_water", [account("W1", 1)])
    run(hub, "2025-02")
    publish(hub, "2025-02")
    clock.set("2026-02-20T20:00:00+08:00")
    gone = old | {"status": "ended", "effective_on": 20250301, "source_version": 2}
    take(hub, delta([gone], position=11, as_of=20260220))
    for month in months("2025-03", "2026-03"):  # the last looks back to March 2025
        run(hub, month)
    return household_id(hub, "A1")


def erased(hub: Hub, clock) -> int:
    one = ended(hub, clock)
    erase_household(hub, one, reason="保存期满", actor="officer")
    return one


def test_nothing_of_an_erased_household_can_be_opened_or_found(hub: Hub, clock) -> None:
    """Key, sealed records and look-ups are gone; the other household's are there."""
    one = erased(hub, clock)
    with hub.store.read() as connection:
        for table in (household_keys, sealed_records, lookups):
            left = {row.household_id for row in connection.execute(select(table.c.household_id))}
            assert one not in left
            assert left


def test_ledger_lists_and_audit_of_an_erased_household_still_verify(hub: Hub, clock) -> None:
    """The audit proves itself, a full recomputation finds nothing, and its months can still be explained."""
    one = erased(hub, clock)
    assert run(hub, "2026-03", full=True).rows == 0
    audit.sequence(hub.store, hub.ring, hub.clock)
    with hub.store.read() as connection:
        assert verify(connection, hub.ring.checkpoints.public_pem) == []
    assert explain(hub, one, Month(2025, 2)).services[0].posted


def test_erasing_twice_is_refused(hub: Hub, clock) -> None:
    """There is nothing left to erase."""
    with pytest.raises(EraseRefused):
        erase_household(hub, erased(hub, clock), reason="again", actor="officer")


def test_claims_and_what_waits_for_its_certificate_go_too(hub: Hub, clock) -> None:
    one = ended(hub, clock)
    with hub.store.write() as connection:
        mine = select(lookups.c.digest).where(lookups.c.household_id == one, lookups.c.kind == LookupKind.CERTIFICATE)
        digest = connection.execute(mine).scalars().first()
        registry_writes.park(connection, 1, 9, digest, b"sealed", 1)
    erase_household(hub, one, reason="保存期满", actor="officer")
    with hub.store.read() as connection:
        assert connection.execute(select(parked_rows)).all() == []
        assert connection.execute(select(claims).where(claims.c.household_id == one)).all() == []


@pytest.mark.parametrize("last_day", [20251101, 20260930])
def test_who_is_live_or_was_within_the_look_back_is_not_erased(hub: Hub, last_day: int) -> None:
    """A run of November 2026 looks back to November 2025."""
    take(hub, snapshot([household("A1", 1), household("B2", 2)]))
    run(hub, "2026-11")
    one = household_id(hub, "A1")
    with pytest.raises(EraseRefused, match="live"):
        erase_household(hub, one, reason="保存期满", actor="officer")
    gone = household("A1", 1, status="ended", effective_on=last_day + 1, version=2)
    take(hub, delta([gone], position=11))
    with pytest.raises(EraseRefused, match="live"):
        erase_household(hub, one, reason="保存期满", actor="officer")


def test_a_reason_with_an_id_number_is_refused(hub: Hub, clock) -> None:
    one = ended(hub, clock)
    with pytest.raises(EraseRefused, match="ID numbers"):
        erase_household(hub, one, reason=f"本人 {id_of(7)} 申请", actor="officer")
    with pytest.raises(HoldRefused, match="ID numbers"):
        propose_release(hub, 1, f"本人 {id_of(7)} 申请", actor="clerk")
