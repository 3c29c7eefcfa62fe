"""Machines and what they prove themselves with.

A secret here is 256 random bits that the hub made, so its SHA-256 is kept: nobody can guess through such a digest, and
argon2, which slows guessing of what people think up, would only make the token endpoint easy to exhaust.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from enum import StrEnum
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Connection, func, insert, or_, select, update

from integration.clock import Clock, now_us
from integration.domain.rights import CLIENT_RIGHTS, ClientKind, Right
from integration.storage.engine import UniqueTaken
from integration.storage.tables import clients, credentials

_KNOWN_RIGHTS: Final = frozenset(Right)


class ClientTaken(Exception):  # noqa: N818 - it names what happened
    """A machine of this id is there already."""


class CredentialKind(StrEnum):
    """What a machine proves itself with."""

    SECRET = "secret"  # noqa: S105 - the word for it
    KEY = "key"
    CERTIFICATE = "certificate"
    SSH_KEY = "ssh_key"


class Client(NamedTuple):
    """A machine as kept; ``party`` is the company's code or the registry's source."""

    client_id: str
    title: str
    kind: ClientKind
    party: str
    rights: frozenset[Right]
    must_sign: bool
    must_tls: bool
    epoch: int
    created_us: int
    revoked_us: int | None


class Credential(NamedTuple):
    """A proof as kept: a secret's SHA-256, a public JWK, a certificate's SHA-256, or a public key as OpenSSH writes it
    and, as its ``key_id``, its fingerprint. ``ends_us`` None: no end.
    """

    kind: CredentialKind
    value: str
    key_id: str | None = None
    ends_us: int | None = None


def new_secret() -> tuple[str, Credential]:
    """Make a secret of 256 random bits; return it, to be shown once, and what is kept of it."""
    secret = f"whs_{secrets.token_urlsafe(32)}"  # the first letters let scanners of code and logs know it for a secret
    return secret, Credential(CredentialKind.SECRET, secret_digest(secret))


def secret_digest(secret: str) -> str:
    """Return what is kept of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def secret_is(kept: list[Credential], secret: str) -> bool:
    """Tell whether a secret is one of those kept; every one is looked at, and where there is none, another."""
    given = secret_digest(secret)
    values = [one.value for one in kept] or ["0" * 64]  # nothing has this digest; the unknown take as long to refuse
    return bool(sum(hmac.compare_digest(value, given) for value in values))


# --- rows ----------------------------------------------------------------------------------------------------------


def add_client(connection: Connection, client: Client) -> None:
    """Add a machine.

    Raises:
        ClientTaken: its id is taken.
    """
    rights = msgspec.json.encode(sorted(client.rights)).decode()
    row = {**client._asdict(), "kind": client.kind.value, "rights": rights}
    row |= {"must_sign": int(client.must_sign), "must_tls": int(client.must_tls)}
    try:
        with connection.begin_nested():
            connection.execute(insert(clients), row)
    except UniqueTaken:
        raise ClientTaken(client.client_id) from None


def find_client(connection: Connection, client_id: str) -> Client | None:
    """Return a machine, revoked or not; None for the unknown."""
    if not client_id.isascii() or not client_id.isprintable():
        return None  # nobody's, and some of it PostgreSQL would not even compare
    row = connection.execute(select(clients).where(clients.c.client_id == client_id)).first()
    return None if row is None else _client(row)


def all_clients(connection: Connection) -> list[Client]:
    """Return every machine by id."""
    return [_client(row) for row in connection.execute(select(clients).order_by(clients.c.client_id))]


def _client(row: Any) -> Client:
    """Return the machine of a row; it never has a right that the matrix does not give its kind (any more)."""
    kind = ClientKind(row.kind)
    named = _KNOWN_RIGHTS.intersection(msgspec.json.decode(row.rights))
    rights = frozenset(right for right in CLIENT_RIGHTS[kind] if right in named)
    flags = (bool(row.must_sign), bool(row.must_tls))
    return Client(row.client_id, row.title, kind, row.party, rights, *flags, row.epoch, row.created_us, row.revoked_us)


def next_epoch(connection: Connection, client_id: str) -> None:
    """Make every token issued until now worth nothing."""
    _set(connection, client_id, epoch=clients.c.epoch + 1)


def revoke(connection: Connection, clock: Clock, client_id: str) -> None:
    """Let a machine in no more."""
    _set(connection, client_id, revoked_us=now_us(clock), epoch=clients.c.epoch + 1)


def _set(connection: Connection, client_id: str, **values: object) -> None:
    connection.execute(update(clients).where(clients.c.client_id == client_id).values(**values))


# --- credentials ---------------------------------------------------------------------------------------------------


def add_credential(connection: Connection, clock: Clock, client_id: str, one: Credential) -> None:
    """Give a machine one more proof."""
    mine = credentials.c.client_id == client_id
    n = 1 + connection.execute(select(func.coalesce(func.max(credentials.c.n), 0)).where(mine)).scalar_one()
    row = {**one._asdict(), "kind": one.kind.value, "client_id": client_id, "n": n, "created_us": now_us(clock)}
    connection.execute(insert(credentials), row)


def end_credentials(connection: Connection, client_id: str, kinds: tuple[CredentialKind, ...], ends_us: int) -> None:
    """Let a machine's proofs of these kinds end, if they do not end sooner."""
    c = credentials.c
    sooner = or_(c.ends_us.is_(None), c.ends_us > ends_us)
    ending = update(credentials).where(c.client_id == client_id, c.kind.in_([kind.value for kind in kinds]), sooner)
    connection.execute(ending.values(ends_us=ends_us))


def current_credentials(
    connection: Connection, clock: Clock, client_id: str, kind: CredentialKind | None = None
) -> list[Credential]:
    """Return what a machine can prove itself with now (of a kind), oldest first."""
    c = credentials.c
    query = select(c.kind, c.value, c.key_id, c.ends_us).where(c.client_id == client_id, _current(clock))
    query = query if kind is None else query.where(c.kind == kind.value)
    rows = connection.execute(query.order_by(c.n))
    return [Credential(CredentialKind(row.kind), row.value, row.key_id, row.ends_us) for row in rows]


def client_of_certificate(connection: Connection, clock: Clock, sha256: str) -> Client | None:
    """Return the machine that a certificate (SHA-256 of its DER, in hex) proves now; None if it proves none."""
    c = credentials.c
    query = select(clients).join(credentials, c.client_id == clients.c.client_id)
    query = query.where(c.kind == CredentialKind.CERTIFICATE.value, c.key_id == sha256, _current(clock))
    row = connection.execute(query.where(clients.c.revoked_us.is_(None))).first()
    return None if row is None else _client(row)


def client_of_ssh_key(connection: Connection, clock: Clock, client_id: str, fingerprint: str) -> Client | None:
    """Return a machine if an SSH key of this fingerprint proves it now; None if not, or if there is no such machine."""
    client = find_client(connection, client_id)
    known = client.client_id if client else ""
    kept = current_credentials(connection, clock, known, CredentialKind.SSH_KEY)
    proven = client is not None and client.revoked_us is None and fingerprint in {one.key_id for one in kept}
    return client if proven else None


def _current(clock: Clock) -> ColumnElement[bool]:
    return or_(credentials.c.ends_us.is_(None), credentials.c.ends_us > now_us(clock))
