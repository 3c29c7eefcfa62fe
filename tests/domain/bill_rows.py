"""Bills, lists and prices in few words, for the tests of the rules of bills.

Quantities are thousandths (3000 is an allowance), amounts fen, days YYYYMMDD, months YYYYMM. Unless a test says
otherwise everything costs 2.20 a unit, and a company follows a list that told of everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any

from integration.app import policy_in
from integration.domain.amounts import Amounts
from integration.domain.bills import judge
from integration.domain.draws import Horizon, Listing
from integration.domain.judgement import Judged, Told, Verdict
from integration.domain.policy import MonthPolicy
from integration.domain.prices import Prices
from integration.settings import config_folder
from schemas.findings import FindingKind
from schemas.reports import Answer, BillKind, Component, ReportRow
from schemas.tariffs import Price, Tariff, Tier
from schemas.values import Month

POLICY = policy_in(config_folder() / "policy").at(Month(2026, 11))
WATER, OTHER = "water", "other"
#: A household's account at the first company, another there, and one at the other company.
HOME, NEXT, AWAY = 1, 2, 3
LATEST = Horizon(99, 209912)
ALLOWANCE = 3000


def policy(**changes: object) -> MonthPolicy:
    return POLICY.model_copy(update=changes)


def price(*tiers: tuple[int | None, int], since: str = "2020-01-01", version: str = "v1", **rest: Any) -> Price:
    """A price of tiers (up to, price), the last up to None."""
    steps = tuple(Tier(up_to_milli=upper, price_e4=e4) for upper, e4 in tiers)
    return Price(since=date.fromisoformat(since), version=version, source="sheet", tiers=steps, **rest)


FLAT = price((None, 22000))


def prices(*found: Price) -> Prices:
    return Prices(Tariff(prices=found))


def amounts(*found: Price, **changes: object) -> Amounts:
    """The amounts of both companies under one tariff, and the policy with these changes."""
    priced, dated = prices(*(found or (FLAT,))), policy(**changes)
    return Amounts(lambda _: dated, {WATER: priced, OTHER: priced})


def at(quantity_milli: int, price_e4: int = 22000) -> int:
    """What a quantity of either sign costs in fen, half up."""
    amount = (abs(quantity_milli) * price_e4 + 50_000) // 100_000
    return amount if quantity_milli >= 0 else -amount


def listed(*months: int, account: int = HOME, quantity: int = ALLOWANCE, run: int = 1) -> list[Listing]:
    """Postings of a run, one for each month."""
    return [Listing(month, account, quantity, run) for month in months]


def part(
    used: int, waived_fen: int, price_e4: int = 22000, name: str = "basic", version: str = "", charge: int | None = None
) -> Component:
    """A component's line; it charges for the whole use unless a charge is given."""
    before = at(used, price_e4) if charge is None else charge
    return Component(name, version, price_e4, before, waived_fen, before - waived_fen)


def bill(
    bill_id: str,
    months: int | tuple[int, int],
    used: int,
    waived: int = 0,
    *,
    day: int | None = None,
    kind: BillKind = BillKind.BILL,
    waived_fen: int | None = None,
    parts: Sequence[Component] | None = None,
    company: str = WATER,
    account: int = HOME,
    known: Horizon = LATEST,
    edition: int = 1,
    answer: Answer = Answer.APPLIED,
    refers_to: str = "",
    annual_before_milli: int | None = None,
) -> Told:
    """A row of a report. Without a day it is issued on the 28th of its last month."""
    first, last = (months, months) if isinstance(months, int) else months
    fen = at(waived) if waived_fen is None else waived_fen
    said = ReportRow(
        account=f"{company}-{account}",
        bill_id=bill_id,
        kind=kind,
        refers_to=refers_to,
        issued_on=day or last * 100 + 28,
        month_from=first,
        month_to=last,
        billable_milli=used,
        waived_milli=waived,
        annual_before_milli=annual_before_milli,
        components=(part(used, fen),) if parts is None else tuple(parts),
        answer=answer,
    )
    return Told(1, 1, company, account, known, said, edition)


def reversal(of: Told, bill_id: str, day: int, waived: int | None = None) -> Told:
    """A row that takes back what a bill reported, or another quantity."""
    said, minus = of.said, -of.said.waived_milli if waived is None else waived
    fen = -said.waived_fen if waived is None else at(minus)
    return bill(
        bill_id, (said.month_from, said.month_to), -said.billable_milli, minus, day=day, kind=BillKind.REVERSAL,
        refers_to=said.bill_id, waived_fen=fen, company=of.company, account=of.account_id, known=of.known,
        answer=Answer.REVERSED,
    )  # fmt: skip


def actual(of: Told, bill_id: str, change: int, waived: int, day: int, **rest: Any) -> Told:
    """A row that corrects the quantity of an estimated bill by a difference."""
    months = of.said.month_from, of.said.month_to
    found = {"company": of.company, "account": of.account_id, "known": of.known, "answer": Answer.CORRECTED} | rest
    return bill(bill_id, months, change, waived, day=day, kind=BillKind.ACTUAL, refers_to=of.said.bill_id, **found)


def retro(of: Told, bill_id: str, waived: int, day: int, **rest: Any) -> Told:
    """A row that credits an earlier bill, on its quantity."""
    said = of.said
    return bill(
        bill_id, (said.month_from, said.month_to), said.billable_milli, waived, day=day, kind=BillKind.RETRO,
        refers_to=said.bill_id, company=of.company, account=of.account_id, **rest,
    )  # fmt: skip


def judged(
    rows: Iterable[Told], listings: Iterable[Listing], by: Amounts | None = None, **latest: Horizon
) -> list[Judged]:
    """All rows judged in the order of the bills; both companies' newest list told of everything."""
    return judge(by or amounts(), rows, listings, {WATER: LATEST, OTHER: LATEST} | latest)


Seen = tuple[str, int, int, Verdict, tuple[FindingKind, ...]]


def seen(rows: Iterable[Told], listings: Iterable[Listing], by: Amounts | None = None, **latest: Horizon) -> list[Seen]:
    """Of every row its bill, what it is due in quantity and fen, the verdict, and what is odd."""
    return [
        (one.told.said.bill_id, sum(one.taken.values()), one.due_fen, one.verdict, one.oddities)
        for one in judged(rows, listings, by, **latest)
    ]


def sums(found: Iterable[Judged]) -> Iterator[tuple[tuple[int, int], list[Any]]]:
    """Yield what all lines of a month and account add up to, as [due, owed, good]."""
    added: dict[tuple[int, int], list[Any]] = {}
    for one in found:
        for line in one.lines():
            place = added.setdefault((line.month, one.told.account_id), [0, 0, 0])
            place[:] = [a + b for a, b in zip(place, (line.due_milli, line.owed_milli, line.good_milli), strict=True)]
    yield from sorted(added.items())
