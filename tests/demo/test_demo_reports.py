"""The demo's second half: what the companies bill, what they get wrong, and their files as the contracts have them."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date
from pathlib import Path

import pytest

from adapters.companies import Company
from adapters.registry import companies_in
from integration.demo import build_city, prices, write_story
from integration.demo.city import CITY_GAS, CITY_WATER, SUBURB_WATER, Account, City
from integration.demo.replies import COMPANIES, Replies
from integration.demo.report_files import report_file
from integration.demo.rows import NOBODY, STRANGE, Line, Row
from integration.demo.steps import Step
from integration.demo.story import replies
from integration.demo.truth import ALLOWANCE_MILLI
from integration.demo.use import bill_of, months_billed
from integration.domain.findings import DETECTED
from schemas.findings import FindingKind
from schemas.reports import Answer, ReportRow
from schemas.values import Month, months_between

FIRST = Month(2026, 10)
OCTOBER, NOVEMBER, DECEMBER = (FIRST.plus(turn) for turn in range(3))
FILES = Path(__file__).parents[2] / "config" / "companies"


@pytest.fixture(scope="module")
def city() -> City:
    return build_city(7, 400, 1200, FIRST)


@pytest.fixture(scope="module")
def steps(city: City, tmp_path_factory: pytest.TempPathFactory) -> list[Step]:
    return write_story(city, tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def told(city: City) -> Replies:
    return replies(city)


@pytest.fixture(scope="module")
def companies() -> dict[str, Company]:
    return companies_in(FILES)


def lines_of(told: Replies, company: str, turn: int) -> list[Line]:
    """What stands at the end: the suburb replaces, the others add."""
    report = told.reports[company, turn]
    return report.mended if company == SUBURB_WATER else [*report.lines, *report.added]


def every_line(told: Replies) -> list[Line]:
    return [line for company in COMPANIES for turn in range(3) for line in lines_of(told, company, turn)]


# --- what is planted ------------------------------------------------------------------------------------------


#: What no company of the demonstration does: for the first three its files have no column.
NOT_PLAYED = {
    FindingKind.OVER_CHARGE,
    FindingKind.PENALTY_NOT_REDUCED,
    FindingKind.CREDIT_SWALLOWED,
    FindingKind.READING_BACKWARDS,
    FindingKind.ACCUMULATOR_WRONG,
}


@pytest.mark.parametrize("seed", range(3))
def test_every_kind_of_finding_is_planted_in_every_city(seed: int) -> None:
    wanted = replies(build_city(seed, 400, 1200, FIRST)).wanted
    assert {one.kind for one in wanted} == set(FindingKind) - DETECTED - NOT_PLAYED


def test_some_findings_are_mended_by_a_replacement_by_a_supplement_and_by_a_late_report(told: Replies) -> None:
    ends = Counter(one.until for one in told.wanted if one.until)
    assert set(ends) == {
        "report-suburb_water-2026-10-1.csv",
        "report-city_water-2026-11-2.txt",
        "report-suburb_water-2026-11-2.csv",
        "report-city_gas-2026-12-2.json",
    }


def test_each_household_suffers_from_one_mistake_of_a_company_at_most(told: Replies) -> None:
    about = defaultdict(set)
    for one in told.wanted:
        if one.key and one.kind is not FindingKind.MISSING:
            about[one.company, one.key].add(one.kind)
    assert {len(kinds) for kinds in about.values()} == {1}


def test_stakes_are_never_negative_and_only_silence_of_a_whole_month_has_no_household(told: Replies) -> None:
    assert all(one.milli >= 0 and one.fen >= 0 and one.milli + one.fen > 0 for one in told.wanted)
    nobodys = {one.kind for one in told.wanted if one.key is None}
    assert nobodys == {FindingKind.UNANSWERED, FindingKind.UNAUTHORISED}


# --- the calendar ---------------------------------------------------------------------------------------------


def test_reports_come_in_the_first_days_of_the_next_month_but_for_the_late_one(steps: list[Step]) -> None:
    arrivals = [step for step in steps if step.kind == "report" and step.reply and step.reply.edition == 1]
    late = [step for step in arrivals if step.day.day > 10]
    assert [(step.company, step.month) for step in late] == [(SUBURB_WATER, OCTOBER)]
    assert all(step.month is not None and Month.of(step.day) == step.month.plus(1) for step in arrivals)


def test_every_month_of_every_company_is_settled_once_and_adjusted_where_it_was_corrected(steps: list[Step]) -> None:
    states = Counter((step.company, step.month, step.expect.state) for step in steps if step.kind == "settle")
    settled = {key[:2] for key in states if key[2] == "settled"}
    assert settled == {(company, FIRST.plus(turn)) for company in COMPANIES for turn in range(3)}
    adjusted = {key[:2] for key in states if key[2] == "adjusted"}
    assert adjusted == {(CITY_WATER, NOVEMBER), (SUBURB_WATER, NOVEMBER), (CITY_GAS, DECEMBER)}


# --- bills ----------------------------------------------------------------------------------------------------


def test_nobody_draws_more_than_one_allowance_of_a_month_and_service_but_in_good_faith(told: Replies) -> None:
    drawn: Counter[tuple[object, bool, Month]] = Counter()
    for line in every_line(told):
        for month, litres in line.due.items():
            drawn[line.key, line.place[0] == CITY_GAS, month] += litres - line.good.get(month, 0)
    assert set(drawn.values()) <= set(range(ALLOWANCE_MILLI + 1))
    assert max(drawn.values()) == ALLOWANCE_MILLI


def test_a_bill_of_two_months_and_seven_cubic_metres_relieves_six(told: Replies) -> None:
    sevens = [
        line
        for line in lines_of(told, CITY_WATER, 1)
        if line.row.use == 7000 and len(line.due) == 2 and line.row.version == "2019A"
    ]
    assert sevens
    assert {(line.row.waived, line.due_fen) for line in sevens} == {(6000, 1320)}


def test_what_is_relieved_is_never_above_the_charge(told: Replies) -> None:
    bills = [line for line in every_line(told) if line.standing == "agreed" and line.row.kind in ("BILL", "TOP_UP")]
    assert all(0 <= line.due_fen <= line.row.before for line in bills)


def test_the_suburbs_price_changes_within_november(told: Replies) -> None:
    full = {
        turn: {line.due_fen for line in lines_of(told, SUBURB_WATER, turn) if line.due == {FIRST.plus(turn): 3000}}
        for turn in range(3)
    }
    assert all(fens >= {fen} for fens, fen in zip(full.values(), (555, 595, 615), strict=True))


def test_a_card_bought_once_a_quarter_draws_what_has_accrued(told: Replies) -> None:
    quarterly = [line for line in lines_of(told, CITY_GAS, 2) if set(line.due) == {OCTOBER, NOVEMBER, DECEMBER}]
    assert quarterly
    nine = prices.worth_on(CITY_GAS, date(2026, 12, 15), 9000)
    assert {line.due_fen for line in quarterly if line.row.waived == 9000} == {nine} == {2372}


@pytest.mark.parametrize("kind", ["BILL", "SUPPLEMENTARY", "TOP_UP", "RETRO", "REVERSAL", "ACTUAL", "REBILL", "NONE"])
def test_every_kind_of_bill_is_reported(told: Replies, kind: str) -> None:
    assert [line for line in every_line(told) if line.row.kind == kind]


def test_bills_are_estimated_flat_at_nought_and_of_old_numbers(told: Replies) -> None:
    rows = [line.row for line in every_line(told)]
    assert any(row.estimated for row in rows)
    answers = {row.answer for row in rows}
    assert answers >= {"APPLIED_FLAT", "ZERO_USAGE", "NO_BILL_DUE", "PREPAID_NO_PURCHASE", "CLOSED", "APPLIED_LT_CAP"}


def test_a_reversal_takes_back_to_the_fen_what_was_reported(told: Replies) -> None:
    by_id = {line.row.bill_id: line.row for line in every_line(told)}
    undone = [line.row for line in every_line(told) if line.row.kind == "REVERSAL" and line.row.refers_to in by_id]
    assert undone
    assert all((-row.waived, -row.relief) == _sums(by_id[row.refers_to]) for row in undone)


def _sums(row: Row) -> tuple[int, int]:
    return row.waived, row.relief


def test_every_listed_allowance_of_a_month_that_is_over_is_answered(told: Replies) -> None:
    """Whatever the first list told, something stands on it in three months, but for what is planted as missing."""
    silent = {(one.company, one.key) for one in told.wanted if one.kind is FindingKind.MISSING and not one.until}
    for company in COMPANIES:
        answered = {
            (line.place, month)
            for turn in range(3)
            for line in lines_of(told, company, turn)
            for month in (*months_between(line.row.first, line.row.last), *line.due)
        }
        for place, months in told.rolls[company][0].items():
            if OCTOBER in months and (place, OCTOBER) not in answered:
                assert (company, months[OCTOBER]) in silent


ACCOUNT = Account("city_water", "1", "", "", None, "", date(2020, 1, 1), cycle="bimonthly_even")


def test_months_of_bills_follow_the_cycle_the_opening_and_the_closing() -> None:
    assert months_billed(ACCOUNT, OCTOBER) == (Month(2026, 9), OCTOBER)
    assert months_billed(ACCOUNT, NOVEMBER) == ()
    assert bill_of(ACCOUNT, NOVEMBER) == (DECEMBER, (NOVEMBER, DECEMBER))
    closing = Account("city_water", "1", "", "", None, "", date(2020, 1, 1), True, "closed", date(2026, 11, 5))
    assert months_billed(closing, NOVEMBER) == (NOVEMBER,)
    assert months_billed(closing, DECEMBER) == ()


@pytest.mark.parametrize(
    ("fen", "expected"),
    [
        (prices.worth(CITY_WATER, {OCTOBER: 3000}), 660),
        (prices.worth(SUBURB_WATER, {NOVEMBER: 3000}), 595),  # ten days at 1.85, twenty at 2.05
        (prices.worth_on(CITY_GAS, date(2026, 11, 1), 3000), 791),  # 7.905
        (prices.charge(CITY_WATER, 35_000, (OCTOBER, NOVEMBER)), 30 * 220 + 5 * 310),
        (prices.charge_of_year(CITY_GAS, date(2026, 10, 9), 350_000, 20_000), 10 * 263 + 10 * 289),
    ],
)
def test_worked_prices(fen: int, expected: int) -> None:
    assert fen == expected


# --- files ----------------------------------------------------------------------------------------------------


def is_as_written(row: Row, read: ReportRow) -> bool:
    """Whether the hub has read what the company wrote, as far as its form has room for it."""
    basic = read.components[0] if row.kind != "NONE" else None
    answer = Answer.UNKNOWN if row.answer == STRANGE else Answer(row.answer)
    same = (
        (read.account, read.bill_id, read.kind, read.refers_to) == (row.number, row.bill_id, row.kind, row.refers_to)
        and (read.issued_on, read.answer) == (int(row.issued_on.strftime("%Y%m%d")), answer)
        and (read.month_from, read.month_to) == (int(row.first), int(row.last))
        and (read.billable_milli, read.waived_milli, read.balance_fen) == (row.use, row.waived, row.balance)
        and read.reference == (row.stranger if row.about == NOBODY else f"REF{row.about[1]}")
    )
    said = basic and (basic.price_version, basic.charge_before_fen, basic.waived_fen, basic.charge_after_fen)
    return same and (said is None or said == (row.version, row.before, row.relief, row.after))


def test_the_hub_reads_every_report_as_it_was_meant(
    steps: list[Step], told: Replies, companies: dict[str, Company]
) -> None:
    reports = [step.reply for step in steps if step.reply and step.expect.state == "applied"]
    assert len(reports) == 12
    for report in reports:
        references = {line.place: f"REF{line.place[1]}" for line in report.lines}
        reader = companies[report.company].report_reader()
        assert reader is not None
        head, rows = reader.read([report_file(report, references)])
        found = [read.report_row for read in rows]
        assert (head.month, head.kind, head.edition) == (int(report.month), report.kind, report.edition)
        assert len(found) == len(report.lines)
        for line, read in zip(report.lines, found, strict=True):
            assert read is not None
            assert is_as_written(line.row, read), (line.row, read)


def test_another_start_tells_the_same_story(tmp_path: Path) -> None:
    """The year's turn and another tariff lie within it."""
    city = build_city(3, 400, 1200, Month(2027, 1))
    assert len([step for step in write_story(city, tmp_path) if step.kind == "report"]) == 14
    assert {one.kind for one in replies(city).wanted} == set(FindingKind) - DETECTED - NOT_PLAYED
