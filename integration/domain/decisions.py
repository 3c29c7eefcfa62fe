"""Decisions 决定 that people take about a household's allowance, and what each means for links and ledger.

A decision is numbered and dated; it stands from the knowledge version that its approval brought until another undoes
it. It is the only thing that lowers what the ledger has granted (edge cases 37, 38), parts a household from an account
for good (59), or leaves an entitled household out because it wants nothing (65).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Final, NamedTuple

from integration.domain.prices import half_up
from schemas.values import OPEN_DAY, Month, day_before, day_int, int_day


class Kind(StrEnum):
    """What a decision is about."""

    CLAW_BACK = "claw_back"
    WRONG_LINK = "wrong_link"
    OPT_OUT = "opt_out"
    OPT_IN = "opt_in"
    UNDO = "undo"


#: What can be undone: money that a household was asked for comes back by the authority's own decision alone.
UNDOABLE: Final = frozenset({Kind.WRONG_LINK, Kind.OPT_OUT, Kind.OPT_IN})


class Decision(NamedTuple):
    """An approved decision. Days YYYYMMDD; what its kind does not have is 0."""

    number: int
    kind: Kind
    household_id: int
    service: str
    account_id: int
    from_on: int
    undoes: int


class Line(NamedTuple):
    """A claw-back's word about a month (YYYYMM) and account: so much is taken back, and so much then stands there."""

    number: int
    month: int
    account_id: int
    quantity_milli: int
    amount_fen: int
    stays_milli: int


def in_force(decisions: Iterable[Decision]) -> list[Decision]:
    """Return the decisions that stand, by number: none that another undoes, and no undoing by itself."""
    found = sorted(decisions)
    undone = {one.undoes for one in found if one.kind is Kind.UNDO}
    return [one for one in found if one.kind is not Kind.UNDO and one.number not in undone]


def refusals(standing: Iterable[Decision]) -> list[tuple[int, int]]:
    """Return the days (first, last) on which a household wants nothing of a service; the later decision counts."""
    spans: list[tuple[int, int]] = []
    for one in standing:
        if one.kind not in (Kind.OPT_OUT, Kind.OPT_IN):
            continue
        until = day_before(one.from_on)
        spans = [(start, min(end, until)) for start, end in spans if start < one.from_on]
        if one.kind is Kind.OPT_OUT:
            start = spans.pop()[0] if spans and spans[-1][1] == until else one.from_on
            spans.append((start, OPEN_DAY))
    return spans


def is_refused(standing: Iterable[Decision], month: Month) -> bool:
    """Whether a month is refused: all of it, as a month counts with any day of it (edge cases 33, 65)."""
    first, last = day_int(month.first), day_int(month.last)
    return any(start <= first and end >= last for start, end in refusals(standing))


def parted_accounts(standing: Iterable[Decision]) -> set[int]:
    """Return the accounts that a household is never linked to by itself again (edge case 59)."""
    return {one.account_id for one in standing if one.kind is Kind.WRONG_LINK}


def undo_fault(decision: Decision | None, standing: Sequence[Decision]) -> str | None:
    """Say why a decision cannot be undone; ``standing`` are those about its household and service.

    Only the newest can be, or a later one would rest on nothing.
    """
    if decision is None or decision not in standing:
        return "没有可撤销的这项决定 / no decision of this number stands: undone already, or never approved"
    if decision.kind not in UNDOABLE:
        return "追回决定不能在此撤销，须由作出机关另行决定 / a claw-back is not undone here: the authority decides anew"
    newest = max(one.number for one in standing if one.kind in UNDOABLE)
    if decision.number != newest:
        return f"须先撤销其后的决定 {newest} / decision {newest} about the same household is later: undo it first"
    return None


# --- claw-back -------------------------------------------------------------------------------------------------


class Drawn(NamedTuple):
    """What bills of an account were due and did draw of a month, and what the ledger has there."""

    account_id: int
    accepted_milli: int
    accepted_fen: int
    posted_milli: int

    def left(self, posted_milli: int, before: Iterable[Line]) -> Drawn:
        """Return the same with what now stands there, and without what earlier claw-backs took of the draws."""
        mine = [one for one in before if one.account_id == self.account_id]
        milli = self.accepted_milli - sum(one.quantity_milli for one in mine)
        return Drawn(self.account_id, milli, self.accepted_fen - sum(one.amount_fen for one in mine), posted_milli)


class Wanted(NamedTuple):
    """What the authority wants back of a month."""

    month: int
    quantity_milli: int
    amount_fen: int


class OverDrawn(NamedTuple):
    """What could be taken back of a month at most: less than was asked for."""

    quantity_milli: int
    amount_fen: int


def claw_back_lines(number: int, wanted: Wanted, drawn: Sequence[Drawn]) -> list[Line] | OverDrawn:
    """Lay what is taken back of a month on its accounts, each up to what its bills drew (settled reading 8).

    Every account with anything posted gets its line: what then stands there stands for ever, so that the month is
    not granted again. ``accepted`` and ``posted`` are those left by earlier claw-backs.
    """
    most = [min(max(one.accepted_milli, 0), max(one.posted_milli, 0)) for one in drawn]
    most_fen = sum(max(one.accepted_fen, 0) for one, milli in zip(drawn, most, strict=True) if milli)
    if wanted.quantity_milli > sum(most) or wanted.amount_fen > most_fen:
        return OverDrawn(sum(most), most_fen)
    lines: list[Line] = []
    left_milli, left_fen = wanted.quantity_milli, wanted.amount_fen
    for one, limit in zip(drawn, most, strict=True):
        part = min(limit, left_milli)
        part_fen = half_up(Fraction(left_fen * part, left_milli)) if part else 0
        left_milli, left_fen = left_milli - part, left_fen - part_fen
        lines.append(Line(number, wanted.month, one.account_id, part, part_fen, one.posted_milli - part))
    return lines


def stands(lines: Iterable[Line]) -> dict[int, int] | None:
    """Return what a month stands at for ever, by account, by its latest claw-back; None where there is none."""
    found = sorted(lines)
    if not found:
        return None
    return {one.account_id: one.stays_milli for one in found if one.number == found[-1].number and one.stays_milli}


def notice_is_over(notified_on: int, today: int, days: int) -> bool:
    """Whether a household had its notice for long enough before money is asked for (edge case 38)."""
    return day_int(int_day(notified_on) + timedelta(days=days)) <= today
