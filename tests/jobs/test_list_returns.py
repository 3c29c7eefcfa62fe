"""A list's rows where a household came back to an account, and where its link is gone."""

from __future__ import annotations

from test_decisions import approved, part
from world import account, delta, household, household_id, link, listed, publish, roster, run, snapshot, take

from integration.jobs.hub import Hub
from integration.jobs.match_queue import confirm_link
from schemas.values import Service


def test_who_comes_back_to_an_account_has_one_row_there(hub: Hub) -> None:
    take(hub, snapshot([household("A", 1, accounts={"city_water": "W1"})]))
    roster(hub, "city_water", [account("W1", 1), account("W2", 1, home=5)])
    run(hub, "2026-11")
    publish(hub, "2026-11")
    for at, home, number, month in ((20261105, 5, "W2", "2026-12"), (20270105, None, "W1", "2027-01")):
        hub.clock.set(f"{at // 10000}-{at // 100 % 100:02}-10T10:00:00+08:00")
        moved = household("A", 1, home=home, accounts={"city_water": number}, effective_on=at, version=at)
        take(hub, delta([moved], position=at, as_of=at + 5))
        run(hub, month)
        publish(hub, month)
    hub.clock.set("2027-01-20T21:00:00+08:00")
    run(hub, "2027-02")
    found = publish(hub, "2027-02")["city_water"]
    assert found.state == "published", found
    rows = listed(hub, "city_water", 4)
    assert [(row["account"], row["quantity_milli"]) for row in rows if row["change"] != "STOP"] == [("W1", 3000)]


def test_rows_whose_link_is_gone_stand_in_the_one_order(hub: Hub) -> None:
    at = range(8)
    homes = [{"home": 100 + i, "accounts": {"city_water": f"W{i}"}} for i in at]
    first = [household(f"A{i}", 10 + i, **homes[i]) for i in at]
    take(hub, snapshot([*first, *(household(f"B{i}", 30 + i, **homes[i]) for i in at)]))
    roster(hub, "city_water", [account(f"W{i}", 60 + i, home=100 + i) for i in at])
    link(hub)
    for i in at:
        confirm_link(hub, household_id(hub, f"B{i}"), Service.WATER, actor="clerk")
    run(hub, "2026-11")
    hub.clock.set("2026-10-25T10:00:00+08:00")
    gone = {"status": "ended", "effective_on": 20261015, "version": 50}
    take(hub, delta([household(f"A{i}", 10 + i, **homes[i], **gone) for i in at], position=60, as_of=20261025))
    for i in at:
        approved(hub, part(hub, f"A{i}", f"W{i}", "2010-01-01"))
    run(hub, "2026-11")
    publish(hub, "2026-11")
    found = [(row["account"], row["month"], row["reference"]) for row in listed(hub, "city_water", 1)]
    assert len(found) > 8
    assert found == sorted(found)
