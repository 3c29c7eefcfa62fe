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
from adapters.dialects.form import Form, Writing
from adapters.dialects.spec import Cell, ListFile
from adapters.dialects.writing import TableWriter, Values
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
        self._writer = TableWriter(table)
        self._columns = [_quick_column(cell, self._writer.form) for cell in table.columns]

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
        values, writing = _values(head), self._writer.form.writing()
        yield self._writer.opening(writing, values, values if self.full_roll else None)
        wanted = iter(rows) if self.full_roll else (row for row in rows if row.change != Change.KEEP)
        count = quantity = 0
        while batch := list(islice(wanted, BATCH_ROWS)):
            by_column = list(zip(*batch, strict=True))
            quick = self._quick(writing, by_column)
            yield self._slow(writing, batch, count) if quick is None else quick
            count += len(batch)
            quantity += sum(by_column[_QUANTITY])
        if self.full_roll and (count, quantity) != (head.rows, head.quantity_milli):
            raise refuse("TOTALS_DISAGREE", "名单行数或总量与清单不符 / the rows are not those that the head counts")
        yield from self._writer.closing(writing, {**values, "rows": count, "quantity_milli": quantity})

    def _quick(self, writing: Writing, by_column: Sequence[tuple[Any, ...]]) -> bytes | None:
        try:
            return writing.join([column(by_column) for column in self._columns], len(by_column[0]))
        except BadCell:
            return None

    def _slow(self, writing: Writing, batch: Sequence[ListRow], before: int) -> bytes:
        lines = (self._writer.line(writing, row, one._asdict()) for row, one in enumerate(batch, before + 1))
        return b"".join(lines)


def _values(head: ListHead) -> Values:
    days = {field: int(getattr(head, field).replace("-", "")) for field in ("month", "created_on")}
    return {**head._asdict(), **days}


def _quick_column(cell: Cell, form: Form) -> _Column:
    """Return a function from a batch's columns to the texts of this cell."""
    if cell.field is None:
        text = form.fit(cell, cell.constant or "")
        return lambda by_column: repeat(text, len(by_column[0]))
    index = ListRow._fields.index(cell.field)
    if cell.width:
        checked = converter(cell, ListFile.fields).write
        return lambda by_column: [form.fit(cell, checked(value)) for value in by_column[index]]
    if cell.field in _MANY_VALUED:
        padding = form.pad(cell)
        if padding is None:
            return lambda by_column: by_column[index]
        return lambda by_column: map(padding.__mod__, by_column[index])
    write = _remembered(cell, form)
    return lambda by_column: map(write, by_column[index])


def _remembered(cell: Cell, form: Form) -> Callable[[Any], str]:
    """Months, quantities and changes take few values: each is written once."""
    write = converter(cell, ListFile.fields).write

    @lru_cache(maxsize=4096)
    def written(value: Any) -> str:
        return form.fit(cell, write(value))

    return written
