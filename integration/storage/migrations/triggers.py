"""The promise "only grows" kept by the database itself, whatever program holds the connection.

``FOREVER`` rows are never changed or deleted. A ``DATED`` row changes once, in one column: its successor sets
``known_to``. ``ERASABLE`` are dated rows that erasing a household (or dealing with a parked row) may delete.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, Table

from integration.storage.errors import APPEND_ONLY
from integration.storage.tables import OPEN_VERSION, metadata

FOREVER: Final = (
    "knowledge",
    "policies",
    "submission_events",
    "snapshots",
    "standings",
    "records",
    "presences",
    "movements",
    "runs",
    "postings",
    "lists",
    "list_chunks",
    "audit",
    "audit_leaves",
    "checkpoints",
    "tariffs",
    "report_rows",
    "finding_events",
    "case_events",
    "reconciliations",
    "settlements",
    "replies",
    "receipts",
    "collections",
    "delivery_attempts",
    "list_floors",
    "match_decisions",
    "match_checks",
    "samples",
    "sample_strata",
    "sample_rows",
    "sample_events",
    "sample_results",
    "communities",
    "scorecards",
    "decisions",
    "move_months",
    "decision_lines",
    "decision_outcomes",
)
ERASABLE: Final = ("claims", "lookups", "parked_rows")
DATED: Final = tuple(t.name for t in metadata.sorted_tables if "known_to" in t.columns and t.name not in ERASABLE)


def create(connection: Connection) -> None:
    """Put the triggers under the tables."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_POSTGRESQL_REFUSE)
    statements = _postgresql if connection.dialect.name == "postgresql" else _sqlite
    for name in (*FOREVER, *DATED, *ERASABLE):
        for statement in statements(name):
            connection.exec_driver_sql(statement)


def _allowed_update(table: Table) -> str:
    """Return when an update is not the one that a dated row allows."""
    others = [column.name for column in table.columns if column.name != "known_to"]
    changed = " OR ".join(f"NEW.{name} IS DISTINCT FROM OLD.{name}" for name in others)
    return f"OLD.known_to <> {OPEN_VERSION} OR NEW.known_to >= {OPEN_VERSION} OR {changed}"


def _when(name: str) -> str:
    return "" if name in FOREVER else f"WHEN ({_allowed_update(metadata.tables[name])})"


def _sqlite(name: str) -> list[str]:
    refuse = f"BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}{name}'); END"
    # SQLite of our floor has no IS DISTINCT FROM; its IS NOT says the same
    when = _when(name).replace("IS DISTINCT FROM", "IS NOT")
    update = f"CREATE TRIGGER {APPEND_ONLY}{name}_update BEFORE UPDATE ON {name} {when} {refuse}"
    delete = f"CREATE TRIGGER {APPEND_ONLY}{name}_delete BEFORE DELETE ON {name} {refuse}"
    return [update] if name in ERASABLE else [update, delete]


_POSTGRESQL_REFUSE: Final = f"""
CREATE OR REPLACE FUNCTION {APPEND_ONLY}refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'this table only grows'
        USING ERRCODE = '23000', CONSTRAINT = '{APPEND_ONLY}' || TG_TABLE_NAME;
END $$
"""


def _postgresql(name: str) -> list[str]:
    refuse = f"EXECUTE FUNCTION {APPEND_ONLY}refuse()"
    trigger = f"CREATE TRIGGER {APPEND_ONLY}{name}"
    update = f"{trigger}_update BEFORE UPDATE ON {name} FOR EACH ROW {_when(name)} {refuse}"
    delete = f"{trigger}_delete BEFORE DELETE ON {name} FOR EACH ROW {refuse}"
    truncate = f"{trigger}_truncate BEFORE TRUNCATE ON {name} FOR EACH STATEMENT {refuse}"
    return [update] if name in ERASABLE else [update, delete, truncate]
