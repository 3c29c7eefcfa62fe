"""The month of a move: once the closing bill of the old account is known, the new one gets what it left."""

from __future__ import annotations

from sqlalchemy import Connection

from integration.domain.allowance import kept_of_move
from integration.jobs.hub import Hub
from integration.jobs.intake import parts
from integration.storage import moves
from integration.storage.engine import next_version
from integration.storage.moves import Move
from schemas.values import Month, day_int


def note_moves(hub: Hub, connection: Connection, month: Month) -> None:
    """Note what closing bills say that no run has known yet, as far back as a run with this latest month looks.

    The caller holds the knowledge lock.
    """
    first = month.plus(-hub.policy.at(month).look_back_months)
    fresh: list[tuple[Move, int]] = []
    for part in parts(moves.moves_since(connection, day_int(first.first))):
        before = moves.kept_of(connection, sorted({one.household_id for one in part}))
        for one, drawn in moves.drawn_by_closing_bills(connection, part).items():
            known = before.get((one.household_id, one.service, one.month))
            keeps = kept_of_move(drawn, same_company=one.same_company, moved=known is not None)
            if keeps is not None and known != (one.account_id, keeps):
                fresh.append((one, keeps))
    if fresh:
        moves.note(connection, next_version(connection, hub.clock, "moves"), fresh)
