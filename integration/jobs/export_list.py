"""Exporting a published list: the stored bytes, checked against the signed manifest, never rendered anew."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath
from typing import Final

import msgspec
from isal import igzip
from sqlalchemy import Connection

from integration.jobs.hub import Hub
from integration.jobs.publish import ListRefused
from integration.storage import lists
from integration.storage.lists import Published
from schemas import envelope
from schemas.lists import Manifest, Rendering

MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.sig"
PUBLIC_KEY: Final = "lists.pub.pem"


class Exported(msgspec.Struct, frozen=True):
    """Which list now stands where, and its files."""

    company: str
    number: int
    folder: str
    files: list[str]


def export_list(hub: Hub, company: str, number: int, folder: Path) -> Exported:
    """Write a list's manifest, signature, renderings and public key into a folder; the manifest comes last.

    A file is there whole or not at all, and a folder never mixes two lists.

    Raises:
        ListRefused: there is no such list, its stored bytes are not what was signed, or the folder holds another.
    """
    with hub.store.read() as connection:
        found = find_list(connection, company, number)
        if not envelope.verify(hub.ring.lists.public_pem, found.manifest, found.signature):
            raise ListRefused(
                "清单签名与本机名单密钥不符 / the list was not signed with this hub's list key; restore the right keys"
            )
        manifest = msgspec.json.decode(found.manifest, type=Manifest)
        _prepare(folder, found.manifest)
        for rendering in manifest.renderings:
            chunks = lists.chunks_of(connection, company, number, rendering.name)
            _put(folder, _plain_name(rendering), _checked(rendering, map(igzip.decompress, chunks)))
    for name, content in (
        (PUBLIC_KEY, hub.ring.lists.public_pem),
        (SIGNATURE, found.signature),
        (MANIFEST, found.manifest),
    ):
        _put(folder, name, [content])
    files = [*(one.file_name for one in manifest.renderings), PUBLIC_KEY, SIGNATURE, MANIFEST]
    return Exported(company, number, str(folder), files)


def find_list(connection: Connection, company: str, number: int) -> Published:
    """Return a published list.

    Raises:
        ListRefused: there is none.
    """
    found = lists.find_list(connection, company, number)
    if found is None:
        raise ListRefused(
            f"{company} 没有第 {number} 号名单 / {company} has no list {number}; see: waiverhub list show {company}"
        )
    return found


def _prepare(folder: Path, manifest: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    present = folder / MANIFEST
    if present.exists() and present.read_bytes() != manifest:
        raise ListRefused(f"{folder} 里是另一份名单，请换文件夹 / {folder} holds another list; name another folder")


def _plain_name(rendering: Rendering) -> str:
    if PurePath(rendering.file_name).name != rendering.file_name:
        raise ListRefused(
            "清单中的文件名不可用 / a file name in the manifest is no plain name; nothing was written of it"
        )
    return rendering.file_name


def _checked(rendering: Rendering, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Pass the bytes on, and refuse at their end if they are not what was signed."""
    digest, size = hashlib.sha256(), 0
    for chunk in chunks:
        digest.update(chunk)
        size += len(chunk)
        yield chunk
    if (size, digest.hexdigest()) != (rendering.size, rendering.sha256):
        raise ListRefused(
            f"所存 {rendering.name} 与清单不符 / the stored {rendering.name} is not what was signed; restore a backup"
        )


def _put(folder: Path, name: str, chunks: Iterable[bytes]) -> None:
    """Write a file that survives a power cut whole, or is not there."""
    temporary = folder / f".{name}.part"
    try:
        with temporary.open("wb") as file:
            file.writelines(chunks)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(folder / name)
    finally:
        temporary.unlink(missing_ok=True)
    entry = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(entry)
    finally:
        os.close(entry)
