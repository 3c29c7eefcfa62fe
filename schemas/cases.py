"""Cases 工单: the kinds of what people must decide, the states a case is in, and what can happen to one."""

from __future__ import annotations

from enum import StrEnum


class CaseKind(StrEnum):
    """What has to be decided. What cannot be determined opens a case; it never counts as a refusal."""

    #: Whether a household was relieved, or for how much, cannot be told from what the company said, or did not say.
    UNDETERMINED = "undetermined"
    #: A person stands in two live certificates; the later one waits (edge cases 44, 45).
    DUPLICATE_PERSON = "duplicate_person"
    #: A second household on one account waits for confirmation (edge case 54).
    SHARED_ACCOUNT = "shared_account"
    #: The household's account is non-domestic (edge case 30).
    NON_DOMESTIC = "non_domestic"
    #: No account is known (edge case 55).
    PENDING_MATCH = "pending_match"
    #: A household was linked to an account that is not its own (edge case 59).
    WRONG_LINK = "wrong_link"
    #: Accounts or households were split or merged, and who continues is not clear (edge cases 43, 62).
    SPLIT_OR_MERGE = "split_or_merge"
    #: A bill drawn to be checked by hand.
    BILL_SAMPLE = "bill_sample"
    #: A company's month differs from the one before by so much that it must be explained.
    VARIANCE = "variance"
    #: Money is to be taken back after a dated decision (edge case 38).
    CLAW_BACK = "claw_back"
    #: A household objects to what was decided.
    OBJECTION = "objection"


class CaseState(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    #: The company was asked, and has not answered.
    ASKED = "asked"
    #: One person has resolved it; another must approve.
    RESOLVED = "resolved"
    #: Two persons have decided it.
    CLOSED = "closed"
    #: What gave rise to it is there no more.
    GONE = "gone"


class CaseEvent(StrEnum):
    """What happens to a case."""

    OPENED = "opened"
    ASSIGNED = "assigned"
    NOTED = "noted"
    ASKED_COMPANY = "asked_company"
    ANSWERED = "answered"
    RESOLVED = "resolved"
    APPROVED = "approved"
    REOPENED = "reopened"
    CAUSE_GONE = "cause_gone"
