"""The canonical report: read strictly, as any program may write it, and refused when it is not what it says."""

from __future__ import annotations

import contextlib
import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_files import HEAD, OWN, ROW, canonical, read, rows_of

from adapters.report_checks import row_fault
from schemas.faults import FileRefused
from schemas.reports import Answer, BillKind, Component, ReportHead, ReportKind, ReportRow

SAID = ReportRow(
    list_number=12, reference="K7F2Q9", account="00012345", bill_id="B1", issued_on=20261105, month_from=202610,
    month_to=202611, reading_from_milli=1203000, reading_to_milli=1210000, billable_milli=7000, waived_milli=6000,
    components=(Component("basic", "2019A", 22000, 1540, 1320, 220), Component("sewage", "", 9500, 665, 0, 665)),
    answer=Answer.APPLIED,
)  # fmt: skip


def test_a_row_is_read_as_it_stands() -> None:
    head, rows = read("city_water", canonical([ROW]))
    assert head == ReportHead(company="city_water", month=202611, kind=ReportKind.ORIGINAL, edition=1)
    assert [(r.row, r.report_row, r.fault) for r in rows] == [(2, SAID, None)]
    assert type(rows[0].report_row) is ReportRow


def test_what_is_left_out_is_what_it_is_by_default() -> None:
    least = {"account": "007", "issued_on": 20261105, "month_from": 202611, "month_to": 202611, "answer": "NOT_FOUND"}
    (row,) = rows_of("city_water", canonical([least | {"kind": "NONE"}]))
    assert row.report_row == ReportRow(
        account="007", kind=BillKind.NONE, issued_on=20261105, month_from=202611, month_to=202611,
        answer=Answer.NOT_FOUND,
    )  # fmt: skip


def test_an_own_report_and_a_canonical_one_are_told_apart_by_their_first_byte() -> None:
    for mark in (b"", b"\xef\xbb\xbf"):
        body, _, _ = canonical([ROW]).rpartition(b'{"type": "trailer"')
        content = mark + body
        for size in (1, 2, 3, 1000):
            with pytest.raises(FileRefused, match="TRUNCATED"):
                read("city_water", content, size)
        own = mark + OWN["city_water"]
        with contextlib.nullcontext() if not mark else pytest.raises(FileRefused, match="HEADER"):
            assert len(read("county_gas" if mark else "city_water", own, 1)[1]) == 6


def test_a_byte_mark_before_the_header_is_no_part_of_it() -> None:
    plain = canonical([ROW])
    marked = b"\xef\xbb\xbf" + plain[: plain.index(b'{"type": "trailer"')]
    head, rows = read("city_water", canonical_with_digest_of(marked), 1)
    assert head.month == 202611
    assert [r.report_row for r in rows] == [SAID]


def canonical_with_digest_of(body: bytes) -> bytes:
    import hashlib

    end = {"type": "trailer", "rows": 1, "waived_milli": 6000, "waived_fen": 1320}
    return body + json.dumps(end | {"sha256": hashlib.sha256(body).hexdigest()}).encode()


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return the row with the value at ``a`` or ``components.0.a``; a path that is new adds a key."""
    row: Any = deepcopy(ROW)
    *way, last = path.split(".")
    place = row
    for step in way:
        place = place[int(step) if step.isdigit() else step]
    place[last] = value
    return row


@pytest.mark.parametrize(
    ("path", "value", "column", "code"),
    [
        ("account", "", "account", "BAD_VALUE"),
        ("account", "1" * 41, "account", "BAD_VALUE"),
        ("account", 12345, "account", "BAD_VALUE"),
        ("account", "=1", "account", "FORMULA_VALUE"),
        ("account", "00\u200b1", "account", "FORBIDDEN_CHARACTER"),
        ("reference", "@1", "reference", "FORMULA_VALUE"),
        ("bill_id", "-1", "bill_id", "FORMULA_VALUE"),
        ("bill_id", "", "bill_id", "MISSING_VALUE"),
        ("refers_to", "+1", "refers_to", "FORMULA_VALUE"),
        ("answer_text", "a\u202eb", "answer_text", "FORBIDDEN_CHARACTER"),
        ("answer_text", "a" * 201, "answer_text", "BAD_VALUE"),
        ("list_number", 10**9, "list_number", "BAD_VALUE"),
        ("list_number", -1, "list_number", "BAD_VALUE"),
        ("kind", "INVOICE", "kind", "BAD_VALUE"),
        ("kind", "REVERSAL", "refers_to", "MISSING_VALUE"),
        ("kind", "ACTUAL", "refers_to", "MISSING_VALUE"),
        ("answer", "MAYBE", "answer", "BAD_VALUE"),
        ("issued_on", 20261131, "issued_on", "BAD_DAY"),
        ("issued_on", 10101, "issued_on", "BAD_VALUE"),
        ("month_from", 202600, "month_from", "BAD_MONTH"),
        ("month_to", 202613, "month_to", "BAD_MONTH"),
        ("month_from", 202612, "month_to", "MONTHS_REVERSED"),
        ("month_from", 202411, "month_to", "TOO_MANY_MONTHS"),
        ("billable_milli", 7000.0, "billable_milli", "BAD_VALUE"),
        ("billable_milli", "7000", "billable_milli", "BAD_VALUE"),
        ("billable_milli", True, "billable_milli", "BAD_VALUE"),
        ("billable_milli", 10**9 + 1, "billable_milli", "BAD_VALUE"),
        ("billable_milli", -1, "billable_milli", "NEGATIVE"),
        ("waived_milli", -1, "waived_milli", "NEGATIVE"),
        ("reading_from_milli", 10**9 + 1, "reading_from_milli", "BAD_VALUE"),
        ("annual_before_milli", -(10**9) - 1, "annual_before_milli", "BAD_VALUE"),
        ("balance_fen", -1, "balance_fen", "NEGATIVE"),
        ("balance_fen", 10**11 + 1, "balance_fen", "BAD_VALUE"),
        ("debt_fen", -1, "debt_fen", "NEGATIVE"),
        ("proof", "=1", "proof", "FORMULA_VALUE"),
        ("proof", "a" * 61, "proof", "BAD_VALUE"),
        ("extra", 1, "", "BAD_VALUE"),
        ("components.0.extra", 1, "components[0]", "BAD_VALUE"),
        ("components.0.waived_fen", 13.2, "components[0].waived_fen", "BAD_VALUE"),
        ("components.0.waived_fen", -1, "components[0].waived_fen", "NEGATIVE"),
        ("components.0.other_waived_fen", -1, "components[0].other_waived_fen", "NEGATIVE"),
        ("components.1.charge_before_fen", -1, "components[1].charge_before_fen", "NEGATIVE"),
        ("components.0.price_e4", -1, "components[0].price_e4", "BAD_VALUE"),
        ("components.0.component", "", "components[0].component", "BAD_VALUE"),
        ("components.0.component", "污水", "components[0].component", "BAD_VALUE"),
        ("components.0.component", "basic\n", "components[0].component", "FORBIDDEN_CHARACTER"),
        ("components.1.component", "basic", "components[0].component", "COMPONENT_TWICE"),
        ("components.0.price_version", "=A", "components[0].price_version", "FORMULA_VALUE"),
        ("components.1.price_version", "\u200b", "components[1].price_version", "FORBIDDEN_CHARACTER"),
        ("components", [ROW["components"][0]] * 21, "components", "BAD_VALUE"),  # type: ignore[index]
        ("components", [["basic", "", 0, 0, 0, 0]], "components[0]", "BAD_VALUE"),
    ],
)
def test_a_bad_row_is_a_fault_with_column_and_code(path: str, value: Any, column: str, code: str) -> None:
    bad, good = rows_of("city_water", canonical([changed(path, value), ROW]))
    assert good.report_row == SAID
    assert bad.report_row is None
    assert bad.fault
    assert (bad.fault.row, bad.fault.column, bad.fault.code) == (2, column, code)
    assert " / " in bad.fault.text


@pytest.mark.parametrize(
    "field",
    [
        "billable_milli", "waived_milli", "balance_fen", "charge_before_fen", "waived_fen", "charge_after_fen",
        "other_waived_fen",
    ],
)  # fmt: skip
def test_a_row_without_a_bill_carries_no_figures(field: str) -> None:
    part = {"component": "sewage", field: 1}
    figures = {"components": [part]} if field not in ROW else {field: 1, "components": []}
    empty = {key: value for key, value in ROW.items() if key in ("account", "issued_on", "month_from", "month_to")}
    row = empty | {"kind": "NONE", "answer": "HELD"} | figures
    (bad,) = rows_of("city_water", canonical([row]))
    assert bad.fault
    assert bad.fault.code == "FIGURES_WITHOUT_BILL"
    assert bad.fault.column.removeprefix("components[0].") == field


@pytest.mark.parametrize("kind", ["REVERSAL", "ACTUAL"])
def test_differences_may_be_below_nought(kind: str) -> None:
    row = deepcopy(ROW) | {"kind": kind, "refers_to": "B0", "billable_milli": -7000, "waived_milli": -6000}
    row |= {"balance_fen": -5}
    row["components"][0] |= {"charge_before_fen": -1540, "waived_fen": -1320, "charge_after_fen": -220}  # type: ignore[index]
    (good,) = rows_of("city_water", canonical([row]))
    assert good.fault is None


@pytest.mark.parametrize(
    ("line", "column", "code"),
    [
        ('{"account": "1"', "", "BAD_JSON"),
        ("[]", "", "BAD_VALUE"),
        ("", "", "BAD_JSON"),
        (json.dumps(ROW)[:-1] + ', "account": "2"}', "account", "DUPLICATE_KEY"),
        (json.dumps(ROW).replace('"component": "basic"', '"component": "x", "component": "basic"'), "component",
         "DUPLICATE_KEY"),
        (json.dumps(ROW)[:-1] + ', "accou\\u006et": "2"}', "account", "DUPLICATE_KEY"),
    ],
)  # fmt: skip
def test_a_line_that_is_no_row_is_a_fault(line: str, column: str, code: str) -> None:
    bad, good = rows_of("city_water", canonical([line, ROW]))
    assert good.report_row == SAID
    assert bad.fault
    assert (bad.fault.column, bad.fault.code) == (column, code)


def test_colons_in_words_are_no_second_keys() -> None:
    (good,) = rows_of("city_water", canonical([ROW | {"answer_text": 'at 8:30, "a": 1'}]))
    assert good.fault is None
    assert good.report_row
    assert good.report_row.answer_text == 'at 8:30, "a": 1'


@pytest.mark.parametrize(
    ("content", "fault", "column"),
    [
        pytest.param(canonical([ROW], HEAD | {"company": "suburb_water"}), "HEADER", "company", id="another company"),
        pytest.param(canonical([ROW], HEAD | {"month": 202613}), "HEADER", "month", id="month"),
        pytest.param(canonical([ROW], HEAD | {"created_on": 20261131}), "HEADER", "created_on", id="day"),
        pytest.param(canonical([ROW], HEAD | {"kind": "second"}), "HEADER", "", id="kind"),
        pytest.param(canonical([ROW], HEAD | {"edition": 0}), "HEADER", "", id="edition"),
        pytest.param(canonical([ROW], HEAD | {"extra": 0}), "HEADER", "", id="unknown key"),
        pytest.param(canonical([ROW], HEAD | {"type": "trailer"}), "HEADER", "", id="type"),
        pytest.param(canonical([ROW], json.dumps(HEAD)[:-1] + ', "month": 202611}'), "HEADER", "", id="key twice"),
        pytest.param(canonical([ROW], '{"type": "head'), "HEADER", "", id="half a header"),
        pytest.param(canonical([ROW], trailer={"rows": 2}), "TRAILER_ROWS", "rows", id="rows"),
        pytest.param(canonical([ROW], trailer={"waived_milli": 1}), "TRAILER_SUM", "waived_milli", id="sum"),
        pytest.param(canonical([ROW], trailer={"waived_fen": 1}), "TRAILER_SUM", "waived_fen", id="amount"),
        pytest.param(canonical([ROW], trailer={"sha256": "0" * 64}), "TRAILER_DIGEST", "", id="digest"),
        pytest.param(canonical([ROW], trailer={"x": 0}), "TRUNCATED", "", id="trailer's key"),
        pytest.param(canonical([ROW]).replace(b"00012345", b"00012346"), "TRAILER_DIGEST", "", id="altered"),
        pytest.param(canonical([ROW, ROW]).rpartition(b"{")[0], "TRUNCATED", "", id="truncated"),
        pytest.param(canonical([ROW]).replace(b"K7F2Q9", b"\xb2\xe2"), "NOT_UTF8", "", id="GB18030"),
        pytest.param(canonical([ROW]).replace(b"city_water", b"\xb2\xe2"), "NOT_UTF8", "", id="GB18030 header"),
    ],
)
def test_a_damaged_report_is_refused_whole(content: bytes, fault: str, column: str) -> None:
    with pytest.raises(FileRefused) as caught:
        read("city_water", content)
    assert (caught.value.fault.code, caught.value.fault.column) == (fault, column)
    assert " / " in caught.value.fault.text


@given(st.binary(max_size=40), st.integers(0, 1200))
def test_no_bytes_crash_the_reader(noise: bytes, place: int) -> None:
    content = canonical([ROW])
    with contextlib.suppress(FileRefused):
        for row in rows_of("city_water", content[:place] + noise + content[place:]):
            assert (row.report_row is None) != (row.fault is None)


@given(
    st.sampled_from(sorted(ROW)), st.sampled_from(["Geheim\u200b", "=Geheim", "Geheim" * 50, {"Geheim": 1}, ["Geheim"]])
)
def test_no_fault_repeats_what_stands_in_a_cell(key: str, junk: Any) -> None:
    for row in (ROW | {key: junk}, ROW | {" - at `$.Geheim`": 1}, ROW | {"Geheim": 1}):
        for read_row in rows_of("city_water", canonical([row])):
            assert read_row.fault or key == "answer_text"
            assert "Geheim" not in str(read_row.fault)


def test_the_columns_of_a_fault_are_named_by_the_dialect() -> None:
    said = ReportRow(account="1", bill_id="B", issued_on=20261105, month_from=202611, month_to=202611,
                     components=(Component("sewage", "", 0, 0, -1, 0),), answer=Answer.APPLIED)  # fmt: skip
    fault = row_fault(7, said, lambda field, component: f"{component}/{field}")
    assert fault
    assert (fault.row, fault.column) == (7, "sewage/waived_fen")
