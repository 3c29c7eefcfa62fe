"""How one cell is read and written. Every way of writing is exact in both directions; nothing is guessed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple

from adapters.dialects.fields import IDENTIFIERS, FieldType, Kind
from adapters.dialects.spec import Cell
from schemas.reports import Answer
from schemas.text import forbidden_character, looks_like_formula
from schemas.values import Month, day_int, int_day


class BadCell(Exception):  # noqa: N818 - it is caught and becomes a fault
    """A cell that cannot be read or written; its content is not told. ``column`` is set where the reader knows it."""

    def __init__(self, code: str, text: str, column: str = "") -> None:
        super().__init__(code)
        self.code, self.text, self.column = code, text, column


class Converter(NamedTuple):
    """Text → value and value → text. Reading raises ``BadCell``."""

    read: Callable[[str], Any]
    write: Callable[[Any], str]


_UNKNOWN_CODE: Final = "UNKNOWN_CODE"
_BAD_DAY: Final = (
    "BAD_DAY",
    "日期不存在或格式不符 / no such day, or not written as agreed; correct the date",
)
_BAD_MONTH: Final = (
    "BAD_MONTH",
    "月份不存在或格式不符 / no such month, or not written as agreed; correct it",
)
_BAD_NUMBER: Final = (
    "BAD_NUMBER",
    "数字格式不符：只写数字与小数点，小数位勿多 / digits and a point alone, no more places than agreed; correct it",
)
FORMULA: Final = (
    "FORMULA_VALUE",
    "编号不得以 = + - @ 开头，请更正 / an identifier must not begin with = + - @; correct it",
)

_DIGITS: Final = re.compile(r"[0-9]+")
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,15}")
_DAY10: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DAY_SLASH: Final = re.compile(r"([0-9]{4})/([0-9]{1,2})/([0-9]{1,2})")
_DAY_ZH: Final = re.compile(r"([0-9]{4})年([0-9]{1,2})月([0-9]{1,2})日")
_MONTH_ZH: Final = re.compile(r"([0-9]{4})年([0-9]{1,2})月")


def converter(cell: Cell, fields: Mapping[str, FieldType]) -> Converter:
    """Return the converter of a cell that names a field."""
    wanted = fields[cell.field or ""]
    if not isinstance(wanted, tuple):
        coded = _coded(cell.codes or own_words(wanted))
        return coded._replace(write=_or_itself(coded.write)) if wanted is Answer else coded
    if cell.field in IDENTIFIERS:
        return _of_width(cell.width) if cell.width else Converter(_read_identifier, str)
    kind = _negated(KINDS[cell.kind]) if cell.sign else KINDS[cell.kind]
    if cell.pad == "0" and cell.bytes and cell.kind in ("milli", "fen"):
        width = cell.bytes
        return Converter(kind.read, lambda value: f"{int(kind.write(value)):+0{width}d}")
    return kind


def own_words(wanted: type[StrEnum | bool]) -> dict[str, bool | str]:
    """Return the codes of a cell that declares none: the hub's own words stand in the file."""
    return {str(member.value): str(member.value) for member in wanted} if issubclass(wanted, StrEnum) else {}


def forbidden(character: str) -> tuple[str, str]:
    """Return code and text for a character, named U+XXXX, that may not come in."""
    return "FORBIDDEN_CHARACTER", f"含不允许的字符 {character}，请删除 / {character} is not allowed; take it out"


def checked_text(text: str) -> str:
    """Return the text without blanks around it.

    Raises:
        BadCell: it holds a control or invisible character.
    """
    found = forbidden_character(text)
    if found:
        raise BadCell(*forbidden(found))
    return text.strip()


def _read_identifier(text: str) -> str:
    value = checked_text(text)
    if looks_like_formula(value):
        raise BadCell(*FORMULA)
    return value


def _of_width(width: int) -> Converter:
    def checked(value: str) -> str:
        if value and len(value) != width:
            raise BadCell(
                "WIDTH",
                f"应为{width}位，前面的零不可省略 / {width} characters, leading noughts included; correct the number",
            )
        return value

    return Converter(lambda text: checked(_read_identifier(text)), checked)


def _negated(kind: Converter) -> Converter:
    return Converter(lambda text: -kind.read(text), lambda value: kind.write(-value))


def _one_of(codes: Iterable[str]) -> str:
    agreed = list(codes)
    return f"代码未约定，请改用：{'、'.join(agreed)} / not an agreed code; use one of {', '.join(agreed)}"


def _or_itself(write: Callable[[Any], str]) -> Callable[[Any], str]:
    """Write an answer that was not agreed as it stands: that is how a company would send it."""

    def written(value: Any) -> str:
        try:
            return write(value)
        except KeyError:
            return str(value)

    return written


def _coded(codes: Mapping[str, bool | str]) -> Converter:
    words = {value: code for code, value in codes.items()}

    def read(text: str) -> bool | str:
        try:
            return codes[text.strip()]
        except KeyError:
            raise BadCell(_UNKNOWN_CODE, _one_of(codes)) from None

    return Converter(read, words.__getitem__)


def _read_day8(text: str) -> int:
    if len(text) != 8 or not _DIGITS.fullmatch(text):
        raise BadCell(*_BAD_DAY)
    try:
        return day_int(int_day(int(text)))
    except ValueError:
        raise BadCell(*_BAD_DAY) from None


def _read_day10(text: str) -> int:
    if not _DAY10.fullmatch(text):
        raise BadCell(*_BAD_DAY)
    return _read_day8(text.replace("-", ""))


def _read_parts(form: re.Pattern[str], text: str) -> int:
    """Read a day whose month and day may be written with one digit."""
    found = form.fullmatch(text)
    if found is None:
        raise BadCell(*_BAD_DAY)
    return _read_day8(f"{found[1]}{int(found[2]):02d}{int(found[3]):02d}")


def _read_month_zh(text: str) -> int:
    found = _MONTH_ZH.fullmatch(text)
    if found is None:
        raise BadCell(*_BAD_MONTH)
    return _read_month(f"{found[1]}-{int(found[2]):02d}")


def _write_day_zh(day: int) -> str:
    date = int_day(day)
    return f"{date.year}年{date.month}月{date.day}日"


def _read_month(text: str) -> int:
    try:
        return int(Month.parse(text))
    except ValueError:
        raise BadCell(*_BAD_MONTH) from None


def _read_whole(text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise BadCell(*_BAD_NUMBER)
    return int(text)


def _read_count(text: str) -> int:
    if not _DIGITS.fullmatch(text) or len(text) > 15:
        raise BadCell(*_BAD_NUMBER)
    return int(text)


def _decimal(places: int) -> Converter:
    """Read and write a decimal of so many places as an integer; fewer places may be sent, more never."""
    form = re.compile(rf"([+-]?)([0-9]{{1,12}})(?:\.([0-9]{{1,{places}}}))?")
    unit: int = 10**places

    def read(text: str) -> int:
        found = form.fullmatch(text)
        if found is None:
            raise BadCell(*_BAD_NUMBER)
        value = int(found[2]) * unit + int((found[3] or "").ljust(places, "0"))
        return -value if found[1] == "-" else value

    def write(value: int) -> str:
        whole, part = divmod(abs(value), unit)
        return f"{'-' if value < 0 else ''}{whole}.{part:0{places}d}"

    return Converter(read, write)


#: Every way of writing a value. ``m3`` is cubic metres with three places, ``milli`` the integer thousandths (litres),
#: ``m2`` square metres with two places, ``yuan`` has two, ``fen`` none, and ``price`` is yuan a unit with four.
KINDS: Final[Mapping[Kind, Converter]] = {
    "text": Converter(checked_text, str),
    "day8": Converter(_read_day8, str),
    "day10": Converter(_read_day10, lambda day: int_day(day).isoformat()),
    "day_slash": Converter(lambda text: _read_parts(_DAY_SLASH, text), lambda day: f"{int_day(day):%Y/%m/%d}"),
    "day_zh": Converter(lambda text: _read_parts(_DAY_ZH, text), _write_day_zh),
    "month6": Converter(lambda text: _read_month(f"{text[:4]}-{text[4:]}"), str),
    "month7": Converter(_read_month, lambda month: str(Month.from_int(month))),
    "month_zh": Converter(_read_month_zh, lambda month: f"{month // 100}年{month % 100}月"),
    "m3": _decimal(3),
    "m2": _decimal(2),
    "milli": Converter(_read_whole, str),
    "yuan": _decimal(2),
    "fen": Converter(_read_whole, str),
    "price": _decimal(4),
    "count": Converter(_read_count, str),
}
