"""``waiverhub serve`` as a process: it answers, works what arrives, and ends when asked without losing an answer."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from world import account, city_water

from integration.app import open_hub
from integration.domain.rights import ClientKind
from integration.jobs.manage_clients import add_client
from integration.settings import Settings

TOKEN_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Served:
    """The process, and a client of the waterworks that calls it."""

    def __init__(self, data: Path, keys: Path) -> None:
        settings = Settings(data_dir=data, keys_dir=str(keys))  # type: ignore[call-arg]
        kind = ClientKind.COMPANY
        with open_hub(settings) as hub:
            secret = add_client(hub, client_id="works", title="x", kind=kind, party="city_water", actor="sec")
        self.env = os.environ | {
            "WAIVERHUB_DATA_DIR": str(data), "WAIVERHUB_KEYS_DIR": str(keys), "WAIVERHUB_LANGUAGE": "en",
            "WAIVERHUB_DATABASE_URL": "",
        }  # fmt: skip
        words = [sys.executable, "-m", "integration.cli", "serve", "--port", "0"]
        self.process = subprocess.Popen(words, env=self.env, stderr=subprocess.PIPE, text=True)
        self.port = self._port()
        form = {"grant_type": "client_credentials", "client_id": "works", "client_secret": secret or ""}
        said = self.call("POST", "/v1/token", urlencode(form).encode(), TOKEN_FORM)[1]
        self.headers = {"Authorization": f"Bearer {said['access_token']}", "Content-Type": "text/plain"}

    def _port(self) -> int:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if line.startswith("serving: "):
                return int(line.rpartition(":")[2])
        raise AssertionError("it never served")

    def call(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        said = json.loads(answer.read())
        connection.close()
        return answer.status, said

    def end(self) -> int:
        """Wait for the end; return the exit code."""
        assert self.process.stderr is not None
        self.process.stderr.read()
        return self.process.wait(35)


@pytest.fixture
def served(filled: Path, key_folder: Path, tmp_path: Path) -> Iterator[Served]:
    shutil.copyfile(filled / "hub.db", tmp_path / "hub.sqlite")
    made = Served(tmp_path, key_folder)
    yield made
    if made.process.poll() is None:
        made.process.kill()
    made.process.wait()
    assert made.process.stderr is not None
    made.process.stderr.close()


def test_it_is_ready_works_what_arrives_and_lets_no_other_write(served: Served) -> None:
    assert served.call("GET", "/readyz") == (
        200, {"ready": True, "checks": {"service": "ok", "clock": "ok", "database": "ok"}}
    )  # fmt: skip
    roster = city_water([account(f"W{n}", n) for n in range(1, 6)])
    key = {"Idempotency-Key": "roster"}
    status, kept = served.call("POST", "/v1/rosters", roster, served.headers | key)
    assert status == 202
    deadline = time.monotonic() + 10
    while (found := served.call("GET", kept["status"], None, served.headers)[1])["state"] == "received":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert found["state"] == "applied"
    words = [sys.executable, "-m", "integration.cli", "link"]
    beside = subprocess.run(words, env=served.env, capture_output=True, text=True, check=False)
    assert (beside.returncode, "another process writes" in beside.stderr) == (5, True)


def test_it_ends_when_asked_and_finishes_what_it_has_begun(served: Served) -> None:
    body = city_water([account("W1", 1)])
    head = f"POST /v1/rosters HTTP/1.1\r\nHost: hub\r\nIdempotency-Key: last\r\nContent-Length: {len(body)}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in served.headers.items())
    with socket.create_connection(("127.0.0.1", served.port), timeout=20) as connection:
        connection.sendall(head.encode() + b"\r\n" + body[:10])
        time.sleep(0.3)
        served.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert served.process.poll() is None  # a call is under way
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", served.port), timeout=5)
        connection.sendall(body[10:])
        assert connection.recv(100).startswith(b"HTTP/1.1 202 ")
    assert served.end() == 0


def test_it_ends_at_once_when_there_is_nothing_to_finish(served: Served) -> None:
    start = time.monotonic()
    served.process.send_signal(signal.SIGTERM)
    assert served.end() == 0
    assert time.monotonic() - start < 20
