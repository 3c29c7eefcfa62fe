"""A place where files are exchanged, a folder or a partner's server: the few things that are done there, alike on both.

Only regular files under an allowed name exist for the hub. Links, folders, devices and names that no two systems write
alike (``a\\nb``, ``..``, ``=cmd.csv``, ``CON``) are neither opened nor moved nor told of.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Final, NamedTuple, Protocol

from adapters.base import Refused
from schemas.file_names import is_file_name

#: There is no such file or folder.
NOT_THERE: Final = "NOT_THERE"
#: It may not be read, written or looked into.
FORBIDDEN: Final = "FORBIDDEN"
#: Where a file or folder should lie there lies something else: a link, a folder, a device.
NO_FILE: Final = "NO_FILE"
#: Another file has the name already; it is never written over.
NAME_TAKEN: Final = "NAME_TAKEN"
#: A file is not, or is no longer, what was found.
CHANGED: Final = "CHANGED"

#: A file is read in pieces of so many bytes.
PIECE_BYTES: Final = 262_144

#: Names of the hub's own are a partner's with something after it; hidden while written they still fit in 255 bytes.
_LONGEST_OWN: Final = 200


def is_folder(path: str) -> bool:
    """Tell whether a path is one below a place: allowed names, with ``/`` between them."""
    return all(map(is_file_name, path.split("/")))


def checked(name: str) -> str:
    """Return a name that is an allowed one.

    Raises:
        Refused: it is not.
    """
    if not is_file_name(name, _LONGEST_OWN):
        raise Refused("BAD_NAME")
    return name


def hidden_name(name: str) -> str:
    """Return what a file is called while it is written: never seen by who looks for files, never of two writers."""
    return f".{checked(name)}.{secrets.token_hex(4)}.part"


class Lying(NamedTuple):
    """A regular file that lies in a place: its size in bytes, and when it was last written to, in seconds."""

    name: str
    size: int
    modified_s: int


class Place(Protocol):
    """Somewhere that files are exchanged, while one is there. Folders are named relative to it.

    What goes wrong is Unreachable, Refused or Garbled, with a code that names no path, no file and no user; what the
    system itself says becomes that on leaving.
    """

    def files(self, folder: str) -> Sequence[Lying]:
        """Return the files of a folder, in order of their names."""
        ...

    def find(self, folder: str, name: str) -> Lying | None:
        """Return a file; None if there is none of that name."""
        ...

    def read(self, folder: str, name: str) -> Iterator[bytes]:
        """Read a file as far as it goes."""
        ...

    def write(self, folder: str, name: str, content: Iterable[bytes]) -> None:
        """Lay a file that is seen as a whole or not at all, and stays after a power cut.

        Raises:
            Refused: NAME_TAKEN, where anything lies there under that name.
        """
        ...

    def move(self, folder: str, name: str, to_folder: str, to_name: str) -> None:
        """Move a file at once, under a name that is free; moved already, it stays so.

        Raises:
            Refused: NAME_TAKEN, where something else lies there under that name.
        """
        ...


#: Goes to a place, and leaves it in the end: one connection for all that is done there.
Opened = Callable[[], AbstractContextManager[Place]]
