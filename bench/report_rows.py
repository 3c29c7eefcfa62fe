"""What a synthetic company reports of a month: a bill for every row of its list, and 2 % that disagree.

Use is in whole cubic metres, as meters are read. What disagrees is planted by the row's place in the list alone, so
the same list makes the same report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any, Final, NamedTuple

from integration.domain.prices import Prices
from schemas.reports import Answer, BillKind
from schemas.tariffs import BASIC, Tariff
from schemas.values import Month

#: Use of a month in m³, in turn; the third part uses less than the allowance.
_USES: Final = (5, 3, 7, 2, 9, 4, 1, 8, 6, 12, 3, 0, 10)
_CAP: Final = 3000
Values = dict[str, Any]


class Listed(NamedTuple):
    """A row of the list: its reference and account number."""

    reference: str
    account: str


class Report:
    """The rows of a company's report of a month."""

    def __init__(self, tariff: Tariff, month: Month, list_number: int, bill_prefix: str) -> None:
        prices = Prices(tariff)
        self.month = month
        self.version = next(
            one.version
            for one in reversed(tariff.prices)
            if one.component == BASIC and one.since <= month.last and one.customers == "resident"
        )
        self._list_number = list_number
        self._prefix = f"{bill_prefix}{int(month)}"
        self._others = [
            (one.component, one.version, one.tiers[0].price_e4) for one in tariff.prices if one.component != BASIC
        ]
        self.price_e4 = prices.on(BASIC, "resident", month.last).tiers[0].price_e4  # type: ignore[union-attr]
        self._fen = lru_cache(maxsize=4096)(
            lambda quantity: prices.first_tier(BASIC, self.version, [(month, quantity)], int(month))
        )

    def rows(self, listed: Iterable[Listed]) -> Iterator[Values]:
        """Yield the rows in the order of the list."""
        for i, one in enumerate(listed):
            planted = _PLANTED.get(i % 1000)
            yield from planted(self, i, one) if planted else (self.bill(i, one),)

    def bill(self, i: int, one: Listed, suffix: str = "", **more: Any) -> Values:
        """Return a bill, as it should be unless ``more`` says otherwise; quantities in m³ there."""
        use = 1000 * more.pop("use", _USES[i % 13])
        waived = 1000 * more.pop("waived", min(use, _CAP) // 1000)
        fen = self._fen(waived) + more.pop("off_fen", 0)
        sign = more.pop("sign", 1)
        charge = self._fen(use)
        values = {
            "list_number": self._list_number,
            "reference": one.reference,
            "account": one.account,
            "bill_id": f"{self._prefix}{i:08}{suffix}",
            "kind": BillKind.BILL,
            "issued_on": int(self.month) * 100 + 5 + i % 20,
            "month_from": int(self.month),
            "month_to": int(self.month),
            "estimated": False,
            "reading_from_milli": i * 7919 % 10_000 * 1000,
            "reading_to_milli": i * 7919 % 10_000 * 1000 + use,
            "annual_before_milli": (self.month.number - 1) * use,
            "billable_milli": sign * use,
            "waived_milli": sign * waived,
            "price_version": self.version,
            "price_e4": self.price_e4,
            "charge_before_fen": sign * charge,
            "waived_fen": sign * fen,
            "charge_after_fen": sign * (charge - fen),
            "balance_fen": 0,
            "answer": _answer(use, waived),
        }
        return values | self._beside(sign * use) | more

    def _beside(self, use: int) -> Values:
        """Return the components on which nothing is waived."""
        found: Values = {}
        for component, version, price_e4 in self._others:
            charge = use * price_e4 // 100_000
            found |= {
                f"{component}:price_version": version,
                f"{component}:price_e4": price_e4,
                f"{component}:charge_before_fen": charge,
                f"{component}:waived_fen": 0,
                f"{component}:charge_after_fen": charge,
            }
        return found

    def answer(self, i: int, one: Listed, answer: Answer) -> Values:
        """Return a row without a bill."""
        return {
            "list_number": self._list_number,
            "reference": one.reference,
            "account": one.account,
            "kind": BillKind.NONE,
            "issued_on": int(self.month) * 100 + 5 + i % 20,
            "month_from": int(self.month),
            "month_to": int(self.month),
            "billable_milli": 0,
            "waived_milli": 0,
            "answer": answer,
        }


def _answer(use: int, waived: int) -> Answer:
    if use == 0:
        return Answer.ZERO_USAGE
    return Answer.APPLIED if waived >= _CAP else Answer.APPLIED_LT_CAP


_Planted = Callable[[Report, int, Listed], Iterable[Values]]


def _reversed(report: Report, i: int, one: Listed) -> Iterator[Values]:
    """A bill without relief, its reversal, and the bill anew, as it should be."""
    wrong = report.bill(i, one, use=5, waived=0)
    yield wrong
    day = {"issued_on": wrong["issued_on"] + 1, "refers_to": wrong["bill_id"]}
    yield report.bill(i, one, "R", use=5, waived=0, sign=-1, kind=BillKind.REVERSAL, answer=Answer.REVERSED, **day)
    yield report.bill(i, one, "N", use=5, kind=BillKind.REBILL, answer=Answer.CORRECTED, **day)


def _second(waived: int) -> _Planted:
    """A second bill of the month, which has one cubic metre of the allowance left."""

    def planted(report: Report, i: int, one: Listed) -> Iterator[Values]:
        yield report.bill(i, one, use=2)
        yield report.bill(i, one, "S", use=4, waived=waived, kind=BillKind.SUPPLEMENTARY, answer=Answer.APPLIED_LT_CAP)

    return planted


def _unauthorised(report: Report, i: int, one: Listed) -> Iterator[Values]:
    """A bill as it should be, and one of a customer whom nobody listed."""
    yield report.bill(i, one)
    yield report.bill(i, Listed(f"UNLISTED{i:012}", f"U{i:09}"), "U", use=5)


def _doubled(report: Report, i: int, one: Listed) -> Iterator[Values]:
    yield report.bill(i, one)
    yield report.bill(i, one)


def _bill(**instead: Any) -> _Planted:
    return lambda report, i, one: (report.bill(i, one, use=5, **instead),)


def _refused(answer: Answer) -> _Planted:
    return lambda report, i, one: (report.answer(i, one, answer),)


#: By the row's place among a thousand.
_PLANTED: Final[dict[int, _Planted]] = {
    3: _bill(waived=4),
    503: _bill(waived=5),
    17: _bill(waived=2),
    517: _bill(waived=0),
    31: _bill(off_fen=50),
    531: _bill(off_fen=-50),
    47: _bill(price_version="1999Z"),
    61: lambda *_: (),
    561: lambda *_: (),
    73: _doubled,
    573: _doubled,
    89: _refused(Answer.NOT_FOUND),
    589: _refused(Answer.NON_DOMESTIC),
    97: _refused(Answer.HELD),
    103: _reversed,
    603: _reversed,
    131: _unauthorised,
    151: _second(1),
    171: _second(2),
    671: _second(0),
}
