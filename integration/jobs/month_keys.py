"""Judging single keys (household, service, month): the pure road of the month.

It serves the knotty households of the month, earlier months of whoever was touched, and the full recomputation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from sqlalchemy import Connection

from integration.domain.allowance import NO_PLACE, differences, due, total
from integration.domain.households import GRANTING, Slice, Verdict, is_live, judge_month
from integration.domain.persons import Naming, is_held, is_split_month
from integration.domain.policy import MonthPolicy
from integration.storage import ledger, registry
from integration.storage.ledger import Posting
from schemas.values import MONTHLY, Month, Service

#: A rule about the households that name one person.
Rule = Callable[[int, Sequence[Naming], Month], bool]


class KeyJudge:
    """What the ledger must still post for a set of households, known at a cut-off."""

    def __init__(
        self, connection: Connection, ids: Sequence[int], cut_off: int, policies: Mapping[Month, MonthPolicy]
    ) -> None:
        self._ids = ids
        self._policies = policies
        self._shared = ledger.shared_persons(connection, ids, cut_off)
        self._shares: dict[int, list[bytes]] = {}
        for person, owners in self._shared.items():
            for household in owners:
                self._shares.setdefault(household, []).append(person)
        everybody = sorted({*ids, *self._shares})
        known = registry.timelines(connection, everybody, cut_off)
        self._timelines: dict[int, list[Slice]] = {one: [k.part for k in parts] for one, parts in known.items()}
        self._created = registry.created_and_presences(connection, sorted(self._shares))[0] if self._shares else {}
        self._links = ledger.links_of(connection, ids, cut_off)
        self._posted = ledger.postings_of(connection, ids, policies, MONTHLY)

    def verdict(self, household: int, service: Service, month: Month) -> Verdict:
        """Judge a household's month, with those it shares a person with in sight."""
        verdict = self._alone(household, service, month)
        if verdict in GRANTING and self._among(household, service, month, is_split_month):
            return Verdict.SPLIT_MONTH
        return verdict

    def _alone(self, household: int, service: Service, month: Month) -> Verdict:
        return judge_month(self._timelines.get(household, ()), service, month, self._policies[month])

    def held(self, household: int, service: Service, month: Month) -> bool:
        """Whether a person of the household serves in a certificate valid earlier, in this month (edge case 44)."""
        return self._among(household, service, month, is_held)

    def _among(self, household: int, service: Service, month: Month, rule: Rule) -> bool:
        return any(
            rule(household, list(self._namings(person, service, month)), month)
            for person in self._shares.get(household, ())
        )

    def _namings(self, person: bytes, service: Service, month: Month) -> Iterator[Naming]:
        """Yield who names a person, of those entitled in the month by themselves."""
        for household, records in self._shared[person].items():
            timeline = self._timelines.get(household, ())
            spans = tuple(
                (part.valid_from, part.valid_to)
                for part in timeline
                if part.record_id in records and is_live(part.standing)
            )
            if spans and self._alone(household, service, month) in GRANTING:
                start = min(part.standing.certificate_from for part in timeline)
                yield Naming(household, spans, start, self._created[household])

    def wanted(self, household: int, service: Service, month: Month) -> dict[int, int]:
        """Return what is due, by place."""
        quantity = self._policies[month].benefit(service).allowance_milli
        return due(
            self._links.get((household, service), ()),
            month,
            quantity,
            entitled=self.verdict(household, service, month) in GRANTING,
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
