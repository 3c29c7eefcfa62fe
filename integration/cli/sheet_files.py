"""Tables written to a file for people: CSV or XLSX by the file's name, whole or not at all, and no cell a formula."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import xlsxwriter

from integration.cli.exits import Refused
from integration.cli.words import say
from schemas.text import looks_like_formula

#: Rows that a sheet holds, with its head.
SHEET_ROWS: Final = 1_048_576
_OPTIONS: Final = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}

#: Takes the next row; texts stay texts, so that account numbers keep their noughts.
AddRow = Callable[[Sequence[str | int]], None]


@contextmanager
def table_file(path: Path, heads: Sequence[str]) -> Iterator[AddRow]:
    """Give what a table's rows are handed to; the file is there once the block has ended well.

    Raises:
        Refused: the name ends in neither .csv nor .xlsx, or a sheet cannot hold so many rows.
    """
    writers = {".csv": _csv, ".xlsx": _sheet}
    writer = writers.get(path.suffix.lower())
    if writer is None:
        raise Refused(say(f"{path.name} 须以 .csv 或 .xlsx 结尾", f"{path.name} must end in .csv or .xlsx"))
    temporary = path.with_name(f".{path.name}.part")
    try:
        with writer(temporary) as add:
            add(heads)
            yield add
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _csv(path: Path) -> Iterator[AddRow]:
    with path.open("w", encoding="utf-8-sig", newline="") as file:  # the mark lets a sheet program see the encoding
        write = csv.writer(file).writerow
        yield lambda row: write([_harmless(cell) if isinstance(cell, str) else cell for cell in row])


def _harmless(text: str) -> str:
    """Return a text that no sheet program takes for a formula."""
    return f"'{text}" if looks_like_formula(text) else text


@contextmanager
def _sheet(path: Path) -> Iterator[AddRow]:
    with xlsxwriter.Workbook(path, _OPTIONS) as book:
        sheet = book.add_worksheet()
        sheet.freeze_panes(1, 0)
        row = 0

        def add(cells: Sequence[str | int]) -> None:
            nonlocal row
            if row == SHEET_ROWS:
                raise Refused(
                    say("行数超过工作表上限，请用 .csv", "a sheet does not hold so many rows; name a .csv file")
                )
            for column, cell in enumerate(cells):
                (sheet.write_string if isinstance(cell, str) else sheet.write_number)(row, column, cell)
            row += 1

        yield add
