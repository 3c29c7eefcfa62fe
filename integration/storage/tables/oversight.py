"""The audit."""

from __future__ import annotations

from sqlalchemy import Column, Table, Text

from integration.storage.tables.columns import Id, bytes_column, code_column, id_column, int_column, metadata

#: One row in its effect's transaction. ``effect_*`` describe the rows of a set-wide effect, in key order.
audit = Table(
    "audit",
    metadata,
    Column("audit_id", Id, primary_key=True, autoincrement=True),
    int_column("at_us"),
    code_column("actor"),
    code_column("action"),
    code_column("subject"),
    Column("detail", Text, nullable=False),
    int_column("effect_rows", nullable=True),
    int_column("effect_sum", nullable=True),
    bytes_column("effect_sha256", nullable=True),
)

#: The sequencer's word: which audit row is which leaf of the tree (RFC 6962).
audit_leaves = Table(
    "audit_leaves",
    metadata,
    id_column("leaf_index"),
    int_column("audit_id", unique=True),
    bytes_column("leaf_sha256"),
)

#: Signed checkpoints: tree size, root, and the note as signed. ``frontier`` lets the next one start from here.
checkpoints = Table(
    "checkpoints",
    metadata,
    id_column("tree_size"),
    bytes_column("root_sha256"),
    Column("note", Text, nullable=False),
    bytes_column("frontier"),
    int_column("at_us"),
)
