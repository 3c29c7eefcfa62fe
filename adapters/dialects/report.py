"""Read a company's reports from a declared table: one bill a row, flat, its components side by side.

A batch of rows is read by column where nothing is amiss, and row by row, with care, where anything is: both roads give
the same, and the careful one says what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, get_args, get_type_hints

import msgspec
from msgspec import Meta

from adapters.base import ReadReportRow
from adapters.dialects.cells import BadCell, checked_text
from adapters.dialects.fields import COMPONENT_FIELDS
from adapters.dialects.report_columns import TEXTS, Columns, Memo, RawCode
from adapters.dialects.spec import Cell, ReportFile
from adapters.dialects.table import MISSING, OUT_OF_RANGE, Opened, ReadRow, TableReader, Totals, key_of, reader
from adapters.report_checks import row_fault
from schemas.faults import FileRefused, refuse
from schemas.reports import Answer, Component, ReportHead, ReportRow
from schemas.tariffs import BASIC

BATCH_ROWS: Final = 256
_WORDS: Final = 200
_HINTS: Final = get_type_hints(ReportRow, include_extras=True) | get_type_hints(Component, include_extras=True)
_HEAD_HINTS: Final = get_type_hints(ReportHead, include_extras=True)
_MONTHS: Final = {"month": "month_from"}


class ReportTable(TableReader):
    """Reads the rows of a report as values by field, each within the bounds of its type."""

    def _reader(self, cell: Cell) -> Callable[[str], Any]:
        field = cell.field or ""
        if not field:
            return super()._reader(cell)
        if field == "answer_text":
            return lambda text: checked_text(text)[:_WORDS]
        if field == "answer":
            return Memo(_answers(cell)).__getitem__
        read = _bounded(reader(cell, self._table.fields), _HINTS[_MONTHS.get(field, field)])
        return read if field in TEXTS else Memo(read).__getitem__

    def readers(self) -> Mapping[str, Callable[[str], Any]]:
        """Return what reads each cell of a field, by its key."""
        return {key: read for _, key, read in self._steps if key}

    def columns(self, rows: Sequence[Any]) -> list[Sequence[str]] | None:
        """Return the texts of many rows by column; None if a row must be looked at by itself."""
        return self._form.columns(rows, self._table.columns)


def _bounded(read: Callable[[str], Any], hint: Any) -> Callable[[str], Any]:
    limits = _limits(hint)
    if limits:  # most cells are numbers, and msgspec takes a type apart each time it is asked
        return _between(read, *limits)

    def bounded(text: str) -> Any:
        try:
            return msgspec.convert(read(text), hint)
        except msgspec.ValidationError:  # its text may quote the value
            raise BadCell(*OUT_OF_RANGE) from None

    return bounded


def _between(read: Callable[[str], int], least: int, most: int) -> Callable[[str], int]:
    def bounded(text: str) -> int:
        value = read(text)
        if least <= value <= most:
            return value
        raise BadCell(*OUT_OF_RANGE)

    return bounded


def _limits(hint: Any) -> tuple[int, int] | None:
    """Return the least and most of a whole number's type; None if it is another."""
    for one in (hint, *get_args(hint)):
        for meta in getattr(one, "__metadata__", ()):
            if isinstance(meta, Meta) and isinstance(meta.ge, int) and isinstance(meta.le, int):
                return meta.ge, meta.le
    return None


def _answers(cell: Cell) -> Callable[[str], Answer | RawCode]:
    """Return what reads an answer. Only an agreed code means anything; any other is kept as it stands."""
    known = {code: Answer(str(value)) for code, value in cell.codes.items()}
    known = known or {str(one): one for one in Answer if one is not Answer.UNKNOWN}

    def read(text: str) -> Answer | RawCode:
        code = checked_text(text)
        if not code:
            raise BadCell(*MISSING)
        return known.get(code) or RawCode(code[:_WORDS])

    return read


class ReportDialect:
    """A ``ReportReader`` made of a table."""

    def __init__(self, company: str, table: ReportFile) -> None:
        self._company = company
        self._table = table
        self._reader = ReportTable(table)
        self._names = {(cell.field, cell.of): cell.name for cell in table.columns if cell.field and cell.name}
        self._components = _components(table)
        self._columns = Columns(table, self._reader.readers(), self._parts, _HINTS)

    def read(self, chunks: Iterable[bytes]) -> tuple[ReportHead, Iterator[ReadReportRow]]:
        """Read the head at once, then the rows as they come."""
        opened = self._reader.open(chunks)
        return self._head(opened), self._rows(opened)

    def _head(self, opened: Opened) -> ReportHead:
        named = {cell.field: cell.name or cell.field for cell in self._table.header}
        checked = {}
        for field in ("kind", "month", "edition", "created_on"):
            try:
                checked[field] = msgspec.convert(opened.head.get(field), _HEAD_HINTS[field])
            except msgspec.ValidationError:  # its text may quote the value
                raise _not_a_head(opened.head_row, named[field] or "") from None
        return ReportHead(company=self._company, **checked)

    def _rows(self, opened: Opened) -> Iterator[ReadReportRow]:
        totals = Totals("quantity_milli", "amount_fen")
        while batch := list(islice(opened.rows, BATCH_ROWS)):
            quick = self._quick(batch, totals)
            yield from self._careful(batch, totals) if quick is None else quick
        self._reader.close(opened, totals.known())

    # --- many rows at once

    def _quick(self, batch: Sequence[tuple[int, Any]], totals: Totals) -> list[ReadReportRow] | None:
        """Read a batch by column; None if anything in it must be looked at by itself."""
        texts = self._reader.columns([raw for _, raw in batch])
        found = None if texts is None else self._columns.rows(texts)
        if found is None:
            return None
        column = self._column
        faults = [row_fault(row, said, column) for (row, _), said in zip(batch, found.rows, strict=True)]
        totals.count(len(batch), None if any(faults) else (found.waived_milli, found.waived_fen))
        rows = zip(batch, found.rows, faults, strict=True)
        return [ReadReportRow(row, None if fault else said, fault) for (row, _), said, fault in rows]

    # --- one row with care

    def _careful(self, batch: Sequence[tuple[int, Any]], totals: Totals) -> Iterator[ReadReportRow]:
        for row, raw in batch:
            found = self._reader.row(row, raw)
            said = self._said(found) if found.values else None
            fault = row_fault(row, said, self._column) if said else found.fault
            totals.count(1, None if fault or not said else (said.waived_milli, said.waived_fen))
            yield ReadReportRow(row, None if fault else said, fault)

    def _said(self, read: ReadRow) -> ReportRow:
        values: dict[str, Any] = dict(read.values or {})
        if "month" in values:
            values["month_from"] = values["month_to"] = values["month"]
        if isinstance(values["answer"], RawCode):
            values |= {"answer_text": str(values["answer"]), "answer": Answer.UNKNOWN}
        own = {field: values[field] for field in ReportRow.__struct_fields__ if field in values}
        return ReportRow(components=self._parts(values), **own)

    def _parts(self, values: Mapping[str, Any]) -> tuple[Component, ...]:
        """Return the components of which a row says anything."""
        found = []
        for component, keys in self._components:
            given = {field: values[key] for field, key in keys.items() if key in values}
            if given:
                found.append(Component(component, **(_NOTHING | given)))
        return tuple(found)

    def _column(self, field: str, component: str) -> str:
        return self._names.get((field, component or BASIC), field)


_NOTHING: Final[dict[str, Any]] = {field: "" if field == "price_version" else 0 for field in COMPONENT_FIELDS}


def _components(table: ReportFile) -> list[tuple[str, dict[str, str]]]:
    """Return each component with the keys of its fields."""
    found: dict[str, dict[str, str]] = {}
    for cell in table.columns:
        if cell.field in COMPONENT_FIELDS:
            found.setdefault(cell.of, {})[cell.field or ""] = key_of(cell)
    return list(found.items())


def _not_a_head(row: int, column: str) -> FileRefused:
    text = "首行内容超出范围，请更正 / the first line holds a value out of range; correct it"
    return refuse("HEADER", text, row=row, column=column)
