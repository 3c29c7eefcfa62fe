"""Rows whose cells are known by their names and not by their places: what XML and JSON have in common.

A file is an optional head, its rows, and an optional total, in this order. Rows are counted from 1 as the sender counts
them, head and total not among them; what is wrong with the head, the total or the whole has row 0.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Final, Literal, NamedTuple

from adapters.dialects.cells import BadCell
from adapters.dialects.lines import empty_file, not_a_header, truncated
from adapters.dialects.spec import Cell, Cells, Table
from schemas.faults import FileRefused, refuse

#: Files are read in blocks of so many bytes, however they arrive: what is found does not depend on that.
BLOCK_BYTES: Final = 65_536

PartKind = Literal["head", "row", "total"]
#: Code, text and column of what is wrong with a part.
Oddness = tuple[str, str, str]


class Named(NamedTuple):
    """A head, row or total as it lies in the file: names and contents of its cells, and what is odd about it."""

    kind: PartKind
    names: tuple[str, ...]
    contents: tuple[Any, ...]
    odd: Oddness | None = None


class NamedRows:
    """The rows of such a file (``Rows``); head and total are kept apart."""

    def __init__(self, parts: Iterator[Named], *, total: bool) -> None:
        self._parts = parts
        self._total = total
        self._row = 0
        self.last: Named | None = None
        self.last_row = 0

    def __iter__(self) -> Iterator[tuple[int, Named]]:
        return self

    def __next__(self) -> tuple[int, Named]:
        for part in self._parts:
            if part.kind == "row" and self.last is None:
                self._row += 1
                return self._row, part
            if part.kind != "total" or not self._total or self.last is not None:
                raise other_parts()
            self.last = part
        if self._total and self.last is None:
            raise truncated(0)
        raise StopIteration

    def take(self) -> tuple[int, Named]:
        """Return the head."""
        part = next(self._parts, None)
        if part is None or part.kind != "head":
            raise not_a_header(0)
        return 0, part


class NamedCells:
    """Cuts parts into texts by the names of a table's cells. What a name is called, only XML and JSON know."""

    #: Code and text for a name that is not agreed, for one that stands twice, and for a wrong order if there is one.
    unknown: tuple[str, str]
    twice: tuple[str, str]
    order: tuple[str, str] | None = None

    def __init__(self, table: Table, rows: str) -> None:
        """``rows`` is what the part is called that is a row, or holds all of them."""
        parts = table.parts
        named: list[tuple[PartKind, str, Cells]] = [
            ("head", parts.head, table.header), ("row", rows, table.columns), ("total", parts.total, table.trailer)
        ]  # fmt: skip
        self._table = table
        self.names = {kind: tuple([cell.name for cell in cells]) for kind, _, cells in named}
        #: The parts that are declared, in their order, by what they are called.
        self.kinds = {name: kind for kind, name, cells in named if cells}

    def cut(self, part: Named, cells: Cells) -> list[str]:
        """Return the texts of a part's cells; what is not there is empty.

        Raises:
            BadCell: a name that is not agreed, stands twice or out of order, or content that is no text.
        """
        if part.odd:
            raise BadCell(*part.odd)
        names = self.names[part.kind]
        contents = part.contents if part.names == names else self._in_order(part, names)
        return [self.text(cell, content) for cell, content in zip(cells, contents, strict=True)]

    def _in_order(self, part: Named, names: tuple[str, ...]) -> list[Any]:
        found = dict(zip(part.names, part.contents, strict=True))
        for name in part.names:
            if name not in names:
                raise BadCell(*self.unknown)
            if part.names.count(name) > 1:
                raise BadCell(*self.twice, name)
        if self.order and (early := _out_of_order(part.names, names)):
            raise BadCell(*self.order, early)
        return [found.get(name) for name in names]

    def columns(self, parts: Sequence[Named], cells: Cells) -> list[Sequence[str]] | None:
        """Return what ``cut`` gives for each part, but by column; None if a part must be looked at by itself."""
        names = self.names["row"]
        if any(part.odd or part.names != names for part in parts):
            return None
        columns = zip(*[part.contents for part in parts], strict=True)
        try:
            return [self.texts(cell, column) for cell, column in zip(cells, columns, strict=True)]
        except BadCell:
            return None

    def texts(self, cell: Cell, contents: Sequence[Any]) -> Sequence[str]:
        """Return the texts of many contents of a cell."""
        return [self.text(cell, content) for content in contents]

    def text(self, cell: Cell, content: Any) -> str:
        """Return the text of a cell's content; None is empty. Raises BadCell."""
        raise NotImplementedError

    def fit(self, _cell: Cell, text: str) -> str:
        """Bring a text to its cell's width; these have none."""
        return text

    def pad(self, _cell: Cell) -> str | None:
        """Return the %-format that brings a text to its width; these have none."""
        return None


def _out_of_order(found: Sequence[str], names: Sequence[str]) -> str | None:
    """Return the first name that stands before one that should stand before it."""
    places = [names.index(name) for name in found]
    return next((names[one] for one, after in pairwise(places) if one > after), None)


# --- bytes to text


def decoded(chunks: Iterable[bytes], encoding: str) -> Iterator[str]:
    """Return a file's text in blocks, without its byte mark; whatever stands before undecodable bytes comes first.

    Raises:
        UnicodeDecodeError: it is not in this encoding; its own text must not be told.
        FileRefused: the file is empty, or ends within a character.
    """
    decoder = codecs.getincrementaldecoder(encoding)()
    start = True
    for block in _blocks(chunks):
        if start and not block:
            raise empty_file()
        try:
            text = decoder.decode(block)
        except UnicodeDecodeError as error:
            if error.start:
                yield error.object[: error.start].decode(encoding)
            raise
        yield text.removeprefix("\ufeff") if start else text
        start = False
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise truncated(0) from None


def _blocks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    held: list[bytes] = []
    size = 0
    for chunk in chunks:
        held.append(chunk)
        size += len(chunk)
        if size >= BLOCK_BYTES:
            data = b"".join(held)
            whole = size - size % BLOCK_BYTES
            yield from (data[start : start + BLOCK_BYTES] for start in range(0, whole, BLOCK_BYTES))
            held, size = [data[whole:]], size - whole
    yield b"".join(held)


def other_parts(row: int = 0) -> FileRefused:
    """Refuse a file that is not made of the agreed parts in their order."""
    return refuse(
        "PARTS",
        "文件的组成与约定不符：缺少、多余、重复或次序不对，请按约定导出"
        " / the file is not made of the agreed parts: one is missing, not agreed, repeated or out of order;"
        " export it as agreed",
        row=row,
    )


def part_too_long(row: int) -> FileRefused:
    """Refuse a file with a row of which no end is seen."""
    return refuse(
        "ROW_TOO_LONG",
        "有一行过长或没有结束，请重新导出 / a row is too long, or does not end; export the file again",
        row=row,
    )
