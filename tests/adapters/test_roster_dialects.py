"""Rosters and renumberings: golden files, every fault with its place, damaged files."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.base import ReadAccount
from adapters.registry import companies_in
from schemas.faults import FileRefused
from schemas.rosters import AliasRow, RosterRow
from schemas.values import AccountState, BillingCycle, MeterKind

SAMPLES = Path(__file__).parent / "samples"
COMPANIES = companies_in(Path(__file__).parents[2] / "config" / "companies")
WATER = (SAMPLES / "city_water.roster.txt").read_bytes()
SUBURB = (SAMPLES / "suburb_water.roster.csv").read_bytes()
GAS = (SAMPLES / "city_gas.roster.dat").read_bytes()

GOLDEN = {
    "city_water.roster.txt": [
        RosterRow(account="00012345", predecessor="00000001", opened_on=20150601, cycle=BillingCycle.BIMONTHLY_ODD,
                  holder_name="买买提·艾力", holder_id="11010519491231002X", address="和平路12号3栋2单元501室",
                  low_income=True, low_income_until=202612),
        RosterRow(account="00012346", state=AccountState.SUSPENDED, domestic=False, meter=MeterKind.INDIRECT),
        RosterRow(account="00012347", state=AccountState.CLOSED, opened_on=20100101, closed_on=20260930,
                  meter=MeterKind.PREPAID, cycle=BillingCycle.TOP_UP, holder_name="𬴂䶮"),
    ],
    "suburb_water.roster.csv": [
        RosterRow(account="007", holder_name="张,三", address='和平路"12"号', opened_on=20150601,
                  cycle=BillingCycle.BIMONTHLY_EVEN, low_income=True),
        RosterRow(account="008", state=AccountState.CLOSED, closed_on=20260930, meter=MeterKind.FLAT),
    ],
    "city_gas.roster.dat": [
        RosterRow(account="0000000000G1", opened_on=20150601, meter=MeterKind.PREPAID, cycle=BillingCycle.TOP_UP,
                  holder_name="买买提·艾力", holder_id="11010519491231002X", address="和平路12号3栋2单元501室",
                  low_income=True),
    ],
    "city_power.roster.xml": [
        RosterRow(account="0012345678", opened_on=20150601, cycle=BillingCycle.BIMONTHLY_ODD, holder_name="买买提·艾力",
                  holder_id="11010519491231002X", address="和平路12号3栋2单元501室", low_income=True),
        RosterRow(account="0012345679", predecessor="0000000001", state=AccountState.SUSPENDED, domestic=False,
                  meter=MeterKind.INDIRECT, holder_name="市第一棉纺厂 <动力科>", address="建设路8号"),
        RosterRow(account="0012345680", state=AccountState.CLOSED, opened_on=20100101, closed_on=20260930,
                  meter=MeterKind.PREPAID, cycle=BillingCycle.TOP_UP, holder_name="𬴂䶮"),
    ],
    # A number where a number was meant to be text, dates of the sheet's and dates as text, merged headings.
    "city_heating.roster.xlsx": [
        RosterRow(account="00001234", opened_on=20150601, holder_name="张三丰", holder_id="11010519491231002X",
                  address="和平路12号3栋2单元501室", heated_dm2=8550, low_income=True),
        RosterRow(account="00001235", state=AccountState.CLOSED, opened_on=20100101, closed_on=20260930,
                  holder_name="买买提·艾力𬴂", address="和平路12号3栋2单元502室", heated_dm2=9000),
    ],
}  # fmt: skip


def read(code: str, content: bytes, size: int = 1 << 20) -> list[ReadAccount]:
    chunks = [content[i : i + size] for i in range(0, len(content), size)]
    return list(COMPANIES[code].roster_reader().read(chunks))


@pytest.mark.parametrize("sample", GOLDEN)
def test_each_roster_says_what_its_golden_file_says(sample: str) -> None:
    found = read(sample.split(".", maxsplit=1)[0], (SAMPLES / sample).read_bytes())
    assert [r.account for r in found] == GOLDEN[sample]
    assert all(r.fault is None for r in found)


@given(size=st.integers(1, 200), code=st.sampled_from(["city_water", "suburb_water", "city_gas"]))
def test_the_cut_of_the_chunks_does_not_matter(size: int, code: str) -> None:
    content = {"city_water": WATER, "suburb_water": SUBURB, "city_gas": GAS}[code]
    assert read(code, content, size) == read(code, content)


@pytest.mark.parametrize(
    ("sample", "rows"),
    [
        ("city_water.aliases.txt", [AliasRow("旧1", "新1", 20261001), AliasRow("新1", "00012345", 20261101)]),
        ("suburb_water.aliases.csv", [AliasRow("006", "007", 20261001)]),
        ("city_gas.aliases.dat", [AliasRow("old1", "new1", 20261001)]),
    ],
)
def test_renumberings_are_read(sample: str, rows: list[AliasRow]) -> None:
    reader = COMPANIES[sample.split(".", maxsplit=1)[0]].alias_reader()
    assert reader
    assert [r.alias for r in reader.read([(SAMPLES / sample).read_bytes()])] == rows


def test_a_bad_renumbering_is_a_fault_of_its_row() -> None:
    reader = COMPANIES["city_water"].alias_reader()
    assert reader
    (bad,) = reader.read(["旧1||20261001\nTRL|1\n".encode("gb18030")])
    assert bad.alias is None
    assert bad.fault
    assert (bad.fault.row, bad.fault.column, bad.fault.code) == (1, "新户号", "MISSING_VALUE")


def test_a_company_may_have_no_renumberings() -> None:
    assert COMPANIES["city_heating"].alias_reader() is None


@pytest.mark.parametrize(
    ("old", "new", "column", "code"),
    [
        ("00012345|", "|", "户号", "MISSING_VALUE"),
        ("00012345|", "=12345|", "户号", "FORMULA_VALUE"),
        ("00012345|", "1" * 41 + "|", "户号", "OUT_OF_RANGE"),
        ("|00000001|", "|＋1|", "原户号", "FORMULA_VALUE"),
        ("正常", "不明", "状态", "UNKNOWN_CODE"),
        ("20150601", "20150631", "开户日", "BAD_DAY"),
        ("20150601", "2015-6-1", "开户日", "BAD_DAY"),
        ("20150601", "２０１５０６０１", "开户日", "BAD_DAY"),
        ("居民|普表", "居民|水表", "表具", "UNKNOWN_CODE"),
        ("买买提", "买\u200b买提", "户名", "FORBIDDEN_CHARACTER"),
        ("买买提", "买" * 101, "户名", "OUT_OF_RANGE"),
        ("|1|202612", "|2|202612", "低保标志", "UNKNOWN_CODE"),
        ("202612", "202613", "低保截止月", "BAD_MONTH"),
        ("|1|202612", "|1", "", "COLUMN_COUNT"),
        ("|1|202612", "|1|202612|", "", "COLUMN_COUNT"),
    ],
)
def test_a_bad_row_is_a_fault_with_row_column_and_code(old: str, new: str, column: str, code: str) -> None:
    content = WATER.decode("gb18030").replace(old, new, 1).encode("gb18030")
    bad, *others = read("city_water", content)
    assert all(r.account for r in others)
    assert bad.account is None
    assert bad.fault
    assert (bad.fault.row, bad.fault.column, bad.fault.code) == (2, column, code)
    assert " / " in bad.fault.text
    assert "买买提" not in str(bad.fault)


@pytest.mark.parametrize(
    ("old", "new", "column", "code"),
    [
        ('"张,三"', '"张,三', "", "UNBALANCED_QUOTES"),
        ('"张,三"', '"张"三', "", "UNBALANCED_QUOTES"),
        ("2015-06-01", "20150601", "开户日期", "BAD_DAY"),
        ("2015-06-01", "2015-06-31", "开户日期", "BAD_DAY"),
    ],
)
def test_a_bad_csv_row_is_a_fault(old: str, new: str, column: str, code: str) -> None:
    bad, good = read("suburb_water", SUBURB.decode().replace(old, new, 1).encode())
    assert good.account
    assert bad.fault
    assert (bad.fault.row, bad.fault.column, bad.fault.code) == (2, column, code)


@pytest.mark.parametrize(
    ("old", "new", "column", "code"),
    [
        (b"D000", b"X000", "记录类型", "RECORD_TYPE"),
        (b"11010519491231002X", b"11010519491231002", "", "LINE_LENGTH"),
        ("买买提".encode("gb18030"), " 买买提".encode("gb18030"), "", "LINE_LENGTH"),
        # The last byte of the name's cell is the first half of a character: 29 bytes and one half.
        ("买买提·艾力".encode("gb18030") + b" " * 18 + b"1", b"a" * 29 + "买".encode("gb18030"),
         "户名", "CUT_CHARACTER"),
        ("居民  ".encode("gb18030"), b"      ", "", ""),
    ],
)  # fmt: skip
def test_fixed_width_counts_bytes(old: bytes, new: bytes, column: str, code: str) -> None:
    assert old in GAS
    (row,) = read("city_gas", GAS.replace(old, new, 1))
    if code:
        assert row.fault
        assert (row.fault.row, row.fault.column, row.fault.code) == (2, column, code)
    else:
        assert row.account
        assert row.account.domestic


HEAD, TAIL = WATER.index(b"\n") + 1, WATER.rindex(b"TRL")


@pytest.mark.parametrize(
    ("code", "content", "fault", "row"),
    [
        pytest.param("city_water", b"", "EMPTY_FILE", 0, id="empty"),
        pytest.param("city_water", WATER[:HEAD], "TRUNCATED", 1, id="header only"),
        pytest.param("city_water", WATER[:TAIL], "TRUNCATED", 4, id="trailer lost"),
        pytest.param("city_water", WATER[: TAIL - 20], "TRUNCATED", 4, id="cut within a row"),
        pytest.param("city_water", WATER.replace(b"TRL|3", b"TRL|4"), "TRAILER_ROWS", 5, id="wrong count"),
        pytest.param("city_water", WATER.replace(b"TRL|3", b"TRL|x"), "BAD_NUMBER", 5, id="no count"),
        pytest.param("city_water", WATER.replace(b"CITYWATER", b"CITYGAS"), "HEADER", 1, id="another company"),
        pytest.param("city_water", WATER.replace(b"20261020", b"20261032"), "HEADER", 1, id="no such day"),
        pytest.param("city_water", WATER.replace(b"0001", b"\xff\xff01", 1), "NOT_GB18030", 2, id="bytes"),
        pytest.param("city_water", WATER.replace(b"0001", b"00\x001", 1), "NUL_BYTE", 0, id="NUL"),
        pytest.param("city_water", WATER[HEAD:], "HEADER", 1, id="no header"),
        pytest.param("suburb_water", SUBURB.decode().encode("gb18030"), "NOT_UTF8", 1, id="not UTF-8"),
        pytest.param("suburb_water", SUBURB.replace("户名".encode(), "名字".encode()), "COLUMN_NAMES", 1, id="names"),
        pytest.param("suburb_water", SUBURB.replace(b",2\r\n", b",3\r\n"), "TRAILER_ROWS", 4, id="wrong sum"),
        pytest.param("suburb_water", SUBURB[: SUBURB.rindex("合计".encode())], "TRUNCATED", 3, id="sum lost"),
        pytest.param("city_gas", GAS.replace(b"T00000001", b"T00000002"), "TRAILER_ROWS", 3, id="gas count"),
        pytest.param("city_gas", GAS.replace(b"T00000001", b"T0000001"), "TRUNCATED", 3, id="gas trailer"),
        pytest.param("city_gas", GAS.replace(b"HCITYGAS ", b"HCITYGAZ "), "HEADER", 1, id="gas header"),
        pytest.param("city_gas", GAS.replace(b"Y\r\n", b"\xff\r\n"), "NOT_GB18030", 2, id="gas bytes"),
    ],
)
def test_a_damaged_roster_is_refused_whole(code: str, content: bytes, fault: str, row: int) -> None:
    with pytest.raises(FileRefused) as caught:
        read(code, content)
    assert (caught.value.fault.code, caught.value.fault.row) == (fault, row)
    assert " / " in caught.value.fault.text


@given(st.binary(max_size=60), st.integers(0, len(WATER)), st.sampled_from(["city_water", "suburb_water", "city_gas"]))
def test_no_bytes_crash_a_reader(noise: bytes, place: int, code: str) -> None:
    content = {"city_water": WATER, "suburb_water": SUBURB, "city_gas": GAS}[code]
    with contextlib.suppress(FileRefused):
        for row in read(code, content[:place] + noise + content[place:]):
            assert (row.account is None) != (row.fault is None)
