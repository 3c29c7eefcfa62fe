"""The companies' billing programs: month by month what they bill, and what of it they relieve by the lists they have.

Truthful throughout; what they get wrong is added by ``mistakes``. Nothing here is of the hub: the rules stand in the
paper on the allowance, and the few that are needed are written down again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Final, NamedTuple

from integration.demo import prices
from integration.demo.city import CITY_GAS, CITY_WATER, SUBURB_WATER, Account, Key, Number
from integration.demo.rows import NOTHING, Line, Row
from integration.demo.truth import ALLOWANCE_MILLI
from integration.demo.use import bill_of, bought, buys, day_of_bill, figure, is_gone, months_billed, used
from schemas.values import Month

#: Whose allowance of which months a list has told by account, up to its own month.
Roll = Mapping[Number, Mapping[Month, Key]]

_PREFIX: Final = {"city_water": "WB", "suburb_water": "GS", "city_gas": "RQ"}
#: How many months back a top-up reaches, its own included.
_REACH: Final = 3
_ONE_DAY: Final = timedelta(days=1)


class Charged(NamedTuple):
    """What a bill charges: litres, amount, price list and price."""

    litres: int
    fen: int
    version: str
    price_e4: int


class Relief(NamedTuple):
    """What a bill relieves: litres, amount, and the answer that goes with it."""

    litres: int
    fen: int
    answer: str


class Billing:
    """One company's program. Months are named by their place in the story; list n is the (n - 1)th roll."""

    def __init__(self, company: str, first: Month, accounts: Mapping[Number, Account], rolls: Sequence[Roll]) -> None:
        self.company = company
        self.first = first
        self.accounts = accounts
        self.rolls = rolls
        self._months = {turn: first.plus(turn) for turn in range(-_REACH, len(rolls) + 1)}
        self._left: dict[tuple[Number, Month], int] = {}
        self._covered: set[tuple[Number, Month]] = set()
        #: What a bill charges that was not read from the meter, by account and turn.
        self.guessed: dict[tuple[Number, int], int] = {}
        #: Cards that are never topped up.
        self.idle: set[Number] = set()

    def month(self, turn: int) -> Month:
        """Return the month of that place in the story."""
        return self._months[turn]

    def lines(self, turn: int) -> list[Line]:
        """Bill a month; call it for one month after the other."""
        places = sorted({place for roll in self.rolls[: turn + 2] for place in roll})
        return [line for place in places for line in self._account(place, turn)]

    def steady(self) -> list[Number]:
        """Return the accounts that every list names for its own month from the first on."""
        months = [self.month(turn) for turn in range(len(self.rolls))]
        return [
            place
            for place in sorted(self.rolls[0])
            if all(month in roll.get(place, ()) for month, roll in zip(months, self.rolls, strict=True))
            and not self.accounts[place].predecessor
            and self.accounts[place].closed_on is None
        ]

    # --- one account

    def _account(self, place: Number, turn: int) -> Iterator[Line]:
        account, month, roll = self.accounts[place], self.month(turn), self.rolls[turn].get(place, {})
        months = months_billed(account, month)
        if is_gone(account, month):
            yield from [self._answer(place, turn, "CLOSED")] if month in roll else []
        elif account.cycle == "top_up":
            yield from self._card(place, turn)
        elif months:
            yield from self._metered(place, turn, months)
        elif month in roll and figure(place[1], "tells") % 5 == 0:
            yield self._answer(place, turn, "NO_BILL_DUE")

    def _metered(self, place: Number, turn: int, months: tuple[Month, ...]) -> Iterator[Line]:
        roll = self.rolls[turn].get(place, {})
        due = [month for month in months if month in roll]
        bill = self.bill(place, turn, months, self.guessed.get((place, turn))) if due else None
        if bill is not None:
            yield bill
        elif self._told_later(place, turn):
            yield self._without_relief(place, turn, months)
        yield from self._credits(place, turn, months, bill)

    def _told_later(self, place: Number, turn: int) -> bool:
        """Most bills that the list after them will speak of are reported beforehand, without relief."""
        later = self.rolls[turn + 1].get(place, {}) if turn + 1 < len(self.rolls) else {}
        monthly = self.accounts[place].cycle == "monthly"
        return monthly and self.month(turn) in later and figure(place[1], "early") % 4 > 0

    # --- bills

    def bill(
        self, place: Number, turn: int, months: tuple[Month, ...], litres: int | None = None, kind: str = "BILL"
    ) -> Line:
        """Bill some months, and relieve what the list tells of them."""
        charged = self.charged(place, months, litres)
        roll = self.rolls[turn].get(place, {})
        listed = [month for month in months if month in roll]
        due = self.take(place, listed, charged.litres)
        self._covered.update((place, month) for month in months)
        fen, drawn = min(self.worth(place, due), charged.fen), sum(due.values())
        is_full = drawn == ALLOWANCE_MILLI * len(listed)
        relief = Relief(drawn, fen, self._said(place, turn, charged.litres, is_full=is_full))
        return Line(self._row(place, turn, kind, months, charged, relief), _key(roll, months), due, fen)

    def _without_relief(self, place: Number, turn: int, months: tuple[Month, ...]) -> Line:
        charged = self.charged(place, months)
        relief = Relief(0, 0, "APPLIED" if charged.litres else "ZERO_USAGE")
        key = self.rolls[turn + 1][place][months[-1]]
        return Line(self._row(place, turn, "BILL", months, charged, relief), key, NOTHING, 0)

    def charged(self, place: Number, months: tuple[Month, ...], litres: int | None = None) -> Charged:
        """Return what a bill of some months charges: by its meter, or flat where several homes share one."""
        account, last = self.accounts[place], months[-1].last
        version, price = prices.on(self.company, last).version, prices.first_price(self.company, last)
        if account.meter in ("flat", "indirect"):
            litres = ALLOWANCE_MILLI * len(months)
            if self.company == CITY_WATER:
                fen = prices.flat(litres, prices.SHARED_E4)
                return Charged(litres, fen, prices.SHARED_VERSION, prices.SHARED_E4)
        elif litres is None:
            litres = sum(used(self.accounts[place], month) for month in months)
        if self.company == CITY_GAS:
            fen = prices.charge_of_year(self.company, last, self.annual(place, months[0]), litres)
            return Charged(litres, fen, version, price)
        return Charged(litres, prices.charge(self.company, litres, months), version, price)

    def annual(self, place: Number, month: Month) -> int:
        """Return the gas used this year before a month: a customer's own start, and then every month's use."""
        if self.company != CITY_GAS:
            return 0
        flat = self.accounts[place].meter in ("flat", "indirect")
        earlier = [month.plus(-back) for back in range(1, month.number)]
        return figure(place[1], "year") % 60 * 10_000 + sum(
            ALLOWANCE_MILLI if flat else used(self.accounts[place], one) for one in earlier
        )

    def worth(self, place: Number, due: Mapping[Month, int]) -> int:
        """Return what a meter's bill relieves for what it draws."""
        if self.accounts[place].meter == "indirect" and self.company == CITY_WATER:
            return prices.flat(sum(due.values()), prices.SHARED_E4)
        return prices.worth(self.company, due)

    def take(self, place: Number, months: Iterable[Month], litres: int) -> dict[Month, int]:
        """Draw litres from months' allowances, the oldest first."""
        taken = {}
        for month in sorted(months):
            part = min(self._left.get((place, month), ALLOWANCE_MILLI), litres)
            if part:
                taken[month] = part
                litres -= part
        self.give_back(place, taken, -1)
        return taken

    def give_back(self, place: Number, taken: Mapping[Month, int], sign: int = 1) -> None:
        """Let what was drawn be free again."""
        for month, part in taken.items():
            left = self._left.get((place, month), ALLOWANCE_MILLI)
            self._left[place, month] = left + sign * part

    # --- rows

    def _row(
        self, place: Number, turn: int, kind: str, months: tuple[Month, ...], charged: Charged, relief: Relief
    ) -> Row:
        month, is_city = self.month(turn), self.company == CITY_WATER
        day = day_of_bill(self.accounts[place], month)
        return Row(
            number=self._number(place, day), about=place, issued_on=day, first=months[0], last=months[-1],
            list_number=turn + 1, answer=relief.answer, kind=kind, bill_id=self.bill_id(place, month),
            use=charged.litres, waived=relief.litres, version=charged.version, price_e4=charged.price_e4,
            before=charged.fen, relief=relief.fen, after=charged.fen - relief.fen,
            sewage=prices.flat(charged.litres, prices.SEWAGE_E4) if is_city else 0,
            annual_before=self.annual(place, months[0]),
            reading=self._reading(place, months[0]) + charged.litres if is_city else 0,
        )  # fmt: skip

    def bill_id(self, place: Number, month: Month) -> str:
        """Return the number of the bill that is issued to an account in a month."""
        return f"{_PREFIX[self.company]}{int(month)}{place[1]}"

    def _number(self, place: Number, day: date) -> str:
        """Return the account's number on a day: the renumbered had their old one until the middle of the month."""
        former = self.accounts[place].predecessor
        return former if former and day < self.first.first.replace(day=15) else place[1]

    def _reading(self, place: Number, month: Month) -> int:
        begun, account = figure(place[1], "meter") * 1000, self.accounts[place]
        return begun + sum(used(account, self.month(turn)) for turn in range(-_REACH, month.minus(self.first)))

    def _said(self, place: Number, turn: int, litres: int, *, is_full: bool) -> str:
        """Return the answer to a bill; it is full if it draws all that its months allow."""
        account = self.accounts[place]
        if litres == 0:
            return "ZERO_USAGE"
        if account.meter in ("flat", "indirect"):
            return "APPLIED_FLAT"
        if account.predecessor and self._number(place, day_of_bill(account, self.month(turn))) != place[1]:
            return "APPLIED_DIFF_ACCT"
        return "APPLIED" if is_full else "APPLIED_LT_CAP"

    def _answer(self, place: Number, turn: int, answer: str) -> Line:
        return self.answered(place, turn, (self.month(turn),), answer)

    def answered(self, place: Number, turn: int, months: tuple[Month, ...], answer: str, words: str = "") -> Line:
        """Answer for an account without a bill."""
        day = self.month(turn).first.replace(day=28)
        row = Row(place[1], place, day, months[0], months[-1], turn + 1, answer, kind="NONE", words=words)
        roll = self.rolls[turn].get(place, {})
        return Line(row, _key(roll, months), NOTHING, 0, covers=False)

    # --- credits on old bills

    def _credits(self, place: Number, turn: int, months: tuple[Month, ...], bill: Line | None) -> Iterator[Line]:
        """Credit old bills of months that were told late, each as its own line on the bill of this month."""
        roll = self.rolls[turn].get(place, {})
        late = [month for month in sorted(roll) if month < months[0] and (place, month) not in self._covered]
        room = bill.row.after if bill else 0
        olds = {found for month in late if (found := bill_of(self.accounts[place], month))}
        for count, (issued, covered) in enumerate(sorted(olds), 1):
            line = self._credit(place, turn, issued, covered)
            balance = (
                max(line.row.relief - room, 0) if self.company != SUBURB_WATER else 0
            )  # its form has no place for it
            room = max(room - line.row.relief, 0)
            bill_id = f"{self.bill_id(place, self.month(turn))}C{count}"
            yield replace(line, row=replace(line.row, bill_id=bill_id, balance=balance))

    def _credit(self, place: Number, turn: int, issued: Month, covered: tuple[Month, ...]) -> Line:
        roll = self.rolls[turn].get(place, {})
        charged = self.charged(place, covered)
        due = self.take(place, [month for month in covered if month in roll], charged.litres)
        self._covered.update((place, month) for month in covered)
        fen = min(self.worth(place, due), charged.fen)
        relief = Relief(sum(due.values()), fen, "APPLIED" if due else "ZERO_USAGE")
        row = self._row(place, turn, "RETRO", covered, charged, relief)
        return Line(replace(row, refers_to=self.bill_id(place, issued)), _key(roll, covered), due, fen)

    # --- prepaid cards

    def _card(self, place: Number, turn: int) -> Iterator[Line]:
        month, roll = self.month(turn), self.rolls[turn].get(place, {})
        reach = [month.plus(-back) for back in range(_REACH)]
        usable = [one for one in reach if one in roll and self._left.get((place, one), ALLOWANCE_MILLI)]
        if usable and buys(place[1], turn) and place not in self.idle:
            yield self.top_up(place, turn, usable)
        elif month in roll:
            yield self._answer(place, turn, "PREPAID_NO_PURCHASE")

    def top_up(self, place: Number, turn: int, months: Sequence[Month], later: int = 0) -> Line:
        """Top a card up, ``later`` so many days after its day, and relieve what may be drawn of the months."""
        month, roll = self.month(turn), self.rolls[turn].get(place, {})
        day, litres = day_of_bill(self.accounts[place], month) + later * _ONE_DAY, bought(self.accounts[place], month)
        charged = self._bought(place, day, litres)
        due = self.take(place, months, litres)
        drawn = sum(due.values())
        fen = min(prices.worth_on(self.company, day, drawn), charged.fen)
        answer = "APPLIED" if drawn == ALLOWANCE_MILLI * len(months) else "APPLIED_LT_CAP"
        row = self._row(place, turn, "TOP_UP", (month,), charged, Relief(drawn, fen, answer))
        if later:
            row = replace(row, issued_on=day, bill_id=f"{row.bill_id}B")
        return Line(row, _key(roll, months), due, fen)

    def _bought(self, place: Number, day: date, litres: int) -> Charged:
        listed = prices.on(self.company, day)
        fen = prices.charge_of_year(self.company, day, self.annual(place, Month.of(day)), litres)
        return Charged(litres, fen, listed.version, listed.tiers[0][1])


def _key(roll: Mapping[Month, Key], months: Iterable[Month]) -> Key | None:
    return next((roll[month] for month in sorted(months, reverse=True) if month in roll), None)
