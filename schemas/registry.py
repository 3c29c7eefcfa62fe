"""The registry 低保登记: what civil affairs says of certificates and households, one record a row.

One shape serves every source: the canonical NDJSON carries these records as they stand, and a bureau's own file is
turned into them by its dialect. A record states how a household is *from its effective date on*; ``source_version``
orders the records of one source and is comparable with the position of a file (design: "Data that is kept").
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from schemas.values import Category, Status

Text = Annotated[str, Meta(min_length=1, max_length=200)]
#: A name of the sender's own; it is stored and logged as it stands, so it has no control characters.
Word = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f-\x9f]+\Z")]
LongText = Annotated[str, Meta(max_length=500)]
Day = Annotated[int, Meta(ge=18000101, le=99991231)]
Version = Annotated[int, Meta(ge=0, le=2**53)]
Count = Annotated[int, Meta(ge=0, le=2**40)]


class CertificateKind(StrEnum):
    """Kinds of certificate 证件类别 that can stand in the registry."""

    DIBAO = "dibao"
    TEKUN = "tekun"
    DIBAO_EDGE = "dibao_edge"
    HARDSHIP = "hardship"
    REEMPLOYMENT = "reemployment"


class FileKind(StrEnum):
    """A snapshot names every household of the source; a delta only the changed ones."""

    SNAPSHOT = "snapshot"
    DELTA = "delta"


class RecordKind(StrEnum):
    """Whether a delta's record may bring a household into being (``grant``) or speaks of a known one (edge case 74)."""

    GRANT = "grant"
    CHANGE = "change"


class Certificate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A certificate 证件; the number is an opaque string, unique within (issuer, kind)."""

    issuer: Text
    kind: CertificateKind
    number: Annotated[str, Meta(min_length=1, max_length=40)]


class Address(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the household lives; ``district`` is the six-digit division code, ``text`` the address as written."""

    district: Annotated[str, Meta(pattern=r"^[0-9]{6}\Z")]
    community: Annotated[str, Meta(max_length=100)]
    text: LongText


class Member(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A member 成员. ``id_number`` as the source wrote it; ``died_on`` YYYYMMDD or absent."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    id_number: Annotated[str, Meta(max_length=40)]
    relation: Annotated[str, Meta(min_length=1, max_length=20)] = "self"
    status: Annotated[str, Meta(min_length=1, max_length=20)] = "present"
    died_on: Day | None = None


class RegistryRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One record of the registry: one household as it is from ``effective_on`` on.

    ``certificates[0]`` is the certificate in force; others are earlier numbers of the same household (re-issue, loss,
    change of head: edge case 42). Days are YYYYMMDD. ``accounts`` maps a company's code to the account number the
    household named; it is evidence for a link, never a link by itself.
    """

    certificates: Annotated[tuple[Certificate, ...], Meta(min_length=1, max_length=20)]
    category: Category
    status: Status
    valid_from: Day
    valid_to: Day
    address: Address
    members: Annotated[tuple[Member, ...], Meta(min_length=1, max_length=60)]
    effective_on: Day
    source_version: Version
    accounts: dict[str, Annotated[str, Meta(min_length=1, max_length=40)]] = {}
    record: RecordKind = RecordKind.CHANGE


class RegistryHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="header", tag_field="type"):
    """First line of a registry file: who speaks, what of, up to which position, as of which day."""

    source: Word
    kind: FileKind
    message_id: Word
    position: Version
    as_of: Annotated[int, Meta(ge=19000101, le=21001231)]
    month: Annotated[str, Meta(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])\Z")]


class RegistryTrailer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="trailer", tag_field="type"):
    """Last line: row count, rows per district, and the SHA-256 (hex) over the bytes of all lines before it."""

    rows: Count
    districts: dict[str, Count]
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
