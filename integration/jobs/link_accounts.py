"""Linking households and accounts, wherever something moved since the last linking.

SQL finds the candidates by keyed digests and named numbers; ``domain.matching`` judges them. Households go in order of
their ids, so that of two on one account the first is linked and the second waits for a person (edge case 54).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import Connection

from integration.clock import today
from integration.domain.allowance import LinkSpan
from integration.domain.households import GRANTING, is_live, judge_month
from integration.domain.matching import Candidate, Evidence, NewLink, cut, link_timeline, pending_reason
from integration.jobs.hub import Hub
from integration.jobs.intake import parts
from integration.storage import audit, links, registry, rosters
from integration.storage.bulk import digest_tuples
from integration.storage.engine import next_version
from integration.storage.pii import LookupKind, row_reference
from schemas.values import OPEN_DAY, Month, Service, day_int

#: Services whose households are linked to accounts; power works with projects.
LINKED = (Service.WATER, Service.GAS, Service.HEATING)


class LinkRefused(Exception):  # noqa: N818 - it names what happened
    """The link cannot be confirmed; the text says why."""


class LinkSummary(msgspec.Struct, frozen=True):
    """What a linking did: households looked at, links made, changed and ended, and why others are pending."""

    households: int
    made: int
    ended: int
    unconfirmed: int
    pending: dict[str, int]


class Gathered:
    """All that is known of a batch of households and the accounts they may belong to."""

    def __init__(self, hub: Hub, connection: Connection, ids: Sequence[int]) -> None:
        self.current = links.current_links(connection, ids)
        self.keys = registry.current_lookups(connection, ids)
        self._named = self._named_accounts(connection, ids)
        by_person = self._accounts_by_person(connection)
        everything = {
            account for found in (*by_person.values(), *map(dict.keys, self._named.values())) for account in found
        }
        everything |= {one.span.account_id for found in self.current.values() for one in found}
        accounts = sorted(everything)
        self._facts = rosters.facts_of(connection, accounts)
        self._holders = rosters.lookups_of(connection, accounts)
        self.taken = links.linked_to(connection, accounts, OPEN_DAY)
        self._by_person = by_person
        self._services = {code: company.services for code, company in hub.companies.items()}
        self.today = day_int(today(hub.clock))
        sharing = {one for owners in self.taken.values() for one in owners} | set(ids)
        timelines = registry.timelines(connection, sorted(sharing))
        self._timelines = {one: [each.part for each in known] for one, known in timelines.items()}
        self.live = {one for one, known in timelines.items() if is_live(known[-1].part.standing)}
        self._policy = hub.policy.at(Month.of(today(hub.clock)))

    def is_taken(self, household: int, account: int, service: Service) -> bool:
        """Whether another household that is entitled there, this month or the next, stands on the account."""
        month = Month.from_int(self.today // 100)
        others = self.taken.get((account, service.value), set()) - {household}
        return any(self._entitled(one, service, each) for one in others for each in (month, month.plus(1)))

    def _entitled(self, household: int, service: Service, month: Month) -> bool:
        return judge_month(self._timelines.get(household, ()), service, month, self._policy) in GRANTING

    def _named_accounts(self, connection: Connection, ids: Sequence[int]) -> dict[int, dict[int, int]]:
        named = links.claims_of(connection, ids)
        numbers = rosters.accounts_ever_numbered(connection, {(company, number) for _, company, number, _ in named})
        found: dict[int, dict[int, int]] = {}
        for one, company, number, since in named:
            if (company, number) in numbers:
                found.setdefault(one, {})[numbers[company, number]] = since
        return found

    def _accounts_by_person(self, connection: Connection) -> dict[int, set[int]]:
        persons = {key.digest for keys in self.keys.values() for key in keys if key.kind == LookupKind.PERSON}
        held = rosters.accounts_by(connection, LookupKind.PERSON, sorted(persons))
        return {
            one: {account for key in keys for account in held.get(key.digest, ())} for one, keys in self.keys.items()
        }

    def candidates(self, household: int, service: Service) -> list[Candidate]:
        """Return every account that a household may belong to at a service."""
        named = self._named.get(household, {})
        linked = {one.span.account_id for one in self.current.get(household, ())}
        accounts = sorted({*named, *self._by_person.get(household, ()), *linked})
        return [self._candidate(household, account, named) for account in accounts if self._serves(account, service)]

    def _serves(self, account: int, service: Service) -> bool:
        fact = self._facts.get(account)
        return fact is not None and service in self._services.get(fact[0], ())

    def _candidate(self, household: int, account: int, named: Mapping[int, int]) -> Candidate:
        company, state, domestic, opened_on, closed_on = self._facts[account]
        agreeing = {key.kind for key in self.keys[household] & self._holders.get(account, set())}
        return Candidate(
            account_id=account,
            company=company,
            state=state,
            domestic=domestic,
            opened_on=opened_on,
            closed_on=closed_on,
            named=account in named,
            since=named.get(account, 0),
            holder_id=LookupKind.PERSON in agreeing,
            holder_name=LookupKind.NAME in agreeing,
            address=LookupKind.ADDRESS in agreeing,
        )


def link_accounts(hub: Hub, *, actor: str) -> LinkSummary:
    """Link whatever moved since the last linking."""
    with hub.store.write() as connection:
        return link_in(hub, connection, actor=actor)


def link_in(hub: Hub, connection: Connection, *, actor: str) -> LinkSummary:
    """Link in the caller's transaction."""
    version = next_version(connection, hub.clock, "links")  # first: under its lock nothing is learnt unseen
    ids = links.to_link(connection, links.last_linking(connection, before=version))
    made: list[tuple[object, ...]] = []
    counts: Counter[str] = Counter()
    pending: Counter[str] = Counter()
    for part in parts(ids):
        rows = _link_part(hub, connection, part, version, counts, pending)
        links.add(connection, rows)
        made += rows
        hub.progress("links", len(part))
    links.learn_links(connection)
    summary = LinkSummary(len(ids), len(made), counts["ended"], counts["unconfirmed"], dict(sorted(pending.items())))
    digest = digest_tuples(sorted(made))
    detail = {"version": version, **msgspec.to_builtins(summary)}
    audit.record(
        connection,
        hub.clock,
        actor,
        "accounts_linked",
        str(version),
        detail,
        audit.Effect(digest.rows, 0, digest.sha256),
    )
    return summary


def _link_part(
    hub: Hub, connection: Connection, ids: Sequence[int], version: int, counts: Counter[str], pending: Counter[str]
) -> list[tuple[object, ...]]:
    gathered = Gathered(hub, connection, ids)
    _give_way(gathered, ids)
    rows: list[tuple[object, ...]] = []
    for household in ids:
        for service in LINKED:
            candidates = gathered.candidates(household, service)
            now = [one for one in gathered.current.get(household, ()) if one.service == service]
            wanted = _wanted(gathered, household, service, now, candidates)
            changed = _changed(now, wanted)
            links.close(connection, version, [(household, service.value, *one) for one in changed.stale])
            counts["ended"] += len(changed.stale)
            counts["unconfirmed"] += sum(not link.confirmed for link in changed.fresh)
            rows += [_row(hub, household, service, link, version) for link in changed.fresh]
            if not wanted and household in gathered.live and service is not Service.HEATING:
                pending[pending_reason(candidates).value] += 1
    return rows


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
    have = {(one.span.account_id, one.span.valid_from): _new_link(one) for one in now}
    want = {(link.account_id, link.valid_from): link for link in wanted}
    fresh = [link for key, link in want.items() if have.get(key) != link]
    return _Changed([key for key in have if have[key] != want.get(key)], fresh)


def _row(hub: Hub, household: int, service: Service, link: NewLink, version: int) -> tuple[object, ...]:
    reference = row_reference(hub.ring, link.company, household, link.account_id)
    return (
        household, service.value, link.account_id, version, link.valid_from, link.valid_to,
        link.company, link.evidence, int(link.confirmed), reference,
    )  # fmt: skip


def confirm_link(hub: Hub, household: int, service: Service, *, actor: str) -> None:
    """Let a person confirm the link of a second household on a shared account (edge case 54).

    Raises:
        LinkRefused: nothing waits for confirmation there.
    """
    with hub.store.write() as connection:
        version = next_version(connection, hub.clock, "decision")  # first: under its lock nobody links anew
        now = [one for one in links.current_links(connection, [household]).get(household, ()) if one.service == service]
        waiting = [one for one in now if not one.span.confirmed]
        if not waiting:
            raise LinkRefused(f"该户在 {service} 没有待确认的关联 / nothing waits for confirmation there")
        start = min(one.span.valid_from for one in waiting)
        before = [one for one in now if one.span.confirmed and one.span.valid_to >= start]
        keys = [(household, service.value, one.span.account_id, one.span.valid_from) for one in (*waiting, *before)]
        links.close(connection, version, keys)
        kept = cut([_new_link(one) for one in before], start)
        links.add(connection, [_row(hub, household, service, link, version) for link in kept])
        links.add(connection, [_confirmed(one, version) for one in waiting])
        audit.record(connection, hub.clock, actor, "link_confirmed", f"{household}:{service}", {"version": version})


def _new_link(one: links.Current) -> NewLink:
    span = one.span
    return NewLink(span.account_id, one.company, span.valid_from, span.valid_to, one.evidence, span.confirmed)


def _confirmed(one: links.Current, version: int) -> tuple[object, ...]:
    span = one.span
    return (
        one.household_id, one.service, span.account_id, version, span.valid_from, span.valid_to,
        one.company, Evidence.CONFIRMED.value, 1, one.reference,
    )  # fmt: skip
