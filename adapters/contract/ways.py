"""A way on which lists are sent to a company, and its other end, as far as a check can look at it and move it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from adapters.base import Channel, Parcel
from adapters.contract.clauses import Capability, there

#: How the names and ids of everything begin that a check sends.
CHECK: Final = "contract-check"
_BESIDE: Final = b"{}\n"


class Reaction(StrEnum):
    """What another end that obeys does with the next call, where it does not answer it with a status of its own."""

    TAKES = "takes"
    CUTS_BEFORE = "cuts_before"
    CUTS_AFTER = "cuts_after"


class Shown(Protocol):
    """Another end that can be looked at."""

    def lying(self) -> Mapping[str, bytes]:
        """Return what the company sees lie there, by the name of the file or the id of the message."""
        ...


class Obeying(Protocol):
    """Another end that answers as it is told."""

    def calls(self) -> int:
        """Return how often it was called so far."""
        ...

    def will(self, reaction: Reaction | int, headers: Mapping[str, str] | None = None, body: bytes = b"") -> None:
        """React to the next call so, or with this status of HTTP, these headers and this body."""
        ...


@dataclass(frozen=True)
class Sending:
    """A way to a company, and the list that is sent on trial: one without rows.

    ``files`` tells whether the list is a file among files, or else a message of HTTP. What may be missing: the other
    end as far as it is ``shown`` and ``obeys``; the same way ``as_stranger``, with a credential that the other end does
    not know; ``nowhere``, to where nobody answers; and ``tokenless``, with a token that is configured and missing.
    ``asked`` tells whether the other end can be asked what it has, ``noes`` are bodies in which it says that it does
    not take a list, where an answer's body is agreed, and ``secrets`` are texts that no code may hold.
    """

    name: str
    channel: Channel
    files: bool
    stem: str
    suffix: str
    media_type: str
    content: bytes
    shown: Shown | None = None
    obeys: Obeying | None = None
    as_stranger: Channel | None = None
    nowhere: Channel | None = None
    tokenless: Channel | None = None
    asked: bool = True
    noes: tuple[bytes, ...] = ()
    secrets: tuple[str, ...] = ()

    @property
    def can(self) -> frozenset[Capability]:
        """What the two ends can do."""
        has = {
            Capability.SHOWS: self.shown,
            Capability.OBEYS: self.obeys,
            Capability.STRANGER: self.as_stranger,
            Capability.NOWHERE: self.nowhere,
            Capability.TOKENLESS: self.tokenless,
            Capability.ASKED: self.asked or None,
            Capability.BODIES: self.noes or None,
        }
        kind = Capability.FILES if self.files else Capability.HTTP
        return frozenset({kind} | {one for one, there_is in has.items() if there_is is not None})

    def lying(self) -> Mapping[str, bytes]:
        """Return what is seen at the other end; nothing, where it cannot be looked at."""
        return self.shown.lying() if self.shown else {}

    def calls(self) -> int:
        """Return how often the other end was called; 0 where it does not count."""
        return self.obeys.calls() if self.obeys else 0

    def will(self, reaction: Reaction | int, headers: Mapping[str, str] | None = None, body: bytes = b"") -> None:
        """Tell the other end what to do next."""
        there(self.obeys).will(reaction, headers, body)

    def parcel(self, label: str) -> Parcel:
        """Return a parcel that no other clause sends."""
        name = f"{self.stem}-{label}{self.suffix}"
        return Parcel(
            message_id=f"{self.stem}-{label}",
            file_name=name,
            media_type=self.media_type,
            size=len(self.content),
            sha256=hashlib.sha256(self.content).hexdigest(),
            headers={"Waiverhub-File": name},
            beside={f"{name}.manifest.json": _BESIDE},
        )

    def send(self, label: str) -> Parcel:
        """Send a parcel and return it."""
        parcel = self.parcel(label)
        self.channel.send(parcel, self.pieces())
        return parcel

    def pieces(self, meanwhile: Callable[[], None] = lambda: None) -> Iterator[bytes]:
        """Return the list in two pieces; between them something else happens."""
        half = len(self.content) // 2
        yield self.content[:half]
        meanwhile()
        yield self.content[half:]
