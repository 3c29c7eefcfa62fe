"""The XML Schema of a table, made from its declaration, so that a partner can check a file before it is sent.

What the schema refuses, the hub's reader refuses too. The reader goes further: a schema knows nothing of totals, of
days that are in no calendar, or of characters that no text may hold.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from lxml.etree import Element, SubElement, _Element, tostring

from adapters.dialects.cells import own_words
from adapters.dialects.fields import FieldType, Kind
from adapters.dialects.spec import Cell, Cells, Table
from adapters.dialects.table import key_of
from schemas.reports import Answer

_XS: Final = "{http://www.w3.org/2001/XMLSchema}"

_MONTH: Final = "(0[1-9]|1[0-2])"
_DAY: Final = "(0[1-9]|[12][0-9]|3[01])"
_WHOLE: Final = "[+\\-]?[0-9]{1,15}"


def _decimal(places: int) -> str:
    return f"[+\\-]?[0-9]{{1,12}}(\\.[0-9]{{1,{places}}})?"


#: How each way of writing looks. A schema's patterns are of the whole text.
PATTERNS: Final[Mapping[Kind, str]] = {
    "day8": f"[0-9]{{4}}{_MONTH}{_DAY}",
    "day10": f"[0-9]{{4}}-{_MONTH}-{_DAY}",
    "day_slash": "[0-9]{4}/[0-9]{1,2}/[0-9]{1,2}",
    "day_zh": "[0-9]{4}年[0-9]{1,2}月[0-9]{1,2}日",
    "month6": f"[0-9]{{4}}{_MONTH}",
    "month7": f"[0-9]{{4}}-{_MONTH}",
    "month_zh": "[0-9]{4}年[0-9]{1,2}月",
    "milli": _WHOLE,
    "fen": _WHOLE,
    "count": "[0-9]{1,15}",
    "m3": _decimal(3),
    "m2": _decimal(2),
    "yuan": _decimal(2),
    "price": _decimal(4),
}


def schema_of(table: Table) -> bytes:
    """Return the schema of a table's XML files, in UTF-8."""
    parts, heads = table.parts, table.head_fields
    schema = Element(f"{_XS}schema", nsmap={"xs": _XS.strip("{}")})
    file = _sequence(schema, parts.root)
    if table.header:
        _cells(_sequence(file, parts.head), table.header, heads)
    rows = _sequence(file, parts.row, minOccurs="0", maxOccurs="unbounded")
    _cells(rows, table.columns, table.fields, table.filled())
    if table.trailer:
        _cells(_sequence(file, parts.total), table.trailer, heads)
    return tostring(schema, encoding="UTF-8", xml_declaration=True, pretty_print=True)


def _add(parent: _Element, tag: str, **attributes: str) -> _Element:
    return SubElement(parent, _XS + tag, attributes)


def _sequence(parent: _Element, name: str, **attributes: str) -> _Element:
    """Declare an element that holds others; return where they are declared."""
    return _add(_add(_add(parent, "element", name=name, **attributes), "complexType"), "sequence")


def _cells(
    sequence: _Element, cells: Cells, fields: Mapping[str, FieldType], filled: Collection[str] | None = None
) -> None:
    """Declare cells. Those of a head or total that say anything must all be filled (``filled`` None)."""
    for cell in cells:
        says = cell.field is not None or cell.constant is not None
        required = says if filled is None else key_of(cell) in filled
        element = _add(sequence, "element", name=cell.name, minOccurs=str(int(required)))
        restriction = _add(_add(element, "simpleType"), "restriction", base="xs:token")
        for facet, value in _facets(cell, fields, required):
            _add(restriction, facet, value=value)


def _facets(cell: Cell, fields: Mapping[str, FieldType], required: bool) -> Iterator[tuple[str, str]]:
    words = _words(cell, fields)
    pattern = f".{{{cell.width}}}" if cell.width else PATTERNS.get(cell.kind)
    if words:
        yield from (("enumeration", word) for word in (*words, *([] if required else [""])))
    elif pattern:
        yield "pattern", pattern if required else f"({pattern})?"
    elif required:
        yield "minLength", "1"


def _words(cell: Cell, fields: Mapping[str, FieldType]) -> list[str]:
    """Return the only texts that a cell may hold; none if there are others. An answer may be one never agreed."""
    if cell.field is None:
        return [] if cell.constant is None else [cell.constant]
    wanted = fields[cell.field]
    if isinstance(wanted, tuple) or wanted is Answer:
        return []
    return list(cell.codes or own_words(wanted))
