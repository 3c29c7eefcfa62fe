"""Computing a month: due − posted → ledger, for water and gas, exactly once however often it is run.

The month itself is computed for everybody; earlier months within the look-back for whoever was touched since the last
run, or for everybody with ``full``. Control totals by two independent roads are compared before anything is committed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, Table

from integration.clock import now_us, today
from integration.domain.households import GRANTING, Slice, Standing, judge_slice
from integration.domain.policy import MonthPolicy, Policy, stored_policy
from integration.jobs.garbage import rare_collection
from integration.jobs.hub import Hub
from integration.jobs.intake import parts
from integration.jobs.month_keys import KeyJudge
from integration.jobs.move_months import note_moves
from integration.storage import audit, ledger, registry, setwise
from integration.storage.bulk import digest_rows
from integration.storage.engine import current_version, next_version, take_lock
from integration.storage.ledger import Posting, Run
from schemas.values import MONTHLY, OPEN_DAY, Month, Service, months_between


class MonthRefused(Exception):  # noqa: N818 - it names what happened
    """The month cannot be computed; the text says why and what to do first."""


class TotalsDisagree(Exception):  # noqa: N818 - it names what happened
    """Two roads to one total differ: nothing was committed."""


class RunSummary(msgspec.Struct, frozen=True):
    """What a run posted; quantities in thousandths of m³."""

    run_id: int
    month: str
    n: int
    cut_off: int
    rows: int
    quantity_milli: int
    earlier_rows: int
    earlier_quantity_milli: int


class Plan(NamedTuple):
    """What a run has to look at."""

    run_id: int
    month: Month
    n: int
    cut_off: int
    since: int
    fresh: bool
    full: bool
    policy: Policy
    policies: Mapping[Month, MonthPolicy]
    window: Month

    @property
    def earlier(self) -> list[Month]:
        """Months that some run has computed already, in order."""
        return [month for month in sorted(self.policies) if month != self.month or not self.fresh]


def compute_month(hub: Hub, month: Month, *, actor: str, full: bool = False) -> RunSummary:
    """Compute a month at the present cut-off and post what is missing.

    Raises:
        MonthRefused: an earlier month was left out, the month lies before the ledger's first, or beyond the next.
        TotalsDisagree: the control totals differ; nothing is posted.
    """
    with rare_collection(), hub.store.write() as connection:
        return compute_in(hub, connection, month, actor=actor, full=full)


def compute_in(hub: Hub, connection: Connection, month: Month, *, actor: str, full: bool = False) -> RunSummary:
    """Compute a month in the caller's transaction."""
    take_lock(connection, "knowledge")
    learn_policy(hub, connection)
    plan = _plan(hub, connection, month, full=full)
    earlier = _post_keys(hub, connection, plan)
    own = _post_month(hub, connection, plan) if plan.fresh else (0, 0)
    return _conclude(hub, connection, plan, own, earlier, actor)


def _check_time(hub: Hub, month: Month) -> None:
    """Refuse what is far ahead: it would stand, and nothing is ever taken back."""
    latest = Month.of(today(hub.clock)).plus(1)
    if month < hub.policy.first_month:
        first = hub.policy.first_month
        raise MonthRefused(f"政策自 {first} 起，早于此无从计算 / the policy begins with {first}: nothing before it")
    if month > latest:
        raise MonthRefused(
            f"{month} 尚早，目前最晚可算 {latest} / {month} lies too far ahead; the latest month to compute is {latest}"
        )


def learn_policy(hub: Hub, connection: Connection) -> None:
    """Give the loaded policy a knowledge version, if it is another than the newest stored."""
    newest = ledger.newest_policy(connection)
    if newest is None or newest[1] != hub.policy.sha256:
        version = next_version(connection, hub.clock, "policy")
        ledger.learn_policy(connection, version, hub.policy.sha256, hub.policy.content)


def _plan(hub: Hub, connection: Connection, month: Month, *, full: bool) -> Plan:
    done = ledger.all_runs(connection)
    first = min((run.month for run in done), default=month)
    _check_order(done, month, first)
    computed = {run.month for run in done}
    if month not in computed:
        _check_time(hub, month)
    last = done[-1] if done else None
    full = full or (last is not None and _past_policy_differs(connection, hub.policy, last, computed))
    note_moves(hub, connection, max({month, *computed}))
    return plan_after(done, month, hub.policy, cut_off=current_version(connection), full=full)


def plan_after(done: Sequence[Run], month: Month, policy: Policy, *, cut_off: int, full: bool) -> Plan:
    """Return what the run of a month has to look at that comes after these runs."""
    # later months too: what was touched since the last run is looked at in this run only
    months = {run.month for run in done} | {month}
    latest = max(months)
    last = done[-1] if done else None
    return Plan(
        run_id=last.run_id + 1 if last else 1,
        month=month,
        n=1 + sum(run.month == month for run in done),
        cut_off=cut_off,
        since=last.cut_off if last else 0,
        fresh=all(run.month != month for run in done),
        full=full,
        policy=policy,
        policies={one: policy.at(one) for one in months},
        window=max(min(months), latest.plus(-policy.at(latest).look_back_months)),
    )


def _check_order(done: Sequence[Run], month: Month, first: Month) -> None:
    if not done:
        return
    latest = max(run.month for run in done)
    if month < first:
        raise MonthRefused(f"{month} 早于首个批次 {first} / lies before the first month of this ledger, {first}")
    if month > latest.plus(1):
        missing = ", ".join(map(str, months_between(latest.plus(1), month.plus(-1))))
        raise MonthRefused(f"请先计算 {missing} / compute {missing} first: no month may be left out")


def _past_policy_differs(connection: Connection, policy: Policy, last: Run, months: Iterable[Month]) -> bool:
    """Whether the policy now says something else of a month that was computed under the stored one."""
    if last.policy_sha256 == policy.sha256:
        return False
    before = stored_policy(ledger.policy_content(connection, last.policy_sha256))
    return any(before.at(one) != policy.at(one) for one in months)


# --- keys one by one -------------------------------------------------------------------------------------------


def _post_keys(hub: Hub, connection: Connection, plan: Plan) -> tuple[int, int]:
    """Post what earlier months still lack, for the touched or for everybody; return rows and quantity."""
    months = plan.earlier
    if not months:
        return 0, 0
    ids = (
        ledger.household_ids(connection)
        if plan.full
        else iter(ledger.touched_households(connection, plan.since, plan.cut_off))
    )
    return _post(connection, plan, parts(ids), months, retro=True, progress=hub)


def _post(
    connection: Connection,
    plan: Plan,
    parts: Iterable[Sequence[int]],
    months: Sequence[Month],
    *,
    retro: bool,
    progress: Hub,
) -> tuple[int, int]:
    rows = quantity = 0
    for part in parts:
        judge = KeyJudge(connection, part, plan.cut_off, {month: plan.policies[month] for month in months})
        missing = sorted(judge.missing(plan.run_id, months, retro=retro, window=plan.window))
        rows += ledger.append(connection, missing)
        quantity += sum(posting.quantity_milli for posting in missing)
        progress.progress("households", len(part))
    return rows, quantity


# --- the month, for everybody ----------------------------------------------------------------------------------


def decide(standings: Mapping[Standing, int], service: Service, month: Month, policy: MonthPolicy) -> dict[int, int]:
    """Return the decision table of a service: what a whole month of each standing gives, where it gives anything."""
    quantity = policy.benefit(service).allowance_milli
    whole = {standing_id: Slice(0, OPEN_DAY, standing, "", 0) for standing, standing_id in standings.items()}
    return {
        standing_id: quantity
        for standing_id, part in whole.items()
        if quantity and judge_slice(part, service, month, policy) in GRANTING
    }


def _post_month(hub: Hub, connection: Connection, plan: Plan) -> tuple[int, int]:
    """Post the month for everybody and compare the totals of two independent roads."""
    standings = registry.load_standings(connection)
    rows = quantity = 0
    with setwise.knotty_households(connection, plan.month, plan.cut_off) as knotty:
        ids = setwise.ids_in(connection, knotty)
        knots = _judge_knots(connection, plan, ids)
        heads = setwise.count_heads(connection, knotty, month=plan.month, cut_off=plan.cut_off)
        for service in sorted(MONTHLY):  # in the ledger's key order, so that its table only ever grows at the end
            mine = [row for row in knots if row.service == service]
            decisions = decide(standings, service, plan.month, plan.policies[plan.month])
            _apply(connection, plan, service, decisions, knotty)
            ledger.append(connection, mine)
            planned = _planned(heads, decisions, mine)
            _compare(planned, setwise.posted_totals(connection, plan.run_id, plan.month, service), service)
            rows, quantity = rows + planned[0], quantity + planned[1]
            hub.progress("postings", planned[0])
    setwise.learn_postings(connection)
    return rows, quantity


def _judge_knots(connection: Connection, plan: Plan, ids: Sequence[int]) -> list[Posting]:
    found: list[Posting] = []
    for part in parts(iter(ids)):
        judge = KeyJudge(connection, part, plan.cut_off, {plan.month: plan.policies[plan.month]})
        found += judge.missing(plan.run_id, [plan.month], retro=False, window=plan.window)
    return found


def _planned(heads: Mapping[int, int], decisions: Mapping[int, int], knots: Sequence[Posting]) -> tuple[int, int]:
    """Return rows and quantity by an independent count: heads of each standing, and the knotty ones."""
    rows = sum(number for standing_id, number in heads.items() if standing_id in decisions)
    quantity = sum(number * decisions.get(standing_id, 0) for standing_id, number in heads.items())
    return rows + len(knots), quantity + sum(row.quantity_milli for row in knots)


def _apply(connection: Connection, plan: Plan, service: Service, decisions: Mapping[int, int], knotty: Table) -> None:
    """Lay the decision table over the registry."""
    with setwise.decision_table(connection, decisions) as table:
        setwise.apply_month(
            connection,
            table,
            knotty,
            run_id=plan.run_id,
            month=plan.month,
            service=service,
            cut_off=plan.cut_off,
        )


def _compare(planned: tuple[int, int], written: tuple[int, int], service: Service) -> None:
    if planned != written:
        raise TotalsDisagree(f"{service}: planned {planned} rows and quantity, written {written}; nothing was kept")


def _conclude(
    hub: Hub, connection: Connection, plan: Plan, own: tuple[int, int], earlier: tuple[int, int], actor: str
) -> RunSummary:
    """Record the run with the digest of its rows, and its audit row, in the same transaction."""
    digest = digest_rows(connection, *setwise.run_rows(plan.run_id, plan.month))
    rows, quantity = own[0] + earlier[0], own[1] + earlier[1]
    if digest.rows != rows:
        raise TotalsDisagree(f"{rows} rows posted, {digest.rows} found; nothing was kept")
    effect = audit.Effect(rows, quantity, digest.sha256)
    ledger.record_run(
        connection,
        run_id=plan.run_id,
        month=int(plan.month),
        n=plan.n,
        cut_off=plan.cut_off,
        at_us=now_us(hub.clock),
        policy_sha256=plan.policy.sha256,
        full=int(plan.full),
        rows=rows,
        quantity_milli=quantity,
        digest=digest.sha256,
    )
    detail = {
        "month": str(plan.month),
        "cut_off": plan.cut_off,
        "policy": plan.policy.sha256,
        "full": plan.full,
    }
    audit.record(connection, hub.clock, actor, "month_computed", str(plan.run_id), detail, effect)
    return RunSummary(plan.run_id, str(plan.month), plan.n, plan.cut_off, rows, quantity, *earlier)
