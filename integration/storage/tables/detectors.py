"""What the detectors and scorecards keep: communities by name, explained variances, companies' scorecards."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, Integer, Table, Text, UniqueConstraint

from integration.storage.tables.columns import bytes_column, code_column, id_column, int_column, metadata

#: Communities 社区 that the registry named, so that sums can be told by them. The name is a bureau's free text, in
#: which a house or a person may stand: it is sealed, and found by a keyed digest over district and name.
communities = Table(
    "communities",
    metadata,
    id_column("community_id"),
    code_column("district"),
    bytes_column("digest"),
    bytes_column("sealed"),
    int_column("created"),
    UniqueConstraint("digest"),
)

#: Why a company's month differs from the one before: explained by one person, accepted or refused by another. It
#: holds for the figures that it names alone. ``district`` is empty for the company as a whole.
explanations = Table(
    "explanations",
    metadata,
    id_column("explanation_id"),
    code_column("company"),
    int_column("month"),
    code_column("measure"),
    code_column("district"),
    int_column("before"),
    int_column("now"),
    code_column("reason"),
    Column("text", Text, nullable=False),
    code_column("explained_by"),
    int_column("explained_us"),
    code_column("state", server_default="open"),  # open, accepted, refused
    code_column("decided_by", nullable=True),
    int_column("decided_us", nullable=True),
    CheckConstraint("decided_by IS NULL OR decided_by <> explained_by", name="two_persons"),
    CheckConstraint("state = 'open' OR decided_by IS NOT NULL", name="decided_by_somebody"),
    Index(None, "company", "month"),
)

#: Scorecards 评分: ``n`` 0 is that of a company and month as first taken, 1, 2, … what it came out as when taken anew.
#: ``content`` holds the counts, the weights and the grade, so that the grade can be worked out again for ever.
scorecards = Table(
    "scorecards",
    metadata,
    code_column("company", primary_key=True),
    Column("month", Integer, primary_key=True, autoincrement=False),
    Column("n", Integer, primary_key=True, autoincrement=False),
    int_column("at_us"),
    int_column("version"),
    code_column("policy_sha256"),
    code_column("actor"),
    Column("content", Text, nullable=False),
)
