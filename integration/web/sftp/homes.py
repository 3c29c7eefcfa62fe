"""The home of a partner: a folder of the hub's own with four in it, of which the partner may write into one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from integration.web.sftp.folders import PLAIN, Lying, look, lying_in, opened
from integration.web.sftp.inbox import Inbox, Quota
from integration.web.sftp.names import Folder, is_seen, nothing_there, on_disk, seen_as

#: What one read gives at most, in bytes, however much was asked for.
_PIECE: Final = 1 << 18


class Reading:
    """A file while it is read; ``given`` counts the bytes. End it with ``let_go``."""

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self.size = size
        self.given = 0

    def read(self, offset: int, size: int) -> bytes:
        """Return a part, less than asked for if that is much; nothing behind the end."""
        part = os.pread(self._descriptor, min(size, _PIECE), offset) if offset < self.size else b""
        self.given += len(part)
        return part

    def let_go(self) -> None:
        """End it."""
        os.close(self._descriptor)


class Home:
    """The home of a partner; ``inbox`` is the folder that it writes into."""

    def __init__(self, folder: Path, quota: Quota) -> None:
        self._folder = folder
        self.inbox = Inbox(folder / Folder.IN, quota)

    def make(self) -> None:
        """Make the folders that are not there yet, for the hub alone."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in Folder:
            (self._folder / folder).mkdir(mode=0o700, exist_ok=True)

    def files(self, folder: Folder) -> list[Lying]:
        """Return the files of a folder that the partner may see, by name."""
        with opened(self._folder / folder) as descriptor:
            lying = lying_in(descriptor)
        if folder is Folder.IN:
            return sorted(one._replace(name=name) for one in lying if (name := seen_as(one.name)) is not None)
        return [one for one in lying if is_seen(one.name)]

    def find(self, folder: Folder, name: str) -> Lying:
        """Return a file.

        Raises:
            SFTPNoSuchFile: there is none of this name.
        """
        with opened(self._folder / folder) as descriptor:
            found = look(descriptor, _on_disk(folder, name))
        if found is None:
            raise nothing_there()
        return found

    def read(self, folder: Folder, name: str) -> Reading:
        """Open a file to be read.

        Raises:
            SFTPNoSuchFile: there is none of this name.
        """
        with opened(self._folder / folder) as descriptor:
            found = look(descriptor, _on_disk(folder, name))
            if found is None:
                raise nothing_there()
            return Reading(os.open(found.name, os.O_RDONLY | PLAIN, dir_fd=descriptor), found.size)


def _on_disk(folder: Folder, name: str) -> str:
    return on_disk(name) if folder is Folder.IN else name


def sweep(homes: Path, quota: Quota, now_s: int) -> int:
    """Remove from every home what was broken off long ago; return how many files."""
    return sum(Inbox(one, quota).sweep(now_s) for one in homes.glob(f"*/{Folder.IN}") if not one.is_symlink())
