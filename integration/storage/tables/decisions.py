"""Decisions 决定: numbered, dated, of two persons. Append-only; the database refuses that one person does both."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from integration.storage.tables.columns import Code, code_column, id_column, int_column, metadata

#: What one person proposed. ``number`` is gapless. ``kind`` is a domain.decisions.Kind; ``account_id`` and
#: ``from_on`` of a wrong link or a refusal, ``undoes`` of an undo; the authority's decision number, its day and the
#: day on which the household had notice of a claw-back; 0 or empty where the kind has none. ``other_household_id`` is
#: the household whom a wrongly linked account belongs to, where known. ``evidence`` says where the papers are.
decisions = Table(
    "decisions",
    metadata,
    id_column("number"),
    code_column("kind"),
    int_column("household_id"),
    code_column("service"),
    int_column("account_id"),
    int_column("from_on"),
    int_column("other_household_id"),
    int_column("undoes"),
    code_column("authority_number"),
    int_column("authority_on"),
    int_column("notified_on"),
    Column("reason", Text, nullable=False),
    code_column("evidence"),
    code_column("proposed_by"),
    int_column("proposed_us"),
    UniqueConstraint("number", "proposed_by"),
    Index(None, "household_id"),
)

#: What a claw-back takes back: of a month and account so much, and so much then stands there for ever.
decision_lines = Table(
    "decision_lines",
    metadata,
    id_column("number"),
    Column("month", Integer, primary_key=True, autoincrement=False),
    id_column("account_id"),
    int_column("quantity_milli"),
    int_column("amount_fen"),
    int_column("stays_milli"),
    ForeignKeyConstraint(["number"], ["decisions.number"]),
)

#: How another person decided. ``known_from`` is the knowledge version that an approved decision brought; null else.
decision_outcomes = Table(
    "decision_outcomes",
    metadata,
    id_column("number"),
    code_column("outcome"),  # approved, rejected
    Column("proposed_by", Code, nullable=False),
    code_column("decided_by"),
    int_column("decided_us"),
    Column("known_from", ForeignKey("knowledge.version"), nullable=True),
    ForeignKeyConstraint(["number", "proposed_by"], ["decisions.number", "decisions.proposed_by"]),
    CheckConstraint(
        "outcome <> 'approved' OR (decided_by <> proposed_by AND known_from IS NOT NULL)", name="two_persons"
    ),
    Index(None, "known_from"),
)
