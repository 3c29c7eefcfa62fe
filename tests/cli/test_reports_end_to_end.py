"""From a company's own list to its report, findings, balance and settlement, through the command."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hub_shell import FIRST, PASSWORD, Shell


def written(rows: list[str], milli: int, fen: int, kind: str = "O", edition: int = 1) -> bytes:
    """A report as the city's waterworks write it."""
    head = f"HDR|CITYWATER|202610|{kind}|{edition}|20261103"
    tail = f"TRL|{len(rows)}|{milli / 1000:.3f}|{fen / 100:.2f}"
    return "".join(f"{line}\n" for line in (head, *rows, tail)).encode("gb18030")


def row(listed: str, number: int, used: int = 5000, waived: int = 3000, fen: int = 660, code: str = "00") -> str:
    """One bill on a row of the list."""
    reference, account, *_ = listed.split("|")
    before = used * 22 // 100
    money = f"2019A|2.2000|{before / 100:.2f}|{fen / 100:.2f}|{(before - fen) / 100:.2f}|||||0.00"
    about = f"1|{reference}|{account}|WB{number:06}|正常||20261005|202610|202610|||N"
    return f"{about}|{used / 1000:.3f}|{waived / 1000:.3f}|{money}|{code}|"


@pytest.fixture
def listed(shell: Shell, tmp_path: Path) -> list[str]:
    """The rows of the waterworks' list, as they got it."""
    shell("list", "export", "city_water", 1, "--to", tmp_path / "list")
    (own,) = (tmp_path / "list").glob("CITYWATER_*.txt")
    return own.read_bytes().decode("gb18030").splitlines()[1:-1]


@pytest.fixture
def file(listed: list[str], tmp_path: Path) -> Path:
    """A report: everybody gets 3 m³, but for one relieved of too much, one forgotten, one whose code nobody knows."""
    rows = [row(one, number) for number, one in enumerate(listed[2:])]
    rows.append(row(listed[0], 9001, waived=4000, fen=880, code="77"))
    path = tmp_path / "report.txt"
    path.write_bytes(written(rows, 3000 * (len(rows) - 1) + 4000, 660 * (len(rows) - 1) + 880))
    return path


def test_a_month_from_report_to_settlement(shell: Shell, file: Path, listed: list[str], tmp_path: Path) -> None:
    result = shell.json("report", "import", "city_water", file)
    assert (result["state"], result["counts"]["rejected"]) == ("applied", 0)
    found = shell.json("findings", "list", "--company", "city_water")
    assert {one["kind"] for one in found["findings"]} - {"missing"} == {"over_quantity", "answer_open"}
    over = next(one for one in found["findings"] if one["kind"] == "over_quantity")
    assert (over["stake_milli"], over["stake_fen"], over["acts"]) == (1000, 220, "company")
    assert "take the difference back" in shell("findings", "show", over["finding_id"]).stdout
    assert shell.json("findings", "show", over["finding_id"])["history"][0]["event"] == "opened"

    (balance,) = shell.json("balance", "city_water", FIRST)
    assert balance["holds"]
    assert balance["listed_milli"] == 3000 * len(listed)
    assert (
        balance["unanswered_milli"] + balance["awaiting_milli"] == 3000
    )  # as the forgotten one's billing cycle has it

    typed = f"{PASSWORD}\n"
    settled = shell.json("settle", "city_water", FIRST, "--as", "li", typed=typed)
    assert settled["state"] == "settled"
    assert shell.json("settle", "city_water", FIRST, "--as", "li", typed=typed)["state"] == "unchanged"
    assert shell.json("settlement", "list")[0]["n"] == 0
    shell("settlement", "show", "city_water", FIRST, "--to", tmp_path / "out")
    name = "settlement-city_water-202610-0"
    verify = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "settlements.pub.pem", "-rawin"]
    command = [*verify, "-in", f"{name}.json", "-sigfile", f"{name}.sig"]
    assert subprocess.run(command, cwd=tmp_path / "out", check=True, capture_output=True).returncode == 0

    fixed = [row(one, number) for number, one in enumerate(listed[:2], 9100)]
    corrected = [row(one, number) for number, one in enumerate(listed[2:])] + fixed
    path = tmp_path / "corrected.txt"
    path.write_bytes(written(corrected, 3000 * len(corrected), 660 * len(corrected), "R", 2))
    shell("report", "import", "city_water", path)
    assert shell.json("findings", "list", "--company", "city_water")["findings"] == []
    adjusted = shell.json("settle", "city_water", FIRST, "--as", "li", typed=typed)
    assert (adjusted["state"], adjusted["settlement"]["n"]) == ("adjusted", 1)
    assert shell.json("audit", "verify")["sound"]


def test_a_report_again_has_no_effect_and_a_damaged_one_changes_nothing(shell: Shell, file: Path) -> None:
    first = shell.json("report", "import", "city_water", file)
    assert shell.json("report", "import", "city_water", file) == first
    before = shell.json("findings", "list")
    file.write_bytes(file.read_bytes()[:-40])
    assert shell.json("report", "import", "city_water", file, ends=1)["state"] == "refused"
    assert shell.json("findings", "list") == before


def test_a_bad_row_is_told_in_the_companys_words(shell: Shell, listed: list[str], tmp_path: Path) -> None:
    rows = [row(one, number) for number, one in enumerate(listed)]
    rows[0] = rows[0].replace("|3.000|", "|3.0001|", 1)
    path = tmp_path / "report.txt"
    path.write_bytes(written(rows, 3000 * len(rows), 660 * len(rows)))
    said = shell("report", "import", "city_water", path).stdout
    assert "减免水量" in said
    assert "BAD_NUMBER" in said
    report = shell.json("report", "show", 1)
    assert report["rejected"][0]["column"] == "减免水量"
    assert len(report["rows"]) == 20


READS = [
    ("report", "show"),
    ("report", "show", 1),
    ("report", "show", "--company", "city_water"),
    ("findings", "list"),
    ("findings", "list", "--all", "--acts", "company", "--month", FIRST, "--kind", "missing"),
    ("findings", "show", 1),
    ("balance",),
    ("balance", "city_water"),
    ("settlement", "list"),
    ("settlement", "show", "city_water", FIRST),
]


def test_every_read_command_gives_words_and_json(shell: Shell, file: Path) -> None:
    shell("report", "import", "city_water", file)
    shell("settle", "city_water", FIRST, "--as", "li", typed=f"{PASSWORD}\n")
    shell("reconcile")
    for words in READS:
        assert shell.json(*words) is not None
        assert Shell(shell.data, "zh")(*words).stdout.strip()


def test_what_is_not_there_is_said_and_only_a_supervisor_settles(shell: Shell) -> None:
    shell("report", "show", 99, ends=1)
    shell("findings", "show", 99, ends=1)
    shell("settlement", "show", "city_water", FIRST, ends=1)
    shell("settle", "city_water", FIRST, "--as", "li", typed=f"{PASSWORD}\n", ends=1)
    shell("settle", "city_water", FIRST, "--as", "wang", typed=f"{PASSWORD}\n", ends=6)
    shell("balance", "city_water", "2026-13", ends=2)
