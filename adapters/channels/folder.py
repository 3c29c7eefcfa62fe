"""A local folder, or one on a share, as a place where files are exchanged; also the boxes that the hub keeps itself.

Partners write here, so that nothing below the root is followed: every folder is opened from the one above it, without
links, and every file by its name in its folder.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from adapters.base import Refused, Unreachable
from adapters.channels.place import (
    FORBIDDEN,
    NAME_TAKEN,
    NO_FILE,
    NOT_THERE,
    PIECE_BYTES,
    Lying,
    checked,
    hidden_name,
)
from schemas.file_names import is_file_name

_AS_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
#: Without waiting: opening a pipe that lies there under a file's name would otherwise last for ever.
_AS_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_AS_NEW_FILE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
#: The group may read: in a shared folder it is the partner's. Nobody else may.
_FILE_MODE: Final = 0o640
_FOLDER_MODE: Final = 0o700
_NO_FILE: Final = (errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.ENXIO)
_FORBIDDEN: Final = (errno.EACCES, errno.EPERM, errno.EROFS)


@dataclass(frozen=True)
class FolderPlace:
    """A ``Place`` below a root, to which the configured path may lead by links.

    ``home`` is a folder below it that is the hub's own: it, and what is asked for in it, is made where it is missing.
    Of nobody else's is any made, for a share that is not mounted looks like an empty folder.
    """

    root: Path
    home: str | None = None

    @contextmanager
    def opened(self) -> Iterator[FolderPlace]:
        """Go there."""
        with _told():
            yield self

    def files(self, folder: str) -> Sequence[Lying]:
        """Return the files of a folder."""
        with self._entered(folder) as at:
            names = sorted(filter(is_file_name, os.listdir(at)))  # noqa: PTH208 - a descriptor is no path
            return [found for name in names if (found := _found(at, name)) is not None]

    def find(self, folder: str, name: str) -> Lying | None:
        """Return a file; None if there is none of that name."""
        with self._entered(folder) as at:
            return _found(at, checked(name))

    def read(self, folder: str, name: str) -> Iterator[bytes]:
        """Read a file as far as it goes."""
        with self._entered(folder) as at:
            descriptor = os.open(checked(name), _AS_FILE, dir_fd=at)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise Refused(NO_FILE)
            while piece := file.read(PIECE_BYTES):
                yield piece

    def write(self, folder: str, name: str, content: Iterable[bytes]) -> None:
        """Lay a file that is seen as a whole or not at all."""
        hidden = hidden_name(name)
        with self._entered(folder) as at:
            try:
                with os.fdopen(os.open(hidden, _AS_NEW_FILE, _FILE_MODE, dir_fd=at), "wb") as file:
                    file.writelines(content)
                    file.flush()
                    os.fsync(file.fileno())
                _rename(at, hidden, at, name)
            except BaseException:
                with suppress(OSError):
                    os.unlink(hidden, dir_fd=at)
                raise

    def move(self, folder: str, name: str, to_folder: str, to_name: str) -> None:
        """Move a file at once, under a name that is free."""
        with self._entered(folder) as at, self._entered(to_folder) as to:
            if not _is_taken(at, checked(name)) and _is_taken(to, checked(to_name)):
                return
            _rename(at, name, to, checked(to_name))
            os.fsync(at)

    @contextmanager
    def _entered(self, folder: str) -> Iterator[int]:
        """Open a folder, step by step, as a descriptor."""
        steps = folder.split("/")
        if self.home is not None:
            self.root.mkdir(_FOLDER_MODE, exist_ok=True)
            steps.insert(0, self.home)
        at = os.open(self.root, _AS_FOLDER)
        try:
            for step in steps:
                above, at = at, self._step(at, checked(step))
                os.close(above)
            yield at
        finally:
            os.close(at)

    def _step(self, above: int, name: str) -> int:
        if self.home is not None:
            with suppress(FileExistsError):
                os.mkdir(name, _FOLDER_MODE, dir_fd=above)
                os.fsync(above)
        return os.open(name, _AS_FOLDER | os.O_NOFOLLOW, dir_fd=above)


def _found(at: int, name: str) -> Lying | None:
    try:
        status = os.stat(name, dir_fd=at, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return Lying(name, status.st_size, status.st_mtime_ns // 1_000_000_000)


def _is_taken(at: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=at, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _rename(at: int, name: str, to: int, to_name: str) -> None:
    """Rename to a name that is free, and let that outlast a power cut.

    Between the look and the step only the hub itself writes here, and of two of its processes at once both carry the
    same file. A hard link would be exclusive by itself, but shares and files of other users allow none.
    """
    if _is_taken(to, to_name):
        raise Refused(NAME_TAKEN)
    os.rename(name, to_name, src_dir_fd=at, dst_dir_fd=to)
    os.fsync(to)


@contextmanager
def _told() -> Iterator[None]:
    """Tell what the system says in the words of channels."""
    try:
        yield
    except FileNotFoundError:
        raise Refused(NOT_THERE) from None
    except OSError as error:
        if error.errno in _FORBIDDEN:
            raise Refused(FORBIDDEN) from None
        if error.errno in _NO_FILE:
            raise Refused(NO_FILE) from None
        raise Unreachable(f"FOLDER_{errno.errorcode.get(error.errno or 0, 'FAILED')}") from None
