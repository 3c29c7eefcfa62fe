"""Collecting from boxes: a file is read once it is whole, has one effect, and its sender gets its end laid back."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from boxes import FolderBox, Port, box_of, exchanging, lines, look, roster_of, settle_and_answer, states, with_boxes
from sqlalchemy import event, func, select, update
from sqlalchemy.engine import Engine
from world import account, city_water, household, roster, snapshot

from adapters.base import Refused, Unreachable
from adapters.companies import load_companies
from adapters.dialects.fault_file import fault_writer
from integration.jobs import file_answers
from integration.jobs.decide_hold import approve_release, propose_release, reject_hold
from integration.jobs.hub import Hub
from integration.jobs.inbox import MOST_BYTES, apply_waiting
from integration.jobs.purge_homes import purge_homes
from integration.storage import audit, audit_verify, collected, holds, outbox
from integration.storage.outbox import MOST_ATTEMPTS
from integration.storage.overview import last_audit, last_submissions
from integration.storage.tables import account_numbers, leases, submissions


@pytest.fixture
def box(tmp_path: Path) -> FolderBox:
    return FolderBox(tmp_path / "water")


@pytest.fixture
def collecting(hub: Hub, box: FolderBox) -> Hub:
    return with_boxes(hub, city_water=box)


@pytest.fixture
def quick(sqlite_hub: Hub, box: FolderBox) -> Hub:
    """For what is about something else than the database."""
    return with_boxes(sqlite_hub, city_water=box)


def count(hub: Hub, table: Any) -> int:
    with hub.store.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


# --- taking ----------------------------------------------------------------------------------------------------


def test_a_file_is_taken_once_it_has_settled_and_laid_back_once_it_is_answered(collecting: Hub, box: FolderBox) -> None:
    hub, content = collecting, roster_of(1, 2)
    box.lay("roster1.txt", content)
    box.lay("notes.doc", b"no concern of the hub's")
    assert look(hub)
    assert (states(hub), box.reads) == ([("roster1.txt", "settling", "")], 0)
    assert look(hub, later_s=59)
    assert states(hub) == [("roster1.txt", "kept", "")]
    assert not look(hub, later_s=2)  # a box is looked into once a minute
    assert look(hub)
    assert box.names("in") == ["notes.doc", "roster1.txt"]  # it is not answered yet
    apply_waiting(hub, actor="tester")
    assert look(hub)
    assert states(hub) == [("roster1.txt", "returned", "applied")]
    assert (box.names("in"), box.names("done"), box.names("reject")) == (["notes.doc"], ["roster1.txt"], [])
    assert ((box.folders["done"] / "roster1.txt").read_bytes(), box.reads) == (content, 1)
    assert count(hub, account_numbers) == 2


def test_who_sent_a_file_and_who_took_it_is_on_file(quick: Hub, box: FolderBox) -> None:
    box.lay("roster1.txt", roster_of(1, 2))
    settle_and_answer(quick)
    with quick.store.read() as connection:
        (kept,) = last_submissions(connection, 10)
        (taken,) = last_audit(connection, 10, "file_received")
    assert (kept.sender, kept.kind, kept.size) == ("city_water", "roster", len(roster_of(1, 2)))
    assert (taken.subject, taken.actor) == (str(kept.submission_id), "tester")
    assert lines(quick)[0].submission_id == kept.submission_id


def grown_in_looks(hub: Hub, box: FolderBox) -> list[int]:
    """Lay a file piece by piece, a piece every look; return the sizes of what was kept meanwhile."""
    whole = roster_of(*range(1, 21))
    for n in range(1, 6):
        box.lay("roster1.txt", whole[: len(whole) * n // 5], modified_s=1_000 + n)
        look(hub)
    apply_waiting(hub, actor="tester")
    with hub.store.read() as connection:
        kept = [one.size for one in last_submissions(connection, 10)]
    settle_and_answer(hub)
    return [size for size in kept if size != len(whole)]


def test_a_growing_file_is_never_read(collecting: Hub, box: FolderBox) -> None:
    assert grown_in_looks(collecting, box) == []
    assert states(collecting) == [("roster1.txt", "returned", "applied")]
    assert count(collecting, account_numbers) == 20


def test_a_collector_that_waits_for_nothing_reads_half_a_file(quick: Hub, box: FolderBox) -> None:
    """The negative control of the test before."""
    box.settle_s = 0
    assert grown_in_looks(quick, box)


def test_what_settles_is_known_to_the_next_replica(collecting: Hub, box: FolderBox) -> None:
    box.lay("roster1.txt", roster_of(1))
    look(collecting, owner="a")
    look(collecting, owner="b")
    assert states(collecting) == [("roster1.txt", "kept", "")]


def test_a_file_that_changes_while_it_is_read_settles_anew(collecting: Hub, box: FolderBox) -> None:
    hub = collecting
    box.lay("roster1.txt", roster_of(1))
    look(hub)

    def grows(step: str) -> None:
        if step == "half":
            box.at = lambda _: None
            box.lay("roster1.txt", roster_of(1, 2), modified_s=2_000)

    box.at = grows
    look(hub, later_s=30)
    assert [(one.state, one.code) for one in lines(hub)] == [("settling", "CHANGED")]
    look(hub, later_s=61, asked=True)  # it is another file by now, and settles again
    assert count(hub, submissions) == 0
    settle_and_answer(hub)
    assert states(hub) == [("roster1.txt", "returned", "applied")]
    assert count(hub, account_numbers) == 2


def test_the_clock_may_be_set_back(quick: Hub, box: FolderBox) -> None:
    quick.clock.advance(days=400)
    box.lay("roster1.txt", roster_of(1))
    look(quick)
    quick.clock.advance(days=-400)
    for _ in range(2):
        assert look(quick)
    assert states(quick) == [("roster1.txt", "kept", "")]


# --- once ------------------------------------------------------------------------------------------------------


class Killed(BaseException):
    """The process is no more; nothing catches this."""


@contextmanager
def killed_at(box: FolderBox, point: str) -> Iterator[None]:
    """Die at a step of the box (``read``), or before the n-th commit from here (``commit:5``)."""
    what, _, number = point.partition(":")
    left = [int(number or 1)]

    def tick(*said: object) -> None:
        left[0] -= what == "commit" or what in said
        if left[0] == 0:
            raise Killed

    if what == "commit":
        event.listen(Engine, "commit", tick)
    else:
        box.at = tick
    try:
        yield
    finally:
        box.at = lambda _: None
        if what == "commit":
            event.remove(Engine, "commit", tick)


def dies_and_goes_on(hub: Hub, box: FolderBox, point: str) -> bool:
    """Do everything, dying once on the way; then go on as the process that takes over. Tell whether it died."""
    box.lay("roster1.txt", roster_of(1, 2))
    died = False
    try:
        with killed_at(box, point):
            settle_and_answer(hub)
    except Killed:
        died = True
    hub.clock.advance(seconds=121)  # whoever died holds the lease for so long
    for _ in range(2):
        settle_and_answer(hub)
    return died


def once(hub: Hub, box: FolderBox) -> None:
    """One submission, one effect, one file in its place, and a sound audit."""
    assert states(hub) == [("roster1.txt", "returned", "applied")]
    assert (box.names("in"), box.names("done"), box.names("reject")) == ([], ["roster1.txt"], [])
    assert (count(hub, submissions), count(hub, account_numbers)) == (1, 2)
    audit.sequence(hub.store, hub.ring, hub.clock)
    with hub.store.read() as connection:
        assert audit_verify.verify(connection, hub.ring.checkpoints.public_pem) == []


@pytest.mark.parametrize("point", ["half", "moved", "commit:5", "commit:9"])
def test_killed_it_goes_on_and_has_the_effect_of_once(collecting: Hub, box: FolderBox, point: str) -> None:
    assert dies_and_goes_on(collecting, box, point)
    once(collecting, box)


def test_killed_before_any_commit_and_any_step_of_the_box(hub_maker: Callable[[], Hub], tmp_path: Path) -> None:
    def survived(point: str) -> bool:
        box = FolderBox(tmp_path / point)
        hub = with_boxes(hub_maker(), city_water=box)
        died = dies_and_goes_on(hub, box, point)
        once(hub, box)
        return died

    assert all(survived(point) for point in ("files", "read", "take_away"))
    commits = next(n for n in range(1, 100) if not survived(f"commit:{n}"))
    assert commits > 10


def test_a_replica_that_lost_the_box_commits_nothing(collecting: Hub, box: FolderBox) -> None:
    hub = collecting
    box.lay("roster1.txt", roster_of(1))
    look(hub)

    def taken_over(step: str) -> None:
        if step == "read":
            with hub.store.write() as connection:
                connection.execute(update(leases).values(owner="b", fence=leases.c.fence + 1))

    box.at = taken_over
    assert not look(hub)
    assert (states(hub), count(hub, submissions), box.reads) == ([("roster1.txt", "settling", "")], 0, 1)


def test_a_box_is_held_for_as_long_as_a_file_takes(quick: Hub, box: FolderBox) -> None:
    box.lay("roster1.txt", roster_of(*range(1, 31)))
    look(quick)
    others: list[bool] = []

    def drips(step: str) -> None:
        if step == "half":
            quick.clock.advance(seconds=50)
            others.append(look(quick, owner="b", later_s=0, asked=True))

    box.at = drips
    assert look(quick)
    assert len(others) > 10
    assert not any(others)
    assert states(quick) == [("roster1.txt", "kept", "")]


def test_the_same_name_with_other_content_is_a_new_file(collecting: Hub, box: FolderBox) -> None:
    hub = collecting
    for n, numbers in enumerate([(1, 2), (1, 2, 3)]):
        box.lay("roster.txt", roster_of(*numbers), modified_s=1_000 + n)
        settle_and_answer(hub)
    assert states(hub) == [("roster.txt", "returned", "applied")] * 2
    assert count(hub, account_numbers) == 3
    assert len(box.names("done")) == 2


def test_the_same_content_under_another_name_has_no_effect(collecting: Hub, box: FolderBox) -> None:
    hub = collecting
    for n in (1, 2):
        box.lay(f"roster{n}.txt", roster_of(1, 2), modified_s=n)
        settle_and_answer(hub)
    assert states(hub) == [("roster1.txt", "returned", "applied"), ("roster2.txt", "returned", "duplicate")]
    assert count(hub, submissions) == 1


def test_a_file_that_lies_there_again_as_it_was_is_a_persons_to_decide(quick: Hub, box: FolderBox) -> None:
    hub = quick
    box.lay("roster1.txt", roster_of(1))
    settle_and_answer(hub)
    box.lay("roster1.txt", roster_of(1))
    for _ in range(3):
        look(hub)
    (line,) = lines(hub)
    assert (line.state, line.code, box.reads) == ("failed", collected.SEEN_BEFORE, 1)
    with hub.store.write() as connection:
        assert collected.retry(connection, hub.clock, line.file_id)
        assert not collected.retry(connection, hub.clock, line.file_id)
    settle_and_answer(hub)
    assert (states(hub), box.names("in")) == ([("roster1.txt", "returned", "applied")], [])
    assert (box.reads, count(hub, submissions)) == (2, 1)


def test_what_replaces_a_file_that_is_kept_is_not_taken_for_it(quick: Hub, box: FolderBox) -> None:
    hub = quick
    box.lay("roster1.txt", roster_of(1))
    for _ in range(2):
        look(hub)
    box.lay("roster1.txt", roster_of(1, 2), modified_s=2_000)
    apply_waiting(hub, actor="tester")
    look(hub)
    assert [(one.state, one.code) for one in lines(hub)] == [("gone", "CHANGED"), ("settling", "")]
    settle_and_answer(hub)
    assert states(hub)[1] == ("roster1.txt", "returned", "applied")
    assert count(hub, account_numbers) == 2


def test_a_file_that_is_fetched_back_is_gone_and_welcome_again(quick: Hub, box: FolderBox) -> None:
    box.lay("roster1.txt", roster_of(1))
    look(quick)
    (box.folders["in"] / "roster1.txt").unlink()
    look(quick)
    assert states(quick) == [("roster1.txt", "gone", "")]
    box.lay("roster1.txt", roster_of(1))
    settle_and_answer(quick)
    assert states(quick) == [("roster1.txt", "returned", "applied")]


def test_no_file_overtakes_an_older_one_of_its_kind(quick: Hub, box: FolderBox) -> None:
    box.lay("roster_b.txt", roster_of(1), modified_s=1_000)
    box.lay("roster_a.txt", roster_of(1, 2), modified_s=2_000)
    box.lay("aliases.txt", b"x", modified_s=3_000)
    look(quick)

    def breaks_off(step: str) -> None:
        if step == "half":
            box.at = lambda _: None
            raise Unreachable("SSH_LOST", "600")

    box.at = breaks_off
    look(quick)
    found = {one.name: (one.state, one.attempts, one.code) for one in lines(quick)}
    assert found == {
        "roster_b.txt": ("settling", 1, "SSH_LOST"), "roster_a.txt": ("settling", 0, ""), "aliases.txt": ("kept", 0, "")
    }  # fmt: skip
    quick.clock.advance(seconds=600)
    look(quick)
    with quick.store.read() as connection:
        kept = [one.size for one in last_submissions(connection, 10, "roster")][::-1]
    assert kept == [len(roster_of(1)), len(roster_of(1, 2))]


def test_a_failed_file_is_not_dealt_with_once_a_newer_one_was_applied(quick: Hub, box: FolderBox) -> None:
    box.lay("roster_a.txt", roster_of(1), modified_s=1_000)
    fails(box, "read", Refused("FORBIDDEN"))
    settle_and_answer(quick)
    box.at = lambda _: None
    box.lay("roster_b.txt", roster_of(1, 2), modified_s=2_000)
    settle_and_answer(quick)
    assert states(quick) == [("roster_a.txt", "failed", ""), ("roster_b.txt", "returned", "applied")]
    number = next(one.file_id for one in lines(quick) if one.state == "failed")
    with quick.store.write() as connection:
        assert not collected.retry(connection, quick.clock, number)


def test_a_file_beyond_every_limit_is_not_read(quick: Hub, box: FolderBox) -> None:
    box.lay("roster1.txt", b"")
    os.truncate(box.folders["in"] / "roster1.txt", MOST_BYTES + 1)  # nothing of it is on the disk
    settle_and_answer(quick)
    assert (states(quick), box.reads) == ([("roster1.txt", "failed", "")], 0)


def test_what_is_over_stays_in_the_homes_no_longer_than_in_the_inbox(quick: Hub) -> None:
    home = quick.homes / next(iter(quick.partners))
    for folder in ("in", "out", "done", "reject"):
        (home / folder).mkdir(parents=True, exist_ok=True)
        (home / folder / "a.txt").write_bytes(b"x")
    now = datetime.now(UTC)
    for days, left in ((89, 4), (91, 2)):
        quick.clock.instant = now + timedelta(days=days)
        purge_homes(quick, 90)
        assert len(list(home.glob("*/a.txt"))) == left


# --- laying back -----------------------------------------------------------------------------------------------


def test_a_file_that_is_refused_goes_to_the_reject_box_with_the_reason(collecting: Hub, box: FolderBox) -> None:
    box.lay("roster1.txt", roster_of(1, 2, rows_said=3))
    settle_and_answer(collecting)
    assert states(collecting) == [("roster1.txt", "returned", "refused")]
    assert (box.names("done"), box.names("reject")) == ([], ["roster1.txt", "roster1.txt.faults.txt"])
    said = (box.folders["reject"] / "roster1.txt.faults.txt").read_bytes().decode("gb18030").splitlines()
    assert said[0] == "行号|列名|代码|原因与办法"
    assert len(said) == 2


def test_rows_that_are_rejected_are_told_in_the_companys_own_form(collecting: Hub, box: FolderBox) -> None:
    good, bad = roster_of(1, 2), roster_of(3, 4, state="拆除")
    rows = [*good.splitlines(keepends=True)[:-1], *bad.splitlines(keepends=True)[1:-1], b"TRL|4\n"]
    box.lay("roster1.txt", b"".join(rows))
    settle_and_answer(collecting)
    assert states(collecting) == [("roster1.txt", "returned", "applied")]
    assert (box.names("done"), box.names("reject")) == (["roster1.txt"], ["roster1.txt.faults.txt"])
    said = (box.folders["reject"] / "roster1.txt.faults.txt").read_bytes().decode("gb18030").splitlines()[1:]
    assert [line.split("|")[0] for line in said] == ["4", "5"]  # every row, also where neighbours ended alike
    assert all(" / " in line and "拆除" not in line for line in said)


def test_more_faults_than_anybody_reads_are_cut_and_that_is_said(
    quick: Hub, box: FolderBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_answers, "MOST_FAULTS", 10)
    monkeypatch.setattr(file_answers, "_PAGE", 3)
    faulty = [account(f"W{n}", n, state="拆除" if n % 2 else "正常") for n in range(1, 41)]
    box.lay("roster1.txt", city_water(faulty))
    settle_and_answer(quick)
    said = (box.folders["reject"] / "roster1.txt.faults.txt").read_bytes().decode("gb18030").splitlines()[1:]
    assert [line.split("|")[2] for line in said][-2:] == [said[0].split("|")[2], "MORE_FAULTS"]
    assert len(said) == 11


def held(hub: Hub, box: FolderBox) -> int:
    """Lay a roster that closes half of the accounts; return its hold."""
    roster(hub, "city_water", [account(f"W{n}", n) for n in range(1, 61)])
    box.lay("roster1.txt", roster_of(*range(1, 31)))
    settle_and_answer(hub)
    look(hub)
    assert states(hub) == [("roster1.txt", "held", "")]
    assert (box.names("in"), box.names("reject")) == (["roster1.txt"], [])
    with hub.store.read() as connection:
        (hold,) = holds.all_holds(connection)
    return hold.hold_id


def test_a_held_file_stays_until_two_persons_have_released_it(collecting: Hub, box: FolderBox) -> None:
    hold_id = held(collecting, box)
    propose_release(collecting, hold_id, "half of them moved", actor="wang")
    approve_release(collecting, hold_id, actor="li")
    look(collecting)
    assert states(collecting) == [("roster1.txt", "returned", "applied")]
    assert (box.names("done"), box.names("reject")) == (["roster1.txt"], [])


def test_a_held_file_that_is_not_released_is_refused(quick: Hub, box: FolderBox) -> None:
    reject_hold(quick, held(quick, box), actor="li")
    look(quick)
    assert states(quick) == [("roster1.txt", "returned", "rejected")]
    assert box.names("reject") == ["roster1.txt", "roster1.txt.faults.txt"]


class Bureau:
    """Who sends the registry."""

    code, title = "civil_affairs", "民政局"

    def fault_writer(self, _kind: str) -> Any:
        return fault_writer(None)


def test_a_message_id_used_for_other_content_is_refused(collecting: Hub, box: FolderBox) -> None:
    hub = replace(collecting, sources={"civil_affairs": Port(box, Bureau())})
    for n, numbers in enumerate([(1, 2), (1, 3), (1, 2)]):
        people = [household(f"A{k}", k) for k in numbers]
        box.lay(f"registry{n}.ndjson", snapshot(people, message_id="m"), modified_s=n)
        settle_and_answer(hub, "civil_affairs")
    answers = [(one.answer, one.partner) for one in lines(hub)]
    assert answers == [(word, "civil_affairs") for word in ("applied", "refused", "duplicate")]
    assert box.names("reject") == ["registry1.ndjson", "registry1.ndjson.faults.csv"]
    assert "MESSAGE_REUSED" in (box.folders["reject"] / "registry1.ndjson.faults.csv").read_text("utf-8-sig")


REAL = """
[exchange]
form = "{form}"
{path}
lists_to = ""
files_from = "in"
[[exchange.files]]
kind = "roster"
name = 'roster[0-9]\\.txt'
"""


@pytest.mark.parametrize("form", ["folder", "home"])
def test_from_a_configured_box_each_file_goes_where_it_belongs(sqlite_hub: Hub, tmp_path: Path, form: str) -> None:
    root = sqlite_hub.homes / "city_water" if form == "home" else tmp_path / "share"
    for name in ("in", "done", "reject"):
        (root / name).mkdir(parents=True)
    told = exchanging("city_water", REAL.format(form=form, path=f'path = "{root}"' if form == "folder" else ""))
    hub = replace(sqlite_hub, companies=load_companies([("city_water.toml", told.encode())]))
    contents = {1: roster_of(1, 2), 2: roster_of(1, rows_said=2), 3: roster_of(1, 2)}
    for n, content in contents.items():
        (root / "in" / f"roster{n}.txt").write_bytes(content)
        os.utime(root / "in" / f"roster{n}.txt", (n, n))
    (root / "in" / "other.txt").write_bytes(b"")
    settle_and_answer(hub)
    assert [answer for _, _, answer in states(hub)] == ["applied", "refused", "duplicate"]
    found = {name: sorted(one.name for one in (root / name).iterdir()) for name in ("in", "done", "reject")}
    assert found == {
        "in": ["other.txt"], "done": ["roster1.txt", "roster3.txt"],
        "reject": ["roster2.txt", "roster2.txt.faults.txt"],
    }  # fmt: skip


# --- trouble ---------------------------------------------------------------------------------------------------


def fails(box: FolderBox, where: str, error: Exception) -> None:
    def at(step: str) -> None:
        if step == where:
            raise error

    box.at = at


def test_a_box_that_cannot_be_reached_is_told_and_tried_with_patience(collecting: Hub, box: FolderBox) -> None:
    hub = collecting
    box.lay("roster1.txt", roster_of(1))
    fails(box, "files", Unreachable("SSH_TIMEOUT", "900"))
    look(hub, later_s=0)
    since = box_of(hub).failing_since
    assert (box_of(hub).code, box_of(hub).attempts) == ("SSH_TIMEOUT", 1)
    hub.clock.advance(minutes=14)
    assert not look(hub, later_s=60)  # it asked for a quarter of an hour
    assert look(hub)
    assert (box_of(hub).attempts, box_of(hub).failing_since) == (2, since)
    box.at = lambda _: None
    look(hub, asked=True)
    assert (box_of(hub).code, box_of(hub).attempts, box_of(hub).failing_since) == ("", 0, None)
    assert states(hub) == [("roster1.txt", "settling", "")]


@pytest.mark.parametrize("error", [Refused("SSH_HOST_KEY"), ValueError("张三 110101199003070012")])
def test_of_an_unforeseen_error_only_its_class_is_told(quick: Hub, box: FolderBox, error: Exception) -> None:
    fails(box, "files", error)
    look(quick)
    assert box_of(quick).code in ("SSH_HOST_KEY", "ValueError")


@pytest.mark.parametrize(("where", "state"), [("read", "settling"), ("take_away", "kept")])
def test_what_cannot_be_dealt_with_is_a_persons_in_the_end(quick: Hub, box: FolderBox, where: str, state: str) -> None:
    box.lay("roster1.txt", roster_of(1))
    look(quick)
    fails(box, where, Unreachable("SSH_LOST"))
    for _ in range(MOST_ATTEMPTS + 3):
        look(quick, asked=True, later_s=3600)
        apply_waiting(quick, actor="tester")
    (line,) = lines(quick)
    assert (line.state, line.attempts, line.code) == ("failed", MOST_ATTEMPTS, "SSH_LOST")
    with quick.store.write() as connection:
        assert collected.retry(connection, quick.clock, line.file_id)
    assert lines(quick)[0].state == state
    box.at = lambda _: None
    settle_and_answer(quick)
    assert states(quick) == [("roster1.txt", "returned", "applied")]
    assert count(quick, submissions) == 1


def test_a_file_that_may_not_be_read_is_a_persons_at_once(quick: Hub, box: FolderBox) -> None:
    box.lay("roster1.txt", roster_of(1))
    look(quick)
    fails(box, "read", Refused("FORBIDDEN"))
    look(quick)
    assert [(one.state, one.code, one.attempts) for one in lines(quick)] == [("failed", "FORBIDDEN", 1)]
    (box.folders["in"] / "roster1.txt").unlink()
    look(quick)
    assert states(quick) == [("roster1.txt", "gone", "")]


def test_nothing_is_collected_from_whoever_has_no_box(quick: Hub) -> None:
    assert not look(with_boxes(quick, city_gas=None), "city_gas")
    assert not look(quick, "nobody")


def test_what_comes_and_what_goes_is_seen_in_one_place(collecting: Hub, box: FolderBox) -> None:
    hub = collecting
    box.lay("roster1.txt", roster_of(1))
    look(hub)
    with hub.store.write() as connection:
        outbox.queue(connection, hub.clock, "list-1", "list", "city_water", "1")
        outbox.queue(connection, hub.clock, "list-2", "list", "city_gas", "1")
    hub.clock.advance(seconds=1)
    box.lay("roster2.txt", roster_of(1, 2))
    look(hub)
    with hub.store.read() as connection:
        everybody = [(one.way, one.partner, one.what) for one in collected.exchanged(connection, 3)]
        water = [(one.id, one.state) for one in collected.exchanged(connection, 10, "city_water")]
    assert everybody == [("in", "city_water", "roster2.txt"), ("out", "city_water", "1"), ("out", "city_gas", "1")]
    assert water == [("2", "settling"), ("list-1", "waiting"), ("1", "kept")]


def test_nothing_of_a_file_is_left_readable_on_the_disk_while_it_arrives(
    quick: Hub, box: FolderBox, tmp_path: Path
) -> None:
    box.lay("roster1.txt", roster_of(1))
    look(quick)
    seen: list[list[Path]] = []
    box.at = lambda step: (
        seen.append([one for one in quick.homes.rglob("*") if one.is_file()]) if step == "half" else None
    )
    look(quick)
    assert seen
    assert not any(seen)
