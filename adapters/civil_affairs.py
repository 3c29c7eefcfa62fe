"""The canonical registry file: NDJSON, a header line, one ``RegistryRow`` a line, a trailer line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

import msgspec

from adapters.base import ReadRecord
from adapters.checks import Columns, Declared, RecordCheck, check_counts, check_digest
from adapters.dialects.json_lines import BAD_JSON, BAD_VALUE, DUPLICATE_KEY, column_of, repeated_key
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
            return Fault(row, column_of(error), *BAD_VALUE)
        except msgspec.DecodeError:
            return Fault(row, "", *BAD_JSON)
        # A line written just as we would write it cannot hold a key twice; any other is looked through.
        if self._encode(record) != line and (column := _repeated_key(line)) is not None:
            return Fault(row, column, *DUPLICATE_KEY)
        return record


_KEYS: Final = frozenset(
    name for shape in (RegistryRow, Certificate, Address, Member) for name in shape.__struct_fields__
)


def _repeated_key(line: bytes) -> str | None:
    return repeated_key(line, _KEYS, "accounts")


def _decode_special(row: int, line: bytes, shape: type[_T]) -> _T | None:
    """Decode the header or trailer; None if it is not one, or holds a key twice."""
    try:
        value = msgspec.json.decode(line, type=shape)
    except UnicodeDecodeError:
        raise not_decodable("utf-8", row) from None
    except msgspec.DecodeError:
        return None
    return None if _repeated_key(line) is not None else value
