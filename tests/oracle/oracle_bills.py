"""What every bill should have drawn and waived, and what of it is accepted: one household and service.

The rows are taken in the order of the bills' dates. Each draws on the months that it covers, oldest first, as far as
the list it follows tells, and what it drew stays drawn until it is reversed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from oracle_prices import Price, Use, cost, half_up

from schemas.values import Month, months_between

Draws = dict[Month, int]
Fen = dict[str, int]


@dataclass(frozen=True)
class BillRule:
    """The policy's parameters of a bill."""

    cover: str = "cap_only"
    tier: str = "first_tier"
    components: tuple[str, ...] = ("basic",)
    accrual: int = 3
    tolerance_fen: int = 0


@dataclass(frozen=True)
class Row:
    """One row of a report. ``charges`` and ``fen`` are by component, the latter what the company waived."""

    id: str
    kind: str
    company: str
    account: str
    issued: date
    first: Month
    last: Month
    use: int = 0
    refers: str = ""
    version: str = ""
    list_number: int = 0
    before: int = 0
    answer: str = "APPLIED"
    charges: Mapping[str, int] = field(default_factory=dict)
    waived: int = 0
    fen: Mapping[str, int] = field(default_factory=dict)


@dataclass
class Judged:
    """What a row should have drawn (of a correction: what it changes), and what of it is settled."""

    row: Row
    verdict: str = "agreed"
    drawn: Draws = field(default_factory=dict)
    due_fen: int = 0
    settled_milli: int = 0
    settled_fen: int = 0
    owed: Draws = field(default_factory=dict)
    good: Draws = field(default_factory=dict)
    undone: bool = False

    def covers(self, month: Month) -> bool:
        """Whether it is a bill, be it of nothing, that stands and covers a month."""
        stands = not self.undone and self.verdict not in ("duplicate", "unlisted")
        return stands and (self.row.kind != "NONE" or self.row.answer == "ZERO_USAGE") and self.touches(month)

    def touches(self, month: Month) -> bool:
        """Whether a row is about a month, or has drawn of it."""
        return self.row.first <= month <= self.row.last or bool(self.drawn.get(month))


@dataclass
class Bill:
    """A bill as it stands after everything that corrected it; a credit knows the bill that it credits."""

    root: Row
    rows: list[Judged] = field(default_factory=list)
    drawn: Draws = field(default_factory=dict)
    due: Fen | None = field(default_factory=dict)
    use: int = 0
    charges: Fen = field(default_factory=dict)
    waived: int = 0
    fen: Fen = field(default_factory=dict)
    credits: Bill | None = None
    unlisted: bool = False
    undone: bool = False

    def settled(self) -> tuple[int, int]:
        """What of it is settled so far: thousandths and fen."""
        return sum(one.settled_milli for one in self.rows), sum(one.settled_fen for one in self.rows)


@dataclass
class Lists:
    """What the lists tell of the household: a month's quantity at an account by a list, and the list of a day."""

    told: Callable[[str, str, Month, int], int]
    newest: Callable[[str, date], int]

    def by(self, row: Row, month: Month) -> int:
        """What stood for a month by the list that a row follows, or by the newest of the row's day."""
        number = row.list_number or self.newest(row.company, row.issued)
        return self.told(row.company, row.account, month, number)

    def now(self, row: Row, month: Month) -> int:
        """What stands for a month by the newest list of all."""
        return self.told(row.company, row.account, month, self.newest(row.company, date.max))


#: Fills in what a company claims, told what is due: thousandths, and fen by component (None: no price).
Claim = Callable[[Row, int, Fen | None], Row]


def as_reported(row: Row, _milli: int, _fen: Fen | None) -> Row:
    """Take a row as it is."""
    return row


class Court:
    """Judges the rows of one household at one service."""

    def __init__(
        self, lists: Lists, rule: BillRule, tariffs: Mapping[str, Sequence[Price]], claim: Claim = as_reported
    ) -> None:
        self.lists, self.rule, self.tariffs, self.claim = lists, rule, tariffs, claim
        self.bills: list[Bill] = []
        self.judged: list[Judged] = []

    @staticmethod
    def order(row: Row) -> tuple[date, int, str, str]:
        """By date; on one day a bill comes before what corrects it, and what is billed anew last; then by id."""
        ranks = {"RETRO": 1, "REVERSAL": 2, "ACTUAL": 3, "REBILL": 4}
        return row.issued, ranks.get(row.kind, 0), row.company, row.id

    def hear(self, rows: Iterable[Row]) -> list[Judged]:
        """Judge all rows, then look at what became known after them."""
        for row in sorted(rows, key=self.order):
            self.judged.append(self._judge(row))
        self._look_back()
        return self.judged

    def _judge(self, row: Row) -> Judged:
        standing = self._named(row.company, row.refers)
        if row.kind == "REVERSAL":
            return self._reversal(row, standing)
        if row.kind == "ACTUAL":
            return self._beside(row, "unlisted") if standing is None or standing.undone else self._heard(standing, row)
        again = self._named(row.company, row.id)
        if again is not None and not again.undone and again.root.kind == row.kind:
            return self._beside(row, "duplicate")
        bill = Bill(row)
        if row.kind == "RETRO":
            bill.credits = standing
        self.bills.append(bill)
        return self._heard(bill, row)

    def _named(self, company: str, name: str) -> Bill | None:
        """The bill of an id: the last that bore it."""
        found = [bill for bill in self.bills if bill.root.company == company and name and bill.root.id == name]
        return found[-1] if found else None

    def _beside(self, row: Row, verdict: str) -> Judged:
        return Judged(self.claim(row, 0, {}), verdict)

    def _reversal(self, row: Row, bill: Bill | None) -> Judged:
        """A reversal is exactly minus what was reported, and frees what was drawn."""
        if bill is None or bill.undone:
            return self._beside(row, "unlisted" if bill is None else "duplicate")
        said = self.claim(row, -bill.waived, {name: -fen for name, fen in bill.fen.items()})
        drawn, due_fen = {month: -quantity for month, quantity in bill.drawn.items()}, -_sum(bill.due)
        milli, fen = bill.settled()
        bill.undone, bill.drawn, bill.due = True, {}, {}
        total = {name: bill.fen.get(name, 0) + said.fen.get(name, 0) for name in {*bill.fen, *said.fen}}
        verdict = self._compared(said, bill.waived + said.waived, 0, total, {}, tolerance=0)
        judged = self._answers(bill, Judged(said, verdict, drawn, due_fen, -milli, -fen))
        for one in bill.rows:
            one.undone = True
        return judged

    def _heard(self, bill: Bill, row: Row) -> Judged:
        """Judge a bill, or anew a bill and what corrects it, the two together."""
        bill.use += row.use
        for name, fen in row.charges.items():
            bill.charges[name] = bill.charges.get(name, 0) + fen
        before, fen_before, settled = bill.drawn, _sum(bill.due), bill.settled()
        bill.drawn = {}
        bill.drawn = self._draw(bill)
        bill.due = self._amounts(bill, bill.drawn)
        milli = sum(bill.drawn.values())
        wanted = None if bill.due is None else {n: bill.due[n] - bill.fen.get(n, 0) for n in bill.due}
        said = self.claim(row, milli - bill.waived, wanted)
        bill.waived += said.waived
        bill.fen = {name: bill.fen.get(name, 0) + said.fen.get(name, 0) for name in {*bill.fen, *said.fen}}
        verdict, now = self._settled(bill, said, milli)
        drawn = {m: bill.drawn.get(m, 0) - before.get(m, 0) for m in {*before, *bill.drawn}}
        drawn = {month: quantity for month, quantity in drawn.items() if quantity}
        judged = Judged(said, verdict, drawn, _sum(bill.due) - fen_before, now[0] - settled[0], now[1] - settled[1])
        return self._answers(bill, judged)

    def _answers(self, bill: Bill, judged: Judged) -> Judged:
        """The last row answers for the whole bill."""
        bill.rows.append(judged)
        for one in bill.rows:
            one.verdict = "unlisted" if bill.unlisted else judged.verdict
        return judged

    # --- quantity

    def _months(self, row: Row) -> list[Month]:
        if row.kind == "TOP_UP":
            return months_between(row.last.plus(1 - self.rule.accrual), row.last)
        return months_between(row.first, row.last)

    def _draw(self, bill: Bill) -> Draws:
        listed = {month: self.lists.by(bill.root, month) for month in self._months(bill.root)}
        left, drawn = self._usable(bill, listed), dict[Month, int]()
        for month, quantity in listed.items():
            drawn[month] = max(min(left, quantity - self._taken(month, bill.root.account)), 0)
            left -= drawn[month]
        return {month: quantity for month, quantity in drawn.items() if quantity}

    def _taken(self, month: Month, account: str) -> int:
        return sum(bill.drawn.get(month, 0) for bill in self.bills if bill.root.account == account)

    def _family(self, bill: Bill) -> list[Bill]:
        """The others that relieve the same use: the bill that it credits, and every credit of that."""
        first = bill.credits or bill
        return [one for one in self.bills if one is not bill and first in (one, one.credits)]

    def _usable(self, bill: Bill, listed: Mapping[Month, int]) -> int:
        """What of the use that it is about may be relieved, and nothing has relieved yet."""
        first = bill.credits or bill
        if first.undone:
            return 0
        most = max(first.use, 0)
        if self.rule.cover == "prorate_usage" and bill.root.kind != "TOP_UP":
            most = half_up(Fraction(most * sum(quantity > 0 for quantity in listed.values()), len(listed)))
        return max(most - sum(sum(one.drawn.values()) for one in self._family(bill)), 0)

    # --- money

    def _amounts(self, bill: Bill, draws: Draws, *, capped: bool = True) -> Fen | None:
        """What quantities of months come to, by component; never above what is left of the bill's charge."""
        tariff, amounts = self.tariffs[bill.root.company], dict[str, int]()
        family = self._family(bill)
        top_up = bill.root.issued if bill.root.kind == "TOP_UP" else None
        use_left = (bill.credits or bill).use - sum(sum(one.drawn.values()) for one in family)
        months = tuple(months_between(bill.root.first, bill.root.last))
        use = Use(max(use_left, 0), months, bill.root.before, top_up)
        for name in self.rule.components:
            exact = cost(tariff, name, bill.root.version, draws, self.rule.tier, use) if draws else Fraction(0)
            if exact is None:
                return None
            charge = max(bill.charges.get(name, 0) - sum((one.due or {}).get(name, 0) for one in family), 0)
            amounts[name] = min(half_up(exact), charge) if capped else half_up(exact)
        return amounts

    def _settled(self, bill: Bill, said: Row, milli: int) -> tuple[str, tuple[int, int]]:
        """Compare what was reported of a bill with what is due; return the verdict, and what is settled."""
        own = self._amounts(bill, _laid(bill.drawn, bill.waived, bill.root.last), capped=bill.waived <= milli)
        if not any(self.lists.by(bill.root, month) > 0 for month in self._months(bill.root)):
            bill.unlisted = bill.unlisted or bool(said.waived or any(said.fen.values()))
        verdict = self._compared(said, bill.waived, milli, bill.fen, own)
        if bill.unlisted or verdict == "open":
            return verdict, (0, 0)
        worth = own if bill.waived <= milli else bill.due
        if worth is None:
            return verdict, (min(bill.waived, milli), 0)
        fen = min(_sum(bill.fen), _sum(worth))
        if bill.waived <= milli:  # line by line: what is too much on one is not settled, within the tolerance it is
            fen = sum(self._accepted(bill.fen.get(name, 0), worth.get(name, 0)) for name in {*bill.fen, *worth})
        return verdict, (min(bill.waived, milli), fen)

    def _accepted(self, fen: int, worth: int) -> int:
        return fen if fen <= worth + self.rule.tolerance_fen else worth

    def _tolerated(self, fen: Fen, worth: Fen, tolerance: int) -> bool:
        """Whether every component's amount is right, within the tolerance."""
        return all(abs(fen.get(name, 0) - worth.get(name, 0)) <= tolerance for name in {*fen, *worth})

    def _compared(
        self, said: Row, waived: int, milli: int, fen: Fen, own: Fen | None, tolerance: int | None = None
    ) -> str:
        if said.answer in ("HELD", "UNKNOWN"):
            return "open"
        if waived != milli:
            return "over" if waived > milli else "short"
        if own is None:
            return "price_unknown"
        if self._tolerated(fen, own, self.rule.tolerance_fen if tolerance is None else tolerance):
            return "agreed"
        return "over" if _sum(fen) >= _sum(own) else "short"

    # --- what became known later

    def _look_back(self) -> None:
        """What newer lists still owe to bills, oldest month and bill first; and what they grant no more."""
        standing = [bill for bill in self.bills if not bill.undone]
        for month, account in sorted({(m, bill.root.account) for bill in standing for m in self._months(bill.root)}):
            mine = [bill for bill in standing if bill.root.account == account]
            left = self.lists.now(mine[0].root, month) - self._taken(month, account)
            for bill in reversed(mine):  # the last to draw is the first to have drawn in good faith alone
                part = min(-left, bill.drawn.get(month, 0))
                if part > 0:
                    bill.rows[-1].good[month] = part
                    left += part
            for bill in mine:
                part = min(left, self._owed(bill, month))
                if part > 0:
                    bill.rows[-1].owed[month] = part
                    left -= part

    def _owed(self, bill: Bill, month: Month) -> int:
        """What a month that was told after a bill may still relieve of its use."""
        listed = {m: self.lists.now(bill.root, m) for m in self._months(bill.root)}
        later = listed.get(month, 0) > self.lists.by(bill.root, month)
        if not later or bill.credits is not None or bill.root.kind == "TOP_UP":
            return 0
        return self._usable(bill, listed) - sum(bill.drawn.values()) - sum(sum(one.owed.values()) for one in bill.rows)


def _sum(fen: Fen | None) -> int:
    return sum((fen or {}).values())


def _laid(drawn: Draws, waived: int, last: Month) -> Draws:
    """Lay a quantity over the months as the draws lie: the oldest first, what is beyond them on the last."""
    laid: Draws = {}
    for month in sorted(drawn):
        laid[month] = max(min(drawn[month], waived), 0)
        waived -= laid[month]
    laid[last] = laid.get(last, 0) + max(waived, 0)
    return {month: quantity for month, quantity in laid.items() if quantity}
