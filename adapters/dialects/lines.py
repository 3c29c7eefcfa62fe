"""A stream of bytes as lines, in constant memory, the last line kept apart because it vouches for the others."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol

from adapters.dialects.spec import Cells, Table
from schemas.faults import FileRefused, refuse

MAX_LINE_BYTES: Final = 65_536

#: The stray byte mark that some editors put before UTF-8.
BOM: Final = b"\xef\xbb\xbf"


class Lines:
    """The lines of a file without their endings (LF or CRLF), numbered from 1; a trailer is kept apart as ``last``.

    In GB18030 and UTF-8 no byte of a longer character is 0x0A, so lines may be cut before they are decoded.
    """

    def __init__(self, chunks: Iterable[bytes], *, trailer: bool = True) -> None:
        self._digest = hashlib.sha256()
        self._trailer = trailer
        self._numbered = enumerate(self._cut(chunks), 1)
        self.last = b""
        self.last_row = 1

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        return self

    def __next__(self) -> tuple[int, bytes]:
        row, line = next(self._numbered)
        self.last_row = row + 1
        return row, line.removeprefix(BOM) if row == 1 else line

    def take(self) -> tuple[int, bytes]:
        """Return the next line, and be it the last: a header, for example, that is all there is."""
        for numbered in self:
            return numbered
        line, self.last = self.last.removeprefix(BOM), b""
        return self.last_row, line

    def sha256(self) -> str:
        """Return the digest of all bytes before the last line; only right once the lines are exhausted."""
        return self._digest.hexdigest()

    def _cut(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        rest = b""
        for chunk in chunks:
            rest += chunk
            # Whatever follows the last line feed but one may yet turn out to be the last line.
            end = rest.rfind(b"\n", 0, len(rest) - 1) + 1
            body, rest = rest[:end], rest[end:]
            self._digest.update(body)
            yield from _split(body)
            if len(rest) > MAX_LINE_BYTES:
                raise _too_long()
        if not rest:
            raise empty_file()
        (self.last,) = _split(rest if rest.endswith(b"\n") else rest + b"\n")
        if not self._trailer:
            yield self.last


class Layout(Protocol):
    """How cells are joined to lines."""

    def join(self, columns: Sequence[Iterable[str]], rows: int) -> bytes | None:
        """Join many rows given by column; None if they must be written one by one."""
        ...

    def line(self, cells: Cells, texts: Sequence[str]) -> bytes:
        """Write one line; raises BadCell with the column."""
        ...


class LineWriting:
    """A file of lines being written: every line stands by itself."""

    def __init__(self, layout: Layout, table: Table) -> None:
        self._layout, self._table = layout, table
        self.join = layout.join

    def opening(self, header: Sequence[str], _totals: Sequence[str] | None) -> bytes:
        """Write the byte mark, the header and the column names, as far as they are declared."""
        table = self._table
        names = [cell.name for cell in table.columns]
        return b"".join(
            (
                BOM if table.encoding == "utf-8-sig" else b"",
                self._layout.line(table.header, header) if table.header else b"",
                self._layout.line(table.columns, names) if table.names_row else b"",
            )
        )

    def line(self, texts: Sequence[str]) -> bytes:
        """Write one row with care; raises BadCell with the column."""
        return self._layout.line(self._table.columns, texts)

    def closing(self, trailer: Sequence[str]) -> Iterator[bytes]:
        """Write the trailer; none is declared, none is written."""
        if self._table.trailer:
            yield self._layout.line(self._table.trailer, trailer)


def _split(body: bytes) -> Iterator[bytes]:
    if b"\0" in body:
        raise refuse(
            "NUL_BYTE",
            "文件含空字节，可能是UTF-16或已损坏，请以规定编码重新导出"
            " / the file holds NUL bytes; it is UTF-16 or damaged; export it in the agreed encoding",
        )
    for line in body.split(b"\n")[:-1]:
        if len(line) > MAX_LINE_BYTES:
            raise _too_long()
        yield line.removesuffix(b"\r")


def _too_long() -> FileRefused:
    return refuse(
        "LINE_TOO_LONG",
        "有一行过长，换行可能丢失，请重新导出 / a line is too long; its line ends may be lost; export the file again",
    )


def empty_file() -> FileRefused:
    """Refuse a file without a byte."""
    return refuse("EMPTY_FILE", "文件是空的，请重新导出 / the file is empty; export it again")


def not_decodable(encoding: str, row: int) -> FileRefused:
    """Refuse a file that is not in its encoding. The decoder's own text is never used: it carries the bytes."""
    name = "GB18030" if encoding == "gb18030" else "UTF-8"
    return refuse(
        f"NOT_{name.replace('-', '')}",
        f"文件不是{name}编码，请以该编码重新导出 / the file is not {name}; export it in that encoding",
        row=row,
    )


def truncated(row: int) -> FileRefused:
    """Refuse a file whose last line is not its trailer."""
    return refuse(
        "TRUNCATED",
        "文件末尾没有尾行，可能传输中断，请重新发送 / the file does not end with its trailer; send it again in full",
        row=row,
    )


def not_a_header(row: int) -> FileRefused:
    """Refuse a registry file whose first line is not its header."""
    return refuse("HEADER", "首行不是约定的文件头 / the first line is not the agreed header; correct it", row=row)


def other_columns(row: int, expected: int) -> FileRefused:
    """Refuse a file whose line of column names has another number of columns, or is another line."""
    text = (
        f"此行应为约定的{expected}个列名 / the {expected} agreed column names should stand here; use the agreed heading"
    )
    return refuse("COLUMN_NAMES", text, row=row)


def other_column(row: int, place: int, name: str) -> FileRefused:
    """Refuse a file of which a column is called otherwise than agreed; only the agreed name is told."""
    text = f"第{place}列应名为“{name}” / column {place} should be called {name}; use the agreed heading"
    return refuse("COLUMN_NAMES", text, row=row, column=name)
