"""Settling a month: what of each judged line is accepted, what stands beside it, and who pays (reading 18)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from integration.domain.judgement import Verdict
from integration.domain.policy import SettlementMode
from schemas.settlements import Amount, Terms, Totals

COMPANY: Final = "company"
OFFICE: Final = "office"
HOUSEHOLDS: Final = "households"
FUND: Final = "fund"


class Drawn(NamedTuple):
    """A line, or lines that are alike and agreed: allowance month as YYYY-MM, due, applied, settled, in good faith.

    ``rows`` counts the report rows that end with it, so that a row of two months is counted once.
    """

    month: str
    verdict: Verdict
    rows: int
    due_milli: int
    waived_milli: int
    due_fen: int
    waived_fen: int
    accepted_milli: int
    accepted_fen: int
    good_milli: int = 0


def _due(one: Drawn) -> Amount:
    return Amount(one.rows, one.due_milli, one.due_fen)


def _waived(one: Drawn) -> Amount:
    return Amount(one.rows, one.waived_milli, one.waived_fen)


def accepted(one: Drawn) -> Amount:
    """Return what of a line is settled; the rows of what is undecided or beside everything do not count."""
    if one.verdict in (Verdict.OPEN, Verdict.UNLISTED, Verdict.DUPLICATE):
        return Amount()
    return Amount(one.rows, one.accepted_milli, one.accepted_fen)


def good_faith(one: Drawn) -> Amount:
    """Return what of a line was drawn in good faith alone: its share of the amount due."""
    if not one.good_milli:
        return Amount()
    return Amount(1, one.good_milli, one.due_fen * one.good_milli // one.due_milli if one.due_milli else 0)


_BESIDE: Final = {
    Verdict.OVER: "over",
    Verdict.SHORT: "short",
    Verdict.PRICE_UNKNOWN: "price_unknown",
    Verdict.OPEN: "undecided",
    Verdict.UNLISTED: "unauthorised",
    Verdict.DUPLICATE: "duplicate",
}


def beside(one: Drawn) -> dict[str, Amount]:
    """Return what of a line stands beside the totals, by its kind.

    What was applied too little of may still have cost too much: then the amount beyond its price is over.
    """
    name = _BESIDE.get(one.verdict)
    if name is None:
        return {}
    settled = Amount(0, one.accepted_milli, one.accepted_fen)
    excess = Amount(0, 0, max(one.waived_fen - one.accepted_fen, 0))
    if one.verdict is Verdict.OVER:
        missing = Amount(0, 0, max(one.due_fen - one.accepted_fen, 0))
        return {name: _waived(one).minus(settled), "short": missing}
    if one.verdict is Verdict.SHORT:
        return {name: _due(one).minus(settled), "over": excess}
    if one.verdict is Verdict.PRICE_UNKNOWN:
        return {name: Amount(one.rows, 0, one.waived_fen)}
    return {name: _waived(one)}


def totals(drawn: Iterable[Drawn], flat_basis: Amount, credit_balance_fen: int) -> Totals:
    """Return the totals of a month's lines."""
    sums = {name: Amount() for name in ("reported", "accepted", "good_faith", *_BESIDE.values())}
    by_month: dict[str, Amount] = {}
    for one in drawn:
        sums["reported"] = sums["reported"].plus(_waived(one))
        mine = accepted(one)
        sums["accepted"] = sums["accepted"].plus(mine)
        if mine != Amount():
            by_month[one.month] = by_month.get(one.month, Amount()).plus(mine)
        sums["good_faith"] = sums["good_faith"].plus(good_faith(one))
        for name, amount in beside(one).items():
            sums[name] = sums[name].plus(amount)
    ordered = dict(sorted(by_month.items()))
    return Totals(**sums, by_month=ordered, flat_basis=flat_basis, credit_balance_fen=credit_balance_fen)


def difference(now: Totals, before: Totals) -> Totals:
    """Return what changed between two states of a month's totals."""
    plain = [one.name for one in msgspec.structs.fields(Totals) if isinstance(getattr(now, one.name), Amount)]
    changes = {name: getattr(now, name).minus(getattr(before, name)) for name in plain}
    months = sorted(now.by_month.keys() | before.by_month.keys())
    by_month = {one: now.by_month.get(one, Amount()).minus(before.by_month.get(one, Amount())) for one in months}
    return Totals(
        **changes,
        by_month={month: change for month, change in by_month.items() if change != Amount()},
        credit_balance_fen=now.credit_balance_fen - before.credit_balance_fen,
    )


def terms(mode: SettlementMode, accepted_fen: int) -> Terms:
    """Return who pays whom for what was accepted, or for its change; a negative sum goes the other way.

    The company bears it by default, as the policy has it. Reimbursed: the office pays the company. Refund later: the
    households paid in full, and the company owes them. Pre-funded: an advance at the company is used up.
    """
    if mode is SettlementMode.REIMBURSED:
        return Terms(mode.value, OFFICE, COMPANY, accepted_fen)
    if mode is SettlementMode.REFUND_LATER:
        return Terms(mode.value, COMPANY, HOUSEHOLDS, accepted_fen)
    if mode is SettlementMode.PRE_FUNDED:
        return Terms(mode.value, FUND, COMPANY, 0, accepted_fen)
    return Terms(mode.value, COMPANY, COMPANY, 0)
