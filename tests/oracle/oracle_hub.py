"""The same histories by the hub's own pure rules, as its jobs would hand them over."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from oracle_bills import Row
from oracle_histories import FIRST, MONTHS, Life, Setting, listed_on, reported_by
from oracle_ledger import moves
from oracle_prices import Price as OraclePrice

from integration.domain import allowance, listing
from integration.domain.allowance import NO_PLACE, LinkSpan
from integration.domain.amounts import Amounts
from integration.domain.balance import is_bill
from integration.domain.bills import judge
from integration.domain.draws import Horizon, Listing
from integration.domain.households import GRANTING, Presence, Record, Standing, fold, judge_month
from integration.domain.judgement import Judged, Told
from integration.domain.policy import MonthPolicy, Policy, load_policy
from integration.domain.prices import Prices
from schemas.reports import Answer, BillKind, Component, ReportRow
from schemas.tariffs import Price, Tariff, Tier
from schemas.values import OPEN_DAY, Month, Service, day_int, months_between

_POLICY = Path(__file__).parent.parent.parent / "config" / "policy"
#: Accounts' ids.
ACCOUNTS = {None: NO_PLACE, "W": 1, "V": 2}
NAMES = {number: name for name, number in ACCOUNTS.items()}


@functools.cache
def shipped() -> Policy:
    """The policy as it is shipped."""
    return load_policy({path.name: tomllib.loads(path.read_text()) for path in sorted(_POLICY.glob("*.toml"))})


def changes(setting: Setting) -> dict[str, object]:
    """A setting's policy as the parameters that it changes."""
    return {
        "mid_month": setting.rule.mid_month,
        "grace_months": setting.rule.grace_months,
        "look_back_months": setting.look_back,
        "cover_rule": setting.bills.cover,
        "tier_rule": setting.bills.tier,
        "components": list(setting.bills.components),
        "tolerance_fen": setting.bills.tolerance_fen,
        "prepaid_accrual_months": setting.bills.accrual,
    }


@functools.cache
def policy_of(setting: Setting) -> MonthPolicy:
    """A setting's policy."""
    return MonthPolicy.model_validate(shipped().at(FIRST).model_dump() | changes(setting))


@functools.cache
def tariff_of(prices: tuple[OraclePrice, ...]) -> Tariff:
    """A tariff as the hub reads it."""
    return Tariff(
        prices=tuple(
            Price(
                component=one.component,
                customers=one.customers,
                version=one.version,
                since=one.since,
                source="sheet",
                per="year" if one.yearly else "month",
                tiers=tuple(Tier(up_to_milli=limit, price_e4=price) for limit, price in one.tiers),
            )
            for one in prices
        )
    )


@functools.cache
def _prices(tariff: tuple[OraclePrice, ...]) -> Mapping[str, Prices]:
    return dict.fromkeys(("city_water", "suburb_water"), Prices(tariff_of(tariff)))


class PureHub:
    """One household and service in the hub's pure rules."""

    def __init__(self, setting: Setting, life: Life, rows: Sequence[Row]) -> None:
        self.setting, self.life, self.rows = setting, life, rows
        self.policy = policy_of(setting)
        self.postings: list[Listing] = []
        self._listed: dict[str, dict[int, int]] = {}
        for slot in range(len(MONTHS)):
            self._run(slot)

    # --- the ledger

    def _run(self, slot: int) -> None:
        life, policy = self.life, self.policy
        timeline = fold(map(record_of, life.records_at(slot)), map(_presence, life.snapshots_at(slot)))
        links = [
            LinkSpan(ACCOUNTS[one.account], day_int(one.first), day_int(one.last) if one.last else OPEN_DAY, True)
            for one in life.links_at(slot)
        ]
        window = max(FIRST, MONTHS[slot].plus(-policy.look_back_months))
        for month in months_between(FIRST, MONTHS[slot]):
            posted = self.balance(month)
            if month < window and NO_PLACE not in posted:
                continue
            entitled = judge_month(timeline, Service.WATER, month, policy) in GRANTING
            kept = self._kept(slot, month)
            quantity = policy.water.allowance_milli
            wanted = allowance.due(links, month, quantity, entitled=entitled, held=False, kept=kept)
            for place, quantity in allowance.differences(wanted, posted):
                self.postings.append(Listing(int(month), place, quantity, slot + 1))

    def _kept(self, slot: int, month: Month) -> allowance.Kept | None:
        for moved, old, new in moves(self.life.links_at(slot)):
            if moved != month:
                continue
            known = [row for row in self.rows if Month.of(row.issued) <= reported_by(slot)]
            lines = [
                (line.due_milli, int(one.told.said.issued_on) >= day_int(old.last) and _is_bill(one))
                for one in self.judge(known, slot)
                for line in one.lines()
                if one.told.account_id == ACCOUNTS[old.account] and line.month == int(month)
            ]
            keeps = allowance.kept_of_move(sum(due for due, _ in lines), same_company=old.company == new.company)
            if keeps is not None and any(closing for _, closing in lines):
                return allowance.Kept(ACCOUNTS[old.account], keeps)
        return None

    def balance(self, month: Month, run: int = len(MONTHS)) -> dict[int, int]:
        """What stands for a month after a run, by place."""
        found = [(p.account_id, p.quantity_milli) for p in self.postings if p.month == int(month) and p.run_id <= run]
        return allowance.total(found)

    # --- lists

    def list_rows(self, slot: int, company: str) -> list[tuple[int, str, int, str]]:
        """The rows of a regular list: month, account, quantity, what it is called."""
        ours = {ACCOUNTS[home.account] for home in self.life.homes if home.company == company}
        now, before = self._at(slot, ours), self._at(slot - 1, ours) if slot else {}
        month = int(MONTHS[slot])
        rows = [(month, NAMES[one], q, change.value) for one, q, change in listing.net_changes(now, before)]
        for earlier in MONTHS[:slot]:
            mine = [p for p in self.postings if p.month == int(earlier) and p.run_id == slot + 1]
            net = allowance.total((p.account_id, p.quantity_milli) for p in mine)
            late = [listing.Late(1, int(earlier), place, quantity) for place, quantity in net.items()]
            for one, change in listing.late_changes(late):
                if one.account_id in ours:
                    rows.append((one.month, NAMES[one.account_id], one.quantity_milli, change.value))
        return sorted(rows)

    def _at(self, slot: int, ours: set[int]) -> dict[int, int]:
        balance = self.balance(MONTHS[slot], slot + 1)
        return {place: quantity for place, quantity in balance.items() if place in ours}

    # --- bills

    def judge(self, rows: Sequence[Row], lists: int = len(MONTHS)) -> list[Judged]:
        """Judge the rows of reports, when so many lists are published."""
        amounts = Amounts(lambda _month: self.policy, _prices(self.setting.tariff))
        told = [
            Told(1, n, row.company, ACCOUNTS[row.account], _known(row), report_row(row)) for n, row in enumerate(rows)
        ]
        on_accounts = [posting for posting in self.postings if posting.account_id]
        latest = _horizon(lists)
        return judge(amounts, told, on_accounts, {"city_water": latest, "suburb_water": latest})


def record_of(record: object) -> Record:
    """A record as the timeline needs it."""
    standing = Standing(
        record.category,
        record.status,
        day_int(record.valid_from),
        day_int(record.valid_to) if record.valid_to else OPEN_DAY,
        day_int(record.died) if record.died else OPEN_DAY,
    )
    return Record(record.version, day_int(record.effective), record.version, standing, "330102")


def _presence(snapshot: object) -> Presence:
    return Presence(snapshot.position, day_int(snapshot.as_of), snapshot.names)


def _is_bill(judged: Judged) -> bool:
    return is_bill(judged.told.said) and not judged.undone and judged.verdict not in ("duplicate", "unlisted")


def _horizon(number: int) -> Horizon:
    return Horizon(number, int(MONTHS[number - 1])) if number else Horizon(0, 0)


def _known(row: Row) -> Horizon:
    return _horizon(row.list_number or sum(listed_on(slot) <= row.issued for slot in range(len(MONTHS))))


def report_row(row: Row) -> ReportRow:
    """A row as it stands in a report."""
    parts = tuple(
        Component(name, row.version, 0, charge, row.fen.get(name, 0), charge - row.fen.get(name, 0))
        for name, charge in row.charges.items()
    )
    return ReportRow(
        list_number=row.list_number,
        account=row.account,
        bill_id=row.id,
        kind=BillKind(row.kind),
        refers_to=row.refers,
        issued_on=day_int(row.issued),
        month_from=int(row.first),
        month_to=int(row.last),
        billable_milli=row.use,
        waived_milli=row.waived,
        annual_before_milli=row.before,
        components=parts,
        answer=Answer(row.answer),
    )
