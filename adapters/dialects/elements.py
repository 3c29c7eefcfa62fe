"""XML as a stream: what stands directly under the root element, one element at a time, in constant memory.

Nothing is fetched, no entity is resolved, and a DOCTYPE, which could define some, refuses the file before it is parsed.
Bytes are decoded here, strictly, and not by the parser: its tables for GB18030 are not those of all other forms.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from typing import Final, cast

from lxml.etree import XMLPullParser, XMLSyntaxError, _Element

from adapters.dialects.lines import not_decodable, truncated
from adapters.dialects.named import decoded, other_parts, part_too_long
from schemas.faults import FileRefused, refuse

#: What XML calls blanks.
BLANKS: Final = " \t\r\n"
#: An element of which no end is seen within so many bytes refuses the file: it would have to be kept in memory.
MAX_ELEMENT_BYTES: Final = 1 << 20

_XSI: Final = "{http://www.w3.org/2001/XMLSchema-instance}"
_DECLARATION: Final = re.compile(
    r"""<\?xml\s+version\s*=\s*(["'])1\.0\1(?:\s+encoding\s*=\s*(["'])([A-Za-z][\w.-]*)\2)?"""
    r"""(?:\s+standalone\s*=\s*(["'])(?:yes|no)\4)?\s*\?>"""
)
_PROLOG: Final = re.compile(r"(?:[ \t\r\n]++|<!--.*?-->|<\?.*?\?>)*+", re.DOTALL)
_AMPERSAND: Final = re.compile(r"&(?![\w#.:-]*+(?:;|\Z))")
_ROOT: Final = re.compile(r"<([^\s<>/!?]+)")


class Elements:
    """The elements under the root of a file: each is whole when it comes, and gone when the next one does.

    ``counted`` are the elements that are numbered from 1, ``others`` those that may stand beside them.
    """

    def __init__(
        self, chunks: Iterable[bytes], encoding: str, *, root: str, counted: str, others: Sequence[str]
    ) -> None:
        self._texts = decoded(chunks, encoding)
        self._encoding, self._root, self._counted = encoding, root, counted
        self._parser = XMLPullParser(
            ("end",),
            tag=(root, counted, *others),
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        )
        self._rows = 0
        self._ended = False
        self._block = ""
        self._last: _Element | None = None

    def __iter__(self) -> Iterator[_Element]:
        unseen = 0
        for block in self._blocks():
            line = self._feed(block)
            unseen += len(block)
            for _, found in self._parser.read_events():
                element = cast("_Element", found)
                if self._stands_under_root(element):
                    self._let_go(element)
                    unseen = 0
                    yield element
                    self._rows += element.tag == self._counted
            if line is not None:
                raise _not_xml(line, self._row())
            if unseen > MAX_ELEMENT_BYTES:
                raise part_too_long(self._row())
        self._close()

    def _row(self) -> int:
        """Return the row that was not read to its end; 0 after the last."""
        return 0 if self._ended else self._rows + 1

    def _blocks(self) -> Iterator[bytes]:
        try:
            for text in chain([self._first()], self._texts):
                self._block = text or self._block
                yield text.encode()
        except UnicodeError:  # lone surrogates can be decoded, but not encoded
            raise not_decodable(self._encoding, self._row()) from None

    def _first(self) -> str:
        text = next(self._texts)
        try:
            return _begun(text, self._encoding, self._root)
        except FileRefused:
            next(self._texts, "")  # if what follows is not in the encoding, that is the reason
            raise

    def _feed(self, block: bytes) -> int | None:
        """Parse a block; return the line from which on it is not XML. The parser's own texts quote the file."""
        with suppress(XMLSyntaxError):
            self._parser.feed(block)
        # not every error is raised at once, but all are logged; a log that may grow would be kept in memory
        log = self._parser.feed_error_log
        return log[0].line if len(log) else None

    def _stands_under_root(self, element: _Element) -> bool:
        parent = element.getparent()
        if parent is None:
            self._ended = True
            return False
        return parent.getparent() is None

    def _let_go(self, element: _Element | None) -> None:
        """Forget the element before this one; there must be nothing between them."""
        before, self._last = self._last, element
        if element is not None and element.getprevious() is not before:
            raise other_parts(self._row())
        if before is None:
            return
        parent = before.getparent()
        if parent is None or (before.tail or "").strip(BLANKS):
            raise other_parts(self._row())
        parent.remove(before)

    def _close(self) -> None:
        try:
            root = self._parser.close()
        except XMLSyntaxError as error:
            malformed = self._ended or _AMPERSAND.search(self._block)  # after one, the parser waits for its semicolon
            raise _not_xml(error.lineno or 0, self._row()) if malformed else truncated(self._row()) from None
        self._let_go(None)
        if len(root) or (root.text or "").strip(BLANKS) or any(not str(key).startswith(_XSI) for key in root.attrib):
            raise other_parts()


def _begun(text: str, encoding: str, root: str) -> str:
    """Return a file's first block without its declaration, if that and the root element are the agreed ones.

    The declaration has done its part, and the text is no longer in that encoding.
    """
    declared = _DECLARATION.match(text)
    if declared and (declared[3] or encoding).lower() != encoding:
        raise _other_encoding(encoding)
    start = declared.end() if declared else 0
    prolog = _PROLOG.match(text, start)
    after = prolog.end() if prolog else start
    if text[after : after + 9].upper() == "<!DOCTYPE":
        raise _doctype()
    found = _ROOT.match(text, after)
    if found is None or (text.startswith("<?xml ") and not declared):
        raise _not_xml(text.count("\n", 0, after) + 1, 0)
    if found[1] != root:
        raise other_parts()
    return "\n" * text.count("\n", 0, start) + text[start:]


def _not_xml(line: int, row: int) -> FileRefused:
    text = f"第{line}行起不是有效的XML，请重新导出 / not XML from line {line} on; export the file again"
    return refuse("NOT_XML", text, row=row)


def _doctype() -> FileRefused:
    text = (
        "文件含DOCTYPE声明，不予接受，请去掉后重发 / a DOCTYPE is never accepted; leave it out and send the file again"
    )
    return refuse("DOCTYPE", text)


def _other_encoding(encoding: str) -> FileRefused:
    name = encoding.upper()
    text = f"XML声明的编码不是约定的{name} / the encoding declared is not {name}; export the file in that encoding"
    return refuse("ENCODING", text)
