"""Lists over HTTP: nothing is missed, everything is as signed, and what a company has it need not fetch again."""

from __future__ import annotations

import hashlib
import json
import shutil
from io import BytesIO

import pytest
from callers import Caller
from python_calamine import CalamineWorkbook
from world import list_bytes

from schemas import list_check


async def test_a_company_that_was_away_misses_nothing(api: Caller) -> None:
    everything = await api.json("GET", "/v1/lists", "water")
    assert [one["number"] for one in everything] == [1, 2]
    assert [one["number"] for one in await api.json("GET", "/v1/lists?after=1", "water")] == [2]
    assert await api.json("GET", "/v1/lists?after=2", "water") == []
    assert [one["number"] for one in await api.json("GET", "/v1/lists?limit=1", "water")] == [1]


async def test_what_comes_is_what_was_signed(api: Caller) -> None:
    signed = await (await api("GET", "/v1/lists/1/manifest", "water")).read()
    signature = await (await api("GET", "/v1/lists/1/signature", "water")).read()
    keys = {one["purpose"]: one["pem"] for one in await api.json("GET", "/v1/keys", "anonymous")}
    assert list_check.manifest_faults(signed, signature, keys["lists"].encode()) == []
    for rendering in json.loads(signed)["renderings"]:
        response = await api("GET", f"/v1/lists/1/content?rendering={rendering['name']}", "water")
        content = await response.read()
        assert hashlib.sha256(content).hexdigest() == rendering["sha256"]
        assert response.content_type == rendering["media_type"].partition(";")[0]


@pytest.mark.parametrize(
    ("accept", "rendering"),
    [("text/csv", "csv"), ("application/x-ndjson", "ndjson"), ("*/*", "company"), ("image/png, text/csv;q=0.5", "csv")],
)
async def test_the_form_is_chosen_by_accept(api: Caller, accept: str, rendering: str) -> None:
    response = await api("GET", "/v1/lists/1/content", "water", headers={"Accept": accept})
    assert await response.read() == list_bytes(api.hub, "city_water", 1, rendering)


async def test_what_is_not_to_be_had_is_refused_with_what_is(api: Caller) -> None:
    headers = {"Accept": "image/png", "Accept-Language": "en"}
    said = await api.json("GET", "/v1/lists/1/content", "water", 406, headers=headers)
    assert said["code"] == "NOT_ACCEPTABLE"
    assert "csv, ndjson, company, xlsx" in said["detail"]


async def test_content_is_fetched_in_parts_and_only_if_it_is_not_there(api: Caller) -> None:
    path = "/v1/lists/1/content?rendering=csv"
    whole = list_bytes(api.hub, "city_water", 1, "csv")
    first = await api("GET", path, "water", headers={"Accept-Encoding": "identity"})
    assert await first.read() == whole
    etag = first.headers["ETag"]
    part = await api("GET", path, "water", headers={"Range": "bytes=10-29", "Accept-Encoding": "identity"})
    assert (part.status, await part.read()) == (206, whole[10:30])
    again = await api("GET", path, "water", headers={"If-None-Match": etag, "Accept-Encoding": "identity"})
    assert (again.status, await again.read()) == (304, b"")
    beyond = await api("GET", path, "water", headers={"Range": f"bytes={len(whole)}-", "Accept-Encoding": "identity"})
    assert beyond.status == 416


async def test_gzip_is_sent_as_it_is_stored(api: Caller) -> None:
    headers = {"Accept-Encoding": "gzip"}
    async with api.client.session.get(
        api.client.make_url("/v1/lists/1/content?rendering=csv"),
        headers=headers | {"Authorization": f"Bearer {api.tokens['water']}"},
    ) as response:
        assert response.headers["Content-Encoding"] == "gzip"
        assert await response.read() == list_bytes(api.hub, "city_water", 1, "csv")


async def test_etags_differ_by_form(api: Caller) -> None:
    tags = set()
    for name in ("csv", "ndjson", "company"):
        for encoding in ("identity", "gzip"):
            response = await api(
                "GET", f"/v1/lists/1/content?rendering={name}", "water", headers={"Accept-Encoding": encoding}
            )
            tags.add(response.headers["ETag"])
    assert len(tags) == 6


async def test_a_sheet_for_people_holds_the_same_rows(api: Caller) -> None:
    response = await api("GET", "/v1/lists/1/content?rendering=xlsx", "water")
    rows = CalamineWorkbook.from_filelike(BytesIO(await response.read())).get_sheet_by_index(0).to_python()
    listed = [json.loads(line) for line in list_bytes(api.hub, "city_water", 1, "ndjson").splitlines()]
    assert [row[:2] for row in rows[1:]] == [[one["reference"], one["account"]] for one in listed]
    assert [row[4] for row in rows[1:]] == [one["quantity_milli"] for one in listed]


async def test_a_lost_cache_is_made_again(api: Caller, tmp_path) -> None:
    path = "/v1/lists/2/content?rendering=ndjson"
    first = await (await api("GET", path, "water")).read()
    shutil.rmtree(tmp_path / "service")
    assert await (await api("GET", path, "water")).read() == first


async def test_a_receipt_is_given_once_and_shown(api: Caller) -> None:
    signed = await (await api("GET", "/v1/lists/1/manifest", "water")).read()
    said = {"manifest_sha256": hashlib.sha256(signed).hexdigest()}
    first = await api.json("POST", "/v1/lists/1/receipt", "water", json=said)
    api.hub.clock.advance(minutes=1)
    assert await api.json("POST", "/v1/lists/1/receipt", "water", json=said) == first
    assert [one["receipt_at"] for one in await api.json("GET", "/v1/lists", "water")] == [first["received_at"], None]


async def test_a_receipt_for_another_manifest_is_refused(api: Caller) -> None:
    said = await api.json("POST", "/v1/lists/1/receipt", "water", 409, json={"manifest_sha256": "0" * 64})
    assert said["code"] == "CONFLICT"
