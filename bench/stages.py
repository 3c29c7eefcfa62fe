"""The stages of the first half: registry in, month run, lists; each beside its limit."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, select

from bench.city import link_city
from bench.rows import digest, digest_tables, filled, spool, spool_table, spooled, write_raw
from bench.running import ACTOR, Measured, open_hub, timed_write
from bench.stopwatch import Stopwatch
from integration.jobs.compute_month import compute_month
from integration.jobs.publish import publish_month
from integration.jobs.sync_registry import sync_registry
from integration.storage.bulk import batches
from integration.storage.engine import Store
from integration.storage.tables import lists, metadata, postings
from schemas.lists import Manifest
from schemas.values import Month, day_int

# --- registry import -------------------------------------------------------------------------------------------


def import_registry(url: str, folder: str, file: str, month: str = "2027-01") -> Measured:
    """Our import, from the file to the commit, on the 20th before a month."""

    def content() -> Iterable[bytes]:
        with Path(file).open("rb") as opened:
            while chunk := opened.read(1 << 16):
                yield chunk

    watch = Stopwatch()
    with open_hub(url, folder, month) as hub, watch:
        result = sync_registry(hub, content, actor=ACTOR)
    assert result.state == "applied", result
    return Measured(watch.seconds, sum(result.counts.values()), detail=result.counts)


def spool_database(url: str, folder: str) -> Measured:
    """Keep every row that the import wrote, for ``raw_write``."""
    watch, rows = Stopwatch(), 0
    target = Path(folder) / "spool"
    target.mkdir(exist_ok=True)
    for old in target.iterdir():
        old.unlink()
    store = Store.open(url, writer=False)
    with watch, store.read() as connection:
        for table in filled(connection):
            if table.name != "alembic_version":
                spool_table(connection, table, target)
    store.close()
    return Measured(watch.seconds, rows)


def raw_write(url: str, folder: str) -> Measured:
    """The limit of an import: the very rows that it wrote, by the bare driver, in one transaction."""
    watch, rows = Stopwatch(), 0
    store = Store.open(url)
    with timed_write(store, watch) as connection:
        for table in metadata.sorted_tables:
            path = Path(folder) / "spool" / table.name
            if path.exists():
                rows += write_raw(connection, table, spooled(path), watch)
    store.close()
    return Measured(watch.seconds, rows)


def digest_database(url: str) -> Measured:
    """What a whole database holds, to compare two."""
    watch = Stopwatch()
    store = Store.open(url, writer=False)
    with watch, store.read() as connection:
        found = digest_tables(connection)
    store.close()
    return Measured(watch.seconds, detail=found)


# --- month -----------------------------------------------------------------------------------------------------


def link_accounts(url: str, folder: str) -> Measured:
    """Write accounts and links into an imported registry."""
    watch = Stopwatch()
    with open_hub(url, folder) as hub, watch, hub.store.write() as connection:
        link_city(hub, connection)
        connection.exec_driver_sql("ANALYZE")  # as PostgreSQL does by itself within minutes of such a load
    return Measured(watch.seconds)


def run_month(url: str, folder: str, month: str) -> Measured:
    """Our month run, totals, audit and all, to the commit."""
    watch = Stopwatch()
    with open_hub(url, folder, month) as hub, watch:
        summary = compute_month(hub, Month.parse(month), actor=ACTOR)
    return Measured(watch.seconds, summary.rows)


def take_lines(url: str, other: str, folder: str, month: str) -> Measured:
    """Lay a month's lines beside the other ledger, in a bare table, in key order."""
    watch, path = Stopwatch(), Path(folder) / "lines"
    store = Store.open(url, writer=False)
    with store.read() as connection:
        for batch_number, batch in enumerate(batches(connection, _lines(month), 20_000)):
            spool(batch, path.with_suffix(f".{batch_number:06}"))
    store.close()
    parts = sorted(path.parent.glob("lines.*"))
    store = Store.open(other)
    with store.write() as connection, watch:
        connection.exec_driver_sql("DROP TABLE IF EXISTS lines")
        connection.exec_driver_sql("CREATE TABLE lines AS SELECT * FROM postings LIMIT 0")
        bare = postings.to_metadata(type(metadata)(), name="lines")
        for part in parts:
            write_raw(connection, bare, spooled(part), watch)
            part.unlink()
    store.close()
    return Measured(watch.seconds)


def _lines(month: str) -> Any:
    columns = postings.c
    key = (columns.month, columns.service, columns.household_id, columns.n)
    return select(postings).where(columns.month == int(Month.parse(month))).order_by(*key)


_GATHER: Final = """
    INSERT INTO postings (month, service, household_id, n, account_id, quantity_milli, run_id, retro)
    SELECT {month}, '{service}', f.household_id, 1, coalesce(l.account_id, 0), 3000, {run}, 0
    FROM facts f LEFT JOIN links l ON l.household_id = f.household_id AND l.service = '{service}'
    WHERE f.valid_from <= {last} ORDER BY f.household_id
"""


def insert_select(url: str, month: str) -> Measured:
    """The limit of a month: a bare INSERT ... SELECT that gathers the same lines into a ledger that holds as much.

    No rule, no version, no total, no digest, no audit. ``copied``: seconds to copy the finished lines from a table.
    """
    watch, copying, at = Stopwatch(), Stopwatch(), Month.parse(month)
    names = ", ".join(column.name for column in postings.columns)
    store = Store.open(url)
    with store.write(dry_run=True) as connection, copying:
        connection.exec_driver_sql(f"INSERT INTO postings ({names}) SELECT {names} FROM lines")
    with store.read() as connection:
        rows, run = connection.exec_driver_sql("SELECT count(*), max(run_id) FROM lines").one()
    values = {"month": int(at), "last": day_int(at.last), "run": run}
    with timed_write(store, watch) as connection, watch:
        for service in ("gas", "water"):
            connection.exec_driver_sql(_GATHER.format(**values, service=service))
    store.close()
    return Measured(watch.seconds, rows, detail={"copied": copying.seconds})


def digest_month(url: str, month: str) -> Measured:
    """What the ledger holds of a month, to compare two."""
    watch = Stopwatch()
    store = Store.open(url, writer=False)
    with watch, store.read() as connection:
        found = digest(connection, _lines(month))
    store.close()
    return Measured(watch.seconds, detail={"digest": found})


# --- lists -----------------------------------------------------------------------------------------------------


def publish(url: str, folder: str, month: str, renderings: str) -> Measured:
    """Our list of the water company: gathered, judged, rendered, digested, compressed, signed, stored, committed.

    ``renderings``: ``own`` is the company's dialect alone, ``all`` adds the two canonical forms.
    """
    watch = Stopwatch()
    with open_hub(url, folder, month) as whole:
        hub = replace(whole, companies={"city_water": whole.companies["city_water"]})
        if renderings == "own":
            hub = replace(hub, list_writers=lambda company: (company.list_writer(),))
        with watch:
            (result,) = publish_month(hub, Month.parse(month), actor=ACTOR)
    assert result.state == "published", result
    return Measured(watch.seconds, result.rows, detail=_published(url, int(result.number or 0)))


def _published(url: str, number: int) -> dict[str, Any]:
    store = Store.open(url, writer=False)
    with store.read() as connection:
        query = select(lists.c.manifest).where(lists.c.company == "city_water", lists.c.number == number)
        manifest = msgspec.json.decode(connection.execute(query).scalar_one(), type=Manifest)
    store.close()
    return {"number": number, "sha256": sorted(one.sha256 for one in manifest.renderings)}


_FETCH: Final = """
    SELECT n.number, l.reference, p.quantity_milli, b.account_id = p.account_id
    FROM postings p
    JOIN account_numbers n ON n.account_id = p.account_id
    JOIN links l ON l.household_id = p.household_id AND l.service = p.service AND l.account_id = p.account_id
    LEFT JOIN postings b ON b.month = {before} AND b.service = p.service AND b.household_id = p.household_id AND b.n = 1
    WHERE p.month = {month} AND p.service = 'water'
    ORDER BY n.number, l.reference
"""


def fetch_and_join(url: str, month: str, renderings: str, number: str) -> Measured:
    """The limit of a list: fetch the same rows in the same order, join the bytes of the same files; no checks."""
    at = Month.parse(month)
    watch, rows, quantity = Stopwatch(), 0, 0
    files = [(_own, [b"HDR|CITYWATER|%s|%d|%d20|R\n" % (number.encode(), int(at), int(at.plus(-1)))])]
    if renderings == "all":
        files += [(_csv, [b"reference,account,service,month,quantity_milli,change\r\n"]), (_ndjson, [])]
    store = Store.open(url, writer=False)
    with store.read() as connection, watch, _cursor(connection) as cursor:
        cursor.execute(_FETCH.format(month=int(at), before=int(at.plus(-1))))
        while batch := cursor.fetchmany(5_000):
            rows += len(batch)
            quantity += sum([row[2] for row in batch])
            for join, parts in files:
                parts.append(join(batch, int(at)))
        files[0][1].append(f"TRL|{rows}|{quantity / 1000:.3f}\n".encode())
        contents = [b"".join(parts) for _, parts in files]
    store.close()
    return Measured(watch.seconds, rows, detail={"sha256": sorted(hashlib.sha256(one).hexdigest() for one in contents)})


def _cursor(connection: Connection) -> Any:
    driver: Any = connection.connection.driver_connection
    return driver.cursor("rows") if connection.dialect.name == "postgresql" else closing(driver.cursor())


def _own(batch: list[Any], month: int) -> bytes:
    return "".join(
        [f"{r}|{a}|{month}|{q / 1000:.3f}|{'保留' if k else '新增'}\n" for a, r, q, k in batch]
    ).encode("gb18030")  # fmt: skip


def _csv(batch: list[Any], month: int) -> bytes:
    return "".join(
        [f"{r},{a},water,{month},{q},{'KEEP' if k else 'NEW'}\r\n" for a, r, q, k in batch]
    ).encode()  # fmt: skip


def _ndjson(batch: list[Any], month: int) -> bytes:
    return "".join([
        f'{{"reference":"{r}","account":"{a}","service":"water","month":{month},"quantity_milli":{q},'
        f'"change":"{"KEEP" if k else "NEW"}"}}\n'
        for a, r, q, k in batch
    ]).encode()  # fmt: skip
