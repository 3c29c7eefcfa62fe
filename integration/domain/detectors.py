"""What the nightly detectors look for: who gets nothing, flags that no list knows, silence, and sudden change.

Every rule is about values; what is worth a look is gathered by storage, what follows from it is said here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from itertools import takewhile
from typing import Final, NamedTuple

from integration.domain.balance import Alike, Reported, Standing, answer_of, standing
from schemas.findings import FindingKind, Lack
from schemas.reports import Answer
from schemas.values import Month

# --- nobody relieves them -------------------------------------------------------------------------------


class Allowance(NamedTuple):
    """A household's allowance of a month, and what became of it; quantities in thousandths of the unit.

    ``company`` is empty while it stands at "none yet". ``alike`` says what it has in common with others; None where
    the company has not been told of it, or nobody could be.
    """

    month: Month
    company: str
    account_id: int
    granted_milli: int
    waived_milli: int = 0
    due_milli: int = 0
    alike: Alike | None = None


#: Answers that say that there was no bill to draw from.
_NO_BILL: Final = frozenset({Answer.NO_BILL_DUE, Answer.PREPAID_NO_PURCHASE})


def is_decided(one: Allowance, reported: Reported | None, current: Month) -> bool:
    """Whether a month has had its time: answered or overdue, or at none yet and no later than the present month.

    ``reported`` is None where there is no such company any more: nothing is expected of it.
    """
    if not one.company:
        return one.month <= current
    if one.alike is None or reported is None:
        return False
    return one.alike.has_bill or standing(one.alike, reported) is not Standing.AWAITING


def lack(one: Allowance, reported: Reported | None) -> Lack | None:
    """Say why a month that is decided brought no relief; None where it did, or where nothing was used.

    Zero usage is no fault: the company made out the bill, and there was nothing to relieve (edge case 2).
    """
    if not one.company:
        return Lack.UNMATCHED
    if one.alike is None or reported is None or one.waived_milli > 0:
        return None
    if one.alike.has_bill:
        return Lack.WITHHELD if one.due_milli > 0 else None
    if answer_of(one.alike.answer) in _NO_BILL:
        return Lack.NO_BILL
    return Lack.REFUSED if standing(one.alike, reported) is Standing.REFUSED else Lack.SILENT


def lacking(decided: Sequence[tuple[Allowance, Lack | None]], months: int) -> list[tuple[Allowance, Lack]]:
    """Return the unbroken run of months without relief that reaches to the newest, if it has so many months.

    ``decided`` are a household's decided months at a service, each once, in order. Months without an allowance are
    not among them, and break the run.
    """
    run: list[tuple[Allowance, Lack]] = []
    for one, why in takewhile(lambda pair: pair[1] is not None, reversed(decided)):
        if why is None or (run and run[-1][0].month.minus(one.month) != 1):
            break
        run.append((one, why))
    return run[::-1] if len(run) >= months else []


# --- flags in the companies' rosters (edge case 62) -----------------------------------------------------


class Flagged(NamedTuple):
    """An account as the company's newest roster has it; ``until`` is the flag's last month YYYYMM, or None.

    ``listed`` as far as the company knew when it made its roster, ``listed_now`` by its newest list.
    """

    account_id: int
    low_income: bool
    until: int | None
    listed: bool
    listed_now: bool


def flag_finding(one: Flagged, month: Month) -> FindingKind | None:
    """Say what is wrong with a flag in a month.

    An account is an orphan where neither list names it: a flag set early for a list that is out already is none. It
    lacks the flag where both do: the company knew it then, and it is listed still. A flag that has run out on an
    account that nobody lists has done what it should.
    """
    ended = one.until is not None and one.until < int(month)
    if one.low_income and not ended:
        return None if one.listed or one.listed_now else FindingKind.ORPHAN_FLAG
    if not (one.listed and one.listed_now):
        return None
    return FindingKind.FLAG_EXPIRED if one.low_income else FindingKind.FLAG_LOST


# --- silence (edge case 78) ------------------------------------------------------------------------------------------


def is_overdue(since: date, days: int, today: date) -> bool:
    """Whether so many days have gone by since a day; the last of them is still in time."""
    return today > since + timedelta(days=days)


# --- sudden change -------------------------------------------------------------------------------------


def varies(before: int, now: int, per_mille: int) -> bool:
    """Whether a figure differs from the one before by so much or more; where nothing stood, nothing is compared."""
    return before > 0 and abs(now - before) * 1000 >= per_mille * before


def comparable(complete: Iterable[Month]) -> list[Month]:
    """Return the months of which the one before is complete as well, in order: what is unknown is not zero."""
    known = set(complete)
    return sorted(month for month in known if month.plus(-1) in known)
