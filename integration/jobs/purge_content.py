"""Deleting what arrived once its retention is over: the content and row outcomes go, the reply and the audit stay."""

from __future__ import annotations

from datetime import timedelta

from integration.clock import instant_us
from integration.jobs.hub import Hub
from integration.storage import audit, submissions


def purge_content(hub: Hub, retention_days: int, *, actor: str) -> int:
    """Delete the content of decided submissions older than so many days; return how many submissions, and record it."""
    before_us = instant_us(hub.clock() - timedelta(days=retention_days))
    with hub.store.write() as connection:
        number = submissions.purge(connection, before_us)
        detail = {"submissions": number, "retention_days": retention_days}
        audit.record(connection, hub.clock, actor, "content_purged", "submissions", detail)
    return number
