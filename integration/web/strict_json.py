"""Strict JSON (RFC 8259 and I-JSON): what two readers could read differently is refused, and never quoted.

Python's own parser keeps the last of two equal keys, takes NaN, reads 1e999 as infinity, lets lone surrogates and NUL
pass, and gives up with RecursionError on depth (promise G2). Time is linear in the length. The first pass only parses;
where something was found that is not strict, a second one finds its place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

DEEPEST: Final = 32
LARGEST: Final = 2**53
#: No honest number is longer; a longer one would cost more to read than to send.
_LONGEST: Final = 40
#: Escapes that may stand for half a character or NUL; as bytes neither can be in strict UTF-8 JSON.
_ESCAPES: Final = re.compile(r"\\u(?:[dD][89a-fA-F]|0000)")
_BAD_TEXT: Final = re.compile("[\ud800-\udfff\x00]")
#: A key that may stand in a place; any other could be data.
_PLAIN_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}\Z")


class NotStrict(Exception):  # noqa: N818 - it names what it is not
    """Not strict JSON.

    ``code``: NOT_UTF8, BOM, DUPLICATE_KEY, BAD_KEY, NOT_A_NUMBER (NaN, Infinity, -0), NUMBER_TOO_LARGE, NOT_AN_INTEGER,
    TOO_DEEP, BAD_TEXT (half a character, or NUL), TRAILING or NOT_JSON. ``place``: a JSON pointer where known, "" else;
    keys that could be data stand in it as ``?``.
    """

    def __init__(self, code: str, place: str = "") -> None:
        super().__init__(f"{code} {place}".rstrip())
        self.code = code
        self.place = place


class _Bad:
    """Stands in the parsed value for what is not strict, until its place is found."""

    def __init__(self, code: str) -> None:
        self.code = code


class _Parser:
    """The hooks of one parse; ``found`` once anything was not strict."""

    def __init__(self, allow_floats: bool) -> None:
        self._allow_floats = allow_floats
        self.found = False

    def parse(self, text: str) -> Any:
        return json.loads(
            text,
            object_pairs_hook=self._object,
            parse_int=self._whole,
            parse_float=self._decimal,
            parse_constant=lambda _: self._bad("NOT_A_NUMBER"),
        )

    def _bad(self, code: str) -> _Bad:
        self.found = True
        return _Bad(code)

    def _object(self, pairs: list[tuple[str, Any]]) -> Any:
        made = dict(pairs)
        if len(made) != len(pairs):
            return self._bad("DUPLICATE_KEY")
        # other readers of the same document may take it for the object's type
        return self._bad("BAD_KEY") if "__proto__" in made else made

    def _whole(self, digits: str) -> Any:
        if len(digits) > _LONGEST:
            return self._bad("NUMBER_TOO_LARGE")
        value = int(digits)
        if value == 0 and digits[0] == "-":
            return self._bad("NOT_A_NUMBER")
        return value if -LARGEST <= value <= LARGEST else self._bad("NUMBER_TOO_LARGE")

    def _decimal(self, digits: str) -> Any:
        """Read 44.0 and 4.4e1 as the integer that they are; JSON knows no other."""
        value = _number(digits) if len(digits) <= _LONGEST else None
        if value is None or abs(value) > LARGEST:
            return self._bad("NUMBER_TOO_LARGE")
        if value == 0 and digits[0] == "-":
            return self._bad("NOT_A_NUMBER")
        if value == value.to_integral_value():
            return int(value)
        return float(value) if self._allow_floats else self._bad("NOT_AN_INTEGER")


def _number(digits: str) -> Decimal | None:
    """Return a number; None if its exponent is beyond all reading."""
    try:
        return Decimal(digits)
    except ArithmeticError:
        return None


def loads(raw: bytes, *, depth: int = DEEPEST, allow_floats: bool = False) -> Any:
    """Read JSON: objects, arrays and texts, integers within ±2^53; fractions only where they are allowed.

    Raises:
        NotStrict: it is not strict JSON, or nested deeper than ``depth``.
    """
    text = _decoded(raw)
    parser = _Parser(allow_floats)
    try:
        value = parser.parse(text)
    except json.JSONDecodeError as error:
        raise NotStrict("TRAILING" if error.msg == "Extra data" else "NOT_JSON") from None
    except RecursionError:
        raise NotStrict("TOO_DEEP") from None
    _check_depth(value, depth)
    if parser.found or _ESCAPES.search(text):
        _check_parts(value)
    return value


def _decoded(raw: bytes) -> str:
    if raw.startswith(b"\xef\xbb\xbf"):
        raise NotStrict("BOM")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise NotStrict("NOT_UTF8") from None


def _check_depth(value: Any, most: int) -> None:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(most):
        level = [
            part
            for one in level
            for part in (one.values() if isinstance(one, dict) else one)
            if isinstance(part, dict | list)
        ]
    if level:
        raise NotStrict("TOO_DEEP")


#: A value and where it stands: the place of what holds it, and its key or number there.
_Place = tuple[Any, str | int] | None


def _check_parts(value: Any) -> None:
    """Refuse the first part, in the order of the document, that is not strict."""
    rest: list[tuple[Any, _Place]] = [(value, None)]
    while rest:
        one, place = rest.pop()
        if isinstance(one, _Bad):
            raise NotStrict(one.code, _pointer(place))
        if isinstance(one, str) and _BAD_TEXT.search(one):
            raise NotStrict("BAD_TEXT", _pointer(place))
        if isinstance(one, dict):
            if any(map(_BAD_TEXT.search, one)):
                raise NotStrict("BAD_TEXT", _pointer(place))
            rest += [(part, (place, key)) for key, part in reversed(one.items())]
        elif isinstance(one, list):
            rest += [(one[n], (place, n)) for n in reversed(range(len(one)))]


def _pointer(place: _Place) -> str:
    return "".join(reversed([f"/{_shown(step)}" for step in _steps(place)]))


def _steps(place: _Place) -> Iterator[str | int]:
    while place is not None:
        place, step = place
        yield step


def _shown(step: str | int) -> str:
    return str(step) if isinstance(step, int) or _PLAIN_KEY.match(step) else "?"
