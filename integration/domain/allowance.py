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

#: More than any allowance: who keeps so much of a month keeps all of it.
WHOLE: Final = 10**9

Vector = Mapping[int, int]


class LinkSpan(NamedTuple):
    """A link as the ledger needs it: an account, the days it covers, and whether a person had to confirm it."""

    account_id: int
    valid_from: int
    valid_to: int
    confirmed: bool


class Kept(NamedTuple):
    """What the account that a household left keeps of the month of the move, in thousandths; the rest moves on."""

    account_id: int
    keeps_milli: int


def kept_of_move(drawn_milli: int, *, same_company: bool, moved: bool = False) -> int | None:
    """Return what the old account keeps, when its closing bill drew so much; None: the month stays where it is.

    At one company the new account gets what is left. Between two the month is one company's: the old one's, unless
    its closing bill drew nothing (edge cases 47, 63; settled reading 5). ``moved`` says that the month went over by
    what was known before: if a bill of the old account has drawn since, it goes back, so that no order of arrival
    decides.
    """
    if same_company or drawn_milli == 0:
        return drawn_milli
    return WHOLE if moved else None


def place_of(links: Sequence[LinkSpan], month: Month) -> int:
    """Return the account that a month's allowance stands on.

    Where a household moves within the month the account it had first keeps the month, until its closing bill tells
    what is left (edge case 47). An unconfirmed second household of a shared account stands at none yet (edge case 54).
    """
    touching = _in_month(links, month)
    return touching[0].account_id if touching else NO_PLACE


def _last_place(links: Sequence[LinkSpan], month: Month) -> int:
    touching = _in_month(links, month)
    return touching[-1].account_id if touching else NO_PLACE


def _in_month(links: Sequence[LinkSpan], month: Month) -> list[LinkSpan]:
    """Return the links in force that touch a month, in order of their days."""
    first, last = day_int(month.first), day_int(month.last)
    touching = [link for link in links if link.confirmed and link.valid_from <= last and link.valid_to >= first]
    return sorted(touching, key=lambda link: (link.valid_from, link.account_id))


def due(
    links: Sequence[LinkSpan],
    month: Month,
    quantity_milli: int,
    *,
    entitled: bool,
    held: bool,
    kept: Kept | None = None,
) -> dict[int, int]:
    """Return what is due, by place: nothing, or one whole allowance on one place; after a move shared by two.

    ``held`` says that a person of the household is claimed by a certificate valid earlier: the allowance is kept at
    none yet until people have decided (edge case 44).
    """
    if not entitled or quantity_milli == 0:
        return {}
    place = NO_PLACE if held else place_of(links, month)
    last = _last_place(links, month)
    if kept is None or kept.account_id != place or last == place:
        return {place: quantity_milli}
    keeps = min(kept.keeps_milli, quantity_milli)
    return {at: part for at, part in ((place, keeps), (last, quantity_milli - keeps)) if part}


def differences(wanted: Vector, posted: Vector, *, taken_back: bool = False) -> list[tuple[int, int]]:
    """Return what to post, as (place, signed quantity), takings first.

    The total never falls: what is posted stays (edge case 37), because a late revocation does not reach back and only
    a dated decision takes anything away. Where less is due than is posted, the posted total goes to the place where
    it is due; where nothing is due any more, nothing changes, not even the place. ``taken_back`` says that a
    claw-back is on file, and ``wanted`` what it lets the month stand at (edge case 38).
    """
    if not taken_back and sum(wanted.values()) < sum(posted.values()):
        wanted = dict.fromkeys(wanted, sum(posted.values())) if len(wanted) == 1 else posted
    changes = {place: wanted.get(place, 0) - posted.get(place, 0) for place in wanted.keys() | posted.keys()}
    return sorted(((place, change) for place, change in changes.items() if change), key=lambda pair: (pair[1], pair[0]))


def total(postings: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Sum (place, quantity) pairs into a vector without zeros."""
    sums: dict[int, int] = {}
    for place, quantity in postings:
        sums[place] = sums.get(place, 0) + quantity
    return {place: quantity for place, quantity in sums.items() if quantity}
