"""Signing in: a name, its password, its second factor where there is one, and then a session.

Each attempt is counted as failed before it is judged, the password is hashed outside every transaction, and the
unknown, the disabled and the wrong cost the same work and get the same answer.
"""

from __future__ import annotations

import base64
import hmac
import ipaddress
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final, NamedTuple

import msgspec
import pyotp
import structlog
from pyotp.exceptions import OTPVerificationError
from sqlalchemy import Connection

from integration.clock import SHANGHAI
from integration.domain.access import LOCK_AFTER, LONGEST_SESSION_S, lock_s
from integration.domain.rights import Role
from integration.jobs.hub import Hub
from integration.storage import audit, sessions, users
from integration.storage.pii import data_key, keyed_hasher
from integration.storage.sessions import Attempt, Place
from integration.storage.users import Known

_log = structlog.get_logger(__name__)

_MARK: Final = 16  # bytes, of the random part and of the digest over it


class Person(NamedTuple):
    """A person who came in. ``districts`` empty: all; ``company`` only of its operators."""

    name: str
    role: Role
    company: str | None
    districts: frozenset[str]


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """A new session. ``device`` is a mark for the person's own device, to be shown at its next log-in."""

    token: str
    name: str
    role: str
    ends_at: str
    device: str


class SignInRefused(Exception):  # noqa: N818 - it names what happened
    """Nobody came in: WRONG_SIGN_IN, SECOND_FACTOR_NEEDED, or LOCKED for ``retry_after_s`` seconds yet."""

    def __init__(self, code: str, retry_after_s: int | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.retry_after_s = retry_after_s


def sign_in(hub: Hub, *, name: str, password: str, code: str | None, address: str, device: str | None) -> SignedIn:
    """Let a person in and begin their session.

    ``address`` is the network address they come from, ``device`` the mark that their device got at an earlier log-in:
    a known device is counted apart, so that whoever guesses from elsewhere does not lock it out.

    Raises:
        SignInRefused: see there.
    """
    attempt = (name, password, code, _place(hub, name, address, device))
    with _proven(hub, *attempt) as (connection, known):
        token = sessions.open_session(connection, hub.clock, name)
        audit.record(connection, hub.clock, name, "signed_in", name, {"role": known.role.value})
    ends = (hub.clock() + timedelta(seconds=LONGEST_SESSION_S)).astimezone(SHANGHAI)
    return SignedIn(
        token=token,
        name=name,
        role=known.role.value,
        ends_at=ends.isoformat(timespec="seconds"),
        device=_new_mark(hub, name),
    )


def identify(hub: Hub, *, name: str, password: str, code: str | None, address: str) -> Person:
    """Return the person if they prove themselves, without a session (a command, or before a change of password).

    Raises:
        SignInRefused: as ``sign_in``.
    """
    with _proven(hub, name, password, code, _place(hub, name, address, None)) as (_connection, known):
        return _person(known)


def person_of(hub: Hub, token: str) -> Person | None:
    """Return whose session a token is.

    None: unknown, ended, idle for more than 15 minutes, older than 8 hours, or the person may not come in any more.
    """
    with hub.store.read() as connection:
        found = sessions.find_session(connection, hub.clock, token)
    if found is None or not found.known.enabled:
        return None
    if found.stale:
        with hub.store.write() as connection:
            sessions.note_seen(connection, hub.clock, token)
    return _person(found.known)


def sign_out(hub: Hub, token: str) -> None:
    """End a session; one that is over or was never there ends without a word."""
    with hub.store.write() as connection:
        name = sessions.end_session(connection, hub.clock, token)
        if name is not None:
            audit.record(connection, hub.clock, name, "signed_out", name, {})


def _person(known: Known) -> Person:
    return Person(known.name, known.role, known.company, known.districts)


# --- proving -------------------------------------------------------------------------------------------------------


@contextmanager
def _proven(hub: Hub, name: str, password: str, code: str | None, place: Place) -> Iterator[tuple[Connection, Known]]:
    """Give the transaction in which a proven person comes in."""
    attempt = _counted(hub, place)
    with hub.store.read() as connection:
        known = users.find_user(connection, name)
    if not users.password_is(known, password) or known is None:
        raise _refused(hub, known, attempt)
    if known.totp_sealed is not None and not code:
        with hub.store.write() as connection:
            sessions.take_back(connection, place, attempt)
        raise SignInRefused("SECOND_FACTOR_NEEDED")
    step = _step_of(hub, known, code or "")
    with hub.store.write() as connection:
        proven = step is not None and _still_so(connection, known, step)
        if proven:
            sessions.forget_failures(connection, place)
            sessions.forget_old_failures(connection, hub.clock)
            yield connection, known
    if not proven:
        raise _refused(hub, known, attempt)


def _counted(hub: Hub, place: Place) -> Attempt:
    with hub.store.write() as connection:
        attempt = sessions.count_attempt(connection, hub.clock, place)
    if attempt.locked_s:
        raise SignInRefused("LOCKED", attempt.locked_s)
    return attempt


def _refused(hub: Hub, known: Known | None, attempt: Attempt) -> SignInRefused:
    """Return the one answer to everything wrong; a name that is locked by it is audited, an unknown one unnamed."""
    if attempt.failures >= LOCK_AFTER:
        subject = known.name if known else "unknown"
        detail = {"failures": attempt.failures, "seconds": lock_s(attempt.failures)}
        with hub.store.write() as connection:
            audit.record(connection, hub.clock, "anonymous", "sign_in_locked", subject, detail)
    _log.warning("sign_in_refused", failures=attempt.failures)
    return SignInRefused("WRONG_SIGN_IN")


def _step_of(hub: Hub, known: Known, code: str) -> int | None:
    """Return the time step that a code belongs to, None if it is wrong; 0 for whoever has no second factor."""
    if known.totp_sealed is None:
        return 0
    secret = data_key(hub.ring.access).open(second_factor_place(known.name), known.totp_sealed).decode()
    if not (code.isascii() and code.isdigit()):
        return None
    try:
        return pyotp.TOTP(secret).verify_and_get_timecode(code, for_time=hub.clock(), valid_window=1)
    except OTPVerificationError:
        return None


def _still_so(connection: Connection, known: Known, step: int) -> bool:
    """Tell whether nothing changed while the password was looked at, and use up the code."""
    now = users.find_user(connection, known.name, to_change=True)
    if now is None or not now.enabled:
        return False
    same = (now.password_hash, now.totp_sealed) == (known.password_hash, known.totp_sealed)
    return same and (known.totp_sealed is None or users.use_step(connection, known.name, step))


def second_factor_place(name: str) -> tuple[str, ...]:
    """Return what the sealed second factor of a person is bound to."""
    return ("users", name, "totp_sealed")


# --- where from ----------------------------------------------------------------------------------------------------


def _place(hub: Hub, name: str, address: str, device: str | None) -> Place:
    mark = _mark_of(hub, name, device or "")
    source = f"address {_network(address)}" if mark is None else f"device {mark.hex()}"
    return Place(_keyed(hub, "sign-in name", name).hex(), _keyed(hub, "sign-in source", source).hex())


def _network(address: str) -> str:
    """Return an address as it counts: of IPv6 the first half, for whoever has one address there has them all."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    return str(found.ipv4_mapped or ipaddress.ip_network((int(found), 64), strict=False))


def _new_mark(hub: Hub, name: str) -> str:
    random = secrets.token_bytes(_MARK)
    return base64.urlsafe_b64encode(random + _mark(hub, name, random)).decode()


def _mark_of(hub: Hub, name: str, device: str) -> bytes | None:
    """Return the mark that this hub gave to a device of this name; None if it did not."""
    try:
        given = base64.b64decode(device.encode("ascii"), b"-_", validate=True)
    except ValueError:
        return None
    return given if hmac.compare_digest(_mark(hub, name, given[:_MARK]), given[_MARK:]) else None


def _mark(hub: Hub, name: str, random: bytes) -> bytes:
    return _keyed(hub, "device", f"{random.hex()} {name}")[:_MARK]


def _keyed(hub: Hub, purpose: str, text: str) -> bytes:
    hasher = keyed_hasher(hub.ring, purpose)
    hasher.update(text.encode("utf-8", "surrogatepass"))
    return hasher.digest()
