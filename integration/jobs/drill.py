"""The drill: what a database restored from a backup must be, checked rule by rule."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from sqlalchemy import Connection

from integration.jobs.allowances import balances
from integration.jobs.hub import Hub
from integration.storage import audit, lists, restores, settlements, soundness
from integration.storage.audit_verify import verify
from integration.storage.engine import StorageError, Store
from integration.storage.lists import Published
from integration.storage.pii import Unreadable
from schemas import envelope
from schemas.list_check import read_manifest


class DrillFault(NamedTuple):
    """Something that is not as it must be: a stable code, and what it is about."""

    code: str
    subject: str


def damage(store: Store) -> list[DrillFault]:
    """Return what is wrong with the pages and foreign keys of a database; nothing else can be looked at then."""
    try:
        with store.read() as connection:
            found = soundness.file_faults(connection)
    except StorageError:
        found = ["pages"]  # so damaged that not even the check can be carried out
    return [DrillFault("DATABASE_DAMAGED", what) for what in found]


def faults_of(hub: Hub) -> list[DrillFault]:
    """Return everything that is wrong with the hub's database; an empty list is the proof.

    The tables, the audit tree and the effects it states row by row, every list's and settlement's signature and
    chain, every balance, every household's key.
    """
    audit.sequence(hub.store, hub.ring, hub.clock)  # a copy of a running hub ends between two checkpoints
    with hub.store.read() as connection:
        return [
            *([] if soundness.tables_fit(connection) else [DrillFault("TABLES_DIFFER", "")]),
            *_key_faults(hub, connection),
            *(DrillFault(*fault) for fault in verify(connection, hub.ring.checkpoints.public_pem)),
            *_list_faults(hub, connection),
            *_settlement_faults(hub, connection),
            *_balance_faults(hub, connection),
        ]


def _key_faults(hub: Hub, connection: Connection) -> Iterator[DrillFault]:
    for household_id, wrapped in soundness.wrapped_keys(connection):
        try:
            hub.household_keys.unwrap(household_id, wrapped)
        except Unreadable:
            yield DrillFault("KEY_UNREADABLE", f"household {household_id}")


def _list_faults(hub: Hub, connection: Connection) -> Iterator[DrillFault]:
    public_pem = hub.ring.lists.public_pem
    for company in soundness.companies_with_lists(connection):
        published = lists.published(connection, company)
        for one in published:
            if not envelope.verify(public_pem, one.manifest, one.signature):
                yield DrillFault("LIST_SIGNATURE_WRONG", f"{company} {one.number}")
        lost = {gap.last + 1 for gap in restores.gaps(connection, company)}
        if published and published[0].number not in (1, *lost):
            yield DrillFault("LIST_CHAIN_BROKEN", f"{company} {published[0].number}")
        for before, after in pairwise(published):
            if not _follows(before, after, gap=after.number in lost):
                yield DrillFault("LIST_CHAIN_BROKEN", f"{company} {after.number}")


def _follows(before: Published, after: Published, *, gap: bool) -> bool:
    manifest = read_manifest(after.manifest)
    digest = hashlib.sha256(before.manifest).hexdigest()
    return manifest is not None and manifest.predecessor == digest and (gap or after.number == before.number + 1)


def _settlement_faults(hub: Hub, connection: Connection) -> Iterator[DrillFault]:
    public_pem = hub.ring.settlements.public_pem
    for one in settlements.settlements_of(connection):
        if not envelope.verify(public_pem, one.content, one.signature):
            yield DrillFault("SETTLEMENT_SIGNATURE_WRONG", f"{one.company} {one.month} {one.n}")


def _balance_faults(hub: Hub, connection: Connection) -> Iterator[DrillFault]:
    for company in hub.companies:
        for one in balances(hub, connection, company):
            if not one.holds:
                yield DrillFault("BALANCE_BROKEN", f"{company} {one.month}")
