"""What aiohttp does not end by itself: slow heads, silent sockets, stalled bodies, readers that do not read, floods.

aiohttp refuses malformed requests, but it waits for slow ones for ever. Here every state of a connection has a
deadline, and connections are counted, in all and by address, so that a thousand hostile sockets cost others nothing.
Written against aiohttp 3.14, whose ``RequestHandler`` is the only place that sees bytes as they come.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import suppress
from ipaddress import IPv6Address
from typing import Any, Final, NamedTuple, cast

import structlog
from aiohttp import web
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.web_protocol import RequestHandler

from integration.web.admission import Admission, Refusals
from integration.web.problems import MEDIA_TYPE, Problem


class Deadlines(NamedTuple):
    """What a connection may take, in seconds, and how many there may be.

    ``header_s``: from a request's first byte to the end of its head; and for a TLS handshake. ``idle_s``: between
    requests and before the first. ``body_s``: how long a body may be behind ``least_bytes_s``: a body that stands still
    ends after so long, one that comes more slowly than ``least_bytes_s`` somewhat later; what waits for the hub itself
    does not count. ``send_s``: how long a reader may take nothing of an answer. ``connections`` in all, ``per_address``
    of one address (of one /64 network for IPv6); behind a proxy every call has the proxy's address, so set both alike
    there.
    """

    header_s: float = 10
    idle_s: float = 60
    body_s: float = 60
    connections: int = 2000
    per_address: int = 64
    send_s: float = 60
    least_bytes_s: int = 1024


_log = structlog.get_logger(__name__)

#: Says nothing of what could be looked up in a list of known faults.
_SERVER: Final = "waiverhub"

#: How long TLS may take to say goodbye.
_GOODBYE_S: Final = 2

REFUSALS: Final = web.AppKey("refusals", Refusals)


def runner(
    app: web.Application, deadlines: Deadlines, tls: ssl.SSLContext | None = None, **kwargs: Any
) -> web.AppRunner:
    """Return a runner whose connections keep the deadlines; ``kwargs`` are those of ``web.AppRunner``.

    ``tls`` belongs here and not to the site, so that connections are counted, and late, before their handshake too.
    ``app[REFUSALS]`` counts what was refused. A handler that reads a body which is too slow gets
    ``web.HTTPRequestTimeout`` from its read.
    """
    app[REFUSALS] = Refusals()
    app.on_response_prepare.append(_prepare)
    kwargs = {"keepalive_timeout": deadlines.idle_s, "lingering_time": deadlines.header_s} | kwargs
    return _Runner(app, deadlines, tls, **kwargs)


async def _prepare(request: web.Request, response: web.StreamResponse) -> None:
    """Say to a client whose body was too slow that its connection ends with the answer; name no versions to anybody."""
    response.headers["Server"] = _SERVER
    if isinstance(request.protocol, _Connection) and request.protocol.too_slow:
        response.headers["Connection"] = "close"


class _Runner(web.AppRunner):
    def __init__(self, app: web.Application, deadlines: Deadlines, tls: ssl.SSLContext | None, **kwargs: Any) -> None:
        super().__init__(app, **kwargs)
        self._deadlines = deadlines
        self._tls = tls

    async def _make_server(self) -> web.Server:
        return _Server(await super()._make_server(), self._deadlines, self._tls, self.app[REFUSALS])


class _Server(web.Server):
    """aiohttp's server with our connections, and the count of them."""

    def __init__(self, made: web.Server, deadlines: Deadlines, tls: ssl.SSLContext | None, refusals: Refusals) -> None:
        super().__init__(
            made.request_handler,
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            **made._kwargs,  # noqa: SLF001 - the application made it, and tells nobody else
        )
        self.deadlines = deadlines
        self.refusals = refusals
        self.tls = tls
        self.admission = Admission(deadlines.connections, deadlines.per_address, refusals)
        self._handshakes: set[asyncio.Task[None]] = set()

    def __call__(self) -> RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)

    def shake_hands(self, connection: _Connection, transport: asyncio.Transport, tls: ssl.SSLContext) -> None:
        """Make a connection secure, in a task of its own."""
        transport.pause_reading()
        task = self._loop.create_task(self._shake_hands(connection, transport, tls))
        self._handshakes.add(task)
        task.add_done_callback(self._handshakes.discard)

    async def _shake_hands(self, connection: _Connection, transport: asyncio.Transport, tls: ssl.SSLContext) -> None:
        secure = None
        try:
            secure = await self._loop.start_tls(
                transport,
                connection,
                tls,
                server_side=True,
                ssl_handshake_timeout=self.deadlines.header_s,
                ssl_shutdown_timeout=min(self.deadlines.header_s, _GOODBYE_S),
            )
        except OSError:  # what TLS refuses, and what is too slow for it, among them
            self.refusals.handshakes += 1
        finally:
            if secure is None:
                transport.abort()
                connection.leave()
        if secure is not None:
            connection.connection_made(secure)

    async def shutdown(self, timeout: float | None = None) -> None:
        for task in self._handshakes:
            task.cancel()
        await super().shutdown(timeout)


class _Connection(RequestHandler):
    """One connection. ``_behind`` is what it is late with: "", "head" or "body"; ``_until`` when it is too late."""

    def __init__(self, server: _Server, **kwargs: Any) -> None:
        super().__init__(server, **kwargs)
        self._server = server
        self._deadlines = server.deadlines
        self._address: str | None = None
        self._accepted: asyncio.Transport | None = None
        self._payload: Any = EMPTY_PAYLOAD
        self._behind = ""
        self._until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self.too_slow = False

    # --- how many

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self._address is None and not self._admitted(cast("asyncio.Transport", transport)):
            return
        if self._server.tls is not None and transport.get_extra_info("sslcontext") is None:
            self._server.shake_hands(self, cast("asyncio.Transport", transport), self._server.tls)
            return
        super().connection_made(transport)

    def _admitted(self, transport: asyncio.Transport) -> bool:
        address = _address_of(transport)
        refused = self._server.admission.admit(self, address)
        if refused is None:
            self._address, self._accepted = address, transport
            _set_send_timeout(transport, self._deadlines.send_s)
        else:
            self._turn_away(transport, refused)
        return refused is None

    def _turn_away(self, transport: asyncio.Transport, problem: Problem) -> None:
        """Answer without reading, and close. It was never made known to aiohttp's server."""
        self._force_close, self._manager = True, None
        if self._server.tls is None and transport.get_extra_info("sslcontext") is None:
            transport.write(_raw(problem))
            transport.close()
        else:
            transport.abort()  # a polite end of TLS would wait for the other side

    def connection_lost(self, exc: BaseException | None) -> None:
        self._rest()
        self.leave()
        super().connection_lost(exc)

    def leave(self) -> None:
        """Be counted out, once."""
        if self._address is not None:
            self._server.admission.dismiss(self, self._address)
            self._address = None

    def give_way(self) -> None:
        """End for another's sake: all connections are taken, and this one waits."""
        self.force_close()
        if self._accepted is not None:
            self._accepted.abort()

    # --- how slow

    def data_received(self, data: bytes) -> None:
        requests = self._request_count
        self._take(data)
        if self._force_close or self._close:
            return
        if self._request_count > requests and self._messages:
            self._payload = self._messages[-1][1]
            self._rest()
            self._server.admission.works(self)
        if not self._payload.is_eof():
            self._credit(len(data))
        elif self._behind == "body":
            self._rest()
        elif data and not self._behind and self._request_count == requests:
            self._expect("head", self._deadlines.header_s)

    def _take(self, data: bytes) -> None:
        """Read on. Asked to end, aiohttp drops what still comes, and a call that waits for its body never finishes."""
        forced, closing = self._force_close, self._close
        if self.transport is not None and not self._payload.is_eof():
            self._force_close = self._close = False
        super().data_received(data)
        self._force_close, self._close = forced or self._force_close, closing or self._close

    def resume_reading(self, resume_parser: bool = True) -> None:
        waited = self._reading_paused  # aiohttp resumes after every read, whether it had paused or not
        super().resume_reading(resume_parser)
        if waited and self._behind == "body":  # while the hub did not read, nobody was late
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

    # --- how it is answered

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Answer what never came to the application; aiohttp would quote it, in its answer and in the log."""
        del message
        if status >= 500:
            _log.error("connection_failed", code=type(exc).__name__)
        if request.writer.output_size > 0:
            raise ConnectionError("the answer was under way already")
        problem = Problem("BAD_REQUEST" if status < 500 else "INTERNAL")
        headers = {"Connection": "close", "X-Content-Type-Options": "nosniff", "Server": _SERVER}
        response = web.Response(
            status=problem.status, body=problem.body("zh"), content_type=MEDIA_TYPE, headers=headers
        )
        response.force_close()
        return response

    async def finish_response(self, *args: Any) -> tuple[web.StreamResponse, bool]:
        """Send the answer; a reader that took nothing for ``send_s`` is gone, like one that hung up."""
        try:
            return await super().finish_response(*args)
        except TimeoutError as error:
            raise ConnectionResetError(*error.args[:1]) from None
        finally:
            if self._address is not None and not self._messages:
                self._server.admission.waits(self)


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
