"""Over-claims and under-claims side by side: a company's allowance month, by where its households live.

Sums of few households tell of persons: cells below the policy's number are shown together with others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec

from integration.domain.balance import Alike, Reported, Standing, Sums, standing


class Part(msgspec.Struct, frozen=True):
    """Households, the quantity in thousandths of the unit, and what it comes to in fen."""

    households: int = 0
    quantity_milli: int = 0
    amount_fen: int = 0

    def plus(self, other: Part) -> Part:
        """Add two."""
        return Part(
            self.households + other.households,
            self.quantity_milli + other.quantity_milli,
            self.amount_fen + other.amount_fen,
        )


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What was due, drawn and applied in a cell, and where they part.

    ``listed`` is granted and told to the company, ``drawn`` what bills should have drawn of it, ``applied`` what the
    company says it waived. Over-claimed: ``over`` (beyond what was due) and ``unauthorised`` (on no list).
    Under-claimed: ``short`` (due and not applied), ``refused``, ``unanswered``, and ``waiting`` at "none yet".
    ``company`` is empty where no account is known; ``community_id`` is 0 where none was named or asked for, and
    ``together`` how many small cells stand in this one.
    """

    company: str
    service: str
    district: str = ""
    community_id: int = 0
    together: int = 0
    listed: Part = Part()
    drawn: Part = Part()
    applied: Part = Part()
    over: Part = Part()
    unauthorised: Part = Part()
    short: Part = Part()
    refused: Part = Part()
    unanswered: Part = Part()
    waiting: Part = Part()

    def plus(self, other: Claims) -> Claims:
        """Add another cell's parts to this one."""
        parts = {name: getattr(self, name).plus(getattr(other, name)) for name in PARTS}
        return msgspec.structs.replace(self, **parts)

    @property
    def households(self) -> int:
        """How many households the cell tells of."""
        return max(self.listed.households + self.waiting.households, self.unauthorised.households)


PARTS: Final = tuple(one.name for one in msgspec.structs.fields(Claims) if one.type is Part)
#: What a cell is called in which small ones stand together.
TOGETHER: Final = -1


def undrawn(counted: Mapping[Alike, Sums], reported: Reported, weigh: Callable[[int], int]) -> dict[Standing, Part]:
    """Return what became of the listed allowances that no bill has drawn, at what they weigh."""
    found: dict[Standing, Part] = {}
    for alike, sums in counted.items():
        rest = sums.listed_milli - sums.drawn_milli - sums.owed_milli
        where = standing(alike, reported)
        found[where] = found.get(where, Part()).plus(Part(sums.number if rest else 0, rest, weigh(rest)))
    return found


def summed(cells: Iterable[Claims], key: Callable[[Claims], Claims]) -> list[Claims]:
    """Add up the cells that ``key`` makes alike; it returns what a cell is called, without its parts."""
    found: dict[tuple[str, str, str, int], Claims] = {}
    for one in cells:
        named = key(one)
        name = (named.service, named.company, named.district, named.community_id)
        found[name] = found.get(name, named).plus(one)
    return [found[name] for name in sorted(found)]


def by_district(cells: Sequence[Claims], small: int) -> list[list[Claims]]:
    """Part a company's communities by district; districts of too few households go together as one."""
    found: dict[str, list[Claims]] = {}
    for one in cells:
        found.setdefault(one.district, []).append(one)
    ordered = sorted(found.values(), key=lambda mine: sum(one.households for one in mine if one.district))
    groups: list[list[Claims]] = [[]]
    for mine in ordered:
        if sum(one.households for one in groups[-1]) >= small:
            groups.append([])
        groups[-1] = [*groups[-1], *mine]
    if len(groups) > 1 and sum(one.households for one in groups[-1]) < small:
        groups[-2:] = [[*groups[-2], *groups[-1]]]
    return groups


def discreet(cells: Iterable[Claims], small: int) -> list[Claims]:
    """Put cells of fewer households than ``small`` together, with the next larger one where they are too few still.

    The cells are of one company and one whole; that whole may be shown beside them without giving one away. What was
    applied to nobody the hub knows has no district, and stands by itself: it tells of no household.
    """
    ordered = sorted(cells, key=lambda one: (one.households, one.district, one.community_id))
    known = [one for one in ordered if one.district]
    few = [one for one in known if one.households < small]
    rest = known[len(few) :]
    while few and rest and (len(few) == 1 or sum(one.households for one in few) < small):
        few.append(rest.pop(0))
    nobody = [one for one in ordered if not one.district]
    if not few:
        return [*_in_order(rest), *nobody]
    named = msgspec.structs.replace(few[0], together=len(few), community_id=TOGETHER)
    if len({one.district for one in few}) > 1:
        named = msgspec.structs.replace(named, district="")
    for one in few[1:]:
        named = named.plus(one)
    return [*_in_order(rest), named, *nobody]


def _in_order(cells: Iterable[Claims]) -> list[Claims]:
    return sorted(cells, key=lambda one: (one.district, one.community_id))
