"""Leases: who does what for the moment, with a fence that grows with every change of hands.

Time is the database's own on PostgreSQL, so that replicas with other clocks agree who is late; on SQLite there is one
process, whose lock file is the true lease, and the hub's clock will do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import BigInteger, Connection, cast, func, insert, select, update

from integration.clock import Clock, now_us
from integration.storage.engine import take_key_lock
from integration.storage.tables import leases


class Fenced(Exception):  # noqa: N818 - it names what happened
    """Another holds the lease by now: nothing of this transaction may stay."""


class Lease(NamedTuple):
    """A lease that is held; ``fence`` is higher than every holder's before."""

    name: str
    owner: str
    fence: int


def database_us(connection: Connection, clock: Clock) -> int:
    """Return the present instant by which leases are judged, in microseconds since the epoch."""
    if connection.dialect.name != "postgresql":
        return now_us(clock)
    epoch = func.extract("epoch", func.clock_timestamp()) * 1_000_000
    return int(connection.execute(select(cast(epoch, BigInteger))).scalar_one())


def take_lease(connection: Connection, clock: Clock, name: str, owner: str, ttl_us: int) -> Lease | None:
    """Take a lease that is free, over, or one's own already; None while another holds it.

    One that ends later than it could have been taken for is over too: the clock was set back since.
    """
    take_key_lock(connection, f"lease {name}")
    now = database_us(connection, clock)
    row = connection.execute(select(leases).where(leases.c.name == name)).first()
    if row is None:
        connection.execute(insert(leases).values(name=name, owner=owner, fence=1, ends_us=now + ttl_us))
        return Lease(name, owner, 1)
    if row.owner != owner and now < row.ends_us <= now + ttl_us:
        return None
    fence = row.fence + (row.owner != owner)
    values = {"owner": owner, "fence": fence, "ends_us": now + ttl_us}
    connection.execute(update(leases).where(leases.c.name == name).values(values))
    return Lease(name, owner, fence)


def renew_lease(connection: Connection, clock: Clock, lease: Lease, ttl_us: int) -> bool:
    """Hold a lease for longer; False if another has it."""
    c = leases.c
    mine = (c.name == lease.name, c.owner == lease.owner, c.fence == lease.fence)
    ends = database_us(connection, clock) + ttl_us
    return connection.execute(update(leases).where(*mine).values(ends_us=ends)).rowcount == 1


def give_back(connection: Connection, lease: Lease) -> None:
    """Let another take a lease at once."""
    c = leases.c
    mine = (c.name == lease.name, c.owner == lease.owner, c.fence == lease.fence)
    connection.execute(update(leases).where(*mine).values(ends_us=0))


def guard_of(lease: Lease) -> Callable[[Connection], None]:
    """Return what stops a write whose lease another holds by now; asked at its end (see ``Store.guarded``)."""

    def guard(connection: Connection) -> None:
        c = leases.c
        query = select(c.fence).where(c.name == lease.name)
        locked = query.with_for_update(read=True) if connection.dialect.name == "postgresql" else query
        if connection.execute(locked).scalar_one_or_none() != lease.fence:
            raise Fenced(lease.name)

    return guard
