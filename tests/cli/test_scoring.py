"""Detectors, claims, variances and scorecards through the command."""

from __future__ import annotations

from hub_shell import FIRST, PASSWORD, Shell

from integration.cli.exits import Exit

TYPED = f"{PASSWORD}\n"


def test_the_detectors_are_run_and_what_they_find_is_shown_and_scored(shell: Shell) -> None:
    made = shell.json("detect")
    assert {one["service"] for one in made["detections"]} == {"water", "gas"}
    assert {one["company"] for one in made["scorecards"]} == {"city_water", "city_gas", "suburb_water"}
    assert [one["opened"] for one in shell.json("detect")["detections"]] == [0, 0]
    found = shell.json("findings", "list", "--kind", "orphan_flag", "--limit", 1)["findings"]
    assert "on no list" in shell("findings", "show", found[0]["finding_id"]).stdout
    assert shell.json("findings", "list", "--kind", "not_collected")["findings"] == []  # published today

    (card,) = shell.json("scorecard", "city_water", "--month", FIRST)
    assert card["content"]["scored"]["grade"] == "D"  # it has said nothing
    assert "report received" in shell("scorecard", "city_water", "--month", FIRST, "--anew").stdout
    assert [one["n"] for one in shell.json("scorecard", "city_water")] == [0]  # nothing has changed since
    refused = shell("scorecard", "city_water", "--month", "2026-11", "--anew", ends=Exit.REFUSED)
    assert "cannot be scored" in refused.output


def test_claims_stand_side_by_side_and_add_up_however_they_are_told(looking: Shell) -> None:
    told = {by: looking.json("claims", "--month", FIRST, "--by", by) for by in ("company", "district", "community")}
    listed = {by: sum(one["listed"]["quantity_milli"] for one in lines) for by, lines in told.items()}
    assert listed["company"] > 0
    assert len(set(listed.values())) == 1
    assert any(one["community"] for one in told["community"])
    assert all(one["together"] or one["listed"]["households"] >= 5 for one in told["community"] if one["company"])
    assert "city_water" in looking("claims", "--month", FIRST).stdout
    assert looking("claims", ends=Exit.USAGE).exit_code == Exit.USAGE


def test_only_what_varies_is_explained_and_only_with_the_right(shell: Shell) -> None:
    assert shell.json("variance", "list") == []
    words = ("city_water", FIRST, "--measure", "listed", "--reason", "registry", "--text", "x", "--as", "wang")
    assert "no such variance" in shell("variance", "explain", *words, typed=TYPED, ends=Exit.REFUSED).output
    refused = shell("variance", "accept", 1, "--as", "wang", typed=TYPED, ends=Exit.NOT_ALLOWED)
    assert "supervisor" in refused.output
    assert "no open explanation" in shell("variance", "accept", 1, "--as", "li", typed=TYPED, ends=Exit.REFUSED).output
