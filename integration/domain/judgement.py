"""What is said of a bill and what is judged of it: the values between reports, draws and findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NamedTuple

from integration.domain.bill_checks import Wrong
from integration.domain.draws import Horizon, Taken, own_months, spread
from schemas.findings import FindingKind
from schemas.reports import Answer, BillKind, ReportRow


class Numbered(StrEnum):
    """How the account number of a row fits its reference: an older number of the account fits as well."""

    FITS = "fits"
    OTHER = "other"
    REUSED = "reused"


class Told(NamedTuple):
    """A report row with what the hub knows of it: whose account its reference means, and which list it followed.

    ``account_id`` is 0 where nothing is known; ``edition`` is the report's place among those of its month.
    ``listed`` is False where the row names a list that the company never got.
    """

    report_id: int
    row: int
    company: str
    account_id: int
    known: Horizon
    said: ReportRow
    edition: int = 1
    numbered: Numbered = Numbered.FITS
    listed: bool = True


class Verdict(StrEnum):
    """What became of a row, for totals: which sums it belongs to."""

    AGREED = "agreed"
    OVER = "over"
    SHORT = "short"
    #: Nothing was listed that it could draw; its figures stand beside all totals.
    UNLISTED = "unlisted"
    #: The quantity is right, the amount waits for a price.
    PRICE_UNKNOWN = "price_unknown"
    #: Counted once, and this is the second.
    DUPLICATE = "duplicate"
    #: The company has not decided, or says what nobody understands.
    OPEN = "open"


class Line(NamedTuple):
    """A row's judgement for one month. Over all lines of a row, due and waived add up to the row's own figures.

    ``accepted_milli`` and ``accepted_fen`` are what of it is settled, ``owed_milli`` what a back-dated allowance still
    owes to this bill; ``good_milli`` is what it drew in good faith, and no list grants any more.
    """

    month: int
    due_milli: int
    waived_milli: int
    due_fen: int
    waived_fen: int
    accepted_milli: int
    accepted_fen: int
    owed_milli: int = 0
    good_milli: int = 0


class Figures(NamedTuple):
    """What is compared: quantities and amounts, due and reported.

    ``own_fen`` is what the *reported* quantity costs. Of a row that corrects another they are those of both together.
    ``due_fen`` and ``own_fen`` are None where no price is known; within the tolerance the company's amount is right.
    ``over_fen`` and ``under_fen`` are by how much the components' amounts lie above and below what the reported
    quantity costs, line by line: what is too much on one makes not good what is too little on another.
    """

    due_milli: int
    waived_milli: int
    due_fen: int | None
    own_fen: int | None
    waived_fen: int
    over_fen: int = 0
    under_fen: int = 0

    def parted(self, said: Mapping[str, int], own: Mapping[str, int] | None, tolerance_fen: int) -> Figures:
        """Compare what was said with what the reported quantity costs, component by component (edge cases 16, 24).

        A line within the tolerance is taken as it is.
        """
        if own is None:
            return self._replace(own_fen=None)
        off = [said.get(name, 0) - own.get(name, 0) for name in {**said, **own}]
        over = sum(one for one in off if one > tolerance_fen)
        under = -sum(one for one in off if -one > tolerance_fen)
        return self._replace(own_fen=self.waived_fen - over + under, over_fen=over, under_fen=under)


class Accepted(NamedTuple):
    """What is settled of a bill: what was both due and applied."""

    milli: int
    fen: int

    def minus(self, other: Accepted) -> Accepted:
        """Subtract another."""
        return Accepted(self.milli - other.milli, self.fen - other.fen)


NOTHING: Final = Accepted(0, 0)


@dataclass
class Judged:
    """A row and its judgement.

    ``taken`` is what it should have drawn, by month, and ``due_fen`` what that costs (0 where no price is known).
    ``oddities`` and ``wrongs`` are wrong whatever the figures are, the latter with a stake of their own.
    ``answered_for``: a later row has undone or corrected this one, and the two are judged together there. ``undone``:
    it was reversed, or is the reversal. ``accepted`` is what of it is settled: of a row that corrects another, what it
    changes.
    """

    told: Told
    figures: Figures
    verdict: Verdict
    taken: Taken = field(default_factory=dict)
    due_fen: int = 0
    oddities: tuple[FindingKind, ...] = ()
    wrongs: tuple[Wrong, ...] = ()
    owed: Taken = field(default_factory=dict)
    good: Taken = field(default_factory=dict)
    answered_for: bool = False
    undone: bool = False
    accepted: Accepted = NOTHING

    def lines(self) -> list[Line]:
        """Return the judgement by month: of every month that the bill covers or has drawn from."""
        said = self.told.said
        waived = _laid(said.waived_milli, self.taken, said.month_to)
        months = sorted({*own_months(said.month_from, said.month_to), *self.taken, *waived, *self.owed, *self.good})
        due_fen = _shares(self.due_fen, [self.taken.get(month, 0) for month in months])
        waived_fen = _shares(said.waived_fen, [waived.get(month, 0) for month in months])
        settled = _laid(self.accepted.milli, self.taken, said.month_to)
        settled_fen = _shares(self.accepted.fen, [settled.get(month, 0) for month in months])
        return [
            Line(
                month, self.taken.get(month, 0), waived.get(month, 0), due_fen[place], waived_fen[place],
                settled.get(month, 0), settled_fen[place], self.owed.get(month, 0), self.good.get(month, 0),
            )
            for place, month in enumerate(months)
        ]  # fmt: skip


def _laid(quantity_milli: int, taken: Taken, last: int) -> Taken:
    """Lay a reported quantity, of either sign, over the months as the draws lie."""
    sign = -1 if quantity_milli < 0 else 1
    laid = spread(abs(quantity_milli), {month: abs(quantity) for month, quantity in taken.items()}, last)
    return {month: sign * quantity for month, quantity in laid.items()}


def _shares(amount_fen: int, parts: list[int]) -> list[int]:
    """Share an amount out by quantities; the shares add up to it, and without quantities the last has it all."""
    whole, done, given, shares = sum(parts), 0, 0, []
    for part in parts[:-1]:
        done += part
        share = amount_fen * done // whole - given if whole else 0
        given += share
        shares.append(share)
    return [*shares, amount_fen - given]


#: Of one day, a bill stands before what credits, undoes or corrects it; a bill anew after what it takes the place of.
_RANKS: Final = {BillKind.RETRO: 1, BillKind.REVERSAL: 2, BillKind.ACTUAL: 3, BillKind.REBILL: 4}


def order(told: Told) -> tuple[Any, ...]:
    """Return the key of the order in which bills draw: by date, of one date by bill id (settled reading 14).

    Where these are the same, all that is said decides, so that no order of arrival does.
    """
    said = told.said
    content = (said.waived_milli, said.waived_fen, said.billable_milli, said.answer.value)
    place = (said.issued_on, _RANKS.get(said.kind, 0), told.company, said.bill_id, said.month_from, said.refers_to)
    rest = (told.account_id, told.known, told.numbered.value, told.listed, repr(said))
    return *place, told.edition, content, rest


#: Answers that leave open whether anything was applied; only an explicit success is a success.
UNDECIDED: Final = frozenset({Answer.HELD, Answer.UNKNOWN})


def compare(figures: Figures) -> Verdict:
    """Return whether what was reported is what is due: the quantity first, then the amount at that quantity."""
    if figures.waived_milli != figures.due_milli:
        return Verdict.OVER if figures.waived_milli > figures.due_milli else Verdict.SHORT
    if figures.own_fen is None:
        return Verdict.PRICE_UNKNOWN
    if not figures.over_fen and not figures.under_fen:
        return Verdict.AGREED
    return Verdict.OVER if figures.over_fen >= figures.under_fen else Verdict.SHORT


#: Verdicts of which nothing is settled.
_UNSETTLED: Final = frozenset({Verdict.OPEN, Verdict.UNLISTED, Verdict.DUPLICATE})


def accepted(verdict: Verdict, figures: Figures) -> Accepted:
    """Return what of a bill is settled: the quantity that was due and applied, at no more than it costs.

    An amount whose price is not known waits; its quantity counts (edge case 23).
    """
    if verdict in _UNSETTLED:
        return NOTHING
    if figures.waived_milli <= figures.due_milli:
        fen = 0 if figures.own_fen is None else figures.waived_fen - figures.over_fen
    else:
        fen = min(figures.waived_fen, figures.due_fen or 0)
    return Accepted(min(figures.due_milli, figures.waived_milli), fen)
