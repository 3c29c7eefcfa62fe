"""Write any declared table, row by row and with care; lists have a quicker road beside it (``listing``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from adapters.dialects.cells import BadCell, converter
from adapters.dialects.fields import FieldType
from adapters.dialects.form import Writing
from adapters.dialects.spec import Cell, Cells, Table
from adapters.dialects.table import form_of, key_of
from schemas.faults import refuse

#: A row or header by the keys of its values, as reading gives them; what is not there leaves its cell empty.
Values = Mapping[str, Any]


class TableWriter:
    """Writes the files that one table describes: what its reader would give, exactly."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self.form = form_of(table)
        self._columns = _writers(table.columns, table.fields)
        self._header = _writers(table.header, table.head_fields)
        self._trailer = _writers(table.trailer, table.head_fields)

    def write(self, head: Values, rows: Iterable[Values]) -> Iterator[bytes]:
        """Write header, rows and trailer; the trailer's totals are counted.

        Raises:
            FileRefused: a value cannot stand in this form; its row and column are named.
        """
        writing, counted = self.form.writing(), dict.fromkeys(("rows", "quantity_milli", "amount_fen"), 0)
        yield self.opening(writing, head, None)
        for row, values in enumerate(rows, 1):
            yield self.line(writing, row, values)
            for field, value in _totals_of(values).items():
                counted[field] += value
        yield from self.closing(writing, {**head, **counted})

    def opening(self, writing: Writing, head: Values, totals: Values | None) -> bytes:
        """Write what stands before the rows; ``totals`` are those of the trailer, if they are known already."""
        known = None if totals is None else _texts(self._trailer, totals)
        return writing.opening(_texts(self._header, head), known)

    def line(self, writing: Writing, row: int, values: Values) -> bytes:
        """Write one row.

        Raises:
            FileRefused: a value cannot stand in this form; its row and column are named.
        """
        try:
            return writing.line(_texts(self._columns, values))
        except BadCell as bad:
            raise refuse(bad.code, bad.text, row=row, column=bad.column) from None

    def closing(self, writing: Writing, totals: Values) -> Iterator[bytes]:
        """Write what stands after the rows."""
        return writing.closing(_texts(self._trailer, totals))


def _totals_of(values: Values) -> dict[str, int]:
    """Return what a row adds to the totals: of a list its quantity, of a report what it waives."""
    amounts = [value for key, value in values.items() if key.rpartition(":")[2] == "waived_fen"]
    quantity = values.get("quantity_milli", values.get("waived_milli", 0))
    return {"rows": 1, "quantity_milli": quantity, "amount_fen": sum(amounts)}


def _texts(cells: Sequence[Callable[[Values], str]], values: Values) -> list[str]:
    return [write(values) for write in cells]


def _writers(cells: Cells, fields: Mapping[str, FieldType]) -> list[Callable[[Values], str]]:
    return [_writer(cell, fields) for cell in cells]


def _writer(cell: Cell, fields: Mapping[str, FieldType]) -> Callable[[Values], str]:
    if cell.field is None:
        text = cell.constant or ""
        return lambda _values: text
    key, write = key_of(cell), converter(cell, fields).write

    def written(values: Values) -> str:
        value = values.get(key)
        try:
            return "" if value is None or value == "" else write(value)
        except BadCell as bad:
            raise BadCell(bad.code, bad.text, cell.name or cell.field or "") from None

    return written
