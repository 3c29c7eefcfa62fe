"""The handbook's ten minutes, typed as they stand: a company that nobody knew is connected, and its file comes in."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "adapters" / "README.md").read_text(encoding="utf-8")


def steps() -> list[str]:
    """The commands of the page, block by block."""
    section = PAGE[PAGE.index("## Ten minutes") : PAGE.index("## Who speaks what")]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


def typed(work: Path, commands: str) -> subprocess.CompletedProcess[str]:
    """Type commands in one shell, which ends at the first that fails."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {"PATH": path, "WORK": str(work), "HOME": str(work), "LANG": "C.UTF-8"}
    words = ["bash", "-euo", "pipefail", "-c", commands]
    return subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)


def test_the_page_is_followed_literally_and_the_company_is_connected(tmp_path: Path) -> None:
    done = typed(tmp_path, "\n".join(steps()))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 of 2 rows are sound" in done.stdout
    assert "HILL_ROSTER_20261101.csv" in done.stdout
    assert "applied" in done.stdout.partition("HILL_ROSTER_20261101.csv")[2]
    assert (tmp_path / "exchange" / "done" / "HILL_ROSTER_20261101.csv").is_file()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('field = "holder_name"', 'field = "holder"', "unknown field"),
        pytest.param("000123,张三丰", "123,张三丰", "WIDTH", marks=pytest.mark.soak),
        pytest.param("合计,2\nCSV", "合计,3\nCSV", "TRAILER_ROWS", marks=pytest.mark.soak),
        ("2026/11/8,", "2026/11/31,", "BAD_DAY"),
    ],
)
def test_a_slip_of_the_hand_is_told_where_it_was_made(tmp_path: Path, old: str, new: str, said: str) -> None:
    commands = "\n".join(steps()[:3])
    assert old in commands
    done = typed(tmp_path, commands.replace(old, new, 1))
    assert done.returncode != 0
    assert said in done.stdout + done.stderr
