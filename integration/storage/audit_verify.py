"""The proof of the audit: recompute every leaf, the tree, the signatures, and the effects themselves.

Whoever changes an audit row, a posting or a record with all rights on the database, but without the signing key, is
found. Whoever cuts the log's end together with its checkpoints is found by the notes that others hold (``witnesses``).
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, String, cast, func, select

from integration.domain.merkle import Frontier
from integration.storage.audit import Effect, leaf_of, note_key, note_text, signed_note, unsequenced
from integration.storage.bulk import RowsHasher, batches, stream
from integration.storage.tables import audit, audit_leaves, checkpoints, postings, records, standings, submission_events
from schemas import envelope


class AuditFault(NamedTuple):
    """Something the audit cannot confirm: a stable code and which row it is about."""

    code: str
    subject: str


#: Effects by the action and subject of the audit row that must state them.
Effects = Mapping[tuple[str, str], Effect]


class Proof(NamedTuple):
    """How the effects of some actions are recomputed from the tables as they are now."""

    actions: tuple[str, ...]
    recompute: Callable[[Connection], Effects]


def verify(
    connection: Connection,
    public_pem: bytes,
    proofs: Iterable[Proof] | None = None,
    witnesses: Iterable[str] = (),
) -> list[AuditFault]:
    """Return everything that is not as it was signed; an empty list is the proof.

    ``proofs`` recompute the effects (default ``PROOFS``); ``witnesses`` are signed notes from elsewhere, such as the
    checkpoints in the manifests that companies hold.
    """
    waiting = (AuditFault("NOT_SEQUENCED", f"audit {row.audit_id}") for row in connection.execute(unsequenced()))
    return [
        *_tree_faults(connection, public_pem, list(witnesses)),
        *waiting,
        *_effect_faults(connection, PROOFS if proofs is None else proofs),
    ]


# --- the tree --------------------------------------------------------------------------------------------------


def _tree_faults(connection: Connection, public_pem: bytes, witnesses: list[str]) -> Iterator[AuditFault]:
    signed = connection.execute(select(checkpoints).order_by(checkpoints.c.tree_size)).all()
    sizes = {row.tree_size for row in signed} | {_claimed(note)[0] for note in witnesses}
    faults: list[AuditFault] = []
    trees = _trees(_leaves(connection, faults), sorted(sizes))
    yield from faults
    if max(trees) > max((row.tree_size for row in signed), default=0):
        yield AuditFault("NOT_SIGNED", f"leaf {max(trees) - 1}")
    for previous, row in zip([0, *(row.tree_size for row in signed)], signed, strict=False):
        if not _confirmed(row, previous, trees.get(row.tree_size), public_pem):
            yield AuditFault("CHECKPOINT_CHANGED", f"checkpoint {row.tree_size}")
    for note in witnesses:
        if not _witnessed(note, trees, public_pem):
            yield AuditFault("WITNESS_DISAGREES", f"checkpoint {_claimed(note)[0]}")


def _trees(leaves: Iterator[bytes], sizes: list[int]) -> dict[int, Frontier]:
    """Return the tree at each of these sizes that it reached, and at its end."""
    tree = Frontier()
    trees = {}
    for size in sizes:
        tree = tree.extended(islice(leaves, max(size - tree.size, 0)))
        trees[tree.size] = tree
    tree = tree.extended(leaves)
    return {**trees, tree.size: tree}


def _leaves(connection: Connection, faults: list[AuditFault]) -> Iterator[bytes]:
    """Yield every leaf as its audit row has it now, and note where that is not what was sequenced."""
    joined = audit_leaves.outerjoin(audit, audit.c.audit_id == audit_leaves.c.audit_id)
    query = select(*audit_leaves.columns, *audit.columns).select_from(joined).order_by(audit_leaves.c.leaf_index)
    expected = 0
    for index, audit_id, stored, *row in stream(connection, query):
        if index != expected:
            faults.append(AuditFault("LEAF_MISSING", f"leaf {expected}"))
        expected = index + 1
        if row[0] is None:
            faults.append(AuditFault("ROW_MISSING", f"audit {audit_id}"))
            yield stored
            continue
        leaf = leaf_of(row)
        if leaf != stored:
            faults.append(AuditFault("ROW_CHANGED", f"audit {audit_id}"))
        yield leaf


def _confirmed(row: Row[Any], previous: int, tree: Frontier | None, public_pem: bytes) -> bool:
    """Tell whether a stored checkpoint says what the tree says, and is signed."""
    if tree is None or (row.root_sha256, row.frontier) != (tree.root(), tree.to_bytes()):
        return False
    text = note_text(row.tree_size, row.root_sha256, row.at_us, previous)
    return row.note.startswith(f"{text}\n") and _signed(row.note, public_pem)


def _witnessed(note: str, trees: Mapping[int, Frontier], public_pem: bytes) -> bool:
    size, root = _claimed(note)
    return size in trees and trees[size].root() == root and _signed(note, public_pem)


def _claimed(note: str) -> tuple[int, bytes]:
    """Return the size and root that a note claims; (-1, nothing) of a text that is no note."""
    try:
        _, size, root, *_ = note.split("\n")
        return int(size), base64.b64decode(root, validate=True)
    except ValueError:
        return -1, b""


def _signed(note: str, public_pem: bytes) -> bool:
    text, _, line = note.partition("\n\n")
    try:
        named = base64.b64decode(line.rpartition(" ")[2])
    except ValueError:
        return False
    text = f"{text}\n"
    # rebuilt and compared, so that not one character may be added around the signature
    whole = note == signed_note(text, named) and named[:4] == note_key(public_pem)
    return whole and envelope.verify(public_pem, text.encode(), named[4:])


# --- the effects -----------------------------------------------------------------------------------------------


def _effect_faults(connection: Connection, proofs: Iterable[Proof]) -> Iterator[AuditFault]:
    for proof in proofs:
        found = dict(proof.recompute(connection))
        c = audit.c
        columns = (c.action, c.subject, c.effect_rows, c.effect_sum, c.effect_sha256)
        stated = connection.execute(select(*columns).where(c.action.in_(proof.actions))).all()
        for action, subject, *effect in stated:
            if found.pop((action, subject), NOTHING) != tuple(effect):
                yield AuditFault("EFFECT_CHANGED", f"{action} {subject}")
        for action, subject in found:
            yield AuditFault("EFFECT_WITHOUT_AUDIT", f"{action} {subject}")


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


NOTHING: Final = _Group(0).effect()
PROOFS: Final = (
    Proof(("month_computed",), run_effects),
    Proof(("registry_applied", "parked_applied"), submission_effects),
)
