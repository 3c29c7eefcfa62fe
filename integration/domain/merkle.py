"""The Merkle tree of RFC 6962 (section 2.1): a history that can only grow, provable from its root alone.

``root(leaves)`` splits n leaves at the largest power of two below n. A *frontier* is what an appender keeps: the roots
of the complete subtrees from left to right, one for each 1 bit of the size.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

EMPTY_ROOT: Final = hashlib.sha256().digest()


def leaf_hash(content: bytes) -> bytes:
    """Return the hash of a leaf's content."""
    return hashlib.sha256(b"\x00" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node over its two halves."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """A tree of ``size`` leaves, reduced to what is needed to grow it: at most 63 hashes."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def extended(self, leaves: Iterable[bytes]) -> Frontier:
        """Return the frontier with more leaf hashes appended."""
        size, peaks = self.size, list(self.peaks)
        for leaf in leaves:
            size += 1
            node = leaf
            for _ in range(_trailing_zeros(size)):
                node = node_hash(peaks.pop(), node)
            peaks.append(node)
        return Frontier(size, tuple(peaks))

    def root(self) -> bytes:
        """Return the root of the tree."""
        if not self.peaks:
            return EMPTY_ROOT
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = node_hash(peak, root)
        return root

    def to_bytes(self) -> bytes:
        """Return the stored form of the peaks; the size stands beside it."""
        return b"".join(self.peaks)

    @classmethod
    def from_bytes(cls, size: int, stored: bytes) -> Frontier:
        """Read the stored form.

        Raises:
            ValueError: the number of peaks does not fit the size.
        """
        if len(stored) != 32 * size.bit_count():
            raise ValueError("the frontier does not fit the tree's size")
        return cls(size, tuple(stored[i : i + 32] for i in range(0, len(stored), 32)))


def _trailing_zeros(number: int) -> int:
    return (number & -number).bit_length() - 1


def _split(size: int) -> int:
    """Return the largest power of two below a size of at least two."""
    return 1 << (size - 1).bit_length() - 1


def root(leaves: Sequence[bytes]) -> bytes:
    """Return the root over leaf hashes."""
    return Frontier().extended(leaves).root()


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Return the audit path of a leaf, from the leaf upwards.

    Raises:
        IndexError: there is no such leaf.
    """
    if not 0 <= index < len(leaves):
        raise IndexError("no such leaf")
    if len(leaves) == 1:
        return []
    split = _split(len(leaves))
    if index < split:
        return [*inclusion_proof(leaves[:split], index), root(leaves[split:])]
    return [*inclusion_proof(leaves[split:], index - split), root(leaves[:split])]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected: bytes) -> bool:
    """Tell whether a leaf stands at this index of the tree of this size and root."""
    if not 0 <= index < size:
        return False
    node, last = leaf, size - 1
    for step in proof:
        if last == 0:
            return False
        if index & 1 or index == last:
            node = node_hash(step, node)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            node = node_hash(node, step)
        index, last = index >> 1, last >> 1
    return last == 0 and node == expected


def consistency_proof(leaves: Sequence[bytes], earlier: int) -> list[bytes]:
    """Return the proof that the tree of the first ``earlier`` leaves is a beginning of this one.

    Raises:
        IndexError: ``earlier`` is not between 1 and the size.
    """
    if not 1 <= earlier <= len(leaves):
        raise IndexError("no such earlier tree")
    return _subproof(leaves, earlier, whole=True)


def _subproof(leaves: Sequence[bytes], earlier: int, *, whole: bool) -> list[bytes]:
    if earlier == len(leaves):
        return [] if whole else [root(leaves)]
    split = _split(len(leaves))
    if earlier <= split:
        return [*_subproof(leaves[:split], earlier, whole=whole), root(leaves[split:])]
    return [*_subproof(leaves[split:], earlier - split, whole=False), root(leaves[:split])]


def verify_consistency(earlier: int, size: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Tell whether the tree with the old root is a beginning of the tree with the new root."""
    if earlier == size:
        return not proof and old_root == new_root
    if not 0 < earlier < size:
        return False
    # a complete earlier tree is its own first node, and the proof leaves it out (RFC 9162, 2.1.4.2)
    nodes = list(proof) if earlier & (earlier - 1) else [old_root, *proof]
    return bool(nodes) and _grown(earlier - 1, size - 1, nodes) == (old_root, new_root)


def _grown(index: int, last: int, nodes: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """Fold a consistency proof into the two roots it claims; None where it does not fit the sizes."""
    while index & 1:
        index, last = index >> 1, last >> 1
    old = new = nodes[0]
    for step in nodes[1:]:
        if last == 0:
            return None
        if index & 1 or index == last:
            old, new = node_hash(step, old), node_hash(step, new)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            new = node_hash(new, step)
        index, last = index >> 1, last >> 1
    return (old, new) if last == 0 else None
