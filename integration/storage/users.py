"""Known persons: name, role, password and second factor. Passwords stand as argon2id hashes, second factors sealed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY
from sqlalchemy import Connection, exists, insert, select, update

from integration.clock import Clock, now_us
from integration.domain.access import Standing
from integration.domain.rights import Role
from integration.storage.engine import UniqueTaken
from integration.storage.tables import users

_HASHER: Final = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
_SHORTEST: Final = 8
_LONGEST_NAME: Final = 64


class UserRefused(Exception):  # noqa: N818 - it names what happened
    """Somebody cannot be added or changed so; the text says what to change."""


@dataclass(frozen=True, slots=True)
class Known:
    """A person as kept. ``districts`` empty: all. ``totp_step`` is the last time step a code was taken from."""

    name: str
    role: Role
    enabled: bool
    company: str | None
    districts: frozenset[str]
    password_hash: str = field(repr=False)
    totp_sealed: bytes | None = field(repr=False)
    totp_step: int
    created_us: int

    @property
    def standing(self) -> Standing:
        """What they are, as the rules see it."""
        return Standing(self.name, self.role, self.enabled)


@dataclass(frozen=True, slots=True)
class NewUser:
    """A person to be added, the password hashed already: that takes long, and no transaction should wait for it."""

    name: str
    role: Role
    password_hash: str = field(repr=False)
    company: str | None = None
    districts: frozenset[str] = frozenset()


def new_user(
    name: str, role: Role, password: str, company: str | None = None, districts: Collection[str] = ()
) -> NewUser:
    """Check and hash what a new person comes with; call it outside any transaction.

    Raises:
        UserRefused: the name cannot be one, or the password is shorter than eight characters.
    """
    if not name.strip():
        raise UserRefused("须有用户名 / a user needs a name")
    if not _is_name(name):
        raise UserRefused(
            f"用户名至多 {_LONGEST_NAME} 个可见字符，不含冒号"
            f" / a user's name has at most {_LONGEST_NAME} printable characters, and no colon"
        )
    return NewUser(name, role, hash_password(password), company, frozenset(districts))


def _is_name(name: str) -> bool:
    return 0 < len(name) <= _LONGEST_NAME and name.isprintable() and ":" not in name


def hash_password(password: str) -> str:
    """Return the argon2id hash of a new password; call it outside any transaction.

    Raises:
        UserRefused: it is shorter than eight characters.
    """
    if len(password) < _SHORTEST:
        raise UserRefused(f"密码至少 {_SHORTEST} 个字符 / a password has at least {_SHORTEST} characters")
    return _HASHER.hash(_bytes(password))


def password_is(known: Known | None, password: str) -> bool:
    """Tell whether it is the person's password: unknown, disabled and wrong are one answer, after the same work."""
    right = _matches(known.password_hash if known else _nobody(), password)
    return right and known is not None and known.enabled


def _matches(password_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(password_hash, _bytes(password))
    except (VerificationError, InvalidHashError):
        return False


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")  # whatever was sent can be compared


@cache
def _nobody() -> str:
    """Return a hash that stands in for the unknown, so that they take as long to refuse."""
    return _HASHER.hash("nobody has this password")


# --- rows ----------------------------------------------------------------------------------------------------------


def insert_user(connection: Connection, clock: Clock, new: NewUser) -> None:
    """Add a person.

    Raises:
        UserRefused: the name is taken.
    """
    row = {
        "name": new.name,
        "role": new.role.value,
        "password_hash": new.password_hash,
        "created_us": now_us(clock),
        "password_us": now_us(clock),
        "company": new.company,
        "districts": _json(new.districts),
    }
    try:
        with connection.begin_nested():
            connection.execute(insert(users), row)
    except UniqueTaken:
        raise UserRefused("此用户名已有人用，请另取 / this name is taken; choose another") from None


def any_user(connection: Connection) -> bool:
    """Tell whether anybody is known."""
    return connection.execute(select(exists(select(users.c.name)))).scalar_one()


def find_user(connection: Connection, name: str, *, to_change: bool = False) -> Known | None:
    """Return a person, None for the unknown; ``to_change`` keeps others from changing them meanwhile."""
    if not _is_name(name):
        return None  # what cannot be a name is nobody's, and some of it PostgreSQL would not even compare
    query = select(users).where(users.c.name == name)
    row = connection.execute(query.with_for_update() if to_change else query).first()
    return None if row is None else known_of(row)


def known_of(row: Any) -> Known:
    """Return the person of a row with all columns of the table."""
    return Known(
        row.name,
        Role(row.role),
        not row.disabled,
        row.company,
        frozenset(msgspec.json.decode(row.districts)),
        row.password_hash,
        row.totp_sealed,
        row.totp_step,
        row.created_us,
    )


def all_users(connection: Connection) -> list[Known]:
    """Return every person by name."""
    return [known_of(row) for row in connection.execute(select(users).order_by(users.c.name))]


def set_role(connection: Connection, name: str, role: Role, company: str | None) -> None:
    """Give a person another role; ``company`` only of its operators."""
    _set(connection, name, role=role.value, company=company)


def set_districts(connection: Connection, name: str, districts: Collection[str]) -> None:
    """Let a person see these districts alone; none: all."""
    _set(connection, name, districts=_json(districts))


def disable(connection: Connection, name: str) -> None:
    """Let a person in no more."""
    _set(connection, name, disabled=1)


def set_password(connection: Connection, clock: Clock, name: str, password_hash: str) -> None:
    """Replace a person's password."""
    _set(connection, name, password_hash=password_hash, password_us=now_us(clock))


def set_second_factor(connection: Connection, name: str, sealed: bytes | None) -> None:
    """Give a person another second factor, or none; the last used step stays, so that no code is good twice."""
    _set(connection, name, totp_sealed=sealed)


def use_step(connection: Connection, name: str, step: int) -> bool:
    """Note that a code of this time step was used; False if one of it, or of a later one, was used before."""
    later = update(users).where(users.c.name == name, users.c.totp_step < step).values(totp_step=step)
    return connection.execute(later).rowcount == 1


def _set(connection: Connection, name: str, **values: object) -> None:
    connection.execute(update(users).where(users.c.name == name).values(**values))


def _json(districts: Collection[str]) -> str:
    return msgspec.json.encode(sorted(districts)).decode()
