"""Whom a record speaks of when its certificates belong to several households: they may have become one (edge case 43).

A record that names certificates of two households, and in both somebody whom it names, says that they are one from its
effective date on. Whether it may be believed without anybody it names in common is for people to decide.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from integration.domain.mergers import Evidence, Merger, Mergers
from integration.storage import registry as db
from integration.storage.mergers import evidence_of, mergers_around, note_merger
from integration.storage.pii import LookupKind


class Addressee(NamedTuple):
    """The household that a record speaks of, and those that it says are part of it now; or the code of why none is."""

    household: int = 0
    parts: tuple[int, ...] = ()
    code: str = ""


class RegistryMergers:
    """The mergers that one submission meets and brings."""

    def __init__(self, connection: Connection, version: int) -> None:
        self._connection = connection
        self._version = version
        self._known = Mergers()
        self._brought: dict[int, Merger] = {}
        #: Every merger that the submission has brought, in order.
        self.noted: list[Merger] = []

    def load(self, households: Iterable[int]) -> None:
        """Load what is known of these households' mergers."""
        known = mergers_around(self._connection, sorted(households))
        self._known = Mergers([*known.all(), *self._brought.values()])

    def addressee(self, owners: Sequence[int], effective_on: int, persons: set[bytes]) -> Addressee:
        """Tell whom a record speaks of.

        ``owners`` are the households of its certificates, that of the certificate in force first; ``persons`` are the
        keyed digests of whom it names.
        """
        keep, *rest = [one for one in owners if self._known.survivor(one) not in {*owners} - {one}]
        if self._known.of(keep) is not None and any(self._is_over(one, effective_on) for one in (keep, *rest)):
            return Addressee(code="MERGED_HOUSEHOLD")
        if any(self._known.of(one) or not self._share(one, persons) for one in rest):
            return Addressee(code="CERTIFICATES_DISAGREE")
        earlier = [one for one in owners if one != keep and self._is_earlier(one, keep, effective_on)]
        return Addressee(keep, (*rest, *earlier))

    def _is_over(self, household: int, effective_on: int) -> bool:
        merger = self._known.of(household)
        return merger is not None and merger.merged_on <= effective_on

    def _is_earlier(self, household: int, keep: int, effective_on: int) -> bool:
        """Whether a record says that a merger which only records speak of was earlier than known so far."""
        merger = self._known.of(household)
        if merger is None or merger.keep != keep or merger.merged_on <= effective_on:
            return False
        return household in self._brought or evidence_of(self._connection, household) is Evidence.RECORD

    def _share(self, household: int, persons: set[bytes]) -> bool:
        named = db.current_lookups(self._connection, [household])[household]
        return any(key.kind == LookupKind.PERSON and key.digest in persons for key in named)

    def merge(self, gone: int, keep: int, merged_on: int) -> None:
        """Take note of a merger."""
        merger = Merger(gone, keep, merged_on)
        self._brought[gone] = merger
        self._known = Mergers([*self._known.all(), merger])
        self.noted.append(merger)

    def write(self) -> None:
        """Write what has been noted since the last time."""
        for merger in self._brought.values():
            note_merger(self._connection, self._version, merger, Evidence.RECORD)
        self._brought.clear()
