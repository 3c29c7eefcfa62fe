"""The life of a case: what may follow what, and that no way leads round the second person."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from integration.domain.cases import CASE_OF, TRANSITIONS, UNDER_WORK, after, is_own_work, possible
from integration.domain.matching import Pending
from integration.domain.waiting import CASE_OF as CASE_OF_WAITING
from integration.domain.waiting import Waiting, is_case
from schemas.cases import CaseEvent, CaseKind, CaseState


@given(st.lists(st.sampled_from(CaseEvent)))
def test_a_case_is_closed_by_an_approval_of_what_was_resolved_and_by_nothing_else(events: list[CaseEvent]) -> None:
    state, told = CaseState.OPEN, [CaseEvent.OPENED]
    for event in events:
        following = after(state, event)
        if following is None:
            continue
        told.append(event)
        state = following
        if state is CaseState.CLOSED:
            assert event is CaseEvent.APPROVED
            before = [one for one in told[:-1] if one is not CaseEvent.NOTED]
            assert before[-1] is CaseEvent.RESOLVED


def test_from_every_state_something_can_be_done_and_every_state_is_reached() -> None:
    assert all(possible(state) for state in CaseState)
    assert {CaseState.OPEN, *TRANSITIONS.values()} == set(CaseState)
    assert {event for _, event in TRANSITIONS} | {CaseEvent.OPENED} == set(CaseEvent)
    assert CaseState.CLOSED not in UNDER_WORK
    assert CaseState.GONE not in UNDER_WORK


def test_who_resolved_or_was_charged_with_it_does_not_approve() -> None:
    assert is_own_work("li", assignee=None, resolved_by="li")
    assert is_own_work("li", assignee="li", resolved_by="wang")
    assert not is_own_work("li", assignee="wang", resolved_by="wang")


def test_everything_that_waits_for_people_has_its_kind_of_case() -> None:
    assert set(CASE_OF_WAITING) == set(Waiting) - {Waiting.NEXT_RUN}
    assert {one.value for one in Pending} <= {one.value for one in Waiting}
    assert set(CASE_OF.values()) <= set(CaseKind)


@given(waited=st.none() | st.integers(0, 400), patience=st.integers(0, 366))
def test_a_match_has_the_policys_days_and_nothing_else_has_any(waited: int | None, patience: int) -> None:
    assert is_case(CaseKind.SHARED_ACCOUNT, waited, patience)
    assert is_case(CaseKind.PENDING_MATCH, waited, patience) is (waited is not None and waited >= patience)
