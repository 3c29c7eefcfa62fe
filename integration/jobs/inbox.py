"""The inbox 报送: what each kind of file is applied by, and the applying of what was kept and waits."""

from __future__ import annotations

import structlog
from sqlalchemy import Connection

from integration.jobs.hub import Hub
from integration.jobs.intake import Apply, Content, conclude, keep
from integration.jobs.outcomes import SyncResult
from integration.jobs.sync_aliases import apply_aliases
from integration.jobs.sync_registry import apply_registry, message_of
from integration.jobs.sync_report import apply_report
from integration.jobs.sync_roster import apply_roster
from integration.storage import submissions
from integration.storage.errors import StorageError
from integration.storage.leases import Fenced
from integration.storage.submissions import Received

_log = structlog.get_logger(__name__)


def keep_file(hub: Hub, kind: str, sender: str, content: Content) -> Received:
    """Keep a file of a company or of civil affairs, to be applied by ``apply_waiting``.

    ``content`` is opened twice for a registry file, whose header names its message.

    Raises:
        MessageConflict: its message id was used for other content.
    """
    message_id = message_of(hub, content)[1] if kind == "registry" else None
    return keep(hub, sender=sender, kind=kind, message_id=message_id, content=content)


def applied_by(hub: Hub, kind: str, sender: str, *, actor: str) -> Apply:
    """Return what applies a kept file of a kind."""

    def apply(connection: Connection, number: int, braked: bool) -> SyncResult:
        match kind:
            case "registry":
                return apply_registry(hub, connection, number, actor=actor, braked=braked)
            case "roster":
                return apply_roster(hub, connection, number, hub.companies[sender], actor=actor, braked=braked)
            case "aliases":
                reader = hub.companies[sender].alias_reader()
                return apply_aliases(hub, connection, number, sender, reader, actor=actor)
            case "report":
                return apply_report(hub, connection, number, hub.companies[sender], actor=actor)
        raise ValueError(kind)

    return apply


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
