"""The report 回盘: what a company says it did, one bill a row."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from schemas.values import Service


class ReportKind(StrEnum):
    """How a file of a report stands to those before it (edge case 81)."""

    ORIGINAL = "original"
    REPLACE = "replace"
    SUPPLEMENT = "supplement"


class BillKind(StrEnum):
    """What kind of bill a row tells of."""

    BILL = "BILL"
    REVERSAL = "REVERSAL"
    REBILL = "REBILL"
    SUPPLEMENTARY = "SUPPLEMENTARY"
    TOP_UP = "TOP_UP"
    RETRO = "RETRO"


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


class TierSegment(msgspec.Struct, frozen=True):
    """A part of a component's quantity that lies in one price tier."""

    tier: int
    quantity_milli: int
    price_e4: int


class Component(msgspec.Struct, frozen=True):
    """One price component of a bill: basic water price, sewage, resource fee, …"""

    component: str
    price_version: str
    price_e4: int
    charge_before_fen: int
    waived_fen: int
    charge_after_fen: int
    tiers: tuple[TierSegment, ...] = ()


class ReportRow(msgspec.Struct, frozen=True, kw_only=True):
    """One bill of one listed account.

    ``months`` are the calendar months the bill covers (YYYYMM), ``issued_on`` its day (YYYYMMDD), readings in
    thousandths of the unit, ``answer_text`` the company's raw code or words.
    """

    list_number: int
    reference: str
    account: str
    service: Service
    bill_id: str
    kind: BillKind
    refers_to: str | None = None
    issued_on: int
    months: tuple[int, ...]
    reading_from_milli: int | None = None
    reading_to_milli: int | None = None
    estimated: bool = False
    billable_milli: int
    waived_milli: int
    components: tuple[Component, ...] = ()
    answer: Answer
    answer_text: str = ""
