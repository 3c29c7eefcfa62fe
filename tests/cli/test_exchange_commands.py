"""``waiverhub exchange``: look now, see both directions in one place, and let a failed file be tried again."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from boxes import exchanging as with_exchange
from hub_shell import PASSWORD, Shell
from world import account, city_water

from integration.settings import config_folder

HOME = """
[exchange]
form = "home"
lists_to = ""
settle_s = 0
[[exchange.files]]
kind = "roster"
name = 'CW_[0-9]+\\.txt'
"""


@pytest.fixture
def exchanging(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """The hub with a box of its own for the city's waterworks."""
    config = Path(shutil.copytree(config_folder(), tmp_path / "config"))
    (config / "companies" / "city_water.toml").write_text(with_exchange("city_water", HOME))
    monkeypatch.setenv("WAIVERHUB_CONFIG", str(config))
    shell("exchange", "collect", "city_water")
    return shell


def lay(shell: Shell, name: str, *, rows_said: int | None = None) -> Path:
    path = shell.data / "homes" / "city_water" / "in" / name
    path.write_bytes(city_water([account("X1", 1)], rows_said))
    os.utime(path, (1_000, 1_000))
    return path


def test_a_look_takes_applies_and_lays_back(exchanging: Shell) -> None:
    path = lay(exchanging, "CW_1.txt", rows_said=2)
    said = exchanging.json("exchange", "collect", "city_water")
    assert (said["looked"], said["boxes"][0]["code"]) == (["city_water"], "")
    assert not path.exists()
    rejected = path.parent.parent / "reject"
    assert sorted(one.name for one in rejected.iterdir()) == ["CW_1.txt", "CW_1.txt.faults.txt"]
    line = exchanging.json("exchange", "list", "city_water")["exchanged"][0]
    assert (line["way"], line["what"], line["state"], line["answer"]) == ("in", "CW_1.txt", "returned", "refused")
    assert exchanging.json("exchange", "list", "nobody")["exchanged"] == []
    shown = exchanging.json("exchange", "show", line["id"])["file"]
    assert exchanging.json("registry", "show", shown["submission_id"])["submission"]["state"] == "refused"
    exchanging.language = "zh"
    assert "已处理 · 整份退回" in exchanging("exchange", "list").stdout
    assert f"报送 {shown['submission_id']}" in exchanging("exchange", "show", line["id"]).stdout


def test_a_failed_file_is_tried_again_by_whoever_may(exchanging: Shell) -> None:
    for name, role in (("ops", "system_admin"), ("chen", "clerk")):
        exchanging("user", "add", name, "--role", role, "--as", "sec", typed=f"{PASSWORD}\n{PASSWORD}\n")
    for _ in range(2):
        lay(exchanging, "CW_1.txt", rows_said=2)
        exchanging("exchange", "collect", "city_water")
    shown = exchanging("exchange", "show", 1).stdout
    assert "SEEN_BEFORE" in shown
    assert "waiverhub exchange retry 1" in shown
    exchanging("exchange", "retry", 1, "--as", "chen", typed=f"{PASSWORD}\n", ends=6)
    exchanging("exchange", "retry", 1, "--as", "ops", typed=f"{PASSWORD}\n")
    exchanging("exchange", "retry", 1, "--as", "ops", typed=f"{PASSWORD}\n", ends=1)
    exchanging("exchange", "collect", "city_water")
    assert exchanging.json("exchange", "show", 1)["file"]["state"] == "returned"
    assert [one["actor"] for one in exchanging.json("audit", "log", "--action", "file_retried")] == ["ops"]


def test_a_box_that_cannot_be_looked_into_is_told(exchanging: Shell) -> None:
    box = exchanging.data / "homes" / "city_water" / "in"
    box.rmdir()
    box.symlink_to("/")
    result = exchanging("exchange", "collect", "city_water", ends=1)
    assert "NO_FILE" in result.stdout
    (box_said,) = exchanging.json("exchange", "list", "city_water")["boxes"]
    assert (box_said["code"], box_said["attempts"]) == ("NO_FILE", 1)
    assert box_said["failing_since"]


def test_who_has_no_box_is_refused_with_those_that_have(exchanging: Shell) -> None:
    assert "city_water" in exchanging("exchange", "collect", "nobody", ends=2).output
    exchanging("exchange", "show", 77, ends=1)
    exchanging("exchange", "show", "list-nobody-1", ends=1)
