"""The report 回盘: what a company says it did, one bill a row, or why there is no bill."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from schemas.registry import Day
from schemas.rosters import AccountNumber


class ReportKind(StrEnum):
    """How a file of a report stands to those of its month before it (edge case 81).

    A REPLACE takes the place of everything reported for the month so far; a SUPPLEMENT adds rows.
    """

    ORIGINAL = "original"
    REPLACE = "replace"
    SUPPLEMENT = "supplement"


class BillKind(StrEnum):
    """What kind of bill a row tells of.

    REVERSAL 冲正 undoes the bill it refers to, and REBILL is what stands in its place; ACTUAL corrects an estimated
    bill by the difference of its quantity; RETRO credits an earlier bill, whose quantity and price it repeats; NONE
    is an answer without a bill.
    """

    BILL = "BILL"
    SUPPLEMENTARY = "SUPPLEMENTARY"
    TOP_UP = "TOP_UP"
    RETRO = "RETRO"
    REVERSAL = "REVERSAL"
    ACTUAL = "ACTUAL"
    REBILL = "REBILL"
    NONE = "NONE"


class Answer(StrEnum):
    """The company's answer 结果码 to a list row; what it does not know is UNKNOWN, with the raw text beside it."""

    APPLIED = "APPLIED"
    APPLIED_LT_CAP = "APPLIED_LT_CAP"
    APPLIED_DIFF_ACCT = "APPLIED_DIFF_ACCT"
    APPLIED_DIFF_HOLDER = "APPLIED_DIFF_HOLDER"
    APPLIED_FLAT = "APPLIED_FLAT"
    ZERO_USAGE = "ZERO_USAGE"
    NO_BILL_DUE = "NO_BILL_DUE"
    NOT_CONNECTED = "NOT_CONNECTED"
    NOT_FOUND = "NOT_FOUND"
    NOT_OUR_CUSTOMER = "NOT_OUR_CUSTOMER"
    CLOSED = "CLOSED"
    NON_DOMESTIC = "NON_DOMESTIC"
    DUP_ACCOUNT = "DUP_ACCOUNT"
    OPT_OUT = "OPT_OUT"
    PREPAID_NO_PURCHASE = "PREPAID_NO_PURCHASE"
    HELD = "HELD"
    REVERSED = "REVERSED"
    CORRECTED = "CORRECTED"
    UNKNOWN = "UNKNOWN"


#: No bill is older than this century, or of the next.
MonthInt = Annotated[int, Meta(ge=200001, le=209912)]
#: What no single bill comes near: a number beyond it has lost its unit.
Milli = Annotated[int, Meta(ge=-(10**9), le=10**9)]
Fen = Annotated[int, Meta(ge=-(10**11), le=10**11)]
PriceE4 = Annotated[int, Meta(ge=0, le=10**9)]


class ReportHead(msgspec.Struct, frozen=True, kw_only=True):
    """What a report's file says of itself.

    ``month`` (YYYYMM) is the report month: its bills were issued in it. ``edition`` numbers the files of one month,
    1 the original; where a company does not number them, the order of arrival does. ``created_on`` is YYYYMMDD.
    """

    company: str
    kind: ReportKind
    month: MonthInt
    edition: Annotated[int, Meta(ge=1, le=9999)] | None = None
    created_on: Day | None = None


class Component(msgspec.Struct, frozen=True, array_like=True):
    """One price component of a bill: ``basic`` water or gas price, ``sewage``, ``resource`` fee, …

    Amounts in fen, ``price_e4`` in 1/10,000 yuan a unit, tax included. ``price_version`` names the tariff, "" the
    one in force. ``other_waived_fen`` is what other programmes relieve of the same charge (edge case 26). Of a
    ``penalty`` the charge before is that on the whole principal, after that on what the waiver leaves (edge case 28).
    """

    component: Annotated[str, Meta(min_length=1, max_length=40)]
    price_version: Annotated[str, Meta(max_length=40)]
    price_e4: PriceE4
    charge_before_fen: Fen
    waived_fen: Fen
    charge_after_fen: Fen
    other_waived_fen: Fen = 0


class ReportRow(msgspec.Struct, frozen=True, kw_only=True):
    """One bill of one account, or an answer without a bill (``kind`` NONE).

    ``list_number`` is the list the company followed, 0 if it does not say. ``reference`` is the list row's, "" for an
    account the company relieved by itself. The bill covers the months ``month_from`` to ``month_to`` (YYYYMM), was
    issued on ``issued_on`` (YYYYMMDD), and ``refers_to`` the id of an earlier one. Quantities are thousandths of the
    unit; ``billable_milli`` is what was charged for (of ACTUAL the difference to the estimate, of RETRO the old
    bill's), ``annual_before_milli`` the account's quantity of the year before this bill. ``balance_fen`` is what of a
    RETRO credit the next bill could not take, ``debt_fen`` what of one was set against older debts. ``proof`` names the
    paper by which a master account shows that it passed a flat relief on (edge case 31). ``answer_text`` holds the
    company's own code where it is not known.
    """

    list_number: Annotated[int, Meta(ge=0, le=999_999_999)] = 0
    reference: Annotated[str, Meta(max_length=40)] = ""
    account: AccountNumber
    bill_id: Annotated[str, Meta(max_length=60)] = ""
    kind: BillKind = BillKind.BILL
    refers_to: Annotated[str, Meta(max_length=60)] = ""
    issued_on: Day
    month_from: MonthInt
    month_to: MonthInt
    reading_from_milli: Milli | None = None
    reading_to_milli: Milli | None = None
    estimated: bool = False
    billable_milli: Milli = 0
    waived_milli: Milli = 0
    annual_before_milli: Milli | None = None
    components: tuple[Component, ...] = ()
    balance_fen: Fen = 0
    debt_fen: Fen = 0
    proof: Annotated[str, Meta(max_length=60)] = ""
    answer: Answer
    answer_text: Annotated[str, Meta(max_length=200)] = ""

    @property
    def waived_fen(self) -> int:
        """What was waived on all components, in fen."""
        return sum(part.waived_fen for part in self.components)
