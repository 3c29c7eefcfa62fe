"""A JSON document as a stream: the parts of a table's file, one row at a time, in constant memory.

The scanner of the standard library reads each row by itself, for it keeps what others lose or mend: the digits of a
number, a key that stands twice, half a character.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NoReturn

from adapters.dialects.lines import MAX_LINE_BYTES, not_decodable, truncated
from adapters.dialects.named import Named, PartKind, other_parts, part_too_long
from schemas.faults import FileRefused, refuse

_MARK: Final = re.compile(r"[^ \t\n\r]")
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*+("?)|[{}\[\]]', re.DOTALL)


class Number(str):
    """The literal text of a JSON number."""

    __slots__ = ()


def _no_number(_constant: str) -> NoReturn:
    raise ValueError  # NaN and Infinity are not JSON


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=tuple, parse_int=Number, parse_float=Number, parse_constant=_no_number
)


class Document:
    """The parts of a document, as its text comes in."""

    def __init__(self, texts: Iterator[str], kinds: Mapping[str, PartKind]) -> None:
        self._texts, self._kinds = texts, kinds
        self._text, self._at = "", 0
        self._row = 0

    def parts(self) -> Iterator[Named]:
        """Yield the parts in the order of the file."""
        if self._next() != "{":
            raise _not_json(0)
        self._at += 1
        for place, (key, kind) in enumerate(self._kinds.items(), 1):
            if self._key() != key:
                raise other_parts()
            if kind == "row":
                yield from self._rows()
            else:
                yield self._part(kind)
            if self._goes_on("}") != (place < len(self._kinds)):
                raise other_parts()
        if self._next(required=False):
            raise _not_json(0)

    def _rows(self) -> Iterator[Named]:
        self._pass("[")
        if self._next() == "]":
            self._at += 1
            return
        more = True
        while more:
            yield self._part("row")
            self._row += 1
            more = self._goes_on("]")

    def _part(self, kind: PartKind) -> Named:
        if self._next() != "{":
            raise other_parts(self._place(kind))
        pairs = self._value()
        names, contents = zip(*pairs, strict=True) if pairs else ((), ())
        return Named(kind, names, contents)

    def _place(self, kind: PartKind) -> int:
        return self._row + 1 if kind == "row" else 0

    def _key(self) -> Any:
        if self._next() != '"':
            raise other_parts()
        key = self._value()
        self._pass(":")
        return key

    def _pass(self, mark: str) -> None:
        if self._next() != mark:
            raise _not_json(self._row)
        self._at += 1

    def _goes_on(self, end: str) -> bool:
        """Pass the comma after which there is more, or the end."""
        mark = self._next()
        if mark not in (",", end):
            raise _not_json(self._row)
        self._at += 1
        return mark == ","

    # --- text

    def _next(self, *, required: bool = True) -> str:
        """Return the next character that is no blank; "" at the end of the file, where that may be."""
        while True:
            found = _MARK.search(self._text, self._at)
            self._at = found.start() if found else len(self._text)
            if found:
                return found[0]
            if not self._more():
                break
        if required:
            raise truncated(self._row)
        return ""

    def _value(self) -> Any:
        """Return the object or text that begins here."""
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except (ValueError, RecursionError):  # their texts quote the file
                if len(self._text) - self._at > MAX_LINE_BYTES or not self._more():
                    raise self._broken() from None
                continue
            if end - self._at > MAX_LINE_BYTES:
                raise part_too_long(self._row + 1)
            self._at = end
            return value

    def _more(self) -> bool:
        """Append the next block to what is not read yet; False at the end of the file."""
        try:
            block = next(self._texts, None)
        except UnicodeDecodeError:
            raise not_decodable("utf-8", self._row + 1) from None
        self._text, self._at = self._text[self._at :] + (block or ""), 0
        return block is not None

    def _broken(self) -> FileRefused:
        """Say why no value could be read here."""
        rest = self._text[self._at :]
        if not _unclosed(rest):
            return _not_json(self._row + 1)
        return part_too_long(self._row + 1) if len(rest) > MAX_LINE_BYTES else truncated(self._row + 1)


def _unclosed(text: str) -> bool:
    """Tell whether the value that a text begins with does not end in it."""
    depth = 0
    for token in _TOKEN.finditer(text):
        mark = token[0][0]
        if mark == '"' and not token[1]:
            return True
        depth += (mark in "{[") - (mark in "}]")
        if not depth:
            return False
    return True


def _not_json(row: int) -> FileRefused:
    return refuse(
        "NOT_JSON",
        "文件不是约定的JSON文档，请重新导出 / the file is not the agreed JSON document; export it again",
        row=row,
    )
