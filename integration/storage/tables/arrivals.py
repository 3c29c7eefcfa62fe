"""What the hub has learnt and what arrived: knowledge versions, policies, submissions, holds."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint

from integration.storage.tables.columns import (
    OPEN_VERSION,
    Id,
    bytes_column,
    code_column,
    id_column,
    int_column,
    metadata,
)

#: One gapless number for everything the hub learns; assigned under one lock in the transaction that learns it.
knowledge = Table(
    "knowledge",
    metadata,
    id_column("version"),
    int_column("at_us"),
    code_column("kind"),  # registry, roster, links, policy, decision
    int_column("submission_id", nullable=True),
)

#: Dated policy as it was loaded, whole, so that an old list can be recomputed under the policy of its day.
policies = Table(
    "policies",
    metadata,
    id_column("known_from"),
    code_column("sha256"),
    Column("content", Text, nullable=False),
)


#: Anything that arrives 报送. ``content_mac`` is a keyed digest of the bytes; ``reply`` is free of personal data.
submissions = Table(
    "submissions",
    metadata,
    id_column("submission_id"),
    code_column("sender"),
    code_column("kind"),  # registry, roster, aliases
    code_column("message_id"),
    bytes_column("content_mac"),
    int_column("received_us"),
    int_column("size"),
    UniqueConstraint("sender", "kind", "message_id"),
    Index(None, "sender", "content_mac"),
)

#: What became of a submission; append-only, the newest row is its state.
submission_events = Table(
    "submission_events",
    metadata,
    Column("submission_id", Id, ForeignKey("submissions.submission_id"), primary_key=True),
    Column("n", Integer, primary_key=True),
    int_column("at_us"),
    code_column("state"),  # received, applied, held, refused, superseded
    int_column("version", nullable=True),
    Column("reply", Text, nullable=False),
)

#: The raw bytes, compressed and encrypted in chunks; deleted after the retention period.
submission_chunks = Table(
    "submission_chunks",
    metadata,
    # deferred: the digest in the submission's own row is known only when the last chunk has been read
    Column(
        "submission_id",
        Id,
        ForeignKey("submissions.submission_id", deferrable=True, initially="DEFERRED"),
        primary_key=True,
    ),
    Column("n", Integer, primary_key=True),
    bytes_column("sealed"),
)

#: Row outcomes as runs of equal neighbours: rows ``first_row``..``last_row`` ended the same way for the same reason.
submission_outcomes = Table(
    "submission_outcomes",
    metadata,
    Column("submission_id", Id, ForeignKey("submissions.submission_id"), primary_key=True),
    Column("first_row", BigInteger, primary_key=True),
    Column("n", Integer, primary_key=True),
    int_column("last_row"),
    code_column("outcome"),
    code_column("column"),
    code_column("code"),
    Column("text", Text, nullable=False),
)

#: Accepted full snapshots: their position and as-of day decide what absence means (see domain.households).
snapshots = Table(
    "snapshots",
    metadata,
    id_column("submission_id"),
    code_column("source"),
    int_column("position"),
    int_column("as_of"),
    int_column("known_from"),
    Column("districts", Text, nullable=False),
    UniqueConstraint("source", "position"),
)

#: A change of an unknown certificate, waiting for the snapshot that brings its household (edge case 74).
parked_rows = Table(
    "parked_rows",
    metadata,
    id_column("parked_id"),
    int_column("submission_id"),
    int_column("row"),
    bytes_column("certificate"),
    bytes_column("sealed"),
    int_column("known_from"),
    int_column("known_to", server_default=str(OPEN_VERSION)),
    Index(None, "certificate"),
)

#: Something waiting for two persons 暂存. The database itself refuses that one person does both.
holds = Table(
    "holds",
    metadata,
    id_column("hold_id"),
    code_column("door"),  # snapshot, deltas, roster, list
    code_column("subject"),
    int_column("at_us"),
    Column("trips", Text, nullable=False),
    code_column("state", server_default="open"),  # open, proposed, released, rejected
    code_column("proposed_by", nullable=True),
    Column("reason", Text),
    code_column("approved_by", nullable=True),
    int_column("decided_us", nullable=True),
    CheckConstraint("approved_by IS NULL OR approved_by <> proposed_by", name="two_persons"),
    CheckConstraint("state <> 'released' OR approved_by IS NOT NULL", name="released_by_somebody"),
)
