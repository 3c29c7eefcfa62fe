"""What every registry record must satisfy, in whatever dialect it came: pure, and the same for all sources."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

import msgspec

from adapters.base import ReadRecord
from adapters.dialects.cells import FORMULA, forbidden
from schemas.citizen_id import DESTROYED, ID_TEXTS, CitizenId, IdFault, read_citizen_id
from schemas.faults import Fault, refuse
from schemas.registry import RegistryRow
from schemas.text import forbidden_character, looks_like_formula
from schemas.values import add_months, is_day

#: A certificate may begin at most so many months after the file's as-of date (edge case 51).
FAR_FUTURE_MONTHS: Final = 24
#: A file with more numbers destroyed by a spreadsheet than this is refused whole; so is one with more than one in 100.
MAX_DESTROYED: Final = 5


class Columns(NamedTuple):
    """What the sender calls the fields. Member columns take the member's index; ``account`` the company's code.

    ``member_rows``: each member has a line of its own, so that a member's fault is on a later line than the record.
    """

    issuer: str
    number: str
    valid_from: str
    valid_to: str
    effective_on: str
    community: str
    address: str
    name: str
    id_number: str
    relation: str
    status: str
    died_on: str
    account: Callable[[str], str]
    member_rows: bool = False

    def member(self, row: int, index: int, column: str) -> tuple[int, str]:
        """Return line and column of a member's field."""
        return row + index * self.member_rows, column.format(index)


class Checked(NamedTuple):
    """A record with its citizen numbers in canonical form, or its fault; warnings refuse nothing."""

    record: RegistryRow
    fault: Fault | None
    warnings: tuple[Fault, ...] = ()

    def as_read(self, row: int) -> ReadRecord:
        """Return what the reader yields: the record, or its fault and the certificates that it names."""
        if self.fault:
            return ReadRecord(row, None, self.fault, self.warnings, self.record.certificates)
        return ReadRecord(row, self.record, None, self.warnings)


class RecordCheck:
    """The checks for one file."""

    def __init__(self, columns: Columns, as_of: int) -> None:
        self._columns = columns
        self._latest_start = add_months(as_of, FAR_FUTURE_MONTHS)
        self._records = self._destroyed = 0

    def check(self, row: int, record: RegistryRow) -> Checked:
        """Check one record; ``row`` is its first line.

        Raises:
            FileRefused: too many numbers of the file were destroyed by a spreadsheet.
        """
        checked = check_record(row, record, self._columns, self._latest_start)
        self._records += 1
        if checked.fault and checked.fault.code == DESTROYED:
            self._destroyed += 1
            self._refuse_if(self._destroyed > MAX_DESTROYED)
        return checked

    def finish(self) -> None:
        """Look at the file as a whole.

        Raises:
            FileRefused: too many numbers were destroyed; a single one never refuses the file.
        """
        self._refuse_if(self._destroyed > 1 and self._destroyed * 100 > self._records)

    def _refuse_if(self, too_many: bool) -> None:
        if too_many:
            raise refuse(
                "IDS_DESTROYED",
                f"至少{self._destroyed}条记录的{ID_TEXTS[DESTROYED]}",
                column=self._columns.id_number.format(""),
            )


def check_record(row: int, record: RegistryRow, columns: Columns, latest_start: int) -> Checked:
    """Judge a record by itself (edge cases 51, 58); the first fault stands for all."""
    fault = _text_fault(row, record, columns) or _day_fault(row, record, columns, latest_start)
    if fault:
        return Checked(record, fault)
    return _with_canonical_ids(row, record, columns)


def _text_fault(row: int, record: RegistryRow, columns: Columns) -> Fault | None:
    address = record.address
    parts = [address.community, address.text, *record.accounts, *record.accounts.values()]
    for certificate in record.certificates:
        parts += (certificate.issuer, certificate.number)
    for member in record.members:
        parts += (member.name, member.relation, member.status, member.id_number)
    if forbidden_character("".join(parts)):
        for line, column, text in _texts(row, record, columns):
            found = forbidden_character(text)
            if found:
                return Fault(line, column, *forbidden(found))
    return _formula_fault(row, record, columns)


def _texts(row: int, record: RegistryRow, columns: Columns) -> Iterator[tuple[int, str, str]]:
    for certificate in record.certificates:
        yield row, columns.issuer, certificate.issuer
        yield row, columns.number, certificate.number
    yield row, columns.community, record.address.community
    yield row, columns.address, record.address.text
    for company, account in record.accounts.items():
        yield row, columns.account(company), company + account
    for index, member in enumerate(record.members):
        yield *columns.member(row, index, columns.name), member.name
        yield *columns.member(row, index, columns.relation), member.relation
        yield *columns.member(row, index, columns.status), member.status
        yield *columns.member(row, index, columns.id_number), member.id_number


def _formula_fault(row: int, record: RegistryRow, columns: Columns) -> Fault | None:
    for certificate in record.certificates:
        if looks_like_formula(certificate.number):
            return Fault(row, columns.number, *FORMULA)
        if looks_like_formula(certificate.issuer):
            return Fault(row, columns.issuer, *FORMULA)
    for company, account in record.accounts.items():
        if looks_like_formula(account):
            return Fault(row, columns.account(company), *FORMULA)
    return None


def _day_fault(row: int, record: RegistryRow, columns: Columns, latest_start: int) -> Fault | None:
    text = "日期不存在，请更正 / there is no such day; correct it"
    for column in ("valid_from", "valid_to", "effective_on"):
        if not is_day(getattr(record, column)):
            return Fault(row, getattr(columns, column), "BAD_DAY", text)
    for index, member in enumerate(record.members):
        if member.died_on and not is_day(member.died_on):
            return Fault(*columns.member(row, index, columns.died_on), "BAD_DAY", text)
    if record.valid_to < record.valid_from:
        text = "有效期止早于有效期起，请更正 / the end is before the start; correct the dates"
        return Fault(row, columns.valid_to, "END_BEFORE_START", text)
    if record.valid_from > latest_start:
        text = "有效期起在数据日期两年之后，请核对 / the start is over two years after the file's date"
        return Fault(row, columns.valid_from, "START_FAR_FUTURE", text)
    return None


def _with_canonical_ids(row: int, record: RegistryRow, columns: Columns) -> Checked:
    members = record.members
    warnings: tuple[Fault, ...] = ()
    for index, member in enumerate(record.members):
        read = read_citizen_id(member.id_number)
        if isinstance(read, IdFault):
            return Checked(record, Fault(*columns.member(row, index, columns.id_number), read.code, read.text))
        if read.warnings:
            warnings += _id_warnings(columns.member(row, index, columns.id_number), read)
        if read.number != member.id_number:
            changed = msgspec.structs.replace(member, id_number=read.number)
            members = (*members[:index], changed, *members[index + 1 :])
    if members is not record.members:
        record = msgspec.structs.replace(record, members=members)
    return Checked(record, None, warnings)


def _id_warnings(place: tuple[int, str], read: CitizenId) -> tuple[Fault, ...]:
    return tuple(Fault(*place, code, ID_TEXTS[code]) for code in read.warnings)


class Declared(NamedTuple):
    """What a trailer declares: households in all, and per district."""

    households: int
    districts: Mapping[str, int]


def check_counts(row: int, declared: Declared, counted: Mapping[str, int], unread: range) -> None:
    """Compare a trailer with what was read (edge cases 68, 69).

    ``unread`` is how few and how many records there may be whose district could not be read.

    Raises:
        FileRefused: TRAILER_ROWS or TRAILER_DISTRICTS.
    """
    short = declared.households - sum(counted.values())
    if short not in unread:
        raise refuse(
            "TRAILER_ROWS",
            f"尾行户数为{declared.households}，实有{sum(counted.values()) + unread.start}，请重新发送"
            " / the trailer's count is not that of the file; send it again in full",
            row=row,
        )
    exceeded = any(number > declared.districts.get(district, 0) for district, number in counted.items())
    if exceeded or sum(declared.districts.values()) != declared.households:
        raise refuse(
            "TRAILER_DISTRICTS",
            "尾行各区划户数与内容不符，请重新发送"
            " / the trailer's counts per district are not those of the file; send it again in full",
            row=row,
        )


def check_digest(row: int, declared: str, actual: str) -> None:
    """Compare the trailer's digest with that of all bytes before it.

    Raises:
        FileRefused: TRAILER_DIGEST.
    """
    if declared.lower() != actual:
        raise refuse(
            "TRAILER_DIGEST",
            "尾行校验值与内容不符，文件被改动或传输受损，请重新发送"
            " / the trailer's SHA-256 is not that of the file; it was changed or damaged; send it again",
            row=row,
        )
