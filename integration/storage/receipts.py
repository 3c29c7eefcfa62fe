"""What companies did with their lists: collected them, and said that they have them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Connection, func, insert, select

from integration.clock import Clock, now_us
from integration.storage.tables import collections, receipts


class Receipt(NamedTuple):
    """A company's word that it has a list 回执."""

    company: str
    number: int
    at_us: int
    client_id: str
    manifest_sha256: str


def receipts_of(connection: Connection, company: str) -> dict[int, Receipt]:
    """Return a company's receipts by list number."""
    c = receipts.c
    query = select(c.company, c.number, c.at_us, c.client_id, c.manifest_sha256).where(c.company == company)
    return {row.number: Receipt(*row) for row in connection.execute(query)}


def find_receipt(connection: Connection, company: str, number: int) -> Receipt | None:
    """Return the receipt of a list."""
    c = receipts.c
    query = select(c.company, c.number, c.at_us, c.client_id, c.manifest_sha256)
    row = connection.execute(query.where(c.company == company, c.number == number)).first()
    return None if row is None else Receipt(*row)


def record_receipt(connection: Connection, receipt: Receipt) -> None:
    """Write a receipt.

    Raises:
        UniqueTaken: there is one already.
    """
    connection.execute(insert(receipts), receipt._asdict())


def note_collected(
    connection: Connection, clock: Clock, company: str, number: int, rendering: str, client_id: str
) -> bool:
    """Note that a company has collected a rendering; tell whether it was the first time."""
    c = collections.c
    known = select(c.at_us).where(c.company == company, c.number == number, c.rendering == rendering)
    if connection.execute(known).first():
        return False
    row = {"company": company, "number": number, "rendering": rendering, "client_id": client_id}
    connection.execute(insert(collections), row | {"at_us": now_us(clock)})
    return True


def first_collected(connection: Connection, company: str) -> Mapping[int, int]:
    """Return by list number the first instant at which a company collected it, in any rendering."""
    c = collections.c
    query = select(c.number, func.min(c.at_us)).where(c.company == company).group_by(c.number)
    return {number: int(at_us) for number, at_us in connection.execute(query)}
