"""How single values are written and read: exact both ways, and nothing is guessed."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from adapters.dialects.cells import KINDS, BadCell, converter
from adapters.dialects.fields import REPORT_FIELDS, ROSTER_FIELDS, Kind
from adapters.dialects.spec import Cell, RosterFile
from schemas.values import day_int

days = st.dates(date(1900, 1, 1), date(2099, 12, 31)).map(day_int)


@pytest.mark.parametrize("kind", ["day8", "day10", "day_slash", "day_zh"])
@given(day=days)
def test_a_day_is_read_as_it_was_written(kind: Kind, day: int) -> None:
    assert KINDS[kind].read(KINDS[kind].write(day)) == day


@pytest.mark.parametrize("kind", ["month6", "month7", "month_zh"])
@given(year=st.integers(1990, 2099), number=st.integers(1, 12))
def test_a_month_is_read_as_it_was_written(kind: Kind, year: int, number: int) -> None:
    month = year * 100 + number
    assert KINDS[kind].read(KINDS[kind].write(month)) == month


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("day_slash", "2026/1/5", 20260105), ("day_slash", "2026/01/05", 20260105),
        ("day_zh", "2026年1月5日", 20260105), ("month_zh", "2026年1月", 202601), ("month_zh", "2026年01月", 202601),
    ],
)  # fmt: skip
def test_days_and_months_may_lack_their_noughts(kind: Kind, text: str, value: int) -> None:
    assert KINDS[kind].read(text) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("day_slash", "2026/2/30"), ("day_slash", "26/2/3"), ("day_slash", "2026-02-03"), ("day_slash", "2026/²/3"),
        ("day_zh", "2026年2月30日"), ("day_zh", "2026年2月3"), ("month_zh", "2026年13月"), ("month_zh", "2026年0月"),
        ("month_zh", "二〇二六年一月"), ("yuan", "1.005"), ("yuan", "1,234.50"), ("m3", "3.0000"), ("fen", "13.2"),
    ],
)  # fmt: skip
def test_what_is_not_as_agreed_is_a_fault(kind: Kind, text: str) -> None:
    with pytest.raises(BadCell):
        KINDS[kind].read(text)


def test_an_account_of_agreed_width_keeps_its_noughts_and_no_other_width_passes() -> None:
    account = converter(Cell(name="户号", field="account", width=8), ROSTER_FIELDS)
    assert account.read("00012345") == "00012345"
    for text in ("12345", "000123456"):
        with pytest.raises(BadCell, match="WIDTH"):
            account.read(text)
    assert account.read("") == ""  # whether it may be empty is another question


@given(st.integers(-(10**9), 10**9))
def test_the_opposite_sign_is_turned_both_ways(fen: int) -> None:
    plain = converter(Cell.model_validate({"field": "waived_fen", "as": "yuan"}), REPORT_FIELDS)
    turned = converter(Cell.model_validate({"field": "waived_fen", "as": "yuan", "sign": "negated"}), REPORT_FIELDS)
    assert turned.write(fen) == plain.write(-fen)
    assert turned.read(turned.write(fen)) == fen


def test_filled_up_with_noughts_the_opposite_sign_is_turned_as_well() -> None:
    cell = {"field": "waived_fen", "as": "fen", "sign": "negated", "bytes": 8, "align": "right", "pad": "0"}
    turned = converter(Cell.model_validate(cell), REPORT_FIELDS)
    assert turned.write(791) == "-0000791"
    assert turned.read("-0000791") == 791


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ({"field": "holder_name", "width": 8}, '"width" belongs to'),
        ({"field": "opened_on", "as": "day8", "sign": "negated"}, '"sign" belongs to'),
    ],
)
def test_options_stand_only_where_they_mean_something(cell: dict[str, object], said: str) -> None:
    columns = [{"name": "户号", "field": "account"}, cell]
    with pytest.raises(ValidationError, match=said):
        RosterFile.model_validate({"form": "delimited", "columns": columns})


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"form": "xlsx"}, "a sheet has a row of column names"),
        ({"form": "xlsx", "names_row": True, "encoding": "gb18030"}, "encoding: xlsx is utf-8"),
        ({"form": "json", "encoding": "gb18030"}, "encoding: json is utf-8"),
        ({"form": "json", "delimiter": "|"}, "delimiter: belongs to delimited alone"),
        ({"form": "delimited", "title": "用户"}, "title: belongs to xlsx alone"),
        ({"form": "delimited", "parts": {}}, "parts: belongs to xml, json alone"),
        ({"form": "xml", "columns": [{"field": "account"}]}, "every cell needs a name"),
        ({"form": "json", "columns": [{"name": "a", "field": "account"}, {"name": "a"}]}, "two cells have one name"),
    ],
)
def test_options_belong_to_their_forms(table: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        RosterFile.model_validate({"columns": [{"name": "户号", "field": "account"}], **table})
