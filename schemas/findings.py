"""Findings 差异: the kinds of disagreement, their reasons, and who must act."""

from __future__ import annotations

from enum import StrEnum


class FindingKind(StrEnum):
    """What disagrees (edge cases 80-88), and what the detectors find (62, 78)."""

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
    #: All programmes together relieve more than is charged (edge case 26).
    OVER_CHARGE = "over_charge"
    #: A late-payment penalty on principal that is waived (edge case 28).
    PENALTY_NOT_REDUCED = "penalty_not_reduced"
    #: A credit was set against older debts (edge case 28).
    CREDIT_SWALLOWED = "credit_swallowed"
    #: The meter ended below its start, and no quantity is told (edge case 12).
    READING_BACKWARDS = "reading_backwards"
    #: The year's quantity before a bill is not what the bill of the month before comes to (edge case 21).
    ACCUMULATOR_WRONG = "accumulator_wrong"
    REVERSAL_WITHOUT_ORIGINAL = "reversal_without_original"
    REVERSED_TWICE = "reversed_twice"
    #: Applied by the list of its day; what became known later is no fault of the company or the household.
    GOOD_FAITH = "good_faith"
    #: Entitled, and without any relief for months (see ``Lack``).
    UNDER_CLAIM = "under_claim"
    #: The company's roster calls an account low-income that no list of ours names (edge case 62).
    ORPHAN_FLAG = "orphan_flag"
    #: Listed, and the company's roster does not call it low-income (edge case 62).
    FLAG_LOST = "flag_lost"
    #: Listed, and the flag in the company's roster has run out.
    FLAG_EXPIRED = "flag_expired"
    #: A list is published, and the company has not collected it in time (edge case 78).
    NOT_COLLECTED = "not_collected"
    #: A company has sent no roster for too long.
    NO_ROSTER = "no_roster"
    #: A company's month differs from the one before by so much that it must be explained (see ``Measure``).
    VARIANCE = "variance"


class Lack(StrEnum):
    """Why an entitled household has had no relief of a month."""

    #: No account is known: the allowance stands at "none yet".
    UNMATCHED = "unmatched"
    #: The company answered with a reason why it applies nothing.
    REFUSED = "refused"
    #: The company made out a bill that should have drawn, and relieved nothing.
    WITHHELD = "withheld"
    #: The company said nothing, or nothing decided.
    SILENT = "silent"
    #: The company says that it made out no bill, or nothing was topped up.
    NO_BILL = "no_bill"


class Measure(StrEnum):
    """What of a company's month is compared with the month before."""

    HOUSEHOLDS = "households"
    LISTED = "listed"
    APPLIED = "applied"
    APPLIED_FEN = "applied_fen"


class Acts(StrEnum):
    """Who must act on a finding."""

    COMPANY = "company"
    OFFICE = "office"
    CIVIL_AFFAIRS = "civil_affairs"
    SUPERVISOR = "supervisor"
