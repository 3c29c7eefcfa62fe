"""Files over HTTP: kept before they are answered, applied by the worker, told row by row; and strictly read."""

from __future__ import annotations

import asyncio
import json
from io import BytesIO

import pytest
from callers import Caller
from reporting import bill, places, report
from world import account, city_water, delta, household, snapshot

from integration.jobs.inbox import apply_waiting


def work(api: Caller) -> int:
    return apply_waiting(api.hub, actor="hub")


async def test_a_snapshot_is_kept_then_applied_and_told_row_by_row(api: Caller) -> None:
    file = snapshot(
        [household(f"A{n}", n, version=20) for n in range(1, 6)] + [household("A9", 9, valid_from=20269999)],
        position=20,
    )
    kept = await api.json("POST", "/v1/registry/files", "bureau", 202, data=file)
    assert (await api.json("GET", kept["status"], "bureau"))["state"] == "received"
    assert work(api) == 1
    ended = await api.json("GET", kept["status"], "bureau")
    assert ended["state"] == "applied"
    assert sum(ended["reply"]["counts"].values()) == 6
    rows = await api.json("GET", kept["status"] + "/rows", "bureau", headers={"Accept-Language": "en"})
    assert [(one["outcome"], one["code"]) for one in rows if one["outcome"] == "rejected"] == [("rejected", "BAD_DAY")]
    assert all("/" not in one["text"] for one in rows)


async def test_a_batch_goes_the_road_of_a_file(api: Caller) -> None:
    header = {
        "source": "civil_affairs", "kind": "delta", "message_id": "b1", "position": 30, "as_of": 20261105,
        "month": "2026-11",
    }  # fmt: skip
    rows = [household("A7", 7, version=30, grant=True), {"certificates": []}]
    kept = await api.json("POST", "/v1/registry/batches", "bureau", 202, json={"header": header, "rows": rows})
    work(api)
    ended = await api.json("GET", kept["status"], "bureau")
    assert (ended["state"], ended["message_id"]) == ("applied", "b1")
    assert ended["reply"]["counts"] == {"applied": 1, "unchanged": 0, "held": 0, "rejected": 1}


async def test_a_report_is_judged_and_its_rows_shown(api: Caller) -> None:
    place = places(api.hub, "city_gas")[1]
    file = report("2026-10", [bill("G1", place, "2026-10", 4000, price=26300)], company="city_gas")
    kept = await api.json("POST", "/v1/reports", "gas", 202, data=file)
    work(api)
    ended = await api.json("GET", kept["status"], "gas")
    number = ended["reply"]["report_id"]
    rows = await api.json("GET", f"/v1/reports/{number}/rows", "gas")
    assert [(one["said"]["bill_id"], one["due_milli"]) for one in rows] == [("G1", 3000)]
    assert (await api("GET", f"/v1/reports/{number}", "water")).status == 404


async def test_a_check_says_the_same_and_keeps_nothing(api: Caller) -> None:
    roster = city_water([account("W1", 1), account("W1", 1)])
    checked = await api.json("POST", "/v1/checks?kind=roster", "water", data=roster)
    before = await api.json("GET", "/v1/submissions", "water")
    kept = await api.json("POST", "/v1/rosters", "water", 202, data=roster)
    work(api)
    ended = await api.json("GET", kept["status"], "water")
    assert (checked["state"], checked["counts"]) == (ended["state"], ended["reply"]["counts"])
    assert sum(checked["counts"].values()) == 2
    rows = await api.json("GET", kept["status"] + "/rows", "water")
    assert checked["rows"] == rows != []
    assert len(await api.json("GET", "/v1/submissions", "water")) == len(before) + 1


async def test_a_held_snapshot_is_seen_by_its_sender_and_released_by_two(api: Caller) -> None:
    people = [household(f"B{n}", n) for n in range(100, 200)]
    kept = await api.json("POST", "/v1/registry/files", "bureau", 202, data=snapshot(people, position=40))
    work(api)
    (hold,) = await api.json("GET", "/v1/holds", "bureau")
    assert (await api.json("GET", kept["status"], "bureau"))["state"] == "held"
    assert {one["limit"] for one in hold["trips"]} >= {"additions"}
    assert "proposed_by" not in hold
    path = f"/v1/office/holds/{hold['hold_id']}"
    await api.json("POST", path + "/proposal", "supervisor", json={"reason": "全市年审"})
    refused = await api.json("POST", path + "/approval", "supervisor", 409, json={})
    assert refused["code"] == "REFUSED"
    decided = await api.json("POST", path + "/approval", "supervisor2", json={})
    assert decided["result"]["state"] == "applied"
    assert (await api.json("GET", kept["status"], "bureau"))["state"] == "applied"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b'{"reason": "a", "reason": "b"}', "BAD_JSON"),
        (b'{"reason": NaN}', "BAD_JSON"),
        (b'{"reason": 1e999}', "BAD_JSON"),
        (b'{"reason": 9007199254740993}', "BAD_JSON"),
        (b'{"reason": ' + b"[" * 50 + b"]" * 50 + b"}", "BAD_JSON"),
        (b'{"reason": "\\ud800"}', "BAD_JSON"),
        (b"\xef\xbb\xbf{}", "BAD_JSON"),
        (b'{"reason": "\xff"}', "BAD_JSON"),
        (b"{} {}", "BAD_JSON"),
        (b"", "BAD_JSON"),
        (b'{"reason": 5}', "NOT_AS_AGREED"),
        (b'{"reason": ""}', "NOT_AS_AGREED"),
        (b'{"reason": "a", "more": 1}', "NOT_AS_AGREED"),
        (b"[]", "NOT_AS_AGREED"),
    ],
)
async def test_json_is_read_strictly_and_never_quoted(api: Caller, raw: bytes, code: str) -> None:
    headers = {"Content-Type": "application/json"}
    response = await api("POST", "/v1/office/holds/1/proposal", "clerk", data=raw, headers=headers)
    said = await response.json(content_type="application/problem+json")
    assert said["code"] == code
    assert "9007199254740993" not in json.dumps(said)


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Content-Encoding": "gzip"}, 415, "ENCODED"),
        ({"Content-Type": "application/pdf"}, 415, "BAD_MEDIA_TYPE"),
        ({"Idempotency-Key": ""}, 400, "MISSING_KEY"),
        ({"Idempotency-Key": "a b"}, 400, "MISSING_KEY"),
        ({"Idempotency-Key": "k" * 101}, 400, "MISSING_KEY"),
    ],
)
async def test_headers_are_checked_before_a_byte_is_read(
    api: Caller, headers: dict[str, str], status: int, code: str
) -> None:
    said = await api.json("POST", "/v1/rosters", "water", status, data=b"x", headers=headers)
    assert said["code"] == code


async def test_a_json_body_has_a_limit(api: Caller) -> None:
    raw = b'{"reason": "' + b"x" * (1 << 20) + b'"}'
    headers = {"Content-Type": "application/json"}
    response = await api("POST", "/v1/office/holds/1/proposal", "clerk", data=BytesIO(raw), headers=headers)
    assert response.status == 413


@pytest.mark.parametrize(
    "path", ["/v1/lists?after=x", "/v1/lists?limit=0", "/v1/lists?after=1&after=2", "/v1/lists?no=1"]
)
async def test_parameters_are_checked(api: Caller, path: str) -> None:
    assert (await api.json("GET", path, "water", 400))["code"] == "BAD_PARAMETER"


async def test_a_sender_that_breaks_off_leaves_nothing(api: Caller) -> None:
    before = await api.json("GET", "/v1/submissions", "water")
    reader, writer = await asyncio.open_connection(api.client.server.host, api.client.server.port)
    head = f"POST /v1/rosters HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {api.tokens['water']}\r\n"
    head += "Idempotency-Key: cut\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\n"
    writer.write(head.encode() + b"only so much")
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    await asyncio.sleep(0.1)
    assert await api.json("GET", "/v1/submissions", "water") == before
    del reader


async def test_a_delta_of_another_source_is_refused_by_name(api: Caller) -> None:
    kept = await api.json("POST", "/v1/registry/files", "bureau", 202, data=delta([household("A1", 1)], source="other"))
    work(api)
    ended = await api.json("GET", kept["status"], "bureau")
    assert (ended["state"], ended["reply"]["faults"][0]["code"]) == ("refused", "WRONG_SOURCE")
