"""One list and one report, the water company's, declared in each form, and the rows that stand in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from adapters.base import ListHead
from adapters.dialects.spec import ListFile, ReportFile
from adapters.registry import companies_in
from bench.report_rows import Listed, Report, Values
from integration.settings import config_folder
from schemas.configuration import read_toml
from schemas.lists import ListKind, ListRow
from schemas.values import Month

FORMS: Final = ("delimited", "fixed_width", "xlsx", "xml", "json")
COMPANY: Final = "city_water"
MONTH: Final = Month(2026, 11)
QUANTITY_MILLI: Final = 3000
HEAD: Final = {"month": int(MONTH), "kind": "original", "edition": 1, "created_on": 20261203}
_OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "delimited": {"encoding": "gb18030", "delimiter": "|"},
    "fixed_width": {"encoding": "gb18030"},
    "xlsx": {"names_row": True},
    "xml": {},
    "json": {},
}
_BYTES: Final = {"reference": 20, "account": 10, "bill_id": 28, "refers_to": 28, "answer_text": 40}


def list_table(form: str) -> ListFile:
    """Return the list as it is declared in a form."""
    return ListFile.model_validate(_declared(form, "list"))


def report_table(form: str) -> ReportFile:
    """Return the report as it is declared in a form."""
    return ReportFile.model_validate(_declared(form, "report"))


def _declared(form: str, part: str) -> dict[str, Any]:
    path = config_folder() / "companies" / f"{COMPANY}.toml"
    content = read_toml(path.name, path.read_bytes())[part]
    lines = {line: [_cell(form, n, cell) for n, cell in enumerate(content[line])] for line in _LINES}
    own = {"full_roll": True, "file_name": "{company}{number}"} if part == "list" else {}
    return {"form": form, **_OPTIONS[form], **lines, **own}


_LINES: Final = ("header", "columns", "trailer")


def _cell(form: str, n: int, cell: dict[str, Any]) -> dict[str, Any]:
    named = {"name": f"cell{n}"} | cell
    if form != "fixed_width":
        return named
    number = cell.get("as", "text") in ("m3", "yuan", "price", "count")
    return named | {"bytes": _BYTES.get(cell.get("field", ""), 16), "align": "right" if number else "left"}


# --- rows


def listed(rows: int) -> Iterator[ListRow]:
    """Yield the rows of a list."""
    for n, one in enumerate(_listed(rows)):
        change = "NEW" if n % 50 == 0 else "KEEP"
        yield ListRow(one.reference, one.account, "water", int(MONTH), QUANTITY_MILLI, change)


def head_of(rows: int) -> ListHead:
    """Return the head of that list."""
    return ListHead(COMPANY, 12, ListKind.REGULAR, str(MONTH), rows, rows * QUANTITY_MILLI, "2026-10-25")


def reported(rows: int) -> Iterator[Values]:
    """Yield the rows of the report on that list."""
    tariff = companies_in(config_folder() / "companies")[COMPANY].tariff
    return Report(tariff, MONTH, 12, "WB").rows(_listed(rows))


def _listed(rows: int) -> Iterator[Listed]:
    return (Listed(f"R{n * 7919 % 10**15:015}", f"{n:010}") for n in range(rows))


def is_account(text: str) -> bool:
    """Tell whether a text is an account's number, as no cell of another line in its place is."""
    return len(text) == 10 and text.isalnum()
