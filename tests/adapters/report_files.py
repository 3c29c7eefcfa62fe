"""Samples of reports, how they are read in the tests, and a little writer that knows nothing of the hub's readers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from adapters.base import ReadReportRow
from adapters.registry import companies_in
from schemas.reports import ReportHead

SAMPLES = Path(__file__).parent / "samples"
FOLDER = Path(__file__).parents[2] / "config" / "companies"
#: The companies of the configuration, and one whose every file is of fixed width.
COMPANIES = companies_in(FOLDER) | companies_in(Path(__file__).parent / "companies")
WATER = (SAMPLES / "city_water.report.txt").read_bytes()
SUBURB = (SAMPLES / "suburb_water.report.csv").read_bytes()
GAS = (SAMPLES / "county_gas.report.dat").read_bytes()
JSON_GAS = (SAMPLES / "city_gas.report.json").read_bytes()
OWN = {"city_water": WATER, "suburb_water": SUBURB, "county_gas": GAS, "city_gas": JSON_GAS}


def read(code: str, content: bytes, size: int = 1 << 20) -> tuple[ReportHead, list[ReadReportRow]]:
    reader = COMPANIES[code].report_reader()
    assert reader
    head, rows = reader.read(content[i : i + size] for i in range(0, len(content), size))
    return head, list(rows)


def rows_of(code: str, content: bytes) -> list[ReadReportRow]:
    return read(code, content)[1]


def _figure(values: Any, key: str) -> int:
    """Return what counts in a sum: nothing, where no whole number stands."""
    value = values.get(key, 0) if isinstance(values, dict) else 0
    return value if type(value) is int else 0


HEAD = {"type": "header", "company": "city_water", "month": 202611, "kind": "original", "edition": 1}
ROW = {
    "list_number": 12, "reference": "K7F2Q9", "account": "00012345", "bill_id": "B1", "kind": "BILL", "refers_to": "",
    "issued_on": 20261105, "month_from": 202610, "month_to": 202611, "reading_from_milli": 1203000,
    "reading_to_milli": 1210000, "estimated": False, "billable_milli": 7000, "waived_milli": 6000,
    "annual_before_milli": None,
    "components": [
        {"component": "basic", "price_version": "2019A", "price_e4": 22000, "charge_before_fen": 1540,
         "waived_fen": 1320, "charge_after_fen": 220},
        {"component": "sewage", "price_e4": 9500, "charge_before_fen": 665, "charge_after_fen": 665},
    ],
    "balance_fen": 0, "answer": "APPLIED", "answer_text": "",
}  # fmt: skip


def canonical(
    rows: Sequence[dict[str, Any] | str], head: dict[str, Any] | str = HEAD, trailer: dict[str, Any] | None = None
) -> bytes:
    """Write a canonical report; a row or head given as text stands as it is, ``trailer`` overrides."""
    body = "".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in (head, *rows)).encode()
    told = [one for one in rows if not isinstance(one, str)]
    end = {
        "type": "trailer",
        "rows": len(rows),
        "waived_milli": sum(_figure(one, "waived_milli") for one in told),
        "waived_fen": sum(_figure(part, "waived_fen") for one in told for part in one.get("components", ())),
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    return body + json.dumps(end | (trailer or {})).encode() + b"\n"
