"""Since when a household has been low-income without a break, for whoever asks for "continuous" time."""

from __future__ import annotations

from datetime import date

import msgspec

from integration.clock import today
from integration.domain.households import continuous_since
from integration.jobs.explain import ExplainRefused
from integration.jobs.hub import Hub
from integration.storage import registry
from schemas.values import Month, day_int, int_day


class Continuity(msgspec.Struct, frozen=True):
    """A household's unbroken low-income time, seen from a day.

    ``since`` is its first day, None where the household is not low-income on that day; ``months`` counts the calendar
    months that it touches.
    """

    household: int
    day: str
    since: str | None
    months: int


def continuity(hub: Hub, household: int, day: date | None = None) -> Continuity:
    """Tell since when a household has been low-income without a break, seen from a day (today, if none).

    Raises:
        ExplainRefused: there is no such household, or the policy begins later.
    """
    asked = day or today(hub.clock)
    if Month.of(asked) < hub.policy.first_month:
        first = hub.policy.first_month
        raise ExplainRefused(f"政策自 {first} 起 / the policy begins with {first}")
    with hub.store.read() as connection:
        known = registry.timelines(connection, [household]).get(household)
    if known is None:
        raise ExplainRefused(f"没有编号为 {household} 的家庭 / there is no household {household}")
    found = continuous_since([one.part for one in known], day_int(asked), hub.policy.at(Month.of(asked)))
    since = None if found is None else int_day(found)
    months = 0 if since is None else Month.of(asked).minus(Month.of(since)) + 1
    return Continuity(household, asked.isoformat(), None if since is None else since.isoformat(), months)
