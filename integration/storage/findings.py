"""Findings in the database: each as it stands now, and everything it has been."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

from sqlalchemy import Connection, bindparam, func, insert, select, update

from integration.domain.findings import Finding
from integration.storage.bulk import bulk_insert, stream
from integration.storage.sets import among
from integration.storage.tables import finding_events, findings, reconciliations
from schemas.findings import FindingKind
from schemas.values import Service

#: What a finding is derived from: a report's row, an allowance, a company's whole month, or what a detector sees.
Scope = Literal["row", "key", "company", "detector"]
#: By company and identity.
Key = tuple[str, str]

_FIGURES: Final = ("due_milli", "reported_milli", "due_fen", "reported_fen", "stake_milli", "stake_fen")
_PART: Final = 5_000


class Stored(NamedTuple):
    """A finding as it stands."""

    finding_id: int
    household_id: int
    report_id: int
    reason: str
    events: int
    figures: tuple[int, ...]


class Changes(NamedTuple):
    """How many findings were opened (or opened again), changed and closed."""

    opened: int = 0
    changed: int = 0
    closed: int = 0

    def plus(self, other: Changes) -> Changes:
        """Add two."""
        return Changes(*(a + b for a, b in zip(self, other, strict=True)))


class Entry(NamedTuple):
    """Under which reconciliation, and when, findings change."""

    reconciliation: int
    at_us: int
    service: Service
    scope: Scope


_COLUMNS: Final = (
    "finding_id", "company", "identity", "service", "scope", "kind", "reason", "acts", "month", "report_month",
    "report_id", "household_id", "account_id", "bill_id", "state", "events", *_FIGURES, "households",
)  # fmt: skip
_EVENT_COLUMNS: Final = ("finding_id", "n", "at_us", "reconciliation", "event", *_FIGURES)


def open_ones(connection: Connection, scope: Scope, *conditions: Any) -> dict[Key, Stored]:
    """Return the open findings of a scope under conditions on ``findings``."""
    c = findings.c
    return _stored(connection, c.state == "open", c.scope == scope, *conditions)


def of_households(connection: Connection, service: Service, scope: Scope, ids: Sequence[int]) -> dict[Key, Stored]:
    """Return the open findings of a scope about some households at a service."""
    c = findings.c
    return open_ones(connection, scope, c.service == service.value, among(connection, c.household_id, ids))


def oldest_open(connection: Connection, company: str, kind: FindingKind) -> int | None:
    """Return the first month (YYYYMM) in which a company has an open finding of a kind."""
    c = findings.c
    query = select(func.min(c.month)).where(c.state == "open", c.company == company, c.kind == kind.value)
    month: int | None = connection.execute(query).scalar()
    return month


def _stored(connection: Connection, *conditions: Any) -> dict[Key, Stored]:
    c = findings.c
    whose = (c.finding_id, c.household_id, c.report_id, c.reason, c.events)
    columns = (c.company, c.identity, *whose, *(c[name] for name in _FIGURES))
    rows = stream(connection, select(*columns).where(*conditions))
    return {
        (company, identity): Stored(number, household, report, reason, events, tuple(figures))
        for company, identity, number, household, report, reason, events, *figures in rows
    }


def settle(connection: Connection, entry: Entry, found: Iterable[Finding], before: Mapping[Key, Stored]) -> Changes:
    """Bring the findings of a scope to what was found: open the new, follow the changed, close those gone."""
    now = _numbered(found)
    new = [one for key, one in now.items() if key not in before]
    both = [(one, now[key]) for key, one in before.items() if key in now]
    moved = [(stored, one) for stored, one in both if stored.figures != _figures(one)]
    _carry(connection, [(s, one) for s, one in both if (s.report_id, s.reason) != (one.report_id, one.reason)])
    gone = [one for key, one in before.items() if key not in now]
    for start in range(0, len(new), _PART):
        _open(connection, entry, new[start : start + _PART])
    _change(connection, moved)
    events = [(stored, "changed", _figures(one)) for stored, one in moved]
    for start in range(0, len(gone), _PART):
        _close(connection, [one.finding_id for one in gone[start : start + _PART]])
    events += [(stored, "closed", stored.figures) for stored in gone]
    _tell(
        connection, entry, ((stored.finding_id, stored.events + 1, event, figures) for stored, event, figures in events)
    )
    return Changes(len(new), len(moved), len(gone))


def _numbered(found: Iterable[Finding]) -> dict[Key, Finding]:
    """Give each finding a name of its own: a row that stands three times is found twice."""
    now: dict[Key, Finding] = {}
    for one in found:
        name, n = one.identity, 1
        while (one.company, name) in now:
            n += 1
            name = f"{one.identity}#{n}"
        now[one.company, name] = one._replace(identity=name)
    return now


def _carry(connection: Connection, both: Iterable[tuple[Stored, Finding]]) -> None:
    """Let findings that a replacement says again belong to its report, and those with another reason have it."""
    for stored, one in both:
        changed = update(findings).where(findings.c.finding_id == stored.finding_id)
        values = {"report_id": one.report_id, "reason": one.reason, "acts": one.acts.value}
        connection.execute(changed.values(**values))


def _figures(one: Finding) -> tuple[int, ...]:
    return tuple(getattr(one, name) for name in _FIGURES)


def _open(connection: Connection, entry: Entry, new: Sequence[Finding]) -> None:
    """Open findings, or open again what was closed under the same identity."""
    c, closed = findings.c, dict[Key, Stored]()
    for company in {one.company for one in new}:
        wanted = [one.identity for one in new if one.company == company]
        closed |= _stored(connection, c.company == company, among(connection, c.identity, wanted))
    start = int(connection.execute(select(func.coalesce(func.max(c.finding_id), 0))).scalar_one()) + 1
    fresh = [one for one in new if (one.company, one.identity) not in closed]
    rows = [_row(entry, number, one) for number, one in enumerate(fresh, start)]
    bulk_insert(connection, findings, _COLUMNS, rows)
    events = [(number, 1, "opened", _figures(one)) for number, one in enumerate(fresh, start)]
    again = [(closed[key], one) for one in new if (key := (one.company, one.identity)) in closed]
    _change(connection, again)
    events += [(stored.finding_id, stored.events + 1, "reopened", _figures(one)) for stored, one in again]
    _tell(connection, entry, events)


def _row(entry: Entry, number: int, one: Finding) -> tuple[Any, ...]:
    about = (one.month, one.report_month, one.report_id, one.household_id, one.account_id, one.bill_id)
    named = (number, one.company, one.identity, entry.service.value, entry.scope)
    what = (one.kind.value, one.reason, one.acts.value)
    return *named, *what, *about, "open", 1, *_figures(one), one.households


def _change(connection: Connection, both: Sequence[tuple[Stored, Finding]]) -> None:
    """Let findings stand open with their new figures."""
    rows = [
        dict(zip(_FIGURES, _figures(one), strict=True))
        | {"stored_id": stored.finding_id, "events": stored.events + 1, "state": "open"}
        | {"households": one.households, "report_id": one.report_id, "reason": one.reason, "acts": one.acts.value}
        | {"month": one.month, "report_month": one.report_month, "account_id": one.account_id, "bill_id": one.bill_id}
        for stored, one in both
    ]
    if rows:
        connection.execute(update(findings).where(findings.c.finding_id == bindparam("stored_id")), rows)


def _close(connection: Connection, ids: Sequence[int]) -> None:
    c = findings.c
    closed = update(findings).where(among(connection, c.finding_id, ids))
    connection.execute(closed.values(state="closed", events=c.events + 1))


def _tell(connection: Connection, entry: Entry, events: Iterable[tuple[int, int, str, tuple[int, ...]]]) -> None:
    rows = ((number, n, entry.at_us, entry.reconciliation, event, *figures) for number, n, event, figures in events)
    bulk_insert(connection, finding_events, _EVENT_COLUMNS, sorted(rows))


# --- reconciliations -------------------------------------------------------------------------------------------


class Reconciled(NamedTuple):
    """The last reconciliation of a company: the newest run listed by then, under which policy and tariff."""

    number: int
    run_id: int
    policy_sha256: str
    tariff_sha256: str


def last_reconciled(connection: Connection, company: str) -> Reconciled | None:
    """Return a company's last reconciliation."""
    c = reconciliations.c
    query = select(c.number, c.run_id, c.policy_sha256, c.tariff_sha256).where(c.company == company)
    row = connection.execute(query.order_by(c.number.desc()).limit(1)).first()
    return None if row is None else Reconciled(*row)


def next_reconciliation(connection: Connection) -> int:
    """Return the first free number; call it under the knowledge lock."""
    return int(connection.execute(select(func.coalesce(func.max(reconciliations.c.number), 0))).scalar_one()) + 1


def record_reconciliation(connection: Connection, **values: Any) -> None:
    """Write a reconciliation's row."""
    connection.execute(insert(reconciliations).values(**values))
