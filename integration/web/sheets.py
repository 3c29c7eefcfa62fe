"""A list as an XLSX sheet, for people: an unsigned copy, written in constant memory, the same bytes always."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import xlsxwriter

from schemas.lists import ListRow, Manifest

#: The form of a sheet of ours; raise it with every change, so that copies in the old form are made anew.
LAYOUT: Final = 1
#: Rows that a sheet holds below its head.
SHEET_ROWS: Final = 1_048_575
_HEADS: Final = (
    "参考号 reference",
    "户号 account",
    "服务 service",
    "月份 month",
    "数量（千分之一立方米） quantity_milli",
    "变更 change",
)
_OPTIONS: Final = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
_UNSIGNED: Final = "未签名的副本，以签名清单所列文件为准 / an unsigned copy; the files in the signed manifest count"

#: A row of the canonical NDJSON, in the order of ``ListRow``.
_Line = msgspec.defstruct("_Line", list(ListRow.__annotations__.items()))


def write_sheet(path: Path, source: Path, manifest: Manifest) -> None:
    """Write a list's sheet from the file of its canonical rows; a text stays a text, whatever it says."""
    book = xlsxwriter.Workbook(path, _OPTIONS | {"tmpdir": str(path.parent)})
    book.set_properties(
        {
            "title": f"{manifest.company} {manifest.number}",
            "comments": _UNSIGNED,
            "created": datetime.fromisoformat(manifest.created_at).replace(tzinfo=None),
        }
    )
    sheet = book.add_worksheet(manifest.month)
    sheet.set_column(0, len(_HEADS) - 1, 22)
    sheet.freeze_panes(1, 0)
    sheet.write_row(0, 0, _HEADS)
    _write_rows(source, [_writer(sheet, name) for name in ListRow.__annotations__])
    book.close()


def _writer(sheet: Any, field: str) -> Callable[[int, int, Any], None]:
    write: Callable[[int, int, Any], None] = (
        sheet.write_number if field in ("month", "quantity_milli") else sheet.write_string
    )
    return write


def _write_rows(source: Path, writers: list[Callable[[int, int, Any], None]]) -> None:
    decode = msgspec.json.Decoder(_Line).decode
    with source.open("rb") as lines:
        for n, line in enumerate(map(decode, lines), 1):
            for column, (write, value) in enumerate(zip(writers, msgspec.structs.astuple(line), strict=True)):
                write(n, column, value)
