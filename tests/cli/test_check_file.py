"""``check-file``: every fault of a partner's file with row, column and remedy, from its first line to its last."""

from __future__ import annotations

from pathlib import Path

import pytest
from hub_shell import Shell

SAMPLES = Path(__file__).parents[1] / "adapters" / "samples"


@pytest.fixture
def nowhere(tmp_path: Path) -> Shell:
    """A terminal without any hub: no keys, no database."""
    return Shell(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("kind", "company", "sample"),
    [
        ("roster", "city_water", "city_water.roster.txt"), ("aliases", "city_gas", "city_gas.aliases.dat"),
        ("report", "suburb_water", "suburb_water.report.csv"), ("cases", "city_power", "city_power.cases.xml"),
    ],
)  # fmt: skip
def test_a_sound_file_is_told_so(nowhere: Shell, kind: str, company: str, sample: str) -> None:
    found = nowhere.json("check-file", kind, SAMPLES / sample, "--company", company)
    assert found["sound"]
    assert found["counts"]["rows"] == found["counts"]["sound"] > 0


def test_the_unions_file_is_checked_too(nowhere: Shell, tmp_path: Path) -> None:
    content = (SAMPLES / "union.workers.csv").read_bytes()
    assert nowhere.json("check-file", "workers", SAMPLES / "union.workers.csv")["counts"] == {"rows": 3, "sound": 3}
    (tmp_path / "bad").write_bytes(content.replace(b"2026/12/31", b"2025/12/31"))
    found = nowhere.json("check-file", "workers", tmp_path / "bad", ends=1)
    assert [(one["row"], one["code"]) for one in found["faults"]] == [(2, "BAD_PERIOD")]


def test_a_file_that_is_not_agreed_with_a_company_is_told(nowhere: Shell) -> None:
    sample = SAMPLES / "city_power.cases.xml"
    assert "city_water" in nowhere("check-file", "cases", sample, "--company", "city_water", ends=1).output


def test_a_file_cut_short_names_its_last_row(nowhere: Shell, tmp_path: Path) -> None:
    whole = (SAMPLES / "city_water.report.txt").read_bytes().splitlines(keepends=True)
    (tmp_path / "cut").write_bytes(b"".join(whole[:-1]))
    found = nowhere.json("check-file", "report", tmp_path / "cut", "--company", "city_water", ends=1)
    assert [(one["row"], one["code"]) for one in found["faults"]][:1] == [(len(whole) - 1, "TRUNCATED")]


@pytest.mark.parametrize(
    ("kind", "options", "code"),
    [("report", ("--company", "city_water"), "HEADER"), ("registry", (), "UNKNOWN_DIALECT")],
)
def test_a_file_of_another_kind_is_a_fault_of_its_first_row(
    nowhere: Shell, tmp_path: Path, kind: str, options: tuple[str, ...], code: str
) -> None:
    (tmp_path / "other").write_text("something else\n")
    found = nowhere.json("check-file", kind, tmp_path / "other", *options, ends=1)
    assert [(one["row"], one["code"]) for one in found["faults"]] == [(1, code)]


def test_a_company_must_be_named_and_known(nowhere: Shell) -> None:
    sample = SAMPLES / "city_water.roster.txt"
    assert "city_water" in nowhere("check-file", "roster", sample, ends=1).output
    assert "city_water" in nowhere("check-file", "roster", sample, "--company", "nobody", ends=1).output
