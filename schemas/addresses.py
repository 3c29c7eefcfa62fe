"""Addresses in a normal form, in which two spellings of one dwelling meet (edge case 64). Never sent to anybody."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

_DIGITS: Final = {c: i for i, c in enumerate("〇一二三四五六七八九")} | {"零": 0, "两": 2}
_TENS: Final = {"十": 10, "百": 100}
_NUMERAL: Final = "〇零一二两三四五六七八九十百"
# Only before a word of counting is a Chinese numeral a number: 五一路 and 三元里 are names.
_COUNTED: Final = re.compile(rf"第?([{_NUMERAL}]+)(?=弄|巷|号|栋|幢|座|楼|单元|门|室|层|组|#)")
_PUNCTUATION: Final = re.compile(r"[\s,，.。、;；:：()（）\[\]【】'\"“”·]+")
_DASHES: Final = re.compile(r"(?<=[0-9A-Z])[-‐‑‒–—―−~]+(?=[0-9A-Z])")
#: Characters without which a rule has nothing to do; the rule; its form.
_REWRITES: Final = tuple(
    (triggers, re.compile(pattern), form)
    for triggers, pattern, form in (
        ("第", r"第(?=[0-9])", ""),
        ("0", r"(?<![0-9])0+(?=[0-9])", ""),
        ("楼栋幢座", r"(?<=[0-9A-Z])(?:号楼|#楼|号栋|号幢|幢|座|楼(?!层|道))", "栋"),
        ("#", r"(?<=[0-9A-Z])#", "号"),
        ("门", r"(?<=[0-9A-Z])门(?!面|市|口)", "单元"),
        ("-", r"([0-9]+)-([0-9]+)-([0-9]+)(?:室|号)?\Z", r"\1栋\2单元\3室"),
        ("-", r"([0-9]+)-([0-9]+)(?:室|号)?\Z", r"\1栋\2室"),
        ("栋元", r"(栋|单元)([0-9]{1,5})(?:号|户)?\Z", r"\1\2室"),
    )
)
#: What is normal already, as most addresses are: a name without words of counting, then counted parts in order.
_NORMAL: Final = re.compile(
    r"(?:[\u4e00-\u9fff](?<![弄巷号栋幢座楼单元门室层组第]))*(?<![〇零一二两三四五六七八九十百])"
    r"(?:[1-9][0-9]*弄)?(?:[1-9][0-9]*号)?(?:[1-9][0-9]*栋)?(?:[1-9][0-9]*单元)?(?:[1-9][0-9]*室)"
)
_COMMUNITY: Final = re.compile(r"([^省市区县镇乡路街道弄号0-9]{2,12})(?:社区|小区|居委会|村)")
_COMMUNITY_END: Final = re.compile(r"(?:社区居委会|社区居民委员会|居民委员会|居委会|社区|小区|村委会|村)\Z")
_PARTS: Final = {unit: re.compile(rf"([0-9A-Z]+){unit}") for unit in ("弄", "号", "栋", "单元", "室")}


def normal_address(text: str) -> str:
    """Return the address with one spelling for each of its parts: 第三幢 二门 ０５０１ → 3栋2单元501室."""
    if _NORMAL.fullmatch(text):
        return text
    plain = _PUNCTUATION.sub("", unicodedata.normalize("NFKC", text)).upper()
    plain = _DASHES.sub("-", _COUNTED.sub(lambda found: str(_number(found[1])), plain))
    for triggers, pattern, form in _REWRITES:
        if any(trigger in plain for trigger in triggers):
            plain = pattern.sub(form, plain)
    return plain


def place_key(community: str, text: str) -> str:
    """Return community–building–unit as one key; empty unless community, house and room are all known.

    The community may stand in the text instead of its own column. Street number and building both belong to the house:
    two spellings that fail to meet cost a look by a person, two houses that meet would cost a wrong link.
    """
    address = normal_address(text)
    place = _community(community) or _community_in(address)
    found = {unit: pattern.search(address) for unit, pattern in _PARTS.items()}
    parts = {unit: match[1] + unit for unit, match in found.items() if match}
    house = "".join(parts.get(unit, "") for unit in ("弄", "号", "栋"))
    if not (place and house and "室" in parts):
        return ""
    return "|".join((place, house, parts.get("单元", ""), parts["室"]))


@lru_cache(maxsize=4096)
def _community(name: str) -> str:
    """Return the name alone. Communities are few, and no personal data."""
    return _COMMUNITY_END.sub("", normal_address(name))


def _community_in(address: str) -> str:
    found = _COMMUNITY.search(address)
    return found[1] if found else ""


def _number(numeral: str) -> int:
    """Read 二十三, 一百零五 and the telephone way 五零一."""
    if not any(c in _TENS for c in numeral):
        return int("".join(str(_DIGITS[c]) for c in numeral))
    total, digit = 0, 0
    for c in numeral:
        if c in _TENS:
            total, digit = total + (digit or 1) * _TENS[c], 0
        else:
            digit = _DIGITS[c]
    return total + digit
