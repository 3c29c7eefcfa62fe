"""What a company's server says of a message, where the status of HTTP alone does not say it.

Only a code that was agreed on counts: a page in HTML, an empty body or a code that nobody knows is never taken for yes.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from enum import StrEnum
from http.client import HTTPResponse
from typing import Final

from adapters.base import Garbled, Refused, Unreachable
from adapters.dialects.json_lines import repeated_key

_MOST_BYTES: Final = 65_536
_MOST_S: Final = 30


class Verdict(StrEnum):
    """What a company's code means; a duplicate was taken before."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    REFUSED = "refused"
    RETRY = "retry"


def trouble(code: str, answer: HTTPResponse) -> Unreachable:
    """Return that a server has too much to do, and when it asks to be tried again."""
    return Unreachable(code, answer.headers.get("Retry-After"))


def judged(code: str, agreed: Mapping[str, Verdict], answer: HTTPResponse) -> str:
    """Return how a message was taken, by the company's own code for it.

    Raises:
        Unreachable, Refused: it was not.
        Garbled: nobody knows the code.
    """
    verdict = agreed.get(code)
    told = f"ANSWER_{re.sub('[^A-Za-z0-9]', '_', code)}"
    match verdict:
        case None:
            raise Garbled("UNKNOWN_CODE")
        case Verdict.REFUSED:
            raise Refused(told)
        case Verdict.RETRY:
            raise trouble(told, answer)
    return verdict.name


def body_of(answer: HTTPResponse) -> bytes:
    """Read a body, but neither one without end nor for ever.

    Raises:
        Unreachable: it broke off.
        Garbled: it is longer than 64 KiB, or takes longer than half a minute.
    """
    ends_s = time.monotonic() + _MOST_S
    body = bytearray()
    while piece := answer.read1(_MOST_BYTES + 1 - len(body)):
        body += piece
        if time.monotonic() > ends_s:
            raise Garbled("TOO_SLOW")
    if len(body) > _MOST_BYTES:
        raise Garbled("TOO_LONG")
    if answer.length:
        raise Unreachable("CUT_OFF")
    return bytes(body)


def json_code(answer: HTTPResponse, key: str) -> str:
    """Return the code in a JSON object in UTF-8, a text or a whole number.

    Raises:
        Garbled: it is something else, or has no code, or two.
    """
    if answer.headers.get_content_charset("utf-8") not in ("utf-8", "us-ascii"):
        raise Garbled("NO_JSON")
    try:
        text = body_of(answer).decode()
        found = json.loads(text)
        ambiguous = repeated_key(text.encode(), (), key) is not None
    except (ValueError, RecursionError):
        raise Garbled("NO_JSON") from None
    code = found.get(key) if isinstance(found, dict) and not ambiguous else None
    if isinstance(code, bool) or not isinstance(code, str | int):
        raise Garbled("NO_CODE")
    return str(code)
