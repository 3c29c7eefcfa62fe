"""Which mistakes stand in which report, on whom, and whether a later report mends them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from integration.demo.billing import Billing
from integration.demo.city import CITY_GAS, CITY_WATER, SUBURB_WATER, Number, one_of
from integration.demo.corrections import Corrections
from integration.demo.mistakes import SLIPS, Case
from integration.demo.rows import Line, Wanted, about_row, whole
from integration.demo.truth import ALLOWANCE_MILLI
from schemas.findings import FindingKind

#: Mistakes by company and month of the story; those before the bar are mended by a REPLACE or SUPPLEMENT of the month.
_PLAN: Final[Mapping[tuple[str, int], str]] = {
    (CITY_WATER, 0): "| held_in_words not_connected duplicate_account unknown_reference wrong_list",
    (CITY_WATER, 1): "missing undecided | strange_bill not_found",
    (CITY_WATER, 2): "| missing wrong_account contradicts held_bill",
    (SUBURB_WATER, 0): "| over_quantity under_quantity fen_for_yuan later_version not_sum wrong_account unlisted"
    " wrong_month not_ours",
    (SUBURB_WATER, 1): "missing not_found less_money over_quantity fen_for_yuan twice strange_answer"
    " | opted_out non_domestic no_original reversed_twice contradicts wrong_list",
    (SUBURB_WATER, 2): "| undecided closed less_money unknown_version twice",
    (CITY_GAS, 0): "| fen_for_yuan strange_bill wrong_account under_quantity",
    (CITY_GAS, 1): "| over_quantity not_sum not_connected unlisted",
    (CITY_GAS, 2): "missing strange_answer | less_money wrong_list no_original",
}
#: Mistakes of figures: on bills of one month that draw its whole allowance, and charge for more.
_OF_FIGURES: Final = (
    "over_quantity", "under_quantity", "fen_for_yuan", "less_money", "later_version", "unknown_version", "not_sum",
)  # fmt: skip
#: Mistakes for which the bill itself must not come, on a meter that is read.
_OF_SILENCE: Final = (
    "not_connected", "duplicate_account", "undecided", "not_found", "missing", "wrong_month", "not_ours",
    "strange_answer", "opted_out", "non_domestic", "closed", "reversed_twice",
)  # fmt: skip
#: Of so many households a mistake has one more victim.
_PORTION: Final = 4000


@dataclass
class Planted:
    """A report's lines as they are sent first, and as they are once mended; ``added`` comes with the supplement.

    ``wanted`` are the findings, each with whether it is mended.
    """

    lines: list[Line] = field(default_factory=list)
    mended: list[Line] = field(default_factory=list)
    added: list[Line] = field(default_factory=list)
    wanted: list[tuple[Wanted, bool]] = field(default_factory=list)


class Planter:
    """Puts a company's mistakes into its truthful months."""

    def __init__(self, billing: Billing, corrections: Corrections, months: Sequence[list[Line]]) -> None:
        self._billing = billing
        self._months = months
        steady = billing.steady()
        self._free = set(steady) - corrections.places
        self._victims = 1 + len(steady) // _PORTION
        strangers = (account for account in billing.accounts.values() if account.company == billing.company)
        told = {place for roll in billing.rolls for place in roll}
        self._others = [a.number for a in strangers if a.state == "open" and (a.company, a.number) not in told]
        self._early = {line.place: line for line in months[0]}

    def planted(self, turn: int) -> Planted:
        """Return a month's report with its mistakes."""
        found = Planted()
        victims = self._chosen(turn)
        for line in self._months[turn]:
            if line.place not in victims or line.row.kind not in ("BILL", "TOP_UP"):
                found.lines.append(line)
                found.mended.append(line)
                continue
            name, is_mended = victims[line.place]
            other = self._others[len(found.wanted) % len(self._others)]
            case = Case(self._billing, turn, line, other, self._early.get(line.place))
            lines, wanted = SLIPS[name](case)
            found.lines += lines
            found.mended += [line] if is_mended else lines
            found.added += [line] if is_mended else []
            found.wanted += [(one, is_mended) for one in wanted]
        return found

    def _chosen(self, turn: int) -> dict[Number, tuple[str, bool]]:
        """Choose who suffers which mistake, each household one in all the story."""
        mended, _, lasting = _PLAN[self._billing.company, turn].partition("|")
        names = [(name, True) for name in mended.split()] + [(name, False) for name in lasting.split()]
        chosen: dict[Number, tuple[str, bool]] = {}
        pool = [line for line in self._months[turn] if line.place in self._free and _is_plain(line)]
        # those who bear figures first: of bills of one month there are fewer
        for name, is_mended in sorted(names * self._victims, key=lambda one: one[0] not in _OF_FIGURES):
            line = one_of(line for line in pool if line.place not in chosen and self._suits(name, line))
            chosen[line.place] = name, is_mended
        self._free -= chosen.keys()
        return chosen

    def _suits(self, name: str, line: Line) -> bool:
        if name in _OF_FIGURES:
            return line.row.first == line.row.last and list(line.due) == [line.row.last]
        if name == "reversed_twice" and not self._early[line.place].due:
            return False
        return name not in _OF_SILENCE or line.row.kind == "BILL"

    def a_plain_line(self, turn: int) -> Line:
        """Return a line of a household without trouble, to be sent a second time; nothing else befalls it."""
        line = one_of(line for line in self._months[turn] if line.place in self._free and _is_plain(line))
        self._free.discard(line.place)
        return line


def _is_plain(line: Line) -> bool:
    row = line.row
    full = ALLOWANCE_MILLI * len(line.due)
    return row.kind in ("BILL", "TOP_UP") and row.answer == "APPLIED" and 0 < full == row.waived <= row.use - 2000


# --- mistakes that only some of the story's households can suffer ------------------------------------------------


def credit_forgotten(billing: Billing, months: list[list[Line]]) -> list[Wanted]:
    """Leave one credit out, of an old bill that was reported without relief: it is owed still."""
    bills = {line.row.bill_id: index for index, line in enumerate(months[1]) if not line.due and line.covers}
    credit = one_of(
        line
        for line in months[2]
        if line.row.refers_to in bills and line.due_milli == ALLOWANCE_MILLI == line.row.waived
    )
    months[2].remove(credit)
    place = bills[credit.row.refers_to]
    months[1][place] = replace(months[1][place], owed=credit.due)
    (month,) = credit.due
    case = Case(billing, 2, credit, "")
    return [case.allowance(FindingKind.CREDIT_MISSING, month)]


def claimed_by_both(billing: Billing, months: list[list[Line]], moved: Iterator[Number]) -> list[Wanted]:
    """Credit a month at the new company that the old one has relieved already (edge case 88)."""
    place, first = one_of(moved), billing.first
    line = one_of(line for line in months[2] if line.place == place and line.row.kind == "BILL")
    charged = billing.charged(place, (first,), 5000)
    relief = billing.worth(place, {first: ALLOWANCE_MILLI})
    row = replace(
        line.row,
        kind="RETRO",
        bill_id=f"{line.row.bill_id}C9",
        refers_to=billing.bill_id(place, first),
        first=first,
        last=first,
        use=charged.litres,
        version=charged.version,
        price_e4=charged.price_e4,
        before=charged.fen,
        answer="APPLIED",
    ).claiming(ALLOWANCE_MILLI, relief)
    wrong = Line(row, line.key, {}, 0, "unlisted", covers=False)
    months[2].append(wrong)
    return [whole(FindingKind.CROSS_COMPANY, billing.company, first.plus(2), wrong)]


def sold_again(billing: Billing, months: list[list[Line]], place: Number) -> list[Wanted]:
    """Relieve the new customer of a closed number by the reference of whoever had it before (edge case 61)."""
    roll = billing.rolls[2][place]
    line = billing.top_up(place, 2, sorted(roll))
    months[2].append(line)
    return [whole(FindingKind.REUSED_NUMBER, billing.company, billing.first.plus(2), line)]


def in_good_faith(billing: Billing, turn: int, lines: list[Line]) -> list[Wanted]:
    """Mark what was drawn by a list that the last one has taken back: nobody is charged for it (edge case 87)."""
    found = []
    for index, line in enumerate(lines):
        still = billing.rolls[-1].get(line.place, {})
        good = {month: litres for month, litres in line.due.items() if month not in still}
        if good:
            lines[index] = replace(line, good=good)
            fen = line.due_fen * sum(good.values()) // line.due_milli
            month = billing.first.plus(turn)
            found.append(about_row(FindingKind.GOOD_FAITH, billing.company, month, line, sum(good.values()), fen))
    return found
