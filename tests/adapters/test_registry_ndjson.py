"""The canonical registry file, whole and damaged."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from registry_files import HEADER, ID_1, ID_2, line, ndjson, record

from adapters.base import ReadRecord
from adapters.registry import registry_reader
from schemas.faults import FileRefused
from schemas.registry import Member, RegistryHeader


def read(content: bytes, size: int = 1 << 20) -> tuple[RegistryHeader, list[ReadRecord]]:
    chunks = [content[i : i + size] for i in range(0, len(content), size)]
    header, records = registry_reader(content[:16]).read(chunks)
    return header, list(records)


def one(value: Any) -> ReadRecord:
    return read(ndjson([line(value)]))[1][0]


def member(**changes: Any) -> dict[str, Any]:
    return record(members=[{"name": "李四", "id_number": ID_2}, {"name": "张三丰", "id_number": ID_1} | changes])


def test_header_and_records_come_as_sent() -> None:
    header, records = read(ndjson([line(record()), line(record(accounts={"city_water": "00012345"}))]))
    assert (header.source, header.kind, header.position, header.as_of, header.month) == (
        "civil-affairs",
        "snapshot",
        7,
        20261020,
        "2026-11",
    )
    assert [r.row for r in records] == [2, 3]
    assert all(r.fault is None and r.warnings == () for r in records)
    assert records[1].record
    assert records[1].record.accounts == {"city_water": "00012345"}


@given(size=st.integers(1, 400))
def test_the_cut_of_the_chunks_does_not_matter(size: int) -> None:
    content = ndjson([line(record()), line(record(source_version=6))])
    assert read(content, size) == read(content)


def test_a_file_without_records_is_a_file() -> None:
    assert read(ndjson([]))[1] == []


def test_crlf_a_byte_mark_and_no_last_line_end_are_borne() -> None:
    assert read(ndjson([line(record())]).removesuffix(b"\n"))[1][0].record
    crlf = ndjson([line(record()).replace(b"\n", b"\r\n")], sha256="0" * 64)
    with pytest.raises(FileRefused, match="TRAILER_DIGEST"):
        read(crlf)
    with pytest.raises(FileRefused, match="TRAILER_DIGEST"):  # the mark is of the bytes that are vouched for
        read(b"\xef\xbb\xbf" + ndjson([line(record())]))


@pytest.mark.parametrize(
    ("text", "number", "warning"),
    [
        (ID_1.lower(), ID_1, "ID_NORMALISED"),
        ("110105491231002", ID_1, None),
        ("无", "", "ID_PLACEHOLDER"),
        ("", "", "ID_MISSING"),
    ],
)
def test_citizen_numbers_become_canonical(text: str, number: str, warning: str | None) -> None:
    found = one(member(id_number=text))
    assert found.record
    assert found.record.members == (Member("李四", ID_2), Member("张三丰", number))
    assert [(w.row, w.column, w.code) for w in found.warnings] == (
        [(2, "members[1].id_number", warning)] if warning else []
    )


@pytest.mark.parametrize(
    ("value", "column", "code"),
    [
        (member(id_number="110105194912310021"), "members[1].id_number", "ID_CHECK_DIGIT"),
        (member(id_number="1.10105E+17"), "members[1].id_number", "ID_DESTROYED_BY_SPREADSHEET"),
        (member(id_number="123"), "members[1].id_number", "ID_FORM"),
        (member(name="张\u202e三"), "members[1].name", "FORBIDDEN_CHARACTER"),
        (member(relation="\x07"), "members[1].relation", "FORBIDDEN_CHARACTER"),
        (member(status="\u200b"), "members[1].status", "FORBIDDEN_CHARACTER"),
        (member(died_on=20260230), "members[1].died_on", "BAD_DAY"),
        (member(phone="1"), "members[1]", "BAD_VALUE"),
        (member(id_number=110105194912310021), "members[1].id_number", "BAD_VALUE"),
        (record(valid_from=20260229), "valid_from", "BAD_DAY"),
        (record(valid_to=20261301), "valid_to", "BAD_DAY"),
        (record(effective_on=20260100), "effective_on", "BAD_DAY"),
        (record(valid_from=20270101), "valid_to", "END_BEFORE_START"),
        (record(valid_from=20281021, valid_to=20291231), "valid_from", "START_FAR_FUTURE"),
        (record(category="dibao"), "category", "BAD_VALUE"),
        (record(valid_from="20260101"), "valid_from", "BAD_VALUE"),
        (record(valid_from=20260101.5), "valid_from", "BAD_VALUE"),
        (record(source_version=2**60), "source_version", "BAD_VALUE"),
        (record(members=[]), "members", "BAD_VALUE"),
        (record(extra=1), "", "BAD_VALUE"),
        (record(accounts={"city_water": "=1+1"}), "accounts", "FORMULA_VALUE"),
        (record(accounts={"city\u200bwater": "1"}), "accounts", "FORBIDDEN_CHARACTER"),
        (record(address={"district": "3301", "community": "", "text": ""}), "address.district", "BAD_VALUE"),
        (record(address={"district": "330102", "community": "", "text": "\n"}), "address.text", "FORBIDDEN_CHARACTER"),
        (record(certificates=[{"issuer": "a", "kind": "dibao", "number": "@1"}]),
         "certificates[].number", "FORMULA_VALUE"),
        (record(certificates=[{"issuer": "-a", "kind": "dibao", "number": "1"}]),
         "certificates[].issuer", "FORMULA_VALUE"),
    ],
)  # fmt: skip
def test_a_bad_record_is_a_fault_with_row_column_and_code(value: Any, column: str, code: str) -> None:
    good = line(record())
    content = ndjson([good, line(value), good])
    first, bad, last = read(content)[1]
    assert first.record
    assert last.record
    assert bad.record is None
    assert bad.fault
    assert (bad.fault.row, bad.fault.column, bad.fault.code) == (3, column, code)
    assert " / " in bad.fault.text


@pytest.mark.parametrize(
    ("old", "new", "column", "code"),
    [
        (b'"status"', b'"status":"active","status"', "status", "DUPLICATE_KEY"),
        (b'{"name"', b'{"id_number":"","name"', "id_number", "DUPLICATE_KEY"),
        (b'}],"eff', b'}],"accounts":{"a":"1","a":"2"},"eff', "accounts", "DUPLICATE_KEY"),
        (b"20260101", b"NaN", "", "BAD_JSON"),
        (b"20260101", b"1e400", "valid_from", "BAD_VALUE"),
        (b'{"cert', b'["cert', "", "BAD_VALUE"),
        ("张三丰".encode(), b"\\ud800", "", "BAD_JSON"),
        ("张三丰".encode(), b"a\\u0000b", "members[0].name", "FORBIDDEN_CHARACTER"),
    ],
)
def test_bad_json_is_a_fault_of_its_row(old: bytes, new: bytes, column: str, code: str) -> None:
    good = line(record())
    bad = good.replace(old, new, 1)
    assert bad != good
    found = read(ndjson([good, bad, good], rows=3, districts={"330102": 3}))[1][1]
    assert found.fault
    assert (found.fault.row, found.fault.column, found.fault.code) == (3, column, code)


def test_a_file_of_the_senders_own_spacing_is_read_alike() -> None:
    spaced = json.dumps(record(), ensure_ascii=False).encode() + b"\n"
    assert read(ndjson([spaced]))[1][0].record == read(ndjson([line(record())]))[1][0].record


def damaged(content: bytes) -> list[tuple[str, bytes, str, int]]:
    """Each way a whole file can be wrong: its name, its bytes, the code, the row."""
    good, body = line(record()), content[: content.rindex(b"\n", 0, -1) + 1]
    return [
        ("empty", b"", "EMPTY_FILE", 0),
        ("header only", line(HEADER), "TRUNCATED", 1),
        ("cut after a line", body, "TRUNCATED", 3),
        ("cut within a line", content[:-100], "TRUNCATED", 4),
        ("no header", content[content.index(b"\n") + 1 :], "HEADER", 1),
        ("header with a key twice", content.replace(b'"position":7', b'"position":7,"position":8'), "HEADER", 1),
        ("another dialect", b"HDR|x", "UNKNOWN_DIALECT", 1),
        ("a record changed", content.replace(b"20261231", b"20271231", 1), "TRAILER_DIGEST", 4),
        ("too few rows", ndjson([good, good], rows=3), "TRAILER_ROWS", 4),
        ("too many rows", ndjson([good, good], rows=1), "TRAILER_ROWS", 4),
        ("districts wrong", ndjson([good, good], districts={"330102": 1, "330103": 1}), "TRAILER_DISTRICTS", 4),
        ("districts short", ndjson([good, good], districts={"330102": 1}), "TRAILER_DISTRICTS", 4),
        ("a bad trailer", ndjson([good], sha256="x"), "TRUNCATED", 3),
        ("not UTF-8", ndjson([good, good.decode().encode("gb18030")]), "NOT_UTF8", 3),
        ("UTF-16", content.decode().encode("utf-16-be").replace(b"\0{", b"{", 1), "NUL_BYTE", 0),
        ("a NUL byte", ndjson([good.replace(b"m", b"\0", 1)]), "NUL_BYTE", 0),
        ("no line ends", b'{"type":' + b"x" * 70_000, "LINE_TOO_LONG", 0),
    ]


@pytest.mark.parametrize(
    ("content", "code", "row"),
    [pytest.param(*rest, id=name) for name, *rest in damaged(ndjson([line(record()), line(record())]))],
)
def test_a_damaged_file_is_refused_whole(content: bytes, code: str, row: int) -> None:
    with pytest.raises(FileRefused) as caught:
        read(content)
    assert (caught.value.fault.code, caught.value.fault.row) == (code, row)
    assert " / " in caught.value.fault.text


def destroyed(count: int, rows: int) -> bytes:
    bad = line(record(members=[{"name": "张三丰", "id_number": "1.10105E+17"}]))
    return ndjson([bad] * count + [line(record())] * (rows - count))


@pytest.mark.parametrize(("count", "rows"), [(1, 1), (1, 3), (2, 200), (5, 500)])
def test_a_few_destroyed_numbers_cost_only_their_rows(count: int, rows: int) -> None:
    assert sum(r.fault is not None for r in read(destroyed(count, rows))[1]) == count


@pytest.mark.parametrize(("count", "rows"), [(2, 199), (6, 2000)])
def test_many_destroyed_numbers_refuse_the_file(count: int, rows: int) -> None:
    with pytest.raises(FileRefused, match="IDS_DESTROYED"):
        read(destroyed(count, rows))


SECRETS = ("绝密姓名", "绝密地址", "SECRETNUMBER", "440305194001011230")


@given(
    st.sampled_from(["name", "relation", "id_number", "died_on", "绝密姓名", " - at `$.绝密姓名"]),
    st.sampled_from([*SECRETS, *(f"{secret}\u202e" for secret in SECRETS), *(f"={secret}" for secret in SECRETS), 5]),
)
def test_no_fault_repeats_personal_content(key: str, value: Any) -> None:
    sent = record(
        certificates=[{"issuer": "a", "kind": "SECRETNUMBER", "number": "SECRETNUMBER"}]
        if value == 5
        else [{"issuer": "a", "kind": "dibao", "number": "SECRETNUMBER"}],
        address={"district": "330102", "community": "绝密地址", "text": "绝密地址\u200b"},
        members=[{"name": "绝密姓名", "id_number": "440305194001011230", key: value}],
    )
    found = one(sent)
    assert found.fault
    told = msgspec.json.encode((found.fault, found.warnings)).decode()
    assert not any(secret in told for secret in SECRETS)
