"""The contract bites: each clause is broken by the fault that is planted for it, that clause alone."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from signing import (
    SAMPLES,
    TOKEN,
    HttpCompany,
    folder_ways,
    http_company,
    http_way,
    listings_of,
    readings_of,
    without_samples,
)

from adapters.base import Box, Channel, Found, Garbled, ListHead, ListWriter, Parcel, Refused, Unreachable
from adapters.channels.http_push import HttpPush
from adapters.contract.boxes import COLLECTING, Collecting
from adapters.contract.channels import SENDING
from adapters.contract.clauses import Capability, State, tried
from adapters.contract.damage import DAMAGE
from adapters.contract.dialects import Listing, Reading
from adapters.contract.listing import LISTS
from adapters.contract.reading import READING
from adapters.contract.report import CLAUSES
from adapters.contract.samples import Sample
from adapters.contract.ways import Sending
from schemas.faults import FileRefused
from schemas.lists import Change, ListRow
from schemas.reports import Answer, BillKind

__all__ = ["http_company"]

SETS: Sequence[Sequence[Any]] = ((*READING, *DAMAGE), LISTS, SENDING, COLLECTING)


def broken(subject: Any) -> set[str]:
    """Return the clauses that a subject breaks."""
    (clauses,) = [one for one, kind in zip(SETS, (Reading, Listing, Sending, Collecting), strict=True)
                  if isinstance(subject, kind)]  # fmt: skip
    return {one.name for one in clauses if tried(one, subject).state is State.BROKEN}


# --- files that a partner sends


def made(code: str, kind: str) -> Reading:
    return without_samples(next(one for one in readings_of(code) if one.name == f"{code}/{kind}"))


WATER = made("city_water", "report")
SUBURB = made("suburb_water", "report")
WIDTHS = made("county_water", "roster")
SAMPLE = next(one for one in readings_of("city_water") if one.name == "city_water/report")


def mending(file: Reading, mend: Callable[[bytes], bytes]) -> Reading:
    """A reader that does something to all bytes before it reads them."""
    return replace(file, read=lambda chunks: file.read([mend(b"".join(chunks))]))


def changing(file: Reading, change: Callable[[Any], Any]) -> Reading:
    """A reader that does something to every row that it has read; None drops the row."""

    def read(chunks: Iterable[bytes]) -> Any:
        head, rows = file.read(chunks)
        return head, (changed for row in rows if (changed := change(row)) is not None)

    return replace(file, read=read)


def said(file: Reading, change: Callable[[Any], Mapping[str, Any]]) -> Reading:
    """A reader that says something else of its sound rows."""

    def changed(row: Any) -> Any:
        if row.fault:
            return row
        return row._replace(report_row=msgspec.structs.replace(row.report_row, **change(row.report_row)))

    return changing(file, changed)


def forgiving(file: Reading, *codes: str, column: str | None = None) -> Reading:
    """A reader that takes no notice when a file as a whole is wrong in one respect."""

    def forgives(refused: FileRefused) -> bool:
        return refused.fault.code in codes and column in (None, refused.fault.column)

    def rows_of(rows: Iterator[Any]) -> Iterator[Any]:
        try:
            yield from rows
        except FileRefused as refused:
            if not forgives(refused):
                raise

    def read(chunks: Iterable[bytes]) -> Any:
        head, rows = file.read(chunks)
        return head, rows_of(rows)

    return replace(file, read=read)


def naming_nothing(row: Any) -> Any:
    return row._replace(fault=row.fault and msgspec.structs.replace(row.fault, column=""))


def losing_line_ends(chunks: Iterable[bytes]) -> Any:
    return WATER.read(chunk.rstrip(b"\n") for chunk in chunks)


def quoting(chunks: Iterable[bytes]) -> Any:
    content = b"".join(chunks)
    text = content.decode("gb18030", "replace")
    head, rows = WATER.read([content])
    return head, (
        row._replace(fault=row.fault and msgspec.structs.replace(row.fault, text=f"{row.fault.text}: {text}"))
        for row in rows
    )


def as_json(chunks: Iterable[bytes]) -> Any:
    content = b"".join(chunks)
    if content.strip() == b"{}":
        return json.loads(content)["head"], iter(())
    return WATER.read([content])


def anybodys(chunks: Iterable[bytes]) -> Any:
    content = b"".join(chunks)
    try:
        return WATER.read([content])
    except FileRefused as refused:
        try:
            return SUBURB.read([content])
        except FileRefused:
            raise refused from None


def making_up_a_head(chunks: Iterable[bytes]) -> Any:
    try:
        return WATER.read(chunks)
    except FileRefused as refused:
        if refused.fault.column == "类别":
            return None, iter(())
        raise


def rare_lost(text: str) -> str:
    return "".join("〓" if one > "\uffff" else one for one in text)


def given(file: Reading, content: bytes, golden: bytes | None = None) -> Reading:
    known = {Capability.SAMPLE} | ({Capability.GOLDEN} if golden else set())
    return replace(file, given=Sample("report", "txt", content, golden), can=file.can | known)


REPORT = (SAMPLES / "city_water.report.txt").read_bytes()

FILES: dict[str, tuple[str, Reading]] = {
    "an empty cell is read as nought": (
        "values_are_read_as_written",
        said(WATER, lambda row: {"reading_from_milli": row.reading_from_milli or 0}),
    ),
    "line ends at the end of a chunk are lost": ("chunks_do_not_matter", replace(WATER, read=losing_line_ends)),
    "rare characters become 〓": (
        "rare_characters_survive",
        said(WATER, lambda row: {"answer_text": rare_lost(row.answer_text)}),
    ),
    "private characters become ?": (
        "private_characters_are_the_same_name",
        said(WATER, lambda row: {"answer_text": row.answer_text.replace("\ue81e", "?")}),
    ),
    "leading noughts are stripped": (
        "leading_noughts_survive",
        said(WATER, lambda row: {"account": row.account.lstrip("0")}),
    ),
    "a number that is too short is filled up": (
        "a_number_of_another_width_is_a_fault",
        mending(WIDTHS, lambda raw: re.sub("(?<=<户号>)([0-9]{5})(?=<)".encode("gb18030"), rb"0\1", raw)),
    ),
    "an unknown code counts as applied": (
        "unknown_answers_are_kept",
        said(WATER, lambda row: {"answer": Answer.APPLIED if row.answer is Answer.UNKNOWN else row.answer}),
    ),
    "half a fen is rounded": (
        "half_a_fen_is_a_fault",
        mending(WATER, lambda raw: re.sub(rb"\|(-?\d+\.\d\d)5(?=\|)", rb"|\1", raw)),
    ),
    "the total of the amounts is ignored": (
        "yuan_taken_for_fen_is_seen",
        forgiving(WATER, "TRAILER_SUM", column="总减免金额"),
    ),
    "faults name no column": ("a_bad_cell_is_one_fault", changing(WATER, naming_nothing)),
    "rows with a fault are dropped": (
        "every_row_has_an_end",
        changing(WATER, lambda row: None if row.fault else row),
    ),
    "a fault quotes the file": ("faults_repeat_no_content", replace(WATER, read=quoting)),
    "no trailer is needed": ("a_file_cut_short_is_refused", forgiving(WATER, "TRUNCATED")),
    "the trailer's count is ignored": ("wrong_totals_are_refused", forgiving(WATER, "TRAILER_ROWS")),
    "a KeyError on {}": ("junk_is_refused", replace(WATER, read=as_json)),
    "undecodable bytes are replaced": (
        "another_encoding_is_refused",
        mending(WATER, lambda raw: raw.decode("gb18030", "replace").encode("gb18030")),
    ),
    "undecodable bytes are left out": (
        "another_encoding_is_refused",
        mending(WATER, lambda raw: raw.decode("gb18030", "ignore").encode("gb18030")),
    ),
    "another company's form is tried as well": ("strangers_are_refused", replace(WATER, read=anybodys)),
    "a wrong first line is left out": ("a_wrong_first_line_is_refused", replace(WATER, read=making_up_a_head)),
    "the partner writes its days otherwise": (
        "the_partners_file_is_read",
        given(WATER, REPORT.replace(b"|20261105|", b"|2026-11-05|")),
    ),
    "one kind of bill is read as another": (
        "the_partners_file_means_its_golden",
        said(SAMPLE, lambda row: {"kind": BillKind.BILL if row.kind is BillKind.REBILL else row.kind}),
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FILES)
def test_a_planted_fault_of_a_reader_breaks_its_clause_alone(fault: str) -> None:
    clause, planted = FILES[fault]
    assert broken(planted) == {clause}


def test_the_readers_are_sound_without_the_planted_faults() -> None:
    for file in (WATER, WIDTHS, SAMPLE, given(WATER, REPORT)):
        assert broken(file) == set()


# --- lists that a company gets


class Writing:
    """A writer around another, which a planted fault inherits from."""

    def __init__(self, inner: ListWriter) -> None:
        self._inner = inner
        self.name, self.media_type, self.full_roll = inner.name, inner.media_type, inner.full_roll

    def file_name(self, head: ListHead) -> str:
        return self._inner.file_name(head)

    def render(self, head: ListHead, rows: Iterable[ListRow]) -> Iterator[bytes]:
        return self._inner.render(head, rows)


class Clock(Writing):
    """Writes the time at which it writes into the first line."""

    ticks = itertools.count()

    def render(self, head: ListHead, rows: Iterable[ListRow]) -> Iterator[bytes]:
        return super().render(head._replace(created_on=f"2026-10-{1 + next(self.ticks) % 28:02}"), rows)


class OneMonth(Writing):
    """Writes every row for the month of the list."""

    def render(self, head: ListHead, rows: Iterable[ListRow]) -> Iterator[bytes]:
        return super().render(head, (row._replace(month=202611) for row in rows))


class NoNoughts(Writing):
    def render(self, head: ListHead, rows: Iterable[ListRow]) -> Iterator[bytes]:
        return super().render(head, (row._replace(account=row.account.lstrip("0")) for row in rows))


class CountsKept(Writing):
    """Leaves KEEP rows out, and counts them all the same."""

    def render(self, head: ListHead, rows: Iterable[ListRow]) -> Iterator[bytes]:
        listed = list(rows)
        count = sum(row.change != Change.KEEP for row in listed)
        content = b"".join(super().render(head, listed))
        yield content.replace(f"合计,{count}".encode(), f"合计,{head.rows}".encode())


class TakesAnyRows(Writing):
    def render(self, head: ListHead, rows: Iterable[ListRow]) -> Iterator[bytes]:
        listed = list(rows)
        quantity = sum(row.quantity_milli for row in listed)
        return super().render(head._replace(rows=len(listed), quantity_milli=quantity), listed)


class QuestionMarks(Writing):
    def render(self, head: ListHead, rows: Iterable[ListRow]) -> Iterator[bytes]:
        return super().render(
            head, (row._replace(account=row.account.encode(errors="replace").decode()) for row in rows)
        )


class NameOfTheMonth(Writing):
    def file_name(self, head: ListHead) -> str:
        return f"LIST_{head.month}.txt"


class OtherLineEnds(Writing):
    def render(self, head: ListHead, rows: Iterable[ListRow]) -> Iterator[bytes]:
        return (piece.replace(b"\n", b"\r\n") for piece in super().render(head, rows))


(ALL,), (CHANGES,) = listings_of("city_water"), listings_of("suburb_water")

WRITERS: dict[str, tuple[str, Listing, type[Writing]]] = {
    "the clock stands in the first line": ("writing_is_pure", ALL, Clock),
    "every row has the list's month": ("rows_are_found_again", ALL, OneMonth),
    "leading noughts are not written": ("noughts_and_rare_characters_are_written", ALL, NoNoughts),
    "KEEP rows count though they are left out": ("totals_are_those_of_the_rows", CHANGES, CountsKept),
    "rows are not compared with the head": ("rows_that_nobody_counted_are_refused", ALL, TakesAnyRows),
    "question marks stand for what cannot be written": ("what_cannot_be_written_is_refused", ALL, QuestionMarks),
    "the file is named after its month alone": ("file_names_are_plain_and_distinct", ALL, NameOfTheMonth),
    "lines end otherwise": ("the_golden_list_is_written", ALL, OtherLineEnds),
}


@pytest.mark.parametrize("fault", WRITERS)
def test_a_planted_fault_of_a_writer_breaks_its_clause_alone(fault: str) -> None:
    clause, form, planted = WRITERS[fault]
    form = form if clause.startswith("the_golden") else replace(form, given=None, can=form.can - {Capability.GOLDEN})
    assert broken(replace(form, writer=planted(form.writer))) == {clause}


def test_the_writers_are_sound_without_the_planted_faults() -> None:
    assert broken(ALL) == broken(CHANGES) == set()


# --- ways to a company


@dataclass
class Way:
    """A channel around another, which a planted fault inherits from."""

    inner: Channel
    sent: list[Parcel] = field(default_factory=list)

    def send(self, parcel: Parcel, content: Iterable[bytes]) -> str:
        return self.inner.send(parcel, content)

    def has(self, parcel: Parcel) -> bool:
        return self.inner.has(parcel)


class HasNothing(Way):
    def has(self, parcel: Parcel) -> bool:
        return False


class LaysAgain(Way):
    """Lays a repetition beside the first, under another name."""

    def send(self, parcel: Parcel, content: Iterable[bytes]) -> str:
        again = parcel in self.sent
        self.sent.append(parcel)
        return self.inner.send(parcel._replace(file_name=f"again-{parcel.file_name}") if again else parcel, content)


class InTextMode(Way):
    def send(self, parcel: Parcel, content: Iterable[bytes]) -> str:
        changed = b"".join(content).replace(b"\n", b"\r\n")
        return self.inner.send(parcel._replace(size=len(changed)), [changed])


@dataclass
class Directly:
    """Writes under the name that everybody sees."""

    root: Path

    def send(self, parcel: Parcel, content: Iterable[bytes]) -> str:
        for name, raw in parcel.beside.items():
            (self.root / name).write_bytes(raw)
        with (self.root / parcel.file_name).open("wb") as file:
            for piece in content:
                file.write(piece)
                file.flush()
        return "LAID"

    def has(self, parcel: Parcel) -> bool:
        return (self.root / parcel.file_name).exists()


class ListFirst(Way):
    def send(self, parcel: Parcel, content: Iterable[bytes]) -> str:
        kept = b"".join(self.inner_pieces(parcel, content))
        return self.inner.send(parcel, [kept])

    def inner_pieces(self, parcel: Parcel, content: Iterable[bytes]) -> Iterator[bytes]:
        pieces = list(content)
        self.inner.send(parcel._replace(beside={}), pieces)
        return iter(pieces)


class TriesAgain(Way):
    def send(self, parcel: Parcel, content: Iterable[bytes]) -> str:
        kept = list(content)
        try:
            return self.inner.send(parcel, kept)
        except Refused as error:
            if error.code in ("HTTP_401", "HTTP_404"):
                return self.inner.send(parcel, kept)
            raise


class DownIsRefused(Way):
    def send(self, parcel: Parcel, content: Iterable[bytes]) -> str:
        try:
            return self.inner.send(parcel, content)
        except Unreachable as error:
            raise Refused(error.code) from None


class BusyIsRefused(Way):
    def send(self, parcel: Parcel, content: Iterable[bytes]) -> str:
        try:
            return self.inner.send(parcel, content)
        except Unreachable as error:
            if error.code == "HTTP_503":
                raise Refused(error.code) from None
            raise


class ForgetsToWait(Way):
    def send(self, parcel: Parcel, content: Iterable[bytes]) -> str:
        try:
            return self.inner.send(parcel, content)
        except Unreachable as error:
            raise Unreachable(error.code) from None


class TimeOutLeaks(Way):
    def send(self, parcel: Parcel, content: Iterable[bytes]) -> str:
        try:
            return self.inner.send(parcel, content)
        except Unreachable as error:
            if error.code.startswith("HTTP_"):
                raise
            raise TimeoutError from None


class TakesAnyAnswer(Way):
    def send(self, parcel: Parcel, content: Iterable[bytes]) -> str:
        try:
            return self.inner.send(parcel, content)
        except Refused as error:
            if error.code in ("HTTP_302", "HTTP_299"):
                return error.code
            raise


class TakesAnyBody(Way):
    def send(self, parcel: Parcel, content: Iterable[bytes]) -> str:
        try:
            return self.inner.send(parcel, content)
        except Garbled as error:
            if error.code == "UNKNOWN_CODE":
                return "ACCEPTED"
            raise


class TellsAll(Way):
    def send(self, parcel: Parcel, content: Iterable[bytes]) -> str:
        return f"{self.inner.send(parcel, content)} {parcel.file_name}"


def wrapped(way: Sending, planted: type[Way]) -> Sending:
    return replace(way, channel=planted(way.channel))


IN_A_FOLDER: dict[str, tuple[str, Callable[[Sending, Path], Sending]]] = {
    "it has never anything": ("what_was_sent_is_there", lambda way, _root: wrapped(way, HasNothing)),
    "a repetition lies beside the first": (
        "the_same_parcel_twice_is_once",
        lambda way, _root: wrapped(way, LaysAgain),
    ),
    "written under the name that all see": (
        "nothing_half_is_visible",
        lambda way, root: replace(way, channel=Directly(root / "out")),
    ),
    "the list first, what proves it after": ("the_list_comes_last", lambda way, _root: wrapped(way, ListFirst)),
}  # fmt: skip

BY_HTTP: dict[str, tuple[str, Callable[[Sending], Sending]]] = {
    "a code that nobody knows counts as taken": (
        "a_body_without_a_yes_is_not_taken",
        lambda way: wrapped(way, TakesAnyBody),
    ),
    "line ends are changed": ("bytes_arrive_as_they_were_sent", lambda way: wrapped(way, InTextMode)),
    "a stranger knocks twice": (
        "a_stranger_is_refused",
        lambda way: replace(way, as_stranger=TriesAgain(way.as_stranger or way.channel)),
    ),
    "who is down has refused": (
        "nobody_there_is_unreachable",
        lambda way: replace(way, nowhere=DownIsRefused(way.nowhere or way.channel)),
    ),
    "503 is a refusal": ("a_busy_server_is_unreachable", lambda way: wrapped(way, BusyIsRefused)),
    "Retry-After is lost": ("a_busy_server_is_unreachable", lambda way: wrapped(way, ForgetsToWait)),
    "what is refused is sent again": ("a_refusal_is_final", lambda way: wrapped(way, TriesAgain)),
    "a time-out leaks": ("an_unclear_end_can_be_asked_about", lambda way: wrapped(way, TimeOutLeaks)),
    "an unknown answer counts as taken": ("an_unknown_answer_is_not_taken", lambda way: wrapped(way, TakesAnyAnswer)),
    "without a token it is tried all the same": (
        "without_a_token_nothing_is_sent",
        lambda way: replace(way, tokenless=HttpPush(form="http_push", url=getattr(way.channel, "url"))),  # noqa: B009
    ),
    "a code quotes the file's name": ("codes_tell_no_secret", lambda way: wrapped(way, TellsAll)),
}  # fmt: skip


@pytest.mark.parametrize("fault", IN_A_FOLDER)
def test_a_planted_fault_of_a_folder_breaks_its_clause_alone(fault: str, tmp_path: Path) -> None:
    clause, plant = IN_A_FOLDER[fault]
    way, _ = folder_ways(tmp_path / "place")
    assert broken(plant(way, tmp_path / "place")) == {clause}


@pytest.mark.parametrize("fault", BY_HTTP)
def test_a_planted_fault_of_a_push_breaks_its_clause_alone(fault: str, http_company: HttpCompany) -> None:
    clause, plant = BY_HTTP[fault]
    form = "http_json" if clause.startswith("a_body") else "http_put"
    assert broken(plant(http_way(http_company, form))) == {clause}


def test_the_ways_are_sound_without_the_planted_faults(http_company: HttpCompany, tmp_path: Path) -> None:
    assert broken(http_way(http_company)) == set()
    for way in folder_ways(tmp_path / "place"):
        assert broken(way) == set()


def test_the_company_in_the_tests_takes_nothing_without_its_token(http_company: HttpCompany) -> None:
    way = http_way(http_company)
    with pytest.raises(Refused, match="HTTP_401"):
        HttpPush(form="http_push", url=http_company.url).send(way.parcel("any"), way.pieces())
    assert http_company.lying() == {}
    assert TOKEN not in str(way.can)


# --- boxes


@dataclass
class BoxAround:
    """A box around another, which a planted fault inherits from."""

    inner: Box
    root: Path
    settle_s: int = 0

    def files(self) -> Sequence[Found]:
        return self.inner.files()

    def read(self, found: Found) -> Iterator[bytes]:
        return self.inner.read(found)

    def take_away(self, found: Found, *, refused: bool, beside: Mapping[str, bytes]) -> None:
        self.inner.take_away(found, refused=refused, beside=beside)


class LooksElsewhere(BoxAround):
    def files(self) -> Sequence[Found]:
        raise Refused("NOT_THERE")


class ReadsCapitals(BoxAround):
    def read(self, found: Found) -> Iterator[bytes]:
        return (piece.upper() for piece in self.inner.read(found))


class ReadsWhatGrows(BoxAround):
    def read(self, found: Found) -> Iterator[bytes]:
        try:
            yield from self.inner.read(found)
        except Unreachable:
            return


class MovesTwice(BoxAround):
    """Leaves one more trace in the done folder each time."""

    def take_away(self, found: Found, *, refused: bool, beside: Mapping[str, bytes]) -> None:
        super().take_away(found, refused=refused, beside=beside)
        with (self.root / "done" / "log").open("ab") as file:
            file.write(b"taken\n")


class TidiesUp(BoxAround):
    """Takes whatever lies there away with the file."""

    def take_away(self, found: Found, *, refused: bool, beside: Mapping[str, bytes]) -> None:
        super().take_away(found, refused=refused, beside=beside)
        for path in (self.root / "in").iterdir():
            path.unlink()


class ReadsNothing(BoxAround):
    """Takes a file that is not there for an empty one."""

    def read(self, found: Found) -> Iterator[bytes]:
        try:
            yield from self.inner.read(found)
        except Refused:
            return


BOXES: dict[str, tuple[str, type[BoxAround]]] = {
    "it looks into another folder": ("a_box_can_be_looked_into", LooksElsewhere),
    "it changes what it reads": ("a_file_is_read_as_it_was_laid", ReadsCapitals),
    "it reads a growing file": ("a_growing_file_is_not_read", ReadsWhatGrows),
    "a second time leaves a second trace": ("a_file_is_taken_away_once", MovesTwice),
    "it takes everything away": ("other_names_are_left_alone", TidiesUp),
    "what is not there is empty": ("a_file_that_is_gone_is_refused", ReadsNothing),
}


@pytest.mark.parametrize("fault", BOXES)
def test_a_planted_fault_of_a_box_breaks_its_clause_alone(fault: str, tmp_path: Path) -> None:
    clause, planted = BOXES[fault]
    _, way = folder_ways(tmp_path / "place")
    side = None if clause == "a_box_can_be_looked_into" else way.side
    assert broken(replace(way, box=planted(way.box, tmp_path / "place"), side=side)) == {clause}


def test_every_clause_has_a_planted_fault() -> None:
    planted = [clause for table in (FILES, WRITERS, IN_A_FOLDER, BY_HTTP, BOXES) for clause, *_ in table.values()]
    assert set(planted) == set(CLAUSES)
