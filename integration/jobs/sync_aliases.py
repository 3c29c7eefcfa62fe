"""Taking in a company's renumberings 换号: the account stays the same, its number changes (edge case 60)."""

from __future__ import annotations

from sqlalchemy import Connection

from adapters.base import AliasReader, ReadAlias
from integration.jobs.hub import Hub
from integration.jobs.intake import Content, keep_outcomes, parts, take_in
from integration.jobs.outcomes import Outcomes, SyncResult
from integration.storage import audit, rosters, submissions
from integration.storage.engine import next_version
from integration.storage.tables import account_numbers
from schemas.faults import Fault, Outcome, refuse

_TEXTS = {
    "OLD_NUMBER_UNKNOWN": "旧户号不在档案中，请先报用户档案 / the old number is in no roster; send the roster first",
    "NEW_NUMBER_TAKEN": "新户号已属另一用户，一户换号不能合并两户 / the new number belongs to another account already",
    "NUMBER_SPLIT": "同一旧户号对应多个新户号属分户，不是换号 / one old number to several new ones is a split",
}
_COLUMNS = {"OLD_NUMBER_UNKNOWN": "old_account", "NEW_NUMBER_TAKEN": "new_account", "NUMBER_SPLIT": "old_account"}


def sync_aliases(hub: Hub, company: str, content: Content, *, actor: str) -> SyncResult:
    """Take in a company's alias file and apply it."""
    reader = hub.companies[company].alias_reader()
    return take_in(
        hub,
        sender=company,
        kind="aliases",
        message_id=None,
        content=content,
        apply=lambda connection, number, _: apply_aliases(hub, connection, number, company, reader, actor=actor),
        actor=actor,
    )


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
    outcomes = Outcomes()
    seen: set[str] = set()
    with submissions.opened_content(connection, hub.ring, submission_id) as content:
        for batch in parts(reader.read(content)):
            _apply(connection, company, version, batch, seen, outcomes)
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


def _apply(
    connection: Connection, company: str, version: int, batch: list[ReadAlias], seen: set[str], outcomes: Outcomes
) -> None:
    aliases = [read.alias for read in batch if read.alias is not None]
    wanted = {number for alias in aliases for number in (alias.old_account, alias.new_account)}
    known = rosters.by_number(connection, company, sorted(wanted))
    ever = rosters.accounts_ever_numbered(connection, {(company, number) for number in wanted})
    renumbered: dict[int, tuple[str, int]] = {}
    for read in batch:
        if read.alias is None:
            outcomes.add(read.row, Outcome.REJECTED, read.fault)
            continue
        old, new = read.alias.old_account, read.alias.new_account
        account = ever.get((company, old))
        if account is not None and known.get(new) and known[new].account_id == account:
            outcomes.add(read.row, Outcome.UNCHANGED)
        elif code := _fault(account, old, new, known, seen):
            outcomes.add(read.row, Outcome.REJECTED, Fault(read.row, _COLUMNS[code], code, _TEXTS[code]))
        elif account is not None:
            renumbered[account] = (new, read.alias.since)
            outcomes.add(read.row, Outcome.APPLIED)
        seen.add(old)
    rosters.close_numbers(connection, version, sorted(renumbered))
    rows = [(account, version, company, number, since) for account, (number, since) in sorted(renumbered.items())]
    rosters.add(connection, {account_numbers: rows})


def _fault(account: int | None, old: str, new: str, known: dict[str, rosters.Known], seen: set[str]) -> str | None:
    if old in seen:
        return "NUMBER_SPLIT"
    if account is None or old not in known:
        return "OLD_NUMBER_UNKNOWN"
    return "NEW_NUMBER_TAKEN" if new in known else None
