"""JSON as the form of a table: what goes out comes in, what others write is read, and nothing hostile gets far."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from named_tables import HEADS, SHAPES, as_json, cut, fault_of, read, rows_of, table, write
from report_files import HEAD as HEADER
from report_files import JSON_GAS, canonical
from report_files import ROW as REPORTED

from adapters.dialects.fault_file import fault_writer
from adapters.dialects.table import TableReader, form_of
from adapters.dialects.writing import TableWriter
from adapters.registry import companies_in
from schemas.faults import Fault, FileRefused

ROSTER, LIST, REPORT = (table(kind, "json") for kind in SHAPES)
EMPTY = [None] * 11
ROW = ["0012", *EMPTY]
HEAD = ["CITYPOWER", "2026-10-20"]
GOOD = as_json(ROSTER, HEAD, [ROW, ["0013", *EMPTY]], [2])


def roster(*rows: list[Any]) -> bytes:
    return as_json(ROSTER, HEAD, rows, [len(rows)])


def with_cell(name: str, value: Any) -> bytes:
    """Return a roster whose second row has this in a cell."""
    names = [cell.name for cell in ROSTER.columns]
    return roster(ROW, [value if one == name else "0013" if one == "户号" else None for one in names])


@pytest.mark.parametrize("kind", SHAPES)
@given(data=st.data(), size=st.integers(1, 50))
def test_what_is_written_is_read_back(kind: str, data: st.DataObject, size: int) -> None:
    one = table(kind, "json")
    rows = data.draw(rows_of(one))
    content = write(one, HEADS[kind], rows)
    head, found = read(one, content, size)
    assert [row.fault for row in found] == [None] * len(rows)
    assert [row.values for row in found] == rows
    assert {key: head[key] for key in HEADS[kind]} == HEADS[kind]
    said = json.loads(content)
    assert [list(row) for row in said["rows"]] == [[cell.name for cell in one.columns]] * len(rows)


def test_numbers_are_numbers_and_all_else_is_text() -> None:
    row = {"list_number": 12, "account": "007", "kind": "BILL", "issued_on": 20261105, "month": 202611,
           "waived_milli": -6000, "price_e4": 22000, "sewage:waived_fen": -150, "answer": "APPLIED"}  # fmt: skip
    lines = write(REPORT, HEADS["report"], [row]).decode().splitlines()
    assert lines[2] == (
        '{"名单号":12,"户号":"007","类别":"BILL","开单日":"2026/11/05","月份":"202611","用量":"","减免量":"6.000",'
        '"单价":"2.2000","减免额":"","污水减免额":-150,"结果":"00","说明":""}'
    )
    assert lines[0] == (
        '{"head":{"报送单位":"CITYPOWER","制表日期":"2026-12-03","月份":"2026-11","类别":"original"},'
    )  # fmt: skip
    assert lines[3:] == ["],", '"total":{"行数":1}}']


@given(rows=rows_of(LIST))
def test_many_rows_at_once_are_written_as_one_by_one(rows: list[dict[str, Any]]) -> None:
    careful, quick = form_of(LIST).writing(), form_of(LIST).writing()
    writer = TableWriter(LIST)
    slow = b"".join(writer.line(careful, 1, row) for row in rows)
    texts = [[write_cell(row) for write_cell in writer._columns] for row in rows]
    if rows:
        assert quick.join(list(zip(*texts, strict=True)), len(rows)) in (slow, None)


@given(rows=rows_of(REPORT))
def test_many_rows_at_once_are_cut_as_one_by_one(rows: list[dict[str, Any]]) -> None:
    form = form_of(REPORT)
    found = TableReader(REPORT).open([write(REPORT, HEADS["report"], rows)]).rows
    parts = [part for _, part in found]
    careful = [form.cut(part, REPORT.columns) for part in parts]
    if parts:
        assert list(zip(*form.columns(parts, REPORT.columns) or [], strict=True)) == list(map(tuple, careful))


# --- what others write


def test_what_another_program_writes_is_read() -> None:
    rows = [
        [
            "00012",
            7,
            "正常",
            "20150601",
            None,
            True,
            "prepaid",
            "买买提·艾力",
            "11010519491231002X",
            "85.5",
            "2026年9月",
            3,
        ],
        ["00013", None, "销户", None, "2026年9月3日", False, None, '"\\/', None, 85, "", None],
    ]
    head, found = read(ROSTER, as_json(ROSTER, HEAD, rows, [2]))
    assert head == {"created_on": 20261020}
    assert [row.values for row in found] == [
        {"account": "00012", "predecessor": "00000007", "state": "open", "opened_on": 20150601, "domestic": True,
         "meter": "prepaid", "holder_name": "买买提·艾力", "holder_id": "11010519491231002X", "heated_dm2": 8550,
         "low_income_until": 202609},
        {"account": "00013", "state": "closed", "closed_on": 20260903, "domestic": False, "holder_name": '"\\/',
         "heated_dm2": 8500},
    ]  # fmt: skip


@pytest.mark.parametrize("literal", ["3000", "3000.000", "-0", "123456789012.345"])
def test_a_number_is_taken_to_its_last_digit(literal: str) -> None:
    cells = [None, "1", "BILL", "2026/1/2", "202611", 77, "0", None, None, None, "00", None]
    content = as_json(REPORT, ["CITYPOWER", "2026-12-03", "2026-11", "original"], [cells], [1])
    (row,) = read(REPORT, content.replace(b"77", literal.encode()))[1]
    assert row.values
    assert row.values["billable_milli"] == round(float(literal) * 1000)


@pytest.mark.parametrize("literal", ["1e3", "1E400", "0.0001", "9" * 400, "0.30000000000000004"])
def test_a_number_in_another_way_of_writing_is_a_fault(literal: str) -> None:
    content = with_cell("面积", 77).replace(b"77", literal.encode())
    assert fault_of(ROSTER, content) == (2, "面积", "BAD_NUMBER")


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("户名", 12, "NUMBER_FOR_TEXT"),
        ("户号", 12, "NUMBER_FOR_TEXT"),
        ("证件号码", 110105194912310021, "NUMBER_FOR_TEXT"),
        ("原户号", 1.5, "NUMBER_FOR_TEXT"),
        ("原户号", -1, "NUMBER_FOR_TEXT"),
        ("原户号", 123456789, "WIDTH"),
        ("户名", ["买"], "BAD_VALUE"),
        ("户名", {"名": "买"}, "BAD_VALUE"),
        ("备注", [], "BAD_VALUE"),
        ("居民", 1, "UNKNOWN_CODE"),
        ("开户日", 20261301, "BAD_DAY"),
        ("户号", None, "MISSING_VALUE"),
        ("户名", "\ud800", "FORBIDDEN_CHARACTER"),
        ("户名", "买\u0000", "FORBIDDEN_CHARACTER"),
    ],
)
def test_a_cell_that_is_not_as_agreed_is_a_fault_of_its_row(name: str, value: Any, code: str) -> None:
    content = with_cell(name, value) if value != "\ud800" else with_cell(name, "X").replace(b'"X"', rb'"\ud800"')
    assert fault_of(ROSTER, content) == (2, name, code)


@pytest.mark.parametrize(
    ("old", "new", "column", "code"),
    [
        ('"户名": null', '"户名": null, "户名": "买"', "户名", "DUPLICATE_KEY"),
        ('"户名": null', '"户名": null, "张三": 1', "", "UNKNOWN_KEY"),
        ('"户名": null', '"户名": null, "张三": 1, "张三": 2', "", "UNKNOWN_KEY"),
    ],
)
def test_a_key_too_many_is_a_fault_of_its_row(old: str, new: str, column: str, code: str) -> None:
    assert fault_of(ROSTER, GOOD.decode().replace(old, new, 1).encode()) == (1, column, code)


def test_keys_may_come_in_any_order_and_empty_ones_be_left_out() -> None:
    content = (
        '{"head":{"制表日期":"2026-10-20","报送单位":"CITYPOWER"},"rows":[{"户名":"甲","户号":"1"}],"total":{"行数":1}}'
    )
    (row,) = read(ROSTER, content.encode())[1]
    assert row.values == {"account": "1", "holder_name": "甲"}


def test_parts_have_the_names_that_are_declared() -> None:
    one = table("roster", "json", parts={"head": "文件头", "rows": "数据", "total": "合计"})
    content = write(one, HEADS["roster"], [{"account": "1"}])
    assert list(json.loads(content)) == ["文件头", "数据", "合计"]
    assert [row.values for row in read(one, content)[1]] == [{"account": "1"}]
    assert fault_of(ROSTER, content)[2] == "PARTS"


GAS = companies_in(Path(__file__).parents[2] / "config" / "companies")["city_gas"]


def test_who_reports_in_json_may_report_in_the_canonical_form_too() -> None:
    reader = GAS.report_reader()
    assert reader
    own = {JSON_GAS: 3, b"\xef\xbb\xbf" + JSON_GAS: 3, json.dumps(json.loads(JSON_GAS)).encode(): 3}
    for content, count in {**own, canonical([REPORTED], HEADER | {"company": "city_gas"}): 1}.items():
        for size in (1, 1 << 20):
            head, rows = reader.read(cut(content, size))
            assert head.company == "city_gas"
            assert [row.fault for row in rows] == [None] * count


# --- what is refused whole

TEXT = GOOD.decode()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "EMPTY_FILE"),
        (b" \n", "TRUNCATED"),
        (b"{}", "PARTS"),
        (b"[]", "NOT_JSON"),
        (b"null", "NOT_JSON"),
        (b"<!DOCTYPE html><html></html>", "NOT_JSON"),
        (GOOD.decode().encode("utf-16"), "NOT_UTF8"),
        (GOOD.decode().encode("gb18030"), "NOT_UTF8"),
        (GOOD + b"{}", "NOT_JSON"),
        (GOOD + GOOD, "NOT_JSON"),
        (GOOD.replace(b'"0013"', b'"00\xff13"'), "NOT_UTF8"),
        (GOOD.replace(b'"0013"', b'"00\x0013"'), "NOT_JSON"),
        (GOOD.replace(b'"0013"', b"NaN"), "NOT_JSON"),
        (GOOD.replace(b'"0013"', b"-Infinity"), "NOT_JSON"),
        (GOOD.replace(b'"0013"', b"007"), "NOT_JSON"),
        (GOOD.replace(b'"0013"', b"'0013'"), "NOT_JSON"),
        (GOOD.replace(b'"0013"', b"// 0013"), "NOT_JSON"),
        (GOOD.replace(b"null\n    }", b"null,\n    }"), "NOT_JSON"),
        (GOOD.replace(b"CITYPOWER", b"CITYGAS"), "HEADER"),
        (GOOD.replace(b"CITYPOWER", b"CITYGAS\xe7\x94"), "NOT_UTF8"),
        (GOOD.replace(b'"head"', b'"kopf"'), "PARTS"),
        (GOOD.replace(b'"rows"', b'"head"'), "PARTS"),
        (GOOD.replace(b'"total"', b'"rows"'), "PARTS"),
        (b'{"rows":[],"head":{},"total":{}}', "PARTS"),
        (TEXT[: TEXT.index(',\n  "total"')].encode() + b"}", "PARTS"),
        (b'{"head":' + json.dumps(json.loads(GOOD)["head"]).encode() + b',"total":{"x":0},"rows":[]}', "PARTS"),
        (b'{"head":[],"rows":[]}', "PARTS"),
        (b'{"head":' + json.dumps(json.loads(GOOD)["head"]).encode() + b',"rows":{}}', "NOT_JSON"),
        (b'{"head":' + json.dumps(json.loads(GOOD)["head"]).encode() + b',"rows":[[]]}', "PARTS"),
        (b'{"head":' + json.dumps(json.loads(GOOD)["head"]).encode() + b',"rows":["x"]}', "PARTS"),
        (GOOD.replace(b": 2\n", b": 3\n"), "TRAILER_ROWS"),
    ],
)  # fmt: skip
def test_a_damaged_document_is_refused(content: bytes, code: str) -> None:
    for size in (1, 7, 1 << 20):
        with pytest.raises(FileRefused) as caught:
            read(ROSTER, content, size)
        assert caught.value.fault.code == code


def test_a_byte_mark_is_let_pass() -> None:
    assert read(ROSTER, b"\xef\xbb\xbf" + GOOD) == read(ROSTER, GOOD)


@given(st.integers(0, len(GOOD) - 1))
def test_a_document_cut_anywhere_is_truncated(length: int) -> None:
    with pytest.raises(FileRefused) as caught:
        read(ROSTER, GOOD[:length])
    assert caught.value.fault.code == ("TRUNCATED" if length else "EMPTY_FILE")


@given(st.binary(max_size=40), st.integers(0, len(GOOD)))
def test_no_bytes_crash_the_reader(noise: bytes, place: int) -> None:
    content = GOOD[:place] + noise + GOOD[place:]
    try:
        found = read(ROSTER, content)
    except FileRefused as refused:
        found = refused.fault  # type: ignore[assignment]
    try:
        again = read(ROSTER, content, 1)
    except FileRefused as refused:
        again = refused.fault  # type: ignore[assignment]
    assert found == again


# --- what is hostile

START = b'{"head":' + json.dumps(json.loads(GOOD)["head"]).encode() + b',"rows":[{"' + "户号".encode() + b'":'


class Endless:
    """A file that never ends; counts how much of it was asked for."""

    def __init__(self, start: bytes, chunk: bytes) -> None:
        self._start, self._chunk = start, chunk
        self.given = 0

    def __iter__(self) -> Iterator[bytes]:
        yield self._start
        while True:
            self.given += len(self._chunk)
            yield self._chunk


@pytest.mark.parametrize("chunk", [b"[" * 4096, b'{"a":' * 1000, b"9" * 4096, b'"' + b"a" * 4096, b"\\u0041" * 700])
def test_what_does_not_end_is_refused_soon(chunk: bytes) -> None:
    endless = Endless(START + (b'"' if chunk.startswith(b"\\") else b""), chunk)
    with pytest.raises(FileRefused) as caught:
        list(TableReader(ROSTER).read(endless)[1])
    assert caught.value.fault.code in ("ROW_TOO_LONG", "NOT_JSON")
    assert endless.given < 300_000


def test_what_nests_deeply_is_refused() -> None:
    content = START + b"[" * 5000 + b"]" * 5000 + b"}]," + TEXT[TEXT.index('"total"') :].encode()
    assert fault_of(ROSTER, content)[2] == "NOT_JSON"


def test_a_row_may_be_as_long_as_a_line() -> None:
    assert fault_of(ROSTER, with_cell("备注", "x" * 70_000)) == (2, "", "ROW_TOO_LONG")
    assert not [row.fault for row in read(ROSTER, with_cell("备注", "x" * 60_000))[1] if row.fault]


def test_a_lone_half_of_a_character_cannot_be_written() -> None:
    with pytest.raises(FileRefused) as caught:
        write(
            LIST, {}, [{"reference": "A", "account": "\ud800", "month": 202611, "quantity_milli": 0, "change": "NEW"}]
        )
    assert (caught.value.fault.row, caught.value.fault.column, caught.value.fault.code) == (1, "户号", "UNWRITABLE")


@pytest.mark.parametrize("parts", [{"root": "x"}, {"row": "x"}, {"head": "rows"}])
def test_parts_of_another_form_or_of_one_name_are_told(parts: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="parts"):
        table("roster", "json", parts=parts)


def test_faults_are_told_in_json() -> None:
    writer = fault_writer(ROSTER)
    faults = [Fault(0, "", "X", 'Y / "y"'), Fault(3, "户号", "Z", "z / z")]
    assert writer.suffix == ".faults.json"
    assert json.loads(b"".join(writer.render(faults))) == {
        "faults": [
            {"row": 0, "column": "", "code": "X", "text": 'Y / "y"'},
            {"row": 3, "column": "户号", "code": "Z", "text": "z / z"},
        ]
    }
    assert json.loads(b"".join(writer.render([]))) == {"faults": []}
