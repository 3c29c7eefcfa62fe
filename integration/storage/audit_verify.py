"""The proof of the audit: recompute every leaf, the tree, the signatures, and the effects themselves.

Whoever changes an audit row, a posting or a record with all rights on the database, but without the signing key, is
found. Whoever cuts the log's end together with its checkpoints is found by the notes that others hold (``witnesses``).
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select

from integration.domain.merkle import Frontier
from integration.storage.audit import leaf_of, note_key, note_text, signed_note, unsequenced
from integration.storage.audit_effects import NOTHING, PROOFS, Proof
from integration.storage.bulk import stream
from integration.storage.tables import audit, audit_leaves, checkpoints
from schemas import envelope


class AuditFault(NamedTuple):
    """Something the audit cannot confirm: a stable code and which row it is about."""

    code: str
    subject: str


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
