"""The hub's keys: a folder of files that never stands in the database or in its backup.

One key per purpose, so that losing one opens one thing. Suite ``std1`` = AES-256-GCM, HMAC-SHA-256, Ed25519.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SUITE: Final = "std1"

#: Wraps household keys; blind indexes; submissions as they arrived; keyed digests; row references; second factors of
#: log-in; backups.
_SECRETS: Final = ("wrapping", "blind_index", "submissions", "digests", "references", "access", "backups")
#: Signs lists; signs audit checkpoints; signs settlements; signs access tokens.
_SIGNERS: Final = ("lists", "checkpoints", "settlements", "tokens")


class KeysUnusable(Exception):  # noqa: N818 - it names the state
    """The key folder is missing, incomplete, damaged or open to others; the text says what to do."""


@dataclass(frozen=True, slots=True)
class SecretKey:
    """32 secret bytes, and the public name by which a ciphertext says which key it needs."""

    secret: bytes = field(repr=False)
    key_id: str

    @classmethod
    def of(cls, secret: bytes) -> SecretKey:
        """Name a secret."""
        return cls(secret, key_name(secret))


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An Ed25519 key pair: the private half, the public half as PEM, and its name."""

    private: Ed25519PrivateKey = field(repr=False)
    public_pem: bytes
    key_id: str

    @classmethod
    def of(cls, private: Ed25519PrivateKey) -> SigningKey:
        """Name a key pair by its public half."""
        public = private.public_key()
        return cls(private, _public_pem(private), key_name(public.public_bytes_raw()))


def key_name(key: bytes) -> str:
    """Return a key's id: eight hex digits that tell keys apart and nothing about them."""
    return hashlib.sha256(b"waiverhub key id\0" + key).hexdigest()[:8]


@dataclass(frozen=True, slots=True)
class KeyRing:
    """All keys of the hub, by purpose."""

    wrapping: SecretKey
    blind_index: SecretKey
    submissions: SecretKey
    digests: SecretKey
    references: SecretKey
    access: SecretKey
    backups: SecretKey
    lists: SigningKey
    checkpoints: SigningKey
    settlements: SigningKey
    tokens: SigningKey

    @classmethod
    def load(cls, folder: Path) -> KeyRing:
        """Read the key folder.

        Raises:
            KeysUnusable: a file is missing, damaged, or readable by others than its owner.
        """
        _check_private(folder)
        secret = {name: SecretKey.of(_secret(folder / f"{name}.key")) for name in _SECRETS}
        signer = {name: SigningKey.of(_signer(folder / f"{name}.pem")) for name in _SIGNERS}
        return cls(
            wrapping=secret["wrapping"],
            blind_index=secret["blind_index"],
            submissions=secret["submissions"],
            digests=secret["digests"],
            references=secret["references"],
            access=secret["access"],
            backups=secret["backups"],
            lists=signer["lists"],
            checkpoints=signer["checkpoints"],
            settlements=signer["settlements"],
            tokens=signer["tokens"],
        )


def init_keys(folder: Path) -> None:
    """Make a new folder of new keys, readable by its owner alone; the public halves stand beside as PEM.

    Raises:
        KeysUnusable: the folder holds something already. Keys are never replaced: what they sealed is lost then.
    """
    if folder.exists() and any(folder.iterdir()):
        raise KeysUnusable(f"{folder} is not empty; keys are never overwritten. Name another folder.")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    for name in _SECRETS:
        _write(folder / f"{name}.key", os.urandom(32).hex().encode() + b"\n", 0o600)
    for name in _SIGNERS:
        private = Ed25519PrivateKey.generate()
        _write(folder / f"{name}.pem", _private_pem(private), 0o600)
        _write(folder / f"{name}.pub.pem", _public_pem(private), 0o644)


def _write(path: Path, content: bytes, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _check_private(path: Path) -> None:
    if not path.exists():
        raise KeysUnusable(f"{path} is missing; restore it from the key backup (a new hub: waiverhub init)")
    if path.stat().st_mode & 0o077:
        raise KeysUnusable(f"{path} is open to other users; run: chmod go= {path}")


def _secret(path: Path) -> bytes:
    _check_private(path)
    try:
        secret = bytes.fromhex(path.read_text("ascii"))
    except ValueError:
        secret = b""
    if len(secret) != 32:
        raise KeysUnusable(f"{path} is damaged; restore it from the key backup")
    return secret


def _signer(path: Path) -> Ed25519PrivateKey:
    _check_private(path)
    try:
        private = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except ValueError:
        private = None
    if not isinstance(private, Ed25519PrivateKey):
        raise KeysUnusable(f"{path} is damaged; restore it from the key backup")
    return private


def _private_pem(private: Ed25519PrivateKey) -> bytes:
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _public_pem(private: Ed25519PrivateKey) -> bytes:
    return private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
