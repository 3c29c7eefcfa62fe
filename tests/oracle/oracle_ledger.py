"""What every run posts: the difference between what is due and what was posted before, place by place.

A place is an account's name, or None for "none yet".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date

from schemas.values import Month, months_between

Places = dict[str | None, int]


@dataclass(frozen=True)
class Link:
    """A household's account for one service, from a day to another, both included (None: without end)."""

    account: str
    company: str
    first: date
    last: date | None = None


@dataclass
class Ledger:
    """The postings of one household and service: month → run → place → thousandths."""

    begun: Month
    posted: dict[Month, list[tuple[int, Places]]] = field(default_factory=dict)

    def balance(self, month: Month) -> Places:
        """What stands for a month, by place, without the places where nothing stands."""
        total: Places = {}
        for _, difference in self.posted.get(month, ()):
            for place, quantity in difference.items():
                total[place] = total.get(place, 0) + quantity
        return {place: quantity for place, quantity in total.items() if quantity}

    def run(
        self, number: int, month: Month, look_back: int, allowance: Callable[[Month], int], links: Sequence[Link]
    ) -> None:
        """Post what a run of this month finds; what is posted stays, and beyond the look-back nothing moves.

        Only what waits at none yet finds its account however late, as the look-back does not run while it waits.
        """
        for each in months_between(self.begun, month):
            before, wanted = self.balance(each), allowance(each)
            if wanted and (month.minus(each) <= look_back or None in before):
                self._post(number, each, before, {place_of(each, links): max(wanted, sum(before.values()))})

    def _post(self, number: int, month: Month, before: Places, due: Places) -> None:
        both = {**before, **due}
        difference = {place: due.get(place, 0) - before.get(place, 0) for place in both}
        difference = {place: quantity for place, quantity in difference.items() if quantity}
        if difference:
            self.posted.setdefault(month, []).append((number, difference))


def place_of(month: Month, links: Sequence[Link]) -> str | None:
    """The account that a month stands at: of several in one month, the one held first."""
    touching = [link for link in links if link.first <= month.last and (link.last is None or link.last >= month.first)]
    return min(touching, key=lambda link: link.first).account if touching else None
