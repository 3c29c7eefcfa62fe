"""Households that became one."""

from __future__ import annotations

from sqlalchemy import Index, Table

from integration.storage.tables.columns import OPEN_VERSION, code_column, id_column, int_column, metadata

#: Which household became part of which, on which day, and by what that is known (edge case 43). Undone by ``known_to``.
mergers = Table(
    "mergers",
    metadata,
    id_column("gone_id"),
    id_column("known_from"),
    int_column("keep_id"),
    int_column("merged_on"),
    code_column("evidence"),  # record, decision
    int_column("known_to", server_default=str(OPEN_VERSION)),
    Index(None, "keep_id"),
    sqlite_with_rowid=False,
)
