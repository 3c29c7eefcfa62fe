"""Who may hold a connection: so many in all and of one address; when all are taken, those who only wait give way."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Protocol

from integration.web.problems import Problem


@dataclass
class Refusals:
    """How often what was refused, since the start. ``displaced``: closed for another's sake; ``sockets`` are open now.

    ``heads``, ``bodies`` and ``handshakes`` came too slowly; ``connections`` and ``per_address`` were too many.
    """

    connections: int = 0
    per_address: int = 0
    displaced: int = 0
    heads: int = 0
    bodies: int = 0
    handshakes: int = 0
    sockets: int = 0


class Member(Protocol):
    """A connection."""

    def give_way(self) -> None:
        """End at once, without a word."""
        ...


class Admission:
    """The connections of a server. Without the displacement, 2,000 silent sockets would shut everybody else out."""

    def __init__(self, most: int, per_address: int, refusals: Refusals) -> None:
        self._most = most
        self._per_address = per_address
        self._refusals = refusals
        self._of_address: Counter[str] = Counter()
        #: Members that are being asked nothing, or not yet; who has waited longest stands first.
        self._waiting: dict[Member, None] = {}

    def admit(self, member: Member, address: str) -> Problem | None:
        """Count a connection in, waiting; or return why it is refused."""
        if self._of_address[address] >= self._per_address:
            self._refusals.per_address += 1
            return Problem("TOO_MANY")
        if self._refusals.sockets >= self._most and not self._displaced():
            self._refusals.connections += 1
            return Problem("BUSY")
        self._refusals.sockets += 1
        self._of_address[address] += 1
        self._waiting[member] = None
        return None

    def _displaced(self) -> bool:
        for member in self._waiting:
            del self._waiting[member]
            self._refusals.displaced += 1
            member.give_way()
            return True
        return False

    def works(self, member: Member) -> None:
        """Note that a connection is being answered, or sends a body: it does not give way."""
        self._waiting.pop(member, None)

    def waits(self, member: Member) -> None:
        """Note that a connection has been answered and waits for its next request."""
        self._waiting[member] = None

    def dismiss(self, member: Member, address: str) -> None:
        """Count a connection out."""
        self._waiting.pop(member, None)
        self._refusals.sockets -= 1
        self._of_address[address] -= 1
        if not self._of_address[address]:
            del self._of_address[address]
