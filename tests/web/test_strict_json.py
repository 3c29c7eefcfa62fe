"""Promise G2: one strict JSON reader, everywhere."""

from __future__ import annotations

import gc
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.web.strict_json import NotStrict, loads

#: What is refused: the bytes, the code, and the place.
REFUSED: dict[str, tuple[bytes, str, str]] = {
    "two equal keys": (b'{"a":1,"a":2}', "DUPLICATE_KEY", ""),
    "two equal keys, one escaped": (b'{"a":1,"\\u0061":2}', "DUPLICATE_KEY", ""),
    "two equal keys deep inside": (b'{"rows":[{},{"x":{"a":1,"a":1}}]}', "DUPLICATE_KEY", "/rows/1/x"),
    "a prototype": (b'{"a":{"__proto__":{}}}', "BAD_KEY", "/a"),
    "NaN": (b'{"a":[1,NaN]}', "NOT_A_NUMBER", "/a/1"),
    "Infinity": (b"-Infinity", "NOT_A_NUMBER", ""),
    "minus nothing": (b"[-0]", "NOT_A_NUMBER", "/0"),
    "minus nothing with a point": (b"[-0.0]", "NOT_A_NUMBER", "/0"),
    "1e999": (b'{"a":1e999}', "NUMBER_TOO_LARGE", "/a"),
    "an exponent beyond reading": (b"1e99999999999999999999999999", "NUMBER_TOO_LARGE", ""),
    "an exponent below reading": (b"1e-9999999999999999999999999", "NUMBER_TOO_LARGE", ""),
    "2^53 + 1": (b"[9007199254740993]", "NUMBER_TOO_LARGE", "/0"),
    "-(2^53) - 1": (b"[-9007199254740993]", "NUMBER_TOO_LARGE", "/0"),
    "2^53 + 1 with a point": (b"[9007199254740993.0]", "NUMBER_TOO_LARGE", "/0"),
    "5,000 digits": (b"1" * 5000, "NUMBER_TOO_LARGE", ""),
    "5,000 digits after the point": (b"0." + b"1" * 5000, "NUMBER_TOO_LARGE", ""),
    "a fraction": (b'{"fen":1.5}', "NOT_AN_INTEGER", "/fen"),
    "a fraction that a float would lose": (b"[9007199254740991.5]", "NOT_AN_INTEGER", "/0"),
    "half a character": (b'["\\ud800"]', "BAD_TEXT", "/0"),
    "the halves in the wrong order": (b'["\\udc00\\ud800"]', "BAD_TEXT", "/0"),
    "half a character in a key": (b'{"a":{"\\ud800":1}}', "BAD_TEXT", "/a"),
    "NUL": (b'{"a":"x\\u0000"}', "BAD_TEXT", "/a"),
    "NUL as it is": (b'"\x00"', "NOT_JSON", ""),
    "a byte order mark": (b"\xef\xbb\xbf{}", "BOM", ""),
    "UTF-16": ("{}".encode("utf-16"), "NOT_UTF8", ""),
    "UTF-16 without a mark": ("{}".encode("utf-16-le"), "NOT_JSON", ""),
    "GB18030": ('"低保"'.encode("gb18030"), "NOT_UTF8", ""),
    "an overlong form": (b'"\xc0\xaf"', "NOT_UTF8", ""),
    "half a character in UTF-8": (b'"\xed\xa0\x80"', "NOT_UTF8", ""),
    "more after the end": (b"{}{}", "TRAILING", ""),
    "nothing": (b"", "NOT_JSON", ""),
    "half of it": (b'{"a":', "NOT_JSON", ""),
    "single quotes": (b"{'a':1}", "NOT_JSON", ""),
    "a comma too many": (b"[1,]", "NOT_JSON", ""),
    "a comment": (b"[1]//", "TRAILING", ""),
    "a leading nought": (b"[01]", "NOT_JSON", ""),
    "other digits": ("[１]".encode(), "NOT_JSON", ""),
    "33 arrays": (b"[" * 33 + b"]" * 33, "TOO_DEEP", ""),
    "33 objects": (b'{"a":' * 33 + b"1" + b"}" * 33, "TOO_DEEP", ""),
    "200,000 arrays": (b"[" * 200_000, "TOO_DEEP", ""),
    "200,000 arrays in an object": (b'{"a":' * 200_000, "TOO_DEEP", ""),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_strict_is_refused_with_its_code_and_place(name: str) -> None:
    raw, code, place = REFUSED[name]
    with pytest.raises(NotStrict) as caught:
        loads(raw)
    assert (caught.value.code, caught.value.place) == (code, place)


def test_a_place_names_no_key_that_could_be_data() -> None:
    with pytest.raises(NotStrict) as caught:
        loads(b'{"110101199003070011":{"a":NaN}}')
    assert caught.value.place == "/?/a"
    assert str(caught.value) == "NOT_A_NUMBER /?/a"
    with pytest.raises(NotStrict) as caught:
        loads('{"张三":[1e999]}'.encode())
    assert caught.value.place == "/?/0"


def test_the_first_fault_of_the_document_is_told() -> None:
    with pytest.raises(NotStrict) as caught:
        loads(b'{"a":[1,{"b":1.5}],"c":NaN,"d":{"e":1,"e":2}}')
    assert str(caught.value) == "NOT_AN_INTEGER /a/1/b"


def test_no_refusal_carries_the_content_with_it() -> None:
    with pytest.raises(NotStrict) as caught:
        loads(b'{"name":"secret", nonsense')
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert "secret" not in repr(caught.value.args)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"9007199254740992", 2**53),
        (b"-9007199254740992", -(2**53)),
        (b"44.0", 44),
        (b"4.4e1", 44),
        (b"0.0", 0),
        (b"1e3", 1000),
        (b'"\\ud83d\\ude00"', "😀"),
        (b'"\\\\ud800 \\\\u0000"', "\\ud800 \\u0000"),
        ('"低保 𠮷"'.encode(), "低保 𠮷"),
        (b" [true, false, null] ", [True, False, None]),
        (b"[" * 32 + b"]" * 32, json.loads("[" * 32 + "]" * 32)),
    ],
)
def test_what_is_strict_is_read(raw: bytes, value: object) -> None:
    found = loads(raw)
    assert found == value
    assert type(found) is type(value)


def test_fractions_are_read_where_they_are_allowed() -> None:
    assert loads(b"[1.5, 1e-30, 2.0]", allow_floats=True) == [1.5, 1e-30, 2]
    with pytest.raises(NotStrict, match="NUMBER_TOO_LARGE"):
        loads(b"1e17", allow_floats=True)


def test_the_depth_is_the_callers() -> None:
    assert loads(b"[[1]]", depth=2) == [[1]]
    with pytest.raises(NotStrict, match="TOO_DEEP"):
        loads(b"[[1]]", depth=1)


#: Any strict value, and any text that JSON's own writer makes of it.
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_characters="\x00")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc中", max_size=3), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES, st.booleans())
def test_every_strict_value_is_read_as_it_was_written(value: object, ascii_only: bool) -> None:
    assert loads(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(st.binary(max_size=60) | st.text('[]{}":,0123456789.eE-+\\u dabcft', max_size=60).map(str.encode))
def test_whatever_comes_is_read_or_refused(raw: bytes) -> None:
    try:
        found = loads(raw)
    except NotStrict:
        return
    assert json.loads(raw) == found  # what is read at all is read as everybody reads it


@pytest.mark.parametrize("part", [b'{"a":"\\u0000"},', b'"\\"', b'"\\ud800",', b"[[1]],", b"1.5,"])
def test_time_grows_with_length_alone(part: bytes) -> None:
    def cost_s(count: int) -> float:
        raw = b"[" + part * count + b"NaN]"
        start = time.process_time()
        with pytest.raises(NotStrict):
            loads(raw)
        return time.process_time() - start

    gc.disable()  # it looks at every object of the test process, and not at ours alone
    try:
        few, many = (min(cost_s(count) for _ in range(3)) for count in (5_000, 40_000))
    finally:
        gc.enable()
    assert many < 30 * few + 0.02  # eight times as much; a quadratic reader would take sixty-four
