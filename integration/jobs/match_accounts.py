"""Matching what exact keys do not link: near-certain candidates are linked, others go to the review queue.

Only households that have no account of their own at a service are looked at, and of them only those about whom
something moved. All are scored before anything is linked, so their order decides nothing: an account that is near
certain for two households is linked to neither (edge cases 54-57).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from integration.domain.allowance import LinkSpan
from integration.domain.matching import Candidate, Evidence, Limits, NewLink, near_certain, rank, with_link
from integration.domain.policy import MonthPolicy
from integration.domain.similarity import Score
from integration.jobs.hub import Hub
from integration.jobs.intake import parts
from integration.jobs.link_evidence import LINKED
from integration.jobs.match_candidates import Waiting, current_policy
from integration.jobs.match_decisions import BY_ITSELF, Decider
from integration.storage import links, matches
from integration.storage.matches import Review, SealedCustomer
from integration.storage.pii import row_reference
from schemas.values import Service


class Proposal(NamedTuple):
    """A link that is near certain, and what the household has had at the service."""

    household_id: int
    service: Service
    account: Candidate
    score: Score
    before: tuple[links.Current, ...]


class Matched(NamedTuple):
    """What matching did: rows of links written, (household, service) linked, and candidates put into the queue."""

    rows: list[tuple[object, ...]]
    linked: frozenset[tuple[int, str]]
    queued: int


def match_accounts(hub: Hub, connection: Connection, ids: Iterable[int], version: int) -> Matched:
    """Judge households that wait, in the caller's transaction and under its knowledge version.

    What is linked at one service is evidence at the next, so those households are judged again until nothing is linked.
    """
    policy = current_policy(hub)
    rows: list[tuple[object, ...]] = []
    linked: set[tuple[int, str]] = set()
    queued: set[tuple[int, str]] = set()
    services = served(hub, connection)
    decider = Decider(hub, policy, BY_ITSELF, version)
    wanted = sorted(ids)
    while wanted:
        proposals: list[Proposal] = []
        for part in parts(wanted):
            waiting = Waiting(hub, connection, part, policy, services)
            queued |= _judge(connection, waiting, part, version, proposals, limits_of(policy))
        chosen = _uncontested(connection, proposals, policy)
        fresh = [row for one in chosen for row in _link(hub, connection, one, version)]
        links.add(connection, fresh)
        rows += fresh
        decider.keep(connection, [(one.household_id, one.service, one.score) for one in chosen], "linked")
        linked |= {(one.household_id, one.service.value) for one in chosen}
        wanted = sorted({one.household_id for one in chosen})
    return Matched(rows, frozenset(linked), len(queued - linked))


def served(hub: Hub, connection: Connection) -> dict[Service, int]:
    """Return the services with a company whose customers are known, and since which version the first one's are."""
    known = matches.first_rosters(connection)
    found: dict[Service, int] = {}
    for service in LINKED:
        of_it = [known[code] for code, port in hub.companies.items() if code in known and service in port.services]
        if of_it:
            found[service] = min(of_it)
    return found


def limits_of(policy: MonthPolicy) -> Limits:
    """Return the limits of a month."""
    return Limits(policy.match_certain_per_mille, policy.match_review_per_mille, policy.match_lead_per_mille)


def _judge(
    connection: Connection,
    waiting: Waiting,
    ids: Sequence[int],
    version: int,
    proposals: list[Proposal],
    limits: Limits,
) -> set[tuple[int, str]]:
    """Score a batch, keep its queue and keys, and add what is near certain; return who stands in the queue."""
    found: list[Review] = []
    for household, services in waiting.needs.items():
        for service in services:
            ranked = rank(waiting.scores(household, service), limits)
            found += [Review(household, service.value, one, version) for one in ranked]
            if best := near_certain(ranked, limits):
                before = tuple(one for one in waiting.gathered.current.get(household, ()) if one.service == service)
                account = as_candidate(waiting.customers[best.account_id])
                proposals.append(Proposal(household, service, account, best, before))
    matches.keep_reviews(connection, ids, found)
    matches.keep_keys(connection, ids, [(*key, one) for one, keys in waiting.keys.items() for key in keys])
    return {(one.household_id, one.service) for one in found}


def as_candidate(known: SealedCustomer) -> Candidate:
    """Return an account as a link is made to it, whatever agrees."""
    return Candidate(
        account_id=known.account_id,
        company=known.company,
        state=known.state,
        domestic=bool(known.domestic),
        opened_on=known.opened_on,
        closed_on=known.closed_on,
        named=False,
        since=0,
        holder_id=False,
        holder_name=False,
        address=False,
    )


def _uncontested(connection: Connection, proposals: Sequence[Proposal], policy: MonthPolicy) -> list[Proposal]:
    """Return the proposals whose account is near certain for nobody else."""
    chosen: list[Proposal] = []
    for part in parts(proposals):
        accounts = sorted({one.account.account_id for one in part})
        rivals = matches.rivals(connection, accounts, policy.match_certain_per_mille)
        chosen += [one for one in part if not rivals.get(one.account.account_id, set()) - {one.household_id}]
    return chosen


def _link(hub: Hub, connection: Connection, one: Proposal, version: int) -> list[tuple[object, ...]]:
    """Return the rows of a household's new link at a service, and take it out of the queue there."""
    matches.take_out(connection, one.household_id, one.service.value)
    before = [each for each in one.before if each.span.confirmed]
    wanted = with_link([new_link(each) for each in before], one.account, Evidence.NEAR_CERTAIN, 0)
    return relink(hub, connection, one.household_id, one.service, one.before, wanted, version)


def relink(
    hub: Hub,
    connection: Connection,
    household: int,
    service: Service,
    before: Sequence[links.Current],
    wanted: Sequence[NewLink],
    version: int,
) -> list[tuple[object, ...]]:
    """Close the links that are not wanted as they are, and return the rows of those that are new."""
    have = {(one.span.account_id, one.span.valid_from): new_link(one) for one in before}
    want = {(link.account_id, link.valid_from): link for link in wanted}
    stale = [(household, service.value, *key) for key, link in have.items() if want.get(key) != link]
    links.close(connection, version, stale)
    return [link_row(hub, household, service, link, version) for key, link in want.items() if have.get(key) != link]


def new_link(one: links.Current) -> NewLink:
    """Return a link as the rules see it."""
    span: LinkSpan = one.span
    return NewLink(span.account_id, one.company, span.valid_from, span.valid_to, one.evidence, span.confirmed)


def link_row(hub: Hub, household: int, service: Service, link: NewLink, version: int) -> tuple[object, ...]:
    """Return the row of a link, in the order of ``links.COLUMNS``."""
    reference = row_reference(hub.ring, link.company, household, link.account_id)
    return (
        household, service.value, link.account_id, version, link.valid_from, link.valid_to,
        link.company, link.evidence, int(link.confirmed), reference,
    )  # fmt: skip
