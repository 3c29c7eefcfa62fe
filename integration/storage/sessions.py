"""Sessions of persons, and what keeps guessers out: the failures of a name from a source.

Of a session's token only the SHA-256 is kept. Names and sources of failures stand as keyed digests: what is typed
where a name belongs may be a password.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from integration.clock import Clock, now_us
from integration.domain.access import FORGET_S, IDLE_S, LONGEST_SESSION_S, lock_s
from integration.storage.engine import take_key_lock
from integration.storage.tables import login_failures, sessions, users
from integration.storage.users import Known, known_of

_SECOND_US: Final = 1_000_000
#: A session's last request is noted at most once in so long.
_SEEN_US: Final = 60 * _SECOND_US


class Session(NamedTuple):
    """A session that goes on, and whose it is; ``stale`` when its last request should be noted anew."""

    known: Known
    stale: bool


def open_session(connection: Connection, clock: Clock, name: str) -> str:
    """Begin a session; return its token, 256 random bits that are kept nowhere. Old sessions of the person go."""
    token = secrets.token_urlsafe(32)
    now = now_us(clock)
    over = sessions.c.created_us < now - LONGEST_SESSION_S * _SECOND_US
    connection.execute(delete(sessions).where(sessions.c.name == name, over))
    row = {"token_sha256": _digest(token), "name": name, "created_us": now, "seen_us": now}
    connection.execute(insert(sessions), row)
    return token


def find_session(connection: Connection, clock: Clock, token: str) -> Session | None:
    """Return the session of a token; None if there is none, or it is over."""
    now = now_us(clock)
    query = (
        select(users, sessions.c.seen_us)
        .join(sessions, sessions.c.name == users.c.name)
        .where(sessions.c.token_sha256 == _digest(token), sessions.c.ended_us.is_(None))
        .where(sessions.c.created_us > now - LONGEST_SESSION_S * _SECOND_US)
        .where(sessions.c.seen_us >= now - IDLE_S * _SECOND_US)
    )
    row = connection.execute(query).first()
    return None if row is None else Session(known_of(row), row.seen_us <= now - _SEEN_US)


def note_seen(connection: Connection, clock: Clock, token: str) -> None:
    """Note that a request came in a session now."""
    mine = sessions.c.token_sha256 == _digest(token)
    connection.execute(update(sessions).where(mine, sessions.c.ended_us.is_(None)).values(seen_us=now_us(clock)))


def end_session(connection: Connection, clock: Clock, token: str) -> str | None:
    """End a session; return whose it was, None if it was none or over."""
    mine = sessions.c.token_sha256 == _digest(token)
    ended = update(sessions).where(mine, sessions.c.ended_us.is_(None)).values(ended_us=now_us(clock))
    return connection.execute(ended.returning(sessions.c.name)).scalar_one_or_none()


def end_sessions(connection: Connection, clock: Clock, name: str) -> None:
    """End all sessions of a person."""
    theirs = update(sessions).where(sessions.c.name == name, sessions.c.ended_us.is_(None))
    connection.execute(theirs.values(ended_us=now_us(clock)))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


# --- failures ------------------------------------------------------------------------------------------------------


class Place(NamedTuple):
    """Where somebody tries to come in: keyed digests of the name that was given, and of where it came from."""

    name: str
    source: str


class Attempt(NamedTuple):
    """An attempt counted as failed until it succeeds. ``locked_s``: it may not be made, for so many seconds yet."""

    failures: int
    locked_s: int


def count_attempt(connection: Connection, clock: Clock, place: Place) -> Attempt:
    """Count an attempt as a failure before it is judged, so that a hundred at once are not judged as one."""
    take_key_lock(connection, f"sign-in {place.name} {place.source}")
    row = connection.execute(select(login_failures).where(*_at(place))).first()
    now = now_us(clock)
    if row is not None and row.locked_until_us > now:
        return Attempt(row.failures, -((now - row.locked_until_us) // _SECOND_US))
    earlier = row.failures if row is not None and row.last_us >= now - FORGET_S * _SECOND_US else 0
    failures = earlier + 1
    _put(connection, place, failures, now, known=row is not None)
    return Attempt(failures, 0)


def take_back(connection: Connection, place: Place, attempt: Attempt) -> None:
    """Count an attempt no longer: it was neither wrong nor complete. If others came since, it stays counted."""
    as_it_was = login_failures.c.failures == attempt.failures
    less = {"failures": attempt.failures - 1, "locked_until_us": 0}
    connection.execute(update(login_failures).where(*_at(place), as_it_was).values(**less))


def forget_failures(connection: Connection, place: Place) -> None:
    """Forget what failed before somebody came in rightly."""
    connection.execute(delete(login_failures).where(*_at(place)))


def forget_old_failures(connection: Connection, clock: Clock) -> None:
    """Delete what no longer counts."""
    connection.execute(delete(login_failures).where(login_failures.c.last_us < now_us(clock) - FORGET_S * _SECOND_US))


def _at(place: Place) -> tuple[Any, Any]:
    return login_failures.c.name == place.name, login_failures.c.source == place.source


def _put(connection: Connection, place: Place, failures: int, now: int, *, known: bool) -> None:
    values = {"failures": failures, "last_us": now, "locked_until_us": now + lock_s(failures) * _SECOND_US}
    if known:
        connection.execute(update(login_failures).where(*_at(place)).values(**values))
    else:
        connection.execute(insert(login_failures), {**place._asdict(), **values})
