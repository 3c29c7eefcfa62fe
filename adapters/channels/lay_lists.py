"""Laying lists where files are exchanged: what proves a list first, the list last, each as a whole or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from adapters.base import Parcel, Refused
from adapters.channels.place import NAME_TAKEN, NOT_THERE, Opened, Place


@dataclass(frozen=True)
class ListFolder:
    """A ``Channel`` into a folder. ``taken`` is where the partner moves the lists that it has taken; empty: unknown."""

    opened: Opened
    folder: str
    taken: str = ""

    def send(self, parcel: Parcel, content: Iterable[bytes]) -> str:
        """Lay a list; return LAID, or LAY_THERE if it did already.

        Raises:
            Refused: NAME_TAKEN, where a file with other bytes has its name.
            Unreachable, Garbled: see the place.
        """
        with self.opened() as place:
            for name, raw in parcel.beside.items():
                lay(place, self.folder, name, [raw], len(raw), hashlib.sha256(raw).hexdigest())
            laid = lay(place, self.folder, parcel.file_name, content, parcel.size, parcel.sha256)
            return "LAID" if laid else "LAY_THERE"

    def has(self, parcel: Parcel) -> bool:
        """Tell whether the list lies there, or where the partner moves what it has taken."""
        return any(self._lies_in(folder, parcel) for folder in (self.folder, self.taken) if folder)

    def _lies_in(self, folder: str, parcel: Parcel) -> bool:
        """Tell whether a list lies in a folder; in one that is not there it does not."""
        try:
            with self.opened() as place:
                return _is(place, folder, parcel.file_name, parcel.size, parcel.sha256)
        except Refused as refused:
            if refused.code != NOT_THERE:
                raise
            return False


def lay(place: Place, folder: str, name: str, content: Iterable[bytes], size: int, sha256: str) -> bool:
    """Lay a file; False if it lies there already.

    Raises:
        Refused: NAME_TAKEN, where a file with other bytes has its name.
    """
    if place.find(folder, name) is None:
        place.write(folder, name, _as_agreed(content, sha256))
        return True
    if not _is(place, folder, name, size, sha256):
        raise Refused(NAME_TAKEN)
    return False


def _is(place: Place, folder: str, name: str, size: int, sha256: str) -> bool:
    """Tell whether a file lies there; it is read only if its size fits."""
    found = place.find(folder, name)
    if found is None or found.size != size:
        return False
    digest = hashlib.sha256()
    for piece in place.read(folder, name):
        digest.update(piece)
    return digest.hexdigest() == sha256


def _as_agreed(content: Iterable[bytes], sha256: str) -> Iterator[bytes]:
    """Pass content on, and end in a refusal, before its file is seen by anybody, if it is not what was signed."""
    digest = hashlib.sha256()
    for piece in content:
        digest.update(piece)
        yield piece
    if digest.hexdigest() != sha256:
        raise Refused("NOT_AS_SIGNED")
