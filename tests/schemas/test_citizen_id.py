"""Citizen numbers: GB 11643 and what people make of it."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from schemas.citizen_id import ID_TEXTS, CitizenId, IdFault, is_matching_key, read_citizen_id

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def complete(seventeen: str) -> str:
    """The check digit as the standard's text computes it, independently of the tables."""
    return seventeen + "10X98765432"[sum(w * int(d) for w, d in zip(WEIGHTS, seventeen, strict=True)) % 11]


births = st.dates(date(1900, 1, 2), date(2100, 12, 31))
numbers = st.builds(
    lambda province, rest, birth, sequence: complete(f"{province}{rest:04d}{birth:%Y%m%d}{sequence:03d}"),
    st.sampled_from(["11", "23", "37", "44", "54", "65", "82"]),
    st.integers(0, 9999),
    births,
    st.integers(0, 999),
)


@given(numbers)
def test_every_right_number_is_accepted_as_it_stands(number: str) -> None:
    assert read_citizen_id(number) == CitizenId(number, True)


@given(numbers, st.integers(0, 17), st.integers(1, 9))
def test_one_wrong_digit_is_always_noticed(number: str, place: int, step: int) -> None:
    old = number[place]
    new = str((int(old) + step) % 10) if old != "X" else str(step)
    read = read_citizen_id(number[:place] + new + number[place + 1 :])
    assert isinstance(read, IdFault)
    assert read.code in ("ID_CHECK_DIGIT", "ID_DESTROYED_BY_SPREADSHEET")
    assert read.text == ID_TEXTS[read.code]


@given(numbers)
def test_fifteen_digits_become_the_same_eighteen(number: str) -> None:
    assume(number[6:8] == "19")
    fifteen = number[:6] + number[8:17]
    read = read_citizen_id(fifteen)
    sure = fifteen[12:] < "996"
    assert read == CitizenId(number if sure else fifteen, sure, () if sure else ("ID_CENTURY_UNSURE",))


@given(st.text(max_size=30))
def test_no_text_breaks_the_reader_and_no_fault_repeats_it(text: str) -> None:
    read = read_citizen_id(text)
    if isinstance(read, IdFault):
        assert read.code in ID_TEXTS
    else:
        assert read.number == "" or read_citizen_id(read.number)[0] == read.number
        assert read.matchable == is_matching_key(read.number)


@pytest.mark.parametrize(
    ("text", "number", "matchable", "warnings"),
    [
        ("11010519491231002X", "11010519491231002X", True, ()),
        ("11010519491231002x", "11010519491231002X", True, ("ID_NORMALISED",)),
        ("１１０１０５１９４９１２３１００２Ｘ", "11010519491231002X", True, ("ID_NORMALISED",)),
        (" 110105 19491231 002X", "11010519491231002X", True, ("ID_NORMALISED",)),
        ("110105491231002", "11010519491231002X", True, ()),
        # A county code younger than its holder is no reason to refuse, nor even to warn.
        (complete("44030519400101123"), complete("44030519400101123"), True, ()),
        (complete("99010519491231002"), complete("99010519491231002"), False, ("ID_DIVISION",)),
        (complete("11010519491331002"), complete("11010519491331002"), False, ("ID_BIRTH_DATE",)),
        (complete("11010519000101002"), complete("11010519000101002"), False, ("ID_BIRTH_DATE",)),
        (complete("11010519490229002"), complete("11010519490229002"), False, ("ID_BIRTH_DATE",)),
        (complete("11010518000101002"), complete("11010518000101002"), False, ("ID_BIRTH_DATE",)),
        ("110105491231996", "110105491231996", False, ("ID_CENTURY_UNSURE",)),
        ("110105491231995", complete("11010519491231995"), True, ()),
        ("", "", False, ("ID_MISSING",)),
        ("  ", "", False, ("ID_MISSING",)),
        ("无", "", False, ("ID_PLACEHOLDER",)),
        ("0", "", False, ("ID_PLACEHOLDER",)),
        ("111111111111111111", "", False, ("ID_PLACEHOLDER",)),
        ("000000", "", False, ("ID_PLACEHOLDER",)),
    ],
)
def test_what_is_accepted(text: str, number: str, matchable: bool, warnings: tuple[str, ...]) -> None:
    assert read_citizen_id(text) == CitizenId(number, matchable, warnings)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("110105194912310021", "ID_CHECK_DIGIT"),
        ("1.10105E+17", "ID_DESTROYED_BY_SPREADSHEET"),
        ("1.1010519491231E17", "ID_DESTROYED_BY_SPREADSHEET"),
        ("110105194912310000", "ID_DESTROYED_BY_SPREADSHEET"),
        ("110105194912310021.0", "ID_DESTROYED_BY_SPREADSHEET"),
        ("11010519491231", "ID_FORM"),
        ("1101051949123100X2", "ID_FORM"),
        ("11010519491231002Х", "ID_FORM"),  # a Cyrillic letter
        ("¹¹⁰abc", "ID_FORM"),
        ("护照E12345678", "ID_FORM"),
    ],
)
def test_what_is_refused(text: str, code: str) -> None:
    assert read_citizen_id(text) == IdFault(code)
