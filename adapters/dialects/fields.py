"""The fields of the hub that a company's file may name, and the ways in which each may be written."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Literal

from schemas.lists import Change, ListKind
from schemas.reports import Answer, BillKind, ReportKind
from schemas.values import AccountState, BillingCycle, MeterKind, Status
from schemas.workers import Hardship, PaperKind

Kind = Literal[
    "text", "day8", "day10", "day_slash", "day_zh", "month6", "month7", "month_zh", "m3", "milli", "m2", "count",
    "yuan", "fen", "price",
]  # fmt: skip
#: What a field holds: the ways of writing it, or the words it takes.
FieldType = tuple[str, ...] | type[StrEnum] | type[bool]

TEXT: Final = ("text",)
DAY: Final = ("day8", "day10", "day_slash", "day_zh")
MONTH: Final = ("month6", "month7", "month_zh")
QUANTITY: Final = ("m3", "milli")
COUNT: Final = ("count",)
AREA: Final = ("m2",)
AMOUNT: Final = ("yuan", "fen")
PRICE: Final = ("price",)

ROSTER_FIELDS: Final[Mapping[str, FieldType]] = {
    "account": TEXT,
    "predecessor": TEXT,
    "state": AccountState,
    "opened_on": DAY,
    "closed_on": DAY,
    "domestic": bool,
    "meter": MeterKind,
    "cycle": BillingCycle,
    "holder_name": TEXT,
    "holder_id": TEXT,
    "address": TEXT,
    "low_income": bool,
    "low_income_until": MONTH,
    "heated_dm2": AREA,
}
ALIAS_FIELDS: Final[Mapping[str, FieldType]] = {"old_account": TEXT, "new_account": TEXT, "since": DAY}
WORKER_FIELDS: Final[Mapping[str, FieldType]] = {
    "name": TEXT,
    "id_number": TEXT,
    "paper": PaperKind,
    "paper_number": TEXT,
    "hardship": Hardship,
    "employer": TEXT,
    "valid_from": DAY,
    "valid_to": DAY,
    "status": Status,
}
LIST_FIELDS: Final[Mapping[str, FieldType]] = {
    "reference": TEXT,
    "account": TEXT,
    "service": TEXT,
    "month": MONTH,
    "quantity_milli": QUANTITY,
    "change": Change,
}
#: One bill a row. ``month`` stands for both months of a bill of one.
REPORT_FIELDS: Final[Mapping[str, FieldType]] = {
    "list_number": COUNT,
    "reference": TEXT,
    "account": TEXT,
    "bill_id": TEXT,
    "kind": BillKind,
    "refers_to": TEXT,
    "issued_on": DAY,
    "month": MONTH,
    "month_from": MONTH,
    "month_to": MONTH,
    "reading_from_milli": QUANTITY,
    "reading_to_milli": QUANTITY,
    "estimated": bool,
    "billable_milli": QUANTITY,
    "waived_milli": QUANTITY,
    "annual_before_milli": QUANTITY,
    "balance_fen": AMOUNT,
    "debt_fen": AMOUNT,
    "proof": TEXT,
    "answer": Answer,
    "answer_text": TEXT,
    "price_version": TEXT,
    "price_e4": PRICE,
    "charge_before_fen": AMOUNT,
    "waived_fen": AMOUNT,
    "charge_after_fen": AMOUNT,
    "other_waived_fen": AMOUNT,
}
#: Those of them that a price component has: a cell may say ``of`` which.
COMPONENT_FIELDS: Final = (
    "price_version", "price_e4", "charge_before_fen", "waived_fen", "charge_after_fen", "other_waived_fen",
)  # fmt: skip
REPORT_HEAD_FIELDS: Final[Mapping[str, FieldType]] = {
    "rows": COUNT,
    "quantity_milli": QUANTITY,
    "amount_fen": AMOUNT,
    "month": MONTH,
    "created_on": DAY,
    "kind": ReportKind,
    "edition": COUNT,
}
#: What header and trailer may name; in a file that is read, the totals are checked.
HEAD_FIELDS: Final[Mapping[str, FieldType]] = {
    "rows": COUNT,
    "quantity_milli": QUANTITY,
    "number": COUNT,
    "month": MONTH,
    "created_on": DAY,
    "kind": ListKind,
}
#: Fields that hold somebody's number: a text that is never touched, noughts included.
IDENTIFIERS: Final = frozenset(
    (
        "account", "predecessor", "old_account", "new_account", "reference", "bill_id", "refers_to", "price_version",
        "paper_number", "proof",
    )
)  # fmt: skip
SIGNED: Final = (*QUANTITY, *AMOUNT)
