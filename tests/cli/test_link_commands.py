"""The review queue through the command: seen masked, decided by known persons, checked by others."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from hub_shell import PASSWORD, Shell

from integration.settings import config_folder

TYPED = f"{PASSWORD}\n"


def queued(shell: Shell) -> dict[str, Any]:
    """The first match in the queue whose best candidate is no member's, and may be confirmed."""
    return next(
        one
        for one in shell.json("link", "queue")
        if not set(one["candidates"][0]["reasons"]) & {"name", "id", "id_slip", "confirmed_holder"}
        and not set(one["candidates"][0]["doubts"]) & {"non_domestic", "taken"}
    )


def test_a_clerk_sees_confirms_and_refuses(shell: Shell) -> None:
    one = queued(shell)
    best, at = one["candidates"][0], (one["household"], one["service"])
    account = f"{best['company']}:{best['account']}"
    assert shell.json("link", "show", *at)[0] == best
    assert "+ the same dwelling" in shell("link", "show", *at).stdout
    assert best["account"] in shell("link", "queue", "--limit", 500).stdout
    refused = shell("link", "confirm", *at, account, "--as", "wang", typed=TYPED, ends=1)
    assert "name the --evidence" in refused.stderr
    shell("link", "confirm", *at, account, "--evidence", "lease", "--as", "wang", typed=TYPED)
    assert shell.json("link", "show", *at) == []
    other = queued(shell)
    away, at = other["candidates"][0], (other["household"], other["service"])
    shell("link", "refuse", *at, away["account"], "--reason", "另有其人", "--as", "wang", typed=TYPED)
    shell("link", "--full")
    assert away["account"] not in [each["account"] for each in shell.json("link", "show", *at)]


def test_no_name_number_or_address_is_shown(looking: Shell) -> None:
    """Ids, account numbers, scores and codes; what was compared stays sealed."""
    allowed = {"household", "service", "candidates"}
    inside = {"company", "account", "per_mille", "reasons", "doubts", "others"}
    queue = looking.json("link", "queue")
    assert queue
    assert {key for one in queue for key in one} == allowed
    assert {key for one in queue for each in one["candidates"] for key in each} == inside


def test_a_sampled_match_is_checked_once_by_another(shell: Shell, tmp_path: Path) -> None:
    """Under a policy that has every decision checked."""
    folder = shutil.copytree(config_folder(), tmp_path / "config")
    matching = folder / "policy" / "matching.toml"
    sampled = "\n[match_sample_per_mille]"
    before, parameter, after = matching.read_text().partition(sampled)
    matching.write_text(before + parameter + after.replace("value = 50 ", "value = 1000 ", 1))
    one = queued(shell)
    best, at = one["candidates"][0], (one["household"], one["service"])
    account = f"{best['company']}:{best['account']}"
    configured = {"WAIVERHUB_CONFIG": str(folder)}
    shell("link", "confirm", *at, account, "--evidence", "visit", "--as", "wang", typed=TYPED, **configured)
    assert "another person" in shell("link", "check", *at, "--right", "--as", "wang", typed=TYPED, ends=1).stderr
    said = shell("link", "check", *at, "--wrong", "--note", "户主已搬走", "--as", "li", typed=TYPED)
    assert "wrong_link" in said.stdout
    (found,) = (each for each in shell.json("link", "sample") if each["decided_by"] == "wang")
    assert (found["outcome"], found["evidence"], found["found"]) == ("confirmed", "visit", "wrong")
    assert "wrong" in shell("link", "sample").stdout
