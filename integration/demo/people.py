"""People and homes of the demo city: names, citizen ID numbers, addresses and the many ways to write them.

Nobody here exists: the division codes begin with 4219, which was never given to a city.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from random import Random
from typing import Final

CITY_CODE: Final = "4219"
DISTRICTS: Final = {"421901": "城中区", "421902": "江南区", "421903": "北湖区", "421904": "东郊区"}

_SURNAMES: Final = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘蒋蔡余杜叶程苏魏"
    "吕丁任沈姚卢姜崔钟谭陆汪范金石"
)
_COMPOUND: Final = ("欧阳", "司马", "上官", "诸葛", "皇甫")
_GIVEN: Final = (
    "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超霞平刚桂兰玉梅建国华志红文春海云山林凤龙根福生荣祥庆"
    "喜宝珍琴莲菊香花月美佳宇浩然子涵欣怡诗雨晨阳博思远"
)
#: Beyond GBK: what old systems cannot write; GB18030 can (data conventions 4.5).
_RARE: Final = ("䶮", "㭎", "㛃", "𬴂", "𠮷")
_MINORITY_FIRST: Final = ("阿依古丽", "买买提", "古丽娜尔", "艾力", "扎西", "次仁", "巴特尔", "娜仁")
_MINORITY_LAST: Final = ("买合木提", "阿不都热合曼", "吐尔逊", "卓玛", "多吉", "苏和", "其其格")
#: Every system has its own middle dot; they mean the same name.
DOTS: Final = "·•．‧"

_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS: Final = "10X98765432"

_ROADS: Final = (
    "兰溪",
    "中山",
    "人民",
    "解放",
    "和平",
    "建设",
    "新华",
    "长江",
    "青年",
    "红旗",
    "东风",
    "文化",
    "公园",
    "健康",
    "友谊",
    "胜利",
    "光明",
    "前进",
    "桃园",
    "柳林",
)
_COMMUNITY_ENDS: Final = ("东", "西", "南", "北", "一村", "二村", "新村", "苑")
_DIGITS: Final = "〇一二三四五六七八九"
_FULL_WIDTH: Final = str.maketrans("0123456789", "０１２３４５６７８９")
_HOMES_PER_BUILDING: Final = 48
_BUILDINGS_PER_COMMUNITY: Final = 10


def check_digit(first_17: str) -> str:
    """Return the last character of a citizen ID number (GB 11643-1999)."""
    return _CHECKS[sum(w * int(c) for w, c in zip(_WEIGHTS, first_17, strict=True)) % 11]


@lru_cache(maxsize=500_000)
def long_id(number: str) -> str:
    """Return the 18-character form of a 15- or 18-character ID number."""
    if len(number) != 15:
        return number.upper()
    first_17 = number[:6] + "19" + number[6:]
    return first_17 + check_digit(first_17)


def short_id(number: str) -> str:
    """Return the 15-digit form that people born before 2000 once had."""
    return number[:6] + number[8:17]


def wrong_id(number: str) -> str:
    """Return the number with a check digit that cannot be right."""
    return number[:17] + ("1" if number[17] != "1" else "2")


def fold_name(name: str) -> str:
    """Return a name with one kind of middle dot and no blanks."""
    for dot in DOTS:
        name = name.replace(dot, "·")
    return "".join(name.split())


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, as a member of a household or the holder of an account."""

    name: str
    id_number: str
    relation: str = "本人"
    died_on: date | None = None


@dataclass(frozen=True, slots=True)
class Home:
    """A dwelling; two homes are the same when all parts but the way of writing are."""

    district: str
    community: str
    road: str
    lane: int
    building: int
    unit: int
    room: int


class People:
    """Makes people, each with an ID number of their own; equal generators make equal people."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._used: set[str] = set()

    def person(self, ages: tuple[int, int], year: int, relation: str = "本人", surname: str = "") -> Person:
        """Make somebody whose age in a year lies between the two given."""
        born = date(year - self._rng.randint(*ages), 1, 1) + timedelta(days=self._rng.randrange(365))
        return Person(self.name(surname), self._id_number(born), relation)

    def name(self, surname: str = "") -> str:
        """Make a name; about one in a hundred is rare or of a minority."""
        rng = self._rng
        chance = rng.random()
        if chance < 0.008 and not surname:
            return f"{rng.choice(_MINORITY_FIRST)}{DOTS[0]}{rng.choice(_MINORITY_LAST)}"
        first = surname or (rng.choice(_COMPOUND) if chance > 0.99 else rng.choice(_SURNAMES))
        if chance < 0.02:
            return first + rng.choice(_RARE) + rng.choice(("", rng.choice(_GIVEN)))
        return first + rng.choice(_GIVEN) + (rng.choice(_GIVEN) if rng.random() < 0.75 else "")

    def _id_number(self, born: date) -> str:
        while True:
            division = f"{CITY_CODE}{self._rng.choice(('01', '02', '03', '04', '21', '22', '23', '81'))}"
            first_17 = f"{division}{born:%Y%m%d}{self._rng.randint(1, 995):03d}"
            number = first_17 + check_digit(first_17)
            if number not in self._used:
                self._used.add(number)
                return number


def surname_of(name: str) -> str:
    """Return the family name, empty for names that have none."""
    if any(dot in name for dot in DOTS):
        return ""
    return name[:2] if name[:2] in _COMPOUND else name[0]


def home(index: int) -> Home:
    """Return the home of a number: districts by turns, then community, building, unit, floor, room."""
    districts = tuple(DISTRICTS)
    index, district = divmod(index, len(districts))
    building, flat = divmod(index, _HOMES_PER_BUILDING)
    community, building = divmod(building, _BUILDINGS_PER_COMMUNITY)
    lap, road = divmod(community, len(_ROADS))
    return Home(
        district=districts[district],
        community=f"{_ROADS[road]}{_COMMUNITY_ENDS[lap % len(_COMMUNITY_ENDS)]}社区",
        road=f"{_ROADS[road]}{'东西南北'[district]}路",
        lane=100 + 7 * lap + district,
        building=building + 1,
        unit=flat // 24 + 1,
        room=(flat % 24 // 4 + 1) * 100 + flat % 4 + 1,
    )


def address(where: Home) -> str:
    """Write an address plainly: half the communities know lanes, the others numbers and buildings."""
    if where.lane % 2:
        return f"{where.road}{where.lane}弄{where.building}号{where.unit}单元{where.room}室"
    return f"{where.road}{where.lane}号{where.building}栋{where.unit}单元{where.room}室"


def address_as_written(where: Home, rng: Random) -> str:
    """Write an address as one of a city's many clerks would (edge case 64)."""
    text = address(where)
    match rng.randrange(8):
        case 0:
            return text.translate(_FULL_WIDTH)
        case 1:
            return _in_words(where)
        case 2:
            return text.replace("栋", "幢")
        case 3:
            return text.replace("弄", "弄 ").replace("栋", "栋 ")
    return text


def _in_words(where: Home) -> str:
    room = "".join(_DIGITS[int(c)] for c in str(where.room))
    lane, house = ("弄", "号") if where.lane % 2 else ("号", "栋")
    return f"{where.road}{where.lane}{lane}{_tens(where.building)}{house}{_tens(where.unit)}单元{room}室"


def _tens(number: int) -> str:
    tens, ones = divmod(number, 10)
    if not tens:
        return _DIGITS[ones]
    return ("" if tens == 1 else _DIGITS[tens]) + "十" + (_DIGITS[ones] if ones else "")
