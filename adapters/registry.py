"""The one list of all partners: which companies there are, and which dialect a registry file speaks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from adapters.base import CaseReader, ListWriter, RegistryReader
from adapters.bureau import BureauRegistry
from adapters.city_power import CityPowerCases
from adapters.civil_affairs import CanonicalRegistry
from adapters.companies import Company, load_companies
from adapters.dialects.canonical import CANONICAL_WRITERS
from adapters.dialects.lines import BOM, empty_file
from adapters.partners import Partner, load_partners
from adapters.sandbox_company import SandboxCompany
from schemas.faults import refuse

#: The readers of project cases, by the names that companies' files give them.
CASE_READERS: Final[Mapping[str, CaseReader]] = {"city_power": CityPowerCases()}
#: How many first bytes ``registry_reader`` needs.
SNIFF_BYTES: Final = 16


def companies_in(folder: Path) -> dict[str, Company]:
    """Read every company of a configuration folder.

    Raises:
        ConfigurationRefused: with every fault of every file.
    """
    return load_companies(_files(folder), CASE_READERS)


def partners_in(folder: Path) -> dict[str, Partner]:
    """Read every other partner of a configuration folder: who sends files and is no company.

    Raises:
        ConfigurationRefused: with every fault of every file.
    """
    return load_partners(_files(folder))


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    return ((path.name, path.read_bytes()) for path in folder.glob("*.toml"))


def sandbox_in(folder: Path) -> SandboxCompany:
    """Read the company that answers by itself.

    Raises:
        ConfigurationRefused: with every fault of its file.
    """
    (company,) = companies_in(folder).values()
    return SandboxCompany.of(company)


def list_writers(company: Company) -> tuple[ListWriter, ...]:
    """Return every form in which a company's lists are rendered: the canonical ones, and its own if it has one."""
    own = company.list_writer()
    return (*CANONICAL_WRITERS, own) if own else CANONICAL_WRITERS


def registry_reader(first_bytes: bytes) -> RegistryReader:
    """Choose the reader by how a file begins.

    Raises:
        FileRefused: EMPTY_FILE or UNKNOWN_DIALECT.
    """
    start = first_bytes.removeprefix(BOM)
    if start.startswith(b"{"):
        return CanonicalRegistry()
    if start.startswith(b"#HDR"):
        return BureauRegistry()
    if not start:
        raise empty_file()
    raise refuse(
        "UNKNOWN_DIALECT",
        "不是约定的登记文件，应以 { 或 #HDR 开头 / not a registry file: it begins with { or #HDR",
        row=1,
    )
