"""What audit rows say of set-wide effects, recomputed from the tables as they are now."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Callable, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Connection, String, cast, func, select

from integration.storage import reports, samples
from integration.storage.audit import Effect
from integration.storage.bulk import RowsHasher, batches
from integration.storage.tables import list_chunks, lists, postings, records, settlements, standings, submission_events
from schemas.lists import Manifest

#: Effects by the action and subject of the audit row that must state them.
Effects = Mapping[tuple[str, str], Effect]


class Proof(NamedTuple):
    """How the effects of some actions are recomputed from the tables as they are now."""

    actions: tuple[str, ...]
    recompute: Callable[[Connection], Effects]


class _Group:
    """The growing effect of one subject."""

    def __init__(self, columns: int) -> None:
        self._hasher = RowsHasher(columns)
        self._quantity = 0

    def add(self, rows: list[tuple[Any, ...]], quantity: int) -> None:
        self._hasher.update(rows)
        self._quantity += quantity

    def effect(self) -> Effect:
        rows, sha256 = self._hasher.done()
        return Effect(rows, self._quantity, sha256)


def run_effects(connection: Connection) -> Effects:
    """Recompute what every run posted: all columns of its postings, in one pass over the whole ledger."""
    columns = list(postings.columns)
    run_id, quantity = (itemgetter(columns.index(postings.c[name])) for name in ("run_id", "quantity_milli"))
    query = select(*columns).order_by(*postings.primary_key)
    groups: dict[int, _Group] = {}
    for batch in batches(connection, query):
        for run, rows in groupby(batch, run_id):
            part = list(rows)
            groups.setdefault(run, _Group(len(columns))).add(part, sum(map(quantity, part)))
    return {("month_computed", str(run)): group.effect() for run, group in groups.items()}


def submission_effects(connection: Connection) -> Effects:
    """Recompute what every submission brought to the registry, in one pass over its records.

    Rows that were parked and applied under a later version have an audit row of their own.
    """
    groups: dict[tuple[int, int], _Group] = {}
    for batch in batches(connection, _record_lines()):
        for key, rows in groupby(batch, itemgetter(0, 1)):
            part = [row[2:] for row in rows]
            groups.setdefault(key, _Group(len(part[0]))).add(part, 0)
    e = submission_events.c
    query = select(e.submission_id, e.version).where(e.state == "applied")
    at_once = {(submission, version) for submission, version in connection.execute(query)}
    return {
        ("registry_applied", str(key[0]))
        if key in at_once
        else ("parked_applied", f"{key[0]}:{key[1]}"): group.effect()
        for key, group in groups.items()
    }


def _record_lines() -> Any:
    r, s = records.c, standings.c
    stood = (s.category, s.status, s.certificate_from, s.certificate_to, s.alive_to)
    # an outer join: a record whose standing was taken away must not vanish from the sum with it
    joined = records.outerjoin(standings, s.standing_id == r.standing_id)
    said = (r.record_id, r.household_id, r.effective_on, r.source_version)
    known = (func.coalesce(cast(column, String), "") for column in stood)
    return select(r.submission_id, r.known_from, *said, *known, r.district).select_from(joined).order_by(r.record_id)


def list_effects(connection: Connection) -> Effects:
    """Recompute every published list: its manifest, and each rendering's bytes against what the manifest says."""
    c = lists.c
    query = select(c.company, c.number, c.rows, c.quantity_milli, c.manifest)
    effects: dict[tuple[str, str], Effect] = {}
    for company, number, rows, quantity, content in list(connection.execute(query)):
        whole = _renderings_whole(connection, company, number, content)
        sha256 = hashlib.sha256(content).digest() if whole else b""
        effects["list_published", f"{company}:{number}"] = Effect(rows, quantity, sha256)
    return effects


def _renderings_whole(connection: Connection, company: str, number: int, content: bytes) -> bool:
    c = list_chunks.c
    chunks = select(c.content).where(c.company == company, c.number == number)
    stored = set(connection.scalars(select(c.rendering).where(c.company == company, c.number == number)))
    try:
        stated = msgspec.json.decode(content, type=Manifest).renderings
    except msgspec.DecodeError:
        return False
    return stored == {one.name for one in stated} and all(
        one.sha256 == _digest_of(connection, chunks.where(c.rendering == one.name).order_by(c.n)) for one in stated
    )


def _digest_of(connection: Connection, chunks: Any) -> str:
    digest = hashlib.sha256()
    try:
        for batch in batches(connection, chunks, 16):
            for (chunk,) in batch:
                digest.update(gzip.decompress(chunk))
    except (OSError, EOFError, zlib.error):
        return ""  # not gzip any more
    return digest.hexdigest()


def report_effects(connection: Connection) -> Effects:
    """Recompute what every report said, row by row."""
    return {
        ("report_applied", str(report)): Effect(rows, quantity, sha256)
        for report, rows, quantity, sha256 in reports.digests(connection)
    }


def settlement_effects(connection: Connection) -> Effects:
    """Recompute every settlement and adjustment: the bytes that were signed."""
    c = settlements.c
    return {
        ("settled", f"{company}:{month}:{n}"): Effect(1, 0, hashlib.sha256(content).digest())
        for company, month, n, content in connection.execute(select(c.company, c.month, c.n, c.content))
    }


def sample_effects(connection: Connection) -> Effects:
    """Recompute which rows every audit sample holds."""
    return {
        ("sample_drawn", str(one.sample_id)): samples.drawn_effect(connection, one.sample_id)
        for one in samples.all_samples(connection)
    }


NOTHING: Final = _Group(0).effect()
PROOFS: Final = (
    Proof(("month_computed",), run_effects),
    Proof(("registry_applied", "parked_applied"), submission_effects),
    Proof(("list_published",), list_effects),
    Proof(("report_applied",), report_effects),
    Proof(("settled",), settlement_effects),
    Proof(("sample_drawn",), sample_effects),
)
