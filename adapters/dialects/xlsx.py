"""A declared table as a sheet of an .xlsx workbook.

From the top: the merged ``title``, the ``header`` (its cells side by side), the trailer if ``totals_first``, as monthly
reports have it, the merged ``group`` headings if there are any, the column names, and the rows; without
``totals_first`` the trailer is the last row. An agreed title may be missing. Blank rows are skipped, and all others
keep the numbers they have in the sheet, from 1. Hidden rows and columns count like any others, a formula counts by the
value that was calculated last.

The form forbids reading as a stream: a workbook's directory stands at its end, the texts of its cells in another part
than the cells. So it is read whole, in memory; nothing of it is written to disk.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from python_calamine import CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from adapters.dialects.spec import Cell, Cells, Table
from adapters.dialects.xlsx_guard import Package, damaged, gathered
from adapters.dialects.xlsx_parts import Finding, check_fits, examine, oddities, part_of
from adapters.dialects.xlsx_reading import SheetRows, Takers, numbered
from adapters.dialects.xlsx_writing import SheetWriting
from schemas.faults import FileRefused, refuse

#: What ends reading for a cause outside the file, or says already what is wrong with it.
_OUTSIDE: Final = (FileRefused, GeneratorExit, KeyboardInterrupt, SystemExit)


class XlsxForm:
    """Cuts and writes the one sheet of a workbook that a table describes."""

    def __init__(self, table: Table) -> None:
        self._table = table
        lines = (table.header, table.columns, table.trailer)
        self._width = max(map(len, lines))
        self._takers = [(cells, Takers(cells)) for cells in lines]

    def open(self, chunks: Iterable[bytes]) -> SheetRows:
        """Return the rows of a workbook.

        Raises:
            FileRefused: it is no workbook, damaged, unsafe to unpack, or without the agreed sheet.
        """
        package = Package(gathered(chunks))
        findings = examine(package, self._width)
        try:
            sheet, part = self._sheet(package, findings)
        except _OUTSIDE:
            raise
        except BaseException:  # noqa: BLE001 - the library's panics are no ordinary exceptions; their texts may quote a cell
            raise damaged() from None
        odd = oddities(package, part) if findings[part].odd else {}
        rows = numbered(_sound(sheet.iter_rows()), sheet.start[1] if sheet.start else 0, odd)
        return SheetRows(rows, self._table)

    def _sheet(self, package: Package, findings: Mapping[str, Finding]) -> tuple[CalamineSheet, str]:
        """Return the agreed sheet and the name of its part."""
        with CalamineWorkbook.from_object(io.BytesIO(package.data)) as book:
            name = self._sheet_name(book)
            part = part_of(package, name)
            if part not in findings:
                raise damaged()
            check_fits(findings[part])
            return book.get_sheet_by_name(name), part

    def _sheet_name(self, book: CalamineWorkbook) -> str:
        found = [
            sheet.name
            for sheet in book.sheets_metadata
            if sheet.typ == SheetTypeEnum.WorkSheet
            and (sheet.name == self._table.sheet if self._table.sheet else sheet.visible == SheetVisibleEnum.Visible)
        ]
        if not found:
            raise _no_such_sheet(self._table.sheet)
        return found[0]

    def writing(self) -> SheetWriting:
        """Begin a workbook."""
        return SheetWriting(self._table)

    def cut(self, row: Sequence[Any], cells: Cells) -> list[str]:
        """Return the texts of a row's cells.

        Raises:
            BadCell: a value that is not what was agreed for its cell, or something outside the table.
        """
        return self._of(cells).row(row)

    def columns(self, rows: Sequence[Sequence[Any]], cells: Cells) -> list[Sequence[str]] | None:
        """Return what ``cut`` gives for each row, but by column; None if a row must be looked at by itself."""
        return self._of(cells).columns(rows)

    def _of(self, cells: Cells) -> Takers:
        return next(takers for known, takers in self._takers if known is cells)

    def fit(self, _cell: Cell, text: str) -> str:
        """Bring a text to its cell's width; a sheet's cells have none."""
        return text

    def pad(self, _cell: Cell) -> str | None:
        """Return the %-format that brings a text to its width; a sheet's cells have none."""
        return None


def _sound(rows: Iterator[list[Any]]) -> Iterator[list[Any]]:
    """Pass rows on; a value that makes the library panic refuses the workbook."""
    try:
        yield from rows
    except _OUTSIDE:
        raise
    except BaseException:  # noqa: BLE001 - as above
        raise damaged() from None


def _no_such_sheet(name: str) -> FileRefused:
    return refuse(
        "NO_SUCH_SHEET",
        f"工作簿中没有约定的工作表{name}，请核对表名"
        f" / the workbook has no sheet {name or 'to be seen'}; name it as agreed",
    )
