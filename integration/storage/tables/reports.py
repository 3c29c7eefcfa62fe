"""What the companies report, what is judged of it, the findings, and the settlements."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, SmallInteger, Table, Text, UniqueConstraint

from integration.storage.tables.columns import (
    OPEN_VERSION,
    Code,
    bytes_column,
    code_column,
    id_column,
    int_column,
    metadata,
)

#: A company's prices as they were loaded, whole, so that an old judgement can be made again.
tariffs = Table(
    "tariffs",
    metadata,
    Column("company", Code, primary_key=True),
    id_column("known_from"),
    code_column("sha256"),
    Column("content", Text, nullable=False),
)

#: A report 回盘 of a month. ``known_to`` is set by the REPLACE that takes its place. ``first_month`` to ``last_month``
#: are the months that its bills cover.
reports = Table(
    "reports",
    metadata,
    id_column("report_id"),
    code_column("company"),
    int_column("month"),
    code_column("kind"),
    Column("edition", Integer, nullable=False),
    int_column("submission_id"),
    int_column("known_from"),
    int_column("at_us"),
    int_column("rows"),
    int_column("waived_milli"),
    int_column("waived_fen"),
    int_column("first_month"),
    int_column("last_month"),
    int_column("known_to", server_default=str(OPEN_VERSION)),
    UniqueConstraint("company", "month", "edition"),
)

#: Every row of every report, for ever. ``said`` is the whole row, packed, without the company's own words.
report_rows = Table(
    "report_rows",
    metadata,
    id_column("report_id"),
    Column("row", Integer, primary_key=True, autoincrement=False),
    int_column("household_id"),
    int_column("account_id"),
    code_column("numbered"),
    code_column("bill_id"),
    code_column("kind"),
    code_column("answer"),
    int_column("waived_milli"),
    int_column("waived_fen"),
    bytes_column("said"),
    sqlite_with_rowid=False,
)

#: The company's own words beside an answer: they may name a person, so they are sealed, and deleted with the raw file.
report_texts = Table(
    "report_texts",
    metadata,
    id_column("report_id"),
    Column("row", Integer, primary_key=True, autoincrement=False),
    int_column("household_id"),
    int_column("submission_id"),
    bytes_column("sealed"),
    sqlite_with_rowid=False,
)

#: Draws 抵用, one line for every report row in force and month that it covers: what it should have drawn, and what was
#: applied. Derived from reports, postings, policy and tariffs: ``reconcile --full`` makes the same again.
draws = Table(
    "draws",
    metadata,
    Column("service", Code, primary_key=True),
    Column("month", Integer, primary_key=True, autoincrement=False),
    id_column("household_id"),
    id_column("report_id"),
    Column("row", Integer, primary_key=True, autoincrement=False),
    code_column("company"),
    int_column("account_id"),
    int_column("issued_on"),
    Column("bill", SmallInteger, nullable=False),
    Column("answer", SmallInteger, nullable=False),  # its weight, see domain.balance
    code_column("verdict"),
    int_column("due_milli"),
    int_column("waived_milli"),
    int_column("due_fen"),
    int_column("waived_fen"),
    int_column("accepted_milli"),
    int_column("accepted_fen"),
    int_column("owed_milli"),
    int_column("good_milli"),
    Index(None, "report_id"),
    sqlite_with_rowid=False,
)

#: Findings 差异 as they stand now; what they were stands in their events. ``scope`` says what they are derived from.
findings = Table(
    "findings",
    metadata,
    id_column("finding_id"),
    code_column("company"),
    code_column("identity"),
    code_column("service"),
    code_column("scope"),  # row, key, company, detector
    code_column("kind"),
    code_column("reason", server_default=""),  # of a detector's, else ""
    code_column("acts"),
    int_column("month"),
    int_column("report_month"),
    int_column("report_id"),  # of a row's, else 0
    int_column("household_id"),
    int_column("account_id"),
    code_column("bill_id"),
    code_column("state"),  # open, closed
    Column("events", Integer, nullable=False),  # how many it has had
    int_column("due_milli"),
    int_column("reported_milli"),
    int_column("due_fen"),
    int_column("reported_fen"),
    int_column("stake_milli"),
    int_column("stake_fen"),
    int_column("households"),
    UniqueConstraint("company", "identity"),
    Index(None, "household_id"),
    Index(None, "company", "report_month"),
    Index(None, "company", "month"),
)

finding_events = Table(
    "finding_events",
    metadata,
    id_column("finding_id"),
    Column("n", Integer, primary_key=True, autoincrement=False),
    int_column("at_us"),
    int_column("reconciliation"),
    code_column("event"),  # opened, changed, closed, reopened
    int_column("due_milli"),
    int_column("reported_milli"),
    int_column("due_fen"),
    int_column("reported_fen"),
    int_column("stake_milli"),
    int_column("stake_fen"),
    sqlite_with_rowid=False,
)

#: Every reconciliation of a company: what it knew, and what came of it. ``run_id`` is the newest run listed by then.
#: The detectors' work stands among them under company "": it is about everybody.
reconciliations = Table(
    "reconciliations",
    metadata,
    id_column("number"),
    code_column("company"),
    int_column("at_us"),
    int_column("version"),
    int_column("run_id"),
    code_column("policy_sha256"),
    code_column("tariff_sha256"),
    int_column("opened"),
    int_column("changed"),
    int_column("closed"),
    Index(None, "company"),
)

#: Settlements 结算单: ``n`` 0 is the settlement of a company and report month, 1, 2, … its numbered adjustments.
settlements = Table(
    "settlements",
    metadata,
    Column("company", Code, primary_key=True),
    Column("month", Integer, primary_key=True, autoincrement=False),
    Column("n", Integer, primary_key=True, autoincrement=False),
    int_column("at_us"),
    int_column("version"),
    bytes_column("content"),
    bytes_column("signature"),
)
