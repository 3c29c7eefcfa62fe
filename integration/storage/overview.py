"""What is on file, for people who look: users, submissions, lists, the audit's last words, and where the hub stands."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

import msgspec
from sqlalchemy import Connection, func, select

from integration.clock import SHANGHAI, Clock, now_us, us_instant
from integration.storage.bulk import stream
from integration.storage.submissions import State, state, unanswered
from integration.storage.tables import (
    NO_PLACE,
    audit,
    knowledge,
    lists,
    postings,
    runs,
    submission_outcomes,
    submissions,
)
from schemas.values import Month


class Submission(msgspec.Struct, frozen=True):
    """A submission 报送 and what became of it."""

    submission_id: int
    sender: str
    kind: str
    message_id: str
    received_at: str
    size: int
    state: str
    version: int | None
    reply: msgspec.Raw


class RowsEnded(msgspec.Struct, frozen=True):
    """A run of neighbouring rows that ended alike."""

    first_row: int
    last_row: int
    outcome: str
    column: str
    code: str
    text: str


class Listed(msgspec.Struct, frozen=True):
    """A published list 名单, without its manifest."""

    company: str
    number: int
    kind: str
    service: str
    month: str
    run_id: int
    published_at: str
    rows: int
    quantity_milli: int


class AuditLine(msgspec.Struct, frozen=True):
    """One audit row; ``detail`` is free of personal data."""

    audit_id: int
    at: str
    actor: str
    action: str
    subject: str
    detail: msgspec.Raw


class RunLine(msgspec.Struct, frozen=True):
    """A run 批次 with its totals."""

    run_id: int
    month: str
    n: int
    cut_off: int
    full: bool
    rows: int
    quantity_milli: int


def find_submission(connection: Connection, submission_id: int) -> Submission | None:
    """Return a submission, or None."""
    row = connection.execute(_submissions().where(submissions.c.submission_id == submission_id)).first()
    return None if row is None else _submission(row, state(connection, submission_id))


def last_submissions(connection: Connection, most: int, kind: str | None = None) -> list[Submission]:
    """Return the newest submissions (of a kind), newest first."""
    query = _submissions().order_by(submissions.c.submission_id.desc()).limit(most)
    rows = connection.execute(query if kind is None else query.where(submissions.c.kind == kind)).all()
    return [_submission(row, state(connection, row.submission_id)) for row in rows]


def submissions_after(
    connection: Connection, after: int, most: int, sender: str | None = None, kind: str | None = None
) -> list[Submission]:
    """Return a page of submissions (of a sender, of a kind), oldest first, after one."""
    c = submissions.c
    query = _submissions().where(c.submission_id > after)
    query = query if sender is None else query.where(c.sender == sender)
    query = query if kind is None else query.where(c.kind == kind)
    rows = connection.execute(query.order_by(c.submission_id).limit(most)).all()
    return [_submission(row, state(connection, row.submission_id)) for row in rows]


def oldest_waiting(connection: Connection, clock: Clock) -> int:
    """Return for how long, in microseconds, the oldest submission that is not yet answered has waited; 0 if none."""
    oldest = connection.execute(select(func.min(submissions.c.received_us)).where(unanswered())).scalar_one()
    return 0 if oldest is None else now_us(clock) - int(oldest)


def _submissions() -> Any:
    c = submissions.c
    return select(c.submission_id, c.sender, c.kind, c.message_id, c.received_us, c.size)


def _submission(row: Any, now: State) -> Submission:
    number, sender, kind, message_id, received_us, size = row
    reply = msgspec.Raw(now.reply.encode() or b"null")
    return Submission(number, sender, kind, message_id, at_text(received_us), size, now.state, now.version, reply)


def outcomes_of(connection: Connection, submission_id: int, most: int, skip: int = 0) -> list[RowsEnded]:
    """Return a page of how a submission's rows ended, in row order; unchanged rows are not kept."""
    c = submission_outcomes.c
    query = select(c.first_row, c.last_row, c.outcome, c.column, c.code, c.text).where(c.submission_id == submission_id)
    return [RowsEnded(*row) for row in stream(connection, query.order_by(c.n).limit(most).offset(skip))]


def all_lists(connection: Connection, company: str | None = None) -> list[Listed]:
    """Return the published lists (of a company) in order."""
    c = lists.c
    query = _listed().order_by(c.company, c.number)
    return _as_listed(stream(connection, query if company is None else query.where(c.company == company)))


def lists_after(connection: Connection, company: str, after: int, most: int) -> list[Listed]:
    """Return a page of a company's lists after a number; numbers are gapless, so none is ever missed."""
    c = lists.c
    query = _listed().where(c.company == company, c.number > after).order_by(c.number).limit(most)
    return _as_listed(connection.execute(query))


def _listed() -> Any:
    c = lists.c
    return select(c.company, c.number, c.kind, c.service, c.month, c.run_id, c.published_us, c.rows, c.quantity_milli)


def _as_listed(rows: Iterable[Any]) -> list[Listed]:
    return [
        Listed(code, number, kind, service, str(Month.from_int(month)), run_id, at_text(us), *totals)
        for code, number, kind, service, month, run_id, us, *totals in rows
    ]


def last_audit(connection: Connection, most: int, action: str | None = None) -> list[AuditLine]:
    """Return the newest audit rows (of an action), newest first."""
    c = audit.c
    query = select(c.audit_id, c.at_us, c.actor, c.action, c.subject, c.detail).order_by(c.audit_id.desc()).limit(most)
    return [
        AuditLine(number, at_text(us), actor, done, subject, msgspec.Raw(detail.encode()))
        for number, us, actor, done, subject, detail in stream(
            connection, query if action is None else query.where(c.action == action)
        )
    ]


def run_lines(connection: Connection) -> list[RunLine]:
    """Return every run in order."""
    r = runs.c
    query = select(r.run_id, r.month, r.n, r.cut_off, r.full, r.rows, r.quantity_milli).order_by(r.run_id)
    return [
        RunLine(run_id, str(Month.from_int(month)), n, cut_off, bool(full), *totals)
        for run_id, month, n, cut_off, full, *totals in stream(connection, query)
    ]


def newest_by_kind(connection: Connection) -> dict[str, int]:
    """Return the newest knowledge version of each kind of knowledge: registry, roster, links, policy, decision."""
    query = select(knowledge.c.kind, func.max(knowledge.c.version)).group_by(knowledge.c.kind)
    return dict(stream(connection, query))


def unplaced(connection: Connection, month: Month) -> int:
    """Count the allowances of a month that stand at "none yet"."""
    p = postings.c
    waiting = (
        select(p.service, p.household_id)
        .where(p.month == int(month), p.account_id == NO_PLACE)
        .group_by(p.service, p.household_id)
        .having(func.sum(p.quantity_milli) != 0)
        .subquery()
    )
    return int(connection.execute(select(func.count()).select_from(waiting)).scalar_one())


def local_day(microseconds: int) -> date:
    """Return the day of a stored instant in Asia/Shanghai."""
    return us_instant(microseconds).astimezone(SHANGHAI).date()


def at_text(microseconds: int) -> str:
    """Return a stored instant as people read it: in Asia/Shanghai, with its offset."""
    return us_instant(microseconds).astimezone(SHANGHAI).isoformat(timespec="seconds")
