"""What signs of a partner's files: one kind of what it sends, or one form of the lists that it gets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, NamedTuple

from adapters.base import ListHead, ListWriter
from adapters.contract.clauses import Capability, there
from adapters.contract.made import Row, Sheet, file_of, sheet_of, usual_rows
from adapters.contract.samples import Sample
from adapters.contract.signers import Read, Signer, table_can
from adapters.dialects.spec import ListFile, Table
from schemas.faults import Fault, FileRefused
from schemas.lists import ListKind, ListRow

#: A file of the partner's with more is read once.
_LARGE_BYTES: Final = 262_144


class Item(NamedTuple):
    """A row of a file as read: its number, and its value or its fault."""

    row: int
    value: Any
    fault: Fault | None


class Outcome(NamedTuple):
    """What came of reading a file. Of one that is refused nothing may be kept, so that it has no items."""

    head: Any = None
    items: tuple[Item, ...] = ()
    refused: Fault | None = None

    @property
    def values(self) -> list[Any]:
        """What was read of the rows without a fault."""
        return [item.value for item in self.items if item.fault is None]

    def accepts(self, row: int) -> bool:
        """Tell whether the row of this number was taken."""
        return any(item.row == row and item.fault is None for item in self.items)

    @property
    def faults(self) -> list[Fault]:
        """Everything that is said to be wrong."""
        return [fault for fault in (self.refused, *(item.fault for item in self.items)) if fault]


@dataclass(frozen=True)
class Reading:
    """One kind of file that a partner sends. ``strangers`` are files of others, which are not its own."""

    name: str
    can: frozenset[Capability]
    read: Read
    declared: Table | None = None
    given: Sample | None = None
    strangers: Mapping[str, bytes] = field(default_factory=dict)

    def outcome(self, *chunks: bytes) -> Outcome:
        """Read a file to its end."""
        return self.outcome_of(chunks)

    def outcome_of(self, chunks: Iterable[bytes]) -> Outcome:
        """Read a file, however it comes, to its end."""
        try:
            found = self.read(chunks)
            head, rows = found if isinstance(found, tuple) else (None, found)
            return Outcome(head, tuple([Item(one.row, one[1], one.fault) for one in rows]))
        except FileRefused as refused:
            return Outcome(refused=refused.fault)

    @property
    def table(self) -> Table:
        """The table that declares it, of what has ``TABLE``."""
        return there(self.declared)

    @property
    def sample(self) -> Sample:
        """The partner's own file, of what has ``SAMPLE``."""
        return there(self.given)

    @cached_property
    def rows(self) -> list[Row]:
        """Rows that such a file can hold."""
        return usual_rows(self.table)

    @cached_property
    def content(self) -> bytes:
        """The file that says these rows."""
        return file_of(self.table, self.rows)

    @cached_property
    def sheet(self) -> Sheet:
        """The texts of that file's cells."""
        return sheet_of(self.table, self.content)

    @cached_property
    def first_row(self) -> int:
        """The number of that file's first row, as the sender counts."""
        return self.outcome(self.content).items[0].row

    def files(self) -> Iterator[bytes]:
        """Return the files that may be read many times: one made, one of the partner's unless it is large."""
        if self.declared:
            yield self.content
        if self.given and len(self.given.content) <= _LARGE_BYTES:
            yield self.given.content


@dataclass(frozen=True)
class Listing:
    """One form in which a company gets its lists."""

    name: str
    can: frozenset[Capability]
    writer: ListWriter
    declared: ListFile | None = None
    given: Sample | None = None

    def written(self, rows: Sequence[ListRow], **head: Any) -> bytes:
        """Render a list of these rows under a head that counts them."""
        return b"".join(self.writer.render(head_of(rows, **head), rows))

    @property
    def table(self) -> ListFile:
        """The table that declares it, of what has ``TABLE``."""
        return there(self.declared)

    @property
    def sample(self) -> Sample:
        """The partner's own file, of what has ``SAMPLE``."""
        return there(self.given)

    @cached_property
    def rows(self) -> list[ListRow]:
        """Rows of every kind of change, as large as they may be."""
        named: list[Any] = [{"service": "water", **row} for row in usual_rows(self.table)]
        full, stop, move = (ListRow(**row) for row in named)
        new = full._replace(change="NEW")
        return [new, new._replace(change="KEEP"), stop, new._replace(change="RETRO", month=202610), move]


def head_of(rows: Sequence[ListRow], **changes: Any) -> ListHead:
    """Return a head that counts these rows; ``changes`` say otherwise."""
    quantity = sum(row.quantity_milli for row in rows)
    head = ListHead("contract", 12, ListKind.REGULAR, "2026-11", len(rows), quantity, "2026-10-25")
    return head._replace(**changes)


# --- all of a partner's


#: What holds of every file that is not declared as a table: lines or elements of text, with an end of their own.
_UNDECLARED: Final = frozenset((Capability.TEXT, Capability.TRAILER))


def readings(signer: Signer, samples: Sequence[Sample] = (), others: Iterable[Signer] = ()) -> list[Reading]:
    """Return every kind of file that a partner sends, once for each sample; ``others`` lend what is not its own."""
    strange = {name: content for one in others if one.code != signer.code for name, content in _made(one)}
    found = []
    for kind, read in signer.reads.items():
        name, table = f"{signer.code}/{kind}", signer.tables.get(kind)
        can = table_can(table) if table else _UNDECLARED
        own = {other: content for other, content in _made(signer) if other != name}
        fitting: list[Sample | None] = [one for one in samples if one.kind == kind]
        for sample in fitting or [None]:
            told = f"{name}.{sample.suffix}" if sample and len(fitting) > 1 else name
            found.append(Reading(told, can | _known(sample), read, table, sample, strange | own))
    return found


def listings(signer: Signer, samples: Sequence[Sample] = ()) -> list[Listing]:
    """Return every form in which a partner gets its lists."""
    found = []
    table = signer.tables.get("list")
    declared = table if isinstance(table, ListFile) else None
    for writer in signer.writers:
        fitting = [one for one in samples if one.kind == "list" and (declared or one.suffix == writer.name)]
        sample = next(iter(fitting), None)
        can = table_can(declared) if declared else frozenset((Capability.FULL_ROLL,))
        found.append(Listing(f"{signer.code}/{writer.name}", can | _known(sample), writer, declared, sample))
    return found


def _made(signer: Signer) -> Iterator[tuple[str, bytes]]:
    for kind, table in signer.tables.items():
        if kind in signer.reads:
            yield f"{signer.code}/{kind}", file_of(table, usual_rows(table))


def _known(sample: Sample | None) -> frozenset[Capability]:
    if sample is None:
        return frozenset()
    return frozenset({Capability.FILE, Capability.SAMPLE} | ({Capability.GOLDEN} if sample.golden else set()))
