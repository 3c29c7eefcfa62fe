"""Households: their records and timeline, and apart from them, sealed, their personal data."""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary, SmallInteger, Table, UniqueConstraint

from integration.storage.tables.columns import (
    OPEN_VERSION,
    Code,
    bytes_column,
    code_column,
    id_column,
    int_column,
    metadata,
)

households = Table("households", metadata, id_column("household_id"), code_column("source"), int_column("created"))

#: Each household's own data key, wrapped by the hub's key. Deleting a row makes everything sealed under it unreadable.
household_keys = Table(
    "household_keys",
    metadata,
    id_column("household_id"),
    code_column("key_id"),
    bytes_column("wrapped"),
)

#: All that the rules read of a record, once per distinct combination: a decision table names these, not households.
standings = Table(
    "standings",
    metadata,
    id_column("standing_id"),
    code_column("category"),
    code_column("status"),
    int_column("certificate_from"),
    int_column("certificate_to"),
    int_column("alive_to"),
    UniqueConstraint("category", "status", "certificate_from", "certificate_to", "alive_to"),
)

#: Registry records as accepted, in order of acceptance. ``digest`` covers the whole record, keyed.
records = Table(
    "records",
    metadata,
    id_column("household_id"),
    id_column("record_id"),
    int_column("submission_id"),
    int_column("effective_on"),
    int_column("source_version"),
    int_column("standing_id"),
    code_column("district"),
    int_column("community_id"),  # 0 where none was named
    bytes_column("digest"),
    int_column("known_from"),
    Index(None, "digest", unique=True),
    sqlite_with_rowid=False,
)

#: The personal part of a record: names, ID numbers, address, certificate numbers, as one AEAD blob.
sealed_records = Table(
    "sealed_records",
    metadata,
    id_column("household_id"),
    id_column("record_id"),
    bytes_column("sealed"),
    sqlite_with_rowid=False,
)

#: Where a household's presence in the snapshots changes, by position; before its first row it is present.
presences = Table(
    "presences",
    metadata,
    id_column("household_id"),
    id_column("position"),
    Column("present", SmallInteger, nullable=False),
    int_column("known_from"),
    sqlite_with_rowid=False,
)

#: The timeline: from ``valid_from`` to ``valid_to`` the household stood as its record says.
facts = Table(
    "facts",
    metadata,
    id_column("household_id"),
    id_column("known_from"),
    id_column("valid_from"),
    int_column("valid_to"),
    int_column("standing_id"),
    code_column("district"),
    int_column("record_id"),
    int_column("known_to", server_default=str(OPEN_VERSION)),
    sqlite_with_rowid=False,
)
Index("ix_facts_known_from", facts.c.known_from)
Index(
    "ix_facts_known_to",
    facts.c.known_to,
    sqlite_where=facts.c.known_to < OPEN_VERSION,
    postgresql_where=facts.c.known_to < OPEN_VERSION,
)

#: What each submission moved, per district: the sum of ends since the last lists is one door of the brake.
movements = Table(
    "movements",
    metadata,
    id_column("version"),
    Column("district", Code, primary_key=True),
    code_column("kind"),
    int_column("ends"),
    int_column("additions"),
    int_column("changes"),
)

#: Records that name a person whom another household names or named too, as found at import. The due of these
#: households is judged one by one (edge cases 43-45).
contests = Table(
    "contests",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    id_column("household_id"),
    id_column("record_id"),
    int_column("known_from"),
    sqlite_with_rowid=False,
)

#: Keyed digests by which a household is found: certificate, person, name, place, address. Dated like facts.
lookups = Table(
    "lookups",
    metadata,
    Column("kind", SmallInteger, primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    id_column("household_id"),
    id_column("known_from"),
    int_column("known_to", server_default=str(OPEN_VERSION)),
    Index(None, "household_id"),
    sqlite_with_rowid=False,
)

#: Account numbers that a household named to civil affairs: evidence for a link, never a link.
claims = Table(
    "claims",
    metadata,
    id_column("household_id"),
    Column("company", Code, primary_key=True),
    id_column("known_from"),
    code_column("number"),
    int_column("since"),
    int_column("known_to", server_default=str(OPEN_VERSION)),
    sqlite_with_rowid=False,
)
