"""Finding a household by one exact thing a person knows of it. The answer is ids alone, and every look is audited."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from integration.jobs.hub import Hub
from integration.jobs.registry_rows import certificate_key
from integration.storage import audit, links, registry, rosters
from integration.storage.pii import LookupKind
from schemas.citizen_id import CitizenId, read_citizen_id
from schemas.registry import Certificate

#: Finds the ids in a transaction.
Search = Callable[[Connection], set[int]]


def find_household(hub: Hub, by: str, search: Search, *, actor: str) -> list[int]:
    """Return the households that a search finds, and record who looked, how, and what was found."""
    with hub.store.write() as connection:
        found = sorted(search(connection))
        audit.record(connection, hub.clock, actor, "household_looked_up", by, {"households": found})
    return found


def by_certificate(hub: Hub, certificate: Certificate) -> Search:
    """Search by a certificate in force or an earlier one of the household."""
    return _by(hub, LookupKind.CERTIFICATE, certificate_key(certificate))


def by_citizen_id(hub: Hub, text: str) -> Search:
    """Search by a member's citizen ID, in 15 or 18 digits; a placeholder or a wrong number finds nobody."""
    number = read_citizen_id(text)
    if not isinstance(number, CitizenId) or not number.matchable:
        return lambda _: set()
    return _by(hub, LookupKind.PERSON, number.number)


def by_account(company: str, number: str) -> Search:
    """Search by an account number, present or former, of a company."""

    def search(connection: Connection) -> set[int]:
        accounts = rosters.accounts_ever_numbered(connection, [(company, number)])
        linked = links.linked_to(connection, sorted(accounts.values()), 0)
        return {household for households in linked.values() for household in households}

    return search


def _by(hub: Hub, kind: LookupKind, text: str) -> Search:
    digest = hub.index.digest(kind, text)
    return lambda connection: registry.households_by(connection, kind, [digest]).get(digest, set())
