"""Plays the story through the production code, step by step, and keeps how each step ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Final

from integration.demo.report_files import references_in, report_file
from integration.demo.stage import ACTOR, CLERK, SUPERVISOR, Stage
from integration.demo.steps import Kind, Step
from integration.jobs.compute_month import RunSummary, compute_month
from integration.jobs.decide_hold import approve_release, propose_release, reject_hold
from integration.jobs.export_list import export_list
from integration.jobs.link_accounts import LinkSummary, link_accounts
from integration.jobs.outcomes import SyncResult
from integration.jobs.publish import PublishResult, publish_month
from integration.jobs.reconcile import Reconciliation, reconcile
from integration.jobs.settle import SettleResult, export, settle
from integration.jobs.sync_aliases import sync_aliases
from integration.jobs.sync_registry import sync_registry
from integration.jobs.sync_report import sync_report
from integration.jobs.sync_roster import sync_roster
from integration.storage import audit
from integration.storage.report_views import FindingLine, finding_lines
from integration.storage.settlements import settlements_of
from integration.storage.submissions import MessageConflict
from schemas.values import Month

_CHUNK: Final = 1 << 16
#: More findings than any demo has.
MOST_FINDINGS: Final = 1_000_000
#: What the clerk was told on the telephone; the supervisor knows better.
_REASON: Final = "电话答复：属年度清理 / on the telephone they spoke of a yearly clean-up"


@dataclass(frozen=True)
class Ended:
    """How a step ended. ``state`` is one of ``Expect``'s; the other parts stand where the step has them.

    ``findings`` are those open after a report or a reconciliation.
    """

    step: Step
    state: str
    seconds: float = 0.0
    sync: SyncResult | None = None
    linked: LinkSummary | None = None
    run: RunSummary | None = None
    again: RunSummary | None = None
    published: tuple[PublishResult, ...] = ()
    findings: tuple[FindingLine, ...] | None = None
    settled: SettleResult | None = None


@dataclass
class Record:
    """All steps as they ended, in order; ``full`` and ``judged`` are the recomputation of everything at the end."""

    ended: list[Ended] = field(default_factory=list)
    full: RunSummary | None = None
    judged: list[Reconciliation] = field(default_factory=list)
    full_seconds: float = 0.0

    @property
    def runs(self) -> list[Ended]:
        """The runs, one a month."""
        return [one for one in self.ended if one.run is not None]

    @property
    def months(self) -> list[Month]:
        """The months computed."""
        return [one.step.month for one in self.runs if one.step.month is not None]


def perform(stage: Stage, steps: list[Step], begun: Callable[[int, Step, int], object]) -> Record:
    """Play all steps on their days; ``begun`` is told each before it begins, with its place and how many there are."""
    record = Record()
    for number, step in enumerate(steps):
        begun(number, step, len(steps))
        stage.clock.turn_to(step.day, number)
        started = perf_counter()
        ended = _ACTS[step.kind](stage, step, record)
        record.ended.append(_timed(ended, perf_counter() - started))
    started = perf_counter()
    record.full = compute_month(stage.hub, record.months[-1], actor=ACTOR, full=True)
    record.judged = reconcile(stage.hub, actor=ACTOR, full=True)
    record.full_seconds = perf_counter() - started
    audit.sequence(stage.hub.store, stage.hub.ring, stage.hub.clock)
    return record


def _timed(ended: Ended, seconds: float) -> Ended:
    return replace(ended, seconds=seconds)


def _content(path: Path | None) -> Callable[[], Iterator[bytes]]:
    if path is None:
        raise ValueError("this step has no file")

    def chunks() -> Iterator[bytes]:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk

    return chunks


def _roster(stage: Stage, step: Step, record: Record) -> Ended:
    return _synced(step, sync_roster(stage.hub, step.company, _content(step.path), actor=ACTOR), record)


def _aliases(stage: Stage, step: Step, record: Record) -> Ended:
    return _synced(step, sync_aliases(stage.hub, step.company, _content(step.path), actor=ACTOR), record)


def _registry(stage: Stage, step: Step, record: Record) -> Ended:
    try:
        return _synced(step, sync_registry(stage.hub, _content(step.path), actor=ACTOR), record)
    except MessageConflict:
        return Ended(step, "refused")


def _synced(step: Step, result: SyncResult, record: Record) -> Ended:
    """Call a message that had its reply before a duplicate: the reply itself says the same for ever."""
    seen = {one.sync.submission_id for one in record.ended if one.sync}
    return Ended(step, "duplicate" if result.submission_id in seen else result.state, sync=result)


def _link(stage: Stage, step: Step, _: Record) -> Ended:
    return Ended(step, "done", linked=link_accounts(stage.hub, actor=ACTOR))


def _run(stage: Stage, step: Step, _: Record) -> Ended:
    """Compute the month, then once more: the second run must post nothing."""
    month = _month(step)
    first = compute_month(stage.hub, month, actor=ACTOR)
    return Ended(step, "done", run=first, again=compute_month(stage.hub, month, actor=ACTOR))


def _publish(stage: Stage, step: Step, _: Record) -> Ended:
    results = tuple(publish_month(stage.hub, _month(step), actor=ACTOR))
    states = {result.state for result in results}
    for one in results:
        if one.number is not None:
            export_list(stage.hub, one.company, one.number, stage.folder.list_folder(one.company, one.number))
    return Ended(step, "done" if states == {"published"} else min(states), published=results)


def _month(step: Step) -> Month:
    if step.month is None:
        raise ValueError("this step has no month")
    return step.month


def _report(stage: Stage, step: Step, record: Record) -> Ended:
    """Write the report with the references of all lists so far, and take it in."""
    if step.reply is None:
        raise ValueError("this step has no report")
    folders = sorted((stage.folder.lists / step.company).iterdir())
    references = references_in(step.company, folders, step.reply.newest)
    path = stage.folder.files / f"{len(record.ended) + 1:02d}-{step.name}"
    path.write_bytes(report_file(step.reply, references))
    result = sync_report(stage.hub, step.company, _content(path), actor=ACTOR)
    return _looked(stage, _synced(replace(step, path=path), result, record))


def _reconcile(stage: Stage, step: Step, _: Record) -> Ended:
    reconcile(stage.hub, actor=ACTOR)
    return _looked(stage, Ended(step, "done"))


def _looked(stage: Stage, ended: Ended) -> Ended:
    """Keep which findings are open now."""
    with stage.hub.store.read() as connection:
        return replace(ended, findings=tuple(finding_lines(connection, MOST_FINDINGS)))


def _settle(stage: Stage, step: Step, _: Record) -> Ended:
    result = settle(stage.hub, step.company, _month(step), actor=SUPERVISOR)
    with stage.hub.store.read() as connection:
        signed = settlements_of(connection, step.company, step.month)[-1]
    export(stage.hub, signed, stage.folder.settlements)
    return Ended(step, result.state, settled=result)


def _decide(stage: Stage, step: Step, record: Record) -> Ended:
    """Let the clerk propose release, and the supervisor look twice and decide."""
    held = next(one.sync for one in record.ended if one.step.message_id == step.subject and one.sync)
    if held.hold_id is None:
        return Ended(step, "refused")
    propose_release(stage.hub, held.hold_id, _REASON, actor=CLERK)
    decide = approve_release if step.kind == "approve" else reject_hold
    decided = decide(stage.hub, held.hold_id, actor=SUPERVISOR)
    wanted = "released" if step.kind == "approve" else "rejected"
    return Ended(step, "done" if decided.state == wanted else decided.state)


_ACTS: Final[Mapping[Kind, Callable[[Stage, Step, Record], Ended]]] = {
    "roster": _roster,
    "aliases": _aliases,
    "registry": _registry,
    "link": _link,
    "run": _run,
    "publish": _publish,
    "approve": _decide,
    "reject": _decide,
    "report": _report,
    "reconcile": _reconcile,
    "settle": _settle,
}
