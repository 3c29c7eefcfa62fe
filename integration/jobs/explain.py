"""Why, or why not: one household, one month, as known now or as known at an earlier version.

The same rules that run the month judge again on the facts, links and policy of that version, so an explanation can
never differ from what was computed. It holds no name, number or address; account numbers are the companies' own.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Final

import msgspec
from sqlalchemy import Connection, func, select

from integration.clock import SHANGHAI, instant_us, us_instant
from integration.domain.allowance import NO_PLACE, LinkSpan, total
from integration.domain.households import Slice, Verdict, grace_end, is_live
from integration.domain.policy import stored_policy
from integration.domain.progress import Stage, right_alone
from integration.jobs import explain_texts as texts
from integration.jobs.explain_fate import Told, fate_of
from integration.jobs.explanation import Explanation, Fact, Link, OtherRight, Placed, ServiceExplanation
from integration.jobs.hub import Hub
from integration.jobs.known import Known
from integration.jobs.month_keys import KeyJudge
from integration.storage import ledger, links, lists, registry, rosters
from integration.storage.engine import current_version
from integration.storage.ledger import Posting
from integration.storage.lists import Published
from integration.storage.tables import knowledge
from schemas.lists import ListKind
from schemas.values import MONTHLY, Category, Month, Service, day_int

_FOR_EVER: Final = 2**62


class ExplainRefused(Exception):  # noqa: N818 - it names what happened
    """There is nothing to explain; the text says why."""


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
            known = known._replace(is_now=False, runs=runs, until_us=_end(by))
        bare = _explained(hub, connection, known)
    return msgspec.structs.replace(bare, lines=list(texts.lines(bare, hub.companies, language)))


def _explained(hub: Hub, connection: Connection, known: Known) -> Explanation:
    at_us = _learnt_us(connection, known.version)
    return Explanation(
        household=known.household,
        month=str(known.month),
        version=known.version,
        known_at=us_instant(at_us).astimezone(SHANGHAI).isoformat(timespec="minutes"),
        facts=[_fact(connection, known, one) for one in _touching(known)],
        services=[_service(hub, connection, known, service) for service in MONTHLY],
        others=[_other(known, service) for service in Service if service not in MONTHLY],
        benefits=_benefits(known),
        lines=[],
    )


def _learnt_us(connection: Connection, version: int) -> int:
    query = select(knowledge.c.at_us).where(knowledge.c.version == version)
    return int(connection.execute(query).scalar() or 0)


def _gather(hub: Hub, connection: Connection, household: int, month: Month, as_known: int | None) -> Known:
    newest = current_version(connection)
    version = newest if as_known is None else as_known
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
    return Known(
        household, month, version, version == newest, policy, judge, timeline, by_service, runs, _FOR_EVER
    )  # fmt: skip


# --- the registry --------------------------------------------------------------------------------------------------


def _touching(known: Known) -> list[registry.Known]:
    return [one for one in known.timeline if known.touches(one.part.valid_from, one.part.valid_to)]


def _fact(connection: Connection, known: Known, one: registry.Known) -> Fact:
    part: Slice = one.part
    learnt = us_instant(_learnt_us(connection, one.known_from)).astimezone(SHANGHAI).date()
    grace = grace_end(part.standing.certificate_to, known.of_month.grace_months)
    return Fact(part.valid_from, part.valid_to, *part.standing, one.known_from, day_int(learnt), grace)


def _benefits(known: Known) -> list[Service]:
    """Return the services whose benefit the category has that the household stands in the registry with."""
    categories = {Category(one.part.standing.category) for one in _touching(known) if is_live(one.part.standing)}
    return [one for one in Service if categories & known.of_month.benefit(one).categories]


def _other(known: Known, service: Service) -> OtherRight:
    verdict = known.judge.verdict(known.household, service, known.month)
    return OtherRight(service, verdict, right_alone(verdict), known.policy.source(service.value, known.month))


# --- one service ---------------------------------------------------------------------------------------------------


def _service(hub: Hub, connection: Connection, known: Known, service: Service) -> ServiceExplanation:
    rows = [row for row in _posted(connection, known, service) if row.run_id in known.runs]
    posted = total((row.account_id, row.quantity_milli) for row in rows)
    verdict = known.judge.verdict(known.household, service, known.month)
    due = known.judge.wanted(known.household, service, known.month)
    listed = list(_listed_in(connection, known, rows, posted))
    told = Told(service, verdict, due, posted, _company(connection, known, posted), [one for _, one in listed])
    fate = fate_of(hub, connection, known, told)
    return ServiceExplanation(
        service=service,
        verdict=verdict,
        held=known.judge.held(known.household, service, known.month),
        due=[_placed(connection, *pair, known.version) for pair in due.items()],
        posted=[_placed(connection, *pair, known.version) for pair in sorted(posted.items())],
        runs=sorted({row.run_id for row in rows}),
        links=[_link(connection, one, known.version) for one in known.links_of(service)],
        listed_in=[f"{company}:{one.number}" for company, one in listed],
        source=known.policy.source(service.value, known.month),
        late=any(row.retro for row in rows),
        rules=_rules(known, verdict, fate.stage),
        fate=fate,
    )


def _rules(known: Known, verdict: Verdict, stage: str) -> list[str]:
    """Return where the rules are written that decided beside the promise itself."""
    rules = ["grace_months"] if verdict in (Verdict.IN_GRACE, Verdict.EXPIRED) else []
    rules += ["mid_month"] if len(_touching(known)) > 1 or verdict is Verdict.NOT_STARTED else []
    rules += ["report_due_day"] if stage in (Stage.AWAITING, Stage.SILENT, Stage.LEFT_OUT) else []
    return [known.policy.source(rule, known.month) for rule in rules]


def _posted(connection: Connection, known: Known, service: Service) -> list[Posting]:
    found = ledger.postings_of(connection, [known.household], [known.month], [service])
    return found.get((int(known.month), service.value, known.household), [])


def _placed(connection: Connection, account_id: int, quantity_milli: int, version: int) -> Placed:
    found = None if account_id == NO_PLACE else rosters.number_at(connection, account_id, version)
    company, number = found or (None, None)
    return Placed(company, number, quantity_milli)


def _link(connection: Connection, link: tuple[LinkSpan, str, str], version: int) -> Link:
    span, company, evidence = link
    _, number = rosters.number_at(connection, span.account_id, version) or (company, "")
    return Link(company, number, span.valid_from, span.valid_to, evidence, span.confirmed)


def _company(connection: Connection, known: Known, places: dict[int, int]) -> str:
    """Return the company of the account that the allowance stands on, the last of several; "" of none."""
    companies = [rosters.number_at(connection, one, known.version) for one in sorted(places.keys() - {NO_PLACE})]
    return next((one[0] for one in reversed(companies) if one), "")


def _listed_in(
    connection: Connection, known: Known, posted: list[Posting], places: dict[int, int]
) -> Iterator[tuple[str, Published]]:
    """Yield the lists, with their company, that told of the month: its regular list, and later ones for later runs."""
    for account_id in sorted(places.keys() - {NO_PLACE}):
        company, _ = rosters.number_at(connection, account_id, known.version) or ("", "")
        runs = {row.run_id for row in posted if row.account_id == account_id}
        yield from ((company, one) for one in _telling(known, lists.published(connection, company), runs))


def _telling(known: Known, published: list[Published], runs: set[int]) -> Iterator[Published]:
    after = 0
    for one in published:
        own = one.kind == ListKind.REGULAR and one.month == known.month
        told = one.run_id in known.runs and one.published_us < known.until_us
        if told and any(run > after and run <= one.run_id for run in runs) and (own or after):
            yield one
        after = one.run_id if own or after else after
