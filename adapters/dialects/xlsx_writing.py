"""Write a table as a sheet: texts stay texts, numbers are numbers only where a sheet holds them exactly.

A workbook can only be written as a whole. Until then its rows are held in memory, some fifty bytes each. The library
keeps the sheet in a folder of its own while it packs it, readable by nobody else and gone at the end; lists hold
account numbers and no names. The same rows give the same bytes: no clock, no name of a machine or user goes into them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import xlsxwriter

from adapters.dialects.cells import BadCell, converter
from adapters.dialects.fields import Kind
from adapters.dialects.spec import Cell, Cells, Table
from adapters.dialects.xlsx_reading import EXACT_DIGITS
from schemas.faults import refuse
from schemas.values import int_day

#: Rows that a sheet has, and characters (UTF-16 units) that a cell takes: ECMA-376 as every program implements it.
SHEET_ROWS: Final = 1_048_576
CELL_UNITS: Final = 32_767

CHUNK_BYTES: Final = 256 << 10
_OPTIONS: Final = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}
_NOBODYS_DAY: Final = datetime(1980, 1, 1)  # noqa: DTZ001 - the file says no zone
#: Stands between the texts that are held; no cell can hold it.
_BETWEEN: Final = "\x1f"
#: Controls, line ends, half characters and non-characters; and what the library would take for markup of its own.
_UNWRITABLE: Final = re.compile("[\x00-\x1f\ud800-\udfff\ufffe\uffff]|</r>")
_UNWRITABLE_BUT_BETWEEN: Final = re.compile("[\x00-\x1e\ud800-\udfff\ufffe\uffff]|</r>")
_PLAIN_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_FORMATS: Final[Mapping[Kind, str]] = {
    "m3": "0.000", "m2": "0.00", "yuan": "0.00", "price": "0.0000", "milli": "0", "fen": "0", "count": "0"
}  # fmt: skip
_TEXT_FORMAT: Final = "@"

_Write = Callable[[int, int, str], Any]


class SheetWriting:
    """One workbook being written (``Writing``)."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._width = len(table.columns)
        self._header: list[str] = []
        self._held: list[bytes] = []
        above = (bool(table.title), bool(table.header), bool(table.trailer), _grouped(table), True)
        self._room = SHEET_ROWS - sum(above)

    def opening(self, header: Sequence[str], _totals: Sequence[str] | None) -> bytes:
        """Keep the header; raises BadCell. The totals come again in the end."""
        self._header = _checked(self._table.header, header)
        return b""

    def join(self, columns: Sequence[Iterable[str]], rows: int) -> bytes | None:
        """Keep many rows, given column by column; None if a text must be looked at by itself."""
        text = _BETWEEN.join(chain.from_iterable(zip(*columns, strict=True)))
        if text.count(_BETWEEN) != rows * self._width - 1 or _UNWRITABLE_BUT_BETWEEN.search(text):
            return None
        if len(text) > CELL_UNITS // 2 and max(map(len, text.split(_BETWEEN))) > CELL_UNITS // 2:
            return None
        self._hold(text, rows)
        return b""

    def line(self, texts: Sequence[str]) -> bytes:
        """Keep one row; raises BadCell with the column."""
        self._hold(_BETWEEN.join(_checked(self._table.columns, texts)), 1)
        return b""

    def _hold(self, text: str, rows: int) -> None:
        self._room -= rows
        if self._room < 0:
            raise refuse(
                "SHEET_FULL",
                f"一张工作表最多{SHEET_ROWS}行，请约定改用文本文件"
                f" / a sheet has {SHEET_ROWS} rows at most; agree on a text file instead",
            )
        self._held.append(text.encode())

    def closing(self, trailer: Sequence[str]) -> Iterator[bytes]:
        """Write the workbook; raises BadCell."""
        totals = _checked(self._table.trailer, trailer)
        with TemporaryDirectory(prefix="waiverhub-sheet-") as folder:
            path = Path(folder) / "sheet.xlsx"
            with xlsxwriter.Workbook(path, {**_OPTIONS, "tmpdir": folder}) as book:
                book.set_properties({"created": _created(self._table.header, self._header)})
                _Sheet(book, self._table).write(self._header, self._rows(), totals)
            with path.open("rb") as file:
                while chunk := file.read(CHUNK_BYTES):
                    yield chunk

    def _rows(self) -> Iterator[Sequence[str]]:
        for held in self._held:
            texts = iter(held.decode().split(_BETWEEN))
            yield from zip(*[texts] * self._width, strict=True)


class _Sheet:
    """The sheet of a workbook, written from its first row to its last."""

    def __init__(self, book: Any, table: Table) -> None:
        self._table = table
        self._sheet = book.add_worksheet(table.sheet or "Sheet1")
        self._format = lru_cache(maxsize=None)(lambda form, bold: book.add_format({"num_format": form, "bold": bold}))
        self._centred = book.add_format({"bold": True, "align": "center"})
        self._row = 0

    def write(self, header: Sequence[str], rows: Iterator[Sequence[str]], totals: Sequence[str]) -> None:
        table = self._table
        for place, cell in enumerate(table.columns):
            self._sheet.set_column(place, place, _column_width(cell), self._format(_format(cell), bold=False))
        if table.title:
            self._merge(0, len(table.columns) - 1, table.title)
            self._row += 1
        self._line(table.header, header)
        if table.totals_first:
            self._line(table.trailer, totals)
        self._names()
        self._sheet.freeze_panes(self._row, 0)
        self._body(rows)
        if not table.totals_first:
            self._line(table.trailer, totals)

    def _line(self, cells: Cells, texts: Sequence[str]) -> None:
        """Write the header or the trailer."""
        if cells:
            for place, (cell, text) in enumerate(zip(cells, texts, strict=True)):
                _writer(self._sheet, cell, self._format(_format(cell), bold=True))(self._row, place, text)
            self._row += 1

    def _names(self) -> None:
        if _grouped(self._table):
            for first, last, group in _groups(self._table.columns):
                self._merge(first, last, group)
            self._row += 1
        for place, cell in enumerate(self._table.columns):
            self._sheet.write_string(self._row, place, cell.name, self._format(_TEXT_FORMAT, bold=True))
        self._row += 1

    def _merge(self, first: int, last: int, text: str) -> None:
        if first == last:
            self._sheet.write_string(self._row, first, text, self._centred)
        else:
            self._sheet.merge_range(self._row, first, self._row, last, text, self._centred)

    def _body(self, rows: Iterator[Sequence[str]]) -> None:
        writers = list(enumerate(_writer(self._sheet, cell) for cell in self._table.columns))
        for texts in rows:
            for (place, write), text in zip(writers, texts, strict=True):
                if text:
                    write(self._row, place, text)
            self._row += 1


def _writer(sheet: Any, cell: Cell, form: Any = None) -> _Write:
    """Return what writes one cell's text; without a format it has its column's."""
    write_text, write_number = sheet.write_string, sheet.write_number
    if cell.kind not in _FORMATS:
        return lambda row, place, text: write_text(row, place, text, form)

    def write(row: int, place: int, text: str) -> None:
        number = _exact_number(text)
        if number is None:
            write_text(row, place, text, form)
        else:
            write_number(row, place, number, form)

    return write


@lru_cache(maxsize=16_384)
def _exact_number(text: str) -> float | None:
    """Return a number that a sheet holds exactly; None if it does not, or if the text is none."""
    exact = _PLAIN_NUMBER.fullmatch(text) and len(text.lstrip("-0.").replace(".", "")) <= EXACT_DIGITS
    return float(text) if exact else None


def _checked(cells: Cells, texts: Sequence[str]) -> list[str]:
    """Return the texts if a sheet can hold them.

    Raises:
        BadCell: one cannot stand in a cell; its column is named.
    """
    for cell, text in zip(cells, texts, strict=True):
        if _UNWRITABLE.search(text) or len(text.encode("utf-16-le")) > 2 * CELL_UNITS:
            raise BadCell(
                "UNWRITABLE",
                "该值无法写入电子表格（控制字符、残缺字符或过长）"
                " / a sheet cannot hold the value: it is too long, or has control characters or half a character",
                cell.name,
            )
    return list(texts)


def _created(cells: Cells, texts: Sequence[str]) -> datetime:
    """Return the day that the header says the file was made."""
    for cell, text in zip(cells, texts, strict=True):
        if cell.field == "created_on":
            try:
                day = int_day(converter(cell, {"created_on": (cell.kind,)}).read(text))
            except BadCell:
                continue
            return datetime(day.year, day.month, day.day)  # noqa: DTZ001 - the file says no zone
    return _NOBODYS_DAY


def _format(cell: Cell) -> str:
    return _FORMATS.get(cell.kind, _TEXT_FORMAT)


def _column_width(cell: Cell) -> int:
    """Return a width in characters: Han characters take two, identifiers and words need more than their names."""
    return max(2 * len(cell.name) + 2, 12 if cell.kind != "text" or cell.codes else 20)


def _grouped(table: Table) -> bool:
    return any(cell.group for cell in table.columns)


def _groups(cells: Cells) -> Iterator[tuple[int, int, str]]:
    """Return first and last column of each group, and its name."""
    first = 0
    for place, cell in enumerate(cells):
        if place + 1 == len(cells) or cells[place + 1].group != cell.group:
            if cell.group:
                yield first, place, cell.group
            first = place + 1
