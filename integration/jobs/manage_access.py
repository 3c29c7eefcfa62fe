"""Managing persons: everything here is done by a security administrator to somebody else, and audited.

Each change ends the person's sessions in its own transaction. Nobody changes himself, so the last security
administrator cannot be shut out, and nobody gives himself a right; his password and a first second factor are his own.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, Final

import msgspec
import pyotp
from sqlalchemy import Connection

from integration.domain.access import EditFault, edit_fault
from integration.domain.rights import Role
from integration.jobs.hub import Hub
from integration.jobs.sign_in import second_factor_place
from integration.storage import audit, sessions, users
from integration.storage.engine import take_key_lock
from integration.storage.overview import at_text
from integration.storage.pii import data_key
from integration.storage.users import Known, UserRefused

_DISTRICT: Final = re.compile(r"[0-9]{6}\Z")
_ISSUER: Final = "waiverhub"
_REFUSALS: Final = {
    EditFault.NOT_A_MANAGER: "须由安全管理员办理 / a security_admin does this",
    EditFault.OWN: "不得更改自己的角色、区划、停用与第二因素，请由另一位安全管理员办理"
    " / nobody changes his own role, districts, entry or second factor: another security_admin does",
}


class AccessRefused(UserRefused):
    """Who may come in cannot be changed so; the text says why."""


class ListedUser(msgspec.Struct, frozen=True):
    """A person as listed, without anything secret; ``districts`` empty: all."""

    name: str
    role: str
    company: str | None
    districts: list[str]
    second_factor: bool
    created_at: str
    disabled: bool


def list_users(hub: Hub) -> list[ListedUser]:
    """Return every person by name."""
    with hub.store.read() as connection:
        return [_listed(one) for one in users.all_users(connection)]


def _listed(known: Known) -> ListedUser:
    factor, created = known.totp_sealed is not None, at_text(known.created_us)
    districts = sorted(known.districts)
    return ListedUser(known.name, known.role.value, known.company, districts, factor, created, not known.enabled)


# --- adding --------------------------------------------------------------------------------------------------------


def add_user(
    hub: Hub,
    *,
    name: str,
    role: Role,
    password: str,
    company: str | None = None,
    districts: Collection[str] = (),
    actor: str,
) -> None:
    """Add a person. The first of a hub is a security administrator; from then on one of those adds the others.

    Raises:
        UserRefused: the name, password, company or districts cannot be so, or the actor may not add.
    """
    check_company(hub, role, company)
    _check_districts(districts)
    new = users.new_user(name, role, password, company, districts)
    with hub.store.write() as connection:
        take_access_lock(connection)
        _check_adder(connection, actor, role)
        users.insert_user(connection, hub.clock, new)
        detail: dict[str, Any] = {"role": role.value, "company": company, "districts": sorted(districts)}
        given = {key: value for key, value in detail.items() if value}
        audit.record(connection, hub.clock, actor, "user_added", name, given)


def _check_adder(connection: Connection, actor: str, role: Role) -> None:
    if users.any_user(connection):
        check_manager(connection, actor)
    elif role is not Role.SECURITY_ADMIN:
        raise AccessRefused(
            "第一个用户须为 security_admin，否则此后无人能添加用户"
            " / the first user must be a security_admin: nobody else could add the second"
        )


def check_company(hub: Hub, role: Role, company: str | None) -> None:
    """Refuse a company that is none, or that somebody of the office would have.

    Raises:
        AccessRefused: see above.
    """
    if role is not Role.COMPANY_OPERATOR:
        if company is not None:
            raise AccessRefused("只有 company_operator 属于公司 / only a company_operator belongs to a company")
    elif company not in hub.companies:
        names = ", ".join(hub.companies)
        raise AccessRefused(f"须写明公司，现有 {names} / a company_operator needs a company: {names}")


def _check_districts(districts: Collection[str]) -> None:
    if wrong := sorted(one for one in districts if not _DISTRICT.match(one)):
        raise AccessRefused(f"区划代码为六位数字：{wrong[0]} / a district is six digits: {wrong[0]}")


def check_manager(connection: Connection, actor: str, subject: str = "") -> None:
    """Refuse whoever may not manage access, or the subject's.

    Raises:
        AccessRefused: the actor is no security administrator (any more), or is the subject.
    """
    found = users.find_user(connection, actor)
    if fault := edit_fault(found.standing if found else None, subject):
        raise AccessRefused(_REFUSALS[fault])


def take_access_lock(connection: Connection) -> None:
    """Let one change of who may come in happen at a time: two who disable each other are judged one by one."""
    take_key_lock(connection, "access")


# --- changing ------------------------------------------------------------------------------------------------------


def set_role(hub: Hub, name: str, role: Role, *, company: str | None = None, actor: str) -> None:
    """Give a person another role; an operator of a company needs its code.

    Raises:
        AccessRefused: the person is unknown, the company cannot be so, or the actor may not.
    """
    check_company(hub, role, company)
    with _changing(hub, name, actor) as (connection, known):
        users.set_role(connection, name, role, company)
        detail = {"from": known.role.value, "to": role.value, **({"company": company} if company else {})}
        audit.record(connection, hub.clock, actor, "user_role_set", name, detail)


def set_districts(hub: Hub, name: str, districts: Collection[str], *, actor: str) -> None:
    """Let a person see these districts alone; none: all.

    Raises:
        AccessRefused: the person is unknown, a district is no code, or the actor may not.
    """
    _check_districts(districts)
    with _changing(hub, name, actor) as (connection, known):
        users.set_districts(connection, name, frozenset(districts))
        detail = {"from": sorted(known.districts), "to": sorted(set(districts))}
        audit.record(connection, hub.clock, actor, "user_districts_set", name, detail)


def disable_user(hub: Hub, name: str, *, actor: str) -> None:
    """Let a person in no more; the name is not given again, for the audit names them.

    Raises:
        AccessRefused: the person is unknown, or the actor may not.
    """
    with _changing(hub, name, actor) as (connection, _known):
        users.disable(connection, name)
        audit.record(connection, hub.clock, actor, "user_disabled", name, {})


def reset_second_factor(hub: Hub, name: str, *, actor: str) -> None:
    """Take a person's second factor away, because it is lost; the next one is their own to set.

    Raises:
        AccessRefused: the person is unknown, or the actor may not.
    """
    with _changing(hub, name, actor) as (connection, _known):
        users.set_second_factor(connection, name, None)
        audit.record(connection, hub.clock, actor, "second_factor_reset", name, {})


def set_second_factor(hub: Hub, name: str, *, actor: str) -> str:
    """Give a person a new second factor; return its ``otpauth://`` URI, which is shown once and kept nowhere.

    A person may do it alone, having just proved himself (with the one before, if there is one).

    Raises:
        AccessRefused: the person is unknown, or the actor may not.
    """
    secret = pyotp.random_base32()
    sealed = data_key(hub.ring.access).seal(second_factor_place(name), secret.encode())
    with _changing(hub, name, actor, own=True) as (connection, _known):
        users.set_second_factor(connection, name, sealed)
        audit.record(connection, hub.clock, actor, "second_factor_set", name, {})
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=_ISSUER)


def change_password(hub: Hub, name: str, password: str, *, actor: str) -> None:
    """Replace a person's password; their own they change alone, having just proved the one before (``identify``).

    Raises:
        UserRefused: the person is unknown, the password is too short, or the actor may not.
    """
    hashed = users.hash_password(password)
    with _changing(hub, name, actor, own=True) as (connection, _known):
        users.set_password(connection, hub.clock, name, hashed)
        audit.record(connection, hub.clock, actor, "password_changed", name, {})


@contextmanager
def _changing(hub: Hub, name: str, actor: str, *, own: bool = False) -> Iterator[tuple[Connection, Known]]:
    """Give the transaction in which a person is changed and their sessions end; ``own``: they may do it themselves."""
    with hub.store.write() as connection:
        take_access_lock(connection)
        known = users.find_user(connection, name, to_change=True)
        if not (own and actor == name and known is not None and known.enabled):
            check_manager(connection, actor, name)
        if known is None:
            raise AccessRefused(f"没有用户 {name} / there is no user {name}")
        yield connection, known
        sessions.end_sessions(connection, hub.clock, name)
