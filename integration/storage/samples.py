"""Audit samples in the database: what may be drawn, what was drawn, and what the copies showed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, and_, func, insert, select

from integration.domain.sampling import Covered, Stratum
from integration.storage.audit import Effect
from integration.storage.bulk import bulk_insert, digest_rows, stream
from integration.storage.reports import decoded
from integration.storage.tables import (
    audit,
    audit_leaves,
    checkpoints,
    report_rows,
    sample_events,
    sample_notes,
    sample_results,
    sample_rows,
    sample_strata,
    samples,
)
from schemas import envelope
from schemas.reports import ReportRow
from schemas.values import Month


class Tree(NamedTuple):
    """The audit's tree as a checkpoint has it."""

    size: int
    root_sha256: bytes


class Sample(NamedTuple):
    """A sample as drawn."""

    sample_id: int
    company: str
    month: Month
    drawn_us: int
    drawn_by: str
    reports: tuple[Covered, ...]
    tree: Tree
    signature: bytes


class StratumLine(NamedTuple):
    """How many rows of a kind there were, what they waived, and how many were drawn."""

    stratum: Stratum
    rows: int
    waived_milli: int
    waived_fen: int
    drawn: int


class Drawn(NamedTuple):
    """A drawn row: its place in the sample, where it stands, and what it said."""

    place: int
    stratum: Stratum
    report_id: int
    row: int
    household_id: int
    said: ReportRow


class Event(NamedTuple):
    """What became of a sample; ``due_on`` (YYYYMMDD) is when the copies are due, 0 where nothing is asked for."""

    at_us: int
    actor: str
    due_on: int


class Found(NamedTuple):
    """What a copy showed, as recorded last."""

    n: int
    actor: str
    result: str
    quantity_milli: int
    amount_fen: int


# --- what may be drawn -----------------------------------------------------------------------------------------


def covered_reports(connection: Connection, reports: Sequence[int]) -> tuple[tuple[Covered, ...], Tree | None]:
    """Return these reports as the audit has them, and the first checkpoint that covers them all; None before it."""
    a, leaf = audit.c, audit_leaves.c
    query = (
        select(a.subject, a.effect_sha256, leaf.leaf_index)
        .select_from(audit.outerjoin(audit_leaves, leaf.audit_id == a.audit_id))
        .where(a.action == "report_applied", a.subject.in_([str(one) for one in reports]))
    )
    found = sorted((int(report), sha256.hex(), index) for report, sha256, index in connection.execute(query))
    named = tuple(Covered(report, sha256) for report, sha256, _ in found)
    leaves = [index for *_, index in found]
    if len(found) != len(reports) or None in leaves:
        return named, None
    c = checkpoints.c
    after = select(c.tree_size, c.root_sha256).where(c.tree_size > max(leaves)).order_by(c.tree_size).limit(1)
    row = connection.execute(after).first()
    return named, None if row is None else Tree(row.tree_size, bytes(row.root_sha256))


def reported_rows(connection: Connection, reports: Sequence[int]) -> Iterator[tuple[int, int, int, int]]:
    """Yield (report, row, waived_milli, waived_fen) of every row of these reports, in order."""
    c = report_rows.c
    query = select(c.report_id, c.row, c.waived_milli, c.waived_fen).where(c.report_id.in_(reports))
    yield from stream(connection, query.order_by(c.report_id, c.row))


# --- samples ---------------------------------------------------------------------------------------------------


def record_sample(
    connection: Connection,
    sample: Sample,
    strata: Iterable[StratumLine],
    rows: Iterable[tuple[Stratum, int, int]],
) -> None:
    """Write a sample with its rows, given as (stratum, report, row) in order of their places."""
    number = sample.sample_id
    values = {
        "sample_id": number,
        "company": sample.company,
        "month": int(sample.month),
        "drawn_us": sample.drawn_us,
        "drawn_by": sample.drawn_by,
        "reports": envelope.canonical(sample.reports).decode(),
        "tree_size": sample.tree.size,
        "root_sha256": sample.tree.root_sha256,
        "signature": sample.signature,
    }
    connection.execute(insert(samples).values(**values))
    bulk_insert(connection, sample_strata, ("sample_id", *StratumLine._fields), ((number, *one) for one in strata))
    columns = ("sample_id", "place", "stratum", "report_id", "row")
    bulk_insert(connection, sample_rows, columns, ((number, place, *one) for place, one in enumerate(rows, 1)))


def next_sample_id(connection: Connection) -> int:
    """Return the first free number; call it under the knowledge lock."""
    return int(connection.execute(select(func.coalesce(func.max(samples.c.sample_id), 0))).scalar_one()) + 1


def drawn_effect(connection: Connection, sample_id: int) -> Effect:
    """Return what the audit states of a sample: its rows in order of their places."""
    c = sample_rows.c
    query = select(c.place, c.stratum, c.report_id, c.row).where(c.sample_id == sample_id).order_by(c.place)
    digest = digest_rows(connection, query)
    return Effect(digest.rows, 0, digest.sha256)


def all_samples(connection: Connection, company: str | None = None, month: Month | None = None) -> list[Sample]:
    """Return samples (of a company, of a month) in order."""
    c = samples.c
    columns = (
        c.sample_id, c.company, c.month, c.drawn_us, c.drawn_by, c.reports, c.tree_size, c.root_sha256, c.signature,
    )  # fmt: skip
    query = select(*columns).order_by(c.sample_id)
    query = query if company is None else query.where(c.company == company)
    query = query if month is None else query.where(c.month == int(month))
    return [_sample(row) for row in stream(connection, query)]


def _sample(row: Sequence[Any]) -> Sample:
    number, company, month, drawn_us, drawn_by, reports, size, root, signature = row
    covered = msgspec.json.decode(reports, type=tuple[Covered, ...])
    tree = Tree(size, bytes(root))
    return Sample(number, company, Month.from_int(month), drawn_us, drawn_by, covered, tree, bytes(signature))


def strata_of(connection: Connection, sample_id: int) -> list[StratumLine]:
    """Return a sample's kinds of rows, relief first."""
    c = sample_strata.c
    query = select(c.stratum, c.rows, c.waived_milli, c.waived_fen, c.drawn).where(c.sample_id == sample_id)
    found = [StratumLine(Stratum(stratum), *rest) for stratum, *rest in stream(connection, query)]
    return sorted(found, key=lambda one: list(Stratum).index(one.stratum))


def drawn_of(connection: Connection, sample_id: int) -> list[Drawn]:
    """Return a sample's rows with what they said, by place."""
    c, r = sample_rows.c, report_rows.c
    query = (
        select(c.place, c.stratum, c.report_id, c.row, r.household_id, r.said)
        .select_from(sample_rows.join(report_rows, and_(r.report_id == c.report_id, r.row == c.row)))
        .where(c.sample_id == sample_id)
        .order_by(c.place)
    )
    return [
        Drawn(place, Stratum(stratum), report, row, household, decoded(said))
        for place, stratum, report, row, household, said in stream(connection, query)
    ]


def largest_undrawn(connection: Connection, sample: Sample) -> Iterator[int]:
    """Yield the amounts in fen of the rows that were not drawn and waived any, the largest first."""
    r, c = report_rows.c, sample_rows.c
    drawn = select(c.place).where(c.sample_id == sample.sample_id, c.report_id == r.report_id, c.row == r.row).exists()
    reports = [one.report_id for one in sample.reports]
    query = select(r.waived_fen).where(r.report_id.in_(reports), r.waived_fen > 0, ~drawn)
    for (amount,) in stream(connection, query.order_by(r.waived_fen.desc())):
        yield amount


# --- what becomes of them --------------------------------------------------------------------------------------


def record_event(connection: Connection, sample_id: int, event: str, about: Event) -> None:
    """Write what became of a sample.

    Raises:
        UniqueTaken: that became of it already.
    """
    connection.execute(insert(sample_events).values(sample_id=sample_id, event=event, **about._asdict()))


def events_of(connection: Connection, sample_id: int) -> dict[str, Event]:
    """Return what became of a sample, by the word for it."""
    c = sample_events.c
    query = select(c.event, c.at_us, c.actor, c.due_on).where(c.sample_id == sample_id)
    return {event: Event(*rest) for event, *rest in stream(connection, query)}


def record_result(connection: Connection, sample_id: int, place: int, at_us: int, found: Found) -> None:
    """Write what a copy showed.

    Raises:
        UniqueTaken: another process has just recorded the same row.
    """
    connection.execute(insert(sample_results).values(sample_id=sample_id, place=place, at_us=at_us, **found._asdict()))


def record_note(connection: Connection, sample_id: int, place: int, n: int, household_id: int, sealed: bytes) -> None:
    """Keep what was written beside a result, sealed."""
    values = {"sample_id": sample_id, "place": place, "n": n, "household_id": household_id, "sealed": sealed}
    connection.execute(insert(sample_notes).values(**values))


def results_of(connection: Connection, sample_id: int) -> dict[int, list[Found]]:
    """Return all that was recorded of a sample's rows, by place, the newest last."""
    c = sample_results.c
    query = select(c.place, c.n, c.actor, c.result, c.quantity_milli, c.amount_fen).where(c.sample_id == sample_id)
    found: dict[int, list[Found]] = {}
    for place, *rest in stream(connection, query.order_by(c.place, c.n)):
        found.setdefault(place, []).append(Found(*rest))
    return found


def notes_of(connection: Connection, sample_id: int) -> dict[tuple[int, int], bytes]:
    """Return the sealed notes of a sample by (place, n)."""
    c = sample_notes.c
    query = select(c.place, c.n, c.sealed).where(c.sample_id == sample_id)
    return {(place, n): bytes(sealed) for place, n, sealed in stream(connection, query)}
