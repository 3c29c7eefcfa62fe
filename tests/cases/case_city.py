"""A city whose households are the cases: played day by day through the jobs, as the hub's clock and people would.

Months are computed on the 20th of the month before and published on the 25th; a month's report comes on the 8th of
the next. What a case does on a day happens on that day; all of one kind and day travels in one file, as it would.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import itemgetter
from typing import Any

import deciding
from case_tables import Case, Row, day, fen, milli, months, price_e4
from fake_clock import FakeClock
from reporting import answer, bill, report, send
from sqlalchemy import select
from world import ROSTERS, account, delta, household, link, member, publish, roster, run, snapshot, take

from integration.domain.decisions import Kind
from integration.domain.policy import Policy, load_policy, stored_policy
from integration.jobs.decide import Authority
from integration.jobs.hub import Hub
from integration.jobs.match_queue import confirm_link
from integration.jobs.reconcile import reconcile
from integration.jobs.settle import settle
from integration.storage.decisions import Filed
from integration.storage.tables import OPEN_VERSION, account_numbers, links
from schemas.tariffs import Price, Tariff
from schemas.values import OPEN_DAY, Month, Service

FIRST = Month(2026, 1)
BEGINS = "2025-12-15"
#: Every case has so many people of its own.
PEOPLE = 40
COMPANIES = tuple(ROSTERS)
PRICES = {"city_water": "2.20", "suburb_water": "1.85", "city_gas": "2.63"}
#: Tariffs of the city's water company that some cases need.
TARIFFS: dict[str, list[dict[str, Any]]] = {
    "risen": [
        {"version": "A", "from": "2019-01-01", "tiers": [{"price_e4": 22000}]},
        {"version": "B", "from": "2026-04-11", "tiers": [{"price_e4": 25000}]},
    ],
    "tiers": [
        {"version": "A", "from": "2019-01-01",
         "tiers": [{"up_to_milli": 25000, "price_e4": 20000}, {"price_e4": 40000}]},
    ],
    "annual": [
        {"version": "A", "from": "2019-01-01", "per": "year",
         "tiers": [{"up_to_milli": 25000, "price_e4": 20000}, {"price_e4": 40000}]},
    ],
}  # fmt: skip


@dataclass
class Story:
    """One case as it stands by now: its households' records, its accounts' roster rows, and the rows to be reported."""

    case: Case
    index: int
    records: dict[str, Row] = field(default_factory=dict)
    accounts: dict[str, Row] = field(default_factory=dict)

    def name(self, local: str) -> str:
        """Return what a certificate, account or bill of the case is called in the city."""
        return f"{self.case.key}{local}"

    def person(self, local: int) -> int:
        """Return the number of a person of the case in the city."""
        return self.index * PEOPLE + local


#: Days of certificates and links: a city need not live to see them.
SPANS = ("from", "to", "effective", "opened", "closed")


def last_month(cases: list[Case]) -> Month:
    """Return the last month that anything in these cases is about."""
    rows = (row for case in cases for row in (*case.when, *case.expected))
    texts = (str(value) for row in rows for key, value in row.items() if key not in SPANS)
    found = re.findall(r"\b20[0-9]{2}-(?:0[1-9]|1[0-2])\b", " ".join(texts))
    return max(Month.parse(one) for one in found)


def variant(hub: Hub, case: Case) -> Hub:
    """Return the hub under the policy and the tariff that a case asks for."""
    if case.policy:
        hub = hub.under(changed_policy(hub.policy, case.policy))
    if case.tariff:
        prices = tuple(Price(**{"source": "sheet", **price}) for price in TARIFFS[case.tariff])
        water = hub.companies["city_water"]
        priced = Priced(water, Tariff(prices=prices))
        hub = replace(hub, companies={**hub.companies, "city_water": priced})  # type: ignore[dict-item]
    return hub


class Priced:
    """A company as it is, with another tariff."""

    def __init__(self, company: object, tariff: Tariff) -> None:
        self._company, self.tariff = company, tariff

    def __getattr__(self, name: str) -> Any:
        return getattr(self._company, name)


def changed_policy(policy: Policy, changes: Row) -> Policy:
    import json

    content = json.loads(policy.content)
    for name, value in changes.items():
        content[name]["values"] = [{"from": "2006-01", "value": value}]
    load_policy({"variant": content})
    return stored_policy(json.dumps(content))


class City:
    """Plays the cases of one city."""

    def __init__(self, hub: Hub, cases: list[Case]) -> None:
        self.hub = hub
        self.stories = [Story(case, index) for index, case in enumerate(cases, 1)]
        self._late: dict[str, int] = {}
        self._decided: dict[str, Filed] = {}
        #: How each registry record that came on a day was answered: the code, or "" if it was simply applied.
        self.answers: dict[str, list[str]] = {}
        self._last = last_month(cases)

    # --- the calendar

    def play(self) -> None:
        """Play every day on which anything happens."""
        for story in self.stories:
            _set_up(story)
        self._clock(BEGINS, "09:00")
        take(self.hub, snapshot(list(self._all_records()), position=day(BEGINS), as_of=day(BEGINS)))
        for company in COMPANIES:
            self._send_roster(company)
        for (on, _, _), group in groupby(sorted(self._events(), key=itemgetter(0, 1, 2)), itemgetter(0, 1, 2)):
            self._happen(on, list(group))
        self._clock(f"{self._last.plus(2)}-01", "09:00")
        reconcile(self.hub, actor="tester")
        for company in ("city_water", "city_gas"):
            for month in _span(FIRST, self._last):
                self._settle(company, month)

    def _events(self) -> Iterator[tuple[str, str, str, Callable[..., None], Any]]:
        for month in _span(FIRST, self._last):
            yield f"{month.plus(-1)}-20", "21:00", "run", self._run, month
            yield f"{month.plus(-1)}-25", "08:00", "publish", self._publish, month
            yield f"{month.plus(1)}-08", "12:00", "report", self._report, month
        for story in self.stories:
            for step in story.case.when:
                kind = _kind(step)
                if kind in ("bill", "answer"):
                    if "sent" in step:
                        yield step["sent"], "13:00", "late", self._supplement, (story, step)
                else:
                    yield step["on"], HOURS[kind], kind, getattr(self, f"_{kind}"), (story, step)

    def _happen(self, on: str, group: list[tuple[str, str, str, Callable[..., None], Any]]) -> None:
        self._clock(on, group[0][1])
        if group[0][2] in ("household", "account", "late"):
            group[0][3]([what for *_, what in group])
        else:
            for *_, act, what in group:
                act(what)

    def _clock(self, on: str, hour: str) -> None:
        clock = self.hub.clock
        assert isinstance(clock, FakeClock)
        clock.set(f"{on}T{hour}:00+08:00")

    # --- what civil affairs and the companies say

    def _all_records(self) -> Iterator[Row]:
        for story in self.stories:
            for local, told in story.records.items():
                if "on" not in told:
                    yield _record(story, local, day(BEGINS))

    def _household(self, steps: list[tuple[Story, Row]]) -> None:
        on = day(steps[0][1]["on"])
        told = []
        for story, step in steps:
            local = step["household"]
            new = local not in story.records
            story.records[local] = story.records.get(local, {}) | step
            told.append(_record(story, local, step.get("version", on), grant=step.get("grant", new)))
        result = take(self.hub, delta(told, position=on, as_of=on))
        codes = {fault.row: fault.code for fault in result.faults}
        for row, (story, step) in enumerate(steps, 2):  # the header is the first line
            self.answers.setdefault(story.name(step["household"]), []).append(codes.get(row, ""))
        link(self.hub)

    def _account(self, steps: list[tuple[Story, Row]]) -> None:
        for story, step in steps:
            local = step["account"]
            old = story.accounts.get(local, {"company": "city_water"})
            if "becomes" in step:
                old = story.accounts.pop(local) | {"predecessor": local}
                local = step["becomes"]
            story.accounts[local] = old | {key: value for key, value in step.items() if key not in ("on", "account")}
        for company in {story.accounts[step.get("becomes", step["account"])]["company"] for story, step in steps}:
            self._send_roster(company)
        link(self.hub)

    def _send_roster(self, company: str) -> None:
        rows = [
            _account_row(story, local, told)
            for story in self.stories
            for local, told in story.accounts.items()
            if told["company"] == company
        ]
        if rows:
            roster(self.hub, company, rows)

    # --- the month

    def _run(self, month: Month) -> None:
        run(self.hub, str(month))

    def _publish(self, month: Month) -> None:
        publish(self.hub, str(month))

    def _report(self, month: Month) -> None:
        for company in COMPANIES:
            rows = [
                self._row(story, step)
                for story in self.stories
                for step in story.case.when
                if _kind(step) in ("bill", "answer") and "sent" not in step and _report_month(step) == month
                if _company(story, step) == company
            ]
            if rows:
                send(self.hub, report(str(month), rows, company=company), company)

    def _supplement(self, steps: list[tuple[Story, Row]]) -> None:
        """Send rows that come after their month's report, one supplement a company and month."""
        key: Callable[[tuple[Story, Row]], tuple[str, Month]] = lambda one: (_company(*one), _report_month(one[1]))  # noqa: E731
        for (company, month), group in groupby(sorted(steps, key=key), key):
            place = f"{company}:{month}"
            self._late[place] = self._late.get(place, 1) + 1
            rows = [self._row(*one) for one in group]
            more = {"kind": "supplement", "edition": self._late[place]}
            send(self.hub, report(str(month), rows, company=company, **more), company)

    def _settle(self, company: str, month: Month) -> None:
        from integration.jobs.settle import SettlementRefused

        try:
            settle(self.hub, company, month, actor="tester")
        except SettlementRefused:
            return  # nobody of the city was billed there in that month

    def _row(self, story: Story, step: Row) -> Row:
        company = _company(story, step)
        local = step.get("account", _first(story, company))
        place = (step.get("reference") or self._reference(story, step, company, story.name(local)), story.name(local))
        if "answer" in step and "bill" not in step:
            month = step.get("months", step["on"][:7])
            return answer(place, month, step["answer"], issued_on=day(step["on"]), list_number=0)
        return _bill(story, step, place, company)

    def _reference(self, story: Story, step: Row, company: str, number: str) -> str:
        with self.hub.store.read() as connection:
            query = (
                select(links.c.reference)
                .join(account_numbers, account_numbers.c.account_id == links.c.account_id)
                .where(account_numbers.c.company == company, account_numbers.c.number == number)
                .where(links.c.known_to == OPEN_VERSION)
                .order_by(links.c.valid_from)
            )
            if "of" in step:
                query = query.where(links.c.household_id == self._id(story, step["of"]))
            found = connection.execute(query).scalars().all()
        return found[-1] if found else ""

    # --- what people do

    def _confirm(self, what: tuple[Story, Row]) -> None:
        story, step = what
        confirm_link(self.hub, self._id(story, step["confirm"]), Service(step.get("service", "water")), actor="clerk")

    def _decide(self, what: tuple[Story, Row]) -> None:
        """Let a clerk propose a decision and a supervisor approve it."""
        story, step = what
        who, kind = story.name(step.get("of", "C")), step["decide"]
        if kind == "claw_back":
            wanted = step["month"], milli(step["quantity"]), fen(step["yuan"])
            authority = Authority("民函〔2026〕7号", day(step["on"]), day(step["on"]))
            filed = deciding.take_back(self.hub, who, wanted, authority=authority)
        elif kind == "wrong_link":
            other = story.name(step["other"]) if "other" in step else ""
            filed = deciding.part(self.hub, who, story.name(step["at"]), step["from"], other=other)
        elif kind == "undo":
            filed = deciding.undo(self.hub, self._decided[who])
        else:
            filed = deciding.refuse(self.hub, who, step["from"], Kind(kind))
        self._decided[who] = deciding.approved(self.hub, filed)
        link(self.hub)

    def _id(self, story: Story, local: str) -> int:
        from world import household_id

        return household_id(self.hub, story.name(local))


HOURS = {"household": "10:00", "account": "11:00", "confirm": "14:00", "decide": "15:00"}
_KINDS = ("decide", "bill", "answer", "household", "account", "confirm")


def _kind(step: Row) -> str:
    return next(kind for kind in _KINDS if kind in step) if "becomes" not in step else "account"


def _set_up(story: Story) -> None:
    """Lay down what is given; a case that says nothing has one household with one water account."""
    for row in story.case.given:
        if "household" in row:
            story.records[row["household"]] = row
        elif "account" in row:
            story.accounts[row["account"]] = {"company": "city_water"} | row
    if not any("household" in row for row in story.case.given):
        story.records["C"] = {"household": "C"}
    if not story.accounts and not any("account" in row for row in story.case.given):
        story.accounts["W"] = {"company": "city_water", "account": "W", "for": "C"}


def _record(story: Story, local: str, version: int, *, grant: bool = False) -> Row:
    told = story.records[local]
    people = [_member(story, one) for one in told.get("people", [1 + sorted(story.records).index(local)])]
    named = {
        one["company"]: story.name(number)
        for number, one in story.accounts.items()
        if one.get("for", "C" if one.get("holder", 1) else "") == local
    } | {company: story.name(number) for company, number in told.get("accounts", {}).items()}
    home = told.get("home")
    return household(
        story.name(told.get("certificate", local)),
        *people,
        home=story.person(home if home is not None else _first_person(told, story, local)),
        category=told.get("category", "dibao_urban"),
        status=told.get("status", "active"),
        valid_from=day(told.get("from", "2025-12-01")),
        valid_to=day(told["to"]) if "to" in told else OPEN_DAY,
        effective_on=day(told["effective"]) if "effective" in told else None,
        version=version,
        accounts=named,
        grant=grant,
        earlier=[story.name(one) for one in told.get("earlier", [])],
    )


def _first_person(told: Row, story: Story, local: str) -> int:
    people = told.get("people", [1 + sorted(story.records).index(local)])
    return people[0] if isinstance(people[0], int) else people[0]["person"]


def _member(story: Story, one: int | Row) -> Row:
    if isinstance(one, int):
        return member(story.person(one))
    changes = {key: value for key, value in one.items() if key != "person"}
    if "died_on" in changes:
        changes["died_on"] = day(changes["died_on"])
    return member(story.person(one["person"]), **changes)


def _account_row(story: Story, local: str, told: Row) -> Row:
    holder = told.get("holder", 1)
    return account(
        story.name(local),
        story.person(holder) if holder else None,
        name=told.get("name"),
        id_number=told.get("id_number"),
        home=story.person(told["home"]) if "home" in told else None,
        state=told.get("state", "正常"),
        opened=day(told.get("opened", "2015-06-01")),
        closed=day(told["closed"]) if "closed" in told else None,
        domestic=told.get("domestic", True),
        predecessor=story.name(told["predecessor"]) if "predecessor" in told else "",
        cycle=told.get("cycle", "月"),
        meter=told.get("meter", "普表"),
        low_income=told.get("low_income", False),
    )


def _company(story: Story, step: Row) -> str:
    if "company" in step:
        return str(step["company"])
    return str(story.accounts[step["account"]]["company"]) if step.get("account") in story.accounts else "city_water"


def _first(story: Story, company: str) -> str:
    return next((local for local, told in story.accounts.items() if told["company"] == company), "none")


def _report_month(step: Row) -> Month:
    return Month.parse(step.get("report", step["on"][:7]))


def _bill(story: Story, step: Row, place: tuple[str, str], company: str) -> Row:
    first, last = months(step.get("months", step["on"][:7]))
    more: Row = {"list_number": 0}
    more |= {key: step[key] for key in ("kind", "estimated", "proof") if key in step}
    more |= {f"{key}_fen": fen(step[key]) for key in ("balance", "debt") if key in step}
    if "refers_to" in step:
        more["refers_to"] = story.name(step["refers_to"])
    for key in ("reading_from", "reading_to", "annual_before"):
        if key in step:
            more[f"{key}_milli"] = milli(step[key])
    made = bill(
        story.name(step["bill"]), place, first, milli(step["use"]), to=last, on=day(step["on"]),
        waived=milli(step["waived"]) if "waived" in step else None,
        fen=fen(step["yuan"]) if "yuan" in step else None,
        price=price_e4(step.get("price", PRICES[company])),
        version=step.get("version", ""),
        answer=step.get("says", "APPLIED"),
        **more,
    )  # fmt: skip
    _charge(made["components"], step)
    return made


def _charge(parts: list[Row], step: Row) -> None:
    """Say what a bill charges otherwise than its price and use have it, and on which other components."""
    basic = parts[0]
    if "charge" in step:
        basic["charge_before_fen"] = fen(step["charge"])
    if "other_waived" in step:
        basic["other_waived_fen"] = fen(step["other_waived"])
    left = basic["charge_before_fen"] - basic["waived_fen"] - basic.get("other_waived_fen", 0)
    basic["charge_after_fen"] = fen(step["left"]) if "left" in step else left
    for name, charge in step.get("other_charges", {}).items():
        before, _, after = charge.partition(" → ")
        part = {"component": name, "charge_before_fen": fen(before), "charge_after_fen": fen(after or before)}
        parts.append(part | {"waived_fen": 0})


def _span(first: Month, last: Month) -> Iterator[Month]:
    month = first
    while month <= last:
        yield month
        month = month.plus(1)
