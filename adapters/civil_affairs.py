"""The canonical registry file: NDJSON, a header line, one ``RegistryRow`` a line, a trailer line."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeVar

import msgspec

from adapters.base import ReadRecord
from adapters.checks import Columns, Declared, RecordCheck, check_counts, check_digest
from adapters.dialects.lines import Lines, not_a_header, not_decodable, truncated
from schemas.faults import Fault
from schemas.registry import Address, Certificate, Member, RegistryHeader, RegistryRow, RegistryTrailer

COLUMNS: Final = Columns(
    issuer="certificates[].issuer",
    number="certificates[].number",
    valid_from="valid_from",
    valid_to="valid_to",
    effective_on="effective_on",
    community="address.community",
    address="address.text",
    name="members[{}].name",
    id_number="members[{}].id_number",
    relation="members[{}].relation",
    status="members[{}].status",
    died_on="members[{}].died_on",
    account=lambda _company: "accounts",  # the key is the sender's text: it is not repeated
)

#: The path at the end of msgspec's message. Of the message itself nothing is told: it may quote the content.
_PATH: Final = re.compile(r" - at `\$\.?([a-z_.\[\]0-9]*)`\Z")
_T = TypeVar("_T")


class CanonicalRegistry:
    """A ``RegistryReader`` of the canonical NDJSON."""

    def read(self, chunks: Iterable[bytes]) -> tuple[RegistryHeader, Iterator[ReadRecord]]:
        """Read the header at once, then the records as they come."""
        lines = Lines(chunks)
        row, line = lines.take()
        header = _decode_special(row, line, RegistryHeader)
        if header is None:
            raise not_a_header(row)
        return header, _records(lines, RecordCheck(COLUMNS, header.as_of))


def _records(lines: Lines, check: RecordCheck) -> Iterator[ReadRecord]:
    read_line = _LineReader()
    districts: Counter[str] = Counter()
    unread = 0
    for row, line in lines:
        record = read_line(row, line)
        if isinstance(record, Fault):
            unread += 1
            yield ReadRecord(row, None, record, named=_named(line))
            continue
        districts[record.address.district] += 1
        checked = check.check(row, record)
        yield checked.as_read(row)
    _finish(lines, districts, unread)
    check.finish()


class _Named(msgspec.Struct):
    """What can be read of a record that is not as agreed."""

    certificates: tuple[Certificate, ...]


def _named(line: bytes) -> tuple[Certificate, ...]:
    try:
        return msgspec.json.decode(line, type=_Named).certificates
    except msgspec.DecodeError:
        return ()


def _finish(lines: Lines, districts: Counter[str], unread: int) -> None:
    trailer = _decode_special(lines.last_row, lines.last, RegistryTrailer)
    if trailer is None:
        raise truncated(lines.last_row)
    declared = Declared(trailer.rows, trailer.districts)
    check_counts(lines.last_row, declared, districts, range(unread, unread + 1))
    check_digest(lines.last_row, trailer.sha256, lines.sha256())


class _LineReader:
    """Decodes record lines; what does not decode becomes a fault with its column."""

    def __init__(self) -> None:
        self._decode = msgspec.json.Decoder(RegistryRow).decode
        self._encode = msgspec.json.Encoder().encode

    def __call__(self, row: int, line: bytes) -> RegistryRow | Fault:
        try:
            record = self._decode(line)
        except UnicodeDecodeError:
            raise not_decodable("utf-8", row) from None
        except msgspec.ValidationError as error:
            return _fault_of(row, error)
        except msgspec.DecodeError:
            text = "该行不是有效的JSON，请更正 / the line is not valid JSON; correct it"
            return Fault(row, "", "BAD_JSON", text)
        # A line written just as we would write it cannot hold a key twice; any other is looked through.
        if self._encode(record) != line and (column := _repeated_key(line)) is not None:
            return Fault(row, column, "DUPLICATE_KEY", "键重复，请只保留一个 / a key stands twice; keep one")
        return record


def _fault_of(row: int, error: msgspec.ValidationError) -> Fault:
    found = _PATH.search(str(error))
    column = found[1].removesuffix("[...]") if found else ""
    text = "缺少该项、有多余的项，或值不符合约定 / missing, unknown, or not as agreed; correct it"
    return Fault(row, column, "BAD_VALUE", text)


class _RepeatedKey(Exception):  # noqa: N818 - a signal within this module
    pass


def _repeated_key(line: bytes) -> str | None:
    """Return the key that an object of the line holds twice; a key of the sender's own is not repeated."""

    def unique(pairs: list[tuple[str, Any]]) -> None:
        keys = [key for key, _ in pairs]
        repeated = next((key for key in keys if keys.count(key) > 1), None)
        if repeated is not None:
            raise _RepeatedKey(repeated if repeated in _KEYS else "accounts")

    try:
        json.loads(line, object_pairs_hook=unique)
    except _RepeatedKey as found:
        return str(found)
    return None


_KEYS: Final = frozenset(
    name for shape in (RegistryRow, Certificate, Address, Member) for name in shape.__struct_fields__
)


def _decode_special(row: int, line: bytes, shape: type[_T]) -> _T | None:
    """Decode the header or trailer; None if it is not one, or holds a key twice."""
    try:
        value = msgspec.json.decode(line, type=shape)
    except UnicodeDecodeError:
        raise not_decodable("utf-8", row) from None
    except msgspec.DecodeError:
        return None
    return None if _repeated_key(line) is not None else value
