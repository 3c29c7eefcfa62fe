"""XML as the form of a table: what goes out comes in, what others write is read, and nothing hostile gets far."""

from __future__ import annotations

import resource
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from named_tables import HEADS, SHAPES, as_xml, cut, fault_of, read, rows_of, table, texts, write

from adapters.dialects.cells import KINDS, BadCell
from adapters.dialects.elements import Elements
from adapters.dialects.fault_file import fault_writer
from adapters.dialects.fields import Kind
from adapters.dialects.table import TableReader, form_of
from adapters.dialects.writing import TableWriter
from adapters.dialects.xsd import PATTERNS, schema_of
from schemas.faults import Fault, FileRefused
from schemas.text import PRIVATE_USE

ROSTER, LIST, REPORT = (table(kind, "xml") for kind in SHAPES)
EMPTY: list[str | None] = [None] * 11
HEAD = ["CITYPOWER", "2026-10-20"]
GOOD = as_xml(ROSTER, HEAD, [["0012", *EMPTY], ["0013", *EMPTY]], ["2"])
TEXT = GOOD.decode()
forms = st.sampled_from(["utf-8", "gb18030"])


def with_second(inside: str) -> bytes:
    """Return a roster with this in place of its second row's account."""
    assert TEXT.count("<户号>0013</户号>") == 1
    return TEXT.replace("<户号>0013</户号>", inside).encode()


# --- round trips


@pytest.mark.parametrize("kind", SHAPES)
@given(data=st.data(), encoding=forms, size=st.integers(1, 50))
def test_what_is_written_is_read_back_and_valid(kind: str, data: st.DataObject, encoding: str, size: int) -> None:
    one = table(kind, "xml", encoding=encoding)
    rows = data.draw(rows_of(one))
    content = write(one, HEADS[kind], rows)
    head, found = read(one, content, size)
    assert [row.fault for row in found] == [None] * len(rows)
    assert [row.values for row in found] == rows
    assert {key: head[key] for key in HEADS[kind]} == HEADS[kind]
    etree.XMLSchema(etree.XML(schema_of(one))).assertValid(etree.XML(content.decode(encoding).partition("?>")[2]))


@given(rows=rows_of(LIST))
def test_many_rows_at_once_are_written_as_one_by_one(rows: list[dict[str, Any]]) -> None:
    careful, quick = form_of(LIST).writing(), form_of(LIST).writing()
    writer = TableWriter(LIST)
    slow = b"".join(writer.line(careful, 1, row) for row in rows)
    cells = [[write_cell(row) for write_cell in writer._columns] for row in rows]
    if rows:
        assert quick.join(list(zip(*cells, strict=True)), len(rows)) in (slow, None)


@given(rows=rows_of(REPORT))
def test_many_rows_at_once_are_cut_as_one_by_one(rows: list[dict[str, Any]]) -> None:
    form = form_of(REPORT)
    parts = [part for _, part in TableReader(REPORT).open([write(REPORT, HEADS["report"], rows)]).rows]
    careful = [form.cut(part, REPORT.columns) for part in parts]
    if parts:
        assert list(zip(*form.columns(parts, REPORT.columns) or [], strict=True)) == list(map(tuple, careful))


def test_a_file_is_written_a_row_a_line() -> None:
    rows = [{"reference": "A&B", "account": "<1>", "month": 202611, "quantity_milli": -3000, "change": "MOVE"}]
    assert write(LIST, {}, rows).decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n<file>\n'
        "<row><参考号>A&amp;B</参考号><户号>&lt;1&gt;</户号><记录>D</记录><月份>2026-11</月份><数量>-3000</数量>"
        "<变更>MOVE</变更></row>\n<total><行数>1</行数><总量>-3.000</总量></total>\n</file>\n"
    )


@pytest.mark.parametrize("character", ["\x00", "\x0b", "\r", "\x1f", "\ud800", "\ufffe", "\uffff"])
def test_a_character_that_xml_does_not_know_cannot_be_written(character: str) -> None:
    row = {"reference": "A", "account": f"1{character}2", "month": 202611, "quantity_milli": 0, "change": "NEW"}
    for encoding in ("utf-8", "gb18030"):
        with pytest.raises(FileRefused) as caught:
            write(table("list", "xml", encoding=encoding), {}, [row])
        assert (caught.value.fault.row, caught.value.fault.column, caught.value.fault.code) == (1, "户号", "UNWRITABLE")


def test_parts_have_the_names_that_are_declared() -> None:
    one = table("roster", "xml", parts={"root": "用户档案", "head": "文件头", "row": "用户", "total": "合计"})
    content = write(one, HEADS["roster"], [{"account": "1"}])
    root = ET.fromstring(content)
    assert (root.tag, [part.tag for part in root]) == ("用户档案", ["文件头", "用户", "合计"])
    assert [row.values for row in read(one, content)[1]] == [{"account": "1"}]
    assert fault_of(ROSTER, content) == (0, "", "PARTS")


@pytest.mark.parametrize("parts", [{"rows": "x"}, {"root": "row"}])
def test_parts_of_another_form_or_of_one_name_are_told(parts: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="parts"):
        table("roster", "xml", parts=parts)


# --- what others write


@given(name=texts, encoding=forms)
def test_what_another_program_writes_is_read(name: str, encoding: str) -> None:
    one = table("roster", "xml", encoding=encoding)
    row = ["0012", None, "正常", "20150601", "", "true", "prepaid", f"\n {name} ", "", "85.5", "2026年9月", "x"]
    head, found = read(one, as_xml(one, HEAD, [row], ["1"]), 100)
    assert head == {"created_on": 20261020}
    assert [one.values for one in found] == [
        {"account": "0012", "state": "open", "opened_on": 20150601, "domestic": True, "meter": "prepaid",
         "holder_name": name.strip(), "heated_dm2": 8550, "low_income_until": 202609}
    ]  # fmt: skip


def test_gb18030_is_read_as_in_every_other_form() -> None:
    """The parser's own table has 26 characters elsewhere: here the words for them would differ from those in CSV."""
    one = table("roster", "xml", encoding="gb18030")
    name = "".join(map(chr, (*PRIVATE_USE, *PRIVATE_USE.values(), 0xE816, 0x20087)))
    content = as_xml(one, HEAD, [["1", *EMPTY[:6], name, *EMPTY[7:]]], ["1"])
    (row,) = read(one, content)[1]
    assert row.values
    assert row.values["holder_name"] == name
    by_parser = etree.fromstring(content).findtext(".//户名")
    assert by_parser != name


@pytest.mark.parametrize(
    "content",
    [
        TEXT.partition("?>")[2],
        TEXT.replace("encoding='utf-8'", 'encoding="UTF-8" standalone="yes"'),
        "\ufeff" + TEXT,
        TEXT.replace("<file>", "<!-- 名单 --><?style x?>\n<file>"),
        TEXT.replace("<file>", '<file xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="a b">'),
        TEXT.replace("0013", "00<!-- -->13").replace("<户号>", "\n<户号>"),
        TEXT.replace("0013", "<![CDATA[0013]]>") + "\n<!-- -->\n",
        TEXT.replace("0013", "&#48;013"),
    ],
)
def test_what_means_the_same_is_read_the_same(content: str) -> None:
    assert content != TEXT
    for size in (1, 1 << 20):
        assert read(ROSTER, content.encode(), size) == read(ROSTER, GOOD)


# --- faults of a row


@pytest.mark.parametrize(
    ("inside", "column", "code"),
    [
        ("", "户号", "MISSING_VALUE"),
        ("<户号/>", "户号", "MISSING_VALUE"),
        ("<户号>1</户号><户号>1</户号>", "户号", "DUPLICATE_ELEMENT"),
        ("<户号>1</户号><张三>1</张三>", "", "UNKNOWN_ELEMENT"),
        ("<状态>正常</状态><户号>1</户号>", "状态", "ELEMENT_ORDER"),
        ("<户号>1</户号><户名><名>买</名></户名>", "户名", "NESTED_ELEMENT"),
        ("<户号>1</户号><row/>", "", "UNKNOWN_ELEMENT"),
        ("<户号>1</户号><备注><row>1</row></备注>", "备注", "NESTED_ELEMENT"),
        ("<户号 类='x'>1</户号>", "户号", "ATTRIBUTE"),
        ("<户号>1</户号>买买提", "户号", "STRAY_TEXT"),
        ("买买提<户号>1</户号>", "", "STRAY_TEXT"),
        ("<户号>1</户号><户名>买&#10;提</户名>", "户名", "FORBIDDEN_CHARACTER"),
        ("<户号>1</户号><开户日>20150631</开户日>", "开户日", "BAD_DAY"),
        ("<户号>1</户号><面积>1.234</面积>", "面积", "BAD_NUMBER"),
    ],
)
def test_a_row_that_is_not_as_agreed_is_a_fault(inside: str, column: str, code: str) -> None:
    content = with_second(inside)
    assert fault_of(ROSTER, content) == (2, column, code)
    sound = read(ROSTER, content)[1][0]
    assert sound.values == {"account": "0012"}


def test_an_attribute_of_a_row_is_a_fault() -> None:
    assert fault_of(ROSTER, GOOD.replace(b"<row>", b"<row n='1'>", 1)) == (1, "", "ATTRIBUTE")


# --- what is refused whole

DTD = "<!DOCTYPE file [ {} ]>\n<file>"
PASSWD = DTD.format('<!ENTITY x SYSTEM "file:///etc/passwd">')
LAUGHS = DTD.format("".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(9)) + '<!ENTITY a0 "ha">')


@pytest.mark.parametrize(
    ("content", "code", "row"),
    [
        ("", "EMPTY_FILE", 0),
        (" \n", "NOT_XML", 0),
        ("{}", "NOT_XML", 0),
        ("户号,户名\n1,2\n", "NOT_XML", 0),
        ("<html><body>404</body></html>", "PARTS", 0),
        ("<!doctype html><html></html>", "DOCTYPE", 0),
        ("<file/>", "HEADER", 0),
        (TEXT.encode("utf-16"), "NOT_UTF8", 1),
        (TEXT.replace("<户号>0013", "<户号>买").encode("gb18030"), "NOT_UTF8", 1),
        (GOOD.replace(b"0013", b"00\xff13"), "NOT_UTF8", 2),
        (TEXT.replace("0013", "00\x0013"), "NOT_XML", 2),
        (TEXT.replace("0013", "&#0;"), "NOT_XML", 2),
        (TEXT.replace("0013", "&xxe;"), "NOT_XML", 2),
        (TEXT.replace("0013", "<户名>"), "NOT_XML", 2),
        (TEXT.replace("0013", "a & b"), "NOT_XML", 2),
        (TEXT.replace("<户号>0013", "<x:y/><户号>0013"), "NOT_XML", 0),
        (TEXT.replace("<户号>0013", "<户号 x:y='1'>0013"), "NOT_XML", 0),
        (TEXT.replace("utf-8", "gb18030"), "ENCODING", 0),
        (TEXT.replace("utf-8", "UTF-16"), "ENCODING", 0),
        (TEXT.replace("version='1.0'", "version='1.1'"), "NOT_XML", 0),
        (TEXT + "<file/>", "NOT_XML", 0),
        (TEXT + "买", "NOT_XML", 0),
        (TEXT.replace("CITYPOWER", "CITYGAS"), "HEADER", 0),
        (TEXT.replace("<head>", "<row/><head>"), "HEADER", 0),
        (TEXT.replace("<total>", "<head/><total>"), "PARTS", 0),
        (TEXT.replace("<total>", "<total/><total>"), "PARTS", 0),
        (TEXT.replace("</total>", "</total><row/>"), "PARTS", 0),
        (TEXT.replace("<total>", "<rwo/><total>"), "PARTS", 3),
        (TEXT.replace("</total>", "</total><x/>"), "PARTS", 0),
        (TEXT.replace("<total>", "买<total>"), "PARTS", 3),
        (TEXT.replace("<file>", "<file>买"), "PARTS", 0),
        (TEXT.replace("<file>", "<file 类='x'>"), "PARTS", 0),
        (TEXT.replace("<file>", "<file xmlns='urn:x'>"), "PARTS", 0),
        (TEXT.replace("<total><行数>2</行数></total>", ""), "TRUNCATED", 0),
        (TEXT.replace("<行数>2", "<行数>3"), "TRAILER_ROWS", 0),
        (TEXT.replace("<行数>2", "<行数>x"), "BAD_NUMBER", 0),
        (TEXT.replace("<file>", LAUGHS).replace("0013", "&a9;"), "DOCTYPE", 0),
        (TEXT.replace("<file>", PASSWD).replace("0013", "&x;"), "DOCTYPE", 0),
        (TEXT.replace("<file>", '<!DOCTYPE file SYSTEM "http://127.0.0.1:9/x.dtd"><file>'), "DOCTYPE", 0),
        (TEXT.replace("<file>", '<!-- --> \n<!DOCTYPE file PUBLIC "a" "b"><file>'), "DOCTYPE", 0),
        (TEXT.replace("<head>", "<!DOCTYPE file><head>"), "NOT_XML", 1),
    ],
)  # fmt: skip
def test_a_damaged_file_is_refused(content: str | bytes, code: str, row: int) -> None:
    for size in (1, 1 << 20):
        with pytest.raises(FileRefused) as caught:
            read(ROSTER, content if isinstance(content, bytes) else content.encode(), size)
        assert (caught.value.fault.code, caught.value.fault.row) == (code, row)
        assert "买" not in caught.value.fault.text


def test_malformed_xml_is_told_with_its_line() -> None:
    with pytest.raises(FileRefused) as caught:
        read(ROSTER, TEXT.replace("<row>", "\n<row>").replace("0013", "a & b").encode())
    assert "第4行" in caught.value.fault.text


@given(length=st.integers(60, len(GOOD) - 1))
def test_a_file_cut_anywhere_is_truncated(length: int) -> None:
    with pytest.raises(FileRefused) as caught:
        read(ROSTER, GOOD[:length])
    assert caught.value.fault.code == "TRUNCATED"


@given(st.binary(max_size=40), st.integers(0, len(GOOD)))
def test_no_bytes_crash_the_reader(noise: bytes, place: int) -> None:
    content = GOOD[:place] + noise + GOOD[place:]
    found = []
    for size in (1, 1 << 20):
        try:
            found.append(str(read(ROSTER, content, size)))
        except FileRefused as refused:
            found.append(str(refused.fault))
    assert found[0] == found[1]


# --- what is hostile

START = TEXT[: TEXT.index("0013")].encode()


@pytest.mark.parametrize(
    "chunk",
    [
        "a" * 4096,
        "<a>" * 1400,
        "</户号><户号>" * 300,
        "&#48;" * 800,
        "<!--" + "a" * 4000,
        "<x " + "a='1' " * 700,
        "\n" * 9,
    ],
)
def test_what_does_not_end_is_refused_soon(chunk: str) -> None:
    given_bytes = 0

    def endless() -> Iterator[bytes]:
        nonlocal given_bytes
        yield START
        while True:
            given_bytes += len(chunk.encode())
            yield chunk.encode()

    with pytest.raises(FileRefused) as caught:
        list(TableReader(ROSTER).read(endless())[1])
    assert caught.value.fault.code in ("ROW_TOO_LONG", "NOT_XML")
    assert given_bytes < 1_400_000


def test_a_prolog_that_does_not_end_is_refused_soon() -> None:
    assert fault_of(ROSTER, b"<!--" + b"a" * 70_000 + b"-->" + GOOD)[2] == "NOT_XML"


def grown_kb() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() // 1024


def many_rows() -> Iterator[bytes]:
    row = ("<row><户号>0012</户号><户名>" + "买" * 50 + "</户名></row>").encode() * 100
    yield TEXT[: TEXT.index("<row>")].encode()
    for _ in range(700):
        yield row


def test_a_long_file_takes_no_more_memory_than_a_short_one() -> None:
    before = grown_kb()
    elements = Elements(many_rows(), "utf-8", root="file", counted="row", others=["head", "total"])
    with pytest.raises(FileRefused, match="TRUNCATED") as caught:
        deque(elements, maxlen=0)
    assert caught.value.fault.row == 70_001
    assert grown_kb() - before < 8_000
    # as it would be if the elements were kept
    parser = etree.XMLPullParser(("end",), tag="row")
    for chunk in many_rows():
        parser.feed(chunk)
    assert grown_kb() - before > 8_000


# --- schemas and faults for partners


@pytest.fixture(scope="module")
def xmllint() -> str:
    found = shutil.which("xmllint")
    if found is None:
        pytest.skip("xmllint is missing: apt-get install libxml2-utils")
    return found


PLANTED = {
    "order": ("<户号>0013</户号>", "<户名>买</户名><户号>0013</户号>"),
    "number": ("<户号>0013</户号>", "<户号>0013</户号><面积>1.234</面积>"),
    "day": ("<户号>0013</户号>", "<户号>0013</户号><开户日>20151301</开户日>"),
    "code": ("<户号>0013</户号>", "<户号>0013</户号><状态>不明</状态>"),
    "width": ("<户号>0013</户号>", "<户号>0013</户号><原户号>1</原户号>"),
    "unknown": ("<户号>0013</户号>", "<户号>0013</户号><x/>"),
    "missing": ("<户号>0013</户号>", ""),
    "attribute": ("<户号>0013", "<户号 a='1'>0013"),
    "total": ("<行数>2", "<行数>two"),
    "head": ("CITYPOWER", "CITYGAS"),
    "nested": ("<户号>0013", "<户号><x/>0013"),
}


@pytest.mark.parametrize("plant", [None, *PLANTED])
def test_the_schema_refuses_what_the_reader_refuses(plant: str | None, xmllint: str, tmp_path: Path) -> None:
    content = TEXT if plant is None else with_planted(*PLANTED[plant])
    (tmp_path / "schema.xsd").write_bytes(schema_of(ROSTER))
    (tmp_path / "file.xml").write_text(content, encoding="utf-8")
    command = [xmllint, "--noout", "--nonet", "--schema", str(tmp_path / "schema.xsd"), str(tmp_path / "file.xml")]
    told = subprocess.run(command, capture_output=True, check=False, timeout=20)
    valid = etree.XMLSchema(etree.XML(schema_of(ROSTER))).validate(etree.XML(content.encode()))
    assert (told.returncode == 0) == valid == (plant is None)
    try:
        sound = not [row.fault for row in read(ROSTER, content.encode())[1] if row.fault]
    except FileRefused:
        sound = False
    assert sound == (plant is None)


def with_planted(old: str, new: str) -> str:
    assert TEXT.count(old) == 1
    return TEXT.replace(old, new)


def test_an_answer_that_was_never_agreed_is_valid() -> None:
    row = {"account": "1", "kind": "BILL", "issued_on": 20261105, "month": 202611, "waived_milli": 0, "answer": "W9"}
    content = write(REPORT, HEADS["report"], [row])
    assert b"<\xe7\xbb\x93\xe6\x9e\x9c>W9<" in content
    etree.XMLSchema(etree.XML(schema_of(REPORT))).assertValid(etree.XML(content))


@given(kind=st.sampled_from([kind for kind in get_args(Kind) if kind != "text"]), text=st.data())
def test_what_the_pattern_of_a_schema_refuses_no_reader_takes(kind: Kind, text: st.DataObject) -> None:
    schema = etree.XML(
        f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="a"><xs:simpleType>'
        f'<xs:restriction base="xs:token"><xs:pattern value="{PATTERNS[kind]}"/></xs:restriction></xs:simpleType>'
        f"</xs:element></xs:schema>"
    )
    element = etree.Element("a")
    element.text = text.draw(st.text(st.sampled_from("0123456789-+./年月日 "), min_size=1, max_size=12))
    if not etree.XMLSchema(schema).validate(element):
        with pytest.raises(BadCell):
            KINDS[kind].read(element.text.strip(" "))


def test_faults_are_told_in_xml() -> None:
    one = table("roster", "xml", encoding="gb18030")
    writer = fault_writer(one)
    content = b"".join(writer.render([Fault(0, "", "X", "甲 / <y>"), Fault(3, "户号", "Z", "z / z")]))
    assert writer.suffix == ".faults.xml"
    root = etree.fromstring(content)
    assert [[cell.text or "" for cell in fault] for fault in root] == [
        ["0", "", "X", "甲 / <y>"], ["3", "户号", "Z", "z / z"]
    ]  # fmt: skip
    assert [[cell.tag for cell in fault] for fault in root] == [["row", "column", "code", "text"]] * 2
    assert list(cut(content, 7))
