"""Messages in an envelope of SOAP 1.1, made from a template, and what is answered in one.

Source: w3.org/TR/2000/NOTE-SOAP-20000508.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Final
from xml.sax.saxutils import escape

from lxml import etree
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from adapters.base import Garbled, Parcel

_SOAP: Final = "{http://schemas.xmlsoap.org/soap/envelope/}"
_CONTENT: Final = "{content_base64}"
_PLACE: Final = re.compile(r"\{(\w+)\}")
_PLACES: Final = frozenset({"message_id", "file_name", "sha256", "content_base64"})


def _usable(template: str) -> str:
    if wrong := sorted(set(_PLACE.findall(template)) - _PLACES):
        raise ValueError(f"unknown placeholder {wrong[0]}; known are {', '.join(sorted(_PLACES))}")
    if template.count(_CONTENT) != 1:
        raise ValueError(f"{_CONTENT} stands in it once")
    try:
        encoding = _parsed(_PLACE.sub("x", template).encode()).getroottree().docinfo.encoding
    except Garbled:
        raise ValueError("no envelope of SOAP 1.1, or one with a DOCTYPE") from None
    if encoding not in (None, "UTF-8", "utf-8"):
        raise ValueError("it is sent in UTF-8, and says otherwise")
    return template


class Envelope(BaseModel):
    """The ``[delivery.envelope]``: the whole request with places for what differs from one message to the next."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    template: Annotated[str, AfterValidator(_usable)]
    soap_action: Annotated[str, Field(pattern=r"^[!#-~]*$")] = ""

    def headers(self, parcel: Parcel) -> Mapping[str, str]:
        """Return the headers of a request with a message in its envelope."""
        before, after = self._around(parcel)
        return {
            "Content-Type": "text/xml; charset=utf-8",
            "Content-Length": str(len(before) + (parcel.size + 2) // 3 * 4 + len(after)),
            "SOAPAction": f'"{self.soap_action}"',
        }

    def around(self, parcel: Parcel, content: Iterable[bytes]) -> Iterator[bytes]:
        """Put a message into its envelope as it comes."""
        before, after = self._around(parcel)
        yield before
        yield from _base64(content)
        yield after

    def _around(self, parcel: Parcel) -> tuple[bytes, bytes]:
        values = {"message_id": parcel.message_id, "file_name": parcel.file_name, "sha256": parcel.sha256}

        def filled(part: str) -> bytes:
            return _PLACE.sub(lambda place: escape(values[place[1]], {'"': "&quot;", "'": "&apos;"}), part).encode()

        before, after = self.template.split(_CONTENT)
        return filled(before), filled(after)


def _base64(content: Iterable[bytes]) -> Iterator[bytes]:
    """Encode in whole threes of bytes, so that nothing is padded before the end."""
    left = b""
    for piece in content:
        left += piece
        whole = len(left) // 3 * 3
        yield base64.b64encode(left[:whole])
        left = left[whole:]
    yield base64.b64encode(left)


class Fault(Exception):  # noqa: N818 - SOAP calls it so
    """A fault was answered; ``of_server`` tells whose: the server's own may be over when tried again."""

    def __init__(self, *, of_server: bool) -> None:
        super().__init__("SOAP_FAULT")
        self.of_server = of_server


def soap_code(body: bytes, element: str) -> str:
    """Return the text of the one element of this name in an answer, in whatever namespace.

    Raises:
        Fault: a fault was answered.
        Garbled: it is no envelope, or has not one such element.
    """
    envelope = _parsed(body)
    fault = envelope.find(f"{_SOAP}Body/{_SOAP}Fault")
    if fault is not None:
        of = (fault.findtext("faultcode") or "").rpartition(":")[2].partition(".")[0]
        raise Fault(of_server=of.strip() == "Server")
    found = envelope.findall(f"{_SOAP}Body//{{*}}{element}")
    if len(found) != 1:
        raise Garbled("NO_CODE")
    return (found[0].text or "").strip()


def _parsed(body: bytes) -> etree._Element:
    """Parse an envelope; nothing is fetched, and no entity is resolved."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError:
        raise Garbled("NO_SOAP") from None
    if root.tag != f"{_SOAP}Envelope" or root.getroottree().docinfo.internalDTD is not None:
        raise Garbled("NO_SOAP")
    return root
