"""The monthly allowance: what is due, on which account, and what the ledger must still post for it.

``due`` is a vector place → quantity for one household, service and month; the ledger posts the difference to what it
holds already (design: "The ledger posts differences"). A place is an account id, or ``NO_PLACE``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from schemas.values import Month, day_int

#: The place "none yet": due, but on no account so far.
NO_PLACE: Final = 0

Vector = Mapping[int, int]


class LinkSpan(NamedTuple):
    """A link as the ledger needs it: an account, the days it covers, and whether a person had to confirm it."""

    account_id: int
    valid_from: int
    valid_to: int
    confirmed: bool


def place_of(links: Sequence[LinkSpan], month: Month) -> int:
    """Return the account that a month's allowance stands on.

    Where a household moves within the month the account it had first keeps the month, until its closing bill tells
    what is left (edge case 47). An unconfirmed second household of a shared account stands at none yet (edge case 54).
    """
    first, last = day_int(month.first), day_int(month.last)
    touching = [link for link in links if link.confirmed and link.valid_from <= last and link.valid_to >= first]
    return min(touching, key=lambda link: (link.valid_from, link.account_id)).account_id if touching else NO_PLACE


def due(links: Sequence[LinkSpan], month: Month, quantity_milli: int, *, entitled: bool, held: bool) -> dict[int, int]:
    """Return what is due, by place: nothing, or one whole allowance on one place.

    ``held`` says that a person of the household is claimed by a certificate valid earlier: the allowance is kept at
    none yet until people have decided (edge case 44).
    """
    if not entitled or quantity_milli == 0:
        return {}
    return {NO_PLACE if held else place_of(links, month): quantity_milli}


def differences(wanted: Vector, posted: Vector) -> list[tuple[int, int]]:
    """Return what to post, as (place, signed quantity), takings first.

    The total never falls: what is posted stays (edge case 37), because a late revocation does not reach back and only
    a dated decision takes anything away. Where less is due than is posted, the posted total goes to the place where
    it is due; where nothing is due any more, nothing changes, not even the place.
    """
    if sum(wanted.values()) < sum(posted.values()):
        wanted = dict.fromkeys(wanted, sum(posted.values())) if len(wanted) == 1 else posted
    changes = {place: wanted.get(place, 0) - posted.get(place, 0) for place in wanted.keys() | posted.keys()}
    return sorted(((place, change) for place, change in changes.items() if change), key=lambda pair: (pair[1], pair[0]))


def total(postings: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Sum (place, quantity) pairs into a vector without zeros."""
    sums: dict[int, int] = {}
    for place, quantity in postings:
        sums[place] = sums.get(place, 0) + quantity
    return {place: quantity for place, quantity in sums.items() if quantity}
