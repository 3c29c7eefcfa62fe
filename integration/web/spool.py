"""Where a file waits while it arrives, in constant memory: sealed under a key that only this process knows.

The database is written when the whole file is here: a sender that drips must not hold a transaction open, and a
broken-off one leaves nothing. What stands on the disk meanwhile is unreadable, and has no name.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from integration.storage.pii import DataKey
from integration.web.problems import Problem

if TYPE_CHECKING:
    import hmac

_PIECE: Final = 1 << 20


class Spool:
    """One arriving file. Fill it once; then ``content`` opens it from the start as often as it is asked.

    ``mac`` is a keyed digest of the bytes, ``sha256`` the plain one that a signature may state.
    """

    def __init__(self, folder: Path, mac: hmac.HMAC) -> None:
        self._folder = folder
        self._key = DataKey(os.urandom(32))
        self._mac = mac
        self._sha256 = hashlib.sha256()
        self._file: IO[bytes] | None = None
        self._sizes: list[int] = []
        self._rest = bytearray()
        self.size = 0

    async def fill(self, chunks: AsyncIterator[bytes], most_bytes: int) -> None:
        """Take in the body.

        Raises:
            Problem: it is longer than allowed.
        """
        async for chunk in chunks:
            self.size += len(chunk)
            if self.size > most_bytes:
                raise Problem("TOO_LARGE", f"上限 {most_bytes:,} 字节 / the limit is {most_bytes:,} bytes")
            self._mac.update(chunk)
            self._sha256.update(chunk)
            self._rest += chunk
            if len(self._rest) >= _PIECE:
                await asyncio.to_thread(self._put)

    def _put(self) -> None:
        if self._file is None:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - closed by ``close``
        piece, self._rest = bytes(self._rest), bytearray()
        sealed = self._key.seal(("spool", len(self._sizes)), piece)
        self._file.write(sealed)
        self._sizes.append(len(sealed))

    def content(self) -> Iterator[bytes]:
        """Open what arrived from its start."""
        if self._file is not None:
            at = 0
            for n, size in enumerate(self._sizes):
                sealed = os.pread(self._flushed(), size, at)
                at += size
                yield self._key.open(("spool", n), sealed)
        if self._rest or not self._sizes:
            yield bytes(self._rest)

    def _flushed(self) -> int:
        if self._file is None:
            raise ValueError("nothing was put into the file")
        self._file.flush()
        return self._file.fileno()

    @property
    def mac(self) -> bytes:
        """The keyed digest of all that came."""
        return self._mac.digest()

    @property
    def sha256(self) -> bytes:
        """The digest of all that came."""
        return self._sha256.digest()

    def close(self) -> None:
        """Let go of it; nothing stays behind."""
        if self._file is not None:
            self._file.close()
            self._file = None
