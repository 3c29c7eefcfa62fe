"""Taking in a company's renumberings 换号: the account stays the same, its number changes (edge case 60)."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from adapters.base import AliasReader, ReadAlias
from integration.jobs.hub import Hub
from integration.jobs.intake import Apply, Content, keep_outcomes, parts, take_in
from integration.jobs.outcomes import Outcomes, SyncResult
from integration.storage import audit, rosters, submissions
from integration.storage.engine import next_version
from integration.storage.tables import account_numbers
from schemas.faults import Fault, Outcome, refuse
from schemas.rosters import AliasRow

_TEXTS = {
    "OLD_NUMBER_UNKNOWN": "旧户号不在档案中，请先报用户档案 / the old number is in no roster; send the roster first",
    "NEW_NUMBER_TAKEN": "新户号已属另一用户，一户换号不能合并两户 / the new number belongs to another account already",
    "NUMBER_SPLIT": "同一旧户号对应多个新户号属分户，不是换号 / one old number to several new ones is a split",
}
_COLUMNS = {"OLD_NUMBER_UNKNOWN": "old_account", "NEW_NUMBER_TAKEN": "new_account", "NUMBER_SPLIT": "old_account"}


def sync_aliases(hub: Hub, company: str, content: Content, *, actor: str) -> SyncResult:
    """Take in a company's alias file and apply it."""
    return take_in(
        hub,
        sender=company,
        kind="aliases",
        message_id=None,
        content=content,
        apply=applying(hub, company, actor),
        actor=actor,
    )


def applying(hub: Hub, company: str, actor: str) -> Apply:
    """Return what applies a kept alias file of a company."""
    reader = hub.companies[company].alias_reader()
    return lambda connection, number, _: apply_aliases(hub, connection, number, company, reader, actor=actor)


def apply_aliases(
    hub: Hub, connection: Connection, submission_id: int, company: str, reader: AliasReader | None, *, actor: str
) -> SyncResult:
    """Apply a kept alias file in the caller's transaction.

    Raises:
        FileRefused: it is damaged, or this company has no such file.
    """
    if reader is None:
        raise refuse("NO_ALIAS_FILE", "该公司未约定换号文件 / no alias file is agreed with this company")
    version = next_version(connection, hub.clock, "roster", submission_id)
    with submissions.opened_content(connection, hub.ring, submission_id) as content:
        renumbering = _Renumbering(connection, company, list(reader.read(content)))
    outcomes = renumbering.judge()
    renumbering.write(connection, version)
    keep_outcomes(connection, submission_id, outcomes)
    detail = {"company": company, "version": version, "counts": outcomes.counts}
    audit.record(connection, hub.clock, actor, "aliases_applied", str(submission_id), detail)
    return SyncResult(
        submission_id=submission_id,
        state="applied",
        version=version,
        counts=outcomes.counts,
        warnings=outcomes.warnings,
        faults=outcomes.faults(),
    )


class _Renumbering:
    """One file's renumberings, judged together: a number that one row frees is there for another (edge case 60)."""

    def __init__(self, connection: Connection, company: str, reads: Sequence[ReadAlias]) -> None:
        self._company = company
        self._reads = reads
        self._moves: dict[str, AliasRow] = {}
        self._known: dict[str, rosters.Known] = {}
        self._ever: dict[str, int] = {}
        self._decided: dict[str, bool] = {}
        self._taken: set[str] = set()
        for read in reads:
            if read.alias is not None:
                self._moves.setdefault(read.alias.old_account, read.alias)
        for part in parts(reads):
            self._learn(connection, [read.alias for read in part if read.alias is not None])
        self._passed = {new for old in self._moves if old in self._known for new in self._way(old)[:-1]}

    def _learn(self, connection: Connection, aliases: Sequence[AliasRow]) -> None:
        wanted = {number for alias in aliases for number in (alias.old_account, alias.new_account)}
        self._known |= rosters.by_number(connection, self._company, sorted(wanted))
        ever = rosters.accounts_ever_numbered(connection, {(self._company, number) for number in wanted})
        self._ever |= {number: account for (_, number), account in ever.items()}

    def _way(self, old: str) -> list[str]:
        """Return the numbers an account passes through, the last it keeps; the others were never in a roster."""
        way = [self._moves[old].new_account]
        while way[-1] in self._moves and way[-1] not in self._known and len(way) <= len(self._moves):
            way.append(self._moves[way[-1]].new_account)
        return way

    def judge(self) -> Outcomes:
        """Return how every row ended."""
        outcomes = Outcomes()
        for read in self._reads:
            if read.alias is None:
                outcomes.add(read.row, Outcome.REJECTED, read.fault)
            elif code := self._fault(read.alias):
                outcomes.add(read.row, Outcome.REJECTED, Fault(read.row, _COLUMNS[code], code, _TEXTS[code]))
            else:
                outcomes.add(read.row, Outcome.UNCHANGED if self._is_done(read.alias) else Outcome.APPLIED)
        return outcomes

    def _is_done(self, alias: AliasRow) -> bool:
        if (account := self._ever.get(alias.old_account)) is None:
            return False
        now = self._known.get(self._way(alias.old_account)[-1])
        return now is not None and now.account_id == account

    def _fault(self, alias: AliasRow) -> str | None:
        old = alias.old_account
        if alias is not self._moves[old]:
            return "NUMBER_SPLIT"
        if self._is_done(alias) or old in self._passed:
            return None
        if old not in self._known:
            return "OLD_NUMBER_UNKNOWN"
        if old not in self._decided:
            self._decide(old)
        return None if self._decided[old] else "NEW_NUMBER_TAKEN"

    def _decide(self, old: str) -> None:
        """Decide whether the new number is free, or is freed in its turn; a ring of numbers frees itself."""
        chain = dict.fromkeys([old])
        while (new := self._way(old)[-1]) not in chain and new not in self._decided and self._stands_in_the_way(new):
            old = new
            chain[old] = None
        free = new in chain or self._decided.get(new, new not in self._known)
        for one in reversed(chain):
            new = self._way(one)[-1]
            free = free and new not in self._taken
            if free:
                self._taken.add(new)
            self._decided[one] = free

    def _stands_in_the_way(self, number: str) -> bool:
        return number in self._known and number in self._moves

    def write(self, connection: Connection, version: int) -> None:
        """Give every account that moves its last number; all old ones are closed before."""
        moving = {self._known[old].account_id: old for old, free in self._decided.items() if free}
        for part in parts(moving):
            rosters.close_numbers(connection, version, part)
        for part in parts(sorted(moving)):
            rows = [(account, version, self._company, *self._end(moving[account])) for account in part]
            rosters.add(connection, {account_numbers: rows})

    def _end(self, old: str) -> tuple[str, int]:
        way = [old, *self._way(old)]
        return way[-1], self._moves[way[-2]].since
