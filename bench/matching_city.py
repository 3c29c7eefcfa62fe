"""A city whose truth is known: who lives where, which account serves whom, and how badly all of it is written down.

Every home has a water and a gas account; some households are of low income, the rest are neighbours and namesakes. A
``Case`` says how a household's account is registered, and whether anything on paper leads to it. Equal seeds give equal
cities. Nobody here exists: the division codes begin with 4219, which was never given to a city.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from enum import StrEnum
from random import Random
from typing import Any, Final, NamedTuple

_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_SURNAMES: Final = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗"
_GIVEN: Final = "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超霞平刚桂兰玉梅建国华志红文春海云"
#: The present name of each street, and the one before it, if the street was renamed (``config/streets.toml``).
_STREETS: Final = (
    ("人民大街", "解放大街"), ("文昌路", "工农兵路"), ("和平路", ""), ("建设路", ""), ("新华街", ""), ("长江路", ""),
    ("东一路", ""), ("东二路", ""), ("五一路", ""), ("桃园路", ""),
)  # fmt: skip
_NOBODY: Final = ("业主", "用户", "", "无", "不详", "待过户")
_PLACEHOLDER_IDS: Final = ("", "111111111111111111", "000000000000000000", "无")
_NUMERALS: Final = "〇一二三四五六七八九"
SERVICES: Final = ("water", "gas")


class Case(StrEnum):
    """How the account that serves a household is registered."""

    MEMBER = "member"
    MEMBER_WITHOUT_ID = "member_without_id"
    ID_SLIP = "id_slip"
    RARE_NAME = "rare_name"
    LANDLORD = "landlord"
    DEAD_MEMBER = "dead_member"
    NOBODY = "nobody"
    NAMED_SLIP = "named_slip"
    RENAMED_STREET = "renamed_street"
    NO_UNIT = "no_unit"
    #: The household moved, the registry does not know: a stranger is at the old home, the new one is nowhere on paper.
    MOVED = "moved"
    #: It has no account at all, and a namesake next door has one.
    NONE = "none"


#: How many of a hundred accounts are of each case; the rest are a member's own.
_SHARES: Final = {
    Case.MEMBER_WITHOUT_ID: 8, Case.ID_SLIP: 5, Case.RARE_NAME: 3, Case.LANDLORD: 10, Case.DEAD_MEMBER: 4,
    Case.NOBODY: 5, Case.NAMED_SLIP: 4, Case.RENAMED_STREET: 5, Case.NO_UNIT: 3, Case.MOVED: 4, Case.NONE: 4,
}  # fmt: skip
UNFINDABLE: Final = frozenset({Case.MOVED, Case.NONE})


class Home(NamedTuple):
    """A home, by street, house, building, unit and room; ``community`` goes with the street."""

    street: int
    number: int
    building: int
    unit: int
    room: int

    @property
    def community(self) -> str:
        return f"{_STREETS[self.street][0][:2]}{_NUMERALS[self.number % 10]}村社区"


class Human(NamedTuple):
    name: str
    number: str


class Household(NamedTuple):
    """A low-income household as the registry has it; ``address`` is as the registry writes it."""

    index: int
    members: tuple[Human, ...]
    home: Home
    address: str
    named: dict[str, str]
    dead: frozenset[int] = frozenset()


class Account(NamedTuple):
    """An account as its company has it."""

    service: str
    number: str
    name: str
    id_number: str
    address: str
    low_income: bool = False


class City(NamedTuple):
    """All of it; ``truth`` gives the account that serves a household at a service, and its case."""

    households: list[Household]
    accounts: list[Account]
    truth: dict[tuple[int, str], tuple[str | None, Case]]


def with_check_digit(seventeen: str) -> str:
    return seventeen + "10X98765432"[sum(w * int(d) for w, d in zip(_WEIGHTS, seventeen, strict=True)) % 11]


class _Maker:
    """Makes one city."""

    def __init__(self, seed: int, neighbours: int) -> None:
        self._random = Random(seed)
        self._neighbours = neighbours
        self._people = 0
        self._homes = 0
        self._numbers = 10_000_000
        self.city = City([], [], {})

    def make(self, households: int) -> City:
        for index in range(households):
            self._household(index)
        self._random.shuffle(self.city.accounts)
        return self.city

    # --- people and homes ------------------------------------------------------------------------------------------

    def _human(self, family: str = "") -> Human:
        pick = self._random
        self._people += 1
        birth = date(1935, 1, 1) + timedelta(days=pick.randrange(30_000))
        number = with_check_digit(f"42190{pick.randint(1, 4)}{birth:%Y%m%d}{self._people % 1000:03}")
        given = pick.choice(_GIVEN) + (pick.choice(_GIVEN) if pick.random() < 0.8 else "")
        return Human((family or pick.choice(_SURNAMES)) + given, number)

    def _home(self) -> Home:
        """Return the next home: a street's homes fill building after building, so that neighbours differ in a room."""
        n, self._homes = self._homes, self._homes + 1
        rest, room = divmod(n, 12)
        rest, unit = divmod(rest, 3)
        rest, building = divmod(rest, 6)
        number, street = divmod(rest, len(_STREETS))
        return Home(street, number + 1, building + 1, unit + 1, room % 6 * 100 + 101 + room // 6)

    # --- writing ---------------------------------------------------------------------------------------------------

    def _written(self, home: Home, *, old_street: bool = False, unit: bool = True) -> str:
        present, old = _STREETS[home.street]
        street = (old or present) if old_street else present
        if not unit:
            return f"{street}{home.number}号{home.building}栋{home.room}室"
        return self._random.choice(_FORMS)(street, home)

    def _account(self, service: str, holder: Human, address: str, *, low_income: bool = False) -> str:
        self._numbers += self._random.randint(1, 3)
        number = str(self._numbers)
        self.city.accounts.append(Account(service, number, holder.name, holder.number, address, low_income))
        return number

    # --- households ------------------------------------------------------------------------------------------------

    def _household(self, index: int) -> None:
        head = self._human()
        members = (head, *(self._human(head.name[0]) for _ in range(self._random.randrange(3))))
        home, dead = self._home(), set()
        named: dict[str, str] = {}
        landlord = self._human()
        for service in SERVICES:
            case = self._case()
            number = self._registered(case, service, members, home, landlord, named)
            if case is Case.DEAD_MEMBER and len(members) > 1:
                dead.add(len(members) - 1)
            self.city.truth[index, service] = (number, case)
        self._surround(head, home)
        written = self._written(home)
        self.city.households.append(Household(index, members, home, written, named, frozenset(dead)))

    def _case(self) -> Case:
        draw = self._random.randrange(100)
        for case, share in _SHARES.items():
            if draw < share:
                return case
            draw -= share
        return Case.MEMBER

    def _registered(
        self,
        case: Case,
        service: str,
        members: tuple[Human, ...],
        home: Home,
        landlord: Human,
        named: dict[str, str],
    ) -> str | None:
        """Register the account of a case; return its number, None where the household has none."""
        holder, stranger = self._random.choice(members), self._human()
        low_income = self._random.random() < 0.3
        if case is Case.NONE:
            self._account(service, Human(members[0].name, ""), self._written(self._home()))
            return None
        if case is Case.MOVED:
            self._account(service, stranger._replace(number=""), self._written(home))
            return self._account(service, Human(holder.name, ""), self._written(self._home()))
        shown: dict[Case, Human] = {
            Case.MEMBER_WITHOUT_ID: Human(holder.name, self._random.choice(_PLACEHOLDER_IDS)),
            Case.ID_SLIP: Human(holder.name, self._slip(holder.number)),
            Case.RARE_NAME: Human(holder.name[:-1] + self._random.choice("?□*"), ""),
            Case.LANDLORD: landlord,
            Case.DEAD_MEMBER: Human(members[-1].name, ""),
            Case.NOBODY: Human(self._random.choice(_NOBODY), self._random.choice(_PLACEHOLDER_IDS)),
            Case.NAMED_SLIP: Human(self._random.choice(_NOBODY), ""),
            Case.RENAMED_STREET: Human(holder.name, ""),
            Case.NO_UNIT: Human(holder.name, ""),
        }
        address = self._written(home, old_street=case is Case.RENAMED_STREET, unit=case is not Case.NO_UNIT)
        number = self._account(service, shown.get(case, holder), address, low_income=low_income)
        if case is Case.NAMED_SLIP:
            named[service] = self._swapped(number)
        elif case is Case.LANDLORD and self._random.random() < 0.3:
            named[service] = number
        return number

    def _surround(self, head: Human, home: Home) -> None:
        """Let neighbours live around: a namesake in the building, the same numbers in another street, anybody."""
        for n in range(self._neighbours):
            other, there = self._human(), self._home()
            if n == 0:
                other, there = Human(head.name, ""), home._replace(room=home.room + 600)
            elif n == 1:
                there = home._replace(street=(home.street + 1) % len(_STREETS), room=home.room + 600)
            if self._random.random() < 0.2:
                other = other._replace(number=self._random.choice(_PLACEHOLDER_IDS))
            for service in SERVICES:
                self._account(service, other, self._written(there))

    def _slip(self, number: str) -> str:
        """Return a number with one digit wrong."""
        at = self._random.choice((3, 9, 13, 15))
        return number[:at] + str((int(number[at]) + self._random.randint(1, 8)) % 10) + number[at + 1 :]

    def _swapped(self, number: str) -> str:
        """Return a number with two neighbouring digits in the wrong order, or one digit wrong."""
        at = self._random.randrange(3, 7)
        if number[at] != number[at + 1]:
            return number[:at] + number[at + 1] + number[at] + number[at + 2 :]
        return number[:-1] + str((int(number[-1]) + 5) % 10)


def _in_numerals(number: int) -> str:
    return "".join(_NUMERALS[int(digit)] for digit in str(number))


def _wide(text: str) -> str:
    return text.translate({ord(c): chr(ord(c) + 0xFEE0) for c in "0123456789"})


#: How clerks write one dwelling.
_FORMS: Final[tuple[Callable[[str, Home], str], ...]] = (
    lambda s, h: f"{s}{h.number}号{h.building}栋{h.unit}单元{h.room}室",
    lambda s, h: f"{s}{h.number}号{h.building}幢{h.unit}单元{h.room}室",
    lambda s, h: f"{s}{h.number}号{h.building}-{h.unit}-{h.room}",
    lambda s, h: _wide(f"{s}{h.number}号{h.building}栋{h.unit}单元{h.room}室"),
    lambda s, h: f"{s}{h.number}号{_NUMERALS[h.building]}号楼{_NUMERALS[h.unit]}门{h.room}",
    lambda s, h: f"{s}{h.number}号第{_NUMERALS[h.building]}座{h.unit}单元{_in_numerals(h.room)}室",
    lambda s, h: f"江城市城中区{s}{h.number}号{h.building}栋{h.unit}单元{h.room}室",
    lambda s, h: f"湖南省江城市江南区{s}{h.number}号{h.building}#楼{h.unit}单元{h.room}户",
    lambda s, h: f"{s} {h.number}号 {h.building}栋 {h.unit}单元 {h.room}室（门卫旁）",
    lambda s, h: f"{h.community}{s}{h.number}号{h.building}栋{h.unit}单元{h.room}室",
)


def make_city(households: int, *, seed: int = 1, neighbours: int = 4) -> City:
    """Make a city of so many low-income households, each with its neighbours around it."""
    return _Maker(seed, neighbours).make(households)


def registry_records(city: City) -> Iterator[dict[str, Any]]:
    """Yield the registry records of a city; household ``n`` has the certificate ``H<n>``."""
    for one in city.households:
        members = [
            {"name": human.name, "id_number": human.number, "died_on": 20260301 if n in one.dead else None}
            for n, human in enumerate(one.members)
        ]
        named = {"water": "city_water", "gas": "city_gas"}
        yield {
            "certificates": [{"issuer": "市局", "kind": "dibao", "number": f"H{one.index}"}],
            "category": "dibao_urban",
            "status": "active",
            "valid_from": 20260101,
            "valid_to": 99991231,
            "address": {"district": "421901", "community": one.home.community, "text": one.address},
            "members": members,
            "effective_on": 20260101,
            "source_version": 1,
            "accounts": {named[service]: number for service, number in one.named.items()},
            "record": "change",
        }
