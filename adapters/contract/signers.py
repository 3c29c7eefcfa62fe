"""Who signs: every partner of a configuration and the forms that all may use, with what each of them can do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Final

from adapters.base import ListWriter
from adapters.channels.exchange import Exchange
from adapters.channels.http_push import HttpPush
from adapters.companies import Company, CompanyFile
from adapters.contract.clauses import Capability
from adapters.contract.made import TOTALS, decimal_cells, head_cells, identifier_cells, word_cells
from adapters.dialects.canonical import CANONICAL_WRITERS
from adapters.dialects.canonical_report import CanonicalReport
from adapters.dialects.spec import ListFile, Table
from adapters.partners import Partner, PartnerFile
from adapters.registry import SNIFF_BYTES, companies_in, partners_in, registry_reader
from schemas.configuration import read_file

#: The form of a company that declares none of its own, and the code under which that form itself signs.
CANONICAL: Final = "canonical"

#: Reads a file: its rows, or its head and its rows.
Read = Callable[[Iterable[bytes]], Any]

_KINDS: Final = {
    "registry": Capability.REGISTRY,
    "roster": Capability.ROSTER,
    "aliases": Capability.ALIASES,
    "report": Capability.REPORTS,
    "cases": Capability.CASES,
    "workers": Capability.WORKERS,
}


@dataclass(frozen=True)
class Signer:
    """A partner: what reads its files by their kinds, and what writes its lists.

    ``forms`` names the form of each kind of file, and ``tables`` holds those that are declared.
    """

    code: str
    title: str
    can: frozenset[Capability]
    forms: Mapping[str, str] = field(default_factory=dict)
    reads: Mapping[str, Read] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    writers: tuple[ListWriter, ...] = ()
    delivery: HttpPush | None = None
    exchange: Exchange | None = None


def signers_in(config: Path) -> dict[str, Signer]:
    """Return everybody who signs: companies, the sandbox, other partners, and the forms that every company may use.

    Raises:
        ConfigurationRefused: with every fault of every file.
    """
    companies = [
        _company(folder / f"{code}.toml", company)
        for folder in (config / "companies", config / "sandbox")
        for code, company in companies_in(folder).items()
    ]
    others = config / "partners"
    found = [_partner(others / f"{code}.toml", partner) for code, partner in partners_in(others).items()]
    return {signer.code: signer for signer in (*companies, *found, _canonical())}


def _company(path: Path, company: Company) -> Signer:
    file = read_file(path.name, path.read_bytes(), CompanyFile)
    readers: Mapping[str, Any] = {
        "roster": company.roster_reader(),
        "aliases": company.alias_reader(),
        "report": company.report_reader(),
        "cases": company.case_reader(),
    }
    reads: dict[str, Read] = {kind: reader.read for kind, reader in readers.items() if reader}
    tables = _given({"roster": file.roster, "aliases": file.aliases, "report": file.report, "list": file.list})
    unnamed = dict.fromkeys(("report", "list"), CANONICAL) if "report" in reads else {}
    writer = company.list_writer()
    return Signer(
        code=company.code,
        title=company.title,
        can=_can(reads, tables) | _ways(file.delivery, file.exchange) | _prices(file),
        forms=unnamed | ({"cases": "xml"} if "cases" in reads else {}) | _forms(tables),
        reads=reads,
        tables=tables,
        writers=(writer,) if writer else (),
        delivery=file.delivery,
        exchange=file.exchange,
    )


def _partner(path: Path, partner: Partner) -> Signer:
    """Return a partner that is no company; who declares no table of its own sends the registry."""
    file = read_file(path.name, path.read_bytes(), PartnerFile)
    workers = partner.worker_reader()
    reads: dict[str, Read] = {"workers": workers.read} if workers else {"registry": _registry}
    tables = _given({"workers": file.workers})
    can = _can(reads, tables) | _ways(None, file.exchange)
    forms = _forms(tables) or {"registry": "csv, ndjson"}
    return Signer(partner.code, partner.title, can, forms, reads, tables, exchange=file.exchange)


def _canonical() -> Signer:
    can = frozenset((Capability.REPORTS, Capability.LISTS, Capability.FULL_ROLL, Capability.TOTALS, Capability.PULLS))
    reads = {"report": CanonicalReport(CANONICAL).read}
    forms = {"report": "ndjson", "list": "csv, ndjson"}
    return Signer(CANONICAL, "各公司通用", can, forms, reads, writers=CANONICAL_WRITERS)


def _registry(chunks: Iterable[bytes]) -> Any:
    """Read a registry file in whichever of its two forms it is."""
    rest = iter(chunks)
    first = b""
    while len(first) < SNIFF_BYTES and (chunk := next(rest, None)) is not None:
        first += chunk
    return registry_reader(first).read(chain((first,), rest))


# --- what each can do


def _given(tables: Mapping[str, Table | None]) -> dict[str, Table]:
    return {kind: table for kind, table in tables.items() if table}


def _forms(tables: Mapping[str, Table]) -> dict[str, str]:
    return {kind: table.form for kind, table in tables.items()}


def _can(reads: Mapping[str, Read], tables: Mapping[str, Table]) -> frozenset[Capability]:
    """Return what files a partner sends and gets, and in which forms."""
    can = {_KINDS[kind] for kind in reads}
    for kind, table in tables.items():
        can.add(Capability(table.form))
        if kind == "list":
            can |= {Capability.LISTS} | (table_can(table) & {Capability.FULL_ROLL, Capability.CHANGES})
    checked = not tables or any(_says(table, *TOTALS) for table in tables.values())
    return frozenset(can | ({Capability.TOTALS} if checked else set()))


def _prices(file: CompanyFile) -> frozenset[Capability]:
    return frozenset((Capability.PRICES,) if file.tariff else ())


def _ways(delivery: HttpPush | None, exchange: Exchange | None) -> frozenset[Capability]:
    """Return on which ways files travel."""
    sent = [Capability(way.form) for way in (delivery, exchange) if way and getattr(way, "lists_to", True)]
    box = [Capability.BOX] if exchange and exchange.files else []
    return frozenset((*(sent or [Capability.PULLS]), *box))


def table_can(table: Table) -> frozenset[Capability]:
    """Return what files of a table can be held to."""
    named = table.names_row or table.form in ("xml", "json")
    says = {
        Capability.TRAILER: bool(table.trailer),
        Capability.TOTALS: _says(table, *TOTALS),
        Capability.AMOUNT_TOTALS: _says(table, "amount_fen"),
        Capability.HEADED: named or any(cell.constant for cell in table.header),
        Capability.HEAD_FIELDS: bool(head_cells(table)),
        Capability.TEXT: table.form != "xlsx",
        Capability.NAMES: bool(word_cells(table)),
        Capability.ANSWERS: any(cell.field == "answer" and cell.codes for cell in table.columns),
        Capability.DECIMALS: bool(decimal_cells(table)),
        Capability.WIDTHS: any(cell.width or cell.bytes for _, cell in identifier_cells(table)),
    }
    if isinstance(table, ListFile):
        says[Capability.FULL_ROLL] = table.full_roll
        says[Capability.CHANGES] = not table.full_roll
    can = {one for one, so in says.items() if so}
    return frozenset({Capability.FILE, Capability.TABLE, Capability(table.form)} | can)


def _says(table: Table, *fields: str) -> bool:
    return any(cell.field in fields for cell in (*table.header, *table.trailer))
