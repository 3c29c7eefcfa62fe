"""The inbox 报送: what arrives is kept as it arrived, encrypted, before anything is made of it.

A message has the effect of one, for ever: the same message gets the same reply, the same message id with other
content is refused. The digest is keyed, so that nobody without the key can try contents against it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any, Final, NamedTuple

from isal import isal_zlib
from sqlalchemy import ColumnElement, Connection, delete, exists, func, insert, select

from integration.clock import Clock, now_us
from integration.storage.bulk import batches, bulk_insert
from integration.storage.engine import Store, take_lock
from integration.storage.keys import KeyRing
from integration.storage.pii import Unreadable, data_key, keyed_hasher
from integration.storage.sets import among
from integration.storage.tables import (
    report_texts,
    submission_chunks,
    submission_events,
    submission_outcomes,
    submissions,
)

_CHUNK: Final = 1 << 20
#: States in which the content is still needed.
_UNDECIDED: Final = ("received", "held")


class MessageConflict(Exception):  # noqa: N818 - it names what happened
    """A message id came a second time with other content; ``original`` is the submission that holds it."""

    def __init__(self, original: int) -> None:
        super().__init__(f"this message id was used for submission {original}, which had other content")
        self.original = original


class ContentGone(Exception):  # noqa: N818 - it names the state
    """The content was deleted at the end of its retention period."""


class State(NamedTuple):
    """What became of a submission: received, applied, held, refused or superseded; its version and reply."""

    state: str
    version: int | None
    reply: str


class Received(NamedTuple):
    """The answer to a submission.

    ``repeated``: this very message was here before, and ``state`` holds the reply it got.
    """

    submission_id: int
    repeated: bool
    state: State


def _took_effect(state: State) -> bool:
    return state.state != "refused"


def receive(  # noqa: PLR0913 - each says another thing about what arrives
    store: Store,
    ring: KeyRing,
    clock: Clock,
    *,
    sender: str,
    kind: str,
    message_id: str | None,
    chunks: Iterable[bytes],
    replaces: bool = False,
    stands: Callable[[State], bool] = _took_effect,
) -> Received:
    """Keep a submission, read once and in constant memory, and commit it.

    Without a ``message_id`` the keyed digest of the content stands for it. ``replaces``: each content takes the place
    of the one before, so that what was sent before the newest other content is no repetition but news. ``stands``:
    whether an earlier state is an answer for ever; what came to nothing may be sent again, and is a new submission.

    Raises:
        MessageConflict: the message id was used for other content; nothing is kept.
    """
    with store.write() as connection:
        take_lock(connection, "submissions")
        part = connection.begin_nested()
        intake = _Intake(ring, next_number(connection), chunks)
        bulk_insert(connection, submission_chunks, ["submission_id", "n", "sealed"], intake)
        row = intake.row(sender, kind, message_id) | {"received_us": now_us(clock)}
        other = _newest_other(connection, row) if replaces else 0
        if other:
            row["message_id"] += f"@{other}"
        if (earlier := _earlier(connection, row, stands)) is not None:
            part.rollback()
            return Received(earlier, True, state(connection, earlier))
        connection.execute(insert(submissions), row)
        set_state(connection, clock, intake.number, "received", None, "")
        part.commit()
        return Received(intake.number, False, State("received", None, ""))


class _Intake:
    """The content on its way in: digested, compressed, cut into pieces of a mebibyte, sealed."""

    def __init__(self, ring: KeyRing, number: int, chunks: Iterable[bytes]) -> None:
        self.number = number
        self._chunks = chunks
        self._key = data_key(ring.submissions)
        self._mac = keyed_hasher(ring, "submission")
        self._size = 0

    def __iter__(self) -> Iterator[tuple[int, int, bytes]]:
        for n, piece in enumerate(_pieces(self._compressed())):
            yield self.number, n, self._key.seal(_place(self.number, n), piece)

    def _compressed(self) -> Iterator[bytes]:
        packer = isal_zlib.compressobj(level=1)
        for chunk in self._chunks:
            self._mac.update(chunk)
            self._size += len(chunk)
            yield packer.compress(chunk)
        yield packer.flush()

    def row(self, sender: str, kind: str, message_id: str | None) -> dict[str, Any]:
        """Return the submission's own row, once the content has passed."""
        mac = self._mac.digest()
        return {
            "submission_id": self.number,
            "sender": sender,
            "kind": kind,
            "message_id": mac.hex() if message_id is None else message_id,
            "content_mac": mac,
            "size": self._size,
        }


def _pieces(blocks: Iterable[bytes]) -> Iterator[bytes]:
    buffer = bytearray()
    for block in blocks:
        buffer += block
        while len(buffer) >= _CHUNK:
            yield bytes(buffer[:_CHUNK])
            del buffer[:_CHUNK]
    yield bytes(buffer)


def _place(number: int, n: int) -> tuple[str | int, ...]:
    return ("submission_chunks", number, n)


def next_number(connection: Connection) -> int:
    """Return the first free submission id; call it under the submissions lock."""
    return (connection.execute(select(func.max(submissions.c.submission_id))).scalar_one() or 0) + 1


def _earlier(connection: Connection, row: dict[str, Any], stands: Callable[[State], bool]) -> int | None:
    """Return the submission that this one repeats, if any.

    What came to nothing never took effect: put right, or its cause mended here, it may be sent again under its own id.

    Raises:
        MessageConflict: the same message id, but other content.
    """
    c, before = submissions.c, None
    while True:
        same_message = [c[name] == row[name] for name in ("sender", "kind", "message_id")]
        found = connection.execute(select(c.submission_id, c.content_mac).where(*same_message)).first()
        if found is None:
            return None
        same = found.content_mac == row["content_mac"]
        if stands(state(connection, found.submission_id)):
            if not same and before is None:
                raise MessageConflict(found.submission_id)
            return int(found.submission_id) if same else before
        before = int(found.submission_id) if same else before
        row["message_id"] += f"@{found.submission_id}"


def _newest_other(connection: Connection, row: Mapping[str, Any]) -> int:
    """Return the newest submission of the same sender and kind with other content that is applied, or will be; else 0.

    Of a kind in which each content takes the place of the one before, nothing older than that one repeats anything.
    """
    c = submissions.c
    query = select(c.submission_id).where(
        c.sender == row["sender"],
        c.kind == row["kind"],
        c.content_mac != row["content_mac"],
        c.submission_id < row["submission_id"],
    )
    found = connection.execute(query.order_by(c.submission_id.desc())).scalars()
    return next((one for one in found if state(connection, one).state in ("applied", "received")), 0)


class Waiting(NamedTuple):
    """A submission that is kept and not yet applied."""

    submission_id: int
    sender: str
    kind: str


def unanswered() -> ColumnElement[bool]:
    """Return when a submission is kept and not yet answered: its being received is all that is on file."""
    c, e = submissions.c, submission_events.c
    return ~exists().where(e.submission_id == c.submission_id, e.n > 1)


def waiting(connection: Connection) -> list[Waiting]:
    """Return what is kept and not yet applied, in order of arrival."""
    c = submissions.c
    query = select(c.submission_id, c.sender, c.kind).where(unanswered()).order_by(c.submission_id)
    return [Waiting(*row) for row in connection.execute(query)]


def duplicate_of(
    connection: Connection, submission_id: int, *, replaces: bool, stands: Callable[[State], bool] = _took_effect
) -> int | None:
    """Return the applied submission of the same sender and kind that brought the same content under another id."""
    c = submissions.c
    row = connection.execute(select(submissions).where(c.submission_id == submission_id)).one()._asdict()
    after = _newest_other(connection, row) if replaces else 0
    same_content = [c[name] == row[name] for name in ("sender", "kind", "content_mac")]
    others = select(c.submission_id).where(*same_content, c.submission_id < submission_id, c.submission_id > after)
    found = connection.execute(others.order_by(c.submission_id)).scalars()
    states = ((number, state(connection, number)) for number in found)
    return next((number for number, one in states if one.state == "applied" and stands(one)), None)


def set_state(
    connection: Connection, clock: Clock, submission_id: int, state: str, version: int | None, reply: str
) -> None:
    """Say what became of a submission; earlier states stay on file. ``reply`` holds no personal data."""
    c = submission_events.c
    last = connection.execute(select(func.max(c.n)).where(c.submission_id == submission_id)).scalar_one()
    event = {"submission_id": submission_id, "n": (last or 0) + 1, "at_us": now_us(clock)}
    connection.execute(insert(submission_events), event | {"state": state, "version": version, "reply": reply})


def state(connection: Connection, submission_id: int) -> State:
    """Return the newest state of a submission.

    Raises:
        LookupError: there is no such submission.
    """
    c = submission_events.c
    newest = select(c.state, c.version, c.reply).where(c.submission_id == submission_id).order_by(c.n.desc())
    row = connection.execute(newest.limit(1)).first()
    if row is None:
        raise LookupError(f"there is no submission {submission_id}")
    return State(*row)


def next_outcome(connection: Connection, submission_id: int) -> int:
    """Return the first free number among a submission's row outcomes."""
    c = submission_outcomes.c
    newest = select(func.coalesce(func.max(c.n), -1)).where(c.submission_id == submission_id)
    return int(connection.execute(newest).scalar_one()) + 1


@contextmanager
def opened_content(connection: Connection, ring: KeyRing, submission_id: int) -> Iterator[Iterator[bytes]]:
    """Give the content as it arrived, for the length of the block.

    A reader may stop half-way (a damaged file does that). What it left is closed here: a cursor that waited for the
    garbage collector would be closed in the middle of some later transaction.

    Raises:
        ContentGone: it was deleted at the end of its retention.
        Unreadable: chunks were changed, moved or cut off.
    """
    with closing(_content(connection, ring, submission_id)) as content:
        yield content


def _content(connection: Connection, ring: KeyRing, submission_id: int) -> Generator[bytes, None, None]:
    c = submission_chunks.c
    key, unpacker = data_key(ring.submissions), isal_zlib.decompressobj()
    n = -1
    query = select(c.n, c.sealed).where(c.submission_id == submission_id).order_by(c.n)
    for batch in batches(connection, query, size=2):
        for n, sealed in batch:
            yield unpacker.decompress(key.open(_place(submission_id, n), sealed))
    if n < 0:
        raise ContentGone(f"the content of submission {submission_id} is no longer kept")
    if not unpacker.eof:
        raise Unreadable("the end of the content is missing")


def purge(connection: Connection, before_us: int) -> int:
    """Delete content and row outcomes of decided submissions received before an instant; return how many."""
    c = submissions.c
    kept = select(submission_chunks.c.submission_id).distinct()
    old = select(c.submission_id).where(c.received_us < before_us, c.submission_id.in_(kept))
    numbers = [
        number
        for number in connection.execute(old).scalars().all()
        if state(connection, number).state not in _UNDECIDED
    ]
    for table in (submission_chunks, submission_outcomes, report_texts):
        connection.execute(delete(table).where(among(connection, table.c.submission_id, numbers)))
    return len(numbers)
