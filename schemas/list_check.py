"""Checking a list with nothing but its files and the hub's public key: what a company, or an auditor, runs.

Every disagreement is a fault of its own with a stable code; an empty result is the proof.
"""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePath
from typing import Final, NamedTuple

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm

from schemas import envelope
from schemas.lists import ChangeTotal, ListRow, Manifest, Rendering
from schemas.values import Month


class ListFault(NamedTuple):
    """What does not agree: a stable code, the file or part of the manifest it is about, and words."""

    code: str
    place: str
    text: str


_TEXTS: Final = {
    "KEY_UNUSABLE": "公钥不是 Ed25519 的 PEM / the key is no Ed25519 public key in PEM",
    "SIGNATURE_WRONG": "签名不符：清单被改动或密钥不对 / the signature does not fit: changed, or another key",
    "MANIFEST_UNREADABLE": "不是名单的清单 / not the manifest of a list",
    "NOT_CANONICAL": "清单不是规范写法 / the manifest is not in canonical form",
    "TOTALS_DISAGREE": "清单内合计不自洽 / the manifest's own totals disagree",
    "FILE_NAME_UNSAFE": "清单中的文件名含路径 / a file name in the manifest is no plain name",
    "FILE_UNKNOWN": "清单中没有此文件 / the manifest names no such file",
    "FILE_MISSING": "清单所列文件不在 / a file that the manifest names is not here",
    "SIZE_WRONG": "文件大小与清单不符 / the file's size is not the manifest's",
    "CONTENT_WRONG": "文件内容与清单不符 / the file's content is not what was signed",
    "ROWS_UNREADABLE": "文件的行无法读取 / the file's rows cannot be read",
    "COUNTS_WRONG": "行数或数量与清单不符 / rows or quantities are not the manifest's",
    "PREDECESSOR_UNREADABLE": "上一份清单无法读取 / the previous manifest cannot be read",
    "PREDECESSOR_WRONG": "与上一份清单的摘要不符 / the digest of the predecessor does not fit",
    "NUMBER_GAP": "编号不是紧接上一份 / the number does not follow the previous one",
    "COMPANY_OTHER": "上一份清单属于另一公司 / the previous manifest is another company's",
}


def fault(code: str, place: str) -> ListFault:
    """Return a fault by its code."""
    return ListFault(code, place, _TEXTS[code])


def read_manifest(content: bytes) -> Manifest | None:
    """Return the manifest that the bytes hold, or None."""
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
        Month.parse(manifest.month)
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, RecursionError):
        return None
    return manifest


def manifest_faults(content: bytes, signature: bytes, public_pem: bytes) -> list[ListFault]:
    """Check the manifest by itself: signature over its very bytes, canonical form, its totals, its chain's start."""
    found = _signature_faults(content, signature, public_pem)
    manifest = read_manifest(content)
    if manifest is None:
        return [*found, fault("MANIFEST_UNREADABLE", "manifest")]
    if envelope.canonical(manifest) != content:
        found.append(fault("NOT_CANONICAL", "manifest"))
    totals = manifest.changes.values()
    if (sum(t.rows for t in totals), sum(t.quantity_milli for t in totals)) != (manifest.rows, manifest.quantity_milli):
        found.append(fault("TOTALS_DISAGREE", "manifest"))
    if (manifest.predecessor is None) != (manifest.number == 1):
        found.append(fault("PREDECESSOR_WRONG", "manifest"))
    unsafe = (one.file_name for one in manifest.renderings if PurePath(one.file_name).name != one.file_name)
    return [*found, *(fault("FILE_NAME_UNSAFE", name) for name in unsafe)]


def _signature_faults(content: bytes, signature: bytes, public_pem: bytes) -> list[ListFault]:
    try:
        right = envelope.verify(public_pem, content, signature)
    except (ValueError, UnsupportedAlgorithm):
        return [fault("KEY_UNUSABLE", "key")]
    return [] if right else [fault("SIGNATURE_WRONG", "manifest")]


def predecessor_faults(manifest: Manifest, previous: bytes) -> list[ListFault]:
    """Check that a list follows the one before: its digest, its company, and no number left out."""
    before = read_manifest(previous)
    if before is None:
        return [fault("PREDECESSOR_UNREADABLE", "previous")]
    checks = {
        "PREDECESSOR_WRONG": hashlib.sha256(previous).hexdigest() == manifest.predecessor,
        "NUMBER_GAP": manifest.number == before.number + 1,
        "COMPANY_OTHER": manifest.company == before.company,
    }
    return [fault(code, "previous") for code, right in checks.items() if not right]


# --- contents --------------------------------------------------------------------------------------------------


def rendering_faults(manifest: Manifest, rendering: Rendering, chunks: Iterable[bytes]) -> list[ListFault]:
    """Check a rendering in one pass: size and digest, and in the hub's own forms rows and quantities by change."""
    seen = _Seen(chunks)
    reader = _READERS.get(rendering.name)
    counted: dict[str, ChangeTotal] | None = {}
    try:
        counted = count_changes(reader(seen)) if reader else None
    except (ValueError, KeyError, TypeError, csv.Error, msgspec.MsgspecError):
        counted = {}
        unreadable = [fault("ROWS_UNREADABLE", rendering.file_name)]
    else:
        unreadable = []
    for _ in seen:  # to the end, whatever the reader left
        pass
    checks = {
        "SIZE_WRONG": seen.size == rendering.size,
        "CONTENT_WRONG": seen.digest.hexdigest() == rendering.sha256,
        "COUNTS_WRONG": counted is None or bool(unreadable) or counted == manifest.changes,
    }
    return [*unreadable, *(fault(code, rendering.file_name) for code, right in checks.items() if not right)]


class _Seen:
    """Bytes on their way to a reader, digested and counted as they pass."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self.digest = hashlib.sha256()
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.digest.update(chunk)
            self.size += len(chunk)
            yield chunk


def count_changes(rows: Iterable[tuple[str, int]]) -> dict[str, ChangeTotal]:
    """Count (change, quantity) pairs by change."""
    number: Counter[str] = Counter()
    quantity: Counter[str] = Counter()
    for change, quantity_milli in rows:
        number[change] += 1
        quantity[change] += quantity_milli
    return {change: ChangeTotal(rows, quantity[change]) for change, rows in number.items()}


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
    if rest:
        yield rest


def _csv_rows(chunks: Iterable[bytes]) -> Iterator[tuple[str, int]]:
    for row in csv.DictReader((line.decode("utf-8") for line in _lines(chunks)), strict=True):
        yield row["change"], int(row["quantity_milli"])


#: One line of the NDJSON: a ``ListRow`` with its names.
_Line = msgspec.defstruct("_Line", list(ListRow.__annotations__.items()), frozen=True, forbid_unknown_fields=True)


def _ndjson_rows(chunks: Iterable[bytes]) -> Iterator[tuple[str, int]]:
    decode = msgspec.json.Decoder(_Line).decode
    for line in _lines(chunks):
        row = decode(line)
        yield row.change, row.quantity_milli  # type: ignore[attr-defined]


#: Readers of the hub's own renderings by name; a company's own form is checked by its digest alone.
_READERS: Final[dict[str, Callable[[Iterable[bytes]], Iterator[tuple[str, int]]]]] = {
    "csv": _csv_rows,
    "ndjson": _ndjson_rows,
}
