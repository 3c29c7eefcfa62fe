"""A company's report, written in its own dialect from what its TOML file declares."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, Final

from adapters.dialects.cells import converter
from adapters.dialects.spec import Cell, Cells, ReportFile
from adapters.dialects.table import key_of, layout_of
from bench.report_rows import Values
from integration.settings import config_folder
from schemas.configuration import read_toml
from schemas.reports import ReportKind

_BATCH: Final = 5_000
_MANY_VALUED: Final = frozenset(("reference", "account", "bill_id", "refers_to", "answer_text"))


class ReportWriter:
    """Writes reports of one company."""

    def __init__(self, company: str) -> None:
        name = f"{company}.toml"
        content = read_toml(name, (config_folder() / "companies" / name).read_bytes())
        self._table = table = ReportFile.model_validate(content["report"])
        self._layout = layout_of(table)
        self._cells = [(key_of(cell), self._written(cell)) for cell in table.columns]

    def _written(self, cell: Cell) -> Callable[[Any], str]:
        fit = self._layout.fit
        if cell.field is None:
            text = fit(cell, cell.constant or "")
            return lambda _value: text
        write = str if cell.field in _MANY_VALUED else converter(cell, self._table.fields).write

        def written(value: Any) -> str:
            return fit(cell, "" if value is None else write(value))

        return written if cell.field in _MANY_VALUED else lru_cache(maxsize=65536)(written)

    def write(self, path: Path, month: int, rows: Iterable[Values]) -> int:
        """Write an original report; return its number of rows."""
        count = quantity = amount = 0
        head = {"month": month, "kind": ReportKind.ORIGINAL, "edition": 1, "created_on": month * 100 + 28}
        rest = iter(rows)
        with path.open("wb") as file:
            file.write(self._line(self._table.header, head))
            while batch := list(islice(rest, _BATCH)):
                count += len(batch)
                quantity += sum([one["waived_milli"] for one in batch])
                amount += sum([one.get("waived_fen", 0) for one in batch])
                file.write(self._joined(batch))
            file.write(
                self._line(self._table.trailer, {"rows": count, "quantity_milli": quantity, "amount_fen": amount})
            )
        return count

    def _line(self, cells: Cells, values: Values) -> bytes:
        fields = self._table.head_fields
        texts = [
            (cell.constant or "") if cell.field is None else converter(cell, fields).write(values[cell.field])
            for cell in cells
        ]
        return self._layout.line(cells, texts)

    def _joined(self, batch: Sequence[Values]) -> bytes:
        columns = [[write(one.get(key)) for one in batch] for key, write in self._cells]
        joined = self._layout.join(columns, len(batch))
        if joined is None:
            raise ValueError("a row does not fit its dialect")
        return joined


def pieces(path: str) -> Callable[[], Iterator[bytes]]:
    """Return what opens a file's bytes, each time anew."""

    def content() -> Iterator[bytes]:
        with Path(path).open("rb") as opened:
            while chunk := opened.read(1 << 16):
                yield chunk

    return content
