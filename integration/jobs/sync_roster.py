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
from integration.domain.similarity import person
from integration.jobs.hub import Hub
from integration.jobs.intake import Apply, BrakeTripped, Content, keep_outcomes, parts, take_in
from integration.jobs.match_keys import exact_keys, near_keys
from integration.jobs.outcomes import Outcomes, SyncResult
from integration.storage import audit, rosters, submissions
from integration.storage.engine import next_version
from integration.storage.pii import keyed_hasher
from integration.storage.tables import account_facts, account_holders, account_lookups, account_numbers, accounts
from schemas.faults import Fault, Outcome, refuse
from schemas.rosters import RosterRow
from schemas.values import OPEN_DAY, AccountState, Month, day_int

_TWICE = "户号在本档案中出现多次，只采用第一条 / the number stands in this roster more than once; the first row counts"
_SPLIT = "同一旧户号已有后继户号，或仍在使用，属分户，不是换号 / the old number has a successor or stands on: a split"
_REUSED = (
    "已销户的户号给了新用户，按新户处理 / a closed number was given to a new customer: another account from now on"
)


def sync_roster(hub: Hub, company: str, content: Content, *, actor: str) -> SyncResult:
    """Take in a company's roster and apply it."""
    return take_in(
        hub,
        sender=company,
        kind="roster",
        message_id=None,
        content=content,
        apply=applying(hub, company, actor),
        actor=actor,
    )


def applying(hub: Hub, company: str, actor: str) -> Apply:
    """Return what applies a kept roster of a company."""
    port = hub.companies[company]
    return lambda connection, number, braked: apply_roster(hub, connection, number, port, actor=actor, braked=braked)


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
    rows.close()
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
        self._next = self._first_new = rosters.next_account_id(connection)
        self._open = dict(rosters.open_accounts(connection, company))
        self._named: set[str] = set()
        self._present: set[int] = set()  # an open row stands for it
        self._spared: set[int] = set()  # a rejected row names it
        self._left: set[str] = set()  # numbers that this roster renumbered away
        self._closing: dict[int, tuple[RosterRow, bytes]] = {}  # a successor may yet come, and stand for it
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
        self._learn_left(batch, known)
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
            self._spared.add(known[number].account_id)
        self._doubtful |= not number

    def _learn_left(self, batch: Sequence[ReadAccount], known: dict[str, rosters.Known]) -> None:
        """Remember which numbers named as closed were renumbered away by an earlier file: they are no new accounts."""
        closed = {
            (self._company, read.account.account)
            for read in batch
            if read.account and read.account.state == AccountState.CLOSED and read.account.account not in known
        }
        ever = rosters.accounts_ever_numbered(self._connection, closed)
        self._left |= {number for _, number in ever}

    def _judge(self, row: int, account: RosterRow, known: dict[str, rosters.Known]) -> None:
        mac = self._mac.copy()
        mac.update(msgspec.json.encode(account))
        digest = mac.digest()[:16]
        left, closed = account.account in self._left, account.state == AccountState.CLOSED
        found = None if left else known.get(account.account)
        if left and closed:  # its successor stands for it
            self.outcomes.add(row, Outcome.UNCHANGED)
        elif left or (found and found.state == AccountState.CLOSED and not closed and _taken_over(found, account)):
            self._create(account, digest)
            self.outcomes.add(row, Outcome.APPLIED, None, [Fault(row, "account", "NUMBER_REUSED", _REUSED)])
        elif found is None:
            self._arrive(row, account, digest, known)
        elif found.digest == digest:
            self._stand(found.account_id, closed)
            self.outcomes.add(row, Outcome.UNCHANGED)
        else:
            self._change(found.account_id, account, digest)
            self.outcomes.add(row, Outcome.APPLIED)

    def _arrive(self, row: int, account: RosterRow, digest: bytes, known: dict[str, rosters.Known]) -> None:
        """Take in a number not borne yet: another number of a known account, or another account (edge case 60)."""
        old = known.get(account.predecessor or "")
        before = old.account_id if old and old.account_id < self._first_new else None
        if account.predecessor in self._left or before in self._present:
            self.outcomes.add(row, Outcome.REJECTED, Fault(row, "predecessor", "NUMBER_SPLIT", _SPLIT))
            return
        if before is None:
            self._create(account, digest)
        else:
            self._closing.pop(before, None)
            self._renumber(before, account)
            self._change(before, account, digest)
        self.outcomes.add(row, Outcome.APPLIED)

    def _stand(self, account_id: int, closed: bool) -> None:
        (self._spared if closed else self._present).add(account_id)

    def _change(self, account_id: int, account: RosterRow, digest: bytes) -> None:
        """Write another state of a known account; a closure waits for the end of the roster."""
        if account.state == AccountState.CLOSED:
            self._closing[account_id] = account, digest
        else:
            self._changed.append(account_id)
            self._state(account_id, account, digest)

    def _renumber(self, account_id: int, account: RosterRow) -> None:
        self._left.add(account.predecessor or "")
        self._renumbered.append(account_id)
        self._add(account_numbers, account_id, self._version, self._company, account.account, account.opened_on or 0)

    def _create(self, account: RosterRow, digest: bytes) -> None:
        account_id, self._next = self._next, self._next + 1
        self._add(accounts, account_id, self._company, self._version)
        self._add(account_numbers, account_id, self._version, self._company, account.account, account.opened_on or 0)
        self._state(account_id, account, digest)

    def _state(self, account_id: int, account: RosterRow, digest: bytes) -> None:
        closed = account.state == AccountState.CLOSED
        self._stand(account_id, closed)
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

    def close(self) -> None:
        """Close what the roster closes or names no more, and forget its holders."""
        closing = self._closing | {account_id: (self._absent(account_id), b"") for account_id in self._unnamed()}
        for part in parts(sorted(closing)):
            self._changed += part
            for account_id in part:
                self._state(account_id, *closing[account_id])
            self._write()

    def _unnamed(self) -> set[int]:
        """Return the open accounts that the roster names no more; none where a row could mean any account."""
        if self._doubtful:
            return set()
        return self._open.keys() - self._present - self._spared - self._closing.keys()

    def _absent(self, account_id: int) -> RosterRow:
        opened_on = self._open[account_id] or None  # by which it is known again if the next roster names it
        return RosterRow(account="-", state=AccountState.CLOSED, opened_on=opened_on)


def _taken_over(found: rosters.Known, account: RosterRow) -> bool:
    """Whether a closed number is open again for a new customer, not reopened for the old one."""
    return (account.opened_on or 0) > found.opened_on


def holder_keys(hub: Hub, account: RosterRow) -> Iterable[tuple[int, bytes]]:
    """Yield the match keys of an account's holder, the same as a household's, so that they meet."""
    holder = person(account.holder_name, account.holder_id)
    yield from exact_keys(hub, [(holder.name, holder.known)], "", account.address)
    yield from near_keys(hub, [(holder.name, holder.written)], "", account.address)
