"""Audit samples from the draw to what they say of the whole month: nobody chooses the rows, and two persons judge."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from played import copied, on_each, play
from reporting import answer, bill, places, report, send
from sqlalchemy import update
from tampering import tampering
from test_explain import wider
from world import account, certificates, delta, household, publish, roster, run, snapshot, take

from integration.domain.sampling import CheckResult
from integration.jobs.erase_household import erase_household
from integration.jobs.hub import Hub
from integration.jobs.sample_bills import (
    RowChecked,
    SampleRefused,
    draw_sample,
    find_sample,
    note_place,
    record_check,
    request_copies,
    sample_faults,
)
from integration.jobs.sample_result import close_sample, sample_result
from integration.storage import audit, samples
from integration.storage.audit_verify import verify
from integration.storage.keys import KeyRing
from integration.storage.pii import data_key
from integration.storage.samples import Drawn
from integration.storage.tables import sample_rows
from schemas.values import Month

NOVEMBER = Month(2026, 11)
AGREES = RowChecked(CheckResult.AGREES)


def city(hub: Hub) -> None:
    """Thirty households with bills and four that used nothing, of November, reported."""
    people = range(1, 35)
    take(hub, snapshot([household(f"A{n}", n) for n in people]))
    roster(hub, "city_water", [account(f"W{n}", n) for n in people])
    run(hub, "2026-11")
    publish(hub, "2026-11")
    hub.clock.set("2026-12-02T10:00:00+08:00")
    send(hub, report("2026-11", rows(hub, 5000)))


START = "2026-10-20T20:00:00+08:00"


@pytest.fixture(scope="module")
def played(sqlite_template: Path, ring: KeyRing, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return play(sqlite_template, tmp_path_factory.mktemp("played"), ring, START, city)


@pytest.fixture
def past(played: Path, ring: KeyRing, tmp_path: Path) -> Iterator[Hub]:
    """The city with its report of November."""
    with copied(played, tmp_path, ring, "2026-12-02T10:00:00+08:00") as hub:
        yield hub


@pytest.fixture(params=["sqlite", "postgresql"])
def hub(request: pytest.FixtureRequest) -> Iterator[Hub]:
    """The same on each database."""
    with on_each(request, START, city) as made:
        yield made


def rows(hub: Hub, use: int) -> list[dict[str, Any]]:
    """The bills and answers of November."""
    ordered = [place for _, place in sorted(places(hub, "city_water").items())]
    bills = [bill(f"B{n}", place, "2026-11", use) for n, place in enumerate(ordered[:30], 1)]
    return [*bills, *(answer(place, "2026-11", "ZERO_USAGE") for place in ordered[30:])]


def drawn(hub: Hub, number: int) -> list[Drawn]:
    with hub.store.read() as connection:
        return samples.drawn_of(connection, number)


def requested(hub: Hub) -> int:
    """The sample of November, with its copies asked for."""
    number = draw_sample(hub, "city_water", NOVEMBER, actor="auditor")
    request_copies(hub, number, actor="auditor")
    return number


def record_all(hub: Hub, number: int, result: Callable[[Drawn], RowChecked], actor: str = "clerk") -> None:
    for one in drawn(hub, number):
        record_check(hub, number, one.place, result(one), actor=actor)


def test_a_replaced_report_has_another_sample_and_both_prove_themselves(past: Hub) -> None:
    """Another seed, and so other rows: who sends a report again does not know them either."""
    hub = past
    number = draw_sample(hub, "city_water", NOVEMBER, actor="auditor")
    first = [(one.report_id, one.row) for one in drawn(hub, number)]
    send(hub, report("2026-11", rows(hub, 4000), kind="replace", edition=2))
    second = draw_sample(hub, "city_water", NOVEMBER, actor="auditor")
    assert second == number + 1
    assert [one.row for one in drawn(hub, second)] != [row for _, row in first]
    assert (sample_faults(hub, second), sample_faults(hub, number)) == ([], [])


def test_the_seed_comes_from_the_first_checkpoint_after_the_report(past: Hub) -> None:
    """Whoever draws late, after many more checkpoints, draws the same: there is nothing to wait for."""
    hub = past
    audit.sequence(hub.store, hub.ring, hub.clock)
    with hub.store.write() as connection:
        audit.record(connection, hub.clock, "somebody", "something", "1", {})
    audit.sequence(hub.store, hub.ring, hub.clock)
    with hub.store.read() as connection:
        newest = audit.newest_checkpoint(connection)
    found = find_sample(hub, draw_sample(hub, "city_water", NOVEMBER, actor="auditor"))
    assert newest is not None
    assert found.tree.size < newest.tree_size
    assert sample_faults(hub, found.sample_id) == []


def test_rows_put_into_a_sample_are_found_twice(past: Hub) -> None:
    """By drawing again, and by the audit, which holds their digest."""
    hub = past
    number = draw_sample(hub, "city_water", NOVEMBER, actor="auditor")
    inside = {one.row for one in drawn(hub, number)}
    outside = next(row for row in range(2, 32) if row not in inside)
    with tampering(hub.store) as connection:
        where = (sample_rows.c.sample_id == number, sample_rows.c.place == 1)
        connection.execute(update(sample_rows).where(*where).values(row=outside))
    assert sample_faults(hub, number) == ["ROWS_WRONG"]
    audit.sequence(hub.store, hub.ring, hub.clock)
    with hub.store.read() as connection:
        assert [one.code for one in verify(connection, hub.ring.checkpoints.public_pem)] == ["EFFECT_CHANGED"]


def test_a_month_that_is_not_reported_has_no_sample(past: Hub) -> None:
    """Nor has one of which a supplement alone came."""
    with pytest.raises(SampleRefused, match="2026-12"):
        draw_sample(past, "city_water", Month(2026, 12), actor="auditor")
    with pytest.raises(SampleRefused, match="sample list"):
        sample_result(past, 77)


def test_a_sample_is_drawn_asked_for_checked_and_closed(hub: Hub) -> None:
    """Twenty of thirty with relief, all four without. Two bills waived 1 m³ too much: projected to 30 / 20 of that."""
    number = draw_sample(hub, "city_water", NOVEMBER, actor="auditor")
    made = sample_result(hub, number)
    assert [(one.stratum, one.rows, one.drawn, one.waiting) for one in made.strata] == [
        ("relief", 30, 20, 20), ("nothing", 4, 4, 4)
    ]  # fmt: skip
    assert made.state == "drawn"
    first = [(one.report_id, one.row) for one in drawn(hub, number)]
    assert first == sorted(first)
    hub.clock.advance(days=3)
    assert draw_sample(hub, "city_water", NOVEMBER, actor="another") == number
    assert sample_faults(hub, number) == []
    request_copies(hub, number, actor="auditor")
    wrong = [one.place for one in drawn(hub, number) if one.stratum == "relief"][:2]
    less = RowChecked(CheckResult.DIFFERS, 2000, 440)
    record_all(hub, number, lambda one: less if one.place in wrong else AGREES)
    relief, nothing = sample_result(hub, number).strata
    assert relief.projection is not None
    assert (relief.projection.errors, relief.projection.over_fen, relief.projection.net_fen) == (2, 440, 660)
    assert relief.projection.least_errors == 2
    assert relief.projection.most_over_fen == 440 + (relief.projection.most_errors - 2) * 660
    assert nothing.projection is not None
    assert (nothing.projection.errors, nothing.projection.most_errors) == (0, 0)
    with pytest.raises(SampleRefused, match="ask another"):
        close_sample(hub, number, actor="clerk")
    assert close_sample(hub, number, actor="auditor").state == "closed"
    with pytest.raises(SampleRefused, match="closed"):
        record_check(hub, number, 1, AGREES, actor="clerk")
    with pytest.raises(SampleRefused, match="closed"):
        close_sample(hub, number, actor="auditor")
    audit.sequence(hub.store, hub.ring, hub.clock)
    with hub.store.read() as connection:
        assert verify(connection, hub.ring.checkpoints.public_pem) == []


def test_a_copy_that_does_not_come_in_time_counts_as_an_error(past: Hub) -> None:
    """Until the day it is due the sample says nothing; the day after, whatever is missing is wrong as a whole."""
    hub = past
    number = requested(hub)
    record_all(hub, number, lambda one: RowChecked(CheckResult.NO_COPY) if one.place == 1 else AGREES)
    late = draw_sample(hub, "city_water", NOVEMBER, actor="auditor")
    assert late == number
    rest = sample_result(hub, number)
    assert (rest.state, rest.due_on) == ("checked", 20261217)
    assert rest.strata[0].projection is not None
    assert (rest.strata[0].projection.errors, rest.strata[0].projection.over_fen) == (1, 660)


def test_before_the_copies_are_due_a_sample_with_gaps_says_nothing(past: Hub) -> None:
    """Nor can it be closed; afterwards the gaps are errors of all that they report."""
    hub = past
    number = requested(hub)
    record_check(hub, number, 1, AGREES, actor="clerk")
    hub.clock.set("2026-12-17T23:59:00+08:00")
    waiting = sample_result(hub, number)
    assert (waiting.state, [one.waiting for one in waiting.strata]) == ("requested", [19, 4])
    assert all(one.projection is None for one in waiting.strata)
    with pytest.raises(SampleRefused, match="requested"):
        close_sample(hub, number, actor="auditor")
    hub.clock.set("2026-12-18T00:00:00+08:00")
    over = sample_result(hub, number)
    assert over.strata[0].projection is not None
    assert (over.state, over.strata[0].projection.errors, over.strata[0].projection.over_fen) == ("checked", 19, 12540)


def test_what_may_be_recorded_and_when(past: Hub) -> None:
    """Not before the company was asked, not as different with the figures reported, and the later word counts."""
    hub = past
    number = draw_sample(hub, "city_water", NOVEMBER, actor="auditor")
    with pytest.raises(SampleRefused, match="sample request"):
        record_check(hub, number, 1, AGREES, actor="clerk")
    asked, _ = request_copies(hub, number, actor="auditor")
    hub.clock.advance(days=5)
    assert request_copies(hub, number, actor="auditor")[0] == asked
    for checked, words in (
        (RowChecked(CheckResult.DIFFERS, 3000, 660), "as agrees"),
        (RowChecked(CheckResult.AGREES, 3000, 660), "differs alone"),
    ):
        with pytest.raises(SampleRefused, match=words):
            record_check(hub, number, 1, checked, actor="clerk")
    with pytest.raises(SampleRefused, match="no row 25"):
        record_check(hub, number, 25, AGREES, actor="clerk")
    record_check(hub, number, 1, RowChecked(CheckResult.NO_COPY), actor="clerk")
    record_check(hub, number, 1, AGREES, actor="clerk")
    with hub.store.read() as connection:
        assert [one.result for one in samples.results_of(connection, number)[1]] == ["no_copy", "agrees"]


def test_a_note_is_sealed_and_goes_with_its_household(past: Hub) -> None:
    """It may name a person: whoever reads the tables reads nothing, and after an erasure nobody does."""
    hub = past
    number = requested(hub)
    with pytest.raises(SampleRefused, match="ID numbers"):
        record_check(hub, number, 1, AGREES, note="户主 11010519491231002X", actor="clerk")
    owner, place = next((one.household_id, one.place) for one in drawn(hub, number))
    certificate = certificates(hub)[owner]
    record_check(hub, number, place, AGREES, note="户主王芳确认", actor="clerk")
    with hub.store.read() as connection:
        sealed = samples.notes_of(connection, number)[place, 1]
    assert data_key(hub.ring.submissions).open(note_place(number, place, 1), sealed).decode() == "户主王芳确认"
    assert "王芳".encode() not in sealed
    gone = household(certificate, int(certificate[1:]), status="ended", effective_on=20261215, version=50)
    take(hub, delta([gone], position=60, as_of=20261210))
    run(hub, "2026-12")
    run(hub, "2027-01")
    short = hub.under(wider(hub.policy, look_back_months=0))
    erase_household(short, owner, reason="保存期满", actor="officer")
    with hub.store.read() as connection:
        assert samples.notes_of(connection, number) == {}
