"""A partner's box as a real folder, and what the hub made of what was laid there.

``FolderBox.at`` is told of each step before it is taken (``files``, ``read``, ``half`` in the middle of a file,
``take_away``) and after it (``moved``), and may raise.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from world import ROSTERS, account

from adapters.base import Found, Refused, Unreachable
from integration.jobs.collect import collect
from integration.jobs.hub import Hub
from integration.jobs.inbox import apply_waiting
from integration.settings import config_folder
from integration.storage import boxes as standing
from integration.storage import collected
from integration.storage.boxes import BoxLine
from integration.storage.collected import CollectedLine

KINDS = ("registry", "roster", "aliases", "report")


class FolderBox:
    """``in``, ``done`` and ``reject`` below a folder; a file's kind is how its name begins."""

    def __init__(self, root: Path, settle_s: int = 60) -> None:
        self.settle_s = settle_s
        self.at: Callable[[str], None] = lambda _: None
        self.reads = 0
        self.folders = {name: root / name for name in ("in", "done", "reject")}
        for folder in self.folders.values():
            folder.mkdir(parents=True)

    def lay(self, name: str, content: bytes, modified_s: int = 1_000) -> None:
        """What the partner does."""
        path = self.folders["in"] / name
        path.write_bytes(content)
        os.utime(path, (modified_s, modified_s))

    def names(self, folder: str) -> list[str]:
        return sorted(path.name for path in self.folders[folder].iterdir())

    def files(self) -> list[Found]:
        self.at("files")
        return [found for path in sorted(self.folders["in"].iterdir()) if (found := self._found(path)) is not None]

    def _found(self, path: Path) -> Found | None:
        kind = next((kind for kind in KINDS if path.name.startswith(kind)), None)
        status = path.stat()
        return None if kind is None else Found(kind, path.name, status.st_size, int(status.st_mtime))

    def read(self, found: Found) -> Iterator[bytes]:
        self.at("read")
        self.reads += 1
        path = self.folders["in"] / found.name
        if not path.exists():
            raise Refused("NOT_THERE")
        content = path.read_bytes()
        for start in range(0, len(content), 100):
            yield content[start : start + 100]
            self.at("half")
        if self._found(path) != found:
            raise Unreachable("CHANGED")

    def take_away(self, found: Found, *, refused: bool, beside: Mapping[str, bytes]) -> None:
        self.at("take_away")
        for name, content in beside.items():
            (self.folders["reject"] / name).write_bytes(content)
        path, to = self.folders["in"] / found.name, self.folders["reject" if refused else "done"]
        if path.exists():
            if self._found(path) != found:
                raise Unreachable("CHANGED")
            same = sum(one.name.startswith(found.name) for one in to.iterdir()) if not refused else 0
            path.rename(to / (f"{found.name}.{same}" if same else found.name))
        self.at("moved")


class Port:
    """A configured partner that lays its files into a box; or one that is no company."""

    def __init__(self, box: Any, port: Any = None) -> None:
        self._box = box
        self._port = port

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)

    def box(self, _homes: Path) -> Any:
        return self._box


def with_boxes(hub: Hub, **boxes: Any) -> Hub:
    """The same hub, whose companies lay their files into these boxes."""
    ports = {code: Port(box, hub.companies[code]) for code, box in boxes.items()}
    return replace(hub, companies={**hub.companies, **ports})


def exchanging(company: str, told: str) -> str:
    """A company's configuration with this ``[exchange]``, whatever it exchanges by itself."""
    text = (config_folder() / "companies" / f"{company}.toml").read_text()
    return re.sub(r"^\[exchange\]$.*?(?=^\[(?!\[exchange\.)|\Z)", "", text, flags=re.MULTILINE | re.DOTALL) + told


def roster_of(*numbers: int, state: str = "正常", rows_said: int | None = None) -> bytes:
    """A roster of the city's waterworks."""
    return ROSTERS["city_water"]([account(f"W{n}", n, state=state) for n in numbers], rows_said)


def look(hub: Hub, partner: str = "city_water", owner: str = "a", *, later_s: int = 61, asked: bool = False) -> bool:
    """Look into a box, then let time pass."""
    done = collect(hub, partner, owner, actor="tester", asked=asked)
    hub.clock.advance(seconds=later_s)
    return done


def settle_and_answer(hub: Hub, partner: str = "city_water", owner: str = "a") -> None:
    """See what lies there, take it once it has settled, apply it, and lay back what became of it."""
    for _ in range(2):
        look(hub, partner, owner)
    apply_waiting(hub, actor="tester")
    look(hub, partner, owner)


def lines(hub: Hub, partner: str | None = None) -> list[CollectedLine]:
    """The history, oldest first."""
    with hub.store.read() as connection:
        return collected.collected_lines(connection, 1000, partner=partner)[::-1]


def states(hub: Hub) -> list[tuple[str, str, str]]:
    """Name, state and answer of every file, oldest first."""
    return [(one.name, one.state, one.answer) for one in lines(hub)]


def box_of(hub: Hub, partner: str = "city_water") -> BoxLine:
    with hub.store.read() as connection:
        (line,) = standing.box_lines(connection, [partner])
    return line
