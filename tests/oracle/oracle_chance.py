"""Random histories, decided byte by byte: what a bureau and the companies may say of one household."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import TypeVar

from hypothesis import strategies as st
from oracle_bills import BillRule, Row
from oracle_certificates import Record, Rule, Snapshot, in_force
from oracle_histories import FIRST, LONG_AGO, MONTHS, SLOTS, Claim, Home, Life, Setting, told_on
from oracle_prices import Price

from schemas.values import Month

T = TypeVar("T")
#: So many decisions make a history; those after them are the first of their options.
LENGTH = 200


class Tape:
    """Decides a history choice by choice; blank, it picks the first of everything, so that histories shrink."""

    def __init__(self, decisions: bytes) -> None:
        self._decisions = iter(decisions)

    def pick(self, *options: T) -> T:
        """Pick one of some options."""
        return options[next(self._decisions, 0) % len(options)]


# --- the city ------------------------------------------------------------------------------------------------------

_TIERED = ((5000, 20000), (12000, 30000), (None, 45000))
_TARIFFS = (
    (Price("A", LONG_AGO, ((None, 22000),)),),
    (Price("A", LONG_AGO, ((None, 22000),)), Price("B", date(2026, 2, 11), ((None, 25130),))),
    (Price("A", LONG_AGO, _TIERED), Price("B", date(2026, 3, 8), ((4000, 21000), (None, 33350)))),
    (Price("A", LONG_AGO, _TIERED, yearly=True),),
)
_MORE = (
    Price("S", LONG_AGO, ((None, 9500),), component="sewage"),
    Price("S2", date(2026, 2, 20), ((None, 9950),), component="sewage"),
    Price("F", LONG_AGO, ((None, 10000),), customers="favoured"),
    Price("F", LONG_AGO, ((None, 3330),), component="sewage", customers="favoured"),
)


def setting_of(tape: Tape) -> Setting:
    """A city's policy and prices."""
    rule = Rule(tape.pick("any_day", "any_day", "first_day", "next_month"), tape.pick(2, 0, 1, 3))
    bills = BillRule(
        tape.pick("cap_only", "cap_only", "prorate_usage"),
        tape.pick("first_tier", "first_tier", "marginal", "before_tier"),
        tape.pick(("basic",), ("basic",), ("basic", "sewage")),
        tape.pick(3, 1, 2),
        tape.pick(0, 0, 1, 3),
    )
    slots = tape.pick((), (2,), (3,), (1, 3), (2, 4))
    return Setting(rule, bills, tape.pick(12, 12, 2, 1), tape.pick(*_TARIFFS) + _MORE, slots)


# --- the registry --------------------------------------------------------------------------------------------------

#: What a bureau does in a slot.
_ACTIONS = ["nothing"] * 9 + [
    "end",
    "end",
    "back",
    "category",
    "renew",
    "suspend",
    "die",
    "lose",
    "lose",
    "find",
    "restate",
    "earlier",
    "earlier",
]


class _Bureau:
    """What the bureau itself holds while it writes; a record's version tells the slot it was written in."""

    def __init__(self) -> None:
        self.written: list[Record] = []
        #: The slots since which snapshots pass it over, or name it again.
        self.lost: list[tuple[int, bool]] = []

    def write(self, slot: int, n: int, effective: date, changes: dict[str, object]) -> Record:
        record = replace(self.latest(effective), version=slot * 100 + n, effective=effective, **changes)  # type: ignore[arg-type]
        self.written.append(record)
        self.lost.append((slot, False))
        return record

    def latest(self, day: date) -> Record:
        """What is said of a day, or else what was said last."""
        return in_force(day, self.written, []) or self.written[-1]


def _registry(tape: Tape, setting: Setting, *, credited: bool) -> Life:
    """The bureau's part; where a bill is to be credited, a grant reaches further back than was known at first."""
    bureau, told = _Bureau(), list[tuple[int, Record]]()
    born = 2 if credited else tape.pick(0, 0, 0, 0, 0, 1, 2, 3)
    start = told_on(born) - timedelta(days=0 if credited else tape.pick(0, 10, 14, 40, 75, 400))
    bureau.written.append(Record(born * 100 + 1, start, start, tape.pick(*_ends(born, start))))
    told.append((_told(tape, born), bureau.written[0]))
    for slot in range(born + 1, SLOTS):
        action = "earlier" if credited and slot == born + 1 else tape.pick(*_ACTIONS)
        if action in ("lose", "find"):
            bureau.lost.append((slot, action == "lose"))
        elif action != "nothing":
            told.append((_told(tape, slot), _change(tape, bureau, slot, action)))
    snapshots = [_snapshot(bureau, slot) for slot in setting.snapshots]
    return Life(tuple(told), tuple(snapshots))


def _snapshot(bureau: _Bureau, slot: int) -> tuple[int, Snapshot, Record | None]:
    as_of = told_on(slot) + timedelta(days=3)
    written = [record for record in bureau.written if record.version < slot * 100 + 90]
    said = in_force(as_of, written, [])
    lost = [lost for at, lost in bureau.lost if at <= slot][-1:] == [True]
    names = said is not None and said.status != "ended" and not lost
    return slot, Snapshot(slot * 100 + 90, as_of, names), said if names else None


def _told(tape: Tape, slot: int) -> int:
    return min(slot + tape.pick(0, 0, 0, 1, 2), SLOTS - 1)


def _ends(slot: int, start: date) -> list[date | None]:
    near = [MONTHS[slot].last, MONTHS[slot].plus(-2).last, MONTHS[slot].plus(1).first + timedelta(days=9)]
    return [None, None, None, *(end for end in near if end >= start)]


def _change(tape: Tape, bureau: _Bureau, slot: int, action: str) -> Record:
    effective = told_on(slot) - timedelta(days=tape.pick(0, 0, 14, 15, 40, 100))
    first = min(record.effective for record in bureau.written)
    effective = max(effective, first)
    changes: dict[str, object] = {}
    if action == "end":
        changes = {"status": "ended"}
    elif action == "back":
        changes = {"status": "active", "valid_from": effective, "valid_to": None, "died": None}
    elif action == "category":
        changes = {"category": tape.pick("dibao_edge", "dibao_urban")}
    elif action == "renew":
        changes = {"valid_to": tape.pick(*_ends(slot, bureau.latest(effective).valid_from))}
    elif action == "suspend":
        start = bureau.latest(effective).valid_from
        changes = {"status": "suspended_review", "valid_to": max(told_on(slot) - timedelta(days=20), start)}
    elif action == "earlier":  # a grant that reaches further back than was known
        effective = first - timedelta(days=40)
        changes = {"valid_from": effective}
    elif action == "die":
        changes = {"died": effective}
    return bureau.write(slot, 2, effective, changes)


# --- accounts ------------------------------------------------------------------------------------------------------


def _homes(tape: Tape) -> tuple[Home, ...]:
    slot = tape.pick(0, 0, 0, 0, 1, 3, SLOTS)
    if slot == SLOTS:
        return ()
    opened = tape.pick(LONG_AGO, LONG_AGO, date(2026, 1, 20), date(2026, 3, 1))
    first = Home(slot, "W", "city_water", min(opened, told_on(slot)))
    end = tape.pick(SLOTS, SLOTS, SLOTS, 2, 3, 4)
    if end == SLOTS or end <= slot:
        return (first,)
    closed = told_on(end) - timedelta(days=tape.pick(0, 5, 15, 45))
    if closed <= first.opened:
        return (first,)
    first = replace(first, closed=closed, end_slot=end)
    after = tape.pick("city_water", "suburb_water", "")
    if not after:
        return (first,)
    known = min(end + tape.pick(0, 0, 1), SLOTS - 1)
    return first, Home(known, "V", after, min(closed + timedelta(days=1), told_on(known)))


# --- bills ---------------------------------------------------------------------------------------------------------

_USES = (3000, 0, 500, 1000, 2675, 4500, 7000, 9999, 28000)
_CLAIMS = [Claim()] * 7 + [
    Claim(milli=1000),
    Claim(milli=-500),
    Claim(fen=1),
    Claim(fen=-1),
    Claim(fen=250),
    Claim(nothing=True),
    Claim(fen=2, sewage_fen=-2),
    Claim(fen=1, sewage_fen=1),
]
_PLANS = [
    "one", "one", "one", "two", "estimated", "reversed", "rebilled early", "none", "none", "long", "long", "twice",
    "long", "held", "credit", "credit", "credit", "wrong reversal", "answer", "answer",
]  # fmt: skip


#: The plans of a household whose bill of several months is credited.
_CREDITED = ("none", "none", "long", "credit", "credit")


@dataclass
class _Billing:
    """Writes the rows of one household's bills."""

    tape: Tape
    prepaid: bool
    rows: list[tuple[Row, Claim]] = field(default_factory=list)

    def add(self, kind: str, home: Home, issued: date, months: tuple[Month, Month], use: int, **more: object) -> Row:
        name = f"B{len(self.rows)}"
        version = self.tape.pick("", "", "", "", "A", "B", "F", "X") if kind != "REVERSAL" else ""
        low = self.tape.pick(*[False] * 5, True)
        rate = 0 if kind == "REVERSAL" else 1 if low else 45
        charges = {
            "basic": use * rate // 10 + 1,
            "sewage": use * rate // 20 + 1,
        }  # none is 0, which means that it is not told
        number = 0
        if self.tape.pick(False, True):
            number = MONTHS.index(Month.of(issued)) + self.tape.pick(1, 1, 1, 0)
        row = Row(name, kind, home.company, home.account, issued, *months, use, charges=charges, list_number=number)
        row = replace(row, **{"version": version} | more)  # type: ignore[arg-type]
        self.rows.append((row, self.tape.pick(*_CLAIMS)))
        return row

    def month(self, home: Home, at: int, plan: str) -> None:
        month = MONTHS[at]
        day = month.first + timedelta(days=self.tape.pick(4, 4, 9, 24))
        kind = "TOP_UP" if self.prepaid else "BILL"
        first = month
        if plan == "long":
            first = max(FIRST, month.plus(-self.tape.pick(2, 1)))
        if plan == "none":
            return
        if plan == "credit":
            self._credit(home, day)
            return
        if plan == "answer":
            code = self.tape.pick("NO_BILL_DUE", "NOT_FOUND", "HELD", "ZERO_USAGE", "PREPAID_NO_PURCHASE")
            row = Row("", "NONE", home.company, home.account, day, month, month, answer=code)
            self.rows.append((row, Claim(nothing=True)))
            return
        more = {"before": self.tape.pick(0, 3000, 11000)}
        if plan == "held":
            more["answer"] = "HELD"
        bill = self.add(kind, home, day, (first, month), self.tape.pick(*_USES), **more)
        getattr(self, f"_{plan.replace(' ', '_')}", self._leave)(home, bill)

    def _leave(self, home: Home, bill: Row) -> None:
        """Nothing more comes of it."""

    def _two(self, home: Home, bill: Row) -> None:
        self.add("SUPPLEMENTARY", home, bill.issued, (bill.first, bill.last), self.tape.pick(*_USES))

    def _estimated(self, home: Home, bill: Row) -> None:
        if self.prepaid:
            return
        change = self.tape.pick(-bill.use, -bill.use // 2, 1000, 5000)
        self.add("ACTUAL", home, self._later(bill), (bill.first, bill.last), change, refers=bill.id)

    def _later(self, bill: Row) -> date:
        return min(bill.issued + timedelta(days=self.tape.pick(0, 3, 30)), MONTHS[-1].last)

    def _reversed(self, home: Home, bill: Row) -> None:
        day = self._later(bill)
        self.add("REVERSAL", home, day, (bill.first, bill.last), -bill.use, refers=bill.id)
        kind = "TOP_UP" if self.prepaid else self.tape.pick("REBILL", "BILL")
        again = day if kind == "REBILL" else day + timedelta(days=1)
        if again <= MONTHS[-1].last:
            self.add(kind, home, again, (bill.first, bill.last), self.tape.pick(*_USES))

    def _rebilled_early(self, home: Home, bill: Row) -> None:
        again = "TOP_UP" if self.prepaid else "REBILL"
        self.add(again, home, bill.issued + timedelta(days=1), (bill.first, bill.last), self.tape.pick(*_USES))
        self.add("REVERSAL", home, bill.issued + timedelta(days=2), (bill.first, bill.last), -bill.use, refers=bill.id)

    def _twice(self, home: Home, bill: Row) -> None:
        self.rows.append((bill, self.rows[-1][1]))

    def _wrong_reversal(self, home: Home, bill: Row) -> None:
        self._reversed(home, bill)
        named = self.tape.pick(bill.id, "none such")
        self.add("REVERSAL", home, self._later(bill), (bill.first, bill.last), -bill.use, refers=named)

    def _credit(self, home: Home, day: date) -> None:
        """Credit an earlier bill of the account, if there is one."""
        corrected = {row.refers for row, _ in self.rows}
        old = [
            row
            for row, _ in self.rows
            if row.kind in ("BILL", "SUPPLEMENTARY") and row.account == home.account and row.id not in corrected
        ]
        if old and not self.prepaid:
            bill = self.tape.pick(*old)
            kept = {"version": bill.version, "charges": bill.charges, "before": bill.before}
            self.add("RETRO", home, day, (bill.first, bill.last), bill.use, refers=bill.id, **kept)


def life_of(tape: Tape, setting: Setting) -> Life:
    """A household's history at one service."""
    credited = tape.pick(False, False, False, False, False, True)
    life = _registry(tape, setting, credited=credited)
    billing = _Billing(tape, prepaid=not credited and tape.pick(False, False, False, False, True))
    homes = _homes(tape)
    life = replace(life, homes=homes)
    for at, month in enumerate(MONTHS):
        linked = {link.account for link in life.links_at(min(at + 1, SLOTS - 1))}
        mine = [
            home
            for home in homes
            if home.account in linked and home.opened <= month.last
            if home.closed is None or at < home.end_slot or home.closed >= month.first
        ]
        if mine:
            billing.month(tape.pick(*mine), at, _CREDITED[at] if credited else tape.pick(*_PLANS))
    return replace(life, rows=tuple(billing.rows), prepaid=billing.prepaid)


def histories() -> st.SearchStrategy[tuple[Setting, Life]]:
    """A city and one household in it."""
    return st.binary(min_size=LENGTH, max_size=LENGTH).map(history_of)


def history_of(decisions: bytes) -> tuple[Setting, Life]:
    tape = Tape(decisions)
    setting = setting_of(tape)
    return setting, life_of(tape, setting)
