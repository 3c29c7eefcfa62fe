"""The inbox 报送: what each kind of file is applied by, and the applying of what was kept and waits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import structlog

from integration.jobs import sync_aliases, sync_registry, sync_report, sync_roster
from integration.jobs.hub import Hub
from integration.jobs.intake import Apply, Content, conclude, keep
from integration.storage import submissions
from integration.storage.errors import StorageError
from integration.storage.leases import Fenced
from integration.storage.submissions import Received

#: No file that comes in is larger, on whatever way.
MOST_BYTES: Final = 4 << 30

_log = structlog.get_logger(__name__)


def keep_file(hub: Hub, kind: str, sender: str, content: Content) -> Received:
    """Keep a file of a company or of civil affairs, to be applied by ``apply_waiting``.

    ``content`` is opened twice for a registry file, whose header names its message.

    Raises:
        MessageConflict: its message id was used for other content.
    """
    message_id = sync_registry.message_of(hub, content)[1] if kind == "registry" else None
    return keep(hub, sender=sender, kind=kind, message_id=message_id, content=content)


_APPLYING: Final[Mapping[str, Callable[[Hub, str, str], Apply]]] = {
    "registry": sync_registry.applying,
    "roster": sync_roster.applying,
    "aliases": sync_aliases.applying,
    "report": sync_report.applying,
}


def applied_by(hub: Hub, kind: str, sender: str, *, actor: str) -> Apply:
    """Return what applies a kept file of a kind."""
    return _APPLYING[kind](hub, sender, actor)


def apply_waiting(hub: Hub, *, actor: str) -> int:
    """Apply what is kept and waits, in order of arrival; return how many were answered.

    One that fails for a cause of the hub's own (a full disk, say) waits on, and keeps no other back.
    """
    with hub.store.read() as connection:
        waiting = submissions.waiting(connection)
    return sum(_applied(hub, one, actor) for one in waiting)


def _applied(hub: Hub, one: submissions.Waiting, actor: str) -> bool:
    try:
        apply = applied_by(hub, one.kind, one.sender, actor=actor)
        result = conclude(hub, one.submission_id, one.kind, apply=apply, actor=actor)
    except StorageError as error:
        _log.error("submission_waits_on", submission=one.submission_id, code=error.code)
        return False
    except Fenced:
        raise
    except Exception as error:  # noqa: BLE001 - one file keeps no other back
        _log.error("submission_waits_on", submission=one.submission_id, exc_info=error)
        return False
    _log.info("submission_answered", submission=one.submission_id, kind=one.kind, state=result.state)
    return True
