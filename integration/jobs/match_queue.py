"""The review queue of matches: what a person sees, and confirms or refuses once.

Candidates are shown by account number, score and reason codes, never by what was compared. A refused pair never comes
again; a confirmed one is evidence at the other companies (edge cases 54-57).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection

from integration.clock import today
from integration.domain.matching import Evidence, HolderEvidence, with_link
from integration.domain.similarity import Reason, Score
from integration.jobs.hub import Hub
from integration.jobs.intake import parts
from integration.jobs.link_evidence import LINKED, LinkRefused
from integration.jobs.match_accounts import as_candidate, new_link, relink
from integration.jobs.match_candidates import Waiting, current_policy
from integration.jobs.match_decisions import Decider, Outcome
from integration.jobs.reasons import fault_of
from integration.storage import audit, decisions, links, matches
from integration.storage.engine import next_version
from schemas.values import OPEN_DAY, AccountState, Service, day_int

#: Reasons by which the holder is a member, or accepted for the household already: no other evidence is needed.
_OWN_HOLDER = frozenset({Reason.ID, Reason.ID_SLIP, Reason.NAME, Reason.CONFIRMED_HOLDER})


class QueuedCandidate(msgspec.Struct, frozen=True):
    """A candidate as a person sees it; ``others`` are so many other households in whose queue the account stands."""

    company: str
    account: str
    per_mille: int
    reasons: list[str]
    doubts: list[str]
    others: int


class QueuedMatch(msgspec.Struct, frozen=True):
    """A household that waits at a service, with its candidates, best first."""

    household: int
    service: str
    candidates: list[QueuedCandidate]


# --- seeing ---------------------------------------------------------------------------------------------------------


def match_queue(hub: Hub, *, household: int | None = None, service: Service | None = None) -> list[QueuedMatch]:
    """Return whom people have to look at: whoever has the best candidate first, then in the order of households."""
    with hub.store.read() as connection:
        found = matches.reviews(connection, None if household is None else [household])
        if service is not None:
            found = [one for one in found if one.service == service]
        queue = list(_queued(connection, found))
    return sorted(queue, key=lambda one: (-one.candidates[0].per_mille, one.household, one.service))


def _queued(connection: Connection, found: Sequence[matches.Review]) -> Iterator[QueuedMatch]:
    by_key: dict[tuple[int, str], list[QueuedCandidate]] = {}
    for part in parts(found):
        accounts = sorted({one.score.account_id for one in part})
        known = matches.customers(connection, accounts)
        rivals = matches.rivals(connection, accounts, 0)
        for one in part:
            others = len(rivals[one.score.account_id] - {one.household_id})
            by_key.setdefault((one.household_id, one.service), []).append(
                _shown(known[one.score.account_id], one.score, others)
            )
    for (household, service), candidates in by_key.items():
        yield QueuedMatch(household, service, candidates)


def _shown(known: matches.SealedCustomer, score: Score, others: int) -> QueuedCandidate:
    return QueuedCandidate(
        known.company, known.number, score.per_mille, list(score.reasons), list(score.doubts), others
    )


# --- deciding -------------------------------------------------------------------------------------------------------


class _Pair(NamedTuple):
    """A household and the account a person means, with its score as it is now."""

    household: int
    service: Service
    known: matches.SealedCustomer
    score: Score
    before: tuple[links.Current, ...]


def confirm_link(
    hub: Hub,
    household: int,
    service: Service,
    account: str | None = None,
    *,
    evidence: HolderEvidence | None = None,
    actor: str,
) -> None:
    """Link a household to the account that a person confirms; without an account, to the one it shares (edge case 54).

    ``account`` is a number, or company:number where two companies have it.

    Raises:
        LinkRefused: nothing waits there, the account is unknown, closed or not domestic, or the holder is no member and
            no evidence is named.
    """
    with hub.store.write() as connection:
        version = next_version(connection, hub.clock, "decision")  # first: under its lock nobody links anew
        pair = _pair(hub, connection, household, service, account)
        _refuse_unfit(pair, evidence)
        if any(one.span.account_id == pair.known.account_id and _stands(one) for one in pair.before):
            raise LinkRefused(f"该户已在此户号上 / household {household} has this account already")
        mine = [new_link(one) for one in pair.before if one.span.confirmed]
        waiting = [one for one in pair.before if not one.span.confirmed]
        since = min((w.span.valid_from for w in waiting if w.span.account_id == pair.known.account_id), default=0)
        chosen = as_candidate(pair.known)._replace(since=since)
        wanted = with_link(mine, chosen, Evidence.CONFIRMED, day_int(today(hub.clock)))
        links.add(connection, relink(hub, connection, household, service, pair.before, wanted, version))
        matches.take_out(connection, household, service.value)
        _record(
            Decider(hub, current_policy(hub), actor, version), connection, pair, "confirmed", evidence=evidence or ""
        )


def refuse_match(hub: Hub, household: int, service: Service, account: str, *, reason: str, actor: str) -> None:
    """Let a person say that a household and an account do not belong together; it is never proposed again.

    Raises:
        LinkRefused: the account is unknown, the household is linked to it, or the reason cannot be kept.
    """
    if fault := fault_of(reason):
        raise LinkRefused(fault)
    with hub.store.write() as connection:
        version = next_version(connection, hub.clock, "decision")
        pair = _pair(hub, connection, household, service, account)
        mine = [one for one in pair.before if one.span.account_id == pair.known.account_id]
        if any(one.span.confirmed for one in mine):
            raise LinkRefused(
                "该户曾关联此户号，须作“错误关联”决定 / the household is or was linked to this account: propose a"
                " wrong_link decision instead"
            )
        links.close(connection, version, [(household, service.value, *_key(one)) for one in mine])
        matches.take_out(connection, household, service.value, pair.known.account_id)
        _record(Decider(hub, current_policy(hub), actor, version), connection, pair, "refused", note=reason)


def _stands(one: links.Current) -> bool:
    return one.span.confirmed and one.span.valid_to == OPEN_DAY


def _key(one: links.Current) -> tuple[int, int]:
    return one.span.account_id, one.span.valid_from


def _pair(hub: Hub, connection: Connection, household: int, service: Service, account: str | None) -> _Pair:
    if service not in LINKED:
        raise LinkRefused(f"{service} 不关联户号 / no account is linked for {service}")
    now = links.current_links(connection, [household]).get(household, [])
    before = tuple(one for one in now if one.service == service)
    account_id = _waiting_account(before, service) if account is None else _account(hub, connection, service, account)
    if (household, service.value, account_id) in decisions.refused_pairs(connection, [household]):
        raise LinkRefused(
            "两人已决定该户号不属该户，须先撤销该决定 / two persons decided that this is not the household's account:"
            " propose to undo that wrong_link decision first"
        )
    known = matches.customers(connection, [account_id])[account_id]
    return _Pair(household, service, known, _score(hub, connection, household, service, account_id), before)


def _waiting_account(before: Sequence[links.Current], service: Service) -> int:
    waiting = [one.span.account_id for one in before if not one.span.confirmed]
    if not waiting:
        raise LinkRefused(
            f"该户在 {service} 没有待确认的关联 / nothing waits for confirmation there; name an account of: link show"
        )
    return waiting[0]


def _account(hub: Hub, connection: Connection, service: Service, text: str) -> int:
    company, colon, number = text.partition(":")
    companies = [code for code, port in hub.companies.items() if service in port.services]
    if colon:
        companies = [one for one in companies if one == company]
    found = matches.account_numbered(connection, companies, number or text)
    if len(found) > 1:
        names = ", ".join(sorted(found))
        raise LinkRefused(f"多家公司有此户号：{names}，请写作 公司:户号 / {names} have it; write company:number")
    if not found:
        raise LinkRefused(f"{service} 没有此户号 / no company of {service} has this account number")
    return next(iter(found.values()))


def _score(hub: Hub, connection: Connection, household: int, service: Service, account_id: int) -> Score:
    """Return what the pair scores now; nothing, where no key leads from one to the other."""
    waiting = Waiting(hub, connection, [household], current_policy(hub), LINKED)
    if household not in waiting.gathered.live:
        raise LinkRefused(f"家庭 {household} 不在册 / household {household} is not in the registry now")
    found = (one for one in waiting.scores(household, service) if one.account_id == account_id)
    return next(found, Score(account_id, 0, (), ()))


def _refuse_unfit(pair: _Pair, evidence: HolderEvidence | None) -> None:
    if pair.known.state == AccountState.CLOSED or not pair.known.domestic:
        raise LinkRefused("该户号已销户或非居民 / the account is closed or not domestic; nothing can be waived there")
    shared = any(one.span.account_id == pair.known.account_id for one in pair.before)
    if evidence is None and not shared and not _OWN_HOLDER & set(pair.score.reasons):
        kinds = ", ".join(HolderEvidence)
        raise LinkRefused(
            f"户主非成员，须注明依据 --evidence（{kinds}） / the holder is no member: name the --evidence ({kinds})"
        )


def _record(
    decider: Decider, connection: Connection, pair: _Pair, outcome: Outcome, *, evidence: str = "", note: str = ""
) -> None:
    decided = [(pair.household, pair.service, pair.score)]
    decider.keep(connection, decided, outcome, evidence=evidence, note=note)
    detail = {"version": decider.version, "account_id": pair.known.account_id, "evidence": evidence}
    action = {"confirmed": "link_confirmed", "refused": "link_refused"}[outcome]
    subject = f"{pair.household}:{pair.service}"
    audit.record(connection, decider.hub.clock, decider.by, action, subject, detail)
