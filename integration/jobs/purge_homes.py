"""Deleting what partners laid into the hub's own boxes, once the retention of arrived files is over.

The sealed copy in the inbox goes after so many days; the file itself, in the clear in its partner's home, stays no
longer.
"""

from __future__ import annotations

import stat
from datetime import timedelta
from pathlib import Path
from typing import Final

from integration.jobs.hub import Hub

#: The folders of a home that hold what is over: lists in the others are fetched, files there are not dealt with yet.
_OVER: Final = ("done", "reject")


def purge_homes(hub: Hub, retention_days: int) -> int:
    """Delete files that were moved to ``done`` or ``reject`` longer ago than that; return how many."""
    before_s = (hub.clock() - timedelta(days=retention_days)).timestamp()
    folders = [hub.homes / partner / name for partner in hub.partners for name in _OVER]
    old = [path for folder in folders if folder.is_dir() for path in folder.iterdir() if _is_old(path, before_s)]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def _is_old(path: Path, before_s: float) -> bool:
    """Tell by the time of its move: what is written in a file's own time is its sender's."""
    found = path.lstat()
    return stat.S_ISREG(found.st_mode) and found.st_ctime < before_s
