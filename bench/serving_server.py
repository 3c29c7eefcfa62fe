"""The servers that are measured: the hub's own, its rim alone, and bare aiohttp with the same bytes at the same places.

``python -m bench.serving_server KIND URL FOLDER MONTH`` prints its port, serves until its input ends, and prints its
peak of resident memory.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec
from aiohttp import web

from bench.running import open_hub
from integration import logs
from integration.clock import system_clock
from integration.web.content import ListFiles, respond
from integration.web.deadlines import Deadlines, runner
from integration.web.door import Options
from integration.web.server import make_app

COMPANY: Final = "city_water"
_NO_LIMIT: Final = 10**9


class Published(msgspec.Struct):
    """A list that is served: its number, the token that opens it, its content's file, its manifest and index."""

    number: int
    token: str
    file: str
    media_type: str
    sha256: str
    manifest: dict[str, object]
    index: list[dict[str, object]]


def published_in(folder: str) -> Published:
    """Read what was prepared to be served."""
    return msgspec.json.decode((Path(folder) / "serving.json").read_bytes(), type=Published)


@asynccontextmanager
async def ours(url: str, folder: str, month: str) -> AsyncIterator[web.AppRunner]:
    """The hub's server, whole: deadlines, tokens, rights, audit of collections; only the rate is not limited."""
    with open_hub(url, folder, month) as hub:
        options = Options(Path(folder) / "service", rate_per_s=_NO_LIMIT, burst=_NO_LIMIT)
        yield runner(make_app(hub, options), Deadlines())


@asynccontextmanager
async def bare(_url: str, folder: str, _month: str) -> AsyncIterator[web.AppRunner]:
    """Bare aiohttp: the same file, the same JSON, uploads into a file; nobody is asked who they are."""
    one = published_in(folder)

    async def content(_request: web.Request) -> web.FileResponse:
        return web.FileResponse(one.file, headers={"Content-Type": one.media_type})

    async def manifest(_request: web.Request) -> web.Response:
        return web.json_response(one.manifest)

    async def index(_request: web.Request) -> web.Response:
        return web.json_response(one.index)

    async def keep(request: web.Request) -> web.Response:
        with tempfile.TemporaryFile(dir=folder) as file:
            async for chunk in request.content.iter_chunked(1 << 16):
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        return web.json_response({"submission_id": 1, "status": "/"}, status=202)

    app = web.Application(client_max_size=1 << 40)
    app.router.add_get("/v1/lists", index)
    app.router.add_get(f"/v1/lists/{one.number}/content", content)
    app.router.add_get(f"/v1/lists/{one.number}/manifest", manifest)
    app.router.add_post("/v1/reports", keep)
    yield web.AppRunner(app, access_log=None)


@asynccontextmanager
async def rim(url: str, folder: str, month: str) -> AsyncIterator[web.AppRunner]:
    """The rim alone: the cache of files and the deadlines, without the door that asks who comes."""
    one = published_in(folder)
    with open_hub(url, folder, month) as hub:
        files = ListFiles(hub, Path(folder) / "service" / "lists")

        async def content(_request: web.Request) -> web.FileResponse:
            listed = files.listed(COMPANY, one.number) or await asyncio.to_thread(files.find, COMPANY, one.number)
            assert listed is not None
            form = next(form for form in listed.manifest.renderings if form.name == "csv")
            path = files.at_hand(COMPANY, one.number, form) or await asyncio.to_thread(
                files.path_of, COMPANY, one.number, listed.manifest, form
            )
            return respond(path, form.media_type, form.file_name)

        app = web.Application()
        app.router.add_get(f"/v1/lists/{one.number}/content", content)
        yield runner(app, Deadlines(), access_log=None)


async def _serve(kind: str, *arguments: str) -> None:
    logs.configure(system_clock)
    async with {"ours": ours, "bare": bare, "rim": rim}[kind](*arguments) as made:
        await made.setup()
        site = web.TCPSite(made, "127.0.0.1", 0, backlog=4096)
        await site.start()
        print(made.addresses[0][1], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        await made.cleanup()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, flush=True)


if __name__ == "__main__":
    asyncio.run(_serve(*sys.argv[1:]))
