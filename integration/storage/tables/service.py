"""What the running hub remembers of its own work: who does what, what was done, and what is on its way out or in."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table, Text, UniqueConstraint

from integration.storage.tables.columns import Code, Id, code_column, id_column, int_column, metadata

#: One row a job, period and scope: the second replica that wants to do the same fails on the key. ``state``: running,
#: done, failed (tried again at ``not_before_us``) or dead (waits for a person). ``fence`` is the lease's under which
#: it runs; whoever comes with a lower one is refused.
job_runs = Table(
    "job_runs",
    metadata,
    Column("job", Code, primary_key=True),
    Column("period", Code, primary_key=True),
    Column("scope", Code, primary_key=True),
    code_column("state"),
    Column("attempts", Integer, nullable=False),
    int_column("due_us"),
    int_column("not_before_us"),
    int_column("started_us"),
    int_column("finished_us", nullable=True),
    code_column("owner"),
    int_column("fence"),
    Column("detail", Text, nullable=False, server_default=""),
    Index(None, "state", "not_before_us"),
)

#: Who holds what, until when. ``fence`` grows with every change of hands and never falls.
leases = Table(
    "leases",
    metadata,
    Column("name", Code, primary_key=True),
    code_column("owner"),
    int_column("fence"),
    int_column("ends_us"),
)

#: What must leave the hub. ``message_id`` and content stay the same in every repetition, so that it has one effect.
#: ``state``: waiting, sending, delivered or dead. What is sent is found by ``kind`` and ``subject``.
outbox = Table(
    "outbox",
    metadata,
    Column("message_id", Code, primary_key=True),
    code_column("kind"),
    code_column("company"),
    code_column("subject"),
    int_column("created_us"),
    code_column("state"),
    Column("attempts", Integer, nullable=False),
    int_column("not_before_us"),
    code_column("owner", nullable=True),
    int_column("claimed_until_us", nullable=True),
    int_column("fence", server_default="0"),
    int_column("delivered_us", nullable=True),
    Index(None, "state", "not_before_us"),
)

#: Every attempt to deliver, and what came of it.
delivery_attempts = Table(
    "delivery_attempts",
    metadata,
    Column("message_id", Code, primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),
    int_column("at_us"),
    code_column("outcome"),
    code_column("code"),
    code_column("actor"),
)

#: The boxes that partners lay their files into, as they were found last. ``code`` says why one could not be looked into
#: (""; it could), ``failing_us`` since when, and ``attempts`` how often in a row.
boxes = Table(
    "boxes",
    metadata,
    Column("partner", Code, primary_key=True),
    int_column("looked_us"),
    code_column("code"),
    int_column("failing_us", nullable=True),
    Column("attempts", Integer, nullable=False),
    int_column("not_before_us"),
)

#: Every file that was found in a box; one is the same as long as name, size and time are. ``since_us``: it has not
#: changed since then. ``state``: settling, kept, held, returned, gone (before it was read, or another took its place),
#: or failed (waits for a person). ``answer`` is how its submission ended. ``name`` is the partner's own word.
collected_files = Table(
    "collected_files",
    metadata,
    Column("file_id", Id, primary_key=True, autoincrement=True),
    code_column("partner"),
    code_column("kind"),
    code_column("name"),
    int_column("size"),
    int_column("modified_s"),
    int_column("seen_us"),
    int_column("since_us"),
    code_column("state"),
    code_column("answer"),
    int_column("submission_id", nullable=True),
    Column("attempts", Integer, nullable=False),
    int_column("not_before_us"),
    code_column("code"),
    int_column("ended_us", nullable=True),
    UniqueConstraint("partner", "name", "size", "modified_s"),
    Index(None, "partner", "state"),
)

#: Restores from a backup. Until one is confirmed no list is published: what came after the backup is not known here.
restores = Table(
    "restores",
    metadata,
    id_column("restore_id"),
    int_column("at_us"),
    int_column("backup_us"),
    code_column("backup_sha256"),
    int_column("confirmed_us", nullable=True),
    code_column("confirmed_by", nullable=True),
)

#: The last list number that a company has seen, where it is beyond what the hub remembers: no number is given twice.
list_floors = Table(
    "list_floors",
    metadata,
    Column("company", Code, primary_key=True),
    Column("restore_id", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, nullable=False),
    int_column("at_us"),
    code_column("actor"),
)
