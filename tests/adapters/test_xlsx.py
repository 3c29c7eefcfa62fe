"""Tables as sheets: what is written is read back, what other programs write is read exactly or told."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from datetime import time as clock
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.styles import PatternFill
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from openpyxl.worksheet.worksheet import Worksheet
from workbooks import LIST, REPORT, ROSTER, opened, part, read, repacked, workbook, written

from adapters.base import ListHead
from adapters.dialects import xlsx_writing
from adapters.dialects.fault_file import fault_writer
from adapters.dialects.listing import ListDialect
from adapters.dialects.report import ReportDialect
from adapters.dialects.spec import Cell, ListFile
from adapters.dialects.table import Totals
from adapters.dialects.writing import TableWriter
from schemas.faults import Fault, FileRefused
from schemas.lists import Change, ListKind, ListRow
from schemas.reports import Answer, BillKind, Component, ReportRow

DAY = 20261025
SHEET = "xl/worksheets/sheet1.xml"
few = settings(max_examples=30, deadline=None)

# --- what is written is read back

#: What looks like a number, a truth, an error, a date, an escape or markup of sheets; rare characters.
STRANGE = ["00012345", "1e5", "1-2", "TRUE", "#N/A", "_x0041_", "<r>1", "a&b<c>\"'", "𬴂\ue81e龴", "12345678901234567"]
identifiers = st.one_of(
    st.sampled_from(STRANGE),
    st.text(
        st.characters(exclude_categories=["C", "Z"], exclude_characters="=+-@＝＋－＠\ufffc\ufffd"),
        min_size=1,
        max_size=9,
    ),
)
words = st.one_of(st.just(""), identifiers, st.sampled_from(["买买提·艾力", "张 三", "和平路12号3#楼", "=1+1"]))
rows_of = st.lists(
    st.builds(
        ListRow,
        st.from_regex(r"[0-9A-Z]{1,32}", fullmatch=True),
        identifiers,
        st.just("water"),
        st.sampled_from([202512, 202601]),
        st.integers(-(10**12), 10**12),
        st.sampled_from([c.value for c in Change]),
    ),
    max_size=4,
)
accounts_of = st.lists(
    st.fixed_dictionaries(
        {"account": st.from_regex(r"[0-9]{8}", fullmatch=True)},
        optional={
            "predecessor": identifiers,
            "holder_name": identifiers,
            "holder_id": st.sampled_from(["11010519491231002X", "110105194912310021"]),
            "address": st.sampled_from(["和平路12号3#楼", "=1+1", "张 三"]),
            "heated_dm2": st.integers(0, 10**12),
            "opened_on": st.just(20240229),
            "low_income": st.booleans(),
            "low_income_until": st.just(202612),
        },
    ),
    max_size=4,
)


@st.composite
def bills(draw: st.DrawFn) -> tuple[dict[str, Any], ReportRow]:
    """Draw a bill: the values of its cells, and what a reader makes of them."""
    sign = draw(st.sampled_from([1, -1]))
    own = {
        "account": draw(identifiers),
        "bill_id": draw(identifiers),
        "kind": BillKind.BILL if sign > 0 else BillKind.REVERSAL,
        "refers_to": draw(identifiers),
        "issued_on": DAY,
        "waived_milli": sign * draw(st.integers(0, 10**8)),
        "balance_fen": draw(st.integers(0, 10**8)),
        "answer": Answer.APPLIED,
        "answer_text": draw(words),
    }
    basic = {"price_e4": draw(st.integers(0, 10**6)), "waived_fen": sign * draw(st.integers(0, 10**8))}
    part = Component("basic", "", basic["price_e4"], 0, basic["waived_fen"], 0)
    made = ReportRow(**own, month_from=202611, month_to=202611, components=(part,))
    return {**own, **basic, "month": 202611}, made


def rendered(rows: Sequence[ListRow], table: ListFile = LIST) -> bytes:
    head = ListHead("c", 12, ListKind.REGULAR, "2026-11", len(rows), sum(r.quantity_milli for r in rows), "2026-10-25")
    return b"".join(ListDialect("company", table).render(head, rows))


@few
@given(rows_of)
def test_a_list_is_read_back_exactly(rows: list[ListRow]) -> None:
    assert read(LIST, rendered(rows)) == [{k: v for k, v in r._asdict().items() if k != "service"} for r in rows]


@few
@given(accounts_of)
def test_a_roster_is_read_back_exactly(rows: list[dict[str, Any]]) -> None:
    assert read(ROSTER, written(ROSTER, rows, created_on=DAY)) == rows


@few
@given(st.lists(bills(), max_size=4))
def test_a_report_is_read_back_exactly(rows: list[tuple[dict[str, Any], ReportRow]]) -> None:
    content = written(REPORT, [values for values, _ in rows], month=202611, kind="original")
    head, found = ReportDialect("c", REPORT).read([content])
    assert (head.month, [one.report_row for one in found]) == (202611, [row for _, row in rows])


ROWS = [
    ListRow("K7F2Q9", "00012345", "water", 202611, 3000, "NEW"),
    ListRow("B3", "=1+1", "water", 202611, 1500, "KEEP"),
    ListRow("C4", "123456789012345678", "water", 202610, -3000, "MOVE"),
]


def test_the_cut_of_the_chunks_does_not_matter() -> None:
    content = rendered(ROWS)
    for size in (1, 7, 4093):
        assert read(LIST, content, size) == read(LIST, content)


# --- what another program sees of what is written


def test_another_program_finds_texts_as_texts_and_exact_numbers() -> None:
    sheet = opened(rendered(ROWS))
    cells = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert sheet.title == "名单"
    assert cells == [
        ["名单号", 12, "2026年11月", "2026年10月25日", "regular"],
        ["参考号", "户号", "月份", "减免水量", "变更"],
        ["K7F2Q9", "00012345", "2026-11", 3, "NEW"],
        ["B3", "=1+1", "2026-11", 1.5, "KEEP"],
        ["C4", "123456789012345678", "2026-10", -3, "MOVE"],
        ["合计", 3, 1.5, None, None],
    ]
    body = [(row[1].number_format, row[3].data_type, row[3].number_format) for row in sheet.iter_rows(3, 5)]
    assert body == [("@", "n", "0.000")] * 3
    assert sheet.freeze_panes == "A3"
    assert sheet["A2"].font.b
    assert b"<f>" not in part(rendered(ROWS), SHEET)


def test_title_groups_and_totals_stand_above_the_rows() -> None:
    sheet = opened(written(ROSTER, [{"account": "00000001"}], created_on=DAY))
    cells = [[cell.value for cell in row][:7] for row in sheet.iter_rows()]
    assert cells == [
        ["用户档案", *[None] * 6],
        ["制表日期", "2026-10-25", *[None] * 5],
        ["合计", 1, *[None] * 5],
        ["用户", None, None, None, "住房", None, None],
        ["户号", "原户号", "户名", "证件号码", "地址", "面积", "开户日"],
        ["00000001", *[None] * 6],
    ]
    assert sorted(map(str, sheet.merged_cells.ranges)) == ["A1:J1", "A4:D4", "E4:F4"]


@pytest.mark.parametrize("quantity", [999_999_999_999_999, 1_000_000_000_000_000, -999_999_999_999_999, 1, 0])
def test_a_number_that_a_sheet_cannot_hold_exactly_stays_a_text(quantity: int) -> None:
    content = written(REPORT, [{"account": "1", "waived_milli": quantity}], month=202611, kind="original")
    cell = opened(content)["G3"]
    assert (cell.data_type, int(cell.value)) == ("s" if abs(quantity) >= 10**15 else "n", quantity)


def test_the_same_list_gives_the_same_bytes_in_every_zone_and_at_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    first = rendered(ROWS)
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    time.tzset()
    try:
        time.sleep(1.1)  # the clock of a workbook counts seconds
        assert rendered(ROWS) == first
    finally:
        monkeypatch.undo()
        time.tzset()
    assert b"2026-10-25T00:00:00Z" in part(first, "docProps/core.xml")
    assert b"1980-01-01T00:00:00Z" in part(written(REPORT, [], month=202611, kind="original"), "docProps/core.xml")


def test_libreoffice_sees_the_same(tmp_path: Path) -> None:
    office = shutil.which("soffice")
    if office is None:
        pytest.skip("LibreOffice is not installed: apt-get install libreoffice-calc")
    (tmp_path / "list.xlsx").write_bytes(rendered(ROWS))
    csv_of = ["--headless", "--convert-to", "csv:Text - txt - csv (StarCalc):44,34,76", "--outdir", tmp_path]
    home = f"-env:UserInstallation=file://{tmp_path}/office"
    subprocess.run([office, home, *csv_of, tmp_path / "list.xlsx"], check=True, timeout=120)
    lines = list(csv.reader(io.StringIO((tmp_path / "list.csv").read_text())))
    assert lines[2:5] == [
        ["K7F2Q9", "00012345", "2026-11", "3.000", "NEW"],
        ["B3", "=1+1", "2026-11", "1.500", "KEEP"],
        ["C4", "123456789012345678", "2026-10", "-3.000", "MOVE"],
    ]


# --- while it is being written


def test_the_folder_of_a_sheet_is_private_and_gone_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(xlsx_writing, "CHUNK_BYTES", 1000)
    for chunks in (1, 10_000):
        writing = TableWriter(LIST).form.writing()
        writing.opening(["名单号", "1", "2026年11月", "", ""], None)
        writing.line(["R", "1", "2026-11", "1.000", "NEW"])
        assert list(tmp_path.iterdir()) == []
        closing = writing.closing(["合计", "1", "1.000"])
        first = next(closing)
        (folder,) = tmp_path.iterdir()
        assert (folder.stat().st_mode & 0o777, len(first)) == (0o700, 1000)
        list(islice(closing, chunks))
        del closing
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["1\n2", "1\r2", "1\x002", "1\x1f2", "\ud800", "\uffff", "<r>x</r>", "字" * 32_768])
def test_what_a_sheet_cannot_hold_is_refused_with_row_and_column(text: str) -> None:
    with pytest.raises(FileRefused) as caught:
        rendered([ROWS[0], ListRow("X", text, "water", 202611, 3000, "NEW")])
    fault = caught.value.fault
    assert (fault.row, fault.column, fault.code) == (2, "户号", "UNWRITABLE")
    assert text not in str(caught.value)


def test_the_longest_text_is_written_by_either_road() -> None:
    row = ROWS[0]._replace(account="字" * 32_767)
    assert read(LIST, rendered([row]))[0]["account"] == row.account


def test_more_rows_than_a_sheet_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx_writing, "SHEET_ROWS", 6)
    assert len(read(LIST, rendered(ROWS))) == 3
    with pytest.raises(FileRefused, match="SHEET_FULL"):
        rendered([*ROWS, ROWS[0]])


def test_faults_of_a_sheet_are_a_sheet() -> None:
    writer = fault_writer(LIST)
    faults = [Fault(0, "", "TRUNCATED", "截断 / cut"), Fault(12, "户号", "WIDTH", "=位数 / width")]
    cells = [[cell.value for cell in row] for row in opened(b"".join(writer.render(faults))).iter_rows()]
    assert writer.suffix == ".faults.xlsx"
    assert cells[0] == ["行号", "列名", "代码", "原因与办法"]
    assert cells[1:] == [[0, None, "TRUNCATED", "截断 / cut"], [12, "户号", "WIDTH", "=位数 / width"]]


# --- what other programs write

HEAD = [
    ["用户档案"],
    ["制表日期", date(2026, 10, 25)],
    ["合计", 3],
    ["用户", None, None, None, "住房", None, "开户日", "低保户", "截止月", "备注"],
    ["户号", "原户号", "户名", "证件号码", "地址", "面积"],
]


def merged(sheet: Worksheet) -> None:
    for cells in ("A1:J1", "A4:D4", "E4:F4", "G4:G5", "H4:H5", "I4:I5", "J4:J5"):
        sheet.merge_cells(cells)


def roster(*rows: Sequence[Any], count: Any = None, head: Sequence[Sequence[Any]] = HEAD) -> bytes:
    """Return a roster as a company's clerk makes it."""
    total = ["合计", len(rows) if count is None else count]
    return workbook([*head[:2], total, *head[3:], *rows], merged)


def test_a_roster_of_another_program_is_read_as_it_was_meant() -> None:
    content = roster(
        [
            12345,
            "007",
            "张三丰",
            "11010519491231002X",
            "和平路1号",
            85.5,
            date(2015, 6, 1),
            1,
            date(2026, 12, 1),
            "#N/A",
        ],
        ["00000002", None, 110, None, 12.5, "90.00", datetime(2015, 6, 1), False, "2027年1月", clock(8, 30)],
        ["3".zfill(8), "", "", "", "", 90, "2015/6/1", "FALSE", "2027年01月", "anything"],
    )
    assert read(ROSTER, content) == [
        {"account": "00012345", "predecessor": "007", "holder_name": "张三丰", "holder_id": "11010519491231002X",
         "address": "和平路1号", "heated_dm2": 8550, "opened_on": 20150601, "low_income": True,
         "low_income_until": 202612},
        {"account": "00000002", "holder_name": "110", "address": "12.5", "heated_dm2": 9000, "opened_on": 20150601,
         "low_income": False, "low_income_until": 202701},
        {"account": "00000003", "heated_dm2": 9000, "opened_on": 20150601, "low_income": False,
         "low_income_until": 202701},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("place", "value", "column", "code"),
    [
        (0, 123456789, "户号", "WIDTH"),
        (0, 1.5, "户号", "NUMBER_FOR_TEXT"),
        (0, -1, "户号", "NUMBER_FOR_TEXT"),
        (0, True, "户号", "NUMBER_FOR_TEXT"),
        (0, date(2026, 3, 2), "户号", "DATE_FOR_TEXT"),
        (1, 7, "原户号", "NUMBER_FOR_TEXT"),
        (2, 1e15, "户名", "NUMBER_FOR_TEXT"),
        (3, 110105194912310021, "证件号码", "NUMBER_FOR_TEXT"),
        (3, 110105491231002, "证件号码", "NUMBER_FOR_TEXT"),
        (4, date(2026, 3, 2), "地址", "DATE_FOR_TEXT"),
        (4, clock(3, 2), "地址", "DATE_FOR_TEXT"),
        (4, "第一行\n第二行", "地址", "FORBIDDEN_CHARACTER"),
        (5, 85.505, "面积", "BAD_NUMBER"),
        (5, 1e-7, "面积", "BAD_NUMBER"),
        (5, 1e20, "面积", "BAD_NUMBER"),
        (5, "1,085.50", "面积", "BAD_NUMBER"),
        (5, True, "面积", "BAD_NUMBER"),
        (5, date(2026, 3, 2), "面积", "DATE_FOR_TEXT"),
        (6, 42156, "开户日", "NUMBER_FOR_DATE"),
        (6, datetime(2015, 6, 1, 8, 30), "开户日", "TIME_OF_DAY"),
        (6, clock(8, 30), "开户日", "TIME_OF_DAY"),
        (6, timedelta(hours=30), "开户日", "TIME_OF_DAY"),
        (6, "2015-06-01", "开户日", "BAD_DAY"),
        (7, 2, "低保户", "UNKNOWN_CODE"),
        (8, 202612, "截止月", "NUMBER_FOR_DATE"),
        (8, date(2026, 12, 2), "截止月", "DAY_FOR_MONTH"),
        (0, None, "户号", "MISSING_VALUE"),
        (11, "旁注", "", "COLUMN_COUNT"),
        (2, "#N/A", "户名", "ERROR_VALUE"),
        (5, "=1+1", "面积", "NOT_CALCULATED"),
    ],
)
def test_what_was_not_meant_so_is_a_fault_of_its_row_and_column(place: int, value: Any, column: str, code: str) -> None:
    row: list[Any] = ["00000002", *[None] * 8, "x", None, None]
    row[place] = value
    found = read(ROSTER, roster(["00000001"], row, ["00000003"]))
    assert found == [{"account": "00000001"}, (7, column, code), {"account": "00000003"}]


def test_a_formula_counts_by_the_value_that_was_calculated_last() -> None:
    content = roster(["00000001", None, "A", None, None, "=1+1"])
    for value, area in ((b"<v>85.5</v>", 8550), (b"<v>0.30000000000000004</v>", 30), (b"<v>0.305</v>", None)):
        calculated = part(content, SHEET).replace(b"<v></v>", value).replace(b"<v />", value)
        (found,) = read(ROSTER, repacked(content, {SHEET: calculated}))
        wanted = {"account": "00000001", "holder_name": "A", "heated_dm2": area}
        assert found == (wanted if area else (6, "面积", "BAD_NUMBER"))


def test_a_formula_may_give_an_empty_text() -> None:
    content = roster(["00000001", None, "=1"])
    emptied = part(content, SHEET).replace(b'<c r="C6">', b'<c r="C6" t="str">')
    assert emptied != part(content, SHEET)
    assert read(ROSTER, repacked(content, {SHEET: emptied})) == [{"account": "00000001"}]


def test_days_may_be_counted_from_1904() -> None:
    def of_old(sheet: Worksheet) -> None:
        merged(sheet)
        assert sheet.parent
        sheet.parent.epoch = CALENDAR_MAC_1904

    content = workbook([*HEAD[:2], ["合计", 1], *HEAD[3:], ["00000001", *[None] * 5, date(2015, 6, 1)]], of_old)
    assert b"<v>40694</v>" in part(content, SHEET)
    assert read(ROSTER, content) == [{"account": "00000001", "opened_on": 20150601}]


def test_blank_rows_are_skipped_and_rows_keep_their_numbers() -> None:
    def colour(sheet: Worksheet) -> None:
        merged(sheet)
        sheet["C60"].fill = PatternFill("solid", "FFFF00")

    rows = [["00000001"], [], [None], ["x"], [], []]
    content = workbook([*HEAD[:2], [], ["合计", 2], *HEAD[3:], *rows], lambda _: None)
    assert read(ROSTER, content) == [{"account": "00000001"}, (10, "户号", "WIDTH")]
    assert read(ROSTER, workbook([*HEAD[:2], ["合计", 1], *HEAD[3:], ["00000001"]], colour)) == [
        {"account": "00000001"}
    ]


def test_a_title_may_be_missing_and_the_first_column_be_empty() -> None:
    assert read(ROSTER, workbook([HEAD[1], ["合计", 1], *HEAD[3:], ["00000001"]])) == [{"account": "00000001"}]
    bare = {"sheet": "", "header": (), "trailer": (), "columns": (Cell(), *LIST.columns)}
    table = LIST.model_copy(update=bare)
    rows = [[None, *[cell.name for cell in LIST.columns]], [None, "R", "1", "2026-11", 1, "NEW"]]
    assert [row["account"] for row in read(table, workbook(rows))] == ["1"]


def test_hidden_rows_and_columns_count() -> None:
    def hide(sheet: Worksheet) -> None:
        merged(sheet)
        sheet.row_dimensions[6].hidden = True
        sheet.column_dimensions["C"].hidden = True

    content = workbook([*HEAD[:2], ["合计", 1], *HEAD[3:], ["00000001", None, "A"]], hide)
    assert read(ROSTER, content) == [{"account": "00000001", "holder_name": "A"}]


def test_the_agreed_sheet_is_read_or_the_first_to_be_seen() -> None:
    def more(sheet: Worksheet) -> None:
        merged(sheet)
        assert sheet.parent
        hidden, wide = sheet.parent.create_sheet("旧", 0), sheet.parent.create_sheet("宽")
        hidden.sheet_state = "hidden"
        wide["ZZ99999"] = "#N/A"
        sheet.parent.create_chartsheet("图", 0)
        sheet.parent.active = 2

    content = workbook([*HEAD[:2], ["合计", 1], *HEAD[3:], ["00000001"]], more)
    assert read(ROSTER, content) == [{"account": "00000001"}]
    for name in ("旧", "图", "无"):
        with pytest.raises(FileRefused, match="HEADER" if name == "旧" else "NO_SUCH_SHEET"):
            read(ROSTER.model_copy(update={"sheet": name}), content)


@pytest.mark.parametrize(
    ("rows", "code", "row", "column"),
    [
        pytest.param([], "HEADER", 1, "", id="nothing"),
        pytest.param(HEAD[:1], "HEADER", 1, "", id="a title alone"),
        pytest.param([["别的表"], *HEAD[1:]], "HEADER", 1, "", id="another title"),
        pytest.param([HEAD[0], ["制表日期", "2026-13-01"], *HEAD[2:]], "HEADER", 2, "制表日期", id="no such day"),
        pytest.param([HEAD[0], ["制表日期", 46320], *HEAD[2:]], "HEADER", 2, "制表日期", id="a number for a day"),
        pytest.param(HEAD[:3], "COLUMN_NAMES", 5, "户号", id="no names"),
        pytest.param([*HEAD[:4], ["户号", "户名"]], "COLUMN_NAMES", 5, "原户号", id="other names"),
        pytest.param([*HEAD[:3], ["住房", *HEAD[3][1:]], HEAD[4]], "COLUMN_NAMES", 5, "户号", id="another group"),
        pytest.param([*HEAD[:3], [*HEAD[3], None, "更多"], HEAD[4]], "COLUMN_NAMES", 5, "", id="one name more"),
        pytest.param([*HEAD[:2], HEAD[3], HEAD[4]], "COLUMN_NAMES", 5, "户号", id="no totals"),
        pytest.param(HEAD, "TRAILER_ROWS", 3, "户数", id="another total"),
        pytest.param([*HEAD[:2], ["共计", 0], *HEAD[3:]], "TRUNCATED", 3, "", id="not the totals"),
    ],
)
def test_a_sheet_that_is_not_as_agreed_is_refused(rows: list[Any], code: str, row: int, column: str) -> None:
    with pytest.raises(FileRefused) as caught:
        read(ROSTER, workbook(rows))
    assert (caught.value.fault.code, caught.value.fault.row, caught.value.fault.column) == (code, row, column)


@pytest.mark.parametrize(("kept", "row"), [(5, 5), (2, 3)])
def test_a_sheet_without_its_last_line_is_cut_short(kept: int, row: int) -> None:
    rows = [[cell.value for cell in one] for one in opened(rendered(ROWS)).iter_rows()]
    with pytest.raises(FileRefused, match="TRUNCATED") as caught:
        read(LIST, workbook(rows[:kept], lambda sheet: setattr(sheet, "title", "名单")))
    assert caught.value.fault.row == row


# --- both roads of reading a report


def changed(sheet: Worksheet, places: Sequence[int], junk: Sequence[Any]) -> None:
    for place, value in zip(places, junk, strict=False):
        row, column = divmod(place, 13)
        sheet.cell(3 + row, 1 + column).value = value


junk_of = st.sampled_from([None, "", 0, 7, 0.5, -1, True, "7", " 7", date(2026, 11, 1), clock(1), "#N/A", "=1", "已减"])


@few
@given(st.lists(st.integers(0, 38), max_size=3), st.lists(junk_of, min_size=3, max_size=3))
def test_the_quick_road_gives_what_the_careful_road_gives(places: list[int], junk: list[Any]) -> None:
    row = ["1", "B1", "BILL", "", "2026-10-25", date(2026, 11, 1), 3000, 2.2, 6.6, 0, "已减", ""]
    lines = [["回盘", "2026-11", "original"], [cell.name for cell in REPORT.columns], row, row, row]
    content = workbook([*lines, ["合计", 3, 9000, 19.8]], lambda sheet: changed(sheet, places, junk))
    own = ReportDialect("c", REPORT)
    batch = list(islice(own._reader.open([content]).rows, 1000))
    quick, careful = Totals("quantity_milli", "amount_fen"), Totals("quantity_milli", "amount_fen")
    found, wanted = own._quick(batch, quick), list(own._careful(batch, careful))
    assert found is None or (found, quick.known()) == (wanted, careful.known())
    assert places or found


def test_a_number_for_an_unagreed_answer_is_kept_as_its_digits() -> None:
    row = ["1", "B1", "BILL", "", "2026-10-25", date(2026, 11, 1), 3000, 2.2, 6.6, 0]
    lines = [["回盘", "2026-11", "original"], [cell.name for cell in REPORT.columns], [*row, 0], [*row, 99]]
    found = list(ReportDialect("c", REPORT).read([workbook([*lines, ["合计", 2, 6000, 13.2]])])[1])
    said = [(one.report_row.answer, one.report_row.answer_text) for one in found if one.report_row]
    assert said == [(Answer.NOT_FOUND, ""), (Answer.UNKNOWN, "99")]
