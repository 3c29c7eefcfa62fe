"""What aiohttp does not end by itself: slow heads, silent sockets, stalled bodies, readers that do not read, floods.

aiohttp refuses malformed requests, but it waits for slow ones for ever. Here every state of a connection has a
deadline, and connections are counted, in all and by address, so that a thousand hostile sockets cost others nothing.
Written against aiohttp 3.14, whose ``RequestHandler`` is the only place that sees bytes as they come.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Any, Final, NamedTuple

from aiohttp import web
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.web_protocol import RequestHandler

from integration.web.problems import MEDIA_TYPE, Problem


class Deadlines(NamedTuple):
    """What a connection may take, in seconds, and how many there may be.

    ``header_s``: from a request's first byte to the end of its head. ``idle_s``: between requests and before the first.
    ``body_s``: how long a body may be behind ``least_bytes_s``: a body that stands still ends after so long, one that
    comes more slowly than ``least_bytes_s`` somewhat later; what waits for the hub itself does not count. ``send_s``:
    how long a reader may take nothing of an answer. ``connections`` in all, ``per_address`` of one address (of one /64
    network for IPv6); behind a proxy every call has the proxy's address, so set both alike there.
    """

    header_s: float = 10
    idle_s: float = 60
    body_s: float = 60
    connections: int = 2000
    per_address: int = 64
    send_s: float = 60
    least_bytes_s: int = 1024


@dataclass
class Refusals:
    """How often what was refused, since the start; ``sockets`` are open now."""

    connections: int = 0
    per_address: int = 0
    heads: int = 0
    bodies: int = 0
    sockets: int = 0


REFUSALS: Final = web.AppKey("refusals", Refusals)


def runner(app: web.Application, deadlines: Deadlines, **kwargs: Any) -> web.AppRunner:
    """Return a runner whose connections keep the deadlines; ``kwargs`` are those of ``web.AppRunner``.

    ``app[REFUSALS]`` counts what was refused. A handler that reads a body which is too slow gets
    ``web.HTTPRequestTimeout`` from its read.
    """
    app[REFUSALS] = Refusals()
    app.on_response_prepare.append(_say_close)
    kwargs = {"keepalive_timeout": deadlines.idle_s, "lingering_time": deadlines.header_s} | kwargs
    return _Runner(app, deadlines, **kwargs)


async def _say_close(request: web.Request, response: web.StreamResponse) -> None:
    """Say to a client whose body was too slow that its connection ends with the answer."""
    if isinstance(request.protocol, _Connection) and request.protocol.too_slow:
        response.headers["Connection"] = "close"


class _Runner(web.AppRunner):
    def __init__(self, app: web.Application, deadlines: Deadlines, **kwargs: Any) -> None:
        super().__init__(app, **kwargs)
        self._deadlines = deadlines

    async def _make_server(self) -> web.Server:
        return _Server(await super()._make_server(), self._deadlines, self.app[REFUSALS])


class _Server(web.Server):
    """aiohttp's server with our connections, and the count of them."""

    def __init__(self, made: web.Server, deadlines: Deadlines, refusals: Refusals) -> None:
        super().__init__(
            made.request_handler,
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            **made._kwargs,  # noqa: SLF001 - the application made it, and tells nobody else
        )
        self.deadlines = deadlines
        self.refusals = refusals
        self._of_address: Counter[str] = Counter()

    def __call__(self) -> RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)

    def admit(self, address: str) -> Problem | None:
        """Count a connection in, or return why it is refused."""
        if self.refusals.sockets >= self.deadlines.connections:
            self.refusals.connections += 1
            return Problem("BUSY")
        if self._of_address[address] >= self.deadlines.per_address:
            self.refusals.per_address += 1
            return Problem("TOO_MANY")
        self.refusals.sockets += 1
        self._of_address[address] += 1
        return None

    def dismiss(self, address: str) -> None:
        """Count an admitted connection out."""
        self.refusals.sockets -= 1
        self._of_address[address] -= 1
        if not self._of_address[address]:
            del self._of_address[address]


class _Connection(RequestHandler):
    """One connection. ``_behind`` is what it is late with: "", "head" or "body"; ``_until`` when it is too late."""

    def __init__(self, server: _Server, **kwargs: Any) -> None:
        super().__init__(server, **kwargs)
        self._server = server
        self._deadlines = server.deadlines
        self._address: str | None = None
        self._payload: Any = EMPTY_PAYLOAD
        self._behind = ""
        self._until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self.too_slow = False

    # --- how many

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        address = _address_of(transport)
        refused = self._server.admit(address)
        if refused is not None:
            self._turn_away(transport, refused)
            return
        self._address = address
        _set_send_timeout(transport, self._deadlines.send_s)
        super().connection_made(transport)

    def _turn_away(self, transport: asyncio.BaseTransport, problem: Problem) -> None:
        """Answer without reading, and close. It was never made known to aiohttp's server."""
        self._force_close, self._manager = True, None
        if isinstance(transport, asyncio.WriteTransport):
            if transport.get_extra_info("sslcontext") is None:
                transport.write(_raw(problem))
                transport.close()
            else:
                transport.abort()  # a polite end of TLS would wait for the other side

    def connection_lost(self, exc: BaseException | None) -> None:
        self._rest()
        if self._address is not None:
            self._server.dismiss(self._address)
            self._address = None
        super().connection_lost(exc)

    # --- how slow

    def data_received(self, data: bytes) -> None:
        requests = self._request_count
        super().data_received(data)
        if self._force_close or self._close:
            return
        if self._request_count > requests and self._messages:
            self._payload = self._messages[-1][1]
            self._rest()
        if not self._payload.is_eof():
            self._credit(len(data))
        elif self._behind == "body":
            self._rest()
        elif data and not self._behind and self._request_count == requests:
            self._expect("head", self._deadlines.header_s)

    def resume_reading(self, resume_parser: bool = True) -> None:
        super().resume_reading(resume_parser)
        if self._behind == "body":  # while the hub did not read, nobody was late
            self._until = self._loop.time() + self._deadlines.body_s

    def _credit(self, size: int) -> None:
        """Give a body the time that its bytes are worth, and never more than it had at first."""
        if self._behind != "body":
            self._expect("body", self._deadlines.body_s)
            return
        most = self._loop.time() + self._deadlines.body_s
        self._until = min(most, self._until + size / self._deadlines.least_bytes_s)

    def _expect(self, what: str, within_s: float) -> None:
        self._behind, self._until = what, self._loop.time() + within_s
        self._timer = self._loop.call_at(self._until, self._look)

    def _rest(self) -> None:
        self._behind = ""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        """Look whether it is too late by now; what waits for the hub is not late."""
        busy = self._request_in_progress or bool(self._messages)
        if self._behind == "head" and busy:
            self._until = self._loop.time() + self._deadlines.header_s
        if self._behind == "body" and (self._reading_paused or self._buffer_paused):
            self._until = self._loop.time() + self._deadlines.body_s
        if self._loop.time() < self._until:
            self._timer = self._loop.call_at(self._until, self._look)
        elif self._behind == "head":
            self._end_head()
        else:
            self._end_body(answering=busy)

    def _end_head(self) -> None:
        self._rest()
        self._server.refusals.heads += 1
        if self.transport is not None:
            self.transport.write(_raw(Problem("TOO_SLOW")))
        self.force_close()

    def _end_body(self, *, answering: bool) -> None:
        """Let the handler answer, if one still can, and end the connection after it."""
        self._rest()
        self._server.refusals.bodies += 1
        self.too_slow = True
        if not answering:
            self.force_close()
            return
        self._payload.set_exception(web.HTTPRequestTimeout())
        self._lingering_time = 0.0  # nobody reads what may still come
        self.close()

    async def finish_response(self, *args: Any) -> tuple[web.StreamResponse, bool]:
        """Send the answer; a reader that took nothing for ``send_s`` is gone, like one that hung up."""
        try:
            return await super().finish_response(*args)
        except TimeoutError as error:
            raise ConnectionResetError(*error.args[:1]) from None


def _address_of(transport: asyncio.BaseTransport) -> str:
    peer = transport.get_extra_info("peername")
    host = str(peer[0]) if isinstance(peer, tuple) else ""
    if ":" not in host:
        return host
    address = IPv6Address(host.partition("%")[0])
    return str(address.ipv4_mapped or IPv6Address(int(address) >> 64 << 64))


def _set_send_timeout(transport: asyncio.BaseTransport, seconds: float) -> None:
    """Let the kernel end a connection whose other side takes nothing; it alone sees what sendfile sends."""
    connection = transport.get_extra_info("socket")
    if connection is not None and connection.family != socket.AF_UNIX and hasattr(socket, "TCP_USER_TIMEOUT"):
        with suppress(OSError):  # it is gone already
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(seconds * 1000))


def _raw(problem: Problem) -> bytes:
    """Return a refusal as bytes, for where there is no request to answer."""
    reasons = {408: "Request Timeout", 429: "Too Many Requests", 503: "Service Unavailable"}
    body = problem.body("zh")
    head = (
        f"HTTP/1.1 {problem.status} {reasons[problem.status]}\r\nContent-Type: {MEDIA_TYPE}\r\n"
        f"Content-Length: {len(body)}\r\nRetry-After: 5\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
