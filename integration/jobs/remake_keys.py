"""Making all match keys anew, from the sealed data: after a street was renamed, or the normal form has changed.

A key is made once, when its record or account arrives; those that were made under other rules would not meet.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import Connection

from integration.jobs.hub import Hub
from integration.jobs.intake import parts
from integration.jobs.registry_persons import match_keys
from integration.jobs.sync_roster import holder_keys
from integration.storage import matches, registry, registry_writes, rosters
from integration.storage.pii import LookupKind
from integration.storage.tables import account_lookups, lookups
from schemas.registry import RegistryRow
from schemas.rosters import RosterRow


def remake_keys(hub: Hub, connection: Connection, version: int) -> None:
    """Make the keys of all households and accounts anew; what comes out as it was stays as it is known."""
    for part in parts(matches.all_households(connection)):
        _of_households(hub, connection, part, version)
        hub.progress("keys", len(part))
    for accounts in parts(matches.all_holders(connection)):
        _of_accounts(hub, connection, accounts, version)
        hub.progress("keys", len(accounts))


def _of_households(hub: Hub, connection: Connection, ids: list[int], version: int) -> None:
    wrapped = registry.wrapped_keys(connection, ids)
    known = registry.current_lookups(connection, ids)
    additions = registry_writes.Additions()
    stale = []
    for one, (record_id, sealed) in matches.newest_sealed(connection, ids).items():
        if one not in wrapped:
            continue
        plain = hub.household_keys.unwrap(one, wrapped[one]).open(("sealed_records", one, record_id), sealed)
        wanted = set(match_keys(hub, msgspec.json.decode(plain, type=RegistryRow)))
        before = {key for key in known[one] if key.kind != LookupKind.CERTIFICATE}
        stale += [(key.kind, key.digest, one) for key in before - wanted]
        for key in wanted - before:
            additions.add(lookups, key.kind, key.digest, one, version)
    registry_writes.close_lookups(connection, version, stale)
    additions.write(connection)


def _of_accounts(hub: Hub, connection: Connection, ids: list[int], version: int) -> None:
    known = rosters.lookups_of(connection, ids)
    changed = {
        account: wanted
        for account, wanted in _holders(hub, connection, ids)
        if wanted != {tuple(key) for key in known.get(account, ())}
    }
    rosters.forget_keys(connection, sorted(changed))
    rows = [(kind, digest, account, version) for account, keys in changed.items() for kind, digest in keys]
    rosters.add(connection, {account_lookups: rows})


def _holders(hub: Hub, connection: Connection, ids: list[int]) -> Iterable[tuple[int, set[tuple[int, bytes]]]]:
    for account, sealed in matches.sealed_holders(connection, ids):
        plain = hub.submission_key.open(("account_holders", account), sealed)
        name, number, address = msgspec.json.decode(plain, type=tuple[str, str, str])
        row = RosterRow(account="-", holder_name=name, holder_id=number, address=address)
        yield account, {(int(kind), digest) for kind, digest in holder_keys(hub, row)}
