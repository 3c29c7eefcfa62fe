"""The two sides of a dry run, household by household: what is due before, and what after.

A side is a month, a knowledge version and a policy. A file is tried by applying it in a transaction that is rolled
back: the registry before it is then the same database as known one version earlier, so both sides are judged in one
pass, in constant memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from integration.domain.allowance import NO_PLACE, differences, total
from integration.domain.policy import MonthPolicy
from integration.jobs.hub import Hub
from integration.jobs.intake import parts
from integration.jobs.month_keys import KeyJudge
from integration.storage import ledger, rosters
from integration.storage.engine import current_version
from schemas.values import MONTHLY, Month, Service


class Side(NamedTuple):
    """What is judged; ``posted_only`` takes what the ledger holds as it is, and posts nothing in thought."""

    month: Month
    version: int
    policy: MonthPolicy
    posted_only: bool = False


class State(NamedTuple):
    """A household's month at one service: why or why not, how much, and where (the greater part, if in two places)."""

    verdict: str
    quantity_milli: int
    account_id: int


class Key(NamedTuple):
    """Both states of a household at one service, with where it lives and its category."""

    household: int
    service: Service
    district: str
    category: str
    before: State
    after: State

    @property
    def differs(self) -> bool:
        """Whether anything is another: the reason, the quantity or the account."""
        return self.before != self.after


#: By account: its company and number.
Numbers = dict[int, tuple[str, str]]


def compared(hub: Hub, connection: Connection, before: Side, after: Side) -> Iterator[tuple[list[Key], Numbers]]:
    """Yield every household's keys in batches, in order, each with the numbers of all accounts in it."""
    for part in parts(ledger.household_ids(connection)):
        keys = list(_keys(connection, part, before, after))
        places = {state.account_id for key in keys for state in (key.before, key.after)} - {NO_PLACE}
        yield keys, rosters.numbers_at(connection, sorted(places), current_version(connection))
        hub.progress("households", len(part))


def _keys(connection: Connection, part: Sequence[int], before: Side, after: Side) -> Iterator[Key]:
    judges = [KeyJudge(connection, part, side.version, {side.month: side.policy}) for side in (before, after)]
    for household in part:
        timeline = judges[1].timeline(household) or judges[0].timeline(household)
        if timeline:
            place = (timeline[-1].district, timeline[-1].standing.category)
            for service in sorted(MONTHLY):
                states = [_state(*pair, household, service) for pair in zip(judges, (before, after), strict=True)]
                yield Key(household, service, *place, *states)


def _state(judge: KeyJudge, side: Side, household: int, service: Service) -> State:
    posted = judge.posted(household, service, side.month)
    due = posted
    if not side.posted_only:
        taken_back = judge.is_taken_back(household, service, side.month)
        missing = differences(judge.wanted(household, service, side.month), posted, taken_back=taken_back)
        due = total([*posted.items(), *missing])
    verdict = judge.verdict(household, service, side.month).value
    place = max(due, key=lambda account: (due[account], account), default=NO_PLACE)
    return State(verdict, sum(due.values()), place)
