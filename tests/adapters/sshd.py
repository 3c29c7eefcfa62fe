"""SFTP servers to exchange files with: OpenSSH's own, one in a thread, and a line between that can be cut."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import os
import socket
import subprocess
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from adapters.channels.folder import FolderPlace
from adapters.channels.place import Opened
from adapters.channels.sftp import SftpServer

SSHD = Path("/usr/sbin/sshd")
KEY_ENV = "TEST_SFTP_KEY"


@dataclass(frozen=True)
class Served:
    """A server that runs, and the two keys that fit."""

    port: int
    host_key: str
    private_key: Path

    def at(self, folder: Path) -> SftpServer:
        return SftpServer("127.0.0.1", self.port, getpass.getuser(), self.host_key, KEY_ENV, str(folder))

    def through(self, port: int) -> Served:
        return replace(self, port=port)


def new_key(path: Path) -> str:
    """Write a private key; return its public line."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(path)
    path.chmod(0o600)
    return key.export_public_key().decode().strip()


@pytest.fixture(scope="session")
def openssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    if not SSHD.exists():
        pytest.skip("there is no OpenSSH server here: apt-get install openssh-server")
    folder = tmp_path_factory.mktemp("sshd")
    host_key = new_key(folder / "host_key")
    (folder / "authorized").write_text(new_key(folder / "user_key") + "\n")
    port = free_port()
    (folder / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host_key\nAuthorizedKeysFile {folder}/authorized\n"
        f"PidFile {folder}/pid\nStrictModes no\nUsePAM no\nPermitRootLogin prohibit-password\n"
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\nSubsystem sftp internal-sftp\n"
        "LogLevel ERROR\nMaxStartups 100\n"
    )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where it confines what it has not let in yet
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([SSHD, "-D", "-e", "-f", folder / "config"], stderr=log)
    try:
        until_open(port, process)
        yield Served(port, host_key, folder / "user_key")
    finally:
        process.terminate()
        process.wait()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def until_open(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        assert process.poll() is None, "sshd ended"
        time.sleep(0.02)
    raise AssertionError("sshd did not begin to listen")


class LoopThread:
    """An event loop in a thread, for servers."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()

    def run(self, doing: Awaitable[Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(awaited(doing), self.loop).result(10)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()


async def awaited(doing: Awaitable[Any]) -> Any:
    return await doing


@contextlib.contextmanager
def asyncssh_server(folder: Path, factory: Callable[..., Any] = asyncssh.SFTPServer) -> Iterator[Served]:
    host_key, user_key = new_key(folder / "host_key"), new_key(folder / "user_key")
    (folder / "authorized").write_text(user_key + "\n")
    with contextlib.closing(LoopThread()) as loop:
        listening = loop.run(
            asyncssh.listen(
                "127.0.0.1",
                0,
                server_host_keys=[folder / "host_key"],
                authorized_client_keys=str(folder / "authorized"),
                sftp_factory=factory,
            )
        )
        yield Served(listening.get_port(), host_key, folder / "user_key")
        loop.run(closed(listening))


async def closed(listening: asyncssh.SSHAcceptor) -> None:
    listening.close()
    await listening.wait_closed()
    await asyncio.sleep(0.02)  # for connections that their other ends have just closed


@pytest.fixture(scope="session")
def in_thread(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with asyncssh_server(tmp_path_factory.mktemp("asyncssh")) as served:
        yield served


@pytest.fixture(params=["in_thread", "openssh"])
def served(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Served:
    found: Served = request.getfixturevalue(request.param)
    monkeypatch.setenv(KEY_ENV, str(found.private_key))
    return found


class Line:
    """A line to a server: cut after so many bytes to it, or dead from then on, if asked to be."""

    def __init__(self, port: int) -> None:
        self.port_behind = port
        self.cut_after: int | None = None
        self.dead_after: int | None = None
        self._never = asyncio.Event()
        self._loop = LoopThread()
        self._server = self._loop.run(asyncio.start_server(self._carry, "127.0.0.1", 0))
        self.port: int = self._server.sockets[0].getsockname()[1]

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_reader, to_writer = await asyncio.open_connection("127.0.0.1", self.port_behind)
        back = asyncio.create_task(pump(to_reader, writer.write))
        carried = 0

        async def there(piece: bytes) -> None:
            nonlocal carried
            carried += len(piece)
            if self.cut_after is not None and carried > self.cut_after:
                raise ConnectionResetError
            if self.dead_after is not None and carried > self.dead_after:
                await self._never.wait()
            to_writer.write(piece)
            await to_writer.drain()

        try:
            await pump(reader, there)
        finally:
            back.cancel()
            for end in (writer, to_writer):
                end.close()

    def close(self) -> None:
        self._loop.run(self._end())
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


async def pump(reader: asyncio.StreamReader, take: Callable[[bytes], Awaitable[None] | None]) -> None:
    with contextlib.suppress(ConnectionError):
        while piece := await reader.read(65_536):
            taken = take(piece)
            if taken is not None:
                await taken


@pytest.fixture
def line(served: Served) -> Iterator[Line]:
    made = Line(served.port)
    yield made
    made.close()


@pytest.fixture(params=["folder", "in_thread", "openssh"])
def opened(request: pytest.FixtureRequest, root: Path, monkeypatch: pytest.MonkeyPatch) -> Opened:
    return opened_place(request, root, monkeypatch)


def opened_place(request: pytest.FixtureRequest, root: Path, monkeypatch: pytest.MonkeyPatch) -> Opened:
    if request.param == "folder":
        return FolderPlace(root).opened
    served: Served = request.getfixturevalue(request.param)
    monkeypatch.setenv(KEY_ENV, str(served.private_key))
    return served.at(root).opened


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("in", "done"):
        (tmp_path / "place" / folder).mkdir(parents=True)
    return tmp_path / "place"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
