"""What every run posts: the difference between what is due and what was posted before, place by place.

A place is an account's name, or None for "none yet".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
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
        self,
        number: int,
        month: Month,
        look_back: int,
        allowance: Callable[[Month], int],
        links: Sequence[Link],
        kept: Mapping[Month, tuple[str, int]],
    ) -> None:
        """Post what a run of this month finds; what is posted stays, and beyond the look-back nothing moves.

        Only what waits at none yet finds its account however late, as the look-back does not run while it waits.
        """
        for each in months_between(self.begun, month):
            before, wanted = self.balance(each), allowance(each)
            if wanted and (month.minus(each) <= look_back or None in before):
                total = max(wanted, sum(before.values()))
                self._post(number, each, before, places(each, total, links, kept.get(each)))

    def _post(self, number: int, month: Month, before: Places, due: Places) -> None:
        both = {**before, **due}
        difference = {place: due.get(place, 0) - before.get(place, 0) for place in both}
        difference = {place: quantity for place, quantity in difference.items() if quantity}
        if difference:
            self.posted.setdefault(month, []).append((number, difference))


def places(month: Month, total: int, links: Sequence[Link], kept: tuple[str, int] | None) -> Places:
    """Where a month's allowance stands: at the account held first in it, or at none yet.

    ``kept`` is the account that was left within the month, and what it keeps of it: the account held last has the rest.
    """
    touching = sorted(
        (link for link in links if link.first <= month.last and (link.last is None or link.last >= month.first)),
        key=lambda link: link.first,
    )
    if not touching:
        return {None: total}
    first, last = touching[0].account, touching[-1].account
    if kept is None or kept[0] != first or first == last:
        return {first: total}
    keeps = min(kept[1], total)
    return {place: quantity for place, quantity in ((first, keeps), (last, total - keeps)) if quantity}


def moves(links: Sequence[Link]) -> Iterator[tuple[Month, Link, Link]]:
    """Yield the months within which one account was left and another taken: the month, the old and the new."""
    for old in links:
        for new in links:
            if old.last is not None and new.first > old.last and Month.of(new.first) == Month.of(old.last):
                yield Month.of(old.last), old, new
