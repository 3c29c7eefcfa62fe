"""What a partner may call its files, and where a path leads: to one of its four folders, or to a file in one.

The partner's tree is made up: a path is cut into its parts here and never handed to the system, so ``..`` ends at the
root and nothing that a path says can lead out of a home.
"""

from __future__ import annotations

import posixpath
from enum import StrEnum
from typing import Final, NamedTuple

from asyncssh import SFTPInvalidFilename, SFTPNoSuchFile

from schemas.file_names import is_file_name

#: How clients call a file that they will rename once it is whole.
_UNFINISHED: Final = (".tmp", ".part", ".filepart")


class Folder(StrEnum):
    """A folder of a home: the partner lays into the first; lists and what became of its files lie in the others."""

    IN = "in"
    OUT = "out"
    DONE = "done"
    REJECT = "reject"


class Place(NamedTuple):
    """Where a path leads: without a folder to the root, without a name to the folder itself."""

    folder: Folder | None = None
    name: str = ""


def canonical(path: bytes) -> bytes:
    """Return a path as it counts from the root of the home."""
    return b"/" + posixpath.normpath(posixpath.join(b"/", path)).lstrip(b"/")


def place_of(path: bytes) -> Place:
    """Return where a path leads; whether a file is there is another question.

    Raises:
        SFTPNoSuchFile: nothing of this path can be there.
    """
    try:
        parts = [part for part in canonical(path).decode().split("/") if part]
        folder = Folder(parts[0]) if parts else None
    except ValueError:  # no UTF-8, or no folder of ours
        raise nothing_there() from None
    name = parts[1] if len(parts) == 2 else ""
    if len(parts) > 2 or not is_seen(name):
        raise nothing_there()
    return Place(folder, name)


def is_seen(name: str) -> bool:
    """Tell whether a name is one that a partner may see: who writes a hidden one has not done with it."""
    return name.isprintable() and not name.startswith(".")


def check_name(name: str) -> None:
    """Refuse a name that means something else on another system, or is not plain to every reader.

    Raises:
        SFTPInvalidFilename: with what a name may be.
    """
    if not is_file_name(name):
        raise SFTPInvalidFilename(
            "文件名须以字母或数字开头，只含字母、数字和 . _ -，至多 128 个，且不是设备名"
            " / a name begins with a letter or digit, has letters, digits, . _ - alone, 128 at most, and is no device"
        )


def is_unfinished(name: str) -> bool:
    """Tell whether a name says that the file is not whole yet; it is renamed once it is."""
    return name.lower().endswith(_UNFINISHED)


def hidden(name: str) -> str:
    """Return what a file is called on the disk while it is not whole: whoever collects files takes no hidden ones."""
    return f".{name}.part"


def is_hidden(lying: str) -> bool:
    """Tell whether a file lies under the name of one that is not whole."""
    return lying.startswith(".") and lying.endswith(".part")


def on_disk(name: str) -> str:
    """Return what a file is called on the disk that its partner sees under a name."""
    return hidden(name) if is_unfinished(name) else name


def seen_as(lying: str) -> str | None:
    """Return the name under which its partner sees a file that lies in ``in``; None if not at all."""
    name = lying.removeprefix(".").removesuffix(".part") if is_hidden(lying) else lying
    return name if is_seen(name) and on_disk(name) == lying else None


def nothing_there() -> SFTPNoSuchFile:
    """Return the one answer for whatever is not the partner's, be it there or not."""
    return SFTPNoSuchFile("没有此文件或文件夹 / there is no such file or folder")
