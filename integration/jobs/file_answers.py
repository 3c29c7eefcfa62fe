"""How a collected file ended, and what its sender is told of it: the faults of its rows, row by row."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from itertools import count, islice
from typing import Final, NamedTuple

import msgspec
from sqlalchemy import Connection

from integration.jobs.outcomes import SyncResult
from integration.storage import collected, overview, submissions
from integration.storage.collected import Collected
from schemas.faults import Fault, Outcome

#: So many faults are laid beside a file; a last line says that there are more.
MOST_FAULTS: Final = 10_000
_PAGE: Final = 5_000


class Answer(StrEnum):
    """How a file's submission ended."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    REFUSED = "refused"
    REJECTED = "rejected"
    HELD = "held"


class Answered(NamedTuple):
    """What a file is answered with; while it is held it is not."""

    word: Answer
    faults: list[Fault]

    @property
    def held(self) -> bool:
        """Whether it waits for two persons."""
        return self.word is Answer.HELD

    @property
    def refused(self) -> bool:
        """Whether nothing of it was taken."""
        return self.word in (Answer.REFUSED, Answer.REJECTED)


_REUSED: Final = Fault(
    0,
    "",
    "MESSAGE_REUSED",
    "报文编号已用于其他内容，请换新编号重报 / the message id was used for other content; send it again under a new one",
)
_NOT_RELEASED: Final = Fault(
    0,
    "",
    "NOT_RELEASED",
    "变动过大而暂存，经复核未予放行，请与主管部门联系 / it would have changed too much at once and was not released;"
    " ask the office",
)


def answer_to(connection: Connection, file: Collected) -> Answered | None:
    """Return what a kept file is answered with; None while it waits to be applied."""
    if file.submission_id is None:
        return Answered(Answer.REFUSED, [_REUSED])
    state = submissions.state(connection, file.submission_id)
    if state.state == "received":
        return None
    reply = msgspec.json.decode(state.reply, type=SyncResult)
    word = Answer(reply.state)
    if word is Answer.APPLIED and collected.came_before(connection, file):
        word = Answer.DUPLICATE
    return Answered(word, _faults(connection, file.submission_id, reply))


def _faults(connection: Connection, submission_id: int, reply: SyncResult) -> list[Fault]:
    if reply.state == Answer.REJECTED:
        return [_NOT_RELEASED]
    if reply.state == Answer.REFUSED:
        return reply.faults
    if not reply.counts.get(Outcome.REJECTED):
        return []
    found = list(islice(_rejected(connection, submission_id), MOST_FAULTS + 1))
    if len(found) > MOST_FAULTS:
        found[MOST_FAULTS:] = [_more(submission_id)]
    return found or reply.faults  # the rows' own outcomes are kept no longer than the file


def _more(submission_id: int) -> Fault:
    text = (
        f"只列前 {MOST_FAULTS} 处，请先更正这些；全部见报送 {submission_id}"
        f" / these are the first {MOST_FAULTS}; mend them first, all stand at submission {submission_id}"
    )
    return Fault(0, "", "MORE_FAULTS", text)


def _rejected(connection: Connection, submission_id: int) -> Iterator[Fault]:
    for skip in count(0, _PAGE):
        page = overview.outcomes_of(connection, submission_id, _PAGE, skip)
        for one in page:
            if one.outcome == Outcome.REJECTED:
                yield from (
                    Fault(row, one.column, one.code, one.text) for row in range(one.first_row, one.last_row + 1)
                )
        if len(page) < _PAGE:
            return
