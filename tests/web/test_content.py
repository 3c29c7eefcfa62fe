"""The cache of lists' files: what was signed or nothing, the same on every replica, made once, never too big."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import threading
import time
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import hubs
import msgspec
import pytest
from aiohttp import ClientResponse, ClientSession, web
from aiohttp.test_utils import TestServer
from python_calamine import CalamineWorkbook
from sqlalchemy import update
from world import account, household, list_bytes, publish, roster, run, snapshot, take

from integration.jobs.hub import Hub
from integration.storage import lists
from integration.storage.tables import list_chunks
from integration.storage.tables import lists as list_table
from integration.web.content import ContentDamaged, ListFiles, TooManyRows, respond
from schemas.lists import Manifest, Rendering

settings, hub = hubs.settings, hubs.hub  # fixtures
COMPANY = "city_water"


def fill(hub: Hub, many: int = 4) -> None:
    hub.clock.set("2026-09-20T21:00:00+08:00")
    roster(hub, COMPANY, [account(f"00{n}", n) for n in range(1, many + 1)])
    take(hub, snapshot([household(f"A{n}", n, accounts={COMPANY: f"00{n}"}) for n in range(1, many + 1)]))
    run(hub, "2026-10")
    publish(hub, "2026-10")


def manifest_of(hub: Hub) -> Manifest:
    with hub.store.read() as connection:
        found = lists.find_list(connection, COMPANY, 1)
    assert found is not None
    return msgspec.json.decode(found.manifest, type=Manifest)


def rendering_of(manifest: Manifest, name: str) -> Rendering:
    return next(one for one in manifest.renderings if one.name == name)


class Cache:
    """A cache of list 1, with its manifest at hand."""

    def __init__(self, hub: Hub, folder: Path, **more: Any) -> None:
        self.hub = hub
        self.manifest = manifest_of(hub)
        self.files = ListFiles(hub, folder, **more)

    def path(self, name: str = "csv") -> Path:
        return self.files.path_of(COMPANY, 1, self.manifest, rendering_of(self.manifest, name))

    def sheet(self) -> Path:
        return self.files.xlsx_of(COMPANY, 1, self.manifest)


@pytest.fixture
def cache(city: Hub, tmp_path: Path) -> Cache:
    return Cache(city, tmp_path / "lists")


def packed(path: Path) -> Path:
    return path.with_name(path.name + ".gz")


# --- files -------------------------------------------------------------------------------------------------------


def test_files_are_what_was_signed_on_both_databases(hub: Hub, tmp_path: Path) -> None:
    fill(hub)
    cache = Cache(hub, tmp_path / "lists")
    for rendering in cache.manifest.renderings:
        path = cache.path(rendering.name)
        assert hashlib.sha256(path.read_bytes()).hexdigest() == rendering.sha256
        assert (
            gzip.decompress(packed(path).read_bytes())
            == path.read_bytes()
            == list_bytes(hub, COMPANY, 1, rendering.name)
        )


def test_every_replica_has_the_same_bytes_and_times_and_each_form_its_own(city: Hub, tmp_path: Path) -> None:
    one, other = (Cache(city, tmp_path / name) for name in ("one", "other"))
    times = set()
    for name in ("csv", "ndjson", "company"):
        first, second = one.path(name), other.path(name)
        for a, b in ((first, second), (packed(first), packed(second))):
            assert a.read_bytes() == b.read_bytes()
            assert a.stat().st_mtime_ns == b.stat().st_mtime_ns
            times.add(a.stat().st_mtime_ns)
    assert one.sheet().stat().st_mtime_ns == other.sheet().stat().st_mtime_ns
    assert len(times | {one.sheet().stat().st_mtime_ns}) == 7


def test_a_file_is_its_owners_alone_and_not_written_again(cache: Cache) -> None:
    path = cache.path()
    assert path.stat().st_mode & 0o777 == 0o400
    assert path.parent.stat().st_mode & 0o777 == 0o700
    made = path.stat().st_ctime_ns
    assert cache.path() == path
    assert path.stat().st_ctime_ns == made


def test_a_lost_file_is_made_again(cache: Cache) -> None:
    path = cache.path()
    whole = path.read_bytes()
    shutil.rmtree(path.parent)
    assert cache.path().read_bytes() == whole


@pytest.mark.parametrize("form", ["plain", "gzip"])
@pytest.mark.parametrize("damage", ["other", "shorter"])
def test_what_was_changed_while_nobody_ran_is_made_again(cache: Cache, tmp_path: Path, form: str, damage: str) -> None:
    path = cache.path()
    whole, target = path.read_bytes(), path if form == "plain" else packed(path)
    found = target.stat()
    content = target.read_bytes()
    target.chmod(0o600)
    target.write_bytes(content[:-1] + bytes([content[-1] ^ 1]) if damage == "other" else content[:-1])
    os.utime(target, ns=(found.st_mtime_ns, found.st_mtime_ns))
    again = Cache(cache.hub, tmp_path / "lists").path()
    assert again.read_bytes() == whole
    assert gzip.decompress(packed(again).read_bytes()) == whole


def test_what_is_still_as_it_was_is_not_made_again(cache: Cache, tmp_path: Path) -> None:
    made = cache.path().stat().st_ino
    assert Cache(cache.hub, tmp_path / "lists").path().stat().st_ino == made


def test_what_is_written_over_while_it_runs_is_made_again(cache: Cache) -> None:
    path = cache.path()
    whole = path.read_bytes()
    path.unlink()
    path.write_bytes(b"another list")
    assert cache.path().read_bytes() == whole


def test_however_many_ask_it_is_made_once(city: Hub, tmp_path: Path) -> None:
    cache, barrier = Cache(city, tmp_path / "lists"), threading.Barrier(8)
    reads = []

    def ask(_n: int) -> int:
        barrier.wait()
        path = cache.path()
        reads.append(path.read_bytes())
        return path.stat().st_ino

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(ask, range(8)))) == 1
    assert len(set(reads)) == 1
    assert [one.name for one in (tmp_path / "lists").rglob("*.part")] == []


def test_the_folder_is_bounded_and_the_oldest_go(city: Hub, tmp_path: Path) -> None:
    sizes = {one.name: one.size for one in manifest_of(city).renderings}
    cache = Cache(city, tmp_path / "lists", most_bytes=sizes["ndjson"] * 2)
    first = cache.path("csv")
    time.sleep(0.01)  # a file's age is told to a tick of the kernel
    second = cache.path("ndjson")
    assert second.exists()
    assert not first.exists()
    assert cache.path("csv").read_bytes() == list_bytes(city, COMPANY, 1, "csv")


def test_a_list_is_found_once_and_then_remembered(cache: Cache) -> None:
    assert cache.files.listed(COMPANY, 1) is None
    found = cache.files.find(COMPANY, 1)
    assert found is not None
    assert found.manifest == cache.manifest
    assert cache.files.find(COMPANY, 1) is found
    assert cache.files.listed(COMPANY, 1) is found
    assert cache.files.find("city_gas", 1) != found


def test_what_is_not_published_yet_is_looked_for_again(cache: Cache) -> None:
    assert cache.files.find(COMPANY, 3) is None
    cache.hub.clock.set("2026-11-25T21:00:00+08:00")
    run(cache.hub, "2026-12")
    publish(cache.hub, "2026-12")
    found = cache.files.find(COMPANY, 3)
    assert found is not None
    assert found.manifest.number == 3


def test_only_what_was_checked_is_at_hand(cache: Cache) -> None:
    rendering = rendering_of(cache.manifest, "csv")
    assert cache.files.at_hand(COMPANY, 1, rendering) is None
    path = cache.path()
    assert cache.files.at_hand(COMPANY, 1, rendering) == path
    path.unlink()
    path.write_bytes(b"another list")
    assert cache.files.at_hand(COMPANY, 1, rendering) is None


# --- damage ------------------------------------------------------------------------------------------------------


def damage(hub: Hub, tampering: Any, statement: Any) -> None:
    with tampering() as connection:
        connection.execute(statement)


@pytest.mark.parametrize(
    "content", [b"no gzip", gzip.compress(b"another list"), b""], ids=["no gzip", "other", "nothing"]
)
def test_stored_bytes_that_are_not_what_was_signed_are_never_sent(
    hub: Hub, tmp_path: Path, tampering: Any, content: bytes
) -> None:
    fill(hub)
    cache = Cache(hub, tmp_path / "lists")
    damage(hub, tampering, update(list_chunks).where(list_chunks.c.rendering == "csv").values(content=content))
    with pytest.raises(ContentDamaged, match="restore a backup"):
        cache.path("csv")
    assert list((tmp_path / "lists").rglob("*.csv*")) == []
    assert cache.path("ndjson").exists()


def test_a_manifest_that_was_not_signed_opens_nothing(hub: Hub, tmp_path: Path, tampering: Any) -> None:
    fill(hub)
    honest = manifest_of(hub)
    forged = msgspec.json.encode(msgspec.structs.replace(honest, rows=honest.rows + 1))
    damage(hub, tampering, update(list_table).values(manifest=forged))
    with pytest.raises(ContentDamaged):
        Cache(hub, tmp_path / "lists").path()  # its own manifest is the forged one


def test_a_manifest_that_is_not_the_one_on_file_opens_nothing(cache: Cache) -> None:
    cache.manifest = msgspec.structs.replace(cache.manifest, month="2026-11")
    with pytest.raises(ContentDamaged):
        cache.path()


def test_a_list_of_before_a_change_of_keys_is_still_served(city: Hub, tmp_path: Path) -> None:
    ring = city.ring
    later = replace(city, ring=replace(ring, lists=ring.checkpoints))
    assert Cache(later, tmp_path / "lists").path().exists()


@pytest.mark.parametrize("name", ["../../escaped.csv", "/tmp/escaped.csv", ".hidden", "", "a/b.csv"])
def test_a_name_that_leads_elsewhere_opens_nothing(cache: Cache, name: str) -> None:
    rendering = msgspec.structs.replace(rendering_of(cache.manifest, "csv"), file_name=name)
    with pytest.raises(ContentDamaged):
        cache.files.path_of(COMPANY, 1, cache.manifest, rendering)


# --- sheets ------------------------------------------------------------------------------------------------------


def test_a_sheet_has_every_row_with_numbers_as_numbers_and_texts_as_texts(cache: Cache) -> None:
    sheet = CalamineWorkbook.from_path(str(cache.sheet())).get_sheet_by_index(0)
    rows = sheet.to_python()
    lines = [msgspec.json.decode(line) for line in cache.path("ndjson").read_bytes().splitlines()]
    assert len(lines) == 4
    assert [tuple(row) for row in rows[1:]] == [tuple(line.values()) for line in lines]
    assert all(isinstance(row[4], float | int) for row in rows[1:])
    assert sheet.name == "2026-10"


def test_a_text_that_looks_like_a_formula_stays_a_text(cache: Cache, tmp_path: Path) -> None:
    from integration.web.sheets import write_sheet

    source = tmp_path / "rows.ndjson"
    texts = ["=1+1", "http://example.test", "+86", "@x", "1e5", "001"]
    for_all = {"service": "water", "month": 202610, "quantity_milli": -3000, "change": "NEW"}
    source.write_bytes(
        msgspec.json.Encoder().encode_lines([{"reference": one, "account": one} | for_all for one in texts])
    )
    write_sheet(tmp_path / "made.xlsx", source, cache.manifest)
    rows = CalamineWorkbook.from_path(str(tmp_path / "made.xlsx")).get_sheet_by_index(0).to_python()
    assert [row[0] for row in rows[1:]] == texts
    with zipfile.ZipFile(tmp_path / "made.xlsx") as book:
        assert b"<f>" not in book.read("xl/worksheets/sheet1.xml")
        assert not any("rels" in name and b"example.test" in book.read(name) for name in book.namelist())


def test_a_sheet_says_that_it_is_not_signed_and_is_the_same_bytes_always(cache: Cache, tmp_path: Path) -> None:
    path = cache.sheet()
    with zipfile.ZipFile(path) as book:
        assert "an unsigned copy" in book.read("docProps/core.xml").decode()
    other = Cache(cache.hub, tmp_path / "other").sheet()
    assert other.read_bytes() == path.read_bytes()
    made = path.stat().st_ino
    assert cache.sheet().stat().st_ino == made


def test_a_list_that_no_sheet_holds_is_refused(cache: Cache) -> None:
    cache.manifest = msgspec.structs.replace(cache.manifest, rows=1_048_576)
    with pytest.raises(TooManyRows):
        cache.sheet()


# --- HTTP --------------------------------------------------------------------------------------------------------

Fetch = Callable[..., Awaitable[tuple[ClientResponse, bytes]]]


@pytest.fixture
async def fetch(cache: Cache) -> AsyncIterator[Fetch]:
    """Fetch the CSV from a real server, with the headers that one names."""
    path = cache.path()

    async def send(_request: web.Request) -> web.StreamResponse:
        return respond(path, "text/csv", "名单 1.csv")

    app = web.Application()
    app.router.add_get("/", send)
    async with TestServer(app) as server, ClientSession(auto_decompress=False) as session:

        async def fetched(method: str = "GET", **headers: str) -> tuple[ClientResponse, bytes]:
            named = {"Accept-Encoding": "identity"} | {name.replace("_", "-"): one for name, one in headers.items()}
            async with session.request(method, server.make_url("/"), headers=named) as response:
                return response, await response.read()

        yield fetched


async def test_the_whole_comes_with_what_caches_need(fetch: Fetch, cache: Cache) -> None:
    response, content = await fetch()
    assert content == cache.path().read_bytes()
    assert response.headers["Content-Type"] == "text/csv"
    assert response.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Accept-Ranges"] == "bytes"
    assert response.headers["Content-Disposition"] == (
        "attachment; filename=\"__ 1.csv\"; filename*=UTF-8''%E5%90%8D%E5%8D%95%201.csv"
    )


async def test_gzip_is_the_stored_bytes_under_another_etag_and_the_same_vary(fetch: Fetch, cache: Cache) -> None:
    plain, _ = await fetch()
    response, content = await fetch(Accept_Encoding="gzip")
    assert response.headers["Content-Encoding"] == "gzip"
    assert content == packed(cache.path()).read_bytes()
    assert response.headers["ETag"] != plain.headers["ETag"]
    for one in (plain, response):
        assert one.headers["Vary"] == "Accept, Accept-Encoding, Authorization"


async def test_what_one_has_is_not_sent_again(fetch: Fetch) -> None:
    etag = (await fetch())[0].headers["ETag"]
    response, content = await fetch(If_None_Match=etag)
    assert (response.status, content) == (304, b"")
    assert response.headers["ETag"] == etag
    response, content = await fetch(If_None_Match='"another"')
    assert (response.status, len(content) > 0) == (200, True)


async def test_a_part_is_sent_and_a_download_taken_up_again(fetch: Fetch, cache: Cache) -> None:
    whole = cache.path().read_bytes()
    etag = (await fetch())[0].headers["ETag"]
    response, content = await fetch(Range="bytes=100-", If_Range=etag)
    assert (response.status, content) == (206, whole[100:])
    assert response.headers["Content-Range"] == f"bytes 100-{len(whole) - 1}/{len(whole)}"
    response, content = await fetch(Range="bytes=-10")
    assert (response.status, content) == (206, whole[-10:])
    response, _ = await fetch(Range=f"bytes={len(whole)}-")
    assert response.status == 416


async def test_the_rest_of_one_encoding_is_never_glued_to_the_other(fetch: Fetch, cache: Cache) -> None:
    etag = (await fetch())[0].headers["ETag"]
    for stated in (etag, '"older"', f"W/{etag}"):
        response, content = await fetch(Range="bytes=100-", If_Range=stated, Accept_Encoding="gzip")
        assert (response.status, content) == (200, packed(cache.path()).read_bytes()), stated


async def test_head_says_the_same_and_sends_nothing(fetch: Fetch, cache: Cache) -> None:
    response, content = await fetch("HEAD")
    assert (response.status, content) == (200, b"")
    assert response.headers["Content-Length"] == str(cache.path().stat().st_size)
