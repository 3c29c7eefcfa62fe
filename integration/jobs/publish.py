"""Publishing lists: one regular list per company and month, and supplements for what came later.

A list is built, the brake is judged against the list before, a regular list's total is compared with the ledger's, and
only then manifest, signature and every rendering are written, in one transaction. Nothing published is ever changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence

import msgspec
from isal import igzip
from sqlalchemy import Connection

from adapters.base import CompanyPort, ListHead, ListWriter
from integration.clock import SHANGHAI, now_us, us_instant
from integration.domain import brake
from integration.domain.brake import Movement, Trip
from integration.jobs.deliver import queue_list
from integration.jobs.garbage import rare_collection
from integration.jobs.hub import Hub
from integration.jobs.intake import parts
from integration.jobs.list_rows import Spool, build_rows
from integration.storage import audit, holds, ledger, lists, restores
from integration.storage.engine import take_lock
from integration.storage.keys import SUITE
from integration.storage.lists import Published, Scope
from schemas import envelope
from schemas.lists import Change, ChangeTotal, ListKind, Manifest, Rendering
from schemas.values import MONTHLY, Month, Service

_MEMBER = 1 << 20


class ListRefused(Exception):  # noqa: N818 - it names what happened
    """The list cannot be published; the text says why and what to do first."""


class PublishResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one company's list: published, held, refused (``reason`` says why), or nothing to publish."""

    company: str
    state: str
    month: str
    number: int | None = None
    kind: str | None = None
    rows: int = 0
    quantity_milli: int = 0
    changes: dict[str, ChangeTotal] = {}
    trips: list[Trip] = []
    hold_id: int | None = None
    reason: str = ""


def publish_month(hub: Hub, month: Month, *, actor: str) -> list[PublishResult]:
    """Publish a month to every company with a monthly service: its regular list, or what came since as a supplement.

    What keeps one company's list from being published keeps no other company from its own.

    Raises:
        ListRefused: no run has computed the month, or a restore is not confirmed.
    """
    _check_confirmed(hub)
    check_computed(hub, month)
    audit.sequence(hub.store, hub.ring, hub.clock)  # publication waits for the checkpoint that covers its run
    results = []
    for company in hub.companies.values():
        for service in company.services:
            if service in MONTHLY:
                results.append(_tried(hub, company, service, month, actor))
                hub.progress("lists", 1)
    audit.sequence(hub.store, hub.ring, hub.clock)
    return results


def _check_confirmed(hub: Hub) -> None:
    """After a restore, companies may have lists that this database does not know: no number is given twice."""
    with hub.store.read() as connection:
        if restores.unconfirmed(connection) is not None:
            raise ListRefused(
                "备份恢复尚未确认，不能发布；请问明各公司最后收到的名单编号 / the restore is not confirmed;"
                " ask each company for its last list, then: waiverhub restore confirm --as NAME --seen COMPANY=N …"
            )


def check_computed(hub: Hub, month: Month) -> None:
    """Refuse a month that no run has computed.

    Raises:
        ListRefused: it is not computed.
    """
    with hub.store.read() as connection:
        if all(run.month != month for run in ledger.all_runs(connection)):
            raise ListRefused(f"{month} 尚未计算 / {month} is not computed; first: waiverhub run {month}")


def _tried(hub: Hub, company: CompanyPort, service: Service, month: Month, actor: str) -> PublishResult:
    try:
        return _publish(hub, company, service, month, actor)
    except ListRefused as refused:
        return PublishResult(company=company.code, state="refused", month=str(month), reason=str(refused))


def _publish(hub: Hub, company: CompanyPort, service: Service, month: Month, actor: str) -> PublishResult:
    with rare_collection(), hub.store.write() as connection:
        take_lock(connection, "knowledge")  # a list is of one state: nothing is learnt or posted while it is built
        earlier = lists.published(connection, company.code)
        if any(one.kind == ListKind.REGULAR and one.month > month for one in earlier):
            # its time is over: what comes late stands on a list of a later month
            return PublishResult(company=company.code, state="nothing_new", month=str(month))
        scope, kind = scope_of(connection, company.code, service, month, earlier)
        spool, moved = Spool(), list[tuple[int, Change]]()
        note = lambda household, change: moved.append((household, change))  # noqa: E731
        spool.fill(build_rows(hub, connection, scope, kind, earlier, note))
        if kind is ListKind.SUPPLEMENT and not spool.rows:
            return PublishResult(company=company.code, state="nothing_new", month=str(month))
        trips = _trips(hub, connection, scope, moved) if kind is ListKind.REGULAR else []
        if trips:
            return _held(hub, connection, scope, trips, actor)
        return _write(hub, connection, company, scope, kind, earlier, spool, actor)


def scope_of(
    connection: Connection, company: str, service: Service, month: Month, earlier: list[Published]
) -> tuple[Scope, ListKind]:
    """Return what a company's next list of a month is about, and which kind it is.

    Raises:
        ListRefused: its run stands under no checkpoint yet, or a month before it was not listed.
    """
    runs = ledger.all_runs(connection)
    newest = runs[-1]
    if not audit.covered(connection, "month_computed", str(newest.run_id)):
        raise ListRefused("本批次尚无审计检查点覆盖 / no audit checkpoint covers the run yet; try again")
    regular = [one for one in earlier if one.kind == ListKind.REGULAR]
    if any(one.month == month for one in regular):
        return Scope(company, service, month, newest.run_id, newest.cut_off, None), ListKind.SUPPLEMENT
    scope = Scope(company, service, month, newest.run_id, newest.cut_off, regular[-1] if regular else None)
    last = scope.before.month if scope.before else Month(0, 1)
    unlisted = sorted({run.month for run in runs if last < run.month < month})
    if missing := lists.months_placed(connection, scope, unlisted):
        raise ListRefused(f"请先下发 {company} {missing[0]} 的名单 / publish {missing[0]} to {company} first")
    return scope, ListKind.REGULAR


# --- brake -----------------------------------------------------------------------------------------------------


def _trips(hub: Hub, connection: Connection, scope: Scope, moved: list[tuple[int, Change]]) -> list[Trip]:
    """Return the limits that a computed list exceeds, beyond what two persons have released already."""
    trips = brake.judge(movement_of(connection, scope, moved), hub.policy.at(scope.month).brake)
    hold = holds.find(connection, "list", _subject(scope))
    return [] if hold is not None and hold.state == "released" and _covered(trips, hold.trips) else trips


def movement_of(connection: Connection, scope: Scope, moved: list[tuple[int, Change]]) -> Movement:
    """Count a computed list against the one before; the brake catches expiry, policy, and our own faults.

    A household that stops at one account and starts at another has changed its account; it has neither ended nor come.
    """
    if scope.before is None:
        return Movement()
    movement = Movement(base=lists.placed_by_district(connection, scope, scope.before))
    changes: dict[int, set[Change]] = {}
    for household, change in moved:
        changes.setdefault(household, set()).add(change)
    for part in parts(sorted(changes)):
        for household, district in lists.districts_of(connection, part).items():
            movement.add(_counter(movement, changes[household]), district)
    return movement


def _covered(trips: list[Trip], released: list[Trip]) -> bool:
    """Whether two persons have released as much already, be it of an earlier run: each limit, no further exceeded."""
    most = {(trip.limit, trip.district): trip.number for trip in released}
    return all(trip.number <= most.get((trip.limit, trip.district), -1) for trip in trips)


def _counter(movement: Movement, changes: set[Change]) -> dict[str, int]:
    if len(changes) > 1:
        return movement.changes
    return movement.ends if Change.STOP in changes else movement.additions


def _subject(scope: Scope) -> str:
    return f"{scope.company}:{scope.month}"


def _held(hub: Hub, connection: Connection, scope: Scope, trips: list[Trip], actor: str) -> PublishResult:
    hold_id = holds.open_hold(connection, now_us(hub.clock), "list", _subject(scope), trips)
    audit.record(connection, hub.clock, actor, "list_held", _subject(scope), {"hold": hold_id})
    return PublishResult(company=scope.company, state="held", month=str(scope.month), trips=trips, hold_id=hold_id)


# --- writing ---------------------------------------------------------------------------------------------------


def _write(
    hub: Hub,
    connection: Connection,
    company: CompanyPort,
    scope: Scope,
    kind: ListKind,
    earlier: list[Published],
    spool: Spool,
    actor: str,
) -> PublishResult:
    number = restores.last_numbers(connection).get(company.code, 0) + 1
    _check_total(connection, scope, kind, spool)
    at_us = now_us(hub.clock)  # one instant for all that is said of it: a list made over midnight is of one day
    head = head_of(company.code, number, kind, scope.month, spool, at_us)
    renderings = tuple(_render(connection, head, writer, spool) for writer in hub.list_writers(company))
    manifest = _manifest(hub, connection, scope, head, earlier, spool, renderings, at_us)
    content = envelope.canonical(manifest)
    lists.record_list(
        connection,
        company=company.code,
        number=number,
        kind=kind.value,
        service=scope.service.value,
        month=int(scope.month),
        run_id=scope.run_id,
        published_us=at_us,
        rows=spool.rows,
        quantity_milli=spool.quantity_milli,
        manifest=content,
        signature=envelope.sign(hub.ring.lists.private, content),
    )
    if company.channel(hub.homes) is not None:
        queue_list(connection, hub.clock, company.code, number, hashlib.sha256(content).hexdigest())
    detail = {"kind": kind.value, "month": str(scope.month), "run": scope.run_id}
    effect = audit.Effect(spool.rows, spool.quantity_milli, hashlib.sha256(content).digest())
    audit.record(connection, hub.clock, actor, "list_published", f"{company.code}:{number}", detail, effect)
    return _published(head, spool)


def head_of(company: str, number: int, kind: ListKind, month: Month, spool: Spool, at_us: int) -> ListHead:
    """Return what the renderings of a list say of it besides its rows; it is dated in Asia/Shanghai."""
    created = us_instant(at_us).astimezone(SHANGHAI).date().isoformat()
    return ListHead(company, number, kind, str(month), spool.rows, spool.quantity_milli, created)


def _published(head: ListHead, spool: Spool) -> PublishResult:
    return PublishResult(
        company=head.company,
        state="published",
        month=head.month,
        number=head.number,
        kind=head.kind.value,
        rows=spool.rows,
        quantity_milli=spool.quantity_milli,
        changes=spool.totals,
    )


def _check_total(connection: Connection, scope: Scope, kind: ListKind, spool: Spool) -> None:
    if kind is ListKind.SUPPLEMENT:
        return
    listed = sum(spool.totals[c].quantity_milli for c in (Change.NEW, Change.KEEP) if c in spool.totals)
    held = lists.month_total(connection, scope)
    if listed != held:
        raise ListRefused(f"名单与台账不符 / list {listed} and ledger {held} differ; nothing was published")


def _render(connection: Connection, head: ListHead, writer: ListWriter, spool: Spool) -> Rendering:
    """Render, digest, compress and store in one pass over the bytes."""
    digest, size = hashlib.sha256(), 0

    def members() -> Iterator[bytes]:
        nonlocal size
        for member in _joined(writer.render(head, spool)):
            digest.update(member)
            size += len(member)
            yield igzip.compress(member, compresslevel=1, mtime=0)

    lists.store_chunks(connection, head.company, head.number, writer.name, members())
    return Rendering(writer.name, writer.file_name(head), writer.media_type, size, digest.hexdigest())


def _joined(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Join small chunks to about a mebibyte; an empty file still has one member."""
    waiting: list[bytes] = []
    size = 0
    for chunk in chunks:
        waiting.append(chunk)
        size += len(chunk)
        if size >= _MEMBER:
            yield b"".join(waiting)
            waiting, size = [], 0
    yield b"".join(waiting)


def predecessor(earlier: Sequence[Published]) -> str | None:
    """Return what a manifest says of the one before it; None in the first."""
    return hashlib.sha256(earlier[-1].manifest).hexdigest() if earlier else None


def _manifest(
    hub: Hub,
    connection: Connection,
    scope: Scope,
    head: ListHead,
    earlier: list[Published],
    spool: Spool,
    renderings: tuple[Rendering, ...],
    at_us: int,
) -> Manifest:
    run = next(run for run in ledger.all_runs(connection) if run.run_id == scope.run_id)
    checkpoint = audit.newest_checkpoint(connection)
    return Manifest(
        suite=SUITE,
        company=scope.company,
        service=scope.service,
        number=head.number,
        kind=head.kind,
        month=str(scope.month),
        run=scope.run_id,
        cut_off=scope.cut_off,
        created_at=us_instant(at_us).isoformat(timespec="seconds"),
        predecessor=predecessor(earlier),
        rows=spool.rows,
        quantity_milli=spool.quantity_milli,
        changes=spool.totals,
        renderings=renderings,
        policy_sha256=run.policy_sha256,
        checkpoint=checkpoint.note if checkpoint else "",
        key_id=hub.ring.lists.key_id,
    )
