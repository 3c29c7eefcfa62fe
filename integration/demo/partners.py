"""The partners' own programs: how the bureau and the three companies write their files.

They use nothing of the hub's readers. The companies' contracts stand in ``config/companies``.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from integration.demo.city import CITY_GAS, CITY_WATER, SUBURB_WATER, Account, Household
from integration.demo.people import Person
from schemas.values import Category, Month, Status

#: The name by which the bureau's registry is known to the hub.
BUREAU: Final = "civil_affairs"

_CATEGORIES: Final = {
    Category.DIBAO_URBAN: "城市低保",
    Category.DIBAO_RURAL: "农村低保",
    Category.TEKUN: "特困",
    Category.DIBAO_EDGE: "低保边缘",
    Category.HARDSHIP_WORKER: "困难职工",
}
_KINDS: Final = {"dibao": "低保证", "tekun": "特困证", "dibao_edge": "低保边缘证", "hardship": "困难职工证"}
_STATUSES: Final = {Status.ACTIVE: "正常", Status.SUSPENDED_REVIEW: "复核中", Status.ENDED: "终止"}
#: The bureau's program speaks Chinese, its new interface the words of the standard.
_RELATIONS: Final = {"本人": "self", "配偶": "spouse", "子女": "child", "父母": "parent", "其他": "other"}
_CSV_NAMES: Final = (
    "发证机关,证件类别,证件号,原证件号,类别,状态,有效期起,有效期止,区划代码,社区,住址,姓名,身份证号,与户主关系,"
    "成员状态,死亡日期,生效日期,版本号,新增,水户号,郊水户号,燃气户号,热力户号"
)
_CLAIM_COLUMNS: Final = (CITY_WATER, SUBURB_WATER, CITY_GAS, "city_heating")


class Message(NamedTuple):
    """What stands in a registry file's header: as of which day, and for the list of which month."""

    message_id: str
    position: int
    as_of: date
    month: Month


def _day8(day: date | None) -> str:
    return f"{day.year}{day.month:02d}{day.day:02d}" if day else ""


# --- the bureau


def bureau_snapshot(message: Message, households: Sequence[Household]) -> bytes:
    """Write the whole registry as the bureau's desktop program does: GB18030, one line a member."""
    head = f"#HDR,{BUREAU},全量,{message.message_id},{message.position},{_day8(message.as_of)},{message.month}\n"
    text = io.StringIO()
    text.write(head + _CSV_NAMES + "\n")
    lines = csv.writer(text, lineterminator="\n")
    for household in households:
        lines.writerows(_member_lines(household))
    body = text.getvalue().encode("gb18030")
    people = sum(len(household.members) for household in households)
    districts = ";".join(f"{code}={count}" for code, count in sorted(_districts(households).items()))
    digest = hashlib.sha256(body).hexdigest()
    return body + f"#TRL,{len(households)},{people},{districts},{digest}\n".encode("gb18030")


def _member_lines(household: Household) -> Iterable[tuple[str, ...]]:
    issuer, kind, _ = household.key
    claims = dict(household.claims)
    before = (
        issuer,
        _KINDS[kind],
        household.numbers[0],
        ";".join(household.numbers[1:]),
        _CATEGORIES[household.category],
        _STATUSES[household.status],
        _day8(household.valid_from),
        _day8(household.valid_to),
        household.where.district,
        household.where.community,
        household.address,
    )
    after = (
        _day8(household.effective_on),
        str(household.version),
        "Y" if household.grant else "N",
        *(claims.get(company, "") for company in _CLAIM_COLUMNS),
    )
    for member in household.members:
        state = "死亡" if member.died_on else "正常"
        yield (*before, member.name, member.id_number, member.relation, state, _day8(member.died_on), *after)


def _districts(households: Iterable[Household]) -> dict[str, int]:
    return Counter(household.where.district for household in households)


def bureau_delta(message: Message, households: Sequence[Household]) -> bytes:
    """Write changed households as the bureau's new interface does: canonical NDJSON."""
    header = {
        "type": "header",
        "source": BUREAU,
        "kind": "delta",
        "message_id": message.message_id,
        "position": message.position,
        "as_of": int(_day8(message.as_of)),
        "month": str(message.month),
    }
    body = b"".join(map(_json_line, (header, *map(_json_record, households))))
    trailer = {
        "type": "trailer",
        "rows": len(households),
        "districts": _districts(households),
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    return body + _json_line(trailer)


def _json_line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _json_record(household: Household) -> dict[str, Any]:
    issuer, kind, _ = household.key
    where = household.where
    record = {
        "certificates": [{"issuer": issuer, "kind": kind, "number": number} for number in household.numbers],
        "category": household.category.value,
        "status": household.status.value,
        "valid_from": int(_day8(household.valid_from)),
        "valid_to": int(_day8(household.valid_to)),
        "address": {"district": where.district, "community": where.community, "text": household.address},
        "members": [_json_member(member) for member in household.members],
        "effective_on": int(_day8(household.effective_on)),
        "source_version": household.version,
        "record": "grant" if household.grant else "change",
    }
    return record | {"accounts": dict(household.claims)} if household.claims else record


def _json_member(member: Person) -> dict[str, Any]:
    said: dict[str, Any] = {
        "name": member.name,
        "id_number": member.id_number,
        "relation": _RELATIONS[member.relation],
    }
    if member.died_on is None:
        return said | {"status": "present"}
    return said | {"status": "dead", "died_on": int(_day8(member.died_on))}


# --- the companies

_STATES: Final = {"open": "正常", "suspended": "报停", "closed": "销户"}
_METERS: Final = {"metered": "普表", "prepaid": "IC卡", "flat": "包月", "indirect": "合表"}
_CYCLES: Final = {"monthly": "月", "bimonthly_odd": "双月单", "bimonthly_even": "双月双", "top_up": "充值"}
_CSV_ROSTER_NAMES: Final = "户号,户名,身份证号,地址,状态,开户日期,销户日期,用户类别,表类型,抄表周期,低保户"
#: Widths of the gas company's columns in bytes, from its contract.
_GAS_WIDTHS: Final = (1, 12, 12, 4, 8, 8, 6, 4, 6, 30, 18, 80, 1)


def _use(account: Account) -> str:
    return "居民" if account.domestic else "非居民"


def city_water_roster(day: date, accounts: Sequence[Account]) -> bytes:
    """Write the city waterworks' roster: GB18030, bars between cells, a trailer with the count."""
    until = str(Month.of(day).plus(3)).replace("-", "")
    rows = ("|".join(_city_water_cells(account, until)) for account in accounts)
    return "\n".join((f"HDR|CITYWATER|{_day8(day)}", *rows, f"TRL|{len(accounts)}", "")).encode("gb18030")


def _city_water_cells(account: Account, until: str) -> Iterable[str]:
    return (
        account.number,
        account.predecessor,
        _STATES[account.state],
        _day8(account.opened_on),
        _day8(account.closed_on),
        _use(account),
        _METERS[account.meter],
        _CYCLES[account.cycle],
        account.holder,
        account.holder_id,
        account.address,
        "1" if account.low_income else "0",
        until if account.low_income else "",
    )


def suburb_water_roster(_: date, accounts: Sequence[Account]) -> bytes:
    """Write the suburban waterworks' roster: CSV for a spreadsheet, the sum at the end."""
    text = io.StringIO()
    text.write(_CSV_ROSTER_NAMES + "\r\n")
    csv.writer(text).writerows(map(_suburb_water_cells, accounts))
    return (text.getvalue() + f"合计,{len(accounts)}\r\n").encode("utf-8-sig")


def _suburb_water_cells(account: Account) -> Iterable[str]:
    return (
        account.number,
        account.holder,
        account.holder_id,
        account.address,
        _STATES[account.state],
        account.opened_on.isoformat(),
        account.closed_on.isoformat() if account.closed_on else "",
        _use(account),
        _METERS[account.meter],
        _CYCLES[account.cycle],
        "是" if account.low_income else "否",
    )


def city_gas_roster(day: date, accounts: Sequence[Account]) -> bytes:
    """Write the gas company's roster: every cell has its width in bytes, as its old mainframe had it."""
    lines = [f"HCITYGAS   {_day8(day)}".encode()]
    lines += (b"".join(map(_fixed, _city_gas_cells(account), _GAS_WIDTHS)) for account in accounts)
    return b"\r\n".join((*lines, f"T{len(accounts):08d}".encode(), b""))


def _city_gas_cells(account: Account) -> Iterable[str]:
    return (
        "D",
        account.number,
        account.predecessor,
        _STATES[account.state],
        _day8(account.opened_on),
        _day8(account.closed_on),
        _use(account),
        _METERS[account.meter],
        _CYCLES[account.cycle],
        account.holder,
        account.holder_id,
        account.address,
        "Y" if account.low_income else "N",
    )


def _fixed(text: str, width: int) -> bytes:
    cell = text.encode("gb18030").ljust(width)
    if len(cell) > width:
        raise ValueError(f"a cell of {width} bytes is too narrow")
    return cell


ROSTERS: Final[dict[str, Callable[[date, Sequence[Account]], bytes]]] = {
    CITY_WATER: city_water_roster,
    SUBURB_WATER: suburb_water_roster,
    CITY_GAS: city_gas_roster,
}


def city_water_aliases(day: date, renumbered: Sequence[Account]) -> bytes:
    """Write the city waterworks' renumberings: old number, new number, from which day."""
    rows = (f"{account.predecessor}|{account.number}|{_day8(day)}" for account in renumbered)
    return "\n".join((*rows, f"TRL|{len(renumbered)}", "")).encode("gb18030")


# --- what goes wrong on the way


def cut_off(content: bytes) -> bytes:
    """Return what was there when the line broke: the middle of a line, between two characters, no trailer."""
    return content[: content.rindex(b",", 0, len(content) * 3 // 5) + 1]


def through_a_spreadsheet(content: bytes) -> bytes:
    """Return what a spreadsheet makes of a registry file: ID numbers are figures now (conventions 4.1)."""
    lines = content.decode("gb18030").split("\n")
    return "\r\n".join(map(_resaved, lines)).encode("gb18030")


def _resaved(line: str) -> str:
    cells = line.split(",")
    if len(cells) > 12 and cells[12].isdigit():
        number = cells[12]
        cells[12] = f"{number[0]}.{number[1:6]}E+{len(number) - 1}"
    return ",".join(cells)
