"""Signed bytes: canonical JSON, and raw Ed25519 over exactly the bytes that travel.

A company checks a manifest without the hub's software:
``openssl pkeyutl -verify -pubin -inkey lists.pub.pem -rawin -in manifest.json -sigfile manifest.sig``.
"""

from __future__ import annotations

from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key


def canonical(value: Any) -> bytes:
    """Return the one JSON form of a value: keys sorted, no blanks, UTF-8 as it is, integers only.

    Raises:
        TypeError: the value holds a float; no two programs write those alike.
    """
    _refuse_floats(plain := msgspec.to_builtins(value, str_keys=True))
    return msgspec.json.encode(plain, order="sorted")


def _refuse_floats(value: Any) -> None:
    if isinstance(value, float):
        raise TypeError("canonical JSON holds no floats")
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list | tuple):
        return
    for part in value:
        _refuse_floats(part)


def sign(private: Ed25519PrivateKey, content: bytes) -> bytes:
    """Return the 64-byte Ed25519 signature of the content."""
    return private.sign(content)


def verify(public_pem: bytes, content: bytes, signature: bytes) -> bool:
    """Tell whether the signature was made over exactly this content by the key's owner.

    Raises:
        ValueError: the PEM is not an Ed25519 public key.
    """
    key = load_pem_public_key(public_pem)
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("not an Ed25519 public key")  # noqa: TRY004 - the content is wrong, not the type
    try:
        key.verify(signature, content)
    except InvalidSignature:
        return False
    return True
