"""A list's rows: every entitled account against the last regular list, and what changed in months listed before.

The rows come in one order (account, month, STOP before all else, reference), so that the same ledger gives the same
bytes, and whoever reads them by account ends the old holder before the new one begins.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, FromClause

from integration.domain.listing import Late, late_changes, net_changes, regular_change
from integration.jobs.hub import Hub
from integration.jobs.intake import parts
from integration.storage import decisions, ledger, lists
from integration.storage.lists import Published, Scope
from integration.storage.pii import row_reference
from schemas.lists import Change, ChangeTotal, ListKind, ListRow

_ROWS = msgspec.msgpack.Decoder(list[ListRow])


@dataclass
class Spool:
    """A list's rows, written once and read once per rendering; packed, so that a million take 70 MB."""

    packed: list[bytes] = field(default_factory=list)
    totals: dict[str, ChangeTotal] = field(default_factory=dict)

    def fill(self, batches: Iterable[Sequence[ListRow]]) -> None:
        """Take all rows and count them by change."""
        encode = msgspec.msgpack.Encoder().encode
        for part in batches:
            self.packed.append(encode(part))
            for change in {row.change for row in part}:
                mine = [row.quantity_milli for row in part if row.change == change]
                before = self.totals.get(change, ChangeTotal(0, 0))
                self.totals[change] = ChangeTotal(before.rows + len(mine), before.quantity_milli + sum(mine))

    def __iter__(self) -> Iterator[ListRow]:
        for packed in self.packed:
            yield from _ROWS.decode(packed)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(total.rows for total in self.totals.values())

    @property
    def quantity_milli(self) -> int:
        """Their summed quantity."""
        return sum(total.quantity_milli for total in self.totals.values())


#: Told of every household that a list starts, stops or moves: what the brake judges.
Moved = Callable[[int, Change], None]


def build_rows(
    hub: Hub,
    connection: Connection,
    scope: Scope,
    kind: ListKind,
    earlier: Sequence[Published],
    moved: Moved,
    *,
    reading: bool = False,
) -> Iterator[Sequence[ListRow]]:
    """Yield a list's rows in batches, in their one order; with ``reading`` in a transaction that may only read.

    They depend on what was known at the list's cut-off, posted by its run and published before it, and on nothing
    that came later.
    """
    late = sorted(_late(hub, connection, scope, earlier), key=_order)
    if kind is ListKind.SUPPLEMENT:
        yield from parts(late)
        return
    with lists.corrected_in_place(scope) if reading else lists.corrected_households(connection, scope) as corrected:
        netted = _netted(connection, scope, corrected, moved)
        moves = [*netted, *_stops(connection, scope, corrected, moved)]
        other = (_row(hub, scope, *move) for move in _without_reused(connection, scope, moves))
        plain = _plain(hub, connection, scope, corrected, moved)
        yield from _woven(plain, sorted([*late, *other], key=_order))


def _woven(batches: Iterable[list[ListRow]], others: Sequence[ListRow]) -> Iterator[Sequence[ListRow]]:
    """Merge a few rows into many: most batches pass untouched."""
    done = 0
    for batch in batches:
        here = bisect_right(others, _order(batch[-1]), lo=done, key=_order)
        yield sorted([*batch, *others[done:here]], key=_order) if here > done else batch
        done = here
    yield from parts(others[done:])


def _order(row: ListRow) -> tuple[str, int, bool, str, str]:
    return row.account, row.month, row.change != Change.STOP, row.reference, row.change


def _plain(
    hub: Hub, connection: Connection, scope: Scope, corrected: FromClause, moved: Moved
) -> Iterator[list[ListRow]]:
    service, month, keep = scope.service.value, int(scope.month), Change.KEEP
    for found in lists.plain_rows(connection, scope, corrected):
        batch, unlinked = [], False
        for account, reference, quantity, household, account_id, before in found:
            change = regular_change(account_id, before)
            if change is not keep:
                moved(household, change)
            unlinked = unlinked or reference is None
            known = reference or row_reference(hub.ring, scope.company, household, account_id)
            batch.append(ListRow(known, account, service, month, quantity, change.value))
        yield sorted(batch, key=_order) if unlinked else batch


class _Move(NamedTuple):
    """A row to be: where, of which month, and what it is called there."""

    placed: lists.Placed
    month: int
    change: Change
    quantity_milli: int


def _row(hub: Hub, scope: Scope, placed: lists.Placed, month: int, change: Change, quantity: int) -> ListRow:
    reference = row_reference(hub.ring, scope.company, placed.household_id, placed.account_id)
    return ListRow(reference, placed.number, scope.service.value, month, quantity, change.value)


def _stops(connection: Connection, scope: Scope, corrected: FromClause, moved: Moved) -> Iterator[_Move]:
    for placed in lists.plain_stops(connection, scope, corrected):
        moved(placed.household_id, Change.STOP)
        yield _Move(placed, int(scope.month), Change.STOP, 0)


def _without_reused(connection: Connection, scope: Scope, moves: Sequence[_Move]) -> Iterator[_Move]:
    """Leave out the STOP of a number that was given to another account, whose household the same list entitles.

    The company knows accounts by their numbers: the row would end the new holder, and the old one is gone anyhow.
    """
    stopping = [move.placed for move in moves if move.change is Change.STOP]
    reused = {one for part in parts(stopping) for one in lists.taken_over(connection, scope, part)}
    for move in moves:
        if move.change is not Change.STOP or move.placed not in reused:
            yield move


def _netted(connection: Connection, scope: Scope, corrected: FromClause, moved: Moved) -> Iterator[_Move]:
    now = lists.corrected_nets(connection, scope, corrected, scope.month, scope.run_id)
    before = (
        lists.corrected_nets(connection, scope, corrected, scope.before.month, scope.before.run_id)
        if scope.before
        else []
    )
    placed = {(one.household_id, one.account_id): one for one in [*before, *now]}
    vectors: dict[int, tuple[dict[int, int], dict[int, int]]] = {one: ({}, {}) for one, _ in placed}
    for index, side in enumerate((now, before)):
        for one in side:
            vectors[one.household_id][index][one.account_id] = one.quantity_milli
    for household in sorted(vectors):
        for account, quantity, change in net_changes(*vectors[household]):
            if change is not Change.KEEP:
                moved(household, change)
            yield _Move(placed[household, account], int(scope.month), change, quantity)


def _late(hub: Hub, connection: Connection, scope: Scope, earlier: Sequence[Published]) -> Iterator[ListRow]:
    """Yield RETRO, MOVE and CLAW_BACK rows: what runs since the last list changed in months that were listed before.

    A month passed over has no list because nothing stood at the company; what came there since is as late.
    """
    listed = {one.month for one in earlier if one.kind == ListKind.REGULAR}
    runs = [run for run in ledger.all_runs(connection) if run.run_id <= scope.run_id]
    months = listed | {run.month for run in runs if run.month < scope.month}
    after = earlier[-1].run_id if earlier else scope.run_id
    found = lists.late_rows(connection, scope, after, months)
    taken = decisions.taken_back(connection, scope.service)
    clawed = {one[:3] for one in taken if after < one.run_id <= scope.run_id}
    numbers = {row.account_id: row for row in found}
    rows = (Late(r.household_id, r.month, r.account_id, r.quantity_milli) for r in found)
    for late, change in late_changes(rows, clawed):
        at = numbers[late.account_id]
        if at.company == scope.company:
            placed = lists.Placed(late.household_id, late.account_id, at.number or "", late.quantity_milli)
            yield _row(hub, scope, placed, late.month, change, late.quantity_milli)
