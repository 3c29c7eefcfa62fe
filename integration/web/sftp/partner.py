"""Who comes in by a key, and what they may do in their home: it takes the rights that the same act takes at the API."""

from __future__ import annotations

from typing import Final

from integration.domain.rights import CLIENT_RIGHTS, Right
from integration.jobs.hub import Hub
from integration.storage.clients import Client, client_of_ssh_key
from integration.web.sftp.names import Folder, is_seen

_SENDING: Final = frozenset({Right.REGISTRY_SEND, Right.ROSTERS_SEND, Right.REPORTS_SEND})


def partner_of(hub: Hub, client_id: str, fingerprint: str) -> Client | None:
    """Return the machine that an SSH key (its SHA-256 fingerprint) proves now; None where it proves nothing.

    None too where the party's name cannot be that of a folder: it has no home then.

    Raises:
        StorageError: the database does not say.
    """
    with hub.store.read() as connection:
        client = client_of_ssh_key(connection, hub.clock, client_id, fingerprint)
    return client if client is not None and is_seen(client.party) and "/" not in client.party else None


def may_use(client: Client, folder: Folder) -> bool:
    """Tell whether a machine may use a folder.

    What kind of file is laid into ``in`` shows only when it is collected, so it takes every right to send that the kind
    of machine can have.
    """
    if folder is Folder.IN:
        return client.rights >= _SENDING & CLIENT_RIGHTS[client.kind]
    return (Right.LISTS_OWN if folder is Folder.OUT else Right.SUBMISSIONS_OWN) in client.rights
