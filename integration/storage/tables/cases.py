"""Cases 工单: what people must decide, as it stands now, and everything that happened to it."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, Integer, Table, UniqueConstraint

from integration.storage.tables.columns import bytes_column, code_column, id_column, int_column, metadata

#: A case as it stands. ``identity`` names the cause: found again, it is the same case. What a case is not about is 0 or
#: empty. ``districts`` are the six-digit codes of the offices that must know of it, with commas between them.
cases = Table(
    "cases",
    metadata,
    id_column("number"),
    code_column("kind"),
    code_column("identity"),
    int_column("household_id"),
    code_column("service"),
    int_column("month"),
    code_column("company"),
    int_column("finding_id"),
    code_column("districts"),
    int_column("opened_us"),
    code_column("opened_by"),
    code_column("state"),  # open, asked, resolved, closed, gone
    Column("events", Integer, nullable=False),  # how many it has had
    code_column("assignee", nullable=True),
    int_column("due_on"),
    code_column("resolved_by", nullable=True),
    code_column("approved_by", nullable=True),
    UniqueConstraint("kind", "identity"),
    CheckConstraint("approved_by IS NULL OR approved_by <> resolved_by", name="two_persons"),
    CheckConstraint("state <> 'closed' OR approved_by IS NOT NULL", name="closed_by_somebody"),
    Index(None, "household_id"),
    Index(None, "state", "kind"),
)

#: Everything that happened to a case. ``note`` may name a person: it is sealed under the household's own key, so that
#: erasing the household erases it, or under the hub's where the case is about no household.
case_events = Table(
    "case_events",
    metadata,
    id_column("number"),
    Column("n", Integer, primary_key=True, autoincrement=False),
    int_column("at_us"),
    code_column("actor"),
    code_column("event"),
    code_column("about"),  # of ASSIGNED the person, of ASKED_COMPANY the company, else empty
    bytes_column("note", nullable=True),
    sqlite_with_rowid=False,
)
