"""Opening what is sealed of households and accounts, in memory, as two that are to be compared."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection

from integration.domain.similarity import Customer, Person, person
from integration.jobs.hub import Hub
from integration.jobs.match_keys import near_keys
from integration.storage import matches, registry
from integration.storage.matches import SealedCustomer
from integration.storage.registry import LookupRow
from schemas.addresses import Dwelling, parse_address
from schemas.registry import RegistryRow

_Holder = tuple[str, str, str]


class Opened(msgspec.Struct, frozen=True):
    """A household's latest record as it is compared, and its near keys."""

    members: tuple[Person, ...]
    dwelling: Dwelling
    named: dict[str, str]
    keys: frozenset[LookupRow]


def open_households(hub: Hub, connection: Connection, ids: Sequence[int]) -> dict[int, Opened]:
    """Open the latest records; an erased household has no key, and is matched no more."""
    wrapped = registry.wrapped_keys(connection, ids)
    found = matches.newest_sealed(connection, ids)
    opened = {}
    for one in wrapped.keys() & found.keys():
        record_id, sealed = found[one]
        plain = hub.household_keys.unwrap(one, wrapped[one]).open(("sealed_records", one, record_id), sealed)
        opened[one] = open_record(hub, msgspec.json.decode(plain, type=RegistryRow))
    return opened


def open_record(hub: Hub, record: RegistryRow) -> Opened:
    """Return a registry record as it is compared: without who has left; who has died may still be the holder."""
    members = tuple(
        person(one.name, one.id_number, dead=one.died_on is not None) for one in record.members if one.status != "left"
    )
    address = record.address
    people = [(one.name, one.known) for one in members]
    keys = frozenset(near_keys(hub, people, address.community, address.text))
    dwelling = parse_address(address.community, address.text, hub.streets)
    return Opened(members, dwelling, dict(record.accounts), keys)


def open_customer(hub: Hub, known: SealedCustomer) -> Customer:
    """Return an account as it is compared; of a closed one nothing is known any more."""
    name, number, address = _holder(hub, known)
    return Customer(
        account_id=known.account_id,
        company=known.company,
        number=known.number,
        domestic=bool(known.domestic),
        low_income=bool(known.low_income),
        holder=person(name, number),
        dwelling=parse_address("", address, hub.streets),
    )


def _holder(hub: Hub, known: SealedCustomer) -> _Holder:
    if known.sealed is None:
        return "", "", ""
    plain = hub.submission_key.open(("account_holders", known.account_id), bytes(known.sealed))
    held: _Holder = msgspec.json.decode(plain, type=_Holder)
    return held
