"""Checks of the lists as companies hold them: the files in the folder against signature, manifest and ledger."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from integration.demo.book import Book, Books, first_bearers, late_changes
from integration.demo.stage import Folder, Stage
from integration.domain.allowance import NO_PLACE
from integration.jobs.export_list import MANIFEST, PUBLIC_KEY, SIGNATURE
from integration.jobs.publish import PublishResult
from integration.storage.pii import row_reference
from schemas import envelope
from schemas.lists import Change, ListRow, Manifest
from schemas.values import Month

#: What a check compares of a row: reference, account id, month, quantity, and its kind (RETRO and MOVE are LATE).
Told = tuple[str, int, int, int, str]
_LATE = "LATE"


class KeptList(NamedTuple):
    """A list in the folder."""

    folder: Path
    manifest: Manifest

    @property
    def name(self) -> str:
        """Company and number."""
        return f"{self.manifest.company} {self.manifest.number}"

    def rows(self) -> list[ListRow]:
        """Return the rows of the canonical rendering."""
        (form,) = (one for one in self.manifest.renderings if one.name == "ndjson")
        lines = msgspec.json.Decoder().decode_lines((self.folder / form.file_name).read_bytes())
        return [ListRow(**line) for line in lines]


def kept_lists(folder: Folder) -> list[KeptList]:
    """Return every list in the folder, by company and number."""
    paths = sorted(folder.lists.glob(f"*/*/{MANIFEST}"))
    return [KeptList(path.parent, msgspec.json.decode(path.read_bytes(), type=Manifest)) for path in paths]


# --- signatures ------------------------------------------------------------------------------------------------


def signature_faults(stage: Stage, kept: Sequence[KeptList], published: Sequence[PublishResult]) -> Iterator[str]:
    """Yield lists that are missing, or do not verify with nothing but their folder and the hub's public key."""
    missing = {(one.company, one.number) for one in published} - {(k.manifest.company, k.manifest.number) for k in kept}
    yield from (f"{company} {number}: missing" for company, number in sorted(missing, key=str))
    before: dict[str, str | None] = {}
    for one in kept:
        signed = (one.folder / MANIFEST).read_bytes()
        pem = (one.folder / PUBLIC_KEY).read_bytes()
        if pem != stage.hub.ring.lists.public_pem:
            yield f"{one.name}: another public key"
        if not envelope.verify(stage.hub.ring.lists.public_pem, signed, (one.folder / SIGNATURE).read_bytes()):
            yield f"{one.name}: the signature does not hold"
        if one.manifest.predecessor != before.get(one.manifest.company):
            yield f"{one.name}: does not follow the list before it"
        before[one.manifest.company] = hashlib.sha256(signed).hexdigest()
        yield from _digest_faults(one)


def _digest_faults(one: KeptList) -> Iterator[str]:
    for form in one.manifest.renderings:
        content = (one.folder / form.file_name).read_bytes()
        if (len(content), hashlib.sha256(content).hexdigest()) != (form.size, form.sha256):
            yield f"{one.name}: {form.file_name} is not what was signed"


# --- rows ------------------------------------------------------------------------------------------------------


def row_faults(stage: Stage, kept: Sequence[KeptList], books: Books) -> Iterator[str]:
    """Yield rows that the ledger of their run does not give, and what it gives and no row says."""
    by_month = [_given(stage, books, index) for index in range(len(books.posted))]
    for one in kept:
        index = books.record.months.index(Month.parse(one.manifest.month))
        rows = one.rows()
        accounts = _accounts(books, one.manifest.company, rows)
        told = Counter(_told(row, accounts) for row in rows)
        given = Counter(by_month[index][one.manifest.company])
        yield from (f"{one.name}: not due: account {row[1]}, {row[2]}, {row[4]}" for row in (told - given))
        yield from (f"{one.name}: not listed: account {row[1]}, {row[2]}, {row[4]}" for row in (given - told))
        called = books.called(index)
        for number in accounts:
            if called.get(accounts[number], number) != number:
                yield f"{one.name}: {number} is an account's former number"


def _accounts(books: Books, company: str, rows: Iterable[ListRow]) -> dict[str, int]:
    named = {(company, row.account) for row in rows}
    found = first_bearers(books.connection, named)
    return {number: account for (_, number), account in found.items()}


def _told(row: ListRow, accounts: dict[str, int]) -> Told:
    kind = _LATE if row.change in (Change.RETRO, Change.MOVE) else row.change
    return row.reference, accounts.get(row.account, -1), row.month, row.quantity_milli, kind


def _given(stage: Stage, books: Books, index: int) -> dict[str, list[Told]]:
    """Return by company what the ledger gives for a month's lists: the month, who stopped, what moved before it."""
    companies = {account: company for (company, _), account in books.accounts.items()}
    given: defaultdict[str, list[Told]] = defaultdict(list)
    for household, account, month, quantity, kind in _changes(books, index):
        company = companies.get(account, "")
        reference = row_reference(stage.hub.ring, company, household, account)
        given[company].append((reference, account, int(month), quantity, kind))
    return given


def _changes(books: Books, index: int) -> Iterator[tuple[int, int, Month, int, str]]:
    month, after = books.record.months[index], books.posted[index]
    before = books.posted[index - 1] if index else {}
    listed, standing = _places(before, month.plus(-1)), _places(after, month)
    for (household, account), quantity in standing.items():
        yield household, account, month, quantity, Change.KEEP if (household, account) in listed else Change.NEW
    for household, account in listed.keys() - standing.keys():
        yield household, account, month, 0, Change.STOP
    for (household, _, of), account, change in late_changes(before, after, month):
        yield household, account, of, change, _LATE


def _places(book: Book, month: Month) -> dict[tuple[int, int], int]:
    """Return the quantity by household and account that stands for a month."""
    return {
        (household, account): quantity
        for (household, _, of), places in book.items()
        if of == month
        for account, quantity in places.items()
        if account != NO_PLACE
    }
