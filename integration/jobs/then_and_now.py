"""A month as it was known at the end of a day, beside what is known now; and what has become known since."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from integration.domain.households import Verdict
from integration.domain.progress import Stage
from integration.jobs.explain import ExplainRefused, explain
from integration.jobs.explain_advice import STAGES, VERDICTS, Words
from integration.jobs.explain_texts import Sentences
from integration.jobs.explain_words import SERVICES, day_text
from integration.jobs.explanation import Comparison, Difference, Explanation, OtherRight, Placed, ServiceExplanation
from integration.jobs.hub import Hub
from schemas.values import Month, Service, day_int


class Aspect(StrEnum):
    """What may be known otherwise."""

    REGISTRY = "registry"
    RIGHT = "right"
    DUE = "due"
    POSTED = "posted"
    LISTS = "lists"


ASPECTS: Final[Mapping[Aspect, Words]] = {
    Aspect.REGISTRY: ("登记", "registry"),
    Aspect.RIGHT: ("资格", "right"),
    Aspect.DUE: ("应减", "due"),
    Aspect.POSTED: ("台账", "ledger"),
    Aspect.LISTS: ("名单", "lists"),
}


class _Pair(NamedTuple):
    """An aspect of a service ("" of the household) as it was known, and as it is."""

    service: str
    aspect: Aspect
    then: str
    now: str


def compare(
    hub: Hub, household: int, month: Month, day: date, *, language: str = "zh", service: Service | None = None
) -> Comparison:
    """Explain a month as known at the end of a day in Asia/Shanghai, and as known now, side by side.

    ``service`` leaves the others out.

    Raises:
        ExplainRefused: there is no such household now.
    """
    now = only(explain(hub, household, month, language=language), service)
    then = _as_known(hub, household, month, day, language)
    then = None if then is None else only(then, service)
    said = Sentences(hub.companies, language)
    pairs = list(_pairs(said, then, now))
    learnt = min((fact.known_on for fact in now.facts), default=0)
    bare = Comparison(
        household, str(month), day_int(day), learnt, then, now,
        [Difference(one.service, one.aspect, one.then, one.now) for one in pairs if one.then != one.now], [],
    )  # fmt: skip
    return msgspec.structs.replace(bare, lines=list(_lines(said, bare, pairs)))


def only(explanation: Explanation, service: Service | None) -> Explanation:
    """Return an explanation of one service, or of all."""
    if service is None:
        return explanation
    services = [one for one in explanation.services if one.service is service]
    others = [one for one in explanation.others if one.service is service]
    return msgspec.structs.replace(explanation, services=services, others=others)


def _as_known(hub: Hub, household: int, month: Month, day: date, language: str) -> Explanation | None:
    try:
        return explain(hub, household, month, by=day, language=language)
    except ExplainRefused:
        return None


def _pairs(said: Sentences, then: Explanation | None, now: Explanation) -> Iterator[_Pair]:
    """Yield every aspect that either has something to say of."""
    unknown = said.say("当时登记中没有该户", "the household was not in the registry then")
    yield _Pair("", Aspect.REGISTRY, unknown if then is None else _registry(said, then), _registry(said, now))
    services = {} if then is None else {one.service: one for one in then.services}
    others = {} if then is None else {one.service: one for one in then.others}
    for service in now.services:
        for aspect, say in _ASPECTS.items():
            was = services.get(service.service)
            yield _Pair(service.service, aspect, "-" if was is None else say(said, was), say(said, service))
    for right in now.others:
        had = others.get(right.service)
        yield _Pair(right.service, Aspect.RIGHT, "-" if had is None else _other(said, had), _other(said, right))


def _registry(said: Sentences, one: Explanation) -> str:
    return "; ".join(said.standing(fact) for fact in one.facts) or "-"


def _other(said: Sentences, one: OtherRight) -> str:
    return said.say(*VERDICTS[Verdict(one.verdict)].why)


def _right(said: Sentences, one: ServiceExplanation) -> str:
    return said.say(*VERDICTS[Verdict(one.verdict)].why)


def _due(said: Sentences, one: ServiceExplanation) -> str:
    return _placed(said, one.due)


def _posted(said: Sentences, one: ServiceExplanation) -> str:
    if not one.posted:
        return "-"
    runs = ", ".join(map(str, one.runs)) + (said.say("，补计", ", RETRO") if one.late else "")
    return said.say(f"{_placed(said, one.posted)}（批次 {runs}）", f"{_placed(said, one.posted)} (run {runs})")


def _lists(_said: Sentences, one: ServiceExplanation) -> str:
    return ", ".join(one.listed_in) or "-"


def _placed(said: Sentences, places: list[Placed]) -> str:
    return "; ".join(map(said.placed, places)) or "-"


_ASPECTS: Final[Mapping[Aspect, Callable[[Sentences, ServiceExplanation], str]]] = {
    Aspect.RIGHT: _right,
    Aspect.DUE: _due,
    Aspect.POSTED: _posted,
    Aspect.LISTS: _lists,
}


#: Stages in which what is posted is not what is due by what is known now.
_APART: Final = frozenset({Stage.STANDS, Stage.NOT_POSTED, Stage.TAKEN_BACK})


def _lines(said: Sentences, whole: Comparison, pairs: list[_Pair]) -> Iterator[str]:
    """Yield what was known then beside what is known now, what differs marked, and what that means."""
    day = day_text(whole.day)
    yield said.say(
        f"家庭 {whole.household}，{whole.month}：{day} 日终所知 | 现在所知",
        f"Household {whole.household}, {whole.month}: known at the end of {day} | known now",
    )
    for pair in pairs:
        name = said.say(*SERVICES[Service(pair.service)]) + " " if pair.service else ""
        mark = "≠" if pair.then != pair.now else "="
        yield f"  {mark} {name}{said.say(*ASPECTS[pair.aspect])}: {pair.then} | {pair.now}"
    if whole.then is None and whole.learnt_on:
        learnt = day_text(whole.learnt_on)
        yield said.say(f"  {learnt} 才得知该户", f"  the household became known on {learnt}")
    if not whole.differences:
        yield said.say("  没有差别", "  nothing differs")
    for one in whole.now.services:
        if one.fate.stage in _APART:
            yield f"  {said.say(*SERVICES[one.service])}: {said.say(*STAGES[Stage(one.fate.stage)].why)}"
