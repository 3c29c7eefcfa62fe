"""Histories in which the hub and the calculator once differed, cut down to what matters, and what they come to."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import NamedTuple

from oracle_bills import BillRule, Row
from oracle_certificates import Record, Rule
from oracle_histories import LONG_AGO, Claim, Home, Life, Setting
from oracle_prices import Price

from schemas.values import Month

JAN, FEB, MAR = Month(2026, 1), Month(2026, 2), Month(2026, 3)


class Found(NamedTuple):
    """A history, and of its last row the verdict, thousandths and fen due, and the fen that are settled."""

    setting: Setting
    life: Life
    verdict: str
    milli: int
    fen: int
    settled_fen: int


def _life(*rows: tuple[Row, Claim], records: tuple[tuple[int, Record], ...] = ()) -> Life:
    since = ((0, Record(1, date(2025, 12, 15), date(2025, 12, 15))),)
    return Life(records or since, homes=(Home(0, "W", "city_water", LONG_AGO),), rows=rows)


def _row(name: str, kind: str, issued: date, first: Month, last: Month, use: int, **more: object) -> Row:
    charges = {"basic": use * 22 // 100 or 1, "sewage": use * 95 // 1000 or 1}
    return replace(Row(name, kind, "city_water", "W", issued, first, last, use, charges=charges), **more)  # type: ignore[arg-type]


_RISING = (
    Price("A", LONG_AGO, ((5000, 20000), (None, 30000))),
    Price("B", date(2026, 3, 8), ((4000, 21000), (None, 33350))),
    Price("S", LONG_AGO, ((None, 9500),), component="sewage"),
)
_TWO = (Price("A", LONG_AGO, ((None, 22000),)), Price("S", LONG_AGO, ((None, 9500),), component="sewage"))
#: A certificate from mid-February, and from January as a later record has it.
_REACHING_BACK = (
    (2, Record(201, date(2026, 2, 15), date(2026, 2, 15))),
    (3, Record(302, date(2026, 1, 6), date(2026, 1, 6))),
)
_OVER_THREE = _row("B0", "BILL", date(2026, 3, 5), JAN, MAR, 7000)
_CREDIT = replace(_OVER_THREE, id="B1", kind="RETRO", issued=date(2026, 4, 5), refers="B0")

FOUND = {
    "a top-up off the top is priced on its day": Found(
        Setting(bills=BillRule(tier="marginal"), tariff=_RISING),
        _life((_row("B0", "TOP_UP", date(2026, 3, 5), MAR, MAR, 500), Claim())),
        "agreed", 500, 100, 100,
    ),
    "an actual reading applies what no list tells": Found(
        Setting(),
        _life(
            (_row("B0", "BILL", date(2026, 1, 5), JAN, JAN, 0), Claim()),
            (_row("B1", "ACTUAL", date(2026, 1, 9), JAN, JAN, 1000, refers="B0"), Claim(milli=1000)),
            records=((1, Record(101, date(2026, 1, 15), date(2026, 1, 15))),),
        ),
        "unlisted", 0, 0, 0,
    ),
    "a certificate had run out before its record's effective date": Found(
        Setting(rule=Rule(grace_months=0)),
        _life(
            (_row("B0", "BILL", date(2026, 2, 25), FEB, FEB, 3000), Claim()),
            records=((1, Record(101, date(2026, 2, 28), date(2025, 12, 15), valid_to=date(2026, 2, 23))),),
        ),
        "agreed", 0, 0, 0,
    ),
    "what is owed to a bill is no more than the prorated share of its use": Found(
        Setting(bills=BillRule(cover="prorate_usage")),
        _life(
            (_row("B0", "BILL", date(2026, 3, 5), JAN, MAR, 3000), Claim()),
            (replace(_CREDIT, use=3000), Claim()),
            records=_REACHING_BACK,
        ),
        "agreed", 1000, 220, 220,
    ),
    "too much on one component makes not good too little on another": Found(
        Setting(bills=BillRule(components=("basic", "sewage")), tariff=_TWO),
        _life((_row("B0", "BILL", date(2026, 1, 5), JAN, JAN, 3000), Claim(fen=2, sewage_fen=-2))),
        "over", 3000, 945, 943,
    ),
    "a credit is capped by what the bill's own relief leaves of its charge": Found(
        Setting(),
        _life(
            (replace(_OVER_THREE, charges={"basic": 701}), Claim()),
            (replace(_CREDIT, charges={"basic": 701}), Claim()),
            records=_REACHING_BACK,
        ),
        "agreed", 1000, 0, 0,
    ),
    "a credit off the top comes off what the bill's own relief leaves": Found(
        Setting(bills=BillRule(tier="before_tier"), tariff=(Price("A", LONG_AGO, ((1000, 20000), (None, 40000))),)),
        _life(
            (replace(_OVER_THREE, use=3500 + 3000, charges={"basic": 9999}), Claim()),
            (replace(_CREDIT, use=3500 + 3000, charges={"basic": 9999}), Claim()),
            records=_REACHING_BACK,
        ),
        "agreed", 500, 100, 100,
    ),
}  # fmt: skip
