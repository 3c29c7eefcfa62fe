"""The life of a case 工单: what may happen in which state, who may approve, and which findings need one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from schemas.cases import CaseEvent, CaseKind, CaseState
from schemas.findings import FindingKind

_AT_WORK: Final = (CaseState.OPEN, CaseState.ASKED)
#: States in which somebody still has to do something.
UNDER_WORK: Final = frozenset({*_AT_WORK, CaseState.RESOLVED})

#: (state, event) → the state after it; what is not here may not happen. A case that is opened is open.
TRANSITIONS: Final[Mapping[tuple[CaseState, CaseEvent], CaseState]] = (
    {(state, event): state for state in _AT_WORK for event in (CaseEvent.ASSIGNED, CaseEvent.NOTED)}
    | {(state, CaseEvent.ASKED_COMPANY): CaseState.ASKED for state in _AT_WORK}
    | {(state, CaseEvent.RESOLVED): CaseState.RESOLVED for state in _AT_WORK}
    | {(state, CaseEvent.CAUSE_GONE): CaseState.GONE for state in (*UNDER_WORK, CaseState.CLOSED)}
    | {(state, CaseEvent.REOPENED): CaseState.OPEN for state in (CaseState.RESOLVED, CaseState.CLOSED, CaseState.GONE)}
    | {
        (CaseState.ASKED, CaseEvent.ANSWERED): CaseState.OPEN,
        (CaseState.RESOLVED, CaseEvent.NOTED): CaseState.RESOLVED,
        (CaseState.RESOLVED, CaseEvent.APPROVED): CaseState.CLOSED,
    }
)

#: Events that say something in words, which must not be left out.
WORDED: Final = frozenset(
    {CaseEvent.NOTED, CaseEvent.ASKED_COMPANY, CaseEvent.ANSWERED, CaseEvent.RESOLVED, CaseEvent.REOPENED}
)

#: Findings that leave open whether, or for how much, a household was relieved, or that people must explain.
CASE_OF: Final[Mapping[FindingKind, CaseKind]] = {
    FindingKind.MISSING: CaseKind.UNDETERMINED,
    FindingKind.UNANSWERED: CaseKind.UNDETERMINED,
    FindingKind.ANSWER_OPEN: CaseKind.UNDETERMINED,
    FindingKind.PRICE_UNKNOWN: CaseKind.UNDETERMINED,
    FindingKind.READING_BACKWARDS: CaseKind.UNDETERMINED,
    FindingKind.REUSED_NUMBER: CaseKind.WRONG_LINK,
    FindingKind.VARIANCE: CaseKind.VARIANCE,
}

#: Why a row was not applied that says, or seems to say, that households or accounts were split or merged (edge cases
#: 43, 60, 62): who continues is for people to decide.
SPLIT_CODES: Final = frozenset({"CERTIFICATES_DISAGREE", "MERGED_HOUSEHOLD", "NUMBER_SPLIT"})


def after(state: CaseState, event: CaseEvent) -> CaseState | None:
    """Return the state after an event; None if it may not happen in this state."""
    return TRANSITIONS.get((state, event))


def possible(state: CaseState) -> list[CaseEvent]:
    """Return what may happen in a state, in the order of a case's life."""
    return [event for event in CaseEvent if (state, event) in TRANSITIONS]


def is_own_work(name: str, *, assignee: str | None, resolved_by: str | None) -> bool:
    """Whether somebody would approve their own work: of what they resolved, or were charged with."""
    return name in (assignee, resolved_by)
