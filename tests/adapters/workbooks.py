"""Tables declared as sheets, and workbooks made for the tests: by openpyxl, or put together part by part."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from adapters.dialects.spec import ListFile, ReportFile, RosterFile, Table
from adapters.dialects.table import TableReader
from adapters.dialects.writing import TableWriter

LIST = ListFile.model_validate({
    "form": "xlsx", "names_row": True, "full_roll": True, "file_name": "{company}{number}.xlsx", "sheet": "名单",
    "header": [{"is": "名单号"}, {"field": "number", "as": "count"}, {"field": "month", "as": "month_zh"},
               {"name": "制表日期", "field": "created_on", "as": "day_zh"}, {"field": "kind"}],
    "columns": [{"name": "参考号", "field": "reference"}, {"name": "户号", "field": "account"},
                {"name": "月份", "field": "month", "as": "month7"},
                {"name": "减免水量", "field": "quantity_milli", "as": "m3"}, {"name": "变更", "field": "change"}],
    "trailer": [{"is": "合计"}, {"name": "行数", "field": "rows", "as": "count"},
                {"name": "总量", "field": "quantity_milli", "as": "m3"}],
})  # fmt: skip
ROSTER = RosterFile.model_validate({
    "form": "xlsx", "names_row": True, "title": "用户档案", "totals_first": True,
    "header": [{"is": "制表日期"}, {"name": "制表日期", "field": "created_on", "as": "day10"}],
    "columns": [
        {"group": "用户", "name": "户号", "field": "account", "width": 8},
        {"group": "用户", "name": "原户号", "field": "predecessor"},
        {"group": "用户", "name": "户名", "field": "holder_name"},
        {"group": "用户", "name": "证件号码", "field": "holder_id"},
        {"group": "住房", "name": "地址", "field": "address"},
        {"group": "住房", "name": "面积", "field": "heated_dm2", "as": "m2"},
        {"name": "开户日", "field": "opened_on", "as": "day_slash"},
        {"name": "低保户", "field": "low_income", "codes": {"1": True, "FALSE": False}},
        {"name": "截止月", "field": "low_income_until", "as": "month_zh"},
        {"name": "备注"},
    ],
    "trailer": [{"is": "合计"}, {"name": "户数", "field": "rows", "as": "count"}],
})  # fmt: skip
REPORT = ReportFile.model_validate({
    "form": "xlsx", "names_row": True,
    "header": [{"is": "回盘"}, {"name": "月份", "field": "month", "as": "month7"}, {"name": "类别", "field": "kind"}],
    "columns": [
        {"name": "户号", "field": "account"}, {"name": "账单号", "field": "bill_id"},
        {"name": "类型", "field": "kind"}, {"name": "原账单号", "field": "refers_to"},
        {"name": "开单日", "field": "issued_on", "as": "day10"}, {"name": "月份", "field": "month", "as": "month7"},
        {"name": "水量", "field": "waived_milli", "as": "milli"}, {"name": "单价", "field": "price_e4", "as": "price"},
        {"name": "减免金额", "field": "waived_fen", "as": "yuan"},
        {"name": "余额", "field": "balance_fen", "as": "fen"},
        {"name": "结果", "field": "answer", "codes": {"已减": "APPLIED", "0": "NOT_FOUND"}},
        {"name": "说明", "field": "answer_text"},
    ],
    "trailer": [{"is": "合计"}, {"name": "行数", "field": "rows", "as": "count"},
                {"name": "总水量", "field": "quantity_milli", "as": "milli"},
                {"name": "总金额", "field": "amount_fen", "as": "yuan"}],
})  # fmt: skip


def written(table: Table, rows: Iterable[Mapping[str, Any]], **head: Any) -> bytes:
    """Write a table's file."""
    return b"".join(TableWriter(table).write(head, rows))


def read(table: Table, content: bytes, size: int = 1 << 20) -> list[Any]:
    """Read a table's file: a row's values, or (row, column, code) of its fault."""
    found = TableReader(table).read(content[i : i + size] for i in range(0, len(content), size))[1]
    return [(one.fault.row, one.fault.column, one.fault.code) if one.fault else one.values for one in found]


# --- by openpyxl, a program that knows nothing of ours


def workbook(rows: Sequence[Sequence[Any]], change: Callable[[Worksheet], Any] = lambda _: None) -> bytes:
    """Return a workbook of one sheet with these cells; ``change`` may do more to it."""
    book = Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    for row in rows:
        sheet.append(row)
    change(sheet)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def opened(content: bytes) -> Worksheet:
    """Return the sheet of a workbook, as openpyxl sees it."""
    sheet = load_workbook(io.BytesIO(content)).active
    assert isinstance(sheet, Worksheet)
    return sheet


# --- part by part


def repacked(content: bytes, parts: Mapping[str, bytes | None]) -> bytes:
    """Return a workbook with parts changed, added, or (None) taken away."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        kept = {name: old.read(name) for name in old.namelist()}
        for name, data in (kept | parts).items():
            if data is not None:
                new.writestr(name, data)
    return made.getvalue()


def part(content: bytes, name: str) -> bytes:
    """Return a part of a workbook."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read(name)


def shared(content: bytes) -> bytes:
    """Return the same workbook with its texts in a part of their own, as most programs have them."""
    texts: list[bytes] = []

    def moved(found: re.Match[bytes]) -> bytes:
        texts.append(found[1])
        return b't="s"><v>%d</v>' % (len(texts) - 1)

    sheet = re.sub(rb't="inlineStr"><is>(.*?)</is>', moved, part(content, "xl/worksheets/sheet1.xml"))
    space = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    items = b"".join(b"<si>%s</si>" % text for text in texts)
    return repacked(
        content,
        {"xl/worksheets/sheet1.xml": sheet, "xl/sharedStrings.xml": b'<sst xmlns="%s">%s</sst>' % (space, items)},
    )
