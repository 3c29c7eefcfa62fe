"""What the detectors found stays until it is mended or explained, and is told as it is now."""

from __future__ import annotations

from reporting import findings
from test_detect import flagged
from world import account, household, publish, roster, run, snapshot, take

from integration.jobs.detect import detect
from integration.jobs.hub import Hub
from integration.jobs.variances import variance_lines


def test_an_unexplained_variance_stays_open_and_explainable_for_ever(sqlite_hub: Hub) -> None:
    hub = sqlite_hub
    roster(hub, "city_water", [account(f"W{n}", n) for n in range(1, 31)])
    for month, number, at in (("2026-11", 20, 20261020), ("2026-12", 30, 20261120)):
        hub.clock.set(f"{at // 10000}-{at // 100 % 100}-20T20:00:00+08:00")
        people = [
            household(f"A{n}", n, accounts={"city_water": f"W{n}"}, valid_from=20261201 if n > 20 else 20260101)
            for n in range(1, number + 1)
        ]
        take(hub, snapshot(people, position=at, as_of=at))
        run(hub, month)
        publish(hub, month)
    detect(hub, actor="tester")
    opened = [one.finding_id for one in findings(hub, kind="variance")]
    assert opened
    for month in ("2027-01", "2027-02", "2027-03", "2027-04"):
        run(hub, month)
        publish(hub, month)
        detect(hub, actor="tester")
    assert [one.finding_id for one in findings(hub, kind="variance")] == opened
    with hub.store.read() as connection:
        assert {line.month for line in variance_lines(hub, connection, "city_water")} == {"2026-12"}


def test_a_closed_account_that_bears_the_flag_still_proves_nothing(sqlite_hub: Hub) -> None:
    hub = sqlite_hub
    take(hub, snapshot([household(c, n, accounts={"city_water": f"W{n}"}) for n, c in enumerate("AB", 1)]))
    closed = account("W9", 9, low_income=True, state="销户", closed=20260101)
    roster(hub, "city_water", [account("W1", 1), account("W2", 2), closed])
    run(hub, "2026-11")
    publish(hub, "2026-11")
    hub.clock.set("2026-11-03T10:00:00+08:00")
    roster(hub, "city_water", [account("W1", 1), account("W2", 2), closed])
    detect(hub, actor="tester")
    assert findings(hub, kind="flag_lost") == []


def test_a_flag_lost_again_is_told_of_the_month_of_now(sqlite_hub: Hub) -> None:
    hub = sqlite_hub
    take(hub, snapshot([household(c, n, accounts={"city_water": f"W{n}"}) for n, c in enumerate("ABCD", 1)]))
    flagged(hub, "W1", "W2", "W3", "W4")
    run(hub, "2026-11")
    publish(hub, "2026-11")
    told = []
    for at, numbers in (("2026-11-03", ("W1", "W3", "W4")), ("2026-11-04", ("W1", "W2", "W3", "W4"))):
        hub.clock.set(f"{at}T10:00:00+08:00")
        flagged(hub, *numbers)
        detect(hub, actor="tester")
        told.append([(one.finding_id, one.month) for one in findings(hub, kind="flag_lost")])
    for month in ("2026-12", "2027-01"):
        run(hub, month)
        publish(hub, month)
    hub.clock.set("2027-01-05T10:00:00+08:00")
    flagged(hub, "W1", "W3", "W4")
    detect(hub, actor="tester")
    again = [(one.finding_id, one.month) for one in findings(hub, kind="flag_lost")]
    assert [len(each) for each in told] == [1, 0]
    assert again == [(told[0][0][0], "2027-01")]
