"""Collecting: the hub looks into its partners' boxes, takes each file once, and lays back what became of it.

A file goes through the inbox like any other that arrives; what is done here may be done twice, or be cut short
anywhere, and has the effect of once. Peers may be slow: while one is waited for, no transaction is open, and nothing
held but the lease of its own box.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import structlog

from adapters.base import Box, Found, Refused, Unreachable
from integration.clock import now_us
from integration.jobs.deliver import wait_us
from integration.jobs.file_answers import answer_to
from integration.jobs.hub import Hub
from integration.jobs.inbox import MOST_BYTES, apply_waiting, keep_file
from integration.jobs.intake import Content
from integration.storage import audit, boxes, collected
from integration.storage.boxes import BoxLine
from integration.storage.collected import Collected
from integration.storage.errors import StorageError
from integration.storage.leases import Fenced, Lease, give_back, guard_of, renew_lease, take_lease
from integration.storage.pii import DataKey
from integration.storage.submissions import MessageConflict

_log = structlog.get_logger(__name__)

#: How often a box is looked into.
COLLECT_S: Final = 60
#: Whoever has heard nothing of a box for so long has lost it to another replica; longer than any peer's time-out.
LEASE_S: Final = 120.0
#: How a box says that a file is not the one that was found.
_CHANGED: Final = "CHANGED"


def boxes_of(hub: Hub) -> list[str]:
    """Return the partners that lay their files into boxes."""
    return sorted(code for code, port in hub.partners.items() if port.box(hub.homes) is not None)


def box_lines(hub: Hub) -> list[BoxLine]:
    """Return how the partners' boxes stand."""
    with hub.store.read() as connection:
        return boxes.box_lines(connection, boxes_of(hub))


def collect(
    hub: Hub,
    partner: str,
    owner: str,
    *,
    actor: str,
    asked: bool = False,
    stopping: Callable[[], bool] = lambda: False,
    lease_s: float = LEASE_S,
) -> bool:
    """Look into a partner's box, and deal with what lies there; False if it is not time, or another does it.

    ``asked``: it is looked into now, whatever the time. ``stopping`` is asked before each file.
    """
    port = hub.partners.get(partner)
    box = port.box(hub.homes) if port is not None else None
    lease = None if box is None else _taken(hub, partner, owner, round(lease_s * 1_000_000), asked=asked)
    if box is None or lease is None:
        return False
    try:
        _Look(hub, partner, box, lease, round(lease_s * 1_000_000), actor).through(stopping)
    except Fenced:  # another goes on with it
        _log.warning("box_lost", sender=partner)
        return False
    with hub.store.write() as connection:
        give_back(connection, lease)
    return True


def collect_and_apply(hub: Hub, partners: Iterable[str], owner: str, *, actor: str) -> list[str]:
    """Look now, apply what came, and lay back what became of it, as where no clock does; return who was looked at."""
    found = [one for one in partners if collect(hub, one, owner, actor=actor, asked=True)]
    if apply_waiting(hub, actor=actor):
        for one in found:
            collect(hub, one, owner, actor=actor, asked=True)
    return found


def _taken(hub: Hub, partner: str, owner: str, ttl_us: int, *, asked: bool) -> Lease | None:
    """Take the lease of a box if it is time for it; a look before the write, for there is mostly nothing to do."""
    with hub.store.read() as connection:
        if not asked and not boxes.is_due(connection, hub.clock, partner):
            return None
    with hub.store.write() as connection:
        lease = take_lease(connection, hub.clock, f"box {partner}", owner, ttl_us)
        if lease is None or asked or boxes.is_due(connection, hub.clock, partner):
            return lease
        give_back(connection, lease)  # another has looked meanwhile
        return None


class _Look:
    """One look into one box, under its lease."""

    def __init__(self, hub: Hub, partner: str, box: Box, lease: Lease, ttl_us: int, actor: str) -> None:
        self._hub = hub.with_store(hub.store.guarded(guard_of(lease)))
        self._partner = partner
        self._box = box
        self._lease = lease
        self._ttl_us = ttl_us
        self._held_us = now_us(hub.clock)
        self._actor = actor

    def through(self, stopping: Callable[[], bool]) -> None:
        """Look, then deal with each file; none overtakes an older one of its kind."""
        if not self._seen():
            return
        with self._hub.store.read() as connection:
            files = collected.open_files(connection, self._partner)
        behind: set[str] = set()
        for file in files:
            if stopping():
                return
            self._hold()
            if file.state != "settling":
                self._tried(file, self._answer)
            elif file.kind in behind or not self._settled(file) or not self._tried(file, self._take):
                behind.add(file.kind)

    def _hold(self) -> None:
        """Hold the lease for longer, once a third of it is over.

        Raises:
            Fenced: another has it.
        """
        now = now_us(self._hub.clock)
        if now - self._held_us < self._ttl_us // 3:
            return
        with self._hub.store.write() as connection:
            if not renew_lease(connection, self._hub.clock, self._lease, self._ttl_us):
                raise Fenced(self._lease.name)
        self._held_us = now

    def _seen(self) -> bool:
        """Note what lies in the box; False if it could not be looked into."""
        try:
            found = self._box.files()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this box's alone
            self._unreached(error)
            return False
        with self._hub.store.write() as connection:
            collected.seen(connection, self._hub.clock, self._partner, found)
            boxes.reached(connection, self._hub.clock, self._partner, COLLECT_S * 1_000_000)
        return True

    def _unreached(self, error: Exception) -> None:
        code, clock = _code(error), self._hub.clock
        with self._hub.store.write() as connection:
            attempt = boxes.failures(connection, self._partner) + 1
            after_us = wait_us(attempt, _retry_after(error), clock)
            boxes.unreached(connection, clock, self._partner, code, after_us)
        _log.warning("box_unreached", sender=self._partner, code=code, attempt=attempt)

    def _settled(self, file: Collected) -> bool:
        return now_us(self._hub.clock) - file.since_us >= self._box.settle_s * 1_000_000

    def _tried(self, file: Collected, work: Callable[[Collected], None]) -> bool:
        """Do what is next with a file, unless it waits to be tried again; False if it still waits."""
        if boxes.waits(file.not_before_us, now_us(self._hub.clock)):
            return False
        try:
            work(file)
        except Fenced:
            raise
        except Exception as error:  # noqa: BLE001 - one file keeps no other kind back
            return self._failed(file, error)
        return True

    def _failed(self, file: Collected, error: Exception) -> bool:
        """Note why a file could not be dealt with; True if that is the end of it."""
        code, clock = _code(error), self._hub.clock
        last = isinstance(error, Refused)
        with self._hub.store.write() as connection:
            if code == _CHANGED:
                note = collected.anew if file.state == "settling" else collected.gone
                note(connection, clock, file.file_id, code)
            else:
                after_us = None if last else wait_us(file.attempts + 1, _retry_after(error), clock)
                collected.again(connection, clock, file, code, after_us)
        _log.warning("file_waits_on", sender=self._partner, kind=file.kind, code=code, attempt=file.attempts + 1)
        return last

    def _take(self, file: Collected) -> None:
        """Read a file, then keep it: the database is written when the whole of it is here."""
        if file.lying[2] > MOST_BYTES:
            raise Refused("TOO_LARGE")
        with _laid_aside(self._hub.homes, self._read(file)) as content:
            try:
                one = keep_file(self._hub, file.kind, self._partner, content).submission_id
            except MessageConflict:
                one = None
        hub, sender, size = self._hub, self._partner, file.lying[2]
        with hub.store.write() as connection:
            collected.kept(connection, file.file_id, one)
            if one is not None:
                detail = {"kind": file.kind, "sender": sender, "size": size}
                audit.record(connection, hub.clock, self._actor, "file_received", str(one), detail)
        _log.info("file_collected", sender=sender, kind=file.kind, submission=one, size=size)

    def _read(self, file: Collected) -> Iterator[bytes]:
        for chunk in self._box.read(Found(*file.lying)):
            self._hold()
            yield chunk

    def _answer(self, file: Collected) -> None:
        """Take an answered file out of the box, and lay what is wrong with it beside."""
        with self._hub.store.read() as connection:
            answer = answer_to(connection, file)
        if answer is None:
            return
        if answer.held:
            if file.state != "held":
                with self._hub.store.write() as connection:
                    collected.held(connection, file.file_id)
            return
        writer, name = self._hub.partners[self._partner].fault_writer(file.kind), file.lying[1]
        beside = {name + writer.suffix: b"".join(writer.render(answer.faults))} if answer.faults else {}
        self._box.take_away(Found(*file.lying), refused=answer.refused, beside=beside)
        with self._hub.store.write() as connection:
            collected.returned(connection, self._hub.clock, file.file_id, answer.word.value)
        _log.info("file_returned", sender=self._partner, kind=file.kind, state=answer.word.value)


def _code(error: Exception) -> str:
    """Return what may be said of an error: its code, or of an unforeseen one the class alone."""
    return error.code if isinstance(error, Unreachable | Refused | StorageError) else type(error).__name__


def _retry_after(error: Exception) -> str | None:
    return error.retry_after if isinstance(error, Unreachable) else None


@contextmanager
def _laid_aside(folder: Path, chunks: Iterable[bytes]) -> Iterator[Content]:
    """Give what opens a file from its start, once the whole of it is here.

    A peer that drips must hold no transaction open. What stands on the disk has no name, and is sealed under a key that
    only this process knows.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = DataKey(os.urandom(32))
    with tempfile.TemporaryFile(dir=folder) as file:
        sizes = [file.write(key.seal(("collected", n), chunk)) for n, chunk in enumerate(chunks)]
        file.flush()
        yield lambda: _opened(key, file.fileno(), sizes)


def _opened(key: DataKey, file: int, sizes: Sequence[int]) -> Iterator[bytes]:
    at = 0
    for n, size in enumerate(sizes):
        yield key.open(("collected", n), os.pread(file, size, at))
        at += size
