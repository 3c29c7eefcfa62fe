"""Audit samples 抽样: which reported rows were drawn, by what seed, and what the copies of their bills showed."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table, Text, UniqueConstraint

from integration.storage.tables.columns import Code, bytes_column, code_column, id_column, int_column, metadata

#: A sample of a company's report month. ``reports`` is a canonical JSON array of (report, SHA-256 of its rows), and
#: ``signature`` the hub's over them and the checkpoint: the seed is its digest, so the same reports give one sample.
samples = Table(
    "samples",
    metadata,
    id_column("sample_id"),
    code_column("company"),
    int_column("month"),
    int_column("drawn_us"),
    code_column("drawn_by"),
    Column("reports", Text, nullable=False),
    int_column("tree_size"),
    bytes_column("root_sha256"),
    bytes_column("signature"),
    UniqueConstraint("company", "month", "signature"),
)

#: How many rows of each kind there were, what they waived, and how many were drawn.
sample_strata = Table(
    "sample_strata",
    metadata,
    id_column("sample_id"),
    Column("stratum", Code, primary_key=True),
    int_column("rows"),
    int_column("waived_milli"),
    int_column("waived_fen"),
    int_column("drawn"),
)

#: The drawn rows, by their place in the request, which follows the company's own file.
sample_rows = Table(
    "sample_rows",
    metadata,
    id_column("sample_id"),
    Column("place", Integer, primary_key=True, autoincrement=False),
    code_column("stratum"),
    int_column("report_id"),
    Column("row", Integer, nullable=False),
    Index("uq_sample_rows_row", "sample_id", "report_id", "row", unique=True),
)

#: What became of a sample: ``requested`` (copies are due by ``due_on``) and ``closed``, each once.
sample_events = Table(
    "sample_events",
    metadata,
    id_column("sample_id"),
    Column("event", Code, primary_key=True),
    int_column("at_us"),
    code_column("actor"),
    int_column("due_on"),
)

#: What the copy of a bill showed; a later word takes the place of an earlier one.
sample_results = Table(
    "sample_results",
    metadata,
    id_column("sample_id"),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("n", Integer, primary_key=True, autoincrement=False),
    int_column("at_us"),
    code_column("actor"),
    code_column("result"),
    int_column("quantity_milli"),
    int_column("amount_fen"),
)

#: What whoever checked wrote beside it: it may name a person, so it is sealed, and goes with an erased household.
sample_notes = Table(
    "sample_notes",
    metadata,
    id_column("sample_id"),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("n", Integer, primary_key=True, autoincrement=False),
    int_column("household_id"),
    bytes_column("sealed"),
    Index(None, "household_id"),
)
