"""Matches of households and accounts: the keys of who waits, the review queue, what was decided and checked."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, Integer, LargeBinary, SmallInteger, Table, Text

from integration.storage.tables.columns import Code, code_column, id_column, int_column, metadata

#: Keyed digests by which accounts are found for a household that has none at some service; an account that changes
#: finds the household by them. Made anew whenever the household is judged, gone when it waits for nothing.
match_keys = Table(
    "match_keys",
    metadata,
    Column("kind", SmallInteger, primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    id_column("household_id"),
    Index(None, "household_id"),
    sqlite_with_rowid=False,
)

#: The review queue: candidates of a household at a service, with score; ``reasons`` and ``doubts`` are codes.
match_reviews = Table(
    "match_reviews",
    metadata,
    id_column("household_id"),
    Column("service", Code, primary_key=True),
    id_column("account_id"),
    Column("per_mille", Integer, nullable=False),
    code_column("reasons"),
    code_column("doubts"),
    int_column("known_from"),
    Index(None, "account_id"),
    sqlite_with_rowid=False,
)

#: What was decided of a household and an account: ``linked`` by the hub, ``confirmed`` or ``refused`` by a person.
#: ``sampled``: another person checks it. ``evidence`` is a code where the holder is no member (edge case 55).
match_decisions = Table(
    "match_decisions",
    metadata,
    id_column("decision_id"),
    int_column("household_id"),
    code_column("service"),
    int_column("account_id"),
    code_column("outcome"),
    Column("per_mille", Integer, nullable=False),
    code_column("reasons"),
    code_column("doubts"),
    code_column("evidence"),
    Column("note", Text, nullable=False),
    Column("sampled", SmallInteger, nullable=False),
    code_column("decided_by"),
    int_column("decided_us"),
    int_column("known_from"),
    Index(None, "household_id"),
    Index(None, "known_from"),
)

#: What another person found of a sampled decision: ``right`` or ``wrong``.
match_checks = Table(
    "match_checks",
    metadata,
    id_column("decision_id"),
    code_column("found"),
    Column("note", Text, nullable=False),
    code_column("decided_by"),
    code_column("checked_by"),
    int_column("checked_us"),
    CheckConstraint("checked_by <> decided_by", name="two_persons"),
)
