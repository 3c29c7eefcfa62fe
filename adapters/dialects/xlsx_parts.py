"""What must be known of a workbook's parts before and beside what the reading library says of them.

The library lays a sheet out as one full rectangle and repeats a shared text in every cell that shows it: a few bytes
can ask for more memory than there is. It gives error values, and formulas that were never calculated, as empty cells.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from lxml import etree
from xlsxwriter.utility import xl_cell_to_rowcol, xl_col_to_name

from adapters.dialects.xlsx_guard import CHUNK_BYTES, Package, damaged, too_large
from schemas.faults import refuse

_SHARED: Final = "xl/sharedstrings.xml"
#: So much may the shared texts come to, once they are in their cells.
MAX_TEXT_BYTES: Final = 4 << 30
#: At least so far beside the table a remark may stand, as a fault of its row; further out nearly all would be empty.
MARGIN: Final = 8
#: A cell that does not say where it stands: the library counts on from its row's number, wherever that leads.
_UNPLACED: Final = re.compile(rb"<(?:[\w.-]+:)?c(?=[\s/>])(?![^<>]*\sr\s*=)")
_UNUSUAL: Final = re.compile(rb'<c(?! r=")(?=[\s/>])')
_PLACE: Final = re.compile("[A-Za-z]{1,3}[1-9][0-9]{0,6}")
_DECLARED: Final = re.compile(rb"<!(?:DOCTYPE|\[CDATA\[)")


class Oddity(NamedTuple):
    """What stands in a cell instead of a value: the code and text of its fault."""

    code: str
    text: str


_ERROR_VALUE: Final = Oddity(
    "ERROR_VALUE", "单元格是错误值，请改正公式 / the cell holds an error value such as #N/A; correct its formula"
)
_NOT_CALCULATED: Final = Oddity(
    "NOT_CALCULATED",
    "公式没有计算结果，请用表格程序打开并保存，或粘贴为数值"
    " / the formula was never calculated; open and save the file in a spreadsheet program, or paste values",
)
#: Oddities by row, counted from 1, and column, counted from 0.
Oddities = Mapping[int, Mapping[int, Oddity]]


class Finding(NamedTuple):
    """What was found in a part: whether there may be oddities, whether anything stands far away, and what its shared
    texts come to, in bytes.
    """

    odd: bool
    far: bool
    repeated: int


def examine(package: Package, columns: int) -> Mapping[str, Finding]:
    """Unpack every part but the shared texts, and tell of each what was found; ``columns`` has the table.

    Raises:
        FileRefused: a part is damaged.
    """
    longest = _longest_text(_texts(package, _SHARED)) if _SHARED in package.names() else 0
    others = [name for name in package.names() if name != _SHARED]
    return {name: _examine_part(_texts(package, name), columns + MARGIN, longest) for name in others}


def _examine_part(texts: Iterable[bytes], columns: int, longest: int) -> Finding:
    rows = repeated = 0
    odd = far = False
    for text in texts:
        rows += text.count(b"<row") or text.count(b":row")
        far = far or _is_far(text, columns, len(str(2 * rows))) or _is_unplaced(text)
        if longest:
            repeated += longest * (text.count(b'"s"') + text.count(b"'s'"))
        odd = odd or _may_be_odd(text)
    return Finding(odd, far, repeated)


def check_fits(sheet: Finding) -> None:
    """Refuse a sheet that would not fit into memory.

    Raises:
        FileRefused: it is nearly empty far out, or repeats long texts too often.
    """
    if sheet.far:
        raise refuse(
            "SHEET_REACH",
            "表格右方或下方很远处还有内容，请删除后重新发送"
            " / something stands far right of the table, or far below it; take it out and send the file again",
        )
    if sheet.repeated > MAX_TEXT_BYTES:
        raise too_large()


def _may_be_odd(text: bytes) -> bool:
    """Tell whether there may be an error value (they begin with #) or a formula; single bytes are found fastest."""
    return (b"#" in text and b">#" in text) or (b"f" in text and (b"<f" in text or b":f" in text))


def _texts(package: Package, name: str) -> Iterator[bytes]:
    """Return a part's content cut before a tag; what the library would leave out of it refuses the workbook."""
    for text in _whole_tags(package.unpack(name)):
        if b"!" in text and name.startswith("xl/") and _DECLARED.search(text):
            raise damaged()
        yield text


def _whole_tags(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        rest += chunk
        end = rest.rfind(b"<")
        if end > 0:
            yield rest[:end]
            rest = rest[end:]
        elif len(rest) > CHUNK_BYTES:
            yield rest
            rest = b""
    yield rest


def _longest_text(texts: Iterable[bytes]) -> int:
    longest = before = 0
    for text in texts:
        first, *others = map(len, text.split(b"si>"))
        longest = max(longest, before + first, *others)
        before = others[-1] if others else before + first
    return longest


# --- how far a sheet reaches


def _is_far(text: bytes, columns: int, digits: int) -> bool:
    """Tell of a cell with content that stands far right of the table, or far below all rows so far."""
    usual, any_way = _reach(columns, max(digits, 4))
    odd_spelling = b"\t" in text or b"\n" in text or b"\r" in text or b"'" in text or b'"r' in text
    return bool((odd_spelling or usual.search(text)) and any_way.search(text))


def _is_unplaced(text: bytes) -> bool:
    """Tell of a cell that does not say where it stands; nearly all say so first, which is quickly seen."""
    unusual = _UNUSUAL.search(text) or (b":" in text and b":c" in text)
    return bool(unusual and _UNPLACED.search(text))


@lru_cache(maxsize=64)
def _reach(columns: int, digits: int) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """Return what finds a place beyond the reach: quickly, where places are written as programs do; and in any way.

    The columns of the reach end with one called Z: their names are then all of one shape.
    """
    alphabets = min(-(-columns // 26), 27)
    first = f"[A-{xl_col_to_name(alphabets - 2)}]?" if alphabets > 1 else ""
    within = rf"{first}[A-Z]?[0-9]{{1,{digits}}}"
    usual = rf' r(?!="{within}")'
    any_way = rf"r(?<![\w:.-]r)\s*=\s*[\"'](?!{within}[\"'])[A-Za-z]+[0-9]+[\"'][^<>]*(?<!/)>"
    return re.compile(usual.encode()), re.compile(any_way.encode())


# --- the cells of one sheet


def part_of(package: Package, sheet: str) -> str:
    """Return the name of a sheet's part (ECMA-376 part 1, 18.2.19; part 2, 9.3)."""
    book, targets = _tree(package, "xl/workbook.xml"), _tree(package, "xl/_rels/workbook.xml.rels")
    wanted = {
        key: value
        for one in book.iterfind("{*}sheets/{*}sheet")
        if one.get("name") == sheet
        for key, value in one.attrib.items()
    }
    ids = [value for key, value in wanted.items() if str(key).endswith("/relationships}id")]
    found = [one.get("Target", "") for one in targets if one.get("Id") in ids]
    if len(found) != 1:
        raise damaged()
    return posixpath.normpath(posixpath.join("/xl", found[0])).lstrip("/").casefold()


def _tree(package: Package, name: str) -> etree._Element:
    try:
        return etree.fromstring(b"".join(package.unpack(name)), etree.XMLParser(resolve_entities=False))
    except etree.XMLSyntaxError:
        raise damaged() from None


def oddities(package: Package, part: str) -> Oddities:
    """Return the error values and uncalculated formulas of a sheet.

    Raises:
        FileRefused: the part cannot be read.
    """
    found: dict[int, dict[int, Oddity]] = {}
    row = 0
    for cells in _rows(package.unpack(part)):
        row, column = _place(f"A{cells.get('r', row + 1)}")[0], -1
        for cell in cells:
            row, column = _place(cell.get("r") or f"{xl_col_to_name(column + 1)}{row}")
            if odd := _oddity(cell):
                found.setdefault(row, {})[column] = odd
    return found


def _place(name: str) -> tuple[int, int]:
    """Return row, from 1, and column, from 0, of a cell by its name."""
    if not _PLACE.fullmatch(name):
        raise damaged()
    row, column = xl_cell_to_rowcol(name.upper())
    return row + 1, column


def _rows(chunks: Iterable[bytes]) -> Iterator[etree._Element]:
    parser = etree.XMLPullParser(events=("end",), tag="{*}row", resolve_entities=False)
    try:
        for chunk in chunks:
            parser.feed(chunk)
            events: Any = parser.read_events()
            for _, row in events:
                yield row
                _forget(row)
    except etree.XMLSyntaxError:
        raise damaged() from None


def _forget(row: etree._Element) -> None:
    row.clear()
    parent = row.getparent()
    while parent is not None and row.getprevious() is not None:
        del parent[0]


def _oddity(cell: etree._Element) -> Oddity | None:
    kind = cell.get("t")
    if kind == "e":
        return _ERROR_VALUE
    if kind == "str" or cell.find("{*}f") is None or cell.findtext("{*}v"):
        return None  # a formula may well give an empty text
    return _NOT_CALCULATED
