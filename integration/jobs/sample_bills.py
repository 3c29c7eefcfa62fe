"""The audit sample 抽样 of a company's report month: drawn by nobody's choice, checked against copies of the bills.

Drawn rows are unknown to the company until the copies are asked for. Who records what a copy showed does not close the
sample: another person does, and then it states the errors found and what they mean for the whole month.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta

import msgspec

from integration.clock import now_us, today
from integration.domain import sampling
from integration.domain.policy import MonthPolicy
from integration.domain.sampling import CheckResult, Stratum
from integration.jobs.hub import Hub
from integration.jobs.reasons import fault_of
from integration.storage import audit, reports, samples
from integration.storage.engine import take_lock
from integration.storage.pii import data_key
from integration.storage.reports import Report
from integration.storage.samples import Drawn, Event, Found, Sample, StratumLine
from schemas import envelope
from schemas.reports import ReportKind
from schemas.values import Month, day_int

#: How many rows of a kind are drawn, of so many.
Sizes = Callable[[Stratum, int], int]


class SampleRefused(Exception):  # noqa: N818 - it names what happened
    """The sample cannot be drawn, asked for, recorded or closed; the text says why and what to do first."""


class RowChecked(msgspec.Struct, frozen=True):
    """What a copy showed: the result, and the true figures where it ``differs``."""

    result: CheckResult
    quantity_milli: int = 0
    amount_fen: int = 0


def draw_sample(hub: Hub, company: str, month: Month, *, actor: str) -> int:
    """Draw the sample of a report month and return its number; drawn again it is the same, unless reports came since.

    Raises:
        SampleRefused: the month is not reported as a whole.
    """
    audit.sequence(hub.store, hub.ring, hub.clock)  # the seed waits for the checkpoint that covers the reports
    with hub.store.write() as connection:
        take_lock(connection, "knowledge")
        standing = _standing(reports.reports_of(connection, company), company, month)
        covered, tree = samples.covered_reports(connection, standing)
        if tree is None:
            raise SampleRefused("回盘尚无审计检查点覆盖，请再试 / no audit checkpoint covers the report yet; try again")
        said = sampling.statement(company, str(month), covered, *tree)
        signature = envelope.sign(hub.ring.checkpoints.private, said)
        for one in samples.all_samples(connection, company, month):
            if one.signature == signature:
                return one.sample_id
        number = samples.next_sample_id(connection)
        sample = Sample(number, company, month, now_us(hub.clock), actor, covered, tree, signature)
        strata, rows = _drawn(samples.reported_rows(connection, standing), signature, _sizes(hub.policy.at(month)))
        samples.record_sample(connection, sample, strata, rows)
        detail = {"company": company, "month": str(month), "reports": standing, "tree_size": tree.size}
        effect = samples.drawn_effect(connection, number)
        audit.record(connection, hub.clock, actor, "sample_drawn", str(number), detail, effect)
        return number


def _standing(found: Iterable[Report], company: str, month: Month) -> list[int]:
    mine = [one for one in found if one.month == month and one.stands]
    if all(one.kind is ReportKind.SUPPLEMENT for one in mine):
        raise SampleRefused(
            f"{company} 尚未回盘 {month}，无从抽样 / {company} has not reported {month}: there is nothing to draw from"
        )
    return [one.report_id for one in mine]


def _sizes(policy: MonthPolicy) -> Sizes:
    return lambda _stratum, rows: sampling.sample_size(rows, policy.sample_per_mille, policy.sample_min)


def _drawn(
    rows: Iterable[tuple[int, int, int, int]], signature: bytes, sizes: Sizes
) -> tuple[list[StratumLine], list[tuple[Stratum, int, int]]]:
    """Return both kinds of rows counted, and the drawn ones in the order of the company's own files."""
    kinds: dict[Stratum, list[tuple[int, int]]] = {stratum: [] for stratum in Stratum}
    sums = {stratum: [0, 0] for stratum in Stratum}
    for report_id, row, milli, fen in rows:
        stratum = sampling.stratum_of(milli, fen)
        kinds[stratum].append((report_id, row))
        sums[stratum][0] += milli
        sums[stratum][1] += fen
    seed, strata, drawn = sampling.seed_of(signature), list[StratumLine](), list[tuple[Stratum, int, int]]()
    for stratum, mine in kinds.items():
        size = sizes(stratum, len(mine))
        milli, fen = sums[stratum]
        strata.append(StratumLine(stratum, len(mine), milli, fen, size))
        drawn += [(stratum, *row) for row in sampling.draw(seed, mine, size)]
    return strata, sorted(drawn, key=lambda one: one[1:])


def find_sample(hub: Hub, sample_id: int) -> Sample:
    """Return a sample.

    Raises:
        SampleRefused: there is none.
    """
    with hub.store.read() as connection:
        found = next((one for one in samples.all_samples(connection) if one.sample_id == sample_id), None)
    if found is None:
        raise SampleRefused(f"没有样本 {sample_id} / there is no sample {sample_id}; see: waiverhub sample list")
    return found


def sample_faults(hub: Hub, sample_id: int) -> list[str]:
    """Draw a sample again from the reports as they are, and return what is not the same; nothing is the proof.

    SEED_WRONG: the hub does not sign so what was reported and sealed then. ROWS_WRONG: other rows come out.
    """
    sample = find_sample(hub, sample_id)
    with hub.store.read() as connection:
        covered, tree = samples.covered_reports(connection, [one.report_id for one in sample.reports])
        said = sampling.statement(sample.company, str(sample.month), covered, *(tree or sample.tree))
        faults = [] if envelope.sign(hub.ring.checkpoints.private, said) == sample.signature else ["SEED_WRONG"]
        reported = samples.reported_rows(connection, [one.report_id for one in sample.reports])
        before = samples.strata_of(connection, sample_id)
        sizes = {one.stratum: one.drawn for one in before}
        strata, rows = _drawn(reported, sample.signature, lambda stratum, _rows: sizes.get(stratum, 0))
        stored = [(one.stratum, one.report_id, one.row) for one in samples.drawn_of(connection, sample_id)]
        same = rows == stored and strata == before
    return faults if same else [*faults, "ROWS_WRONG"]


# --- asking ----------------------------------------------------------------------------------------------------


def request_copies(hub: Hub, sample_id: int, *, actor: str) -> tuple[Event, list[Drawn]]:
    """Ask for the copies; return when they are due, and the rows. Asked again it is the same request.

    Raises:
        SampleRefused: there is no such sample.
    """
    sample = find_sample(hub, sample_id)
    days = hub.policy.at(sample.month).sample_copy_days
    with hub.store.write() as connection:
        take_lock(connection, "knowledge")
        asked = samples.events_of(connection, sample_id).get("requested")
        if asked is None:
            asked = Event(now_us(hub.clock), actor, day_int(today(hub.clock) + timedelta(days=days)))
            samples.record_event(connection, sample_id, "requested", asked)
            detail = {"company": sample.company, "month": str(sample.month), "due_on": asked.due_on}
            audit.record(connection, hub.clock, actor, "sample_requested", str(sample_id), detail)
        return asked, samples.drawn_of(connection, sample_id)


# --- recording -------------------------------------------------------------------------------------------------


def record_check(hub: Hub, sample_id: int, place: int, checked: RowChecked, *, note: str = "", actor: str) -> None:
    """Record what the copy of a bill showed; said again, the later word counts.

    Raises:
        SampleRefused: the copies were not asked for, the sample is closed, or it has no such row; the figures are
            those that were reported; or the note holds an ID number.
    """
    find_sample(hub, sample_id)
    with hub.store.write() as connection:
        take_lock(connection, "knowledge")
        row = next((one for one in samples.drawn_of(connection, sample_id) if one.place == place), None)
        _refuse_check(samples.events_of(connection, sample_id), sample_id, place, row, checked, note)
        n = len(samples.results_of(connection, sample_id).get(place, ())) + 1
        found = Found(n, actor, checked.result.value, checked.quantity_milli, checked.amount_fen)
        samples.record_result(connection, sample_id, place, now_us(hub.clock), found)
        if note and row is not None:
            sealed = data_key(hub.ring.submissions).seal(note_place(sample_id, place, n), note.encode())
            samples.record_note(connection, sample_id, place, n, row.household_id, sealed)
        detail = {"place": place, "n": n, "result": checked.result, "noted": bool(note)}
        figures = {"quantity_milli": checked.quantity_milli, "amount_fen": checked.amount_fen}
        audit.record(connection, hub.clock, actor, "sample_checked", str(sample_id), detail | figures)


def note_place(sample_id: int, place: int, n: int) -> tuple[str | int, ...]:
    """Return what a note is sealed to."""
    return ("sample_notes", sample_id, place, n)


def _refuse_check(
    events: dict[str, Event], sample_id: int, place: int, row: Drawn | None, checked: RowChecked, note: str
) -> None:
    if "closed" in events:
        raise SampleRefused(f"样本 {sample_id} 已结案 / sample {sample_id} is closed")
    if "requested" not in events:
        raise SampleRefused(
            f"尚未向公司索取账单复印件 / the copies are not asked for yet; first: waiverhub sample request {sample_id}"
        )
    if row is None:
        raise SampleRefused(f"样本 {sample_id} 没有第 {place} 行 / sample {sample_id} has no row {place}")
    told = (checked.quantity_milli, checked.amount_fen)
    if checked.result is CheckResult.DIFFERS and told == (row.said.waived_milli, row.said.waived_fen):
        raise SampleRefused("所填数字与所报相同，应记为 agrees / the figures are those reported: record it as agrees")
    if checked.result is not CheckResult.DIFFERS and any(told):
        raise SampleRefused("只有 differs 才填数字 / figures go with differs alone")
    if note and (fault := fault_of(note)):
        raise SampleRefused(fault)
