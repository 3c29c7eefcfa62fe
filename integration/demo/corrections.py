"""What billing programs put right themselves: estimates read later, bills reversed and written anew, cards that failed.

All of it is done as it should be: nothing here may make a finding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Final

from integration.demo.billing import Billing
from integration.demo.city import CITY_WATER, Number
from integration.demo.rows import Line
from integration.demo.use import buys
from schemas.values import Month, months_between

#: One account in so many is corrected in each way.
_EVERY: Final = 40
_ONE_DAY: Final = timedelta(days=1)


class Corrections:
    """The corrected accounts of a company; ``places`` are kept away from everything else that is played."""

    def __init__(self, billing: Billing) -> None:
        self._billing = billing
        self._bills: dict[Number, Line] = {}
        steady = billing.steady()
        self._estimated = [place for place in steady if self._read_every(place)][::_EVERY]
        rest = [place for place in steady if place not in self._estimated]
        monthly = [place for place in rest if billing.accounts[place].cycle == "monthly"]
        self._reversed, self._supplemented = self._some(monthly, 0), self._some(monthly, 1)
        cards = [place for place in rest if billing.accounts[place].cycle == "top_up" and buys(place[1], 1)]
        self._failing = self._some(cards, 0)
        for number, place in enumerate(self._estimated):
            billing.guessed[place, 0] = (5000, 2000)[number % 2]
        billing.guessed |= {(place, 1): 2000 for place in self._supplemented}
        self.places = {*self._estimated, *self._reversed, *self._supplemented, *self._failing}

    def _read_every(self, place: Number) -> bool:
        account = self._billing.accounts[place]
        wanted = "bimonthly_even" if self._billing.company == CITY_WATER else "monthly"
        return account.meter == "metered" and account.cycle == wanted

    @staticmethod
    def _some(places: list[Number], number: int) -> list[Number]:
        return places[number::_EVERY]

    def corrected(self, turn: int, lines: list[Line]) -> list[Line]:
        """Add to a month's bills what corrects the accounts of this class."""
        return [one for line in lines for one in self._of(turn, line)]

    def _of(self, turn: int, line: Line) -> Iterator[Line]:
        place = line.place
        if turn == 0 and place in self._estimated:
            line = replace(line, row=replace(line.row, estimated=True))
        yield line
        if turn == 0:
            self._bills[place] = line
        elif place in self._estimated and turn == (2 if self._billing.company == CITY_WATER else 1):
            yield actual(self._billing, self._bills[place], turn)
        elif turn == 1 and place in self._reversed:
            yield from anew(self._billing, self._bills[place], turn)
        elif turn == 1 and place in self._supplemented:
            yield self._second(line, turn)
        elif turn == 1 and place in self._failing:
            yield from self._card_failed(line, turn)

    def _second(self, line: Line, turn: int) -> Line:
        """Bill a month a second time: both bills share its allowance (edge case 14)."""
        bill = self._billing.bill(line.row.about, turn, _months(line), 4000, "SUPPLEMENTARY")
        day = bill.row.issued_on + 2 * _ONE_DAY
        return replace(bill, row=replace(bill.row, bill_id=f"{bill.row.bill_id}S", issued_on=day))

    def _card_failed(self, line: Line, turn: int) -> Iterator[Line]:
        """A card could not be written: the purchase is reversed, and made again (edge case 89)."""
        yield reversal(self._billing, line, turn, line.row.issued_on + _ONE_DAY)
        yield self._billing.top_up(line.row.about, turn, sorted(line.due), 2)


def actual(billing: Billing, old: Line, turn: int) -> Line:
    """Correct an estimated bill by what the meter says: the same months, the difference booked (edge case 9)."""
    place, months = old.row.about, _months(old)
    litres = 2000 if old.row.use > 2000 else 6000
    charged = billing.charged(place, months, litres)
    billing.give_back(place, old.due)
    due = billing.take(place, [month for month in months if month in billing.rolls[0][place]], litres)
    relief = min(billing.worth(place, due), charged.fen)
    row = replace(
        old.row,
        kind="ACTUAL",
        bill_id=f"{billing.bill_id(place, billing.first.plus(turn))}E",
        refers_to=old.row.bill_id,
        issued_on=billing.first.plus(turn).first.replace(day=10),
        list_number=turn + 1,
        estimated=False,
        use=litres - old.row.use,
        before=charged.fen - old.row.before,
        sewage=0,
        reading=old.row.reading + litres - old.row.use,
        answer="CORRECTED",
    )
    change = {month: due.get(month, 0) - old.due.get(month, 0) for month in {*due, *old.due}}
    row = row.claiming(sum(change.values()), relief - old.row.relief)
    return Line(row, old.key, change, relief - old.due_fen)


def reversal(billing: Billing, old: Line, turn: int, day: date | None = None) -> Line:
    """Undo a bill: exactly minus what was reported (edge case 82)."""
    place, said = old.row.about, old.row
    issued = billing.first.plus(turn).first.replace(day=7)
    row = replace(
        said,
        kind="REVERSAL",
        bill_id=f"{billing.bill_id(place, billing.first.plus(turn))}R",
        refers_to=said.bill_id,
        issued_on=day or issued,
        list_number=turn + 1,
        use=-said.use,
        waived=-said.waived,
        before=-said.before,
        relief=-said.relief,
        after=-said.after,
        sewage=-said.sewage,
        answer="REVERSED",
    )
    billing.give_back(place, old.due)
    return Line(row, old.key, {month: -litres for month, litres in old.due.items()}, -old.due_fen, covers=False)


def anew(billing: Billing, old: Line, turn: int) -> Iterator[Line]:
    """Undo a bill and write it anew with another quantity."""
    yield reversal(billing, old, turn)
    place, months = old.row.about, _months(old)
    bill = billing.bill(place, turn, months, 2000, "REBILL")
    row = replace(bill.row, bill_id=f"{bill.row.bill_id}N", refers_to=old.row.bill_id, answer="CORRECTED")
    yield replace(bill, row=replace(row, issued_on=row.issued_on.replace(day=8)))


def _months(line: Line) -> tuple[Month, ...]:
    return tuple(months_between(line.row.first, line.row.last))
