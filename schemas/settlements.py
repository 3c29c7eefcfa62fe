"""The settlement 结算单: signed totals of a company and report month, changed later by numbered adjustments alone."""

from __future__ import annotations

import msgspec

from schemas.values import Service


class Amount(msgspec.Struct, frozen=True):
    """Rows of a report, the quantity in thousandths of the unit, and the amount in fen."""

    rows: int = 0
    quantity_milli: int = 0
    amount_fen: int = 0

    def plus(self, other: Amount) -> Amount:
        """Add two."""
        return Amount(
            self.rows + other.rows,
            self.quantity_milli + other.quantity_milli,
            self.amount_fen + other.amount_fen,
        )

    def minus(self, other: Amount) -> Amount:
        """Subtract another."""
        return self.plus(Amount(-other.rows, -other.quantity_milli, -other.amount_fen))


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """What a settlement states. Only ``accepted`` is settled; everything disputed stands beside it, by its kind.

    ``accepted``: what was applied and due. ``by_month``: the same by allowance month (YYYY-MM). ``over``: applied
    beyond what was due; ``short``: due and not applied, still owed to households. ``price_unknown``: amounts that wait
    for a price, their quantity being accepted. ``undecided``: answered without a decision. ``unauthorised``: applied
    where nothing was listed. ``duplicate``: rows counted once already. ``good_faith``: of the accepted, what later
    knowledge would not grant any more; the company is protected. ``flat_basis``: of the reported, rows without a meter
    of their own, which need a pass-through proof; ``flat_unproven``: of these, what names none. ``clawed_back``: what
    lists of the month told the company to charge to households again, by an authority's decision; the bills that drew
    it stay accepted. ``credit_balance_fen``: credits that the next bills still owe.
    """

    reported: Amount = Amount()
    accepted: Amount = Amount()
    by_month: dict[str, Amount] = {}
    over: Amount = Amount()
    short: Amount = Amount()
    price_unknown: Amount = Amount()
    undecided: Amount = Amount()
    unauthorised: Amount = Amount()
    duplicate: Amount = Amount()
    good_faith: Amount = Amount()
    flat_basis: Amount = Amount()
    flat_unproven: Amount = Amount()
    clawed_back: Amount = Amount()
    credit_balance_fen: int = 0


class Terms(msgspec.Struct, frozen=True):
    """Who pays whom what, by the settlement mode; ``from_fund_fen`` is what an advance is used up by."""

    mode: str
    payer: str
    payee: str
    payable_fen: int
    from_fund_fen: int = 0


class OpenItem(msgspec.Struct, frozen=True):
    """Something that was open when the settlement was made, by name: its finding, and the list row it is about."""

    finding: int
    kind: str
    acts: str
    month: str
    reference: str
    bill_id: str
    quantity_milli: int
    amount_fen: int


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """A settlement (``n`` 0) or its n-th adjustment.

    ``month`` is the report month; ``totals`` are those known at ``version``, ``change`` is what they differ by from
    the settlement and adjustments before; the terms are about the change. ``predecessor`` is the SHA-256 of the
    signed bytes before.
    """

    suite: str
    company: str
    service: Service
    month: str
    n: int
    version: int
    created_at: str
    reports: tuple[int, ...]
    totals: Totals
    change: Totals
    terms: Terms
    open_items: tuple[OpenItem, ...]
    predecessor: str | None
    policy_sha256: str
    tariff_sha256: str
    key_id: str
