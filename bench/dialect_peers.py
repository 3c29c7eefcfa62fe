"""What the usual libraries take to read and write the same files, and nothing besides: no check, no value, no fault."""

from __future__ import annotations

import csv
import io
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import ijson
import msgspec
import xlsxwriter
from lxml import etree
from python_calamine import CalamineWorkbook

from adapters.dialects.spec import Table
from schemas.lists import ListRow

_WORDS = {"NEW": "新增", "KEEP": "保留"}
_BATCH = 5_000

Row = Sequence[Any]


# --- reading


def read_delimited(path: Path, _table: Table) -> Iterator[Row]:
    with path.open(encoding="gb18030", newline="") as file:
        yield from csv.reader(file, delimiter="|", quoting=csv.QUOTE_NONE)


def read_fixed_width(path: Path, table: Table) -> Iterator[Row]:
    cut = struct.Struct("".join(f"{cell.bytes}s" for cell in table.columns))
    with path.open("rb") as file:
        for line in file:
            if len(line) == cut.size + 1:
                yield [part.decode("gb18030") for part in cut.unpack(line[:-1])]


def read_xlsx(path: Path, _table: Table) -> Iterator[Row]:
    return CalamineWorkbook.from_object(io.BytesIO(path.read_bytes())).get_sheet_by_index(0).iter_rows()


def read_xml(path: Path, table: Table) -> Iterator[Row]:
    for _, row in etree.iterparse(path, tag=table.parts.row):
        yield [cell.text for cell in row]
        row.clear()
        while row.getprevious() is not None:
            del row.getparent()[0]


def read_json(path: Path, table: Table) -> Iterator[Row]:
    with path.open("rb") as file:
        yield from map(list, map(dict.values, ijson.items(file, f"{table.parts.rows}.item")))


def read_json_whole(path: Path, table: Table) -> Iterator[Row]:
    """Read by msgspec: quicker, but the whole file lies in memory."""
    return map(list, map(dict.values, msgspec.json.decode(path.read_bytes())[table.parts.rows]))


READ: dict[str, Callable[[Path, Table], Iterator[Row]]] = {
    "delimited": read_delimited,
    "fixed_width": read_fixed_width,
    "xlsx": read_xlsx,
    "xml": read_xml,
    "json": read_json,
    "json whole": read_json_whole,
}


# --- writing a list


def _texts(rows: Iterable[ListRow]) -> Iterator[tuple[str, ...]]:
    return ((r, a, str(month), f"{q / 1000:.3f}", _WORDS[c]) for r, a, _, month, q, c in rows)


def write_delimited(path: Path, rows: Iterable[ListRow], _table: Table) -> None:
    with path.open("w", encoding="gb18030", newline="") as file:
        csv.writer(file, delimiter="|", quoting=csv.QUOTE_NONE, lineterminator="\n").writerows(_texts(rows))


def write_fixed_width(path: Path, rows: Iterable[ListRow], table: Table) -> None:
    # two Han characters are four bytes in two columns
    sizes = [(cell.bytes or 0) - 2 * (cell.field == "change") for cell in table.columns]
    line = "".join(
        f"%{'' if cell.align == 'right' else '-'}{size}s" for cell, size in zip(table.columns, sizes, strict=True)
    )
    with path.open("w", encoding="gb18030", newline="") as file:
        file.writelines(line % texts + "\n" for texts in _texts(rows))


def write_xlsx(path: Path, rows: Iterable[ListRow], _table: Table) -> None:
    with xlsxwriter.Workbook(path, {"constant_memory": True, "tmpdir": str(path.parent)}) as book:
        sheet = book.add_worksheet()
        text, number = sheet.write_string, sheet.write_number
        for at, (reference, account, _, month, quantity, change) in enumerate(rows):
            text(at, 0, reference)
            text(at, 1, account)
            text(at, 2, str(month))
            number(at, 3, quantity / 1000)
            text(at, 4, _WORDS[change])


def write_xml(path: Path, rows: Iterable[ListRow], table: Table) -> None:
    names = [cell.name for cell in table.columns]
    root = table.parts.root
    with path.open("wb") as file, etree.xmlfile(file, encoding="utf-8") as document, document.element(root):
        for texts in _texts(rows):
            row = etree.Element(table.parts.row)
            for name, text in zip(names, texts, strict=True):
                etree.SubElement(row, name).text = text
            document.write(row)


def write_json(path: Path, rows: Iterable[ListRow], table: Table) -> None:
    names = [cell.name for cell in table.columns]
    encode = msgspec.json.Encoder().encode
    with path.open("wb") as file:
        file.write(b'{"%s":[' % table.parts.rows.encode())
        parting = b""
        for texts in _texts(rows):
            file.write(parting + encode(dict(zip(names, texts, strict=True))))
            parting = b",\n"
        file.write(b"]}")


WRITE: dict[str, Callable[[Path, Iterable[ListRow], Table], None]] = {
    "delimited": write_delimited,
    "fixed_width": write_fixed_width,
    "xlsx": write_xlsx,
    "xml": write_xml,
    "json": write_json,
}
