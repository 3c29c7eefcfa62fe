"""Files of lists' content, which never changes: each replica's own cache; the database is the truth.

A file is made on a miss from the stored bytes of the signed rendering (temp, fsync, rename), checked against the
manifest, and never rendered anew. Beside it stands its gzip form, just as it is stored: the server sends that where
the caller takes it. A file's time is that of publication, so that its ETag is the same on every replica.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
import xlsxwriter
from aiohttp import web
from isal import igzip

from integration.jobs.hub import Hub
from integration.storage import lists
from schemas.lists import ListRow, Manifest, Rendering

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_SHEET_ROWS: Final = 1_048_575
_HEADS: Final = ("参考号 reference", "户号 account", "服务 service", "月份 month", "数量 quantity", "变更 change")


class TooManyRows(Exception):  # noqa: N818 - it names the state
    """The list has more rows than a sheet holds."""


class ContentDamaged(Exception):  # noqa: N818 - it names the state
    """What is stored of a list is not what was signed; a backup must be restored."""


class _Line(msgspec.Struct):
    """A row of the canonical NDJSON, in the order of ``ListRow``."""

    reference: str
    account: str
    service: str
    month: int
    quantity_milli: int
    change: str


class ListFiles:
    """The cache, in a folder that holds at most ``most_bytes``: the files that were made first go first."""

    def __init__(self, hub: Hub, folder: Path, most_bytes: int = 20 << 30) -> None:
        self._hub = hub
        self._folder = folder
        self._most = most_bytes
        self._turn = threading.Lock()

    def path_of(self, company: str, number: int, manifest: Manifest, rendering: Rendering) -> Path:
        """Return the file of a rendering.

        Raises:
            ContentDamaged: what is stored is not what was signed.
        """
        path = self._folder / company / str(number) / rendering.file_name
        if not path.exists():
            with self._turn:
                if not path.exists():
                    self._make(path, company, number, manifest, rendering)
        return path

    def _make(self, path: Path, company: str, number: int, manifest: Manifest, rendering: Rendering) -> None:
        self._make_room(rendering.size * 2)
        at_ns = _published_ns(manifest) + 2 * manifest.renderings.index(rendering)
        with self._hub.store.read() as connection:
            packed = path.with_name(path.name + ".gz")
            _put(packed, lists.chunks_of(connection, company, number, rendering.name), at_ns + 1)
        with igzip.open(packed, "rb") as content:  # type: ignore[no-untyped-call]
            _put(path, _checked(iter(partial(content.read, 1 << 20), b""), rendering), at_ns)

    def xlsx_of(self, company: str, number: int, manifest: Manifest) -> Path:
        """Return a list as a sheet for people, made from its canonical rows; it is a copy, and not signed.

        Raises:
            TooManyRows: a sheet does not hold it.
        """
        if manifest.rows > _SHEET_ROWS:
            raise TooManyRows
        path = self._folder / company / str(number) / f"{company}-{number:06}.xlsx"
        if not path.exists():
            rendering = next(one for one in manifest.renderings if one.name == "ndjson")
            source = self.path_of(company, number, manifest, rendering)
            with self._turn:
                self._make_room(rendering.size)
                _put_sheet(path, source, manifest)
        return path

    def _make_room(self, needed: int) -> None:
        files = sorted(
            ((entry.stat().st_ctime_ns, entry.stat().st_size, entry) for entry in self._folder.rglob("*.*")),
            key=lambda one: one[0],
        )
        held = sum(size for _, size, _ in files)
        for _, size, entry in files:
            if held + needed <= self._most:
                return
            entry.unlink(missing_ok=True)
            held -= size


def _published_ns(manifest: Manifest) -> int:
    return int(datetime.fromisoformat(manifest.created_at).timestamp()) * 1_000_000_000


def _checked(chunks: Iterable[bytes], rendering: Rendering) -> Iterator[bytes]:
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
        yield chunk
    if digest.hexdigest() != rendering.sha256:
        raise ContentDamaged(rendering.name)


def _put(path: Path, chunks: Iterable[bytes], at_ns: int) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
            file.writelines(chunks)
            file.flush()
            os.fsync(file.fileno())
        os.utime(temporary, ns=(at_ns, at_ns))
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)


def _put_sheet(path: Path, source: Path, manifest: Manifest) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    book = xlsxwriter.Workbook(temporary, {"constant_memory": True, "strings_to_formulas": False})
    book.set_properties(
        {
            "title": f"{manifest.company} {manifest.number}",
            "comments": "未签名的副本，以签名清单所列文件为准 / an unsigned copy; the signed files count",
            "created": datetime.fromisoformat(manifest.created_at).replace(tzinfo=None),
        }
    )
    sheet = book.add_worksheet(manifest.month)
    sheet.write_row(0, 0, _HEADS)
    decode = msgspec.json.Decoder(_Line).decode
    with source.open("rb") as lines:
        for n, line in enumerate(map(decode, lines), 1):
            for column, value in enumerate(ListRow(*msgspec.structs.astuple(line))):
                write = sheet.write_number if isinstance(value, int) else sheet.write_string
                write(n, column, value)
    book.close()
    at_ns = _published_ns(manifest)
    os.utime(temporary, ns=(at_ns, at_ns))
    temporary.rename(path)


def respond(path: Path, media_type: str, download_name: str) -> web.FileResponse:
    """Send a file: whole or in part, gzipped where the caller takes it, or not at all where the caller has it."""
    headers = {
        "Content-Type": media_type,
        "Content-Disposition": f'attachment; filename="{download_name}"',
        "Cache-Control": "private, max-age=31536000, immutable",
        "Vary": "Accept, Accept-Encoding, Authorization",
    }
    return web.FileResponse(path, chunk_size=1 << 20, headers=headers)
