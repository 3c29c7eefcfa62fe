"""The words of an explanation, in Chinese and in English: plain sentences for the household and for the clerk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from adapters.base import CompanyPort
from integration.domain.households import Verdict
from integration.domain.matching import Evidence
from integration.jobs.explanation import Explanation, Fact, Link, Placed, ServiceExplanation
from schemas.values import OPEN_DAY, Category, Service, Status

Words = tuple[str, str]

SERVICES: Final[Mapping[str, Words]] = {
    Service.WATER: ("供水", "Water"),
    Service.GAS: ("燃气", "Gas"),
    Service.HEATING: ("供热", "Heating"),
    Service.POWER: ("供电", "Power"),
}
CATEGORIES: Final[Mapping[str, Words]] = {
    Category.DIBAO_URBAN: ("城市低保", "urban minimum living allowance"),
    Category.DIBAO_RURAL: ("农村低保", "rural minimum living allowance"),
    Category.TEKUN: ("特困", "extreme hardship"),
    Category.DIBAO_EDGE: ("低保边缘", "just above the allowance line"),
    Category.HARDSHIP_WORKER: ("困难职工", "hardship worker"),
}
STATUSES: Final[Mapping[str, Words]] = {
    Status.ACTIVE: ("正常", "active"),
    Status.SUSPENDED_REVIEW: ("年审复核中", "under annual review"),
    Status.ENDED: ("已终止", "ended"),
    "absent": ("全量中未列", "not named by the snapshot"),
}
EVIDENCES: Final[Mapping[str, Words]] = {
    Evidence.NAMED_AND_HOLDER_ID: (
        "登记的户号，户主身份证号为家庭成员",
        "the household named the account, and a member's ID number is the holder's",
    ),
    Evidence.HOLDER_ID: ("户主身份证号为家庭成员", "a member's ID number is the holder's"),
    Evidence.NAMED_AND_ADDRESS: (
        "登记的户号，用户地址与证件地址一致",
        "the household named the account, and the addresses agree",
    ),
    Evidence.NAMED_AND_NAME: (
        "登记的户号，户名为家庭成员",
        "the household named the account, and a member's name is the holder's",
    ),
    Evidence.CONFIRMED: ("人工确认", "confirmed by a person"),
}
#: Why, and what can be done about it.
VERDICTS: Final[Mapping[str, Words]] = {
    Verdict.ENTITLED: ("应当减免", "entitled"),
    Verdict.IN_GRACE: (
        "应当减免：证件有效期已过，尚在宽限期内；请尽快办理年审",
        "entitled: the certificate has run out and is in its grace period; renew it soon",
    ),
    Verdict.CATEGORY_NOT_SERVED: (
        "不减免：该类别不在本项减免范围内；类别有误请向民政部门更正",
        "not entitled: this category is not served; if the category is wrong, civil affairs can correct it",
    ),
    Verdict.ENDED: (
        "不减免：资格在本月之前已终止；有异议可向民政部门申请复核",
        "not entitled: the right ended before this month; civil affairs decides on objections",
    ),
    Verdict.ABSENT: (
        "不减免：民政全量数据中已无该户；仍有资格的，请民政部门补报",
        "not entitled: the registry's snapshot no longer names the household; civil affairs can report it again",
    ),
    Verdict.NOT_STARTED: ("不减免：本月资格尚未开始", "not entitled: the right had not begun in this month"),
    Verdict.EXPIRED: (
        "不减免：证件及宽限期均已届满；请办理年审，恢复后可补减",
        "not entitled: certificate and grace period have run out; after renewal earlier months can be made good",
    ),
    Verdict.DECEASED: (
        "不减免：家庭成员均已去世，减免到去世当月为止",
        "not entitled: no member is alive; the right ended with the month of death",
    ),
    Verdict.SPLIT_MONTH: (
        "不减免：本月分户，当月仍随原户享受，自次月起本户减免",
        "not entitled: the household split off in this month, which is still the old household's; from the next month",
    ),
    Verdict.NOT_IN_REGISTRY: ("不减免：登记中没有本月的记录", "not entitled: the registry says nothing of this month"),
}


def lines(explanation: Explanation, companies: Mapping[str, CompanyPort], language: str) -> Iterator[str]:
    """Yield the explanation's sentences."""
    chosen = _Chosen(companies, language)
    head, known_at = explanation.household, explanation.known_at
    yield chosen.say(
        f"家庭 {head}，{explanation.month}，按版本 {explanation.version} 所知（{known_at}）",
        f"Household {head}, {explanation.month}, as known at version {explanation.version} ({known_at})",
    )
    for fact in explanation.facts:
        yield chosen.fact(fact)
    for one in explanation.services:
        yield from chosen.service(one)


class _Chosen:
    """The sentences in one language."""

    def __init__(self, companies: Mapping[str, CompanyPort], language: str) -> None:
        self._companies = companies
        self._index = 1 if language == "en" else 0

    def say(self, *words: str) -> str:
        return words[self._index]

    def word(self, table: Mapping[str, Words], key: str) -> str:
        return table[key][self._index] if key in table else key

    def fact(self, fact: Fact) -> str:
        category, status = self.word(CATEGORIES, fact.category), self.word(STATUSES, fact.status)
        span, certificate = (
            self.span(fact.valid_from, fact.valid_to),
            self.span(fact.certificate_from, fact.certificate_to),
        )
        return self.say(
            f"  登记：{category}，{status}，证件有效期 {certificate}；适用于 {span}（版本 {fact.known_from} 起得知）",
            f"  Registry: {category}, {status}, certificate valid {certificate}; this holds {span} "
            f"(known since version {fact.known_from})",
        )

    def service(self, one: ServiceExplanation) -> Iterator[str]:
        yield self.word(SERVICES, one.service) + self.say("：", ": ") + self.word(VERDICTS, one.verdict)
        if one.held:
            yield self.say(
                "  成员同时在另一有效证件中，较早生效的证件先享受，本户额度暂不落户，待核实",
                "  a member stands in another certificate, valid earlier; this allowance waits until people decide",
            )
        for placed in one.due:
            yield self.say(f"  应减 {self.placed(placed)}", f"  due: {self.placed(placed)}")
        for link in one.links:
            yield self.link(link)
        if one.due and not one.links:
            yield self.say(
                "  关联：尚未找到可自动认定的户号，额度保留，不因等待而丧失；请社区协助核对户号",
                "  Link: no account could be matched with certainty yet; the allowance is kept, waiting costs nothing; "
                "the community office can help to find the account",
            )
        for placed in one.posted:
            runs = ", ".join(map(str, one.runs)) + (self.say("（事后补计）", " (afterwards)") if one.late else "")
            yield self.say(
                f"  台账：批次 {runs} 已入账 {self.placed(placed)}",
                f"  Ledger: run {runs} posted {self.placed(placed)}",
            )
        if one.listed_in:
            yield self.say(f"  名单：{'、'.join(one.listed_in)}", f"  Lists: {', '.join(one.listed_in)}")
        for source in (one.source, *one.rules):
            yield self.say(f"  依据：{source}", f"  Policy: {source}")

    def placed(self, placed: Placed) -> str:
        quantity = _cubic_metres(placed.quantity_milli)
        if placed.company is None:
            return self.say(f"{quantity}，暂未落户", f"{quantity}, on no account yet")
        return self.say(
            f"{quantity}，{self.company(placed.company)} 户号 {placed.account}",
            f"{quantity}, {self.company(placed.company)} account {placed.account}",
        )

    def company(self, code: str) -> str:
        found = self._companies.get(code)
        return found.title if found else code

    def link(self, link: Link) -> str:
        waiting = (
            ""
            if link.confirmed
            else self.say("，与另一户共用，待确认", ", shared with another household, to be confirmed")
        )
        evidence, span = self.word(EVIDENCES, link.evidence), self.span(link.valid_from, link.valid_to)
        return self.say(
            f"  关联：{self.company(link.company)} 户号 {link.account}，{span}；凭据：{evidence}{waiting}",
            f"  Link: {self.company(link.company)} account {link.account}, {span}; evidence: {evidence}{waiting}",
        )

    def span(self, start: int, end: int) -> str:
        if end == OPEN_DAY:
            return self.say(f"{_day(start)} 起", f"from {_day(start)}")
        return self.say(f"{_day(start)} 至 {_day(end)}", f"{_day(start)} to {_day(end)}")


def _day(yyyymmdd: int) -> str:
    return f"{yyyymmdd // 10000:04d}-{yyyymmdd // 100 % 100:02d}-{yyyymmdd % 100:02d}"


def _cubic_metres(quantity_milli: int) -> str:
    sign, size = ("-" if quantity_milli < 0 else ""), abs(quantity_milli)
    return f"{sign}{size // 1000}.{size % 1000:03d} m³"
