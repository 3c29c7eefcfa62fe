"""Settlements in the database, and the lines that they are made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, func, insert, select

from integration.domain.judgement import Verdict
from integration.domain.settlement import Drawn
from integration.storage.bulk import stream
from integration.storage.reports import decoded
from integration.storage.tables import draws, findings, report_rows, settlements
from schemas.reports import Answer, BillKind
from schemas.settlements import Amount
from schemas.values import Month, Service


class Signed(NamedTuple):
    """A settlement as signed."""

    company: str
    month: Month
    n: int
    at_us: int
    content: bytes
    signature: bytes


def settlements_of(connection: Connection, company: str | None = None, month: Month | None = None) -> list[Signed]:
    """Return settlements with their adjustments, in order."""
    c = settlements.c
    query = select(c.company, c.month, c.n, c.at_us, c.content, c.signature).order_by(c.company, c.month, c.n)
    if company is not None:
        query = query.where(c.company == company)
    if month is not None:
        query = query.where(c.month == int(month))
    return [
        Signed(code, Month.from_int(of), n, at_us, bytes(content), bytes(signature))
        for code, of, n, at_us, content, signature in stream(connection, query)
    ]


def record_settlement(connection: Connection, **values: Any) -> None:
    """Write a settlement.

    Raises:
        UniqueTaken: another process has just settled the same.
    """
    connection.execute(insert(settlements).values(**values))


_FIGURES: Final = ("due_milli", "waived_milli", "due_fen", "waived_fen", "accepted_milli", "accepted_fen")


def drawn(connection: Connection, service: Service, months: Sequence[int], reports: Sequence[int]) -> Iterator[Drawn]:
    """Yield the lines of reports: the agreed ones summed up by month, every other by itself."""
    d = draws.c
    within = (d.service == service.value, d.month.in_(sorted(months)), d.report_id.in_(reports))
    sums = [func.sum(d[name]) for name in _FIGURES]
    plain = (*within, d.verdict == Verdict.AGREED.value, d.good_milli == 0)
    alike = select(d.month, *sums).where(*plain).group_by(d.month).order_by(d.month)
    for month, *numbers in stream(connection, alike):
        yield Drawn(str(Month.from_int(month)), Verdict.AGREED, 0, *map(int, numbers))
    columns = (d.month, d.verdict, d.report_id, d.row, *(d[name] for name in _FIGURES), d.good_milli)
    other = select(*columns).where(*within, (d.verdict != Verdict.AGREED.value) | (d.good_milli != 0))
    seen: set[tuple[int, int]] = set()
    for month, verdict, report_id, row, *figures in stream(connection, other):
        first = (report_id, row) not in seen
        seen.add((report_id, row))
        yield Drawn(str(Month.from_int(month)), Verdict(verdict), int(first), *figures)


def flat_basis(connection: Connection, reports: Sequence[int]) -> tuple[Amount, Amount]:
    """Return what reports applied on a flat basis, and what of it names no pass-through proof (edge case 31)."""
    c = report_rows.c
    query = select(c.waived_milli, c.waived_fen, c.said)
    whole = unproven = Amount()
    rows = query.where(c.report_id.in_(reports), c.answer == Answer.APPLIED_FLAT.value)
    for waived_milli, waived_fen, said in stream(connection, rows):
        one = Amount(1, waived_milli, waived_fen)
        whole = whole.plus(one)
        unproven = unproven if decoded(said).proof else unproven.plus(one)
    return whole, unproven


def credit_balance(connection: Connection, reports: Sequence[int]) -> int:
    """Return what of their credits still stands as a balance, in fen."""
    c = report_rows.c
    query = select(c.said).where(c.report_id.in_(reports), c.kind == BillKind.RETRO.value)
    return sum(decoded(said).balance_fen for (said,) in stream(connection, query))


class OpenFinding(NamedTuple):
    """An open finding of a report month."""

    finding_id: int
    kind: str
    acts: str
    month: int
    household_id: int
    account_id: int
    bill_id: str
    stake_milli: int
    stake_fen: int


def open_findings(connection: Connection, company: str, month: Month) -> list[OpenFinding]:
    """Return what is open at a company for a report month; what detectors find is about no month's bills."""
    c = findings.c
    columns = (
        c.finding_id, c.kind, c.acts, c.month, c.household_id, c.account_id, c.bill_id, c.stake_milli, c.stake_fen,
    )  # fmt: skip
    query = select(*columns).where(c.company == company, c.report_month == int(month), c.state == "open")
    query = query.where(c.scope != "detector")
    return [OpenFinding(*row) for row in stream(connection, query.order_by(c.finding_id))]
