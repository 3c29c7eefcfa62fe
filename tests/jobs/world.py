"""A small world for the tests of the jobs: registry files, rosters, and what the ledger holds afterwards.

People, homes and accounts are numbered. Person 7 always has the same name and citizen number; home 7 the same address:

    take(hub, snapshot([household("A1", 1, accounts={"city_water": "W1"})], position=10))
    roster(hub, "city_water", [account("W1", holder=1)])
    link(hub)
    run(hub, "2026-11")
    assert due(hub, "2026-11")["A1", "water"] == {"W1": 3000}

Every record's ``source_version`` defaults to 1 and its ``effective_on`` to ``valid_from``. A file's position defaults
to 10, its as-of date to 20 October 2026, its message id to one of its own.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import count
from typing import Any

from sqlalchemy import func, select

from integration.clock import today
from integration.jobs.compute_month import RunSummary, compute_month
from integration.jobs.hub import Hub
from integration.jobs.link_accounts import LinkSummary, link_accounts
from integration.jobs.outcomes import SyncResult
from integration.jobs.publish import PublishResult, publish_month
from integration.jobs.sync_registry import sync_registry
from integration.jobs.sync_roster import sync_roster
from integration.storage.tables import (
    OPEN_VERSION,
    account_numbers,
    household_keys,
    postings,
    records,
    sealed_records,
)
from schemas.values import OPEN_DAY, Month, day_int

DISTRICT = "330102"
_messages = count(1)

# --- people and homes ------------------------------------------------------------------------------------------

_SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨"
_GIVEN = "安邦昌德恩芳光海嘉康兰明宁平琪瑞诗婷文欣雅泽"


def name_of(person: int) -> str:
    """The name of a person; neighbours in number differ."""
    given = len(_GIVEN)
    first, rest = _SURNAMES[person % len(_SURNAMES)], person // len(_SURNAMES)
    return first + _GIVEN[rest % given] + _GIVEN[rest // given % given]


def id_of(person: int) -> str:
    """The valid citizen number of a person, different for each."""
    birth = date(1940, 1, 1) + timedelta(days=person % 20_000)
    return with_check_digit(f"{DISTRICT}{birth:%Y%m%d}{person // 20_000 % 1000:03d}")


def with_check_digit(seventeen: str) -> str:
    """A citizen number of its first seventeen digits (GB 11643)."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return seventeen + "10X98765432"[sum(w * int(d) for w, d in zip(weights, seventeen, strict=True)) % 11]


def address_of(home: int) -> str:
    """The address of a home."""
    return f"和平路{home}号3栋2单元501室"


# --- the registry ----------------------------------------------------------------------------------------------


def member(person: int, **changes: Any) -> dict[str, Any]:
    """A member of a household; ``died_on``, ``id_number`` and so on may be changed."""
    return {"name": name_of(person), "id_number": id_of(person)} | changes


def household(
    number: str,
    *people: int | dict[str, Any],
    home: int | None = None,
    category: str = "dibao_urban",
    status: str = "active",
    valid_from: int = 20260101,
    valid_to: int = OPEN_DAY,
    effective_on: int | None = None,
    version: int = 1,
    accounts: dict[str, str] | None = None,
    grant: bool = False,
    district: str = DISTRICT,
    earlier: Sequence[str] = (),
    issuer: str = "市局",
) -> dict[str, Any]:
    """One registry record; ``number`` is the certificate in force, ``earlier`` are numbers of the same household."""
    first = next((person for person in people if isinstance(person, int)), 0)
    return {
        "certificates": [{"issuer": issuer, "kind": "dibao", "number": each} for each in (number, *earlier)],
        "category": category,
        "status": status,
        "valid_from": valid_from,
        "valid_to": valid_to,
        "address": {
            "district": district,
            "community": "和平社区",
            "text": address_of(first if home is None else home),
        },
        "members": [member(one) if isinstance(one, int) else one for one in people],
        "effective_on": valid_from if effective_on is None else effective_on,
        "source_version": version,
        "accounts": accounts or {},
        "record": "grant" if grant else "change",
    }


def json_line(value: Any) -> bytes:
    """A line of NDJSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def registry_file(
    kind: str,
    records: Sequence[dict[str, Any] | bytes],
    *,
    position: int = 10,
    as_of: int = 20261020,
    month: str | None = None,
    message_id: str | None = None,
    source: str = "civil_affairs",
    **trailer: Any,
) -> bytes:
    """A whole registry file; ``trailer`` overrides ``rows``, ``districts`` or ``sha256`` of what would be right."""
    header = {
        "type": "header",
        "source": source,
        "kind": kind,
        "message_id": message_id or f"m-{next(_messages)}",
        "position": position,
        "as_of": as_of,
        "month": month or str(Month.from_int(as_of // 100).plus(1)),
    }
    lines = [row if isinstance(row, bytes) else json_line(row) for row in records]
    body = json_line(header) + b"".join(lines)
    right = {
        "type": "trailer",
        "rows": len(lines),
        "districts": dict(Counter(row["address"]["district"] for row in records if isinstance(row, dict))),
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    return body + json_line(right | trailer)


def snapshot(records: Sequence[dict[str, Any] | bytes], **header: Any) -> bytes:
    """A full snapshot."""
    return registry_file("snapshot", records, **header)


def delta(records: Sequence[dict[str, Any] | bytes], **header: Any) -> bytes:
    """A delta."""
    return registry_file("delta", records, **header)


# --- rosters ---------------------------------------------------------------------------------------------------


def account(
    number: str,
    holder: int | None = None,
    *,
    name: str | None = None,
    id_number: str | None = None,
    home: int | None = None,
    state: str = "正常",
    opened: int = 20150601,
    closed: int | None = None,
    domestic: bool = True,
    predecessor: str = "",
    cycle: str = "月",
    meter: str = "普表",
    low_income: bool = False,
) -> dict[str, Any]:
    """One account of a roster; name, citizen number and address are its holder's unless given."""
    return {
        "number": number,
        "name": name if name is not None else name_of(holder) if holder is not None else "",
        "id_number": id_number if id_number is not None else id_of(holder) if holder is not None else "",
        "address": address_of(home) if home is not None else address_of(holder) if holder is not None else "",
        "state": state,
        "opened": opened,
        "closed": closed,
        "domestic": domestic,
        "predecessor": predecessor,
        "cycle": cycle,
        "meter": meter,
        "low_income": low_income,
    }


def city_water(rows: Sequence[dict[str, Any]], rows_said: int | None = None) -> bytes:
    """The city water company's roster: GB18030, pipes."""
    lines = ["HDR|CITYWATER|20261020"]
    for row in rows:
        use = "居民" if row["domestic"] else "非居民"
        cells = (
            row["number"], row["predecessor"], row["state"], str(row["opened"]), str(row["closed"] or ""), use,
            row["meter"], row["cycle"], row["name"], row["id_number"], row["address"], str(int(row["low_income"])), "",
        )  # fmt: skip
        lines.append("|".join(cells))
    lines.append(f"TRL|{len(rows) if rows_said is None else rows_said}")
    return "".join(line + "\n" for line in lines).encode("gb18030")


_SUBURB_NAMES = "户号,户名,身份证号,地址,状态,开户日期,销户日期,用户类别,表类型,抄表周期,低保户"


def suburb_water(rows: Sequence[dict[str, Any]], rows_said: int | None = None) -> bytes:
    """The suburbs' water company's roster: CSV with a byte mark."""
    lines = [_SUBURB_NAMES]
    for row in rows:
        use = "居民" if row["domestic"] else "非居民"
        days = (_day10(row["opened"]), _day10(row["closed"]))
        person = (row["name"], row["id_number"], row["address"])
        more = (use, row["meter"], row["cycle"], "是" if row["low_income"] else "否")
        lines.append(",".join((row["number"], *person, row["state"], *days, *more)))
    lines.append(f"合计,{len(rows) if rows_said is None else rows_said}")
    return b"\xef\xbb\xbf" + "".join(line + "\r\n" for line in lines).encode()


def _day10(yyyymmdd: int | None) -> str:
    text = str(yyyymmdd or "")
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if text else ""


def city_gas(rows: Sequence[dict[str, Any]], rows_said: int | None = None) -> bytes:
    """The gas company's roster: fixed width in bytes of GB18030."""
    lines = [_fixed(("H", 1), ("CITYGAS", 10), ("20261020", 8))]
    for row in rows:
        cells = (
            ("D", 1), (row["number"], 12), (row["predecessor"], 12), (row["state"], 4), (str(row["opened"]), 8),
            (str(row["closed"] or ""), 8), ("居民" if row["domestic"] else "非居民", 6), (row["meter"], 4),
            (row["cycle"], 6), (row["name"], 30), (row["id_number"], 18), (row["address"], 80),
            ("Y" if row["low_income"] else "N", 1),
        )  # fmt: skip
        lines.append(_fixed(*cells))
    lines.append(_fixed(("T", 1), (f"{len(rows) if rows_said is None else rows_said:08d}", 8)))
    return b"".join(line + b"\r\n" for line in lines)


def _fixed(*cells: tuple[str, int]) -> bytes:
    return b"".join(text.encode("gb18030").ljust(width) for text, width in cells)


ROSTERS: dict[str, Callable[..., bytes]] = {
    "city_water": city_water,
    "suburb_water": suburb_water,
    "city_gas": city_gas,
}

# --- doing -----------------------------------------------------------------------------------------------------


def chunked(content: bytes, size: int = 1000) -> Callable[[], Iterable[bytes]]:
    """The content as the jobs want it: to be opened from the start as often as they like."""
    return lambda: (content[start : start + size] for start in range(0, max(len(content), 1), size))


def take(hub: Hub, content: bytes) -> SyncResult:
    """Take in a registry file."""
    return sync_registry(hub, chunked(content), actor="tester")


def roster(hub: Hub, company: str, rows: Sequence[dict[str, Any]]) -> SyncResult:
    """Take in a company's roster of these accounts."""
    return sync_roster(hub, company, chunked(ROSTERS[company](rows)), actor="tester")


def link(hub: Hub) -> LinkSummary:
    """Link what moved."""
    return link_accounts(hub, actor="tester")


def run(hub: Hub, month: str, *, full: bool = False) -> RunSummary:
    """Link, then compute a month; on the 20th of the month before, where the clock stands earlier than that allows."""
    asked = Month.parse(month)
    if asked > Month.of(today(hub.clock)).plus(1):
        hub.clock.set(f"{asked.plus(-1)}-20T21:00:00+08:00")
    link(hub)
    return compute_month(hub, asked, actor="tester", full=full)


def publish(hub: Hub, month: str) -> dict[str, PublishResult]:
    """Publish a month to every company."""
    return {result.company: result for result in publish_month(hub, Month.parse(month), actor="tester")}


# --- seeing ----------------------------------------------------------------------------------------------------


def certificates(hub: Hub) -> dict[int, str]:
    """The certificate number in force of every household, unsealed: that of its latest record by its own word."""
    with hub.store.read() as connection:
        keys = dict(connection.execute(select(household_keys.c.household_id, household_keys.c.wrapped)).all())
        order = (records.c.household_id, records.c.effective_on, records.c.source_version)
        query = select(records.c.household_id, records.c.record_id, sealed_records.c.sealed).join(
            sealed_records,
            (sealed_records.c.household_id == records.c.household_id)
            & (sealed_records.c.record_id == records.c.record_id),
        )
        rows = connection.execute(query.order_by(*order)).all()
    return {one: _number(hub, one, record_id, keys[one], sealed) for one, record_id, sealed in rows}


def _number(hub: Hub, household_id: int, record_id: int, wrapped: bytes, sealed: bytes) -> str:
    opened = hub.household_keys.unwrap(household_id, wrapped).open(("sealed_records", household_id, record_id), sealed)
    return str(json.loads(opened)["certificates"][0]["number"])


def household_id(hub: Hub, number: str) -> int:
    """The hub's own id of the household that this certificate is in force for."""
    return next(one for one, held in certificates(hub).items() if held == number)


def due(hub: Hub, month: str) -> dict[tuple[str, str], dict[str | None, int]]:
    """What the ledger holds for a month: (certificate number, service) → account number, or None yet → thousandths."""
    named = certificates(hub)
    with hub.store.read() as connection:
        n, p = account_numbers.c, postings.c
        current = select(n.account_id, n.number).where(n.known_to == OPEN_VERSION)
        numbers: dict[int, str] = dict(connection.execute(current).all())
        query = (
            select(p.household_id, p.service, p.account_id, func.sum(p.quantity_milli))
            .where(p.month == int(Month.parse(month)))
            .group_by(p.household_id, p.service, p.account_id)
            .having(func.sum(p.quantity_milli) != 0)
        )
        rows = connection.execute(query).all()
    found: dict[tuple[str, str], dict[str | None, int]] = {}
    for one, service, place, quantity in rows:
        found.setdefault((named[one], service), {})[numbers.get(place)] = int(quantity)
    return found


def water(hub: Hub, month: str) -> dict[str, dict[str | None, int]]:
    """What the ledger holds for a month of water, by certificate number."""
    return {number: places for (number, service), places in due(hub, month).items() if service == "water"}


def listed(hub: Hub, company: str, number: int, rendering: str = "ndjson") -> list[dict[str, Any]]:
    """The rows of a published list, from its NDJSON."""
    return [json.loads(line) for line in list_bytes(hub, company, number, rendering).splitlines()]


def list_bytes(hub: Hub, company: str, number: int, rendering: str) -> bytes:
    """A rendering of a published list."""
    import gzip

    from integration.storage import lists

    with hub.store.read() as connection:
        return gzip.decompress(b"".join(lists.chunks_of(connection, company, number, rendering)))


def months(first: str, last: str) -> Iterator[str]:
    """The months from first to last."""
    month = Month.parse(first)
    while month <= Month.parse(last):
        yield str(month)
        month = month.plus(1)


def day(text: str) -> int:
    """The stored form of 2026-10-20."""
    return day_int(date.fromisoformat(text))
