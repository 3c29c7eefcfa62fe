"""Companies as their TOML files declare them: who they are, what they supply, and which files they speak."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import AfterValidator, Field, ValidationError

from adapters.base import AliasReader, Box, CaseReader, Channel, FaultWriter, ListWriter, ReportReader, RosterReader
from adapters.channels.exchange import Exchange
from adapters.channels.http_push import HttpPush
from adapters.dialects.canonical_report import EitherReport
from adapters.dialects.fault_file import FaultTable, fault_writer
from adapters.dialects.listing import ListDialect
from adapters.dialects.report import ReportDialect
from adapters.dialects.spec import AliasFile, ListFile, ReportFile, RosterFile, Table
from adapters.dialects.table import AliasDialect, RosterDialect
from schemas.configuration import CodedFile, ConfigFault, ConfigurationRefused, faults_of, read_file, read_files
from schemas.file_names import is_file_name
from schemas.tariffs import Price, Tariff
from schemas.values import MONTHLY, Service

#: The name that a company's own rendering of a list goes by, beside the canonical ones.
COMPANY_RENDERING: Final = "company"


def _agreeing(prices: tuple[Price, ...]) -> tuple[Price, ...]:
    try:
        return Tariff(prices=prices).prices
    except ValidationError as error:
        raise ValueError("; ".join(fault.problem for fault in faults_of("", error))) from None


class CompanyFile(CodedFile):
    """What a company's TOML file may say.

    Without ``list`` the company gets the canonical renderings alone, without ``report`` it reports in the canonical
    form; without ``tariff`` no amount of it can be judged; without ``delivery`` or ``exchange`` it fetches its lists,
    and sends its files, by itself. ``cases`` names the reader of its project cases, which no table can describe.
    """

    services: Annotated[tuple[Service, ...], Field(min_length=1)]
    roster: RosterFile
    aliases: AliasFile | None = None
    report: ReportFile | None = None
    tariff: Annotated[tuple[Price, ...], AfterValidator(_agreeing)] = ()
    list: ListFile | None = None
    delivery: HttpPush | None = None
    exchange: Exchange | None = None
    cases: str | None = None


@dataclass(frozen=True)
class Company:
    """A company and its dialects (a ``CompanyPort``); None where it has no such file."""

    code: str
    title: str
    services: tuple[Service, ...]
    _file: CompanyFile
    _cases: CaseReader | None = None

    def roster_reader(self) -> RosterReader:
        """Return the reader of its roster."""
        return RosterDialect(self._file.roster)

    def alias_reader(self) -> AliasReader | None:
        """Return the reader of its renumberings."""
        return AliasDialect(self._file.aliases) if self._file.aliases else None

    def report_reader(self) -> ReportReader | None:
        """Return the reader of its reports; None if it supplies nothing by the month."""
        if not set(MONTHLY).intersection(self.services):
            return None
        table = self._file.report
        first_key = table.parts.head if table and table.form == "json" else ""
        return EitherReport(self.code, ReportDialect(self.code, table) if table else None, first_key)

    def case_reader(self) -> CaseReader | None:
        """Return the reader of its project cases."""
        return self._cases

    def channel(self, homes: Path) -> Channel | None:
        """Return the way on which its lists are sent to it."""
        delivery, exchange = self._file.delivery, self._file.exchange
        if delivery is not None:
            return delivery if delivery.is_connected else None
        return exchange.channel(self.code, homes) if exchange else None

    def box(self, homes: Path) -> Box | None:
        """Return where it lays its files."""
        return self._file.exchange.box(self.code, homes) if self._file.exchange else None

    def fault_writer(self, kind: str) -> FaultWriter:
        """Return what writes the faults of a file in the form of that file."""
        if kind == "cases":  # they come in XML alone
            return FaultTable("xml")
        tables: dict[str, Table | None] = {
            "roster": self._file.roster, "aliases": self._file.aliases, "report": self._file.report
        }  # fmt: skip
        return fault_writer(tables.get(kind))

    @cached_property
    def tariff(self) -> Tariff:
        """Its prices."""
        return Tariff(prices=self._file.tariff)

    def list_writer(self) -> ListWriter | None:
        """Return its own rendering of a list."""
        return ListDialect(COMPANY_RENDERING, self._file.list) if self._file.list else None


def load_companies(
    files: Iterable[tuple[str, bytes]], case_readers: Mapping[str, CaseReader] = MappingProxyType({})
) -> dict[str, Company]:
    """Read companies from (file name, content), in order of their codes; ``case_readers`` are known by their names.

    Raises:
        ConfigurationRefused: with every fault of every file.
    """
    return read_files(files, lambda name, raw: _load(name, raw, case_readers))


def _too_many_monthly(name: str, company: Company) -> list[ConfigFault]:
    """Lists are numbered, and a month has one regular list, per company: a second monthly service would get none."""
    if len(set(MONTHLY).intersection(company.services)) < 2:
        return []
    return [ConfigFault(name, "services", "more than one service with monthly lists", "make one file a service")]


def _wrongly_exchanged(name: str, file: CompanyFile, company: Company) -> Iterator[ConfigFault]:
    """A list goes one way, and nobody lays files that nobody reads."""
    if file.exchange is None:
        return
    if file.delivery and file.exchange.lists_to:
        yield ConfigFault(name, "exchange.lists_to", "[delivery] sends the lists already", 'set lists_to = ""')
    if file.list and file.exchange.lists_to and not _can_be_laid(file.list.file_name):
        problem = "cannot be laid: it begins with a letter or digit, and {number} tells lists of one month apart"
        yield ConfigFault(name, "list.file_name", problem, "name the file so, or deliver it otherwise")
    readers = {"roster": company.roster_reader(), "aliases": company.alias_reader(), "report": company.report_reader()}
    for number, files in enumerate(file.exchange.files):
        if readers.get(files.kind) is None:
            key = f"exchange.files.{number}.kind"
            yield ConfigFault(name, key, "this company has no such file", "describe it, or take it out")


def _can_be_laid(file_name: str) -> bool:
    return "{number" in file_name and is_file_name(re.sub(r"\{[^}]*\}", "0", file_name))


def _unknown_cases(name: str, file: CompanyFile, known: Mapping[str, CaseReader]) -> Iterator[ConfigFault]:
    if file.cases is not None and file.cases not in known:
        yield ConfigFault(name, "cases", f"no such reader; known are {', '.join(known)}", "name one, or take it out")


def _load(name: str, raw: bytes, case_readers: Mapping[str, CaseReader]) -> Company:
    file = read_file(name, raw, CompanyFile)
    company = Company(file.code, file.title, file.services, file, case_readers.get(file.cases or ""))
    faults = (
        *_too_many_monthly(name, company),
        *_wrongly_exchanged(name, file, company),
        *_unknown_cases(name, file, case_readers),
    )
    if faults:
        raise ConfigurationRefused(faults)
    return company
