"""Comparing what a case expects with what was seen; an expectation that names nothing known is a fault of the table."""

from __future__ import annotations

from case_seen import Seen
from case_tables import Case, Row, day, fen, milli

from schemas.values import OPEN_DAY

#: Silence is found in nearly every case, as they bill only the months they are about; a case that means it names it.
SILENCE = ("missing", "unanswered")


def failures(case: Case, seen: Seen) -> list[str]:
    """Return every expectation that does not hold, with what was found instead."""
    found = []
    for row in case.expected:
        kind = next(iter(row))
        wanted, got = CHECKS[kind](case, row, seen)
        if wanted != got:
            found.append(f"{row}: wanted {wanted}, found {got}")
    return found


def _bill(case: Case, row: Row, seen: Seen) -> tuple[object, object]:
    """``{ bill = "B", waived = "3", yuan = "6.60" }``: what the bill should have drawn, and what that is worth."""
    drawn = seen.bills[case.key + row["bill"]]
    readers = {
        "waived": (milli, drawn.due_milli),
        "yuan": (fen, drawn.due_fen),
        "settled": (milli, drawn.accepted_milli),
        "settled_yuan": (fen, drawn.accepted_fen),
        "owed": (milli, drawn.owed_milli),
        "good_faith": (milli, drawn.good_milli),
        "verdict": (str, drawn.verdict),
    }
    keys = [key for key in row if key != "bill"]
    return [readers[key][0](row[key]) for key in keys], [readers[key][1] for key in keys]


def _bills(case: Case, row: Row, seen: Seen) -> tuple[object, object]:
    """``{ bills = ["A", "B"], waived = "1", yuan = "2.20" }``: the same of several bills together."""
    drawn = [seen.bills[case.key + one] for one in row["bills"]]
    sums = sum(one.due_milli for one in drawn), sum(one.due_fen for one in drawn)
    return (milli(row["waived"]), fen(row["yuan"])), sums


def _due(case: Case, row: Row, seen: Seen) -> tuple[object, object]:
    """``{ due = "2026-02", water = "3", at = "W" }``: what the ledger holds of a month; ``at`` may be "none yet"."""
    service = next(one for one in ("water", "gas") if one in row)
    places = seen.due.get((case.key + row.get("of", "C"), service, row["due"]), {})
    if "at" not in row:
        return milli(row[service]), sum(places.values())
    at = row["at"] if row["at"] == "none yet" else case.key + row["at"]
    return {at: milli(row[service])}, places


def _findings(case: Case, row: Row, seen: Seen) -> tuple[object, object]:
    """``{ findings = ["over_quantity"] }``: every open finding of the case's households.

    Silence counts where it is named, or asked for by ``silence = true``.
    """
    mine = [one for who, found in seen.findings.items() if who.startswith(case.key) for one in found]
    if "month" in row:
        mine = [one for one in mine if one[1] == row["month"]]
    unasked = () if row.get("silence") else set(SILENCE).difference(row["findings"])
    kinds = sorted(kind for kind, *_ in mine if kind not in unasked)
    return sorted(row["findings"]), sorted(set(kinds)) if row.get("once") else kinds


def _list(case: Case, row: Row, seen: Seen) -> tuple[object, object]:
    """``{ list = "2026-03", account = "W", rows = ["KEEP 2026-03 3"] }``: the rows of one account in a list."""
    told = seen.rows.get(case.key + row.get("account", "W"), [])
    rows = [(one.change, one.month, one.quantity_milli) for one in told if one.listed == row["list"]]
    wanted = [(change, month, milli(quantity)) for change, month, quantity in map(str.split, row["rows"])]
    return sorted(wanted), sorted(rows)


def _linked(case: Case, row: Row, seen: Seen) -> tuple[object, object]:
    """``{ linked = ["W"], of = "C", service = "water" }``: the accounts of a household, in the order of their days."""
    found = seen.links.get((case.key + row.get("of", "C"), row.get("service", "water")), [])
    if "from" in row or "to" in row:
        wanted = (case.key + row["linked"][0], day(row["from"]) if "from" in row else found[-1][1])
        return (*wanted, day(row["to"]) if "to" in row else OPEN_DAY), found[-1][:3]
    if "evidence" in row:
        return (case.key + row["linked"][0], row["evidence"]), (found[-1][0], found[-1][3])
    if "waiting" in row:
        return (case.key + row["linked"][0], row["waiting"]), (found[-1][0], not found[-1][4])
    return [case.key + one for one in row["linked"]], [one[0] for one in found if one[4]]


def _answered(case: Case, row: Row, seen: Seen) -> tuple[object, object]:
    """``{ answered = ["", "END_BEFORE_START"], of = "C" }``: how its registry records were answered, by code."""
    return row["answered"], seen.answers.get(case.key + row.get("of", "C"), [])


CHECKS = {
    "answered": _answered,
    "bill": _bill,
    "bills": _bills,
    "due": _due,
    "findings": _findings,
    "list": _list,
    "linked": _linked,
}
