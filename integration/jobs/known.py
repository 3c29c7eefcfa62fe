"""Everything of one household and month as known at one version: what an explanation is made from."""

from __future__ import annotations

from typing import NamedTuple

from integration.domain.allowance import LinkSpan
from integration.domain.policy import MonthPolicy, Policy
from integration.jobs.month_keys import KeyJudge
from integration.storage import registry
from integration.storage.ledger import Run
from schemas.values import Month, Service, day_int


class Known(NamedTuple):
    """A household's month at a version. Runs and lists made from ``until_us`` on are left out.

    ``is_now`` says that nothing newer is known: then it is also told what became of the allowance since.
    """

    household: int
    month: Month
    version: int
    is_now: bool
    policy: Policy
    judge: KeyJudge
    timeline: list[registry.Known]
    links: dict[str, list[tuple[LinkSpan, str, str]]]
    runs: dict[int, Run]
    until_us: int

    @property
    def of_month(self) -> MonthPolicy:
        """The policy as it stands in the month."""
        return self.policy.at(self.month)

    def touches(self, valid_from: int, valid_to: int) -> bool:
        """Whether a span of days lies in the month, be it in part."""
        return valid_from <= day_int(self.month.last) and valid_to >= day_int(self.month.first)

    def links_of(self, service: Service) -> list[tuple[LinkSpan, str, str]]:
        """Return the links at a service that touch the month, as (span, company, evidence)."""
        found = self.links.get(service.value, [])
        return [one for one in found if self.touches(one[0].valid_from, one[0].valid_to)]
