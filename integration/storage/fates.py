"""What became of one allowance at its company: the rows that drew from it, and what the account is like."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, and_, select

from integration.storage.bulk import stream
from integration.storage.tables import OPEN_VERSION, account_facts, draws, report_rows
from schemas.values import Month, Service


class Drawn(NamedTuple):
    """A report row that covers the month, with its judgement; ``is_bill`` is 0 for an answer without a bill."""

    company: str
    bill_id: str
    issued_on: int
    kind: str
    answer: str
    is_bill: int
    weight: int
    due_milli: int
    due_fen: int
    waived_milli: int
    waived_fen: int
    owed_milli: int
    good_milli: int


_OF_DRAWS: Final = (
    "due_milli", "due_fen", "waived_milli", "waived_fen", "owed_milli", "good_milli",
)  # fmt: skip


def drawn_of(connection: Connection, household: int, service: Service, month: Month) -> list[Drawn]:
    """Return the rows of reports in force that cover a household's month, in order of their days."""
    d, r = draws.c, report_rows.c
    columns: tuple[Any, ...] = (d.company, r.bill_id, d.issued_on, r.kind, r.answer, d.bill, d.answer)
    same = and_(r.report_id == d.report_id, r.row == d.row)
    query = select(*columns, *(d[name] for name in _OF_DRAWS)).join(report_rows, same)
    mine = (d.service == service.value, d.month == int(month), d.household_id == household)
    return [Drawn(*row) for row in stream(connection, query.where(*mine).order_by(d.issued_on, d.report_id, d.row))]


def cycle_of(connection: Connection, account_id: int) -> str:
    """Return the billing cycle of an account as known now."""
    f = account_facts.c
    query = select(f.cycle).where(f.account_id == account_id, f.known_to == OPEN_VERSION)
    return str(connection.execute(query).scalar_one())
