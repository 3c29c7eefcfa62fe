"""Signed assertions (RFC 7523, ``private_key_jwt``): a machine proves itself with its own key, once per assertion."""

from __future__ import annotations

from functools import cache
from typing import Final

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, import_key
from joserfc.util import urlsafe_b64decode

from integration.clock import now_us
from integration.jobs.credentials import CURVES, PublicKey
from integration.jobs.hub import Hub
from integration.storage import clients
from integration.storage.clients import CredentialKind
from integration.storage.nonces import note_nonce

#: How far ahead an assertion may expire, and how far clocks may differ.
_LONGEST_S: Final = 300
_LEEWAY_S: Final = 30
_LONGEST_ASSERTION: Final = 8_192
_LONGEST_ID: Final = 200


class _Claims(msgspec.Struct):
    iss: str
    sub: str
    aud: str | list[str]
    exp: int | float
    jti: str
    iat: int | float = 0
    nbf: int | float = 0


class _Header(msgspec.Struct):
    alg: str
    kid: str | None = None


def client_of_assertion(hub: Hub, assertion: str, *, audience: str) -> str | None:
    """Return the id of the machine that signed an assertion for this audience; None if none did, or not validly."""
    read = _read(assertion)
    if read is None:
        return None
    header, claims = read
    keys = _keys(hub, claims.iss, header)
    if not _signed_by_any(assertion, header.alg, keys) or not _timely(claims, now_us(hub.clock) // 1_000_000):
        return None
    if claims.sub != claims.iss or audience not in ([claims.aud] if isinstance(claims.aud, str) else claims.aud):
        return None
    return claims.iss if _first_use(hub, claims) else None


def _read(assertion: str) -> tuple[_Header, _Claims] | None:
    """Return what an assertion says of itself, believing nothing of it yet; None if it is none of ours."""
    try:
        head, body, _signature = assertion.encode("ascii").split(b".")
        header = msgspec.json.decode(urlsafe_b64decode(head), type=_Header)
        claims = msgspec.json.decode(urlsafe_b64decode(body), type=_Claims)
    except ValueError:  # base64's, msgspec's and text's errors all are
        return None
    return (header, claims) if len(assertion) <= _LONGEST_ASSERTION and header.alg in CURVES else None


def _keys(hub: Hub, client_id: str, header: _Header) -> list[PublicKey]:
    """Return the machine's keys for an algorithm; where there is none, one that nobody has."""
    with hub.store.read() as connection:
        client = clients.find_client(connection, client_id)
        known = client.client_id if client else ""
        kept = clients.current_credentials(connection, hub.clock, known, CredentialKind.KEY)
    keys = [_public(one.value) for one in kept if header.kid in (None, one.key_id)]
    return [key for key in keys if (key.key_type, key.curve_name) == CURVES[header.alg]] or [_nobodys(header.alg)]


def _public(jwk: str) -> PublicKey:
    key = import_key(msgspec.json.decode(jwk))
    if not isinstance(key, PublicKey):
        raise TypeError(key.key_type)
    return key


@cache
def _nobodys(algorithm: str) -> PublicKey:
    """Return a key that stands in for those of the unknown, so that they take as long to refuse."""
    return OKPKey.generate_key("Ed25519") if algorithm == "Ed25519" else ECKey.generate_key("P-256")


def _signed_by_any(assertion: str, algorithm: str, keys: list[PublicKey]) -> bool:
    return any(_signed_by(assertion, algorithm, key) for key in keys)


def _signed_by(assertion: str, algorithm: str, key: PublicKey) -> bool:
    try:
        jws.deserialize_compact(assertion, key, algorithms=[algorithm])
    except (JoseError, ValueError, TypeError):  # joserfc trips over some odd headers
        return False
    return True


def _timely(claims: _Claims, now_s: int) -> bool:
    begun = max(claims.iat, claims.nbf) <= now_s + _LEEWAY_S
    return begun and now_s - _LEEWAY_S < claims.exp <= now_s + _LONGEST_S + _LEEWAY_S


def _first_use(hub: Hub, claims: _Claims) -> bool:
    if not 0 < len(claims.jti) <= _LONGEST_ID:
        return False
    ends_us = (int(claims.exp) + 2 * _LEEWAY_S) * 1_000_000
    return note_nonce(hub.store, hub.clock, claims.iss, f"assertion {claims.jti}", ends_us)
