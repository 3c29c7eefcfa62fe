"""The sentences of an explanation, in Chinese or in English: why, what to do, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from adapters.base import CompanyPort
from integration.domain.households import Verdict
from integration.domain.matching import Evidence
from integration.domain.progress import Outcome, Stage
from integration.domain.waiting import Waiting
from integration.jobs.case_texts import KINDS as CASE_KINDS
from integration.jobs.case_texts import STATES as CASE_STATES
from integration.jobs.explain_advice import NOTHING, OUTCOMES, STAGES, VERDICTS, WAITINGS, Advice, Words
from integration.jobs.explain_answers import ANSWERS, FINDINGS
from integration.jobs.explain_words import (
    CATEGORIES,
    EVIDENCES,
    OTHERS,
    RIGHTS,
    SERVICES,
    STATUSES,
    cubic_metres,
    day_text,
    span_text,
    yuan,
)
from integration.jobs.explanation import (
    Bill,
    Explanation,
    Fact,
    Fate,
    Link,
    OpenFinding,
    OtherRight,
    Placed,
    ServiceExplanation,
)
from integration.jobs.finding_texts import ACTS
from schemas.cases import CaseKind, CaseState
from schemas.findings import Acts, FindingKind
from schemas.reports import Answer
from schemas.values import Category, Month, Service


def lines(explanation: Explanation, companies: Mapping[str, CompanyPort], language: str) -> Iterator[str]:
    """Yield the explanation's sentences."""
    said = Sentences(companies, language)
    head, known_at = explanation.household, explanation.known_at
    yield said.say(
        f"家庭 {head}，{explanation.month}，按版本 {explanation.version} 所知（{known_at}）",
        f"Household {head}, {explanation.month}, as known at version {explanation.version} ({known_at})",
    )
    for fact in explanation.facts:
        yield said.fact(fact)
    for one in explanation.services:
        yield from said.service(one, explanation)
    for other in explanation.others:
        yield from said.other(other)


class Sentences:
    """The sentences in one language."""

    def __init__(self, companies: Mapping[str, CompanyPort], language: str) -> None:
        self._companies = companies
        self._index = 1 if language == "en" else 0

    def say(self, *words: str) -> str:
        """Return the words in the language."""
        return words[self._index]

    # --- the registry

    def standing(self, fact: Fact) -> str:
        """Say category, status and certificate."""
        category, status = self.say(*CATEGORIES[Category(fact.category)]), self.say(*STATUSES[fact.status])
        certificate = self.say(*span_text(fact.certificate_from, fact.certificate_to))
        return self.say(
            f"{category}，{status}，证件有效期 {certificate}", f"{category}, {status}, certificate valid {certificate}"
        )

    def fact(self, fact: Fact) -> str:
        """Say what the registry says, for which days, and since when it is known."""
        standing, learnt = self.standing(fact), day_text(fact.known_on)
        span = self.say(*span_text(fact.valid_from, fact.valid_to))
        return self.say(
            f"  登记：{standing}；适用于 {span}（版本 {fact.known_from}，{learnt} 得知）",
            f"  Registry: {standing}; this holds {span} (learnt with version {fact.known_from}, on {learnt})",
        )

    # --- a service

    def service(self, one: ServiceExplanation, whole: Explanation) -> Iterator[str]:
        """Say all about one service."""
        yield self.headline(one.service, one.fate.outcome, VERDICTS[Verdict(one.verdict)])
        yield from self._todo(VERDICTS[Verdict(one.verdict)])
        yield from self._more(Verdict(one.verdict), whole)
        for placed in one.due:
            yield self.say(f"  应减 {self.placed(placed)}", f"  due: {self.placed(placed)}")
        for link in one.links:
            yield self.link(link)
        for placed in one.posted:
            yield self._posted(one, placed)
        if one.listed_in:
            yield self.say(f"  名单：{'、'.join(one.listed_in)}", f"  Lists: {', '.join(one.listed_in)}")
        yield from self._fate(one.fate)
        for source in (one.source, *one.rules):
            yield self.say(f"  依据：{source}", f"  Policy: {source}")

    def headline(self, service: Service, outcome: str, advice: Advice) -> str:
        """Say whether, and why."""
        name, why = self.say(*SERVICES[service]), self.say(*advice.why)
        answer = self.say(*OUTCOMES[Outcome(outcome)])
        return self.say(f"{name}：{answer}。{why}", f"{name}: {answer}; {why}")

    def _todo(self, advice: Advice, indent: str = "  ") -> Iterator[str]:
        if advice.todo != NOTHING:
            todo = self.say(*advice.todo)
            yield indent + self.say(f"怎么办：{todo}", f"What to do: {todo}")

    def _more(self, verdict: Verdict, whole: Explanation) -> Iterator[str]:
        """Say until when a certificate counts that has run out, and what a category has that is not served here."""
        if verdict in (Verdict.IN_GRACE, Verdict.EXPIRED) and whole.facts:
            end = day_text(whole.facts[-1].grace_to)
            yield self.say(f"  宽限期至 {end}", f"  the grace period ends on {end}")
        if verdict is Verdict.CATEGORY_NOT_SERVED and whole.benefits:
            names = [self.say(*SERVICES[service]) for service in whole.benefits]
            yield self.say(f"  该类别可享受：{'、'.join(names)}", f"  the category has: {', '.join(names)}")

    def _posted(self, one: ServiceExplanation, placed: Placed) -> str:
        runs = ", ".join(map(str, one.runs)) + (self.say("（事后补计）", " (afterwards)") if one.late else "")
        return self.say(
            f"  台账：批次 {runs} 已入账 {self.placed(placed)}", f"  Ledger: run {runs} posted {self.placed(placed)}"
        )

    def placed(self, placed: Placed) -> str:
        """Say a quantity and where it stands."""
        quantity = cubic_metres(placed.quantity_milli)
        if placed.company is None:
            return self.say(f"{quantity}，暂未落户", f"{quantity}, on no account yet")
        company = self.company(placed.company)
        return self.say(
            f"{quantity}，{company} 户号 {placed.account}", f"{quantity} on {company} account {placed.account}"
        )

    def company(self, code: str) -> str:
        """Return a company's name, its code where it is configured no more."""
        found = self._companies.get(code)
        return found.title if found else code

    def link(self, link: Link) -> str:
        """Say which account the household has, and by what evidence."""
        shared = self.say("，与另一户共用，待确认", ", shared with another household, to be confirmed")
        waiting = "" if link.confirmed else shared
        evidence = self.say(*EVIDENCES[Evidence(link.evidence)])
        span = self.say(*span_text(link.valid_from, link.valid_to))
        return self.say(
            f"  关联：{self.company(link.company)} 户号 {link.account}，{span}；凭据：{evidence}{waiting}",
            f"  Link: {self.company(link.company)} account {link.account}, {span}; evidence: {evidence}{waiting}",
        )

    # --- what became of it

    def _fate(self, fate: Fate) -> Iterator[str]:
        advice = WAITINGS[Waiting(fate.waiting)] if fate.waiting else STAGES[Stage(fate.stage)]
        if fate.stage != Stage.NO_RIGHT:
            yield "  " + self.say("进展：", "Where it stands: ") + self.say(*advice.why)
            yield from self._todo(advice, "    ")
        if fate.report_due and fate.stage in (Stage.AWAITING, Stage.SILENT, Stage.LEFT_OUT):
            day = day_text(fate.report_due)
            yield self.say(f"    公司最迟应于 {day} 报送", f"    the company's report is due by {day}")
        if fate.answer:
            yield from self._advised("  公司答复：", "  The company's answer: ", ANSWERS[Answer(fate.answer)])
        for bill in fate.bills:
            if bill.bill_id:
                yield self.bill(bill)
        yield from self._sums(fate)
        for finding in fate.findings:
            yield from self._finding(finding)
        for case in fate.cases:
            kind, state = self.say(*CASE_KINDS[CaseKind(case.kind)]), self.say(*CASE_STATES[CaseState(case.state)])
            due = day_text(case.due_on)
            yield self.say(
                f"  工单 {case.number}：{kind}，{state}，期限 {due}",
                f"  Case {case.number}: {kind}, {state}, due {due}",
            )

    def _advised(self, chinese: str, english: str, advice: Advice) -> Iterator[str]:
        yield self.say(chinese, english) + self.say(*advice.why)
        yield from self._todo(advice, "    ")

    def bill(self, bill: Bill) -> str:
        """Say what a bill should have relieved, and what it did."""
        meaning: Words = ANSWERS[Answer(bill.answer)].why
        day = day_text(bill.issued_on)
        due = f"{cubic_metres(bill.due_milli)} {yuan(bill.due_fen)}"
        waived = f"{cubic_metres(bill.waived_milli)} {yuan(bill.waived_fen)}"
        return self.say(
            f"  账单 {bill.bill_id}（{day}）：应减 {due}，公司减 {waived}；{meaning[0]}",
            f"  Bill {bill.bill_id} ({day}): due {due}, the company waived {waived}; {meaning[1]}",
        )

    def _sums(self, fate: Fate) -> Iterator[str]:
        if fate.owed_milli:
            owed, month = cubic_metres(fate.owed_milli), _credited_in(fate)
            yield self.say(
                f"  以前账单尚欠补减 {owed}，应在 {month} 的账单上单列补减",
                f"  still owed for earlier bills: {owed}, to be credited on a line of its own on the bill of {month}",
            )
        if fate.good_milli:
            good = cubic_metres(fate.good_milli)
            yield self.say(
                f"  其中 {good} 按当时名单减免，不追回",
                f"  {good} of it was drawn in good faith: nothing is taken back",
            )

    def _finding(self, finding: OpenFinding) -> Iterator[str]:
        acts = self.say(*ACTS[Acts(finding.acts)])
        chinese = f"  差异 {finding.finding_id}（由{acts}处理）："
        yield from self._advised(chinese, f"  Finding {finding.finding_id} ({acts} acts): ", FINDINGS[_kind(finding)])

    # --- other benefits

    def other(self, right: OtherRight) -> Iterator[str]:
        """Say what a household has of a benefit that has no monthly allowance, and who decides the rest."""
        entitled = right.outcome == Outcome.ENTITLED
        advice = OTHERS[right.service] if entitled else VERDICTS[Verdict(right.verdict)]
        name, answer = self.say(*SERVICES[right.service]), self.say(*RIGHTS[Outcome(right.outcome)])
        why = self.say(*advice.why)
        yield self.say(f"{name}：{answer}。{why}", f"{name}: {answer}; {why}")
        yield from self._todo(advice)
        yield self.say(f"  依据：{right.source}", f"  Policy: {right.source}")


def _kind(finding: OpenFinding) -> FindingKind:
    return FindingKind(finding.kind)


def _credited_in(fate: Fate) -> str:
    """Return the month whose bills credit what is owed: the one before the report's day."""
    return str(Month.from_int(fate.report_due // 100).plus(-1))
