"""The bureau's own CSV: one line a member, several lines a household."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from registry_files import BUREAU_HEADER, BUREAU_NAMES, ID_1, ID_2, bureau, member_line, ndjson, record
from registry_files import line as json_line

from adapters.base import ReadRecord
from adapters.registry import registry_reader
from schemas.faults import FileRefused
from schemas.registry import FileKind, Member, RecordKind, RegistryHeader
from schemas.values import OPEN_DAY

SECOND = {"姓名": "李四", "身份证号": ID_2, "与户主关系": "配偶"}


def read(content: bytes, size: int = 1 << 20) -> tuple[RegistryHeader, list[ReadRecord]]:
    chunks = [content[i : i + size] for i in range(0, len(content), size)]
    header, records = registry_reader(content[:16]).read(chunks)
    return header, list(records)


@pytest.mark.parametrize("newline", ["\r\n", "\n"])
def test_lines_of_one_certificate_and_version_are_one_record(newline: str) -> None:
    lines = [member_line(), member_line(**SECOND), member_line(版本号="6"), member_line(证件号="DB0002")]
    header, records = read(bureau(lines, newline=newline))
    assert (header.source, header.kind, header.message_id, header.position) == ("市民政局", FileKind.SNAPSHOT, "m-1", 7)
    assert (header.as_of, header.month) == (20261020, "2026-11")
    assert [r.row for r in records] == [3, 5, 6]
    assert [len(r.record.members) for r in records if r.record] == [2, 1, 1]
    assert records[0].record
    assert records[0].record.members == (
        Member("张三丰", ID_1),
        Member("李四", ID_2, relation="spouse"),
    )


def test_both_dialects_say_the_same() -> None:
    ours = read(ndjson([json_line(record(certificates=[{"issuer": "市局", "kind": "dibao", "number": "DB0001"}],
                                         accounts={"city_water": "00012345"}))]))[1][0].record  # fmt: skip
    assert read(bureau([member_line()]))[1][0].record == ours


def test_open_end_earlier_numbers_new_and_accounts() -> None:
    line = member_line(有效期止="", 原证件号="OLD1;OLD2", 新增="Y", 郊水户号="007", 燃气户号="0000G1", 热力户号="H1")
    found = read(bureau([line]))[1][0].record
    assert found
    assert found.valid_to == OPEN_DAY
    assert [c.number for c in found.certificates] == ["DB0001", "OLD1", "OLD2"]
    assert found.record is RecordKind.GRANT
    assert found.accounts == {
        "city_water": "00012345",
        "suburb_water": "007",
        "city_gas": "0000G1",
        "city_heating": "H1",
    }


def test_rare_characters_and_quotes_come_through() -> None:
    found = read(bureau([member_line(姓名='"𬴂䶮"', 住址='"和平路12号,3栋"')], 户数="1", 区划="330102=1"))[1][0].record
    assert found
    assert found.members[0].name == "𬴂䶮"
    assert found.address.text == "和平路12号,3栋"


@given(size=st.integers(1, 300))
def test_the_cut_of_the_chunks_does_not_matter(size: int) -> None:
    content = bureau([member_line(), member_line(**SECOND), member_line(证件号="DB0002")])
    assert read(content, size) == read(content)


@pytest.mark.parametrize(
    ("changes", "column", "code"),
    [
        ({"身份证号": "110105194912310021"}, "身份证号", "ID_CHECK_DIGIT"),
        ({"身份证号": "1.10105E+17"}, "身份证号", "ID_DESTROYED_BY_SPREADSHEET"),
        ({"身份证号": "12"}, "身份证号", "ID_FORM"),
        ({"死亡日期": "20260230"}, "死亡日期", "BAD_DAY"),
        ({"成员状态": "不知"}, "成员状态", "UNKNOWN_CODE"),
        ({"姓名": "张\u202e三"}, "姓名", "FORBIDDEN_CHARACTER"),
        ({"住址": "别处"}, "住址", "HOUSEHOLD_COLUMNS_DISAGREE"),
        ({"水户号": "00099999"}, "水户号", "HOUSEHOLD_COLUMNS_DISAGREE"),
        ({"生效日期": "20260201"}, "生效日期", "HOUSEHOLD_COLUMNS_DISAGREE"),
    ],
)
def test_a_fault_names_the_members_own_line(changes: dict[str, str], column: str, code: str) -> None:
    content = bureau([member_line(), member_line(**SECOND | changes), member_line(证件号="DB0002")],
                     户数="2", 区划="330102=2")  # fmt: skip
    bad, good = read(content)[1]
    assert good.record
    assert bad.record is None
    assert bad.fault
    assert (bad.fault.row, bad.fault.column, bad.fault.code) == (4, column, code)


@pytest.mark.parametrize(
    ("changes", "column", "code"),
    [
        ({"证件类别": "驾照"}, "证件类别", "UNKNOWN_CODE"),
        ({"类别": "低保"}, "类别", "UNKNOWN_CODE"),
        ({"状态": ""}, "状态", "UNKNOWN_CODE"),
        ({"新增": "X"}, "新增", "UNKNOWN_CODE"),
        ({"有效期起": "2026-01-01"}, "有效期起", "BAD_DAY"),
        ({"有效期起": ""}, "有效期起", "BAD_DAY"),
        ({"有效期止": "20260231"}, "有效期止", "BAD_DAY"),
        ({"有效期止": "20251231"}, "有效期止", "END_BEFORE_START"),
        ({"有效期起": "20290101", "有效期止": ""}, "有效期起", "START_FAR_FUTURE"),
        ({"生效日期": "２０２６０１０１"}, "生效日期", "BAD_DAY"),
        ({"版本号": "v5"}, "版本号", "BAD_NUMBER"),
        ({"版本号": "999999999999999999"}, "版本号", "BAD_NUMBER"),
        ({"区划代码": "3301"}, "区划代码", "BAD_VALUE"),
        ({"证件号": ""}, "证件号", "BAD_VALUE"),
        ({"证件号": "+1"}, "证件号", "FORMULA_VALUE"),
        ({"发证机关": ""}, "发证机关", "BAD_VALUE"),
        ({"姓名": ""}, "姓名", "BAD_VALUE"),
        ({"水户号": "=A1"}, "水户号", "FORMULA_VALUE"),
        ({"社区": "和\u200b平"}, "社区", "FORBIDDEN_CHARACTER"),
    ],
)
def test_a_bad_household_is_a_fault_and_its_neighbours_stand(changes: dict[str, str], column: str, code: str) -> None:
    first, bad, last = read(bureau([member_line(证件号="DB0"), member_line(**changes), member_line(证件号="DB9")]))[1]
    assert first.record
    assert last.record
    assert bad.record is None
    assert bad.fault
    assert (bad.fault.row, bad.fault.column, bad.fault.code) == (4, column, code)
    assert " / " in bad.fault.text


@pytest.mark.parametrize(("broken", "code"), [("只有一列", "COLUMN_COUNT"), ('a,"b', "UNBALANCED_QUOTES")])
def test_a_line_that_cannot_be_cut_spoils_both_its_neighbours(broken: str, code: str) -> None:
    """It may have been a member of either; a household short of a member must not be applied."""
    lines = [member_line(证件号="DB0"), member_line(), broken, member_line(**SECOND), member_line(证件号="DB9")]
    content = bureau(lines, 户数="3", 区划="330102=3")
    records = {r.row: r.fault.code if r.fault else "" for r in read(content)[1]}
    assert records == {3: "", 4: "HOUSEHOLD_INCOMPLETE", 5: code, 7: ""}
    apart = [member_line(证件号="DB0"), broken, member_line(证件号="DB9"), member_line(证件号="DB10")]
    records = {r.row: r.fault.code if r.fault else "" for r in read(bureau(apart, 户数="4", 区划="330102=4"))[1]}
    assert records == {3: "HOUSEHOLD_INCOMPLETE", 4: code, 5: "HOUSEHOLD_INCOMPLETE", 6: ""}


GOOD = bureau([member_line(), member_line(证件号="DB0002")])


@pytest.mark.parametrize(
    ("content", "code", "row"),
    [
        pytest.param((BUREAU_HEADER + "\r\n").encode("gb18030"), "COLUMN_NAMES", 1, id="header only"),
        pytest.param(f"{BUREAU_HEADER}\n{BUREAU_NAMES}\n".encode("gb18030"), "TRUNCATED", 2, id="no trailer"),
        pytest.param(GOOD[: GOOD.rindex(b"#TRL")], "TRUNCATED", 4, id="trailer lost"),
        pytest.param(GOOD[:-75], "TRUNCATED", 5, id="cut within the trailer"),
        pytest.param(GOOD.replace("全量".encode("gb18030"), "全部".encode("gb18030")), "HEADER", 1, id="kind unknown"),
        pytest.param(GOOD.replace(b"2026-11", b"2026-13"), "HEADER", 1, id="no such month"),
        pytest.param(bureau([member_line()], header='#HDR,"x'), "HEADER", 1, id="quotes in the header"),
        pytest.param(bureau([member_line()], names=BUREAU_NAMES.replace("姓名", "名")), "COLUMN_NAMES", 2, id="names"),
        pytest.param(GOOD.replace(b"DB0002", b"DB0003"), "TRAILER_DIGEST", 5, id="a byte changed"),
        pytest.param(bureau([member_line()], 户数="2", 区划="330102=2"), "TRAILER_ROWS", 4, id="households"),
        pytest.param(bureau([member_line()], 人数="2"), "TRAILER_ROWS", 4, id="persons"),
        pytest.param(bureau([member_line()], 区划="330103=1"), "TRAILER_DISTRICTS", 4, id="another district"),
        pytest.param(bureau([member_line()], 区划="330102=1;330103=1"), "TRAILER_DISTRICTS", 4, id="one too many"),
        pytest.param(bureau([member_line()], 区划="330102=1;330102=1"), "TRUNCATED", 4, id="a district twice"),
        pytest.param(bureau([member_line()], 区划="330102:1"), "TRUNCATED", 4, id="districts garbled"),
        pytest.param(GOOD.replace("城市低保".encode("gb18030"), b"\xff\xff\xff", 1), "NOT_GB18030", 3, id="bytes"),
        pytest.param(GOOD.replace(b"DB0001", b"DB\x000001"), "NUL_BYTE", 0, id="NUL"),
    ],
)
def test_a_damaged_file_is_refused_whole(content: bytes, code: str, row: int) -> None:
    with pytest.raises(FileRefused) as caught:
        read(content)
    assert (caught.value.fault.code, caught.value.fault.row) == (code, row)


def test_many_destroyed_numbers_refuse_the_file() -> None:
    lines = [member_line(证件号=f"DB{i}", 身份证号="1.10105E+17") for i in range(6)]
    with pytest.raises(FileRefused, match="IDS_DESTROYED"):
        read(bureau(lines))


@given(st.sampled_from(BUREAU_NAMES.split(",")), st.sampled_from(["绝密\u202e", "=绝密", "绝密" * 300, "绝密"]))
def test_no_fault_repeats_personal_content(column: str, value: str) -> None:
    secret = member_line(**{"姓名": "绝密", "住址": "绝密", "证件号": "绝密", "死亡日期": "20260230", column: value})
    try:
        told = str([(r.fault, r.warnings) for r in read(bureau([secret]))[1]])
    except FileRefused as refused:
        told = str(refused)
    assert "绝密" not in told


def test_a_file_that_is_neither_dialect_is_refused() -> None:
    with pytest.raises(FileRefused, match="UNKNOWN_DIALECT"):
        registry_reader(b"PK\x03\x04")
    with pytest.raises(FileRefused, match="EMPTY_FILE"):
        registry_reader(b"")
