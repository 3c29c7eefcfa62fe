"""What is wrong with a file, written so that whoever made the file can read it with the same program."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Final

from adapters.base import FaultWriter
from adapters.dialects.spec import Table
from schemas.faults import Fault

_NAMES: Final = ("行号", "列名", "代码", "原因与办法")


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


def fault_writer(table: Table | None) -> FaultWriter:
    """Return what writes the faults of a file that a table describes; without a table, CSV for a spreadsheet."""
    if table is None:
        return FaultText("utf-8-sig", ",")
    return FaultText(table.encoding, table.delimiter if table.form == "delimited" else "|")
