"""An open folder and the plain files in it: everything by descriptor, nothing through a link, writers under a lock."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from asyncssh import SFTPFailure

from integration.web.sftp.names import nothing_there

#: No link is followed, and no pipe waited for.
PLAIN: Final = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Lying(NamedTuple):
    """A file as it lies in a folder; the time is when it was last written to, in seconds since the epoch."""

    name: str
    size: int
    modified_s: int


@contextmanager
def opened(folder: Path) -> Iterator[int]:
    """Hold a folder open: what is done by its descriptor is done in this folder, whatever its path leads to by then."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def look(folder: int, name: str) -> Lying | None:
    """Return a file of an open folder; None where there is none, or something else."""
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return None
    return Lying(name, found.st_size, int(found.st_mtime)) if stat.S_ISREG(found.st_mode) else None


def lying_in(folder: int) -> list[Lying]:
    """Return the files of an open folder, by name."""
    looked = (look(folder, name) for name in sorted(os.listdir(folder)))
    return [one for one in looked if one is not None]


@contextmanager
def held(folder: int, name: str) -> Iterator[int]:
    """Hold a file that is there, and that nobody writes to.

    Raises:
        SFTPNoSuchFile: it is not there.
        SFTPFailure: somebody writes to it.
    """
    if look(folder, name) is None:
        raise nothing_there()
    descriptor = grasped(folder, name)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def grasped(folder: int, name: str) -> int:
    """Open a file to be written to, made if need be, and lock it against others who would.

    Raises:
        SFTPFailure: somebody writes to it, in this process or another.
    """
    descriptor = os.open(name, os.O_RDWR | os.O_CREAT | PLAIN, 0o600, dir_fd=folder)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        found = os.fstat(descriptor)
        if not os.path.samestat(found, os.stat(name, dir_fd=folder, follow_symlinks=False)):
            raise BlockingIOError  # whoever held the lock has renamed it
    except OSError:
        os.close(descriptor)
        raise SFTPFailure("另一连接正在写此文件 / another connection is writing to this file") from None
    if found.st_nlink == 1:
        return descriptor
    # whoever gave it its name died before taking this one away: to write to it would be to write to the whole file
    os.close(descriptor)
    os.unlink(name, dir_fd=folder)
    return grasped(folder, name)
