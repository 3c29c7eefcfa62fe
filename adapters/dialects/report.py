"""Read a company's reports from a declared table: one bill a row, flat, its components side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

from adapters.base import ReadReportRow
from adapters.dialects.cells import BadCell, checked_text
from adapters.dialects.spec import COMPONENT_FIELDS, Cell, ReportFile
from adapters.dialects.table import ReadRow, TableReader, key_of, reader
from adapters.report_checks import row_fault
from schemas.reports import Answer, Component, ReportHead, ReportKind, ReportRow

#: Fields of many values; every other column has few, and each is read once.
_MANY_VALUED: Final = frozenset(
    ("reference", "account", "bill_id", "refers_to", "answer_text", "reading_from_milli", "reading_to_milli")
)
_LONGEST: Final = {"reference": 40, "account": 40, "bill_id": 60, "refers_to": 60}
_WORDS: Final = 200


class _Raw(str):
    """An answer code that the company's table does not know."""

    __slots__ = ()


class ReportTable(TableReader):
    """Reads the rows of a report as values by field; sums what the trailer may state."""

    def __init__(self, table: ReportFile) -> None:
        self._waived = [key_of(cell) for cell in table.columns if cell.field == "waived_fen"]
        super().__init__(table)

    def _reader(self, cell: Cell) -> Callable[[str], Any]:
        wanted = self._table.fields.get(cell.field or "")
        if cell.field == "answer":
            return _answers(cell.codes)
        read = reader(cell, self._table.fields)
        if isinstance(wanted, type) and issubclass(wanted, StrEnum):
            plain, kind = read, wanted
            read = lambda text: kind(plain(text))  # noqa: E731
        longest = _LONGEST.get(cell.field or "")
        if longest:
            return _bounded(read, longest)
        return read if cell.field in _MANY_VALUED else lru_cache(maxsize=4096)(read)

    def _add(self, sums: dict[str, int], values: Mapping[str, Any]) -> None:
        sums["quantity_milli"] = sums.get("quantity_milli", 0) + values.get("waived_milli", 0)
        fen = sum([values.get(key, 0) for key in self._waived])
        sums["amount_fen"] = sums.get("amount_fen", 0) + fen


def _answers(codes: Mapping[str, bool | str]) -> Callable[[str], Answer | _Raw]:
    """Return what reads an answer: only a code that is agreed means anything."""
    known = {code: Answer(str(value)) for code, value in codes.items()} or {one.value: one for one in Answer}

    def read(text: str) -> Answer | _Raw:
        found = known.get(text.strip())
        return _Raw(checked_text(text)) if found is None else found

    return read


def _bounded(read: Callable[[str], Any], longest: int) -> Callable[[str], Any]:
    def bounded(text: str) -> Any:
        value = read(text)
        if len(value) > longest:
            raise BadCell("OUT_OF_RANGE", "内容过长，请更正 / too long; correct the value")
        return value

    return bounded


class ReportDialect:
    """A ``ReportReader`` made of a table."""

    def __init__(self, company: str, table: ReportFile) -> None:
        self._company = company
        self._reader = ReportTable(table)
        self._columns = {cell.field: cell.name for cell in table.columns if cell.field and cell.name}
        self._components = _components(table)
        self._plain = [cell.field for cell in table.columns if cell.field in _PLAIN]
        self._required = table.required

    def read(self, chunks: Iterable[bytes]) -> tuple[ReportHead, Iterator[ReadReportRow]]:
        """Read the head at once, then the rows as they come."""
        head, rows = self._reader.read(chunks)
        return (
            ReportHead(
                company=self._company,
                kind=ReportKind(head["kind"]),
                month=head["month"],
                edition=head.get("edition"),
                created_on=head.get("created_on"),
            ),
            self._rows(rows),
        )

    def _rows(self, rows: Iterable[ReadRow]) -> Iterator[ReadReportRow]:
        for read in rows:
            if read.values is None:
                yield ReadReportRow(read.row, None, read.fault)
            else:
                said = self._said(read.values)
                fault = row_fault(read.row, said, self._column)
                yield ReadReportRow(read.row, None if fault else said, fault)

    def _column(self, field: str) -> str:
        own = "month" if field in ("month_from", "month_to") and "month" in self._columns else field
        return self._columns.get(own, field)

    def _said(self, values: dict[str, Any]) -> ReportRow:
        answer, words = values["answer"], values.get("answer_text", "")
        if not isinstance(answer, Answer):
            answer, words = Answer.UNKNOWN, words or answer
        month = values.get("month", 0)
        plain = {field: values[field] for field in self._plain if field in values}
        return ReportRow(
            month_from=month or values["month_from"],
            month_to=month or values["month_to"],
            answer=answer,
            answer_text=str(words)[:_WORDS],
            components=tuple([_component(name, keys, values) for name, keys in self._components if keys[0] in values]),
            **plain,
        )


_PLAIN: Final = frozenset(ReportRow.__struct_fields__) - {
    "month_from", "month_to", "answer", "answer_text", "components",
}  # fmt: skip


def _components(table: ReportFile) -> list[tuple[str, tuple[str, ...]]]:
    """Return by component the keys of its fields; the amount waived first, for without it there is no component."""
    found: dict[str, dict[str, str]] = {}
    for cell in table.columns:
        if cell.field in COMPONENT_FIELDS:
            found.setdefault(cell.of, {})[cell.field or ""] = key_of(cell)
    order = ("waived_fen", "price_version", "price_e4", "charge_before_fen", "charge_after_fen")
    return [
        (name, tuple(keys.get(field, "") for field in order)) for name, keys in found.items() if "waived_fen" in keys
    ]


def _component(name: str, keys: tuple[str, ...], values: Mapping[str, Any]) -> Component:
    waived, version, price, before, after = keys
    get = values.get
    return Component(name, get(version, ""), get(price, 0), get(before, 0), values[waived], get(after, 0))
