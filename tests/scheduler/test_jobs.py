"""Jobs, leases and the outbox on both databases: begun once, tried again with patience, stopped by the fence."""

from __future__ import annotations

from datetime import datetime

import pytest
from world import account, household, publish, roster, run, snapshot, take

from integration.domain.calendar import Due, Job
from integration.jobs.decide_hold import approve_release, propose_release
from integration.jobs.hub import Hub
from integration.scheduler.clockwork import Clockwork
from integration.scheduler.work import do_job
from integration.storage import holds, job_runs, outbox
from integration.storage.job_runs import MOST_ATTEMPTS, JobKey
from integration.storage.leases import Fenced, Lease, guard_of, take_lease

MINUTE_US = 60_000_000


def lease_of(hub: Hub, owner: str = "a", ttl_us: int = MINUTE_US) -> Lease | None:
    with hub.store.write() as connection:
        return take_lease(connection, hub.clock, "clock", owner, ttl_us)


def states(hub: Hub) -> dict[tuple[str, str], str]:
    with hub.store.read() as connection:
        return {(one.job, one.period): one.state for one in job_runs.job_lines(connection, 100)}


def due(job: Job, period: str) -> Due:
    return Due(datetime.fromisoformat("2026-10-20"), job, period)


def test_one_replica_holds_the_lease_and_hands_over_with_a_higher_fence(hub: Hub) -> None:
    first = lease_of(hub, "a")
    assert first is not None
    assert lease_of(hub, "b") is None
    assert lease_of(hub, "a") == first
    over = lease_of(hub, "a", ttl_us=-1)  # it has not renewed in time
    second = lease_of(hub, "b")
    assert over is not None
    assert second is not None
    assert second.fence == first.fence + 1


def test_whoever_was_paused_beyond_the_lease_commits_nothing(hub: Hub) -> None:
    late = lease_of(hub, "a", ttl_us=-1)
    assert late is not None
    assert lease_of(hub, "b") is not None
    guarded = hub.with_store(hub.store.guarded(guard_of(late)))
    with pytest.raises(Fenced):
        do_job(guarded, due(Job.PURGE, "2026-10-20"), late)
    assert states(hub) == {}


def test_a_job_is_done_once(hub: Hub) -> None:
    lease = lease_of(hub)
    assert lease is not None
    assert do_job(hub, due(Job.PURGE, "2026-10-20"), lease)
    assert not do_job(hub, due(Job.PURGE, "2026-10-20"), lease)
    assert states(hub) == {("purge", "2026-10-20"): "done"}


def test_a_job_that_fails_is_tried_again_later_and_in_the_end_a_persons(hub: Hub) -> None:
    lease = lease_of(hub)
    assert lease is not None
    missing = due(Job.PUBLISH, "2026-10")  # nothing is computed
    for _ in range(MOST_ATTEMPTS):
        assert do_job(hub, missing, lease)
        assert not do_job(hub, missing, lease)
        hub.clock.advance(hours=1)
    assert states(hub) == {("publish", "2026-10"): "dead"}
    with hub.store.read() as connection:
        (line,) = job_runs.job_lines(connection, 10)
    assert "waiverhub run 2026-10" in line.detail
    with hub.store.write() as connection:
        assert job_runs.redrive(connection, hub.clock, JobKey("publish", "2026-10"))
    assert do_job(hub, missing, lease)


def test_a_job_left_behind_by_a_dead_process_is_done_by_the_next(hub: Hub) -> None:
    lease = lease_of(hub, "a", ttl_us=-1)
    assert lease is not None
    key = JobKey("purge", "2026-10-20")
    with hub.store.write() as connection:
        assert job_runs.begin(connection, hub.clock, key, 0, "a", lease.fence) == 1
    after = lease_of(hub, "b")
    assert after is not None
    assert do_job(hub, due(Job.PURGE, "2026-10-20"), after)
    assert states(hub) == {tuple(key[:2]): "done"}


def fill(hub: Hub) -> None:
    roster(hub, "city_water", [account(f"W{n}", n) for n in range(1, 4)])
    take(hub, snapshot([household(f"A{n}", n, accounts={"city_water": f"W{n}"}) for n in range(1, 4)]))


def test_a_hub_that_slept_for_three_months_makes_up_for_every_month(hub: Hub) -> None:
    fill(hub)
    run(hub, "2026-11")
    publish(hub, "2026-11")
    hub.clock.set("2027-02-26T12:00:00+08:00")
    Clockwork(hub, owner="a").tick()
    found = states(hub)
    for month in ("2026-12", "2027-01", "2027-02", "2027-03"):
        assert (found["run", month], found["publish", month]) == ("done", "done")
    assert found["escalate", "2026-11"] == "done"


def release(hub: Hub) -> None:
    """Let every held list go, as two persons do."""
    with hub.store.read() as connection:
        waiting = [one.hold_id for one in holds.all_holds(connection) if one.state in ("open", "proposed")]
    for hold_id in waiting:
        propose_release(hub, hold_id, "they ended as announced", actor="wang")
        approve_release(hub, hold_id, actor="li")


def test_a_held_list_is_waited_for_and_published_once_released(sqlite_hub: Hub) -> None:
    hub = sqlite_hub
    roster(hub, "city_water", [account(f"W{n}", n) for n in range(1, 61)])
    people = [household(f"A{n}", n, accounts={"city_water": f"W{n}"}, valid_to=20261130) for n in range(1, 61)]
    take(hub, snapshot(people))
    run(hub, "2026-11")
    publish(hub, "2026-11")
    hub.clock.set("2027-02-26T12:00:00+08:00")
    clockwork = Clockwork(hub, owner="a")
    clockwork.tick()
    waiting = [key for key, state in states(hub).items() if state == "waiting"]
    assert waiting == [("publish", "2027-03"), ("publish", "2027-02")]  # the second cannot go before the first
    release(hub)
    hub.clock.advance(minutes=11)
    clockwork.tick()
    assert {states(hub)[key] for key in waiting} == {"done"}


def queued(hub: Hub, *names: str) -> None:
    with hub.store.write() as connection:
        for name in names:
            outbox.queue(connection, hub.clock, name, "list", "city_gas", "1")


def test_a_message_is_claimed_by_one_and_again_when_he_is_gone(hub: Hub) -> None:
    queued(hub, "m1", "m2")
    with hub.store.write() as connection:
        first = outbox.claim(connection, hub.clock, "a", MINUTE_US)
        second = outbox.claim(connection, hub.clock, "b", -1)
        assert outbox.claim(connection, hub.clock, "c", MINUTE_US) == (
            second and second._replace(attempts=2, fence=2, unclear=True)
        )
    assert first is not None
    assert second is not None
    assert (first.message_id, second.message_id) == ("m1", "m2")
    with hub.store.write() as connection:
        assert not outbox.delivered(connection, hub.clock, second, "b", "200")  # c has claimed it since
        assert outbox.delivered(connection, hub.clock, first, "a", "200")


def test_two_replicas_claim_different_messages_at_once(hub: Hub) -> None:
    if hub.store.dialect == "sqlite":
        pytest.skip("one writer at a time")
    queued(hub, "m1", "m2")
    with hub.store.write() as one, hub.store.write() as other:
        claimed = [outbox.claim(each, hub.clock, "x", MINUTE_US) for each in (one, other)]
    assert sorted(message.message_id for message in claimed if message) == ["m1", "m2"]
