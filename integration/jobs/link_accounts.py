"""Linking households and accounts, wherever something moved since the last linking.

SQL finds the candidates by keyed digests and named numbers; ``domain.matching`` judges them. Households go in order of
their ids, so that of two on one account the first is linked and the second waits for a person (edge case 54). Whoever
then has no account is matched by what nearly agrees (``match_accounts``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import Connection

from integration.domain.allowance import LinkSpan
from integration.domain.matching import Candidate, NewLink, link_timeline, pending_reason
from integration.jobs.hub import Hub
from integration.jobs.intake import parts
from integration.jobs.link_evidence import LINKED, Gathered
from integration.jobs.match_accounts import link_row, match_accounts, new_link, served
from integration.jobs.remake_keys import remake_keys
from integration.storage import audit, links, matches
from integration.storage.bulk import digest_tuples
from integration.storage.engine import next_version
from schemas.values import OPEN_DAY, Service


class LinkSummary(msgspec.Struct, frozen=True):
    """What a linking did: households looked at, links made, changed and ended, and why others are pending.

    ``matched`` of the links made rest on a near-certain match; ``queued`` households and services have candidates that
    this linking looked at and left to a person.
    """

    households: int
    made: int
    ended: int
    unconfirmed: int
    matched: int
    queued: int
    pending: dict[str, int]


class _Linking(msgspec.Struct):
    """What a linking has done so far; ``pending`` is by household and service."""

    version: int
    served: Mapping[Service, int]
    made: list[tuple[object, ...]] = []
    ended: int = 0
    unconfirmed: int = 0
    pending: dict[tuple[int, str], str] = {}
    waiting: set[int] = set()


def link_accounts(hub: Hub, *, actor: str, full: bool = False) -> LinkSummary:
    """Link whatever moved since the last linking; with ``full`` everybody, after the match keys were made anew."""
    with hub.store.write() as connection:
        return link_in(hub, connection, actor=actor, full=full)


def link_in(hub: Hub, connection: Connection, *, actor: str, full: bool = False) -> LinkSummary:
    """Link in the caller's transaction."""
    version = next_version(connection, hub.clock, "links")  # first: under its lock nothing is learnt unseen
    since = 0 if full else links.last_linking(connection, before=version)
    if full:
        remake_keys(hub, connection, version)
    ids = links.to_link(connection, since)
    done = _Linking(version, served(hub, connection))
    for part in parts(ids):
        _link_part(hub, connection, part, done)
        hub.progress("links", len(part))
    touched = done.waiting | (matches.waiting(connection) & set(ids)) | matches.to_match(connection, since)
    if any(first > since for first in done.served.values()):  # nobody could wait for this service before
        touched |= set(matches.all_households(connection))
    matched = match_accounts(hub, connection, touched, version)
    links.learn_links(connection)
    pending = Counter(reason for key, reason in done.pending.items() if key not in matched.linked)
    summary = LinkSummary(
        households=len(ids),
        made=len(done.made) + len(matched.rows),
        ended=done.ended,
        unconfirmed=done.unconfirmed,
        matched=len(matched.linked),
        queued=matched.queued,
        pending=dict(sorted(pending.items())),
    )
    _record(hub, connection, actor, version, summary, [*done.made, *matched.rows])
    return summary


def _record(
    hub: Hub, connection: Connection, actor: str, version: int, summary: LinkSummary, rows: list[tuple[object, ...]]
) -> None:
    digest = digest_tuples(sorted(rows))
    detail = {"version": version, **msgspec.to_builtins(summary)}
    effect = audit.Effect(digest.rows, 0, digest.sha256)
    audit.record(connection, hub.clock, actor, "accounts_linked", str(version), detail, effect)


def _link_part(hub: Hub, connection: Connection, ids: Sequence[int], done: _Linking) -> None:
    gathered = Gathered(hub, connection, ids)
    _give_way(gathered, ids)
    rows: list[tuple[object, ...]] = []
    for household in ids:
        for service in LINKED:
            candidates = gathered.candidates(household, service)
            now = [one for one in gathered.current.get(household, ()) if one.service == service]
            wanted = _wanted(gathered, household, service, now, candidates)
            changed = _changed(now, wanted)
            links.close(connection, done.version, [(household, service.value, *one) for one in changed.stale])
            done.ended += len(changed.stale)
            done.unconfirmed += sum(not link.confirmed for link in changed.fresh)
            rows += [link_row(hub, household, service, link, done.version) for link in changed.fresh]
            has_one = any(link.confirmed and link.valid_to == OPEN_DAY for link in wanted)
            if service in done.served and not has_one and gathered.is_due(household, service):
                done.waiting.add(household)
            if not wanted and household in gathered.live and service is not Service.HEATING:
                done.pending[household, service.value] = pending_reason(candidates).value
    links.add(connection, rows)
    done.made += rows


def _give_way(gathered: Gathered, ids: Sequence[int]) -> None:
    """Let go of the accounts that these households leave, before anybody is found second on one of them."""
    for household in ids:
        for one in gathered.current.get(household, ()):
            owners = gathered.taken.get((one.span.account_id, one.service), set())
            if household in owners and not _stays(gathered, household, one):
                owners.discard(household)


def _stays(gathered: Gathered, household: int, link: links.Current) -> bool:
    now = [one for one in gathered.current[household] if one.service == link.service]
    candidates = gathered.candidates(household, Service(link.service))
    wanted = link_timeline(_existing(now), candidates, taken=False, today=gathered.today)
    return any(one.account_id == link.span.account_id and one.valid_to == OPEN_DAY for one in wanted)


def _existing(now: Sequence[links.Current]) -> list[tuple[LinkSpan, str, str]]:
    return [(one.span, one.company, one.evidence) for one in now]


def _wanted(
    gathered: Gathered, household: int, service: Service, now: Sequence[links.Current], candidates: Sequence[Candidate]
) -> list[NewLink]:
    """Return a household's links, as if its account were its own; if it is another's too, as waiting for a person.

    A link that waits already is judged anew: the other household may have gone.
    """
    standing = _existing([one for one in now if one.span.confirmed])
    wanted = link_timeline(standing, candidates, taken=False, today=gathered.today)
    if not wanted or wanted[-1].valid_to != OPEN_DAY:
        return wanted
    owners = gathered.taken.setdefault((wanted[-1].account_id, service.value), set())
    if household not in owners and gathered.is_taken(household, wanted[-1].account_id, service):
        return _waiting(now, link_timeline(standing, candidates, taken=True, today=gathered.today))
    owners.add(household)
    return wanted


def _waiting(now: Sequence[links.Current], wanted: list[NewLink]) -> list[NewLink]:
    """Let a link that waits keep its first day: it is the same link, not a new one each time."""
    *others, last = wanted
    since = [one.span.valid_from for one in now if not one.span.confirmed and one.span.account_id == last.account_id]
    return [*others, last._replace(valid_from=since[0]) if since else last]


class _Changed(msgspec.Struct):
    stale: list[tuple[int, int]]
    fresh: list[NewLink]


def _changed(now: Sequence[links.Current], wanted: Sequence[NewLink]) -> _Changed:
    """Compare what is linked with what should be; an unchanged link is left as it is known.

    A link is told by its account and first day: a household may come back to an account it had.
    """
    have = {(one.span.account_id, one.span.valid_from): new_link(one) for one in now}
    want = {(link.account_id, link.valid_from): link for link in wanted}
    fresh = [link for key, link in want.items() if have.get(key) != link]
    return _Changed([key for key in have if have[key] != want.get(key)], fresh)
