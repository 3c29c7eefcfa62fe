"""What a bill's draws are worth: the configured components at the price really charged, never above the charge.

Component by component, half up to the fen (edge cases 16, 20-29).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from integration.domain.draws import Taken, own_months
from integration.domain.policy import MonthPolicy, TierRule
from integration.domain.prices import Prices, Usage, fen, off_the_top, on_day
from schemas.reports import BillKind, Component, ReportRow
from schemas.values import Month, int_day


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
    charges = {part.component: part.charge_before_fen for part in said.components}
    parts = tuple(
        part if _untold(part) else _charging(part, part.charge_before_fen + charges.get(part.component, 0))
        for part in bill.components
    )
    return bill._replace(usage_milli=bill.usage_milli + said.billable_milli, components=parts)


def _charging(part: Component, charge_fen: int) -> Component:
    return Component(part.component, part.price_version, part.price_e4, charge_fen, 0, charge_fen)


def _untold(part: Component) -> bool:
    """Whether a row does not tell what a component charges: it waives something and charges nothing."""
    return part.charge_before_fen == 0 and part.waived_fen != 0


class Amounts:
    """Prices what bills draw, under the policy of each bill's last month and the company's tariff."""

    def __init__(self, policy: Callable[[int], MonthPolicy], prices: Mapping[str, Prices]) -> None:
        self.policy = policy
        self.prices = prices

    def cost(self, bill: Billed, taken: Taken, *, within_charge: bool = True) -> int | None:
        """Return what the quantities taken are worth in fen, within the bill's charge unless told otherwise.

        None if a price is not known (edge case 23).
        """
        quantity = sum(taken.values())
        if quantity == 0:
            return 0
        policy, total = self.policy(bill.month_to), 0
        for name in policy.components:
            part = next((one for one in bill.components if one.component == name), None)
            amount = self._component(bill, name, part.price_version if part else "", taken, quantity, policy.tier_rule)
            if amount is None:
                return None
            total += amount if part is None or not within_charge else capped(amount, part)
        return total

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
    return Usage(bill.usage_milli, months, bill.annual_before_milli)


def capped(amount_fen: int, part: Component) -> int:
    """Return an amount, never above the component's charge (edge case 29); a charge that is not told is no cap."""
    return amount_fen if _untold(part) else min(amount_fen, max(part.charge_before_fen, 0))
