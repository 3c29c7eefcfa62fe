"""What may be seen once: nonces of signatures and ids of signed assertions, shared by all replicas.

They are kept as SHA-256, so that a sender cannot fill the table with long ones.
"""

from __future__ import annotations

import hashlib
from typing import Final

from sqlalchemy import Connection, delete, insert, select, tuple_

from integration.clock import Clock, now_us
from integration.storage.engine import Store, UniqueTaken
from integration.storage.tables import nonces

#: One note in so many also deletes what is over; the digest decides which, evenly and without memory.
_SWEEP_EVERY: Final = 256
_SWEEP_MOST: Final = 5_000


def note_nonce(store: Store, clock: Clock, client_id: str, nonce: str, ends_us: int) -> bool:
    """Note that a client used a nonce, to be remembered until ``ends_us``; False if it was used before."""
    digest = hashlib.sha256(nonce.encode("utf-8", "surrogatepass"))
    row = {"client_id": client_id, "nonce": digest.hexdigest(), "ends_us": ends_us}
    try:
        with store.write() as connection:
            connection.execute(insert(nonces), row)
    except UniqueTaken:
        return False
    if int.from_bytes(digest.digest()[:2]) % _SWEEP_EVERY == 0:
        with store.write() as connection:
            forget_nonces(connection, clock)
    return True


def forget_nonces(connection: Connection, clock: Clock) -> None:
    """Delete nonces whose time is over, some thousands at most."""
    c = nonces.c
    # rows that another replica is deleting are left to it: two that wait for each other would both fail
    over = select(c.client_id, c.nonce).where(c.ends_us < now_us(clock)).order_by(c.ends_us).limit(_SWEEP_MOST)
    over = over.with_for_update(skip_locked=True)
    connection.execute(delete(nonces).where(tuple_(c.client_id, c.nonce).in_(over)))
