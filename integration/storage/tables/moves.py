"""Moves: what the account that a household left keeps of the month of the move."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table

from integration.storage.tables.columns import Code, id_column, int_column, metadata

#: What the closing bill lets the old account keep of the month in which a household moved to another; of one key the
#: row known last counts. Noted by the run that first knew the bill.
move_months = Table(
    "move_months",
    metadata,
    id_column("household_id"),
    Column("service", Code, primary_key=True),
    Column("month", Integer, primary_key=True, autoincrement=False),
    id_column("account_id"),
    id_column("known_from"),
    int_column("keeps_milli"),
    Index(None, "known_from"),
    sqlite_with_rowid=False,
)
