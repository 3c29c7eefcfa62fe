"""A dry check of a file before it is sent: the very code that takes it in, in a transaction that is rolled back."""

from __future__ import annotations

import msgspec

from integration.domain.brake import Trip
from integration.jobs.hub import Hub
from integration.jobs.inbox import applied_by, keep_file
from integration.jobs.intake import Content, conclude
from integration.storage import overview
from integration.storage.overview import RowsEnded

#: How many runs of rows an answer names; whoever has more faults mends these first.
_MOST = 1000


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What would become of a file: its state, how its rows would end, and why; nothing of it is kept."""

    state: str
    counts: dict[str, int]
    rows: list[RowsEnded]
    trips: list[Trip]


def check_file(hub: Hub, kind: str, sender: str, content: Content) -> Checked:
    """Tell what would become of a file.

    Raises:
        MessageConflict: its message id was used for other content.
    """
    with hub.store.write(dry_run=True) as connection:
        inside = hub.within(connection)
        kept = keep_file(inside, kind, sender, content)
        result = conclude(
            inside, kept.submission_id, kind, apply=applied_by(inside, kind, sender, actor="check"), actor="check"
        )
        ended = overview.outcomes_of(connection, kept.submission_id, _MOST)
    whole = [RowsEnded(one.row, one.row, "", one.column, one.code, one.text) for one in result.faults]
    return Checked(state=result.state, counts=result.counts, rows=ended or whole, trips=result.trips)
