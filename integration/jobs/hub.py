"""What every job is handed: the open database, the keys, the clock, the policy, the partners."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from adapters.base import CompanyPort, ListWriter, PartnerPort, RegistryReader
from integration.clock import Clock
from integration.domain.calendar import Year
from integration.domain.policy import Policy
from integration.storage.engine import Store
from integration.storage.keys import KeyRing
from integration.storage.pii import BlindIndex, DataKey, HouseholdKeys, data_key
from schemas.streets import NO_STREETS, Streets
from schemas.values import MONTHLY, Service

#: Told how many rows of what are done, for a progress bar.
Progress = Callable[[str, int], None]


def no_progress(_what: str, _rows: int) -> None:
    """Show nothing."""


@dataclass(frozen=True)
class Hub:
    """The hub as the jobs see it; ``app`` composes one."""

    store: Store
    ring: KeyRing
    clock: Clock
    policy: Policy
    companies: Mapping[str, CompanyPort]
    #: Civil affairs, the union: who sends files and is no company.
    sources: Mapping[str, PartnerPort]
    #: The folder of the boxes that the hub keeps for its partners, one folder a partner.
    homes: Path
    registry_reader: Callable[[bytes], RegistryReader]
    list_writers: Callable[[Any], Sequence[ListWriter]]
    registry_source: str
    year: Year
    raw_retention_days: int
    progress: Progress = no_progress
    #: Renamed streets, by which addresses are brought to their normal form.
    streets: Streets = NO_STREETS

    @property
    def partners(self) -> Mapping[str, PartnerPort]:
        """Everybody who sends or is sent files."""
        return {**self.companies, **self.sources}

    @cached_property
    def index(self) -> BlindIndex:
        """The keyed digests by which people and papers are found."""
        return BlindIndex(self.ring)

    @cached_property
    def household_keys(self) -> HouseholdKeys:
        """The maker and opener of households' own keys."""
        return HouseholdKeys(self.ring)

    @cached_property
    def submission_key(self) -> DataKey:
        """The key over whatever arrived and belongs to no household yet."""
        return data_key(self.ring.submissions)

    def within(self, connection: Connection) -> Hub:
        """Return the same hub inside a caller's transaction."""
        return self.with_store(self.store.within(connection))

    def with_store(self, store: Store) -> Hub:
        """Return the same hub over another view of its database."""
        return replace(self, store=store)

    def under(self, policy: Policy) -> Hub:
        """Return the same hub under another policy (for a dry run)."""
        return replace(self, policy=policy)


def monthly_service(company: CompanyPort) -> Service | None:
    """Return the service that a company supplies by the month; None if it has none."""
    return next((one for one in company.services if one in MONTHLY), None)
