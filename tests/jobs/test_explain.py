"""Why and why not, known then and known now, in two languages; and what would change, with nothing kept."""

from __future__ import annotations

import json
from datetime import date

import pytest
from sqlalchemy import func, select
from world import (
    account,
    address_of,
    chunked,
    delta,
    household,
    household_id,
    id_of,
    link,
    name_of,
    publish,
    roster,
    run,
    snapshot,
    take,
)

from integration.domain.policy import Policy, load_policy
from integration.jobs.compute_month import compute_month
from integration.jobs.dry_run import dry_run
from integration.jobs.explain import ExplainRefused, explain, version_at
from integration.jobs.explanation import Explanation
from integration.jobs.hub import Hub
from integration.storage.engine import current_version
from integration.storage.tables import metadata
from schemas.values import Month, Service

NOVEMBER = Month(2026, 11)


def town(hub: Hub) -> None:
    """A1 is linked, B2 waits for a match, R3 is of the countryside, E4 ends in August."""
    rows = [
        household("A1", 1, accounts={"city_water": "W1"}),
        household("B2", 2),
        household("R3", 3, category="dibao_rural"),
        household("E4", 4, valid_to=20260831),
    ]
    take(hub, snapshot(rows, position=10))
    roster(hub, "city_water", [account("W1", 1)])
    run(hub, "2026-11")
    publish(hub, "2026-11")


def of(hub: Hub, number: str, service: Service = Service.WATER, **options):
    explanation = explain(hub, household_id(hub, number), NOVEMBER, **options)
    return explanation, next(one for one in explanation.services if one.service is service)


def test_an_entitled_household_sees_account_run_list_and_policy(hub: Hub) -> None:
    """Why: verdict, due, link with its evidence, the run that posted it, the list that told it, the policy's words."""
    town(hub)
    explanation, water = of(hub, "A1")
    assert (water.verdict, water.runs, water.listed_in) == ("entitled", [1], ["city_water:1"])
    assert [(one.company, one.account, one.quantity_milli) for one in water.due] == [("city_water", "W1", 3000)]
    assert water.due == water.posted
    assert [one.evidence for one in water.links] == ["named_and_holder_id"]
    assert "每个月减免3立方米" in water.source
    assert any("户号 W1" in line for line in explanation.lines)


@pytest.mark.parametrize(
    ("number", "verdict", "zh", "en"),
    [
        ("R3", "category_not_served", "不在本项减免范围", "category is not served"),
        ("E4", "expired", "宽限期均已届满", "have run out"),
    ],
)
def test_a_household_without_the_right_sees_why_and_what_to_do(hub: Hub, number, verdict, zh, en) -> None:
    """Why not, and the next step, in the reader's language."""
    town(hub)
    chinese, water = of(hub, number)
    english, _ = of(hub, number, language="en")
    assert (water.verdict, water.due) == (verdict, [])
    assert any(zh in line for line in chinese.lines)
    assert any(en in line for line in english.lines)


def test_waiting_for_a_match_is_said_to_cost_nothing(hub: Hub) -> None:
    """A household without an account learns that its allowance is kept."""
    town(hub)
    explanation, water = of(hub, "B2")
    assert [(one.account, one.quantity_milli) for one in water.due] == [(None, 3000)]
    assert any("不因等待而丧失" in line for line in explanation.lines)


def test_known_then_and_known_now_differ(hub: Hub, clock) -> None:
    """After a back-dated end the month is explained both ways: as it was judged, and as it would be now."""
    town(hub)
    with hub.store.read() as connection:
        then = current_version(connection)
        assert version_at(connection, date(2026, 10, 20)) == then
    clock.advance(days=3)
    take(hub, delta([household("A1", 1, status="ended", effective_on=20261001, version=50)], position=60))
    _, now = of(hub, "A1")
    _, before = of(hub, "A1", as_known=then)
    assert (before.verdict, now.verdict) == ("entitled", "ended")
    assert before.due == before.posted == now.posted
    with hub.store.read() as connection:
        assert version_at(connection, date(2026, 10, 22)) == then


def test_a_household_nobody_knew_at_the_time_is_refused(hub: Hub) -> None:
    """There is no explanation of what was not known."""
    town(hub)
    with pytest.raises(ExplainRefused):
        explain(hub, household_id(hub, "A1"), NOVEMBER, as_known=0)


def test_an_explanation_names_no_person(hub: Hub) -> None:
    """Names, numbers and addresses stay where they are sealed."""
    town(hub)
    text = "\n".join(line for number in ("A1", "B2") for line in of(hub, number)[0].lines)
    personal = {secret for person in (1, 2) for secret in (name_of(person), id_of(person), address_of(person))}
    assert not [secret for secret in personal if secret in text]


def contents(hub: Hub) -> dict[str, int]:
    with hub.store.read() as connection:
        count = func.count()
        return {
            table.name: connection.execute(select(count).select_from(table)).scalar_one()
            for table in metadata.sorted_tables
        }


def wider(policy: Policy, **values: object) -> Policy:
    """The policy with other values from the start."""
    content = json.loads(policy.content)
    for name, value in values.items():
        content[name]["values"][0]["value"] = value
    return load_policy({"other": content})


def test_a_dry_run_under_another_policy_shows_who_gains_and_keeps_nothing(hub: Hub) -> None:
    """Serving the countryside as well: R3 gains 3 m³ of water, and the database is as before."""
    town(hub)
    before = contents(hub)
    benefit = {"categories": ["dibao_urban", "dibao_rural"], "allowance_milli": 3000}
    result = dry_run(hub, Month(2026, 12), policy=wider(hub.policy, water=benefit))
    assert contents(hub) == before
    assert [(one.service, one.quantity_milli) for one in result.gains] == [("water", 3000)]
    assert (result.households_gaining, result.households_losing) == (1, 0)
    assert result.quantity_after_milli - result.quantity_before_milli == 3000


def test_a_dry_run_of_a_registry_file_shows_who_loses_and_which_brake_it_trips(hub: Hub) -> None:
    """A snapshot without A1 would end it; a file that forgets nearly everybody also shows the brake."""
    rows = [household(f"H{one}", one) for one in range(1, 61)]
    take(hub, snapshot(rows, position=10))
    link(hub)
    before = contents(hub)
    fewer = dry_run(hub, NOVEMBER, registry=chunked(snapshot(rows[1:], position=20)))
    none = dry_run(hub, NOVEMBER, registry=chunked(snapshot(rows[:5], position=20)))
    assert contents(hub) == before
    assert (fewer.households_losing, fewer.trips) == (1, [])
    assert {trip.limit for trip in none.trips} == {"ends", "ends_district"}


def test_explanations_travel_as_json(hub: Hub) -> None:
    """What the command prints with --json is the whole explanation."""
    import msgspec

    town(hub)
    explanation, _ = of(hub, "A1")
    assert msgspec.json.decode(msgspec.json.encode(explanation), type=Explanation) == explanation


def test_a_plain_dry_run_shows_what_the_run_would_change(hub: Hub) -> None:
    """Against an empty ledger everything is gained; against last month only what changed since."""
    take(hub, snapshot([household("A1", 1, accounts={"city_water": "W1"}), household("B2", 2)], position=10))
    roster(hub, "city_water", [account("W1", 1)])
    link(hub)
    first = dry_run(hub, NOVEMBER)
    assert (first.households_before, first.households_after, first.households_gaining) == (0, 2, 2)
    run(hub, "2026-11")
    take(hub, delta([household("B2", 2, status="ended", effective_on=20261101, version=50)], position=60))
    second = dry_run(hub, Month(2026, 12))
    assert (second.households_before, second.households_after, second.households_losing) == (2, 1, 1)


def test_what_was_made_after_the_day_is_not_shown_for_it(hub: Hub, clock) -> None:
    """Known by a day: the run of the next day and its lists are not there yet, though they looked at that version."""
    take(hub, snapshot([household("A1", 1, accounts={"city_water": "W1"})], position=10))
    roster(hub, "city_water", [account("W1", 1)])
    link(hub)
    day = clock().date()
    clock.advance(days=1)
    compute_month(hub, NOVEMBER, actor="tester")
    publish(hub, "2026-11")
    one = household_id(hub, "A1")
    then = explain(hub, one, NOVEMBER, by=day).services[0]
    now = explain(hub, one, NOVEMBER).services[0]
    assert (then.verdict, then.runs, then.posted, then.listed_in) == ("entitled", [], [], [])
    assert (now.runs, now.listed_in) == ([1], ["city_water:1"])
