"""Findings 差异: the kinds of disagreement, and who must act."""

from __future__ import annotations

from enum import StrEnum


class FindingKind(StrEnum):
    """What disagrees (edge cases 80-88)."""

    #: Listed, the company has reported its month, and said nothing of this household.
    MISSING = "missing"
    #: The company has not reported a month by its due day; one finding with the number of its households.
    UNANSWERED = "unanswered"
    #: Answered, but not decided: held, or a code nobody knows.
    ANSWER_OPEN = "answer_open"
    #: Answered with a reason why nothing is applied.
    REFUSED = "refused"
    #: The answer says something else than the figures beside it.
    ANSWER_CONTRADICTS = "answer_contradicts"
    #: A back-dated allowance that earlier bills would have used was not credited.
    CREDIT_MISSING = "credit_missing"
    UNAUTHORISED = "unauthorised"
    #: Of months that are not listed, or issued in another month than the report's.
    WRONG_MONTH = "wrong_month"
    WRONG_ACCOUNT = "wrong_account"
    #: The account number belongs to another customer by now.
    REUSED_NUMBER = "reused_number"
    #: The row follows a list that the company never got.
    WRONG_LIST = "wrong_list"
    CROSS_COMPANY = "cross_company"
    OVER_QUANTITY = "over_quantity"
    UNDER_QUANTITY = "under_quantity"
    OVER_AMOUNT = "over_amount"
    UNDER_AMOUNT = "under_amount"
    PRICE_UNKNOWN = "price_unknown"
    TOTAL_NOT_SUM = "total_not_sum"
    DUPLICATE_ROW = "duplicate_row"
    REVERSAL_WITHOUT_ORIGINAL = "reversal_without_original"
    REVERSED_TWICE = "reversed_twice"
    #: Applied by the list of its day; what became known later is no fault of the company or the household.
    GOOD_FAITH = "good_faith"


class Acts(StrEnum):
    """Who must act on a finding."""

    COMPANY = "company"
    OFFICE = "office"
    CIVIL_AFFAIRS = "civil_affairs"
    SUPERVISOR = "supervisor"
