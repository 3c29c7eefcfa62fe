"""The company inside the hub: every magic number has the outcome that it is said to have, over its own files."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fake_clock import FakeClock
from reporting import balance_of, findings
from world import chunked, link, publish, run

from adapters.registry import sandbox_in
from adapters.sandbox import MAGIC
from adapters.sandbox_files import account_of, endings_of, registry_file, roster_file
from integration.app import compose
from integration.jobs.collect import collect_and_apply
from integration.jobs.deliver import deliver_next
from integration.jobs.hub import Hub
from integration.jobs.sync_registry import sync_registry
from integration.jobs.sync_roster import sync_roster
from integration.settings import Settings, config_folder
from integration.storage import collected, outbox, report_views
from integration.storage.engine import Store
from schemas.values import Month

MONTH = Month(2026, 11)
#: What is found of the accounts whose numbers end so; of all others nothing.
FOUND = {
    "10": "missing", "40": "missing", "70": "missing", "78": "missing",
    "20": "refused", "21": "refused", "22": "refused", "23": "refused", "24": "refused", "25": "refused",
    "26": "refused", "30": "answer_open", "77": "answer_open", "71": "duplicate_row", "72": "over_quantity",
    "73": "under_quantity", "74": "over_amount", "75": "over_amount", "76": "answer_contradicts",
}  # fmt: skip

Played = Callable[[str], Hub]


@pytest.fixture
def played(sqlite_template: Path, ring, tmp_path: Path) -> Iterator[Played]:
    """Plays a month with the sandbox's accounts that end in these digits."""
    shutil.copyfile(sqlite_template, tmp_path / "hub.db")
    store = Store.open(f"sqlite:///{tmp_path / 'hub.db'}")
    settings = Settings(data_dir=tmp_path, sandbox=True)  # type: ignore[call-arg]
    hub = compose(store, ring, settings, clock=FakeClock.at("2026-11-02T09:00:00+08:00"))

    def play(asked: str) -> Hub:
        endings = endings_of(asked)
        table = sandbox_in(config_folder() / "sandbox").roster_table
        sync_roster(hub, "sandbox", chunked(roster_file(table, endings)), actor="t")
        sync_registry(hub, chunked(registry_file(hub.registry_source, MONTH, 20261102, 1, endings)), actor="t")
        link(hub)
        run(hub, str(MONTH))
        assert publish(hub, str(MONTH))["sandbox"].rows == len(endings)
        deliver(hub)
        for _ in range(2):
            collect_and_apply(hub, ["sandbox"], "o", actor="t")
            hub.clock.advance(seconds=5)
        return hub

    yield play
    store.close()


def deliver(hub: Hub) -> None:
    while deliver_next(hub, "o"):
        pass


def exchanged(hub: Hub) -> dict[str, str]:
    """How each file ended, and the list."""
    with hub.store.read() as connection:
        lines = collected.exchanged(connection, 100, "sandbox")
    return {one.what: one.answer or one.state for one in lines}


def test_every_number_has_its_outcome(played: Played) -> None:
    hub = played("")
    found = {(one.account[-2:], one.kind) for one in findings(hub) if one.account}
    assert found == set(FOUND.items())
    assert [one.stake_milli for one in findings(hub, kind="unauthorised")] == [3000]
    assert exchanged(hub) == {"SANDBOX_R_202611_000001.csv": "applied", "1": "delivered"}
    faults = (hub.homes / "sandbox" / "reject" / "SANDBOX_R_202611_000001.csv.faults.csv").read_text(encoding="utf-8")
    assert "开单日期,MISSING_VALUE" in faults
    assert balance_of(hub, str(MONTH), "sandbox")["listed"] == 3000 * len(endings_of(""))


def test_a_list_that_was_taken_without_a_word_is_asked_for_and_not_sent_again(played: Played) -> None:
    hub = played("00,89")
    assert exchanged(hub) == {"SANDBOX_R_202611_000001.csv": "applied", "1": "waiting"}
    hub.clock.advance(minutes=10)
    deliver(hub)
    with hub.store.read() as connection:
        (line,) = [one for one in outbox.outbox_lines(connection, 9) if one.company == "sandbox"]
        last = outbox.attempt_lines(connection, line.message_id)[-1]
        reports = report_views.report_lines(connection)
    assert (line.state, last.code, len(reports)) == ("delivered", "HAD_IT", 1)


def test_a_damaged_file_is_rejected_and_the_whole_one_is_taken(played: Played) -> None:
    hub = played("00,98")
    ends = {"SANDBOX_R_202611_000001_1.csv": "refused", "SANDBOX_R_202611_000001_2.csv": "applied", "1": "delivered"}
    assert exchanged(hub) == ends
    assert balance_of(hub, str(MONTH), "sandbox") == {"listed": 6000, "drawn": 6000}


def test_a_list_that_is_refused_waits_for_a_person(played: Played) -> None:
    assert exchanged(played("00,99")) == {"1": "dead"}


def test_what_digits_stand_for_is_told_in_both_languages_and_nothing_else_is_taken() -> None:
    assert all(" / " in magic.meaning for magic in MAGIC.values())
    assert {account_of(ending)[-2:] for ending in MAGIC} == set(MAGIC)
    with pytest.raises(ValueError, match="zz"):
        endings_of("00,zz")
