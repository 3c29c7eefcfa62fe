"""Backup, drill, restore and confirmation as an operator types them."""

from __future__ import annotations

from pathlib import Path

from hub_shell import FIRST, PASSWORD, Shell

COMPANIES = ("city_gas", "city_water", "suburb_water")


def test_the_drill_is_two_commands_and_leaves_nothing_behind(looking: Shell, tmp_path: Path) -> None:
    made = looking.json("backup", "make", tmp_path / "hub.backup")
    assert made["head"]["lists"] == dict.fromkeys(COMPANIES, 1)
    before = sorted(looking.data.rglob("*"))
    verified = looking.json("backup", "verify", tmp_path / "hub.backup")
    assert verified["sound"]
    assert verified["faults"] == []
    assert sorted(looking.data.rglob("*")) == before
    assert looking.json("backup", "show", tmp_path / "hub.backup") == made["head"]
    assert "good" in looking("backup", "verify", tmp_path / "hub.backup").stdout
    assert "city_water=1" in Shell(looking.data, "zh")("backup", "show", tmp_path / "hub.backup").stdout


def test_a_damaged_backup_is_refused_with_one(looking: Shell, tmp_path: Path) -> None:
    looking("backup", "make", tmp_path / "b")
    content = bytearray((tmp_path / "b").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "b").write_bytes(content)
    assert "damaged" in looking("backup", "verify", tmp_path / "b", ends=1).stderr
    assert "exists" in looking("backup", "make", tmp_path / "b", ends=1).stderr


def test_a_lost_hub_comes_back_and_publishes_once_it_is_confirmed(shell: Shell, tmp_path: Path) -> None:
    shell("user", "add", "adm", "--role", "system_admin", "--as", "sec", typed=f"{PASSWORD}\n{PASSWORD}\n")
    shell("backup", "make", tmp_path / "b")
    shell("restore", "from", tmp_path / "b", ends=1)
    for path in shell.data.glob("hub.sqlite*"):
        path.unlink()
    done = shell("restore", "from", tmp_path / "b")
    assert "--seen city_gas=N --seen city_water=N --seen suburb_water=N" in done.stdout
    assert "waiverhub restore confirm" in shell("publish", FIRST, ends=1).stderr
    seen = [word for company in COMPANIES for word in ("--seen", f"{company}=2")]
    shell("restore", "confirm", "--as", "wang", *seen, typed=f"{PASSWORD}\n", ends=6)
    assert (
        "≥ 1"
        in shell(
            "restore", "confirm", "--as", "adm", *seen, "--seen", "city_gas=0", typed=f"{PASSWORD}\n", ends=1
        ).stderr
    )
    assert "lists 2 to 2" in shell("restore", "confirm", "--as", "adm", *seen, typed=f"{PASSWORD}\n").stdout
    assert [one["confirmed_by"] for one in shell.json("restore", "list")] == ["adm"]
    shell("run", "2026-11")
    assert {one["number"] for one in shell.json("publish", "2026-11")} == {3}
    assert shell.json("audit", "verify")["sound"]
