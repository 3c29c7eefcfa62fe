"""JSON: one document of a head, an array of rows and a total; each row a flat object whose keys are the cells' names.

``{"head": {…}, "rows": [{…}, …], "total": {…}}`` is read row by row in constant memory. Numbers are taken as their
literal text, so that not a digit is lost or made up.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from adapters.dialects.cells import BadCell
from adapters.dialects.fields import TEXT
from adapters.dialects.json_document import Document, Number
from adapters.dialects.json_lines import BAD_VALUE, DUPLICATE_KEY
from adapters.dialects.named import NamedCells, NamedRows, decoded
from adapters.dialects.spec import Cell, Cells, Table

_UNKNOWN_KEY: Final = ("UNKNOWN_KEY", "有未约定的键，请删除 / a key that is not agreed; take it out")
_NUMBER_FOR_TEXT: Final = (
    "NUMBER_FOR_TEXT",
    "编号或文字写成了数字，会丢失前面的零，请加引号 / a number in place of a text loses its noughts; put it in quotes",
)
_UNWRITABLE: Final = ("UNWRITABLE", "该值无法写入JSON / the value cannot stand in JSON")

_DIGITS: Final = re.compile(r"[0-9]+")
#: What a text must not hold to stand between quotes as it is; line ends are counted instead.
_ESCAPED: Final = re.compile(r"[\x00-\x09\x0b-\x1f\\]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_QUOTED: Final = json.JSONEncoder(ensure_ascii=False).encode
#: Ways of writing that become JSON numbers: whole ones, exact in every program.
_WHOLE_KINDS: Final = frozenset(("count", "milli", "fen"))


class JsonForm(NamedCells):
    """Finds, cuts and writes the rows of a JSON document."""

    unknown = _UNKNOWN_KEY
    twice = DUPLICATE_KEY

    def __init__(self, table: Table) -> None:
        super().__init__(table, table.parts.rows)
        self._texts = {cell.name for cell in table.columns if cell.field and table.fields[cell.field] == TEXT}

    def open(self, chunks: Iterable[bytes]) -> NamedRows:
        """Return the rows of a file."""
        return NamedRows(Document(decoded(chunks, "utf-8"), self.kinds).parts(), total="total" in self.kinds.values())

    def writing(self) -> JsonWriting:
        """Begin a file."""
        return JsonWriting(self._table)

    def texts(self, cell: Cell, contents: Sequence[Any]) -> Sequence[str]:
        """Return the texts of many contents; nearly always they are texts already, or numerals in a number's place."""
        plain = {str} if cell.name in self._texts else {str, Number}
        return contents if plain.issuperset(map(type, contents)) else super().texts(cell, contents)

    def text(self, cell: Cell, content: Any) -> str:
        """Return the text of a value: a number's literal, true or false, "" for null.

        Raises:
            BadCell: an array, an object, or a number where a text is agreed.
        """
        if type(content) is str:
            return content
        if isinstance(content, Number):
            return self._numeral(cell, content)
        if content is None:
            return ""
        if isinstance(content, bool) and cell.name not in self._texts:
            return "true" if content else "false"
        raise BadCell(*BAD_VALUE, cell.name)

    def _numeral(self, cell: Cell, number: Number) -> str:
        if cell.name not in self._texts:
            return number
        if cell.width and _DIGITS.fullmatch(number):
            return number.zfill(cell.width)
        raise BadCell(*_NUMBER_FOR_TEXT, cell.name)


class JsonWriting:
    """A document being written, a row a line. Whole numbers are JSON numbers, everything else is text."""

    def __init__(self, table: Table) -> None:
        self._table = table
        cells = table.columns
        self._whole = [place for place, cell in enumerate(cells) if _is_whole(cell)]
        marks = (f'"{cell.name}":' + ("%s" if _is_whole(cell) else '"%s"') for cell in cells)
        self._row = "{" + ",".join(marks) + "}"
        self._between = b"\n"

    def opening(self, header: Sequence[str], _totals: Sequence[str] | None) -> bytes:
        """Write the head, as far as it is declared."""
        parts = self._table.parts
        head = f'"{parts.head}":{_object(self._table.header, header)},\n' if self._table.header else ""
        return f'{{{head}"{parts.rows}":['.encode()

    def join(self, columns: Sequence[Iterable[str]], rows: int) -> bytes | None:
        """Write many rows at once; None if a text must be escaped, or a number is not there."""
        columns = [list(column) for column in columns]
        text = ",\n".join(map(self._row.__mod__, zip(*columns, strict=True)))
        if (
            text.count('"') != rows * self._row.count('"')
            or text.count("\n") != rows - 1
            or _ESCAPED.search(text)
            or any("" in columns[place] for place in self._whole)
        ):
            return None
        try:
            return self._parted(text.encode())
        except UnicodeEncodeError:
            return None

    def line(self, texts: Sequence[str]) -> bytes:
        """Write one row with care; raises BadCell with the column."""
        cells = self._table.columns
        try:
            return self._parted(_object(cells, texts).encode())
        except UnicodeEncodeError:
            lone = (cell.name for cell, text in zip(cells, texts, strict=True) if _SURROGATE.search(text))
            raise BadCell(*_UNWRITABLE, next(lone)) from None

    def closing(self, trailer: Sequence[str]) -> Iterator[bytes]:
        """Write the total, as far as it is declared."""
        total = f',\n"{self._table.parts.total}":{_object(self._table.trailer, trailer)}' if self._table.trailer else ""
        yield f"\n]{total}}}\n".encode()

    def _parted(self, rows: bytes) -> bytes:
        before, self._between = self._between, b",\n"
        return before + rows


def _is_whole(cell: Cell) -> bool:
    return cell.kind in _WHOLE_KINDS


def _object(cells: Cells, texts: Sequence[str]) -> str:
    return (
        "{" + ",".join([f'"{cell.name}":{_value(cell, text)}' for cell, text in zip(cells, texts, strict=True)]) + "}"
    )


def _value(cell: Cell, text: str) -> str:
    if _is_whole(cell):
        return text or "null"
    return _QUOTED(text)
