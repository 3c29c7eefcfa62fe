"""Sound files, spoilt on purpose: one cell, one total, the end, the encoding; and what is no such file at all."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Final

from adapters.contract.dialects import Reading
from adapters.contract.made import Sheet, is_dated, put_together
from adapters.dialects.cells import BadCell
from adapters.dialects.fields import IDENTIFIERS
from adapters.dialects.spec import Cell

#: Stands in cells whose content may be told to nobody.
SECRET: Final = "秘密QXZ"  # noqa: S105 - it is none

#: So many cuts of one file are tried.
_CUTS: Final = 60
_ENDLESS_BYTES: Final = 10_000_000


def word(cell: Cell) -> str:
    """Return what the partner calls a cell."""
    return cell.name or cell.field or ""


def with_cell(file: Reading, place: int, text: str) -> bytes | None:
    """Return the file with another text in a cell of its first row; None where that cannot stand in its form."""
    return _written(file, file.sheet.with_cell(0, place, text))


def with_header(file: Reading, place: int, text: str) -> bytes | None:
    """Return the file with another text in a cell of its first line; None where that cannot stand there."""
    sheet = file.sheet
    return _written(file, Sheet(_with(sheet.header, place, text), sheet.rows, sheet.trailer))


def with_trailer(file: Reading, place: int, text: str) -> bytes | None:
    """Return the file with another text in a cell of its last line; None where that cannot stand there."""
    sheet = file.sheet
    return _written(file, Sheet(sheet.header, sheet.rows, _with(sheet.trailer, place, text)))


def _with(texts: Sequence[str], place: int, text: str) -> tuple[str, ...]:
    return (*texts[:place], text, *texts[place + 1 :])


def _written(file: Reading, sheet: Sheet) -> bytes | None:
    with suppress(BadCell):
        return put_together(file.table, sheet)
    return None


def spoilt(text: str, cell: Cell, file: Reading) -> str:
    """Return what can never stand in a cell of a row."""
    if cell.field is None:
        return "?"
    if not isinstance(file.table.fields[cell.field], tuple):
        return "\u202e" if cell.field == "answer" else strange_code(cell)
    if cell.kind == "text":
        return "=1" if cell.field in IDENTIFIERS else "\u202e"
    return undated(text) if is_dated(cell) else _too_exact(cell)


def spoilt_in_head(text: str, cell: Cell) -> str:
    """Return what can never stand in a cell of the first line."""
    if is_dated(cell):
        return undated(text)
    return _too_exact(cell) if cell.kind == "count" else "~"


def _too_exact(cell: Cell) -> str:
    """Return a number with more places than any, which even a form that knows numbers can hold."""
    return "1.55555" if cell.kind == "price" else "1.5555"


def undated(text: str) -> str:
    """Return a day or month that does not exist, written like this one."""
    return "".join("9" if one.isdigit() else one for one in text)


def strange_code(cell: Cell) -> str:
    """Return a code that nobody agreed on."""
    codes = ("ZZ", "QQ", "Z", "Q", "~")
    return next(one for one in codes if one not in cell.codes and len(one) <= (cell.bytes or len(one)))


def of_other_width(file: Reading, place: int, cell: Cell) -> Iterator[bytes]:
    """Return files with a number in the first row that is longer or shorter than agreed."""
    if cell.width:
        yield from filter(None, [with_cell(file, place, "1" * width) for width in (cell.width - 1, cell.width + 1)])
    elif cell.bytes:  # of fixed width no longer text can be written: it moves all that comes after it
        full = "7" * cell.bytes
        yield (with_cell(file, place, full) or b"").replace(full.encode(), full.encode() + b"7", 1)


def with_secrets(file: Reading) -> Iterator[bytes]:
    """Return files in which something is wrong with a cell, a first or a last line, whose content is a secret."""
    inside = SECRET.encode(file.table.encoding)
    for place in range(len(file.table.columns)):
        for text in (SECRET, f"={SECRET}", f"{SECRET}\u202e", SECRET * 120):
            content = with_cell(file, place, text) or b""
            yield content
            if inside in content:
                yield content.replace(inside, inside + b"\xff")
    sheet = file.sheet
    yield from filter(None, [with_header(file, place, text + SECRET) for place, text in enumerate(sheet.header)])
    yield from filter(None, [with_trailer(file, place, text + SECRET) for place, text in enumerate(sheet.trailer)])


def with_wrong_totals(file: Reading) -> Iterator[tuple[Cell, bytes]]:
    """Return files one total of which has another last digit; amounts have a clause of their own."""
    for cells, texts, change in (
        (file.table.header, file.sheet.header, with_header),
        (file.table.trailer, file.sheet.trailer, with_trailer),
    ):
        for place, (cell, text) in enumerate(zip(cells, texts, strict=True)):
            if cell.field in ("rows", "quantity_milli"):
                content = change(file, place, text[:-1] + ("1" if text[-1] != "1" else "2"))
                if content:
                    yield cell, content


def ends(content: bytes) -> Iterable[int]:
    """Return where a file may be cut: at lines, and within them."""
    lines = [place + 1 for place, byte in enumerate(content) if byte == 0x0A]
    step = max(1, len(content) // _CUTS)
    return sorted({*lines[:_CUTS], *range(0, len(content), step), len(content) - 1, len(content) - 2})


def junk() -> Iterator[tuple[str, Iterable[bytes]]]:
    """Return what is no file of anybody's, and what each is called."""
    page = "<!DOCTYPE html>\n<html><body>请登录 / please log in</body></html>\n".encode()
    packed = gzip.compress(page, mtime=0)
    for content in (b"", b"\n", b"{}", b"{}\n", b"[]", b"null", b"0", page, b"\0" * 100, b"PK\x03\x04", packed):
        yield repr(content[:9])[2:-1] or "0 bytes", (content,)
    yield "10 MB", (b"x" * 100_000 for _ in range(_ENDLESS_BYTES // 100_000))


def in_other_encodings(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Return the file with bytes that no text has, and as UTF-16."""
    for encoding in ("gb18030", "utf-8"):
        with suppress(UnicodeDecodeError):
            yield "UTF-16", content.decode(encoding).encode("utf-16")
            break
    middle = max(content.find(b"\n", len(content) // 2), len(content) // 2)
    yield "FF", content[:middle] + b"\xff" + content[middle:]
    yield "NUL", content[:middle] + b"\0" + content[middle:]
