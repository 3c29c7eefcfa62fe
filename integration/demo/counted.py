"""The demo's own count of what the reports come to: the balance of every month, and what a settlement must state.

Plain sums over the truth of the lines in force; nothing is asked of the hub.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Final

from integration.demo.city import Number
from integration.demo.replies import Replies, Report
from integration.demo.rows import STRANGE, Line
from integration.demo.steps import Step
from integration.demo.truth import ALLOWANCE_MILLI
from schemas.values import Month, months_between

#: Answers that say why nothing is relieved.
_REFUSALS: Final = frozenset(
    ("NOT_CONNECTED", "NOT_FOUND", "NOT_OUR_CUSTOMER", "CLOSED", "NON_DOMESTIC", "DUP_ACCOUNT", "OPT_OUT")
)
_CYCLES: Final = {"bimonthly_odd": 1, "bimonthly_even": 0}
#: A card's allowance may wait until the second report after its month.
_CARD_WAITS: Final = 2


def in_force(steps: Sequence[Step], until: int) -> dict[tuple[str, Month], list[Report]]:
    """Return the reports that stand after the step of that index, by company and report month."""
    found: dict[tuple[str, Month], list[Report]] = {}
    for step in steps[: until + 1]:
        if step.reply is not None and step.expect.state == "applied":
            mine = found.setdefault((step.reply.company, step.reply.month), [])
            if step.reply.kind != "supplement":
                mine.clear()
            mine.append(step.reply)
    return found


# --- the balance -------------------------------------------------------------------------------------------------


@dataclass
class Parts:
    """The parts of a month's balance in litres, as the hub names them."""

    listed: int = 0
    drawn: int = 0
    lapsed: int = 0
    awaiting: int = 0
    refused: int = 0
    unanswered: int = 0
    over: int = 0
    short: int = 0
    unauthorised: int = 0
    duplicate: int = 0
    good_faith: int = 0

    def add(self, name: str, litres: int) -> None:
        """Add to a part."""
        setattr(self, name, getattr(self, name) + litres)

    def items(self) -> Iterator[tuple[str, int]]:
        """Yield every part with its name."""
        for one in fields(self):
            yield one.name, getattr(self, one.name)


class Count:
    """Counts a company's lines in force. All three months are reported."""

    def __init__(self, replies: Replies, company: str, reports: Iterable[Report]) -> None:
        self._rolls = replies.rolls[company]
        self._accounts = {**replies.filed.accounts, **replies.filed.former}
        self._first = replies.city.first_month
        self.lines = [line for report in reports for line in report.lines]
        #: Lines of which anything stands beside the balance.
        self._beside = [line for line in self.lines if line.standing != "agreed" or line.good]
        self._of: defaultdict[tuple[Number, Month], list[Line]] = defaultdict(list)
        for line in self.lines:
            for month in {*months_between(line.row.first, line.row.last), *line.due, *line.owed}:
                self._of[line.place, month].append(line)

    def balance(self, month: Month) -> Parts:
        """Return what became of a month's listed allowances, and what stands beside them."""
        parts = Parts()
        for place, months in self._rolls[-1].items():
            if month in months:
                self._add_allowance(parts, place, month)
        for line in self._beside:
            self._add_beside(parts, line, month)
        return parts

    def _add_allowance(self, parts: Parts, place: Number, month: Month) -> None:
        lines = self._of[place, month]
        drawn = sum(line.due.get(month, 0) - line.good.get(month, 0) for line in lines)
        owed = sum(line.owed.get(month, 0) for line in lines)
        parts.listed += ALLOWANCE_MILLI
        parts.drawn += drawn
        if owed:
            parts.add("unanswered" if self._is_over(place, month) else "awaiting", owed)
        if drawn + owed != ALLOWANCE_MILLI:
            parts.add(self._rest(place, month, lines), ALLOWANCE_MILLI - drawn - owed)

    def _rest(self, place: Number, month: Month, lines: Sequence[Line]) -> str:
        """Say what becomes of what no bill has drawn."""
        answers = {line.row.answer for line in lines if line.row.kind == "NONE"}
        is_over = self._is_over(place, month)
        if any(line.covers and line.standing not in ("unlisted", "duplicate") for line in lines):
            return "awaiting" if self._accounts[place].cycle == "top_up" and not is_over else "lapsed"
        if answers & _REFUSALS:
            return "refused"
        if answers & {"HELD", STRANGE}:
            return "unanswered"
        if not is_over:
            return "awaiting"
        return "lapsed" if "PREPAID_NO_PURCHASE" in answers else "unanswered"

    def _is_over(self, place: Number, month: Month) -> bool:
        """Whether the report has come in which the allowance had to be answered at the latest."""
        told = next(turn for turn, roll in enumerate(self._rolls) if month in roll.get(place, ()))
        last, cycle = max(month, self._first.plus(told)), self._accounts[place].cycle
        if cycle == "top_up":
            last = last.plus(_CARD_WAITS)
        elif cycle in _CYCLES and last.number % 2 != _CYCLES[cycle]:
            last = last.plus(1)
        return last <= self._first.plus(len(self._rolls) - 1)

    def _add_beside(self, parts: Parts, line: Line, month: Month) -> None:
        reported, due = line.laid().get(month, 0), line.due.get(month, 0)
        parts.good_faith += line.good.get(month, 0)
        if line.standing == "unlisted":
            parts.unauthorised += reported
        elif line.standing == "duplicate":
            parts.duplicate += reported
        else:
            parts.over += max(reported - due, 0)
            parts.short += max(due - reported, 0)


# --- settlements -------------------------------------------------------------------------------------------------


@dataclass
class Sum:
    """Rows, litres and fen."""

    rows: int = 0
    milli: int = 0
    fen: int = 0

    def add(self, rows: int, milli: int, fen: int) -> None:
        """Add to it."""
        self.rows += rows
        self.milli += milli
        self.fen += fen


_BESIDE: Final = {"unlisted": "unauthorised", "duplicate": "duplicate", "open": "undecided"}


class Settled:
    """What a settlement of some lines must state, by the names that it uses; ``months`` are the accepted litres."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self.sums: defaultdict[str, Sum] = defaultdict(Sum)
        self.months: defaultdict[Month, int] = defaultdict(int)
        self.credit_balance = 0
        for line in lines:
            self._add(line)

    def _add(self, line: Line) -> None:
        row = line.row
        self.sums["reported"].add(1, row.waived, row.relief)
        self.credit_balance += row.balance
        if row.answer == "APPLIED_FLAT":
            for name in ("flat_basis", "flat_unproven"):  # no file of the demonstration has a column for a proof
                self.sums[name].add(1, row.waived, row.relief)
        if line.standing in _BESIDE:
            self.sums[_BESIDE[line.standing]].add(1, row.waived, row.relief)
            return
        self._accept(line)
        for month, litres in line.good.items():
            self.sums["good_faith"].add(1, litres, _share(line, month))

    def _accept(self, line: Line) -> None:
        row, accepted = line.row, self.sums["accepted"]
        litres = min(row.waived, line.due_milli) if line.standing == "over" else row.waived
        fen = {"over": min(row.relief, line.due_fen), "price_unknown": 0}.get(line.standing, row.relief)
        accepted.add(1, litres, fen)
        for month, laid in line.laid().items():
            self.months[month] += min(laid, line.due.get(month, 0)) if line.standing == "over" else laid
        if line.standing == "over":
            self.sums["over"].add(1, row.waived - litres, row.relief - fen)
        elif line.standing == "short":
            self.sums["short"].add(1, line.due_milli - row.waived, line.due_fen - row.relief)
        elif line.standing == "price_unknown":
            self.sums["price_unknown"].add(1, 0, row.relief)


def _share(line: Line, month: Month) -> int:
    """Return a month's share of what a line is worth, in whole fen; the later month bears the rest."""
    up_to = sum(litres for one, litres in line.due.items() if one <= month)
    before = up_to - line.due[month]
    return line.due_fen * up_to // line.due_milli - line.due_fen * before // line.due_milli
