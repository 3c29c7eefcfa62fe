"""What the demo's customers use and when they are billed: nobody decides it but the number of their account."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Final
from zlib import crc32

from integration.demo.city import Account
from schemas.values import Month

#: In which of the story's months a holder of a prepaid card buys, by a figure from the account's number.
_BUYING: Final = ((0, 1, 2), (0, 1, 2), (0, 1, 2), (0, 1, 2), (0, 1, 2), (0,), (1,), (2,), (0, 2), ())
_LAST_DIGIT: Final = {"bimonthly_odd": 1, "bimonthly_even": 0}


@lru_cache(maxsize=1 << 18)
def figure(number: str, what: str) -> int:
    """Return a figure below 10,000 that is this account's own; a moved or renumbered account has another."""
    return crc32(f"{number}/{what}".encode()) % 10_000


def used(account: Account, month: Month) -> int:
    """Return the litres used in a month: sometimes none, sometimes less than an allowance, mostly more.

    Whoever moves uses at least the allowance before: then nothing of it is left to move along (edge case 47).
    """
    litres = _used(account.number, month)
    return max(litres, 3000) if closes_in(account, month) or closes_in(account, month.plus(1)) else litres


def _used(number: str, month: Month) -> int:
    chance = figure(number, str(month)) % 100
    if chance < 4:
        return 0
    if chance < 20:
        return (1 + chance % 2) * 1000
    return 25_000 if chance > 97 else (3 + chance % 9) * 1000


def bought(account: Account, month: Month) -> int:
    """Return the litres of one purchase; whoever moves buys no small one before."""
    chance = figure(account.number, str(month)) % 100
    return 2000 if chance < 8 and account.closed_on is None else (1 + chance % 6) * 5000


def buys(number: str, turn: int) -> bool:
    """Say whether a card is topped up in the story's month of that place."""
    return turn in _BUYING[figure(number, "buys") % len(_BUYING)]


def day_of_bill(account: Account, month: Month) -> date:
    """Return the day on which a bill of the month is issued; the last one on the day of closing."""
    if closes_in(account, month) and account.closed_on is not None:
        return account.closed_on
    return month.first.replace(day=11 + figure(account.number, str(month)) % 15)


def closes_in(account: Account, month: Month) -> bool:
    """Say whether the account is closed in the month."""
    return account.closed_on is not None and Month.of(account.closed_on) == month


def is_gone(account: Account, month: Month) -> bool:
    """Say whether the account was closed before the month."""
    return account.closed_on is not None and Month.of(account.closed_on) < month


def months_billed(account: Account, month: Month) -> tuple[Month, ...]:
    """Return the months of the bill that is issued in a month; none in an off-month or without an account."""
    opened = Month.of(account.opened_on)
    if is_gone(account, month) or opened > month:
        return ()
    digit = _LAST_DIGIT.get(account.cycle)
    if digit is None:
        return (month,)
    is_due = month.number % 2 == digit
    if not is_due:
        return (month,) if closes_in(account, month) else ()
    before = month.plus(-1)
    return (month,) if opened == month else (before, month)


def bill_of(account: Account, month: Month) -> tuple[Month, tuple[Month, ...]] | None:
    """Return in which month the bill that covers a month was issued, and the months it covers."""
    for issued in (month, month.plus(1)):
        months = months_billed(account, issued)
        if month in months:
            return issued, months
    return None
