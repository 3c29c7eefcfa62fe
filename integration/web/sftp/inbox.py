"""The folder ``in`` of a home: files arrive in it, and whoever collects them sees only whole ones.

Every file is written under a hidden name. One that is sent under its final name gets that when its sender closes it;
one that is sent under a temporary name is seen by its sender alone until it is renamed. A name is given by ``link``,
which unlike a rename never takes another's.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

from asyncssh import SFTPError, SFTPFailure, SFTPFileAlreadyExists, SFTPPermissionDenied, SFTPQuotaExceeded

from integration.web.api.shared import FILE
from integration.web.sftp.folders import grasped, held, lying_in, opened
from integration.web.sftp.names import check_name, hidden, is_hidden, is_unfinished, nothing_there, on_disk

#: How far an upload may grow before the room that is left is counted again, in bytes.
_STEP: Final = 1 << 20


class Quota(NamedTuple):
    """What may lie in ``in``: bytes of a file, and of all; files; and for how many seconds an unfinished one."""

    file_bytes: int = FILE.most_bytes
    all_bytes: int = 2 * FILE.most_bytes
    files: int = 500
    unfinished_s: int = 86_400


class How(NamedTuple):
    """How a file is opened to be written, as open(2) has it: O_CREAT, O_EXCL, O_TRUNC, O_APPEND."""

    create: bool = True
    exclusive: bool = False
    anew: bool = True
    append: bool = False


class Upload:
    """A file while it is written to. End it with ``finish`` or ``let_go``."""

    def __init__(self, inbox: Inbox, descriptor: int, name: str, *, append: bool) -> None:
        self._inbox = inbox
        self._descriptor = descriptor
        self._name = name
        self._append = append
        self._allowed = 0
        self._failed = False

    @property
    def size(self) -> int:
        """The bytes written so far."""
        return os.fstat(self._descriptor).st_size

    def write(self, offset: int, data: bytes) -> None:
        """Write a part, where it belongs or at the end; once one was refused the file can only be sent anew.

        Raises:
            SFTPFailure: the file is longer than allowed.
            SFTPQuotaExceeded: the home is full.
        """
        with self._whole_or_failed():
            offset = self.size if self._append else offset
            self._check_room(offset + len(data))
            while data:
                written = os.pwrite(self._descriptor, data, offset)
                offset, data = offset + written, data[written:]

    def resize(self, size: int) -> None:
        """Cut the file, or make it longer by zeros, within the same limits.

        Raises:
            SFTPFailure, SFTPQuotaExceeded: as of ``write``.
        """
        with self._whole_or_failed():
            self._check_room(size)
            os.ftruncate(self._descriptor, size)

    @contextmanager
    def _whole_or_failed(self) -> Iterator[None]:
        try:
            yield
        except (OSError, SFTPError):
            self._failed = True
            raise

    def _check_room(self, end: int) -> None:
        most = self._inbox.quota.file_bytes
        if end > most:
            raise SFTPFailure(f"文件过大，上限 {most:,} 字节 / the file is too large: the limit is {most:,} bytes")
        if end > self._allowed:
            self._allowed = min(end + _STEP, self._inbox.room(hidden(self._name)))
        if end > self._allowed:
            raise _full()

    def sync(self) -> None:
        """Bring what was written to the disk."""
        os.fsync(self._descriptor)

    def finish(self) -> int:
        """End it: it gets its name, if that is a final one, and survives a power cut. Return its size in bytes.

        Raises:
            SFTPFailure: a part of it was refused; it is gone.
            SFTPFileAlreadyExists: another file has got the name meanwhile; this one is gone.
        """
        try:
            self.sync()
            with opened(self._inbox.folder) as folder:
                self._settle(folder)
                os.fsync(folder)
            return self.size
        finally:
            os.close(self._descriptor)

    def _settle(self, folder: int) -> None:
        try:
            if self._failed:
                raise SFTPFailure("文件不完整，请重新发送 / the file is not whole; send it again")
            if not is_unfinished(self._name):
                _give_name(folder, hidden(self._name), self._name)
        except SFTPError:
            os.unlink(hidden(self._name), dir_fd=folder)
            raise

    def let_go(self) -> None:
        """End it as broken off."""
        os.close(self._descriptor)


class Inbox:
    """The folder ``in`` of a home, within its quota."""

    def __init__(self, folder: Path, quota: Quota) -> None:
        self.folder = folder
        self.quota = quota

    def room(self, but: str) -> int:
        """Return how many bytes a file may have beside all others."""
        with opened(self.folder) as folder:
            return self.quota.all_bytes - sum(one.size for one in lying_in(folder) if one.name != but)

    def lay(self, name: str, how: How) -> Upload:
        """Begin a file, or go on with one under a temporary name; under a final name one always begins anew.

        Raises:
            SFTPError: the name cannot be one, is taken, or another connection is writing to it; or the home is full.
        """
        check_name(name)
        unfinished = is_unfinished(name)
        with opened(self.folder) as folder:
            lying = {one.name for one in lying_in(folder)}
            going_on = unfinished and hidden(name) in lying and not how.exclusive
            may_begin = how.create and (unfinished or not how.append)
            if not going_on:
                _check_free(lying, name)
            if not (going_on or may_begin):
                raise nothing_there()
            if hidden(name) not in lying and len(lying) >= self.quota.files:
                raise _full()
            descriptor = grasped(folder, hidden(name))
        if how.anew or not unfinished:
            os.ftruncate(descriptor, 0)
        return Upload(self, descriptor, name, append=how.append)

    def rename(self, old: str, new: str) -> None:
        """Give a file that was sent under a temporary name its own.

        Raises:
            SFTPError: it is not there, or is still written to; it has a final name, or the new one is none; or the new
                name is taken.
        """
        check_name(new)
        if not is_unfinished(old) or is_unfinished(new):
            raise SFTPPermissionDenied(
                "只可由 .tmp、.part、.filepart 改为正式文件名"
                " / a file is renamed from .tmp, .part or .filepart to its name"
            )
        with opened(self.folder) as folder, held(folder, hidden(old)) as descriptor:
            os.fsync(descriptor)
            _give_name(folder, hidden(old), new)
            os.fsync(folder)

    def remove(self, name: str) -> None:
        """Take back a file that was not collected yet.

        Raises:
            SFTPError: it is not there, or is still written to.
        """
        with opened(self.folder) as folder, held(folder, on_disk(name)):
            os.unlink(on_disk(name), dir_fd=folder)
            os.fsync(folder)

    def sweep(self, now_s: int) -> int:
        """Remove what was broken off long ago; return how many files."""
        removed = 0
        with opened(self.folder) as folder:
            for one in lying_in(folder):
                if is_hidden(one.name) and one.modified_s < now_s - self.quota.unfinished_s:
                    with suppress(SFTPError), held(folder, one.name):
                        os.unlink(one.name, dir_fd=folder)
                        removed += 1
        return removed


def _give_name(folder: int, old: str, new: str) -> None:
    _check_free({one.name for one in lying_in(folder)} - {old}, new)
    try:
        os.link(old, new, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError:
        raise _taken() from None
    os.unlink(old, dir_fd=folder)


def _check_free(lying: set[str], name: str) -> None:
    """Refuse a name that is there in whatever letters: copied to Windows, one file would take the other's place."""
    if on_disk(name).lower() in {one.lower() for one in lying}:
        raise _taken()


def _taken() -> SFTPFileAlreadyExists:
    return SFTPFileAlreadyExists(
        "已有同名文件（不分大小写），请先删除或改名 / a file of this name is there, in whatever letters:"
        " remove it, or take another name"
    )


def _full() -> SFTPQuotaExceeded:
    return SFTPQuotaExceeded("收件夹已满，请待文件取走 / the folder is full; wait until files are collected")
