"""Working on cases 工单: opened by a job or a person, resolved by one person, approved by another.

Words about a case may name a person, so they are sealed and never reach the audit; reading them is audited.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypedDict, Unpack

from sqlalchemy import Connection

from integration.clock import now_us, today
from integration.domain.cases import UNDER_WORK, WORDED, after, is_own_work, possible
from integration.domain.rights import Right, may, roles_with
from integration.jobs.hub import Hub
from integration.storage import audit, cases, registry, users
from integration.storage.cases import Case, Cause, Happened
from integration.storage.pii import DataKey, Unreadable
from schemas.cases import CaseEvent, CaseKind, CaseState
from schemas.values import Month, day_int


class CaseRefused(Exception):  # noqa: N818 - it names what happened
    """The step is not open to this person or in this state; the text says why, and what is."""


class About(TypedDict, total=False):
    """What a case is about, as ``Cause`` has it: ``month`` is YYYYMM, ``districts`` are six-digit codes."""

    household_id: int
    service: str
    month: int
    company: str
    finding_id: int
    districts: tuple[str, ...]


class Note(NamedTuple):
    """An event with its words opened; ``text`` is None where there are none, or where they were erased."""

    happened: Happened
    text: str | None


def open_case(
    hub: Hub,
    connection: Connection,
    kind: CaseKind,
    identity: str,
    *,
    actor: str,
    **about: Unpack[About],
) -> int:
    """Open the case of a cause in the caller's transaction, and return its number.

    One that is under work is the same case; one that was closed is opened again. ``identity`` names the cause among
    those of its kind and holds no personal data; what the case is not about is left out.
    """
    cause = Cause(kind, identity, **about)
    cases.lock_cases(connection)
    known = cases.named(connection, kind, [identity]).get(identity)
    if known is None:
        (number,) = open_cases_of(hub, connection, [cause], actor=actor)
        return number
    if known.state not in UNDER_WORK:
        reopen_cases(hub, connection, [known], actor=actor)
    return known.number


def open_cases_of(hub: Hub, connection: Connection, causes: list[Cause], *, actor: str) -> list[int]:
    """Open cases of causes that have none, under the lock of the cases, and record it."""
    numbers = cases.add(connection, causes, at_us=now_us(hub.clock), actor=actor, due_on=due_on(hub))
    if numbers:
        detail = {"cases": len(numbers), "kinds": sorted({one.kind.value for one in causes})}
        audit.record(connection, hub.clock, actor, "cases_opened", str(numbers[0]), detail)
    return numbers


def reopen_cases(hub: Hub, connection: Connection, known: list[Case], *, actor: str) -> None:
    """Open cases again that were closed, under the lock of the cases."""
    fresh = {"state": CaseState.OPEN, "due_on": due_on(hub), "resolved_by": None, "approved_by": None}
    happen(hub, connection, known, CaseEvent.REOPENED, actor=actor, **fresh)


def happen(
    hub: Hub, connection: Connection, changed: list[Case], event: CaseEvent, *, actor: str, **values: Any
) -> None:
    """Let the same wordless thing happen to many cases, under the lock of the cases, and record it."""
    if changed:
        cases.change(connection, changed, **values)
        at_us = now_us(hub.clock)
        cases.tell(connection, [Happened(one.number, one.events + 1, at_us, actor, event) for one in changed])
        detail = {"cases": len(changed), "last": changed[-1].number}
        audit.record(connection, hub.clock, actor, f"cases_{event}", str(changed[0].number), detail)


def due_on(hub: Hub) -> int:
    """Return the day, YYYYMMDD, by which a case of today should be decided (policy ``case_work_days``)."""
    day = today(hub.clock)
    return day_int(hub.year.workdays.after(day, hub.policy.at(Month.of(day)).case_work_days))


# --- one step of one person ----------------------------------------------------------------------------------------


def step(hub: Hub, number: int, event: CaseEvent, *, actor: str, text: str = "", about: str = "") -> Case:
    """Let a person do one thing to a case, and return it as it stands then.

    ``text`` is what they say; ``about`` whom the case is given to, or which company is asked.

    Raises:
        CaseRefused: there is no such case; the step is not open in its state; nothing is said where something must
            be; it would be given to somebody who cannot work on it; or somebody would approve their own work.
    """
    with hub.store.write() as connection:
        cases.lock_cases(connection)
        case = get_case(connection, number)
        state = _allowed(case, event, actor, text)
        if event is CaseEvent.ASSIGNED:
            _check_person(connection, about)
        sealed = _sealed(hub, connection, case, text) if text else None
        cases.change(connection, [case], state=state, **_values(hub, event, actor, about))
        n = case.events + 1
        cases.tell(connection, [Happened(number, n, now_us(hub.clock), actor, event, about, sealed)])
        detail = {"event": event.value, "kind": case.kind.value, "about": about}
        audit.record(connection, hub.clock, actor, "case_step", str(number), detail)
        return get_case(connection, number)


def get_case(connection: Connection, number: int) -> Case:
    """Return a case.

    Raises:
        CaseRefused: there is none of this number.
    """
    case = cases.find_case(connection, number)
    if case is None:
        raise CaseRefused(f"没有工单 {number} / there is no case {number}; see: waiverhub case list")
    return case


def _allowed(case: Case, event: CaseEvent, actor: str, text: str) -> CaseState:
    state = after(case.state, event)
    if state is None:
        open_steps = ", ".join(possible(case.state))
        raise CaseRefused(
            f"工单 {case.number} 当前为 {case.state}，可做：{open_steps}"
            f" / case {case.number} is {case.state}; what can be done: {open_steps}"
        )
    if event in WORDED and not text.strip():
        raise CaseRefused("须写明说明 / say it in words")
    if event is CaseEvent.APPROVED and is_own_work(actor, assignee=case.assignee, resolved_by=case.resolved_by):
        raise CaseRefused(
            "不能批准自己经办的工单，请另一位主管批准 / nobody approves their own work; ask another person"
        )
    return state


def _check_person(connection: Connection, name: str) -> None:
    known = users.find_user(connection, name)
    if known is None or not may(known.role, Right.CASES_WORK):
        roles = ", ".join(roles_with(Right.CASES_WORK))
        raise CaseRefused(f"{name} 不能办理工单，须为 {roles} / {name} cannot work on cases; this takes: {roles}")


def _values(hub: Hub, event: CaseEvent, actor: str, about: str) -> dict[str, Any]:
    if event is CaseEvent.ASSIGNED:
        return {"assignee": about}
    if event is CaseEvent.RESOLVED:
        return {"resolved_by": actor}
    if event is CaseEvent.APPROVED:
        return {"approved_by": actor}
    if event is CaseEvent.REOPENED:
        return {"resolved_by": None, "approved_by": None, "due_on": due_on(hub)}
    return {}


# --- words ---------------------------------------------------------------------------------------------------------


def _sealed(hub: Hub, connection: Connection, case: Case, text: str) -> bytes:
    key = _household_key(hub, connection, case.household_id) or hub.submission_key
    return key.seal(_place(case.number, case.events + 1), text.encode())


def _household_key(hub: Hub, connection: Connection, household: int) -> DataKey | None:
    """Return a household's own key; None for no household, or one whose personal data is erased."""
    wrapped = registry.wrapped_keys(connection, [household]).get(household) if household else None
    return None if wrapped is None else hub.household_keys.unwrap(household, wrapped)


def _place(number: int, n: int) -> tuple[str | int, ...]:
    return ("case_events", number, n)


def read_notes(hub: Hub, number: int, *, actor: str) -> list[Note]:
    """Open the words of a case for a person, and record that they read them.

    Raises:
        CaseRefused: there is no such case.
    """
    with hub.store.write() as connection:
        case = get_case(connection, number)
        own = _household_key(hub, connection, case.household_id)
        keys = [hub.submission_key] if own is None else [own, hub.submission_key]
        notes = [Note(one, _opened(keys, one)) for one in cases.history(connection, number)]
        audit.record(connection, hub.clock, actor, "case_notes_read", str(number), {})
        return notes


def _opened(keys: list[DataKey], one: Happened) -> str | None:
    if one.note is None:
        return None
    for key in keys:
        try:
            return key.open(_place(one.number, one.n), one.note).decode()
        except Unreadable:
            continue
    return None
