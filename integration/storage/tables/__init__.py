"""Every table of the hub.

Conventions: days are integers YYYYMMDD (``OPEN_DAY`` = no end), months YYYYMM, instants ``_us`` = microseconds since
the epoch in UTC, quantities ``_milli``. ``known_from`` / ``known_to`` are knowledge versions: a row is known at version
k when ``known_from <= k < known_to``; ``known_to`` is OPEN_VERSION until its successor closes it, and nothing else in
a fact ever changes (migration 0001 puts triggers under that sentence). Personal data stands in ``sealed_records``,
``household_keys``, ``lookups``, ``match_keys``, ``account_holders``, ``submission_chunks``, ``report_texts``,
``sample_notes`` and ``case_events`` alone, and only encrypted or as keyed digests.
"""

from integration.domain.allowance import NO_PLACE
from integration.storage.tables.access import (
    clients,
    collections,
    credentials,
    login_failures,
    nonces,
    receipts,
    replies,
    sessions,
    users,
)
from integration.storage.tables.accounts import (
    account_facts,
    account_holders,
    account_lookups,
    account_numbers,
    accounts,
    links,
)
from integration.storage.tables.arrivals import (
    holds,
    knowledge,
    parked_rows,
    policies,
    snapshots,
    submission_chunks,
    submission_events,
    submission_outcomes,
    submissions,
)
from integration.storage.tables.cases import case_events, cases
from integration.storage.tables.columns import OPEN_VERSION, metadata
from integration.storage.tables.decisions import decision_lines, decision_outcomes, decisions
from integration.storage.tables.detectors import communities, explanations, scorecards
from integration.storage.tables.ledger import list_chunks, lists, postings, runs
from integration.storage.tables.matches import match_checks, match_decisions, match_keys, match_reviews
from integration.storage.tables.mergers import mergers
from integration.storage.tables.moves import move_months
from integration.storage.tables.oversight import audit, audit_leaves, checkpoints
from integration.storage.tables.registry import (
    claims,
    contests,
    facts,
    household_keys,
    households,
    lookups,
    movements,
    presences,
    records,
    sealed_records,
    standings,
)
from integration.storage.tables.reports import (
    draws,
    finding_events,
    findings,
    reconciliations,
    report_rows,
    report_texts,
    reports,
    settlements,
    tariffs,
)
from integration.storage.tables.samples import (
    sample_events,
    sample_notes,
    sample_results,
    sample_rows,
    sample_strata,
    samples,
)
from integration.storage.tables.service import (
    boxes,
    collected_files,
    delivery_attempts,
    job_runs,
    leases,
    list_floors,
    outbox,
    restores,
)

__all__ = [
    "NO_PLACE",
    "OPEN_VERSION",
    "account_facts",
    "account_holders",
    "account_lookups",
    "account_numbers",
    "accounts",
    "audit",
    "audit_leaves",
    "boxes",
    "case_events",
    "cases",
    "checkpoints",
    "claims",
    "clients",
    "collected_files",
    "collections",
    "communities",
    "contests",
    "credentials",
    "decision_lines",
    "decision_outcomes",
    "decisions",
    "delivery_attempts",
    "draws",
    "explanations",
    "facts",
    "finding_events",
    "findings",
    "holds",
    "household_keys",
    "households",
    "job_runs",
    "knowledge",
    "leases",
    "links",
    "list_chunks",
    "list_floors",
    "lists",
    "login_failures",
    "lookups",
    "match_checks",
    "match_decisions",
    "match_keys",
    "match_reviews",
    "mergers",
    "metadata",
    "move_months",
    "movements",
    "nonces",
    "outbox",
    "parked_rows",
    "policies",
    "postings",
    "presences",
    "receipts",
    "reconciliations",
    "records",
    "replies",
    "report_rows",
    "report_texts",
    "reports",
    "restores",
    "runs",
    "sample_events",
    "sample_notes",
    "sample_results",
    "sample_rows",
    "sample_strata",
    "samples",
    "scorecards",
    "sealed_records",
    "sessions",
    "settlements",
    "snapshots",
    "standings",
    "submission_chunks",
    "submission_events",
    "submission_outcomes",
    "submissions",
    "tariffs",
    "users",
]
