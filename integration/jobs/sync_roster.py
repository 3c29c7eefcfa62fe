"""Taking in a company's roster 用户档案 and its renumberings.

A roster is whole: an account that it names no more is closed. An account keeps its identity through renumbering; a
closed number given to a new customer is another account, and is told (edge cases 60, 61).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection

from adapters.base import CompanyPort, ReadAccount
from integration.clock import today
from integration.domain import brake
from integration.domain.brake import Movement
from integration.jobs.hub import Hub
from integration.jobs.intake import BrakeTripped, Content, keep_outcomes, parts, take_in
from integration.jobs.outcomes import Outcomes, SyncResult
from integration.storage import audit, rosters, submissions
from integration.storage.engine import next_version
from integration.storage.pii import LookupKind, keyed_hasher
from integration.storage.tables import account_facts, account_holders, account_lookups, account_numbers, accounts
from schemas.addresses import normal_address, place_key
from schemas.citizen_id import CitizenId, read_citizen_id
from schemas.faults import Fault, Outcome, refuse
from schemas.rosters import RosterRow
from schemas.text import fold_name
from schemas.values import OPEN_DAY, AccountState, Month, day_int

_TWICE = "户号在本档案中出现多次，只采用第一条 / the number stands in this roster more than once; the first row counts"
_REUSED = (
    "已销户的户号给了新用户，按新户处理 / a closed number was given to a new customer: another account from now on"
)


def sync_roster(hub: Hub, company: str, content: Content, *, actor: str) -> SyncResult:
    """Take in a company's roster and apply it."""
    port = hub.companies[company]
    return take_in(
        hub,
        sender=company,
        kind="roster",
        message_id=None,
        content=content,
        apply=lambda connection, number, braked: apply_roster(
            hub, connection, number, port, actor=actor, braked=braked
        ),
        actor=actor,
    )


def apply_roster(
    hub: Hub, connection: Connection, submission_id: int, company: CompanyPort, *, actor: str, braked: bool
) -> SyncResult:
    """Apply a kept roster in the caller's transaction.

    Raises:
        FileRefused: it is damaged, or empty.
        BrakeTripped: it would close or add too many accounts at once.
    """
    version = next_version(connection, hub.clock, "roster", submission_id)
    rows = _RosterRows(hub, connection, company.code, version)
    with submissions.opened_content(connection, hub.ring, submission_id) as content:
        for batch in parts(company.roster_reader().read(content)):
            rows.apply(batch)
            hub.progress("roster", len(batch))
    if not rows.outcomes.rows:
        raise refuse("EMPTY_FILE", "用户档案没有一户，请重新导出 / the roster names no account; export it again")
    rows.close_absent()
    rosters.learn_accounts(connection)
    limits = hub.policy.at(Month.of(today(hub.clock))).brake
    trips = brake.judge(rows.movement, limits) if braked else []
    if trips:
        raise BrakeTripped(trips, rows.outcomes)
    keep_outcomes(connection, submission_id, rows.outcomes)
    counts = rows.outcomes.counts
    detail = {"company": company.code, "version": version, "counts": counts}
    audit.record(connection, hub.clock, actor, "roster_applied", str(submission_id), detail)
    return SyncResult(
        submission_id=submission_id,
        state="applied",
        version=version,
        counts=counts,
        warnings=rows.outcomes.warnings,
        faults=rows.outcomes.faults(),
    )


class _RosterRows:
    """One roster's application."""

    def __init__(self, hub: Hub, connection: Connection, company: str, version: int) -> None:
        self._hub = hub
        self._connection = connection
        self._company = company
        self._version = version
        self._mac = keyed_hasher(hub.ring, f"roster {company}")
        self._next = rosters.next_account_id(connection)
        self._open = dict(rosters.open_accounts(connection, company))
        self._named: set[str] = set()
        self._present: set[int] = set()
        self._doubtful = False
        self._new: dict[Any, list[tuple[Any, ...]]] = {}
        self._changed: list[int] = []
        self._renumbered: list[int] = []
        self.movement = Movement(base={"": len(self._open)})
        self.outcomes = Outcomes()

    def apply(self, batch: Sequence[ReadAccount]) -> None:
        """Apply a batch of read accounts and record how each row ended."""
        wanted = {
            number for read in batch if read.account for number in (read.account.account, read.account.predecessor)
        } | {read.named for read in batch}
        known = rosters.by_number(self._connection, self._company, sorted(filter(None, wanted)))
        for read in batch:
            if read.account is None:
                self._spare(read.named, known)
                self.outcomes.add(read.row, Outcome.REJECTED, read.fault)
            elif read.account.account in self._named:
                self.outcomes.add(read.row, Outcome.REJECTED, Fault(read.row, "account", "TWICE_IN_ROSTER", _TWICE))
            else:
                self._named.add(read.account.account)
                self._judge(read.row, read.account, known)
        self._write()

    def _spare(self, number: str, known: dict[str, rosters.Known]) -> None:
        """Leave an account as it is known that a rejected row names; a row that names none may mean any."""
        if number in known:
            self._present.add(known[number].account_id)
        self._doubtful |= not number

    def _judge(self, row: int, account: RosterRow, known: dict[str, rosters.Known]) -> None:
        mac = self._mac.copy()
        mac.update(msgspec.json.encode(account))
        digest = mac.digest()[:16]
        found = known.get(account.account)
        if found is None and account.predecessor in known:
            found = known[account.predecessor]
            self._renumber(found.account_id, account)
        if found is None:
            self._create(account, digest)
            self.outcomes.add(row, Outcome.APPLIED)
        elif found.digest == digest:
            self._present.add(found.account_id)
            self.outcomes.add(row, Outcome.UNCHANGED)
        elif (
            found.state == AccountState.CLOSED and account.state != AccountState.CLOSED and _taken_over(found, account)
        ):
            self._create(account, digest)
            self.outcomes.add(row, Outcome.APPLIED, None, [Fault(row, "account", "NUMBER_REUSED", _REUSED)])
        else:
            self._changed.append(found.account_id)
            self._state(found.account_id, account, digest)
            self.outcomes.add(row, Outcome.APPLIED)

    def _renumber(self, account_id: int, account: RosterRow) -> None:
        self._renumbered.append(account_id)
        self._add(account_numbers, account_id, self._version, self._company, account.account, account.opened_on or 0)

    def _create(self, account: RosterRow, digest: bytes) -> None:
        account_id, self._next = self._next, self._next + 1
        self._add(accounts, account_id, self._company, self._version)
        self._add(account_numbers, account_id, self._version, self._company, account.account, account.opened_on or 0)
        self._state(account_id, account, digest)

    def _state(self, account_id: int, account: RosterRow, digest: bytes) -> None:
        self._present.add(account_id)
        closed = account.state == AccountState.CLOSED
        closed_on = account.closed_on or (day_int(today(self._hub.clock)) if closed else OPEN_DAY)
        self._add(
            account_facts, account_id, self._version, account.state.value, account.opened_on or 0, closed_on,
            int(account.domestic), account.meter.value, account.cycle.value, int(account.low_income),
            account.low_income_until, account.heated_dm2, digest,
        )  # fmt: skip
        if closed:
            self._count(self.movement.ends, account_id in self._open)
        else:
            self._count(self.movement.additions, account_id not in self._open)
            self._holder(account_id, account)

    def _count(self, counter: dict[str, int], happened: bool) -> None:
        if happened:
            self.movement.add(counter, "")

    def _holder(self, account_id: int, account: RosterRow) -> None:
        held = msgspec.json.encode((account.holder_name, account.holder_id, account.address))
        sealed = self._hub.submission_key.seal(("account_holders", account_id), held)
        self._add(account_holders, account_id, self._company, sealed, self._version)
        for kind, digest in set(holder_keys(self._hub, account)):
            self._add(account_lookups, kind, digest, account_id, self._version)

    def _add(self, table: Any, *values: Any) -> None:
        self._new.setdefault(table, []).append(values)

    def _write(self) -> None:
        rosters.close_facts(self._connection, self._version, self._changed)
        rosters.forget_holders(self._connection, self._changed)
        rosters.close_numbers(self._connection, self._version, self._renumbered)
        rosters.add(self._connection, self._new)
        self._new, self._changed, self._renumbered = {}, [], []

    def close_absent(self) -> None:
        """Close what the roster names no more, and forget its holders; not where a row could mean any account."""
        gone = [] if self._doubtful else sorted(self._open.keys() - self._present)
        for part in parts(gone):
            rosters.close_facts(self._connection, self._version, part)
            rosters.forget_holders(self._connection, part)
            for account_id in part:
                opened_on = self._open[account_id] or None  # by which it is known again if the next roster names it
                closed = RosterRow(account="-", state=AccountState.CLOSED, opened_on=opened_on)
                self._state(account_id, closed, b"")
            rosters.add(self._connection, self._new)
            self._new = {}


def _taken_over(found: rosters.Known, account: RosterRow) -> bool:
    """Whether a closed number is open again for a new customer, not reopened for the old one."""
    return (account.opened_on or 0) > found.opened_on


def holder_keys(hub: Hub, account: RosterRow) -> Iterable[tuple[int, bytes]]:
    """Yield the match keys of an account's holder, the same as a household's, so that they meet."""
    digest = hub.index.digest
    number = read_citizen_id(account.holder_id) if account.holder_id else None
    if isinstance(number, CitizenId) and number.matchable:
        yield LookupKind.PERSON, digest(LookupKind.PERSON, number.number)
    if name := fold_name(account.holder_name):
        yield LookupKind.NAME, digest(LookupKind.NAME, name)
    if address := normal_address(account.address):
        yield LookupKind.ADDRESS, digest(LookupKind.ADDRESS, address)
    if place := place_key("", account.address):
        yield LookupKind.PLACE, digest(LookupKind.PLACE, place)
