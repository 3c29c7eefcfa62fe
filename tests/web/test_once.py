"""A write has the effect of one, for ever: twice, again with another body, two at once, after a refusal."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from callers import Caller
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import func, select
from world import account, city_water

from integration.jobs.hub import Hub
from integration.jobs.inbox import apply_waiting
from integration.storage.tables import audit, replies, submissions
from integration.web.door import Door, Options
from integration.web.server import make_app

KEY = {"Idempotency-Key": "the-same"}


def count(api: Caller, table: Any) -> int:
    with api.hub.store.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


async def test_the_same_request_gets_the_same_bytes(api: Caller) -> None:
    file = city_water([account("W1", 1)])
    first = await api("POST", "/v1/rosters", "water", data=file, headers=KEY)
    apply_waiting(api.hub, actor="hub")
    api.hub.clock.advance(minutes=3)
    again = await api("POST", "/v1/rosters", "water", data=file, headers=KEY)
    assert (first.status, await first.read(), first.headers["Location"]) == (
        again.status, await again.read(), again.headers["Location"],
    )  # fmt: skip


async def test_another_request_under_the_key_is_refused_and_names_the_first(api: Caller) -> None:
    await api.json("POST", "/v1/rosters", "water", 202, data=b"one", headers=KEY)
    for path, body in (("/v1/rosters", b"two"), ("/v1/aliases", b"one")):
        said = await api.json("POST", path, "water", 409, data=body, headers=KEY)
        assert said["code"] == "KEY_REUSED"
        assert "2026-11-05T01:00:00" in said["detail"]


async def test_a_key_is_each_callers_own(api: Caller) -> None:
    await api.json("POST", "/v1/rosters", "water", 202, data=b"one", headers=KEY)
    await api.json("POST", "/v1/rosters", "gas", 202, data=b"two", headers=KEY)


async def test_what_was_refused_may_be_sent_again_put_right(api: Caller) -> None:
    said = {"manifest_sha256": "0" * 64}
    await api.json("POST", "/v1/lists/1/receipt", "water", 409, json=said, headers=KEY)
    signed = await (await api("GET", "/v1/lists/1/manifest", "water")).read()
    said = {"manifest_sha256": hashlib.sha256(signed).hexdigest()}
    await api.json("POST", "/v1/lists/1/receipt", "water", json=said, headers=KEY)


async def test_two_at_once_have_one_effect(api: Caller) -> None:
    before, audited = count(api, submissions), count(api, audit)
    sent = [api("POST", "/v1/rosters", "water", data=b"twin", headers=KEY) for _ in range(8)]
    answers = await asyncio.gather(*sent)
    assert len({(one.status, await one.read()) for one in answers}) == 1
    assert (count(api, submissions), count(api, audit)) == (before + 1, audited + 1)


async def test_a_secret_is_told_once_and_kept_nowhere(api: Caller) -> None:
    new = {"client_id": "extra", "title": "另一台", "kind": "company", "party": "city_gas"}
    first = await api.json("POST", "/v1/admin/clients", "security_admin", 201, json=new, headers=KEY)
    again = await api.json("POST", "/v1/admin/clients", "security_admin", 201, json=new, headers=KEY)
    assert first["secret"]
    assert again == {"client_id": "extra", "secret": None}
    with api.hub.store.read() as connection:
        kept = connection.execute(select(replies.c.body)).scalars().all()
    assert first["secret"] not in "".join(kept)


class Sending(RuleBasedStateMachine):
    """A company that sends receipts and files, repeats, changes its mind and its keys; beside it a model."""

    api: Caller
    runner: asyncio.Runner

    @initialize()
    def begin(self) -> None:
        self.answered: dict[tuple[str, str], tuple[bytes, bytes]] = {}
        self.contents: dict[bytes, int] = {}
        self.start = count(self.api, submissions)
        type(self).run = getattr(type(self), "run", 0) + 1

    @rule(who=st.sampled_from(["water", "gas"]), key=st.integers(0, 2), body=st.integers(0, 2), twins=st.integers(1, 2))
    def send(self, who: str, key: int, body: int, twins: int) -> None:
        name, content = f"{self.run}-{key}", f"{self.run} {body}".encode()
        for status, said in self._sent(who, name, content, twins):
            known = self.answered.get((who, name))
            if known is not None and known[0] != content:
                assert status == 409
                continue
            assert status == 202
            assert known is None or known[1] == said
            self.answered[who, name] = (content, said)
            self.contents.setdefault(who.encode() + content, 1)

    def _sent(self, who: str, name: str, content: bytes, twins: int) -> list[tuple[int, bytes]]:
        async def all_of_them() -> list[tuple[int, bytes]]:
            headers = {"Idempotency-Key": name}
            sent = [self.api("POST", "/v1/reports", who, data=content, headers=headers) for _ in range(twins)]
            return [(one.status, await one.read()) for one in await asyncio.gather(*sent)]

        return self.runner.run(all_of_them())

    @invariant()
    def each_content_is_kept_once(self) -> None:
        if hasattr(self, "contents"):
            assert count(self.api, submissions) - self.start == len(self.contents)


def test_any_order_of_repetitions_agrees_with_the_model(city: Hub, filled: Path, tmp_path: Path) -> None:
    play(city, filled, tmp_path)


def test_control_a_door_that_forgets_its_answers_would_be_found(
    city: Hub, filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Door, "once", lambda _self, call, work: work(call))
    with pytest.raises(AssertionError):
        play(city, filled, tmp_path)


def play(city: Hub, filled: Path, tmp_path: Path) -> None:
    options = Options(folder=tmp_path / "service", rate_per_s=10_000, burst=10_000)
    with asyncio.Runner() as runner:

        async def opened() -> TestClient:
            client = TestClient(TestServer(make_app(city, options)))
            await client.start_server()
            return client

        client = runner.run(opened())
        Sending.api, Sending.runner = Caller(client, city, filled / "tokens.json"), runner
        limits = settings(max_examples=25, stateful_step_count=12, deadline=None, database=None)
        try:
            run_state_machine_as_test(Sending, settings=limits)
        finally:
            runner.run(client.close())
