"""The province's roll-up: the signed settlements of many cities, each verified by itself, added up.

A province runs one hub for each city; nothing of a household leaves it. What comes together here are settlements as
``waiverhub settlement show --to`` writes them, and each city's public key, which must have come by another way.
What is not verified is named and stays outside of every sum.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from integration.domain.settlement import difference
from schemas import envelope
from schemas.settlements import Settlement, Totals
from schemas.values import Month

PUBLIC_KEY: Final = "settlements.pub.pem"
SUITES: Final = ("std1",)

_TEXTS: Final = {
    "CITY_TWICE": "同一城市（或同一公钥）给了两次 / the same city, or the same key, was given twice",
    "KEY_MISSING": "没有此城市的可信公钥 / no trusted key for this city; name it: --key CITY=PEM",
    "KEY_UNUSABLE": "公钥不是 Ed25519 的 PEM / the key is no Ed25519 public key in PEM",
    "KEY_OTHER": "随附公钥不是可信的那把 / the key in the folder is not the trusted one",
    "NOTHING_HERE": "文件夹里没有结算单 / no settlement in this folder",
    "SIGNATURE_MISSING": "缺少签名文件 / no signature beside it",
    "SIGNATURE_WRONG": "签名不符：被改动或密钥不对 / the signature does not fit: changed, or another key",
    "UNREADABLE": "不是结算单 / not a settlement",
    "NOT_CANONICAL": "不是规范写法 / not in canonical form",
    "ONE_UNVERIFIED": "其中一份未通过核对，整月不计 / one of its files is not verified; the month is left out",
    "NUMBER_TWICE": "同一编号有两份不同的结算单 / two different settlements of one number",
    "NUMBER_GAP": "编号不连续 / a number is missing",
    "PREDECESSOR_WRONG": "与上一份的摘要不符 / the digest of the predecessor does not fit",
    "CHANGE_WRONG": "本次变动与前后合计之差不符 / the change is not what the totals differ by",
    "SERVICE_CHANGED": "同一公司月份的服务前后不同 / the service differs from the one before",
}


class RollUpFault(msgspec.Struct, frozen=True):
    """What could not be verified, and is in no sum: the city, the file or month, a stable code, and words."""

    city: str
    place: str
    code: str
    text: str


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """A company's report month in a city, as its newest verified adjustment has it; quantities and fen as there."""

    city: str
    service: str
    company: str
    month: str
    n: int
    totals: Totals
    payable_fen: int
    open_items: int


class Sum(msgspec.Struct, frozen=True, kw_only=True):
    """Many settlements added up: of one service and report month, or of all (``service`` and ``month`` empty)."""

    service: str
    month: str
    cities: int
    companies: int
    totals: Totals
    payable_fen: int
    open_items: int


class RollUp(msgspec.Struct, frozen=True):
    """Every verified settlement, the sums over them, and what was left out."""

    settled: list[Settled]
    sums: list[Sum]
    whole: Sum
    faults: list[RollUpFault]

    @property
    def sound(self) -> bool:
        """Tell whether nothing was left out."""
        return not self.faults


def roll_up(folders: Iterable[tuple[str, Path]], keys: Mapping[str, bytes]) -> RollUp:
    """Verify and add up what cities have exported: (city, folder) pairs, and each city's trusted key in PEM."""
    given = list(folders)
    faults = list(_twice(given, keys))
    left_out = {fault.city for fault in faults}
    settled: list[Settled] = []
    for city, folder in sorted(given):
        if city not in left_out:
            found, wrong = _City(city, folder, keys.get(city)).read()
            settled += found
            faults += wrong
    settled.sort(key=lambda one: (one.service, one.month, one.city, one.company))
    sums = [_sum(service, month, list(part)) for (service, month), part in groupby(settled, _service_and_month)]
    return RollUp(settled, sums, _sum("", "", settled), faults)


def _twice(given: list[tuple[str, Path]], keys: Mapping[str, bytes]) -> Iterator[RollUpFault]:
    """Name the cities given twice: under one name, or under two with one key. Which of them is right, who can tell."""
    names = [city for city, _ in given]
    own = {city: _fingerprint(keys[city]) for city in names if city in keys}
    for city, folder in given:
        same_key = city in own and list(own.values()).count(own[city]) > 1
        if names.count(city) > 1 or same_key:
            yield _fault(city, str(folder), "CITY_TWICE")


def _fingerprint(pem: bytes) -> bytes | None:
    """Return the key itself, whatever text it is wrapped in; None if it is none of ours."""
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key.public_bytes_raw() if isinstance(key, Ed25519PublicKey) else None


def _fault(city: str, place: str, code: str) -> RollUpFault:
    return RollUpFault(city, place, code, _TEXTS[code])


# --- one city --------------------------------------------------------------------------------------------------


class _Signed(NamedTuple):
    """A settlement whose signature holds, and the bytes that were signed."""

    settlement: Settlement
    content: bytes


class _City:
    """What one city has exported."""

    def __init__(self, city: str, folder: Path, key: bytes | None) -> None:
        self._city = city
        self._folder = folder
        self._key = key
        self._faults: list[RollUpFault] = []
        self._suspect: set[str] = set()

    def read(self) -> tuple[list[Settled], list[RollUpFault]]:
        """Return every company's month that is verified as a whole, and what is not."""
        if code := self._key_fault():
            return [], [_fault(self._city, PUBLIC_KEY, code)]
        chains: dict[tuple[str, Month], dict[int, _Signed]] = {}
        broken: set[tuple[str, Month]] = set()
        paths = sorted(self._folder.glob("*.json"))
        for path in paths:
            if signed := self._signed(path):
                key = (signed.settlement.company, Month.parse(signed.settlement.month))
                if chains.setdefault(key, {}).setdefault(signed.settlement.n, signed).content != signed.content:
                    broken.add(key)
        settled = [one for key, chain in chains.items() if (one := self._chain(key, chain, twice=key in broken))]
        if not paths:
            self._note(str(self._folder), "NOTHING_HERE")
        return settled, self._faults

    def _note(self, place: str, code: str) -> None:
        self._faults.append(_fault(self._city, place, code))

    def _key_fault(self) -> str | None:
        if self._key is None:
            return "KEY_MISSING"
        trusted = _fingerprint(self._key)
        if trusted is None:
            return "KEY_UNUSABLE"
        beside = self._folder / PUBLIC_KEY
        return "KEY_OTHER" if beside.is_file() and _fingerprint(beside.read_bytes()) != trusted else None

    def _signed(self, path: Path) -> _Signed | None:
        """Return a file's settlement if it is signed by the city's key."""
        content, signature = path.read_bytes(), path.with_suffix(".sig")
        settlement = _settlement(content)
        checks = {
            "SIGNATURE_MISSING": signature.is_file(),
            "SIGNATURE_WRONG": signature.is_file() and self._is_signed(content, signature.read_bytes()),
            "UNREADABLE": settlement is not None,
            "NOT_CANONICAL": settlement is not None and envelope.canonical(settlement) == content,
        }
        code = next((code for code, right in checks.items() if not right), None)
        if settlement is None or code:
            self._note(path.name, code or "UNREADABLE")
            self._suspect.add(path.stem.rpartition("-")[0])
            return None
        return _Signed(settlement, content)

    def _is_signed(self, content: bytes, signature: bytes) -> bool:
        return envelope.verify(self._key or b"", content, signature)

    def _chain(self, key: tuple[str, Month], chain: dict[int, _Signed], *, twice: bool) -> Settled | None:
        """Return a company's month as its newest adjustment has it, if all of them follow one another."""
        code = "NUMBER_TWICE" if twice else _chain_fault(chain)
        if code is None and _file_stem(*key) in self._suspect:
            code = "ONE_UNVERIFIED"  # a later adjustment may stand in it
        if code:
            self._note(f"{key[0]} {key[1]}", code)
            return None
        last = chain[max(chain)].settlement
        return Settled(
            city=self._city,
            service=last.service.value,
            company=last.company,
            month=last.month,
            n=last.n,
            totals=last.totals,
            payable_fen=sum(one.settlement.terms.payable_fen for one in chain.values()),
            open_items=len(last.open_items),
        )


def _file_stem(company: str, month: Month) -> str:
    """Return what the names of a company's settlements of a month begin with (see ``settle.export``)."""
    return f"settlement-{company}-{int(month)}"


def _settlement(content: bytes) -> Settlement | None:
    try:
        found = msgspec.json.decode(content, type=Settlement)
        Month.parse(found.month)
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, RecursionError):
        return None
    return found if found.suite in SUITES else None


def _chain_fault(chain: Mapping[int, _Signed]) -> str | None:
    """Return what is wrong between the settlements of one company and month; None if each follows the one before."""
    before: _Signed | None = None
    for number in range(max(chain) + 1):
        one = chain.get(number)
        if one is None:
            return "NUMBER_GAP"
        if one.settlement.predecessor != (hashlib.sha256(before.content).hexdigest() if before else None):
            return "PREDECESSOR_WRONG"
        if before and one.settlement.service != before.settlement.service:
            return "SERVICE_CHANGED"
        if difference(one.settlement.totals, before.settlement.totals if before else Totals()) != one.settlement.change:
            return "CHANGE_WRONG"
        before = one
    return None


# --- adding up -------------------------------------------------------------------------------------------------


def _service_and_month(one: Settled) -> tuple[str, str]:
    return one.service, one.month


def _sum(service: str, month: str, settled: list[Settled]) -> Sum:
    return Sum(
        service=service,
        month=month,
        cities=len({one.city for one in settled}),
        companies=len({(one.city, one.company) for one in settled}),
        totals=_added(one.totals for one in settled),
        payable_fen=sum(one.payable_fen for one in settled),
        open_items=sum(one.open_items for one in settled),
    )


def _added(every: Iterable[Totals]) -> Totals:
    """Add totals up: adding is taking away what they differ from nothing by."""
    whole = Totals()
    for one in every:
        whole = difference(whole, difference(Totals(), one))
    return whole
