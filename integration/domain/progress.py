"""How far a household's allowance of a month has come: whether it has the right, where it stands, what came of it.

Three outcomes, not two: what cannot be determined is no refusal.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from typing import Final, NamedTuple

from integration.domain.balance import Standing
from integration.domain.cases import CASE_OF
from integration.domain.households import GRANTING, Verdict
from integration.domain.waiting import Waiting
from schemas.cases import CaseKind
from schemas.findings import FindingKind
from schemas.reports import Answer


class Outcome(StrEnum):
    """The answer to whether a household has something in a month."""

    ENTITLED = "entitled"
    NOT_ENTITLED = "not_entitled"
    UNDETERMINED = "undetermined"


class Stage(StrEnum):
    """Where an allowance stands."""

    NO_RIGHT = "no_right"
    #: The month was not computed yet.
    NOT_COMPUTED = "not_computed"
    #: Due, and learnt after the last run: the next one posts it.
    NOT_POSTED = "not_posted"
    #: On no account; see ``Waiting``.
    NO_PLACE = "no_place"
    #: On an account that no list has named yet.
    NOT_LISTED = "not_listed"
    #: The list that names it waits for two persons.
    LIST_HELD = "list_held"
    #: The company knows of it. What came of it at the company is not looked at as of an earlier time.
    LISTED = "listed"
    #: Its bill, or the report of it, is not due yet.
    AWAITING = "awaiting"
    #: The company's report is overdue.
    SILENT = "silent"
    #: The company has reported, and said nothing of this household.
    LEFT_OUT = "left_out"
    #: The company's answer decides nothing.
    UNDECIDED = "undecided"
    #: The company answered with a reason why it applies nothing.
    REFUSED = "refused"
    #: A bill has drawn, or there was one to draw from.
    BILLED = "billed"
    #: Nothing was bought or billed in the time in which it could be used.
    LAPSED = "lapsed"
    #: Granted by what was known then; what became known later takes nothing back (edge cases 37, 87).
    STANDS = "stands"
    #: An authority has decided that something of it is taken back (edge case 38).
    TAKEN_BACK = "taken_back"


class Listed(NamedTuple):
    """What became of an allowance that a list has told: see ``balance.standing``.

    ``reported`` says whether the company has sent the report that was to answer it.
    """

    standing: Standing
    has_bill: bool
    answer: Answer | None
    reported: bool


class Seen(NamedTuple):
    """All that the stage of an allowance depends on. ``waiting`` is None where it has an account.

    ``told`` is None where what came of it is not looked at, or no list has named it.
    """

    verdict: Verdict
    is_taken_back: bool
    is_posted: bool
    is_computed: bool
    waiting: Waiting | None
    is_listed: bool
    is_held: bool
    told: Listed | None


def stage(seen: Seen) -> Stage:
    """Return where an allowance stands; what is furthest along counts."""
    if seen.is_taken_back:
        return Stage.TAKEN_BACK
    if seen.verdict not in GRANTING:
        return Stage.STANDS if seen.is_posted else Stage.NO_RIGHT
    if seen.waiting is not None:
        return Stage.NO_PLACE
    if not seen.is_posted:
        return Stage.NOT_POSTED if seen.is_computed else Stage.NOT_COMPUTED
    if not seen.is_listed:
        return Stage.LIST_HELD if seen.is_held else Stage.NOT_LISTED
    return Stage.LISTED if seen.told is None else _at_the_company(seen.told)


def _at_the_company(told: Listed) -> Stage:
    if told.has_bill:
        return Stage.BILLED
    if told.answer in (Answer.HELD, Answer.UNKNOWN):
        return Stage.UNDECIDED
    if told.standing is Standing.UNANSWERED:
        return Stage.LEFT_OUT if told.reported else Stage.SILENT
    return {Standing.REFUSED: Stage.REFUSED, Standing.LAPSED: Stage.LAPSED}.get(told.standing, Stage.AWAITING)


#: Stages in which nobody can say yet whether the household has been, or will be, relieved.
_OPEN: Final = frozenset({Stage.SILENT, Stage.LEFT_OUT, Stage.UNDECIDED})


def outcome(
    verdict: Verdict, reached: Stage, waiting: Waiting | None, findings: Collection[FindingKind] = ()
) -> Outcome:
    """Return the outcome of a month; what is undetermined is, or becomes, a case."""
    doubtful = waiting not in (None, Waiting.NEXT_RUN) and verdict in GRANTING
    unclear = any(CASE_OF.get(kind) is CaseKind.UNDETERMINED for kind in findings)
    if doubtful or unclear or reached in _OPEN:
        return Outcome.UNDETERMINED
    return right_alone(verdict)


def right_alone(verdict: Verdict) -> Outcome:
    """Return the outcome of a benefit that has no monthly allowance: whether the category has it."""
    return Outcome.ENTITLED if verdict in GRANTING else Outcome.NOT_ENTITLED
