"""Many rows in and out, the same on both databases."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Column, LargeBinary, String, func, insert, literal, select

from integration.storage.bulk import bulk_insert, digest_rows, digest_tuples, stream, temp_table
from integration.storage.engine import StorageError, Store, UniqueTaken
from integration.storage.tables import households, lookups, postings, submissions
from schemas.values import Service

COLUMNS = [column.name for column in postings.columns]


def rows(count: int) -> list[tuple]:
    return [(202611, Service.WATER, i, 1, i * 7, (-1) ** i * 3000, 2**40 + i, 0) for i in range(count)]


def in_order():
    return select(*postings.columns).order_by(*postings.primary_key)


def test_rows_come_back_as_they_went_in(store: Store) -> None:
    with store.write() as connection:
        assert bulk_insert(connection, postings, COLUMNS, iter(rows(12_345))) == 12_345
        assert list(stream(connection, in_order())) == rows(12_345)


def test_bytes_and_small_numbers_survive(store: Store) -> None:
    wanted = [(kind, bytes([kind, 0, 10, 92, 255]), kind, 1, 2**62) for kind in (1, 2)]
    with store.write() as connection:
        bulk_insert(connection, lookups, [c.name for c in lookups.columns], wanted)
        assert list(stream(connection, select(*lookups.columns).order_by(lookups.c.kind))) == wanted


def test_null_goes_in_where_it_may(store: Store) -> None:
    with (
        store.write() as connection,
        temp_table(connection, "t", [Column("a", String), Column("b", BigInteger)]) as t,
    ):
        bulk_insert(connection, t, ["a", "b"], [(None, 1), ("名", None)])
        assert set(stream(connection, select(t.c.a, t.c.b))) == {(None, 1), ("名", None)}


def test_columns_left_out_take_their_defaults(store: Store) -> None:
    with store.write() as connection:
        bulk_insert(connection, lookups, ["kind", "digest", "household_id", "known_from"], [(1, b"x", 1, 1)])
        assert connection.execute(select(lookups.c.known_to)).scalar_one() == 2**62


def test_a_taken_key_is_named_and_nothing_of_the_batch_stays(store: Store) -> None:
    with pytest.raises(UniqueTaken) as caught, store.write() as connection:
        bulk_insert(connection, postings, COLUMNS, rows(10) + rows(1))
    assert caught.value.constraint == "pk_postings"
    with store.read() as connection:
        assert list(stream(connection, in_order())) == []


def test_a_null_where_there_must_be_a_value_is_an_error_of_ours(store: Store) -> None:
    with pytest.raises(StorageError, match="NOT_NULL"), store.write() as connection:
        bulk_insert(connection, households, ["household_id", "created"], [(1, None)])


def test_an_error_while_making_the_rows_is_the_callers_own(store: Store) -> None:
    def broken() -> Iterator[tuple]:
        yield from rows(3)
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"), store.write() as connection:
        bulk_insert(connection, postings, COLUMNS, broken())
    with store.read() as connection:
        assert list(stream(connection, in_order())) == []


def test_no_rows_are_no_trouble(store: Store) -> None:
    with store.write() as connection:
        assert bulk_insert(connection, postings, COLUMNS, []) == 0
        assert digest_rows(connection, in_order()) == digest_tuples([]) == (0, hashlib.sha256().digest())


def test_the_digest_in_the_database_is_the_digest_of_the_rows(store: Store) -> None:
    with store.write() as connection:
        bulk_insert(connection, postings, COLUMNS, rows(5_001))
        found = digest_rows(connection, in_order())
        parts = (
            in_order().where(postings.c.household_id < 9),
            in_order().where(postings.c.household_id >= 9),
        )
        assert digest_rows(connection, *parts) == found
    lines = "".join("\t".join(map(str, row)) + "\n" for row in rows(5_001))
    assert found == digest_tuples(rows(5_001)) == (5_001, hashlib.sha256(lines.encode()).digest())


def test_a_digest_may_have_conditions(store: Store) -> None:
    with store.write() as connection:
        bulk_insert(connection, postings, COLUMNS, rows(100))
        query = in_order().where(postings.c.household_id.in_([7, 8]), postings.c.service == Service.WATER)
        assert digest_rows(connection, query) == digest_tuples(rows(9)[7:])


@pytest.mark.parametrize("value", ["a\tb", "a\nb", "a\\b", "a\rb", None])
def test_a_value_that_would_make_lines_ambiguous_is_refused(store: Store, value: str | None) -> None:
    with store.read() as connection, pytest.raises(ValueError, match="digested"):
        digest_rows(connection, select(literal(value, String), literal(1)))
    with pytest.raises(ValueError, match="digested"):
        digest_tuples([(value, 1)])


def test_the_word_none_is_a_text_like_others(store: Store) -> None:
    with store.read() as connection:
        assert digest_rows(connection, select(literal("None"))) == digest_tuples([("None",)])


@given(st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.text("a市 \u00b7'\"%,;", max_size=5)), max_size=20))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
def test_any_rows_digest_alike_everywhere(store: Store, values: list[tuple[int, str]]) -> None:
    numbered = [(n, *row) for n, row in enumerate(values)]
    columns = [Column("n", BigInteger), Column("i", BigInteger), Column("t", String)]
    with store.write(dry_run=True) as connection, temp_table(connection, "any", columns) as table:
        bulk_insert(connection, table, ["n", "i", "t"], numbered)
        assert digest_rows(connection, select(*table.columns).order_by(table.c.n)) == digest_tuples(numbered)


def test_one_different_number_gives_another_digest() -> None:
    assert digest_tuples([(1, 23)]) != digest_tuples([(12, 3)])
    assert digest_tuples([(1,), (2,)]) != digest_tuples([(2,), (1,)])


def test_a_temporary_table_is_gone_afterwards_and_can_be_made_again(store: Store) -> None:
    for _ in range(2):
        with store.write() as connection:
            for _ in range(2):
                with temp_table(connection, "heap", [Column("a", BigInteger, primary_key=True)]) as heap:
                    assert bulk_insert(connection, heap, ["a"], [(1,), (2,)]) == 2
                    assert connection.execute(select(func.sum(heap.c.a))).scalar_one() == 3
    with pytest.raises(StorageError), store.read() as connection:
        connection.execute(select(heap))


def test_a_temporary_table_does_not_survive_an_error(store: Store) -> None:
    def fail() -> None:
        columns = [Column("a", LargeBinary, nullable=False)]
        with store.write() as connection, temp_table(connection, "heap", columns) as heap:
            connection.execute(insert(heap).values(a=None))

    for _ in range(2):
        with pytest.raises(StorageError, match="NOT_NULL"):
            fail()


def test_a_stream_left_early_leaves_the_connection_usable(store: Store) -> None:
    with store.write() as connection:
        bulk_insert(connection, postings, COLUMNS, rows(20_000))
        rest = stream(connection, in_order())
        assert next(rest) == rows(1)[0]
        rest.close()
        assert connection.execute(select(func.count()).select_from(submissions)).scalar_one() == 0
