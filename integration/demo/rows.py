"""What a company writes about a bill, what is truly due on it, and which findings must come of what it writes wrongly.

A ``Line`` holds both sides: the row as it is reported, and beside it the truth, which the hub never sees.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from integration.demo.city import Key, Number
from schemas.findings import FindingKind
from schemas.values import Month

#: An answer that no company has agreed with the hub.
STRANGE: Final = "STRANGE"
#: Whom a stranger's row is about.
NOBODY: Final[Number] = ("", "")
#: What is drawn where nothing is.
NOTHING: Final[Mapping[Month, int]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a report.

    ``about`` is the account whose reference from the lists it bears; ``stranger`` stands in a row about nobody.
    ``number`` is the account number as written, ``answer`` a word of the canonical form or ``STRANGE``. Quantities in
    litres, amounts in fen; ``before``, ``relief`` and ``after`` are those of the basic price.
    """

    number: str
    about: Number
    issued_on: date
    first: Month
    last: Month
    list_number: int
    answer: str
    kind: str = "BILL"
    bill_id: str = ""
    refers_to: str = ""
    use: int = 0
    waived: int = 0
    version: str = ""
    price_e4: int = 0
    before: int = 0
    relief: int = 0
    after: int = 0
    sewage: int = 0
    balance: int = 0
    annual_before: int = 0
    reading: int = 0
    estimated: bool = False
    words: str = ""
    stranger: str = ""

    def claiming(self, waived: int, relief: int) -> Row:
        """Return the row with another relief, its charges adding up."""
        return replace(self, waived=waived, relief=relief, after=self.before - relief)


#: What becomes of a row in a settlement.
Standing = Literal["agreed", "over", "short", "unlisted", "duplicate", "open", "price_unknown"]


@dataclass(frozen=True, slots=True)
class Line:
    """A row and its truth.

    ``due`` is what it draws by month, worth ``due_fen``. ``covers``: it is a bill of its months that was never undone.
    ``owed`` is a credit that should have followed, ``good`` what it drew by a list that later knowledge changed.
    """

    row: Row
    key: Key | None
    due: Mapping[Month, int]
    due_fen: int
    standing: Standing = "agreed"
    covers: bool = True
    owed: Mapping[Month, int] = field(default_factory=lambda: NOTHING)
    good: Mapping[Month, int] = field(default_factory=lambda: NOTHING)

    @property
    def due_milli(self) -> int:
        """All that it draws."""
        return sum(self.due.values())

    @property
    def place(self) -> Number:
        """The account that it is about."""
        return self.row.about

    def laid(self) -> Mapping[Month, int]:
        """Lay what was reported over the months as it is due, the rest on the last month."""
        if self.row.waived == self.due_milli:
            return self.due
        sign = -1 if self.row.waived < 0 else 1
        rest, found = abs(self.row.waived), dict[Month, int]()
        for month, litres in sorted(self.due.items()):
            found[month] = min(rest, abs(litres))
            rest -= found[month]
        found[self.row.last] = found.get(self.row.last, 0) + rest
        return {month: sign * litres for month, litres in found.items() if litres}


class Wanted(NamedTuple):
    """A finding that must be open from a step of the story on (``since``) until another (``until``, "" never).

    ``month`` is the allowance month, ``account`` the newest number; ``key`` is the household's.
    """

    kind: FindingKind
    company: str
    month: Month
    report_month: Month
    milli: int
    fen: int
    key: Key | None = None
    account: str = ""
    bill_id: str = ""
    households: int = 1
    since: str = ""
    until: str = ""


#: Who must act on it; the company on all others.
WHO: Final[Mapping[FindingKind, str]] = {
    FindingKind.REFUSED: "office",
    FindingKind.REUSED_NUMBER: "office",
    FindingKind.GOOD_FAITH: "supervisor",
}


def about_row(kind: FindingKind, company: str, month: Month, line: Line, milli: int, fen: int) -> Wanted:
    """Return the finding that a row makes in a month's report."""
    row = line.row
    return Wanted(kind, company, row.first, month, milli, fen, line.key, row.about[1], row.bill_id)


def whole(kind: FindingKind, company: str, month: Month, line: Line) -> Wanted:
    """Return a finding in which all that the row relieves is at stake."""
    return about_row(kind, company, month, line, abs(line.row.waived), abs(line.row.relief))
