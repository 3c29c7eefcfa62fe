"""Partners that are no company, as their TOML files declare them: civil affairs, the union."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from adapters.base import Box, FaultWriter
from adapters.channels.exchange import Exchange
from adapters.dialects.fault_file import fault_writer
from adapters.dialects.spec import WorkerFile
from adapters.union import UnionWorkers
from schemas.configuration import CodedFile, read_file, read_files


class PartnerFile(CodedFile):
    """What such a partner's TOML file may say."""

    workers: WorkerFile | None = None
    exchange: Exchange | None = None


@dataclass(frozen=True)
class Partner:
    """Such a partner and its dialects (a ``PartnerPort``); None where it has no such file."""

    code: str
    title: str
    _file: PartnerFile

    def worker_reader(self) -> UnionWorkers | None:
        """Return the reader of its workers in hardship."""
        return UnionWorkers(self._file.workers) if self._file.workers else None

    def box(self, homes: Path) -> Box | None:
        """Return where it lays its files."""
        return self._file.exchange.box(self.code, homes) if self._file.exchange else None

    def fault_writer(self, kind: str) -> FaultWriter:
        """Return what writes the faults of a file in the form of that file."""
        return fault_writer(self._file.workers if kind == "workers" else None)


def load_partners(files: Iterable[tuple[str, bytes]]) -> dict[str, Partner]:
    """Read partners from (file name, content), in order of their codes.

    Raises:
        ConfigurationRefused: with every fault of every file.
    """
    return read_files(files, _load)


def _load(name: str, raw: bytes) -> Partner:
    file = read_file(name, raw, PartnerFile)
    return Partner(file.code, file.title, file)
