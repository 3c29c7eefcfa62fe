"""``household merge``, ``part`` and ``continuous`` at the terminal: two persons decide, and everybody may read."""

from __future__ import annotations

from hub_shell import PASSWORD, Shell

TYPED = f"{PASSWORD}\n"
WHY = ("--reason", "married in October", "--as", "wang")


def test_two_persons_let_two_households_be_one_and_part_them_again(shell: Shell) -> None:
    hold = shell.json("household", "merge", 1, 2, "--on", "2026-10-05", *WHY, typed=TYPED)["hold"]
    assert "merger" in shell("hold", "show", hold).stdout
    shell("hold", "approve", hold, "--as", "wang", typed=TYPED, ends=6)
    assert "1+2@20261005" in shell("hold", "approve", hold, "--as", "li", typed=TYPED).stdout
    assert shell.json("household", "continuous", 2)["since"] is None
    again = ("household", "merge", 1, 2, "--on", "2026-10-05", *WHY)
    assert "part of household 1 already" in shell(*again, typed=TYPED, ends=1).stderr
    parting = shell.json("household", "part", 2, *WHY, typed=TYPED)["hold"]
    shell("hold", "approve", parting, "--as", "li", typed=TYPED)
    assert shell.json("household", "continuous", 2)["since"] is not None
    assert shell.json("audit", "verify")["sound"]


def test_since_when_is_told_in_days_and_months(looking: Shell) -> None:
    told = looking.json("household", "continuous", 1, "--on", "2026-11-05")
    assert told["since"] in looking("household", "continuous", 1, "--on", "2026-11-05").stdout
    assert told["months"] > 1
    assert "no household 99999" in looking("household", "continuous", 99999, ends=1).stderr
    assert "2026-11-05" in looking("household", "continuous", 1, "--on", "5 November", ends=2).output
