"""Files made for a check: values that a table can hold, the file that says them, and what a reader must make of it.

No partner's file is needed for that. What a partner really sends is the matter of its samples (``samples``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain
from typing import Any, Final

import msgspec
from msgspec.inspect import IntType, StructType, type_info

from adapters.dialects.cells import converter, own_words
from adapters.dialects.fields import AMOUNT, AREA, COMPONENT_FIELDS, IDENTIFIERS, PRICE, QUANTITY, TEXT, FieldType
from adapters.dialects.spec import AliasFile, Cell, ListFile, ReportFile, RosterFile, Table, WorkerFile
from adapters.dialects.table import form_of, key_of
from adapters.dialects.writing import TableWriter
from schemas.reports import Component, ReportRow
from schemas.rosters import AliasRow, RosterRow
from schemas.workers import WorkerRow

#: What header and trailer may sum up.
TOTALS: Final = ("rows", "quantity_milli", "amount_fen")
#: A row by the keys of its cells; what is not there leaves its cell empty.
Row = dict[str, Any]

_HEAD: Final[Row] = {"month": 202611, "created_on": 20261105, "edition": 1, "number": 12}
_DAY, _MONTH, _WORDS = 20261105, 202611, "张三丰"
#: The fields of citizens' numbers, and the example of the standard (GB 11643-1999).
_CITIZENS, _CITIZEN = ("holder_id", "id_number"), "11010519491231002X"
_MOST: Final = 10**9

#: A cell with its place in its line.
Placed = tuple[int, Cell]


def word_cells(table: Table) -> list[Placed]:
    """Return the cells of names, addresses and remarks: texts that are nobody's number."""
    return [
        (place, cell)
        for place, cell in _placed(table)
        if table.fields[cell.field or ""] == TEXT and cell.field not in (*IDENTIFIERS, *_CITIZENS)
    ]


def identifier_cells(table: Table) -> list[Placed]:
    """Return the cells of accounts and other numbers that are never touched."""
    return [one for one in _placed(table) if one[1].field in IDENTIFIERS]


def decimal_cells(table: Table) -> list[Placed]:
    """Return the cells of amounts, prices, quantities and areas."""
    return [one for one in _placed(table) if one[1].kind in (*AMOUNT, *AREA, *PRICE, *QUANTITY)]


def head_cells(table: Table) -> list[Placed]:
    """Return the cells of the first line that say something which is no total."""
    return [(place, one) for place, one in enumerate(table.header) if one.field and one.field not in TOTALS]


def is_dated(cell: Cell) -> bool:
    """Tell whether a cell holds a day or a month."""
    return cell.kind.startswith(("day", "month"))


def _placed(table: Table) -> list[Placed]:
    return [(place, cell) for place, cell in enumerate(table.columns) if cell.field]


def usual_rows(table: Table) -> list[Row]:
    """Return three rows: every cell filled, numbers as large as they may be; nearly all empty; and what may be below
    nought, or other words.
    """
    if isinstance(table, ReportFile):
        return list(_bills(table))
    full, other = ({key_of(cell): value(cell, table, n) for _, cell in _placed(table)} for n in (0, 2))
    least = {key: one for key, one in full.items() if key in table.filled()}
    if isinstance(table, ListFile):
        stop, move = _of(table, change="STOP", quantity_milli=0), _of(table, change="MOVE", quantity_milli=-3000)
        return [full, other | _numbers(table, 1) | stop, other | move]
    return [full, least | _numbers(table, 1), other]


def value(cell: Cell, table: Table, n: int) -> Any:
    """Return the n-th value that a cell can hold; numbers are the largest."""
    if choices := _choices(cell, table.fields):
        return choices[n % len(choices)]
    if cell.field in IDENTIFIERS:
        return number(cell, n)
    if cell.kind.startswith("day"):
        return _DAY
    if cell.kind.startswith("month"):
        return _MONTH
    if cell.kind != "text":
        return largest(cell, table)
    return _CITIZEN if cell.field in _CITIZENS else _WORDS


def _choices(cell: Cell, fields: Mapping[str, FieldType]) -> list[bool | str]:
    """Return the words that a cell can hold; none if it holds no words."""
    wanted = fields[cell.field or ""]
    return [] if isinstance(wanted, tuple) else list(cell.codes.values()) or list(own_words(wanted).values())


def number(cell: Cell, n: int, lead: str = "U1") -> str:
    """Return an account's number or another identifier of the width that is agreed, ending with n."""
    width = cell.width or min(8, cell.bytes or 8)
    end = str(100 + n)[-width:]
    return lead.ljust(width, lead[-1])[: width - len(end)] + end


def largest(cell: Cell, table: Table) -> int:
    """Return the largest number that the hub knows and the cell can hold."""
    most = _bounds(_shape(table)).get(cell.field or "", _MOST)
    write = converter(cell, table.fields).write
    fits = (one for one in (most, *(10**places - 1 for places in range(12, 0, -1))) if one <= most)
    found: int = next(one for one in fits if cell.bytes is None or len(write(one)) <= cell.bytes)
    return found


def _numbers(table: Table, n: int) -> Row:
    """Return all identifiers that a row must have."""
    return {key_of(cell): number(cell, n) for _, cell in identifier_cells(table) if cell.field in table.filled()}


def _of(table: Table, **values: Any) -> Row:
    """Return those values that the table has a cell for, and whose codes it knows."""
    cells = {cell.field: cell for cell in table.columns if cell.field}
    known = {field: set(cell.codes.values()) for field, cell in cells.items() if field and cell.codes}
    return {key: one for key, one in values.items() if key in cells and one in known.get(key, {one})}


def _bills(table: ReportFile) -> Iterator[Row]:
    """Return a bill, an answer without one as far as the company has that, and a reversal as far as it has those."""
    months = {"month_from": 202610, "month_to": 202611}
    full = {key_of(cell): value(cell, table, 0) for _, cell in _placed(table)}
    yield full | _of(table, kind="BILL", **months)
    least = {key: full[key] for key in table.filled() if key in full} | _numbers(table, 1)
    least |= _of(table, waived_milli=0, kind="NONE", **months)
    yield least if least.get("kind") == "NONE" else least | _of(table, bill_id=full.get("bill_id"), kind="BILL")
    named = {key_of(cell): number(cell, 2) for _, cell in identifier_cells(table)}
    figures = {key: -200 for key in full if key.rpartition(":")[2] in (*_FIGURES, "waived_milli", "billable_milli")}
    reversal = _of(table, kind="REVERSAL", **months)
    if "kind" in reversal and "refers_to" in named:
        yield full | named | figures | reversal
    else:
        yield full | named | _of(table, kind="BILL", **months)


_FIGURES: Final = ("charge_before_fen", "waived_fen", "charge_after_fen")


# --- what a reader must make of a row


def expected(table: Table, row: Row) -> Any:
    """Return the value that a reader gives for a row."""
    if isinstance(table, ReportFile):
        return _bill(table, row)
    if isinstance(table, ListFile):
        return dict(row)
    return msgspec.convert(dict(row), _shape(table))


def _shape(table: Table) -> Any:
    kinds = {RosterFile: RosterRow, AliasFile: AliasRow, ReportFile: ReportRow, WorkerFile: WorkerRow}
    return next((shape for kind, shape in kinds.items() if isinstance(table, kind)), None)


@cache
def _bounds(shape: Any) -> dict[str, int]:
    """Return the largest value of each whole number of a type, and of the components of a report's row."""
    shapes = [type_info(one) for one in (shape, *((Component,) if shape is ReportRow else ())) if one]
    found: dict[str, int] = {}
    for field in chain.from_iterable(info.fields for info in shapes if isinstance(info, StructType)):
        for part in (field.type, *getattr(field.type, "types", ())):
            if isinstance(part, IntType) and part.le is not None:
                found[field.name] = part.le
    return found


def _bill(table: ReportFile, row: Row) -> ReportRow:
    own = {key: one for key, one in row.items() if key in ReportRow.__struct_fields__ and one is not None}
    if "month" in row:
        own |= {"month_from": row["month"], "month_to": row["month"]}
    parts: dict[str, dict[str, Any]] = {}
    for cell in table.columns:
        if cell.field in COMPONENT_FIELDS and key_of(cell) in row:
            parts.setdefault(cell.of, {})[cell.field or ""] = row[key_of(cell)]
    nothing: dict[str, Any] = {field: "" if field == "price_version" else 0 for field in COMPONENT_FIELDS}
    own["components"] = [list({"component": of, **nothing, **given}.values()) for of, given in parts.items()]
    return msgspec.convert(own, ReportRow)


# --- files


def file_of(table: Table, rows: Sequence[Row]) -> bytes:
    """Return the file that says these rows, its totals right.

    Raises:
        FileRefused: a value cannot stand in this form.
    """
    words = {cell.field: _choices(cell, table.head_fields)[0] for _, cell in head_cells(table) if cell.field == "kind"}
    return b"".join(TableWriter(table).write({**_HEAD, **words}, rows))


@dataclass(frozen=True)
class Sheet:
    """A file as the texts of its cells, so that any one of them can be spoilt."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    trailer: tuple[str, ...]

    def with_cell(self, row: int, column: int, text: str) -> Sheet:
        """Return the sheet with another text in one cell of a row."""
        cells = list(self.rows[row])
        cells[column] = text
        return replace(self, rows=(*self.rows[:row], tuple(cells), *self.rows[row + 1 :]))


def sheet_of(table: Table, content: bytes) -> Sheet:
    """Take a sound file apart."""
    form = form_of(table)
    rows = form.open([content])
    header = form.cut(rows.take()[1], table.header) if table.header else []
    if table.names_row:
        rows.take()
    cells = tuple([tuple(form.cut(raw, table.columns)) for _, raw in rows])
    trailer = form.cut(rows.last, table.trailer) if table.trailer else []
    return Sheet(tuple(header), cells, tuple(trailer))


def put_together(table: Table, sheet: Sheet) -> bytes:
    """Write a sheet as it stands.

    Raises:
        BadCell: a text cannot stand in this form.
    """
    writing = form_of(table).writing()
    opening = writing.opening(sheet.header, sheet.trailer)
    lines = b"".join([writing.line(row) for row in sheet.rows])
    return opening + lines + b"".join(writing.closing(sheet.trailer))
