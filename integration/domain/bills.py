"""Bill by bill in the order of their dates: what each should have drawn, in quantity and fen, beside what was reported.

``judge`` takes the rows of one household at one service. It depends on what they say alone, so every order of
arrival gives the same judgement (edge cases 4-14, 77, 81-83, 87-89).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from integration.domain.amounts import (
    Amounts,
    Billed,
    Lines,
    billed,
    corrected,
    left_over,
    relieved,
    together,
    total_fen,
)
from integration.domain.bill_checks import Wrong, accumulated_wrong, month_before, of_month, wrongs
from integration.domain.draws import Allowances, Horizon, Listing, Taken, covered, difference, spread, usable
from integration.domain.judgement import (
    NOTHING,
    UNDECIDED,
    Accepted,
    Figures,
    Judged,
    Told,
    Verdict,
    accepted,
    compare,
    order,
)
from schemas.findings import FindingKind
from schemas.reports import BillKind, ReportRow


@dataclass
class _Bill:
    """A bill as it stands after every row that corrected it so far; the last row answers for all."""

    rows: list[Judged]
    billed: Billed
    taken: Taken
    due: Lines
    waived_milli: int
    waived: Lines
    credits: _Bill | None = None
    credited_milli: int = 0
    credited: Lines = field(default_factory=dict)
    undone: bool = False

    @property
    def row(self) -> Judged:
        """The row that answers for it."""
        return self.rows[-1]

    @property
    def root(self) -> Told:
        """The bill as it was first told: its account, its months, and the list that it followed stay."""
        return self.rows[0].told

    @property
    def accepted(self) -> Accepted:
        """What is settled of it so far."""
        return Accepted(sum(row.accepted.milli for row in self.rows), sum(row.accepted.fen for row in self.rows))

    @property
    def is_credit(self) -> bool:
        """Whether it credits an earlier bill."""
        return self.root.said.kind is BillKind.RETRO

    @property
    def relieved_milli(self) -> int:
        """What of its quantity allowances have relieved so far."""
        return sum(self.taken.values()) + self.credited_milli

    @property
    def room_milli(self) -> int:
        """What of its quantity no allowance has relieved yet; nothing is left of a bill that is undone."""
        return 0 if self.undone else max(self.billed.usage_milli - self.relieved_milli, 0)


class Bills:
    """Judges the bills of one household at one service, handed over in their order."""

    def __init__(self, amounts: Amounts, allowances: Allowances) -> None:
        self._amounts = amounts
        self._allowances = allowances
        self._bills: dict[tuple[str, str], _Bill] = {}
        self._drawing: list[_Bill] = []
        self._unlisted: list[Judged] = []
        self._seen: set[tuple[Any, ...]] = set()
        self._told: list[Told] = []

    def add(self, told: Told) -> Judged:
        """Judge the next row."""
        said = told.said
        key = _identity(told)
        if key in self._seen:
            return _beside(told, Verdict.DUPLICATE, FindingKind.DUPLICATE_ROW)
        self._seen.add(key)
        judges = {BillKind.REVERSAL: self._reversal, BillKind.ACTUAL: self._actual}
        judged = judges.get(said.kind, self._bill)(told)
        self._told.append(told)
        return judged

    def _bill(self, told: Told) -> Judged:
        """Judge a row that stands by itself, or credits an earlier bill."""
        said = told.said
        earlier = self._bills.get((told.company, said.refers_to)) if said.kind is BillKind.RETRO else None
        most = max(said.billable_milli, 0) if earlier is None else earlier.room_milli
        listed, taken = self._draw(told, said, most, earlier.relieved_milli if earlier else 0)
        bill = billed(told.company, said)
        if earlier is not None:
            bill = left_over(bill, earlier.relieved_milli, together(earlier.due, earlier.credited))
        due = self._amounts.lines(bill, taken)
        due_fen = total_fen(due)
        figures = Figures(sum(taken.values()), said.waived_milli, due_fen, due_fen, said.waived_fen)
        own = due if figures.waived_milli == figures.due_milli else self._own(bill, said.waived_milli, taken)
        figures = figures.parted(relieved(said), own, self._amounts.policy(said.month_to).tolerance_fen)
        judged = Judged(told, figures, self._verdict(told, figures), taken, due_fen or 0)
        judged.wrongs = (*wrongs(said, self._amounts.policy(said.month_to)), *self._accumulated(told))
        self._check_listed(judged, listed=listed)
        judged.accepted = accepted(judged.verdict, figures)
        self._keep(_Bill([judged], bill, taken, due or {}, said.waived_milli, relieved(said), earlier))
        return judged

    def _check_listed(self, judged: Judged, *, listed: bool) -> None:
        """Let a row that applies anything where nothing is listed stand beside all sums (edge case 84)."""
        said = judged.told.said
        if not listed and (said.waived_milli or any(relieved(said).values())):
            judged.verdict = Verdict.UNLISTED
            self._unlisted.append(judged)

    def _accumulated(self, told: Told) -> Iterator[Wrong]:
        """Yield what is wrong with the year's quantity, where the month before has one bill and nothing besides."""
        month = month_before(told.said)
        if month is None:
            return
        rows = of_month([one.said for one in self._told if one.company == told.company], month)
        wrong = accumulated_wrong(told.said, rows[0], self._amounts.policy(told.said.month_to)) if rows else None
        if wrong is not None and len(rows) == 1:
            yield wrong

    def _draw(self, root: Told, said: ReportRow, most_milli: int, relieved_milli: int) -> tuple[bool, Taken]:
        """Draw up to a quantity from the months that a bill covers; say as well whether any of them is listed.

        ``relieved_milli`` is what others have relieved of the same use: a prorated share of it is one for them all.
        """
        policy = self._amounts.policy(said.month_to)
        months = covered(said, policy)
        listed = [one for one in months if self._allowances.listed(one, root.account_id, root.known) > 0]
        most = min(usable(said, months, len(listed), policy) - relieved_milli, most_milli)
        return bool(listed), self._allowances.take(most, listed, root.account_id, root.known)

    def _own(self, bill: Billed, waived_milli: int, taken: Taken) -> Lines | None:
        """Return what a reported quantity costs; of one beyond what is due the charge is no cap."""
        own = spread(max(waived_milli, 0), taken, bill.month_to)
        return self._amounts.lines(bill, own, within_charge=waived_milli <= sum(taken.values()))

    def _keep(self, bill: _Bill) -> None:
        """Remember a bill for the rows that will refer to it.

        A credit may bear the id of the bill that it credits, or of the one it stands on: the id means the bill.
        """
        self._drawing.append(bill)
        said = bill.root.said
        bearer = self._bills.get((bill.root.company, said.bill_id))
        if said.bill_id and (bearer is None or bearer.undone or (bearer.is_credit and not bill.is_credit)):
            self._bills[bill.root.company, said.bill_id] = bill
        if bill.credits is not None:
            _credit(bill, bill.credits)

    def _verdict(self, told: Told, figures: Figures) -> Verdict:
        return Verdict.OPEN if told.said.answer in UNDECIDED else compare(figures)

    def _reversal(self, told: Told) -> Judged:
        """Judge a reversal: exactly minus what was reported; then the allowance is free again (edge case 82)."""
        bill = self._bills.get((told.company, told.said.refers_to))
        if bill is None:
            return _beside(told, Verdict.UNLISTED, FindingKind.REVERSAL_WITHOUT_ORIGINAL)
        if bill.undone:
            return _beside(told, Verdict.DUPLICATE, FindingKind.REVERSED_TWICE)
        bill.undone = True
        for row in bill.rows:
            row.undone = True
        self._give_back(bill)
        minus = {name: -fen for name, fen in bill.waived.items()}
        minus_fen = total_fen(minus)
        figures = Figures(-bill.waived_milli, told.said.waived_milli, minus_fen, minus_fen, told.said.waived_fen)
        figures = figures.parted(relieved(told.said), minus, tolerance_fen=0)
        taken = difference({}, bill.taken)
        own = told._replace(account_id=bill.root.account_id)
        judged = Judged(own, figures, self._verdict(told, figures), taken, -sum(bill.due.values()), undone=True)
        judged.accepted = NOTHING.minus(bill.accepted)
        self._seen.discard(_identity(bill.root))
        return self._answering(bill, judged)

    def _actual(self, told: Told) -> Judged:
        """Judge what the actual reading changes: the two bills together, the difference booked (edge cases 9, 10)."""
        bill = self._bills.get((told.company, told.said.refers_to))
        if bill is None or bill.undone:
            return _beside(told, Verdict.UNLISTED, FindingKind.REVERSAL_WITHOUT_ORIGINAL)
        before, due_before = bill.taken, sum(bill.due.values())
        root = bill.rows[0]  # whatever its meter said, the quantity is told now
        root.wrongs = tuple(one for one in root.wrongs if one.kind is not FindingKind.READING_BACKWARDS)
        bill.billed = corrected(bill.billed, told.said)
        listed, bill.taken = self._retaken(bill)
        rest = left_over(bill.billed, bill.credited_milli, bill.credited)
        due = self._amounts.lines(rest, bill.taken)
        due_fen, bill.due = total_fen(due), due or {}
        if bill.credits is not None:
            _credit(bill, bill.credits)
        bill.waived_milli += told.said.waived_milli
        bill.waived = together(bill.waived, relieved(told.said))
        own = self._own(rest, bill.waived_milli, bill.taken)
        waived_fen = sum(bill.waived.values())
        figures = Figures(sum(bill.taken.values()), bill.waived_milli, due_fen, due_fen, waived_fen)
        figures = figures.parted(bill.waived, own, self._amounts.policy(told.said.month_to).tolerance_fen)
        own_told, change = told._replace(account_id=bill.root.account_id), difference(bill.taken, before)
        judged = Judged(own_told, figures, self._verdict(told, figures), change, (due_fen or 0) - due_before)
        if bill.row.verdict is not Verdict.UNLISTED:
            self._check_listed(judged, listed=listed)
            judged.accepted = accepted(judged.verdict, figures).minus(bill.accepted)
        return self._answering(bill, judged)

    def _retaken(self, bill: _Bill) -> tuple[bool, Taken]:
        """Draw anew for the corrected quantity, from the months that the bill covers; say whether any is listed."""
        self._give_back(bill)
        bill.taken = {}
        of = bill.credits or bill
        most = min(bill.room_milli, of.room_milli)
        said = replace(bill.root.said, billable_milli=bill.billed.usage_milli)
        return self._draw(bill.root, said, most, of.relieved_milli)

    def _give_back(self, bill: _Bill) -> None:
        """Free what a bill has drawn."""
        self._allowances.book(bill.taken, bill.root.account_id, -1)
        if bill.credits is not None:
            _credit(bill, bill.credits, -1)

    def _answering(self, bill: _Bill, judged: Judged) -> Judged:
        """Let a row answer for the bill it undoes or corrects: the two together are right or wrong."""
        bill.row.answered_for = True
        if bill.row.verdict is Verdict.UNLISTED:
            judged.verdict = Verdict.UNLISTED
        for row in bill.rows:
            row.verdict = judged.verdict
        bill.rows.append(judged)
        return judged

    def finish(self, latest: Mapping[str, Horizon]) -> None:
        """Look at what became known after the bills: what is owed to them still, and what they drew in good faith.

        ``latest`` is, by company, what its newest list tells.
        """
        for judged in self._unlisted:
            judged.oddities = (self._why_unlisted(judged.told),)
        for month, account in sorted(self._allowances.places):
            mine = [one for one in self._drawing if one.root.account_id == account and not one.undone]
            if mine:
                self._look_back(month, account, mine, latest[mine[0].root.company])

    def _why_unlisted(self, told: Told) -> FindingKind:
        """Say why a row had nothing to draw: another company has drawn it, another month is listed, or nothing.

        What later lists tell is no matter: the answer would change with every month.
        """
        months = covered(told.said, self._amounts.policy(told.said.month_to))
        others = [bill for bill in self._drawing if bill.root.company != told.company and not bill.undone]
        if any(bill.taken.get(month) for bill in others for month in months):
            return FindingKind.CROSS_COMPANY
        mine = [month for month, account in self._allowances.places if account == told.account_id]
        listed = any(self._allowances.listed(month, told.account_id, told.known) > 0 for month in mine)
        return FindingKind.WRONG_MONTH if listed else FindingKind.UNAUTHORISED

    def _look_back(self, month: int, account: int, bills: list[_Bill], latest: Horizon) -> None:
        granted, drawn = self._allowances.listed(month, account, latest), self._allowances.drawn(month, account)
        excess, left = max(drawn - max(granted, 0), 0), max(granted - drawn, 0)
        for bill in reversed(bills):  # the last to draw is the first without a list
            part = min(excess, bill.taken.get(month, 0))
            if part > 0:
                bill.row.good[month] = part
                excess -= part
        for bill in bills:
            part = min(left, self._open(bill, latest)) if self._came_later(bill, month, latest) else 0
            if part > 0:
                bill.row.owed[month] = part
                bill.credited_milli += part
                left -= part

    def _open(self, bill: _Bill, latest: Horizon) -> int:
        """Return what of a bill's quantity its newest list lets be relieved, and nothing has relieved yet."""
        said = replace(bill.root.said, billable_milli=bill.billed.usage_milli)
        policy = self._amounts.policy(said.month_to)
        months = covered(said, policy)
        entitled = sum(self._allowances.listed(one, bill.root.account_id, latest) > 0 for one in months)
        return usable(said, months, entitled, policy) - bill.relieved_milli

    def _came_later(self, bill: _Bill, month: int, latest: Horizon) -> bool:
        """Whether a bill covers a month of which its list did not tell everything yet."""
        told = bill.root
        if bill.credits is not None or told.said.kind is BillKind.TOP_UP:
            return False
        if not told.said.month_from <= month <= told.said.month_to:
            return False
        known = self._allowances.listed(month, told.account_id, told.known)
        return known < self._allowances.listed(month, told.account_id, latest)


def _credit(credit: _Bill, bill: _Bill, sign: int = 1) -> None:
    """Note on a bill what a credit relieves of it, or with ``sign`` -1 does no more."""
    bill.credited_milli += sign * sum(credit.taken.values())
    bill.credited = together(bill.credited, {name: sign * fen for name, fen in credit.due.items()})


def _identity(told: Told) -> tuple[Any, ...]:
    """Return what makes two rows the same: once a bill is reversed, its id may come again."""
    said = told.said
    who = said.bill_id or (told.account_id, said.account, said.answer)
    return told.company, who, said.kind, said.month_from, said.refers_to


def _beside(told: Told, verdict: Verdict, oddity: FindingKind) -> Judged:
    """Return the judgement of a row that draws nothing and stands beside all sums."""
    said = told.said
    return Judged(told, Figures(0, said.waived_milli, 0, 0, said.waived_fen), verdict, oddities=(oddity,))


def judge(
    amounts: Amounts, told: Iterable[Told], listings: Iterable[Listing], latest: Mapping[str, Horizon]
) -> list[Judged]:
    """Judge all rows of one household at one service, from nothing, in the order of the bills."""
    bills = Bills(amounts, Allowances(listings))
    judged = [bills.add(one) for one in sorted(told, key=order)]
    bills.finish(latest)
    return judged
