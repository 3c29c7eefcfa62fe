"""Known persons: names, roles and passwords. Three administrators, pairwise apart from each other and from business."""

from __future__ import annotations

from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY
from sqlalchemy import Connection, insert, select

from integration.clock import Clock, now_us
from integration.domain.rights import Role
from integration.storage.engine import UniqueTaken
from integration.storage.tables import users

_HASHER: Final = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
_SHORTEST: Final = 8


class UserRefused(Exception):  # noqa: N818 - it names what happened
    """A user cannot be added so; the text says what to change."""


def add_user(connection: Connection, clock: Clock, name: str, role: Role, password: str) -> None:
    """Add a person.

    Raises:
        UserRefused: the name is taken or empty, or the password is shorter than eight characters.
    """
    if not name.strip():
        raise UserRefused("a user needs a name")
    if len(password) < _SHORTEST:
        raise UserRefused(f"a password has at least {_SHORTEST} characters")
    row = {
        "name": name,
        "role": role.value,
        "password_hash": _HASHER.hash(password),
        "created_us": now_us(clock),
        "password_us": now_us(clock),
    }
    try:
        connection.execute(insert(users), row)
    except UniqueTaken:
        raise UserRefused("this name is taken; choose another") from None


def check_password(connection: Connection, name: str, password: str) -> Role | None:
    """Return the person's role, or None: unknown, disabled and wrong are one answer, after the same work."""
    row = connection.execute(select(users).where(users.c.name == name)).first()
    right = _matches(row.password_hash if row else _nobody(), password)
    return Role(row.role) if row and right and not row.disabled else None


def _matches(password_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobody() -> str:
    """Return a hash that stands in for the unknown, so that they take as long to refuse."""
    return _HASHER.hash("nobody has this password")
