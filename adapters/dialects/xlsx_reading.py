"""The rows of a sheet as values, and the values of its cells as the texts that were agreed. Nothing is guessed.

What a spreadsheet program makes of a typed text by itself, a number of an account, a date of a house number, cannot be
undone: it is read only where the declaration says how, and is a fault everywhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from itertools import chain
from typing import Any, Final

from adapters.dialects.cells import KINDS, BadCell
from adapters.dialects.fields import DAY, IDENTIFIERS, MONTH
from adapters.dialects.spec import Cell, Table
from adapters.dialects.xlsx_parts import Oddity
from schemas.values import day_int

#: A number keeps so many digits in a sheet (IEEE 754 double, as all spreadsheet programs use).
EXACT_DIGITS: Final = 15
_TOO_LONG: Final = 10**EXACT_DIGITS

_NUMBER_FOR_TEXT: Final = Oddity(
    "NUMBER_FOR_TEXT",
    "编号被存为数字，零或末尾几位可能已丢失，请将该列设为文本格式后重新填写"
    " / stored as a number it may have lost noughts or digits; format the column as text and enter it again",
)
_NUMBER_FOR_DATE: Final = Oddity(
    "NUMBER_FOR_DATE",
    "日期栏是数字，请将该列设为日期或文本格式 / a number stands for a date; format the column as date or text",
)
_DATE_FOR_TEXT: Final = Oddity(
    "DATE_FOR_TEXT",
    "该值被表格程序改成了日期，请将该列设为文本格式后重新填写"
    " / the spreadsheet program has made a date of it; format the column as text and enter it again",
)
_TIME_OF_DAY: Final = Oddity("TIME_OF_DAY", "日期不应带时刻，请删去 / the date has a time of day; take it out")
_DAY_FOR_MONTH: Final = Oddity(
    "DAY_FOR_MONTH",
    "应为月份而不是某一天，请填写该月或其第一天 / a month was agreed and not a day; write the month, or its first day",
)
_STRAY: Final = Oddity(
    "COLUMN_COUNT",
    "表格右侧之外还有内容，请删除 / something stands to the right of the table; take it out",
)

Take = Callable[[Any], str]
Numbered = tuple[int, list[Any]]


# --- values to texts


def taker(cell: Cell) -> Take:
    """Return what gives the text of a value, as this cell would be written; it raises BadCell with the column."""
    if cell.field is None and cell.constant is None:
        return lambda _value: ""  # nobody reads it
    take, column = _taken(cell), cell.name or cell.field or ""

    def taken(value: Any) -> str:
        if type(value) is Oddity:
            raise BadCell(*value, column)
        try:
            return take(value)
        except BadCell as bad:
            raise BadCell(bad.code, bad.text, column) from None

    return taken


def _taken(cell: Cell) -> Take:
    if cell.kind in DAY:
        return lambda value: KINDS[cell.kind].write(day_int(_date(value)))
    if cell.kind in MONTH:
        return lambda value: KINDS[cell.kind].write(_month(value))
    if cell.field in IDENTIFIERS or cell.field == "holder_id":
        return lambda value: _identifier(value, cell.width or 0)
    return _word if cell.kind == "text" else _number


def _number(value: Any) -> str:
    """Return a number's digits, exactly and without exponent; more places than agreed are the converter's matter."""
    if type(value) is float and value.is_integer():
        return str(int(value))
    if isinstance(value, float):
        return format(Decimal(format(value, ".15g")), "f")
    if isinstance(value, int):  # a truth is one too
        return str(value).upper()
    raise BadCell(*_DATE_FOR_TEXT)


def _word(value: Any) -> str:
    text = _number(value)
    if isinstance(value, float | int) and abs(value) >= _TOO_LONG:
        raise BadCell(*_NUMBER_FOR_TEXT)
    return text


def _identifier(value: Any, width: int) -> str:
    """Fill a number up with the noughts that it must have had; only an agreed width says how many."""
    text = _word(value)
    if not (width and text.isdecimal()):
        raise BadCell(*_NUMBER_FOR_TEXT)
    return text.zfill(width)


def _date(value: Any) -> date:
    if isinstance(value, datetime):
        if value.time() != time():
            raise BadCell(*_TIME_OF_DAY)
        return value.date()
    if isinstance(value, date):
        return value
    raise BadCell(*(_NUMBER_FOR_DATE if isinstance(value, float | int) else _TIME_OF_DAY))


def _month(value: Any) -> int:
    day = _date(value)
    if day.day != 1:
        raise BadCell(*_DAY_FOR_MONTH)
    return day.year * 100 + day.month


class Takers:
    """What takes the values of one line's cells."""

    def __init__(self, cells: Sequence[Cell]) -> None:
        self._takers = [taker(cell) for cell in cells]

    def row(self, values: Sequence[Any]) -> list[str]:
        """Return the texts of a row; cells that are not there are empty. Raises BadCell with the column."""
        count = len(self._takers)
        beyond = values[count:]
        if beyond.count("") != len(beyond):
            raise BadCell(*_STRAY)
        texts = [
            value if type(value) is str else take(value) for take, value in zip(self._takers, values, strict=False)
        ]
        return texts + [""] * (count - len(texts))

    def columns(self, rows: Sequence[Sequence[Any]]) -> list[Sequence[str]] | None:
        """Return the same by column; None if a row must be looked at by itself."""
        if len(set(map(len, rows))) != 1:
            return None
        columns = list(zip(*rows, strict=True))
        count, nothing = len(self._takers), ("",) * len(rows)
        if any(column != nothing for column in columns[count:]):
            return None
        columns += [nothing] * (count - len(columns))
        try:
            return [_all(take, column) for take, column in zip(self._takers, columns, strict=False)]
        except BadCell:
            return None


def _all(take: Take, column: Sequence[Any]) -> Sequence[str]:
    kinds = set(map(type, column))
    if kinds == {str}:
        return column
    if bool in kinds:  # True and 1 are equal, but not one text
        return [value if type(value) is str else take(value) for value in column]
    texts = {value: value if type(value) is str else take(value) for value in set(column)}
    return [texts[value] for value in column]


# --- rows


def numbered(
    rows: Iterable[list[Any]], first_column: int, odd: Mapping[int, Mapping[int, Oddity]]
) -> Iterator[Numbered]:
    """Return the rows in which anything stands, under the numbers they have in the sheet."""
    before = [""] * first_column
    for number, values in enumerate(rows, 1):
        row = before + values if before else values
        if number in odd:
            row = _with_oddities(row, odd[number])
        if row.count("") != len(row):
            yield number, row


def _with_oddities(row: list[Any], odd: Mapping[int, Oddity]) -> list[Any]:
    width = max(len(row), *[column + 1 for column in odd])
    filled = row + [""] * (width - len(row))
    return [odd.get(column, value) for column, value in enumerate(filled)]


class SheetRows:
    """The rows of a sheet (``Rows``), blank ones left out; ``last`` is the trailer, wherever it stands."""

    def __init__(self, rows: Iterator[Numbered], table: Table) -> None:
        self._rows = _below_title(rows, table.title)
        self._table = table
        self._header_due = bool(table.header)
        self._body = self._without_trailer()
        self._row = 0
        self.last: list[Any] = []
        self.last_row = 0

    def __iter__(self) -> Iterator[Numbered]:
        return self._body

    def __next__(self) -> Numbered:
        return next(self._body)

    def take(self) -> Numbered:
        """Return the header, then the column names; above them the totals, if they come first, are laid aside."""
        if self._header_due:
            self._header_due = False
            return self._one()
        if self._table.trailer and self._table.totals_first:
            self.last_row, self.last = self._one()
        if not any(cell.group for cell in self._table.columns):
            return self._one()
        groups = self._one()[1]
        number, names = self._one()
        return number, _named(self._table.columns, groups, names)

    def _one(self) -> Numbered:
        self._row, values = next(self._rows, (self._row + 1, []))
        return self._row, values

    def _without_trailer(self) -> Iterator[Numbered]:
        if self._table.totals_first or not self._table.trailer:
            yield from self._rows
            return
        held = self._one()
        for row in self._rows:
            yield held
            held = row
        self.last_row, self.last = held


def _below_title(rows: Iterator[Numbered], title: str) -> Iterator[Numbered]:
    first = next(rows, None)
    if first is None or (title and [value for value in first[1] if value != ""] == [title]):
        return rows
    return chain((first,), rows)


def _named(cells: Sequence[Cell], groups: Sequence[Any], names: Sequence[Any]) -> list[Any]:
    """Return the columns' names out of two rows of headings.

    A group's name stands in the first of its columns; a column without one has its own name in either row.
    """
    found: list[Any] = []
    group: Any = ""
    width = max(len(cells), len(groups), len(names))
    above = [*groups, *[""] * (width - len(groups))]
    below = [*names, *[""] * (width - len(names))]
    for place, (over, name) in enumerate(zip(above, below, strict=True)):
        group = over or group
        wanted = cells[place].group if place < len(cells) else ""
        found.append((name or over) if not wanted else name if wanted == group else "")
    return found
