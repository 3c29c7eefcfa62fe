"""The running hub: the API, the clock and the workers in one process, or parted over several.

It ends on SIGTERM or SIGINT: no longer ready, no new calls, what is under way finishes within thirty seconds, leases
are given back.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog
from aiohttp import web

from integration.jobs.hub import Hub
from integration.scheduler.clockwork import Clockwork
from integration.web.deadlines import Deadlines, runner
from integration.web.door import Options
from integration.web.server import make_app
from integration.web.sftp.door import SftpOptions, sftp_door
from integration.web.tls import server_context

_log = structlog.get_logger(__name__)

#: How long what is under way may take to finish.
DRAIN_S: Final = 30
#: How long a write at the door waits for another; a caller comes again then.
_DOOR_WAIT_S: Final = 10


@dataclass(frozen=True)
class Service:
    """What this process does, and where it listens. ``told`` is called with the URL once it listens."""

    folder: Path
    host: str = "127.0.0.1"
    port: int = 8080
    web: bool = True
    work: bool = True
    tick_s: float = 5.0
    audience: str = "waiverhub"
    tls_cert: Path | None = None
    tls_key: Path | None = None
    client_ca: Path | None = None
    behind_proxy: bool = False
    sftp: SftpOptions | None = None
    deadlines: Deadlines = field(default_factory=Deadlines)
    told: Callable[[str], None] = field(default=lambda _: None)


def own_name() -> str:
    """Return a name that no other process has, for leases: machine, process, and a random part."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


async def serve(hub: Hub, service: Service) -> None:
    """Serve until the process is asked to end."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with running(hub, service, stop):
        await stop.wait()
        _log.info("service_stopping")


@asynccontextmanager
async def running(hub: Hub, service: Service, stop: asyncio.Event) -> AsyncIterator[str]:
    """Run what a process is asked to, for the length of the block; give the URL it listens at, "" if it does not."""
    async with AsyncExitStack() as stack:
        clockwork = Clockwork(hub, owner=own_name(), tick_s=service.tick_s) if service.work else None
        if clockwork is not None:
            await clockwork.start()
            stack.push_async_callback(clockwork.stop, DRAIN_S)
        if service.web and service.sftp is not None:
            await stack.enter_async_context(sftp_door(hub, service.sftp, stop, DRAIN_S - 5))
        url = await _listen(stack, hub, service, clockwork, stop) if service.web else ""
        _log.info("service_started", state="web" if url else "worker")
        service.told(url)
        yield url
        stop.set()


async def _listen(
    stack: AsyncExitStack, hub: Hub, service: Service, clockwork: Clockwork | None, stop: asyncio.Event
) -> str:
    patient = hub.with_store(hub.store.waiting(_DOOR_WAIT_S))
    options = Options(
        folder=service.folder,
        audience=service.audience,
        behind_proxy=service.behind_proxy,
        wake=clockwork.wake if clockwork is not None else lambda: None,
        figures=clockwork.figures if clockwork is not None else dict,
        checks={"service": lambda: "stopping" if stop.is_set() else "ok"} | _checks(clockwork),
    )
    app = make_app(patient, options)
    app_runner = runner(app, _deadlines(service), _tls(service), shutdown_timeout=DRAIN_S - 5)
    await app_runner.setup()
    stack.push_async_callback(app_runner.cleanup)
    site = web.TCPSite(app_runner, service.host, service.port)  # TLS is the runner's, which times the handshake
    await site.start()
    scheme = "https" if service.tls_cert else "http"
    return f"{scheme}://{service.host}:{site.port}"


def _deadlines(service: Service) -> Deadlines:
    """Return the deadlines; behind a proxy one address may hold every connection."""
    kept = service.deadlines
    return kept._replace(per_address=kept.connections) if service.behind_proxy else kept


def _checks(clockwork: Clockwork | None) -> dict[str, Callable[[], str]]:
    return {} if clockwork is None else {"clock": clockwork.health}


def _tls(service: Service) -> ssl.SSLContext | None:
    if service.tls_cert is None or service.tls_key is None:
        return None
    return server_context(service.tls_cert, service.tls_key, service.client_ca)
