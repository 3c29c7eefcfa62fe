"""The inbox keeps what arrives, once, sealed, and gives it back byte for byte."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, insert, select, update

from integration.clock import now_us
from integration.storage import submissions
from integration.storage.engine import Store
from integration.storage.pii import Unreadable
from integration.storage.submissions import ContentGone, MessageConflict, State
from integration.storage.tables import submission_chunks, submission_outcomes
from integration.storage.tables import submissions as submissions_table


@pytest.fixture
def receive(store: Store, ring, clock):
    def receive(*chunks: bytes, message_id: str | None = "m1", sender: str = "bureau", kind: str = "registry"):
        return submissions.receive(store, ring, clock, sender=sender, kind=kind, message_id=message_id, chunks=chunks)

    return receive


def content(store: Store, ring, number: int) -> bytes:
    with store.read() as connection, submissions.opened_content(connection, ring, number) as content:
        return b"".join(content)


def decide(store: Store, clock, number: int, state: str = "applied", reply: str = "{}") -> None:
    with store.write() as connection:
        submissions.set_state(connection, clock, number, state, 7, reply)


def count(store: Store, table=submissions_table) -> int:
    with store.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


@pytest.mark.parametrize("size", [0, 1, 3 << 20])
def test_what_arrived_is_given_back_byte_for_byte(store: Store, ring, receive, size: int) -> None:
    sent = os.urandom(size)
    got = receive(*(sent[i : i + 65536] for i in range(0, size, 65536)))
    assert (got.submission_id, got.repeated, got.state.state) == (1, False, "received")
    assert content(store, ring, 1) == sent
    assert count(store, submission_chunks) == size // (1 << 20) + 1


def test_nothing_of_it_stands_in_the_clear(store: Store, receive) -> None:
    receive(b"110101199003070012" * 100)
    with store.read() as connection:
        sealed = b"".join(connection.execute(select(submission_chunks.c.sealed)).scalars())
    assert b"110101" not in sealed
    assert sealed[:1] != b"\x78"


def test_the_same_message_again_gets_the_reply_it_got(store: Store, receive, clock) -> None:
    receive(b"a", b"b")
    decide(store, clock, 1, reply='{"applied": 1}')
    again = receive(b"ab")
    assert again == (1, True, State("applied", 7, '{"applied": 1}'))
    assert (count(store), count(store, submission_chunks)) == (1, 1)


def test_the_same_message_id_with_other_content_is_refused(store: Store, ring, receive) -> None:
    receive(b"first")
    with pytest.raises(MessageConflict) as caught:
        receive(b"second")
    assert caught.value.original == 1
    assert (count(store), content(store, ring, 1)) == (1, b"first")


def test_one_message_id_may_be_used_by_each_sender_and_kind(store: Store, receive) -> None:
    numbers = [receive(b"x", sender=s, kind=k).submission_id for s in "ab" for k in "cd"]
    assert numbers == [1, 2, 3, 4]


def test_the_same_content_under_another_id_is_recognised_once_applied(store: Store, receive, clock) -> None:
    def before(number: int) -> int | None:
        with store.read() as connection:
            return submissions.duplicate_of(connection, number, replaces=False)

    receive(b"x")
    second = receive(b"x", message_id="m2").submission_id
    assert before(second) is None
    decide(store, clock, 1)
    assert before(second) == 1
    assert before(receive(b"x", message_id="m2", sender="other").submission_id) is None


def test_what_waits_is_told_in_order_of_arrival(store: Store, receive, clock) -> None:
    for number in range(3):
        receive(b"x%d" % number, message_id=None)
    decide(store, clock, 2)
    with store.read() as connection:
        assert [one.submission_id for one in submissions.waiting(connection)] == [1, 3]


def test_without_a_message_id_the_content_stands_for_it(receive) -> None:
    assert not receive(b"x", message_id=None).repeated
    assert receive(b"x", message_id=None).repeated
    assert receive(b"y", message_id=None).submission_id == 2


def test_a_sender_that_breaks_off_leaves_nothing(store: Store, ring, clock) -> None:
    def broken():
        yield b"x"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        submissions.receive(store, ring, clock, sender="s", kind="k", message_id="m", chunks=broken())
    assert (count(store), count(store, submission_chunks)) == (0, 0)


def test_content_that_was_cut_or_moved_does_not_open(store: Store, ring, receive) -> None:
    receive(os.urandom(2 << 20))
    receive(b"small", message_id="m2")
    c = submission_chunks.c
    with store.write() as connection:
        connection.execute(delete(submission_chunks).where(c.submission_id == 1, c.n == 2))
        sealed = connection.execute(select(c.sealed).where(c.submission_id == 1, c.n == 0)).scalar_one()
        connection.execute(update(submission_chunks).where(c.submission_id == 2).values(sealed=sealed))
    for number in (1, 2):
        with pytest.raises(Unreadable):
            content(store, ring, number)


def test_the_newest_state_counts_and_the_earlier_stay(store: Store, receive, clock) -> None:
    receive(b"x")
    decide(store, clock, 1, "held")
    decide(store, clock, 1, "applied", "ok")
    with store.read() as connection:
        assert submissions.state(connection, 1) == ("applied", 7, "ok")
        with pytest.raises(LookupError):
            submissions.state(connection, 2)


def test_old_content_goes_with_its_outcomes_and_the_reply_stays(store: Store, ring, receive, clock) -> None:
    for number, state in enumerate(["applied", "held", "refused"], 1):
        receive(b"x" * number, message_id=state)
        decide(store, clock, number, state)
        row = {
            "first_row": 1,
            "n": 1,
            "last_row": 2,
            "outcome": "rejected",
            "column": "",
            "code": "X",
            "text": "x",
        }
        with store.write() as connection:
            connection.execute(insert(submission_outcomes), row | {"submission_id": number})
    clock.advance(days=91)
    receive(b"young", message_id="young")
    decide(store, clock, 4)
    with store.write() as connection:
        assert submissions.purge(connection, now_us(clock)) == 2
        assert submissions.purge(connection, now_us(clock)) == 0
    assert content(store, ring, 2) == b"xx"
    assert content(store, ring, 4) == b"young"
    assert count(store, submission_outcomes) == 1
    with pytest.raises(ContentGone):
        content(store, ring, 1)
    assert receive(b"x", message_id="applied").state.state == "applied"


@given(st.lists(st.binary(max_size=50), max_size=5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=10, deadline=None)
def test_however_it_is_cut_it_is_the_same_content(store: Store, ring, receive, chunks: list[bytes]) -> None:
    whole = receive(b"".join(chunks), message_id=None)
    assert receive(*chunks, message_id=None).submission_id == whole.submission_id
    assert content(store, ring, whole.submission_id) == b"".join(chunks)
