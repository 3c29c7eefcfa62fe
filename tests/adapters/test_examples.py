"""What comments and handbooks show is true: their examples are read as the reports they are."""

from __future__ import annotations

import re
from pathlib import Path

from report_files import FOLDER, read

from adapters.base import ReadReportRow
from schemas.reports import Answer, BillKind, Component, ReportHead, ReportKind

README = Path(__file__).parents[2] / "adapters" / "README.md"


def shown(company: str) -> tuple[str, str]:
    """Return the example that a company's file shows above its report, and the file."""
    text = (FOLDER / f"{company}.toml").read_text(encoding="utf-8")
    comment = text[text.index("\n# Report") : text.index("\n[report]")]
    return "\n".join(line.removeprefix("#   ") for line in comment.splitlines() if line.startswith("#   ")), text


def good(read_rows: list[ReadReportRow]) -> list[tuple[str, BillKind, int, tuple[Component, ...], Answer]]:
    assert [one.fault for one in read_rows] == [None] * len(read_rows)
    rows = [one.report_row for one in read_rows if one.report_row]
    return [(row.account, row.kind, row.waived_milli, row.components, row.answer) for row in rows]


def test_the_example_of_the_citys_waterworks() -> None:
    head, rows = read("city_water", shown("city_water")[0].encode("gb18030"))
    assert head == ReportHead(
        company="city_water", kind=ReportKind.ORIGINAL, month=202611, edition=1, created_on=20261203
    )
    parts = (Component("basic", "2019A", 22000, 1540, 1320, 220), Component("sewage", "", 9500, 665, 0, 665))
    assert good(rows) == [
        ("00012345", BillKind.BILL, 6000, parts, Answer.APPLIED),
        ("00012352", BillKind.NONE, 0, (), Answer.NOT_FOUND),
    ]


def test_the_example_of_the_suburbs_waterworks() -> None:
    example, text = shown("suburb_water")
    header, *rest = example.splitlines()
    report = text[text.index("\n[report]") :]
    names = ",".join(re.findall(r'name = "(.*?)"', report[report.index("columns") : report.index("trailer")]))
    head, rows = read("suburb_water", "\n".join((header, names, *rest)).encode())
    assert head == ReportHead(
        company="suburb_water", kind=ReportKind.ORIGINAL, month=202611, edition=1, created_on=20261204
    )
    parts = (Component("basic", "2026S", 20500, 1025, 615, 410),)
    assert good(rows) == [("S0000123", BillKind.BILL, 3000, parts, Answer.APPLIED)]


def test_the_example_of_the_gas_company() -> None:
    head, rows = read("city_gas", shown("city_gas")[0].encode())
    assert head == ReportHead(
        company="city_gas", kind=ReportKind.ORIGINAL, month=202611, edition=1, created_on=20261205
    )
    components = (Component("basic", "2026G", 26350, 2686, 791, 1895),)
    assert good(rows) == [("0000000000G1", BillKind.TOP_UP, 3000, components, Answer.APPLIED)]


def test_the_example_of_the_canonical_form() -> None:
    (example,) = re.findall(r"```json\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    head, rows = read("city_water", example.encode())
    assert head == ReportHead(
        company="city_water", kind=ReportKind.ORIGINAL, month=202611, edition=1, created_on=20261203
    )
    parts = (Component("basic", "2019A", 22000, 1540, 1320, 220),)
    assert good(rows) == [
        ("00012345", BillKind.BILL, 6000, parts, Answer.APPLIED),
        ("00012352", BillKind.NONE, 0, (), Answer.NOT_FOUND),
    ]
