"""What a row of a list is called.

NEW, KEEP or STOP against the last regular list; RETRO, MOVE or CLAW_BACK for months before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import groupby
from typing import NamedTuple

from schemas.lists import Change


def regular_change(account: int, before: int | None) -> Change:
    """Name an entitled account's row: KEEP only if the same household had the same account in the last list."""
    return Change.KEEP if before == account else Change.NEW


def net_changes(now: Mapping[int, int], before: Mapping[int, int]) -> Iterator[tuple[int, int, Change]]:
    """Yield (account, quantity, change) for one household whose month was netted from several postings."""
    for account, quantity in sorted(now.items()):
        yield account, quantity, regular_change(account, account if account in before else None)
    for account in sorted(before.keys() - now.keys()):
        yield account, 0, Change.STOP


class Late(NamedTuple):
    """A net change of an earlier month at one place; ``account_id`` 0 is none yet."""

    household_id: int
    month: int
    account_id: int
    quantity_milli: int


def late_changes(rows: Iterable[Late], clawed: Collection[tuple[int, int, int]] = ()) -> Iterator[tuple[Late, Change]]:
    """Name the rows of earlier months, given in order of household and month, all places together.

    What comes from another account, or goes away from one, is a MOVE; what was on none yet, or newly granted, is a
    RETRO (settled reading 9). Changes at none yet themselves reach no company.
    ``clawed`` are the (household, month, account) from which a decision took what bills drew (edge case 38).
    """
    for _, group in groupby(rows, key=lambda row: (row.household_id, row.month)):
        together = list(group)
        taken = any(row.quantity_milli < 0 and row.account_id for row in together)
        for row in together:
            if row[:3] in clawed:
                yield row, Change.CLAW_BACK
            elif row.account_id:
                yield row, Change.MOVE if taken or row.quantity_milli < 0 else Change.RETRO
