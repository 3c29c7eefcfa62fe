"""Every verdict, place, answer and finding has its why and its what to do, in both languages; and a whole life."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from reporting import answer, bill, place_of, report, send
from test_explain import NOVEMBER, of, town
from world import account, delta, household, household_id, publish, roster, run, snapshot, take

from integration.domain.households import ABSENT, MERGED, Verdict
from integration.domain.matching import Evidence
from integration.domain.progress import Outcome, Stage
from integration.domain.waiting import Waiting
from integration.jobs import case_texts
from integration.jobs.ask_certificate import Answer as Good
from integration.jobs.ask_certificate import ask_certificate
from integration.jobs.explain import explain
from integration.jobs.explain_advice import NOTHING, OUTCOMES, STAGES, VERDICTS, WAITINGS, Advice
from integration.jobs.explain_answers import ANSWERS, FINDINGS
from integration.jobs.explain_texts import lines
from integration.jobs.explain_words import CATEGORIES, EVIDENCES, OTHERS, RIGHTS, SERVICES, STATUSES
from integration.jobs.explanation import Bill, Explanation, Fate, OpenCase, OpenFinding, ServiceExplanation
from integration.jobs.hub import Hub
from integration.jobs.open_cases import open_cases
from integration.jobs.reconcile import reconcile
from integration.jobs.then_and_now import ASPECTS, Aspect, compare, only
from schemas.cases import CaseEvent, CaseKind, CaseState
from schemas.findings import Acts, FindingKind
from schemas.registry import Certificate, CertificateKind
from schemas.reports import Answer
from schemas.values import MONTHLY, Category, Month, Service, Status

#: For what is the same on both databases.
ON_ONE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
HAN = re.compile("[一-鿿]")
CODE = re.compile("[a-z]+_[a-z]+|[A-Z]{3,}")

#: Tables of words, and everything that each must have a word for.
TABLES = [
    (VERDICTS, Verdict), (WAITINGS, Waiting), (STAGES, Stage), (ANSWERS, Answer), (FINDINGS, FindingKind),
    (OUTCOMES, Outcome), (SERVICES, Service), (CATEGORIES, Category), (STATUSES, [*Status, ABSENT, MERGED]),
    (EVIDENCES, Evidence), (OTHERS, set(Service) - set(MONTHLY)), (ASPECTS, Aspect),
    (RIGHTS, {Outcome.ENTITLED, Outcome.NOT_ENTITLED}), (case_texts.KINDS, CaseKind),
    (case_texts.STATES, CaseState), (case_texts.EVENTS, CaseEvent),
]  # fmt: skip


def pairs(words: object) -> Iterator[tuple[str, str]]:
    yield from words if isinstance(words, Advice) else [words]  # type: ignore[misc]


def faults(table, members) -> list[object]:
    """Members without words, words without a member; codes, long sentences, one language in the other's place."""
    texts = [pair for words in table.values() for pair in pairs(words)]
    chinese, english = [pair[0] for pair in texts], [pair[1] for pair in texts]
    wrong = [one for one in chinese if not HAN.search(one) or CODE.search(one) or len(one) > 60]
    wrong += [one for one in english if not one.isascii() or CODE.search(one) or not 1 < len(one) <= 130]
    return [*(set(table) ^ set(members)), *wrong]


@pytest.mark.parametrize(("table", "members"), TABLES, ids=lambda one: getattr(one, "__name__", ""))
def test_everything_has_its_words_in_both_languages_and_they_are_plain(table, members) -> None:
    assert faults(table, members) == []


def test_a_member_without_words_a_code_and_a_missing_translation_are_found() -> None:
    """The control of the test before."""
    assert faults({one: words for one, words in VERDICTS.items() if one is not Verdict.MERGED}, Verdict)
    advice = VERDICTS[Verdict.MERGED]
    for why in (("已并入", "已并入"), ("merged", "merged"), ("见 GOOD_FAITH", "see above"), ("长" * 61, "long")):
        assert faults(VERDICTS | {Verdict.MERGED: advice._replace(why=why)}, Verdict)


def test_who_gets_nothing_or_waits_for_people_is_told_what_to_do() -> None:
    """Whatever a household can mend has an advice of its own."""
    mends_itself = {Verdict.ENTITLED, Waiting.NEXT_RUN}
    assert {one for one in (*VERDICTS, *WAITINGS) if (VERDICTS | WAITINGS)[one].todo == NOTHING} == mends_itself
    refused = (Answer.NOT_CONNECTED, Answer.NOT_FOUND, Answer.NOT_OUR_CUSTOMER, Answer.CLOSED, Answer.NON_DOMESTIC)
    assert all(ANSWERS[one].todo != NOTHING for one in (*refused, Answer.DUP_ACCOUNT, Answer.OPT_OUT, Answer.HELD))


def rendered(hub: Hub, whole: Explanation, one: ServiceExplanation, language: str) -> str:
    import msgspec

    return "\n".join(lines(msgspec.structs.replace(whole, services=[one]), hub.companies, language))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_member_is_said_in_its_own_words_when_it_comes_up(sqlite_hub: Hub, language: str) -> None:
    """The sentences reach the tables: each verdict, stage, place, answer and finding shows its why and what to do."""
    import msgspec

    town(sqlite_hub)
    whole, water = of(sqlite_hub, "A1")
    index = ("zh", "en").index(language)

    def shown(advice: Advice, **changes: object) -> None:
        fate = Fate(**{"outcome": Outcome.ENTITLED, "stage": Stage.BILLED, "report_due": 20261210} | changes)
        verdict = changes.pop("verdict", "entitled")
        text = rendered(sqlite_hub, whole, msgspec.structs.replace(water, verdict=verdict, fate=fate), language)
        assert advice.why[index] in text
        assert advice.todo == NOTHING or advice.todo[index] in text

    for verdict in Verdict:
        one = msgspec.structs.replace(water, verdict=verdict, fate=Fate(Outcome.ENTITLED, Stage.NO_RIGHT))
        assert VERDICTS[verdict].why[index] in rendered(sqlite_hub, whole, one, language)
    for stage in set(Stage) - {Stage.NO_RIGHT}:
        shown(STAGES[stage], stage=stage)
    for waiting in Waiting:
        shown(WAITINGS[waiting], stage=Stage.NO_PLACE, waiting=waiting)
    for answered in Answer:
        shown(ANSWERS[answered], answer=answered)
        sheet = Bill("city_water", "B1", 20261105, "BILL", answered, 3000, 660, 3000, 660)
        shown(Advice(ANSWERS[answered].why, NOTHING), bills=[sheet])
    for kind in FindingKind:
        shown(FINDINGS[kind], findings=[OpenFinding(1, kind, Acts.OFFICE, 0, 0)])
    for case in CaseKind:
        words = case_texts.KINDS[case]
        shown(Advice(words, NOTHING), cases=[OpenCase(1, case, CaseState.OPEN, 20261103)])


# --- the life of an allowance --------------------------------------------------------------------------------------


def water_of(hub: Hub, number: str = "A1", month: Month = NOVEMBER, language: str = "zh"):
    explanation = explain(hub, household_id(hub, number), month, language=language)
    return explanation.services[0].fate, "\n".join(only(explanation, Service.WATER).lines)


def test_an_allowance_is_followed_to_its_bill(hub: Hub, clock) -> None:
    """Not computed, listed, silent (a case), refused with a code, left out, billed: at each step what it is and why."""
    take(hub, snapshot([household("A1", 1, accounts={"city_water": "W1"}), household("B2", 2)]))
    roster(hub, "city_water", [account("W1", 1), account("W2", 2)])
    run(hub, "2026-11")
    assert water_of(hub)[0].stage == Stage.NOT_LISTED
    assert water_of(hub, month=Month(2026, 12))[0].stage == Stage.NOT_COMPUTED
    publish(hub, "2026-11")
    waits, text = water_of(hub)
    assert (waits.stage, waits.outcome, waits.report_due) == (Stage.AWAITING, Outcome.ENTITLED, 20261210)
    assert "2026-12-10" in text
    clock.set("2026-12-11T10:00:00+08:00")
    reconcile(hub, actor="tester")
    open_cases(hub, actor="tester")
    silent, text = water_of(hub)
    assert (silent.stage, silent.outcome) == (Stage.SILENT, Outcome.UNDETERMINED)
    assert [one.kind for one in silent.findings] == ["unanswered"]
    assert [one.kind for one in silent.cases] == ["undetermined"]
    assert "不是拒绝" in text
    mine, other = (place_of(hub, "city_water", one) for one in ("A1", "B2"))
    send(hub, report("2026-11", [answer(mine, "2026-11", "NOT_FOUND")]))
    refused, text = water_of(hub)
    assert (refused.stage, refused.answer) == (Stage.REFUSED, Answer.NOT_FOUND)
    assert "查无此户号" in text
    left_out, _ = water_of(hub, "B2")
    assert (left_out.stage, [one.kind for one in left_out.findings]) == (Stage.LEFT_OUT, ["missing"])
    rows = [bill("B1", mine, "2026-11", 2000), bill("B2", other, "2026-11", 5000, waived=1000)]
    send(hub, report("2026-11", rows, kind="replace", edition=2))
    billed, text = water_of(hub)
    assert (billed.stage, billed.outcome, billed.findings) == (Stage.BILLED, Outcome.ENTITLED, [])
    assert [(one.due_milli, one.due_fen, one.waived_fen) for one in billed.bills] == [(2000, 440, 440)]
    assert "B1" in text
    assert [one.kind for one in water_of(hub, "B2")[0].findings] == ["under_quantity"]


@ON_ONE
def test_what_is_owed_for_earlier_bills_names_the_bill_that_it_comes_on(hub: Hub, clock) -> None:
    """The certificate is found to reach back to November: its bill is there, the credit comes on December's."""
    take(hub, snapshot([household("A1", 1, valid_from=20261201, accounts={"city_water": "W1"}), household("B2", 2)]))
    roster(hub, "city_water", [account("W1", 1), account("W2", 2)])
    run(hub, "2026-11")
    publish(hub, "2026-11")
    clock.set("2026-11-20T21:00:00+08:00")
    take(hub, delta([household("A1", 1, valid_from=20261101, version=50, accounts={"city_water": "W1"})], position=60))
    run(hub, "2026-12")
    publish(hub, "2026-12")
    clock.set("2026-12-03T10:00:00+08:00")
    place = place_of(hub, "city_water", "A1")
    told = bill("B1", place, "2026-11", 5000, waived=0, fen=0, answer="APPLIED")
    send(hub, report("2026-11", [told, bill("B2", place_of(hub, "city_water", "B2"), "2026-11", 5000)]))
    owed, text = water_of(hub)
    assert owed.owed_milli == 3000
    assert "2026-12 的账单上" in text


def test_heating_and_power_are_answered_by_category_and_name_who_decides(sqlite_hub: Hub) -> None:
    """No amount is invented: the company, or the project, decides; and who has no right is told what they have."""
    rows = [household("A1", 1), household("H2", 2, category="hardship_worker")]
    take(sqlite_hub, snapshot(rows))
    for number, heating, power, benefits in (
        ("A1", "entitled", "not_entitled", ["water", "gas", "heating"]),
        ("H2", "not_entitled", "entitled", ["power"]),
    ):
        explanation = explain(sqlite_hub, household_id(sqlite_hub, number), NOVEMBER, language="en")
        assert {one.service: one.outcome for one in explanation.others} == {"heating": heating, "power": power}
        assert explanation.benefits == benefits
    assert any("the category has: Power" in line for line in explanation.lines)
    assert any("15 November" in line for line in of(sqlite_hub, "A1", language="en")[0].lines)


def test_two_certificates_and_a_shared_account_are_no_refusal(sqlite_hub: Hub) -> None:
    """Conflicting evidence: undetermined, with the office to go to; a service counter is told to ask."""
    both = [household("A1", 1, 5, valid_from=20260301), household("B2", 2, 5, valid_from=20260801)]
    take(sqlite_hub, snapshot([*both, household("D4", 4)]))
    roster(sqlite_hub, "city_water", [account("W1", 1), account("W4", 4)])
    run(sqlite_hub, "2026-11")
    fate, text = water_of(sqlite_hub, "B2")
    assert (fate.outcome, fate.waiting) == (Outcome.UNDETERMINED, Waiting.DUPLICATE_PERSON)
    assert "两地民政部门" in text
    answers = {
        number: ask_certificate(
            sqlite_hub, Certificate("市局", CertificateKind.DIBAO, number), Service.WATER, actor="counter"
        ).answer
        for number in ("A1", "B2", "D4", "X9")
    }
    asks = Good.ASK_THE_OFFICE
    assert answers == {"A1": Good.YES, "B2": asks, "D4": Good.YES, "X9": asks}


# --- then and now --------------------------------------------------------------------------------------------------


@ON_ONE
def test_then_and_now_stand_side_by_side_and_every_difference_is_named(hub: Hub, clock) -> None:
    """A1 was ended afterwards: posted stays. Z9 was not known then, is learnt on a day, and posted by a later run."""
    town(hub)
    day = clock().date()
    clock.set("2026-11-20T21:00:00+08:00")
    take(hub, delta([household("A1", 1, status="ended", effective_on=20261001, version=50)], position=60))
    take(hub, delta([household("Z9", 9, valid_from=20261001, version=51, grant=True)], position=61))
    run(hub, "2026-12")
    ended = compare(hub, household_id(hub, "A1"), NOVEMBER, day, language="en", service=Service.WATER)
    assert {one.aspect for one in ended.differences} == {Aspect.REGISTRY, Aspect.RIGHT, Aspect.DUE}
    assert ended.then is not None
    assert ended.then.services[0].posted == ended.now.services[0].posted
    assert any("nothing is taken back" in line for line in ended.lines)
    new = compare(hub, household_id(hub, "Z9"), NOVEMBER, day, language="en")
    assert (new.then, new.learnt_on) == (None, 20261120)
    posted = next(one for one in new.differences if (one.service, one.aspect) == ("water", Aspect.POSTED))
    assert (posted.then, posted.now) == ("-", "3.000 m³, on no account yet (run 2, RETRO)")
    assert any("became known on 2026-11-20" in line for line in new.lines)


def test_where_nothing_was_learnt_nothing_differs(sqlite_hub: Hub, clock) -> None:
    town(sqlite_hub)
    same = compare(sqlite_hub, household_id(sqlite_hub, "A1"), NOVEMBER, clock().date())
    assert same.differences == []
    assert any("没有差别" in line for line in same.lines)
