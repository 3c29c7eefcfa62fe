"""Lines of cells that have a width in *bytes*: three Han characters are six bytes in GB18030, 𬴂 alone is four."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

from adapters.dialects.cells import BadCell
from adapters.dialects.lines import Lines, LineWriting
from adapters.dialects.spec import Cell, Cells, Table


class FixedWidth:
    """Cuts and joins the lines of a fixed-width file. A cut through a character is a fault, never mended."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._encoding = "gb18030" if table.encoding == "gb18030" else "utf-8"
        self._newline = b"\r\n" if table.newline == "crlf" else b"\n"
        self._row_bytes = _width(table.columns) + len(self._newline)

    def open(self, chunks: Iterable[bytes]) -> Lines:
        """Return the lines of a file."""
        return Lines(chunks, trailer=bool(self._table.trailer))

    def writing(self) -> LineWriting:
        """Begin a file."""
        return LineWriting(self, self._table)

    def cut(self, line: bytes, cells: Cells) -> list[str]:
        """Return the texts of a line's cells, without their padding.

        Raises:
            BadCell: the line is too long or short, or a cut splits a character.
            UnicodeDecodeError: not the file's encoding; its text must not be told.
        """
        line.decode(self._encoding)
        if len(line) != _width(cells):
            raise BadCell(
                "LINE_LENGTH",
                f"应为{_width(cells)}字节，实为{len(line)}字节 / {_width(cells)} bytes expected, {len(line)} found;"
                " widths count bytes, not characters",
            )
        texts, start = [], 0
        for cell in cells:
            end = start + (cell.bytes or 0)
            texts.append(self._text(line[start:end], cell))
            start = end
        return texts

    def _text(self, part: bytes, cell: Cell) -> str:
        try:
            text = part.decode(self._encoding)
        except UnicodeDecodeError:
            raise BadCell(
                "CUT_CHARACTER",
                "字段边界切断了汉字，请按字节截取整字 / the cell's end cuts a character in two; cut between characters",
                cell.name,
            ) from None
        return _unpadded((text,), cell)[0]

    def columns(self, lines: Sequence[bytes], cells: Cells) -> list[Sequence[str]] | None:
        """Return what ``cut`` gives for each line, but by column; None if a line must be looked at by itself."""
        width = _width(cells)
        if any(len(line) != width for line in lines):
            return None
        form = struct.Struct("".join(f"{cell.bytes}s" for cell in cells))
        columns = zip(*form.iter_unpack(b"".join(lines)), strict=True)
        try:
            texts = [b"\n".join(column).decode(self._encoding).split("\n") for column in columns]
        except UnicodeDecodeError:
            return None
        return [_unpadded(column, cell) for cell, column in zip(cells, texts, strict=True)]

    def fit(self, cell: Cell, text: str) -> str:
        """Bring a text to at least its cell's width in bytes; where nothing is said, no nought is written."""
        pad = cell.pad if text else " "
        fill = pad * ((cell.bytes or 0) - len(text.encode(self._encoding)))
        return fill + text if cell.align == "right" else text + fill

    def pad(self, cell: Cell) -> str | None:
        """Return the %-format that brings an ASCII text to its width."""
        if cell.pad == "0":
            return None
        return f"%{'' if cell.align == 'right' else '-'}{cell.bytes}s"

    def join(self, columns: Sequence[Iterable[str]], rows: int) -> bytes | None:
        """Join many rows at once, given column by column; None if a row must be written with care instead.

        Padding never shortens, so the whole has the right length only if every cell has.
        """
        newline = self._newline.decode()
        try:
            data = (newline.join(map("".join, zip(*columns, strict=True))) + newline).encode(self._encoding)
        except UnicodeEncodeError:
            return None
        fits = len(data) == rows * self._row_bytes and data.count(b"\n") == rows
        return data if fits else None

    def line(self, cells: Cells, texts: Sequence[str]) -> bytes:
        """Write one line with care.

        Raises:
            BadCell: a text is longer than its cell, or cannot be encoded; its column is named.
        """
        return b"".join(map(self._written, cells, texts)) + self._newline

    def _written(self, cell: Cell, text: str) -> bytes:
        try:
            data = self.fit(cell, text).encode(self._encoding)
        except UnicodeEncodeError:
            data = b""
        if len(data) != cell.bytes or b"\n" in data or b"\r" in data:
            raise BadCell("UNWRITABLE", "该值无法写入此字段 / the value does not fit its cell", cell.name)
        return data


def _width(cells: Cells) -> int:
    return sum(cell.bytes or 0 for cell in cells)


def _unpadded(texts: Sequence[str], cell: Cell) -> list[str]:
    if cell.pad == "0":  # numbers: their noughts do no harm, and blanks alone are no number
        blank = " " * (cell.bytes or 0)
        return ["" if text == blank else text for text in texts]
    return [text.lstrip(" ") for text in texts] if cell.align == "right" else [text.rstrip(" ") for text in texts]
