"""The citizen identity number of GB 11643-1999: 6 division, 8 birth date, 3 sequence, 1 check digit.

A wrong check digit refuses the number. A birth date or division that cannot be real does not: codes were assigned at
registration, so an elderly person's number may name a county younger than its holder, and old data hold numbers that
were issued wrong. Such a number is kept, with a warning, and is no matching key (edge cases 4.1 and 58).
"""

from __future__ import annotations

import re
import unicodedata
from calendar import isleap
from itertools import product
from typing import Final, NamedTuple

CHECK_DIGIT: Final = "ID_CHECK_DIGIT"
DESTROYED: Final = "ID_DESTROYED_BY_SPREADSHEET"
FORM: Final = "ID_FORM"
NORMALISED: Final = "ID_NORMALISED"
CENTURY: Final = "ID_CENTURY_UNSURE"
BIRTH_DATE: Final = "ID_BIRTH_DATE"
DIVISION: Final = "ID_DIVISION"
PLACEHOLDER: Final = "ID_PLACEHOLDER"
MISSING: Final = "ID_MISSING"

#: What each code says to the sender, with the remedy.
ID_TEXTS: Final = {
    CHECK_DIGIT: "身份证号校验码不符，请核对后重报 / the check digit is wrong; check the number and send it again",
    DESTROYED: "身份证号已被电子表格改成数字而损坏，请把该列设为文本后重新导出"
    " / a spreadsheet turned the number into a figure; set the column to text and export again",
    FORM: "身份证号应为18位或15位 / a number has 18 or 15 digits; correct it or leave it empty",
    NORMALISED: "身份证号含全角字符、空格或小写x，已规范"
    " / full-width digits, blanks or a lower-case x were normalised; send plain digits",
    CENTURY: "15位号码顺序码为996至999，可能是19世纪出生，不用于比对"
    " / sequence 996-999 was kept for the 1800s; not used for matching; send the 18-digit number",
    BIRTH_DATE: "出生日期不可能或为占位值，不用于比对"
    " / the birth date is impossible or a placeholder; not used for matching; please check",
    DIVISION: "行政区划码异常，不用于比对 / the division code is odd; not used for matching; please check",
    PLACEHOLDER: "身份证号为占位值，按无号码处理"
    " / a placeholder, treated as no number; send the real one or leave it empty",
    MISSING: "没有身份证号 / no number given; the member cannot be matched by number",
}


class CitizenId(NamedTuple):
    """An accepted number: 18 characters, or empty where the text stood for "none".

    A number of 15 digits whose century is unsure is not lengthened blindly (edge cases 4.1) and stays as it is.

    ``matchable`` tells whether it may serve as a matching key; ``warnings`` are codes of ``ID_TEXTS``.
    """

    number: str
    matchable: bool
    warnings: tuple[str, ...] = ()


class IdFault(NamedTuple):
    """A refused number: a code of ``ID_TEXTS``, and nothing of the number itself."""

    code: str

    @property
    def text(self) -> str:
        """What to tell the sender."""
        return ID_TEXTS[self.code]


_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2, 1)
_CHECK: Final = "10X98765432"


def _weighed(start: int, last: str) -> dict[str, int]:
    """Weigh every three characters that can stand from ``start`` on; six look-ups then replace 18 products."""
    first, second, third = _WEIGHTS[start : start + 3]
    digits = "0123456789"
    return {
        a + b + c: first * int(a) + second * int(b) + third * (10 if c == "X" else int(c))
        for a, b, c in product(digits, digits, last)
    }


_T0, _T3, _T6, _T9, _T12 = (_weighed(start, "0123456789") for start in range(0, 15, 3))
_T15: Final = _weighed(15, "0123456789X")
#: First two digits of every division code: provinces, Taiwan and its residence permits, foreign permanent residents.
_PROVINCES: Final = frozenset(
    str(code)
    for codes in (
        range(11, 16),
        range(21, 24),
        range(31, 38),
        range(41, 47),
        range(50, 55),
        range(61, 66),
        (71, 81, 82, 83, 91),
    )
    for code in codes
)
_MONTH_LENGTHS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_DAYS: Final = frozenset(
    f"{month:02d}{day:02d}" for month, length in enumerate(_MONTH_LENGTHS, 1) for day in range(1, length + 1)
)
_FLOAT: Final = re.compile(r"[0-9](\.[0-9]+)?[Ee]\+?[0-9]+|[0-9]{15,18}\.0*")
_NOTHING: Final = frozenset(
    ("", "没有", "暂无", "无号", "不详", "未知", "未办", "NULL", "NONE", "NA", "N/A", "123456789012345678")
)


def read_citizen_id(text: str) -> CitizenId | IdFault:
    """Read a number as anybody may have written it; 15 digits become 18 (GB 11643, edge case 46)."""
    if is_matching_key(text) and _weight(text) == 1:
        return CitizenId(text, True)
    return _read_slowly(text)


def is_matching_key(number: str) -> bool:
    """Tell whether an accepted number may serve as a matching key (edge case 58); 18 characters, or it may not.

    It looks at division and birth date alone: the check digit was judged when the number was read.
    """
    return len(number) == 18 and number[:2] in _PROVINCES and _is_birth_date(number[6:14])


def _is_birth_date(digits: str) -> bool:
    year, day = digits[:4], digits[4:]
    if not "1900" <= year <= "2100" or day not in _DAYS or digits == "19000101":
        return False
    return day != "0229" or isleap(int(year))


def _weight(text: str) -> int:
    """Return the weighed sum mod 11, which is 1 for a right number; -1 if these are no 17 digits and a check digit."""
    try:
        total = _T0[text[:3]] + _T3[text[3:6]] + _T6[text[6:9]] + _T9[text[9:12]] + _T12[text[12:15]]
        return (total + _T15[text[15:]]) % 11
    except KeyError:
        return -1


def _read_slowly(text: str) -> CitizenId | IdFault:
    number = "".join(unicodedata.normalize("NFKC", text).split()).upper()
    if number in _NOTHING or len(set(number)) <= 1:
        return CitizenId("", False, (PLACEHOLDER if number else MISSING,))
    warnings = (NORMALISED,) if number != text else ()
    if len(number) == 15 and number.isascii() and number.isdigit():
        if number[12:] >= "996":
            return CitizenId(number, False, (*warnings, CENTURY))
        return _judge(_lengthened(number), warnings)
    fault = _fault_in(number)
    return IdFault(fault) if fault else _judge(number, warnings)


def _fault_in(number: str) -> str | None:
    weight = _weight(number) if len(number) == 18 else -1
    if weight == 1:
        return None
    if _FLOAT.fullmatch(number):
        return DESTROYED
    if weight < 0:
        return FORM
    return DESTROYED if number.endswith("000") else CHECK_DIGIT  # a spreadsheet keeps 15 digits and fills up


def _lengthened(number: str) -> str:
    seventeen = f"{number[:6]}19{number[6:]}"
    return seventeen + _CHECK[sum(w * int(d) for w, d in zip(_WEIGHTS, seventeen, strict=False)) % 11]


def _judge(number: str, warnings: tuple[str, ...]) -> CitizenId:
    if number[:2] not in _PROVINCES:
        warnings += (DIVISION,)
    if not _is_birth_date(number[6:14]):
        warnings += (BIRTH_DATE,)
    return CitizenId(number, is_matching_key(number), warnings)
