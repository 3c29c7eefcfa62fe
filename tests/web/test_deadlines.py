"""Promise G7: slow, silent, stalled and flooding connections end; whoever behaves is served meanwhile.

Real servers and raw sockets. The deadlines are short, so that the tests are.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path

import pytest
from aiohttp import ClientSession, web

from integration.web.admission import Refusals
from integration.web.deadlines import REFUSALS, Deadlines, runner

QUICK = Deadlines(header_s=0.3, idle_s=0.6, body_s=0.3, connections=50, per_address=20, send_s=0.4, least_bytes_s=1024)
#: What a test waits for at most: a connection that is still open then has no deadline.
PATIENCE_S = 3.0
SECRET = "110101199003070011"
GOOD = b"GET / HTTP/1.1\r\nHost: hub\r\n\r\n"

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Served:
    """A server on 127.0.0.1: GET / answers, POST / counts its body, GET /slow takes 0.5 s, GET /big sends 64 MiB."""

    def __init__(self, port: int, refusals: Refusals, seen: list[str]) -> None:
        self.port = port
        self.refusals = refusals
        self.seen = seen

    async def connect(self) -> Connection:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def ask(self) -> int:
        """Ask as whoever behaves, and return the status."""
        async with ClientSession() as session, session.get(f"http://127.0.0.1:{self.port}/") as response:
            return response.status


@asynccontextmanager
async def serving(folder: Path, deadlines: Deadlines = QUICK) -> AsyncIterator[Served]:
    seen: list[str] = []
    big = folder / "big"
    with big.open("wb") as file:
        file.truncate(64 << 20)

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def slow(_request: web.Request) -> web.Response:
        await asyncio.sleep(0.5)
        return web.Response(text="ok")

    async def count(request: web.Request) -> web.Response:
        try:
            size = sum([len(chunk) async for chunk in request.content.iter_chunked(1 << 16)])
        except web.HTTPRequestTimeout:
            seen.append("too slow")
            raise
        return web.Response(text=str(size))

    async def sluggish(request: web.Request) -> web.Response:
        await asyncio.sleep(1.0)
        return await count(request)

    async def send(_request: web.Request) -> web.FileResponse:
        return web.FileResponse(big)

    async def write(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(64):
            await response.write(bytes(1 << 20))
        return response

    async def broken(_request: web.Request) -> web.Response:
        raise ValueError(SECRET)

    app = web.Application()
    app.router.add_get("/broken", broken)
    app.router.add_get("/", answer)
    app.router.add_get("/slow", slow)
    app.router.add_post("/", count)
    app.router.add_post("/sluggish", sluggish)
    app.router.add_get("/big", send)
    app.router.add_get("/written", write)
    made = runner(app, deadlines)
    await made.setup()
    site = web.TCPSite(made, "127.0.0.1", 0)
    await site.start()
    try:
        yield Served(made.addresses[0][1], app[REFUSALS], seen)
    finally:
        await made.cleanup()


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path) as one:
        yield one


async def until_closed(connection: Connection) -> tuple[bytes, float]:
    """Return what the server still said, and after how many seconds it closed."""
    start = time.monotonic()
    async with asyncio.timeout(PATIENCE_S):
        try:
            said = await connection[0].read()
        except ConnectionResetError:
            said = b""
    connection[1].close()
    return said, time.monotonic() - start


async def drip(connection: Connection, text: bytes, pause_s: float) -> tuple[bytes, float]:
    """Send byte by byte until the server closes; return what it said, and after how many seconds it closed."""

    async def send() -> None:
        for byte in text:
            connection[1].write(bytes([byte]))
            await asyncio.sleep(pause_s)

    sending = asyncio.create_task(send())
    try:
        return await until_closed(connection)
    finally:
        sending.cancel()


def told_408(said: bytes) -> bool:
    """Tell whether that was the answer, or nothing: what is still being sent when the server closes may undo it."""
    return said.startswith(b"HTTP/1.1 408 ") or said == b""


# --- heads -------------------------------------------------------------------------------------------------------


async def test_half_a_head_is_answered_408_and_closed(served: Served) -> None:
    one = await served.connect()
    one[1].write(b"GET / HTTP/1.1\r\nHost:")
    said, took_s = await until_closed(one)
    assert said.startswith(b"HTTP/1.1 408 ")
    assert b'"TOO_SLOW"' in said
    assert 0.25 < took_s < 0.6
    assert served.refusals == Refusals(heads=1)


async def test_a_dripped_head_is_not_given_more_time_by_its_drops(served: Served) -> None:
    said, took_s = await drip(await served.connect(), b"GET / HTTP/1.1\r\nX: " + b"a" * 1000, 0.02)
    assert told_408(said)
    assert took_s < 0.6
    assert served.refusals == Refusals(heads=1)


async def test_a_dripped_head_after_a_good_request_ends_as_well(served: Served) -> None:
    one = await served.connect()
    one[1].write(GOOD)
    assert b"200 OK" in await one[0].readuntil(b"ok")
    said, took_s = await drip(one, b"GET / HTTP/1.1\r\nX: " + b"a" * 1000, 0.02)
    assert told_408(said)
    assert took_s < 0.6
    assert served.refusals == Refusals(heads=1)


async def test_half_a_head_behind_a_request_does_not_cut_off_its_answer(served: Served) -> None:
    one = await served.connect()
    one[1].write(b"GET /slow HTTP/1.1\r\nHost: hub\r\n\r\n")
    await asyncio.sleep(0.05)
    one[1].write(b"GET / HTTP/1.1\r\nHost:")
    said, took_s = await until_closed(one)
    assert said.startswith(b"HTTP/1.1 200 ")
    assert took_s < 1.5


async def test_a_head_in_two_pieces_within_the_time_is_served(served: Served) -> None:
    one = await served.connect()
    one[1].write(GOOD[:20])
    await asyncio.sleep(0.15)
    one[1].write(GOOD[20:])
    assert b"200 OK" in await one[0].readuntil(b"ok")
    await asyncio.sleep(0.3)  # the head's deadline is no longer running
    one[1].write(GOOD)
    assert b"200 OK" in await one[0].readuntil(b"ok")
    one[1].close()


# --- silence -----------------------------------------------------------------------------------------------------


async def test_a_silent_connection_is_closed(served: Served) -> None:
    said, took_s = await until_closed(await served.connect())
    assert said == b""
    assert 0.5 < took_s < 1.2


async def test_a_connection_kept_alive_is_closed_when_nothing_comes(served: Served) -> None:
    one = await served.connect()
    one[1].write(GOOD)
    assert b"200 OK" in await one[0].readuntil(b"ok")
    said, took_s = await until_closed(one)
    assert said == b""
    assert 0.5 < took_s < 1.2


# --- bodies ------------------------------------------------------------------------------------------------------


def post(length: int, path: str = "/") -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: hub\r\nContent-Length: {length}\r\n\r\n".encode()


async def test_a_body_that_stands_still_is_answered_408_by_the_handler(served: Served) -> None:
    one = await served.connect()
    one[1].write(post(100) + b"some")
    said, took_s = await until_closed(one)
    assert said.startswith(b"HTTP/1.1 408 ")
    assert b"Connection: close" in said
    assert took_s < 0.8
    assert served.seen == ["too slow"]
    assert served.refusals == Refusals(bodies=1)


async def test_a_body_below_the_rate_ends_however_evenly_it_drips(served: Served) -> None:
    said, took_s = await drip(await served.connect(), post(10_000) + b"a" * 10_000, 0.002)
    assert told_408(said)
    assert took_s < 1.8
    assert served.refusals == Refusals(bodies=1)


async def test_a_chunked_body_that_stands_still_ends(served: Served) -> None:
    one = await served.connect()
    one[1].write(b"POST / HTTP/1.1\r\nHost: hub\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n")
    said, took_s = await until_closed(one)
    assert said.startswith(b"HTTP/1.1 408 ")
    assert took_s < 0.8


async def test_a_body_above_the_rate_may_take_long(served: Served) -> None:
    one = await served.connect()
    one[1].write(post(10 * 500))
    for _ in range(10):  # 5,000 bytes a second for a second: longer than a body may stand still
        await asyncio.sleep(0.1)
        one[1].write(b"a" * 500)
    assert b"200 OK" in await one[0].readuntil(b"5000")
    one[1].close()


async def test_a_quick_start_buys_no_long_standstill(served: Served) -> None:
    one = await served.connect()
    one[1].write(post(200_000) + b"a" * 100_000)
    said, took_s = await until_closed(one)
    assert said.startswith(b"HTTP/1.1 408 ")
    assert took_s < 0.8


async def test_a_body_that_waits_for_the_hub_is_not_late(served: Served) -> None:
    one = await served.connect()
    one[1].write(post(8 << 20, "/sluggish"))
    one[1].write(bytes(8 << 20))  # more than the hub reads ahead, and it reads after a second only
    assert b"200 OK" in await one[0].readuntil(str(8 << 20).encode())
    one[1].close()


async def test_a_body_that_nobody_asked_for_ends(served: Served) -> None:
    one = await served.connect()
    one[1].write(post(100, "/nowhere") + b"some")
    said, took_s = await until_closed(one)
    assert said.startswith(b"HTTP/1.1 404 ")
    assert took_s < 0.8


# --- readers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/big", "/written"])
async def test_a_reader_that_does_not_read_is_let_go(served: Served, path: str) -> None:
    with socket.create_connection(("127.0.0.1", served.port)) as one:
        one.sendall(f"GET {path} HTTP/1.1\r\nHost: hub\r\n\r\n".encode())
        await until(lambda: served.refusals.sockets == 1)
        await until(lambda: served.refusals.sockets == 0)


async def test_a_slow_reader_that_reads_is_served_to_the_end(served: Served) -> None:
    reader, writer = await served.connect()
    writer.write(b"GET /big HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n")
    size, start = 0, time.monotonic()
    while chunk := await reader.read(4 << 20):
        size += len(chunk)
        if time.monotonic() - start < 1.0:
            await asyncio.sleep(0.1)
    assert size > 64 << 20
    writer.close()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not true():
            await asyncio.sleep(0.02)


# --- floods ------------------------------------------------------------------------------------------------------


async def test_an_address_has_so_many_connections_and_the_next_is_told_to_wait(served: Served) -> None:
    held = [await served.connect() for _ in range(20)]
    await until(lambda: served.refusals.sockets == 20)
    said, took_s = await until_closed(await served.connect())
    assert said.startswith(b"HTTP/1.1 429 ")
    assert b"Retry-After: " in said
    assert took_s < 0.1
    assert served.refusals.per_address == 1
    held.pop()[1].close()
    await until(lambda: served.refusals.sockets == 19)
    assert await served.ask() == 200
    for one in held:
        one[1].close()


async def test_when_all_connections_are_taken_who_only_waits_gives_way(tmp_path: Path) -> None:
    async with serving(tmp_path, QUICK._replace(connections=5, header_s=30, idle_s=30)) as served:
        held = [await served.connect() for _ in range(5)]
        held[1][1].write(b"GET / HTTP/1.1\r\nX:")
        held[0][1].write(GOOD)
        assert b"200 OK" in await held[0][0].readuntil(b"ok")
        for _ in range(2):
            held.append(await served.connect())
            held[-1][1].write(GOOD)
            assert b"200 OK" in await held[-1][0].readuntil(b"ok")
        # the first has asked something since, so that the second and the third had waited longest
        assert [await closed(one) for one in held] == [False, True, True, False, False, False, False]
        assert served.refusals == Refusals(displaced=2, sockets=5)
        for one in held:
            one[1].close()


async def test_who_is_being_answered_or_sends_a_body_does_not_give_way(tmp_path: Path) -> None:
    async with serving(tmp_path, QUICK._replace(connections=2, body_s=30)) as served:
        slow, sending = await served.connect(), await served.connect()
        slow[1].write(b"GET /slow HTTP/1.1\r\nHost: hub\r\n\r\n")
        sending[1].write(post(8) + b"some")
        await asyncio.sleep(0.05)
        said, took_s = await until_closed(await served.connect())
        assert said.startswith(b"HTTP/1.1 503 ")
        assert b"Retry-After: " in said
        assert took_s < 0.1
        sending[1].write(b"more")
        assert b"200 OK" in await sending[0].readuntil(b"8")
        assert b"200 OK" in await slow[0].readuntil(b"ok")
        assert served.refusals == Refusals(connections=1, sockets=2)
        assert await served.ask() == 200
        for one in (slow, sending):
            one[1].close()


async def closed(connection: Connection) -> bool:
    """Tell whether the server has closed a connection by now."""
    try:
        async with asyncio.timeout(0.05):
            return not await connection[0].read(1)
    except TimeoutError:
        return False
    except ConnectionResetError:
        return True


async def test_whoever_behaves_is_served_among_all_of_these(tmp_path: Path) -> None:
    async with serving(tmp_path, QUICK._replace(per_address=50)) as served:
        hostile = [b"", b"GET / HTTP/1.1\r\nX:", post(100) + b"some", b"GET /big HTTP/1.1\r\nHost: hub\r\n\r\n"]
        held = [await served.connect() for _ in range(40)]
        for n, (_, writer) in enumerate(held):
            writer.write(hostile[n % len(hostile)])
        times = []
        for _ in range(20):
            start = time.monotonic()
            assert await served.ask() == 200
            times.append(time.monotonic() - start)
        assert max(times) < 1.0
        for _, writer in held:
            writer.transport.abort()


# --- malformed ---------------------------------------------------------------------------------------------------

BAD: dict[str, bytes] = {
    "both lengths": b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nsomes",
    "a minus length": b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -4\r\n\r\n",
    "a folded head": b"GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n",
    "NUL in a head": b"GET / HTTP/1.1\r\nHost: h\r\nX: a\x00b\r\n\r\n",
    "a blank before the colon": b"GET / HTTP/1.1\r\nHost: h\r\nX : a\r\n\r\n",
    "a long line": b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"a" * 9000 + b"\r\n\r\n",
    "many heads": b"GET / HTTP/1.1\r\nHost: h\r\n" + b"X: a\r\n" * 200 + b"\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}


@pytest.mark.parametrize("name", BAD)
async def test_what_two_readers_could_read_differently_is_answered_400(
    served: Served, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    one = await served.connect()
    one[1].write(BAD[name])
    said, took_s = await until_closed(one)
    assert said.startswith((b"HTTP/1.1 400 ", b"HTTP/1.0 400 "))
    assert b'"BAD_REQUEST"' in said
    assert said.count(b"HTTP/1.") == 1
    assert b"aiohttp" not in said
    assert took_s < 0.5
    assert caplog.text == ""  # what is malformed may hold anything, and is not quoted
    assert await served.ask() == 200


async def test_a_fault_of_the_application_is_not_quoted(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    one = await served.connect()
    one[1].write(b"GET /broken HTTP/1.1\r\nHost: hub\r\n\r\n")
    said, _ = await until_closed(one)
    assert b'"INTERNAL"' in said
    assert SECRET.encode() not in said
    assert SECRET not in caplog.text


async def test_a_connection_is_over_when_the_server_ends(tmp_path: Path) -> None:
    async with serving(tmp_path, QUICK._replace(header_s=30, idle_s=30)) as served:
        one = await served.connect()
        one[1].write(b"GET / HTTP/1.1\r\n")
        await until(lambda: served.refusals.sockets == 1)
        closing: Awaitable[tuple[bytes, float]] = asyncio.create_task(until_closed(one))
    assert (await closing)[0] == b""


# --- for long ----------------------------------------------------------------------------------------------------


@pytest.mark.soak
async def test_two_thousand_hostile_sockets_cost_whoever_behaves_less_than_a_second(tmp_path: Path) -> None:
    """From 40 addresses, each with less than it may hold; whatever is closed comes again at once."""
    kinds = [b"", b"GET / HTTP/1.1\r\nX:", post(10_000) + b"some", b"GET /big HTTP/1.1\r\nHost: hub\r\n\r\n"]

    async def harass(port: int, n: int) -> None:
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(f"127.0.1.{n % 40 + 1}", 0))
                with closing(writer):
                    writer.write(kinds[n % len(kinds)])
                    while not writer.transport.is_closing():
                        await asyncio.sleep(0.5)
                        if n % len(kinds) in (1, 2):
                            writer.write(b"a")
            await asyncio.sleep(0.1)

    async with serving(tmp_path, Deadlines(header_s=2, idle_s=4, body_s=4, send_s=4)) as served:
        hostile = [asyncio.create_task(harass(served.port, n)) for n in range(2000)]
        times = []
        await asyncio.sleep(3)
        for _ in range(300):
            start = time.monotonic()
            assert await served.ask() == 200
            times.append(time.monotonic() - start)
            await asyncio.sleep(0.05)
        for one in hostile:
            one.cancel()
        await asyncio.gather(*hostile, return_exceptions=True)
        await until(lambda: served.refusals.sockets == 0)
        assert served.refusals.heads > 100
        assert served.refusals.bodies > 100
        assert sorted(times)[296] < 1.0
