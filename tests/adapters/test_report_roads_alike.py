"""Both roads of reading reports give the same, and what an independent writer writes is read back exactly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_files import COMPANIES, FOLDER, OWN, SUBURB, canonical, read, rows_of

from adapters.base import ReadReportRow
from adapters.dialects import report
from adapters.dialects.canonical_report import EitherReport
from adapters.dialects.report import ReportDialect
from adapters.dialects.table import Totals
from adapters.registry import sandbox_in
from schemas.reports import Answer, BillKind, Component, ReportRow


def dialect(code: str) -> ReportDialect:
    reader = COMPANIES[code].report_reader()
    assert isinstance(reader, EitherReport)
    assert isinstance(reader._own, ReportDialect)
    return reader._own


def both_roads(
    code: str, content: bytes
) -> tuple[list[ReadReportRow] | None, list[ReadReportRow], list[dict[str, int]]]:
    """Read all rows as one batch on either road; with what each has counted."""
    own = dialect(code)
    lines = own._reader.open([content]).rows
    batch = list(islice(lines, 1000))
    quick, careful = Totals("quantity_milli", "amount_fen"), Totals("quantity_milli", "amount_fen")
    found = own._quick(batch, quick)
    return found, list(own._careful(batch, careful)), [quick.known(), careful.known()]


# --- an independent writer: the three forms by hand


def places(value: int, digits: int) -> str:
    sign, text = "-" if value < 0 else "", str(abs(value)).zfill(digits + 1)
    return f"{sign}{text[:-digits]}.{text[-digits:]}"


def month7(month: int) -> str:
    return f"{month // 100}-{month % 100:02}"


KINDS = {
    BillKind.BILL: "正常", BillKind.SUPPLEMENTARY: "补收", BillKind.RETRO: "补减", BillKind.REVERSAL: "冲正",
    BillKind.ACTUAL: "实抄", BillKind.REBILL: "重开",
}  # fmt: skip


def water(rows: Sequence[ReportRow]) -> bytes:
    lines = ["HDR|CITYWATER|202611|S|7|20261203"]
    for r in rows:
        basic, sewage = r.components
        lines.append("|".join([
            str(r.list_number), r.reference, r.account, r.bill_id, KINDS[r.kind], r.refers_to, str(r.issued_on),
            str(r.month_from), str(r.month_to),
            "" if r.reading_from_milli is None else places(r.reading_from_milli, 3),
            "" if r.reading_to_milli is None else places(r.reading_to_milli, 3),
            "Y" if r.estimated else "N", places(r.billable_milli, 3), places(r.waived_milli, 3), basic.price_version,
            places(basic.price_e4, 4), places(basic.charge_before_fen, 2), places(basic.waived_fen, 2),
            places(basic.charge_after_fen, 2), places(sewage.price_e4, 4), places(sewage.charge_before_fen, 2),
            places(sewage.waived_fen, 2), places(sewage.charge_after_fen, 2), places(r.balance_fen, 2),
            "00" if r.answer is Answer.APPLIED else r.answer_text, "" if r.answer is Answer.UNKNOWN else r.answer_text,
        ]))  # fmt: skip
    lines.append(f"TRL|{len(rows)}|{places(milli(rows), 3)}|{places(fen(rows), 2)}")
    return ("\n".join(lines) + "\n").encode("gb18030")


def suburb(rows: Sequence[ReportRow]) -> bytes:
    def quoted(text: str) -> str:
        return '"' + text.replace('"', '""') + '"' if set(text) & set('",') else text

    names = "名单号,参考号,户号,账单号,账单类别,原账单号,开单日期,月份,用水量,减免水量,价格版本,单价"
    lines = ["回盘,2026-11,补充,7,2026-12-03", names + ",应收水费,减免金额,实收水费,结果"]
    for r in rows:
        (basic,) = r.components
        day = f"{r.issued_on // 10000}-{r.issued_on // 100 % 100:02}-{r.issued_on % 100:02}"
        lines.append(",".join([
            str(r.list_number), r.reference, quoted(r.account), quoted(r.bill_id), KINDS[r.kind], quoted(r.refers_to),
            day, month7(r.month_from), places(r.billable_milli, 3), places(r.waived_milli, 3),
            quoted(basic.price_version), places(basic.price_e4, 4), places(basic.charge_before_fen, 2),
            places(basic.waived_fen, 2), places(basic.charge_after_fen, 2),
            "已减" if r.answer is Answer.APPLIED else quoted(r.answer_text),
        ]))  # fmt: skip
    lines.append(f"合计,{len(rows)},{places(milli(rows), 3)},{places(fen(rows), 2)}")
    return ("\ufeff" + "\r\n".join(lines) + "\r\n").encode()


def gas(rows: Sequence[ReportRow]) -> bytes:
    def text(value: str, width: int) -> bytes:
        return value.encode("gb18030").ljust(width)

    def number(value: int, width: int) -> bytes:
        return (("-" if value < 0 else "+") + str(abs(value)).zfill(width - 1)).encode()

    lines = [b"HCITYGAS   202611S000720261203"]
    for r in rows:
        (basic,) = r.components
        annual = b" " * 12 if r.annual_before_milli is None else number(r.annual_before_milli, 12)
        lines.append(b"".join([
            b"D", str(r.list_number).zfill(6).encode(), text(r.reference, 32), text(r.account, 12), text(r.bill_id, 20),
            text(KINDS[r.kind], 6), text(r.refers_to, 20), text(f"{r.issued_on}{r.month_from}{r.month_to}", 20), annual,
            number(r.billable_milli, 10), number(r.waived_milli, 10), text(basic.price_version, 10),
            places(basic.price_e4, 4).rjust(9).encode(), number(basic.charge_before_fen, 10),
            number(basic.waived_fen, 10), number(basic.charge_after_fen, 10), number(r.balance_fen, 10),
            text("S" if r.answer is Answer.APPLIED else r.answer_text, 2),
        ]))  # fmt: skip
    lines.append(b"T" + str(len(rows)).zfill(8).encode() + number(milli(rows), 15) + number(fen(rows), 15))
    return b"\r\n".join(lines) + b"\r\n"


def milli(rows: Sequence[ReportRow]) -> int:
    return sum(r.waived_milli for r in rows)


def fen(rows: Sequence[ReportRow]) -> int:
    return sum(part.waived_fen for r in rows for part in r.components)


# --- rows of all sorts


#: Leading noughts, separators of other dialects, characters of two and four bytes; at most twelve bytes in all.
identifiers = st.one_of(
    st.integers(0, 10**12 - 1).map(lambda i: f"{i:012}"), st.text('0Z户𬴂,"_/#', min_size=1, max_size=3)
)
numbers, amounts = st.integers(0, 9_999_999), st.integers(0, 999_999)
months = st.sampled_from([202411, 202601, 202609, 202610])
ROWS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "city_water": {
        "month_from": months,
        "reading_from_milli": st.none() | numbers,
        "reading_to_milli": st.none() | numbers,
        "estimated": st.booleans(),
        "balance_fen": amounts,
    },
    "suburb_water": {"month_from": st.just(202610)},
    "county_gas": {"month_from": months, "annual_before_milli": st.none() | numbers, "balance_fen": amounts},
}
COMMON: dict[str, st.SearchStrategy[Any]] = {
    "list_number": st.integers(0, 999_999),
    "reference": st.text("0Z", max_size=32),
    "account": identifiers,
    "bill_id": identifiers,
    "refers_to": identifiers,
    "kind": st.sampled_from(sorted(KINDS)),
    "issued_on": st.sampled_from([20240229, 20261001, 20261231]),
    "month_to": st.just(202610),
    "billable_milli": numbers,
    "waived_milli": numbers,
}
figures = st.tuples(st.integers(0, 99_999), amounts, amounts, amounts)
#: Of a code that is not agreed, and of one that is.
answers = st.sampled_from([(Answer.APPLIED, ""), (Answer.UNKNOWN, "?"), (Answer.UNKNOWN, "户")])


def row_from(
    values: dict[str, Any], answer: tuple[Answer, str], version: str, parts: Sequence[tuple[int, ...]]
) -> ReportRow:
    sign = -1 if values["kind"] in (BillKind.REVERSAL, BillKind.ACTUAL) else 1
    signed = {key: sign * values[key] for key in ("billable_milli", "waived_milli")}
    components = [
        Component(name, version if name == "basic" else "", part[0], *[sign * one for one in part[1:]])
        for name, part in zip(("basic", "sewage"), parts, strict=False)
    ]
    more = {"components": tuple(components), "answer": answer[0], "answer_text": answer[1]}
    return ReportRow(**(values | signed | more))


def rows_to(code: str) -> st.SearchStrategy[list[ReportRow]]:
    count = 2 if code == "city_water" else 1
    row = st.builds(
        row_from,
        st.fixed_dictionaries(COMMON | ROWS[code]),
        answers,
        st.sampled_from(["", "2019A"]),
        st.lists(figures, min_size=count, max_size=count),
    )
    return st.lists(row, max_size=3)


WRITERS = {"city_water": water, "suburb_water": suburb, "county_gas": gas}
ALL = {code: rows_to(code) for code in WRITERS}


@pytest.mark.parametrize("code", WRITERS)
@given(data=st.data())
def test_what_another_program_writes_is_read_back_exactly(code: str, data: st.DataObject) -> None:
    rows = data.draw(ALL[code])
    head, found = read(code, WRITERS[code](rows))
    assert (head.edition, head.month, head.created_on) == (7, 202611, 20261203)
    assert [r.report_row for r in found] == rows


@pytest.mark.parametrize("code", WRITERS)
@given(data=st.data())
def test_the_canonical_form_says_the_same(code: str, data: st.DataObject) -> None:
    rows = data.draw(ALL[code])
    told = [msgspec.to_builtins(r) for r in rows]
    for one in told:
        one["components"] = [dict(zip(Component.__struct_fields__, part, strict=True)) for part in one["components"]]
    head = {"type": "header", "company": code, "month": 202611, "kind": "original"}
    assert [r.report_row for r in rows_of(code, canonical(told, head))] == rows


# --- the two roads


def changed(content: bytes, places: Sequence[int], junk: Sequence[bytes]) -> bytes:
    """Put junk over single bytes after the first line."""
    data = bytearray(content)
    start = content.index(b"\n") + 1
    for place, one in zip(places, junk, strict=False):
        at = start + place % (len(data) - start)
        data[at : at + 1] = one
    return bytes(data)


junk_of = st.sampled_from(
    [b"", b"-", b"=", b"0", b" ", b"x", b".", b",", b"|", b'"', b"\xa8\xa1", b"\xe2\x80\x8b", b"\xff"]
)


@pytest.mark.parametrize("code", OWN)
@given(places=st.lists(st.integers(0, 2000), max_size=3), junk=st.lists(junk_of, min_size=3, max_size=3))
def test_the_quick_road_gives_what_the_careful_road_gives(code: str, places: list[int], junk: list[bytes]) -> None:
    try:
        quick, careful, totals = both_roads(code, changed(OWN[code], places, junk))
    except report.FileRefused:
        return
    assert quick is None or (quick, totals[0]) == (careful, totals[1])


@pytest.mark.parametrize("code", WRITERS)
@given(data=st.data())
def test_both_roads_read_rows_of_all_sorts_alike(code: str, data: st.DataObject) -> None:
    rows = data.draw(ALL[code])
    if rows:
        quick, careful, totals = both_roads(code, WRITERS[code](rows))
        assert quick is None or (quick, totals[0]) == (careful, totals[1])


@pytest.mark.parametrize("code", OWN)
def test_good_rows_take_the_quick_road_even_with_a_strange_code(code: str) -> None:
    quick, careful, totals = both_roads(code, OWN[code])
    assert any(r.report_row and r.report_row.answer is Answer.UNKNOWN for r in careful)
    assert quick == careful
    assert totals[0] == totals[1]
    assert totals[0]["rows"] == len(careful) > 2


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"|00012345|", b"|00012345 |"),
        (b"|202610|202611|", b"|202611|202610|"),
        (b"|13.20|", b"|-13.20|"),
        (b"|00|\n", b"|00| a b \n"),
    ],
)
def test_the_quick_road_knows_blanks_and_faults_of_rows(old: bytes, new: bytes) -> None:
    assert old in OWN["city_water"]
    quick, careful, totals = both_roads("city_water", OWN["city_water"].replace(old, new, 1))
    assert quick == careful
    assert totals[0] == totals[1]


def test_a_line_break_within_quotes_is_refused_not_read_on() -> None:
    content = SUBURB.replace(b'"0,124"', b'"0,1\r\n24"').replace(b",3,5.000", b",4,5.000")
    codes = [r.fault and r.fault.code for r in rows_of("suburb_water", content)]
    assert codes == [None, "UNBALANCED_QUOTES", "COLUMN_COUNT", None]
    assert SUBURB.count(b'"') == 2


def test_a_report_of_many_batches_is_whole_and_read_as_it_comes() -> None:
    count = 3 * report.BATCH_ROWS + 5
    row = OWN["city_water"].split(b"\n")[1]

    def chunks() -> Iterator[bytes]:
        yield b"HDR|CITYWATER|202611|O|1|20261203\n"
        for i in range(count):
            taken.append(i)
            yield row.replace(b"00012345", b"%08d" % i) + b"\n"
        yield f"TRL|{count}|{6 * count}.000|{places(1320 * count, 2)}\n".encode()

    taken: list[int] = []
    reader = COMPANIES["city_water"].report_reader()
    assert reader
    _, rows = reader.read(chunks())
    first = next(rows)
    assert first.row == 2
    assert len(taken) <= report.BATCH_ROWS + 3
    accounts = [first.report_row, *(r.report_row for r in rows)]
    assert [r.account for r in accounts if r] == [f"{i:08}" for i in range(count)]


def test_the_quick_road_keeps_to_a_number_of_agreed_width() -> None:
    company = sandbox_in(FOLDER.parent / "sandbox")
    names = "名单号,参考号,户号,账单号,账单类型,原账单号,开单日期,月份,计费水量,减免水量,单价"
    names += ",减前水费,减免水费,减后水费,结果码"
    head = f"回盘,2026-11,original\n{names}\n"
    numbers = enumerate(("00000101", "101"))
    rows = "".join(f"1,R{n},{number},,NONE,,2026-11-08,2026-11,,0.000,,,,,HELD\n" for n, number in numbers)
    reader = company.report_reader()
    assert reader is not None
    found = list(reader.read([f"{head}{rows}合计,2,0.000,0.00\n".encode()])[1])
    assert [(one.fault.column, one.fault.code) for one in found if one.fault] == [("户号", "WIDTH")]
    assert [one.report_row.account for one in found if one.report_row] == ["00000101"]
