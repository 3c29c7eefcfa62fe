"""Cases 工单 in the database: each as it stands, and everything that happened to it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, func, select, update

from integration.domain.cases import UNDER_WORK
from integration.storage.bulk import bulk_insert, stream
from integration.storage.engine import take_key_lock
from integration.storage.sets import among
from integration.storage.tables import case_events, cases
from schemas.cases import CaseEvent, CaseKind, CaseState


class Cause(NamedTuple):
    """What gives rise to a case. ``identity`` names it among those of its kind; what it is not about is 0 or empty.

    ``month`` is YYYYMM; ``districts`` are the six-digit codes of the offices that must know of it.
    """

    kind: CaseKind
    identity: str
    household_id: int = 0
    service: str = ""
    month: int = 0
    company: str = ""
    finding_id: int = 0
    districts: tuple[str, ...] = ()


class Case(NamedTuple):
    """A case as it stands; ``events`` is how many it has had, ``due_on`` the day (YYYYMMDD) it should be decided by."""

    number: int
    kind: CaseKind
    identity: str
    household_id: int
    service: str
    month: int
    company: str
    finding_id: int
    districts: str
    opened_us: int
    opened_by: str
    state: CaseState
    events: int
    assignee: str | None
    due_on: int
    resolved_by: str | None
    approved_by: str | None


class Happened(NamedTuple):
    """An event of a case; ``note`` is sealed. ``about`` is whom or which company it names, or empty."""

    number: int
    n: int
    at_us: int
    actor: str
    event: CaseEvent
    about: str = ""
    note: bytes | None = None


_COLUMNS: Final = tuple(cases.c[name] for name in Case._fields)


def lock_cases(connection: Connection) -> None:
    """Wait until this transaction alone changes cases: their numbers have no gaps."""
    take_key_lock(connection, "cases")


def find_case(connection: Connection, number: int) -> Case | None:
    """Return a case by its number."""
    row = connection.execute(select(*_COLUMNS).where(cases.c.number == number)).first()
    return None if row is None else _case(row)


def case_lines(
    connection: Connection, most: int, after: int = 0, states: Collection[CaseState] = UNDER_WORK, **where: Any
) -> list[Case]:
    """Return a page of cases after one, by their numbers; ``where`` names columns and their values."""
    wanted = (cases.c[name] == value for name, value in where.items() if value is not None)
    query = select(*_COLUMNS).where(cases.c.number > after, cases.c.state.in_(sorted(states)), *wanted)
    return [_case(row) for row in connection.execute(query.order_by(cases.c.number).limit(most))]


def case_counts(connection: Connection) -> dict[CaseKind, int]:
    """Return how many cases of each kind are under work."""
    c = cases.c
    query = select(c.kind, func.count()).where(c.state.in_(sorted(UNDER_WORK))).group_by(c.kind).order_by(c.kind)
    return {CaseKind(kind): number for kind, number in stream(connection, query)}


def of_source(connection: Connection, source: str) -> dict[tuple[CaseKind, str], Case]:
    """Return the cases of a source whose cause is not known to have gone, by kind and identity."""
    begins = cases.c.identity.startswith(f"{source}:", autoescape=True)
    found = map(_case, connection.execute(select(*_COLUMNS).where(begins, cases.c.state != CaseState.GONE)))
    return {(one.kind, one.identity): one for one in found}


def named(connection: Connection, kind: CaseKind, identities: Sequence[str]) -> dict[str, Case]:
    """Return the cases of a kind with these identities."""
    query = select(*_COLUMNS).where(cases.c.kind == kind, among(connection, cases.c.identity, identities))
    return {row.identity: _case(row) for row in connection.execute(query)}


def _case(row: Row[Any]) -> Case:
    values = row._asdict()
    return Case(**values | {"kind": CaseKind(values["kind"]), "state": CaseState(values["state"])})


def history(connection: Connection, number: int) -> list[Happened]:
    """Return everything that happened to a case, in order."""
    e = case_events.c
    query = select(*(e[name] for name in Happened._fields)).where(e.number == number).order_by(e.n)
    return [
        Happened(number, n, at_us, actor, CaseEvent(event), about, None if note is None else bytes(note))
        for number, n, at_us, actor, event, about, note in stream(connection, query)
    ]


def add(connection: Connection, causes: Iterable[Cause], *, at_us: int, actor: str, due_on: int) -> list[int]:
    """Open cases of causes that have none, and return their numbers; call it under ``lock_cases``."""
    first = int(connection.execute(select(func.coalesce(func.max(cases.c.number), 0))).scalar_one()) + 1
    opened = [
        Case(
            number, one.kind, one.identity, one.household_id, one.service, one.month, one.company, one.finding_id,
            ",".join(sorted(set(one.districts))), at_us, actor, CaseState.OPEN, 1, None, due_on, None, None,
        )
        for number, one in enumerate(causes, first)
    ]  # fmt: skip
    bulk_insert(connection, cases, Case._fields, opened)
    tell(connection, [Happened(one.number, 1, at_us, actor, CaseEvent.OPENED) for one in opened])
    return [one.number for one in opened]


def change(connection: Connection, changed: Sequence[Case], **values: Any) -> None:
    """Let cases have an event more, and new values."""
    numbers = [one.number for one in changed]
    condition = among(connection, cases.c.number, numbers)
    connection.execute(update(cases).where(condition).values(events=cases.c.events + 1, **values))


def tell(connection: Connection, events: Iterable[Happened]) -> None:
    """Write what happened."""
    bulk_insert(connection, case_events, Happened._fields, events)
