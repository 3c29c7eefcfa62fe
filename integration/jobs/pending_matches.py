"""Pending matches: whose allowance is on no account yet, why, and which accounts a person should look at first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from sqlalchemy import Connection

from integration.domain.matching import pending_reason
from integration.jobs.hub import Hub
from integration.jobs.intake import parts
from integration.jobs.link_evidence import Gathered
from integration.storage import links, matches, rosters
from integration.storage.engine import current_version
from schemas.values import Service

#: The link is made, but waits for a person: another household stands on the account (edge case 54).
UNCONFIRMED = "unconfirmed"
#: The account is linked; the allowance waits for people to decide between two certificates (edge case 44).
LINKED = "linked"


class PendingMatch(msgspec.Struct, frozen=True):
    """A household without an account at a service; ``accounts`` are candidates, best first, as company and number."""

    household: int
    service: str
    reason: str
    accounts: list[str]


def pending_matches(hub: Hub) -> list[PendingMatch]:
    """Return every household and service whose allowance of the newest month waits at none yet."""
    with hub.store.read() as connection:
        waiting = links.unplaced(connection)
        return [found for part in parts(waiting) for found in _judge(hub, connection, part)]


def _judge(hub: Hub, connection: Connection, waiting: Sequence[tuple[int, str]]) -> Iterator[PendingMatch]:
    gathered = Gathered(hub, connection, sorted({household for household, _ in waiting}))
    version = current_version(connection)
    queued: dict[tuple[int, str], list[int]] = {}
    for one in matches.reviews(connection, sorted({household for household, _ in waiting})):
        queued.setdefault((one.household_id, one.service), []).append(one.score.account_id)
    for household, service in waiting:
        candidates = gathered.candidates(household, Service(service))
        mine = [one for one in gathered.current.get(household, ()) if one.service == service]
        reason = pending_reason(candidates).value
        if mine:
            reason = LINKED if any(one.span.confirmed for one in mine) else UNCONFIRMED
        accounts = dict.fromkeys([*queued.get((household, service), ()), *(one.account_id for one in candidates)])
        found = (rosters.number_at(connection, account, version) for account in accounts)
        yield PendingMatch(household, service, reason, [" ".join(account) for account in found if account])
