"""The power company's cases: what they say, every fault with its place in the company's words, damaged files."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from adapters.base import ReadCase
from adapters.city_power import SCHEMA
from adapters.companies import load_companies
from adapters.registry import CASE_READERS, companies_in
from schemas.configuration import ConfigurationRefused
from schemas.faults import FileRefused
from schemas.projects import (
    Applicant,
    CaseHead,
    CaseState,
    ChangeOrder,
    CostItem,
    CostKind,
    Document,
    Milestones,
    Pause,
    ProjectCase,
    ProjectKind,
)
from schemas.workers import PaperKind

FOLDER = Path(__file__).parents[2] / "config" / "companies"
POWER = companies_in(FOLDER)["city_power"]
CONTENT = (Path(__file__).parent / "samples" / "city_power.cases.xml").read_bytes()
TEXT = CONTENT.decode()
#: What must never stand in a fault, a refusal or a log.
PERSONAL = ("买买提", "11010519491231002X", "KN2026000123", "𬴂䶮", "110105199001010010", "JY2025004711")

DONE = ProjectCase(
    number="BZ-2026-000123",
    version=3,
    state=CaseState.DONE,
    applicant=Applicant("买买提·艾力", "11010519491231002X", PaperKind.HARDSHIP, "KN2026000123"),
    title="和平路早餐店用电新装",
    kind=ProjectKind.CONNECTION,
    commissioned=True,
    milestones=Milestones(
        applied=20261008, accepted=20261008, designed=20261016, begun=20261102, ended=20261109, connected=20261110,
        pauses=(Pause(20261010, 20261013, "缺房屋租赁合同"),),
    ),
    charged_fen=865050,
    costs=(
        CostItem(CostKind.MATERIALS, "低压电缆 YJV-4×25 及附件", 512050),
        CostItem(CostKind.LABOUR, "敷设、接线 12 工日", 276000),
        CostItem(CostKind.MACHINERY, "高空车半日", 40000),
        CostItem(CostKind.TAX, "增值税", 49000),
    ),
    changes=(ChangeOrder("QZ-01", 20261105, "电缆改走地下，减少立杆一根", -12000),),
    documents=(
        Document("用电申请书", "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"),
        Document("工程结算书", "fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9"),
    ),
)  # fmt: skip
OPEN = ProjectCase(
    number="BZ-2026-000131",
    version=1,
    state=CaseState.OPEN,
    applicant=Applicant("𬴂䶮", "110105199001010010", PaperKind.EMPLOYMENT, "JY2025004711"),
    title="裁缝铺增容至 30 千瓦",
    kind=ProjectKind.CAPACITY,
    commissioned=False,
    milestones=Milestones(applied=20261127, pauses=(Pause(20261130, None, "证件复印件不清"),)),
)


def read(content: bytes, size: int = 1 << 20) -> tuple[CaseHead, list[ReadCase]]:
    reader = POWER.case_reader()
    assert reader
    head, cases = reader.read(content[start : start + size] for start in range(0, len(content), size))
    return head, list(cases)


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_the_sample_says_what_it_says(size: int) -> None:
    head, cases = read(CONTENT, size)
    assert head == CaseHead("city_power", 20261203)
    assert cases == [ReadCase(1, DONE, None, DONE.number), ReadCase(2, OPEN, None, OPEN.number)]


def planted(old: str, new: str) -> bytes:
    assert old in TEXT
    return TEXT.replace(old, new, 1).encode()


@pytest.mark.parametrize(
    ("old", "new", "place", "code", "said"),
    [
        ("<版本>3", "<版本>0", "版本", "BAD_VALUE", ""),
        ("<状态>办结", "<状态>完了", "状态", "BAD_VALUE", ""),
        ("<姓名>买买提·艾力</姓名>", "", "申请人/身份证号", "CASE_ELEMENT", "此处应为姓名"),
        ("<姓名>买买提·艾力</姓名>", "<姓名><名>买买提</名></姓名>", "申请人/姓名", "BAD_VALUE", ""),
        ("<姓名>买买提·艾力", "<姓名>买\u200b买提·艾力", "申请人/姓名", "FORBIDDEN_CHARACTER", "U+200B"),
        ("<姓名>", "<姓名 代号='买买提'>", "申请人/姓名", "BAD_VALUE", ""),
        ("<申请人>", "<买买提/><申请人>", "案件", "CASE_ELEMENT", "此处应为申请人"),
        ("<证件编号>KN2026000123</证件编号>", "", "申请人", "CASE_ELEMENT", "此处应为证件编号"),
        ("2026-10-16", "2026-02-30", "进度/设计完成日期", "BAD_VALUE", ""),
        ("2026-10-16", "20261016", "进度/设计完成日期", "BAD_VALUE", ""),
        ("2026-10-13", "2026-10-09", "进度/待补资料", "BAD_PERIOD", ""),
        ("8650.5<", "8650.505<", "收费金额", "BAD_VALUE", ""),
        ("8650.5<", "8,650.50<", "收费金额", "BAD_VALUE", ""),
        ("<金额>400.00", "<金额>-400.00", "费用清单/费用[3]/金额", "BAD_VALUE", ""),
        ("<费用类别>人工", "<费用类别>利润", "费用清单/费用[2]/费用类别", "BAD_VALUE", ""),
        ("2c26b4", "2C26B4", "资料[1]/摘要", "BAD_VALUE", ""),
        ("  <案件>\n", "  <案件>买买提\n", "案件", "BAD_VALUE", ""),
    ],
)  # fmt: skip
def test_a_case_that_is_not_as_agreed_is_a_fault_and_the_others_are_read(
    old: str, new: str, place: str, code: str, said: str
) -> None:
    content = planted(old, new)
    bad, good = read(content)[1]
    assert good == ReadCase(2, OPEN, None, OPEN.number)
    assert (bad.row, bad.case, bad.named) == (1, None, DONE.number)
    assert bad.fault
    assert (bad.fault.row, bad.fault.column, bad.fault.code) == (1, place, code)
    assert said in bad.fault.text
    assert " / " in bad.fault.text
    assert not [one for one in PERSONAL if one in str(bad.fault)]
    assert read(content, 1)[1] == [bad, good]


@pytest.mark.parametrize("number", ["", "买买提", "BZ 1", "A" * 41])
def test_a_number_that_is_none_is_not_told(number: str) -> None:
    bad = read(planted("BZ-2026-000123", number))[1][0]
    assert bad.fault
    assert (bad.fault.column, bad.named) == ("案件编号", "")


HEAD, TAIL = TEXT.index("  <案件>"), TEXT.index("  <文件尾>")


@pytest.mark.parametrize(
    ("content", "code", "row"),
    [
        (b"", "EMPTY_FILE", 0),
        (b"{}", "NOT_XML", 0),
        (b"<html/>", "PARTS", 0),
        (TEXT.encode("gb18030"), "NOT_UTF8", 1),
        (planted("CITYPOWER", "CITYGAS"), "HEADER", 0),
        (planted("2026-12-03", "2026-13-03"), "HEADER", 0),
        ((TEXT[: TEXT.index("  <文件头>")] + TEXT[HEAD:]).encode(), "HEADER", 0),
        (planted("<案件数>2", "<案件数>3"), "TRAILER_ROWS", 0),
        (planted("<案件数>2", "<案件数>二"), "TRUNCATED", 0),
        ((TEXT[:TAIL] + "</报装案件>").encode(), "TRUNCATED", 0),
        (TEXT[:TAIL].encode(), "TRUNCATED", 3),
        (planted("<案件编号>BZ-2026-000131", "<案件编号>&买买提;"), "NOT_XML", 2),
        (planted("  <文件尾>", "<文件头/><文件尾>"), "PARTS", 3),
        (planted("</文件尾>", "</文件尾><案件/>"), "PARTS", 0),
        (planted("<报装案件", '<!DOCTYPE 报装案件 [<!ENTITY a "买买提">]><报装案件'), "DOCTYPE", 0),
        (planted("<报装案件", '<!DOCTYPE a SYSTEM "file:///etc/passwd"><报装案件'), "DOCTYPE", 0),
        (planted("<姓名>", "<姓名>" + "买买提" * 400_000), "ROW_TOO_LONG", 1),
        (planted("<姓名>", "<姓名>" + "<姓名>" * 400), "NOT_XML", 1),
    ],
)
def test_a_damaged_file_is_refused(content: bytes, code: str, row: int) -> None:
    with pytest.raises(FileRefused) as caught:
        read(content)
    assert (caught.value.fault.code, caught.value.fault.row) == (code, row)
    assert not [one for one in PERSONAL if one in str(caught.value)]


@given(st.integers(0, len(CONTENT) - 2), st.binary(max_size=8))
def test_no_bytes_crash_the_reader(place: int, noise: bytes) -> None:
    with contextlib.suppress(FileRefused):
        assert all(
            (one.case is None) != (one.fault is None) for one in read(CONTENT[:place] + noise + CONTENT[place:])[1]
        )
    with pytest.raises(FileRefused):
        read(CONTENT[:place])


def test_a_file_may_hold_no_case() -> None:
    content = (TEXT[:HEAD] + TEXT[TAIL:]).replace("<案件数>2", "<案件数>0").encode()
    assert read(content) == (CaseHead("city_power", 20261203), [])


@pytest.mark.parametrize("plant", [None, ("<版本>3", "<版本>x"), ("<工程名称>", "<x/><工程名称>")])
def test_the_shipped_schema_says_the_same_to_xmllint(plant: tuple[str, str] | None, tmp_path: Path) -> None:
    xmllint = shutil.which("xmllint")
    if xmllint is None:
        pytest.skip("xmllint is missing: apt-get install libxml2-utils")
    file = tmp_path / "cases.xml"
    file.write_bytes(planted(*plant) if plant else CONTENT)
    told = subprocess.run([xmllint, "--noout", "--nonet", "--schema", SCHEMA, file], capture_output=True, check=False)
    assert (told.returncode == 0) == (plant is None) == all(one.case for one in read(file.read_bytes())[1])


def test_the_schema_calls_every_element_by_one_name_and_type() -> None:
    """The place of a fault is told by names, as far as the schema knows them: no name may stand for two things."""
    types: dict[str, set[str]] = {}
    for element in etree.parse(SCHEMA).iter("{*}element"):
        if name := element.get("name"):
            types.setdefault(name, set()).add(element.get("type", ""))
    assert {name for name, found in types.items() if len(found) > 1} == {"金额"}


def test_a_reader_of_cases_that_nobody_knows_is_told() -> None:
    text = (FOLDER / "city_power.toml").read_text(encoding="utf-8").replace('cases = "city_power"', 'cases = "power"')
    with pytest.raises(ConfigurationRefused) as caught:
        load_companies([("city_power.toml", text.encode())], CASE_READERS)
    assert str(caught.value) == (
        "city_power.toml: cases: no such reader; known are city_power; name one, or take it out"
    )


def test_a_company_may_have_no_cases() -> None:
    assert companies_in(FOLDER)["city_water"].case_reader() is None


def test_faults_of_cases_are_told_in_xml() -> None:
    writer = POWER.fault_writer("cases")
    bad = read(planted("<版本>3", "<版本>x"))[1][0]
    assert bad.fault
    root = etree.fromstring(b"".join(writer.render([bad.fault])))
    assert writer.suffix == ".faults.xml"
    assert [cell.text for cell in root[0]][:3] == ["1", "版本", "BAD_VALUE"]
