"""Judging single keys (household, service, month): the pure road of the month.

It serves the knotty households of the month, earlier months of whoever was touched, and the full recomputation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from sqlalchemy import Connection

from integration.domain.allowance import NO_PLACE, Claimant, differences, due, held_households, total
from integration.domain.households import GRANTING, Slice, judge_month
from integration.domain.policy import MonthPolicy
from integration.storage import ledger, registry
from integration.storage.ledger import Posting
from schemas.values import Month, Service

#: Services with a monthly allowance.
MONTHLY = (Service.WATER, Service.GAS)


class KeyJudge:
    """What the ledger must still post for a set of households, known at a cut-off."""

    def __init__(
        self, connection: Connection, ids: Sequence[int], cut_off: int, policies: Mapping[Month, MonthPolicy]
    ) -> None:
        self._ids = ids
        self._policies = policies
        self._rivals = ledger.rivals_of(connection, ids, cut_off)
        everybody = sorted(
            {*ids, *(one for shared in self._rivals.values() for owners in shared.values() for one in owners)}
        )
        known = registry.timelines(connection, everybody, cut_off)
        self._timelines: dict[int, list[Slice]] = {one: [k.part for k in parts] for one, parts in known.items()}
        self._created = registry.created_and_presences(connection, everybody)[0] if self._rivals else {}
        self._links = ledger.links_of(connection, ids, cut_off)
        self._posted = ledger.postings_of(connection, ids, policies, MONTHLY)

    def entitled(self, household: int, service: Service, month: Month) -> bool:
        """Whether a household's timeline gives it the month."""
        timeline = self._timelines.get(household, ())
        return judge_month(timeline, service, month, self._policies[month]) in GRANTING

    def held(self, household: int, service: Service, month: Month) -> bool:
        """Whether a person of the household serves in a certificate valid earlier, in this month (edge case 44)."""
        return any(
            household in held_households(self._claimants(owners, service, month))
            for owners in self._rivals.get(household, {}).values()
        )

    def _claimants(self, owners: Iterable[int], service: Service, month: Month) -> Iterator[Claimant]:
        for one in owners:
            if self.entitled(one, service, month):
                start = min(part.standing.certificate_from for part in self._timelines[one])
                yield Claimant(one, start, self._created[one])

    def wanted(self, household: int, service: Service, month: Month) -> dict[int, int]:
        """Return what is due, by place."""
        quantity = self._policies[month].benefit(service).allowance_milli
        return due(
            self._links.get((household, service), ()),
            month,
            quantity,
            entitled=self.entitled(household, service, month),
            held=self.held(household, service, month),
        )

    def posted(self, household: int, service: Service, month: Month) -> dict[int, int]:
        """Return what the ledger holds, by place."""
        rows = self._posted.get((int(month), service, household), ())
        return total((row.account_id, row.quantity_milli) for row in rows)

    def missing(self, run_id: int, months: Sequence[Month], *, retro: bool, window: Month) -> Iterator[Posting]:
        """Yield what is still to be posted, in key order.

        Before ``window`` the look-back is over; only what waited at none yet still finds its account, because the
        look-back does not run while a match is pending.
        """
        for month in months:
            for service in MONTHLY:
                for household in self._ids:
                    posted = self.posted(household, service, month)
                    if month >= window or NO_PLACE in posted:
                        wanted = self.wanted(household, service, month)
                        yield from self._rows(household, service, month, run_id, differences(wanted, posted), retro)

    def _rows(
        self,
        household: int,
        service: Service,
        month: Month,
        run_id: int,
        changes: Sequence[tuple[int, int]],
        retro: bool,
    ) -> Iterator[Posting]:
        earlier = len(self._posted.get((int(month), service, household), ()))
        for n, (place, quantity) in enumerate(changes, earlier + 1):
            yield Posting(int(month), service.value, household, n, place, quantity, run_id, int(retro))
