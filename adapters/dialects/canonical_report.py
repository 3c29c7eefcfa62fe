"""The canonical form of a report: NDJSON with a header, a row a line, and a trailer with counts, sums and digest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final, Literal

import msgspec

from adapters.base import ReadReportRow, ReportReader
from adapters.checks import check_digest
from adapters.dialects.lines import BOM, Lines, truncated
from adapters.report_checks import row_fault
from schemas.faults import Fault, FileRefused, refuse
from schemas.reports import Component, ReportHead, ReportRow
from schemas.text import forbidden_character, looks_like_formula


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A component with the names of its fields, as it stands in the file."""

    component: str
    waived_fen: int
    price_version: str = ""
    price_e4: int = 0
    charge_before_fen: int = 0
    charge_after_fen: int = 0


class _Row(ReportRow, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row as it stands in the file: its components have names."""

    components: tuple[_Part, ...] = ()  # type: ignore[assignment]


class _Head(ReportHead, frozen=True, kw_only=True, forbid_unknown_fields=True):
    type: Literal["header"]


class _Trailer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    type: Literal["trailer"]
    rows: int
    waived_milli: int
    waived_fen: int
    sha256: str


_NOT_JSON: Final = "不是约定的JSON，请按格式更正 / not JSON of the agreed form; correct the row"


class CanonicalReport:
    """Reads canonical reports of one company."""

    def __init__(self, company: str) -> None:
        self._company = company
        self._row = msgspec.json.Decoder(_Row).decode

    def read(self, chunks: Iterable[bytes]) -> tuple[ReportHead, Iterator[ReadReportRow]]:
        """Read the head at once, then the rows as they come."""
        lines = Lines(chunks)
        row, line = lines.take()
        try:
            head = msgspec.json.decode(line, type=_Head)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise _not_a_head(row) from None
        if head.company != self._company:
            raise refuse(
                "OTHER_COMPANY", "这是另一公司的回盘 / the report is another company's", row=row, column="company"
            )
        return head, self._rows(lines)

    def _rows(self, lines: Lines) -> Iterator[ReadReportRow]:
        count = milli = fen = 0
        whole = True
        for row, line in lines:
            read = self._read(row, line)
            count += 1
            if read.report_row is None:
                whole = False
            else:
                milli, fen = milli + read.report_row.waived_milli, fen + read.report_row.waived_fen
            yield read
        self._check(lines, count, (milli, fen) if whole else None)

    def _read(self, row: int, line: bytes) -> ReadReportRow:
        try:
            found = self._row(line)
        except (
            msgspec.DecodeError,
            UnicodeDecodeError,
        ) as error:  # its text may quote the value: only its path is used
            return ReadReportRow(row, None, Fault(row, _path(str(error)), "BAD_JSON", _NOT_JSON))
        said = _plain(found)
        fault = _text_fault(row, said) or row_fault(row, said, str)
        return ReadReportRow(row, None if fault else said, fault)

    def _check(self, lines: Lines, count: int, sums: tuple[int, int] | None) -> None:
        try:
            trailer = msgspec.json.decode(lines.last, type=_Trailer)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise truncated(lines.last_row) from None
        check_digest(lines.last_row, trailer.sha256, lines.sha256())
        if trailer.rows != count:
            raise _differs("TRAILER_ROWS", lines.last_row, "rows")
        if sums is not None and sums != (trailer.waived_milli, trailer.waived_fen):
            raise _differs("TRAILER_SUM", lines.last_row, "waived_milli")


def _plain(found: _Row) -> ReportRow:
    """Return the row as the hub has it, its components as arrays."""
    parts = tuple(
        Component(
            one.component, one.price_version, one.price_e4, one.charge_before_fen, one.waived_fen, one.charge_after_fen
        )
        for one in found.components
    )
    values = dict(zip(_FIELDS, msgspec.structs.astuple(found), strict=True))
    return ReportRow(**(values | {"components": parts}))


_FIELDS: Final = _Row.__struct_fields__


def _text_fault(row: int, said: ReportRow) -> Fault | None:
    for field in ("reference", "account", "bill_id", "refers_to", "answer_text"):
        text = getattr(said, field)
        if forbidden_character(text):
            text = "含不允许的字符，请删除 / a character is not allowed; take it out"
            return Fault(row, field, "FORBIDDEN_CHARACTER", text)
        if field != "answer_text" and looks_like_formula(text):
            text = "编号不得以 = + - @ 开头，请更正 / an identifier must not begin with = + - @; correct it"
            return Fault(row, field, "FORMULA_VALUE", text)
    return None


def _path(message: str) -> str:
    return message.partition("`$.")[2].partition("`")[0]


def _differs(code: str, row: int, column: str) -> FileRefused:
    text = "尾行与内容不符，文件不完整，请重新发送 / the trailer is not that of the rows; send the file again in full"
    return refuse(code, text, row=row, column=column)


def _not_a_head(row: int) -> FileRefused:
    return refuse("HEADER", "首行不是回盘文件头 / the first line is not a report's header; correct it", row=row)


class EitherReport:
    """Reads a company's own form or the canonical one, whichever a file begins like."""

    def __init__(self, company: str, own: ReportReader | None) -> None:
        self._canonical = CanonicalReport(company)
        self._own = own

    def read(self, chunks: Iterable[bytes]) -> tuple[ReportHead, Iterator[ReadReportRow]]:
        """Read the head at once, then the rows as they come."""
        rest = iter(chunks)
        first = next((chunk for chunk in rest if chunk), b"")
        canonical = self._own is None or first.removeprefix(BOM).startswith(b"{")
        reader = self._canonical if canonical or self._own is None else self._own
        return reader.read(chain((first,), rest))
