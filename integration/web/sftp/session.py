"""One SFTP session over asyncssh, whose own server would do all that SFTP knows, and would do it anywhere.

Here what is not on a list is refused, the partner is asked for anew before each request, answers wait for a reader that
is slow, and a session that breaks off leaves its files unfinished. Written against asyncssh 2.24, where a session is no
more than its handler, so it is the handler that is changed.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final, Protocol, cast

from asyncssh import (
    SFTPError,
    SFTPFailure,
    SFTPOpUnsupported,
    SSHReader,
    SSHServerChannel,
    SSHServerConnection,
    SSHWriter,
)
from asyncssh.constants import (
    FXP_CLOSE,
    FXP_EXTENDED,
    FXP_FSETSTAT,
    FXP_FSTAT,
    FXP_LSTAT,
    FXP_OPEN,
    FXP_OPENDIR,
    FXP_READ,
    FXP_READDIR,
    FXP_REALPATH,
    FXP_REMOVE,
    FXP_RENAME,
    FXP_SETSTAT,
    FXP_STAT,
    FXP_STATUS,
    FXP_WRITE,
)
from asyncssh.packet import SSHPacket, UInt32
from asyncssh.sftp import SFTPServerHandler
from asyncssh.stream import SSHServerStreamSession

from integration.web.sftp.files import HomeFiles, Owner

_VERSION: Final = 3
_SYNC: Final = b"fsync@openssh.com"
_KNOWN: Final = frozenset(
    {
        FXP_OPEN, FXP_CLOSE, FXP_READ, FXP_WRITE, FXP_LSTAT, FXP_FSTAT, FXP_STAT, FXP_SETSTAT, FXP_FSETSTAT,
        FXP_OPENDIR, FXP_READDIR, FXP_REMOVE, FXP_REALPATH, FXP_RENAME, _SYNC,
    }
)  # fmt: skip
#: Files and folders that a session may have open at once.
_HANDLES: Final = 32


class Visit(Owner, Protocol):
    """The connection that a session came by."""

    sessions: set[Session]
    tasks: set[asyncio.Task[None]]

    @property
    def ending(self) -> bool:
        """Whether the hub is to end: files under way may finish, and none is begun."""
        ...

    async def still(self, *, part: bool) -> bool:
        """Tell whether the partner may still be here; for a part of a file a recent answer will do."""
        ...


class Session(SSHServerStreamSession[bytes]):
    """A channel on which SFTP is spoken, and nothing else: no shell, no command, no copying by scp."""

    def __init__(self, visit: Visit) -> None:
        super().__init__(None)
        self._visit = visit
        self._files: HomeFiles | None = None
        visit.sessions.add(self)

    @property
    def busy(self) -> bool:
        """Whether a file is open."""
        return self._files is not None and self._files.busy

    def subsystem_requested(self, subsystem: str) -> bool:
        """Take SFTP alone."""
        return subsystem == "sftp"

    def session_started(self) -> None:
        """Serve, in a task of its own."""
        channel, connection = cast("SSHServerChannel[bytes]", self._chan), cast("SSHServerConnection", self._conn)
        self._files = HomeFiles(channel, self._visit)
        handler = _Handler(self._visit, self._files, SSHReader(self, channel), SSHWriter(self, channel))
        task = connection.create_task(handler.serve())
        self._visit.tasks.add(task)
        task.add_done_callback(self._visit.tasks.discard)

    def connection_lost(self, exc: Exception | None) -> None:
        """Make room for another channel."""
        super().connection_lost(exc)
        self._visit.sessions.discard(self)


class _Handler(SFTPServerHandler):
    _extensions = [(_SYNC, b"1")]  # noqa: RUF012 - asyncssh's
    _packet_handlers = {  # noqa: RUF012 - the same
        asked: handler
        for asked, handler in SFTPServerHandler._packet_handlers.items()  # noqa: SLF001 - the same
        if asked in _KNOWN
    }

    def __init__(self, visit: Visit, files: HomeFiles, reader: SSHReader[bytes], writer: SSHWriter[bytes]) -> None:
        super().__init__(files, reader, writer, _VERSION)
        self._visit = visit
        self._files = files
        self._answers = writer

    async def serve(self) -> None:
        """Serve until the client is done, or gone."""
        try:
            await self._visit.in_thread(self._visit.home.make)
            await self.run()
        finally:
            self._files.let_go()

    async def _process_packet(self, pkttype: int, pktid: int, packet: SSHPacket) -> None:
        if not await self._visit.still(part=pkttype in (FXP_READ, FXP_WRITE)):
            raise EOFError
        refused = self._refused(pkttype)
        if refused is None:
            await super()._process_packet(pkttype, pktid, packet)
        else:
            self.send_packet(FXP_STATUS, pktid, UInt32(pktid), refused.encode(_VERSION))
        await self._answers.drain()  # else whoever asks and does not read would fill the hub's memory

    def _refused(self, pkttype: int) -> SFTPError | None:
        if pkttype not in _KNOWN and pkttype != FXP_EXTENDED:
            return SFTPOpUnsupported("不支持此操作 / this is not supported")
        if pkttype == FXP_OPEN and self._visit.ending:
            return SFTPFailure("服务正在停止，请稍后再试 / the hub is ending; try again later")
        if pkttype in (FXP_OPEN, FXP_OPENDIR) and len(self._file_handles) + len(self._dir_handles) >= _HANDLES:
            return SFTPFailure("打开的文件过多 / too many files are open")
        return None

    async def _cleanup(self, exc: Exception | None) -> None:
        self._files.let_go()
        self._file_handles.clear()  # else each would be closed now as if its sender had closed it
        if exc is None or isinstance(exc, EOFError):
            with suppress(OSError):  # it is closed already
                cast("SSHServerChannel[bytes]", self._answers.channel).exit(0)  # else scp takes it for a failure
        await super()._cleanup(exc)
