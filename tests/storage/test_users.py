"""Known persons: one role each, and no answer that tells the unknown from the wrong."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from integration.domain.rights import Role
from integration.storage import users as people
from integration.storage.engine import Store
from integration.storage.tables import users
from integration.storage.users import UserRefused


def add(store: Store, clock, name: str = "wang", password: str = "long enough") -> None:
    with store.write() as connection:
        people.add_user(connection, clock, name, Role.CLERK, password)


def check(store: Store, name: str, password: str) -> Role | None:
    with store.read() as connection:
        return people.check_password(connection, name, password)


def test_the_right_password_gives_the_role_and_anything_else_nothing(store: Store, clock) -> None:
    add(store, clock)
    assert check(store, "wang", "long enough") is Role.CLERK
    assert check(store, "wang", "long enougH") is None
    assert check(store, "li", "long enough") is None
    with store.write() as connection:
        connection.execute(update(users).values(disabled=1))
    assert check(store, "wang", "long enough") is None


def test_an_unknown_user_costs_the_same_work_as_a_known_one(sqlite_store: Store, clock, monkeypatch) -> None:
    add(sqlite_store, clock)
    verified = []
    real = people._matches
    monkeypatch.setattr(people, "_matches", lambda *given: verified.append(given[0][:31]) or real(*given))
    check(sqlite_store, "wang", "wrong one")
    check(sqlite_store, "li", "wrong one")
    assert len(verified) == 2
    assert verified[0] == verified[1] == "$argon2id$v=19$m=65536,t=3,p=4$"


@pytest.mark.parametrize(("name", "password"), [("wang", "another one"), (" ", "long enough"), ("li", "short")])
def test_a_user_that_cannot_be_is_refused_and_nothing_is_kept(store: Store, clock, name: str, password: str) -> None:
    add(store, clock)
    with pytest.raises(UserRefused):
        add(store, clock, name, password)
    with store.read() as connection:
        assert connection.execute(select(users.c.name)).scalars().all() == ["wang"]


def test_the_password_is_not_kept(store: Store, clock) -> None:
    add(store, clock)
    with store.read() as connection:
        assert "long enough" not in connection.execute(select(users.c.password_hash)).scalar_one()
