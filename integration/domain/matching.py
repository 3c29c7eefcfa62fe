"""Household ↔ account: which links make themselves, and which wait for a person.

A link makes itself only from (a) the account number the household named, when the roster agrees in one more thing
(holder's ID or name among the members, or the address in normal form), or (b) a member's ID number equal to the
holder's. Only open, domestic accounts; a name alone never (edge cases 53-58). Of whatever else agrees a score is made
(``similarity``): a candidate that is near certain is linked too, others wait for a person, or are a pending match.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from integration.domain.allowance import LinkSpan
from integration.domain.similarity import Score
from schemas.values import OPEN_DAY, AccountState, add_months, day_after, day_before


class Evidence(StrEnum):
    """What a link rests on, strongest first."""

    NAMED_AND_HOLDER_ID = "named_and_holder_id"
    HOLDER_ID = "holder_id"
    NAMED_AND_ADDRESS = "named_and_address"
    NAMED_AND_NAME = "named_and_name"
    NEAR_CERTAIN = "near_certain"
    CONFIRMED = "confirmed"


class HolderEvidence(StrEnum):
    """What shows that a household uses an account whose holder is no member (edge case 55)."""

    LEASE = "lease"
    COMMUNITY_LETTER = "community_letter"
    DEATH_CERTIFICATE = "death_certificate"
    EMPLOYER_LETTER = "employer_letter"
    BILL_PAID = "bill_paid"
    VISIT = "visit"


class Pending(StrEnum):
    """Why a household has no link at a service yet."""

    NO_CANDIDATE = "no_candidate"
    NOTHING_AGREES = "nothing_agrees"
    NON_DOMESTIC = "non_domestic"
    CLOSED = "closed"


class Candidate(NamedTuple):
    """An account that a household may belong to, with what agrees. ``since`` is when the household named it, or 0.

    ``refused``: a person has said that the two do not belong together; it is never chosen again.
    """

    account_id: int
    company: str
    state: str
    domestic: bool
    opened_on: int
    closed_on: int
    named: bool
    since: int
    holder_id: bool
    holder_name: bool
    address: bool
    refused: bool = False


class NewLink(NamedTuple):
    """A link to be, with its evidence."""

    account_id: int
    company: str
    valid_from: int
    valid_to: int
    evidence: str
    confirmed: bool


#: A takeover is told by a roster within so many months.
_TAKEOVER_MONTHS: Final = 12
#: The first day of a link whose account has no opening date: as long as anybody remembers.
EVER: Final = 19000101


def evidence_of(candidate: Candidate) -> Evidence | None:
    """Return what would carry a link to this account, or None."""
    if candidate.refused:
        return None
    if candidate.holder_id:
        return Evidence.NAMED_AND_HOLDER_ID if candidate.named else Evidence.HOLDER_ID
    if candidate.named and candidate.address:
        return Evidence.NAMED_AND_ADDRESS
    if candidate.named and candidate.holder_name:
        return Evidence.NAMED_AND_NAME
    return None


def choose(candidates: Sequence[Candidate]) -> Candidate | None:
    """Choose the one account of a household at a service (edge case 53).

    The written order: the address of the certificate; then a member is the holder; then the most recent connection.
    Ties go to the lower account id, so that every arrival order chooses the same.
    """
    fit = [c for c in candidates if c.state != AccountState.CLOSED and c.domestic and evidence_of(c) is not None]
    return min(fit, key=lambda c: (not c.address, not c.holder_id, -c.opened_on, c.account_id)) if fit else None


def pending_reason(candidates: Sequence[Candidate]) -> Pending:
    """Say why no account could be chosen, in the order in which a person would look."""
    if not candidates:
        return Pending.NO_CANDIDATE
    carried = [c for c in candidates if evidence_of(c) is not None]
    if not carried:
        return Pending.NOTHING_AGREES
    return Pending.NON_DOMESTIC if any(not c.domestic for c in carried) else Pending.CLOSED


def link_timeline(
    existing: Sequence[tuple[LinkSpan, str, str]], candidates: Sequence[Candidate], *, taken: bool, today: int
) -> list[NewLink]:
    """Return the links a household should have at one service; those in force are disjoint in time.

    ``existing`` are its links now, as (span, company, evidence). A link stands until its account is closed or
    another account is chosen; a household that names a new account moves there from the day it said so (edge case
    47). A link made or confirmed by a person is never undone here. ``taken`` says that the chosen account serves
    another household already: the link then waits for confirmation beside what the household has (edge case 54).
    ``today`` (YYYYMMDD) dates a change that nobody has dated: what was listed before is not judged anew by it.
    """
    by_account = {candidate.account_id: candidate for candidate in candidates}
    kept = [
        _ended_with_account(span, company, evidence, by_account.get(span.account_id), today)
        for span, company, evidence in existing
    ]
    kept.sort(key=lambda link: link.valid_from)
    chosen = choose(candidates)
    if chosen is None or any(link.account_id == chosen.account_id and link.valid_to == OPEN_DAY for link in kept):
        return kept
    if any(link.evidence == Evidence.CONFIRMED and link.valid_to == OPEN_DAY for link in kept):
        return kept
    if kept and kept[-1].account_id == chosen.account_id:  # closed in between, and open again for the same household
        return [*kept[:-1], kept[-1]._replace(valid_to=OPEN_DAY)]
    if taken:
        return [*kept, _fresh(chosen, kept, today, str(evidence_of(chosen)))._replace(confirmed=False)]
    return with_link(kept, chosen, str(evidence_of(chosen)), today)


def with_link(kept: Sequence[NewLink], account: Candidate, evidence: str, today: int) -> list[NewLink]:
    """Return a household's links with one more that is in force: whatever it had before ends the day before."""
    kept = sorted(kept, key=lambda link: link.valid_from)
    fresh = _fresh(account, kept, today, evidence)
    return [*cut(kept, fresh.valid_from), fresh]


def _fresh(account: Candidate, kept: Sequence[NewLink], today: int, evidence: str) -> NewLink:
    return NewLink(account.account_id, account.company, _start(account, kept, today), OPEN_DAY, evidence, True)


class Limits(NamedTuple):
    """From which score a link makes itself, or is shown to a person; how far ahead of the next it must be."""

    certain_per_mille: int
    review_per_mille: int
    lead_per_mille: int


#: So many candidates of a household at a service are shown; a person looks at no more.
QUEUED: Final = 8


def rank(scores: Iterable[Score], limits: Limits) -> list[Score]:
    """Return the candidates worth a look, best first; equal ones in the order of their accounts."""
    worth = [one for one in scores if one.per_mille >= limits.review_per_mille]
    return sorted(worth, key=lambda one: (-one.per_mille, bool(one.doubts), one.account_id))[:QUEUED]


def near_certain(ranked: Sequence[Score], limits: Limits) -> Score | None:
    """Return the candidate whose link makes itself: near certain, without a doubt, and clearly ahead (edge case 57)."""
    if not ranked or ranked[0].doubts or ranked[0].per_mille < limits.certain_per_mille:
        return None
    ahead = ranked[0].per_mille - (ranked[1].per_mille if len(ranked) > 1 else 0)
    return ranked[0] if ahead >= limits.lead_per_mille else None


def _ended_with_account(
    span: LinkSpan, company: str, evidence: str, candidate: Candidate | None, today: int
) -> NewLink:
    """End a link with its account: on the day of closure, or before a stranger took the account over (case 61)."""
    valid_to = span.valid_to
    if candidate is not None and candidate.state == AccountState.CLOSED:
        valid_to = min(valid_to, max(candidate.closed_on, span.valid_from))
    elif candidate is not None and evidence_of(candidate) is None and _taken_over(span, evidence, candidate, today):
        valid_to = min(valid_to, day_before(candidate.opened_on))
    return NewLink(span.account_id, company, span.valid_from, valid_to, evidence, span.confirmed)


def _taken_over(span: LinkSpan, evidence: str, candidate: Candidate, today: int) -> bool:
    """Whether an opening day within a link tells of a new holder.

    Where the holder never was a member, nothing else tells one; a takeover shows in one of the next rosters, so a day
    that is long past and comes up now is a correction.
    """
    if candidate.opened_on <= span.valid_from:
        return False
    recent = add_months(today, -_TAKEOVER_MONTHS)
    return evidence not in (Evidence.CONFIRMED, Evidence.NEAR_CERTAIN) or candidate.opened_on >= recent


def _start(chosen: Candidate, kept: Sequence[NewLink], today: int) -> int:
    """Date a new link: a first one from the account's opening, a later one from the move.

    A move is dated by the household's own word, or by the closing of the account before, or else by the day on which
    the hub found it; never back over months that were listed on another account.
    """
    opened = chosen.opened_on or EVER
    if not kept:
        return opened
    last = kept[-1]
    moved = chosen.since or (today if last.valid_to == OPEN_DAY else day_after(last.valid_to))
    return max(opened, moved, last.valid_from)


def cut(kept: Sequence[NewLink], start: int) -> list[NewLink]:
    """End earlier links the day before a new one starts; drop those that would have no day left."""
    return [link._replace(valid_to=min(link.valid_to, day_before(start))) for link in kept if link.valid_from < start]
