"""Many rows of a report at once, column by column: what stands in many rows is read once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat
from types import GenericAlias
from typing import Any, Final, NamedTuple

import msgspec

from adapters.dialects.cells import FORMULA, BadCell
from adapters.dialects.fields import COMPONENT_FIELDS
from adapters.dialects.spec import ReportFile
from adapters.dialects.table import MISSING, key_of
from schemas.reports import Answer, Component, ReportRow
from schemas.text import forbidden_character, looks_like_formula

#: Fields of many values, which are not worth remembering.
TEXTS: Final = frozenset(("reference", "account", "bill_id", "refers_to", "answer_text"))

#: So many texts of a column are remembered; any more are read anew each time.
_MOST: Final = 16_384
_FIELDS: Final = ReportRow.__struct_fields__
_DEFAULTS: Final = {one.name: one.default for one in msgspec.structs.fields(ReportRow)}


class RawCode(str):
    """An answer code that the company's table does not know."""

    __slots__ = ()


class Memo(dict[Any, Any]):
    """What texts mean, each read once. Reading one raises whatever its reader raises, every time."""

    def __init__(self, read: Callable[[Any], Any], known: Mapping[Any, Any] | None = None) -> None:
        super().__init__(known or {})
        self._read = read

    def __missing__(self, text: Any) -> Any:
        value = self._read(text)
        if len(self) < _MOST:
            self[text] = value
        return value


class Batch(NamedTuple):
    """Rows, and the sums of what they waive."""

    rows: list[ReportRow]
    waived_milli: int
    waived_fen: int


class Columns:
    """Makes rows of the columns of one table.

    ``readers`` read each cell by its key, ``parts`` makes the components of a row's values, and ``hints`` are the
    types of the fields.
    """

    def __init__(
        self,
        table: ReportFile,
        readers: Mapping[str, Callable[[str], Any]],
        parts: Callable[[Mapping[str, Any]], tuple[Component, ...]],
        hints: Mapping[str, Any],
    ) -> None:
        self._places = {key_of(cell): place for place, cell in enumerate(table.columns) if cell.field}
        self._constants = [
            (place, {cell.constant, ""}) for place, cell in enumerate(table.columns) if cell.constant is not None
        ]
        self._filled = [self._places[field] for field in table.filled()]
        self._readers = readers
        self._widths = {cell.field: {0, cell.width} for cell in table.columns if cell.width}
        self._memos = {key: self._memo(key) for key in self._places if key not in TEXTS}
        self._lists = {field: GenericAlias(list, (hints[field],)) for field in TEXTS}
        self._part_keys = [key_of(cell) for cell in table.columns if cell.field in COMPONENT_FIELDS]
        self._parts = parts
        self._charged = Memo(self._read_charged)

    def rows(self, texts: Sequence[Sequence[str]]) -> Batch | None:
        """Return the rows of so many texts by column; None if one of them must be looked at by itself."""
        try:
            return self._rows(texts)
        except (BadCell, msgspec.ValidationError):
            return None

    def _rows(self, texts: Sequence[Sequence[str]]) -> Batch:
        if any("" in texts[place] for place in self._filled):
            raise BadCell(*MISSING)
        for place, allowed in self._constants:
            if not allowed.issuperset(texts[place]):
                raise BadCell("RECORD_TYPE", "")
        count = len(texts[0])
        charged = self._components(texts, count)
        columns = {field: self._column(field, texts, charged, count) for field in _FIELDS}
        _know_answers(columns)
        rows = [ReportRow(**dict(zip(_FIELDS, values, strict=True))) for values in zip(*columns.values(), strict=True)]
        return Batch(rows, sum([said.waived_milli for said in rows]), sum([fen for _, fen in charged]))

    def _column(
        self, field: str, texts: Sequence[Sequence[str]], charged: Sequence[tuple[Any, int]], count: int
    ) -> Iterable[Any]:
        if field == "components":
            return [parts for parts, _ in charged]
        key = "month" if field in ("month_from", "month_to") and "month" in self._places else field
        if key not in self._places:
            return repeat(_DEFAULTS[field], count)
        column = texts[self._places[key]]
        return self._texts(field, column) if field in TEXTS else map(self._memos[key].__getitem__, column)

    def _texts(self, field: str, column: Sequence[str]) -> Iterable[str]:
        if forbidden_character("".join(column)):
            raise BadCell("FORBIDDEN_CHARACTER", "")
        values = [text.strip() for text in column]
        if field in self._widths and not self._widths[field].issuperset(map(len, values)):
            raise BadCell("WIDTH", "")
        if field != "answer_text" and any(map(looks_like_formula, {text[:1] for text in values})):
            raise BadCell(*FORMULA)
        checked: list[str] = msgspec.convert(values, self._lists[field])
        return checked

    def _memo(self, key: str) -> Memo:
        """Return what a column's texts mean; an empty cell says nothing."""
        read = self._readers[key]
        return Memo(read) if key == "answer" else Memo(read, {"": _DEFAULTS.get(key)})

    def _components(self, texts: Sequence[Sequence[str]], count: int) -> list[tuple[tuple[Component, ...], int]]:
        if not self._part_keys:
            return [((), 0)] * count
        columns = [texts[self._places[key]] for key in self._part_keys]
        return list(map(self._charged.__getitem__, zip(*columns, strict=True)))

    def _read_charged(self, texts: Sequence[str]) -> tuple[tuple[Component, ...], int]:
        """Read the cells of all components of a row; many rows are charged alike."""
        cells = zip(self._part_keys, texts, strict=True)
        parts = self._parts({key: self._readers[key](text) for key, text in cells if text})
        return parts, sum([part.waived_fen for part in parts])


def _know_answers(columns: dict[str, Iterable[Any]]) -> None:
    """Put UNKNOWN in the place of codes that are not agreed, and the codes in that of the words."""
    answers, words = list(columns["answer"]), columns["answer_text"]
    if RawCode in set(map(type, answers)):
        words = [str(one) if type(one) is RawCode else text for one, text in zip(answers, words, strict=True)]
        answers = [Answer.UNKNOWN if type(one) is RawCode else one for one in answers]
    columns |= {"answer": answers, "answer_text": words}
