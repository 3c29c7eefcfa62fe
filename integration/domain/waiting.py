"""Why an allowance is on no account yet, and which of that becomes a case for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

from integration.domain.allowance import LinkSpan
from integration.domain.matching import Candidate, pending_reason
from schemas.cases import CaseKind


class Waiting(StrEnum):
    """What an allowance at "none yet" waits for; the first ones are those of ``matching.Pending``."""

    NO_CANDIDATE = "no_candidate"
    NOTHING_AGREES = "nothing_agrees"
    NON_DOMESTIC = "non_domestic"
    CLOSED = "closed"
    #: Which accounts came into question at an earlier time is not kept.
    UNMATCHED = "unmatched"
    #: A second household on the account waits for confirmation (edge case 54).
    UNCONFIRMED = "unconfirmed"
    #: A person stands in a certificate valid earlier (edge case 44).
    DUPLICATE_PERSON = "duplicate_person"
    #: The account is found; the next run places the allowance there.
    NEXT_RUN = "next_run"


#: Which kind of case each becomes; who only waits for the next run needs nobody.
CASE_OF: Final[Mapping[Waiting, CaseKind]] = {
    Waiting.NO_CANDIDATE: CaseKind.PENDING_MATCH,
    Waiting.NOTHING_AGREES: CaseKind.PENDING_MATCH,
    Waiting.CLOSED: CaseKind.PENDING_MATCH,
    Waiting.UNMATCHED: CaseKind.PENDING_MATCH,
    Waiting.NON_DOMESTIC: CaseKind.NON_DOMESTIC,
    Waiting.UNCONFIRMED: CaseKind.SHARED_ACCOUNT,
    Waiting.DUPLICATE_PERSON: CaseKind.DUPLICATE_PERSON,
}


def waiting(links: Sequence[LinkSpan], candidates: Sequence[Candidate] | None, *, held: bool = False) -> Waiting:
    """Say what an allowance without a place waits for.

    ``links`` are the household's at the service in the time asked about; ``candidates`` the accounts that it may
    belong to, None where they are not known; ``held`` whether a certificate valid earlier names its person.
    """
    if held:
        return Waiting.DUPLICATE_PERSON
    if any(not link.confirmed for link in links):
        return Waiting.UNCONFIRMED
    if candidates is None:
        return Waiting.NEXT_RUN if links else Waiting.UNMATCHED
    linked = {link.account_id for link in links}
    if any(one.account_id in linked and not one.domestic for one in candidates):
        return Waiting.NON_DOMESTIC
    return Waiting.NEXT_RUN if links else Waiting(pending_reason(candidates).value)


def is_case(kind: CaseKind, waited_days: int | None, patience_days: int) -> bool:
    """Whether people must look at it: at a match that is pending after the policy's days, at all else at once.

    ``waited_days`` is how long an allowance has stood at none yet, None if none does.
    """
    return kind is not CaseKind.PENDING_MATCH or (waited_days is not None and waited_days >= patience_days)
