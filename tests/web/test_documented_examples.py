"""The examples of the documentation do what they say, against a real server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from callers import Caller
from serving import served
from world import list_bytes

from integration.domain.rights import ClientKind
from integration.jobs.hub import Hub
from integration.jobs.inbox import apply_waiting
from integration.jobs.manage_clients import add_client
from integration.storage import receipts, submissions
from integration.web.api import EXAMPLES as EXAMPLES_OF_THE_DOCUMENT
from integration.web.door import Options
from integration.web.server import make_app

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


def test_the_python_example_fetches_checks_and_acknowledges_every_list(city: Hub, tmp_path: Path) -> None:
    kind = ClientKind.COMPANY
    secret = add_client(city, client_id="billing", title="x", kind=kind, party="city_water", actor="sec")
    folder = tmp_path / "lists"
    words = [sys.executable, str(EXAMPLES / "pull_lists.py"), str(folder)]
    with served(make_app(city, Options(folder=tmp_path / "service"))) as url:
        env = os.environ | {"HUB": url, "CLIENT": "billing", "SECRET": secret or ""}
        for _ in range(2):  # the second time there is nothing left to fetch
            done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=30, check=False)
            assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    for number in (1, 2):
        (content,) = [path for path in (folder / str(number)).iterdir() if not path.name.startswith("manifest")]
        assert content.read_bytes() == list_bytes(city, "city_water", number, "company")
    with city.store.read() as connection:
        assert set(receipts.receipts_of(connection, "city_water")) == {1, 2}


def test_the_examples_are_as_short_as_they_are_said_to_be() -> None:
    lengths = {path.name: len(path.read_text().splitlines()) for path in EXAMPLES.iterdir() if path.is_file()}
    assert all(lines <= 50 for lines in lengths.values()), lengths


async def test_the_documents_own_batch_is_applied_row_by_row(api: Caller) -> None:
    kept = await api.json(
        "POST", "/v1/registry/batches", "bureau", 202, json=EXAMPLES_OF_THE_DOCUMENT["sendRegistryBatch"]
    )
    api.hub.clock.set("2026-11-24T12:00:00+08:00")  # the day of the example
    apply_waiting(api.hub, actor="hub")
    with api.hub.store.read() as connection:
        ended = submissions.state(connection, kept["submission_id"])
    assert json.loads(ended.reply)["counts"] == {"applied": 1, "unchanged": 0, "held": 0, "rejected": 0}
