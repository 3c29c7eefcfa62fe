"""Deriving a run's postings anew from what was known at its cut-off, and comparing them row by row.

The run laid a decision table over the whole registry. Here the pure road judges every household by itself, under the
policy that was stored with the run, on the ledger as the run found it; so the ledger's own mistakes show as well as
anybody's hand in it. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection

from integration.domain.allowance import NO_PLACE
from integration.domain.policy import stored_policy
from integration.jobs.compute_month import Plan, plan_after
from integration.jobs.hub import Hub
from integration.jobs.intake import parts
from integration.jobs.month_keys import KeyJudge
from integration.storage import ledger, rederive, rosters
from integration.storage.ledger import Posting, Run
from schemas.values import Month

#: So many disagreements of a run or list are named; the count is of all.
MOST_NAMED: Final = 20


class PlacedRow(msgspec.Struct, frozen=True):
    """A posting as people read it: the account (None: none yet), and a signed quantity in thousandths of m³."""

    company: str | None
    account: str | None
    quantity_milli: int


class KeyDiffers(msgspec.Struct, frozen=True):
    """A household's service and month for which a run posted something else than follows from what was known."""

    household: int
    service: str
    month: str
    posted: list[PlacedRow]
    derived: list[PlacedRow]


class RunRecomputed(msgspec.Struct, frozen=True):
    """A run derived anew: its rows, and how many keys differ; ``named`` are the first of these.

    ``stray_rows`` bear the run's number in a month or as a kind of row that it could not post.
    """

    run_id: int
    month: str
    cut_off: int
    rows: int
    keys_differing: int
    stray_rows: int
    named: list[KeyDiffers]

    @property
    def same(self) -> bool:
        """Whether everything follows from what was known."""
        return not self.keys_differing and not self.stray_rows


_Key = tuple[int, str, int]


def recompute_runs(hub: Hub, connection: Connection, wanted: Sequence[Run]) -> Iterator[RunRecomputed]:
    """Yield these runs as derived anew, in order."""
    every = ledger.all_runs(connection)
    stored = rederive.rows_by_run(connection) if wanted else {}
    for run in wanted:
        done = [one for one in every if one.run_id < run.run_id]
        policy = stored_policy(ledger.policy_content(connection, run.policy_sha256))
        plan = plan_after(done, run.month, policy, cut_off=run.cut_off, full=run.full)
        yield _Derivation(hub, connection, plan).made(stored.get(run.run_id, 0))


class _Derivation:
    """One run in the making."""

    def __init__(self, hub: Hub, connection: Connection, plan: Plan) -> None:
        self._hub = hub
        self._connection = connection
        self._plan = plan
        self._seen = 0

    def made(self, stored: int) -> RunRecomputed:
        differing = 0
        named: list[KeyDiffers] = []
        for key, posted, derived in self._differing():
            differing += 1
            if len(named) < MOST_NAMED:
                named.append(self._named(key, posted, derived))
        plan = self._plan
        return RunRecomputed(plan.run_id, str(plan.month), plan.cut_off, stored, differing, stored - self._seen, named)

    def _differing(self) -> Iterator[tuple[_Key, Sequence[Posting], Sequence[Posting]]]:
        plan = self._plan
        if plan.earlier:
            yield from self._compared(self._looked_back(), plan.earlier, retro=True)
        if plan.fresh:
            everybody = rederive.everybody(self._connection, plan.run_id, plan.month)
            yield from self._compared(everybody, [plan.month], retro=False)

    def _looked_back(self) -> Iterable[int]:
        """Return whose earlier months the run had to look at, and whom it posted anything for there."""
        plan = self._plan
        if plan.full:
            return ledger.household_ids(self._connection)
        touched = ledger.touched_households(self._connection, plan.since, plan.cut_off)
        return sorted({*touched, *rederive.posted_late(self._connection, plan.run_id)})

    def _compared(
        self, ids: Iterable[int], months: Sequence[Month], *, retro: bool
    ) -> Iterator[tuple[_Key, Sequence[Posting], Sequence[Posting]]]:
        plan = self._plan
        for part in parts(ids):
            posted = rederive.posted_by(self._connection, plan.run_id, part, months)
            self._seen += sum(map(len, posted.values()))
            policies = {month: plan.policies[month] for month in months}
            judge = KeyJudge(self._connection, part, plan.cut_off, policies, plan.run_id)
            derived: dict[_Key, list[Posting]] = {}
            for row in judge.missing(plan.run_id, months, retro=retro, window=plan.window):
                derived.setdefault((row.month, row.service, row.household_id), []).append(row)
            for key in sorted(posted.keys() | derived.keys()):
                if posted.get(key) != derived.get(key):
                    yield key, posted.get(key, []), derived.get(key, [])
            self._hub.progress("households", len(part))

    def _named(self, key: _Key, posted: Sequence[Posting], derived: Sequence[Posting]) -> KeyDiffers:
        month, service, household = key
        sides = [[self._placed(row) for row in rows] for rows in (posted, derived)]
        return KeyDiffers(household, service, str(Month.from_int(month)), *sides)

    def _placed(self, row: Posting) -> PlacedRow:
        found = None
        if row.account_id != NO_PLACE:
            found = rosters.number_at(self._connection, row.account_id, self._plan.cut_off)
        company, number = found or (None, None)
        return PlacedRow(company, number, row.quantity_milli)
