"""Write waiver lists. Two roads give the same bytes: many rows at once, and one row with care where that cannot be.

The quick road turns a batch by columns, so that the loops run inside the interpreter; the careful road runs when the
batch does not come out as expected, and names the row and column that cannot be written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice, repeat
from typing import Any, Final

from adapters.base import ListHead
from adapters.dialects.cells import BadCell, converter
from adapters.dialects.lines import BOM
from adapters.dialects.spec import HEAD_FIELDS, Cell, Cells, ListFile
from adapters.dialects.table import Layout, layout_of
from schemas.faults import refuse
from schemas.lists import Change, ListRow

#: Rows a batch; some 40-60 bytes each make chunks of about 256 KiB.
BATCH_ROWS: Final = 5_000

_QUANTITY: Final = ListRow._fields.index("quantity_milli")
_MANY_VALUED: Final = frozenset(("reference", "account"))
_Column = Callable[[Sequence[tuple[Any, ...]]], Iterable[str]]


class ListDialect:
    """A ``ListWriter`` made of a table."""

    def __init__(self, name: str, table: ListFile) -> None:
        self.name = name
        self.media_type = table.media_type
        self.full_roll = table.full_roll
        self._table = table
        self._layout = layout_of(table)
        self._columns = [_quick_column(cell, self._layout) for cell in table.columns]
        self._careful = [_careful_cell(cell) for cell in table.columns]

    def file_name(self, head: ListHead) -> str:
        """Name the file as the company wants it."""
        return self._table.file_name.format(
            company=head.company,
            number=head.number,
            month=head.month.replace("-", ""),
            kind=head.kind.value,
            created=head.created_on.replace("-", ""),
        )

    def render(self, head: ListHead, rows: Iterable[ListRow]) -> Iterator[bytes]:
        """Render header, rows and trailer."""
        yield self._opening(head)
        wanted = iter(rows) if self.full_roll else (row for row in rows if row.change != Change.KEEP)
        count = quantity = 0
        while batch := list(islice(wanted, BATCH_ROWS)):
            by_column = list(zip(*batch, strict=True))
            yield self._quick(by_column, len(batch)) or self._slow(batch, count)
            count += len(batch)
            quantity += sum(by_column[_QUANTITY])
        if self.full_roll and (count, quantity) != (head.rows, head.quantity_milli):
            raise refuse("TOTALS_DISAGREE", "名单行数或总量与清单不符 / the rows are not those that the head counts")
        yield self._line(self._table.trailer, head._replace(rows=count, quantity_milli=quantity))

    def _opening(self, head: ListHead) -> bytes:
        table = self._table
        names = [cell.name for cell in table.columns]
        return b"".join(
            (
                BOM if table.encoding == "utf-8-sig" else b"",
                self._line(table.header, head),
                self._layout.line(table.columns, names) if table.names_row else b"",
            )
        )

    def _line(self, cells: Cells, head: ListHead) -> bytes:
        """Write a header or trailer; none is declared, none is written."""
        if not cells:
            return b""
        values = {
            **head._asdict(),
            "month": int(head.month.replace("-", "")),
            "created_on": int(head.created_on.replace("-", "")),
        }
        return self._layout.line(cells, [_text(cell, values) for cell in cells])

    def _quick(self, by_column: Sequence[tuple[Any, ...]], rows: int) -> bytes | None:
        return self._layout.join([column(by_column) for column in self._columns], rows)

    def _slow(self, batch: Sequence[ListRow], before: int) -> bytes:
        lines = []
        for row, values in enumerate(batch, before + 1):
            try:
                lines.append(self._layout.line(self._table.columns, [write(values) for write in self._careful]))
            except BadCell as bad:
                raise refuse(bad.code, bad.text, row=row, column=bad.column) from None
        return b"".join(lines)


def _text(cell: Cell, values: dict[str, Any]) -> str:
    if cell.field is None:
        return cell.constant or ""
    return converter(cell, HEAD_FIELDS).write(values[cell.field])


def _careful_cell(cell: Cell) -> Callable[[ListRow], str]:
    if cell.field is None:
        text = cell.constant or ""
        return lambda _row: text
    index, write = ListRow._fields.index(cell.field), converter(cell, ListFile.fields).write
    return lambda row: write(row[index])


def _quick_column(cell: Cell, layout: Layout) -> _Column:
    """Return a function from a batch's columns to the texts of this cell."""
    if cell.field is None:
        text = layout.fit(cell, cell.constant or "")
        return lambda by_column: repeat(text, len(by_column[0]))
    index = ListRow._fields.index(cell.field)
    if cell.field in _MANY_VALUED:
        padding = layout.pad(cell)
        if padding is None:
            return lambda by_column: by_column[index]
        return lambda by_column: map(padding.__mod__, by_column[index])
    write = _remembered(cell, layout)
    return lambda by_column: map(write, by_column[index])


def _remembered(cell: Cell, layout: Layout) -> Callable[[Any], str]:
    """Months, quantities and changes take few values: each is written once."""
    write = converter(cell, ListFile.fields).write

    @lru_cache(maxsize=4096)
    def written(value: Any) -> str:
        return layout.fit(cell, write(value))

    return written
