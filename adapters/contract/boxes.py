"""What every box must satisfy in which a partner lays its files for the hub."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from adapters.base import Box, Found, Refused, Unreachable
from adapters.contract.clauses import Broken, Capability, Clause, clause, there
from adapters.contract.ways import CHECK

#: More than is read in one go, so that a file can grow while it is read.
_CONTENT: Final = b"0123456789abcdef" * 40_000
#: What every file is called that a check lays.
NAMES: Final = re.compile(rf"{CHECK}-[a-z0-9-]+\.txt")


class Owner(Protocol):
    """A partner's side of its box, as far as a check may act for it."""

    def lay(self, name: str, content: bytes) -> None:
        """Lay a file, or add to the one that lies there."""
        ...

    def lying(self, folder: str) -> Mapping[str, bytes]:
        """Return what lies in a folder (``from``, ``done`` or ``reject``), by name."""
        ...


@dataclass(frozen=True)
class Collecting:
    """A box and, where a check may act for it, the partner's side of it."""

    name: str
    box: Box
    stem: str
    side: Owner | None = None

    @property
    def can(self) -> frozenset[Capability]:
        """What may be done with it."""
        return frozenset((Capability.LAYS,) if self.side else ())

    @property
    def owner(self) -> Owner:
        """The partner's side, where there is one."""
        return there(self.side)

    def laid(self, label: str) -> Found:
        """Lay a file and return it as the box finds it."""
        name = f"{self.stem}-{label}.txt"
        self.owner.lay(name, _CONTENT)
        found = next((one for one in self.box.files() if one.name == name), None)
        if found is None or found.size != len(_CONTENT):
            raise Broken(
                "放入的文件未找到，或大小不符 / a file that was laid is not found, or with another size", _LOOK
            )
        return found


_LOOK: Final = "核对 files_from 与文件名的约定 / check files_from and the agreed names"


@clause("信箱可以查看")
def a_box_can_be_looked_into(way: Collecting) -> None:
    """The box can be looked into."""
    try:
        way.box.files()
    except (Refused, Unreachable) as error:
        raise Broken(
            f"{error.code} / {error.code}", "核对路径、权限与 files_from / check path, rights and files_from"
        ) from None


@clause("读到的就是放入的", Capability.LAYS)
def a_file_is_read_as_it_was_laid(way: Collecting) -> None:
    """A file is read as it was laid."""
    if b"".join(way.box.read(way.laid("read"))) != _CONTENT:
        raise Broken("读到的字节不同 / other bytes were read", "以二进制传输 / transfer in binary")


@clause("还在写入的文件不读", Capability.LAYS)
def a_growing_file_is_not_read(way: Collecting) -> None:
    """A file that grows, before or while it is read, is not taken for a whole one."""
    before, meanwhile = way.laid("growing"), way.laid("growing-on")
    way.owner.lay(before.name, b"more")
    _changed(lambda: b"".join(way.box.read(before)))

    def read_on() -> None:
        pieces = way.box.read(meanwhile)
        next(pieces)
        way.owner.lay(meanwhile.name, b"more")
        b"".join(pieces)

    _changed(read_on)


@clause("取走两次等于一次；退回的附有说明", Capability.LAYS)
def a_file_is_taken_away_once(way: Collecting) -> None:
    """Taken away twice is once; what is said of a refused file lies beside it."""
    for refused, folder in ((False, "done"), (True, "reject")):
        found = way.laid(f"away-{folder}")
        beside = {f"{found.name}.faults.txt": b"fault"} if refused else {}
        way.box.take_away(found, refused=refused, beside=beside)
        first = {name: way.owner.lying(name) for name in ("from", "done", "reject")}
        way.box.take_away(found, refused=refused, beside=beside)
        if {name: way.owner.lying(name) for name in first} != first:
            raise Broken("取走第二次又有变化 / the second time changes something", _AWAY)
        if found.name in first["from"] or first[folder].get(found.name) != _CONTENT:
            raise Broken(f"文件未移入 {folder} / the file did not move to {folder}", _AWAY)
        if not beside.items() <= first["reject"].items():
            raise Broken("退回说明不在 / what is said of it does not lie there", _AWAY)


_AWAY: Final = "核对 done_to、reject_to 及其写权限 / check done_to and reject_to, and the right to write there"


@clause("别的名字一概不碰", Capability.LAYS)
def other_names_are_left_alone(way: Collecting) -> None:
    """Files under other names are neither told of nor moved nor changed."""
    stem = way.stem
    names = (f".{stem}.txt", f"={stem}.txt", f"{stem}.txt.part", f"{stem} 2.txt", f"{stem}\u202etxt.exe")
    for name in names:
        way.owner.lay(name, b"x")
    found = way.laid("other-names")
    told = {one.name for one in way.box.files()}
    way.box.take_away(found, refused=False, beside={})
    if told & set(names) or not set(names) <= way.owner.lying("from").keys():
        raise Broken("动了约定之外的文件 / a file under another name was touched", _LOOK)


@clause("已不在的文件：拒绝", Capability.LAYS)
def a_file_that_is_gone_is_refused(way: Collecting) -> None:
    """A file that was never there, or is gone, is refused."""
    found = Found("report", f"{way.stem}-never.txt", 1, 0)
    for doing in (lambda: b"".join(way.box.read(found)), lambda: way.box.take_away(found, refused=False, beside={})):
        try:
            doing()
        except Refused:
            continue
        raise Broken("不在的文件被当作在 / a file that is not there is taken for one", "找不到即 Refused / refuse it")


def _changed(reading: Callable[[], object]) -> None:
    try:
        reading()
    except Unreachable:
        return
    raise Broken(
        "读了还在写入的文件 / a file was read that was still being written",
        "读完核对大小与时间，有变即 Unreachable / compare size and time after the last byte",
    )


COLLECTING: Final[tuple[Clause[Collecting], ...]] = (
    a_box_can_be_looked_into,
    a_file_is_read_as_it_was_laid,
    a_growing_file_is_not_read,
    a_file_is_taken_away_once,
    other_names_are_left_alone,
    a_file_that_is_gone_is_refused,
)
