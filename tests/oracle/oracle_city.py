"""A city of random households, each with its own history, played through the hub's jobs.

Household i has the certificate ``C<i>`` and person i; its accounts are called as in its history, with i behind.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import msgspec
from case_city import Priced, changed_policy
from oracle import COMPANIES, Outcome
from oracle_bills import Row
from oracle_certificates import Record
from oracle_histories import MONTHS, SLOTS, Life, Setting, listed_on, reported_by, told_on
from oracle_hub import changes, report_row, tariff_of
from reporting import report, send
from sqlalchemy import select
from world import account, delta, household, member, publish, roster, run, snapshot, take

from integration.jobs.hub import Hub
from integration.storage.tables import account_numbers, links
from schemas.reports import ReportKind
from schemas.values import OPEN_DAY, Month, day_int

#: Nothing is held: the brake is tested elsewhere.
_FREE = {"count": 10_000, "per_mille": 1000}
_BRAKE = dict.fromkeys(
    ("ends", "ends_district", "additions", "additions_district", "changes", "contradictions", "rejected"), _FREE
)
#: The day on which everything is looked at.
LAST_DAY = MONTHS[-1].plus(1).first + timedelta(days=4)


def hub_of(hub: Hub, setting: Setting) -> Hub:
    """The hub under a setting's policy and prices."""
    priced = {code: Priced(hub.companies[code], tariff_of(setting.tariff)) for code in COMPANIES}
    policy = changed_policy(hub.policy, changes(setting) | {"brake": _BRAKE})
    return replace(hub, policy=policy, companies={**hub.companies, **priced})  # type: ignore[dict-item]


@dataclass
class City:
    """A city in the hub."""

    hub: Hub
    setting: Setting
    lives: Sequence[Life]
    #: What the companies mean to report, by what they can foresee.
    planned: Sequence[Outcome]
    #: What they did report, by household.
    sent: dict[int, list[Row]] = field(default_factory=lambda: defaultdict(list))

    def play(self) -> None:
        """Play all slots, and send the reports a month after their bills."""
        for slot in range(SLOTS):
            self._clock(told_on(slot))
            self._tell(slot)
            if slot >= 2:
                self._report(reported_by(slot))
            self._clock(told_on(slot) + timedelta(days=3))
            if slot in self.setting.snapshots:
                self._snapshot(slot)
            self._clock(listed_on(slot))
            run(self.hub, str(MONTHS[slot]))
            publish(self.hub, str(MONTHS[slot]))
        self._clock(LAST_DAY)
        for month in MONTHS[-2:]:
            self._report(month)

    def _clock(self, day: date) -> None:
        self.hub.clock.set(f"{day}T21:00:00+08:00")  # type: ignore[attr-defined]

    # --- the bureau

    def _tell(self, slot: int) -> None:
        told = [_record(i, one) for i, life in self._all() for at, one in life.records if at == slot]
        if told:
            take(self.hub, delta(told, position=slot * 100 + 50, as_of=day_int(told_on(slot))))
        for company in COMPANIES:
            rows = [row for i, life in self._all() for row in _accounts(i, life, company, slot)]
            if rows:
                roster(self.hub, company, rows)

    def _snapshot(self, slot: int) -> None:
        said = [(i, what, one) for i, life in self._all() for at, what, one in life.snapshots if at == slot]
        rows = [_record(i, one) for i, _, one in said if one is not None]
        if rows:
            take(self.hub, snapshot(rows, position=said[0][1].position, as_of=day_int(said[0][1].as_of)))

    def _all(self) -> Iterator[tuple[int, Life]]:
        return enumerate(self.lives, 1)

    # --- the companies

    def _report(self, month: Month) -> None:
        """Send a month's report in three parts: too little first, then its replacement, and a supplement."""
        references = self._references()
        for company in COMPANIES:
            rows = [row for row in self._rows(company, month) if (company, _number(*row)) in references]
            for i, row in rows:
                self.sent[i].append(row)
            said = [_reported(i, row, references[company, _number(i, row)]) for i, row in rows]
            if said:
                most, rest = said[: -len(said) // 3], said[-len(said) // 3 :]
                wrong = [row | {"waived_milli": 0, "components": []} for row in said[::2]]
                for edition, (kind, part) in enumerate(zip(ReportKind, (wrong, most, rest), strict=True), 1):
                    send(self.hub, report(str(month), part, company=company, kind=kind, edition=edition), company)

    def _rows(self, company: str, month: Month) -> Iterator[tuple[int, Row]]:
        for i, outcome in enumerate(self.planned, 1):
            for one in outcome.judged:
                if one.row.company == company and Month.of(one.row.issued) == month:
                    yield i, one.row

    def _references(self) -> Mapping[tuple[str, str], str]:
        """The reference of every account that is linked, or was; of others a company is told nothing."""
        with self.hub.store.read() as connection:
            query = select(account_numbers.c.company, account_numbers.c.number, links.c.reference).join(
                links, account_numbers.c.account_id == links.c.account_id
            )
            return {(company, number): reference for company, number, reference in connection.execute(query)}


def _record(i: int, one: Record) -> dict[str, Any]:
    died = {"died_on": day_int(one.died)} if one.died else {}
    return household(
        f"C{i}",
        member(i, **died),
        home=i,
        category=one.category,
        status=one.status,
        valid_from=day_int(one.valid_from),
        valid_to=day_int(one.valid_to) if one.valid_to else OPEN_DAY,
        effective_on=day_int(one.effective),
        version=one.version,
        grant=True,
    )


def _accounts(i: int, life: Life, company: str, slot: int) -> Iterator[dict[str, Any]]:
    prepaid = {"meter": "IC卡", "cycle": "充值"} if life.prepaid else {}
    for home in life.homes:
        if home.company == company and home.slot <= slot:
            ended = home.closed is not None and slot >= home.end_slot
            end = {"state": "销户", "closed": day_int(home.closed)} if ended else {}
            yield account(f"{home.account}{i}", i, opened=day_int(home.opened), **end, **prepaid)


def _number(i: int, row: Row) -> str:
    return f"{row.account}{i}"


def _reported(i: int, row: Row, reference: str) -> dict[str, Any]:
    """A row as the company reports it; a bill's id has its household behind."""
    named = replace(row, id=row.id and f"{row.id}-{i}", refers=row.refers and f"{row.refers}-{i}")
    parts = [msgspec.structs.asdict(part) for part in report_row(named).components]
    told = {name: value for name, value in msgspec.structs.asdict(report_row(named)).items() if value is not None}
    return told | {"account": _number(i, row), "reference": reference, "components": parts}
