"""Taking companies' scorecards 评分: counted from what is known on a day, scored by policy, kept for ever.

A scorecard is taken once, on the policy's day; taken anew it never changes, but gets a next one if anything differs.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

import msgspec
from sqlalchemy import Connection

from integration.clock import now_us, today
from integration.domain.balance import Standing, standing
from integration.domain.findings import REFUSALS
from integration.domain.policy import Grades, MonthPolicy, Weights
from integration.domain.scorecard import Counts, Deed, Scored, ages, corrections, score
from integration.jobs.bill_judge import BillJudge
from integration.jobs.compute_month import learn_policy
from integration.jobs.hub import Hub, monthly_service
from integration.jobs.variances import VarianceLine, variance_lines
from integration.storage import audit, detectors, draws, lists, receipts, regions, scorecards
from integration.storage.draws import Look
from integration.storage.engine import current_version, take_lock
from integration.storage.overview import at_text, local_day
from integration.storage.scorecards import Kept
from schemas.findings import FindingKind, Measure
from schemas.lists import ListKind
from schemas.values import Month, day_int

_FLAGS: Final = (FindingKind.ORPHAN_FLAG, FindingKind.FLAG_LOST, FindingKind.FLAG_EXPIRED)
_COMPANYS: Final = (Measure.APPLIED.value, Measure.APPLIED_FEN.value)


class ScorecardRefused(Exception):  # noqa: N818 - it names what happened
    """The scorecard cannot be taken; the text says why."""


class Content(msgspec.Struct, frozen=True):
    """What is kept of a scorecard: counts, weights and grades give the score again."""

    counts: Counts
    weights: dict[str, int]
    grades: dict[str, int]
    scored: Scored

    def again(self) -> Scored:
        """Work the score out again from what is kept."""
        return score(self.counts, Weights(**self.weights), Grades(**self.grades))


class Card(msgspec.Struct, frozen=True):
    """A scorecard as it was taken; ``n`` is 0 for the first of its month."""

    company: str
    month: str
    n: int
    taken_at: str
    version: int
    policy_sha256: str
    content: Content


def cards(connection: Connection, company: str | None = None, month: Month | None = None) -> list[Card]:
    """Return the scorecards (of a company, of a month) with all their versions, in order."""
    return [_card(one) for one in scorecards.kept(connection, company, month)]


def _card(one: Kept) -> Card:
    content = msgspec.json.decode(one.content, type=Content)
    about = (one.company, str(Month.from_int(one.month)), one.n, at_text(one.at_us), one.version, one.policy_sha256)
    return Card(*about, content)


def take_due(hub: Hub, *, actor: str) -> list[Card]:
    """Take the scorecards whose day has come and that were not taken yet."""
    return [
        card
        for code in hub.companies
        for month in _untaken(hub, code)
        for card in (take(hub, code, month, actor=actor),)
        if card is not None
    ]


def _untaken(hub: Hub, company: str) -> list[Month]:
    with hub.store.read() as connection:
        taken = {one.month for one in scorecards.kept(connection, company)}
        listed = [one.month for one in lists.published(connection, company) if one.kind == ListKind.REGULAR]
    now = today(hub.clock)
    return [month for month in listed if int(month) not in taken and now >= taken_on(month, hub.policy.at(month))]


def taken_on(month: Month, policy: MonthPolicy) -> date:
    """Return the day on which a month's scorecard is taken."""
    return month.plus(1).first.replace(day=policy.scorecard_day)


def take(hub: Hub, company: str, month: Month, *, actor: str) -> Card | None:
    """Take a company's scorecard of a month; None if it came out as the last one did.

    Raises:
        ScorecardRefused: it has no monthly service, the month was not listed, or its day has not come.
    """
    with hub.store.write() as connection:
        take_lock(connection, "knowledge")
        learn_policy(hub, connection)
        policy = hub.policy.at(month)
        counts = _Counting(hub, connection, company, month).counts()
        weights, grades = policy.scorecard_weights, policy.scorecard_grades
        content = Content(counts, weights.model_dump(), grades.model_dump(), score(counts, weights, grades))
        before = scorecards.kept(connection, company, month)
        encoded = msgspec.json.encode(content, order="deterministic").decode()
        if before and before[-1].content == encoded:
            return None
        about = (len(before), now_us(hub.clock), current_version(connection), hub.policy.sha256, actor)
        made = Kept(company, int(month), *about, encoded)
        scorecards.keep(connection, made)
        detail = {"company": company, "month": str(month), "n": made.n, "grade": content.scored.grade}
        audit.record(connection, hub.clock, actor, "scorecard_taken", f"{company}:{month}:{made.n}", detail)
        return _card(made)


class _Counting:
    """What a scorecard is made of, as known in one transaction."""

    def __init__(self, hub: Hub, connection: Connection, company: str, month: Month) -> None:
        service = monthly_service(hub.companies[company])
        if service is None:
            raise ScorecardRefused(f"{company} 无按月减免项目 / {company} has no monthly service")
        self._hub = hub
        self._connection = connection
        self._company = company
        self._month = month
        self._today = today(hub.clock)
        self._policy = hub.policy.at(month)
        self._judge = BillJudge(hub, connection, service)
        regular = (one for one in lists.published(connection, company) if one.kind == ListKind.REGULAR)
        listed = next((one for one in regular if one.month == month), None)
        if listed is None or self._today < taken_on(month, self._policy):
            raise ScorecardRefused(
                f"{company} {month} 尚不能评分 / {company} cannot be scored for {month}: it must have a list,"
                f" and the day be {taken_on(month, self._policy)}"
            )
        self._list = listed
        mine = [one for one in self._judge.reports.values() if one.company == company and one.month == month]
        self._reports = [one.report_id for one in mine if one.stands]

    def counts(self) -> Counts:
        """Count everything."""
        listed, answered = self._answered()
        rows, agreed = scorecards.rows_agreed(self._connection, self._reports)
        over_fen, short_fen = self._parted()
        told = [one for one in self._variances() if one.month == str(self._month) and one.measure in _COMPANYS]
        lives = scorecards.lives(self._connection, self._company, *scorecards.of_month(self._month))
        still = scorecards.lives(self._connection, self._company, scorecards.is_open())
        flags = [kind.value for kind in _FLAGS]
        counts = Counts(
            listed=listed,
            answered=answered,
            rows=rows,
            agreed=agreed,
            over_fen=over_fen,
            short_fen=short_fen,
            corrected=corrections(lives, self._policy.correction_days, self._today),
            open=ages((one.opened_on for one in still), self._today),
            flags_kept=listed if detectors.keeps_flags(self._connection, self._company) else None,
            flags_wrong=scorecards.open_flags(self._connection, self._company, flags),
            refusals=scorecards.answers(self._connection, self._reports, [one.value for one in REFUSALS]),
            variances=len(told),
            explained=sum(one.state == "accepted" for one in told),
        )
        return msgspec.structs.replace(counts, **self._deeds())

    def _deeds(self) -> dict[str, Deed | None]:
        number = self._list.number
        collect_by = day_int(local_day(self._list.published_us) + timedelta(days=self._policy.collect_days))
        due_by = int(self._month.plus(1)) * 100 + self._policy.report_due_day
        receipt = receipts.find_receipt(self._connection, self._company, number)
        reached = scorecards.reached_us(self._connection, self._company, number)
        reported = scorecards.reported_us(self._connection, self._company, self._month)
        sent = reached is not None and number not in receipts.first_collected(self._connection, self._company)
        acknowledged = Deed(collect_by, _day(receipt and receipt.at_us))
        return {
            "collected": Deed(collect_by, _day(reached)),
            "acknowledged": None if sent and receipt is None else acknowledged,
            "reported": Deed(due_by, _day(reported)),
        }

    def _answered(self) -> tuple[int, int]:
        """Return how many allowances of the month had to be answered by now, and how many were."""
        judge, company = self._judge, self._company
        look = Look(company, judge.service, int(self._month), judge.latest(company))
        reported = judge.reported(company)
        counted = draws.counted(self._connection, look, judge.listed_months(company))
        found: dict[Standing, int] = {}
        for alike, sums in counted.items():
            billed = alike.has_bill or sums.drawn_milli == sums.listed_milli
            where = Standing.LAPSED if billed else standing(alike, reported)
            found[where] = found.get(where, 0) + sums.number
        due = sum(number for where, number in found.items() if where is not Standing.AWAITING)
        return due, due - found.get(Standing.UNANSWERED, 0)

    def _parted(self) -> tuple[int, int]:
        look = Look(self._company, self._judge.service, int(self._month), self._judge.latest(self._company))
        found = regions.applied(self._connection, look).values()
        return sum(one.over_fen + one.unlisted_fen for one in found), sum(one.short_fen for one in found)

    def _variances(self) -> list[VarianceLine]:
        return variance_lines(self._hub, self._connection, self._company)


def _day(us: int | None) -> int:
    return 0 if us is None else day_int(local_day(us))
