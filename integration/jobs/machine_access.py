"""Machines at the door: tokens are issued for a secret or a signed assertion, and checked at every call.

A token is a JWT that the hub signs itself (RFC 9068). It names a machine, what it may do and the machine's epoch; what
holds is what is on file at the call, so a revocation works at once.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import threading
from collections.abc import Mapping
from functools import cache
from typing import Any, Final, NamedTuple

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from sqlalchemy import Connection

from integration.clock import now_us
from integration.domain.rights import ClientKind, Right
from integration.jobs.assertions import client_of_assertion
from integration.jobs.hub import Hub
from integration.storage import clients, nonces
from integration.storage.clients import Client, CredentialKind

LIFETIME_S: Final = 300
_ALGORITHM: Final = "Ed25519"
_TYPE: Final = "at+jwt"
_ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LONGEST_TOKEN: Final = 4_096


class Machine(NamedTuple):
    """A machine that came in, and what it may do; ``party`` is the company's code or the registry's source."""

    client_id: str
    kind: ClientKind
    party: str
    rights: frozenset[Right]
    must_sign: bool
    must_tls: bool


class TokenRefused(Exception):  # noqa: N818 - it names what happened
    """No token is issued; ``error`` is RFC 6749's word, ``description`` says it for people."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(error)
        self.error = error
        self.description = description


class TokenInvalid(Exception):  # noqa: N818 - it names what was found
    """A token opens nothing; ``code``: SIGNATURE, EXPIRED, AUDIENCE, REVOKED, EPOCH or CERTIFICATE."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class IssuedToken(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of the token endpoint (RFC 6749, 5.1); ``scope`` names what was granted."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - the word of the RFC
    expires_in: int
    scope: str


class _Confirmation(msgspec.Struct):
    certificate: str = msgspec.field(name="x5t#S256")


class _Claims(msgspec.Struct):
    sub: str
    aud: str
    exp: int
    scope: str
    epoch: int
    cnf: _Confirmation | None = None


# --- issuing -------------------------------------------------------------------------------------------------------


def issue_token(
    hub: Hub,
    form: Mapping[str, str],
    *,
    audience: str,
    basic: tuple[str, str] | None = None,
    certificate_sha256: str | None = None,
) -> IssuedToken:
    """Issue a token for five minutes by the grant ``client_credentials``.

    ``form`` is the request's body, ``basic`` what its Authorization header held, ``certificate_sha256`` (of the DER, in
    hex) the certificate that the connection was made with: the token is then good with that certificate alone.

    Raises:
        TokenRefused: see there; whoever did not prove himself learns nothing but that.
    """
    if "grant_type" not in form:
        raise TokenRefused("invalid_request", "缺少 grant_type / grant_type is missing")
    if form["grant_type"] != "client_credentials":
        raise TokenRefused("unsupported_grant_type", "只支持 client_credentials / only client_credentials is supported")
    client = _authenticated(hub, form, audience, basic)
    if client.must_tls and not _is_registered(hub, client, certificate_sha256):
        raise _not_proven()
    granted = _granted(client, form.get("scope", ""))
    token = _signed(hub, client, granted, audience, certificate_sha256)
    return IssuedToken(access_token=token, expires_in=LIFETIME_S, scope=granted)


def _authenticated(hub: Hub, form: Mapping[str, str], audience: str, basic: tuple[str, str] | None) -> Client:
    ways = (basic is not None, "client_secret" in form, "client_assertion" in form)
    if sum(ways) > 1:
        raise TokenRefused("invalid_request", "只能用一种客户端验证方式 / use one way of client authentication")
    if basic is not None:
        found = _by_secret(hub, *basic)
    elif "client_secret" in form:
        found = _by_secret(hub, form.get("client_id", ""), form["client_secret"])
    else:
        found = _by_assertion(hub, form, audience)
    if found is None or found.revoked_us is not None or form.get("client_id", found.client_id) != found.client_id:
        raise _not_proven()
    return found


def _by_secret(hub: Hub, client_id: str, secret: str) -> Client | None:
    with hub.store.read() as connection:
        client = clients.find_client(connection, client_id)
        known = client.client_id if client else ""
        kept = clients.current_credentials(connection, hub.clock, known, CredentialKind.SECRET)
    return client if clients.secret_is(kept, secret) else None


def _by_assertion(hub: Hub, form: Mapping[str, str], audience: str) -> Client | None:
    if "client_assertion" in form and form.get("client_assertion_type") != _ASSERTION_TYPE:
        raise TokenRefused(
            "invalid_request", f"client_assertion_type 须为 {_ASSERTION_TYPE} / it must be {_ASSERTION_TYPE}"
        )
    client_id = client_of_assertion(hub, form.get("client_assertion", ""), audience=audience)
    if client_id is None:
        return None
    with hub.store.read() as connection:
        return clients.find_client(connection, client_id)


def _not_proven() -> TokenRefused:
    return TokenRefused("invalid_client", "客户端未通过验证 / the client did not prove itself")


def _is_registered(hub: Hub, client: Client, certificate_sha256: str | None) -> bool:
    if certificate_sha256 is None:
        return False
    with hub.store.read() as connection:
        kept = clients.current_credentials(connection, hub.clock, client.client_id, CredentialKind.CERTIFICATE)
    return any(hmac.compare_digest(one.value, certificate_sha256) for one in kept)


def _granted(client: Client, asked: str) -> str:
    """Return the scope granted: what was asked for, or all that the machine may do."""
    own = sorted(client.rights)
    wanted = asked.split() or own
    if not set(wanted) <= set(own):
        raise TokenRefused("invalid_scope", f"可申请：{' '.join(own)} / it may ask for: {' '.join(own)}")
    return " ".join(sorted(set(wanted)))


def _signed(hub: Hub, client: Client, scope: str, audience: str, certificate_sha256: str | None) -> str:
    now_s = now_us(hub.clock) // 1_000_000
    claims: dict[str, Any] = {"iss": audience, "aud": audience, "sub": client.client_id, "client_id": client.client_id}
    claims |= {"iat": now_s, "exp": now_s + LIFETIME_S, "jti": secrets.token_urlsafe(16)}
    claims |= {"scope": scope, "epoch": client.epoch}
    if certificate_sha256 is not None:
        claims["cnf"] = {"x5t#S256": _thumbprint(certificate_sha256)}
    header = {"alg": _ALGORITHM, "typ": _TYPE, "kid": hub.ring.tokens.key_id}
    return jwt.encode(header, claims, OKPKey.import_key(hub.ring.tokens.private), algorithms=[_ALGORITHM])


def _thumbprint(certificate_sha256: str) -> str:
    return base64.urlsafe_b64encode(bytes.fromhex(certificate_sha256)).rstrip(b"=").decode()


# --- checking ------------------------------------------------------------------------------------------------------


class _Verified:
    """Claims of tokens whose signature was verified, by digest; the oldest go first. Times are not judged here."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._claims: dict[bytes, _Claims] = {}
        self._lock = threading.Lock()

    def get(self, digest: bytes) -> _Claims | None:
        return self._claims.get(digest)

    def put(self, digest: bytes, claims: _Claims) -> None:
        with self._lock:
            while len(self._claims) >= self._most:
                del self._claims[next(iter(self._claims))]
            self._claims[digest] = claims


_VERIFIED: Final = _Verified(4_096)


def machine_of(
    hub: Hub, connection: Connection, token: str, *, audience: str, certificate_sha256: str | None
) -> Machine:
    """Return the machine of a token, with what both the token and the machine's entry allow it now.

    Raises:
        TokenInvalid: it opens nothing (any more).
    """
    claims = _claims_of(hub, token)
    if claims.exp <= now_us(hub.clock) // 1_000_000:
        raise TokenInvalid("EXPIRED")
    if claims.aud != audience:
        raise TokenInvalid("AUDIENCE")
    client = clients.find_client(connection, claims.sub)
    if client is None or client.revoked_us is not None:
        raise TokenInvalid("REVOKED")
    if claims.epoch != client.epoch:
        raise TokenInvalid("EPOCH")
    if not _same_certificate(claims, client, certificate_sha256):
        raise TokenInvalid("CERTIFICATE")
    return _machine(client, client.rights.intersection(claims.scope.split()))


def _claims_of(hub: Hub, token: str) -> _Claims:
    text = token[: _LONGEST_TOKEN + 1].encode("utf-8", "surrogatepass")
    digest = hashlib.sha256(hub.ring.tokens.public_pem + text).digest()
    claims = _VERIFIED.get(digest)
    if claims is None:
        claims = _verified(hub.ring.tokens.public_pem, text)
        _VERIFIED.put(digest, claims)
    return claims


def _verified(public_pem: bytes, text: bytes) -> _Claims:
    if len(text) > _LONGEST_TOKEN:
        raise TokenInvalid("SIGNATURE")
    try:
        token = jwt.decode(text, _public_key(public_pem), algorithms=[_ALGORITHM])
        if token.header.get("typ") != _TYPE:
            raise TokenInvalid("SIGNATURE")
        return msgspec.convert(token.claims, type=_Claims)
    except (JoseError, ValueError, TypeError):  # msgspec's errors are ValueErrors; joserfc trips over odd headers
        raise TokenInvalid("SIGNATURE") from None


@cache
def _public_key(pem: bytes) -> OKPKey:
    return OKPKey.import_key(pem)


def _same_certificate(claims: _Claims, client: Client, certificate_sha256: str | None) -> bool:
    if claims.cnf is None:
        return not client.must_tls
    given = "" if certificate_sha256 is None else _thumbprint(certificate_sha256)
    return hmac.compare_digest(claims.cnf.certificate.encode(), given.encode())


def _machine(client: Client, rights: frozenset[Right]) -> Machine:
    return Machine(client.client_id, client.kind, client.party, rights, client.must_sign, client.must_tls)


# --- beside tokens -------------------------------------------------------------------------------------------------


def note_nonce(hub: Hub, client_id: str, nonce: str, ends_us: int) -> bool:
    """Note that a machine used a nonce, to be remembered by all replicas until ``ends_us``; False if it was used."""
    return nonces.note_nonce(hub.store, hub.clock, client_id, f"signature {nonce}", ends_us)


def signing_keys(hub: Hub, connection: Connection, client_id: str) -> list[tuple[str, dict[str, Any]]]:
    """Return a machine's current public keys for signatures (RFC 9421): each one's id and its JWK."""
    kept = clients.current_credentials(connection, hub.clock, client_id, CredentialKind.KEY)
    return [(one.key_id or "", msgspec.json.decode(one.value)) for one in kept]


def machine_by_certificate(hub: Hub, connection: Connection, sha256: str) -> Machine | None:
    """Return the machine that a certificate (SHA-256 of its DER, in hex) proves, with all that it may do."""
    client = clients.client_of_certificate(connection, hub.clock, sha256)
    return None if client is None else _machine(client, client.rights)
