"""The whole of it: what a household's history comes to, month by month, list by list and bill by bill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from oracle_bills import Claim as ClaimFiller
from oracle_bills import Court, Fen, Judged, Lists, Row, as_reported
from oracle_certificates import entitled
from oracle_histories import FIRST, MONTHS, Claim, Life, Setting, listed_on
from oracle_ledger import Ledger
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


def reckon(setting: Setting, life: Life, rows: Sequence[Row] | None = None, court: type[Court] = Court) -> Outcome:
    """Play a history; without ``rows`` the companies report what is due, but for the errors that it plans."""
    outcome = Outcome(Ledger(FIRST), {company: Told() for company in COMPANIES})
    for slot, month in enumerate(MONTHS):
        _run(setting, life, slot, outcome.ledger)
        for company, told in outcome.told.items():
            ours = {home.account for home in life.homes if home.company == company}
            told.publish(slot + 1, month, slot + 1, outcome.ledger, ours)
    lists = Lists(lambda company, account, month, n: outcome.told[company].told(month, n, account), _newest)
    tariffs = dict.fromkeys(COMPANIES, setting.tariff)
    heard = [row for row, _ in life.rows] if rows is None else rows
    filler = _erring({(row.id, row.kind): claim for row, claim in life.rows}) if rows is None else as_reported
    outcome.judged = court(lists, setting.bills, tariffs, filler).hear(heard)
    return outcome


def _run(setting: Setting, life: Life, slot: int, ledger: Ledger) -> None:
    records, snapshots = life.records_at(slot), life.snapshots_at(slot)

    def allowance(month: Month) -> int:
        return ALLOWANCE if entitled(month, records, snapshots, CATEGORIES, setting.rule) else 0

    ledger.run(slot + 1, MONTHS[slot], setting.look_back, allowance, life.links_at(slot))


def _newest(_company: str, day: date) -> int:
    return sum(listed_on(slot) <= day for slot in range(len(MONTHS)))


def _erring(claims: Mapping[tuple[str, str], Claim]) -> ClaimFiller:
    said: dict[tuple[str, str], Row] = {}

    def filled(row: Row, milli: int, fen: Fen | None) -> Row:
        key = row.id, row.kind
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
    return replace(row, waived=milli + claim.milli, fen=said)
