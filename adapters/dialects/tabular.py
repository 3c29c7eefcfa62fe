"""Lines of delimited cells: pipe text, CSV with or without quotes."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence

from adapters.dialects.cells import BadCell
from adapters.dialects.lines import Lines, LineWriting
from adapters.dialects.spec import Cell, Cells, Table


def unquoted(line: str, delimiter: str = ",") -> list[str]:
    """Cut one line of RFC 4180.

    Raises:
        BadCell: unbalanced quotes; a line break within quotes counts as such.
    """
    if '"' not in line:
        return line.split(delimiter)
    try:
        return next(csv.reader((line,), delimiter=delimiter, strict=True))
    except csv.Error:
        raise BadCell(
            "UNBALANCED_QUOTES", "引号不成对或格式不符 / quotes are unbalanced; quote as RFC 4180 says"
        ) from None


def counted(parts: list[str], expected: int) -> list[str]:
    """Return the parts of a line if there are as many as there should be.

    Raises:
        BadCell: there are not.
    """
    if len(parts) == expected:
        return parts
    raise BadCell(
        "COLUMN_COUNT",
        f"应有{expected}列，实有{len(parts)}列 / {expected} columns expected, {len(parts)} found;"
        " look for a stray or missing separator",
    )


class Delimited:
    """Cuts and joins the lines of a delimited file. An embedded line break is refused, not read on."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._encoding = "gb18030" if table.encoding == "gb18030" else "utf-8"
        self._delimiter = table.delimiter
        self._quoted = table.quoting == "rfc4180"
        self._newline = "\r\n" if table.newline == "crlf" else "\n"
        self._returns = self._newline.count("\r")

    def open(self, chunks: Iterable[bytes]) -> Lines:
        """Return the lines of a file."""
        return Lines(chunks, trailer=bool(self._table.trailer))

    def writing(self) -> LineWriting:
        """Begin a file."""
        return LineWriting(self, self._table)

    def cut(self, line: bytes, cells: Cells) -> list[str]:
        """Return the texts of a line's cells.

        Raises:
            BadCell: wrong number of cells, or unbalanced quotes.
            UnicodeDecodeError: not the file's encoding; its text must not be told.
        """
        text = line.decode(self._encoding)
        parts = unquoted(text, self._delimiter) if self._quoted else text.split(self._delimiter)
        return counted(parts, len(cells))

    def columns(self, lines: Sequence[bytes], cells: Cells) -> list[Sequence[str]] | None:
        """Return what ``cut`` gives for each line, but by column; None if a line must be looked at by itself."""
        try:
            text = b"\n".join(lines).decode(self._encoding)
            rows = self._split(text.split("\n"))
        except (UnicodeDecodeError, csv.Error):
            return None
        if len(rows) != len(lines) or any(len(parts) != len(cells) for parts in rows):
            return None
        return list(zip(*rows, strict=True))

    def _split(self, lines: list[str]) -> list[list[str]]:
        if self._quoted and any('"' in line for line in lines):
            return list(csv.reader(lines, delimiter=self._delimiter, strict=True))
        return [line.split(self._delimiter) for line in lines]

    def fit(self, _cell: Cell, text: str) -> str:
        """Bring a text to its cell's width; delimited cells have none."""
        return text

    def pad(self, _cell: Cell) -> str | None:
        """Return the %-format that brings a text to its width; delimited cells have none."""
        return None

    def join(self, columns: Sequence[Iterable[str]], rows: int) -> bytes | None:
        """Join many rows at once, given column by column; None if a row must be written with care instead."""
        text = self._newline.join(map(self._delimiter.join, zip(*columns, strict=True))) + self._newline
        if (
            text.count(self._delimiter) != rows * (len(columns) - 1)
            or text.count("\n") != rows
            or text.count("\r") != rows * self._returns
            or (self._quoted and '"' in text)
        ):
            return None
        try:
            return text.encode(self._encoding)
        except UnicodeEncodeError:
            return None

    def line(self, cells: Cells, texts: Sequence[str]) -> bytes:
        """Write one line with care.

        Raises:
            BadCell: a text cannot stand in this file; its column is named.
        """
        parts = [self._written(cell, text) for cell, text in zip(cells, texts, strict=True)]
        return (self._delimiter.join(parts) + self._newline).encode(self._encoding)

    def _written(self, cell: Cell, text: str) -> str:
        special = self._delimiter in text or (self._quoted and '"' in text)
        lost = "\n" in text or "\r" in text or any("\ud800" <= c <= "\udfff" for c in text)
        if lost or (special and not self._quoted):
            raise BadCell("UNWRITABLE", "该值无法写入此格式 / the value cannot stand in this file", cell.name)
        return '"' + text.replace('"', '""') + '"' if special else text
