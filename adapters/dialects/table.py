"""Read any declared table: header, column names, rows, trailer. Rosters and renumberings; reports build on it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from adapters.base import ReadAccount, ReadAlias
from adapters.dialects.cells import BadCell, converter
from adapters.dialects.fields import FieldType
from adapters.dialects.fixed_width import FixedWidth
from adapters.dialects.form import Form, Rows
from adapters.dialects.json_form import JsonForm
from adapters.dialects.lines import not_decodable, other_column, other_columns, truncated
from adapters.dialects.spec import Cell, Cells, Table
from adapters.dialects.tabular import Delimited
from adapters.dialects.xlsx import XlsxForm
from adapters.dialects.xml import XmlForm
from schemas.faults import Fault, FileRefused, refuse
from schemas.rosters import AliasRow, RosterRow
from schemas.tariffs import BASIC

_FORMS: Final[Mapping[str, Callable[[Table], Form]]] = {
    "delimited": Delimited,
    "fixed_width": FixedWidth,
    "json": JsonForm,
    "xlsx": XlsxForm,
    "xml": XmlForm,
}


def form_of(table: Table) -> Form:
    """Return the form that a table declares."""
    return _FORMS[table.form](table)


class ReadRow(NamedTuple):
    """A row's fields as read, or its fault and what was read before it. Empty cells are left out."""

    row: int
    values: dict[str, Any] | None
    fault: Fault | None = None
    read: Mapping[str, Any] = {}


MISSING: Final = ("MISSING_VALUE", "必填项为空 / a required value is missing; fill it in")
OUT_OF_RANGE: Final = ("OUT_OF_RANGE", "长度或范围不符 / too long, or out of range; correct the value")

BAD_PERIOD: Final = ("BAD_PERIOD", "截止日期早于起始日期，请更正 / it ends before it begins; correct the days")


class Totals:
    """What a file holds: its rows, and the sums of some of their values."""

    def __init__(self, *fields: str) -> None:
        self._rows, self._sums = 0, dict.fromkeys(fields, 0)
        self._whole = True

    def count(self, rows: int, values: Iterable[int] | None) -> None:
        """Add rows and their values in order of the fields; None if one of them has a fault."""
        self._rows += rows
        if values is None:
            self._whole = False
        else:
            for field, value in zip(self._sums, values, strict=True):
                self._sums[field] += value

    def known(self) -> dict[str, int]:
        """Return what can be compared with a header or trailer.

        A row with a fault was sent all the same, so that rows always count. Its figures are unread or doubtful: the
        sums would be off by them, and the whole file refused with a reason that is none, over one bad cell.
        """
        return {"rows": self._rows} | (self._sums if self._whole else {})


class Opened(NamedTuple):
    """A file whose header is read: what it says, its row (0 where rows alone are numbered), and the rows."""

    head: dict[str, Any]
    head_row: int
    rows: Rows


class TableReader:
    """Reads the files that one table describes."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._form = form_of(table)
        self._steps = [(cell.name or cell.field or "", key_of(cell), self._reader(cell)) for cell in table.columns]
        self._required = table.filled()
        self._encoding = "gb18030" if table.encoding == "gb18030" else "utf-8"

    def _reader(self, cell: Cell) -> Callable[[str], Any]:
        return reader(cell, self._table.fields)

    def read(self, chunks: Iterable[bytes]) -> tuple[dict[str, Any], Iterator[ReadRow]]:
        """Return what the header says, and the rows as they come.

        Raises:
            FileRefused: not this file, or damaged; from this call or from the iterator.
        """
        opened = self.open(chunks)
        return opened.head, self._rows(opened)

    def open(self, chunks: Iterable[bytes]) -> Opened:
        """Return what the header says, and the rows as they lie in the file.

        Raises:
            FileRefused: not this file.
        """
        rows = self._form.open(chunks)
        head: dict[str, Any] = {}
        at = 0
        if self._table.header:
            at, raw = rows.take()
            head = self._special(at, raw, self._table.header, "HEADER")
        if self._table.names_row:
            self._check_names(*rows.take())
        return Opened(head, at, rows)

    def close(self, opened: Opened, actual: Mapping[str, int]) -> None:
        """Compare what header and trailer say with what was read. A total not given in ``actual`` is not compared.

        Raises:
            FileRefused: they differ, or the trailer is missing.
        """
        rows = opened.rows
        self._compare(opened.head_row, self._table.header, opened.head, actual)
        if self._table.trailer:
            declared = self._special(rows.last_row, rows.last, self._table.trailer, "TRUNCATED")
            self._compare(rows.last_row, self._table.trailer, declared, actual)

    def _check_names(self, row: int, raw: Any) -> None:
        names = [cell.name for cell in self._table.columns]
        found = self._try_cut(row, raw, self._table.columns)
        if found != names:
            same = () if found is None else zip(names, found, strict=True)
            place = next((place for place, (name, text) in enumerate(same, 1) if name != text), None)
            raise other_columns(row, len(names)) if place is None else other_column(row, place, names[place - 1])

    def _rows(self, opened: Opened) -> Iterator[ReadRow]:
        totals = Totals("quantity_milli")
        for row, raw in opened.rows:
            read = self.row(row, raw)
            totals.count(1, None if read.values is None else (read.values.get("quantity_milli", 0),))
            yield read
        self.close(opened, totals.known())

    def _compare(self, row: int, cells: Cells, declared: Mapping[str, Any], actual: Mapping[str, int]) -> None:
        for field, value in actual.items():
            if declared.get(field, value) != value:
                cell = next(cell for cell in cells if cell.field == field)
                write = converter(cell, self._table.head_fields).write  # in the sender's unit
                raise wrong_total(field, write(declared[field]), write(value), row, cell.name or field)

    def _special(self, row: int, raw: Any, cells: Cells, code: str) -> dict[str, Any]:
        """Read a header or trailer; anything odd there refuses the file."""
        try:
            texts = self._form.cut(raw, cells)
        except BadCell as bad:
            raise _of_cell(code, row, bad, bad.column) from None
        except UnicodeDecodeError:  # of a last line: it was cut within a character
            raise truncated(row) if code == "TRUNCATED" else not_decodable(self._encoding, row) from None
        values: dict[str, Any] = {}
        for cell, text in zip(cells, texts, strict=True):
            if cell.constant is not None and text.strip() != cell.constant:
                raise _not_as_agreed(code, row)
            if cell.field:
                values[cell.field] = self._special_value(row, cell, text, code)
        return values

    def _special_value(self, row: int, cell: Cell, text: str, code: str) -> Any:
        try:
            return converter(cell, self._table.head_fields).read(text)
        except BadCell as bad:
            raise _of_cell(code, row, bad, cell.name or cell.field or "") from None

    def _try_cut(self, row: int, raw: Any, cells: Cells) -> list[str] | None:
        try:
            return self._form.cut(raw, cells)
        except BadCell:
            return None
        except UnicodeDecodeError:
            raise not_decodable(self._encoding, row) from None

    def row(self, row: int, raw: Any) -> ReadRow:
        """Read one row.

        Raises:
            FileRefused: it is not in the file's encoding.
        """
        column = ""
        values: dict[str, Any] = {}
        try:
            texts = self._form.cut(raw, self._table.columns)
            for (name, field, read), text in zip(self._steps, texts, strict=True):
                column = name
                if text:
                    value = read(text)
                    if field:
                        values[field] = value
                elif field in self._required:
                    return ReadRow(row, None, Fault(row, column, *MISSING), values)
        except BadCell as bad:
            return ReadRow(row, None, Fault(row, bad.column or column, bad.code, bad.text), values)
        except UnicodeDecodeError:
            raise not_decodable(self._encoding, row) from None
        return ReadRow(row, values)


def key_of(cell: Cell) -> str:
    """Return what a cell's value is called among a row's: of a component other than the basic price, with its name."""
    return cell.field or "" if cell.of == BASIC else f"{cell.of}:{cell.field}"


def reader(cell: Cell, fields: Mapping[str, FieldType]) -> Callable[[str], Any]:
    """Return what reads a cell: its value, or the text that must stand there."""
    if cell.field:
        return converter(cell, fields).read
    constant = cell.constant
    if constant is None:
        return str

    def read(text: str) -> str:
        if text != constant:
            raise BadCell("RECORD_TYPE", "记录类型不符 / not the agreed record type; correct the row")
        return text

    return read


def wrong_total(field: str, told: str, found: str, row: int, column: str) -> FileRefused:
    """Refuse a file that does not hold what it says it does."""
    return refuse(
        "TRAILER_ROWS" if field == "rows" else "TRAILER_SUM",
        f"文件所报合计为{told}，实为{found}，文件不完整或被改动，请重新发送"
        f" / the file says {told} in all, and holds {found}; send it again in full",
        row=row,
        column=column,
    )


def column_of(cells: Cells, field: str) -> str:
    """Return what the sender calls a field."""
    return next((cell.name or field for cell in cells if cell.field == field), field)


def _of_cell(code: str, row: int, bad: BadCell, column: str) -> FileRefused:
    """Say what is wrong with a cell of a header or trailer; where it is the whole line, it is another line."""
    if code == "TRUNCATED" and column:
        return refuse(bad.code, bad.text, row=row, column=column)
    return _not_as_agreed(code, row, column)


def _not_as_agreed(code: str, row: int, column: str = "") -> FileRefused:
    if code == "TRUNCATED":
        return truncated(row)
    return refuse(
        code,
        "首行与约定不符，请核对是否发错文件 / the first line is not as agreed; is this the right file?",
        row=row,
        column=column,
    )


_PATH: Final = re.compile(r"at `\$\.([a-z_0-9]+)")
_T = TypeVar("_T")


class RosterDialect:
    """A ``RosterReader`` made of a table."""

    def __init__(self, table: Table) -> None:
        self._table, self._reader = table, TableReader(table)

    def read(self, chunks: Iterable[bytes]) -> Iterator[ReadAccount]:
        """Read accounts as they come."""
        for read in self._reader.read(chunks)[1]:
            account, fault = typed(read, RosterRow, self._table)
            named = (read.values or read.read).get("account", "") if fault else ""
            yield ReadAccount(read.row, account, fault, named)


class AliasDialect:
    """An ``AliasReader`` made of a table."""

    def __init__(self, table: Table) -> None:
        self._table, self._reader = table, TableReader(table)

    def read(self, chunks: Iterable[bytes]) -> Iterator[ReadAlias]:
        """Read renumberings as they come."""
        for read in self._reader.read(chunks)[1]:
            yield ReadAlias(read.row, *typed(read, AliasRow, self._table))


def typed(read: ReadRow, shape: type[_T], table: Table) -> tuple[_T | None, Fault | None]:
    """Return a row as its type has it, or its fault."""
    if read.values is None:
        return None, read.fault
    try:
        return msgspec.convert(read.values, shape), None
    except msgspec.ValidationError as error:  # its text may quote the value: only the path is used
        found = _PATH.search(str(error))
        column = column_of(table.columns, found[1]) if found else ""
        return None, Fault(read.row, column, *OUT_OF_RANGE)
