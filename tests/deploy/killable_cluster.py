"""A real cluster on this machine's loopback, brought up by the script that operators use; its nodes can be killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psycopg

T = TypeVar("T")
SCRIPTS = Path(__file__).parent.parent.parent / "deploy" / "cluster"
BASE = 15_500 + os.getpid() % 40 * 100
NEEDED = ("patroni", "etcd", "etcdctl", "psql", "setpriv", "curl", "openssl")


@dataclass(frozen=True)
class Cluster:
    """A running cluster: its folder, and the URL by which the hub knows it."""

    folder: Path

    @property
    def url(self) -> str:
        return (self.folder / "url").read_text().strip()

    def up(self) -> None:
        """Bring up what is not running."""
        subprocess.run([SCRIPTS / "up.sh", self.folder, str(BASE)], check=True, timeout=300, capture_output=True)

    def down(self) -> None:
        subprocess.run([SCRIPTS / "down.sh", self.folder, "--remove"], check=True, timeout=120, capture_output=True)

    def roles(self) -> dict[str, str]:
        """The role of every node that runs, as the first node that answers has it."""
        for port in (BASE + 21, BASE + 22, BASE + 23):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/cluster", timeout=3) as answer:
                    members = json.load(answer)["members"]
            except OSError:
                continue
            return {one["name"]: one["role"] for one in members if one["state"] in ("running", "streaming")}
        return {}

    def primary(self) -> str:
        return until(lambda: next((name for name, role in self.roles().items() if role == "leader"), None), 60)

    def watching(self, name: str) -> psycopg.Connection:
        """A superuser's connection to a node itself."""
        password = (self.folder / "superuser.password").read_text().strip()
        port = BASE + 10 + int(name[-1])
        options = {"host": "127.0.0.1", "port": port, "user": "postgres", "password": password, "dbname": "postgres"}
        return psycopg.connect(**options, autocommit=True)  # type: ignore[arg-type]

    def postmaster(self, name: str) -> int:
        return int((self.folder / name / "data" / "postmaster.pid").read_text().split("\n")[0])

    def unsafe(self) -> None:
        """Acknowledge commits that no other node has, as a cluster without synchronous replication would."""
        settings = ["-s", "synchronous_mode=false", "-s", "synchronous_mode_strict=false"]
        command = ["patronictl", "-c", self.folder / "node1.yml", "edit-config", "--force", *settings]
        subprocess.run(command, check=True, timeout=60, capture_output=True)
        with self.watching(self.primary()) as watching:
            shown = "SHOW synchronous_standby_names"
            until(lambda: True if watching.execute(shown).fetchone() == ("",) else None, 60)

    def cut_off(self, name: str) -> None:
        """Let nothing more leave a node for the others."""
        for pid in children(self.postmaster(name)):
            if b"walsender" in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGSTOP)

    def kill(self, name: str) -> None:
        """Let a node die as if its machine had lost power: Patroni, PostgreSQL and every process of it, at once."""
        postmaster = self.postmaster(name)
        patroni = int((self.folder / f"patroni{name[-1]}.pid").read_text())
        for pid in (patroni, postmaster, *children(postmaster)):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


def children(parent: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True, text=True, check=False)
    return list(map(int, found.stdout.split()))


def until(found: Callable[[], T | None], seconds: float, every: float = 0.1) -> T:
    """Wait until something is found."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if (value := found()) is not None:
            return value
        time.sleep(every)
    raise AssertionError(f"nothing within {seconds} s")
