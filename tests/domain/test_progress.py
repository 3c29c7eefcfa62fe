"""How far an allowance has come: three outcomes, and what cannot be determined is never a refusal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.domain.balance import Standing
from integration.domain.cases import CASE_OF
from integration.domain.households import GRANTING, Verdict
from integration.domain.progress import Listed, Outcome, Seen, Stage, outcome, stage
from integration.domain.waiting import Waiting
from schemas.cases import CaseKind
from schemas.findings import FindingKind
from schemas.reports import Answer

LISTED = st.builds(Listed, st.sampled_from(Standing), st.booleans(), st.none() | st.sampled_from(Answer), st.booleans())
SEEN = st.builds(
    Seen,
    verdict=st.sampled_from(Verdict),
    is_taken_back=st.booleans(),
    is_posted=st.booleans(),
    is_computed=st.booleans(),
    waiting=st.none() | st.sampled_from(Waiting),
    is_listed=st.booleans(),
    is_held=st.booleans(),
    told=st.none() | LISTED,
)
FINDINGS = st.frozensets(st.sampled_from(FindingKind), max_size=3)


@given(seen=SEEN, findings=FINDINGS)
def test_who_has_the_right_is_never_refused_and_what_people_must_decide_is_never_certain(seen: Seen, findings) -> None:
    found = outcome(seen.verdict, stage(seen), seen.waiting, findings)
    if seen.verdict in GRANTING:
        assert found is not Outcome.NOT_ENTITLED
        if seen.waiting not in (None, Waiting.NEXT_RUN):
            assert found is Outcome.UNDETERMINED
    else:
        assert found is not Outcome.ENTITLED
    if any(CASE_OF.get(one) is CaseKind.UNDETERMINED for one in findings):
        assert found is Outcome.UNDETERMINED


@given(seen=SEEN)
def test_what_is_posted_stands_whatever_became_known_later(seen: Seen) -> None:
    reached = stage(seen)
    if seen.is_posted and seen.verdict not in GRANTING and not seen.is_taken_back:
        assert reached is Stage.STANDS
    if reached is Stage.NO_RIGHT:
        assert not seen.is_posted
        assert seen.verdict not in GRANTING


ENTITLED = Seen(Verdict.ENTITLED, False, True, True, None, True, False, None)


def at(standing: Standing, answer: Answer | None = None, *, has_bill: bool = False, reported: bool = False) -> Seen:
    return ENTITLED._replace(told=Listed(standing, has_bill, answer, reported))


@pytest.mark.parametrize(
    ("seen", "reached", "answer"),
    [
        (ENTITLED._replace(is_posted=False, is_computed=False), Stage.NOT_COMPUTED, Outcome.ENTITLED),
        (ENTITLED._replace(is_posted=False), Stage.NOT_POSTED, Outcome.ENTITLED),
        (ENTITLED._replace(waiting=Waiting.UNCONFIRMED), Stage.NO_PLACE, Outcome.UNDETERMINED),
        (ENTITLED._replace(waiting=Waiting.NEXT_RUN), Stage.NO_PLACE, Outcome.ENTITLED),
        (ENTITLED._replace(is_listed=False), Stage.NOT_LISTED, Outcome.ENTITLED),
        (ENTITLED._replace(is_listed=False, is_held=True), Stage.LIST_HELD, Outcome.ENTITLED),
        (ENTITLED, Stage.LISTED, Outcome.ENTITLED),
        (at(Standing.AWAITING), Stage.AWAITING, Outcome.ENTITLED),
        (at(Standing.AWAITING, Answer.NO_BILL_DUE), Stage.AWAITING, Outcome.ENTITLED),
        (at(Standing.UNANSWERED), Stage.SILENT, Outcome.UNDETERMINED),
        (at(Standing.UNANSWERED, reported=True), Stage.LEFT_OUT, Outcome.UNDETERMINED),
        (at(Standing.UNANSWERED, Answer.HELD, reported=True), Stage.UNDECIDED, Outcome.UNDETERMINED),
        (at(Standing.REFUSED, Answer.NOT_FOUND, reported=True), Stage.REFUSED, Outcome.ENTITLED),
        (at(Standing.LAPSED, Answer.PREPAID_NO_PURCHASE), Stage.LAPSED, Outcome.ENTITLED),
        (at(Standing.LAPSED, has_bill=True), Stage.BILLED, Outcome.ENTITLED),
        (ENTITLED._replace(is_taken_back=True), Stage.TAKEN_BACK, Outcome.ENTITLED),
    ],
)
def test_the_stages_of_an_allowance(seen: Seen, reached: Stage, answer: Outcome) -> None:
    assert stage(seen) is reached
    assert outcome(seen.verdict, reached, seen.waiting) is answer
