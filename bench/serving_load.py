"""A client that costs as little as Python can: it sends the same bytes again and again, and counts what comes back."""

from __future__ import annotations

import asyncio
import hashlib
import re
from time import perf_counter
from typing import Any

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)\r\n", re.IGNORECASE)


class _Asking(asyncio.BufferedProtocol):
    """One connection, which asks as long as ``left`` holds anything."""

    def __init__(self, request: bytes, left: list[int], done: asyncio.Future[bytes], *, digest: bool) -> None:
        self._request = request
        self._left = left
        self._done = done
        self._buffer = bytearray(1 << 20)
        self._missing = 0
        self._digest = hashlib.sha256() if digest else None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        if self._left[0] == 0:
            self._done.set_result(self._digest.digest() if self._digest else b"")
            self._transport.close()
            return
        self._left[0] -= 1
        self._transport.write(self._request)

    def get_buffer(self, _hint: int) -> bytearray:
        return self._buffer

    def buffer_updated(self, count: int) -> None:
        start = 0
        if self._missing == 0:
            start = self._buffer.index(b"\r\n\r\n", 0, count) + 4
            head = bytes(self._buffer[:start])
            found = _LENGTH.search(head)
            if not head.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 202 ")) or found is None:
                raise AssertionError(bytes(self._buffer[:count]))
            self._missing = int(found[1])
        self._missing -= count - start
        if self._digest:
            self._digest.update(memoryview(self._buffer)[start:count])
        if self._missing == 0:
            self._ask()

    def connection_lost(self, exc: BaseException | None) -> None:
        if not self._done.done():
            self._done.set_exception(exc or ConnectionError("closed"))


async def ask(port: int, request: bytes, count: int, connections: int = 8) -> float:
    """Ask so often over so many connections, and return the seconds."""
    loop, left = asyncio.get_running_loop(), [count]
    done = [loop.create_future() for _ in range(connections)]
    start = perf_counter()
    for one in done:
        await loop.create_connection(lambda one=one: _Asking(request, left, one, digest=False), "127.0.0.1", port)
    await asyncio.gather(*done)
    return perf_counter() - start


async def digest(port: int, request: bytes) -> str:
    """Ask once, and return the SHA-256 of the content."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[bytes] = loop.create_future()
    await loop.create_connection(lambda: _Asking(request, [1], done, digest=True), "127.0.0.1", port)
    return (await done).hex()


async def send(port: int, head: bytes, chunk: bytes, count: int) -> float:
    """Send a body of so many chunks, and return the seconds to the answer."""
    start = perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head)
    for _ in range(count):
        writer.write(chunk)
        await writer.drain()
    answer = await reader.readuntil(b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 202 "), answer
    writer.close()
    return perf_counter() - start
