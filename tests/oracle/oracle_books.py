"""What stands in a company's books in the end: a month's balance, and the totals of a report month's settlement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date

from oracle import Outcome
from oracle_bills import Judged
from oracle_histories import MONTHS, Life
from oracle_lists import Row

from schemas.values import Month

_REFUSED = ("NOT_FOUND",)
_UNDECIDED = ("HELD",)


@dataclass(frozen=True)
class Reporting:
    """How a company has reported: the months reported as a whole, and the last month that should have been."""

    months: Collection[Month]
    overdue_to: Month
    accrual: int

    def over(self, month: Month) -> bool:
        """Whether a month's report is here, or should be."""
        return month in self.months or month <= self.overdue_to


def overdue_to(day: date, due_day: int) -> Month:
    """The last month whose report should be here: it is due at the end of a day of the month after."""
    return Month.of(day).plus(-1 if day.day > due_day else -2)


def balance(life: Life, outcome: Outcome, company: str, month: Month, reporting: Reporting) -> Counter[str]:
    """What became of what one household is listed with for a month: thousandths by what became of them."""
    found: Counter[str] = Counter()
    for account in {home.account for home in life.homes if home.company == company}:
        listed = outcome.told[company].told(month, len(MONTHS), account)
        if not listed:
            continue
        mine = [one for one in outcome.judged if (one.row.company, one.row.account) == (company, account)]
        drawn = sum(one.drawn.get(month, 0) - one.good.get(month, 0) for one in mine)
        owed = sum(one.owed.get(month, 0) for one in mine)
        told = max(n for n, rows in outcome.told[company].lists.items() if _tells(rows, month, account))
        answered_by = max(month, MONTHS[told - 1])
        if life.prepaid:
            answered_by = answered_by.plus(reporting.accrual - 1)
        over = reporting.over(answered_by)
        found.update(listed=listed, drawn=drawn)
        found["unanswered" if over else "awaiting"] += owed
        found[_became(life, mine, month, over=over)] += listed - drawn - owed
    return found


def _tells(rows: Collection[Row], month: Month, account: str) -> bool:
    return any(row.month == month and row.account == account and row.quantity for row in rows)


def _became(life: Life, judged: Collection[Judged], month: Month, *, over: bool) -> str:
    """What became of what no bill drew."""
    if any(one.covers(month) for one in judged):
        return "awaiting" if life.prepaid and not over else "lapsed"
    covering = [one for one in judged if one.touches(month)]
    answers = {one.row.answer for one in covering if one.row.kind == "NONE" and one.row.answer != "ZERO_USAGE"}
    if answers & set(_REFUSED):
        return "refused"
    if answers & set(_UNDECIDED):
        return "unanswered"
    if not over:
        return "awaiting"
    return "lapsed" if "PREPAID_NO_PURCHASE" in answers else "unanswered"


def totals(outcome: Outcome, company: str, month: Month) -> Counter[str]:
    """One household's part in the settlement of a report month: thousandths, and fen of what is accepted."""
    found: Counter[str] = Counter()
    for one in outcome.judged:
        if one.row.company != company or Month.of(one.row.issued) != month:
            continue
        found.update(reported=one.row.waived, accepted=one.settled_milli, accepted_fen=one.settled_fen)
        for name, quantity in _beside(one):
            found[name] += quantity
    return found


def _beside(one: Judged) -> Iterator[tuple[str, int]]:
    if one.verdict == "over":
        yield "over", one.row.waived - one.settled_milli
    elif one.verdict == "short":
        yield "short", sum(one.drawn.values()) - one.settled_milli
    elif one.verdict in _NAMES:
        yield _NAMES[one.verdict], one.row.waived
    yield "good_faith", sum(one.good.values())


_NAMES = {"open": "undecided", "unlisted": "unauthorised", "duplicate": "duplicate"}
