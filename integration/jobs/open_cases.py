"""Whatever cannot be determined becomes a case, and a case whose cause is gone closes by itself.

Four sources: allowances without a sure account, persons in two certificates, findings that leave open whether a
household was relieved, and rows that speak of a split or a merger. What two persons have decided stays decided as long
as the same cause stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final

import msgspec
from sqlalchemy import Connection

from integration.clock import now_us, today, us_instant
from integration.domain.allowance import NO_PLACE, total
from integration.domain.cases import CASE_OF, SPLIT_CODES
from integration.domain.waiting import CASE_OF as CASE_OF_WAITING
from integration.domain.waiting import is_case, waiting
from integration.jobs.cases import happen, open_cases_of, reopen_cases
from integration.jobs.hub import Hub
from integration.jobs.intake import parts
from integration.jobs.link_evidence import Gathered
from integration.jobs.month_keys import KeyJudge
from integration.storage import cases, ledger, links, undecided
from integration.storage.cases import Case, Cause
from integration.storage.engine import current_version, take_lock
from integration.storage.undecided import Place
from schemas.cases import CaseEvent, CaseKind, CaseState
from schemas.findings import FindingKind
from schemas.values import MONTHLY, OPEN_DAY, Month, Service

#: Where causes come from; an identity begins with its source, so that one source never closes another's cases.
ACCOUNT: Final = "account"
PERSON: Final = "person"
FINDING: Final = "finding"
ROWS: Final = "rows"


class CasesSummary(msgspec.Struct, frozen=True):
    """How many cases were opened, opened again, and closed because their cause is gone."""

    opened: int
    reopened: int
    gone: int


def open_cases(hub: Hub, *, actor: str) -> CasesSummary:
    """Open a case for everything that cannot be determined now, and close those whose cause is gone."""
    with hub.store.write() as connection:
        take_lock(connection, "knowledge")  # what is gathered does not change meanwhile
        cases.lock_cases(connection)
        month = ledger.newest_month(connection) or Month.of(today(hub.clock))
        found = {
            ACCOUNT: list(_accounts(hub, connection)),
            PERSON: list(_persons(hub, connection, month)),
            FINDING: list(_findings(connection)),
            ROWS: list(_rows(connection)),
        }
        made = [_settle(hub, connection, source, causes, actor) for source, causes in found.items()]
    return CasesSummary(*(sum(each) for each in zip(*made, strict=True)))


def _settle(hub: Hub, connection: Connection, source: str, causes: Sequence[Cause], actor: str) -> tuple[int, int, int]:
    """Bring the cases of a source to its causes; return how many were opened, opened again, and have gone."""
    wanted = {(one.kind, one.identity): one for one in causes}
    known = cases.of_source(connection, source)
    over = [case for key, case in known.items() if key not in wanted]
    happen(hub, connection, over, CaseEvent.CAUSE_GONE, actor=actor, state=CaseState.GONE)
    new = [cause for key, cause in wanted.items() if key not in known]
    back = _gone(connection, new)
    reopen_cases(hub, connection, list(back.values()), actor=actor)
    fresh = [cause for cause in new if (cause.kind, cause.identity) not in back]
    open_cases_of(hub, connection, fresh, actor=actor)
    hub.progress("cases", len(wanted))
    return len(fresh), len(back), len(over)


def _gone(connection: Connection, causes: Sequence[Cause]) -> dict[tuple[CaseKind, str], Case]:
    """Return the cases that causes had before they were gone."""
    found: dict[tuple[CaseKind, str], Case] = {}
    for kind in {one.kind for one in causes}:
        for part in parts(one.identity for one in causes if one.kind is kind):
            found |= {(kind, identity): case for identity, case in cases.named(connection, kind, part).items()}
    return found


# --- accounts ------------------------------------------------------------------------------------------------------


def _accounts(hub: Hub, connection: Connection) -> Iterator[Cause]:
    """Yield whose allowance waits for an account too long, or whose account is in doubt."""
    places = {*links.unplaced(connection), *undecided.doubtful_links(connection)}
    places |= set(undecided.places_of_cases(connection, ACCOUNT))  # of months before, maybe
    monthly = sorted(place for place in places if place[1] in MONTHLY)
    for part in parts(monthly):
        yield from _of_places(hub, connection, part)


def _of_places(hub: Hub, connection: Connection, places: Sequence[Place]) -> Iterator[Cause]:
    ids = sorted({household for household, _ in places})
    gathered = Gathered(hub, connection, ids)
    since = _waiting_since(connection, ids)
    now = us_instant(now_us(hub.clock))
    patience = hub.policy.at(Month.of(today(hub.clock))).pending_match_days
    for household, service in places:
        first = since.get((household, service))
        if first is None and household not in gathered.live:
            continue
        standing = [
            one.span
            for one in gathered.current.get(household, ())
            if one.service == service and one.span.valid_to == OPEN_DAY
        ]
        kind = CASE_OF_WAITING.get(waiting(standing, gathered.candidates(household, Service(service))))
        days = None if first is None else (now - us_instant(first)) // timedelta(days=1)
        if kind is not None and is_case(kind, days, patience):
            yield Cause(kind, f"{ACCOUNT}:{household}:{service}", household, service)


def _waiting_since(connection: Connection, ids: Sequence[int]) -> dict[Place, int]:
    """Return since which instant households have had any allowance at none yet, where they have."""
    runs = {run.run_id: run for run in ledger.all_runs(connection)}
    months = {run.month for run in runs.values()}
    since: dict[Place, int] = {}
    for (_, service, household), rows in ledger.postings_of(connection, ids, months, MONTHLY).items():
        if total((row.account_id, row.quantity_milli) for row in rows).get(NO_PLACE, 0) > 0:
            first = min(runs[row.run_id].at_us for row in rows if row.account_id == NO_PLACE)
            since[household, service] = min(first, since.get((household, service), first))
    return since


# --- persons and findings ------------------------------------------------------------------------------------------


def _persons(hub: Hub, connection: Connection, month: Month) -> Iterator[Cause]:
    """Yield who is held because a certificate valid earlier names their person, with the district offices concerned."""
    version = current_version(connection)
    for part in parts(undecided.sharing_households(connection)):
        judge = KeyJudge(connection, part, version, {month: hub.policy.at(month)})
        held = [one for one in part if any(judge.held(one, service, month) for service in MONTHLY)]
        shared = ledger.shared_persons(connection, held, version)
        for household in held:
            together = sorted({one for owners in shared.values() if household in owners for one in owners})
            districts = {judge.timeline(one)[-1].district for one in together if judge.timeline(one)}
            others = "+".join(str(one) for one in together if one != household)
            yield Cause(
                CASE_OF_WAITING[waiting((), None, held=True)], f"{PERSON}:{household}:{others}", household,
                districts=tuple(sorted(districts)),
            )  # fmt: skip


def _findings(connection: Connection) -> Iterator[Cause]:
    """Yield the findings that leave something undetermined."""
    for number, kind, household, service, month, company in undecided.open_findings(connection, CASE_OF):
        cause = CASE_OF[FindingKind(kind)]
        yield Cause(cause, f"{FINDING}:{number}", household, service, month, company, number)


def _rows(connection: Connection) -> Iterator[Cause]:
    """Yield the submissions with rows that speak of a split or a merger and were not applied."""
    for submission, kind, sender, code in undecided.rows_with(connection, SPLIT_CODES):
        company = "" if kind == "registry" else sender
        yield Cause(CaseKind.SPLIT_OR_MERGE, f"{ROWS}:{submission}:{code}", company=company)
