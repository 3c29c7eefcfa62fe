"""Writing the canonical registry file: header, records and trailer, with its counts and its digest."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from schemas.registry import RegistryHeader, RegistryTrailer

#: Where a record's district cannot be read, it still counts among the rows.
_NO_DISTRICT: Final = "000000"


def canonical_file(header: RegistryHeader, rows: Sequence[Any]) -> bytes:
    """Return the file of these rows, each as JSON gave it, sound or not: its reader judges them one by one."""
    lines = [msgspec.json.encode(one) + b"\n" for one in (header, *rows)]
    body = b"".join(lines)
    districts = Counter(map(_district, rows))
    trailer = RegistryTrailer(len(rows), dict(districts), hashlib.sha256(body).hexdigest())
    return body + msgspec.json.encode(trailer) + b"\n"


def _district(row: Any) -> str:
    address = row.get("address") if isinstance(row, dict) else None
    district = address.get("district") if isinstance(address, dict) else None
    known = isinstance(district, str) and re.fullmatch(r"[0-9]{6}", district)
    return district if known and isinstance(district, str) else _NO_DISTRICT
