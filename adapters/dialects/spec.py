"""The declarative form of a company's file: what a TOML file may say, and what it may not.

A file is an optional header line, an optional line of column names, one line a row, and an optional trailer. Header,
trailer and rows are all made of *cells*: a fixed text, a field of the hub in the company's way of writing, or a column
that the hub does not need.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from adapters.dialects.fields import (
    ALIAS_FIELDS,
    COMPONENT_FIELDS,
    HEAD_FIELDS,
    IDENTIFIERS,
    LIST_FIELDS,
    REPORT_FIELDS,
    REPORT_HEAD_FIELDS,
    ROSTER_FIELDS,
    SIGNED,
    WORKER_FIELDS,
    FieldType,
    Kind,
)
from schemas.lists import Change, ListKind
from schemas.reports import Answer
from schemas.tariffs import BASIC, CODE_PATTERN

#: A name that both XML and JSON can use; Han characters are letters.
_ELEMENT: Final = re.compile(r"[^\W\d][\w.-]{0,63}")
PartName = Annotated[str, Field(pattern=r"^[^\W\d][\w.-]{0,63}$")]


class Cell(BaseModel):
    """One cell of a row. ``bytes``, ``align`` and ``pad`` belong to fixed width alone, ``group`` to sheets.

    ``of`` names the price component of a report's amounts and prices. ``width`` is how many characters an account's
    number has, leading noughts included; ``sign = "negated"`` says that the company writes the opposite sign; ``group``
    is the merged heading above a column's name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, hide_input_in_errors=True)

    name: str = ""
    constant: str | None = Field(default=None, alias="is")
    field: str | None = None
    kind: Kind = Field(default="text", alias="as")
    of: Annotated[str, Field(pattern=CODE_PATTERN)] = BASIC
    codes: dict[str, bool | str] = {}
    width: Annotated[int, Field(ge=1, le=64)] | None = None
    sign: Literal["", "negated"] = ""
    group: str = ""
    bytes: Annotated[int, Field(ge=1, le=2000)] | None = None
    align: Literal["left", "right"] = "left"
    pad: Literal[" ", "0"] = " "

    def faults(self, fields: Mapping[str, FieldType]) -> Iterator[str]:
        """Say what is wrong with the cell in a line that may name these fields."""
        if self.field is None:
            return
        if self.constant is not None:
            yield "a cell is either a fixed text or a field"
        if self.field not in fields:
            yield f"unknown field; known are {', '.join(fields)}"
            return
        yield from self._type_faults(fields[self.field])
        if self.of != BASIC and self.field not in COMPONENT_FIELDS:
            yield f'"of" belongs to {", ".join(COMPONENT_FIELDS)}'
        if self.width and self.field not in IDENTIFIERS:
            yield f'"width" belongs to {", ".join(sorted(IDENTIFIERS))}'
        if self.sign and self.kind not in SIGNED:
            yield f'"sign" belongs to {", ".join(SIGNED)}'
        if self.pad == "0" and (self.kind == "text" or self.align == "left"):
            yield "only a number, aligned right, may be filled up with noughts: others would lose their own"

    def _type_faults(self, wanted: FieldType) -> Iterator[str]:
        if isinstance(wanted, tuple):
            if self.kind not in wanted:
                yield f'"as" must be one of {", ".join(wanted)}'
            if self.codes:
                yield "codes do not belong here"
        elif wanted is bool:
            if not self.codes or not all(isinstance(value, bool) for value in self.codes.values()):
                yield "codes must lead to true or false"
        elif not set(self.codes.values()) <= {str(member.value) for member in wanted}:
            yield f"codes must lead to {', '.join(str(member.value) for member in wanted)}"


Cells = tuple[Cell, ...]
Encoding = Literal["gb18030", "utf-8", "utf-8-sig"]


class Parts(BaseModel):
    """What the parts of a structured file are called: elements of XML (``root`` holds them all), keys of JSON.

    ``root`` and ``row`` belong to XML, whose rows stand side by side in the root; ``rows`` belongs to JSON.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    root: PartName = "file"
    head: PartName = "head"
    rows: PartName = "rows"
    row: PartName = "row"
    total: PartName = "total"


#: Which options of a table belong to which forms alone; any other form that names one is told.
_BELONGS: Final[Mapping[str, tuple[str, ...]]] = {
    "newline": ("delimited", "fixed_width"),
    "delimiter": ("delimited",),
    "quoting": ("delimited",),
    "names_row": ("delimited", "xlsx"),
    "parts": ("xml", "json"),
    "sheet": ("xlsx",),
    "title": ("xlsx",),
    "totals_first": ("xlsx",),
}
_ENCODINGS: Final[Mapping[str, tuple[str, ...]]] = {"xlsx": ("utf-8",), "json": ("utf-8",), "xml": ("utf-8", "gb18030")}


class Table(BaseModel):
    """A file of rows, in one of five forms; an option that does not belong to its form is a fault.

    A sheet may have a merged ``title`` above everything, and its totals before the rows (``totals_first``).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    fields: ClassVar[Mapping[str, FieldType]] = {}
    head_fields: ClassVar[Mapping[str, FieldType]] = HEAD_FIELDS
    required: ClassVar[tuple[str, ...]] = ()

    form: Literal["delimited", "fixed_width", "xlsx", "xml", "json"]
    encoding: Encoding = "utf-8"
    newline: Literal["lf", "crlf"] = "lf"
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    quoting: Literal["none", "rfc4180"] = "none"
    header: Cells = ()
    names_row: bool = False
    parts: Parts = Parts()
    sheet: Annotated[str, Field(pattern=r"^[^\[\]:*?/\\]{0,31}$")] = ""
    title: Annotated[str, Field(max_length=100)] = ""
    totals_first: bool = False
    columns: Annotated[Cells, Field(min_length=1)]
    trailer: Cells = ()

    def filled(self) -> frozenset[str]:
        """Return the fields that no row may leave empty."""
        return frozenset(self.required)

    @model_validator(mode="after")
    def _check(self) -> Self:
        faults = list(self._faults())
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def _faults(self) -> Iterator[str]:
        heads = self.head_fields
        for part, fields in (("header", heads), ("columns", self.fields), ("trailer", heads)):
            cells: Cells = getattr(self, part)
            for index, cell in enumerate(cells, 1):
                yield from (f"{part} {index}: {fault}" for fault in cell.faults(fields))
                if self.form == "fixed_width" and cell.bytes is None:
                    yield f"{part} {index}: its width in bytes is missing"
            named = [(cell.field, cell.of) for cell in cells if cell.field]
            if len(named) != len(set(named)):
                yield f"{part}: a field stands twice"
        missing = set(self.required) - {cell.field for cell in self.columns}
        if missing:
            yield f"columns: no column for {', '.join(sorted(missing))}"
        yield from self._form_faults()

    def _form_faults(self) -> Iterator[str]:
        for option, forms in _BELONGS.items():
            if option in self.model_fields_set and self.form not in forms:
                yield f"{option}: belongs to {', '.join(forms)} alone"
        if self.encoding not in _ENCODINGS.get(self.form, (self.encoding,)):
            yield f"encoding: {self.form} is {' or '.join(_ENCODINGS[self.form])}"
        if self.form == "xlsx" and not self.names_row:
            yield "names_row: a sheet has a row of column names"
        if self.form in ("xml", "json"):
            yield from self._name_faults()
            yield from self._part_faults()

    def _name_faults(self) -> Iterator[str]:
        """Say which cells cannot be found: in XML and JSON a cell is known by its name alone."""
        for part in ("header", "columns", "trailer"):
            names = [cell.name for cell in getattr(self, part)]
            if len(set(names)) != len(names):
                yield f"{part}: two cells have one name"
            if not all(map(_ELEMENT.fullmatch, names)):
                yield f"{part}: every cell needs a name of letters, digits, _ . -, beginning with a letter"

    def _part_faults(self) -> Iterator[str]:
        parts, told = self.parts, self.parts.model_fields_set
        others = (parts.row, parts.root) if self.form == "xml" else (parts.rows,)
        if len({parts.head, parts.total, *others}) < 2 + len(others):
            yield "parts: two parts have one name"
        for name in sorted(told & ({"rows"} if self.form == "xml" else {"root", "row"})):
            yield f"parts: {name} does not belong to {self.form}"


class RosterFile(Table):
    """A company's roster."""

    fields: ClassVar[Mapping[str, FieldType]] = ROSTER_FIELDS
    required: ClassVar[tuple[str, ...]] = ("account",)


class AliasFile(Table):
    """A company's renumberings."""

    fields: ClassVar[Mapping[str, FieldType]] = ALIAS_FIELDS
    required: ClassVar[tuple[str, ...]] = ("old_account", "new_account", "since")


class WorkerFile(Table):
    """The union's file of workers in hardship: one certificate a row."""

    fields: ClassVar[Mapping[str, FieldType]] = WORKER_FIELDS
    required: ClassVar[tuple[str, ...]] = ("name", "id_number", "paper", "paper_number", "valid_from", "valid_to")


class ReportFile(Table):
    """A company's report: one bill a row, or an answer without one."""

    fields: ClassVar[Mapping[str, FieldType]] = REPORT_FIELDS
    head_fields: ClassVar[Mapping[str, FieldType]] = REPORT_HEAD_FIELDS
    required: ClassVar[tuple[str, ...]] = ("account", "issued_on", "waived_milli", "answer")

    def filled(self) -> frozenset[str]:
        """Return the fields that no row may leave empty: a month, and a declared kind, are never guessed either."""
        named = {cell.field for cell in self.columns if cell.field}
        return super().filled() | (named & {"month", "month_from", "month_to", "kind"})

    def _faults(self) -> Iterator[str]:
        yield from super()._faults()
        named = {cell.field for cell in self.columns}
        if ("month" in named) == ("month_from" in named) or ("month_from" in named) != ("month_to" in named):
            yield "columns: a bill's months are either month, or month_from and month_to"
        missing = {"month", "kind"} - {cell.field for cell in self.header}
        if missing:
            yield f"header: a report's first line says its {' and '.join(sorted(missing))}"
        parts = {cell.of for cell in self.columns if cell.field in COMPONENT_FIELDS}
        waived = {cell.of for cell in self.columns if cell.field == "waived_fen"}
        yield from (f"columns: component {of} has no column for waived_fen" for of in sorted(parts - waived))
        if any(cell.field == "answer" and Answer.UNKNOWN in cell.codes.values() for cell in self.columns):
            yield "columns: UNKNOWN is what a code means that is not agreed; no code may lead to it"


class ListFile(Table):
    """A company's form of the waiver list. ``file_name`` may use {company} {number} {month} {kind} {created}."""

    fields: ClassVar[Mapping[str, FieldType]] = LIST_FIELDS
    required: ClassVar[tuple[str, ...]] = ("reference", "account", "month", "quantity_milli", "change")

    full_roll: bool
    file_name: str
    media_type: str = "text/plain"

    def _faults(self) -> Iterator[str]:
        yield from super()._faults()
        for cell in (*self.header, *self.columns):
            values, known = (
                list(cell.codes.values()),
                {"change": Change, "kind": ListKind}.get(cell.field or ""),
            )
            if values and known and sorted(map(str, values)) != sorted(known):
                yield f"{cell.field}: a list is written, so each of {', '.join(sorted(known))} needs one code"
        first = (*self.header, *(self.trailer if self.totals_first else ()))
        if not self.full_roll and any(cell.field in ("rows", "quantity_milli") for cell in first):
            yield "header: totals are not known before the rows if KEEP rows are left out; put them in the trailer"
        if not re.fullmatch(
            r"(?:[A-Za-z0-9_.-]|\{(?:company|number(?::0[1-9])?|month|kind|created)\})+", self.file_name
        ):
            yield "file_name: letters, digits, _ . - and {company} {number:06} {month} {kind} {created} only"
