"""Managing persons: by somebody else who may, audited, with the end of all sessions; and no edits break the rules."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from argon2 import PasswordHasher
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from integration.domain.access import EditFault, Standing, edit_fault
from integration.domain.rights import ADMINISTRATORS, ROLE_RIGHTS, Right, Role
from integration.jobs import manage_access
from integration.jobs.hub import Hub
from integration.jobs.manage_access import AccessRefused, list_users
from integration.jobs.sign_in import SignInRefused, person_of, sign_in
from integration.storage import sessions, users
from integration.storage.tables import audit
from integration.storage.tables import sessions as sessions_table
from integration.storage.tables import users as users_table
from integration.storage.users import UserRefused

PASSWORD = "right horse battery"
#: A hash that costs next to nothing to verify, for tests that are about something else.
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


def put(hub: Hub, name: str, role: Role) -> None:
    with hub.store.write() as connection:
        users.insert_user(connection, hub.clock, users.NewUser(name, role, CHEAP))


def people(hub: Hub) -> None:
    for name, role in (("sec", Role.SECURITY_ADMIN), ("wang", Role.CLERK), ("li", Role.SUPERVISOR)):
        put(hub, name, role)


def token_of(hub: Hub, name: str) -> str:
    with hub.store.write() as connection:
        return sessions.open_session(connection, hub.clock, name)


def role_of(hub: Hub, name: str) -> str:
    return next(one.role for one in list_users(hub) if one.name == name)


CHANGES: dict[str, Callable[[Hub, str, str], Any]] = {
    "user_role_set": lambda hub, name, actor: manage_access.set_role(hub, name, Role.AUDITOR, actor=actor),
    "user_districts_set": lambda hub, name, actor: manage_access.set_districts(hub, name, ["110101"], actor=actor),
    "user_disabled": lambda hub, name, actor: manage_access.disable_user(hub, name, actor=actor),
    "second_factor_reset": lambda hub, name, actor: manage_access.reset_second_factor(hub, name, actor=actor),
    "second_factor_set": lambda hub, name, actor: manage_access.set_second_factor(hub, name, actor=actor),
    "password_changed": lambda hub, name, actor: manage_access.change_password(hub, name, "another one", actor=actor),
}
OWN = ("second_factor_set", "password_changed")


@pytest.mark.parametrize("action", CHANGES)
def test_every_change_ends_the_persons_sessions_and_is_audited(hub: Hub, action: str) -> None:
    people(hub)
    theirs, others = [token_of(hub, "wang") for _ in range(2)], token_of(hub, "li")
    CHANGES[action](hub, "wang", "sec")
    assert [person_of(hub, token) for token in theirs] == [None, None]
    assert person_of(hub, others)
    with hub.store.read() as connection:
        row = connection.execute(select(audit)).one()
    assert (row.actor, row.action, row.subject) == ("sec", action, "wang")


@pytest.mark.parametrize("action", CHANGES)
def test_whoever_may_not_changes_nothing_and_ends_no_session(sqlite_hub: Hub, action: str) -> None:
    people(sqlite_hub)
    put(sqlite_hub, "sys", Role.SYSTEM_ADMIN)
    put(sqlite_hub, "former", Role.SECURITY_ADMIN)
    manage_access.disable_user(sqlite_hub, "former", actor="sec")
    token, before = token_of(sqlite_hub, "wang"), list_users(sqlite_hub)
    for actor in ("li", "sys", "former", "nobody", "os:root", ""):
        with pytest.raises(AccessRefused, match="security_admin"):
            CHANGES[action](sqlite_hub, "wang", actor)
    with pytest.raises(AccessRefused, match="no user"):
        CHANGES[action](sqlite_hub, "nobody", "sec")
    assert person_of(sqlite_hub, token)
    assert list_users(sqlite_hub) == before


@pytest.mark.parametrize("action", CHANGES)
def test_nobody_changes_himself_but_for_his_password_and_second_factor(sqlite_hub: Hub, action: str) -> None:
    people(sqlite_hub)
    for name in ("sec", "wang"):
        if action in OWN:
            CHANGES[action](sqlite_hub, name, name)
        else:
            with pytest.raises(AccessRefused):
                CHANGES[action](sqlite_hub, name, name)
    assert [role_of(sqlite_hub, name) for name in ("sec", "wang")] == ["security_admin", "clerk"]


def test_a_disabled_person_changes_not_even_his_own_password(sqlite_hub: Hub) -> None:
    people(sqlite_hub)
    manage_access.disable_user(sqlite_hub, "wang", actor="sec")
    for action in OWN:
        with pytest.raises(AccessRefused):
            CHANGES[action](sqlite_hub, "wang", "wang")


def test_a_changed_password_is_the_only_one(sqlite_hub: Hub) -> None:
    hub = sqlite_hub
    people(hub)
    manage_access.change_password(hub, "wang", "another one", actor="wang")
    given = {"name": "wang", "code": None, "address": "here", "device": None}
    with pytest.raises(SignInRefused):
        sign_in(hub, password=PASSWORD, **given)
    assert sign_in(hub, password="another one", **given).name == "wang"
    with pytest.raises(UserRefused, match="at least 8"):
        manage_access.change_password(hub, "wang", "short", actor="wang")


def test_a_second_factor_is_shown_once_as_a_uri_that_telephones_read(hub: Hub, clock) -> None:
    people(hub)
    uri = urlsplit(manage_access.set_second_factor(hub, "wang", actor="wang"))
    secret = parse_qs(uri.query)["secret"][0]
    assert (uri.scheme, uri.netloc, uri.path, parse_qs(uri.query)["issuer"]) == (
        "otpauth", "totp", "/waiverhub:wang", ["waiverhub"]
    )  # fmt: skip
    given = {"name": "wang", "password": PASSWORD, "address": "here", "device": None}
    assert sign_in(hub, code=pyotp.TOTP(secret).at(clock()), **given).name == "wang"
    with hub.store.read() as connection:
        assert secret.encode() not in connection.execute(select(users_table.c.totp_sealed)).scalars().all()
        assert secret not in str(connection.execute(select(audit)).all())
    manage_access.reset_second_factor(hub, "wang", actor="sec")
    assert sign_in(hub, code=None, **given).name == "wang"


# --- adding --------------------------------------------------------------------------------------------------------


def add(hub: Hub, name: str, role: Role, actor: str, **more: Any) -> None:
    manage_access.add_user(hub, name=name, role=role, password="long enough", actor=actor, **more)


def test_the_first_is_a_security_administrator_who_adds_the_others(sqlite_hub: Hub) -> None:
    hub = sqlite_hub
    with pytest.raises(AccessRefused, match="first user"):
        add(hub, "wang", Role.CLERK, "os:root")
    add(hub, "sec", Role.SECURITY_ADMIN, "os:root")
    for actor in ("os:root", "nobody"):
        with pytest.raises(AccessRefused, match="security_admin"):
            add(hub, "evil", Role.SECURITY_ADMIN, actor)
    add(hub, "sec2", Role.SECURITY_ADMIN, "sec", districts=["110101"])
    assert [(one.name, one.districts) for one in list_users(hub)] == [("sec", []), ("sec2", ["110101"])]
    with hub.store.read() as connection:
        rows = connection.execute(select(audit).order_by(audit.c.audit_id)).all()
    assert [(row.actor, row.subject) for row in rows] == [("os:root", "sec"), ("sec", "sec2")]
    assert json.loads(rows[1].detail) == {"role": "security_admin", "districts": ["110101"]}


@pytest.mark.parametrize(
    ("role", "company", "districts"),
    [
        (Role.COMPANY_OPERATOR, None, ()),
        (Role.COMPANY_OPERATOR, "no_company", ()),
        (Role.CLERK, "city_water", ()),
        (Role.CLERK, None, ["11010"]),
        (Role.CLERK, None, ["１１０１０１"]),
    ],
)
def test_a_person_who_cannot_be_is_not_added(sqlite_hub: Hub, role: Role, company: str | None, districts: Any) -> None:
    people(sqlite_hub)
    with pytest.raises(AccessRefused, match=" / "):
        add(sqlite_hub, "new", role, "sec", company=company, districts=districts)
    assert "new" not in [one.name for one in list_users(sqlite_hub)]


def test_an_operator_belongs_to_a_company_as_long_as_he_is_one(sqlite_hub: Hub) -> None:
    people(sqlite_hub)
    manage_access.set_role(sqlite_hub, "wang", Role.COMPANY_OPERATOR, company="city_water", actor="sec")
    person = person_of(sqlite_hub, token_of(sqlite_hub, "wang"))
    assert person is not None
    assert (person.role, person.company) == (Role.COMPANY_OPERATOR, "city_water")
    manage_access.set_role(sqlite_hub, "wang", Role.CLERK, actor="sec")
    assert [one.company for one in list_users(sqlite_hub)] == [None, None, None]


# --- whatever is edited --------------------------------------------------------------------------------------------


def test_two_who_disable_each_other_at_once_leave_one(hub: Hub) -> None:
    put(hub, "a", Role.SECURITY_ADMIN)
    put(hub, "b", Role.SECURITY_ADMIN)
    with ThreadPoolExecutor(1) as pool:
        with manage_access._changing(hub, "b", "a") as (connection, _known):
            users.disable(connection, "b")
            second = pool.submit(manage_access.disable_user, hub, "a", actor="b")
            wait([second], timeout=0.3)  # it is on its way, and must not be judged before the first has ended
        with pytest.raises(AccessRefused):
            second.result()
    assert [one.disabled for one in list_users(hub)] == [False, True]


def test_the_three_administrators_share_nothing_and_only_one_manages_access() -> None:
    everyday = {Right.SESSION_OWN}
    for one in ADMINISTRATORS:
        for other in set(Role) - {one, Role.AUDITOR}:  # an auditor sees the audit as its administrator does
            assert ROLE_RIGHTS[one] & ROLE_RIGHTS[other] <= everyday, (one, other)
    assert [role for role in Role if Right.ACCESS_MANAGE in ROLE_RIGHTS[role]] == [Role.SECURITY_ADMIN]


NAMES = st.sampled_from(["a", "b", "c", "d"])
EDITS = st.tuples(NAMES, NAMES, st.sampled_from([None, *Role]))


def follow(hub: Hub, edits: list[tuple[str, str, Role | None]]) -> None:
    """Make edits (actor, subject, new role or None to disable) and compare each with what may come of it."""
    now: dict[str, tuple[Role, bool]] = {}
    for name, role in (("a", Role.SECURITY_ADMIN), ("b", Role.SECURITY_ADMIN), ("c", Role.CLERK), ("d", Role.AUDITOR)):
        put(hub, name, role)
        now[name] = (role, False)
    for actor, subject, becomes in edits:
        allowed = now[actor] == (Role.SECURITY_ADMIN, False) and actor != subject
        token = token_of(hub, subject)
        assert edit(hub, actor, subject, becomes) is allowed
        if allowed:
            now[subject] = (now[subject][0], True) if becomes is None else (becomes, now[subject][1])
        assert {one.name: (one.role, one.disabled) for one in list_users(hub)} == now
        assert (person_of(hub, token) is None) is (allowed or now[subject][1])
        assert (Role.SECURITY_ADMIN, False) in now.values()


def edit(hub: Hub, actor: str, subject: str, becomes: Role | None) -> bool:
    try:
        if becomes is None:
            manage_access.disable_user(hub, subject, actor=actor)
        else:
            company = "city_water" if becomes is Role.COMPANY_OPERATOR else None
            manage_access.set_role(hub, subject, becomes, company=company, actor=actor)
    except AccessRefused:
        return False
    return True


@contextmanager
def emptied(hub: Hub) -> Iterator[Hub]:
    try:
        yield hub
    finally:
        with hub.store.write() as connection:
            connection.execute(delete(sessions_table))
            connection.execute(delete(users_table))


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=st.lists(EDITS, min_size=5, max_size=12))
def test_no_edits_let_anybody_change_himself_or_shut_out_the_last(sqlite_hub: Hub, edits: Any) -> None:
    with emptied(sqlite_hub):
        follow(sqlite_hub, edits)


@pytest.mark.soak
@settings(max_examples=1_000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=st.lists(EDITS, min_size=50, max_size=50))
def test_fifty_thousand_edits_break_nothing(sqlite_hub: Hub, edits: Any) -> None:
    with emptied(sqlite_hub):
        follow(sqlite_hub, edits)


@given(role=st.sampled_from(Role), enabled=st.booleans(), subject=NAMES)
def test_only_an_enabled_security_administrator_changes_another(role: Role, enabled: bool, subject: str) -> None:
    fault = edit_fault(Standing("a", role, enabled), subject)
    if role is not Role.SECURITY_ADMIN or not enabled:
        assert fault is EditFault.NOT_A_MANAGER
    else:
        assert fault is (EditFault.OWN if subject == "a" else None)
    assert edit_fault(None, subject) is EditFault.NOT_A_MANAGER
