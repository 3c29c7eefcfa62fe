"""The audit: who did what, written in the effect's own transaction and provable afterwards.

One sequencer gives committed rows their leaf and signs checkpoints. The newest checkpoint stands in every manifest,
so each company holds a copy that nobody here can recall. See ``audit_verify`` for the proof.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any, Final, NamedTuple

import msgspec
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from sqlalchemy import Connection, Row, exists, insert, select

from integration.clock import Clock, now_us, us_instant
from integration.domain.merkle import Frontier, leaf_hash
from integration.storage.bulk import bulk_insert
from integration.storage.engine import Store, take_lock
from integration.storage.keys import KeyRing
from integration.storage.tables import audit, audit_leaves, checkpoints
from schemas import envelope

#: Name of the log, in the first line of every note and before its signature.
ORIGIN: Final = "waiverhub/audit"


class Effect(NamedTuple):
    """The rows of a set-wide effect: how many, the sum of their ``quantity_milli``, SHA-256 in key order."""

    rows: int
    quantity_milli: int
    sha256: bytes


class Checkpoint(NamedTuple):
    """A signed statement of the log's size and root; ``note`` is the text as signed, with its signature."""

    tree_size: int
    root_sha256: bytes
    note: str
    at_us: int


def record(
    connection: Connection,
    clock: Clock,
    actor: str,
    action: str,
    subject: str,
    detail: dict[str, Any],
    effect: Effect | None = None,
) -> int:
    """Add an audit row to the caller's transaction; return its id. ``detail`` holds no personal data."""
    rows, quantity_milli, sha256 = effect or (None, None, None)
    row = {
        "at_us": now_us(clock),
        "actor": actor,
        "action": action,
        "subject": subject,
        "detail": envelope.canonical(detail).decode(),
        "effect_rows": rows,
        "effect_sum": quantity_milli,
        "effect_sha256": sha256,
    }
    return int(connection.execute(insert(audit).returning(audit.c.audit_id), row).scalar_one())


def covered(connection: Connection, action: str, subject: str) -> bool:
    """Tell whether a signed checkpoint covers the audit row of an action on a subject."""
    return connection.execute(
        select(
            exists()
            .where(audit.c.action == action, audit.c.subject == subject)
            .where(audit_leaves.c.audit_id == audit.c.audit_id)
        )
    ).scalar_one()


def newest_checkpoint(connection: Connection) -> Checkpoint | None:
    """Return the newest signed checkpoint; None in an empty log."""
    row = _newest(connection)
    return Checkpoint(row.tree_size, row.root_sha256, row.note, row.at_us) if row else None


def _newest(connection: Connection) -> Row[Any] | None:
    return connection.execute(select(checkpoints).order_by(checkpoints.c.tree_size.desc()).limit(1)).first()


def sequence(store: Store, ring: KeyRing, clock: Clock) -> Checkpoint | None:
    """Give the committed rows without a leaf theirs, in order, and sign a checkpoint; None if there are none.

    Leaf numbers are given after commit, because PostgreSQL's own sequence has gaps and commits out of order.
    """
    with store.write() as connection:
        take_lock(connection, "audit")
        rows = connection.execute(unsequenced()).all()
        if not rows:
            return None
        last = _newest(connection)
        before = Frontier.from_bytes(last.tree_size, last.frontier) if last else Frontier()
        leaves = [leaf_of(row) for row in rows]
        numbered = ((before.size + i, row.audit_id, leaves[i]) for i, row in enumerate(rows))
        bulk_insert(connection, audit_leaves, ["leaf_index", "audit_id", "leaf_sha256"], numbered)
        return _sign(connection, ring, clock, before, before.extended(leaves))


def unsequenced() -> Any:
    """Select the audit rows that have no leaf, in order."""
    done = exists().where(audit_leaves.c.audit_id == audit.c.audit_id)
    return select(audit).where(~done).order_by(audit.c.audit_id)


def leaf_of(row: Any) -> bytes:
    """Return the leaf hash of an audit row: all its columns, as a canonical JSON array."""
    *plain, sha256 = row
    return leaf_hash(msgspec.json.encode([*plain, sha256.hex() if sha256 else None]))


def _sign(connection: Connection, ring: KeyRing, clock: Clock, before: Frontier, tree: Frontier) -> Checkpoint:
    at_us = now_us(clock)
    text = note_text(tree.size, tree.root(), at_us, before.size)
    signature = envelope.sign(ring.checkpoints.private, text.encode())
    note = signed_note(text, note_key(ring.checkpoints.public_pem) + signature)
    made = Checkpoint(tree.size, tree.root(), note, at_us)
    connection.execute(insert(checkpoints).values(**made._asdict(), frontier=tree.to_bytes()))
    return made


def note_text(size: int, root: bytes, at_us: int, previous: int) -> str:
    """Return the signed part of a note: origin, size, root, and as extensions the time and the size before."""
    at = us_instant(at_us).isoformat()
    return f"{ORIGIN}\n{size}\n{_base64(root)}\ntime {at}\nprevious {previous}\n"


def signed_note(text: str, key_and_signature: bytes) -> str:
    """Return the whole note: the signed text, an empty line, the signature line."""
    return f"{text}\n— {ORIGIN} {_base64(key_and_signature)}\n"


def note_key(public_pem: bytes) -> bytes:
    """Return the four bytes by which a signed note (C2SP) names its Ed25519 key."""
    raw = load_pem_public_key(public_pem).public_bytes_raw()  # type: ignore[union-attr]
    return hashlib.sha256(ORIGIN.encode() + b"\n\x01" + raw).digest()[:4]


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
