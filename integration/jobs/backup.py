"""Backups: the whole database as it stands at one moment, compressed and sealed, and the proof that one is good.

The keys are never in a backup: without the key folder, kept elsewhere, it is noise.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final

import msgspec
from isal import isal_zlib
from sqlalchemy import Connection, make_url

from integration.clock import now_us, us_instant
from integration.jobs.drill import DrillFault, damage, faults_of
from integration.jobs.hub import Hub
from integration.storage import audit, dumping, restores, soundness
from integration.storage.engine import Store, current_version
from integration.storage.keys import KeyRing
from integration.storage.sealed_file import FileDamaged, read_head, read_sealed, write_sealed

_FORMAT: Final = 1
_GZIP: Final = 31  # as zlib has it: the largest window, in a gzip frame with a checksum


class BackupHead(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in clear at the head of a backup: what it is of, and how far the hub had come.

    ``revision`` is that of the tables, ``knowledge`` the newest knowledge version, ``tree_size`` the leaves of the
    audit tree under a signed checkpoint, ``lists`` the last list number by company. ``nonce`` makes every head another.
    """

    format: int
    database: str
    made_at: str
    made_us: int
    revision: str
    knowledge: int
    tree_size: int
    lists: dict[str, int]
    key_id: str
    nonce: str


class Backup(msgspec.Struct, frozen=True):
    """A backup that stands somewhere, whole: its file, size in bytes, digest and head."""

    file: str
    size: int
    sha256: str
    head: BackupHead


class Verified(msgspec.Struct, frozen=True):
    """What came of restoring a backup into a scratch database; how long restoring and checking took, in ms."""

    backup: Backup
    faults: list[DrillFault]
    restored_ms: int
    checked_ms: int


def make_backup(hub: Hub, url: str, path: Path) -> Backup:
    """Back the hub's database up into a new file, beside a running hub; nobody waits for it.

    Raises:
        DumpFailed: a program of PostgreSQL is missing or has failed.
        FileExistsError: there is a file of this name.
    """
    with hub.store.read() as connection:
        head = _head(hub, connection)
        content = _told(hub, _compressed(dumping.dump(connection, url)))
        sha256 = write_sealed(path, hub.ring.backups, msgspec.json.encode(head), content)
    return Backup(str(path), path.stat().st_size, sha256, head)


def _head(hub: Hub, connection: Connection) -> BackupHead:
    now, checkpoint = now_us(hub.clock), audit.newest_checkpoint(connection)
    return BackupHead(
        format=_FORMAT,
        database=hub.store.dialect,
        made_at=us_instant(now).isoformat(timespec="seconds"),
        made_us=now,
        revision=soundness.revision(connection),
        knowledge=current_version(connection),
        tree_size=checkpoint.tree_size if checkpoint else 0,
        lists=restores.last_numbers(connection),
        key_id=hub.ring.backups.key_id,
        nonce=secrets.token_hex(16),
    )


def _compressed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    packer = isal_zlib.compressobj(1, isal_zlib.DEFLATED, _GZIP)
    yield from map(packer.compress, chunks)
    yield packer.flush()


def _told(hub: Hub, chunks: Iterable[bytes]) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        whole, size = size >> 20, size + len(chunk)
        hub.progress("MiB", (size >> 20) - whole)
        yield chunk


# --- reading ---------------------------------------------------------------------------------------------------


def head_of(path: Path) -> BackupHead:
    """Return the head of a backup; nothing vouches for it until ``check_whole`` has.

    Raises:
        FileDamaged: this is no backup, or of a newer hub.
    """
    try:
        head = msgspec.json.decode(read_head(path), type=BackupHead)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise FileDamaged("备份文件头损坏 / the head of the backup is damaged") from None
    if head.format != _FORMAT:
        raise FileDamaged(f"备份格式 {head.format} 未知，请用新版 / unknown format {head.format}; use a newer hub")
    return head


def check_whole(path: Path, ring: KeyRing) -> Backup:
    """Read a backup to its end, so that every byte of it is known to be as it was written.

    Raises:
        FileDamaged: it is not, or was sealed under another key.
    """
    head = head_of(path)
    if head.key_id != ring.backups.key_id:
        raise FileDamaged(
            f"此备份用密钥 {head.key_id} 加密，本机为 {ring.backups.key_id}；请恢复当时的密钥文件夹 / sealed under key"
            f" {head.key_id}, here is {ring.backups.key_id}; restore the key folder of that time"
        )
    for _ in content_of(path, ring):
        pass
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return Backup(str(path), path.stat().st_size, sha256, head)


def content_of(path: Path, ring: KeyRing) -> Iterator[bytes]:
    """Yield the database as ``dumping`` takes it; that it is whole is known only at the end.

    Raises:
        FileDamaged: it is not as it was written.
    """
    opener = isal_zlib.decompressobj(_GZIP)
    try:
        yield from map(opener.decompress, read_sealed(path, ring.backups))
    except isal_zlib.error:  # type: ignore[misc]
        raise FileDamaged("备份内容无法解压 / the content of the backup cannot be unpacked") from None
    if not opener.eof or opener.unused_data:
        raise FileDamaged("备份内容不完整 / the content of the backup does not end where it should")


# --- the proof -------------------------------------------------------------------------------------------------


def verify_backup(path: Path, ring: KeyRing, url: str, folder: Path, hub_on: Callable[[Store], Hub]) -> Verified:
    """Restore a backup into a scratch database, check that in every way, and take it away again.

    A backup of PostgreSQL is restored on the server of ``url``, one of SQLite in ``folder``; ``hub_on`` makes a hub of
    an open database.

    Raises:
        DumpFailed: a program of PostgreSQL is missing or has failed.
        FileDamaged: the file is not as it was written, or sealed under another key.
        StorageError: the server lets this user make no database, or what was restored cannot be opened.
    """
    started = perf_counter()
    backup = check_whole(path, ring)
    with scratch(backup.head, url, folder) as place:
        load(path, ring, backup.head, place)
        store = Store.open(place)
        try:
            loaded = perf_counter()
            faults = damage(store) or [*_head_faults(store, backup.head), *_checked(hub_on(store))]
        finally:
            store.close()
    return Verified(backup, faults, _ms(loaded - started), _ms(perf_counter() - loaded))


def _checked(hub: Hub) -> list[DrillFault]:
    hub.store.migrate()
    return faults_of(hub)


def _head_faults(store: Store, head: BackupHead) -> Iterator[DrillFault]:
    """Compare what the head says with what is there, before anything is done to it."""
    with store.read() as connection:
        checkpoint = audit.newest_checkpoint(connection)
        there = {
            "revision": soundness.revision(connection),
            "knowledge": current_version(connection),
            "tree_size": checkpoint.tree_size if checkpoint else 0,
            "lists": restores.last_numbers(connection),
        }
    return (DrillFault("HEAD_DIFFERS", name) for name, value in there.items() if getattr(head, name) != value)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


@contextmanager
def scratch(head: BackupHead, url: str, folder: Path) -> Iterator[str]:
    """Give the URL of an empty database of a backup's kind; it is gone afterwards, whatever happens."""
    if head.database == "sqlite":
        with TemporaryDirectory(prefix=".scratch-", dir=folder) as made:
            yield f"sqlite:///{Path(made).resolve() / 'hub.sqlite'}"
    elif make_url(url).get_backend_name() == "postgresql":
        with dumping.scratch_database(url, f"waiverhub_scratch_{secrets.token_hex(6)}") as made_url:
            yield made_url
    else:
        raise FileDamaged(
            "这是 PostgreSQL 的备份，请用 --database-url 指定服务器 / this is a backup of PostgreSQL; name a server:"
            " --database-url postgresql://…"
        )


def load(path: Path, ring: KeyRing, head: BackupHead, url: str, then: str = "") -> None:
    """Bring a backup into an empty database of its kind; PostgreSQL with a last script in the same transaction."""
    if head.database == "sqlite":
        dumping.load_sqlite(Path(make_url(url).database or ""), content_of(path, ring))
    else:
        dumping.load_postgresql(url, content_of(path, ring), then)
