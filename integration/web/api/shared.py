"""What the endpoints of several kinds of callers do alike."""

from __future__ import annotations

import msgspec

from integration.jobs.inbox import MOST_BYTES, keep_file
from integration.storage import audit, overview
from integration.storage.overview import RowsEnded, Submission
from integration.web.answers import Accepted
from integration.web.calls import Call, found
from integration.web.endpoints import Reply, Upload
from integration.web.models import Paging, SubmissionsQuery
from schemas.text import in_language

#: Files of a company or the bureau: whatever text they are, and whatever their sender's client calls it.
FILE = Upload(
    ("text/csv", "text/plain", "application/x-ndjson", "application/json", "application/xml",
     "application/octet-stream", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    MOST_BYTES,
)  # fmt: skip
#: A file to be checked is read in one transaction that others wait for.
SMALL_FILE = Upload(FILE.media_types, 64 << 20)


def keep(call: Call, kind: str, sender: str) -> Reply:
    """Keep an arriving file; a worker applies it."""
    kept = keep_file(call.hub, kind, sender, call.file.content)
    detail = {"kind": kind, "sender": sender, "size": call.file.size}
    with call.hub.store.write() as connection:
        audit.record(connection, call.hub.clock, call.principal.actor, "file_received", str(kept.submission_id), detail)
    where = f"/v1/submissions/{kept.submission_id}"
    return Reply(Accepted(kept.submission_id, where), 202, {"Location": where})


def submissions_page(call: Call, sender: str | None) -> Reply:
    """Give a page of submissions (of a sender)."""
    query = call.asked(SubmissionsQuery)
    with call.hub.store.read() as connection:
        return Reply(overview.submissions_after(connection, query.after, query.limit, sender, query.kind))


def submission(call: Call, sender: str | None) -> Submission:
    """Return a submission (of a sender); another's is none."""
    with call.hub.store.read() as connection:
        one: Submission | None = overview.find_submission(connection, call.number("submission"))
    if one is not None and sender is not None and one.sender != sender:
        one = None
    kept: Submission = found(one)
    return kept


def submission_rows(call: Call, sender: str | None) -> list[RowsEnded]:
    """Return a page of how a submission's rows ended."""
    number, query = submission(call, sender).submission_id, call.asked(Paging)
    with call.hub.store.read() as connection:
        return overview.outcomes_of(connection, number, query.limit, query.after)


def in_words(rows: list[RowsEnded], language: str) -> list[RowsEnded]:
    """Return rows with their reasons in a language."""
    return [msgspec.structs.replace(one, text=in_language(one.text, language)) for one in rows]
