"""The civil-affairs bureau's own registry file: GB18030 CSV, one line a member, several lines a household.

Line 1 ``#HDR,报送单位,全量|增量,报文号,数据位点,数据日期,所属月份``, line 2 the column names, last line
``#TRL,户数,人数,区划=户数;区划=户数,SHA256`` over all bytes before it. Consecutive lines of one certificate and
version make one record; their household columns must agree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import msgspec

from adapters.base import ReadRecord
from adapters.bureau_words import (
    ACCOUNTS,
    CATEGORIES,
    COLUMN_OF,
    FILE_KINDS,
    HOUSEHOLD,
    KINDS_OF_CERTIFICATE,
    MEMBER,
    MEMBER_STATES,
    NEW,
    RECORD,
    RELATIONS,
    STATUSES,
)
from adapters.checks import Columns, Declared, RecordCheck, check_counts, check_digest
from adapters.dialects.cells import KINDS, BadCell
from adapters.dialects.lines import Lines, not_a_header, not_decodable, other_columns, truncated
from adapters.dialects.tabular import counted, unquoted
from schemas.faults import Fault, refuse
from schemas.registry import Certificate, RegistryHeader, RegistryRow
from schemas.values import OPEN_DAY

ENCODING: Final = "gb18030"


@dataclass
class _Household:
    """The lines of one record: its household cells, its members' cells, and what spoils it."""

    row: int
    cells: list[str]
    members: list[list[str]] = field(default_factory=list)
    fault: Fault | None = None


class BureauRegistry:
    """A ``RegistryReader`` of the bureau's CSV; ``accounts`` maps its account columns to companies' codes."""

    def __init__(self, accounts: Mapping[str, str] = ACCOUNTS) -> None:
        self._accounts = dict(accounts)
        self._names = [*HOUSEHOLD, *MEMBER, *RECORD, *accounts]
        columns = {code: name for name, code in accounts.items()}
        self._columns = Columns(
            issuer="发证机关",
            number="证件号",
            valid_from="有效期起",
            valid_to="有效期止",
            effective_on="生效日期",
            community="社区",
            address="住址",
            name="姓名",
            id_number="身份证号",
            relation="与户主关系",
            status="成员状态",
            died_on="死亡日期",
            account=columns.__getitem__,
            member_rows=True,
        )

    def read(self, chunks: Iterable[bytes]) -> tuple[RegistryHeader, Iterator[ReadRecord]]:
        """Read the header at once, then the records as they come."""
        lines = Lines(chunks)
        header = _header(*lines.take())
        row, line = lines.take()
        if _cut(row, line, "COLUMN_NAMES") != self._names:
            raise other_columns(row, len(self._names))
        return header, self._records(lines, RecordCheck(self._columns, header.as_of))

    def _records(self, lines: Lines, check: RecordCheck) -> Iterator[ReadRecord]:
        tally = _Tally()
        for household in self._households(lines, tally):
            record = household.fault or self._record(household)
            if isinstance(record, Fault):
                tally.unread += 1
                yield ReadRecord(household.row, None, record, named=_named(household.cells))
                continue
            tally.districts[record.address.district] += 1
            checked = check.check(household.row, record)
            yield checked.as_read(household.row)
        _finish(lines, tally)
        check.finish()

    def _households(self, lines: Lines, tally: _Tally) -> Iterator[_Household]:
        """Gather lines into households. A line that cannot be cut spoils both neighbours: it may be of either."""
        current: _Household | None = None
        spoilt: Fault | None = None
        for row, line in lines:
            tally.persons += 1
            cells = self._cells(row, line)
            if isinstance(cells, Fault):
                spoilt = cells
                tally.uncut += 1
                yield _Household(row, [], fault=cells)
                if current:
                    current.fault = current.fault or _incomplete(current.row)
                continue
            household = cells[: len(HOUSEHOLD)] + cells[len(HOUSEHOLD) + len(MEMBER) :]
            if current and _key(current.cells) == _key(household):
                self._compare(row, current, household)
            else:
                if current:
                    yield current
                current = _Household(row, household, fault=_incomplete(row) if spoilt else None)
            spoilt = None
            current.members.append(cells[len(HOUSEHOLD) : len(HOUSEHOLD) + len(MEMBER)])
        if current:
            yield current

    def _cells(self, row: int, line: bytes) -> list[str] | Fault:
        try:
            return counted(unquoted(line.decode(ENCODING)), len(self._names))
        except UnicodeDecodeError:
            raise not_decodable(ENCODING, row) from None
        except BadCell as bad:
            return Fault(row, "", bad.code, bad.text)

    def _compare(self, row: int, current: _Household, cells: list[str]) -> None:
        if cells == current.cells or current.fault:
            return
        names = [*HOUSEHOLD, *RECORD, *self._accounts]
        column = next(name for name, a, b in zip(names, cells, current.cells, strict=True) if a != b)
        text = "同一户各行的户级列不一致，请统一 / lines of one household differ; make them agree"
        current.fault = Fault(row, column, "HOUSEHOLD_COLUMNS_DISAGREE", text)

    def _record(self, household: _Household) -> RegistryRow | Fault:
        reader = _Cells(household.row)
        try:
            return msgspec.convert(self._values(reader, household), RegistryRow)
        except BadCell as bad:
            return Fault(reader.row, reader.column, bad.code, bad.text)
        except msgspec.ValidationError as error:  # its text may quote the content: only the field's name is used
            name = str(error).rpartition(" - at `$")[2].rpartition(".")[2].rstrip("`")
            text = "缺少该项、过长，或不符合约定 / missing, too long, or not as agreed; correct it"
            return Fault(household.row, COLUMN_OF.get(name, ""), "BAD_VALUE", text)

    def _values(self, reader: _Cells, household: _Household) -> dict[str, Any]:
        (issuer, kind, number, earlier, category, status, start, end, district, community, address) = household.cells[
            :11
        ]
        effective, version, new, *accounts = household.cells[11:]
        certificate_kind = reader.code("证件类别", kind, KINDS_OF_CERTIFICATE)
        return {
            "certificates": [
                {"issuer": issuer, "kind": certificate_kind, "number": each}
                for each in (number, *filter(None, earlier.split(";")))
            ],
            "category": reader.code("类别", category, CATEGORIES),
            "status": reader.code("状态", status, STATUSES),
            "valid_from": reader.day("有效期起", start),
            "valid_to": reader.day("有效期止", end) if end else OPEN_DAY,
            "address": {"district": district, "community": community, "text": address},
            "effective_on": reader.day("生效日期", effective),
            "source_version": reader.cell("版本号", version, KINDS["count"].read),
            "record": reader.code("新增", new, NEW),
            "accounts": {
                code: account for code, account in zip(self._accounts.values(), accounts, strict=True) if account
            },
            "members": [reader.member(index, cells) for index, cells in enumerate(household.members)],
        }


class _Cells:
    """Reads single cells and remembers which one, for the fault."""

    def __init__(self, row: int) -> None:
        self._first = self.row = row
        self.column = ""

    def cell(self, column: str, text: str, read: Callable[[str], Any]) -> Any:
        self.column = column
        return read(text)

    def day(self, column: str, text: str) -> Any:
        return self.cell(column, text, KINDS["day8"].read)

    def code(self, column: str, text: str, codes: Mapping[str, Any]) -> Any:
        self.column = column
        if text not in codes:
            known = "、".join(filter(None, codes))
            raise BadCell("UNKNOWN_CODE", f"代码未约定，应为 {known} / not an agreed code; use one of those named")
        return codes[text]

    def member(self, index: int, cells: list[str]) -> dict[str, Any]:
        name, id_number, relation, status, died = cells
        self.row = self._first + index
        return {
            "name": name,
            "id_number": id_number,
            "relation": RELATIONS.get(relation, "other"),  # nothing hangs on it
            "status": self.code("成员状态", status, MEMBER_STATES),
            "died_on": self.day("死亡日期", died) if died else None,
        }


@dataclass
class _Tally:
    """Lines, records that could not be read, lines that could not be cut, records per district."""

    persons: int = 0
    unread: int = 0
    uncut: int = 0
    districts: Counter[str] = field(default_factory=Counter)


class _Trailer(NamedTuple):
    declared: Declared
    persons: int
    sha256: str


def _finish(lines: Lines, tally: _Tally) -> None:
    row = lines.last_row
    trailer = _trailer(row, lines.last)
    if trailer.persons != tally.persons:
        raise refuse(
            "TRAILER_ROWS",
            f"尾行人数为{trailer.persons}，实有{tally.persons}，请重新发送"
            " / the trailer's count of persons is not that of the file; send it again in full",
            row=row,
            column="人数",
        )
    # A line that cannot be cut may be a household of its own or belong to a neighbour.
    check_counts(row, trailer.declared, tally.districts, range(tally.unread - tally.uncut, tally.unread + 1))
    check_digest(row, trailer.sha256, lines.sha256())


def _trailer(row: int, line: bytes) -> _Trailer:
    try:
        mark, households, persons, districts, digest = _cut(row, line, "TRUNCATED")
        pairs = [pair.split("=") for pair in districts.split(";") if pair]
        counts = {district: KINDS["count"].read(count) for district, count in pairs}
        declared = Declared(KINDS["count"].read(households), counts)
        trailer = _Trailer(declared, KINDS["count"].read(persons), digest)
    except (ValueError, BadCell):
        raise truncated(row) from None
    if mark != "#TRL" or len(counts) != len(pairs):
        raise truncated(row)
    return trailer


def _header(row: int, line: bytes) -> RegistryHeader:
    cells = _cut(row, line, "HEADER")
    try:
        mark, source, kind, message_id, position, as_of, month = cells
        header = msgspec.convert(
            {
                "type": "header",
                "source": source,
                "kind": FILE_KINDS[kind],
                "message_id": message_id,
                "position": KINDS["count"].read(position),
                "as_of": KINDS["day8"].read(as_of),
                "month": month,
            },
            RegistryHeader,
        )
    except (ValueError, KeyError, BadCell, msgspec.ValidationError):
        mark = ""
    if mark != "#HDR":
        raise not_a_header(row)
    return header


def _cut(row: int, line: bytes, code: str) -> list[str]:
    """Cut a line that must be right; else the file is refused with this code."""
    try:
        return unquoted(line.decode(ENCODING))
    except UnicodeDecodeError:
        raise not_decodable(ENCODING, row) from None
    except BadCell as bad:
        raise refuse(code, bad.text, row=row) from None


def _key(cells: list[str]) -> tuple[str, ...]:
    """Return what makes lines one record: issuer, kind, number, version."""
    return (*cells[:3], cells[len(HOUSEHOLD) + 1])


def _named(cells: list[str]) -> tuple[Certificate, ...]:
    """Return the certificates of a record that could not be read."""
    if len(cells) < 4 or cells[1] not in KINDS_OF_CERTIFICATE:
        return ()
    issuer, kind, number, earlier = cells[:4]
    known = KINDS_OF_CERTIFICATE[kind]
    return tuple(Certificate(issuer, known, each) for each in (number, *filter(None, earlier.split(";"))))


def _incomplete(row: int) -> Fault:
    text = "相邻行列数不符，本户可能不完整 / a line beside this household cannot be read; it may lack a member"
    return Fault(row, "", "HOUSEHOLD_INCOMPLETE", text)
