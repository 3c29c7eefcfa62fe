"""Who is at the SFTP door: the connections, how many there may be, and what each has proved.

A partner's machine comes in by its client id and a public SSH key that is registered for it. Key, revocation and rights
are looked up at every request, so that what is on file holds; who is unknown is told what a wrong key is told.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, NamedTuple, ParamSpec, TypeVar

import structlog
from asyncssh import (
    DISC_BY_APPLICATION,
    DISC_NO_MORE_AUTH_METHODS_AVAILABLE,
    DISC_TOO_MANY_CONNECTIONS,
    SSHKey,
    SSHServer,
    SSHServerConnection,
)

from integration.jobs.hub import Hub
from integration.storage.clients import Client
from integration.storage.errors import StorageError
from integration.web.admission import Admission, Refusals
from integration.web.limits import Buckets
from integration.web.sftp.homes import Home
from integration.web.sftp.inbox import Quota
from integration.web.sftp.partner import partner_of
from integration.web.sftp.session import Session

_log = structlog.get_logger(__name__)
_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")

#: What a key may sign with: nothing that leans on SHA-1.
SIGNATURES: Final = (
    "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "rsa-sha2-256", "rsa-sha2-512",
)  # fmt: skip
#: For a part of a file, how long the answer holds that its sender may be here, in seconds.
_RECENT_S: Final = 1
_THREADS: Final = 8


class Limits(NamedTuple):
    """What connections may take, and how many there may be.

    Seconds to log in, between requests, and, once the hub is to end, after the last request; connections in all, of one
    address and of one client, channels of one connection; keys that one may try. An address may connect ``rate_per_s``
    times a second over time and ``burst`` times at once; a connection that does not log in counts as ``failure_costs``
    more.
    """

    login_s: float = 30
    idle_s: float = 600
    silent_s: float = 1
    connections: int = 200
    per_address: int = 16
    per_client: int = 8
    channels: int = 4
    keys: int = 6
    rate_per_s: float = 1
    burst: int = 60
    failure_costs: int = 10


class Guests:
    """Everybody who is connected; behind a proxy nothing is counted by address."""

    def __init__(self, hub: Hub, limits: Limits, quota: Quota, *, behind_proxy: bool) -> None:
        self.hub = hub
        self.limits = limits
        self.quota = quota
        self.here: set[Guest] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self.ending = False
        self._pool = ThreadPoolExecutor(_THREADS, "sftp")
        self._behind_proxy = behind_proxy
        self._admission = Admission(
            limits.connections, limits.connections if behind_proxy else limits.per_address, Refusals()
        )
        self._callers = Buckets(limits.rate_per_s, limits.burst)
        self._of_client: Counter[str] = Counter()

    async def in_thread(self, work: Callable[_Given, _Result], *args: _Given.args, **kwargs: _Given.kwargs) -> _Result:
        """Do what may wait, for the disk or the database, where it holds up nobody but other partners."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, partial(work, *args, **kwargs))

    def next(self) -> Guest:
        """Return whoever connects next."""
        return Guest(self)

    def admit(self, guest: Guest, address: str) -> bool:
        """Count a connection in, or tell that there are too many."""
        admitted = self._counted(address) and self._admission.admit(guest, address) is None
        if admitted:
            self.here.add(guest)
        return admitted

    def _counted(self, address: str) -> bool:
        return self._behind_proxy or not self._callers.take(address, asyncio.get_running_loop().time())

    def log_in(self, guest: Guest, client_id: str) -> bool:
        """Count a client's connection, or tell that it has too many; whoever is in gives way to nobody."""
        if self._of_client[client_id] >= self.limits.per_client:
            return False
        self._of_client[client_id] += 1
        self._admission.works(guest)
        return True

    def dismiss(self, guest: Guest, address: str, client_id: str | None) -> None:
        """Count a connection out."""
        self.here.discard(guest)
        self._admission.dismiss(guest, address)
        if client_id is not None:
            self._of_client -= Counter((client_id,))
            return
        for _ in range(self.limits.failure_costs):
            self._counted(address)

    async def end(self, within_s: float) -> None:
        """Let finish what is under way, within some seconds; then nobody is here any more."""
        self.ending = True
        loop = asyncio.get_running_loop()
        until = loop.time() + within_s
        while self.here and loop.time() < until:
            for guest in list(self.here):
                guest.end_if_done(loop.time())
            await asyncio.sleep(0.05)
        for guest in list(self.here):
            guest.give_way()
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=1)
        self._pool.shutdown(wait=False)


class Guest(SSHServer):
    """One connection."""

    client: Client
    home: Home

    def __init__(self, guests: Guests) -> None:
        self._guests = guests
        self._connection: SSHServerConnection | None = None
        self._address: str | None = None
        self._proven: tuple[Client, str] | None = None
        self._in: str | None = None
        self._refused = 0
        self._asked_at = 0.0
        self._touched_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self.sessions: set[Session] = set()
        self.tasks = guests.tasks
        self.in_thread = guests.in_thread

    @property
    def ending(self) -> bool:
        """Whether the hub is to end."""
        return self._guests.ending

    # --- coming and going

    def connection_made(self, conn: SSHServerConnection) -> None:
        """Be counted in, or turned away without a word."""
        self._connection = conn
        address = str((conn.get_extra_info("peername") or ("",))[0])
        if self._guests.admit(self, address):
            self._address = address
        else:
            conn.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncssh's
        """Be counted out."""
        if self._timer is not None:
            self._timer.cancel()
        if self._address is not None:
            self._guests.dismiss(self, self._address, self._in)
            self._address = None

    def give_way(self) -> None:
        """End at once, without a word."""
        if self._connection is not None:
            self._connection.abort()

    def end_if_done(self, now_s: float) -> None:
        """End, if no file is open and nothing was asked just now."""
        if now_s - self._touched_at > self._guests.limits.silent_s and not any(
            session.busy for session in self.sessions
        ):
            self._leave(DISC_BY_APPLICATION, "服务正在停止 / the hub is ending")

    def _leave(self, code: int, reason: str) -> None:
        if self._connection is not None:
            self._connection.disconnect(code, reason)

    # --- who it is

    def begin_auth(self, username: str) -> bool:  # noqa: ARG002 - asyncssh's
        """Let nobody in who proves nothing."""
        return True

    def public_key_auth_supported(self) -> bool:
        """Take public keys."""
        return True

    async def validate_public_key(self, username: str, key: SSHKey) -> bool:
        """Tell whether a key is registered for a client; that its owner is here is then verified by its signature."""
        # asyncssh tells clients what they may sign with, and then takes all that it knows
        key.all_sig_algorithms = key.all_sig_algorithms.intersection(name.encode() for name in SIGNATURES)
        fingerprint = key.get_fingerprint()
        found = await self._partner(username, fingerprint)
        if found is not None:
            self._proven = found, fingerprint
            return True
        self._refused += 1
        _log.info("sftp_refused", code="KEY")
        if self._refused >= self._guests.limits.keys:
            self._leave(DISC_NO_MORE_AUTH_METHODS_AVAILABLE, "试过的密钥过多 / too many keys were tried")
        return False

    async def _partner(self, client_id: str, fingerprint: str) -> Client | None:
        try:
            return await self.in_thread(partner_of, self._guests.hub, client_id, fingerprint)
        except StorageError as error:  # who cannot be looked up is not let in
            _log.warning("sftp_refused", code=error.code)
            return None

    def auth_completed(self) -> None:
        """Come in, if the client has not too many connections."""
        if self._proven is None:
            self.give_way()
            return
        client, _ = self._proven
        if not self._guests.log_in(self, client.client_id):
            self._leave(DISC_TOO_MANY_CONNECTIONS, "此客户端连接过多 / this client has too many connections")
            return
        self._in = client.client_id
        self.client = client
        self.home = Home(self._guests.hub.homes / client.party, self._guests.quota)
        _log.info("sftp_in", actor=f"client:{client.client_id}", company=client.party)
        self._touched_at = asyncio.get_running_loop().time()
        self._look()

    async def still(self, *, part: bool) -> bool:
        """Tell whether the partner may still be here; for a part of a file a recent answer will do."""
        if self._proven is None:
            return False
        self._touched_at = now_s = asyncio.get_running_loop().time()
        if part and now_s - self._asked_at < _RECENT_S:
            return True
        client, fingerprint = self._proven
        found = await self._partner(client.client_id, fingerprint)
        if found is None:
            self._leave(DISC_BY_APPLICATION, "登录已失效 / you are not logged in any more")
            return False
        self.client, self._asked_at = found, now_s
        return True

    def session_requested(self) -> Session | bool:
        """Open a channel for SFTP."""
        if self._in is None or len(self.sessions) >= self._guests.limits.channels:
            return False
        return Session(self)

    def _look(self) -> None:
        """End what has been idle for too long."""
        loop, left_s = asyncio.get_running_loop(), self._guests.limits.idle_s
        left_s -= loop.time() - self._touched_at
        if left_s > 0:
            self._timer = loop.call_later(left_s, self._look)
        else:
            self._leave(DISC_BY_APPLICATION, "闲置过久 / idle for too long")
