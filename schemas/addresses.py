"""Addresses in a normal form, in which two spellings of one dwelling meet (edge case 64). Never sent to anybody."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final, NamedTuple

from schemas.holders import is_nobody
from schemas.streets import NO_STREETS, Streets

_DIGITS: Final = {c: i for i, c in enumerate("〇一二三四五六七八九")} | {"零": 0, "两": 2}
_TENS: Final = {"十": 10, "百": 100}
_NUMERAL: Final = "〇零一二两三四五六七八九十百"
# Only before a word of counting is a Chinese numeral a number: 五一路 and 三元里 are names.
_COUNTED: Final = re.compile(rf"第?([{_NUMERAL}]{{1,9}})(?=弄|巷|号|栋|幢|座|楼|单元|门|室|层|组|期|#)")
#: By bearings and the old cyclic signs buildings, numbers and doors are told apart.
_TELLING: Final = "东南西北中左右甲乙丙丁"
_PUNCTUATION: Final = re.compile(r"[\s,，.。、;；:：()（）\[\]【】'\"“”·]+")
_DASHES: Final = re.compile(r"(?<=[0-9A-Z])[-‐‑‒–—―−~]+(?=[0-9A-Z])")
#: A note at the end, in brackets; one that counts anything, or tells two doors apart, is a part of the address.
_NOTE: Final = re.compile(rf"[(\[【](?![{_TELLING}]{{1,2}}.?[)\]】])[^()\[\]【】0-9A-Za-z{_NUMERAL}]*[)\]】]\s*\Z")
#: Divisions before the street, one after the other. What comes after tells 市场街, 县前街 and 小区 from a division.
_DIVISIONS: Final = tuple(
    (end, re.compile(rf"\A[\u4e00-\u9fff]{{{least},8}}?{pattern}(?=[\u4e00-\u9fff]{{2}})"))
    for end, least, pattern in (
        ("省区", 2, "(?:省|自治区)"),
        ("市州", 2, "(?:市|自治州)(?![场政民容花])"),
        ("区县", 1, "(?<![小社园校厂院矿库片景林])(?:区|县)(?![前后内府委政域间])"),
        ("道", 2, "街道(?:办事处)?"),
    )
)
#: All before a short form, which tells house and room only where no building or unit is written out.
_NO_HOUSE: Final = r"\A((?:(?!栋|单元).)*(?<![0-9-]))"
#: Characters without which a rule has nothing to do; the rule; its form.
_REWRITES: Final = tuple(
    (triggers, re.compile(pattern), form)
    for triggers, pattern, form in (
        ("第", r"第(?=[0-9])", ""),
        ("0", r"(?<![0-9])0+(?=[0-9])", ""),
        ("楼栋幢座", r"(?<=[0-9A-Z])(?:号楼|#楼|号栋|号幢|幢|座|楼(?!层|道))", "栋"),
        ("#", r"(?<=[0-9A-Z])#", "号"),
        ("门", r"(?<=[0-9A-Z])门(?!面|市|口)", "单元"),
        ("栋", r"(栋|单元)([0-9]+)栋", r"\1\2层"),
        ("-负下", r"(栋|单元|号)(?:-|负|地下室?)([0-9]+)(?:室|号)?\Z", r"\1B\2室"),
        ("-", r"(栋|单元|号)([0-9]{3,5}-[0-9]{1,2})(?:室|号|户)?\Z", r"\1\2室"),
        ("-", r"栋([0-9]{1,2})-([0-9]{1,5})(?:室|号|户)?\Z", r"栋\1单元\2室"),
        ("-", r"(单元)([0-9]+-[0-9]+)(?:室|号|户)?\Z", r"\1\2室"),
        ("-", rf"{_NO_HOUSE}([0-9]+)-([0-9]+)-([0-9]+)(?:室|号)?\Z", r"\1\2栋\3单元\4室"),
        ("-", rf"{_NO_HOUSE}([0-9]+)-([0-9]+)(?:室|号)?\Z", r"\1\2栋\3室"),
        ("栋元层", r"(栋|单元|层)([0-9]{1,5})(?:号|户)?\Z", r"\1\2室"),
        ("号", r"(?<=[0-9]号)([0-9]{3,5})户?\Z", r"\1室"),
    )
)
#: What is normal already, as most addresses are: a name without words of counting, then counted parts in order.
_NORMAL: Final = re.compile(
    r"(?:[\u4e00-\u9fff](?<![弄巷号栋幢座楼单元门室层组期第省市州区县道]))*(?<![〇零一二两三四五六七八九十百])"
    r"(?:[1-9][0-9]*弄)?(?:[1-9][0-9]*号)?(?:[1-9][0-9]*栋)?(?:[1-9][0-9]*单元)?(?:[1-9][0-9]*室)"
)
_COMMUNITY: Final = re.compile(r"([^省市区县镇乡路街道弄号0-9]{2,12})(?:社区|小区|居委会|村)")
_COMMUNITY_END: Final = re.compile(r"(?:社区居委会|社区居民委员会|居民委员会|居委会|社区|小区|村委会|村)\Z")
_PART: Final = re.compile(r"([甲乙丙丁]?[0-9A-Z]+(?:-[0-9]+)*)(弄|号|栋|单元|层|室)")
_NAMES: Final = {"弄": "lane", "号": "number", "栋": "building", "单元": "unit", "层": "floor", "室": "room"}
#: A room number of so many figures begins with its floor.
_FLOOR_IN_ROOM: Final = 3


class Dwelling(NamedTuple):
    """An address in its parts; a part that was left out is empty. ``community`` and ``street`` are bare names.

    ``floor`` is empty where the room's number tells it. ``rest`` is what stands among the parts or after them and is
    none of them: 附3号, 东楼, 2期. It may tell two dwellings apart.
    """

    community: str = ""
    street: str = ""
    lane: str = ""
    number: str = ""
    building: str = ""
    unit: str = ""
    room: str = ""
    floor: str = ""
    rest: str = ""


def normal_address(text: str, streets: Streets = NO_STREETS) -> str:
    """Return the address with one spelling for each of its parts: 第三幢 二门 ０５０１ → 3栋2单元501室.

    Province, city, district and subdistrict before it, a note in brackets after it, and old names of streets are gone.
    """
    text = streets.present(text)
    if _NORMAL.fullmatch(text):
        return text
    plain = _NOTE.sub("", unicodedata.normalize("NFKC", text))
    plain = _PUNCTUATION.sub("", plain).upper()
    for ends, pattern in _DIVISIONS:
        if any(end in plain for end in ends):
            plain = pattern.sub("", plain)
    plain = _DASHES.sub("-", _COUNTED.sub(lambda found: str(_number(found[1])), plain))
    for triggers, pattern, form in _REWRITES:
        if any(trigger in plain for trigger in triggers):
            plain = pattern.sub(form, plain)
    return streets.present(plain)


def address_key(text: str, streets: Streets = NO_STREETS) -> str:
    """Return the normal form by which an address is found; empty where it is no address: 无, 不详, 000000 (case 58)."""
    address = normal_address(text, streets)
    return "" if is_nobody(address.casefold()) else address


def parse_address(community: str, text: str, streets: Streets = NO_STREETS) -> Dwelling:
    """Return the parts of an address. The community may stand in the text instead of its own column."""
    address = normal_address(text, streets)
    parts: dict[str, str] = {}
    head, rest, end = "", list[str](), 0
    for found in _PART.finditer(address):
        between = address[end : found.start()]
        if not parts:
            head = between
        else:
            rest.append(_COMMUNITY.sub("", between))
        name = _NAMES[found[2]]
        if name in parts:
            rest.append(found[0])
        parts.setdefault(name, found[1])
        end = found.end()
    if parts:
        rest.append(address[end:])
    if len(parts.get("room", "")) >= _FLOOR_IN_ROOM:
        parts.pop("floor", None)
    community = _community(community) or _community_in(address)
    return Dwelling(community, _COMMUNITY.sub("", head), **parts, rest="".join(rest))


def place_key(community: str, text: str, streets: Streets = NO_STREETS) -> str:
    """Return community–building–unit as one key; empty unless community, house and room are all known.

    Street number and building both belong to the house: two spellings that fail to meet cost a look by a person, two
    houses that meet would cost a wrong link.
    """
    d = parse_address(community, text, streets)
    house = _house(d)
    if not (d.community and house and d.room):
        return ""
    return "|".join((d.community, house, d.unit and f"{d.unit}单元", _door(d)))


def street_room_key(dwelling: Dwelling) -> str:
    """Return street–house–room, which meets where the unit was left out; empty unless all three are known."""
    house = _house(dwelling)
    return f"{dwelling.street}|{house}|{dwelling.room}" if dwelling.street and house and dwelling.room else ""


def _door(d: Dwelling) -> str:
    return f"{d.floor and f'{d.floor}层'}{d.room}室{d.rest}"


def _house(d: Dwelling) -> str:
    words = ((d.lane, "弄"), (d.number, "号"), (d.building, "栋"))
    return "".join(part + word for part, word in words if part)


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
