"""Why, or why not: one household, one month, as known now or as known at an earlier version.

The same rules that run the month judge again on the facts, links and policy of that version, so an explanation can
never differ from what was computed. It holds no name, number or address; account numbers are the companies' own.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Final, NamedTuple

import msgspec
from sqlalchemy import Connection, func, select

from integration.clock import SHANGHAI, instant_us, us_instant
from integration.domain.allowance import NO_PLACE, LinkSpan, total
from integration.domain.households import Slice, Verdict
from integration.domain.policy import Policy, stored_policy
from integration.jobs import explain_texts as texts
from integration.jobs.explanation import Explanation, Fact, Link, Placed, ServiceExplanation
from integration.jobs.hub import Hub
from integration.jobs.month_keys import KeyJudge
from integration.storage import ledger, links, lists, registry, rosters
from integration.storage.engine import current_version
from integration.storage.ledger import Posting, Run
from integration.storage.tables import knowledge
from schemas.lists import ListKind
from schemas.values import MONTHLY, Month, Service, day_int

_FOR_EVER: Final = 2**62


class ExplainRefused(Exception):  # noqa: N818 - it names what happened
    """There is nothing to explain; the text says why."""


class _Known(NamedTuple):
    """Everything of one household and month at one version."""

    version: int
    policy: Policy
    judge: KeyJudge
    timeline: list[registry.Known]
    links: dict[str, list[tuple[LinkSpan, str, str]]]
    runs: dict[int, Run]
    #: Lists published from this instant on are left out.
    until_us: int


def version_at(connection: Connection, day: date) -> int:
    """Return the newest knowledge version at the end of a day in Asia/Shanghai."""
    query = select(func.coalesce(func.max(knowledge.c.version), 0)).where(knowledge.c.at_us < _end(day))
    return int(connection.execute(query).scalar_one())


def _end(day: date) -> int:
    return instant_us(datetime.combine(day + timedelta(days=1), time(), SHANGHAI))


def explain(
    hub: Hub,
    household: int,
    month: Month,
    *,
    as_known: int | None = None,
    by: date | None = None,
    language: str = "zh",
) -> Explanation:
    """Explain a household's month, known now, at a version, or by the end of a day in Asia/Shanghai.

    With ``by``, runs made later are left out, whatever version they looked at.

    Raises:
        ExplainRefused: there is no such household at that version.
    """
    with hub.store.read() as connection:
        version = version_at(connection, by) if by is not None else as_known
        known = _gather(hub, connection, household, month, version)
        if by is not None:
            runs = {n: run for n, run in known.runs.items() if run.at_us < _end(by)}
            known = known._replace(runs=runs, until_us=_end(by))
        facts = [_fact(one) for one in known.timeline if _touches(one.part.valid_from, one.part.valid_to, month)]
        services = [_service(connection, known, household, service, month) for service in MONTHLY]
        at_us = connection.execute(select(knowledge.c.at_us).where(knowledge.c.version == known.version)).scalar()
    known_at = us_instant(at_us or 0).astimezone(SHANGHAI).isoformat(timespec="minutes")
    bare = Explanation(household, str(month), known.version, known_at, facts, services, [])
    return msgspec.structs.replace(bare, lines=list(texts.lines(bare, hub.companies, language)))


def _gather(hub: Hub, connection: Connection, household: int, month: Month, as_known: int | None) -> _Known:
    version = current_version(connection) if as_known is None else as_known
    newest = current_version(connection)
    if version > newest:
        raise ExplainRefused(f"目前最新版本为 {newest} / the newest knowledge version is {newest}")
    timeline = registry.timelines(connection, [household], version).get(household, [])
    if not timeline:
        raise ExplainRefused(
            f"在版本 {version} 时没有家庭 {household} / there is no household {household} at version {version}"
        )
    stored = ledger.newest_policy(connection, version)
    policy = stored_policy(stored[2]) if stored else hub.policy
    if month < policy.first_month:
        raise ExplainRefused(f"政策自 {policy.first_month} 起 / the policy begins with {policy.first_month}")
    judge = KeyJudge(connection, [household], version, {month: policy.at(month)})
    by_service: dict[str, list[tuple[LinkSpan, str, str]]] = {}
    for one in links.links_at(connection, household, version):
        by_service.setdefault(one.service, []).append((one.span, one.company, one.evidence))
    runs = {run.run_id: run for run in ledger.all_runs(connection) if run.cut_off <= version}
    return _Known(version, policy, judge, timeline, by_service, runs, _FOR_EVER)


def _touches(valid_from: int, valid_to: int, month: Month) -> bool:
    return valid_from <= day_int(month.last) and valid_to >= day_int(month.first)


def _fact(known: registry.Known) -> Fact:
    part: Slice = known.part
    return Fact(part.valid_from, part.valid_to, *part.standing, known.known_from)


def _service(
    connection: Connection, known: _Known, household: int, service: Service, month: Month
) -> ServiceExplanation:
    posted = [row for row in _posted(connection, household, service, month) if row.run_id in known.runs]
    places = total((row.account_id, row.quantity_milli) for row in posted)
    verdict = known.judge.verdict(household, service, month)
    return ServiceExplanation(
        service=service,
        verdict=verdict.value,
        held=known.judge.held(household, service, month),
        due=[
            _placed(connection, *pair, known.version) for pair in known.judge.wanted(household, service, month).items()
        ],
        posted=[_placed(connection, *pair, known.version) for pair in sorted(places.items())],
        runs=sorted({row.run_id for row in posted}),
        links=[
            _link(connection, one, known.version)
            for one in known.links.get(service.value, [])
            if _in_month(one[0], month)
        ],
        listed_in=list(_listed_in(connection, known, posted, places, month)),
        source=known.policy.source(service.value, month),
        late=any(row.retro for row in posted),
        rules=_rules(known, verdict, month),
    )


def _rules(known: _Known, verdict: Verdict, month: Month) -> list[str]:
    """Return where the rules are written that decided beside the promise itself."""
    touching = [one.part for one in known.timeline if _touches(one.part.valid_from, one.part.valid_to, month)]
    rules = ["grace_months"] if verdict in (Verdict.IN_GRACE, Verdict.EXPIRED) else []
    rules += ["mid_month"] if len(touching) > 1 or verdict is Verdict.NOT_STARTED else []
    return [known.policy.source(rule, month) for rule in rules]


def _in_month(span: LinkSpan, month: Month) -> bool:
    return _touches(span.valid_from, span.valid_to, month)


def _posted(connection: Connection, household: int, service: Service, month: Month) -> list[Posting]:
    found = ledger.postings_of(connection, [household], [month], [service])
    return found.get((int(month), service.value, household), [])


def _placed(connection: Connection, account_id: int, quantity_milli: int, version: int) -> Placed:
    found = None if account_id == NO_PLACE else rosters.number_at(connection, account_id, version)
    company, number = found or (None, None)
    return Placed(company, number, quantity_milli)


def _link(connection: Connection, link: tuple[LinkSpan, str, str], version: int) -> Link:
    span, company, evidence = link
    _, number = rosters.number_at(connection, span.account_id, version) or (company, "")
    return Link(company, number, span.valid_from, span.valid_to, evidence, span.confirmed)


def _listed_in(
    connection: Connection, known: _Known, posted: list[Posting], places: dict[int, int], month: Month
) -> Iterator[str]:
    """Name the lists that told the account's company of this month: its regular list, and later ones for later runs."""
    for account_id in sorted(places.keys() - {NO_PLACE}):
        company, _ = rosters.number_at(connection, account_id, known.version) or ("", "")
        runs = {row.run_id for row in posted if row.account_id == account_id}
        after = 0
        for one in lists.published(connection, company):
            own = one.kind == ListKind.REGULAR and one.month == month
            told = one.run_id in known.runs and one.published_us < known.until_us
            if told and any(run > after and run <= one.run_id for run in runs) and (own or after):
                yield f"{company}:{one.number}"
            after = one.run_id if own or after else after
