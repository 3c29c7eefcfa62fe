"""Workbooks that are none, or would do harm: each refused in words, quickly, before anything of it is laid out."""

from __future__ import annotations

import contextlib
import random
import re
import struct
from collections.abc import Iterator
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from workbooks import ROSTER, part, read, repacked, shared, workbook

from adapters.dialects import xlsx_parts
from adapters.dialects.table import form_of
from schemas.faults import FileRefused

HEAD = [
    ["制表日期", "2026-10-25"],
    ["合计", 2],
    ["用户", None, None, None, "住房"],
    ["户号", "原户号", "户名", "证件号码", "地址", "面积", "开户日", "低保户", "截止月", "备注"],
]
GOOD = shared(workbook([*HEAD, ["00000001"], ["00000002", None, "张三"]]))
SHEET, SHARED, RELS = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/_rels/workbook.xml.rels"
XML = part(GOOD, SHEET)
SPACE = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def fault(content: bytes) -> str:
    """Return the code with which a file is refused; it says what to do."""
    with pytest.raises(FileRefused) as caught:
        read(ROSTER, content)
    assert re.search("[一-龥].* / .*[a-z]", caught.value.fault.text)
    return caught.value.fault.code


def with_sheet(xml: bytes) -> bytes:
    return repacked(GOOD, {SHEET: xml})


def test_the_workbook_that_is_spoilt_below_is_sound() -> None:
    assert len(read(ROSTER, GOOD)) == 2
    assert len(read(ROSTER, repacked(GOOD, {}))) == 2


# --- what is no workbook

OLD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4096)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "EMPTY_FILE"),
        (b"PK", "NOT_XLSX"),
        (b"PK\x03\x04", "DAMAGED_WORKBOOK"),
        (b"<html><table><tr><td>1</td></tr></table></html>", "NOT_XLSX"),
        ("户号,户名\r\n1,张三\r\n".encode("gb18030"), "NOT_XLSX"),
        (b"\xef\xbb\xbf<?xml version='1.0'?><Workbook/>", "NOT_XLSX"),
        (OLD, "OLD_WORKBOOK"),
        (OLD + "EncryptedPackage".encode("utf-16-le"), "PASSWORD"),
        (GOOD + b"\n", "DAMAGED_WORKBOOK"),
        (b"\0" + GOOD, "NOT_XLSX"),
        (GOOD[:-1], "DAMAGED_WORKBOOK"),
        (GOOD[: len(GOOD) // 2], "DAMAGED_WORKBOOK"),
        (GOOD[:1000] + GOOD[1001:], "DAMAGED_WORKBOOK"),
        (repacked(GOOD, {"xl/workbook.xml": None}), "NOT_XLSX"),
        (repacked(GOOD, {"xl/workbook.bin": b"x"}), "NOT_XLSX"),
        (repacked(GOOD, {"mimetype": b"application/vnd.oasis.opendocument.spreadsheet"}), "NOT_XLSX"),
        (repacked(GOOD, {RELS: None}), "DAMAGED_WORKBOOK"),
        (repacked(GOOD, {SHEET: None}), "DAMAGED_WORKBOOK"),
        (repacked(GOOD, {"xl/workbook.xml": b"<workbook"}), "DAMAGED_WORKBOOK"),
        (with_sheet(XML[:-200]), "DAMAGED_WORKBOOK"),
        (with_sheet(b"<!DOCTYPE x [<!ENTITY a 'b'>]>" + XML), "DAMAGED_WORKBOOK"),
        (with_sheet(XML.replace(b"<v>2</v>", b"<v><![CDATA[2]]></v>")), "DAMAGED_WORKBOOK"),
    ],
)
def test_what_is_no_workbook_is_refused_in_words(content: bytes, code: str) -> None:
    assert fault(content) == code


def test_what_does_not_begin_like_a_workbook_is_not_read_on() -> None:
    taken = 0

    def chunks() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield b"x" * 5

    with pytest.raises(FileRefused, match="NOT_XLSX"):
        form_of(ROSTER).open(chunks())
    assert taken == 2


# --- what no table needs


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("xl/vbaProject.bin", b"x", "MACROS"),
        ("XL/VBAPROJECT.BIN", b"x", "MACROS"),
        ("xl/macrosheets/sheet1.xml", b"<x/>", "MACROS"),
        ("xl/externalLinks/externalLink1.xml", b"<x/>", "EXTERNAL_LINKS"),
        ("xl/embeddings/a.bin", GOOD, "EMBEDDED_FILE"),
        ("xl/embeddings/a.xlsx", b"x", "EMBEDDED_FILE"),
        ("xl/media/a.zip", b"x", "EMBEDDED_FILE"),
        ("../a.xml", b"<x/>", "DAMAGED_WORKBOOK"),
        ("xl/../../a.xml", b"<x/>", "DAMAGED_WORKBOOK"),
        ("/etc/a.xml", b"<x/>", "DAMAGED_WORKBOOK"),
        ("C:a.xml", b"<x/>", "DAMAGED_WORKBOOK"),
        ("XL/Workbook.xml", b"<x/>", "DAMAGED_WORKBOOK"),
    ],
)
def test_what_no_table_needs_is_refused(name: str, data: bytes, code: str) -> None:
    assert fault(repacked(GOOD, {name: data})) == code


def test_other_parts_do_no_harm() -> None:
    more = {"xl/media/image1.png": bytes(range(256)) * 50, "customXml/item1.xml": b"<!DOCTYPE x><x/>"}
    assert len(read(ROSTER, repacked(GOOD, dict(more)))) == 2


def patched(content: bytes, offset: int, data: bytes, name: str = SHEET) -> bytes:
    """Write over a part's entry in the directory."""
    start = content.index(b"PK\x01\x02", content.rindex(name.encode()) - 46)
    return content[: start + offset] + data + content[start + offset + len(data) :]


@pytest.mark.parametrize(
    ("offset", "data", "code"),
    [
        (8, b"\x01\x00", "PASSWORD"),
        (10, b"\x0c\x00", "DAMAGED_WORKBOOK"),  # bzip2
        (16, b"\0\0\0\0", "DAMAGED_WORKBOOK"),
        (24, struct.pack("<L", len(XML) - 1), "DAMAGED_WORKBOOK"),
        (24, struct.pack("<L", len(XML) + 1), "DAMAGED_WORKBOOK"),
        (42, struct.pack("<L", 2**31), "DAMAGED_WORKBOOK"),
    ],
)
def test_a_directory_that_does_not_say_how_it_is_is_refused(offset: int, data: bytes, code: str) -> None:
    assert fault(patched(GOOD, offset, data)) == code


# --- what is small, and large unpacked


def test_a_bomb_is_refused_by_what_it_says_and_by_what_it_is() -> None:
    bomb = repacked(GOOD, {"xl/media/image1.png": bytes(2 << 20)})
    assert fault(bomb) == "WORKBOOK_TOO_LARGE"
    # another size, and the checksum of that much of it: who believes it unpacks all
    smaller = struct.pack("<LLL", 0xF1E8BA9E, 3000, 1000)
    assert fault(patched(bomb, 16, smaller, "xl/media/image1.png")) == "DAMAGED_WORKBOOK"


def test_many_parts_and_much_in_all_are_refused() -> None:
    assert fault(repacked(GOOD, {f"xl/media/{n}": b"x" for n in range(1000)})) == "WORKBOOK_TOO_LARGE"
    made = GOOD
    for n in range(6):
        made = repacked(made, {f"xl/media/{n}": b"x" * 1000})
    for n in range(6):
        made = patched(made, 20, struct.pack("<LL", 1_000_000, 99_000_000), f"xl/media/{n}")
    assert fault(made) == "WORKBOOK_TOO_LARGE"


def cell(place: str, xml: bytes = b'<c r="%s"><v>1</v></c>') -> bytes:
    row = b'<row r="7">' + xml % place.encode() + b"</row>"
    return XML.replace(b"</sheetData>", row + b"</sheetData>")


@pytest.mark.parametrize("place", ["AB7", "XFD7", "XFD1048576", "A1048576", "A99999", "b99999", "zz7"])
@pytest.mark.parametrize(
    "xml",
    [
        b'<c r="%s"><v>1</v></c>',
        b"<c r='%s'><v>1</v></c>",
        b'<c t="n" r = "%s"><v>1</v></c>',
        b'<c t="n"r="%s"><v>1</v></c>',
        b'<c\n\tr\n="%s"><v>1</v></c>',
        b'<x:c xmlns:x="' + SPACE + b'" r="%s"><x:v>1</x:v></x:c>',
    ],
)
def test_what_stands_far_away_is_refused(place: str, xml: bytes) -> None:
    assert fault(with_sheet(cell(place, xml))) == "SHEET_REACH"


@pytest.mark.parametrize(
    "xml", [b"<c><v>1</v></c>", b'<c t="n"><v>1</v></c>', b'<x:c xmlns:x="%s"><x:v>1</x:v></x:c>' % SPACE]
)
def test_a_cell_that_does_not_say_where_it_stands_is_refused(xml: bytes) -> None:
    rows = b'<row r="1048575"/><row>' + xml + b"</row></sheetData>"
    assert fault(with_sheet(XML.replace(b"</sheetData>", rows))) == "SHEET_REACH"


def test_empty_rows_down_to_the_last_do_no_harm() -> None:
    rows = b'<row r="1048575" ht="12.8"></row><row r="1048576" ht="12.8"/></sheetData>'
    assert len(read(ROSTER, with_sheet(XML.replace(b"</sheetData>", rows)))) == 2


def test_what_is_coloured_far_away_does_no_harm() -> None:
    assert len(read(ROSTER, with_sheet(cell("XFD1048576", b'<c r="%s" s="0"/>')))) == 2


def test_what_stands_beside_the_table_is_a_fault_of_its_row() -> None:
    assert read(ROSTER, with_sheet(cell("Z6", b'<c r="%s"><v>1</v></c>')))[-1] == (6, "", "COLUMN_COUNT")


def test_a_text_that_is_repeated_too_often_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = part(GOOD, SHARED)
    long = texts.replace(b"<t>&#24352;&#19977;</t>", b"<r><t>" + b"x" * 20_000 + b"</t></r><r><t>y</t></r>")
    assert long != texts
    content = repacked(GOOD, {SHARED: long})
    assert len(read(ROSTER, content)) == 2
    monkeypatch.setattr(xlsx_parts, "MAX_TEXT_BYTES", 200_000)
    assert fault(content) == "WORKBOOK_TOO_LARGE"


# --- no other error, whatever is sent


@settings(max_examples=150, deadline=None)
@given(st.randoms(use_true_random=False))
def test_no_bytes_crash_the_reader(chance: random.Random) -> None:
    content = bytearray(GOOD)
    for _ in range(chance.randint(1, 4)):
        content[chance.randrange(len(content))] = chance.randrange(256)
    with contextlib.suppress(FileRefused):
        read(ROSTER, bytes(content))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([SHEET, SHARED, RELS, "xl/workbook.xml", "xl/styles.xml"]), st.randoms(use_true_random=False))
def test_no_xml_crashes_the_reader(name: str, chance: random.Random) -> None:
    xml = bytearray(part(GOOD, name))
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(xml))
        xml[at : at + chance.randint(0, 3)] = chance.choice(
            [b"", b"9", b"-", b'"', b"<", b">", b"&", b"A", b"\xff", b"/"]
        )
    with contextlib.suppress(FileRefused):
        read(ROSTER, repacked(GOOD, {name: bytes(xml)}))


def test_cells_that_do_not_say_where_they_stand_are_not_laid_out() -> None:
    """Else 16,000 columns and a last row would be one rectangle, beyond any memory."""
    far = b'<row r="1">' + b"<c><v>1</v></c>" * 16_000 + b'</row><row r="1048576"><c><v>1</v></c></row>'
    assert fault(with_sheet(XML.replace(b"</sheetData>", far + b"</sheetData>"))) == "SHEET_REACH"


def test_a_value_over_which_the_library_panics_refuses_the_workbook() -> None:
    dated = shared(workbook([*HEAD, ["00000001", *[None] * 5, date(2026, 1, 5)], ["00000002"]]))
    xml = part(dated, SHEET)
    spoilt = re.sub(rb'(<c r="G5"[^>]*><v>)[^<]*', rb"\g<1>-1e300", xml)
    assert spoilt != xml
    assert fault(repacked(dated, {SHEET: spoilt})) == "DAMAGED_WORKBOOK"
