"""Judging single keys (household, service, month): the pure road of the month.

It serves the knotty households of the month, earlier months of whoever was touched, and the full recomputation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from sqlalchemy import Connection

from integration.domain import decisions
from integration.domain.allowance import NO_PLACE, differences, due, total
from integration.domain.households import GRANTING, Slice, Verdict, is_live, judge_month, stands_in
from integration.domain.mergers import left_over
from integration.domain.persons import Naming, Span, is_held, is_split_month
from integration.domain.policy import MonthPolicy
from integration.storage import decisions as stored_decisions
from integration.storage import ledger, moves, registry
from integration.storage.ledger import Posting
from integration.storage.mergers import mergers_around
from schemas.values import MONTHLY, Month, Service

#: A rule about the households that name one person.
Rule = Callable[[int, Sequence[Naming], Month, MonthPolicy], bool]


class KeyJudge:
    """What the ledger must still post for a set of households, known at a cut-off.

    With ``run`` as that run found the ledger: what it posted, and later ones, is left out.
    """

    def __init__(
        self,
        connection: Connection,
        ids: Sequence[int],
        cut_off: int,
        policies: Mapping[Month, MonthPolicy],
        run: int | None = None,
    ) -> None:
        self._ids = ids
        self._policies = policies
        self._mergers = mergers_around(connection, ids, cut_off)
        together = sorted({*ids, *self._mergers.households})
        self._shared = ledger.shared_persons(connection, together, cut_off)
        self._shares: dict[int, list[bytes]] = {}
        for person, owners in self._shared.items():
            for household in owners:
                self._shares.setdefault(household, []).append(person)
        everybody = sorted({*together, *self._shares})
        known = registry.timelines(connection, everybody, cut_off)
        self._timelines: dict[int, list[Slice]] = {one: [k.part for k in parts] for one, parts in known.items()}
        self._created = registry.created_and_presences(connection, sorted(self._shares))[0] if self._shares else {}
        self._links = ledger.links_of(connection, ids, cut_off)
        self._decided = stored_decisions.standing(connection, together, cut_off)
        self._kept = moves.kept_of(connection, ids, cut_off)
        self._taken = stored_decisions.lines_of(connection, together, cut_off)
        posted = ledger.postings_of(connection, together, policies, MONTHLY)
        self._posted = posted if run is None else ledger.posted_before(posted, run)

    def timeline(self, household: int) -> Sequence[Slice]:
        """Return a household's timeline."""
        return self._timelines.get(household, ())

    def verdict(self, household: int, service: Service, month: Month) -> Verdict:
        """Judge a household's month, with those it shares a person with in sight, and what it refuses."""
        verdict = self._by_registry(household, service, month)
        if verdict in GRANTING and decisions.is_refused(self._decided.get((household, service), ()), month):
            return Verdict.OPTED_OUT
        return verdict

    def _by_registry(self, household: int, service: Service, month: Month) -> Verdict:
        verdict = self._unmerged(household, service, month)
        if verdict in GRANTING and self._is_anothers(household, service, month):
            return Verdict.MERGED
        return verdict

    def _is_anothers(self, household: int, service: Service, month: Month) -> bool:
        """Whether another has the month, of those that it is one household with by then (edge case 43)."""
        whole = self._mergers.whole(household, month)
        before = whole[: whole.index(household)]
        return any(self._unmerged(one, service, month) in GRANTING for one in before)

    def _unmerged(self, household: int, service: Service, month: Month) -> Verdict:
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
            rule(household, list(self._namings(person, service, month)), month, self._policies[month])
            for person in self._shares.get(household, ())
        )

    def _namings(self, person: bytes, service: Service, month: Month) -> Iterator[Naming]:
        """Yield who names a person, of those whose certificate counts in the month."""
        for household, records in self._shared[person].items():
            timeline = self._timelines.get(household, ())
            spans = tuple(
                Span(part.valid_from, part.valid_to, part.standing.category)
                for part in timeline
                if part.record_id in records and is_live(part.standing)
            )
            if spans and stands_in(timeline, month, self._policies[month]):
                start = min(part.standing.certificate_from for part in timeline)
                entitled = self._alone(household, service, month) in GRANTING
                yield Naming(household, spans, start, self._created[household], entitled)

    def wanted(self, household: int, service: Service, month: Month) -> dict[int, int]:
        """Return what is due, by place; of a month that was clawed back what then stands there for ever."""
        stands = self._stands(household, service, month)
        if stands is not None:
            return stands
        return due(
            self._links.get((household, service), ()),
            month,
            self._quantity(household, service, month),
            entitled=self.verdict(household, service, month) in GRANTING,
            held=self.held(household, service, month),
            kept=self._kept.get((household, service, int(month))),
        )

    def _quantity(self, household: int, service: Service, month: Month) -> int:
        """Return one allowance, less what others had of the month with which the household is one by then."""
        allowance = self._policies[month].benefit(service).allowance_milli
        others = [one for one in self._mergers.whole(household, month) if one != household]
        if not others:
            return allowance
        had = sum(self._granted(one, service, month) for one in others)
        return left_over(allowance, sum(self.posted(household, service, month).values()), had)

    def _granted(self, household: int, service: Service, month: Month) -> int:
        """Return what was ever granted of a month: what stands of it, and what was clawed back."""
        stands = self._stands(household, service, month)
        places = self.posted(household, service, month) if stands is None else stands
        taken = self._taken.get((household, service, int(month)), ())
        return sum(places.values()) + sum(one.quantity_milli for one in taken)

    def is_taken_back(self, household: int, service: Service, month: Month) -> bool:
        """Whether a claw-back says what the month stands at for ever."""
        return self._stands(household, service, month) is not None

    def _stands(self, household: int, service: Service, month: Month) -> dict[int, int] | None:
        return decisions.stands(self._taken.get((household, service, int(month)), ()))

    def posted(self, household: int, service: Service, month: Month) -> dict[int, int]:
        """Return what the ledger holds, by place."""
        rows = self._posted.get((int(month), service, household), ())
        return total((row.account_id, row.quantity_milli) for row in rows)

    def missing(self, run_id: int, months: Sequence[Month], *, retro: bool, window: Month) -> Iterator[Posting]:
        """Yield what is still to be posted, in key order.

        Before ``window`` the look-back is over; only what waited at none yet still finds its account, because the
        look-back does not run while a match is pending, and only a claw-back still takes anything away.
        """
        for month in months:
            for service in MONTHLY:
                for household in self._ids:
                    posted = self.posted(household, service, month)
                    taken_back = self.is_taken_back(household, service, month)
                    if month >= window or NO_PLACE in posted or taken_back:
                        wanted = self.wanted(household, service, month)
                        changes = differences(wanted, posted, taken_back=taken_back)
                        yield from self._rows(household, service, month, run_id, changes, retro)

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
