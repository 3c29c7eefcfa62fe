"""A synthetic registry, written as the canonical NDJSON at once: the same bytes for the same number of households.

Nobody in it exists: the division codes begin with 4219, which was never given to a city.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from schemas.registry import FileKind, RegistryHeader, RegistryTrailer

_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS: Final = "10X98765432"
_DISTRICTS: Final = ("421901", "421902", "421903", "421904")
_SURNAMES: Final = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘蒋蔡余"
_GIVEN: Final = "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超霞平刚桂兰玉梅建国华志红文春海云山林凤龙根福生荣祥"
_S, _G = len(_SURNAMES), len(_GIVEN)
_ROADS: Final = ("兰溪", "中山", "人民", "解放", "和平", "建设", "新华", "长江", "青年", "红旗", "东风", "文化")
_RELATIONS: Final = ("self", "spouse", "child", "parent")
#: Members per household, in turn: 2.2 on average.
_SIZES: Final = (1, 2, 3, 2, 1, 4, 2, 3, 2, 2)


def _weigh(text: str, start: int) -> int:
    return sum(int(c) * w for c, w in zip(text, _WEIGHTS[start:], strict=False))


def _days(first: date, number: int) -> list[str]:
    return [(first + timedelta(days=n)).strftime("%Y%m%d") for n in range(number)]


_BIRTHS: Final = [(day, _weigh(day, 6)) for day in _days(date(1931, 1, 1), 30_000)]
_SEQUENCES: Final = [(f"{n:03}", _weigh(f"{n:03}", 14)) for n in range(1000)]
_DIVISIONS: Final = [(code, _weigh(code, 0)) for code in _DISTRICTS]
_STARTS: Final = [day for day in _days(date(2018, 1, 1), 1801) if day[4:] != "0229"]


class Snapshot(NamedTuple):
    """What distinguishes two snapshots of the same records."""

    message_id: str
    position: int
    as_of: int
    month: str


def write_registry(path: Path, households: int, said: Snapshot) -> None:
    """Write a full snapshot; the records do not depend on ``said``."""
    header = RegistryHeader("civil_affairs", FileKind.SNAPSHOT, **said._asdict())
    digest, districts = hashlib.sha256(), Counter[str]()
    with path.open("wb") as file:
        for lines in _parts(households, header, districts):
            digest.update(lines)
            file.write(lines)
        trailer = RegistryTrailer(households, dict(districts), digest.hexdigest())
        file.write(msgspec.json.encode(trailer) + b"\n")


def _parts(households: int, header: RegistryHeader, districts: Counter[str]) -> Iterator[bytes]:
    yield msgspec.json.encode(header) + b"\n"
    persons = count()
    for start in range(0, households, 5_000):
        part = range(start, min(start + 5_000, households))
        districts.update(_DISTRICTS[i % 4] for i in part)
        yield "".join([_line(i, persons) for i in part]).encode()


def _line(i: int, persons: Iterator[int]) -> str:
    members = ",".join([_member(next(persons), n, i) for n in range(_SIZES[i % 10])])
    start = _STARTS[i * 7 % 1800]
    since = "20270105" if i % 200 == 7 else start  # a few begin within the first measured month
    named = f'"city_gas":"{gas_number(i)}","city_water":"{water_number(i)}"' if i % 2 else ""
    return (
        f'{{"certificates":[{{"issuer":"{_DISTRICTS[i % 4]}","kind":"dibao","number":"DB{i:010}"}}],'
        f'"category":"dibao_urban","status":"active","valid_from":{since},"valid_to":{int(start) + 100_000},'
        f'"address":{{"district":"{_DISTRICTS[i % 4]}","community":"{_ROADS[i % 11]}社区","text":"{_address(i)}"}},'
        f'"members":[{members}],"effective_on":{since},"source_version":{i % 97},"accounts":{{{named}}},'
        f'"record":"change"}}\n'
    )


def _address(i: int) -> str:
    return (
        f"{_ROADS[i % 12]}路{i // 48 % 900 + 1}弄{i // 12 % 40 + 1}号{i // 43200 + 1}栋{i % 6 + 1}单元{i % 12 + 101}室"
    )


def _member(person: int, n: int, i: int) -> str:
    (division, a), (birth, b), (sequence, c) = (
        _DIVISIONS[person // 30_000_000],
        _BIRTHS[person % 30_000],
        _SEQUENCES[person // 30_000 % 1000],
    )
    name = _SURNAMES[i % _S] + _GIVEN[person % _G] + (_GIVEN[person // _G % _G] if person % 3 else "")
    number = f"{division}{birth}{sequence}{_CHECKS[(a + b + c) % 11]}"
    return f'{{"name":"{name}","id_number":"{number}","relation":"{_RELATIONS[n]}","status":"present","died_on":null}}'


def water_number(i: int) -> str:
    """The water account that household ``i`` has."""
    return f"{i * 7919 % 100_000_000:08}"


def gas_number(i: int) -> str:
    """The gas account that household ``i`` has."""
    return f"G{i * 104_729 % 1_000_000_000:09}"
