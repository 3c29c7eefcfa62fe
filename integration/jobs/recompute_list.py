"""Recomputing published lists from facts, links, policy and ledger as known then, byte for byte.

A list depends on its run, on the knowledge version that the run saw, and on the lists before it; nothing that was
learnt later may change it. With today's code every row, every rendering and the manifest are made again and compared
with what was signed, and the runs that the list was the first to tell of are derived anew (``recompute_run``).
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator, Sequence

import msgspec
from isal import igzip
from sqlalchemy import Connection

from adapters.base import ListHead, ListWriter
from integration.jobs.export_list import find_list
from integration.jobs.hub import Hub
from integration.jobs.list_rows import Spool, build_rows
from integration.jobs.publish import head_of, predecessor
from integration.jobs.recompute_run import MOST_NAMED, RunRecomputed, recompute_runs
from integration.storage import ledger, lists, rederive, reports
from integration.storage.ledger import Run
from integration.storage.lists import Published, Scope
from schemas import envelope, list_check
from schemas.lists import ListKind, Manifest, Rendering


class FormRecomputed(msgspec.Struct, frozen=True):
    """A rendering's SHA-256 (hex): as signed, of the stored bytes, and made anew; empty where there is none."""

    name: str
    signed: str
    stored: str
    recomputed: str

    @property
    def same(self) -> bool:
        """Whether all three agree."""
        return self.signed == self.stored == self.recomputed


class RowDiffers(msgspec.Struct, frozen=True):
    """A row that stands on one side alone: ``stored`` or ``recomputed``; ``household`` is 0 where nobody is known."""

    side: str
    household: int
    row: msgspec.Raw


class ListRecomputed(msgspec.Struct, frozen=True, kw_only=True):
    """A list made anew. ``faults`` are codes: of the manifest by itself, and MANIFEST_DIFFERS for what it states."""

    company: str
    number: int
    kind: str
    month: str
    rows: int
    faults: list[str]
    forms: list[FormRecomputed] = []
    rows_differing: int = 0
    named: list[RowDiffers] = []

    @property
    def same(self) -> bool:
        """Whether every byte is what was signed."""
        return not self.faults and all(one.same for one in self.forms)


class Recomputed(msgspec.Struct, frozen=True):
    """Lists made anew, with the runs that they were the first to tell of."""

    same: bool
    lists: list[ListRecomputed]
    runs: list[RunRecomputed]


def recompute_list(hub: Hub, company: str, number: int) -> Recomputed:
    """Recompute one list, and the runs since the list before it.

    Raises:
        ListRefused: there is no such list.
    """
    with hub.store.read() as connection:
        find_list(connection, company, number)
        every = lists.published(connection, company)
        at = next(n for n, one in enumerate(every) if one.number == number)
        after = every[at - 1].run_id if at else 0
        runs = [run for run in ledger.all_runs(connection) if after < run.run_id <= every[at].run_id]
        made = [_recomputed(hub, connection, company, every[: at + 1])]
        return _together(made, recompute_runs(hub, connection, runs))


def recompute_all(hub: Hub) -> Recomputed:
    """Recompute every list that was ever published, and every run."""
    with hub.store.read() as connection:
        made = []
        for company in rederive.companies_listed(connection):
            every = lists.published(connection, company)
            for at in range(len(every)):
                made.append(_recomputed(hub, connection, company, every[: at + 1]))
                hub.progress("lists", 1)
        return _together(made, recompute_runs(hub, connection, ledger.all_runs(connection)))


def _together(made: list[ListRecomputed], runs: Iterable[RunRecomputed]) -> Recomputed:
    derived = list(runs)
    same = all(one.same for one in made) and all(one.same for one in derived)
    return Recomputed(same, made, derived)


def _recomputed(hub: Hub, connection: Connection, company: str, every: Sequence[Published]) -> ListRecomputed:
    """Recompute the last of a company's lists."""
    found = every[-1]
    of = ListRecomputed(
        company=company, number=found.number, kind=found.kind, month=str(found.month), rows=0, faults=[]
    )
    if company not in hub.companies:
        return msgspec.structs.replace(of, faults=["COMPANY_NOT_CONFIGURED"])
    faults = [
        one.code for one in list_check.manifest_faults(found.manifest, found.signature, hub.ring.lists.public_pem)
    ]
    manifest = list_check.read_manifest(found.manifest)
    run = next((run for run in ledger.all_runs(connection) if run.run_id == found.run_id), None)
    if manifest is None or run is None:
        return msgspec.structs.replace(of, faults=[*faults, "RUN_UNKNOWN"] if run is None else faults)
    return _Making(hub, connection, company, every, manifest, run).compared(of, faults)


class _Making:
    """One list made anew, beside what is stored of it."""

    def __init__(
        self, hub: Hub, connection: Connection, company: str, every: Sequence[Published], manifest: Manifest, run: Run
    ) -> None:
        self._connection = connection
        self._company = company
        self._found = found = every[-1]
        self._earlier = earlier = every[:-1]
        self._signed = manifest
        self._run = run
        self._writers = hub.list_writers(hub.companies[company])
        kind = ListKind(found.kind)
        regular = [one for one in earlier if one.kind == ListKind.REGULAR] if kind is ListKind.REGULAR else []
        before = regular[-1] if regular else None
        scope = Scope(company, manifest.service, found.month, run.run_id, run.cut_off, before)
        self._spool = Spool()
        self._spool.fill(
            build_rows(hub, connection, scope, kind, earlier, lambda _household, _change: None, reading=True)
        )
        self._head = head_of(company, found.number, kind, found.month, self._spool, found.published_us)

    def compared(self, of: ListRecomputed, faults: list[str]) -> ListRecomputed:
        """Return how the list made anew compares with the stored one."""
        renderings = tuple(_rendered(writer, self._head, self._spool) for writer in self._writers)
        if envelope.canonical(self._manifest(renderings)) != self._found.manifest:
            faults = [*faults, "MANIFEST_DIFFERS"]
        forms = list(self._forms(renderings))
        differing, named = (0, []) if all(one.same for one in forms) else self._rows_differing()
        return msgspec.structs.replace(
            of, rows=self._spool.rows, faults=faults, forms=forms, rows_differing=differing, named=named
        )

    def _manifest(self, renderings: tuple[Rendering, ...]) -> Manifest:
        """Return what the manifest has to state; when it was made, and beside which checkpoint, it says itself."""
        head, spool = self._head, self._spool
        return msgspec.structs.replace(
            self._signed,
            company=head.company,
            number=head.number,
            kind=head.kind,
            month=head.month,
            run=self._run.run_id,
            cut_off=self._run.cut_off,
            predecessor=predecessor(self._earlier),
            rows=spool.rows,
            quantity_milli=spool.quantity_milli,
            changes=spool.totals,
            renderings=renderings,
            policy_sha256=self._run.policy_sha256,
        )

    def _forms(self, renderings: Iterable[Rendering]) -> Iterator[FormRecomputed]:
        made = {one.name: one.sha256 for one in renderings}
        signed = {one.name: one.sha256 for one in self._signed.renderings}
        for name in sorted(made.keys() | signed.keys()):
            yield FormRecomputed(name, signed.get(name, ""), self._stored_digest(name), made.get(name, ""))

    def _stored(self, name: str) -> Iterator[bytes]:
        return map(igzip.decompress, lists.chunks_of(self._connection, self._company, self._found.number, name))

    def _stored_digest(self, name: str) -> str:
        digest = hashlib.sha256()
        try:
            for chunk in self._stored(name):
                digest.update(chunk)
        except (OSError, EOFError, zlib.error):
            return ""  # not gzip any more
        return digest.hexdigest()

    # --- which rows differ

    def _rows_differing(self) -> tuple[int, list[RowDiffers]]:
        """Compare the canonical rows as sets of lines; only a list that differs pays for it."""
        writer = next(one for one in self._writers if one.name == "ndjson")
        try:
            stored = set(b"".join(self._stored(writer.name)).splitlines())
        except (OSError, EOFError, zlib.error):
            stored = set()
        recomputed = set(b"".join(writer.render(self._head, self._spool)).splitlines())
        sides = (("stored", stored - recomputed), ("recomputed", recomputed - stored))
        found = [(side, line) for side, lines in sides for line in sorted(lines)]
        return len(found), list(self._named(found[:MOST_NAMED]))

    def _named(self, found: Sequence[tuple[str, bytes]]) -> Iterator[RowDiffers]:
        references = {line: _reference(line) for _, line in found}
        owners = reports.owners(self._connection, self._company, sorted(set(references.values())))
        for side, line in found:
            owner = owners.get(references[line])
            yield RowDiffers(side, owner.household_id if owner else 0, msgspec.Raw(line))


def _reference(line: bytes) -> str:
    return msgspec.json.decode(line, type=dict[str, str | int]).get("reference", "")  # type: ignore[return-value]


def _rendered(writer: ListWriter, head: ListHead, spool: Spool) -> Rendering:
    digest, size = hashlib.sha256(), 0
    for chunk in writer.render(head, spool):
        digest.update(chunk)
        size += len(chunk)
    return Rendering(writer.name, writer.file_name(head), writer.media_type, size, digest.hexdigest())
