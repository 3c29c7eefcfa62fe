"""The auditor's and the office's commands: recomputing lists, dry runs with files, and the audit sample."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

from hub_shell import FIRST, PASSWORD, Shell
from test_months_end_to_end import held_step
from test_reports_end_to_end import row, written

from integration.demo import Step

TYPED = f"{PASSWORD}\n"


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))


def test_every_list_is_recomputed_and_named(looking: Shell) -> None:
    made = looking.json("list", "recompute", "--all")
    assert (made["same"], len(made["lists"]), len(made["runs"])) == (True, 3, 1)
    said = looking("list", "recompute", "city_water", 1).stdout
    assert "✓ city_water 1" in said
    assert "0 keys differ" in said
    looking("list", "recompute", "city_water", ends=2)
    assert "no list 9" in looking("list", "recompute", "city_water", 9, ends=1).stderr


def test_a_dry_run_names_every_household_in_a_file_without_a_name(
    looking: Shell, story: list[Step], tmp_path: Path
) -> None:
    """As CSV and as a sheet; the households are those that the counts are of."""
    path = held_step(story).path
    found = looking.json("dry-run", "2026-11", "--registry", path, "--to", tmp_path / "all.csv", "--first", 2)
    rows = table(tmp_path / "all.csv")
    losing = {one["household"] for one in rows if int(one["quantity_milli"]) < 0}
    assert len(losing) == found["households_losing"] > len(found["losses"]) == 2
    assert sum(one["households"] for one in found["effects"]) >= len(rows)
    looking("dry-run", "2026-11", "--registry", path, "--to", tmp_path / "all.xlsx")
    assert zipfile.is_zipfile(tmp_path / "all.xlsx")
    assert ".csv" in looking("dry-run", "2026-11", "--to", tmp_path / "all.pdf", ends=1).stderr
    assert sorted(one.name for one in tmp_path.iterdir()) == ["all.csv", "all.xlsx"]


def test_a_file_of_changed_parameters_is_tried_upon_the_present_policy(looking: Shell, tmp_path: Path) -> None:
    """One parameter alone; a name that is none is refused with it."""
    one = 'meaning = "a month"\nsource = "a trial"\nvalues = [{ from = "2006-01", value = VALUE }]\n'
    gas = '{ categories = ["dibao_urban"], allowance_milli = 0 }'
    path = tmp_path / "change.toml"
    path.write_text("[gas]\n" + one.replace("VALUE", gas))
    found = looking.json("dry-run", "2026-11", "--policy", path, "--bills", FIRST)
    assert {effect["service"] for effect in found["effects"]} == {"gas"}
    assert (found["households_gaining"], found["bills"]) == (0, [])
    path.write_text("[gass]\n" + one.replace("VALUE", gas))
    assert "gass" in looking("dry-run", "2026-11", "--policy", path, ends=4).stderr


def test_a_hold_is_tried_before_it_is_released(shell: Shell, story: list[Step]) -> None:
    shell("registry", "import", held_step(story).path, ends=3)
    found = shell.json("hold", "dry-run", 1)
    assert found["households_losing"] > 0
    assert found["trips"]
    assert "nothing was kept" in shell("hold", "dry-run", 1, "--month", "2026-11").stdout
    assert shell.json("hold", "list")[0]["state"] == "open"


def test_a_sample_from_the_draw_to_what_is_recorded(shell: Shell, tmp_path: Path) -> None:
    """Drawn by an auditor, asked for in the company's own words, recorded by a clerk, not to be closed with gaps."""
    shell("user", "add", "aud", "--role", "auditor", "--as", "sec", typed=f"{PASSWORD}\n{PASSWORD}\n{PASSWORD}\n")
    shell("list", "export", "city_water", 1, "--to", tmp_path / "list")
    (own,) = (tmp_path / "list").glob("CITYWATER_*.txt")
    listed = own.read_bytes().decode("gb18030").splitlines()[1:-1]
    rows = [row(one, number) for number, one in enumerate(listed)]
    path = tmp_path / "report.txt"
    path.write_bytes(written(rows, 3000 * len(rows), 660 * len(rows)))
    shell("report", "import", "city_water", path)

    drawn = shell.json("sample", "draw", "city_water", FIRST, "--as", "aud", typed=TYPED)
    assert drawn["strata"][0]["drawn"] == min(20, len(rows))
    assert shell.json("sample", "verify", 1)["sound"]
    asked = shell.json("sample", "request", 1, "--to", tmp_path / "ask.csv", "--as", "aud", typed=TYPED)
    request = table(tmp_path / "ask.csv")
    assert (len(request), asked["due_on"]) == (asked["rows"], 20261205)
    accounts = {one.split("|")[1] for one in listed}
    assert {one["户号 account"] for one in request} <= accounts
    first, *_ = [one["账单号 bill"] for one in request]
    figures = ("--quantity", "2.5", "--amount", "5.50", "--note", "抄表有误")
    as_clerk = ("--as", "wang")
    shell("sample", "record", 1, "--bill", first, "--result", "differs", *figures, *as_clerk, typed=TYPED)
    shell("sample", "record", 1, "--bill", "#2", "--result", "no_copy", *as_clerk, typed=TYPED)
    shell("sample", "record", 1, "--bill", first, "--result", "differs", "--quantity", "2.5555", *as_clerk, ends=2)
    shown = shell.json("sample", "show", 1)["rows"]
    assert [(one["result"], one["true_milli"], one["true_fen"]) for one in shown[:3]] == [
        ("differs", 2500, 550), ("no_copy", 0, 0), ("", 0, 0)
    ]  # fmt: skip
    assert shell.json("sample", "result", 1)["strata"][0]["waiting"] == len(request) - 2
    assert "Clopper" in shell("sample", "show", 1).stdout
    assert "requested" in shell("sample", "close", 1, "--as", "aud", typed=TYPED, ends=1).stderr
    assert shell.json("sample", "list")[0]["state"] == "requested"
    assert shell.json("audit", "verify")["sound"]
