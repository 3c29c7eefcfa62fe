"""Files that partners really send, scrubbed, and beside each what it must mean: ``<code>.<kind>.<ext>`` and
``<code>.<kind>.golden.json``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from adapters.base import ListHead
from schemas.lists import ListKind, ListRow

_GOLDEN: Final = ".golden.json"


class Sample(NamedTuple):
    """A file of a kind, and the JSON that says what it must mean; None where nobody wrote that yet."""

    kind: str
    suffix: str
    content: bytes
    golden: bytes | None = None


def samples_in(folder: Path, code: str) -> list[Sample]:
    """Return a partner's samples; several forms of the same may have one golden file, or one each."""
    found = []
    for path in sorted(folder.glob(f"{code}.*")):
        if not path.name.endswith(_GOLDEN):
            beside = [path.with_name(name + _GOLDEN) for name in (path.name, path.stem)]
            golden = next((one.read_bytes() for one in beside if one.is_file()), None)
            found.append(Sample(path.name.split(".")[1], path.suffix[1:], path.read_bytes(), golden))
    return found


# --- what a file must mean


def meaning(head: Any, rows: Iterable[tuple[int, Any, Any]]) -> dict[str, Any]:
    """Return in plain values what was read: the head, and each row with its value or its fault."""
    told = [{"row": row, "fault" if fault else "value": fault or value} for row, value, fault in rows]
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode({"head": head, "rows": told}))
    return plain


def same_meaning(plain: Mapping[str, Any], golden: bytes) -> bool:
    """Tell whether what was read is what a golden file says."""
    return bool(msgspec.json.decode(golden) == plain)


def written(plain: Mapping[str, Any]) -> str:
    """Return the text of a golden file: a line a row, so that a difference is seen at once."""
    encoded = [msgspec.json.encode(row).decode() for row in plain["rows"]]
    head = msgspec.json.encode(plain["head"]).decode()
    return f'{{"head": {head},\n "rows": [\n  ' + ",\n  ".join(encoded) + "\n ]}\n"


def list_of(golden: bytes) -> tuple[ListHead, list[ListRow]]:
    """Return the list that a golden file of a list names: head and rows, in the order of their fields."""
    plain = msgspec.json.decode(golden)
    head = ListHead(**{**plain["head"], "kind": ListKind(plain["head"]["kind"])})
    return head, [ListRow(*row) for row in plain["rows"]]
