"""Known persons: one role each, passwords as argon2id hashes alone, and no code of a second factor good twice."""

from __future__ import annotations

from functools import cache

import pytest
from sqlalchemy import select

from integration.domain.rights import Role
from integration.storage import users as people
from integration.storage.engine import Store
from integration.storage.tables import users
from integration.storage.users import Known, NewUser, UserRefused


@cache
def clerk(name: str, password: str) -> NewUser:
    """Hashed once for all tests: that takes long."""
    return people.new_user(name, Role.CLERK, password)


def add(store: Store, clock, name: str = "wang", password: str = "long enough") -> None:
    new = clerk(name, password)
    with store.write() as connection:
        people.insert_user(connection, clock, new)


def find(store: Store, name: str) -> Known | None:
    with store.read() as connection:
        return people.find_user(connection, name)


def test_the_right_password_is_right_and_nothing_else_is(store: Store, clock) -> None:
    add(store, clock)
    known = find(store, "wang")
    assert known is not None
    assert known.role is Role.CLERK
    assert people.password_is(known, "long enough")
    assert not people.password_is(known, "long enougH")
    assert not people.password_is(find(store, "li"), "long enough")
    with store.write() as connection:
        people.disable(connection, "wang")
    assert not people.password_is(find(store, "wang"), "long enough")


def test_a_password_is_hashed_as_rfc_9106_recommends_and_kept_nowhere_else(sqlite_store: Store, clock) -> None:
    add(sqlite_store, clock)
    with sqlite_store.read() as connection:
        kept = connection.execute(select(users)).one()
    assert kept.password_hash.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert "long enough" not in str(kept)
    assert "argon2" not in repr(find(sqlite_store, "wang"))


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("wang", "another one"),
        (" ", "long enough"),
        ("li", "short"),
        ("os:li", "long enough"),
        ("x" * 65, "long enough"),
    ],
)
def test_a_user_that_cannot_be_is_refused_and_nothing_is_kept(store: Store, clock, name: str, password: str) -> None:
    add(store, clock)
    with pytest.raises(UserRefused):
        add(store, clock, name, password)
    with store.read() as connection:
        assert [one.name for one in people.all_users(connection)] == ["wang"]


@pytest.mark.parametrize("name", ["", "wang\x00", "\ud800", "o'wang", "x" * 1000])
def test_what_cannot_be_a_name_is_nobodys(store: Store, clock, name: str) -> None:
    add(store, clock)
    assert find(store, name) is None


def test_a_time_step_is_used_once_and_none_before_it_any_more(store: Store, clock) -> None:
    add(store, clock)
    with store.write() as connection:
        steps = [7, 7, 6, 8]
        assert [people.use_step(connection, "wang", step) for step in steps] == [True, False, False, True]


def test_a_new_second_factor_does_not_make_old_steps_good_again(store: Store, clock) -> None:
    add(store, clock)
    with store.write() as connection:
        people.use_step(connection, "wang", 7)
        people.set_second_factor(connection, "wang", b"another")
        assert not people.use_step(connection, "wang", 7)


def test_role_company_and_districts_are_kept(store: Store, clock) -> None:
    add(store, clock)
    with store.write() as connection:
        people.set_role(connection, "wang", Role.COMPANY_OPERATOR, "city_water")
        people.set_districts(connection, "wang", {"110102", "110101"})
    known = find(store, "wang")
    assert known is not None
    assert (known.role, known.company) == (Role.COMPANY_OPERATOR, "city_water")
    assert known.districts == {"110101", "110102"}
