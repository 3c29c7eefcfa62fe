"""What was found in the partners' boxes, and what became of each file.

A file is the same as long as its name, size and time are, and is read once. Only whoever holds a box's lease writes of
it, except that a person lets a failed file be tried again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Connection, String, cast, func, insert, literal, select, union_all, update

from integration.clock import Clock, now_us
from integration.storage.outbox import MOST_ATTEMPTS
from integration.storage.overview import at_text
from integration.storage.tables import collected_files, outbox

#: Still to be dealt with; in the other states (returned, gone, failed) nothing more happens by itself.
_OPEN: Final = ("settling", "kept", "held")
#: A file that was dealt with lies there again, as it was: nobody but a person knows why.
SEEN_BEFORE: Final = "SEEN_BEFORE"

#: Kind, name, size in bytes, and when it was last written to in seconds: a file as a box tells of it.
Lying = tuple[str, str, int, int]


class Collected(NamedTuple):
    """A file that is still to be dealt with."""

    file_id: int
    lying: Lying
    since_us: int
    state: str
    submission_id: int | None
    attempts: int
    not_before_us: int

    @property
    def kind(self) -> str:
        """What it is: registry, roster, aliases or report."""
        return self.lying[0]


class CollectedLine(msgspec.Struct, frozen=True):
    """A collected file as it stands. ``name`` is the partner's own; ``code`` is why it was last not dealt with."""

    file_id: int
    partner: str
    kind: str
    name: str
    size: int
    seen_at: str
    state: str
    answer: str
    submission_id: int | None
    attempts: int
    not_before: str
    code: str
    ended_at: str | None


class ExchangeLine(msgspec.Struct, frozen=True):
    """A file that came (``in``) or a message that goes (``out``); ``id`` is the file's number or the message's id."""

    way: str
    id: str
    partner: str
    kind: str
    what: str
    at: str
    state: str
    attempts: int
    answer: str


def seen(connection: Connection, clock: Clock, partner: str, lying: Iterable[Lying]) -> None:
    """Bring the files of a box up to what lies there now."""
    now, there = now_us(clock), {one[1]: one for one in lying}
    watched = _of(partner).where(collected_files.c.state == "settling")
    growing = {row.name: row.file_id for row in connection.execute(watched)}
    for one in there.values():
        if (row := _same(connection, partner, one)) is not None:
            _seen_again(connection, row, now)
        elif one[1] in growing:
            _put(connection, growing[one[1]], **_first_seen(one, now))
        else:
            connection.execute(
                insert(collected_files).values(_first_seen(one, now) | {"partner": partner, "seen_us": now})
            )
    _missed(connection, partner, there, now)


def _of(partner: str) -> Any:
    return select(collected_files).where(collected_files.c.partner == partner)


def _same(connection: Connection, partner: str, lying: Lying) -> Any:
    c, (_, name, size, modified_s) = collected_files.c, lying
    query = _of(partner).where(c.name == name, c.size == size, c.modified_s == modified_s)
    return connection.execute(query).first()


def _first_seen(lying: Lying, now: int) -> dict[str, Any]:
    """Return what is known of a file that was not there before, or not so."""
    row = dict(zip(("kind", "name", "size", "modified_s"), lying, strict=True))
    row |= {"state": "settling", "since_us": now, "answer": "", "code": "", "attempts": 0, "not_before_us": now}
    return row


def _seen_again(connection: Connection, row: Any, now: int) -> None:
    watched = row.state == "settling" and row.since_us > now  # the clock was set back
    if watched or (row.state == "gone" and row.submission_id is None):
        _put(connection, row.file_id, state="settling", since_us=now, ended_us=None)
    elif row.state in ("returned", "gone"):
        _put(connection, row.file_id, state="failed", code=SEEN_BEFORE)


def _missed(connection: Connection, partner: str, there: dict[str, Lying], now: int) -> None:
    """Deal with the files that lie there no more; one that is kept may have been taken away by the hub itself."""
    for row in connection.execute(_of(partner).where(collected_files.c.state.in_(("settling", "failed")))).all():
        other = there.get(row.name)
        if other is not None and other[2:] == (row.size, row.modified_s):
            continue
        if row.code == SEEN_BEFORE:
            _put(connection, row.file_id, state="returned", code="")
        else:
            _put(connection, row.file_id, state="gone", ended_us=now)


def open_files(connection: Connection, partner: str) -> list[Collected]:
    """Return the files of a box that are still to be dealt with, the oldest first."""
    c = collected_files.c
    query = _of(partner).where(c.state.in_(_OPEN)).order_by(c.modified_s, c.name)
    return [
        Collected(
            row.file_id, (row.kind, row.name, row.size, row.modified_s), row.since_us, row.state,
            row.submission_id, row.attempts, row.not_before_us,
        )
        for row in connection.execute(query)
    ]  # fmt: skip


def kept(connection: Connection, file_id: int, submission_id: int | None) -> None:
    """Note that a file is in the inbox; without a submission it is one that the inbox does not take."""
    _put(connection, file_id, state="kept", submission_id=submission_id, attempts=0, code="")


def came_before(connection: Connection, file: Collected) -> bool:
    """Tell whether an earlier file brought the same submission."""
    c = collected_files.c
    query = select(func.min(c.file_id)).where(c.submission_id == file.submission_id)
    return int(connection.execute(query).scalar_one()) < file.file_id


def held(connection: Connection, file_id: int) -> None:
    """Note that a file waits for two persons."""
    _put(connection, file_id, state="held", attempts=0, code="")


def returned(connection: Connection, clock: Clock, file_id: int, answer: str) -> None:
    """Note that a file was answered and taken out of the box."""
    _put(connection, file_id, state="returned", answer=answer, code="", ended_us=now_us(clock))


def anew(connection: Connection, clock: Clock, file_id: int, code: str) -> None:
    """Watch a file from now on as if it had just come: it changed while it was read."""
    _put(connection, file_id, since_us=now_us(clock), code=code)


def gone(connection: Connection, clock: Clock, file_id: int, code: str) -> None:
    """Note that another file lies in the place of one that was kept, so that it cannot be taken away."""
    _put(connection, file_id, state="gone", code=code, ended_us=now_us(clock))


def again(connection: Connection, clock: Clock, file: Collected, code: str, after_us: int | None) -> None:
    """Note why a file could not be dealt with: it is tried again after so long, or (None) waits for a person."""
    attempts = file.attempts + 1
    values = {"code": code, "attempts": attempts, "not_before_us": now_us(clock) + (after_us or 0)}
    if after_us is None or attempts >= MOST_ATTEMPTS:
        values["state"] = "failed"
    _put(connection, file.file_id, **values)


def retry(connection: Connection, clock: Clock, file_id: int) -> bool:
    """Let a failed file be dealt with again; False if there is no such, or a newer one of its kind was applied since.

    One that was dealt with before is read again, any other goes on where it failed.
    """
    c = collected_files.c
    row = connection.execute(select(collected_files).where(c.file_id == file_id, c.state == "failed")).first()
    if row is None or _is_overtaken(connection, row):
        return False
    now = now_us(clock)
    values: dict[str, Any] = {"attempts": 0, "not_before_us": now, "code": ""}
    if row.code == SEEN_BEFORE or row.submission_id is None:
        values |= {"state": "settling", "since_us": now, "submission_id": None, "answer": "", "ended_us": None}
    else:
        values["state"] = "kept"
    _put(connection, file_id, **values)
    return True


def _is_overtaken(connection: Connection, row: Any) -> bool:
    """Tell whether a newer file of the kind took its effect: an older one would undo it."""
    c = collected_files.c
    same = (c.partner == row.partner, c.kind == row.kind, c.modified_s > row.modified_s, c.answer == "applied")
    return connection.execute(select(c.file_id).where(*same).limit(1)).first() is not None


def _put(connection: Connection, file_id: int, **values: Any) -> None:
    connection.execute(update(collected_files).where(collected_files.c.file_id == file_id).values(values))


# --- for people who look ---------------------------------------------------------------------------------------


def collected_lines(
    connection: Connection, most: int, *, partner: str | None = None, unfinished: bool = False
) -> list[CollectedLine]:
    """Return collected files (of a partner; those that are not dealt with), newest first."""
    c = collected_files.c
    query = select(collected_files).order_by(c.file_id.desc()).limit(most)
    query = query if partner is None else query.where(c.partner == partner)
    query = query.where(c.state.in_((*_OPEN, "failed"))) if unfinished else query
    return [_line(row) for row in connection.execute(query)]


def find_file(connection: Connection, file_id: int) -> CollectedLine | None:
    """Return a collected file, or None."""
    row = connection.execute(select(collected_files).where(collected_files.c.file_id == file_id)).first()
    return None if row is None else _line(row)


def _line(row: Any) -> CollectedLine:
    return CollectedLine(
        row.file_id, row.partner, row.kind, row.name, row.size, at_text(row.seen_us), row.state, row.answer,
        row.submission_id, row.attempts, at_text(row.not_before_us), row.code, _maybe_at(row.ended_us),
    )  # fmt: skip


def _maybe_at(us: int | None) -> str | None:
    return None if us is None else at_text(us)


def exchanged(connection: Connection, most: int, partner: str | None = None) -> list[ExchangeLine]:
    """Return what came and what goes, of everybody or one partner, newest first."""
    f, m = collected_files.c, outbox.c
    came = select(
        literal("in").label("way"), cast(f.file_id, String).label("id"), f.partner, f.kind, f.name.label("what"),
        f.seen_us.label("at"), f.state, f.attempts, f.answer,
    )  # fmt: skip
    goes = select(
        literal("out"), m.message_id, m.company, m.kind, m.subject, m.created_us, m.state, m.attempts, literal("")
    )
    both = union_all(came, goes).subquery()
    query = select(both).order_by(both.c.at.desc(), both.c.way, both.c.id).limit(most)
    rows = connection.execute(query if partner is None else query.where(both.c.partner == partner))
    return [
        ExchangeLine(way, number, code, kind, what, at_text(at_us), state, attempts, answer)
        for way, number, code, kind, what, at_us, state, attempts, answer in rows
    ]


def figures(connection: Connection) -> dict[str, int]:
    """Return what the metrics say: files that wait, and files that are a person's."""
    c = collected_files.c
    rows = connection.execute(select(c.state, func.count()).group_by(c.state))
    counts = {state: int(number) for state, number in rows}
    return {"files_waiting": sum(counts.get(state, 0) for state in _OPEN), "files_failed": counts.get("failed", 0)}
