"""What a dialect is: pure functions between bytes and values. No clock, no database, no socket, no randomness.

A reader takes chunks of any size, so that a file of any length is read in constant memory, decodes strictly, and
yields one item a row: the value, or the fault with its row, its column (in the sender's own words) and the remedy. A
file that is damaged as a whole raises ``FileRefused``, possibly only at its end; until the iterator is exhausted
nothing it yielded may be kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from schemas.faults import Fault
from schemas.lists import ListKind, ListRow
from schemas.projects import CaseHead, ProjectCase
from schemas.registry import Certificate, RegistryHeader, RegistryRow
from schemas.reports import ReportHead, ReportRow
from schemas.rosters import AliasRow, RosterRow
from schemas.tariffs import Tariff
from schemas.values import Service
from schemas.workers import WorkerRow


class ReadRecord(NamedTuple):
    """A registry record as read, or its fault; ``row`` counts lines of the file from 1. ``warnings`` refuse nothing.

    ``named`` are the certificates of a record with a fault, as far as they could be read: a snapshot that names a
    household wrongly is not silent about it.
    """

    row: int
    record: RegistryRow | None
    fault: Fault | None = None
    warnings: tuple[Fault, ...] = ()
    named: tuple[Certificate, ...] = ()


class ReadAccount(NamedTuple):
    """A roster row as read, or its fault; ``named`` is the account's number where that could be read all the same."""

    row: int
    account: RosterRow | None
    fault: Fault | None = None
    named: str = ""


class ReadAlias(NamedTuple):
    """A row of an alias file as read, or its fault."""

    row: int
    alias: AliasRow | None
    fault: Fault | None = None


class ReadReportRow(NamedTuple):
    """A row of a report as read, or its fault."""

    row: int
    report_row: ReportRow | None
    fault: Fault | None = None


class ReadCase(NamedTuple):
    """A project case as read, or its fault; ``named`` is its number where that could be read all the same."""

    row: int
    case: ProjectCase | None
    fault: Fault | None = None
    named: str = ""


class ReadWorker(NamedTuple):
    """A row of the union's file as read, or its fault."""

    row: int
    worker: WorkerRow | None
    fault: Fault | None = None


class ListHead(NamedTuple):
    """What a rendering may say about its list besides the rows; totals are for headers and trailers.

    ``month`` is written 2026-11 and ``created_on`` 2026-10-25. ``rows`` and ``quantity_milli`` count all rows of the
    list; a dialect that leaves some out counts for itself.
    """

    company: str
    number: int
    kind: ListKind
    month: str
    rows: int
    quantity_milli: int
    created_on: str


class RegistryReader(Protocol):
    """A dialect of the registry."""

    def read(self, chunks: Iterable[bytes]) -> tuple[RegistryHeader, Iterator[ReadRecord]]:
        """Read the header at once, then the records as they come.

        Raises:
            FileRefused: not this dialect, or damaged; from this call or from the iterator.
        """
        ...


class RosterReader(Protocol):
    """A dialect of one company's roster."""

    def read(self, chunks: Iterable[bytes]) -> Iterator[ReadAccount]:
        """Read accounts as they come.

        Raises:
            FileRefused: not this dialect, or damaged.
        """
        ...


class AliasReader(Protocol):
    """A dialect of one company's renumberings."""

    def read(self, chunks: Iterable[bytes]) -> Iterator[ReadAlias]:
        """Read renumberings as they come.

        Raises:
            FileRefused: not this dialect, or damaged.
        """
        ...


class ReportReader(Protocol):
    """A dialect of one company's reports."""

    def read(self, chunks: Iterable[bytes]) -> tuple[ReportHead, Iterator[ReadReportRow]]:
        """Read the head at once, then the rows as they come.

        Raises:
            FileRefused: not this company's report, or damaged; from this call or from the iterator.
        """
        ...


class CaseReader(Protocol):
    """A dialect of one company's project cases."""

    def read(self, chunks: Iterable[bytes]) -> tuple[CaseHead, Iterator[ReadCase]]:
        """Read the head at once, then the cases as they come; raises FileRefused as a ``ReportReader`` does."""
        ...


class ListWriter(Protocol):
    """A rendering of lists: canonical, or a company's own."""

    name: str
    media_type: str
    #: False leaves out KEEP rows: the company wants changes only.
    full_roll: bool

    def file_name(self, head: ListHead) -> str:
        """Name the file; no personal data, no household id."""
        ...

    def render(self, head: ListHead, rows: Iterable[ListRow]) -> Iterator[bytes]:
        """Render header, rows and trailer; chunks of any size. Same input, same bytes.

        Raises:
            FileRefused: a row's value cannot stand in this dialect, or the rows are not those that the head counts.
        """
        ...


class Unreachable(Exception):  # noqa: N818 - it answers the one question: try again
    """A company could not be reached, or had too much to do: try again, not before ``retry_after`` as it wrote that."""

    def __init__(self, code: str, retry_after: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.retry_after = retry_after


class Refused(Exception):  # noqa: N818 - the same
    """A company does not take it, and trying again will not change that: somebody must look."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Garbled(Refused):
    """A company's answer makes no sense: somebody must call."""


class Parcel(NamedTuple):
    """What is sent besides its bytes; the same in every repetition.

    ``headers`` travel where a message has headers, ``beside`` (file name → bytes) where it is a file among files: the
    signed manifest and its signature. Neither holds personal data.
    """

    message_id: str
    file_name: str
    media_type: str
    size: int
    sha256: str
    headers: Mapping[str, str]
    beside: Mapping[str, bytes]


class Channel(Protocol):
    """A way on which a company is sent what is its own. It may block; it is called from a worker's thread."""

    def send(self, parcel: Parcel, content: Iterable[bytes]) -> str:
        """Send; return a short code of how it was taken.

        Raises:
            Unreachable, Refused, Garbled: it was not, or nobody knows.
        """
        ...

    def has(self, parcel: Parcel) -> bool:
        """Tell whether the company has a message already.

        Raises:
            Unreachable, Refused, Garbled: it does not say.
        """
        ...


class Found(NamedTuple):
    """A file that lies in a box, of an agreed kind: its size in bytes, and when it was last written to, in seconds."""

    kind: str
    name: str
    size: int
    modified_s: int


class Box(Protocol):
    """Where a partner lays its files for the hub. It may block; it is called from a worker's thread.

    ``settle_s``: a file is read once its size and time have not changed for so long.
    """

    settle_s: int

    def files(self) -> Sequence[Found]:
        """Return the files that lie there under an agreed name, in order of their names.

        Raises:
            Unreachable, Refused, Garbled: it cannot be looked into.
        """
        ...

    def read(self, found: Found) -> Iterator[bytes]:
        """Read a file as it was found.

        Raises:
            Unreachable: it has changed since, or the connection broke off; what was read is not the file.
            Refused, Garbled: it is gone, or may not be read.
        """
        ...

    def take_away(self, found: Found, *, refused: bool, beside: Mapping[str, bytes]) -> None:
        """Lay what is said of a file (file name → bytes) into the reject box, and move the file itself: there, if it
        is refused as a whole, else to the done ones. Done twice it has the effect of once.

        Raises:
            Unreachable, Refused, Garbled: it was not moved, or nobody knows.
        """
        ...


class FaultWriter(Protocol):
    """Writes faults for a partner to read with the program that wrote the file."""

    #: What the faults' file is called after the file's own name, ".faults.csv" say.
    suffix: str

    def render(self, faults: Iterable[Fault]) -> Iterator[bytes]:
        """Render row, column, code and the text in both languages; chunks of any size."""
        ...


class PartnerPort(Protocol):
    """What the jobs know of anybody who sends or is sent files: companies, civil affairs, the union."""

    @property
    def code(self) -> str:
        """Its code, the key of everything kept about it."""
        ...

    @property
    def title(self) -> str:
        """Its name as pages show it."""
        ...

    def box(self, homes: Path) -> Box | None:
        """Return where it lays its files; None where it sends them by itself. ``homes`` holds the hub's own boxes."""
        ...

    def fault_writer(self, kind: str) -> FaultWriter:
        """Return what writes the faults of its files of a kind."""
        ...


class CompanyPort(PartnerPort, Protocol):
    """What the jobs know of a company: its words, and nothing of how its files are read or written."""

    @property
    def services(self) -> tuple[Service, ...]:
        """What it supplies."""
        ...

    def roster_reader(self) -> RosterReader:
        """Return the reader of its roster."""
        ...

    def alias_reader(self) -> AliasReader | None:
        """Return the reader of its renumberings; None where it has no such file."""
        ...

    def list_writer(self) -> ListWriter | None:
        """Return the writer of its lists; None where it gets no monthly list."""
        ...

    def report_reader(self) -> ReportReader | None:
        """Return the reader of its reports, its own form and the canonical; None where it sends none."""
        ...

    def case_reader(self) -> CaseReader | None:
        """Return the reader of its project cases; None where it sends none."""
        ...

    def channel(self, homes: Path) -> Channel | None:
        """Return the way on which its lists are sent to it; None where it fetches them."""
        ...

    @property
    def tariff(self) -> Tariff:
        """Its prices; without any, no amount can be judged."""
        ...
