"""The hub's ledger as the checks read it: what stood after each run, and what the truth says of the same keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from sqlalchemy import Connection, func, select

from integration.demo.acting import Record
from integration.demo.city import City, Number
from integration.demo.replies import Replies
from integration.demo.steps import Step
from integration.demo.truth import Key, Ledger
from integration.domain.allowance import NO_PLACE
from integration.jobs.hub import Hub
from integration.jobs.intake import parts
from integration.jobs.registry_rows import certificate_key
from integration.storage import ledger, registry
from integration.storage.bulk import stream
from integration.storage.ledger import Posting
from integration.storage.pii import LookupKind
from integration.storage.sets import among
from integration.storage.tables import account_numbers
from schemas.registry import Certificate, CertificateKind
from schemas.values import MONTHLY, Month, Service

#: Household id, service, month.
PostedKey = tuple[int, Service, Month]
#: Quantity by account id; NO_PLACE is none yet.
Places = dict[int, int]
Book = dict[PostedKey, Places]


@dataclass
class Story:
    """The city, its steps, for each run what the ledger must hold after it, and what the companies report."""

    city: City
    steps: list[Step]
    truths: list[Ledger]
    replies: Replies


class Books:
    """The ledger after each run, read once; accounts and households of the truth by the hub's ids."""

    def __init__(self, hub: Hub, connection: Connection, story: Story, record: Record) -> None:
        self.connection = connection
        self.hub = hub
        self.story = story
        self.record = record

    @cached_property
    def posted(self) -> list[Book]:
        """What stood on the ledger after each month's runs."""
        rows = sorted(self._rows(), key=lambda row: row.run_id)
        book: Book = {}
        books, done = [], 0
        for ended in self.record.runs:
            last = ended.again.run_id if ended.again else 0
            while done < len(rows) and rows[done].run_id <= last:
                _post(book, rows[done])
                done += 1
            books.append({key: dict(places) for key, places in book.items() if places})
        return books

    def _rows(self) -> Iterator[Posting]:
        for ids in parts(ledger.household_ids(self.connection)):
            for rows in ledger.postings_of(self.connection, ids, self.record.months, MONTHLY).values():
                yield from rows

    @cached_property
    def households(self) -> dict[Key, int]:
        """Households by their first certificate; of those that answer to one, the oldest."""
        keys = {key for truth in self.story.truths for key, _, _ in truth}
        digest = self.hub.index.digest
        named = {digest(LookupKind.CERTIFICATE, certificate_key(_certificate(key))): key for key in keys}
        found: dict[Key, int] = {}
        for part in parts(named):
            owners = registry.households_by(self.connection, LookupKind.CERTIFICATE, part)
            found |= {named[one]: min(ids) for one, ids in owners.items()}
        return found

    @cached_property
    def accounts(self) -> dict[Number, int]:
        """Accounts by every number that the truth ever names."""
        named = {place for truth in self.story.truths for places in truth.values() for place in places if place}
        return first_bearers(self.connection, named)

    @cached_property
    def due(self) -> list[Book]:
        """What the truth says, by the hub's ids; 0 is a household, -1 an account that the hub does not know."""
        return [self._translated(truth) for truth in self.story.truths]

    def _translated(self, truth: Ledger) -> Book:
        return {
            (self.households.get(key, 0), service, month): {
                NO_PLACE if place is None else self.accounts.get(place, -1): quantity
                for place, quantity in places.items()
            }
            for (key, service, month), places in truth.items()
        }

    def called(self, run: int) -> Mapping[int, str]:
        """Return the number each account had at a run, as the truth has it."""
        truth = self.story.truths[run]
        places = {place for found in truth.values() for place in found if place}
        return {self.accounts[place]: place[1] for place in places if place in self.accounts}


def first_bearers(connection: Connection, named: Iterable[Number]) -> dict[Number, int]:
    """Return the accounts that bore these numbers first: who was given a closed number later is nobody's household."""
    found: dict[Number, int] = {}
    n = account_numbers.c
    for company, numbers in groupby(sorted(named), lambda one: one[0]):
        for part in parts(numbers):
            wanted = among(connection, n.number, [number for _, number in part])
            query = select(n.number, func.min(n.account_id)).where(n.company == company, wanted)
            found |= {(company, number): account for number, account in stream(connection, query.group_by(n.number))}
    return found


def _certificate(key: Key) -> Certificate:
    issuer, kind, number = key
    return Certificate(issuer, CertificateKind(kind), number)


def _post(book: Book, row: Posting) -> None:
    key = (row.household_id, Service(row.service), Month.from_int(row.month))
    places = book.setdefault(key, {})
    places[row.account_id] = places.get(row.account_id, 0) + row.quantity_milli
    if not places[row.account_id]:
        del places[row.account_id]


def late_changes(before: Book, after: Book, month: Month) -> Iterator[tuple[PostedKey, int, int]]:
    """Yield (key, account, change) of the months before one, as they moved between two runs; none yet left out."""
    for key in _moved(before, after):
        if key[2] < month:
            old, new = before.get(key, {}), after.get(key, {})
            for account in (old.keys() | new.keys()) - {NO_PLACE}:
                change = new.get(account, 0) - old.get(account, 0)
                if change:
                    yield key, account, change


def _moved(before: Book, after: Book) -> Iterable[PostedKey]:
    return [key for key in before.keys() | after.keys() if before.get(key) != after.get(key)]
