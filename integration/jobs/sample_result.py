"""What a sample shows: the errors found, what they mean for the whole month, and its closing by another person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec
from sqlalchemy import Connection

from integration.clock import now_us, today
from integration.domain import sampling
from integration.domain.sampling import Checked, CheckResult, Projection, Stratum
from integration.jobs.hub import Hub
from integration.jobs.sample_bills import SampleRefused, find_sample
from integration.storage import audit, samples
from integration.storage.engine import take_lock
from integration.storage.samples import Drawn, Event, Found, Sample
from schemas.values import day_int


class StratumResult(msgspec.Struct, frozen=True):
    """One kind of rows: how many there were and were drawn, how many wait for a copy, and what the others say.

    ``projection`` is None while any wait: a part of a sample is none.
    """

    stratum: Stratum
    rows: int
    waived_fen: int
    drawn: int
    waiting: int
    projection: Projection | None


class SampleResult(msgspec.Struct, frozen=True):
    """A sample as it stands: drawn, requested, checked or closed; ``due_on`` is 0 before the request."""

    sample_id: int
    company: str
    month: str
    state: str
    due_on: int
    confidence_per_mille: int
    strata: list[StratumResult]


def sample_result(hub: Hub, sample_id: int) -> SampleResult:
    """Return what a sample shows. A copy that did not come by the day it was due proves nothing: its row is wrong.

    Raises:
        SampleRefused: there is no such sample.
    """
    sample = find_sample(hub, sample_id)
    with hub.store.read() as connection:
        return _result(hub, connection, sample)


def _result(hub: Hub, connection: Connection, sample: Sample) -> SampleResult:
    events = samples.events_of(connection, sample.sample_id)
    asked = events.get("requested")
    overdue = asked is not None and day_int(today(hub.clock)) > asked.due_on
    confidence = hub.policy.at(sample.month).sample_confidence_per_mille
    rows = samples.drawn_of(connection, sample.sample_id)
    found = samples.results_of(connection, sample.sample_id)
    strata = []
    for line in samples.strata_of(connection, sample.sample_id):
        mine = [one for one in rows if one.stratum == line.stratum]
        checked = list(_checked(mine, found, overdue=overdue))
        waiting, made = len(mine) - len(checked), None
        if not waiting:
            largest = samples.largest_undrawn(connection, sample) if line.stratum is Stratum.RELIEF else ()
            made = sampling.project(line.rows, checked, largest, confidence)
        strata.append(StratumResult(line.stratum, line.rows, line.waived_fen, line.drawn, waiting, made))
    state = _state(events, strata)
    due_on = asked.due_on if asked else 0
    return SampleResult(sample.sample_id, sample.company, str(sample.month), state, due_on, confidence, strata)


def _checked(rows: Iterable[Drawn], found: Mapping[int, Sequence[Found]], *, overdue: bool) -> Iterator[Checked]:
    for one in rows:
        reported = (one.said.waived_milli, one.said.waived_fen)
        last = found[one.place][-1] if one.place in found else None
        if last is None:
            if overdue:
                yield sampling.missing_copy(*reported)
        elif last.result == CheckResult.NO_COPY:
            yield sampling.missing_copy(*reported)
        elif last.result == CheckResult.DIFFERS:
            yield Checked(*reported, last.quantity_milli, last.amount_fen)
        else:
            yield Checked(*reported, *reported)


def _state(events: Mapping[str, Event], strata: Iterable[StratumResult]) -> str:
    if "closed" in events:
        return "closed"
    if "requested" not in events:
        return "drawn"
    return "requested" if any(one.waiting for one in strata) else "checked"


def close_sample(hub: Hub, sample_id: int, *, actor: str) -> SampleResult:
    """Close a sample: from now on nothing is recorded, and the audit holds what it says.

    Raises:
        SampleRefused: copies are still awaited, it is closed already, or the person recorded a result of it.
    """
    sample = find_sample(hub, sample_id)
    with hub.store.write() as connection:
        take_lock(connection, "knowledge")
        result = _result(hub, connection, sample)
        if result.state != "checked":
            raise SampleRefused(
                f"样本 {sample_id} 状态为 {result.state}，不能结案 / sample {sample_id} is {result.state}: it is closed"
                " once every row has a result, or the copies are overdue"
            )
        recorded = {one.actor for rows in samples.results_of(connection, sample_id).values() for one in rows}
        if actor in recorded:
            raise SampleRefused(
                "登记过结果的人不能结案，请另一人办理 / who recorded results may not close it: ask another"
            )
        samples.record_event(connection, sample_id, "closed", Event(now_us(hub.clock), actor, 0))
        detail = {"company": sample.company, "month": str(sample.month), "strata": msgspec.to_builtins(result.strata)}
        audit.record(connection, hub.clock, actor, "sample_closed", str(sample_id), detail)
        return _result(hub, connection, sample)
