"""Who waits for an account is named, with the reason and with where to look (edge case 55)."""

from __future__ import annotations

from world import account, household, household_id, roster, run, snapshot, take

from integration.jobs.hub import Hub
from integration.jobs.pending_matches import pending_matches


def test_every_household_on_no_account_is_named_with_its_reason(hub: Hub) -> None:
    """A landlord's name, a shop, a shared account, nothing at all: each is told apart."""
    rows = [
        household("A1", 1, accounts={"city_water": "W1"}),
        household("L2", 2, accounts={"city_water": "W2"}),
        household("S3", 3, accounts={"city_water": "W3"}),
        household("B4", 4, home=1, accounts={"city_water": "W1"}),
        household("N5", 5),
    ]
    take(hub, snapshot(rows, position=10))
    shop, landlord = account("W3", 3, domestic=False), account("W2", 99)
    roster(hub, "city_water", [account("W1", 1), landlord, shop])
    run(hub, "2026-11")
    found = {(one.household, one.reason): one.accounts for one in pending_matches(hub) if one.service == "water"}
    assert found == {
        (household_id(hub, "L2"), "nothing_agrees"): ["city_water W2"],
        (household_id(hub, "S3"), "non_domestic"): ["city_water W3"],
        (household_id(hub, "B4"), "unconfirmed"): ["city_water W1"],
        (household_id(hub, "N5"), "no_candidate"): [],
    }
