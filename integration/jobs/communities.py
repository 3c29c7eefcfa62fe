"""Communities 社区 as the registry names them: numbered when first seen, their names sealed."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from integration.jobs.hub import Hub
from integration.storage import communities as db
from integration.storage.pii import keyed_hasher
from integration.storage.registry_writes import Additions
from integration.storage.tables import communities
from schemas.registry import Address
from schemas.text import fold_name


class Communities:
    """The numbers of communities while a submission is read; call it under the knowledge lock."""

    def __init__(self, hub: Hub, connection: Connection, version: int, additions: Additions) -> None:
        self._hub = hub
        self._version = version
        self._new = additions
        self._mac = keyed_hasher(hub.ring, "communities")
        self._numbers = db.numbers(connection)
        self._seen: dict[tuple[str, str], int] = {}

    def number(self, address: Address) -> int:
        """Return the number of an address's community, new or known; 0 where it names none."""
        place = (address.district, address.community)
        found = self._seen.get(place)
        if found is None:
            found = self._seen[place] = self._numbered(*place)
        return found

    def _numbered(self, district: str, community: str) -> int:
        name = fold_name(community)
        if not name:
            return 0
        mac = self._mac.copy()
        mac.update(f"{district}\0{name}".encode())
        digest = mac.digest()
        if digest not in self._numbers:
            number = self._numbers[digest] = len(self._numbers) + 1
            sealed = self._hub.submission_key.seal(("communities", number), community.encode())
            self._new.add(communities, number, district, digest, sealed, self._version)
        return self._numbers[digest]


def community_names(hub: Hub, connection: Connection, wanted: Iterable[int]) -> dict[int, str]:
    """Return the names of communities, opened."""
    key = hub.submission_key
    sealed = db.sealed_names(connection, sorted(wanted))
    return {number: key.open(("communities", number), blob).decode() for number, blob in sealed.items()}
