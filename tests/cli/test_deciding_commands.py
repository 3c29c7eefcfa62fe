"""``waiverhub decision``: two persons at two terminals, and what each is told."""

from __future__ import annotations

import pytest
from hub_shell import FIRST, PASSWORD, Shell

TYPED = f"{PASSWORD}\n"
PAPERS = ("--papers", "handed in by the household", "file 12")


def test_a_refusal_is_proposed_by_one_and_approved_by_another(shell: Shell) -> None:
    about = ("decision", "opt-out", 1, "water", "--from", "2026-12-01", *PAPERS)
    number = shell.json(*about, "--as", "li", typed=TYPED)["number"]
    assert "may not approve" in shell("decision", "approve", number, "--as", "li", typed=TYPED, ends=1).stderr
    shell("decision", "approve", number, "--as", "wang", typed=TYPED, ends=6)
    shell("decision", "approve", number, "--as", "zhao", typed=TYPED)
    (told,) = shell.json("decision", "list", "--household", 1)
    assert (told["kind"], told["state"], told["decided_by"]) == ("opt_out", "approved", "zhao")
    assert "file 12" in shell("decision", "show", number).stdout
    assert "opt-out" in shell("decision", "list").stdout
    assert shell.json("audit", "verify")["sound"]


@pytest.mark.parametrize("taken", ["2026-11:3", "2026-11:3.0001:6.60", "2026-13:3:6.60", "2026-11:inf:1"])
def test_what_is_taken_back_must_be_written_whole(looking: Shell, taken: str) -> None:
    authority = ("--authority", "民函〔2026〕7号", "2026-11-01", "2026-11-02")
    words = ("decision", "claw-back", 1, "water", taken, *authority, *PAPERS, "--as", "li")
    assert "month:quantity:yuan" in looking(*words, ends=2).output


def test_no_more_is_taken_back_than_was_drawn(shell: Shell) -> None:
    authority = ("--authority", "民函〔2026〕7号", "2026-11-01", "2026-11-02")
    words = ("decision", "claw-back", 1, "water", f"{FIRST}:3:6.60", *authority, *PAPERS, "--as", "li")
    assert "no more can be taken back" in shell(*words, typed=TYPED, ends=1).stderr


def test_what_is_not_there_is_said(looking: Shell) -> None:
    assert "decision list" in looking("decision", "show", 99, ends=1).stderr
