"""The SFTP door: it listens while the hub runs, speaks SFTP alone, and lets files finish when the hub is to end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import asyncssh
import structlog

from integration.clock import now_us
from integration.jobs.hub import Hub
from integration.web.sftp.guests import SIGNATURES, Guests, Limits
from integration.web.sftp.homes import sweep
from integration.web.sftp.host_key import host_key
from integration.web.sftp.inbox import Quota

_log = structlog.get_logger(__name__)

#: Keys and SFTP, and nothing else that SSH can do; of its algorithms none that leans on SHA-1.
_SETTINGS: Final[dict[str, Any]] = {
    "server_version": "waiverhub", "encoding": None, "keepalive_interval": 20, "compression_algs": None,
    "password_auth": False, "kbdint_auth": False, "host_based_auth": False, "gss_host": None,
    "x509_trusted_certs": None, "agent_forwarding": False, "x11_forwarding": False, "allow_pty": False,
    "line_editor": False, "allow_scp": False, "kex_algs": "-*sha1", "mac_algs": "-*sha1*,umac-64*",
    "signature_algs": SIGNATURES,
}  # fmt: skip
_SWEEP_EVERY_S: Final = 3600


@dataclass(frozen=True)
class SftpOptions:
    """Where the door is, and what it allows. ``told`` is called with the address and the host key's fingerprint."""

    host_key: Path
    host: str = "127.0.0.1"
    port: int = 0
    #: Every connection has the proxy's address: what is counted by address is the proxy's to count.
    behind_proxy: bool = False
    limits: Limits = field(default_factory=Limits)
    quota: Quota = field(default_factory=Quota)
    told: Callable[[str, str], None] = field(default=lambda _address, _fingerprint: None)


@asynccontextmanager
async def sftp_door(hub: Hub, options: SftpOptions, stop: asyncio.Event, drain_s: float) -> AsyncIterator[int]:
    """Let partners in for the length of the block; give the port.

    Once ``stop`` is set nobody new is let in, and files under way have ``drain_s`` seconds to finish.

    Raises:
        KeysUnusable: the host key is damaged.
        OSError: the port cannot be listened at.
    """
    asyncssh.set_log_level("WARNING")  # below that it tells of users and files by name
    key = await asyncio.to_thread(host_key, options.host_key)
    guests = Guests(hub, options.limits, options.quota, behind_proxy=options.behind_proxy)
    settings = _SETTINGS | {"server_host_keys": [key], "login_timeout": options.limits.login_s}
    acceptor = await asyncssh.listen(options.host, options.port, server_factory=guests.next, **settings)
    sweeping = asyncio.create_task(_sweep(hub, options.quota))
    ending = asyncio.create_task(_end(stop, acceptor, guests, drain_s))
    port = acceptor.get_port()
    _log.info("sftp_started")
    options.told(f"{options.host}:{port}", key.get_fingerprint())
    try:
        yield port
    finally:
        stop.set()
        sweeping.cancel()
        with suppress(asyncio.CancelledError):
            await sweeping
        await ending


async def _end(stop: asyncio.Event, acceptor: asyncssh.SSHAcceptor, guests: Guests, drain_s: float) -> None:
    await stop.wait()
    acceptor.close()
    await guests.end(drain_s)
    await acceptor.wait_closed()


async def _sweep(hub: Hub, quota: Quota) -> None:
    """Remove, every hour, what was broken off long ago."""
    while True:
        with suppress(OSError):  # somebody is moving a home: in an hour then
            removed = await asyncio.to_thread(sweep, hub.homes, quota, now_us(hub.clock) // 1_000_000)
            if removed:
                _log.info("sftp_swept", count=removed)
        await asyncio.sleep(_SWEEP_EVERY_S)
