"""What a bill's draws are worth: the configured components at the price really charged, never above the charge.

Component by component, half up to the fen (edge cases 16, 20-29).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from integration.domain.draws import Taken, own_months
from integration.domain.policy import MonthPolicy, OtherProgrammes, TierRule
from integration.domain.prices import Prices, Usage, fen, off_the_top, on_day
from schemas.reports import BillKind, Component, ReportRow
from schemas.values import Month, int_day

#: Amounts in fen by component.
Lines = dict[str, int]


class Billed(NamedTuple):
    """What of a bill its amounts depend on; corrections change the usage and the charges."""

    company: str
    kind: BillKind
    issued_on: int
    month_from: int
    month_to: int
    usage_milli: int
    annual_before_milli: int | None
    components: tuple[Component, ...]


def billed(company: str, said: ReportRow) -> Billed:
    """Take from a row what its amounts depend on."""
    return Billed(
        company, said.kind, said.issued_on, said.month_from, said.month_to, said.billable_milli,
        said.annual_before_milli, said.components,
    )  # fmt: skip


def corrected(bill: Billed, said: ReportRow) -> Billed:
    """Return a bill with the differences that a correction states; a charge that was not told stays so."""
    changes = {part.component: part for part in said.components}
    parts = tuple(part if _untold(part) else _changed(part, changes.get(part.component)) for part in bill.components)
    return bill._replace(usage_milli=bill.usage_milli + said.billable_milli, components=parts)


def left_over(bill: Billed, relieved_milli: int, relieved_fen: Lines) -> Billed:
    """Return what others that relieve the same use leave of a bill: all together are never above its charge."""
    parts = tuple(
        part if _untold(part) else _less(part, relieved_fen.get(part.component, 0)) for part in bill.components
    )
    return bill._replace(usage_milli=bill.usage_milli - relieved_milli, components=parts)


def _less(part: Component, fen: int) -> Component:
    charge = part.charge_before_fen - fen
    return Component(part.component, part.price_version, part.price_e4, charge, 0, charge, part.other_waived_fen)


def _changed(part: Component, change: Component | None) -> Component:
    if change is None:
        return part
    charge, other = part.charge_before_fen + change.charge_before_fen, part.other_waived_fen + change.other_waived_fen
    return Component(part.component, part.price_version, part.price_e4, charge, 0, charge, other)


def _untold(part: Component) -> bool:
    """Whether a row does not tell what a component charges: it waives something and charges nothing."""
    return part.charge_before_fen == 0 and part.waived_fen != 0


def total_fen(lines: Lines | None) -> int | None:
    """Return the sum of lines; None where a price is not known."""
    return None if lines is None else sum(lines.values())


def relieved(said: ReportRow) -> Lines:
    """Return what a row says was waived, by component."""
    found: Lines = {}
    for part in said.components:
        found[part.component] = found.get(part.component, 0) + part.waived_fen
    return found


def together(one: Lines, other: Lines) -> Lines:
    """Add lines, component by component."""
    return {name: one.get(name, 0) + other.get(name, 0) for name in one | other}


class Amounts:
    """Prices what bills draw, under the policy of each bill's last month and the company's tariff."""

    def __init__(self, policy: Callable[[int], MonthPolicy], prices: Mapping[str, Prices]) -> None:
        self.policy = policy
        self.prices = prices

    def lines(self, bill: Billed, taken: Taken, *, within_charge: bool = True) -> Lines | None:
        """Return what the quantities taken are worth by component, within its charge unless told otherwise.

        None if a price is not known (edge case 23).
        """
        quantity = sum(taken.values())
        if quantity == 0:
            return {}
        policy, found = self.policy(bill.month_to), dict[str, int]()
        for name in policy.components:
            part = next((one for one in bill.components if one.component == name), None)
            amount = self._component(bill, name, part.price_version if part else "", taken, quantity, policy.tier_rule)
            if amount is None:
                return None
            found[name] = amount if part is None or not within_charge else capped(amount, part, policy.other_programmes)
        return found

    def _component(
        self, bill: Billed, name: str, version: str, taken: Taken, quantity: int, rule: TierRule
    ) -> int | None:
        prices = self.prices[bill.company]
        if rule is not TierRule.FIRST_TIER:
            return off_the_top(prices, name, version, quantity, _usage(bill))
        if bill.kind is BillKind.TOP_UP:
            price = on_day(prices, name, version, int_day(bill.issued_on))
            return None if price is None else fen(quantity, price.tiers[0].price_e4)
        plain = prices.plain_e4(name, version, min(bill.month_from, *taken), bill.month_to)
        if plain is not None:
            return fen(quantity, plain)
        return prices.first_tier(name, version, [(Month.from_int(m), q) for m, q in taken.items()], bill.month_to)


def _usage(bill: Billed) -> Usage:
    months = tuple(Month.from_int(month) for month in own_months(bill.month_from, bill.month_to))
    bought_on = int_day(bill.issued_on) if bill.kind is BillKind.TOP_UP else None
    return Usage(bill.usage_milli, months, bill.annual_before_milli, bought_on)


def capped(amount_fen: int, part: Component, others: OtherProgrammes = OtherProgrammes.FIRST) -> int:
    """Return an amount, never above the component's charge (edge case 29); a charge that is not told is no cap.

    Of a charge that other programmes relieve first, only what they leave can be waived (edge case 26).
    """
    relieved = part.other_waived_fen if others is OtherProgrammes.FIRST else 0
    return amount_fen if _untold(part) else min(amount_fen, max(part.charge_before_fen - relieved, 0))
