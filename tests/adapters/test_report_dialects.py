"""Reports in the companies' own dialects: golden files, every fault with its place, damaged files."""

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from report_files import COMPANIES, GAS, OWN, SAMPLES, SUBURB, WATER, read, rows_of

from adapters.dialects import report
from schemas.faults import FileRefused
from schemas.reports import Answer, BillKind, Component, ReportHead, ReportKind, ReportRow
from schemas.values import MONTHLY


def basic(version: str, price_e4: int, before: int, waived: int, after: int) -> Component:
    return Component("basic", version, price_e4, before, waived, after)


def sewage(before: int, waived: int, after: int) -> Component:
    return Component("sewage", "", 9500, before, waived, after)


GOLDEN = {
    "city_water.report.txt": (
        ReportHead(company="city_water", kind=ReportKind.ORIGINAL, month=202611, edition=1, created_on=20261203),
        [
            # Two months on one bill, at two meter readings.
            ReportRow(list_number=12, reference="K7F2Q9", account="00012345", bill_id="WB202611000123",
                      issued_on=20261105, month_from=202610, month_to=202611, reading_from_milli=1203000,
                      reading_to_milli=1210000, billable_milli=7000, waived_milli=6000,
                      components=(basic("2019A", 22000, 1540, 1320, 220), sewage(665, 0, 665)), answer=Answer.APPLIED),
            # No bill, with the company's own words; a character of four bytes.
            ReportRow(list_number=12, reference="M3R8T1", account="00012352", kind=BillKind.NONE, issued_on=20261128,
                      month_from=202611, month_to=202611, answer=Answer.NOT_FOUND, answer_text="户名𬴂不符"),
            # A reversal: everything below nought, and what stands in its place, with a meter that began anew.
            ReportRow(list_number=12, reference="P5X0A2", account="00012360", bill_id="WB202611000124",
                      kind=BillKind.REVERSAL, refers_to="WB202610000098", issued_on=20261109, month_from=202610,
                      month_to=202610, estimated=True, billable_milli=-5000, waived_milli=-3000,
                      components=(basic("2019A", 22000, -1100, -660, -440), sewage(-475, 0, -475)),
                      answer=Answer.REVERSED),
            ReportRow(list_number=12, reference="P5X0A2", account="00012360", bill_id="WB202611000125",
                      kind=BillKind.REBILL, refers_to="WB202610000098", issued_on=20261109, month_from=202610,
                      month_to=202610, reading_from_milli=99998000, reading_to_milli=3000, billable_milli=5000,
                      waived_milli=3000, components=(basic("2019A", 22000, 1100, 660, 440), sewage(475, 0, 475)),
                      answer=Answer.CORRECTED, answer_text="换表"),
            # A code that is not agreed stands for itself, in place of the words.
            ReportRow(list_number=12, reference="Q1Z9B4", account="00012361", bill_id="WB202611000126",
                      issued_on=20261110, month_from=202611, month_to=202611, reading_from_milli=88000,
                      reading_to_milli=90500, estimated=True, billable_milli=2500, waived_milli=2500,
                      components=(basic("2019A", 22000, 550, 550, 0), sewage(238, 100, 138)),
                      answer=Answer.UNKNOWN, answer_text="77"),
            # A credit of an account that no list named, without sewage.
            ReportRow(account="00012399", bill_id="WB202611000127", kind=BillKind.RETRO, refers_to="WB202609000055",
                      issued_on=20261112, month_from=202609, month_to=202609, billable_milli=4000, waived_milli=3000,
                      components=(basic("", 22000, 880, 660, 220),), balance_fen=125, answer=Answer.APPLIED),
        ],
    ),
    "suburb_water.report.csv": (
        ReportHead(company="suburb_water", kind=ReportKind.REPLACE, month=202611, edition=2, created_on=20261204),
        [
            ReportRow(list_number=7, reference="K7F2Q9", account="0000123", bill_id="GS2026110042", issued_on=20261108,
                      month_from=202611, month_to=202611, billable_milli=5000, waived_milli=3000,
                      components=(basic("2020S", 18500, 925, 555, 370),), answer=Answer.APPLIED),
            ReportRow(list_number=7, reference="B3", account="0,124", bill_id="GS2026110043", issued_on=20261108,
                      month_from=202611, month_to=202611, billable_milli=2000, waived_milli=2000,
                      components=(basic("2020S", 18500, 370, 370, 0),), answer=Answer.APPLIED_LT_CAP),
            ReportRow(list_number=7, reference="C4", account="0000125", kind=BillKind.NONE, issued_on=20261130,
                      month_from=202611, month_to=202611, answer=Answer.UNKNOWN, answer_text="已转科室"),
        ],
    ),
    "county_gas.report.dat": (
        ReportHead(company="county_gas", kind=ReportKind.SUPPLEMENT, month=202611, edition=3, created_on=20261205),
        [
            ReportRow(list_number=12, reference="K7F2Q9", account="0000000000G1", bill_id="G2611-0001",
                      kind=BillKind.TOP_UP, issued_on=20261103, month_from=202611, month_to=202611,
                      billable_milli=10000, waived_milli=3000, annual_before_milli=358000,
                      components=(basic("2026G", 26350, 2686, 791, 1895),), answer=Answer.APPLIED),
            # Blanks where numbers stand otherwise: nothing is said.
            ReportRow(list_number=12, reference="B3", account="0000000000G2", kind=BillKind.NONE, issued_on=20261130,
                      month_from=202611, month_to=202611, answer=Answer.PREPAID_NO_PURCHASE),
            ReportRow(list_number=12, reference="C4", account="0000000000G3", bill_id="G2611-0003",
                      kind=BillKind.ACTUAL, refers_to="G2610-0009", issued_on=20261115, month_from=202610,
                      month_to=202610, billable_milli=-2000, waived_milli=-1000, annual_before_milli=12000,
                      components=(basic("2021G", 26300, -526, -263, -263),), answer=Answer.UNKNOWN,
                      answer_text="W9"),
        ],
    ),
}  # fmt: skip

# The city's gas company says the same in JSON.
_HEAD, _ROWS = GOLDEN["county_gas.report.dat"]
GOLDEN["city_gas.report.json"] = (structs.replace(_HEAD, company="city_gas"), _ROWS)


@pytest.mark.parametrize("sample", GOLDEN)
def test_each_report_says_what_its_golden_file_says(sample: str) -> None:
    head, rows = read(sample.split(".", maxsplit=1)[0], (SAMPLES / sample).read_bytes())
    assert head == GOLDEN[sample][0]
    assert [r.report_row for r in rows] == GOLDEN[sample][1]
    assert all(r.fault is None for r in rows)


def test_every_company_with_a_monthly_service_reports() -> None:
    monthly = {code for code, company in COMPANIES.items() if set(MONTHLY).intersection(company.services)}
    assert {code for code, company in COMPANIES.items() if company.report_reader()} == monthly


def test_the_citys_waterworks_can_give_every_answer() -> None:
    line = WATER.decode("gb18030").splitlines()[1]
    rows = [line.replace("|00|", f"|{code}|") for code in (f"{i:02}" for i in range(100))]
    file = ["HDR|CITYWATER|202611|O|1|20261203", *rows, "TRL|100|600.000|1320.00"]
    read = rows_of("city_water", "\n".join(file).encode("gb18030"))
    assert {r.report_row.answer for r in read if r.report_row} == set(Answer)


@pytest.mark.parametrize("code", OWN)
@given(size=st.integers(1, 200))
def test_the_cut_of_the_chunks_does_not_matter(code: str, size: int) -> None:
    assert read(code, OWN[code], size) == read(code, OWN[code])


FIRST = WATER.decode("gb18030").splitlines()[1]


def fault_of(old: str, new: str) -> tuple[str, str]:
    """Change the first row, and return column and code of its fault. All others must stay."""
    assert old in FIRST
    row, change = FIRST.replace(old, new, 1).encode("gb18030"), FIRST.encode("gb18030")
    bad, *others = rows_of("city_water", WATER.replace(change, row))
    assert all(r.report_row for r in others)
    assert (bad.report_row, len(others)) == (None, 5)
    assert bad.fault
    assert bad.fault.row == 2
    assert re.search("[一-龥].* / .*[a-z]", bad.fault.text)
    return bad.fault.column, bad.fault.code


@pytest.mark.parametrize(
    ("old", "new", "column", "code"),
    [
        ("12|K", "1x|K", "名单号", "BAD_NUMBER"),
        ("12|K", "1234567890|K", "名单号", "OUT_OF_RANGE"),
        ("|K7F2Q9|", "|@7F2Q9|", "参考号", "FORMULA_VALUE"),
        ("|K7F2Q9|", "|" + "K" * 41 + "|", "参考号", "OUT_OF_RANGE"),
        ("|00012345|", "||", "户号", "MISSING_VALUE"),
        ("|00012345|", "| |", "户号", "OUT_OF_RANGE"),
        ("|00012345|", "|=2345|", "户号", "FORMULA_VALUE"),
        ("|00012345|", "|0001\u200b2345|", "户号", "FORBIDDEN_CHARACTER"),
        ("|00012345|", "|" + "1" * 41 + "|", "户号", "OUT_OF_RANGE"),
        ("|WB202611000123|", "||", "账单号", "MISSING_VALUE"),
        ("|WB202611000123|", "|" + "B" * 61 + "|", "账单号", "OUT_OF_RANGE"),
        ("|WB202611000123|", "|+B2|", "账单号", "FORMULA_VALUE"),
        ("|正常|", "|平常|", "账单类型", "UNKNOWN_CODE"),
        ("|正常|", "||", "账单类型", "MISSING_VALUE"),
        ("|正常||", "|冲正||", "原账单号", "MISSING_VALUE"),
        ("|正常||", "|实抄||", "原账单号", "MISSING_VALUE"),
        ("WB202611000123|正常|", "|无账单|", "计费水量", "FIGURES_WITHOUT_BILL"),
        ("20261105", "20261131", "开单日", "BAD_DAY"),
        ("20261105", "", "开单日", "MISSING_VALUE"),
        ("20261105", "00010101", "开单日", "OUT_OF_RANGE"),
        ("|202610|", "|202613|", "起月", "BAD_MONTH"),
        ("|202610|", "||", "起月", "MISSING_VALUE"),
        ("|202610|202611|", "|202610||", "止月", "MISSING_VALUE"),
        ("|202610|", "|000010|", "起月", "OUT_OF_RANGE"),
        ("|202610|202611|", "|202611|202610|", "止月", "MONTHS_REVERSED"),
        ("|202610|202611|", "|202411|202611|", "止月", "TOO_MANY_MONTHS"),
        ("|1203.000|", "|1203,000|", "上次读数", "BAD_NUMBER"),
        ("|1210.000|", "|1000000.001|", "本次读数", "OUT_OF_RANGE"),
        ("|N|", "|X|", "估抄", "UNKNOWN_CODE"),
        ("|7.000|", "|7.0001|", "计费水量", "BAD_NUMBER"),
        ("|7.000|", "|1000000.001|", "计费水量", "OUT_OF_RANGE"),
        ("|7.000|", "|-7.000|", "计费水量", "NEGATIVE"),
        ("|6.000|", "||", "减免水量", "MISSING_VALUE"),
        ("|6.000|", "|-6.000|", "减免水量", "NEGATIVE"),
        ("|2019A|", "|=2019A|", "价格版本", "FORMULA_VALUE"),
        ("|2019A|", "|" + "A" * 41 + "|", "价格版本", "OUT_OF_RANGE"),
        ("|2.2000|", "|2.20001|", "水价", "BAD_NUMBER"),
        ("|2.2000|", "|-2.2000|", "水价", "OUT_OF_RANGE"),
        ("|15.40|", "|15.401|", "减前水费", "BAD_NUMBER"),
        ("|15.40|", "|1000000000.01|", "减前水费", "OUT_OF_RANGE"),
        ("|15.40|", "|-15.40|", "减前水费", "NEGATIVE"),
        ("|13.20|", "|13.205|", "减免水费", "BAD_NUMBER"),
        ("|13.20|", "|-13.20|", "减免水费", "NEGATIVE"),
        ("|2.20|0.9500|", "|-1000000000.01|0.9500|", "减后水费", "OUT_OF_RANGE"),
        ("|0.9500|", "|x|", "污水处理单价", "BAD_NUMBER"),
        ("|6.65|0.00|", "|-6.65|0.00|", "减前污水费", "NEGATIVE"),
        ("|0.00|6.65|", "|-0.01|6.65|", "减免污水费", "NEGATIVE"),
        ("|0.00|00|", "|-0.01|00|", "补减余额", "NEGATIVE"),
        ("|00|", "||", "结果码", "MISSING_VALUE"),
        ("|00|", "| |", "结果码", "MISSING_VALUE"),
        ("|00|", "|0\u202e0|", "结果码", "FORBIDDEN_CHARACTER"),
        ("|00|", "|00|\u200b", "说明", "FORBIDDEN_CHARACTER"),
        ("|00|", "|00||", "", "COLUMN_COUNT"),
    ],
)
def test_a_bad_row_is_a_fault_with_column_and_code(old: str, new: str, column: str, code: str) -> None:
    assert fault_of(old, new) == (column, code)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("|2.20|0.9500|", "|-2.20|0.9500|", "components"),  # more waived than charged: judged, not turned away
        ("|1203.000|1210.000|", "|1210.000|1203.000|", "reading_to_milli"),  # a meter that ran over its end
        ("|202610|202611|", "|202412|202611|", "month_from"),  # 24 months, the longest bill
    ],
)
def test_what_is_strange_but_possible_passes(old: str, new: str, said: str) -> None:
    assert old in FIRST
    text = WATER.decode("gb18030").replace(FIRST, FIRST.replace(old, new, 1))
    before, after = (rows_of("city_water", one)[0].report_row for one in (WATER, text.encode("gb18030")))
    assert after
    assert getattr(after, said) != getattr(before, said)


def test_words_and_codes_are_cut_at_200_characters() -> None:
    for row in (FIRST[:-3] + "00|" + "字" * 201, FIRST[:-3] + "码" * 201 + "|"):
        (found, *_) = rows_of("city_water", WATER.decode("gb18030").replace(FIRST, row).encode("gb18030"))
        assert found.report_row
        assert found.report_row.answer_text == row.strip("|").rpartition("|")[2][:200]


@pytest.mark.parametrize(
    ("old", "new", "column", "code"),
    [
        (",2026-11,5.000", ",,5.000", "月份", "MISSING_VALUE"),
        (",2026-11,5.000", ",2026-13,5.000", "月份", "BAD_MONTH"),
        (",2026-11,5.000", ",202611,5.000", "月份", "BAD_MONTH"),
        ("2026-11-08", "2026-11-31", "开单日期", "BAD_DAY"),
        ("0000123", '"0000123', "", "UNBALANCED_QUOTES"),
        (",5.55,", ",5.555,", "减免金额", "BAD_NUMBER"),
    ],
)
def test_a_bad_csv_row_is_a_fault(old: str, new: str, column: str, code: str) -> None:
    assert old in SUBURB.decode()
    bad, *others = rows_of("suburb_water", SUBURB.decode().replace(old, new, 1).encode())
    assert all(r.report_row for r in others)
    assert bad.fault
    assert (bad.fault.row, bad.fault.column, bad.fault.code) == (3, column, code)


@pytest.mark.parametrize(
    ("old", "new", "column", "code"),
    [
        (b"D000012K", b"X000012K", "记录类型", "RECORD_TYPE"),
        (b"+000002686", b"+00002686 ", "减前金额", "BAD_NUMBER"),
        (b"+000002686", b"+0000026.6", "减前金额", "BAD_NUMBER"),
        (b"+000003000", b" " * 10, "减免气量", "MISSING_VALUE"),
        (b"+000003000", b"+00003000", "", "LINE_LENGTH"),
        ("充值  ".encode("gb18030"), b"x" + "充值".encode("gb18030") + b"\xb2", "账单类型", "CUT_CHARACTER"),
    ],
)
def test_a_bad_record_is_a_fault(old: bytes, new: bytes, column: str, code: str) -> None:
    assert old in GAS
    if code == "CUT_CHARACTER":  # the second half of the character is the next cell's first byte
        old, new = old + b" ", new + b"\xb9"
    bad, *others = rows_of("county_gas", GAS.replace(old, new, 1))
    assert all(r.report_row for r in others)
    assert bad.fault
    assert (bad.fault.row, bad.fault.column, bad.fault.code) == (2, column, code)


END = WATER.rindex(b"TRL")


@pytest.mark.parametrize(
    ("code", "content", "fault", "row", "column"),
    [
        pytest.param("city_water", b"", "EMPTY_FILE", 0, "", id="empty"),
        pytest.param("city_water", b"\xef\xbb\xbf", "HEADER", 1, "", id="a byte mark alone"),
        pytest.param("city_water", WATER[:END], "TRUNCATED", 7, "", id="trailer lost"),
        pytest.param("city_water", WATER[: END - 9], "TRUNCATED", 7, "", id="cut within a row"),
        pytest.param("city_water", WATER.replace(b"TRL|6|", b"TRL|7|"), "TRAILER_ROWS", 8, "行数", id="count"),
        pytest.param("city_water", WATER.replace(b"|11.500|", b"|11.501|"), "TRAILER_SUM", 8, "总减免水量", id="sum"),
        pytest.param("city_water", WATER.replace(b"|26.30", b"|25.30"), "TRAILER_SUM", 8, "总减免金额", id="amount"),
        pytest.param("city_water", WATER.replace(b"|26.30", b"|26.301"), "BAD_NUMBER", 8, "总减免金额", id="a part"),
        pytest.param("city_water", WATER.replace(b"CITYWATER", b"CITYGAS"), "HEADER", 1, "", id="another company"),
        pytest.param("city_water", WATER.replace(b"|202611|O", b"|202613|O"), "HEADER", 1, "回盘月", id="month 13"),
        pytest.param("city_water", WATER.replace(b"|202611|O", b"|000011|O"), "HEADER", 1, "回盘月", id="year 0"),
        pytest.param("city_water", WATER.replace(b"|O|", b"|X|"), "HEADER", 1, "类别", id="kind"),
        pytest.param("city_water", WATER.replace(b"|O|1|", b"|O|0|"), "HEADER", 1, "版次", id="edition 0"),
        pytest.param("city_water", WATER.replace(b"|O|1|", b"|O|10000|"), "HEADER", 1, "版次", id="edition 10000"),
        pytest.param("city_water", WATER.replace(b"20261203", b"20261232"), "HEADER", 1, "制作日", id="no such day"),
        pytest.param("city_water", WATER.replace("正".encode("gb18030"), b"\xff"), "NOT_GB18030", 2, "", id="bytes"),
        pytest.param("city_water", WATER.replace(b"WB", b"W\0", 1), "NUL_BYTE", 0, "", id="NUL"),
        pytest.param("city_water", b"HDR|CITYWATER|202611|O|1|20261203\nTRL|0|1.000|0.00\n", "TRAILER_SUM", 2,
                     "总减免水量", id="a sum of no rows"),
        pytest.param("suburb_water", SUBURB.decode("utf-8-sig").encode("gb18030"), "NOT_UTF8", 1, "", id="GB18030"),
        pytest.param("suburb_water", SUBURB.replace("账单类别".encode(), "类别".encode()), "COLUMN_NAMES", 2,
                     "账单类别", id="names"),
        pytest.param("suburb_water", SUBURB.replace(b",3,5.000", b",4,5.000"), "TRAILER_ROWS", 6, "合计", id="lines"),
        pytest.param("suburb_water", SUBURB.replace(b",9.25\r\n", b",9.26\r\n"), "TRAILER_SUM", 6, "减免金额",
                     id="csv amount"),
        pytest.param("suburb_water", SUBURB[: SUBURB.rindex("合计".encode())], "TRUNCATED", 5, "", id="sums lost"),
        pytest.param("county_gas", GAS.replace(b"T00000003", b"T00000002"), "TRAILER_ROWS", 5, "行数", id="gas count"),
        pytest.param("county_gas", GAS.replace(b"2000+0", b"2001+0"), "TRAILER_SUM", 5, "总减免气量", id="gas sum"),
        pytest.param("county_gas", GAS.replace(b"0528\r\n", b"0529\r\n"), "TRAILER_SUM", 5, "总减免金额", id="fen"),
        pytest.param("county_gas", GAS.replace(b"W9\r\n", b"W\xff\r\n"), "NOT_GB18030", 4, "", id="gas bytes"),
        pytest.param("county_gas", WATER, "HEADER", 1, "", id="the waterworks' report"),
        pytest.param("suburb_water", GAS, "HEADER", 1, "", id="the gas company's report"),
    ],
)  # fmt: skip
def test_a_damaged_report_is_refused_whole(code: str, content: bytes, fault: str, row: int, column: str) -> None:
    with pytest.raises(FileRefused) as caught:
        read(code, content)
    found = caught.value.fault
    assert (found.code, found.row, found.column) == (fault, row, column)
    assert re.search("[一-龥].* / .*[a-z]", found.text)


@pytest.mark.parametrize(
    ("old", "new"), [(b"|13.20|", b"|13.2x|"), (b"|13.20|", b"|-13.20|"), (b"|202610|202611|", b"|202611|202610|")]
)
@pytest.mark.parametrize("batch", [1, 256])
def test_a_faulty_row_still_counts_but_sums_are_not_compared(
    old: bytes, new: bytes, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "BATCH_ROWS", batch)
    bad = WATER.replace(old, new, 1).replace(b"|11.500|", b"|99.000|")
    assert [r.fault is None for r in rows_of("city_water", bad)] == [False, *[True] * 5]
    with pytest.raises(FileRefused, match="TRAILER_ROWS"):
        read("city_water", bad.replace(b"TRL|6|", b"TRL|5|"))


def test_of_a_report_in_another_encoding_no_row_passes() -> None:
    assert all(r.fault for r in rows_of("city_water", WATER.decode("gb18030").encode()))


SECRETS = ("K7F2Q9", "00012345", "WB202611000123", "2019A", "1203", "1210")


@pytest.mark.parametrize("place", range(26))
@pytest.mark.parametrize("junk", ["\u200b{}", "={}", "{}.x", "{}" * 30])
def test_no_fault_repeats_what_stands_in_a_cell(place: int, junk: str) -> None:
    cells = FIRST.split("|")
    cells[place] = junk.replace("{}", cells[place] or "Geheim")
    text = WATER.decode("gb18030").replace(FIRST, "|".join(cells))
    with contextlib.suppress(FileRefused):
        for row in rows_of("city_water", text.encode("gb18030")):
            assert not row.fault or not any(secret in str(row.fault) for secret in (*SECRETS, "Geheim"))


@given(st.binary(max_size=60), st.integers(0, 900), st.sampled_from(sorted(OWN)))
def test_no_bytes_crash_a_reader(noise: bytes, place: int, code: str) -> None:
    content = OWN[code]
    with contextlib.suppress(FileRefused):
        for row in rows_of(code, content[:place] + noise + content[place:]):
            assert (row.report_row is None) != (row.fault is None)
