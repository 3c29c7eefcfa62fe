"""What a client asks of its partner's home, done or refused; every refusal says what would do instead."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator, Callable
from typing import Any, Final, ParamSpec, Protocol, TypeVar

import structlog
from asyncssh import (
    FXF_APPEND,
    FXF_CREAT,
    FXF_EXCL,
    FXF_TRUNC,
    FXF_WRITE,
    SFTPAttrs,
    SFTPFileIsADirectory,
    SFTPName,
    SFTPPermissionDenied,
    SFTPServer,
    SSHServerChannel,
)

from integration.storage.clients import Client
from integration.web.sftp.folders import Lying
from integration.web.sftp.homes import Home, Reading
from integration.web.sftp.inbox import How, Upload
from integration.web.sftp.names import Folder, Place, canonical, nothing_there, place_of
from integration.web.sftp.partner import may_use

_log = structlog.get_logger(__name__)
_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")

_WRITING: Final = FXF_WRITE | FXF_APPEND | FXF_CREAT | FXF_TRUNC | FXF_EXCL


class Owner(Protocol):
    """Whose files they are, as it is known now."""

    @property
    def client(self) -> Client:
        """The partner's machine."""
        ...

    @property
    def home(self) -> Home:
        """The partner's home."""
        ...

    async def in_thread(self, work: Callable[_Given, _Result], *args: _Given.args, **kwargs: _Given.kwargs) -> _Result:
        """Do what may wait for the disk where it holds up nobody else."""
        ...


class HomeFiles(SFTPServer):
    """The files of a home, as one session sees them."""

    def __init__(self, channel: SSHServerChannel[bytes], owner: Owner) -> None:
        super().__init__(channel)
        self._owner = owner
        self._open: set[Upload | Reading] = set()

    def map_path(self, path: bytes) -> bytes:  # noqa: ARG002 - asyncssh's
        """Refuse: whatever of asyncssh's own is not replaced here would reach for the hub's files by this."""
        raise SFTPPermissionDenied("不支持此操作 / this is not supported")

    @property
    def busy(self) -> bool:
        """Whether a file is open."""
        return bool(self._open)

    def let_go(self) -> None:
        """End what was not closed by the client, as broken off."""
        for one in self._open:
            self._tell("broken_off", one.given if isinstance(one, Reading) else one.size)
            one.let_go()
        self._open.clear()

    # --- files

    async def open(self, path: bytes, pflags: int, attrs: SFTPAttrs) -> Upload | Reading:  # noqa: ARG002 - mode is ours
        """Open a file to be read; or, in ``in``, to be written."""
        place = place_of(path)
        if not place.name:
            raise SFTPFileIsADirectory("这是文件夹 / this is a folder")
        home, folder, name = self._owner.home, self._allowed(place, to_write=bool(pflags & _WRITING)), place.name
        if not pflags & _WRITING:
            made: Upload | Reading = await self._owner.in_thread(home.read, folder, name)
        else:
            how = How(*(bool(pflags & flag) for flag in (FXF_CREAT, FXF_EXCL, FXF_TRUNC, FXF_APPEND)))
            made = await self._owner.in_thread(home.inbox.lay, name, how)
        self._open.add(made)
        return made

    async def close(self, file_obj: object) -> None:
        """Close a file: what was written to it is whole now."""
        if isinstance(file_obj, Upload):
            try:
                self._tell("put", await self._owner.in_thread(file_obj.finish))
            finally:
                self._open.discard(file_obj)
        elif isinstance(file_obj, Reading):
            self._open.discard(file_obj)
            self._tell("get", file_obj.given)
            file_obj.let_go()

    async def read(self, file_obj: object, offset: int, size: int) -> bytes:
        """Read a part of a file."""
        if not isinstance(file_obj, Reading):
            raise SFTPPermissionDenied("该文件只为写入而打开 / this file is open for writing alone")
        return await self._owner.in_thread(file_obj.read, offset, size)

    async def write(self, file_obj: object, offset: int, data: bytes) -> int:
        """Write a part of a file."""
        await self._owner.in_thread(_writable(file_obj).write, offset, data)
        return len(data)

    async def fsync(self, file_obj: object) -> None:
        """Bring what was written to the disk."""
        await self._owner.in_thread(_writable(file_obj).sync)

    async def remove(self, path: bytes) -> None:
        """Take back a file that was not collected yet."""
        place = place_of(path)
        self._allowed(place, to_write=True)
        await self._owner.in_thread(self._owner.home.inbox.remove, place.name)
        self._tell("remove")

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        """Give a file its name that was sent under a temporary one."""
        old, new = place_of(oldpath), place_of(newpath)
        self._allowed(old, to_write=True)
        self._allowed(new, to_write=True)
        await self._owner.in_thread(self._owner.home.inbox.rename, old.name, new.name)
        self._tell("rename")

    # --- what is known of them

    async def stat(self, path: bytes) -> SFTPAttrs:
        """Tell of a file or folder."""
        place = place_of(path)
        if place.folder is None or not place.name:
            return _folder_attrs(place.folder)
        folder = self._allowed(place)
        return _file_attrs(folder, await self._owner.in_thread(self._owner.home.find, folder, place.name))

    async def lstat(self, path: bytes) -> SFTPAttrs:
        """Tell the same: there are no links."""
        return await self.stat(path)

    def fstat(self, file_obj: object) -> SFTPAttrs:
        """Tell of an open file."""
        return SFTPAttrs(size=file_obj.size if isinstance(file_obj, Upload | Reading) else 0)

    async def setstat(self, path: bytes, attrs: SFTPAttrs) -> None:
        """Take no notice of times and modes, which clients set behind an upload: the hub needs its own."""
        place = place_of(path)
        self._allowed(place, to_write=True)
        await self._owner.in_thread(self._owner.home.find, Folder.IN, place.name)
        if attrs.size is not None:
            raise SFTPPermissionDenied("请重新发送文件 / send the file anew")

    async def fsetstat(self, file_obj: object, attrs: SFTPAttrs) -> None:
        """Cut a file that is being written; of its times and mode take no notice."""
        upload = _writable(file_obj)
        if attrs.size is not None:
            await self._owner.in_thread(upload.resize, attrs.size)

    def scandir(self, path: bytes) -> AsyncIterator[SFTPName]:
        """List a folder."""
        place = place_of(path)
        if place.name:
            raise nothing_there()
        return self._names(place)

    async def _names(self, place: Place) -> AsyncIterator[SFTPName]:
        if place.folder is None:
            for folder in Folder:
                yield SFTPName(folder.encode(), attrs=_folder_attrs(folder))
            return
        folder = self._allowed(place)
        for one in await self._owner.in_thread(self._owner.home.files, folder):
            yield SFTPName(one.name.encode(), attrs=_file_attrs(folder, one))

    def realpath(self, path: bytes) -> bytes:
        """Return a path as it counts from the home."""
        return canonical(path)

    def format_user(self, uid: int | None) -> str:  # noqa: ARG002 - asyncssh's
        """Name the owner of every file."""
        return "hub"

    def format_group(self, gid: int | None) -> str:  # noqa: ARG002 - the same
        """Name its group."""
        return "hub"

    # --- who may

    def _allowed(self, place: Place, *, to_write: bool = False) -> Folder:
        """Return the folder of a place where the partner may do this."""
        if place.folder is None or (to_write and (place.folder is not Folder.IN or not place.name)):
            raise SFTPPermissionDenied("只可写入 in 文件夹 / only the folder in can be written to")
        if not may_use(self._owner.client, place.folder):
            raise SFTPPermissionDenied("此客户端无此权限 / this client has no right to it")
        return place.folder

    def _tell(self, action: str, size: int = 0) -> None:
        client = self._owner.client
        _log.info("sftp", actor=f"client:{client.client_id}", company=client.party, action=action, bytes=size)


def _writable(file_obj: object) -> Upload:
    if not isinstance(file_obj, Upload):
        raise SFTPPermissionDenied("该文件只为读取而打开 / this file is open for reading alone")
    return file_obj


def _folder_attrs(folder: Folder | None) -> SFTPAttrs:
    return _attrs(stat.S_IFDIR | (0o700 if folder is Folder.IN else 0o500))


def _file_attrs(folder: Folder, one: Lying) -> SFTPAttrs:
    mode = stat.S_IFREG | (0o600 if folder is Folder.IN else 0o400)
    return _attrs(mode, size=one.size, atime=one.modified_s, mtime=one.modified_s)


def _attrs(mode: int, **more: Any) -> SFTPAttrs:
    return SFTPAttrs(permissions=mode, uid=0, gid=0, **more)
