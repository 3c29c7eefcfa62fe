"""What is wrong with a file, written so that whoever made the file can read it with the same program."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Final, Literal

from adapters.base import FaultWriter
from adapters.dialects.spec import Cell, Encoding, Parts, Table
from adapters.dialects.table import form_of
from schemas.faults import Fault

_NAMES: Final = ("行号", "列名", "代码", "原因与办法")
_KEYS: Final = (
    Cell.model_validate({"name": "row", "as": "count"}),
    *(Cell(name=key) for key in ("column", "code", "text")),
)
_HEADED: Final = tuple(cell.model_copy(update={"name": name}) for cell, name in zip(_KEYS, _NAMES, strict=True))


class FaultText:
    """Faults as delimited text, in the encoding and with the delimiter of the file they were found in.

    A file of fixed width gets bars between the cells: the reasons are words, and have no width.
    """

    def __init__(self, encoding: str, delimiter: str) -> None:
        self._encoding = encoding
        self._delimiter = delimiter
        self.suffix = ".faults.csv" if delimiter == "," else ".faults.txt"

    def render(self, faults: Iterable[Fault]) -> Iterator[bytes]:
        """Render column names and a line a fault."""
        yield self._lines([_NAMES]).encode(self._encoding)
        encoding = self._encoding.removesuffix("-sig")
        for fault in faults:
            yield self._lines([(str(fault.row or ""), fault.column, fault.code, fault.text)]).encode(encoding)

    def _lines(self, rows: Iterable[tuple[str, ...]]) -> str:
        text = io.StringIO()
        csv.writer(text, delimiter=self._delimiter, lineterminator="\r\n").writerows(rows)
        return text.getvalue()


class FaultTable:
    """Faults as a table of their own, in the form of the file they were found in: XML, JSON or a sheet."""

    def __init__(self, form: Literal["xml", "json", "xlsx"], encoding: Encoding = "utf-8") -> None:
        if form == "xlsx":
            own = Table(form=form, names_row=True, sheet="错误", columns=_HEADED)
        else:
            parts = Parts(rows="faults") if form == "json" else Parts(root="faults", row="fault")
            own = Table(form=form, encoding=encoding, parts=parts, columns=_KEYS)
        self._form = form_of(own)
        self.suffix = f".faults.{form}"

    def render(self, faults: Iterable[Fault]) -> Iterator[bytes]:
        """Render a row a fault; row 0 is the whole file."""
        writing = self._form.writing()
        yield writing.opening((), None)
        for fault in faults:
            yield writing.line((str(fault.row), fault.column, fault.code, fault.text))
        yield from writing.closing(())


def fault_writer(table: Table | None) -> FaultWriter:
    """Return what writes the faults of a file that a table describes; without a table, CSV for a spreadsheet."""
    if table is None:
        return FaultText("utf-8-sig", ",")
    if table.form == "delimited":
        return FaultText(table.encoding, table.delimiter)
    if table.form == "fixed_width":
        return FaultText(table.encoding, "|")
    return FaultTable(table.form, table.encoding)
