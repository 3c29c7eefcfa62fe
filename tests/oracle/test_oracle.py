"""The hub against an independent calculator, over random histories: to the fen and the litre."""

from __future__ import annotations

from hypothesis import given, settings
from oracle import COMPANIES, Outcome, reckon
from oracle_bills import Judged
from oracle_histories import MONTHS, Life, Setting, histories
from oracle_hub import _NAMES, PureHub


def _postings(outcome: Outcome) -> list[tuple[int, int, str | None, int]]:
    return sorted(
        (run, int(month), place or "", quantity)
        for month, posted in outcome.ledger.posted.items()
        for run, difference in posted
        for place, quantity in difference.items()
    )


def _row(one: Judged) -> tuple[object, ...]:
    drawn, owed, good = ({int(m): q for m, q in part.items()} for part in (one.drawn, one.owed, one.good))
    return (one.row.id, one.row.kind, one.verdict, drawn, one.due_fen, one.settled_milli, one.settled_fen, owed, good)


def agree(setting: Setting, life: Life) -> None:
    """Play a history both ways, and find them equal in everything."""
    outcome, hub = reckon(setting, life), PureHub(setting, life)
    posted = sorted((p.run_id, p.month, _NAMES[p.account_id] or "", p.quantity_milli) for p in hub.postings)
    assert _postings(outcome) == posted
    for company in COMPANIES:
        for slot in range(len(MONTHS)):
            told = sorted(
                (int(r.month), r.account, r.quantity, r.change) for r in outcome.told[company].lists[slot + 1]
            )
            assert told == hub.list_rows(slot, company), (company, slot)
    judged = [
        (
            one.told.said.bill_id,
            one.told.said.kind.value,
            one.verdict.value,
            one.taken,
            one.due_fen,
            one.accepted.milli,
            one.accepted.fen,
            one.owed,
            one.good,
        )
        for one in hub.judge([one.row for one in outcome.judged])
    ]
    assert judged == [_row(one) for one in outcome.judged]


@settings(max_examples=2000)
@given(histories())
def test_every_history_comes_to_the_same(history: tuple[Setting, Life]) -> None:
    agree(*history)
