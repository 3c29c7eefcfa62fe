"""Tables of every kind in XML and JSON, values that they can hold, and writers that know nothing of the hub's."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

from adapters.dialects.fields import IDENTIFIERS
from adapters.dialects.spec import Cell, ListFile, ReportFile, RosterFile, Table
from adapters.dialects.table import ReadRow, TableReader, key_of
from adapters.dialects.writing import TableWriter
from schemas.faults import FileRefused

HEAD = [{"name": "报送单位", "is": "CITYPOWER"}, {"name": "制表日期", "field": "created_on", "as": "day10"}]
TOTAL = [{"name": "行数", "field": "rows", "as": "count"}]
LIST_TOTAL = [*TOTAL, {"name": "总量", "field": "quantity_milli", "as": "m3"}]
ROSTER = [
    {"name": "户号", "field": "account"},
    {"name": "原户号", "field": "predecessor", "width": 8},
    {"name": "状态", "field": "state", "codes": {"正常": "open", "报停": "suspended", "销户": "closed"}},
    {"name": "开户日", "field": "opened_on", "as": "day8"},
    {"name": "销户日", "field": "closed_on", "as": "day_zh"},
    {"name": "居民", "field": "domestic", "codes": {"true": True, "false": False}},
    {"name": "表型", "field": "meter"},
    {"name": "户名", "field": "holder_name"},
    {"name": "证件号码", "field": "holder_id"},
    {"name": "面积", "field": "heated_dm2", "as": "m2"},
    {"name": "低保截止", "field": "low_income_until", "as": "month_zh"},
    {"name": "备注"},
]
LIST = [
    {"name": "参考号", "field": "reference"},
    {"name": "户号", "field": "account"},
    {"name": "记录", "is": "D"},
    {"name": "月份", "field": "month", "as": "month7"},
    {"name": "数量", "field": "quantity_milli", "as": "milli"},
    {"name": "变更", "field": "change"},
]
REPORT = [
    {"name": "名单号", "field": "list_number", "as": "count"},
    {"name": "户号", "field": "account"},
    {"name": "类别", "field": "kind"},
    {"name": "开单日", "field": "issued_on", "as": "day_slash"},
    {"name": "月份", "field": "month", "as": "month6"},
    {"name": "用量", "field": "billable_milli", "as": "m3"},
    {"name": "减免量", "field": "waived_milli", "as": "m3", "sign": "negated"},
    {"name": "单价", "field": "price_e4", "as": "price"},
    {"name": "减免额", "field": "waived_fen", "as": "yuan"},
    {"name": "污水减免额", "field": "waived_fen", "as": "fen", "of": "sewage"},
    {"name": "结果", "field": "answer", "codes": {"00": "APPLIED", "01": "HELD"}},
    {"name": "说明", "field": "answer_text"},
]
REPORT_HEAD = [
    *HEAD, {"name": "月份", "field": "month", "as": "month7"}, {"name": "类别", "field": "kind"}
]  # fmt: skip
SHAPES: Mapping[str, tuple[type[Table], Mapping[str, Any]]] = {
    "roster": (RosterFile, {"header": HEAD, "columns": ROSTER, "trailer": TOTAL}),
    "list": (
        ListFile,
        {"columns": LIST, "trailer": LIST_TOTAL, "full_roll": True, "file_name": "x"},
    ),
    "report": (ReportFile, {"header": REPORT_HEAD, "columns": REPORT, "trailer": TOTAL}),
}  # fmt: skip
HEADS = {
    "roster": {"created_on": 20261020},
    "list": {},
    "report": {"created_on": 20261203, "month": 202611, "kind": "original"},
}


def table(kind: str, form: str, **options: Any) -> Table:
    shape, said = SHAPES[kind]
    return shape.model_validate({"form": form, **said, **options})


# --- values

_rare = st.sampled_from("䶮𬴂㐀𠮷龴\ue81e·’")
texts = st.text(
    st.one_of(st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters="\ufffc\ufffd"), _rare),
    min_size=1,
    max_size=12,
)  # fmt: skip
_identifiers = st.one_of(texts, st.from_regex("0[0-9]{0,8}", fullmatch=True)).filter(
    lambda text: text[0] not in "=+-@＝＋－＠"
)
_days = st.sampled_from([18991231, 20000229, 20261020])
_numbers = st.integers(-(10**12), 10**12)


def _value_of(cell: Cell, fields: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    wanted = fields[cell.field or ""]
    if not isinstance(wanted, tuple):
        return st.sampled_from(list(cell.codes.values()) or [str(one.value) for one in wanted])
    if cell.width:
        return st.from_regex(f"[0-9A-Z]{{{cell.width}}}", fullmatch=True)
    if cell.field in IDENTIFIERS:
        return _identifiers
    if cell.kind == "text":
        return texts
    if cell.kind == "count":
        return st.integers(0, 10**12)
    return _days if cell.kind.startswith("day") else st.just(202611) if cell.kind.startswith("month") else _numbers


def rows_of(one: Table) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Return rows as a table's reader gives them; what is empty is not there."""
    cells = {key_of(cell): _value_of(cell, one.fields) for cell in one.columns if cell.field}
    filled = {key: cells[key] for key in one.filled()}
    others = {key: value for key, value in cells.items() if key not in filled}
    return st.lists(st.fixed_dictionaries(filled, optional=others), max_size=6)


# --- both ways


def write(one: Table, head: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]) -> bytes:
    return b"".join(TableWriter(one).write(head, rows))


def read(one: Table, content: bytes, size: int = 1 << 20) -> tuple[dict[str, Any], list[ReadRow]]:
    head, rows = TableReader(one).read(cut(content, size))
    return head, list(rows)


def cut(content: bytes, size: int) -> Iterator[bytes]:
    return (content[start : start + size] for start in range(0, len(content), size))


def fault_of(one: Table, content: bytes) -> tuple[int, str, str]:
    """Return row, column and code of the only fault of a file, or of its refusal."""
    try:
        (fault,) = [row.fault for row in read(one, content)[1] if row.fault]
    except FileRefused as refused:
        fault = refused.fault
    assert " / " in fault.text
    return fault.row, fault.column, fault.code


# --- by programs of others


def as_xml(one: Table, head: Sequence[str], rows: Iterable[Sequence[str | None]], total: Sequence[str]) -> bytes:
    parts = one.parts
    root = ET.Element(parts.root)
    said = [(parts.head, one.header, head)] if one.header else []
    said += [(parts.row, one.columns, row) for row in rows]
    for tag, cells, texts in [*said, (parts.total, one.trailer, total)]:
        part = ET.SubElement(root, tag)
        for cell, text in zip(cells, texts, strict=True):
            if text is not None:
                ET.SubElement(part, cell.name).text = text
    return ET.tostring(root, encoding=one.encoding, xml_declaration=True)


def as_json(one: Table, head: Sequence[Any], rows: Iterable[Sequence[Any]], total: Sequence[Any]) -> bytes:
    parts = one.parts

    def keyed(cells: Sequence[Cell], values: Sequence[Any]) -> dict[str, Any]:
        return {cell.name: value for cell, value in zip(cells, values, strict=True)}

    document = {parts.head: keyed(one.header, head)} if one.header else {}
    document[parts.rows] = [keyed(one.columns, row) for row in rows]  # type: ignore[assignment]
    document[parts.total] = keyed(one.trailer, total)
    return json.dumps(document, ensure_ascii=False, indent=2).encode()
