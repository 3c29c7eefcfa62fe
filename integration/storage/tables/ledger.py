"""Runs, the ledger, and the lists published from it."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, SmallInteger, Table, UniqueConstraint

from integration.storage.tables.columns import Code, bytes_column, code_column, id_column, int_column, metadata

#: One computation for one month at one cut-off 批次. ``digest`` is over its postings in key order.
runs = Table(
    "runs",
    metadata,
    id_column("run_id"),
    int_column("month"),
    Column("n", Integer, nullable=False),
    int_column("cut_off"),
    int_column("at_us"),
    code_column("policy_sha256"),
    Column("full", SmallInteger, nullable=False),
    int_column("rows"),
    int_column("quantity_milli"),
    bytes_column("digest"),
    UniqueConstraint("month", "n"),
)

#: The ledger 台账: signed quantities, placed on an account or on NO_PLACE. Append-only. ``n`` = 1 + earlier postings
#: of the key, so of two racing runs one fails. Keyed month first: a run appends at the end and a month is one range.
postings = Table(
    "postings",
    metadata,
    Column("month", Integer, primary_key=True, autoincrement=False),
    Column("service", Code, primary_key=True),
    id_column("household_id"),
    Column("n", Integer, primary_key=True, autoincrement=False),
    int_column("account_id"),
    int_column("quantity_milli"),
    int_column("run_id"),
    # 1 where the run found the month already computed: the few rows of a run that are not its month's bulk
    Column("retro", SmallInteger, nullable=False),
    sqlite_with_rowid=False,
)
Index(
    "ix_postings_retro",
    postings.c.run_id,
    sqlite_where=postings.c.retro == 1,
    postgresql_where=postings.c.retro == 1,
)


#: Published lists 名单: immutable, gapless per company. ``manifest`` and ``signature`` are the signed bytes.
lists = Table(
    "lists",
    metadata,
    Column("company", Code, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    code_column("kind"),
    code_column("service"),
    int_column("month"),
    int_column("run_id"),
    int_column("published_us"),
    int_column("rows"),
    int_column("quantity_milli"),
    bytes_column("manifest"),
    bytes_column("signature"),
)
Index(
    "uq_lists_regular",
    lists.c.company,
    lists.c.month,
    unique=True,
    sqlite_where=lists.c.kind == "regular",
    postgresql_where=lists.c.kind == "regular",
)

#: Every signed rendering of a list, as gzip members of about a mebibyte; together they are one gzip file.
list_chunks = Table(
    "list_chunks",
    metadata,
    Column("company", Code, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("rendering", Code, primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),
    bytes_column("content"),
)
