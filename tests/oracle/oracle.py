"""The whole of it: what a household's history comes to, month by month, list by list and bill by bill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from oracle_bills import Claim as ClaimFiller
from oracle_bills import Court, Fen, Judged, Lists, Row, as_reported
from oracle_certificates import entitled
from oracle_histories import FIRST, MONTHS, Claim, Life, Setting, listed_on, reported_by
from oracle_ledger import Ledger, Link, moves
from oracle_lists import Told

from schemas.values import Month

ALLOWANCE = 3000
COMPANIES = ("city_water", "suburb_water")
CATEGORIES = ("dibao_urban",)


@dataclass
class Outcome:
    """What a history comes to."""

    ledger: Ledger
    told: dict[str, Told]
    judged: list[Judged] = field(default_factory=list)


class Calculator:
    """Plays one history, slot by slot."""

    def __init__(self, setting: Setting, life: Life, rows: Sequence[Row] | None, court: type[Court]) -> None:
        self._setting, self._life, self._court = setting, life, court
        self._reported = rows is not None
        self._rows = [row for row, _ in life.rows] if rows is None else list(rows)
        self.ledger = Ledger(FIRST)
        self.told = {company: Told() for company in COMPANIES}

    def play(self) -> None:
        """Run every month, and publish it to both companies."""
        for slot, month in enumerate(MONTHS):
            self._run(slot)
            for company, told in self.told.items():
                ours = {home.account for home in self._life.homes if home.company == company}
                told.publish(slot + 1, month, slot + 1, self.ledger, ours)

    def _run(self, slot: int) -> None:
        records, snapshots = self._life.records_at(slot), self._life.snapshots_at(slot)

        def allowance(month: Month) -> int:
            return ALLOWANCE if entitled(month, records, snapshots, CATEGORIES, self._setting.rule) else 0

        links, look_back = self._life.links_at(slot), self._setting.look_back
        self.ledger.run(slot + 1, MONTHS[slot], look_back, allowance, links, self._kept(slot, links))

    def _kept(self, slot: int, links: Sequence[Link]) -> dict[Month, tuple[str, int]]:
        """What accounts that were left keep of the month of the move, once their closing bill is known."""
        kept: dict[Month, tuple[str, int]] = {}
        for month, old, new in moves(links):
            known = [row for row in self._rows if Month.of(row.issued) <= reported_by(slot)]
            here = [one for one in self.judge(known) if one.row.account == old.account]
            if any(one.covers(month) and one.row.issued >= old.last for one in here):
                drawn = sum(one.drawn.get(month, 0) for one in here)
                if drawn == 0 or old.company == new.company:  # between two companies the month is one company's
                    kept[month] = old.account, drawn
        return kept

    def judge(self, rows: Sequence[Row]) -> list[Judged]:
        """Judge rows by the lists told so far; without reports, the companies claim what they should, or err."""
        lists = Lists(lambda company, account, month, n: self.told[company].told(month, n, account), self._newest)
        tariffs = dict.fromkeys(COMPANIES, self._setting.tariff)
        claims = {_key(row): claim for row, claim in self._life.rows}
        filler = as_reported if self._reported else _erring(claims)
        return self._court(lists, self._setting.bills, tariffs, filler).hear(rows)

    def _newest(self, company: str, day: date) -> int:
        return max((n for n in self.told[company].lists if listed_on(n - 1) <= day), default=0)

    def outcome(self) -> Outcome:
        """What it all comes to."""
        return Outcome(self.ledger, self.told, self.judge(self._rows))


def reckon(setting: Setting, life: Life, rows: Sequence[Row] | None = None, court: type[Court] = Court) -> Outcome:
    """Play a history; without ``rows`` the companies report what is due, but for the errors that it plans."""
    calculator = Calculator(setting, life, rows, court)
    calculator.play()
    return calculator.outcome()


#: What makes a row another than the rest of a history.
Key = tuple[str, str, date]


def _key(row: Row) -> Key:
    return row.id, row.kind, row.issued


def _erring(claims: Mapping[Key, Claim]) -> ClaimFiller:
    said: dict[Key, Row] = {}

    def filled(row: Row, milli: int, fen: Fen | None) -> Row:
        key = _key(row)
        if key not in said:  # what is reported twice is the same row twice
            said[key] = _claimed(row, claims[key], milli, {"basic": milli * 22 // 100} if fen is None else fen)
        return said[key]

    return filled


def _claimed(row: Row, claim: Claim, milli: int, fen: Fen) -> Row:
    if claim.nothing:
        return row
    said = fen | {"basic": fen.get("basic", 0) + claim.milli * 22 // 100 + claim.fen}
    if "sewage" in said:
        said["sewage"] += claim.sewage_fen
    waived = milli + claim.milli
    if row.kind not in ("REVERSAL", "ACTUAL"):  # what is no correction relieves nothing negative
        waived, said = max(waived, 0), {name: max(amount, 0) for name, amount in said.items()}
    return replace(row, waived=waived, fen=said)
