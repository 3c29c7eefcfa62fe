"""Message signatures (RFC 9421) of clients whose contract asks for them: Ed25519 over method, path, query and body.

The body is covered by its Content-Digest (SHA-256, RFC 9530): the head is verified first, the body is compared while it
streams in, and nothing is kept of a body that is another than was signed. So the library's own middleware, which
holds a whole body in memory, is not used; its verifier is. Times are the hub's clock's; nonces are the caller's to
note, for twice the window: a signature from a client whose clock is ahead stays good that long.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import http_sf
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from http_message_signatures import HTTPMessageSigner, HTTPMessageVerifier, MappingKeyResolver, algorithms
from http_message_signatures.exceptions import HTTPMessageSignaturesException
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from yarl import URL

#: What a signature covers at least: not the host, which a proxy in between may change. ``@target-uri`` covers more.
COVERED: Final = ("@method", "@path", "@query")
_DIGEST: Final = "content-digest"
_SHA256: Final = re.compile(r"sha-256=:([A-Za-z0-9+/]{43}=):")
_NONCE: Final = re.compile(r"[\x21-\x7e]{16,100}")

#: A public key, as it is or as a JWK.
Key = Ed25519PublicKey | Mapping[str, Any]


class SignatureRefused(Exception):  # noqa: N818 - it names what happened
    """Why a signature is refused; nothing of the request stands in it.

    MISSING; MALFORMED (or more than one); NO_KEYID; UNKNOWN_KEY; NO_NONCE (16 to 100 visible ASCII characters); TOO_OLD
    (or from the future, or without ``created``); NOT_COVERED (method, path, query, and the Content-Digest of a body);
    BAD_DIGEST (not exactly one SHA-256); WRONG.
    """


class Stated(NamedTuple):
    """What a signature says of itself, not verified; ``covered`` are names of components without parameters."""

    key_id: str
    created: int | None
    expires: int | None
    nonce: str
    covered: frozenset[str]


class Signed(NamedTuple):
    """A signature that holds; ``content_digest`` is the SHA-256 of the body that it was made for, None without one."""

    key_id: str
    created: int
    nonce: str
    content_digest: bytes | None


@dataclass
class _Message:
    """A request as the library wants to see it."""

    method: str
    url: str
    headers: Any


class _Verifier(HTTPMessageVerifier):
    def validate_created_and_expires(self, sig_input: Any, max_age: Any = None) -> None:
        """Leave times to ``verify``, which has the hub's clock."""


def signature_of(request: web.BaseRequest) -> Stated:
    """Read what a request's one signature says of itself, without verifying it.

    Raises:
        SignatureRefused: MISSING or MALFORMED.
    """
    lines = request.headers.getall("Signature-Input", [])
    if not lines or "Signature" not in request.headers:
        raise SignatureRefused("MISSING")
    try:
        labelled: Any = http_sf.parse(", ".join(lines).encode(), tltype="dictionary")
        ((components, parameters),) = labelled.values()
        return _stated(components, parameters)
    except (ValueError, TypeError):
        raise SignatureRefused("MALFORMED") from None


def _stated(components: Iterable[Any], parameters: Mapping[str, Any]) -> Stated:
    covered = frozenset(name for name, qualifiers in components if not qualifiers)
    key_id, nonce = parameters.get("keyid", ""), parameters.get("nonce", "")
    if not isinstance(key_id, str) or not isinstance(nonce, str):
        raise TypeError("neither is a text")
    times = [parameters.get(name) for name in ("created", "expires")]
    if not all(one is None or type(one) is int for one in times):
        raise TypeError("a time is no whole number")
    return Stated(key_id, times[0], times[1], nonce, covered)


def verify(request: web.BaseRequest, keys: Mapping[str, Key], now_s: int, window_s: int = 300) -> Signed:
    """Verify a request's one signature by the sender's keys, made within so many seconds of now.

    The caller notes the nonce, and compares ``content_digest`` with what then comes as the body.

    Raises:
        SignatureRefused: see there.
    """
    stated = signature_of(request)
    key, created = _key(stated, keys), _in_time(stated, now_s, window_s)
    if not _NONCE.fullmatch(stated.nonce):
        raise SignatureRefused("NO_NONCE")
    required = _required(stated, has_body=request.body_exists)
    message = _Message(request.method, f"{request.scheme}://{request.host}{request.raw_path}", request.headers)
    resolver = MappingKeyResolver(public_keys={stated.key_id: key}, private_keys={})
    verifier = _Verifier(signature_algorithm=algorithms.ED25519, key_resolver=resolver)
    try:
        (found,) = verifier.verify(message, require_components=required, max_age=None)
    except (HTTPMessageSignaturesException, ValueError, TypeError):
        raise SignatureRefused("WRONG") from None
    digest = found.covered_components.get(f'"{_DIGEST}"')
    return Signed(stated.key_id, created, stated.nonce, None if digest is None else _sha256(digest))


def _key(stated: Stated, keys: Mapping[str, Key]) -> Ed25519PublicKey:
    if not stated.key_id:
        raise SignatureRefused("NO_KEYID")
    key: Any = keys.get(stated.key_id)
    if isinstance(key, Mapping):
        key = _of_jwk(key)
    if not isinstance(key, Ed25519PublicKey):
        raise SignatureRefused("UNKNOWN_KEY")
    return key


def _of_jwk(jwk: Mapping[str, Any]) -> Any:
    try:
        return OKPKey.import_key(dict(jwk)).public_key
    except (JoseError, ValueError, KeyError):
        return None


def _in_time(stated: Stated, now_s: int, window_s: int) -> int:
    if stated.created is None or abs(now_s - stated.created) > window_s:
        raise SignatureRefused("TOO_OLD")
    if stated.expires is not None and stated.expires < now_s:
        raise SignatureRefused("TOO_OLD")
    return stated.created


def _required(stated: Stated, *, has_body: bool) -> list[str]:
    place = ["@target-uri"] if "@target-uri" in stated.covered else ["@path", "@query"]
    required = ["@method", *place, *([_DIGEST] if has_body else [])]
    if not stated.covered.issuperset(required):
        raise SignatureRefused("NOT_COVERED")
    return required


def _sha256(digest: str) -> bytes:
    """Read the field's one form; a second digest beside it would go unchecked."""
    match = _SHA256.fullmatch(digest)
    if match is None:
        raise SignatureRefused("BAD_DIGEST")
    return base64.b64decode(match[1])


def sign_request(
    method: str,
    url: str,
    *,
    key: Ed25519PrivateKey,
    key_id: str,
    created: int,
    nonce: str,
    body_sha256: bytes | None = None,
) -> dict[str, str]:
    """Return the headers that sign a request: Signature-Input, Signature, and Content-Digest where it has a body.

    ``created`` is in seconds since 1970; ``nonce`` has 16 to 100 visible ASCII characters and is used once.
    """
    message = _Message(method, str(URL(url)), {})
    covered = list(COVERED)
    if body_sha256 is not None:
        message.headers["Content-Digest"] = f"sha-256=:{base64.b64encode(body_sha256).decode()}:"
        covered.append(_DIGEST)
    resolver = MappingKeyResolver(public_keys={}, private_keys={key_id: key})
    signer = HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=resolver)
    signer.sign(
        message,
        key_id=key_id,
        created=datetime.fromtimestamp(created, UTC),
        nonce=nonce,
        covered_component_ids=covered,
        use_existing_digest=body_sha256 is not None,
    )
    return dict(message.headers)
