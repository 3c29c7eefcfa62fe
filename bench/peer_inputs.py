"""What both peers read: the bytes of the report, the list's rows from the database, and the month's price."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

from bench.running import open_hub
from integration.domain.prices import Prices
from schemas.tariffs import BASIC
from schemas.values import Month

#: The cells of the water company's report, in its order.
COLUMNS: Final = (
    "list_number", "reference", "account", "bill_id", "kind", "refers_to", "issued_on", "month_from", "month_to",
    "reading_from", "reading_to", "estimated", "billable", "waived", "price_version", "price", "charge",
    "waived_amount", "after", "sewage_price", "sewage_charge", "sewage_waived", "sewage_after", "balance", "answer",
    "words",
)  # fmt: skip
#: Cells with a fixed number of places: without the point they are whole thousandths or fen.
MILLI: Final = ("billable", "waived")
FEN: Final = ("charge", "waived_amount", "after", "sewage_charge", "sewage_waived", "sewage_after")
REFUSALS: Final = ("20", "21", "22", "23", "24", "25", "26")
UNDECIDED: Final = ("30",)

_LISTED: Final = """
    SELECT l.reference, p.household_id, sum(p.quantity_milli)
    FROM postings p
    JOIN links l ON l.household_id = p.household_id AND l.service = p.service AND l.account_id = p.account_id
    WHERE p.month = {month} AND p.service = 'water'
    GROUP BY l.reference, p.household_id
"""


class Price(NamedTuple):
    """The month's first price: the mean over its days is ``e4_days`` / ``days``; what is silent weighs ``last_e4``.

    ``versions`` are those that a bill of the month may name.
    """

    e4_days: int
    days: int
    last_e4: int
    versions: list[str]


def price_of(month: Month, url: str, folder: str) -> Price:
    """Return the price of a month, by calendar days where it changed within."""
    with open_hub(url, folder) as hub:
        tariff = hub.companies["city_water"].tariff
    segments = Prices(tariff).segments(BASIC, "", month, month)
    days = month.last.day
    e4_days = sum(int(share * days) * price.tiers[0].price_e4 for share, price in segments)
    known = [one.version for one in tariff.prices if one.component == BASIC and one.since <= month.last]
    return Price(e4_days, days, segments[-1][1].tiers[0].price_e4, known)


def body(path: str) -> bytes:
    """Return the report's rows as UTF-8, without header and trailer."""
    content = Path(path).read_bytes().decode("gb18030")
    return content[content.index("\n") + 1 : content.rindex("\n", 0, -1) + 1].encode()


def fetched(connection: Connection, month: Month) -> list[Any]:
    """Return the list's rows."""
    cursor = connection.connection.driver_connection.cursor()  # type: ignore[union-attr]
    return list(cursor.execute(_LISTED.format(month=int(month))).fetchall())


def copied(connection: Connection, month: Month) -> io.BytesIO:
    """Return the list's rows as PostgreSQL hands them out quickest: CSV by COPY."""
    buffer = io.BytesIO()
    cursor = connection.connection.driver_connection.cursor()  # type: ignore[union-attr]
    with cursor.copy(f"COPY ({_LISTED.format(month=int(month))}) TO STDOUT (FORMAT CSV)") as copy:
        for part in copy:
            buffer.write(part)
    buffer.seek(0)
    return buffer
