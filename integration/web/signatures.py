"""Message signatures (RFC 9421) of clients whose contract asks for them: Ed25519 over method, path, query and body.

The body is covered by its Content-Digest (SHA-256): headers are verified first, the body while it streams in, and
nothing is kept of a body that is another than was signed. Times are the hub's clock's; nonces are the caller's to note.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from http_message_signatures import HTTPMessageSigner, HTTPMessageVerifier, HTTPSignatureKeyResolver, algorithms
from http_message_signatures.exceptions import HTTPMessageSignaturesException
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from yarl import URL

#: What a signature must cover: not the host, which a proxy in between may change.
COVERED: Final = ("@method", "@path", "@query")
_DIGEST: Final = re.compile(r"sha-256=:([A-Za-z0-9+/]{43}=):")


class SignatureRefused(Exception):  # noqa: N818 - it names what happened
    """MISSING, NOT_COVERED, TOO_OLD, NO_NONCE, DIGEST or WRONG."""


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


class _Keys(HTTPSignatureKeyResolver):
    def __init__(self, public: Mapping[str, Ed25519PublicKey], private: Ed25519PrivateKey | None = None) -> None:
        self._public = public
        self._private = private

    def resolve_public_key(self, key_id: str) -> Ed25519PublicKey | None:
        return self._public.get(key_id)

    def resolve_private_key(self, _key_id: str) -> Ed25519PrivateKey | None:
        return self._private


class _Verifier(HTTPMessageVerifier):
    def validate_created_and_expires(self, sig_input: Any, max_age: Any = None) -> None:
        """Leave times to ``verify``, which has the hub's clock."""


def verify(request: web.BaseRequest, keys: Mapping[str, Mapping[str, str]], now_s: int, window_s: int) -> Signed:
    """Verify a request's one signature by a client's keys (JWKs by their ids), created within so many seconds of now.

    Raises:
        SignatureRefused: see there.
    """
    if "Signature" not in request.headers or "Signature-Input" not in request.headers:
        raise SignatureRefused("MISSING")
    has_body = request.body_exists
    covered = (*COVERED, "content-digest") if has_body else COVERED
    verifier = _Verifier(signature_algorithm=algorithms.ED25519, key_resolver=_Keys(_public(keys)))
    message = _Message(request.method, f"http://hub{request.raw_path}", request.headers)
    try:
        (found,) = verifier.verify(message, require_components=covered, max_age=None)
    except (HTTPMessageSignaturesException, ValueError):
        raise SignatureRefused("WRONG") from None
    created, nonce = found.parameters.get("created"), found.nonce
    if not isinstance(created, int) or abs(now_s - created) > window_s:
        raise SignatureRefused("TOO_OLD")
    if not nonce:
        raise SignatureRefused("NO_NONCE")
    return Signed(str(found.parameters["keyid"]), created, nonce, _digest(request) if has_body else None)


def _public(keys: Mapping[str, Mapping[str, str]]) -> dict[str, Ed25519PublicKey]:
    found = {}
    for key_id, jwk in keys.items():
        try:
            key = OKPKey.import_key(dict(jwk)).public_key
        except (JoseError, ValueError):
            continue
        if isinstance(key, Ed25519PublicKey):
            found[key_id] = key
    return found


def _digest(request: web.BaseRequest) -> bytes:
    stated = _DIGEST.fullmatch(request.headers.get("Content-Digest", ""))
    if stated is None:
        raise SignatureRefused("DIGEST")
    return base64.b64decode(stated[1])


def sign_headers(
    method: str,
    url: str,
    headers: Mapping[str, str],
    *,
    body_sha256: bytes | None,
    key: Ed25519PrivateKey,
    key_id: str,
    created: Any,
    nonce: str,
) -> dict[str, str]:
    """Return a request's headers with the signature that ``verify`` asks for; ``created`` is an aware datetime."""
    made = dict(headers)
    covered = list(COVERED)
    if body_sha256 is not None:
        made["Content-Digest"] = f"sha-256=:{base64.b64encode(body_sha256).decode()}:"
        covered.append("content-digest")
    message = _Message(method, str(URL(url)), made)
    signer = HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=_Keys({}, key))
    signer.sign(
        message,
        key_id=key_id,
        created=created,
        nonce=nonce,
        covered_component_ids=covered,
        use_existing_digest=body_sha256 is not None,
    )
    return made
