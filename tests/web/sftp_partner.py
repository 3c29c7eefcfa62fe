"""A hub's SFTP door, and whoever one names coming to it by the key that is registered for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import asyncssh

from integration.app import compose
from integration.clock import system_clock
from integration.domain.rights import ClientKind, Right, Role
from integration.jobs.hub import Hub
from integration.jobs.manage_clients import add_client
from integration.settings import Settings
from integration.storage import users
from integration.storage.engine import Store
from integration.storage.keys import KeyRing
from integration.web.sftp.door import SftpOptions, sftp_door
from integration.web.sftp.guests import Limits
from integration.web.sftp.inbox import Quota

CLIENTS: dict[str, tuple[ClientKind, str, list[Right] | None]] = {
    "works": (ClientKind.COMPANY, "city_water", None),
    "gas": (ClientKind.COMPANY, "city_gas", None),
    "bureau": (ClientKind.CIVIL_AFFAIRS, "civil_affairs", None),
    "reader": (ClientKind.COMPANY, "city_water", [Right.LISTS_OWN]),
    "reporter": (ClientKind.COMPANY, "city_water", [Right.REPORTS_SEND, Right.SUBMISSIONS_OWN]),
}
#: Nobody in a test has to wait for a second of silence when the door is to end.
QUICK = Limits(silent_s=0.1)
ROOMY = Quota()


@cache
def key_of(client_id: str) -> asyncssh.SSHKey:
    return asyncssh.generate_private_key("ssh-ed25519", comment=client_id)


@contextmanager
def hub_of(url: str, ring: KeyRing, folder: Path) -> Iterator[Hub]:
    """Open a hub that lets every client of the list in; it lives by the real time, like the files on the disk."""
    store = Store.open(url)
    hub = compose(store, ring, Settings(data_dir=folder), clock=system_clock)  # type: ignore[call-arg]
    let_in(hub)
    yield hub
    store.close()


def let_in(hub: Hub) -> None:
    with hub.store.write() as connection:
        users.insert_user(connection, hub.clock, users.NewUser("sec", Role.SECURITY_ADMIN, "no hash"))
    for client_id, (kind, party, rights) in CLIENTS.items():
        key = key_of(client_id).export_public_key("openssh").decode()
        add_client(hub, client_id=client_id, title="x", kind=kind, party=party, rights=rights, ssh_key=key, actor="sec")


class Door:
    """The door, and whoever one names comes to it."""

    def __init__(self, hub: Hub, port: int, stop: asyncio.Event) -> None:
        self.hub = hub
        self.port = port
        self.stop = stop

    def home(self, party: str = "city_water") -> Path:
        return self.hub.homes / party

    def lying(self, folder: str = "in", party: str = "city_water") -> dict[str, bytes]:
        """Return what lies in a folder, hidden files too."""
        return {one.name: one.read_bytes() for one in sorted((self.home(party) / folder).iterdir())}

    def connected(self, who: str = "works", key: str | None = None, **more: Any) -> Any:
        return connected(self.port, who, **({"client_keys": [key_of(key or who)]} | more))

    @asynccontextmanager
    async def __call__(self, who: str = "works", **more: Any) -> AsyncIterator[asyncssh.SFTPClient]:
        async with self.connected(who, **more) as connection, connection.start_sftp_client() as sftp:
            yield sftp


def connected(port: int, who: str, **more: Any) -> Any:
    return asyncssh.connect("127.0.0.1", port, username=who, known_hosts=None, agent_path=None, config=None, **more)


@asynccontextmanager
async def opened(hub: Hub, limits: Limits = QUICK, quota: Quota = ROOMY, drain_s: float = 5) -> AsyncIterator[Door]:
    stop = asyncio.Event()
    options = SftpOptions(hub.homes.parent / "sftp_host_key", limits=limits, quota=quota)
    async with sftp_door(hub, options, stop, drain_s) as port:
        yield Door(hub, port, stop)


async def put(sftp: asyncssh.SFTPClient, name: str, content: bytes = b"1|2|3\n") -> None:
    async with sftp.open(name, "wb") as file:
        await file.write(content)


async def refusal(asking: Awaitable[object]) -> asyncssh.SFTPError | None:
    """Ask; return how it was refused, or None if it was done."""
    try:
        await asking
    except asyncssh.SFTPError as error:
        return error
    return None


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.02)
