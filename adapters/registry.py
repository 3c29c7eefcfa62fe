"""The one list of all partners: which companies there are, and which dialect a registry file speaks."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from adapters.base import ListWriter, RegistryReader
from adapters.bureau import BureauRegistry
from adapters.civil_affairs import CanonicalRegistry
from adapters.companies import Company, load_companies
from adapters.dialects.canonical import CANONICAL_WRITERS
from adapters.dialects.lines import BOM
from schemas.faults import refuse

#: How many first bytes ``registry_reader`` needs.
SNIFF_BYTES: Final = 16


def companies_in(folder: Path) -> dict[str, Company]:
    """Read every company of a configuration folder.

    Raises:
        ConfigurationRefused: with every fault of every file.
    """
    return load_companies((path.name, path.read_bytes()) for path in folder.glob("*.toml"))


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
        raise refuse("EMPTY_FILE", "文件是空的，请重新导出 / the file is empty; export it again")
    raise refuse(
        "UNKNOWN_DIALECT",
        "不是约定的登记文件，应以 { 或 #HDR 开头 / not a registry file: it begins with { or #HDR",
        row=1,
    )
