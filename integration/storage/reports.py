"""Reports in the database: which stand, what every row said, and the tariffs they are judged by."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Connection, and_, func, insert, select, update

from integration.storage.bulk import bulk_insert, stream
from integration.storage.sets import among
from integration.storage.tables import OPEN_VERSION, account_numbers, links, report_rows, report_texts, reports, tariffs
from schemas.reports import ReportKind, ReportRow
from schemas.values import Month


class Report(NamedTuple):
    """A report as recorded; ``stands`` is False once a REPLACE has taken its place."""

    report_id: int
    company: str
    month: Month
    kind: ReportKind
    edition: int
    submission_id: int
    rows: int
    waived_milli: int
    waived_fen: int
    first_month: int
    last_month: int
    stands: bool


def reports_of(connection: Connection, company: str | None = None) -> list[Report]:
    """Return every report (of a company) in order of arrival."""
    c = reports.c
    columns = (
        c.report_id, c.company, c.month, c.kind, c.edition, c.submission_id, c.rows, c.waived_milli, c.waived_fen,
        c.first_month, c.last_month, c.known_to,
    )  # fmt: skip
    query = select(*columns).order_by(c.report_id)
    return [
        Report._make((number, code, Month.from_int(month), ReportKind(kind), *rest, known_to == OPEN_VERSION))
        for number, code, month, kind, *rest, known_to in stream(
            connection, query if company is None else query.where(c.company == company)
        )
    ]


def next_report_id(connection: Connection) -> int:
    """Return the first free report id; call it under the knowledge lock."""
    return int(connection.execute(select(func.coalesce(func.max(reports.c.report_id), 0))).scalar_one()) + 1


def record_report(connection: Connection, **values: Any) -> None:
    """Write a report's row."""
    connection.execute(insert(reports).values(**values))


def supersede(connection: Connection, ids: Sequence[int], version: int) -> None:
    """Let a later report stand in the place of these."""
    condition = and_(reports.c.report_id.in_(ids), reports.c.known_to == OPEN_VERSION)
    connection.execute(update(reports).where(condition).values(known_to=version))


# --- rows ------------------------------------------------------------------------------------------------------

ROW_COLUMNS: Final = (
    "report_id", "row", "household_id", "account_id", "numbered", "bill_id", "kind", "answer", "waived_milli",
    "waived_fen", "said",
)  # fmt: skip


#: A row in the order of ``ROW_COLUMNS``.
Row = tuple[int, int, int, int, str, str, str, str, int, int, bytes]


class _Packed(ReportRow, frozen=True, kw_only=True, array_like=True):
    """The same row as an array: half the bytes of one with names."""


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(_Packed).decode


def packed(row: ReportRow) -> bytes:
    """Return a row as it is kept; the company's own words stay out."""
    *said, _words = msgspec.structs.astuple(row)
    return _encode([*said, ""])


class Kept(NamedTuple):
    """A kept row: where it stands, whose it is, and what it said."""

    report_id: int
    row: int
    household_id: int
    account_id: int
    numbered: str
    said: ReportRow


def decoded(said: bytes) -> ReportRow:
    """Return a kept row."""
    return _decode(said)


def add_rows(connection: Connection, rows: Iterable[Row]) -> int:
    """Write report rows."""
    return bulk_insert(connection, report_rows, ROW_COLUMNS, rows)


def rows_at(connection: Connection, places: Iterable[tuple[int, int]]) -> list[Kept]:
    """Return the rows at these places (report, row)."""
    by_report: dict[int, list[int]] = {}
    for report_id, row in places:
        by_report.setdefault(report_id, []).append(row)
    return [one for report_id, rows in sorted(by_report.items()) for one in _rows_of(connection, report_id, rows)]


def _rows_of(connection: Connection, report_id: int, rows: Sequence[int]) -> Iterator[Kept]:
    c = report_rows.c
    query = select(c.report_id, c.row, c.household_id, c.account_id, c.numbered, c.said).where(
        c.report_id == report_id, among(connection, c.row, rows)
    )
    for report, row, household, account, fits, said in stream(connection, query):
        yield Kept(report, row, household, account, fits, _decode(said))


#: Row, household, account, the row as it is kept after its length.
_LINE: Final = b"%d\t%d\t%d\t%d\t%b\n"


def households_of(connection: Connection, report_ids: Sequence[int]) -> Iterator[int]:
    """Yield the households that rows of these reports are about, in order."""
    c = report_rows.c
    query = select(c.household_id).where(c.report_id.in_(report_ids), c.household_id > 0).distinct()
    for (household,) in stream(connection, query.order_by(c.household_id)):
        yield household


class RowsDigest:
    """The digest of a report's rows in their order: where each stands, whose it is, and all that it said."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, row: int, household_id: int, account_id: int, said: bytes) -> None:
        """Add a row."""
        self._hash.update(_LINE % (row, household_id, account_id, len(said), said))

    def add_rows(self, rows: Iterable[Row]) -> None:
        """Add many rows at once."""
        lines = [_LINE % (one[1], one[2], one[3], len(one[10]), one[10]) for one in rows]
        self._hash.update(b"".join(lines))

    def done(self) -> bytes:
        """Return the SHA-256 of all rows so far."""
        return self._hash.digest()


def digests(connection: Connection) -> Iterator[tuple[int, int, int, bytes]]:
    """Yield of every report what its rows come to now: (report, rows, waived_milli, SHA-256)."""
    c = report_rows.c
    query = select(c.report_id, c.row, c.household_id, c.account_id, c.waived_milli, c.said)
    rows = stream(connection, query.order_by(c.report_id, c.row))
    for report_id, group in groupby(rows, itemgetter(0)):
        digest, number, waived = RowsDigest(), 0, 0
        for _, row, household, account, quantity, said in group:
            digest.add(row, household, account, bytes(said))
            number, waived = number + 1, waived + quantity
        yield report_id, number, waived, digest.done()


def texts_add(connection: Connection, rows: Iterable[tuple[int, int, int, int, bytes]]) -> None:
    """Keep companies' own words, sealed: (report, row, household, submission, sealed)."""
    bulk_insert(connection, report_texts, ("report_id", "row", "household_id", "submission_id", "sealed"), rows)


# --- whose a row is --------------------------------------------------------------------------------------------


class Owner(NamedTuple):
    """Whose a reference is: household, account, until when the link holds, and the account's number now."""

    household_id: int
    account_id: int
    valid_to: int
    number: str


def owners(connection: Connection, company: str, references: Sequence[str]) -> dict[str, Owner]:
    """Return whom a company's references mean; a link that is no more still tells."""
    c, n = links.c, account_numbers.c
    current = and_(n.account_id == c.account_id, n.known_to == OPEN_VERSION)
    query = (
        select(c.reference, c.household_id, c.account_id, c.valid_to, n.number)
        .select_from(links.join(account_numbers, current))
        .where(c.company == company, among(connection, c.reference, references))
        .order_by(c.known_from)
    )
    return {reference: Owner(*rest) for reference, *rest in stream(connection, query)}


def numbered(connection: Connection, company: str, wanted: Sequence[str]) -> dict[str, list[int]]:
    """Return the accounts that ever bore these numbers, the newest last."""
    n = account_numbers.c
    query = select(n.number, n.account_id).where(n.company == company, among(connection, n.number, wanted))
    found: dict[str, list[int]] = {}
    for number, account in stream(connection, query.order_by(n.known_from, n.account_id)):
        found.setdefault(number, []).append(account)
    return found


# --- tariffs ---------------------------------------------------------------------------------------------------


def newest_tariff(connection: Connection, company: str) -> tuple[str, str] | None:
    """Return (sha256, content) of a company's tariff as stored last."""
    c = tariffs.c
    query = select(c.sha256, c.content).where(c.company == company).order_by(c.known_from.desc()).limit(1)
    row = connection.execute(query).first()
    return None if row is None else (row.sha256, row.content)


def tariff_digest(content: str) -> str:
    """Return the digest that names a tariff."""
    return hashlib.sha256(content.encode()).hexdigest()


def learn_tariff(connection: Connection, company: str, version: int, sha256: str, content: str) -> None:
    """Store a company's tariff under the knowledge version that brought it."""
    connection.execute(insert(tariffs).values(company=company, known_from=version, sha256=sha256, content=content))
