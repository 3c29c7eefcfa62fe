"""Nothing personal stands anywhere in clear (promises E1, E7): canaries go through the real jobs.

The canaries pass as accepted rows, rejected rows, damaged and held files, parked changes, rosters, dry runs, lists,
explanations, exceptions and logs. The control plants one leak of each kind and must find it.
"""

from __future__ import annotations

import io
import json
import logging
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
import world
from canary import scan_bytes
from sqlalchemy import insert, text

from integration import logs
from integration.jobs.decide_hold import propose_release
from integration.jobs.dry_run import dry_run
from integration.jobs.explain import explain
from integration.jobs.hub import Hub
from integration.storage import audit
from integration.storage.holds import HoldRefused
from integration.storage.submissions import MessageConflict
from integration.storage.tables import metadata, submission_outcomes
from schemas.values import Month

PEOPLE = 200
RARE = ["䶮", "㭎", "𬴂", "𠮷", "阿依古丽·买买提"]


def canary_name(n: int) -> str:
    """A name that stands nowhere else: three or more characters, some beyond GBK."""
    return f"{chr(0x9000 + n)}{chr(0x8A00 + n * 3)}{RARE[n % len(RARE)]}"


def canary_home(n: int) -> str:
    return f"{chr(0x6C00 + n)}{chr(0x7A00 + n)}街{n + 1}号7栋2单元{n + 100}室"


def canary_certificate(n: int) -> str:
    return f"ZQ{n:03d}KX{(n * 7919) % 99991:05d}"


def record(n: int, **changes: Any) -> dict[str, Any]:
    row = world.household(canary_certificate(n), n, accounts={"city_water": f"W{n}", "city_gas": f"G{n}"}, **changes)
    row["members"][0]["name"] = canary_name(n)
    row["address"]["text"] = canary_home(n)
    return row


def account(prefix: str, n: int, **changes: Any) -> dict[str, Any]:
    return world.account(f"{prefix}{n}", n, name=canary_name(n), **changes) | {"address": canary_home(n)}


SECRETS = [
    text for n in range(PEOPLE) for text in (canary_name(n), canary_home(n), canary_certificate(n), world.id_of(n))
]


@pytest.fixture
def log(clock) -> Iterator[io.StringIO]:
    stream = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    logs.configure(clock, stream, logging.DEBUG)
    yield stream
    structlog.reset_defaults()
    root.handlers, root.level = handlers, level


def told(error: BaseException) -> bytes:
    shown = [*traceback.format_exception(error), repr(error), repr(error.__cause__), repr(error.__context__)]
    return "".join(shown).encode()


def lived(hub: Hub) -> list[bytes]:
    """Lead the canaries through everything there is; return every reply, text and list that came of it."""
    said: list[Any] = []
    rows = [record(n) for n in range(PEOPLE - 60)]
    rows[3]["members"][0]["id_number"] = world.id_of(3)[:-1] + ("1" if world.id_of(3)[-1] != "1" else "2")
    rows[4]["valid_to"] = 20200101
    rows[5]["category"] = canary_name(5)
    rows[6]["address"]["text"] += "\x07"
    good = world.snapshot(rows, message_id="canaries", districts={world.DISTRICT: len(rows)})
    said.append(world.take(hub, good[:-200]))
    said.append(world.take(hub, good.replace("街".encode(), "街".encode("gb18030"), 1)))
    errors = []
    try:
        said.append(world.take(hub, good.replace(b'"canaries"', b'"again"')))
        said.append(world.take(hub, world.snapshot(rows, message_id="again", position=30)))
    except MessageConflict as error:
        errors.append(told(error))
    said.append(world.take(hub, world.snapshot(rows, message_id="taken", districts={world.DISTRICT: len(rows)})))
    said.append(world.take(hub, world.snapshot(rows[:40], position=20, as_of=20261101)))
    said.append(world.take(hub, world.delta([record(n, version=25) for n in range(PEOPLE - 60, PEOPLE)], position=25)))
    said.append(world.take(hub, world.delta([record(7, version=26), record(7, version=26, valid_to=20281231)])))
    for company, prefix in (("city_water", "W"), ("city_gas", "G"), ("suburb_water", "S")):
        holders = [account(prefix, n) for n in range(PEOPLE)]
        said.append(world.roster(hub, company, [*holders, holders[0], account(prefix, 9, state="坏")]))
        said.append(world.roster(hub, company, holders[: PEOPLE // 2]))
    said += [world.run(hub, "2026-11"), world.publish(hub, "2026-11"), world.run(hub, "2026-12")]
    said.append(dry_run(hub, Month(2026, 12), registry=world.chunked(world.snapshot(rows[:40], position=41))))
    said += [explain(hub, one, Month(2026, 11), language=word) for one in (1, 7, 9) for word in ("zh", "en")]
    try:
        propose_release(hub, 1, "核对", actor="clerk")
        propose_release(hub, 1, "核对", actor="clerk")
    except HoldRefused as error:
        errors.append(told(error))
    return [repr(one).encode() for one in said] + errors


def failing(hub: Hub) -> list[bytes]:
    """Break what is in use: database errors in the middle of canaries, logged as a job would."""
    errors = []
    for statement in (
        "INSERT INTO lookups SELECT * FROM lookups LIMIT 1",
        f"SELECT '{canary_name(1)}' FROM nowhere",
        "UPDATE records SET district = 'x'",
    ):
        try:
            with hub.store.write() as connection:
                connection.execute(text(statement))
        except Exception as error:  # noqa: BLE001
            structlog.get_logger("jobs").exception("failed", name=canary_name(1), rows=1)
            errors.append("".join(traceback.format_exception_only(error)).encode() + repr(error).encode())
    return errors


def database(hub: Hub, folder: Path) -> list[Path | bytes]:
    """Every byte of the database: the SQLite files as they lie there, or a COPY of every table of PostgreSQL."""
    if hub.store.dialect == "sqlite":
        return [folder]
    found: list[Path | bytes] = []
    with hub.store.read() as connection:
        driver = connection.connection.driver_connection
        for table in metadata.sorted_tables:
            for form in ("TEXT", "BINARY"):
                with driver.cursor().copy(f'COPY "{table.name}" TO STDOUT (FORMAT {form})') as copy:
                    found.append(b"".join(map(bytes, copy)))
    return found


def renderings(hub: Hub) -> list[bytes]:
    return [
        world.list_bytes(hub, company, 1, name)
        for company in ("city_water", "city_gas", "suburb_water")
        for name in ("csv", "ndjson", "company")
    ]


def test_two_hundred_canaries_leave_no_trace(hub: Hub, tmp_path: Path, log: io.StringIO) -> None:
    said = [*lived(hub), *failing(hub)]
    audit.sequence(hub.store, hub.ring, hub.clock)
    everywhere = [*said, *renderings(hub), log.getvalue().encode(), *database(hub, tmp_path)]
    assert log.getvalue()
    assert scan_bytes(everywhere, SECRETS) == []
    with hub.store.read() as connection:
        kept = connection.execute(text("SELECT count(*) FROM sealed_records")).scalar_one()
    assert kept >= PEOPLE - 70  # they were really taken in


LEAKS = {
    "a fault that quotes": lambda secret: {"text": f"bad name {secret}", "column": ""},
    "a column named by content": lambda secret: {"text": "", "column": secret},
    "escaped": lambda secret: {"text": json.dumps(secret), "column": ""},
    "in hex": lambda secret: {"text": secret.encode().hex(), "column": ""},
}


@pytest.mark.parametrize("leak", LEAKS)
def test_a_leak_planted_in_the_database_is_found(hub: Hub, tmp_path: Path, leak: str) -> None:
    world.take(hub, world.snapshot([record(1)]))
    assert scan_bytes(database(hub, tmp_path), SECRETS) == []
    row = {"submission_id": 1, "first_row": 99, "n": 99, "last_row": 99, "outcome": "rejected", "code": "X"}
    with hub.store.write() as connection:
        connection.execute(insert(submission_outcomes), row | LEAKS[leak](canary_name(1)))
    assert {hit[0] for hit in scan_bytes(database(hub, tmp_path), SECRETS)} == {canary_name(1)}


def test_a_leak_planted_in_a_log_a_list_or_a_text_is_found(log: io.StringIO) -> None:
    structlog.get_logger("jobs").info(canary_name(1))
    assert scan_bytes([log.getvalue().encode()], SECRETS)
    assert scan_bytes([canary_certificate(2).encode()], SECRETS)
    assert scan_bytes([told(ValueError(canary_home(3)))], SECRETS)
