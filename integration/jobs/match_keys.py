"""The keyed digests by which households and accounts find one another, the same on both sides.

Exact keys are evidence when they meet. Near keys only find candidates, and are made for accounts alone: a household's
are made while it has no account (``match_accounts``). Nothing that names nobody becomes a key (edge case 58).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from integration.jobs.hub import Hub
from integration.storage.pii import LookupKind
from integration.storage.registry import LookupRow
from schemas.addresses import address_key, parse_address, place_key, street_room_key
from schemas.holders import holder_name


def exact_keys(hub: Hub, people: Iterable[tuple[str, str]], community: str, address: str) -> Iterator[LookupRow]:
    """Yield the keys of people (name as written, ID number that may be a key or empty) and of an address."""
    for name, number in people:
        if number:
            yield _key(hub, LookupKind.PERSON, number)
        if known := holder_name(name):
            yield _key(hub, LookupKind.NAME, known)
    if text := address_key(address, hub.streets):
        yield _key(hub, LookupKind.ADDRESS, text)
        if place := place_key(community, address, hub.streets):
            yield _key(hub, LookupKind.PLACE, place)


def near_keys(hub: Hub, people: Iterable[tuple[str, str]], community: str, address: str) -> Iterator[LookupRow]:
    """Yield the keys that meet where something is missing or wrong: name and room, name and part of the ID, house."""
    dwelling = parse_address(community, address, hub.streets)
    door = dwelling.room or dwelling.number
    for name, number in people:
        known = holder_name(name)
        if known and door:
            yield _key(hub, LookupKind.NAME_ROOM, f"{known}|{door}")
        if known and len(number) >= 15:
            yield _key(hub, LookupKind.NAME_TAIL, f"{known}|{_sequence(number)}")
    if house := street_room_key(dwelling):
        yield _key(hub, LookupKind.STREET_ROOM, house)


def _sequence(number: str) -> str:
    """Return the three digits that tell people of one day and place apart; the newer form adds a check digit."""
    return number[-4:-1] if len(number) > 15 else number[-3:]


def _key(hub: Hub, kind: LookupKind, text: str) -> LookupRow:
    return LookupRow(kind, hub.index.digest(kind, text))
