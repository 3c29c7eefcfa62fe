"""How each row and allowance was judged, by us and by the peers, kept so that they can be compared one by one."""

from __future__ import annotations

import hashlib
import marshal
from collections.abc import Iterable
from pathlib import Path
from typing import Any

#: (row of the file, verdict, due_milli, due_fen), or (kind, household, bill, due, reported, stake; each with its fen).
Result = tuple[Any, ...]


def keep(folder: str, who: str, rows: Iterable[Result], findings: Iterable[Result]) -> dict[str, Any]:
    """Keep results and return their digest, numbers by verdict or kind beside it."""
    detail: dict[str, Any] = {}
    for what, found in (("rows", sorted(rows)), ("findings", sorted(findings))):
        content = marshal.dumps([tuple(one) for one in found], 0)
        (Path(folder) / f"results-{who}-{what}").write_bytes(content)
        detail[what] = [len(found), hashlib.sha256(content).hexdigest()]
    return detail


def first_differences(folder: Path, peer: str, most: int = 10) -> list[str]:
    """Say where a peer judged otherwise than we did."""
    told = []
    for what in ("rows", "findings"):
        ours, theirs = (
            set(marshal.loads((folder / f"results-{who}-{what}").read_bytes()))
            for who in ("ours", peer)  # our own files
        )
        told += [f"ours alone: {one}" for one in sorted(ours - theirs)[:most]]
        told += [f"{peer} alone: {one}" for one in sorted(theirs - ours)[:most]]
    return told
