"""What companies get wrong in their reports: each way changes a truthful line, and says which findings must come of it.

A mistake gets the line of a household without trouble; it returns the lines that stand in its place. What is due stays
as it was: the truth does not follow a mistake.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from integration.demo import prices
from integration.demo.billing import Billing
from integration.demo.corrections import reversal
from integration.demo.rows import NOBODY, STRANGE, Line, Standing, Wanted, about_row, whole
from integration.demo.truth import ALLOWANCE_MILLI
from schemas.findings import FindingKind
from schemas.values import Month, months_between


@dataclass(frozen=True)
class Case:
    """A truthful line in its report: the company's program and the place of the month in the story.

    ``other`` is the number of somebody else's account, ``old`` is the same account's line of the month before.
    """

    billing: Billing
    turn: int
    line: Line
    other: str
    old: Line | None = None

    @property
    def month(self) -> Month:
        """The report month."""
        return self.billing.first.plus(self.turn)

    @property
    def company(self) -> str:
        """The company."""
        return self.billing.company

    def row_wrong(self, kind: FindingKind, line: Line, milli: int, fen: int) -> Wanted:
        """Return a finding about a row."""
        return about_row(kind, self.company, self.month, line, milli, fen)

    def wholly_wrong(self, kind: FindingKind, line: Line) -> Wanted:
        """Return a finding in which all that a row relieves is at stake."""
        return whole(kind, self.company, self.month, line)

    def unsettled(self, kind: FindingKind) -> list[Wanted]:
        """Return the findings about the allowances of the bill's months, if there is no bill."""
        return [self.allowance(kind, month) for month in self.months if month in self.listed]

    def allowance(self, kind: FindingKind, month: Month, litres: int = ALLOWANCE_MILLI) -> Wanted:
        """Return a finding about an allowance without money: it weighs what its month's first price makes it."""
        fen = prices.flat(litres, prices.first_price(self.company, month.last))
        account = self.line.row.about[1]
        return Wanted(kind, self.company, month, self.month, litres, fen, self.line.key, account)

    @property
    def months(self) -> tuple[Month, ...]:
        """The months of the bill."""
        return tuple(months_between(self.line.row.first, self.line.row.last))

    @property
    def listed(self) -> Mapping[Month, object]:
        """The months that the list names for the account."""
        return self.billing.rolls[self.turn].get(self.line.row.about, {})

    def worth(self, litres: int) -> int:
        """Return what so many litres of the bill are worth."""
        row = self.line.row
        if row.kind == "TOP_UP":
            return prices.worth_on(self.company, row.issued_on, litres)
        return prices.worth(self.company, {row.last: litres})


#: What becomes of a line, and which findings must be open then.
Slip = tuple[list[Line], list[Wanted]]


def _over_quantity(case: Case) -> Slip:
    row = case.line.row
    relief = case.worth(row.waived + 1000)
    line = replace(case.line, row=row.claiming(row.waived + 1000, relief), standing="over")
    return [line], [case.row_wrong(FindingKind.OVER_QUANTITY, line, 1000, relief - case.line.due_fen)]


def _under_quantity(case: Case) -> Slip:
    row = case.line.row
    relief = case.worth(row.waived - 1000)
    line = replace(case.line, row=row.claiming(row.waived - 1000, relief), standing="short")
    return [line], [case.row_wrong(FindingKind.UNDER_QUANTITY, line, 1000, case.line.due_fen - relief)]


def _fen_for_yuan(case: Case) -> Slip:
    row = case.line.row
    hundredfold = {name: getattr(row, name) * 100 for name in ("before", "relief", "after")}
    line = replace(case.line, row=replace(row, **hundredfold), standing="over")
    return [line], [case.row_wrong(FindingKind.OVER_AMOUNT, line, 0, row.relief * 99)]


def _less_money(case: Case) -> Slip:
    row = case.line.row
    line = replace(case.line, row=row.claiming(row.waived, row.relief * 9 // 10), standing="short")
    return [line], [case.row_wrong(FindingKind.UNDER_AMOUNT, line, 0, row.relief - line.row.relief)]


def _version(case: Case, version: str) -> Slip:
    line = replace(case.line, row=replace(case.line.row, version=version), standing="price_unknown", due_fen=0)
    return [line], [case.row_wrong(FindingKind.PRICE_UNKNOWN, line, 0, line.row.relief)]


def _not_sum(case: Case) -> Slip:
    line = replace(case.line, row=replace(case.line.row, after=case.line.row.after - 7))
    return [line], [case.row_wrong(FindingKind.TOTAL_NOT_SUM, line, 0, 7)]


def _wrong_account(case: Case) -> Slip:
    line = replace(case.line, row=replace(case.line.row, number=case.other))
    return [line], [case.wholly_wrong(FindingKind.WRONG_ACCOUNT, line)]


def _wrong_list(case: Case) -> Slip:
    line = replace(case.line, row=replace(case.line.row, list_number=77))
    return [line], [case.wholly_wrong(FindingKind.WRONG_LIST, line)]


def _open_bill(case: Case, answer: str, words: str = "") -> Slip:
    line = replace(case.line, row=replace(case.line.row, answer=answer, words=words), standing="open")
    return [line], [case.wholly_wrong(FindingKind.ANSWER_OPEN, line)]


def _held_in_words(case: Case) -> Slip:
    """The company's own words may name somebody: they must stand nowhere in plain bytes."""
    return _open_bill(case, "HELD", f"户主{case.billing.accounts[case.line.row.about].holder}已搬走，待核")


def _contradicts(case: Case) -> Slip:
    line = replace(case.line, row=replace(case.line.row, answer="NOT_FOUND"))
    return [line], [case.wholly_wrong(FindingKind.ANSWER_CONTRADICTS, line)]


def _instead(case: Case, answer: str, standing: Standing = "agreed") -> Line:
    line = case.billing.answered(case.line.row.about, case.turn, case.months, answer)
    return replace(line, standing=standing)


def _refused(case: Case, answer: str) -> Slip:
    return [_instead(case, answer)], case.unsettled(FindingKind.REFUSED)


def _undecided(case: Case, answer: str) -> Slip:
    return [_instead(case, answer, "open")], case.unsettled(FindingKind.ANSWER_OPEN)


def _missing(case: Case) -> Slip:
    return [], case.unsettled(FindingKind.MISSING)


def _twice(case: Case) -> Slip:
    again = replace(case.line, due={}, due_fen=0, standing="duplicate", covers=False)
    return [case.line, again], [case.wholly_wrong(FindingKind.DUPLICATE_ROW, again)]


def _wrong_month(case: Case) -> Slip:
    before = case.billing.first.plus(-1)
    row = replace(case.line.row, first=before, last=before)
    line = Line(row, case.line.key, {}, 0, "unlisted", covers=False)
    return [line], [case.wholly_wrong(FindingKind.WRONG_MONTH, line), *case.unsettled(FindingKind.MISSING)]


def _unlisted(case: Case, reference: str) -> Slip:
    """Beside the truthful line stands one of somebody on no list."""
    said = case.line.row
    row = replace(said, about=NOBODY, number=case.other, stranger=reference, bill_id=f"{said.bill_id}X")
    line = Line(row, None, {}, 0, "unlisted", covers=False)
    return [case.line, line], [case.wholly_wrong(FindingKind.UNAUTHORISED, line)]


def _no_original(case: Case) -> Slip:
    """Beside the truthful line, something is reversed that was never reported."""
    said = case.line.row
    minus = {name: -getattr(said, name) for name in ("use", "waived", "before", "relief", "after", "sewage")}
    row = replace(said, kind="REVERSAL", bill_id=f"{said.bill_id}V", refers_to="0000", answer="REVERSED", **minus)
    line = Line(row, case.line.key, {}, 0, "unlisted", covers=False)
    return [case.line, line], [case.wholly_wrong(FindingKind.REVERSAL_WITHOUT_ORIGINAL, line)]


def _reversed_twice(case: Case) -> Slip:
    """The bill of the month before is reversed, written anew, and reversed once more."""
    if case.old is None:
        raise ValueError("nothing to reverse")
    first = reversal(case.billing, case.old, case.turn)
    place = case.line.row.about
    anew = case.billing.bill(place, case.turn, (case.old.row.last,), 5000, "REBILL")
    day = first.row.issued_on
    row = replace(anew.row, bill_id=f"{anew.row.bill_id}N", refers_to=case.old.row.bill_id, issued_on=day)
    again = replace(first.row, bill_id=f"{first.row.bill_id}2", issued_on=day.replace(day=day.day + 2))
    second = Line(again, case.line.key, {}, 0, "duplicate", covers=False)
    lines = [case.line, first, replace(anew, row=replace(row, answer="CORRECTED")), second]
    return lines, [case.wholly_wrong(FindingKind.REVERSED_TWICE, second)]


#: Every way in which a line goes wrong.
SLIPS: Final[Mapping[str, Callable[[Case], Slip]]] = {
    "over_quantity": _over_quantity,
    "under_quantity": _under_quantity,
    "fen_for_yuan": _fen_for_yuan,
    "less_money": _less_money,
    "unknown_version": partial(_version, version="2099Z"),
    "later_version": partial(_version, version="2026S"),
    "not_sum": _not_sum,
    "wrong_account": _wrong_account,
    "wrong_list": _wrong_list,
    "held_bill": partial(_open_bill, answer="HELD"),
    "held_in_words": _held_in_words,
    "strange_bill": partial(_open_bill, answer=STRANGE),
    "contradicts": _contradicts,
    "not_found": partial(_refused, answer="NOT_FOUND"),
    "closed": partial(_refused, answer="CLOSED"),
    "opted_out": partial(_refused, answer="OPT_OUT"),
    "non_domestic": partial(_refused, answer="NON_DOMESTIC"),
    "not_ours": partial(_refused, answer="NOT_OUR_CUSTOMER"),
    "duplicate_account": partial(_refused, answer="DUP_ACCOUNT"),
    "not_connected": partial(_refused, answer="NOT_CONNECTED"),
    "undecided": partial(_undecided, answer="HELD"),
    "strange_answer": partial(_undecided, answer=STRANGE),
    "missing": _missing,
    "twice": _twice,
    "wrong_month": _wrong_month,
    "unlisted": partial(_unlisted, reference=""),
    "unknown_reference": partial(_unlisted, reference="ZZZZZZZZZZZZZZZZ"),
    "no_original": _no_original,
    "reversed_twice": _reversed_twice,
}
