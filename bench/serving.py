"""Serving: a list's content, manifest and index, and a report sent in; each beside bare aiohttp in the same run."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter
from typing import Final

import msgspec
from sqlalchemy import insert

from bench import serving_load, stages
from bench.place import Line, Place, month_after, same
from bench.running import Measured, measure, open_hub
from bench.serving_server import COMPANY, Published, published_in
from integration.clock import now_us
from integration.domain.rights import ClientKind, Role
from integration.jobs.hub import Hub
from integration.jobs.machine_access import issue_token
from integration.jobs.manage_clients import add_client
from integration.storage import lists
from integration.storage.tables import users
from integration.web.content import ListFiles
from integration.web.door import Options
from schemas.lists import Manifest

_MONTH: Final = month_after(0)
#: So much content is fetched in a run, and so many small answers.
_CONTENT_BYTES: Final = 400 << 20
_SMALL: Final = 3_000
#: A row of a report is about so long.
_ROW: Final = b"R0123456789ABCDEF|0012345678|202612|B20261228-0012345678|11.000|28.99|3.000|7.91|0|\n"
_ROWS: Final = 1_000_000
_HOSTILE: Final = 2_000
_KINDS: Final = (
    b"",
    b"GET /v1/lists HTTP/1.1\r\nX:",
    b"POST /v1/token HTTP/1.1\r\nHost: h\r\nContent-Length: 99\r\n\r\na",
)


def bench_serving(place: Place) -> Iterator[Line]:
    """Everything that companies fetch or send, by one client over eight connections; then beside hostile sockets."""
    url = place.databases.copy(place.imported_database(), place.name("serving"))
    measure(stages.link_accounts, url, place.folder)
    measure(stages.run_month, url, place.folder, _MONTH)
    number = measure(stages.publish, url, place.folder, _MONTH, "all").detail["number"]
    measure(prepare, url, place.folder, number)
    found: dict[str, list[Measured]] = {"ours": [], "rim": [], "bare": []}
    for turn in range(3 * place.runs):
        kind = tuple(found)[turn % 3]
        found[kind].append(measure(load, kind, url, place.folder))
    same(found["ours"][0], found["bare"][0], "sha256")
    alone = [[_part(one, "content") for one in found[kind]] for kind in ("rim", "bare")]
    yield place.line("serving, content (rim)", 1.43, *alone)
    for what, target in (("content", 1.43), ("manifest", 3.33), ("index", 3.33), ("upload", 0)):
        ours, limits = ([_part(one, what) for one in found[kind]] for kind in ("ours", "bare"))
        yield place.line(f"serving, {what}", target, ours, limits)
    floods = [measure(flood, url, place.folder) for _ in range(place.runs)]
    yield place.stage_line("serving, p99 among 2,000", [_of_server(one) for one in floods], 1)
    place.databases.drop(url)


def _part(whole: Measured, what: str) -> Measured:
    seconds, count = whole.detail[what]
    return Measured(seconds, count, whole.detail["rss_mib"])


def _of_server(one: Measured) -> Measured:
    return msgspec.structs.replace(one, rss_mib=one.detail["rss_mib"])


# --- stages ------------------------------------------------------------------------------------------------------


def prepare(url: str, folder: str, number: str) -> Measured:
    """Let a client of the company in, and lay out for bare aiohttp what it serves."""
    with open_hub(url, folder, _MONTH) as hub:
        token = _client(hub)
        with hub.store.read() as connection:
            found = lists.find_list(connection, COMPANY, int(number))
        assert found is not None
        manifest = msgspec.json.decode(found.manifest, type=Manifest)
        rendering = next(one for one in manifest.renderings if one.name == "csv")
        path = ListFiles(hub, Path(folder) / "bare").path_of(COMPANY, int(number), manifest, rendering)
    line = {"number": int(number), "kind": found.kind, "service": "water", "month": _MONTH, "rows": manifest.rows,
            "published_at": manifest.created_at, "quantity_milli": manifest.quantity_milli, "receipt_at": None,
            "manifest": f"/v1/lists/{number}/manifest", "content": f"/v1/lists/{number}/content"}  # fmt: skip
    plain = path.rename(path.with_name("plain"))  # without its gzip form beside it
    kept = Published(
        int(number), token, str(plain), rendering.media_type, rendering.sha256, msgspec.to_builtins(manifest), [line]
    )
    (Path(folder) / "serving.json").write_bytes(msgspec.json.encode(kept))
    return Measured(0)


def _client(hub: Hub) -> str:
    row = {"name": "sec", "role": Role.SECURITY_ADMIN.value, "password_hash": "-", "created_us": now_us(hub.clock)}
    with hub.store.write() as connection:
        connection.execute(insert(users).values(row))
    secret = add_client(hub, client_id="bench", title="bench", kind=ClientKind.COMPANY, party=COMPANY, actor="sec")
    form = {"grant_type": "client_credentials", "client_id": "bench", "client_secret": secret or ""}
    return issue_token(hub, form, audience=Options.audience).access_token


def load(kind: str, url: str, folder: str) -> Measured:
    """Fetch and send everything; ``detail`` holds seconds and number of each."""
    return asyncio.run(_load(kind, url, folder))


async def _load(kind: str, url: str, folder: str) -> Measured:
    one = published_in(folder)
    content = _get(one, f"/v1/lists/{one.number}/content?rendering=csv")
    count = max(8, _CONTENT_BYTES // Path(one.file).stat().st_size)
    async with _server(kind, url, folder) as (port, detail):
        detail["sha256"] = await serving_load.digest(port, content)  # and what is made once is made
        assert detail["sha256"] == one.sha256
        detail["content"] = [await serving_load.ask(port, content, count), count]
        if kind == "rim":
            return Measured(0, detail=detail)
        for what, path in (("manifest", f"/v1/lists/{one.number}/manifest"), ("index", "/v1/lists")):
            await serving_load.ask(port, _get(one, path), 100)
            detail[what] = [await serving_load.ask(port, _get(one, path), _SMALL), _SMALL]
        detail["upload"] = [await _upload(port, one), _ROWS]
    return Measured(0, detail=detail)


def _get(one: Published, path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {one.token}\r\n\r\n".encode()


async def _upload(port: int, one: Published) -> float:
    """Send a report of a million rows; it is kept as it comes, and read by the worker later."""
    many, size = _ROW * 1_000, len(_ROW) * _ROWS
    head = (
        f"POST /v1/reports HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {one.token}\r\nConnection: close\r\n"
        f"Idempotency-Key: {perf_counter()}\r\nContent-Type: text/plain\r\nContent-Length: {size}\r\n\r\n"
    )
    return await serving_load.send(port, head.encode(), many, _ROWS // 1_000)


def flood(url: str, folder: str) -> Measured:
    """Ask now and then on a connection of one's own while hostile sockets from forty addresses are held; p99."""
    return asyncio.run(_flood(url, folder))


async def _flood(url: str, folder: str) -> Measured:
    one = published_in(folder)
    manifest = _get(one, f"/v1/lists/{one.number}/manifest")
    async with _server("ours", url, folder) as (port, detail):
        hostile = [asyncio.create_task(_harass(port, n)) for n in range(_HOSTILE)]
        await asyncio.sleep(3)
        times = []
        for _ in range(200):
            times.append(await serving_load.ask(port, manifest, 1, 1))
            await asyncio.sleep(0.02)
        for task in hostile:
            task.cancel()
        await asyncio.gather(*hostile, return_exceptions=True)
    return Measured(sorted(times)[-3], len(times), detail=detail)


async def _harass(port: int, n: int) -> None:
    while True:
        try:
            address = (f"127.0.1.{n % 40 + 1}", 0)
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=address)
            writer.write(_KINDS[n % len(_KINDS)])
            await reader.read()
            writer.close()
        except OSError:
            await asyncio.sleep(0.1)


@asynccontextmanager
async def _server(kind: str, url: str, folder: str) -> AsyncIterator[tuple[int, dict[str, object]]]:
    """Start a server; give its port, and where its peak of resident memory will stand."""
    command = [sys.executable, "-m", "bench.serving_server", kind, url, folder, _MONTH]
    detail: dict[str, object] = {}
    with (
        (Path(folder) / "serving.log").open("ab") as log,  # every call is logged, and that is measured too
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        yield int(process.stdout.readline()), detail
        process.stdin.close()
        detail["rss_mib"] = int(process.stdout.readline())
