"""XML: a root element of a head, rows and a total, side by side; each holds the cells as elements of text, in order.

``<file><head>…</head><row>…</row>…<total>…</total></file>``: ``parts.rows`` belongs to JSON alone, rows stand directly
under the root. Blanks around a text are no data; a cell that is empty or not there is empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final
from xml.sax.saxutils import escape

from lxml.etree import XPath, _Element, iselement

from adapters.dialects.cells import BadCell
from adapters.dialects.elements import BLANKS, Elements
from adapters.dialects.named import Named, NamedCells, NamedRows, Oddness
from adapters.dialects.spec import Cell, Cells, Table

_UNWRITABLE: Final = ("UNWRITABLE", "该值无法写入XML / the value cannot stand in XML")
_ATTRIBUTE: Final = ("ATTRIBUTE", "元素带有属性，请改为元素内的文字 / an attribute; put its value into an element")
_NESTED: Final = ("NESTED_ELEMENT", "元素内还有元素，应只有文字 / an element within a cell; a cell holds text alone")
_STRAY: Final = ("STRAY_TEXT", "元素之间有文字，请删除 / text between the elements; take it out")

#: All that a row should not hold: attributes, elements within its cells, text between them. They are asked for one by
#: one: the library merges sets of nodes pair by pair.
_ODD: Final = ("@*", "*/@*", "*/*", "text()[normalize-space()]")
_IS_ODD: Final = XPath(" or ".join(f"boolean({path})" for path in _ODD))
_FIRST: Final = [XPath(f"({path})[1]") for path in _ODD]
#: XML 1.0 knows no other characters; it does know CR, but makes LF of it.
_FORBIDDEN: Final = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class XmlForm(NamedCells):
    """Finds, cuts and writes the rows of an XML file."""

    unknown = ("UNKNOWN_ELEMENT", "有未约定的元素，请删除 / an element that is not agreed; take it out")
    twice = ("DUPLICATE_ELEMENT", "元素重复，请只保留一个 / an element stands twice; keep one")
    order = ("ELEMENT_ORDER", "元素次序与约定不符 / the elements are not in the agreed order; put them in order")

    def __init__(self, table: Table) -> None:
        super().__init__(table, table.parts.row)

    def open(self, chunks: Iterable[bytes]) -> NamedRows:
        """Return the rows of a file."""
        parts = self._table.parts
        elements = Elements(chunks, self._table.encoding, root=parts.root, counted=parts.row, others=list(self.kinds))
        return NamedRows(map(self._part, elements), total="total" in self.kinds.values())

    def _part(self, element: _Element) -> Named:
        kind = self.kinds[element.tag]
        odd = _what_is(element, self.names[kind]) if _IS_ODD(element) else None
        cells = list(element)
        return Named(kind, tuple([str(one.tag) for one in cells]), tuple([one.text for one in cells]), odd)

    def text(self, _cell: Cell, content: str | None) -> str:
        """Return the text of an element, without the blanks around it."""
        return content.strip(BLANKS) if content else ""

    def writing(self) -> XmlWriting:
        """Begin a file."""
        return XmlWriting(self._table)


def _what_is(element: _Element, names: Sequence[str]) -> Oddness:
    """Say what is odd about a row; of names, only agreed ones are told."""
    hits: Any = (first(element) for first in _FIRST)
    found = next(filter(None, hits))[0]
    tag = str(found.getparent().tag)
    column = tag if tag in names else ""
    if iselement(found):
        return *_NESTED, column
    return *(_ATTRIBUTE if found.is_attribute else _STRAY), column


class XmlWriting:
    """A file being written, a row a line; every cell is there, be it empty."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._encoding = table.encoding
        cells = "".join(f"<{cell.name}>%s</{cell.name}>" for cell in table.columns)
        self._row = f"<{table.parts.row}>{cells}</{table.parts.row}>\n"

    def opening(self, header: Sequence[str], _totals: Sequence[str] | None) -> bytes:
        """Write the declaration, the beginning of the root element, and the head, as far as it is declared."""
        parts = self._table.parts
        head = _element(parts.head, self._table.header, header) if self._table.header else ""
        return self._encoded(f'<?xml version="1.0" encoding="{self._encoding.upper()}"?>\n<{parts.root}>\n{head}')

    def join(self, columns: Sequence[Iterable[str]], rows: int) -> bytes | None:
        """Write many rows at once, given column by column; None if a text must be escaped."""
        text = "".join(map(self._row.__mod__, zip(*columns, strict=True)))
        marks = rows * self._row.count("<")
        if "&" in text or text.count("<") != marks or text.count(">") != marks or _FORBIDDEN.search(text):
            return None
        return self._encoded(text)

    def line(self, texts: Sequence[str]) -> bytes:
        """Write one row with care; raises BadCell with the column."""
        return self._encoded(_element(self._table.parts.row, self._table.columns, texts))

    def closing(self, trailer: Sequence[str]) -> Iterator[bytes]:
        """Write the total, as far as it is declared, and the end of the root element."""
        parts = self._table.parts
        total = _element(parts.total, self._table.trailer, trailer) if self._table.trailer else ""
        yield self._encoded(f"{total}</{parts.root}>\n")

    def _encoded(self, text: str) -> bytes:
        return text.encode(self._encoding)


def _element(tag: str, cells: Cells, texts: Sequence[str]) -> str:
    inner = "".join(
        [f"<{cell.name}>{_escaped(cell, text)}</{cell.name}>" for cell, text in zip(cells, texts, strict=True)]
    )
    return f"<{tag}>{inner}</{tag}>\n"


def _escaped(cell: Cell, text: str) -> str:
    if _FORBIDDEN.search(text):
        raise BadCell(*_UNWRITABLE, cell.name)
    return escape(text)
