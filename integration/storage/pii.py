"""Personal data: sealed under each household's own key, found by keyed digests, named to companies by references.

A sealed blob is ``suite (1) | key id (4) | nonce (12) | ciphertext and tag``. Its header and its place (table, row)
are authenticated, so a blob moved to another row, or cut, does not open. Destroying a household's key
makes everything sealed under it unreadable, in every backup too.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from enum import IntEnum
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from integration.storage.keys import KeyRing, SecretKey, key_name

_STD1: Final = b"\x01"
_NONCE: Final = 12
_HEADER: Final = 1 + 4 + _NONCE
_BLOCK: Final = 64  # bytes, of SHA-256; no secret is longer


class Unreadable(Exception):  # noqa: N818 - it names the state
    """A sealed blob does not open: another key, another row, or changed bytes."""


class LookupKind(IntEnum):
    """What a keyed digest was made of. Customers of companies use the same kinds, so that the two join."""

    CERTIFICATE = 1
    PERSON = 2
    NAME = 3
    PLACE = 4
    ADDRESS = 5
    # what finds candidates for a household without an account: near keys, never evidence by themselves
    NAME_ROOM = 6
    NAME_TAIL = 7
    STREET_ROOM = 8


class DataKey:
    """A key ready to seal and open; ``secret`` is 32 bytes."""

    __slots__ = ("_cipher", "_head")

    def __init__(self, secret: bytes, key_id: str | None = None) -> None:
        self._cipher = AESGCM(secret)
        self._head = _STD1 + bytes.fromhex(key_id or key_name(secret))

    def seal(self, place: tuple[str | int, ...], plaintext: bytes) -> bytes:
        """Encrypt a blob for one place: the table, the row's key, and whatever else must not change beside it."""
        nonce = os.urandom(_NONCE)
        return self._head + nonce + self._cipher.encrypt(nonce, plaintext, self._bound(place))

    def open(self, place: tuple[str | int, ...], sealed: bytes) -> bytes:
        """Decrypt what was sealed for this place.

        Raises:
            Unreadable: another key or place, or changed bytes.
        """
        if sealed[:5] != self._head or len(sealed) < _HEADER:
            raise Unreadable("sealed under another key, or cut")
        try:
            return self._cipher.decrypt(sealed[5:_HEADER], sealed[_HEADER:], self._bound(place))
        except InvalidTag:
            raise Unreadable("the sealed bytes, or their place, were changed") from None

    def _bound(self, place: tuple[str | int, ...]) -> bytes:
        return self._head + "\0".join(map(str, place)).encode()


def data_key(key: SecretKey) -> DataKey:
    """Return a key of the ring, ready to seal and open."""
    return DataKey(key.secret, key.key_id)


class HouseholdKeys:
    """Makes and opens the households' keys; they are kept wrapped by the hub's own."""

    def __init__(self, ring: KeyRing) -> None:
        self._wrapping = data_key(ring.wrapping)
        self.key_id = ring.wrapping.key_id

    def new(self, household_id: int) -> tuple[DataKey, bytes]:
        """Make a household's key; return it with its wrapped form, as ``household_keys`` keeps it."""
        secret = os.urandom(32)
        return DataKey(secret), self._wrapping.seal(("household_keys", household_id), secret)

    def unwrap(self, household_id: int, wrapped: bytes) -> DataKey:
        """Return a household's key from its wrapped form.

        Raises:
            Unreadable: it was wrapped for another household, by another hub, or changed.
        """
        return DataKey(self._wrapping.open(("household_keys", household_id), wrapped))


class BlindIndex:
    """Keyed digests by which equal texts find each other and nobody without the key finds anything."""

    def __init__(self, ring: KeyRing) -> None:
        # HMAC-SHA-256 by its definition (RFC 2104): both halves are keyed once and copied for each text, for a registry
        # has millions of them; the library's own object costs twice as much to copy, keying anew ten times
        key = ring.blind_index.secret.ljust(_BLOCK, b"\0")
        inner = bytes(byte ^ 0x36 for byte in key)
        self._inner = {kind: hashlib.sha256(inner + bytes([kind])) for kind in LookupKind}
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in key))

    def digest(self, kind: LookupKind, text: str) -> bytes:
        """Return the 16-byte digest of a text of this kind; normalising the text is the caller's."""
        inner, outer = self._inner[kind].copy(), self._outer.copy()
        inner.update(text.encode())
        outer.update(inner.digest())
        return outer.digest()[:16]


def keyed_hasher(ring: KeyRing, purpose: str) -> hmac.HMAC:
    """Return a keyed digest to be fed; ``copy()`` it to digest many things. Purposes never meet."""
    return hmac.new(ring.digests.secret, purpose.encode() + b"\0", "sha256")


_CROCKFORD: Final = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", b"0123456789ABCDEFGHJKMNPQRSTVWXYZ")


def row_reference(ring: KeyRing, company: str, household_id: int, account_id: int) -> str:
    """Return what a company sees in place of a household: 16 characters, the same for ever, telling nothing."""
    message = f"{company}\0{household_id}\0{account_id}".encode()
    digest = hmac.digest(ring.references.secret, message, "sha256")
    return base64.b32encode(digest[:10]).translate(_CROCKFORD).decode()
