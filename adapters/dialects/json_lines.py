"""What all lines of JSON have in common: where one is wrong, and whether it holds a key twice."""

from __future__ import annotations

import json
import re
from collections.abc import Container
from typing import Any, Final

#: The path at the end of msgspec's message. Of the message itself nothing is told: it may quote the content.
_PATH: Final = re.compile(r" - at `\$\.?([a-z_.\[\]0-9]*)`\Z")

BAD_VALUE: Final = (
    "BAD_VALUE",
    "缺少该项、有多余的项，或值不符合约定 / missing, unknown, or not as agreed; correct it",
)
BAD_JSON: Final = ("BAD_JSON", "该行不是有效的JSON，请更正 / the line is not valid JSON; correct it")
DUPLICATE_KEY: Final = ("DUPLICATE_KEY", "键重复，请只保留一个 / a key stands twice; keep one")


def column_of(error: Exception) -> str:
    """Return which part of a line msgspec found wrong, "" for the line itself."""
    found = _PATH.search(str(error))
    return found[1].removesuffix("[...]") if found else ""


class _RepeatedKey(Exception):  # noqa: N818 - a signal within this module
    pass


def repeated_key(line: bytes, known: Container[str], other: str) -> str | None:
    """Return the key that an object of the line holds twice; ``other`` for a key of the sender's own."""

    def unique(pairs: list[tuple[str, Any]]) -> None:
        keys = [key for key, _ in pairs]
        repeated = next((key for key in keys if keys.count(key) > 1), None)
        if repeated is not None:
            raise _RepeatedKey(repeated if repeated in known else other)

    try:
        json.loads(line, object_pairs_hook=unique)
    except _RepeatedKey as found:
        return str(found)
    return None
