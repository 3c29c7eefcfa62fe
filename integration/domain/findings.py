"""Findings 差异 as values: what disagrees, how much is at stake, and who must act.

A finding has an identity that holds over re-runs: the same disagreement found again is the same finding.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from integration.domain.judgement import Judged, Numbered, Verdict
from schemas.findings import Acts, FindingKind, Lack, Measure
from schemas.reports import Answer, BillKind, ReportRow
from schemas.tariffs import PENALTY

#: Who must act (settled reading 17).
ACTS: Final[Mapping[FindingKind, Acts]] = dict.fromkeys(FindingKind, Acts.COMPANY) | {
    FindingKind.REFUSED: Acts.OFFICE,
    FindingKind.REUSED_NUMBER: Acts.OFFICE,
    FindingKind.GOOD_FAITH: Acts.SUPERVISOR,
}
#: Who must act where the reason decides it: matches and refusals are the office's, so is whoever buys nothing.
_REASON_ACTS: Final[Mapping[str, Acts]] = {
    Lack.UNMATCHED: Acts.OFFICE,
    Lack.REFUSED: Acts.OFFICE,
    Lack.NO_BILL: Acts.OFFICE,
    Measure.HOUSEHOLDS: Acts.OFFICE,
    Measure.LISTED: Acts.OFFICE,
}

#: What no report and no list says by itself: the nightly detectors find it, and it closes when it is mended.
DETECTED: Final = frozenset(
    {
        FindingKind.UNDER_CLAIM,
        FindingKind.ORPHAN_FLAG,
        FindingKind.FLAG_LOST,
        FindingKind.FLAG_EXPIRED,
        FindingKind.NOT_COLLECTED,
        FindingKind.NO_ROSTER,
        FindingKind.VARIANCE,
    }
)

#: Answers by which a company says why it applies nothing.
REFUSALS: Final = (
    Answer.NOT_CONNECTED,
    Answer.OPT_OUT,
    Answer.NON_DOMESTIC,
    Answer.DUP_ACCOUNT,
    Answer.CLOSED,
    Answer.NOT_OUR_CUSTOMER,
    Answer.NOT_FOUND,
)
_NOTHING_APPLIED: Final = frozenset((*REFUSALS, Answer.NO_BILL_DUE, Answer.PREPAID_NO_PURCHASE))
_APPLIED: Final = frozenset(one for one in Answer if one.value.startswith("APPLIED"))


class Finding(NamedTuple):
    """A disagreement. Quantities and amounts are signed as reported; the stakes are not negative.

    ``month`` is the allowance month, ``report_month`` that of the report it stands in or is missed in (both YYYYMM).
    ``households`` is how many it is about; ``household_id`` and ``account_id`` are 0 where there is not one.
    ``reason`` is a ``Lack`` or ``Measure`` (``applied@330102``: in one district), where the kind has reasons.
    """

    identity: str
    kind: FindingKind
    company: str
    month: int
    report_month: int
    report_id: int = 0
    household_id: int = 0
    account_id: int = 0
    bill_id: str = ""
    due_milli: int = 0
    reported_milli: int = 0
    due_fen: int = 0
    reported_fen: int = 0
    stake_milli: int = 0
    stake_fen: int = 0
    households: int = 1
    reason: str = ""

    @property
    def acts(self) -> Acts:
        """Who must act."""
        return _REASON_ACTS.get(self.reason.partition("@")[0], ACTS[self.kind])


def row_findings(judged: Judged, household_id: int, report_month: int) -> Iterator[Finding]:
    """Yield what is wrong with a judged row. A row that another answers for is judged there."""
    for kind, stake_milli, stake_fen in _disagreements(judged):
        yield _of_row(judged, household_id, report_month, kind, stake_milli, stake_fen)
    said = judged.told.said
    if said.issued_on // 100 != report_month and FindingKind.WRONG_MONTH not in judged.oddities:
        yield _of_row(
            judged, household_id, report_month, FindingKind.WRONG_MONTH, abs(said.waived_milli), abs(said.waived_fen)
        )


_Stake = tuple[FindingKind, int, int]


def _disagreements(judged: Judged) -> Iterator[_Stake]:
    said = judged.told.said
    whole = abs(said.waived_milli), abs(said.waived_fen)
    for oddity in judged.oddities:
        yield oddity, *whole
    if not judged.undone:
        yield from judged.wrongs
    if judged.verdict not in (Verdict.DUPLICATE, Verdict.UNLISTED):
        yield from _misaddressed(judged, whole)
        if not judged.answered_for:
            yield from _figures(judged)
    if missing := _sum_missing(said):
        yield FindingKind.TOTAL_NOT_SUM, 0, missing
    if good := sum(judged.good.values()):
        due = judged.figures.due_milli
        yield FindingKind.GOOD_FAITH, good, abs(judged.figures.due_fen or 0) * good // due if due else 0


def _misaddressed(judged: Judged, whole: tuple[int, int]) -> Iterator[_Stake]:
    if judged.told.numbered is Numbered.OTHER:
        yield FindingKind.WRONG_ACCOUNT, *whole
    if judged.told.numbered is Numbered.REUSED:
        yield FindingKind.REUSED_NUMBER, *whole
    if not judged.told.listed:
        yield FindingKind.WRONG_LIST, *whole


def _figures(judged: Judged) -> Iterator[_Stake]:
    """Part a difference into one of quantity and one of amount: the amount is judged at the quantity reported."""
    said, figures = judged.told.said, judged.figures
    if judged.verdict is Verdict.OPEN and said.kind is not BillKind.NONE:
        yield FindingKind.ANSWER_OPEN, abs(figures.waived_milli), abs(figures.waived_fen)
    if figures.waived_milli != figures.due_milli:
        over = figures.waived_milli > figures.due_milli
        known = figures.own_fen is not None and figures.due_fen is not None
        stake = abs((figures.own_fen or 0) - (figures.due_fen or 0)) if known else 0
        kind = FindingKind.OVER_QUANTITY if over else FindingKind.UNDER_QUANTITY
        yield kind, abs(figures.waived_milli - figures.due_milli), stake
    if figures.own_fen is None:
        yield FindingKind.PRICE_UNKNOWN, 0, abs(figures.waived_fen)
    if figures.over_fen:
        yield FindingKind.OVER_AMOUNT, 0, figures.over_fen
    if figures.under_fen:
        yield FindingKind.UNDER_AMOUNT, 0, figures.under_fen
    if _contradicts(said):
        yield FindingKind.ANSWER_CONTRADICTS, abs(said.waived_milli), abs(said.waived_fen)


def _contradicts(said: ReportRow) -> bool:
    """Whether the answer says something else than the figures beside it."""
    if said.answer in _NOTHING_APPLIED:
        return bool(said.waived_milli or said.waived_fen)
    if said.answer is Answer.ZERO_USAGE:
        return said.billable_milli != 0 or said.waived_milli != 0
    return said.answer in _APPLIED and said.kind is BillKind.NONE


def _sum_missing(said: ReportRow) -> int:
    """Return by how much the components' charges before, relieved and after do not add up; nothing told is no fault.

    A penalty is not relieved but recomputed.
    """
    told = [one for one in said.components if one.charge_before_fen or one.charge_after_fen]
    return sum(
        abs(one.charge_before_fen - one.waived_fen - one.other_waived_fen - one.charge_after_fen)
        for one in told
        if one.component != PENALTY
    )


def _of_row(
    judged: Judged, household_id: int, report_month: int, kind: FindingKind, stake_milli: int, stake_fen: int
) -> Finding:
    told, figures = judged.told, judged.figures
    said = told.said
    who = said.bill_id or f"{said.reference}:{said.account}"
    return Finding(
        identity=f"row:{kind}:{report_month}:{household_id}:{said.kind}:{who}:{said.month_from}",
        kind=kind,
        company=told.company,
        month=said.month_from,
        report_month=report_month,
        report_id=told.report_id,
        household_id=household_id,
        account_id=told.account_id,
        bill_id=said.bill_id,
        due_milli=figures.due_milli,
        reported_milli=figures.waived_milli,
        due_fen=figures.due_fen or 0,
        reported_fen=figures.waived_fen,
        stake_milli=stake_milli,
        stake_fen=stake_fen,
    )
