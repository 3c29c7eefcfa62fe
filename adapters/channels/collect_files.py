"""The files that a partner lays for the hub where files are exchanged, and what is laid back of them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from adapters.base import Found, Refused, Unreachable
from adapters.channels.lay_lists import lay
from adapters.channels.place import CHANGED, NAME_TAKEN, NOT_THERE, Lying, Opened, Place

#: So many files of one name are numbered; of a program that never counts, each then gets the time of its writing.
_MOST_OF_A_NAME: Final = 100


class Naming(NamedTuple):
    """What the files of a kind are called."""

    kind: str
    pattern: re.Pattern[str]


@dataclass
class FileFolder:
    """A ``Box``: the folder that a partner lays files in, and the two that the hub moves them to."""

    opened: Opened
    namings: tuple[Naming, ...]
    folder: str
    done_to: str
    reject_to: str
    settle_s: int

    def files(self) -> Sequence[Found]:
        """Return the files under an agreed name; others are left alone.

        Raises:
            Refused: TWO_KINDS, where a name is that of two kinds of files.
            Unreachable, Garbled: see the place.
        """
        with self.opened() as place:
            lying = place.files(self.folder)
        return [Found(kind, *file) for file in lying if (kind := self._kind(file.name)) is not None]

    def _kind(self, name: str) -> str | None:
        kinds = {naming.kind for naming in self.namings if naming.pattern.fullmatch(name)}
        if len(kinds) > 1:
            raise Refused("TWO_KINDS")
        return next(iter(kinds), None)

    def read(self, found: Found) -> Iterator[bytes]:
        """Read a file as it was found; what is read is the file only if this comes to its end.

        Raises:
            Unreachable: CHANGED, or the connection broke off.
            Refused, Garbled: it is gone, or may not be read.
        """
        with self.opened() as place:
            self._check(place, found)
            left = found.size
            for piece in place.read(self.folder, found.name):
                left -= len(piece)
                if left < 0:
                    break
                yield piece
            if left:
                raise Unreachable(CHANGED)
            self._check(place, found)

    def _check(self, place: Place, found: Found) -> None:
        lying = place.find(self.folder, found.name)
        if lying is None:
            raise Refused(NOT_THERE)
        if lying != _as_found(found):
            raise Unreachable(CHANGED)

    def take_away(self, found: Found, *, refused: bool, beside: Mapping[str, bytes]) -> None:
        """Lay what is said of a file into the reject box, then move it; a name taken there gets a number after it.

        Raises:
            Unreachable: CHANGED, where another file has its name by now; or the place cannot be reached.
            Refused: it is gone, and was not moved.
        """
        to = self.reject_to if refused else self.done_to
        with self.opened() as place:
            lies = place.find(self.folder, found.name) == _as_found(found)
            if not lies and _was_moved(place, to, found):
                return
            for name in _names(found):
                if place.find(to, name) is None and self._laid_beside(place, found.name, name, beside):
                    self._check(place, found)  # its sender may have taken it away; what is said of it lies there by now
                    self._move(place, found, to, name)
                    return
        raise Refused(NAME_TAKEN)

    def _move(self, place: Place, found: Found, to: str, name: str) -> None:
        """Move a file, and back again if it is another one: laid over it just then, it would be done unread."""
        place.move(self.folder, found.name, to, name)
        if place.find(to, name) != _as_found(found)._replace(name=name):
            place.move(to, name, self.folder, found.name)
            raise Unreachable(CHANGED)

    def _laid_beside(self, place: Place, found: str, name: str, beside: Mapping[str, bytes]) -> bool:
        """Lay what is said of a file under the name that it gets; False if that is said of an earlier one already."""
        try:
            for suffixed, raw in beside.items():
                own = suffixed.replace(found, name, 1)
                lay(place, self.reject_to, own, [raw], len(raw), hashlib.sha256(raw).hexdigest())
        except Refused as refused:
            if refused.code != NAME_TAKEN:
                raise
            return False
        return True


def _as_found(found: Found) -> Lying:
    return Lying(found.name, found.size, found.modified_s)


def _names(found: Found) -> Iterator[str]:
    """Yield the names under which a file may be laid, its own first."""
    yield found.name
    yield from (f"{found.name}.{number}" for number in range(1, _MOST_OF_A_NAME))
    yield f"{found.name}.{found.modified_s}"
    yield f"{found.name}.{found.modified_s}.{found.size}"


def _was_moved(place: Place, to: str, found: Found) -> bool:
    """Tell whether a file lies where it is moved to; moving leaves its size and time alone."""
    for name in _names(found):
        lying = place.find(to, name)
        if lying is None:
            return False
        if lying[1:] == (found.size, found.modified_s):
            return True
    return False
