"""Restoring from a backup, so that no number is ever given twice.

What came after the backup is not in it: lists that companies have by now, sessions that were ended. So a restored hub
publishes nothing until somebody has asked each company for the last number it has seen, and confirmed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
from sqlalchemy import Insert, Update, make_url

from integration.clock import Clock, now_us
from integration.jobs.backup import Backup, check_whole, load, scratch
from integration.jobs.hub import Hub, monthly_service
from integration.storage import audit, dumping, restores
from integration.storage.engine import Store
from integration.storage.keys import KeyRing
from integration.storage.restores import Gap
from integration.storage.sealed_file import sync_folder


class RestoreRefused(Exception):  # noqa: N818 - it names what happened
    """Nothing was restored or confirmed; the text says why and what to do first."""


class Restored(msgspec.Struct, frozen=True):
    """A database that came from a backup; ``ask`` has by company the last list number that it knows of."""

    restore_id: int
    backup: Backup
    ask: dict[str, int]


class Confirmed(msgspec.Struct, frozen=True):
    """A confirmed restore; ``lost`` has by company the numbers of lists that are not here any more."""

    restore_id: int
    seen: dict[str, int]
    lost: dict[str, list[Gap]]


def restore(path: Path, ring: KeyRing, clock: Clock, url: str, *, actor: str) -> Restored:
    """Bring a backup into an empty database. Until ``confirm_restore`` that hub publishes nothing.

    Raises:
        DumpFailed: a program of PostgreSQL is missing or has failed.
        FileDamaged: the file is not as it was written, or sealed under another key.
        RestoreRefused: the database is not empty, or of another kind than the backup.
    """
    backup = check_whole(path, ring)  # every byte, before the first one is used
    if make_url(url).get_backend_name() != backup.head.database:
        raise RestoreRefused(
            f"备份是 {backup.head.database}，目标数据库不是 / the backup is of {backup.head.database}, the database is"
            " not; name one with --database-url"
        )
    if not dumping.is_empty(url):
        raise RestoreRefused(
            "目标数据库不是空的；请换一个空库，或先移走旧库 / the database is not empty; name an empty one, or move the"
            " old one away first"
        )
    into = _into_file if backup.head.database == "sqlite" else _into_server
    return into(path, ring, clock, url, backup, actor)


def _into_file(path: Path, ring: KeyRing, clock: Clock, url: str, backup: Backup, actor: str) -> Restored:
    """Restore beside the place and move there what is whole: a database without its restore noted is never seen."""
    place = Path(make_url(url).database or "")
    with scratch(backup.head, url, place.parent) as made:
        load(path, ring, backup.head, made)
        store = Store.open(made)
        try:
            with store.write() as connection:
                restores.perform(connection, _opening(clock, backup))
            done = _noted(store, ring, clock, backup, actor)
        finally:
            store.close()
        Path(make_url(made).database or "").rename(place)
        sync_folder(place.parent)
    return done


def _into_server(path: Path, ring: KeyRing, clock: Clock, url: str, backup: Backup, actor: str) -> Restored:
    load(path, ring, backup.head, url, restores.as_script(_opening(clock, backup)))
    store = Store.open(url)
    try:
        return _noted(store, ring, clock, backup, actor)
    finally:
        store.close()


def _opening(clock: Clock, backup: Backup) -> list[Insert | Update]:
    return restores.opening(now_us(clock), backup.head.made_us, backup.sha256)


def _noted(store: Store, ring: KeyRing, clock: Clock, backup: Backup, actor: str) -> Restored:
    store.migrate()
    with store.write() as connection:
        opened = restores.all_restores(connection)[-1]
        known = restores.last_numbers(connection)
        detail = {"backup_us": backup.head.made_us, "backup_sha256": backup.sha256, "lists": known}
        audit.record(connection, clock, actor, "restored", str(opened.restore_id), detail)
    audit.sequence(store, ring, clock)
    return Restored(opened.restore_id, backup, known)


# --- confirming ------------------------------------------------------------------------------------------------


def confirm_restore(hub: Hub, seen: Mapping[str, int], *, actor: str) -> Confirmed:
    """Confirm the restore with the last list number that each company says it has seen; numbers go on after these.

    Raises:
        RestoreRefused: nothing waits to be confirmed, or a company is missing, unknown, or named with a number below
            what the hub itself knows.
    """
    with hub.store.write() as connection:
        waiting = restores.unconfirmed(connection)
        if waiting is None:
            raise RestoreRefused("没有待确认的恢复 / no restore waits to be confirmed")
        _check(hub, seen, restores.last_numbers(connection))
        restores.confirm(connection, hub.clock, waiting.restore_id, actor, seen)
        lost = {company: found for company in sorted(seen) if (found := restores.gaps(connection, company))}
        detail = {
            "seen": dict(seen),
            "lost": {company: [list(gap) for gap in found] for company, found in lost.items()},
        }
        audit.record(connection, hub.clock, actor, "restore_confirmed", str(waiting.restore_id), detail)
    return Confirmed(waiting.restore_id, dict(seen), lost)


def _check(hub: Hub, seen: Mapping[str, int], known: Mapping[str, int]) -> None:
    asked = set(known) | {code for code, company in hub.companies.items() if monthly_service(company)}
    if missing := sorted(asked - set(seen)):
        names = " ".join(f"--seen {company}=N" for company in missing)
        raise RestoreRefused(f"还须问明各公司最后收到的名单编号：{names} / ask these too for their last list: {names}")
    if unknown := sorted(set(seen) - asked):
        raise RestoreRefused(f"没有这些公司：{', '.join(unknown)} / no such company: {', '.join(unknown)}")
    low = sorted(company for company, number in seen.items() if number < known.get(company, 0))
    if low:
        names = ", ".join(f"{company} ≥ {known[company]}" for company in low)
        raise RestoreRefused(f"编号低于本机已知：{names} / numbers below what is known here: {names}")
