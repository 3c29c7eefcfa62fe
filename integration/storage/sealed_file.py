"""A file sealed in chunks: a head that anyone may read, and a content that only the key's owner can read or change.

``magic line | length (4) | head | { length (4) | sealed chunk } …``. Every chunk is bound to the digest of the head, to
its number and to whether it is the last: a chunk that is cut, swapped, repeated, added, or of another file is refused.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

from integration.storage.keys import SecretKey
from integration.storage.pii import Unreadable, data_key

#: What every chunk but the last holds, in bytes.
CHUNK: Final = 1 << 20
_MAGIC: Final = b"waiverhub sealed file 1\n"
_HEAD_MOST: Final = 1 << 20
_SEALED_MOST: Final = CHUNK + 64


class FileDamaged(Unreadable):
    """The file is no sealed file, is damaged or cut, or was sealed under another key."""


def write_sealed(path: Path, key: SecretKey, head: bytes, chunks: Iterable[bytes]) -> str:
    """Write a sealed file that is there whole or not at all, for its owner alone; return its SHA-256.

    ``head`` must hold something random, so that no two files have the same.

    Raises:
        FileExistsError: there is a file of this name; backups are never written over.
    """
    if path.exists():
        raise FileExistsError(17, "the file exists already; name another", str(path))
    temporary = path.with_name(f".{path.name}.part")
    with suppress(FileNotFoundError):
        temporary.unlink()
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            digest = _write(file, key, head, chunks)
        os.link(temporary, path)  # unlike a rename, it refuses where another file has come meanwhile
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)
    return digest


def _write(file: BinaryIO, key: SecretKey, head: bytes, chunks: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in _sealed(key, head, chunks):
        file.write(part)
        digest.update(part)
    file.flush()
    os.fsync(file.fileno())
    return digest.hexdigest()


def _sealed(key: SecretKey, head: bytes, chunks: Iterable[bytes]) -> Iterator[bytes]:
    yield _MAGIC + len(head).to_bytes(4) + head
    cipher, bound = data_key(key), hashlib.sha256(head).hexdigest()
    for number, (chunk, last) in enumerate(_ends(_even(chunks))):
        sealed = cipher.seal((bound, number, int(last)), chunk)
        yield len(sealed).to_bytes(4) + sealed


def _even(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Cut bytes into chunks of the one size; the last holds the rest, and there is always one."""
    waiting = bytearray()
    for chunk in chunks:
        waiting += chunk
        while len(waiting) > CHUNK:
            yield bytes(waiting[:CHUNK])
            del waiting[:CHUNK]
    yield bytes(waiting)


def _ends(chunks: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Say of each chunk whether it is the last."""
    before = next(chunks)
    for chunk in chunks:
        yield before, False
        before = chunk
    yield before, True


def read_head(path: Path) -> bytes:
    """Return the head of a sealed file. Nothing vouches for it until the content was read with the key.

    Raises:
        FileDamaged: this is no sealed file.
    """
    with path.open("rb") as file:
        return _head(file)


def _head(file: BinaryIO) -> bytes:
    if file.read(len(_MAGIC)) != _MAGIC:
        raise FileDamaged("这不是本系统的备份文件 / this is no backup of a hub")
    return _sized(file, _HEAD_MOST)


def _sized(file: BinaryIO, most: int) -> bytes:
    """Read a length and as many bytes; a length beyond what can be is never believed."""
    length = int.from_bytes(size := file.read(4))
    content = file.read(length) if len(size) == 4 and length <= most else b""
    if len(size) < 4 or length > most or len(content) < length:
        raise FileDamaged("备份文件被截断或损坏 / the backup is cut or damaged")
    return content


def read_sealed(path: Path, key: SecretKey) -> Iterator[bytes]:
    """Yield the content chunk by chunk; that it is whole is known only when the last one has come.

    Raises:
        FileDamaged: a byte of the file is not as it was written, something is missing or added, or the key is another.
    """
    with path.open("rb") as file:
        bound = hashlib.sha256(_head(file)).hexdigest()
        cipher, number, last = data_key(key), 0, False
        while not last:
            sealed = _sized(file, _SEALED_MOST)
            last = not file.peek(1)  # whoever cuts or adds makes another chunk the last, and it does not open as such
            try:
                yield cipher.open((bound, number, int(last)), sealed)
            except Unreadable:
                text = "备份文件损坏，或备份密钥不对 / the backup is damaged, or sealed under another backup key"
                raise FileDamaged(text) from None
            number += 1


def sync_folder(folder: Path) -> None:
    """Make what was renamed or linked in a folder survive a power cut."""
    entry = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(entry)
    finally:
        os.close(entry)
