"""Files of lists' content, which never changes: each replica's own cache; the database is the truth.

A file is made on a miss from the stored bytes of the signed rendering (temp, fsync, rename), checked against the
manifest, and never rendered anew; one that was there when the process started is checked once. Beside it stands its
gzip form, just as it is stored: the server sends that where the caller takes it. A file's time is that of publication,
so that its ETag is the same on every replica.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path, PurePath
from typing import Any, Final, NamedTuple, cast
from urllib.parse import quote

import msgspec
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from isal import igzip, isal_zlib
from sqlalchemy import Connection

from integration.jobs.hub import Hub
from integration.storage import lists
from integration.storage.lists import Published
from integration.web.sheets import LAYOUT, SHEET_ROWS, write_sheet
from schemas import envelope
from schemas.lists import Manifest, Rendering

#: Manifests in memory: of all that are asked for often, and a few kilobytes each.
_REMEMBERED: Final = 1000
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
#: It varies with what is asked for, and with who asks: the same address is another list for another company.
_VARY: Final = "Accept, Accept-Encoding, Authorization"
#: A sheet's time in nanoseconds after publication: apart from the renderings', and another for another layout.
_SHEET_NS: Final = 1000 + LAYOUT
#: What unpacking raises where something is no gzip, or not all of one; the types of isal say less than it does.
_BROKEN: Final[tuple[type[Exception], ...]] = (igzip.BadGzipFile, EOFError, cast("Any", isal_zlib.error))
_UNREADABLE: Final[tuple[type[Exception], ...]] = (OSError, *_BROKEN)


class TooManyRows(Exception):  # noqa: N818 - it names the state
    """The list has more rows than a sheet holds."""


class ContentDamaged(Exception):  # noqa: N818 - it names the state
    """What is stored of a list is not what was signed; a backup must be restored."""

    def __init__(self, company: str, number: int) -> None:
        text = "所存内容与签名清单不符，请恢复备份 / the stored content is not what was signed; restore a backup"
        super().__init__(f"{company} {number}: {text}")


class Listed(NamedTuple):
    """A published list, and its manifest read."""

    published: Published
    manifest: Manifest


class ListFiles:
    """The cache, in a folder that holds at most ``most_bytes``: the files that were made first go first."""

    def __init__(self, hub: Hub, folder: Path, most_bytes: int = 20 << 30) -> None:
        self._hub = hub
        self._folder = folder
        self._most = most_bytes
        self._seen: dict[Path, tuple[int, int]] = {}
        self._turns = [threading.Lock() for _ in range(16)]
        self._room = threading.Lock()
        self._listed: OrderedDict[tuple[str, int], Listed] = OrderedDict()

    def listed(self, company: str, number: int) -> Listed | None:
        """Return a list that was asked for not long ago, without looking anywhere: what is published never changes."""
        return self._listed.get((company, number))

    def find(self, company: str, number: int) -> Listed | None:
        """Return a list from the database, or from memory; None if there is none."""
        found = self.listed(company, number)
        if found is None:
            with self._hub.store.read() as connection:
                published = lists.find_list(connection, company, number)
            if published is None:
                return None  # not to be remembered: it may be published next
            found = Listed(published, msgspec.json.decode(published.manifest, type=Manifest))
            with self._room:
                self._listed[company, number] = found
                if len(self._listed) > _REMEMBERED:
                    self._listed.popitem(last=False)
        return found

    def at_hand(self, company: str, number: int, rendering: Rendering) -> Path | None:
        """Return the file of a rendering if it is here and was checked, within microseconds; else ask ``path_of``."""
        path = self._path(company, number, rendering.file_name)
        return path if self._known(path) else None

    def path_of(self, company: str, number: int, manifest: Manifest, rendering: Rendering) -> Path:
        """Return the file of a rendering. Blocks while it is made, which happens once however many ask.

        Raises:
            ContentDamaged: what is stored is not what was signed.
        """
        path = self._path(company, number, rendering.file_name)
        if not self._known(path):
            with self._turn(path):
                if not self._known(path):
                    at_ns = _published_ns(manifest) + 2 * manifest.renderings.index(rendering)
                    if not _as_signed(path, rendering, at_ns):
                        self._make(path, company, number, manifest, rendering, at_ns)
                    self._note(path)
        return path

    def xlsx_of(self, company: str, number: int, manifest: Manifest) -> Path:
        """Return a list as a sheet for people, made from its canonical rows; it is a copy, and not signed.

        Raises:
            TooManyRows: a sheet does not hold it.
            ContentDamaged: what is stored is not what was signed.
        """
        if manifest.rows > SHEET_ROWS:
            raise TooManyRows
        path = self._path(company, number, f"{company}-{number:06}.xlsx")
        at_ns = _published_ns(manifest) + _SHEET_NS
        if not _made_at(path, at_ns):
            rendering = next(one for one in manifest.renderings if one.name == "ndjson")
            source = self.path_of(company, number, manifest, rendering)
            with self._turn(path):
                if not _made_at(path, at_ns):
                    self._make_room(rendering.size)
                    with _arriving(path, at_ns) as temporary:
                        write_sheet(temporary, source, manifest)
        return path

    def _path(self, company: str, number: int, name: str) -> Path:
        if PurePath(name).name != name or not name or name.startswith("."):
            raise ContentDamaged(company, number)
        return self._folder / company / str(number) / name

    def _turn(self, path: Path) -> threading.Lock:
        return self._turns[hash(path) % len(self._turns)]

    def _known(self, path: Path) -> bool:
        try:
            found = path.stat()
        except FileNotFoundError:
            return False
        return self._seen.get(path) == (found.st_mtime_ns, found.st_size)

    def _note(self, path: Path) -> None:
        found = path.stat()
        self._seen[path] = (found.st_mtime_ns, found.st_size)

    def _make(
        self, path: Path, company: str, number: int, manifest: Manifest, rendering: Rendering, at_ns: int
    ) -> None:
        self._make_room(rendering.size * 2)
        with self._hub.store.read() as connection:
            if not self._signed(connection, company, number, manifest):
                raise ContentDamaged(company, number)
            stored = partial(lists.chunks_of, connection, company, number, rendering.name)
            with _arriving(path, at_ns) as temporary:
                if not _unpack(temporary, stored(), rendering):
                    raise ContentDamaged(company, number)
            with _arriving(_packed(path), at_ns + 1) as temporary, temporary.open("wb") as file:
                file.writelines(stored())

    def _signed(self, connection: Connection, company: str, number: int, manifest: Manifest) -> bool:
        """Tell whether the manifest is the one on file; its signature is checked where the key is still ours."""
        found, key = lists.find_list(connection, company, number), self._hub.ring.lists
        if found is None or msgspec.json.decode(found.manifest, type=Manifest) != manifest:
            return False
        return manifest.key_id != key.key_id or envelope.verify(key.public_pem, found.manifest, found.signature)

    def _make_room(self, needed: int) -> None:
        with self._room:
            files = sorted(self._folder.rglob("*.*"), key=_age)
            held = sum(map(_size, files))
            for path in files:
                if held + needed <= self._most:
                    return
                held -= _size(path)
                path.unlink(missing_ok=True)


def _age(path: Path) -> int:
    """Return when a file was put here; its other time says when its list was published."""
    try:
        return path.stat().st_ctime_ns
    except FileNotFoundError:
        return 0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _packed(path: Path) -> Path:
    return path.with_name(path.name + ".gz")


def _published_ns(manifest: Manifest) -> int:
    return int(datetime.fromisoformat(manifest.created_at).timestamp()) * 1_000_000_000


def _made_at(path: Path, at_ns: int) -> bool:
    try:
        return path.stat().st_mtime_ns == at_ns
    except FileNotFoundError:
        return False


def _as_signed(path: Path, rendering: Rendering, at_ns: int) -> bool:
    """Tell whether both forms of a file are there, with their times and as signed."""
    if not _made_at(path, at_ns) or not _made_at(_packed(path), at_ns + 1):
        return False
    with path.open("rb") as file:
        if not _matches(iter(partial(file.read, 1 << 20), b""), rendering):
            return False
    try:
        with igzip.open(_packed(path), "rb") as file:  # type: ignore[no-untyped-call]
            return _matches(iter(partial(file.read, 1 << 20), b""), rendering)
    except _UNREADABLE:
        return False


def _matches(chunks: Iterable[bytes], rendering: Rendering) -> bool:
    digest, size = hashlib.sha256(), 0
    for chunk in chunks:
        digest.update(chunk)
        size += len(chunk)
    return (size, digest.hexdigest()) == (rendering.size, rendering.sha256)


def _unpack(path: Path, members: Iterable[bytes], rendering: Rendering) -> bool:
    """Write a file from stored gzip members, and tell whether it is as signed."""

    def written() -> Iterator[bytes]:
        for member in members:
            chunk = igzip.decompress(member)  # type: ignore[no-untyped-call]
            file.write(chunk)
            yield chunk

    with path.open("wb") as file:
        try:
            return _matches(written(), rendering)
        except _BROKEN:
            return False


@contextmanager
def _arriving(path: Path, at_ns: int) -> Iterator[Path]:
    """Give a temporary file; what is written there stands at ``path`` afterwards, whole or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.part")
    try:
        yield temporary
        temporary.chmod(0o400)
        _sync(temporary)
        os.utime(temporary, ns=(at_ns, at_ns))
        temporary.rename(path)
        _sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    entry = os.open(path, os.O_RDONLY)
    try:
        os.fsync(entry)
    finally:
        os.close(entry)


def respond(path: Path, media_type: str, download_name: str) -> web.FileResponse:
    """Send a file: whole or in part, gzipped where the caller takes it, or not at all where the caller has it."""
    plain = download_name.encode("ascii", "replace").decode().replace("?", "_").replace('"', "_")
    named = "" if plain == download_name else f"; filename*=UTF-8''{quote(download_name, safe='')}"
    headers = {
        "Content-Type": media_type,
        "Content-Disposition": f'attachment; filename="{plain}"{named}',
        "Cache-Control": "private, max-age=31536000, immutable",
        "X-Content-Type-Options": "nosniff",
    }
    return _File(path, chunk_size=1 << 20, headers=headers)


class _File(web.FileResponse):
    """aiohttp's, mended: it knows dates only in If-Range, and puts its own Vary in the place of ours."""

    async def _prepare_open_file(
        self, request: web.BaseRequest, fobj: Any, st: os.stat_result, file_encoding: str | None
    ) -> AbstractStreamWriter | None:
        stated = request.headers.get("If-Range", "").strip()
        if stated.endswith('"') and stated != f'"{st.st_mtime_ns:x}-{st.st_size:x}"':
            # the caller has the beginning of something else, of the other encoding perhaps: it gets the whole
            headers = request.headers.copy()
            headers.popall("Range", None)
            request = request.clone(headers=headers)
        return await super()._prepare_open_file(request, fobj, st, file_encoding)

    async def _prepare_headers(self) -> None:
        await super()._prepare_headers()
        self.headers["Vary"] = _VARY
