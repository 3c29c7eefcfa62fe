"""Damaged files change nothing (edge case 69), and every row of any file ends in exactly one way (promise C6)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from registry_files import bureau, member_line
from sqlalchemy import select
from world import account, chunked, city_water, household, json_line, registry_file, roster, snapshot, take

from integration.jobs.hub import Hub
from integration.jobs.outcomes import SyncResult
from integration.jobs.sync_roster import sync_roster
from integration.storage.submissions import MessageConflict
from integration.storage.tables import metadata

#: What a refused file may leave behind: itself, the reply, and that it was here.
TRACES = {"submissions", "submission_chunks", "submission_events", "audit", "audit_leaves", "checkpoints"}


def contents(hub: Hub) -> dict[str, list[str]]:
    with hub.store.read() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(select(table)).all()))
            for table in metadata.sorted_tables
            if table.name not in TRACES
        }


RIGHT = [household("A", 1), household("B", 2)]


def good(**changes: Any) -> bytes:
    return snapshot(RIGHT, **({"position": 20, "as_of": 20261101} | changes))


def csv(*lines: str, **changes: str) -> bytes:
    header = changes.pop("header", "#HDR,civil_affairs,全量,m-bureau,20,20261101,2026-12")
    return bureau(lines or (member_line(),), header=header, **changes)


DESTROYED = [member_line(身份证号="1.10105E+17", 证件号=f"DB{n}") for n in range(8)]

REGISTRY: dict[str, Callable[[], bytes]] = {
    "truncated in a row": lambda: good()[:-300],
    "truncated before the trailer": lambda: b"".join(good().splitlines(keepends=True)[:-1]),
    "trailer counts one more": lambda: good(rows=3),
    "districts add up wrong": lambda: good(districts={"330102": 1, "330103": 1}),
    "digest of something else": lambda: good(sha256="0" * 64),
    "a month far from its day": lambda: good(month="2027-03"),
    "another sender": lambda: good(source="somebody_else"),
    "a position that is taken": lambda: good(position=10),
    "a position behind and a day ahead": lambda: good(position=9, as_of=20261105),
    "a day that is none": lambda: good(as_of=20261399, month="2026-12"),
    "the last day of all": lambda: good(as_of=99991231, month="9999-12"),
    "not UTF-8": lambda: snapshot([json_line(RIGHT[0]).replace("和平".encode(), "和平".encode("gb18030"))]),
    "empty": lambda: b"",
    "a header alone": lambda: good().splitlines(keepends=True)[0],
    "something else": lambda: b"PK\x03\x04 not a registry",
    "a text with a NUL in the header": lambda: good(source="a\x00b"),
    "csv truncated": lambda: csv()[:-40],
    "csv of another sender": lambda: csv(header="#HDR,别的单位,全量,m-bureau,20,20261101,2026-12"),
    "csv persons": lambda: csv(人数="5"),
    "csv households": lambda: csv(户数="5"),
    "csv districts": lambda: csv(区划="330102=2"),
    "csv digest": lambda: csv(SHA256="f" * 64),
    "csv with destroyed numbers": lambda: csv(*DESTROYED),
    "csv that is not GB18030": lambda: csv().replace("和平".encode("gb18030"), b"\xff\xff\xff\xff"),
    "csv names only": lambda: b"".join(csv().splitlines(keepends=True)[:2]),
}


@pytest.mark.parametrize("damage", REGISTRY)
def test_a_damaged_registry_file_changes_nothing(hub: Hub, damage: str) -> None:
    take(hub, snapshot(RIGHT))
    before = contents(hub)
    result = take(hub, REGISTRY[damage]())
    assert (result.state, len(result.faults), result.version) == ("refused", 1, None)
    assert result.faults[0].code.isupper()
    assert " / " in result.faults[0].text
    assert contents(hub) == before


ROSTER: dict[str, Callable[[], bytes]] = {
    "truncated": lambda: city_water([account("W1", 1)])[:-6],
    "wrong count": lambda: city_water([account("W1", 1)], rows_said=2),
    "another company's": lambda: city_water([account("W1", 1)]).replace(b"CITYWATER", b"CITYGAS"),
    "empty": lambda: b"",
    "no account": lambda: city_water([]),
    "not GB18030": lambda: city_water([account("W1", 1)]).replace("和平".encode("gb18030"), b"\xff\xff\xff\xff"),
}


@pytest.mark.parametrize("damage", ROSTER)
def test_a_damaged_roster_changes_nothing(hub: Hub, damage: str) -> None:
    roster(hub, "city_water", [account("W1", 1), account("W2", 2)])
    before = contents(hub)
    result = sync_roster(hub, "city_water", chunked(ROSTER[damage]()), actor="tester")
    assert (result.state, len(result.faults)) == ("refused", 1)
    assert contents(hub) == before


def test_the_same_good_file_is_taken_after_all_the_damage(hub: Hub) -> None:
    """The control: what the damage above is done to is a good file."""
    take(hub, snapshot(RIGHT))
    assert take(hub, good()).counts["unchanged"] == 2
    assert take(hub, csv(header="#HDR,civil_affairs,增量,m-b,20,20261101,2026-12")).counts["held"] == 1


def test_what_was_cut_off_on_its_way_may_be_sent_again_in_full_as_the_same_message(hub: Hub) -> None:
    """The remedy that the refusal names is open; and once it was applied, the message stands for ever."""
    whole = snapshot(RIGHT, message_id="M")
    assert take(hub, whole[:-300]).state == "refused"
    assert take(hub, whole[:-200]).state == "refused"
    reply = take(hub, whole)
    assert (reply.state, take(hub, whole), take(hub, whole[:-300]).state) == ("applied", reply, "refused")
    with pytest.raises(MessageConflict):
        take(hub, snapshot([*RIGHT, household("C", 3)], message_id="M"))


# --- accounting ------------------------------------------------------------------------------------------------

LINES = [
    json_line(row).rstrip(b"\n") for row in (*RIGHT, household("C", 3, 1, grant=True), household("D", 4, grant=True))
]

edits = st.tuples(st.integers(0, 3), st.integers(0, 400), st.integers(0, 12), st.binary(max_size=4))


def edited(lines: list[bytes], changes: list[tuple[int, int, int, bytes]], repeated: list[int]) -> list[bytes]:
    changed = [*lines, *(lines[n] for n in repeated)]
    for line, at, length, insert in changes:
        changed[line] = changed[line][:at] + insert + changed[line][at + length :]
    return b"\n".join(changed).split(b"\n")


def accounted(result: SyncResult, rows: int) -> None:
    assert result.state in ("applied", "held", "refused", "duplicate")
    if result.state == "applied":
        assert sum(result.counts.values()) == rows


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(edits, max_size=3), st.lists(st.integers(0, 3), max_size=2))
def test_whatever_stands_in_the_rows_every_row_ends_once_and_nothing_crashes(
    sqlite_hub: Hub, changes, repeated
) -> None:
    lines = edited(LINES, changes, repeated)
    content = registry_file(
        "delta", [line + b"\n" for line in lines], districts={"330102": len(lines)}, rows=len(lines), position=50
    )
    accounted(take(sqlite_hub, content), len(lines))


headers = st.fixed_dictionaries(
    {},
    optional={
        "position": st.integers(-1, 2**54),
        "as_of": st.integers(18000101, 99991231) | st.sampled_from([18000101, 99991130, 20260229, 0]),
        "month": st.from_regex(r"[0-9]{4}-[01][0-9]", fullmatch=True),
        "message_id": st.text(max_size=5),
        "source": st.text(max_size=5),
        "kind": st.sampled_from(["delta", "snapshot", "both"]),
    },
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(headers)
def test_whatever_stands_in_the_header_nothing_crashes(hub: Hub, header: dict[str, Any]) -> None:
    try:
        content = registry_file("delta", RIGHT)
        lines = content.splitlines(keepends=True)
        first = json_line(json.loads(lines[0]) | header)
        accounted(take(hub, registry_file_after(first, lines[1:-1])), len(RIGHT))
    except MessageConflict:
        pass  # it says that a message id came twice with two contents


def registry_file_after(first: bytes, lines: list[bytes]) -> bytes:
    import hashlib

    body = first + b"".join(lines)
    trailer = {"type": "trailer", "rows": len(lines), "districts": {"330102": len(lines)}}
    return body + json_line(trailer | {"sha256": hashlib.sha256(body).hexdigest()})


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(edits, max_size=2))
def test_whatever_stands_in_a_roster_every_row_ends_once(sqlite_hub: Hub, changes) -> None:
    lines = city_water([account(f"W{n}", n) for n in range(4)]).splitlines()
    rows = edited(lines[1:-1], changes, [])
    content = b"\n".join([lines[0], *rows, b"TRL|%d" % len(rows)]) + b"\n"
    accounted(sync_roster(sqlite_hub, "city_water", chunked(content), actor="tester"), len(rows))
