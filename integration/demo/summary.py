"""The demo's summary: months, lists, what was refused and why, the checks, the time; then what to try next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from integration.demo.acting import Ended
from integration.demo.figures import Played
from integration.demo.hints import hints
from integration.demo.people import DISTRICTS
from integration.demo.stage import CLERK, SUPERVISOR
from integration.demo.words import FINDINGS, LIMITS, REASONS, STATES, TEXTS, cubic, pick, side, yuan
from integration.domain.brake import Trip
from integration.jobs.finding_texts import ACTS
from integration.jobs.publish import PublishResult
from schemas.findings import Acts, FindingKind
from schemas.lists import Change
from schemas.values import Service

_LATE: Final = (Change.RETRO, Change.MOVE)


def show(console: Console, played: Played, language: str) -> None:
    """Print the summary."""
    _Summary(console, played, language).show()


class _Summary:
    """Prints one part after the other."""

    def __init__(self, console: Console, played: Played, language: str) -> None:
        self._console = console
        self._played = played
        self._language = language

    def show(self) -> None:
        city = self._played.story.city
        self._heading("title", f"{len(city.households):,}", f"{len(city.accounts):,}")
        self._table("months", _MONTH_COLUMNS, self._month_rows())
        self._reasons()
        self._table("lists", _LIST_COLUMNS, self._list_rows())
        self._table("reported", _REPORTED_COLUMNS, self._reported_rows())
        self._table("findings", _FINDING_COLUMNS, self._finding_rows())
        self._table("settlements", _SETTLEMENT_COLUMNS, self._settlement_rows())
        self._events()
        self._checks()
        self._times()
        self._next()

    # --- the parts

    def _month_rows(self) -> Iterator[list[str]]:
        published = [one.published for one in self._played.record.ended if one.published]
        for figures, lists in zip(self._played.months, published, strict=True):
            retro, move = (_change(lists, change) for change in _LATE)
            yield [
                str(figures.month),
                f"{figures.entitled:,}",
                cubic(figures.due[Service.WATER]),
                cubic(figures.due[Service.GAS]),
                cubic(figures.placed),
                f"{cubic(figures.none_yet_milli)} ({len({one for one, _ in figures.none_yet}):,})",
                f"{cubic(retro[1])} ({retro[0]:,})",
                f"{move[0]:,}",
            ]

    def _reasons(self) -> None:
        last = self._played.months[-1]
        self._heading("why", str(last.month))
        for name, number in last.reasons.most_common():
            self._line(f"  {number:>6,}  {pick(REASONS[name], self._language)}")

    def _list_rows(self) -> Iterator[list[str]]:
        titles = self._titles
        for ended in self._played.record.ended:
            for one in ended.published:
                counts = [f"{_change([one], change)[0]:,}" for change in Change]
                yield [titles[one.company], str(one.number), one.month, *counts, cubic(one.quantity_milli)]

    @property
    def _titles(self) -> Mapping[str, str]:
        return {code: company.title for code, company in self._played.stage.hub.companies.items()}

    def _reported_rows(self) -> Iterator[list[str]]:
        for one in self._played.reported.months:
            milli, fen = one.applied_milli - one.due_milli, one.applied_fen - one.due_fen
            quantities = map(cubic, (one.balance.listed_milli, one.due_milli, one.applied_milli, milli))
            amounts = map(yuan, (one.due_fen, one.applied_fen, fen))
            yield [self._titles[one.balance.company], one.balance.month, *quantities, *amounts]

    def _finding_rows(self) -> Iterator[list[str]]:
        for one in self._played.reported.findings:
            kind = pick(FINDINGS[FindingKind(one.kind)], self._language)
            acts = pick(ACTS[Acts(one.acts)], self._language)
            stakes = cubic(one.stake_milli), yuan(one.stake_fen)
            yield [self._titles[one.company], kind, f"{one.findings:,}", f"{one.households:,}", *stakes, acts]

    def _settlement_rows(self) -> Iterator[list[str]]:
        for one in self._played.reported.settlements:
            totals = one.totals
            amounts = (totals.accepted, one.change.accepted, totals.over, totals.short)
            sums = [cubic(totals.accepted.quantity_milli), *(yuan(amount.amount_fen) for amount in amounts)]
            yield [self._titles[one.company], one.month, str(one.n), *sums, f"{len(one.open_items):,}"]

    def _events(self) -> None:
        self._heading("events")
        for ended in self._played.record.ended:
            for line in self._event(ended):
                self._line(f"  {ended.step.day}  {ended.step.name}: {line}")

    def _event(self, ended: Ended) -> Iterator[str]:
        if ended.state in STATES:
            yield "; ".join([pick(STATES[ended.state], self._language), *self._why(ended)])
        elif ended.step.kind == "reject":
            yield pick(TEXTS["rejected_by"], self._language).format(CLERK, SUPERVISOR)
        elif ended.sync:
            kept = ended.sync.counts
            faults = {fault.code: fault.text for fault in ended.sync.faults}
            number = kept.get("held", 0) + kept.get("rejected", 0)
            if faults:
                why = "; ".join(side(text, self._language) for text in faults.values())
                yield pick(TEXTS["row_faults"], self._language).format(number, why)

    def _why(self, ended: Ended) -> Iterator[str]:
        if ended.sync is None:
            yield pick(TEXTS["conflict"], self._language)
        elif ended.state == "held":
            yield from (self._limit(trip) for trip in _plainest(ended.sync.trips))
        elif ended.state == "refused":
            yield from (side(fault.text, self._language) for fault in ended.sync.faults[:1])

    def _limit(self, trip: Trip) -> str:
        district = DISTRICTS.get(trip.district, trip.district)
        text = pick(LIMITS[trip.limit], self._language)
        return text.format(number=f"{trip.number:,}", base=f"{trip.base:,}", district=district)

    def _checks(self) -> None:
        checks = self._played.checks
        self._heading("checks")
        for check in checks:
            mark = Text("  ✓ ", "green") if check.passed else Text("  ✗ ", "bold red")
            self._console.print(mark.append(pick(check.words, self._language), ""), soft_wrap=True)
            for fault in check.faults:
                self._line(f"      {fault}")
            if check.further:
                self._line("      " + pick(TEXTS["more"], self._language).format(f"{check.further:,}"))
        failed = sum(not check.passed for check in checks)
        verdict = pick(TEXTS["some_failed" if failed else "all_passed"], self._language).format(len(checks), failed)
        self._line("  " + verdict, "bold red" if failed else "bold green")

    def _times(self) -> None:
        self._heading("times")
        parts = [f"{pick(TEXTS[name], self._language)} {seconds:.1f}" for name, seconds in _times(self._played).items()]
        self._line("  " + " · ".join(parts))

    def _next(self) -> None:
        self._heading("next")
        for what, command in hints(self._played):
            self._line(f"  # {pick(what, self._language)}", "dim")
            self._line(f"  {command}")

    # --- printing

    def _heading(self, name: str, *values: str) -> None:
        self._console.print()
        self._line(pick(TEXTS[name], self._language).format(*values), "bold")

    def _line(self, text: str, style: str = "") -> None:
        self._console.print(Text(text, style), soft_wrap=True)

    def _table(self, name: str, columns: tuple[str, ...], rows: Iterator[list[str]]) -> None:
        self._heading(name)
        table = Table(box=None, pad_edge=True, header_style="dim")
        for index, column in enumerate(columns):
            title = pick(TEXTS[column], self._language) if column in TEXTS else column
            table.add_column(title, justify="left" if index == 0 or column in _IN_WORDS else "right", overflow="fold")
        for row in rows:
            table.add_row(*row)
        self._console.print(table)


_MONTH_COLUMNS: Final = ("month", "entitled", "due_water", "due_gas", "placed", "none_yet", "retro", "move")
_IN_WORDS: Final = frozenset(("kind", "acts"))
_REPORTED_COLUMNS: Final = (
    "company", "month", "listed", "due_milli", "applied_milli", "differ_milli", "due_fen", "applied_fen", "differ_fen",
)  # fmt: skip
_FINDING_COLUMNS: Final = ("company", "kind", "found", "households", "stake_milli", "stake_fen", "acts")
_SETTLEMENT_COLUMNS: Final = (
    "company", "report_month", "n", "accepted_milli", "accepted_fen", "change_fen", "over_fen", "short_fen",
    "open_items",
)  # fmt: skip
_LIST_COLUMNS: Final = ("company", "number", "month", *(change.value for change in Change), "quantity")


def _change(lists: tuple[PublishResult, ...] | list[PublishResult], change: Change) -> tuple[int, int]:
    """Return rows and quantity of a change, over these lists."""
    totals = [one.changes[change] for one in lists if change in one.changes]
    return sum(total.rows for total in totals), sum(total.quantity_milli for total in totals)


def _plainest(trips: list[Trip]) -> list[Trip]:
    """Leave out the districts where the whole city is named already."""
    return [trip for trip in trips if not trip.limit.endswith("_district")] or trips


def _times(played: Played) -> Mapping[str, float]:
    """Return the seconds of each stage: the story's by kind of step."""
    kinds: dict[str, float] = {}
    for ended in played.record.ended:
        kinds[ended.step.kind] = kinds.get(ended.step.kind, 0.0) + ended.seconds
    first, checking, total = (played.seconds.get(name, 0.0) for name in ("building", "checking", "total"))
    rest = {"recomputing": played.record.full_seconds, "checking": checking, "total": total}
    return {"generating": first, **kinds, **rest}
