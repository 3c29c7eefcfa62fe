"""The hub's pure rules against an independent calculator, over random histories: to the fen and the litre."""

from __future__ import annotations

import ast
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from oracle import COMPANIES, Outcome, reckon
from oracle_bills import Bill, Court, Draws, Judged, Row
from oracle_chance import LENGTH, histories, history_of
from oracle_found import FOUND
from oracle_histories import MONTHS, Life, Setting
from oracle_hub import NAMES, PureHub

Line = tuple[Any, ...]


def postings_of(outcome: Outcome) -> list[Line]:
    """Every posting: run, month, place, thousandths."""
    return sorted(
        (run, int(month), place or "", quantity)
        for month, posted in outcome.ledger.posted.items()
        for run, difference in posted
        for place, quantity in difference.items()
    )


def row_of(one: Judged) -> Line:
    """A judged row: what it is, its verdict, what it drew and costs, what is settled, owed, and in good faith."""
    drawn, owed, good = ({int(m): q for m, q in part.items()} for part in (one.drawn, one.owed, one.good))
    figures = (drawn, one.due_fen, one.settled_milli, one.settled_fen, owed, good)
    return (one.row.id, one.row.kind, one.verdict, *figures)


def agree(setting: Setting, life: Life, outcome: Outcome) -> None:
    """Play a history by the hub's rules, and find the outcome in everything."""
    hub = PureHub(setting, life, [one.row for one in outcome.judged])
    assert postings_of(outcome) == sorted(
        (one.run_id, one.month, NAMES[one.account_id] or "", one.quantity_milli) for one in hub.postings
    )
    for company in COMPANIES:
        for slot in range(len(MONTHS)):
            rows = outcome.told[company].lists[slot + 1]
            told = sorted((int(row.month), row.account, row.quantity, row.change) for row in rows)
            assert told == hub.list_rows(slot, company), (company, slot)
    judged = [
        (
            one.told.said.bill_id, one.told.said.kind.value, one.verdict.value, one.taken, one.due_fen,
            one.accepted.milli, one.accepted.fen, one.owed, one.good,
        )
        for one in hub.judge(hub.rows)
    ]  # fmt: skip
    assert judged == [row_of(one) for one in outcome.judged]


@settings(max_examples=2000)
@given(histories())
def test_a_history_comes_to_the_same(history: tuple[Setting, Life]) -> None:
    agree(*history, reckon(*history))


@pytest.mark.soak
@settings(max_examples=50_000)
@given(histories())
def test_many_histories_come_to_the_same(history: tuple[Setting, Life]) -> None:
    agree(*history, reckon(*history))


@pytest.mark.parametrize("name", FOUND)
def test_what_once_differed_comes_to_the_same(name: str) -> None:
    setting, life, *expected = FOUND[name]
    outcome = reckon(setting, life)
    last = outcome.judged[-1]
    assert [last.verdict, sum(last.drawn.values()), last.due_fen, last.settled_fen] == expected
    agree(setting, life, outcome)


# --- controls ------------------------------------------------------------------------------------------------------


class OneAllowanceTooMany(Court):
    """Gives every bill an allowance more than the months that it covers."""

    def _usable(self, bill: Bill, listed: Draws) -> int:
        first = min(listed)
        listed[first] += 3000 if listed[first] else 0
        return super()._usable(bill, listed)


class ReversalFreesNothing(Court):
    """Leaves what a reversed bill drew as drawn."""

    def _reversal(self, row: Row, bill: Bill | None) -> Judged:
        kept = dict(bill.drawn) if bill is not None else {}
        judged = super()._reversal(row, bill)
        if bill is not None and kept:
            bill.drawn = kept
        return judged


class ReversedIds(Court):
    """Draws, of one day, in the order of the ids backwards."""

    @staticmethod
    def order(row: Row) -> tuple[Any, ...]:
        day, rank, company, name = Court.order(row)
        return day, rank, company, [-ord(letter) for letter in name]


def _grace(setting: Setting) -> Setting:
    return replace(setting, rule=replace(setting.rule, grace_months=setting.rule.grace_months + 1))


def _tiers(setting: Setting) -> Setting:
    """Has every tier begin ten litres early, which is a fen or two."""
    off = [tuple((limit and limit - 10, price) for limit, price in one.tiers) for one in setting.tariff]
    return replace(setting, tariff=tuple(replace(p, tiers=t) for p, t in zip(setting.tariff, off, strict=True)))


def _look_back(setting: Setting) -> Setting:
    return replace(setting, look_back=setting.look_back + 1)


MUTANTS: dict[str, Callable[[Setting, Life], Outcome]] = {
    "one allowance too many": lambda setting, life: reckon(setting, life, court=OneAllowanceTooMany),
    "a reversal frees nothing": lambda setting, life: reckon(setting, life, court=ReversalFreesNothing),
    "bills of one day draw backwards": lambda setting, life: reckon(setting, life, court=ReversedIds),
    "grace is a month longer": lambda setting, life: reckon(_grace(setting), life),
    "a tier is off by ten litres": lambda setting, life: reckon(_tiers(setting), life),
    "the look-back is a month longer": lambda setting, life: reckon(_look_back(setting), life),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_control_a_wrong_calculator_is_found_within_the_default_number(name: str) -> None:
    chance = random.Random(name)
    for _ in range(2000):
        history = history_of(chance.randbytes(LENGTH))
        try:
            agree(*history, MUTANTS[name](*history))
        except AssertionError:
            return
    pytest.fail(f"nobody noticed that {name}")


# --- independence --------------------------------------------------------------------------------------------------

#: Those that play a history by the hub.
_OF_THE_HUB = {"oracle_hub", "oracle_city", "oracle_seen"}


@pytest.mark.parametrize("path", sorted(Path(__file__).parent.glob("oracle*.py")), ids=lambda path: path.stem)
def test_the_calculator_takes_nothing_from_the_hub(path: Path) -> None:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module)
    ours = {name for name in names if name.partition(".")[0] in ("integration", "adapters", "schemas", "world")}
    assert path.stem in _OF_THE_HUB or (ours <= {"schemas.values"} and not names & _OF_THE_HUB)
