"""Reading what a machine will prove itself with: a public key as JWK or as OpenSSH writes it, a certificate as PEM."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_public_key
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, import_key

from integration.clock import instant_us
from integration.storage.clients import Credential, CredentialKind

PublicKey = OKPKey | ECKey

#: Algorithms that a machine may sign with, and the kind of key and curve of each; nothing symmetric, nothing else.
CURVES: Final = {"Ed25519": ("OKP", "Ed25519"), "ES256": ("EC", "P-256")}
_SECRET_PARTS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_LONGEST_KEY_ID: Final = 100
#: Kinds of SSH keys, as their files begin: no certificates, and no keys that wait for somebody to touch a token.
_SSH_KINDS: Final = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa")
_SHORTEST_RSA: Final = 3072


class CredentialFault(Exception):  # noqa: N818 - it names what was found
    """A key or certificate cannot be taken; the text says what to send instead."""


def key_of(jwk: Mapping[str, Any]) -> Credential:
    """Read a public JWK; it is named by its ``kid`` or, without one, by its RFC 7638 thumbprint.

    Raises:
        CredentialFault: it is no public key of Ed25519 or P-256.
    """
    if _SECRET_PARTS.intersection(jwk):
        raise CredentialFault("这是私钥；只应提交公钥 / this is a private key: hand in its public half alone")
    key = _public(jwk)
    kid = jwk.get("kid", key.thumbprint())
    if not isinstance(kid, str) or not 0 < len(kid) <= _LONGEST_KEY_ID or not kid.isprintable():
        raise CredentialFault(
            f"kid 须为 1–{_LONGEST_KEY_ID} 个可见字符 / a kid has 1 to {_LONGEST_KEY_ID} printable characters"
        )
    named = {**key.as_dict(private=False), "kid": kid}
    return Credential(CredentialKind.KEY, msgspec.json.encode(named, order="sorted").decode(), kid)


def _public(jwk: Mapping[str, Any]) -> PublicKey:
    try:
        key = import_key({name: value for name, value in jwk.items() if name in ("kty", "crv", "x", "y")})
        if isinstance(key, PublicKey) and (key.key_type, key.curve_name) in CURVES.values():
            key.public_key  # noqa: B018 - it is read only now, and may be no point of the curve
            return key
    except (JoseError, ValueError, TypeError):
        pass
    raise CredentialFault("须为 Ed25519 或 P-256 公钥（JWK） / a public key (JWK) of Ed25519 or P-256 is needed")


def certificate_of(pem: str, now: datetime) -> Credential:
    """Read a certificate; it proves its machine until it expires.

    Raises:
        CredentialFault: it is no PEM certificate, or expired.
    """
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        raise CredentialFault("须为 PEM 证书 / a certificate in PEM is needed") from None
    if certificate.not_valid_after_utc <= now:
        raise CredentialFault("证书已过期，请换新 / the certificate has expired; send a new one")
    sha256 = certificate.fingerprint(SHA256()).hex()
    return Credential(CredentialKind.CERTIFICATE, sha256, sha256, instant_us(certificate.not_valid_after_utc))


def ssh_key_of(text: str) -> Credential:
    """Read a public SSH key, one line as ``ssh-keygen`` writes it; it is named by its SHA-256 fingerprint.

    The comment behind the key, often somebody's name, is not kept.

    Raises:
        CredentialFault: it is no such key, or a weak one.
    """
    if "PRIVATE KEY" in text:
        raise CredentialFault("这是私钥；只应提交公钥 / this is a private key: hand in its public half alone")
    key = _ssh_key(text.strip())
    if isinstance(key, RSAPublicKey) and key.key_size < _SHORTEST_RSA:
        raise CredentialFault(f"RSA 密钥须至少 {_SHORTEST_RSA} 位 / an RSA key has {_SHORTEST_RSA} bits at least")
    if not isinstance(key, Ed25519PublicKey | EllipticCurvePublicKey | RSAPublicKey):
        raise CredentialFault(
            "须为一行 OpenSSH 公钥（Ed25519、ECDSA 或 RSA），如 id_ed25519.pub；其他格式请用 ssh-keygen -i -f 转换"
            " / one line of an OpenSSH public key (Ed25519, ECDSA or RSA) is needed, like id_ed25519.pub;"
            " ssh-keygen -i -f converts other forms"
        )
    line = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    digest = hashlib.sha256(base64.b64decode(line.partition(" ")[2])).digest()
    fingerprint = "SHA256:" + base64.b64encode(digest).decode().rstrip("=")
    return Credential(CredentialKind.SSH_KEY, line, fingerprint)


def _ssh_key(line: str) -> object:
    if line.partition(" ")[0] not in _SSH_KINDS or "\n" in line:
        return None
    try:
        return load_ssh_public_key(line.encode())
    except (ValueError, UnsupportedAlgorithm):
        return None
