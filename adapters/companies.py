"""Companies as their TOML files declare them: who they are, what they supply, and which files they speak."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePath
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from adapters.base import AliasReader, Box, Channel, FaultWriter, ListWriter, ReportReader, RosterReader
from adapters.channels.http_push import HttpPush
from adapters.dialects.canonical_report import EitherReport
from adapters.dialects.fault_file import fault_writer
from adapters.dialects.listing import ListDialect
from adapters.dialects.report import ReportDialect
from adapters.dialects.spec import AliasFile, ListFile, ReportFile, RosterFile, Table
from adapters.dialects.table import AliasDialect, RosterDialect
from schemas.configuration import ConfigFault, ConfigurationRefused, faults_of, read_toml
from schemas.tariffs import Price, Tariff
from schemas.values import MONTHLY, Service

#: The name that a company's own rendering of a list goes by, beside the canonical ones.
COMPANY_RENDERING: Final = "company"


def _agreeing(prices: tuple[Price, ...]) -> tuple[Price, ...]:
    try:
        return Tariff(prices=prices).prices
    except ValidationError as error:
        raise ValueError("; ".join(fault.problem for fault in faults_of("", error))) from None


class CompanyFile(BaseModel):
    """What a company's TOML file may say.

    Without ``list`` the company gets the canonical renderings alone, without ``report`` it reports in the canonical
    form; without ``tariff`` no amount of it can be judged; without ``delivery`` it fetches its lists itself.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,39}$")]
    title: Annotated[str, Field(min_length=1, max_length=60)]
    services: Annotated[tuple[Service, ...], Field(min_length=1)]
    roster: RosterFile
    aliases: AliasFile | None = None
    report: ReportFile | None = None
    tariff: Annotated[tuple[Price, ...], AfterValidator(_agreeing)] = ()
    list: ListFile | None = None
    delivery: HttpPush | None = None


@dataclass(frozen=True)
class Company:
    """A company and its dialects (a ``CompanyPort``); None where it has no such file."""

    code: str
    title: str
    services: tuple[Service, ...]
    _file: CompanyFile

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
        return EitherReport(self.code, ReportDialect(self.code, self._file.report) if self._file.report else None)

    def channel(self, homes: Path) -> Channel | None:  # noqa: ARG002 - for boxes of the hub's own
        """Return the way on which its lists are sent to it."""
        return self._file.delivery

    def box(self, homes: Path) -> Box | None:  # noqa: ARG002 - the same
        """Return where it lays its files."""
        return None

    def fault_writer(self, kind: str) -> FaultWriter:
        """Return what writes the faults of a file in the form of that file."""
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


def load_companies(files: Iterable[tuple[str, bytes]]) -> dict[str, Company]:
    """Read companies from (file name, content), in order of their codes.

    Raises:
        ConfigurationRefused: with every fault of every file.
    """
    companies: dict[str, Company] = {}
    faults: list[ConfigFault] = []
    for name, raw in sorted(files):
        try:
            company = _load(name, raw)
        except ConfigurationRefused as refused:
            faults += refused.faults
            continue
        faults += _too_many_monthly(name, company)
        if company.code in companies:
            faults.append(ConfigFault(name, "code", "another file has this code", "give each company its own"))
        companies[company.code] = company
    if faults:
        raise ConfigurationRefused(faults)
    return dict(sorted(companies.items()))


def _too_many_monthly(name: str, company: Company) -> list[ConfigFault]:
    """Lists are numbered, and a month has one regular list, per company: a second monthly service would get none."""
    if len(set(MONTHLY).intersection(company.services)) < 2:
        return []
    return [ConfigFault(name, "services", "more than one service with monthly lists", "make one file a service")]


def _load(name: str, raw: bytes) -> Company:
    try:
        file = CompanyFile.model_validate(read_toml(name, raw))
    except ValidationError as error:
        raise ConfigurationRefused(faults_of(name, error)) from None
    if file.code != PurePath(name).stem:
        fault = ConfigFault(name, "code", "not the name of its file", f"name the file {file.code}.toml")
        raise ConfigurationRefused([fault])
    return Company(file.code, file.title, file.services, file)
