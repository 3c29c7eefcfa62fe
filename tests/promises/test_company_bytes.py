"""A company receives the least (promise E7): every byte of every rendering is parsed and held against an allow-list."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from sqlalchemy import select
from world import account, delta, household, id_of, list_bytes, listed, name_of, publish, roster, run, snapshot, take

from integration.jobs.hub import Hub
from integration.storage.tables import households, lists
from schemas.lists import Change

#: All that a company may learn of a household.
ALLOWED = {"reference", "account", "service", "month", "quantity_milli", "change"}
WORDS = {"新增": "NEW", "保留": "KEEP", "停止": "STOP", "补发": "RETRO", "转移": "MOVE"}
#: What a company's own header and trailer may say, and nothing else.
CITY_WATER_HEADER = ["HDR", "CITYWATER", "number", "month", "created", "kind"]


@pytest.fixture
def published(hub: Hub) -> Hub:
    """Two months at three companies, with NEW, KEEP, STOP, RETRO and MOVE rows."""
    named = {"city_water": "W{}", "city_gas": "G{}", "suburb_water": "S{}"}

    def home(c: str, n: int, **changes: Any) -> dict[str, Any]:
        water = "suburb_water" if c == "E" else "city_water"
        accounts = {company: named[company].format(n) for company in (water, "city_gas")}
        return household(c, n, **({"accounts": accounts} | changes))

    take(hub, snapshot([home(c, n) for n, c in enumerate("ABCDE", 1)], as_of=20260920))
    roster(hub, "city_water", [*(account(f"W{n}", n) for n in range(1, 10)), account("W2X", 2, home=42)])
    roster(hub, "suburb_water", [account(f"S{n}", n) for n in range(1, 10)])
    roster(hub, "city_gas", [account(f"G{n}", n) for n in range(1, 10)])
    run(hub, "2026-10")
    publish(hub, "2026-10")
    changed = [
        home("A", 1, status="ended", effective_on=20261001, version=11),
        home("B", 2, home=42, accounts={"city_water": "W2X", "city_gas": "G2"}, effective_on=20260915, version=12),
        home("F", 6, valid_from=20261001, version=13, grant=True),
    ]
    take(hub, delta(changed, position=14))
    run(hub, "2026-11")
    publish(hub, "2026-11")
    return hub


def rows_of(rendering: str, company: str, content: bytes) -> list[dict[str, Any]]:
    """Parse a rendering by what its format is, knowing nothing of the code that wrote it."""
    if rendering == "ndjson":
        return [json.loads(line) for line in content.splitlines()]
    if rendering == "csv":
        return list(csv.DictReader(io.StringIO(content.decode())))
    return {"city_water": city_water, "suburb_water": suburb_water, "city_gas": city_gas}[company](content)


def city_water(content: bytes) -> list[dict[str, Any]]:
    lines = [line.split("|") for line in content.decode("gb18030").splitlines()]
    assert lines[0][:2] == CITY_WATER_HEADER[:2]
    assert len(lines[0]) == len(CITY_WATER_HEADER)
    assert (lines[-1][0], len(lines[-1])) == ("TRL", 3)
    return [named_cells(line) for line in lines[1:-1]]


def suburb_water(content: bytes) -> list[dict[str, Any]]:
    lines = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    assert lines[0] == ["参考号", "户号", "月份", "减免水量", "变更"]
    assert (lines[-1][0], len(lines[-1])) == ("合计", 2)
    return [named_cells(line) for line in lines[1:-1]]


def named_cells(cells: list[str]) -> dict[str, Any]:
    reference, number, month, quantity, change = cells
    return {
        "reference": reference,
        "account": number,
        "month": month.replace("-", ""),
        "quantity_milli": quantity.replace(".", ""),
        "change": WORDS[change],
    }


def city_gas(content: bytes) -> list[dict[str, Any]]:
    document = json.loads(content)
    assert list(document) == ["head", "rows", "total"]
    assert list(document["head"]) == ["company", "listNo", "month", "createdOn", "kind"]
    assert list(document["total"]) == ["rows", "volume"]
    letters = dict(zip("AKDBM", WORDS, strict=True))
    found = []
    for row in document["rows"]:
        assert list(row) == ["refNo", "userNo", "month", "volume", "change"]
        found.append(named_cells([*map(str, list(row.values())[:-1]), letters[row["change"]]]))
    return found


def renderings(hub: Hub) -> list[tuple[str, int, str, bytes]]:
    with hub.store.read() as connection:
        published = connection.execute(select(lists.c.company, lists.c.number, lists.c.manifest)).all()
    return [
        (company, number, one["name"], list_bytes(hub, company, number, one["name"]))
        for company, number, manifest in published
        for one in json.loads(manifest)["renderings"]
    ]


def test_every_rendering_holds_the_allowed_fields_and_no_other(published: Hub) -> None:
    seen: set[str] = set()
    checked = renderings(published)
    assert {(company, name) for company, _, name, _ in checked} == {
        (company, name)
        for company in ("city_water", "city_gas", "suburb_water")
        for name in ("csv", "ndjson", "company")
    }
    for company, _, name, content in checked:
        for row in rows_of(name, company, content):
            assert set(row) <= ALLOWED
            seen.add(row["change"])
            assert row["account"][0] == {"city_water": "W", "city_gas": "G", "suburb_water": "S"}[company]
            assert str(row["month"]) in ("202610", "202611")
            assert abs(int(row["quantity_milli"])) in (0, 3000)
    assert seen == {change.value for change in Change} - {Change.CLAW_BACK.value}  # no authority decided anything here


def test_no_rendering_names_a_person_or_a_certificate(published: Hub) -> None:
    secrets = [text for n in range(1, 7) for text in (name_of(n), id_of(n), f"和平路{n}号")]
    for *_, content in renderings(published):
        text = content.decode("gb18030", "replace") + content.decode("utf-8", "replace")
        assert [secret for secret in secrets if secret in text] == []
        assert "dibao" not in text


def test_a_household_has_another_reference_at_each_company_and_it_is_never_the_hubs_id(published: Hub) -> None:
    with published.store.read() as connection:
        ids = {str(one) for one in connection.execute(select(households.c.household_id)).scalars()}
    water = {row["account"][1:]: row["reference"] for row in listed(published, "city_water", 1)}
    gas = {row["account"][1:]: row["reference"] for row in listed(published, "city_gas", 1)}
    shared = water.keys() & gas.keys()
    assert len(shared) >= 4
    assert all(water[n] != gas[n] for n in shared)
    assert len({*water.values(), *gas.values()}) == len(water) + len(gas)
    assert not ids & {*water.values(), *gas.values()}
    assert all(len(one) >= 16 for one in water.values())


def test_a_manifest_says_of_the_list_and_of_nobody(published: Hub) -> None:
    from schemas.lists import Manifest

    with published.store.read() as connection:
        for manifest in connection.execute(select(lists.c.manifest)).scalars():
            assert set(json.loads(manifest)) == set(Manifest.__struct_fields__)


def test_a_field_too_many_would_be_found() -> None:
    """The control."""
    with pytest.raises(ValueError, match="too many values"):
        city_water("HDR|CITYWATER|1|202611|20261025|R\nR1|W1|202611|3.000|新增|张三\nTRL|1|3.000\n".encode("gb18030"))
    assert not set(rows_of("ndjson", "city_water", b'{"reference":"R","name":"x"}')[0]) <= ALLOWED
