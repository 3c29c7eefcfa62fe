"""A company's report, written in its own dialect from what its TOML file declares."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from adapters.dialects.spec import ReportFile
from adapters.dialects.writing import TableWriter
from bench.report_rows import Values
from integration.settings import config_folder
from schemas.configuration import read_toml
from schemas.reports import ReportKind


class ReportWriter:
    """Writes reports of one company."""

    def __init__(self, company: str) -> None:
        name = f"{company}.toml"
        content = read_toml(name, (config_folder() / "companies" / name).read_bytes())
        self._writer = TableWriter(ReportFile.model_validate(content["report"]))

    def write(self, path: Path, month: int, rows: Iterable[Values]) -> int:
        """Write an original report; return its number of rows."""
        head = {"month": month, "kind": ReportKind.ORIGINAL, "edition": 1, "created_on": month * 100 + 28}
        number = 0

        def counted() -> Iterator[Values]:
            nonlocal number
            for number, values in enumerate(rows, 1):  # noqa: B007 - counting is what it is for
                yield values

        with path.open("wb") as file:
            file.writelines(self._writer.write(head, counted()))
        return number


def pieces(path: str) -> Callable[[], Iterator[bytes]]:
    """Return what opens a file's bytes, each time anew."""

    def content() -> Iterator[bytes]:
        with Path(path).open("rb") as opened:
            while chunk := opened.read(1 << 16):
                yield chunk

    return content
