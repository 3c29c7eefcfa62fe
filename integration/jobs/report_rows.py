"""The rows of an arriving report: kept as they are, and judged at once where nothing else bears on them.

Most bills stand alone: one bill, the month's one allowance, nothing before. They are judged as they are read, by the
rules that judge all others; a household with anything more is judged anew as a whole once the report is in. Of bills
that stand alone, agree, and differ in names and numbers only, the first is judged and the others are as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any, Final

from adapters.base import ReadReportRow
from integration.domain.bill_checks import accumulated_wrong, month_before, of_month, runs_backwards
from integration.domain.bills import Bills, judge
from integration.domain.draws import Allowances, Listing, covered, own_months
from integration.domain.findings import Finding, row_findings
from integration.domain.judgement import Figures, Judged, Numbered, Told, Verdict
from integration.domain.policy import TierRule
from integration.jobs.bill_judge import BillJudge, lines_of
from integration.jobs.outcomes import Outcomes
from integration.storage import draws, reports
from integration.storage.draws import Before, Posted
from integration.storage.pii import data_key
from integration.storage.reports import Owner, Report
from schemas.faults import Outcome, refuse
from schemas.reports import BillKind, ReportRow
from schemas.values import Month

#: Kinds of rows that may be judged alone.
_ALONE: Final = frozenset({BillKind.BILL, BillKind.SUPPLEMENTARY, BillKind.TOP_UP, BillKind.NONE})
#: Beyond so many rows, a report most of whose references are unknown is another's.
_FEW: Final = 20
_NOBODY: Final = Owner(0, 0, 0, "")
#: What names a row and its place, and decides nothing; readings and the year's quantity are looked at by themselves.
_NAMES: Final = frozenset(
    ("list_number", "reference", "account", "bill_id", "reading_from_milli", "reading_to_milli", "annual_before_milli",
     "answer_text")
)  # fmt: skip
_judged_by: Final = attrgetter(*[name for name in ReportRow.__struct_fields__ if name not in _NAMES])
#: So many judgements are remembered: meters that read in litres make every bill another.
_MOST_ALIKE: Final = 20_000
_Line = tuple[Any, ...]


class ReportRows:
    """One report's rows on their way in. ``report`` has the numbers it begins with; totals are counted here."""

    def __init__(self, judge: BillJudge, report: Report) -> None:
        self._judge = judge
        self._report = report
        self._connection = judge.connection
        self._key = data_key(judge.hub.ring.submissions)
        self._strangers: list[Told] = []
        self.together: set[int] = set()
        self.findings: list[Finding] = []
        self._months: dict[tuple[bool, int, int], list[int]] = {}
        self._alike: dict[_Line | None, list[tuple[int, _Line]]] = {}
        self.outcomes = Outcomes()
        self.digest = reports.RowsDigest()
        self.waived_milli = self.waived_fen = 0

    @property
    def first_month(self) -> int:
        """The first month that its bills cover."""
        return min((months[0] for months in self._months.values()), default=999912)

    @property
    def last_month(self) -> int:
        """The last month that its bills cover."""
        return max((months[-1] for months in self._months.values()), default=0)

    def apply(self, batch: Sequence[ReadReportRow]) -> None:
        """Keep a batch, and judge what can be judged alone."""
        for read in batch:
            outcome = Outcome.APPLIED if read.report_row is not None else Outcome.REJECTED
            self.outcomes.add(read.row, outcome, read.fault)
        told = self._told([(read.row, read.report_row) for read in batch if read.report_row is not None])
        self._keep(told)
        if self._report.stands:
            self._strangers += [one for household, one in told if not household]
            self._judge_batch([(household, one) for household, one in told if household])

    # --- whose they are

    def _told(self, rows: Sequence[tuple[int, ReportRow]]) -> list[tuple[int, Told]]:
        """Return the rows with their households: whose each is, how its account number fits, what it follows."""
        report_id, company, edition = self._report.report_id, self._report.company, self._report.edition
        references = {said.reference for _, said in rows if said.reference}
        known = reports.owners(self._connection, company, sorted(references))
        numbers = self._numbers([said for _, said in rows if _is_odd(said, known.get(said.reference, _NOBODY))])
        told = []
        for number, said in rows:
            owner = known.get(said.reference, _NOBODY)
            fits = _fit(owner, numbers.get(said.account, ())) if _is_odd(said, owner) else Numbered.FITS
            follows, listed = self._judge.horizon(company, said)
            one = Told(report_id, number, company, owner.account_id, follows, said, edition, fits, listed)
            told.append((owner.household_id, one))
        return told

    def _numbers(self, odd: Sequence[ReportRow]) -> dict[str, list[int]]:
        """Return which accounts ever bore the numbers of these rows."""
        if not odd:
            return {}
        return reports.numbered(self._connection, self._report.company, sorted({one.account for one in odd}))

    # --- keeping

    def _keep(self, told: Sequence[tuple[int, Told]]) -> None:
        rows: list[reports.Row] = []
        texts = []
        for household, one in told:
            said = one.said
            fen = sum([part.waived_fen for part in said.components])
            self.waived_milli += said.waived_milli
            self.waived_fen += fen
            self._covered(said)
            about = (str(one.numbered), said.bill_id, str(said.kind), str(said.answer), said.waived_milli, fen)
            rows.append((one.report_id, one.row, household, one.account_id, *about, reports.packed(said)))
            if said.answer_text:
                sealed = self._key.seal(text_place(one.report_id, one.row), said.answer_text.encode())
                texts.append((one.report_id, one.row, household, self._report.submission_id, sealed))
        self.digest.add_rows(rows)
        reports.add_rows(self._connection, rows)
        reports.texts_add(self._connection, texts)

    # --- judging

    def _judge_batch(self, told: Sequence[tuple[int, Told]]) -> None:
        ids = sorted({household for household, _ in told})
        every = sorted({month for _, one in told for month in self._covered(one.said)})
        beside = {month for _, one in told for month in _beside(one.said)}
        before = draws.lines_of(self._connection, self._judge.service, {*every, *beside}, ids)
        years = self._year_before(told)
        posted = draws.posted_of(self._connection, self._judge.service, every, ids)
        often = Counter([household for household, _ in told])
        lines: list[_Line] = []
        for household, one in told:
            mine, rows = before.get(household, ()), posted.get(household, ())
            alone = often[household] == 1 and household not in self.together and _stands_alone(one.said, mine)
            alone = alone and self._year_follows(one.said, years.get(household, ()))
            if alone and not any(_came_later(row, one) for row in rows):
                lines += self._alone(household, one, rows, mine)
            else:
                lines += self._wait(household, one)
        lines.sort()
        draws.add(self._connection, lines)

    def _year_before(self, told: Sequence[tuple[int, Told]]) -> dict[int, list[ReportRow]]:
        """Return, by household, what was billed in the months before bills that state the year's quantity."""
        wanted = {household: month for household, one in told if (month := month_before(one.said)) is not None}
        if not wanted:
            return {}
        months = sorted(set(wanted.values()))
        places = draws.places_of(self._connection, self._judge.service, months, sorted(wanted))
        mine = {one.report_id for one in self._judge.reports.values() if one.company == self._report.company}
        found: dict[int, list[ReportRow]] = {}
        for kept in reports.rows_at(self._connection, places):
            if kept.report_id in {*mine, self._report.report_id}:
                found.setdefault(kept.household_id, []).append(kept.said)
        return {household: of_month(rows, wanted[household]) for household, rows in found.items()}

    def _year_follows(self, said: ReportRow, before: Sequence[ReportRow]) -> bool:
        """Whether the year's quantity follows from the month before; where it does not, all bills are looked at."""
        if not before or month_before(said) is None:
            return True
        return len(before) == 1 and accumulated_wrong(said, before[0], self._judge.policy(said.month_to)) is None

    def _covered(self, said: ReportRow) -> list[int]:
        """Return the months that a bill covers; few bills of a report cover others than the rest."""
        key = (said.kind is BillKind.TOP_UP, said.month_from, said.month_to)
        found = self._months.get(key)
        if found is None:
            found = self._months[key] = covered(said, self._judge.policy(said.month_to))
        return found

    def _wait(self, household: int, told: Told) -> Iterable[_Line]:
        """Leave a row until its household is judged as a whole."""
        self.together.add(household)
        return lines_of(self._judge.service, household, _waiting(told))

    def _alone(self, household: int, told: Told, posted: Sequence[Posted], before: Sequence[Before]) -> Iterable[_Line]:
        """Judge a row by itself, or as one that is like it; if it had nothing to draw, others must be looked at."""
        own = self._covered(told.said)
        before = [line for line in before if line.month in own]
        key = None if before else self._likeness(told, posted)
        found = self._alike.get(key)
        if found is not None:
            service, place = self._judge.service.value, (told.report_id, told.row, told.company, told.account_id)
            return [(service, month, household, *place, told.said.issued_on, *rest) for month, rest in found]
        judged = self._judged(told, posted, before)
        if judged.verdict is Verdict.UNLISTED:
            return self._wait(household, told)
        findings = list(row_findings(judged, household, int(self._report.month)))
        lines = list(lines_of(self._judge.service, household, judged))
        if key is not None and not findings and len(self._alike) < _MOST_ALIKE:
            self._alike[key] = [(line[1], line[8:]) for line in lines]
        self.findings += findings
        return lines

    def _likeness(self, told: Told, posted: Sequence[Posted]) -> _Line:
        """Return all that decides how a row with nothing before it is judged: rows alike in it are judged alike."""
        said = told.said
        tier_rule = self._judge.policy(said.month_to).tier_rule
        annual = None if tier_rule is TierRule.FIRST_TIER else said.annual_before_milli
        own = [(one.month, one.quantity_milli, one.run_id) for one in posted if one.account_id == told.account_id]
        return (_judged_by(said), annual, runs_backwards(said), told.known, told.numbered, told.listed, *own)

    def _judged(self, told: Told, posted: Sequence[Posted], before: Sequence[Before]) -> Judged:
        mine = self._covered(told.said)
        listings = [Listing(*one[1:5]) for one in posted if one.month in mine]
        drawn: dict[tuple[int, int], int] = {}
        for line in before:
            place = line.month, line.account_id
            drawn[place] = drawn.get(place, 0) + line.due_milli
        return Bills(self._judge.amounts, Allowances(listings, drawn)).add(told)

    def finish(self) -> None:
        """Judge the rows of nobody the hub knows.

        Raises:
            FileRefused: most rows are of nobody: the file is another company's, or its references are mixed up.
        """
        rows = self.outcomes.counts[Outcome.APPLIED]
        if rows > _FEW and len(self._strangers) * 2 > rows:
            raise refuse(
                "REFERENCES_UNKNOWN",
                f"{rows}行中有{len(self._strangers)}行的参考号不是本公司名单所给，请核对是否发错文件"
                f" / {len(self._strangers)} of {rows} rows have a reference that no list of this company gave;"
                " is this the right file?",
            )
        latest = {code: self._judge.latest(code) for code in self._judge.companies}
        judged = judge(self._judge.amounts, self._strangers, (), latest)
        for one in judged:
            self.findings += row_findings(one, 0, int(self._report.month))
        draws.add(self._connection, sorted(line for one in judged for line in lines_of(self._judge.service, 0, one)))


def text_place(report_id: int, row: int) -> tuple[str | int, ...]:
    """Return what a company's own words are sealed to."""
    return ("report_texts", report_id, row)


def _is_odd(said: ReportRow, owner: Owner) -> bool:
    return owner.account_id != 0 and (said.account != owner.number or said.issued_on > owner.valid_to)


def _fit(owner: Owner, accounts: Sequence[int]) -> Numbered:
    """Say how a number fits an account: it may be an older number of it; a newer bearer makes it reused."""
    if owner.account_id not in accounts:
        return Numbered.OTHER
    return Numbered.FITS if accounts[-1] == owner.account_id else Numbered.REUSED


def _beside(said: ReportRow) -> list[int]:
    """Return the months before and after a bill that states the year's quantity: what stands there may bear on it."""
    if said.annual_before_milli is None or said.kind is not BillKind.BILL:
        return []
    return [int(Month.from_int(said.month_from).plus(-1)), int(Month.from_int(said.month_to).plus(1))]


def _came_later(posted: Posted, told: Told) -> bool:
    """Whether a posting corrects an earlier one, or the list that a row followed did not tell it."""
    return bool(posted.retro) or posted.run_id > told.known.run_id or posted.month > told.known.month


def _stands_alone(said: ReportRow, before: Iterable[Before]) -> bool:
    """Whether a row follows all that stand already, and shares its own months with none of them."""
    if said.kind not in _ALONE or said.refers_to:
        return False
    if not before:
        return True
    own, bill = own_months(said.month_from, said.month_to), said.kind is not BillKind.NONE
    for line in before:
        if line.issued_on >= said.issued_on or (line.month in own and (line.bill or not bill)):
            return False
    return True


def _waiting(told: Told) -> Judged:
    """Return what stands for a row until its household is judged as a whole."""
    said = told.said
    return Judged(told, Figures(0, said.waived_milli, 0, 0, said.waived_fen), Verdict.OPEN)
