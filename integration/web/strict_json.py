"""Strict JSON: what two readers could read differently is refused, and nothing of it is ever quoted."""

from __future__ import annotations

import json
import re
from typing import Any, Final, NoReturn

_DEEPEST: Final = 32
_LARGEST: Final = 2**53
_SURROGATE: Final = re.compile("[\ud800-\udfff\x00]")


class NotStrict(Exception):  # noqa: N818 - it names what it is not
    """Not strict JSON; ``code`` says why, and the content stands nowhere."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def loads(raw: bytes, *, depth: int = _DEEPEST) -> Any:
    """Read JSON.

    Raises:
        NotStrict: NOT_UTF8, BOM, TOO_DEEP, DUPLICATE_KEY, NOT_A_NUMBER, NUMBER_TOO_LARGE, BAD_TEXT or NOT_JSON.
    """
    if raw.startswith(b"\xef\xbb\xbf"):
        raise NotStrict("BOM")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise NotStrict("NOT_UTF8") from None
    _check_depth(text, depth)
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_int=_whole, parse_float=_decimal, parse_constant=_no)
    except (json.JSONDecodeError, RecursionError):
        raise NotStrict("NOT_JSON") from None
    _check_texts(value)
    return value


def _check_depth(text: str, most: int) -> None:
    """Count brackets outside texts before anything is built."""
    deep = 0
    for token in re.finditer(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', text):
        first = token[0][0]
        deep += (first in "[{") - (first in "]}")
        if deep > most:
            raise NotStrict("TOO_DEEP")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise NotStrict("DUPLICATE_KEY")
    return made


def _whole(digits: str) -> int:
    if len(digits) > 17 or abs(int(digits)) > _LARGEST:
        raise NotStrict("NUMBER_TOO_LARGE")
    return int(digits)


def _decimal(digits: str) -> float:
    value = float(digits)
    if abs(value) > _LARGEST:
        raise NotStrict("NUMBER_TOO_LARGE")
    return value


def _no(_constant: str) -> NoReturn:
    raise NotStrict("NOT_A_NUMBER")


def _check_texts(value: Any) -> None:
    rest = [value]
    while rest:
        one = rest.pop()
        if isinstance(one, str) and _SURROGATE.search(one):
            raise NotStrict("BAD_TEXT")
        if isinstance(one, dict):
            rest += [*one, *one.values()]
        elif isinstance(one, list):
            rest += one
