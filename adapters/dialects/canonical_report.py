"""The canonical form of a report: NDJSON with a header, a row a line, and a trailer with counts, sums and digest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from operator import attrgetter
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from adapters.base import ReadReportRow, ReportReader
from adapters.checks import check_digest
from adapters.dialects.cells import FORMULA, forbidden
from adapters.dialects.json_lines import BAD_JSON, BAD_VALUE, DUPLICATE_KEY, column_of, repeated_key
from adapters.dialects.lines import BOM, Lines, not_decodable, truncated
from adapters.dialects.table import Totals
from adapters.report_checks import row_fault
from schemas.faults import Fault, FileRefused, refuse
from schemas.reports import Component, Fen, PriceE4, ReportHead, ReportRow
from schemas.tariffs import CODE_PATTERN
from schemas.text import forbidden_character, looks_like_formula
from schemas.values import is_day


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A component as it stands in the file, an object with names: a partner reads it without counting places."""

    component: Annotated[str, Meta(pattern=CODE_PATTERN)]
    price_version: Annotated[str, Meta(max_length=40)] = ""
    price_e4: PriceE4 = 0
    charge_before_fen: Fen = 0
    waived_fen: Fen = 0
    charge_after_fen: Fen = 0
    other_waived_fen: Fen = 0


class _Row(ReportRow, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row as it stands in the file."""

    components: Annotated[tuple[_Part, ...], Meta(max_length=20)] = ()  # type: ignore[assignment]


class _Head(ReportHead, frozen=True, kw_only=True, forbid_unknown_fields=True):
    type: Literal["header"]


class _Trailer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    type: Literal["trailer"]
    rows: int
    waived_milli: int
    waived_fen: int
    sha256: str


_FIELDS: Final = ReportRow.__struct_fields__
_VALUES: Final = attrgetter(*_FIELDS)
_KEYS: Final = frozenset((*_FIELDS, *_Part.__struct_fields__, *_Head.__struct_fields__, *_Trailer.__struct_fields__))
_DIFFERS: Final = (
    "尾行与内容不符，文件不完整或被改动，请重新发送 / the trailer is not that of the rows; send the file again"
)
_NOT_A_HEAD: Final = (
    "首行不是本公司回盘的文件头，请核对是否发错文件"
    " / the first line is not the header of this company's report; is this the right file?"
)
#: The texts of a row: the first is words, the others are identifiers.
_TEXTS: Final = ("answer_text", "reference", "account", "bill_id", "refers_to", "proof")
_SAID: Final = attrgetter(*_TEXTS)


class CanonicalReport:
    """Reads canonical reports of one company."""

    def __init__(self, company: str) -> None:
        self._company = company
        self._row = msgspec.json.Decoder(_Row).decode
        self._plain = msgspec.json.Decoder().decode

    def read(self, chunks: Iterable[bytes]) -> tuple[ReportHead, Iterator[ReadReportRow]]:
        """Read the head at once, then the rows as they come."""
        lines = Lines(chunks)
        row, line = lines.take()
        return self._head(row, line), self._rows(lines)

    def _head(self, row: int, line: bytes) -> ReportHead:
        try:
            head = msgspec.json.decode(line, type=_Head)
        except UnicodeDecodeError:
            raise not_decodable("utf-8", row) from None
        except msgspec.DecodeError:
            raise _not_a_head(row) from None
        if head.company != self._company:
            raise _not_a_head(row, "company")
        if not 1 <= head.month % 100 <= 12:
            raise _not_a_head(row, "month")
        if head.created_on is not None and not is_day(head.created_on):
            raise _not_a_head(row, "created_on")
        if repeated_key(line, _KEYS, "") is not None:
            raise _not_a_head(row)
        return ReportHead(**{name: getattr(head, name) for name in ReportHead.__struct_fields__})

    def _rows(self, lines: Lines) -> Iterator[ReadReportRow]:
        totals = Totals("waived_milli", "waived_fen")
        for row, line in lines:
            read = self._read(row, line)
            said = read.report_row
            totals.count(1, None if said is None else (said.waived_milli, said.waived_fen))
            yield read
        _check_trailer(lines, totals)

    def _read(self, row: int, line: bytes) -> ReadReportRow:
        try:
            found = self._row(line)
        except UnicodeDecodeError:
            raise not_decodable("utf-8", row) from None
        except msgspec.ValidationError as error:
            return ReadReportRow(row, None, Fault(row, column_of(error), *BAD_VALUE))
        except msgspec.DecodeError:
            return ReadReportRow(row, None, Fault(row, "", *BAD_JSON))
        said = _as_hub_has_it(found)
        fault = self._key_fault(row, line) or _text_fault(row, said)
        fault = fault or row_fault(row, said, lambda field, component: _column(said, field, component))
        return ReadReportRow(row, None, fault) if fault else ReadReportRow(row, said)

    def _key_fault(self, row: int, line: bytes) -> Fault | None:
        # each key has one colon outside texts: no more colons than different keys, and none stands twice
        keys: dict[str, Any] = self._plain(line)
        if line.count(b":") == len(keys) + sum([len(part) for part in keys.get("components", ())]):
            return None
        column = repeated_key(line, _KEYS, "")
        return None if column is None else Fault(row, column, *DUPLICATE_KEY)


def _as_hub_has_it(found: _Row) -> ReportRow:
    values = dict(zip(_FIELDS, _VALUES(found), strict=True))
    values["components"] = tuple([Component(*msgspec.structs.astuple(part)) for part in found.components])
    return ReportRow(**values)


def _text_fault(row: int, said: ReportRow) -> Fault | None:
    texts = list(_SAID(said))
    for part in said.components:
        texts += (part.component, part.price_version)
    # hardly any row has one: all texts are looked at as one, and one by one only to say where
    if forbidden_character("".join(texts)):
        place, character = next((i, found) for i, text in enumerate(texts) if (found := forbidden_character(text)))
        return Fault(row, _name_of(place), *forbidden(character))
    if any(map(looks_like_formula, {text[:1] for text in texts[1:]})):
        place = next(i for i, text in enumerate(texts[1:], 1) if looks_like_formula(text))
        return Fault(row, _name_of(place), *FORMULA)
    return None


def _name_of(place: int) -> str:
    """Return which text of a row this is: its own come first, then two of each component."""
    if place < len(_TEXTS):
        return _TEXTS[place]
    index, field = divmod(place - len(_TEXTS), 2)
    return f"components[{index}].{('component', 'price_version')[field]}"


def _column(said: ReportRow, field: str, component: str) -> str:
    names = [part.component for part in said.components]
    return f"components[{names.index(component)}].{field}" if component else field


def _check_trailer(lines: Lines, totals: Totals) -> None:
    """Compare the trailer with what was read.

    Raises:
        FileRefused: there is none, or it differs.
    """
    row = lines.last_row
    try:
        trailer = msgspec.json.decode(lines.last, type=_Trailer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise truncated(row) from None
    for field, value in totals.known().items():
        if getattr(trailer, field) != value:
            code = "TRAILER_ROWS" if field == "rows" else "TRAILER_SUM"
            raise refuse(code, _DIFFERS, row=row, column=field)
    check_digest(row, trailer.sha256, lines.sha256())


def _not_a_head(row: int, column: str = "") -> FileRefused:
    return refuse("HEADER", _NOT_A_HEAD, row=row, column=column)


#: So much of a file tells of which form it is.
_BEGIN_BYTES: Final = 512


class EitherReport:
    """Reads a company's own form or the canonical one, whichever a file begins like.

    ``first_key`` is what a document of its own begins with, if that is JSON too: its head.
    """

    def __init__(self, company: str, own: ReportReader | None, first_key: str = "") -> None:
        self._canonical = CanonicalReport(company)
        self._own = own
        self._own_json = re.compile(rf'\{{\s*"{re.escape(first_key)}"\s*:'.encode())

    def read(self, chunks: Iterable[bytes]) -> tuple[ReportHead, Iterator[ReadReportRow]]:
        """Read the head at once, then the rows as they come."""
        rest = iter(chunks)
        begin = b""
        while len(begin) < _BEGIN_BYTES and (chunk := next(rest, None)) is not None:
            begin += chunk
        start = begin.removeprefix(BOM)
        canonical = start.startswith(b"{") and not self._own_json.match(start)
        reader = self._canonical if canonical or self._own is None else self._own
        return reader.read(chain((begin,), rest))
