"""What every list tells a company, row by row: of one household and service, from its ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from oracle_ledger import Ledger

from schemas.values import Month


@dataclass(frozen=True, order=True)
class Row:
    """A list row as it concerns one household."""

    month: Month
    account: str
    quantity: int
    change: str


@dataclass
class Told:
    """What one company has been told of one household: the rows of each list, and who was on the last regular one."""

    lists: dict[int, list[Row]] = field(default_factory=dict)
    regular: set[str] = field(default_factory=set)
    runs: int = 0

    def publish(self, number: int, month: Month, run: int, ledger: Ledger, ours: set[str]) -> list[Row]:
        """Make the rows of regular list ``number`` of a month, from the postings of the runs since the list before."""
        rows = [
            Row(month, account, quantity, "KEEP" if account in self.regular else "NEW")
            for account, quantity in ledger.balance(month).items()
            if account is not None and account in ours
        ]
        entitled = {row.account for row in rows}
        rows += [Row(month, account, 0, "STOP") for account in sorted(self.regular - entitled)]
        for earlier, postings in ledger.posted.items():
            if earlier < month:
                fresh = [difference for at, difference in postings if self.runs < at <= run]
                rows += _corrections(earlier, fresh, ours)
        self.lists[number], self.regular, self.runs = sorted(rows), entitled, run
        return self.lists[number]

    def told(self, month: Month, number: int, account: str | None = None) -> int:
        """What stood for a month by list ``number``, over all accounts or at one."""
        return sum(
            row.quantity
            for n, rows in self.lists.items()
            if n <= number
            for row in rows
            if row.month == month and account in (None, row.account)
        )


def _corrections(month: Month, differences: Sequence[Mapping[str | None, int]], ours: set[str]) -> list[Row]:
    net: dict[str | None, int] = {}
    for difference in differences:
        for place, quantity in difference.items():
            net[place] = net.get(place, 0) + quantity
    # a quantity that leaves an account, for another or another company's, has moved; all else is granted late
    change = "MOVE" if any(quantity < 0 for place, quantity in net.items() if place is not None) else "RETRO"
    return [
        Row(month, place, quantity, change)
        for place, quantity in net.items()
        if place is not None and place in ours and quantity
    ]
