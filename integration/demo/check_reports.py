"""Checks of the second half: findings, balances, draws and settlements against the demo's own truth and count."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

import msgspec
from sqlalchemy import Connection, func, select

from integration.demo.acting import MOST_FINDINGS, Ended
from integration.demo.book import Books
from integration.demo.check_privacy import Secrets, bytes_faults
from integration.demo.counted import Count, Settled, in_force
from integration.demo.replies import COMPANIES, Replies, Report
from integration.demo.rows import WHO, Wanted
from integration.demo.stage import Stage
from integration.jobs.allowances import balances
from integration.jobs.reconcile import Reconciliation
from integration.jobs.settle import read
from integration.storage.bulk import stream
from integration.storage.report_views import FindingLine, finding_lines
from integration.storage.reports import decoded
from integration.storage.settlements import Signed, settlements_of
from integration.storage.tables import draws, report_rows
from schemas import envelope
from schemas.reports import ReportRow
from schemas.settlements import Amount, Settlement, Totals
from schemas.values import Month

#: What is compared of a finding: kind, who acts, company, months, household, account, bill, stakes, households.
Told = tuple[str, str, str, str, str, int, str, str, int, int, int]


# --- findings ----------------------------------------------------------------------------------------------------


def findings_then(books: Books, replies: Replies) -> Iterator[str]:
    """Yield findings that were open after a report or a reconciliation and should not have been, or the reverse."""
    for index, ended in enumerate(books.record.ended):
        if ended.findings is not None:
            expected = open_after(books, replies, index)
            yield from (f"{ended.step.name}: {fault}" for fault in _differences(map(told, ended.findings), expected))


def findings_now(books: Books, replies: Replies) -> Iterator[str]:
    """Yield what is open at the end and was not planted, and what was planted and is not open."""
    found = finding_lines(books.connection, MOST_FINDINGS)
    return _differences(map(told, found), open_after(books, replies, len(books.record.ended)))


def findings_closed(books: Books, replies: Replies) -> Iterator[str]:
    """Yield findings that a correction should have closed."""
    closed = Counter(map(told, finding_lines(books.connection, MOST_FINDINGS, 0, "closed")))
    mended = (_expected(books, one) for one in replies.wanted if one.until)
    return _differences(closed.elements(), mended)


def open_after(books: Books, replies: Replies, index: int) -> list[Told]:
    """Return the findings that must be open after the step of that index."""
    places = {ended.step.name: place for place, ended in enumerate(books.record.ended)}
    return [
        _expected(books, one)
        for one in replies.wanted
        if places[one.since] <= index and not (one.until and places[one.until] <= index)
    ]


def _expected(books: Books, one: Wanted) -> Told:
    household = books.households.get(one.key, -1) if one.key else 0
    about = (one.kind.value, WHO.get(one.kind, "company"), one.company, str(one.month), str(one.report_month))
    return *about, household, one.account, one.bill_id, one.milli, one.fen, one.households


def told(one: FindingLine) -> Told:
    """Return of the hub's finding what is compared."""
    about = (one.kind, one.acts, one.company, one.month, one.report_month, one.household_id, one.account, one.bill_id)
    return *about, one.stake_milli, one.stake_fen, one.households


def _differences(found: Iterable[Told], expected: Iterable[Told]) -> Iterator[str]:
    found, expected = Counter(found), Counter(expected)
    yield from (f"not planted: {_named(one)}" for one in sorted(found - expected))
    yield from (f"not found: {_named(one)}" for one in sorted(expected - found))


def _named(one: Told) -> str:
    kind, acts, company, month, _, household, _, bill, milli, fen, _ = one
    return f"{kind} {company} {month}, household {household}, bill {bill or '-'}: {milli} milli, {fen} fen, {acts} acts"


# --- the balance -------------------------------------------------------------------------------------------------


def balance_faults(stage: Stage, books: Books, replies: Replies) -> Iterator[str]:
    """Yield balances that do not hold, and parts of them that are not the demo's own count."""
    for company in COMPANIES:
        count = Count(replies, company, standing(books, company))
        for made in balances(stage.hub, books.connection, company):
            if not made.holds:
                yield f"{company} {made.month}: the balance does not hold"
            for name, litres in count.balance(Month.parse(made.month)).items():
                if getattr(made, f"{name}_milli") != litres:
                    yield f"{company} {made.month}: {name} {getattr(made, f'{name}_milli')}, not {litres}"


def standing(books: Books, company: str) -> list[Report]:
    """Return a company's reports that stand at the end."""
    steps = [ended.step for ended in books.record.ended]
    found = in_force(steps, len(steps))
    return [report for (code, _), reports in found.items() if code == company for report in reports]


def draw_faults(books: Books) -> Iterator[str]:
    """Yield companies whose draws do not come to what their bills are truly worth, or say something else."""
    for company in COMPANIES:
        lines = [line for report in standing(books, company) for line in report.lines]
        rows = [line.row for line in lines]
        due = sum(line.due_milli for line in lines), sum(line.due_fen for line in lines)
        own = (len(rows), *due, sum(row.waived for row in rows), sum(row.relief for row in rows))
        d = draws.c
        places = select(d.report_id, d.row).where(d.company == company).distinct().subquery()
        count = books.connection.execute(select(func.count()).select_from(places)).scalar_one()
        sums = [func.sum(d[name]) for name in ("due_milli", "due_fen", "waived_milli", "waived_fen")]
        kept = (count, *books.connection.execute(select(*sums).where(d.company == company)).one())
        if tuple(map(int, kept)) != own:
            yield f"{company}: rows, due and reported milli and fen are {kept}, not {own}"


def judged_again(made: Sequence[Reconciliation]) -> Iterator[str]:
    """Yield companies at which judging everything anew changed anything."""
    for one in made:
        if one.households or one.opened or one.changed or one.closed:
            yield f"{one.company}: {one.households} households, {one.opened + one.changed + one.closed} findings"
    if len(made) != len(COMPANIES):
        yield f"{len(made)} companies were judged, not {len(COMPANIES)}"


# --- settlements -------------------------------------------------------------------------------------------------


def settlement_faults(stage: Stage, books: Books) -> Iterator[str]:
    """Yield settlements that do not verify, do not follow each other, or state other sums than the demo's own."""
    kept = settlements_of(books.connection)
    made = [ended for ended in books.record.ended if ended.state in ("settled", "adjusted")]
    if len(kept) != len(made):
        yield f"{len(kept)} settlements are kept, {len(made)} were made"
    for _, of_month in groupby(kept, lambda one: (one.company, one.month)):
        before: Signed | None = None
        for signed in of_month:
            name = f"{signed.company} {signed.month} {signed.n}"
            yield from (f"{name}: {fault}" for fault in _signed_faults(stage, signed, before))
            before = signed
    by_name = {(one.company, one.month, one.n): one for one in kept}
    steps = [ended.step for ended in books.record.ended]
    for index, ended in enumerate(books.record.ended):
        if ended.settled is not None:
            yield from _sum_faults(ended, by_name, in_force(steps, index))


def _signed_faults(stage: Stage, signed: Signed, before: Signed | None) -> Iterator[str]:
    pem = stage.hub.ring.settlements.public_pem
    if not envelope.verify(pem, signed.content, signed.signature):
        yield "the signature does not hold"
        return
    made = read(signed)
    if made.n != (before.n + 1 if before else 0):
        yield "a number is missing"
    if made.predecessor != (hashlib.sha256(before.content).hexdigest() if before else None):
        yield "does not follow the one before it"
    earlier = read(before).totals if before else Totals()
    if made.change.accepted != made.totals.accepted.minus(earlier.accepted):
        yield "the change is not the difference"
    folder = stage.folder.settlements / f"settlement-{signed.company}-{int(signed.month)}-{signed.n}"
    paths = [folder.with_suffix(suffix) for suffix in (".json", ".sig")]
    files = [path.read_bytes() if path.exists() else b"" for path in paths]
    if files != [signed.content, signed.signature]:
        yield "the file is not what was signed"


def _sum_faults(
    ended: Ended, kept: dict[tuple[str, Month, int], Signed], reports: dict[tuple[str, Month], list[Report]]
) -> Iterator[str]:
    """Compare what a settlement step came to with the lines in force on its day."""
    if ended.settled is None or ended.step.month is None:
        return
    company, month = ended.step.company, ended.step.month
    signed = kept.get((company, month, ended.settled.settlement.n))
    if signed is None:
        yield f"{ended.step.name}: not kept"
        return
    own = Settled(line for report in reports[company, month] for line in report.lines)
    yield from (f"{ended.step.name}: {fault}" for fault in _totals_faults(read(signed), own))


def _totals_faults(made: Settlement, own: Settled) -> Iterator[str]:
    totals = made.totals
    for name in _AMOUNTS:
        stated, mine = getattr(totals, name), own.sums[name]
        if stated != Amount(mine.rows, mine.milli, mine.fen):
            yield f"{name} {stated}, not {mine}"
    months = {month: one.quantity_milli for month, one in totals.by_month.items() if one.quantity_milli}
    if months != {str(month): litres for month, litres in own.months.items() if litres}:
        yield f"accepted by month {months}, not {dict(own.months)}"
    if sum(one.amount_fen for one in totals.by_month.values()) != totals.accepted.amount_fen:
        yield "the months do not add up to what is accepted"
    if totals.credit_balance_fen != own.credit_balance:
        yield f"credits not used up {totals.credit_balance_fen}, not {own.credit_balance}"


_AMOUNTS: Final = tuple(
    one.name for one in msgspec.structs.fields(Totals) if isinstance(getattr(Totals(), one.name), Amount)
)


# --- privacy -----------------------------------------------------------------------------------------------------


def report_privacy_faults(connection: Connection, secrets: Secrets) -> Iterator[str]:
    """Yield reports in whose kept rows anything stands that belongs to a person."""
    c = report_rows.c
    rows = stream(connection, select(c.report_id, c.said).order_by(c.report_id, c.row))
    for report_id, group in groupby(rows, lambda row: row[0]):
        texts = "\n".join(text for _, said in group for text in _texts(decoded(said)))
        if bytes_faults(secrets, texts.encode()):
            yield f"report {report_id}: its rows hold what belongs to a person"


def _texts(said: ReportRow) -> Iterator[str]:
    yield from (said.reference, said.account, said.bill_id, said.refers_to, said.proof, said.answer_text)
    yield from (part.price_version for part in said.components)
